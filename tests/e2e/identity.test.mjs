// Who is calling: with a JWT key, a site's logged-in users have identities that outlive a lost seat token; a token
// that is not what it claims to be is refused everywhere; guests are welcome unless the operator says otherwise.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { inSeconds, makeJwt } from './jwt.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';

const KEY = 'e2e-jwt-key-which-is-at-least-32-bytes-long';
const user = (id, more = {}) => makeJwt({ user_id: id, exp: inSeconds(600), ...more }, KEY);
const posts = ['create', 'join', 'cancel', 'quick'].map((name) => `/api/room/${name}/`);

describe('with a JWT key', () => {
  const stack = useStack({ env: { JWT_SECRET_KEY: KEY } });
  const rest = new Rest(stack);

  test('user_id, a number or a string, is the player id; username is the default name', async () => {
    for (const id of [42, '42', 'u-7f']) {
      const { status, json } = await rest.create({}, { token: user(id, { username: 'Ann' }) });
      assert.equal(status, 201, JSON.stringify(json));
      assert.deepEqual([json.player_id, json.username], [String(id), 'Ann']);
    }
    const named = await rest.create({ username: 'Annie' }, { token: user(1, { username: 'Ann' }) });
    assert.equal(named.json.username, 'Annie');
  });

  test('guests may still play, and their ids are never a user\'s', async () => {
    const { status, json } = await rest.create({});
    assert.equal(status, 201);
    assert.match(json.player_id, /^guest-/);
    assertFailure(await rest.create({}, { token: user(json.player_id) }), 401, 'bad_token');
  });

  test('a user who lost his token gets his seat back; nobody else does', async () => {
    const first = await rest.ok(rest.create({}, { token: user(1) }));
    const second = await rest.ok(rest.join({ room_code: first.room_code }, { token: user(2) }));
    const back = await rest.ok(rest.join({ room_code: first.room_code }, { token: user(2) }));
    assert.deepEqual([back.reconnecting, back.player_number, back.player_id], [true, 2, '2']);
    const player = await Player.connect(stack, back);
    assert.equal((await player.join()).player_number, 2);
    assert.notEqual(back.seat_token, second.seat_token);
    await assertRefused(Player.connect(stack, second), 401, 'bad_token'); // the lost token is void
    assertFailure(await rest.join({ room_code: first.room_code }, { token: user(3) }), 409, 'room_full');
    assertFailure(await rest.join({ room_code: first.room_code, player_id: '2' }), 409, 'room_full');
  });

  test('a creator cancels by identity', async () => {
    const { room_code: code } = await rest.ok(rest.create({}, { token: user(1) }));
    assertFailure(await rest.cancel({ room_code: code }, { token: user(2) }), 403, 'not_creator');
    assert.equal((await rest.cancel({ room_code: code }, { token: user(1) })).status, 200);
  });

  test('bad_token: expired, unsigned, signed by someone else, incomplete', async () => {
    const claims = { user_id: 1, exp: inSeconds(600) };
    const good = makeJwt(claims, KEY);
    const [header, payload, signature] = good.split('.');
    const bad = {
      expired: makeJwt({ ...claims, exp: inSeconds(-120) }, KEY),
      'without exp': makeJwt({ user_id: 1 }, KEY),
      'exp no number': makeJwt({ ...claims, exp: 'soon' }, KEY),
      'without user_id': makeJwt({ exp: claims.exp }, KEY),
      'user_id an object': makeJwt({ ...claims, user_id: {} }, KEY),
      'user_id empty': makeJwt({ ...claims, user_id: '' }, KEY),
      'another key': makeJwt(claims, `${KEY}x`),
      'alg none': makeJwt(claims, KEY, 'none'),
      'alg HS384': makeJwt(claims, KEY, 'HS384'),
      'claims changed': `${header}.${Buffer.from('{"user_id":2,"exp":9999999999}').toString('base64url')}.${signature}`,
      'no signature': `${header}.${payload}.`,
      garbage: 'a.b.c',
    };
    for (const [what, token] of Object.entries(bad)) {
      for (const path of posts) assertFailure(await rest.post(path, {}, { token }), 401, 'bad_token');
      assert.ok(what);
    }
    assert.equal((await rest.create({}, { token: good })).status, 201);
  });
});

describe('without guests', () => {
  const stack = useStack({ env: { JWT_SECRET_KEY: KEY, PONG_GUESTS: 'deny' } });
  const rest = new Rest(stack);

  test('only users get seats', async () => {
    const { room_code: code } = await rest.ok(rest.create({}, { token: user(1) }));
    assertFailure(await rest.create({}), 403, 'guests_not_allowed');
    assertFailure(await rest.join({ room_code: code }), 403, 'guests_not_allowed');
    assertFailure(await rest.quick({}), 403, 'guests_not_allowed');
    const watcher = await Player.connect(stack, { room_code: code });
    assert.equal((await watcher.join({ player_id: '2', username: 'Eve' })).player_number, null, 'nor by join_game');
    assert.equal((await rest.join({ room_code: code }, { token: user(2) })).status, 200);
  });
});
