// What clients that send as fast as they can cost gamed: the share of a core that its loop uses while they do, for each kind of
// flood, and how late the update of a room beside them is. Four hundred who
// only watch are there all the time.
//
//     ./dev bench flood [CLIENTS] [SECONDS] [BUILD …]
//
// Every BUILD (folders of builds; by default that of the tests) plays the same scenes one after the other, so that before and
// after can be told apart in one run. The flood goes straight at gamed's socket: no proxy slows it. Judges nothing.

import { setTimeout as sleep } from 'node:timers/promises';

import { buildDirectory, startStack } from '../tests/e2e/harness.mjs';
import { RawSocket, TEXT, frame, repeated } from '../tests/e2e/raw-socket.mjs';
import { Rest } from '../tests/e2e/rest.mjs';
import { scrape } from '../tests/e2e/scrape.mjs';

const [clients = '20', seconds = '5', ...builds] = process.argv.slice(2);
const CHUNK_BYTES = 65_536;
const IDLE = 400;
const AT_ONCE = 20;
const kinds = {
  'v1 messages': repeated(CHUNK_BYTES, frame(TEXT, '{"type":"paddle_position","player_number":1,"position":240}')),
  'text of one letter': repeated(CHUNK_BYTES, frame(TEXT, 'x')),
  'empty messages': repeated(CHUNK_BYTES, frame(TEXT, '')),
  'pongs': repeated(CHUNK_BYTES, frame(10, '')),
  'pings': repeated(CHUNK_BYTES, frame(9, 'abcd')),
};

async function play(build) {
  process.env.PONG_BUILD_DIR = build;
  const stack = await startStack({ env: { PONG_MAX_SPECTATORS: '1000' } });
  try {
    const room = await new Rest(stack).ok(new Rest(stack).create({ opponent: 'bot' }));
    const connect = () => RawSocket.connect(stack.sockets.gamed, { code: room.room_code, protocol: 'pong.v2.bin' });
    for (let count = 0; count < IDLE; count += AT_ONCE) {
      for (const idle of await Promise.all(Array.from({ length: AT_ONCE }, connect))) idle.readOn();
    }
    for (const [kind, bytes] of Object.entries(kinds)) {
      const flood = await Promise.all(
        Array.from({ length: Number(clients) }, () => RawSocket.connect(stack.sockets.gamed, { code: room.room_code })),
      );
      for (const each of flood) each.readOn().flood(bytes);
      await sleep(500);
      const before = await scrape(stack);
      const began = performance.now();
      await sleep(1_000 * Number(seconds));
      const after = await scrape(stack);
      const took = (performance.now() - began) / 1_000;
      const grown = (name, labels) => after.get(name, labels) - before.get(name, labels);
      const busy = grown('pong_loop_busy_seconds_total') / took;
      const late = grown('pong_tick_lateness_seconds_sum') / grown('pong_tick_lateness_seconds_count');
      const dropped = grown('pong_messages_received_total', { outcome: 'rate_limited' }) / took;
      const open = after.get('pong_connections');
      console.log(
        `${build.padEnd(32)} ${kind.padEnd(20)} ${(100 * busy).toFixed(1).padStart(6)} % of a core, ` +
        `${(1e3 * late).toFixed(2)} ms late in the mean, ${Math.round(dropped)} messages/s dropped, ${open} connected`,
      );
      for (const each of flood) each.destroy();
      await sleep(500);
    }
  } finally {
    await stack.stop();
  }
}

for (const build of builds.length > 0 ? builds : [buildDirectory()]) await play(build);
