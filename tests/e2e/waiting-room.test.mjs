// Waiting: a seat is held for who is there, connected or asking check/ with its token; who does neither loses it,
// and a room that nobody waits in is closed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest } from './rest.mjs';

const UNCLAIMED_SECONDS = 5; // so much even a busy machine may take from taking a seat to connecting
const LONGER_MS = 1_500 * UNCLAIMED_SECONDS;

describe('a seat in a waiting room', () => {
  const stack = useStack({ env: { PONG_UNCLAIMED_SECONDS: String(UNCLAIMED_SECONDS) } });
  const rest = new Rest(stack);
  const count = async (code) => (await rest.ok(rest.check(code))).player_count;

  test('is freed when its holder never comes; the next takes the lowest free one', async () => {
    const { room_code: code, seat_token: token } = await rest.ok(rest.create());
    await stack.until('the creator\'s seat is free', async () => (await count(code)) === 0);
    await assertRefused(Player.connect(stack, { room_code: code, seat_token: token }), 401, 'bad_token');
    const next = await rest.ok(rest.join({ room_code: code }));
    assert.equal(next.player_number, 1);
  });

  test('is held for whoever asks check/ with its token, in any way it can be shown', async () => {
    const room = await rest.ok(rest.create());
    const stranger = await rest.ok(rest.create());
    const asking = [{ token: room.seat_token }, { cookies: { pong_seat_1: room.seat_token } }];
    const until = Date.now() + LONGER_MS;
    for (let i = 0; Date.now() < until; i += 1) {
      const { json } = await rest.check(room.room_code, asking[i % asking.length]);
      assert.equal(json.player_count, 1);
      await rest.check(stranger.room_code); // without its token: that counts for nothing
      await sleep(250);
    }
    assert.equal(await count(stranger.room_code), 0);
    const player = await Player.connect(stack, room);
    assert.equal((await player.join()).player_number, 1);
  });

  test('is held for whoever is connected', async () => {
    const room = await rest.ok(rest.create());
    const player = await Player.connect(stack, room);
    await sleep(LONGER_MS);
    assert.equal(await count(room.room_code), 1);
    player.drop();
    await stack.until('the seat is free', async () => (await count(room.room_code)) === 0);
  });

  test('of a second who never comes is freed for another', async () => {
    const room = await rest.ok(rest.create());
    const one = await Player.connect(stack, room);
    await one.join();
    const ghost = await rest.ok(rest.join({ room_code: room.room_code, username: 'Ghost' }));
    assert.equal(ghost.player_number, 2);
    await stack.until('the ghost is gone', async () => (await count(room.room_code)) === 1);
    await one.waitForState(({ status, player_2_id: id }) => status === 'WAITING' && id === null);
    const second = await rest.ok(rest.join({ room_code: room.room_code, username: 'Bob' }));
    assert.equal(second.player_number, 2);
    const two = await Player.connect(stack, second);
    await two.waitFor('game_resumed');
  });
});

describe('a waiting room', () => {
  const seconds = String(UNCLAIMED_SECONDS);
  const stack = useStack({ env: { PONG_UNCLAIMED_SECONDS: seconds, PONG_WAITING_ROOM_SECONDS: seconds } });
  const rest = new Rest(stack);

  test('that nobody waits in is closed', async () => {
    const { room_code: code } = await rest.ok(rest.create({ visibility: 'public' }));
    await stack.until('the room is gone', async () => (await rest.check(code)).status === 404);
    assert.deepEqual((await rest.ok(rest.list())).rooms, []);
  });

  test('that somebody waits in is not', async () => {
    const room = await rest.ok(rest.create());
    const player = await Player.connect(stack, room);
    await player.join();
    await sleep(LONGER_MS);
    assert.equal((await rest.check(room.room_code)).json.status, 'WAITING');
    assert.equal(player.closed, null);
    player.drop();
    await stack.until('the room is gone', async () => (await rest.check(room.room_code)).status === 404);
  });
});
