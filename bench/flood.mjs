// What clients that send as fast as they can cost gamed: the share of a core that its loop uses while they do, for each kind of
// flood, and how late the update of a room beside them is.
//
//     ./dev bench flood [CLIENTS] [SECONDS] [BUILD …]
//
// Every BUILD (folders of builds; by default that of the tests) plays the same scenes one after the other, so that before and
// after can be told apart in one run. The flood goes straight at gamed's socket: no proxy slows it. Judges nothing.

import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { buildDirectory, startStack } from '../tests/e2e/harness.mjs';
import { Rest } from '../tests/e2e/rest.mjs';
import { scrape } from '../tests/e2e/scrape.mjs';

const [clients = '20', seconds = '5', ...builds] = process.argv.slice(2);
const CHUNK_BYTES = 65_536;
const MASK = [1, 2, 3, 4];

/** One masked frame (RFC 6455, 5.2) of up to 125 bytes. */
function frame(opcode, payload, isFinal = true) {
  const bytes = Buffer.from(payload);
  const masked = bytes.map((byte, i) => byte ^ MASK[i % 4]);
  return Buffer.concat([Buffer.from([(isFinal ? 0x80 : 0) | opcode, 0x80 | bytes.length, ...MASK]), masked]);
}

function repeated(...frames) {
  const once = Buffer.concat(frames);
  return Buffer.concat(Array(Math.ceil(CHUNK_BYTES / once.length)).fill(once));
}

const kinds = {
  'v1 messages': repeated(frame(1, '{"type":"paddle_position","player_number":1,"position":240}')),
  'text of one letter': repeated(frame(1, 'x')),
  'empty messages': repeated(frame(1, '')),
  'pongs': repeated(frame(10, '')),
  'pings': repeated(frame(9, 'abcd')),
};

class Flooder {
  constructor(socketPath, code, bytes) {
    this.socket = net.connect(socketPath);
    this.socket.on('error', () => {});
    this.socket.write(
      `GET /ws/game/${code}/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    this.socket.once('data', () => {
      this.socket.resume();
      const pump = () => {
        while (!this.socket.destroyed && this.socket.write(bytes));
      };
      this.socket.on('drain', pump);
      pump();
    });
  }
}

async function play(build) {
  process.env.PONG_BUILD_DIR = build;
  const stack = await startStack({
    env: { PONG_MAX_SPECTATORS: '1000', PONG_MESSAGES_PER_SECOND: '120' },
  });
  try {
    const room = await new Rest(stack).ok(new Rest(stack).create({ opponent: 'bot' }));
    for (const [kind, bytes] of Object.entries(kinds)) {
      const flood = Array.from({ length: Number(clients) }, () => new Flooder(stack.sockets.gamed, room.room_code, bytes));
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
      for (const { socket } of flood) socket.destroy();
      await sleep(500);
    }
  } finally {
    await stack.stop();
  }
}

for (const build of builds.length > 0 ? builds : [buildDirectory()]) await play(build);
