// Finding each other without a code: quick seats strangers together in public rooms, list shows the public rooms,
// private ones are in neither. The tests share the one lobby, so each ends with it empty.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { inSeconds, makeJwt } from './jwt.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';

const KEY = 'e2e-jwt-key-which-is-at-least-32-bytes-long';

describe('the lobby', () => {
  const stack = useStack({ env: { JWT_SECRET_KEY: KEY, PONG_UNCLAIMED_SECONDS: '600' } });
  const rest = new Rest(stack);
  const cancel = (room) => rest.ok(rest.cancel({ room_code: room.room_code }, { token: room.seat_token }));

  test('quick opens a room, and seats the next stranger in it', async () => {
    const opened = await rest.quick({ username: 'Ann' });
    assert.equal(opened.status, 201);
    assert.equal(opened.json.player_number, 1);
    const seated = await rest.quick({ username: 'Bob' });
    assert.equal(seated.status, 200);
    assert.deepEqual([seated.json.room_code, seated.json.player_number], [opened.json.room_code, 2]);
    assert.equal(seated.json.game_state.status, 'ONGOING');
    const third = await rest.quick();
    assert.equal(third.status, 201);
    assert.notEqual(third.json.room_code, opened.json.room_code);
    await cancel(third.json);
  });

  test('quick finds a public room, never a private one', async () => {
    const hidden = await rest.ok(rest.create());
    const open = await rest.ok(rest.create({ visibility: 'public' }));
    const { json } = await rest.quick();
    assert.deepEqual([json.room_code, json.player_number], [open.room_code, 2]);
    const next = await rest.quick();
    assert.equal(next.status, 201);
    await cancel(next.json);
    await cancel(hidden);
  });

  test('nobody is matched with himself: by token, by cookie, by identity', async () => {
    const identity = makeJwt({ user_id: 9, exp: inSeconds(600) }, KEY);
    const ways = [
      [{}, (room) => ({ token: room.seat_token })],
      [{}, (room) => ({ cookies: { pong_seat_1: room.seat_token } })],
      [{ token: identity }, () => ({ token: identity })],
    ];
    for (const [creating, again] of ways) {
      const own = await rest.ok(rest.create({ visibility: 'public' }, creating));
      const other = await rest.ok(rest.quick({}, again(own)));
      assert.equal(other.player_number, 1, 'seated against himself');
      assert.equal((await rest.check(own.room_code)).json.player_count, 1);
      const stranger = await rest.ok(rest.quick());
      assert.deepEqual([stranger.room_code, stranger.player_number], [own.room_code, 2], 'a stranger is');
      if (other.room_code !== own.room_code) await cancel(other);
    }
  });

  test('strangers who come at once are paired, two to a room', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => rest.ok(rest.quick())));
    const rooms = new Map();
    for (const { room_code: code, player_number: number } of answers) {
      rooms.set(code, [...(rooms.get(code) ?? []), number].sort());
    }
    assert.equal(rooms.size, 10);
    for (const numbers of rooms.values()) assert.deepEqual(numbers, [1, 2]);
  });

  test('list: public rooms, newest first', async () => {
    const before = (await rest.ok(rest.list())).rooms.map((room) => room.room_code);
    const older = await rest.ok(rest.create({ username: 'Ann', visibility: 'public' }));
    const hidden = await rest.ok(rest.create({ username: 'Cid' }));
    const newer = await rest.ok(rest.create({ username: 'Dot', visibility: 'public' }));
    const bob = await rest.ok(rest.join({ room_code: older.room_code, username: 'Bob' }));
    for (const seat of [older, bob]) await (await Player.connect(stack, seat)).join(); // a room that runs
    const { rooms } = await rest.ok(rest.list());
    assert.deepEqual(rooms.map((room) => room.room_code), [newer.room_code, older.room_code, ...before]);
    assert.deepEqual(Object.keys(rooms[0]).sort(), ['room_code', 'scores', 'spectators', 'status', 'usernames']);
    assert.deepEqual([rooms[0].status, rooms[0].usernames[0], rooms[0].scores, rooms[0].spectators], ['WAITING', 'Dot', [0, 0], 0]);
    assert.deepEqual([rooms[1].status, rooms[1].usernames], ['ONGOING', ['Ann', 'Bob']]);
    await cancel(hidden);
    await cancel(newer);
  });
});
