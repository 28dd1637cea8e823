// How long gamed takes from its start to the first connection that it answers: a WebSocket handshake for a room that does not
// exist, which the loop refuses once it runs; a connect() alone succeeds as soon as the kernel listens.
// Must not judge.

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { buildDirectory } from '../../tests/e2e/harness.mjs';
import { settled } from '../../tests/e2e/scrape.mjs';
import { pinned, runLoad } from './load.mjs';
import { LOAD_CORE, SERVER_CORE, startGamed } from './servers.mjs';

const ROOMS = 5_000;
const LIMIT_MS = 20_000;
const LIMITS = ['--max-rooms', '20000'];
const HANDSHAKE = [
  'GET /ws/game/A00000/ HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Protocol: pong.v2.bin', '', '',
].join('\r\n');

/** The first line that is answered to a handshake; undefined while nobody listens. */
function knock(socketPath) {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath, () => socket.write(HANDSHAKE));
    socket.once('data', (data) => {
      resolve(data.toString('latin1').split('\r\n')[0]);
      socket.destroy();
    });
    socket.once('error', () => resolve(undefined)).once('close', () => resolve(undefined));
  });
}

/** A state directory as a gamed leaves it that was killed with so many matches under way: made by playing them. */
async function playedState(context) {
  const server = await startGamed();
  try {
    const load = [
      '--rest', server.rest, '--ws', server.ws, '--protocol', 'v2', '--clients', '32', '--levels', String(ROOMS), '--warm-up', '1', '--seconds', '1',
    ];
    const { levels } = await runLoad(load, { cores: LOAD_CORE, limit: context.budget.left });
    if (levels.at(-1)?.rooms !== ROOMS) throw new Error(`there were to be ${ROOMS} rooms to start with`);
    await settled(server.stack);
    await server.stack.gamed.stop('SIGKILL');
    cpSync(path.join(server.stack.runDir, 'state'), context.stateDirectory, { recursive: true });
  } finally {
    await server.stop();
  }
}

/** Rooms that a running gamed has. */
function countRooms(control) {
  const said = execFileSync(path.join(buildDirectory(), 'pongctl/pongctl'), ['--control', control, '--json', 'stats'], { encoding: 'utf8' });
  return JSON.parse(said).rooms;
}

/** {ms} of one start; with `rooms`, of those that `context.stateDirectory` has, which is made by the first call. */
export async function measureStart(context, rooms) {
  const directory = mkdtempSync(path.join(tmpdir(), 'pong-start-'));
  const state = path.join(directory, 'state');
  const [listen, ipc, control] = ['gamed', 'ipc', 'control'].map((name) => path.join(directory, `${name}.sock`));
  let child;
  try {
    if (rooms) {
      context.stateDirectory ??= path.join(context.directory, 'state');
      if (!context.hasState) await playedState(context);
      context.hasState = true;
      cpSync(context.stateDirectory, state, { recursive: true });
    } else {
      mkdirSync(state);
    }
    const [command, ...args] = pinned(SERVER_CORE, path.join(buildDirectory(), 'gamed/gamed'), [
      '--listen', `unix:${listen}`, '--ipc', `ipc://${ipc}`, '--control', control, '--state-dir', state, ...LIMITS,
    ]);
    const began = performance.now();
    child = spawn(command, args, { stdio: 'ignore', env: { PATH: process.env.PATH } });
    const ended = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    let answer;
    while ((answer = await knock(listen)) === undefined) {
      if (performance.now() - began > LIMIT_MS) throw new Error(`gamed answered nobody within ${LIMIT_MS} ms`);
      await sleep(1);
    }
    const ms = performance.now() - began;
    const found = countRooms(control);
    // There are more where an answer came too late, and the load has asked again.
    if (rooms && found < ROOMS) throw new Error(`${found} rooms of ${ROOMS} came back`);
    child.kill('SIGTERM');
    await ended;
    return { ms, answer, rooms: found };
  } finally {
    child?.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}
