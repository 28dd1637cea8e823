// What clients that read slowly or never cost the others: 100 rooms (v1 and v2) by themselves and beside 400 watchers of other
// rooms who take next to nothing, in turns; how late updates are, and what memory gamed holds.
//
//     ./dev bench slow_readers [ROUNDS] [SECONDS]
//
// Half of the 400 never read, half read 10 bytes a second. At first they ask for more than they read, so that their sockets, those
// of gamed itself, are full; then they only say now and then that they are there. Lateness is gamed's own measure, pong_tick_lateness_seconds. Judges nothing; trust ratios.

import { setTimeout as sleep } from 'node:timers/promises';

import { startStack } from '../tests/e2e/harness.mjs';
import { RawSocket } from '../tests/e2e/raw-socket.mjs';
import { Rest } from '../tests/e2e/rest.mjs';
import { scrape } from '../tests/e2e/scrape.mjs';
import { percentile } from '../tests/e2e/lateness.mjs';

const [rounds = 3, seconds = 10] = process.argv.slice(2).map(Number);
const ROOMS = 100;
const SLOW = 400;
const SLOW_ROOMS = 8;
const HELLO_MS = 100;
const FILL_MS = 8_000;
const ALIVE_MS = 10_000;
const PROTOCOLS = ['pong.v1.json', 'pong.v2.bin'];

/** A player who reads all, and moves now and then. */
async function play(stack, protocol) {
  const rest = new Rest(stack);
  const seat = await rest.ok(rest.create({ opponent: 'bot', winning_score: 21 }));
  const raw = await RawSocket.connect(stack.sockets.gamed, { code: seat.room_code, token: seat.seat_token, protocol });
  raw.socket.on('data', () => {}).resume();
  raw.code = seat.room_code;
  raw.sendJson({ type: 'join_game', player_id: seat.player_id, username: 'Ann' });
  raw.moving = setInterval(() => {
    raw.sendJson({ type: 'paddle_position', player_number: 1, position: Math.floor(Math.random() * 480) });
  }, 100);
  raw.socket.once('close', () => clearInterval(raw.moving));
  return raw;
}

/** Comes again when it is sent away. */
function beSlow(stack, code, protocol, reads) {
  const slow = { done: false, back: 0 };
  const come = async () => {
    while (!slow.done) {
      const raw = await RawSocket.connect(stack.sockets.gamed, { code, protocol, highWaterMark: 1 }).catch(() => null);
      if (!raw) {
        await sleep(500);
        continue;
      }
      slow.raw = raw;
      if (reads) raw.readSlowly(1, 100);
      const began = performance.now();
      const hello = setInterval(() => {
        if (performance.now() - began < FILL_MS / 2) raw.sendJson({ type: 'join_game', player_id: null, username: 'Slow' });
      }, HELLO_MS);
      const alive = setInterval(() => raw.sendJson({ type: 'pong', time: 0 }), ALIVE_MS);
      await new Promise((resolve) => {
        raw.socket.once('close', resolve);
      });
      clearInterval(hello);
      clearInterval(alive);
      slow.back += 1;
    }
  };
  slow.ended = come();
  slow.stop = () => {
    slow.done = true;
    slow.raw?.destroy();
  };
  return slow;
}

async function measure(stack, name) {
  const before = await scrape(stack);
  await sleep(1_000 * seconds);
  const after = await scrape(stack);
  const grown = (family) => after.get(family) - before.get(family);
  const result = {
    name, p50: percentile(before, after, 0.5), p99: percentile(before, after, 0.99),
    busy: (100 * grown('pong_loop_busy_seconds_total')) / seconds,
    memory: after.get('process_resident_memory_bytes', { process: 'gamed' }) / 1_048_576,
    skipped: grown('pong_sends_skipped_total'), connections: after.get('pong_connections'),
  };
  console.log(
    `${name.padEnd(22)} p50 ${result.p50.toFixed(2)} ms  p99 ${result.p99.toFixed(2)} ms  loop ${result.busy.toFixed(1)} %  ` +
    `gamed ${result.memory.toFixed(1)} MiB  ${result.skipped} sends skipped  ${result.connections} connected`,
  );
  return result;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const stack = await startStack({ env: { PONG_MAX_SPECTATORS: '1000', PONG_SERVE_STEPS: '60' } });
const results = { alone: [], beside: [] };
try {
  const players = [];
  const others = [];
  for (let i = 0; i < ROOMS; i += 1) players.push(await play(stack, PROTOCOLS[i % 2]));
  for (let i = 0; i < SLOW_ROOMS; i += 1) {
    const player = await play(stack, PROTOCOLS[i % 2]);
    others.push(player);
  }
  await sleep(3_000);
  for (let round = 0; round < rounds; round += 1) {
    results.alone.push(await measure(stack, `${round}: by themselves`));
    const slow = Array.from({ length: SLOW }, (_, i) => beSlow(stack, others[i % SLOW_ROOMS].code, PROTOCOLS[(i >> 1) % 2], i % 2 === 0));
    await sleep(FILL_MS);
    results.beside.push(await measure(stack, `${round}: beside ${SLOW} slow`));
    for (const each of slow) each.stop();
    await Promise.all(slow.map(({ ended }) => ended));
    await sleep(2_000);
  }
  const of = (phase, field) => median(results[phase].map((each) => each[field]));
  console.log(
    `median p99: ${of('alone', 'p99').toFixed(2)} ms by themselves, ${of('beside', 'p99').toFixed(2)} ms beside them; ` +
    `gamed: ${of('alone', 'memory').toFixed(1)} and ${of('beside', 'memory').toFixed(1)} MiB`,
  );
  for (const each of [...players, ...others]) each.destroy();
} finally {
  await stack.stop();
}
