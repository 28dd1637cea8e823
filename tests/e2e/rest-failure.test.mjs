// Rooms over REST, when the caller is wrong: each failure has its status, its code, and a sentence that deployed
// front ends show as it is. None of them may leave a trace.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { quickServe, useStack } from './harness.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { finishMatch, startMatch, takeSeats } from './rooms.mjs';

describe('REST refuses', () => {
  const stack = useStack({ env: quickServe });
  const rest = new Rest(stack);
  const posts = ['create', 'join', 'cancel', 'quick'].map((name) => `/api/room/${name}/`);

  test('bad_json: what is not one JSON object', async () => {
    const bodies = ['{', '[]', '"x"', '1', 'null', '{"a":1}x', "{'a':1}", '\x00', '{"username":"\xff"}', `${'['.repeat(2_000)}`];
    for (const path of posts) {
      for (const body of bodies) {
        const bytes = Buffer.from(body, 'latin1'); // so that \xff is no UTF-8
        assertFailure(await rest.request('POST', path, { body: bytes }), 400, 'bad_json');
      }
    }
  });

  test('bad_field: a wrong type or range, naming the field', async () => {
    const bad = {
      username: ['', 'x'.repeat(33), '😀'.repeat(33), 5, [], 'a\nb', 'a\u007fb', 'a\u0085b'],
      visibility: ['secret', 1, ''],
      opponent: ['robot', 7],
      winning_score: [0, 22, -1, 1.5, '10', 1e99],
    };
    for (const [field, values] of Object.entries(bad)) {
      for (const value of values) {
        const answer = await rest.create({ [field]: value });
        assertFailure(answer, 400, 'bad_field', new RegExp(field));
      }
    }
    for (const level of ['impossible', 3]) {
      assertFailure(await rest.create({ opponent: 'bot', level }), 400, 'bad_field', /level/);
    }
    const { room_code: code } = await rest.ok(rest.create());
    assertFailure(await rest.join({ room_code: code, username: 'x'.repeat(33) }), 400, 'bad_field', /username/);
    assertFailure(await rest.join({ room_code: 5 }), 400, 'bad_field', /room_code/);
    assertFailure(await rest.quick({ username: 5 }), 400, 'bad_field', /username/);
    assertFailure(await rest.cancel({ room_code: code, seat_token: 5 }), 400, 'bad_field', /seat_token/);
    assert.equal((await rest.check(code)).json.player_count, 1, 'nobody was seated');
  });

  test('room_code_required', async () => {
    assertFailure(await rest.join({}), 400, 'room_code_required', 'Room code is required');
    assertFailure(await rest.request('POST', '/api/room/join/'), 400, 'room_code_required', 'Room code is required');
    assertFailure(await rest.cancel({}), 400, 'room_code_required', 'Room code is required');
  });

  test('room_not_found: unknown, of another slot, malformed', async () => {
    const codes = ['A00000', 'Z00000', 'ABC', 'A0000000', 'AUUUUU', 'A-0000', 'ÄÖÜÄÖÜ', ''.padEnd(1_000, 'A')];
    for (const code of codes) {
      assertFailure(await rest.join({ room_code: code }), 404, 'room_not_found', 'Room not found');
      assertFailure(await rest.cancel({ room_code: code }), 404, 'room_not_found', 'Room not found');
    }
    for (const code of ['A00000', 'Z00000', 'ABC', 'AUUUUU', 'a'.repeat(300)]) {
      assertFailure(await rest.check(code), 404, 'room_not_found', 'Room not found');
    }
  });

  test('room_full', async () => {
    const { code } = await takeSeats(stack);
    assertFailure(await rest.join({ room_code: code }), 409, 'room_full', 'Room is full');
  });

  test('game_over', async () => {
    const { code, one, two } = await startMatch(stack, { winning_score: 1 });
    await finishMatch(one, two);
    assertFailure(await rest.join({ room_code: code }), 409, 'game_over', 'Game has already ended');
  });

  test('not_creator: nobody, and the holder of another seat', async () => {
    const room = await rest.ok(rest.create());
    const other = await rest.ok(rest.create());
    const sentence = 'Only the room creator can cancel the room';
    assertFailure(await rest.cancel({ room_code: room.room_code }), 403, 'not_creator', sentence);
    assertFailure(await rest.cancel({ room_code: room.room_code }, { token: other.seat_token }), 403, 'not_creator', sentence);
    assertFailure(await rest.cancel({ room_code: room.room_code, player_id: room.player_id }), 403, 'not_creator', sentence);
    assert.equal((await rest.check(room.room_code)).status, 200, 'the room is still there');
  });

  test('already_started', async () => {
    const { code, first } = await takeSeats(stack);
    const sentence = 'Cannot cancel: game already in progress or has both players';
    assertFailure(await rest.cancel({ room_code: code }, { token: first.seat_token }), 409, 'already_started', sentence);
    assert.equal((await rest.check(code)).status, 200);
  });

  test('not_found', async () => {
    for (const path of ['/api/room/', '/api/room/nope/', '/api/room/check/A00000/more/', '/api/room/create/more/']) {
      assertFailure(await rest.get(path), 404, 'not_found');
    }
  });

  test('method_not_allowed, saying what is', async () => {
    for (const path of posts) {
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const answer = await rest.request(method, path);
        assert.equal(answer.status, 405, `${method} ${path}`);
        assert.equal(answer.headers.allow, 'POST');
        if (method !== 'HEAD') assertFailure(answer, 405, 'method_not_allowed');
      }
    }
    for (const path of ['/api/room/list/', '/api/room/health/', '/api/room/check/A00000/']) {
      for (const method of ['POST', 'DELETE', 'OPTIONS']) {
        const answer = await rest.request(method, path, method === 'POST' ? { json: {} } : {});
        assertFailure(answer, 405, 'method_not_allowed');
        assert.match(answer.headers.allow, /^GET, ?HEAD$/);
      }
    }
  });

  test('body_too_large: over 4 KiB, announced or not', async () => {
    const filled = (bytes) => `{"x":"${'x'.repeat(bytes - 8)}"}`;
    assert.equal((await rest.request('POST', '/api/room/create/', { body: filled(4_096) })).status, 201);
    for (const bytes of [4_097, 65_536, 2_000_000]) {
      assertFailure(await rest.request('POST', '/api/room/create/', { body: filled(bytes) }), 413, 'body_too_large');
    }
    const chunked = { body: filled(10_000), headers: { 'Transfer-Encoding': 'chunked' } };
    assertFailure(await rest.request('POST', '/api/room/create/', chunked), 413, 'body_too_large');
  });

  test('unsupported_media_type', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx']) {
      const answer = await rest.request('POST', '/api/room/create/', { body: '{}', headers: { 'Content-Type': type } });
      assertFailure(answer, 415, 'unsupported_media_type');
    }
  });

  test('bad_token: a JWT where no key is configured', async () => {
    for (const path of posts) {
      assertFailure(await rest.post(path, {}, { token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln' }), 401, 'bad_token', /key/i);
    }
  });
});
