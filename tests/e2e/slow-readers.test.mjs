// Clients that read slowly or never, on gamed's own sockets with small buffers: what they are sent is cut into pieces by the
// kernel, and still every frame comes whole; nothing is queued for them, nobody else notices them, and who is too far behind
// is sent away. Must not judge by a clock: bench/slow_readers.mjs measures.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { buildDirectory, freePort, quickServe, repository, useStack } from './harness.mjs';
import { BINARY, Player } from './player.mjs';
import { BINARY as BINARY_FRAME, RawSocket, TEXT } from './raw-socket.mjs';
import { skipFor } from './requirement.mjs';
import { Rest } from './rest.mjs';
import { scrape, scrapeUntil } from './scrape.mjs';

const V1 = 'pong.v1.json';
const KEYFRAME = 0xff;
const MEGABYTE = 1_048_576;
const HELLO_MS = 20; // a hello is answered by 2 KiB, which fills buffers sooner than a game would
const shortSend = [buildDirectory(), path.join(repository, '.dev/build-asan')].map((build) => path.join(build, 'tests/e2e/short-send.so')).find(existsSync);
const noShortSend = !shortSend && 'tests/e2e/short-send.so is not built: make -C .dev/build-asan tests/e2e/short-send.so';
const ownLoader = (process.env.PONG_TEST_MEMCHECK || process.env.TSAN_OPTIONS) && 'valgrind and ThreadSanitizer have to be loaded first';
const SENT_AWAY = 12; // slow ones of the crowd

const skipped = async (stack) => (await scrape(stack)).get('pong_sends_skipped_total');

/** Resolves when hellos go on and nobody is answered: what every slow client was sent last is cut, and waits for him. */
async function takeNoMore(stack) {
  const look = async () => {
    const seen = await scrape(stack);
    return [seen.get('pong_messages_received_total', { outcome: 'ok' }), seen.get('pong_messages_sent_total', { kind: 'event' })];
  };
  let last = await look();
  await stack.until('nobody takes more', async () => {
    const now = await look();
    if (now[0] - last[0] < 20) return false; // too few hellos to tell
    const answered = now[1] - last[1];
    last = now;
    return answered <= 4; // a point or two of the game
  });
}

/** A client that asks for more than it reads, until stop(). */
async function slow(stack, { code, protocol, isSmall }) {
  const raw = await RawSocket.connect(stack.sockets.gamed, { code, protocol, isSmall, highWaterMark: 1 });
  const hello = setInterval(() => raw.sendJson({ type: 'join_game', player_id: null, username: 'Slow' }), HELLO_MS);
  raw.stopAsking = () => clearInterval(hello);
  raw.socket.once('close', raw.stopAsking);
  return raw;
}

/** A room with a bot, and a player who is connected by `protocol`. */
async function playBot(stack, protocol, fields = {}) {
  const rest = new Rest(stack);
  const seat = await rest.ok(rest.create({ opponent: 'bot', ...fields }));
  const player = await Player.connect(stack, seat, { protocol, wsUrl: stack.directUrl });
  player.sayHello();
  await player.waitFor('player_joined', (message) => message.is_you);
  return { code: seat.room_code, seat, player };
}

function suite(transport, listen, isSmall) {
  describe(`on ${transport}`, () => {
    const env = { ...quickServe, PONG_SEND_BUFFER_BYTES: '4096' };
    const stack = useStack({ env, prepare: listen });

    test('no frame is ever torn, and who reads again gets the newest state', async () => {
      for (const protocol of [V1, BINARY]) {
        const { code } = await playBot(stack, protocol);
        const clients = await Promise.all([1, 2, 3].map(() => slow(stack, { code, protocol, isSmall })));
        await takeNoMore(stack);
        clients[0].readSlowly(7, 1);
        clients[1].readSlowly(1_009, 10);
        await sleep(1_000); // cut and taken in pieces, over and over
        for (const client of clients) {
          client.stopAsking();
          client.readOn();
        }
        for (const [i, client] of clients.entries()) {
          let from;
          await stack.until('all that was owed has come', async () => {
            assert.ifError(client.error);
            assert.ok(!client.closed, `${protocol}, client ${i} was closed`);
            client.sendJson({ type: 'ping', time: 77 });
            await sleep(20);
            from = client.reader.frames.findIndex(({ payload }) => payload.includes('"time":77'));
            return from >= 0;
          });
          const heard = client.reader.frames;
          assert.ok(heard.filter(({ opcode }) => opcode === TEXT).length > 3, 'there was something to tear');
          if (protocol === BINARY) {
            assert.ok(heard.some(({ opcode, payload }) => opcode === BINARY_FRAME && payload[0] === KEYFRAME), 'a keyframe');
          } else {
            const texts = heard.filter(({ opcode }) => opcode === TEXT); // there may be pings
            const states = texts.map(({ payload }) => JSON.parse(payload)).filter(({ type }) => type === 'game_state');
            assert.ok(Date.now() - states.at(-1).timestamp < 60_000);
          }
          client.destroy();
        }
      }
    });
  });
}

async function listenOnPort(stack) {
  const port = await freePort();
  stack.gamed.args[stack.gamed.args.indexOf('--listen') + 1] = `127.0.0.1:${port}`;
  stack.sockets.gamed = port;
  stack.directUrl = `ws://127.0.0.1:${port}`;
}

function listenOnPath(stack) {
  stack.directUrl = `ws+unix:${stack.sockets.gamed}:`;
}

suite('TCP', listenOnPort, true);
suite('a unix socket', listenOnPath, false);

describe('a kernel that takes frames in pieces', { skip: ownLoader || skipFor(noShortSend) }, () => {
  const asan = [process.env.ASAN_OPTIONS, 'verify_asan_link_order=0'].filter(Boolean).join(':');
  const stack = useStack({
    env: { ...quickServe, ASAN_OPTIONS: asan },
    prepare(starting) {
      listenOnPath(starting);
      starting.gamed.args.unshift(`LD_PRELOAD=${shortSend}`, starting.gamed.command);
      starting.gamed.command = 'env';
    },
  });
  const sentDeltas = async () => (await scrape(stack)).get('pong_messages_sent_total', { kind: 'delta' });
  const watch = async (code, protocol) => (await RawSocket.connect(stack.sockets.gamed, { code, protocol })).readOn();

  test('no frame is torn or lost, in either format', async () => {
    assert.match(readFileSync(`/proc/${stack.gamed.pid}/maps`, 'utf8'), /short-send\.so/);
    const { code, player } = await playBot(stack, V1, { winning_score: 21 });
    const watchers = await Promise.all([V1, V1, BINARY, BINARY].map((protocol) => watch(code, protocol)));
    const look = () => {
      for (const watcher of watchers) {
        assert.ifError(watcher.error);
        assert.ok(!watcher.closed);
      }
    };
    await stack.until('they saw much of the game', () => {
      look();
      return watchers.every(({ reader }, i) => reader.frames.length >= (i < 2 ? 200 : 10));
    });
    player.sendJson({ type: 'pause_game', player_number: player.number });
    await player.waitFor('game_paused');
    const isDelta = (message) => message.type === 'game_state_delta' && !message.is_full_state;
    const heard = () => player.messages.filter(isDelta).length +
      watchers.slice(0, 2).reduce((sum, { reader }) =>
        sum + reader.frames.filter(({ opcode, payload }) => opcode === TEXT && isDelta(JSON.parse(payload))).length, 0);
    assert.ok(await sentDeltas() > 300, 'it counts');
    await stack.until('all that was sent has come, and no more', async () => heard() === await sentDeltas());
    look();
    assert.equal(player.closed, null);
    for (const watcher of watchers) watcher.destroy();
  });
});

describe('a crowd of slow readers', () => {
  // AddressSanitizer keeps what was freed; that would pass for growth
  const env = { ...quickServe, PONG_SEND_BUFFER_BYTES: '4096', ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1` };
  const stack = useStack({ env, prepare: listenOnPath });

  test('costs no memory, and the others play on', async () => {
    const others = await Promise.all([V1, BINARY, V1, BINARY].map((protocol) => playBot(stack, protocol, { winning_score: 21 })));
    const { code } = await playBot(stack, V1, { winning_score: 21 });
    const crowd = [];
    for (let i = 0; i < 80; i += 1) {
      const client = await slow(stack, { code, protocol: i % 2 ? V1 : BINARY });
      if (i % 4 < 2) client.readSlowly(1, 100);
      crowd.push(client);
    }
    const before = await skipped(stack);
    await stack.until('updates are skipped for all of them', async () => (await skipped(stack)) > before + 80 * 5);
    const full = await scrape(stack);
    await others[0].player.stepsPass(180);
    const later = await scrape(stack);
    const grown = later.get('process_resident_memory_bytes', { process: 'gamed' }) - full.get('process_resident_memory_bytes', { process: 'gamed' });
    assert.ok(grown < 4 * MEGABYTE, `${grown} bytes more`);
    for (const { player } of others) {
      assert.equal(player.closed, null);
      const from = player.messages.length + player.frames.length;
      await player.stepsPass(30);
      assert.ok(player.messages.length + player.frames.length > from + 1, 'it is told of the game');
    }
    for (const client of crowd) client.destroy();
  });

  test('who is behind by half the log of events is sent away, and only he', async () => {
    const { code, seat, player } = await playBot(stack, V1);
    const start = await scrape(stack);
    const before = start.get('pong_limits_hit_total', { limit: 'too_slow' });
    const watcher = await Player.connect(stack, { room_code: code }, { wsUrl: stack.directUrl });
    const crowd = await Promise.all(
      Array.from({ length: SENT_AWAY }, (_, i) => slow(stack, { code, protocol: i % 2 ? V1 : BINARY })),
    );
    await stack.until('they take no more', async () => (await skipped(stack)) > start.get('pong_sends_skipped_total') + 10 * SENT_AWAY);
    let returned = player;
    for (let i = 0; i < 4; i += 1) {
      returned.drop();
      await watcher.waitFor('player_left');
      returned = await Player.connect(stack, seat, { wsUrl: stack.directUrl });
      returned.sayHello();
      await watcher.waitFor('player_joined');
    }
    await scrapeUntil(stack, 'the slow ones are sent away', (seen) =>
      seen.get('pong_limits_hit_total', { limit: 'too_slow' }) >= before + SENT_AWAY);
    await scrapeUntil(stack, 'and gone', (seen) => seen.get('pong_connections') <= 2);
    assert.deepEqual([returned.closed, watcher.closed], [null, null]);
    for (const client of crowd) client.destroy();
  });
});
