// Rooms over REST, when all goes well: a room is created, looked at, joined and cancelled; codes are forgiving,
// requests may be repeated, and whoever shows a seat's token, in whichever way, is its holder.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertFullState } from './game-state.mjs';
import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';
import { takeSeats } from './rooms.mjs';

const CODE = /^A[0-9A-HJKMNP-TV-Z]{5}$/; // slot A, then five of Crockford's base32
const GUEST_ID = /^guest-[0-9A-Za-z]{8}$/;
const GUEST_NAME = /^Guest-\d{4}$/;

describe('REST', () => {
  const stack = useStack();
  const rest = new Rest(stack);

  test('create: an empty body, an empty object and a full one', async () => {
    const created = [
      await rest.request('POST', '/api/room/create/'),
      await rest.create({}),
      await rest.create({ username: 'Zoë 😀', visibility: 'private', winning_score: 21, extra: [1] }),
    ];
    for (const { status, json, headers } of created) {
      assert.equal(status, 201);
      assert.match(json.room_code, CODE);
      assert.equal(json.player_number, 1);
      assert.match(json.player_id, GUEST_ID);
      assert.ok(json.seat_token.length >= 22 && !json.seat_token.includes('.'), 'a token of 128 bits without dots');
      assertFullState(json.game_state);
      const { status: phase, room_code: code, player_1_id: id, player_1_username: name, player_2_id: none } = json.game_state;
      assert.deepEqual([phase, code, id, name, none], ['WAITING', json.room_code, json.player_id, json.username, null]);
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
    assert.match(created[0].json.username, GUEST_NAME);
    assert.match(created[1].json.username, GUEST_NAME);
    assert.equal(created[2].json.username, 'Zoë 😀');
    assert.deepEqual(created.map(({ json }) => json.game_state.winning_score), [10, 10, 21]);
    for (const key of ['room_code', 'player_id', 'seat_token']) {
      assert.equal(new Set(created.map(({ json }) => json[key])).size, 3, `${key} is unique`);
    }
  });

  test('usernames: 1 to 32 characters of any script', async () => {
    for (const username of ['x', '😀'.repeat(32), '<img src=x onerror=alert(1)>', 'a"b\\c', 'Ünï cödé']) {
      const { json } = await rest.create({ username });
      assert.equal(json.username, username);
    }
  });

  test('join: the second seat, and what check says before and after', async () => {
    const first = await rest.ok(rest.create({ username: 'Ann' }));
    const alone = await rest.ok(rest.check(first.room_code));
    assert.equal(alone.status, 'WAITING');
    assert.deepEqual([alone.player_count, alone.player_1_id, alone.player_2_id], [1, first.player_id, null]);

    const { status, json: second } = await rest.join({ room_code: first.room_code, username: 'Bob' });
    assert.equal(status, 200);
    assert.deepEqual([second.room_code, second.player_number, second.username], [first.room_code, 2, 'Bob']);
    assert.ok(!second.reconnecting);
    assertFullState(second.game_state);
    assert.equal(second.game_state.status, 'ONGOING');
    assert.notEqual(second.seat_token, first.seat_token);

    const both = await rest.ok(rest.check(first.room_code));
    assert.deepEqual(Object.keys(both).sort(), [
      'active_sessions', 'created_at', 'is_paused', 'player_1_id', 'player_2_id', 'player_count', 'room_code',
      'spectators', 'status', 'success',
    ]);
    const { created_at: createdAt, success, ...facts } = both;
    assert.deepEqual(facts, {
      room_code: first.room_code, status: 'ONGOING', player_count: 2, active_sessions: 0, spectators: 0,
      player_1_id: first.player_id, player_2_id: second.player_id, is_paused: true,
    });
    assert.ok(Math.abs(createdAt - Date.now() / 1000) < 300, `created_at ${createdAt} is Unix seconds`);
  });

  test('codes: lower case, O for 0, I and L for 1', async () => {
    let found = null; // a code with both a 0 and a 1 comes up once in about 50 rooms
    for (let i = 0; i < 1_000 && !found; i += 1) {
      const room = await rest.ok(rest.create());
      if (/0/.test(room.room_code) && /1/.test(room.room_code)) found = room;
    }
    assert.ok(found, 'no code with a 0 and a 1 in 1000 rooms');
    const spelled = found.room_code.replaceAll('0', 'o').toLowerCase();
    for (const code of [spelled.replaceAll('1', 'i'), spelled.replaceAll('1', 'l'), spelled.replaceAll('1', 'L').replaceAll('o', 'O')]) {
      assert.equal((await rest.check(code)).json.room_code, found.room_code, code);
    }
    assert.equal((await rest.join({ room_code: spelled.replaceAll('1', 'I') })).json.room_code, found.room_code);
  });

  test('a token that holds a seat gets its room again, however it is shown', async () => {
    const { code, first, second } = await takeSeats(stack);
    const shown = (seat) => [
      [{}, { token: seat.seat_token }],
      [{}, { cookies: { [`pong_seat_${seat.player_number}`]: seat.seat_token } }],
      [{ seat_token: seat.seat_token }, {}],
    ];
    for (const seat of [first, second]) {
      for (const [fields, options] of shown(seat)) {
        const { status, json } = await rest.join({ room_code: code, ...fields }, options);
        assert.equal(status, 200, JSON.stringify(json));
        assert.deepEqual([json.reconnecting, json.player_number, json.player_id], [true, seat.player_number, seat.player_id]);
        seat.seat_token = json.seat_token; // a new token for a seat would void the old one
      }
    }
    const again = await rest.create({ username: 'Someone' }, { token: first.seat_token });
    assert.deepEqual([again.json.room_code, again.json.player_number, again.json.username], [code, 1, 'Ann']);
    const player = await Player.connect(stack, { ...first, seat_token: again.json.seat_token });
    assert.equal((await player.join()).player_number, 1);
  });

  test('cookies: one for the room, one for REST, readable by no script', async () => {
    const created = await rest.create();
    const joined = await rest.join({ room_code: created.json.room_code });
    for (const { json, cookies } of [created, joined]) {
      assert.deepEqual(cookies.map((cookie) => cookie.attributes.path).sort(), ['/api/room/', `/ws/game/${json.room_code}/`]);
      for (const { name, value, attributes } of cookies) {
        assert.equal(name, `pong_seat_${json.player_number}`);
        assert.equal(value, json.seat_token);
        assert.equal(attributes.httponly, true);
        assert.equal(attributes.samesite, 'Strict');
        assert.equal(attributes.secure, undefined, 'not behind TLS here');
        assert.equal(attributes.domain, undefined);
      }
    }
  });

  test('cancel: by the creator, as often as wanted; sockets are closed with 4503', async () => {
    for (const how of ['token', 'cookie', 'body']) {
      const room = await rest.ok(rest.create());
      const player = await Player.connect(stack, room);
      await player.join();
      const cancel = () => {
        if (how === 'token') return rest.cancel({ room_code: room.room_code }, { token: room.seat_token });
        if (how === 'cookie') return rest.cancel({ room_code: room.room_code }, { cookies: { pong_seat_1: room.seat_token } });
        return rest.cancel({ room_code: room.room_code, seat_token: room.seat_token });
      };
      const { status, json } = await cancel();
      assert.equal(status, 200, JSON.stringify(json));
      assert.equal(typeof json.message, 'string');
      assert.equal((await player.waitForClose()).code, 4503);
      assert.equal((await cancel()).status, 200, 'a repeated cancel is harmless');
      assert.equal((await rest.check(room.room_code)).status, 404);
    }
  });

  test('paths: with or without the last slash; HEAD like GET', async () => {
    const { status, json } = await rest.request('POST', '/api/room/create', { json: {} });
    assert.equal(status, 201);
    assert.equal((await rest.request('POST', '/api/room/join', { json: { room_code: json.room_code } })).status, 200);
    for (const path of [`/api/room/check/${json.room_code}`, '/api/room/list', '/api/room/health', '/api/room/list/']) {
      assert.equal((await rest.get(path)).status, 200, path);
      const head = await rest.request('HEAD', path);
      assert.deepEqual([head.status, head.text], [200, ''], path);
    }
  });

  test('content types: any case, with a charset, or none at all', async () => {
    for (const type of ['application/json', 'Application/JSON; Charset=UTF-8', 'application/json;charset=utf-8', undefined]) {
      const headers = type ? { 'Content-Type': type } : {};
      const { status } = await rest.request('POST', '/api/room/create/', { body: '{"username":"Ann"}', headers });
      assert.equal(status, 201, String(type));
    }
  });

  test('health', async () => {
    const { status, json } = await rest.get('/api/room/health/');
    assert.equal(status, 200);
    assert.equal(json.status, 'ok');
  });
});
