// What metrics cost: the processor time of gamed and api-fcgi while many rooms of pong.v2.bin are played straight at gamed's socket,
// unobserved, with /metrics read through nginx every 15 s and every second, as Prometheus does, and 50 times a second, which
// tells what one reading costs; in turns, on one stack.
//
//     ./dev bench metrics [ROOMS] [SECONDS] [ROUNDS]      2000 rooms, 15 s of each in turn, three rounds
//
// Times are those that the kernel accounts to each process' threads. Counting itself cannot be turned off: it is an addition for
// each message, and one entry in a histogram for each group of rooms, 990 a second (./dev bench step). Judges nothing.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { buildDirectory, startStack } from '../tests/e2e/harness.mjs';
import { fetchMetrics, scrape } from '../tests/e2e/scrape.mjs';

const [rooms = 2_000, seconds = 15, rounds = 3] = process.argv.slice(2).map(Number);
const WARM_UP_MS = 5_000;
const READY_MS = 120_000;
const OFTEN = 50; // a second
const UNLIMITED = { PONG_CONNECTIONS_PER_ADDRESS: '20000', PONG_HANDSHAKE_RATE: '5000', PONG_API_RATE: '5000' };
const MODES = [
  { name: 'not read', scrapes: 0 },
  { name: 'every 15 s', scrapes: Math.max(1, Math.round(seconds / 15)) },
  { name: 'every second', scrapes: seconds },
  { name: `${OFTEN} times a second`, scrapes: OFTEN * seconds },
];

/** Seconds of processor time of all threads of a process. */
function used(pid) {
  const ns = readdirSync(`/proc/${pid}/task`).map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]));
  return ns.reduce((sum, each) => sum + each) / 1e9;
}

/** Reads /metrics so many times, evenly over the window; resolves at its end to its bytes. */
async function observe(stack, scrapes) {
  const began = performance.now();
  let bytes = 0;
  for (let i = 0; i < scrapes; i += 1) {
    await sleep(Math.max(0, began + (1_000 * seconds * (i + 0.5)) / scrapes - performance.now()));
    bytes = (await fetchMetrics(stack)).text.length;
  }
  await sleep(Math.max(0, began + 1_000 * seconds - performance.now()));
  return bytes;
}

/** One window: shares of a core. */
async function measure(stack, { scrapes }) {
  const pids = [stack.gamed.pid, stack.api.pid];
  const before = pids.map(used);
  const began = performance.now();
  const bytes = await observe(stack, scrapes);
  const took = (performance.now() - began) / 1_000;
  const [gamed, api] = pids.map((pid, i) => (used(pid) - before[i]) / took);
  return { gamed, api, perSecond: scrapes / took, bytes };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const percent = (share, digits = 2) => `${(100 * share).toFixed(digits)} %`;

function print(results) {
  const of = ({ name }, field) => median(results.get(name).map((each) => each[field]));
  const none = MODES[0];
  const often = MODES.at(-1);
  console.log(`${rooms} rooms of two, pong.v2.bin; medians of ${rounds} rounds of ${seconds} s; shares of a core:\n`);
  console.log('| /metrics read | gamed | more than when not read | api-fcgi |\n|---|---|---|---|');
  for (const mode of MODES) {
    console.log(`| ${mode.name} | ${percent(of(mode, 'gamed'))} | ${percent(of(mode, 'gamed') - of(none, 'gamed'))} | ${percent(of(mode, 'api'))} |`);
  }
  const one = Object.fromEntries(['gamed', 'api'].map((field) => [field, (of(often, field) - of(none, field)) / of(often, 'perSecond')]));
  console.log(`\nBy the last row one reading (${of(often, 'bytes')} bytes) takes ${(1e6 * one.gamed).toFixed(0)} µs of gamed and ${(1e6 * one.api).toFixed(0)} µs of api-fcgi: every 15 s ${percent(one.gamed / 15, 4)} of a core`);
  console.log(`and ${percent(one.gamed / 15 / of(none, 'gamed'), 3)} of what gamed uses; every second ${percent(one.gamed, 3)} and ${percent(one.gamed / of(none, 'gamed'))}.`);
}

const stack = await startStack({ env: UNLIMITED });
const total = (seconds + 1) * MODES.length * rounds + READY_MS / 1_000;
const load = spawn(path.join(buildDirectory(), 'bench/pong-load'), [
  '--rest', new URL(stack.baseUrl).host, '--ws', `unix:${stack.sockets.gamed}`, '--protocol', 'v2', '--rooms', String(rooms), '--seconds', String(total), '--json',
], { stdio: ['ignore', 'ignore', 'inherit'] });
try {
  await stack.until('all rooms are played', async () => {
    if (load.exitCode !== null) throw new Error(`the load ended with ${load.exitCode}`);
    await sleep(500);
    return (await scrape(stack)).get('pong_rooms', { state: 'ongoing' }) >= rooms;
  }, READY_MS);
  await sleep(WARM_UP_MS);
  const results = new Map(MODES.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let i = 0; i < MODES.length; i += 1) {
      const mode = MODES[(i + round) % MODES.length];
      results.get(mode.name).push(await measure(stack, mode));
    }
  }
  print(results);
} finally {
  load.kill('SIGTERM');
  await new Promise((resolve) => {
    if (load.exitCode !== null || load.signalCode !== null) resolve();
    else load.once('exit', resolve);
  });
  await stack.stop();
}
