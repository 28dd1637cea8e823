// What a player costs each process of a site: the processor time of nginx, api-fcgi and gamed while rooms of two are played
// through nginx, by pong.v1.json and by pong.v2.bin; the memory they take, and how late updates are.
//
//     ./dev bench players [ROOMS] [SECONDS]
//
// Players move at random, a v1 player ten times a second, as deployed pages do, a v2 player four times. Times are those that
// the kernel accounts to each process' threads, so that the load beside them, which comes from here, is no part of them. They
// are what bench/scaling_model.mjs computes with. Judges nothing; trust ratios.

import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { startStack } from '../tests/e2e/harness.mjs';
import { RawSocket } from '../tests/e2e/raw-socket.mjs';
import { Rest } from '../tests/e2e/rest.mjs';
import { scrape } from '../tests/e2e/scrape.mjs';
import { percentile } from '../tests/e2e/lateness.mjs';

const [rooms = 100, seconds = 10] = process.argv.slice(2).map(Number);
const MOVES = { 'pong.v1.json': 10, 'pong.v2.bin': 4 }; // a second
const UNLIMITED = { PONG_MAX_ROOMS_PER_ADDRESS: '0', PONG_MAX_CONNECTIONS_PER_ADDRESS: '0', PONG_CONNECTIONS_PER_ADDRESS: '10000' };
const SETTLE_MS = 4_000; // the countdown

const children = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
const family = (pid) => [pid, ...children(pid).flatMap(family)];

/** Seconds of processor time of all threads, and bytes that are resident. */
function usage(pids) {
  let ns = 0;
  let bytes = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    }
    bytes += 1_024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  }
  return { seconds: ns / 1e9, bytes };
}

async function sit(stack, seat, protocol, count) {
  const port = Number(new URL(stack.baseUrl).port);
  const raw = await RawSocket.connect(port, { code: seat.room_code, token: seat.seat_token, protocol });
  raw.socket.on('data', (data) => {
    count.bytes += data.length;
  });
  raw.socket.resume();
  raw.sendJson({ type: 'join_game', player_id: seat.player_id, username: 'Ann' });
  const move = () => raw.sendJson({
    type: 'paddle_position', player_number: seat.player_number, position: Math.floor(Math.random() * 480),
  });
  raw.moving = setInterval(move, 1_000 / MOVES[protocol]);
  return raw;
}

async function play(stack, protocol) {
  const rest = new Rest(stack);
  const count = { bytes: 0 };
  const processes = { nginx: family(stack.nginx.pid), 'api-fcgi': [stack.api.pid], gamed: [stack.gamed.pid] };
  const look = () => Object.fromEntries(Object.entries(processes).map(([name, pids]) => [name, usage(pids)]));
  const empty = look();
  const everybody = [];
  for (let i = 0; i < rooms; i += 1) {
    const one = await rest.ok(rest.create({ winning_score: 21 }));
    const two = await rest.ok(rest.join({ room_code: one.room_code }));
    everybody.push(await sit(stack, one, protocol, count), await sit(stack, two, protocol, count));
  }
  await sleep(SETTLE_MS);
  const told = await scrape(stack);
  const before = look();
  count.bytes = 0;
  await sleep(1_000 * seconds);
  const after = look();
  const late = await scrape(stack);
  const players = everybody.length;
  const cells = Object.keys(processes).map((name) => {
    const us = (1e6 * (after[name].seconds - before[name].seconds)) / seconds / players;
    return `${us.toFixed(0)} µs, ${((after[name].bytes - empty[name].bytes) / 1_024 / players).toFixed(1)} KiB`;
  });
  console.log(`| ${protocol} | ${players} | ${cells.join(' | ')} | ${(count.bytes / seconds / players).toFixed(0)} | ` +
    `${percentile(told, late, 0.5).toFixed(1)}, ${percentile(told, late, 0.99).toFixed(1)} |`);
  for (const raw of everybody) {
    clearInterval(raw.moving);
    raw.destroy();
  }
}

console.log('A player and second:\n\n| format | players | nginx | api-fcgi | gamed | bytes | late, ms: p50, p99 |\n|---|---|---|---|---|---|---|');
for (const protocol of Object.keys(MOVES)) {
  const stack = await startStack({ env: UNLIMITED });
  try {
    await play(stack, protocol);
  } finally {
    await stack.stop();
  }
}
