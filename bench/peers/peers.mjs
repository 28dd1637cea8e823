#!/usr/bin/env node
// Installs and starts the peers: the same game on other people's servers, to measure pong beside. Each has its own list of
// packages with exact versions, installed when it is first asked for and never part of the build. It must not measure.
//
//     node bench/peers/peers.mjs NAME [unix:PATH|ADDRESS:PORT [CORE]]     until it is interrupted

import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const STOP_MS = 3_000;
const HERE = fileURLToPath(new URL('.', import.meta.url));

/** What pong-load is told as --protocol, and whether it asks the peer for seats (--rest, at the same address). */
export const PEERS = {
  colyseus: { protocol: 'colyseus', rest: true },
  ws: { protocol: 'ws', rest: false },
};

function folder(name) {
  if (!Object.hasOwn(PEERS, name)) throw new Error(`there is no peer "${name}", but ${Object.keys(PEERS).join(' and ')}`);
  return `${HERE}${name}/`;
}

/** For the results: each package that the peer asks for, with its version, and node's. */
export function peerVersions(name) {
  const { dependencies } = JSON.parse(readFileSync(`${folder(name)}package.json`, 'utf8'));
  return { ...dependencies, node: process.versions.node };
}

/** Installs a peer's packages, again when their list has changed. */
export async function installPeer(name) {
  const lock = `${folder(name)}package-lock.json`;
  const stamp = `${folder(name)}node_modules/.pong-lock`;
  if (existsSync(stamp) && readFileSync(stamp).equals(readFileSync(lock))) return;
  // No script of a package is run: none of these needs one.
  const npm = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder(name),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  npm.stdout.on('data', (data) => { said += data; });
  npm.stderr.on('data', (data) => { said += data; });
  const [code] = await once(npm, 'close');
  if (code !== 0) throw new Error(`npm ci in ${folder(name)} failed:\n${said}`);
  copyFileSync(lock, stamp);
}

/**
 * Starts a peer that is installed; node and all its threads stay on one core where one is given.
 * @param {string} name
 * @param {{listen?: string, core?: number}} [options] unix:PATH or ADDRESS:PORT
 * @returns {Promise<{address: string, pid: number, stop: () => Promise<void>}>} once it listens; the address is as pong-load
 *   takes it, the pid is node's own
 */
export async function startPeer(name, { listen = '127.0.0.1:0', core } = {}) {
  const node = [process.execPath, `${folder(name)}server.mjs`, listen];
  const [command, ...rest] = core === undefined ? node : ['taskset', '--cpu-list', String(core), ...node];
  const child = spawn(command, rest, {
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const die = () => child.kill('SIGKILL');
  process.once('exit', die);
  const lines = createInterface({ input: child.stdout });
  const [first] = await Promise.race([once(lines, 'line'), closed]);
  const [, address] = /^listening on (\S+)$/.exec(first) ?? [];
  if (!address) {
    child.kill();
    throw new Error(`the peer ${name} did not start on node ${process.versions.node}`);
  }
  lines.on('line', (line) => console.error(`${name}: ${line}`));
  const stop = async () => {
    child.kill('SIGTERM');
    const hard = setTimeout(die, STOP_MS);
    await closed;
    clearTimeout(hard);
    process.removeListener('exit', die);
    if (address.startsWith('unix:')) rmSync(address.slice('unix:'.length), { force: true });
  };
  return { address, pid: child.pid, stop };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, listen, core] = process.argv.slice(2);
  try {
    await installPeer(name);
    const peer = await startPeer(name, { listen, core: core === undefined ? undefined : Number(core) });
    console.log(`${peer.address} pid ${peer.pid}`);
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => peer.stop());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
