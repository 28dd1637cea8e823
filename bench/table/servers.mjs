// The servers that are measured, each on core 0 while the load has core 1: gamed with its stack as in production, pong-floor,
// and the peers of bench/peers/. Each is {rest, ws, pids, stop()}: targets for pong-load, the processes whose time is told.
// Must not measure.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Stack, accepts, buildDirectory, freePort } from '../../tests/e2e/harness.mjs';
import { PEERS, installPeer, startPeer as runPeer } from '../peers/peers.mjs';
import { pinned } from './load.mjs';

export const SERVER_CORE = '0';
export const LOAD_CORE = '1';
const READY_MS = 20_000;
const STOP_MS = 5_000;

const OPEN_FILES = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 60_000);
const OTHER_FILES = 300; // than players' sockets: gamed wants 256

/** Rooms of two for which a process of this machine may have sockets. */
export const MAX_ROOMS = Math.min(28_000, Math.floor((OPEN_FILES - OTHER_FILES) / 2));

/**
 * Limits that a site sets by its size are out of the way: all players come from one address, and at once. Serves are as short
 * as they can be, so that nearly all that is measured is play. The rest is as it is installed.
 */
export const LIMITS = {
  PONG_MAX_CONNECTIONS: String(2 * MAX_ROOMS),
  PONG_MAX_ROOMS: '30000',
  PONG_MAX_HANDSHAKES: '30000',
  PONG_HANDSHAKES_PER_SECOND: '1000000',
  PONG_CONNECTIONS_PER_ADDRESS: '65535',
  PONG_HANDSHAKE_RATE: '1000000',
  PONG_API_RATE: '1000000',
  PONG_SERVE_STEPS: '30',
};

/**
 * The whole service. `tcp`: gamed listens on TCP; `throughNginx`: the WebSockets go the way that a site's do, through one
 * worker; `shared`: everything may use both cores, as REST does; `usualServe`: serves take as long as where it is installed.
 */
export async function startGamed({ tcp = false, throughNginx = false, shared = false, usualServe = false } = {}) {
  const { PONG_SERVE_STEPS: serve, ...limits } = LIMITS;
  const stack = new Stack({
    env: { ...limits, ...(!usualServe && { PONG_SERVE_STEPS: serve }) },
    tcp,
    ...(!shared && { cores: { gamed: SERVER_CORE, 'api-fcgi': LOAD_CORE, nginx: LOAD_CORE }, nginxWorkers: 1 }),
  });
  await stack.start();
  const rest = new URL(stack.baseUrl).host;
  const direct = tcp ? `127.0.0.1:${stack.gamedPort}` : `unix:${stack.sockets.gamed}`;
  return {
    stack,
    rest,
    ws: throughNginx ? rest : direct,
    pids: { gamed: stack.gamed.pid, 'api-fcgi': stack.api.pid, nginx: stack.nginx.pid },
    stop: () => stack.stop(),
  };
}

/** A program that listens, in an own directory and on the servers' core; `place` is {path} or {host, port}. */
async function startProgram(name, command, args, place, directory) {
  const [first, ...words] = pinned(SERVER_CORE, command, args);
  const child = spawn(first, words, { stdio: ['ignore', 'ignore', 'pipe'], cwd: directory });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-4_000);
  });
  const ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
    child.once('error', (error) => resolve(error.message));
  });
  const die = () => child.kill('SIGKILL');
  process.once('exit', die);
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(die, STOP_MS);
    await ended;
    clearTimeout(timer);
    process.removeListener('exit', die);
  };
  const deadline = performance.now() + READY_MS;
  while (!(await accepts(place))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error(`${name} does not listen:\n${said}`);
    }
    await sleep(20);
  }
  return { pids: { [name]: child.pid }, stop };
}

/** The least that a server could do: 30 frames of `size` bytes a second to everybody, or, `relay`, inputs sent on at once. */
export async function startFloor({ tcp = false, size, relay = false }) {
  const directory = mkdtempSync(path.join(tmpdir(), 'pong-floor-'));
  const port = tcp ? await freePort() : undefined;
  const place = tcp ? { host: '127.0.0.1', port } : { path: path.join(directory, 'floor.sock') };
  const listen = tcp ? `127.0.0.1:${port}` : `unix:${place.path}`;
  const args = ['--listen', listen, ...(relay ? ['--relay', '--binary'] : ['--size', String(size)])];
  const server = await startProgram('floor', path.join(buildDirectory(), 'bench/pong-floor'), args, place, directory);
  const stop = async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { ws: listen, pids: server.pids, stop };
}

/** A peer of bench/peers/, which is installed when it is asked for. */
export async function startPeer(name) {
  await installPeer(name);
  const peer = await runPeer(name, { core: Number(SERVER_CORE) });
  return { ...(PEERS[name].rest && { rest: peer.address }), ws: peer.address, pids: { [name]: peer.pid }, stop: () => peer.stop() };
}
