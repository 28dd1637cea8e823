// The WebSocket handshake decides who is who: a seat's token (by query, header or cookie) gives the seat, no token
// makes a spectator or a guest who may take a free seat, and whoever must not connect is told why by status.

import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';

import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest } from './rest.mjs';
import { startRally, takeSeats } from './rooms.mjs';

const NO_TOKEN = 'f'.repeat(32);
const LONG = 600; // bytes of a header that is longer than any that could be right

/** What comes of a handshake as it is written here, whatever a library would make of it. */
function handshake(stack, code, method, upgrade) {
  const headers = { Connection: 'Upgrade', Upgrade: upgrade, 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  return new Promise((resolve, reject) => {
    const request = http.request(`${stack.baseUrl}/ws/game/${code}/`, { method, headers, agent: false });
    request.on('error', reject);
    request.on('upgrade', ({ statusCode }, socket) => {
      socket.destroy();
      resolve({ status: statusCode });
    });
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece) => (body += piece));
      response.on('end', () => resolve({ status: response.statusCode, allow: response.headers.allow, body }));
    });
    request.end();
  });
}

describe('the handshake', () => {
  const stack = useStack({ env: quickServe });
  const rest = new Rest(stack);

  test('400: a plain request, whatever room it names', async () => {
    const { first } = await takeSeats(stack);
    for (const code of [first.room_code, 'A00000']) {
      const { status, json } = await rest.get(`/ws/game/${code}/`);
      assert.equal(status, 400, code);
      assert.equal(json.code, 'upgrade_required', code);
    }
  });

  test('101: Upgrade may be written in any case', async () => {
    const { first } = await takeSeats(stack);
    for (const upgrade of ['websocket', 'WebSocket', 'WEBSOCKET']) {
      assert.equal((await handshake(stack, first.room_code, 'GET', upgrade)).status, 101, upgrade);
    }
  });

  test('405: a handshake that is no GET', async () => {
    const { first } = await takeSeats(stack);
    for (const method of ['POST', 'PUT', 'OPTIONS']) {
      const { status, allow, body } = await handshake(stack, first.room_code, method, 'websocket');
      assert.equal(status, 405, method);
      assert.equal(allow, 'GET', method);
      assert.equal(JSON.parse(body).code, 'method_not_allowed', method);
    }
  });

  test('401: a token that is none, however it is shown', async () => {
    const { code } = await takeSeats(stack);
    for (const via of ['query', 'bearer']) {
      await assertRefused(Player.connect(stack, { room_code: code, seat_token: NO_TOKEN, player_number: 1 }, { via }), 401, 'bad_token');
    }
    for (const query of [`?token=${NO_TOKEN.slice(1)}`, `?token=${'x'.repeat(500)}`, '?token=a.b.c']) {
      await assertRefused(Player.connect(stack, { room_code: code }, { query }), 401, 'bad_token');
    }
    for (const bytes of [LONG, 4_000]) {
      const headers = { Authorization: `Bearer ${'x'.repeat(bytes - 'Bearer '.length)}` };
      await assertRefused(Player.connect(stack, { room_code: code }, { headers }), 401, 'bad_token');
    }
  });

  test('401: the token of another room', async () => {
    const here = await takeSeats(stack);
    const there = await takeSeats(stack);
    await assertRefused(Player.connect(stack, { ...there.first, room_code: here.code }), 401, 'bad_token');
  });

  test('403: another site, or a page without one', async () => {
    const { first } = await takeSeats(stack);
    const foreign = [
      'https://evil.example', 'null', `${stack.baseUrl}.evil.example`, stack.baseUrl.replace('127.0.0.1', '127.0.0.2'),
      `https://${'x'.repeat(LONG - 'https://'.length)}`, `${stack.baseUrl}/${'x'.repeat(4_000)}`,
    ];
    for (const origin of foreign) {
      await assertRefused(Player.connect(stack, first, { origin }), 403, 'origin_not_allowed');
    }
    await (await Player.connect(stack, first, { origin: stack.baseUrl })).join();
    await (await Player.connect(stack, first)).join(); // no Origin: not a browser
  });

  test('404: no such room', async () => {
    for (const code of ['A00000', 'Z00000', 'ABC', 'A'.repeat(200)]) {
      await assertRefused(Player.connect(stack, { room_code: code }), 404, 'room_not_found');
    }
  });

  test('codes are as forgiving as over REST', async () => {
    const { first } = await takeSeats(stack);
    const player = await Player.connect(stack, { ...first, room_code: first.room_code.toLowerCase() });
    assert.equal((await player.join()).player_number, 1);
  });

  test('subprotocols: none and pong.v1.json are the same, an unknown one is refused', async () => {
    const { first, second } = await takeSeats(stack);
    const plain = await Player.connect(stack, first);
    assert.equal(plain.socket.protocol, '');
    await plain.join();
    const named = await Player.connect(stack, second, { protocol: 'pong.v1.json' });
    assert.equal(named.socket.protocol, 'pong.v1.json');
    await named.join();
    for (const protocol of ['chess.v1', 'pong.v1.jsonx', ['chess.v1', 'pong.v1']]) {
      await assertRefused(Player.connect(stack, first, { protocol }), 400, 'unknown_subprotocol');
    }
    assert.equal(await plain.step().then(Number.isInteger), true, 'the refused one replaced nobody');
    for (const protocol of [['pong.v1.json', 'chess.v1'], ['chess.v1', 'pong.v1.json']]) {
      const one = await Player.connect(stack, first, { protocol });
      assert.equal(one.socket.protocol, 'pong.v1.json', `of ${protocol}`);
    }
  });

  test('the token by query, with a leading $, as Bearer, as a cookie', async () => {
    for (const via of ['query', 'dollar', 'bearer', 'cookie']) {
      const { second } = await takeSeats(stack);
      const options = via === 'dollar' ? { via: 'none', query: `?token=$${second.seat_token}` } : { via };
      const player = await Player.connect(stack, second, options);
      const joined = await player.join();
      assert.deepEqual([joined.player_number, joined.player_id], [2, second.player_id], via);
    }
  });

  test('the token among other arguments, and among other cookies', async () => {
    const { first } = await takeSeats(stack);
    const token = first.seat_token;
    const connect = async (options) => {
      const player = await Player.connect(stack, first, { via: 'none', ...options });
      assert.equal((await player.join({ player_id: null })).player_number, 1, JSON.stringify(options));
    };
    const crowd = Array.from({ length: 40 }, (_, i) => `a${i}=${i}`).join('&');
    for (const query of ['?a=1&token=', '?&token=', '?a=1&&token=', '?&&&token=', '?token&token=', '?xtoken=1&token=', `?${crowd}&token=`]) {
      await connect({ query: query + token });
      await connect({ query: `${query}${token}&b=2` });
    }
    for (const cookie of [
      `xpong_seat_1=aa; pong_seat_1=${token}`, `note=pong_seat_1=zz; pong_seat_1=${token}`, `pong_seat_1=${token} ; a=b`,
      `a=b;pong_seat_1=${token}`, `pong_seat_1x=aa; pong_seat_1=${token}`, `a; =; pong_seat_1=${token};`,
    ]) {
      await connect({ headers: { Cookie: cookie } });
    }
  });

  test('query before Bearer before cookie', async () => {
    const { first, second } = await takeSeats(stack);
    const cookies = { pong_seat_2: second.seat_token };
    const query = await Player.connect(stack, first, { via: 'query', cookies, headers: { Authorization: `Bearer ${second.seat_token}` } });
    assert.equal((await query.join({ player_id: null })).player_number, 1);
    const bearer = await Player.connect(stack, first, { via: 'bearer', cookies });
    assert.equal((await bearer.join({ player_id: null })).player_number, 1);
  });

  test('two cookies: the seat that join_game names', async () => {
    const { code, first, second } = await takeSeats(stack);
    const cookies = { pong_seat_1: first.seat_token, pong_seat_2: second.seat_token };
    const player = await Player.connect(stack, { room_code: code }, { cookies });
    assert.equal((await player.join({ player_id: second.player_id })).player_number, 2);
  });

  test('two cookies: else the seat that is not connected', async () => {
    const { code, first, second } = await takeSeats(stack);
    const cookies = { pong_seat_1: first.seat_token, pong_seat_2: second.seat_token };
    const tab = await Player.connect(stack, { room_code: code }, { cookies });
    const number = (await tab.join({ player_id: null })).player_number;
    const other = await Player.connect(stack, { room_code: code }, { cookies });
    assert.equal((await other.join({ player_id: null })).player_number, 3 - number);
    assert.equal(tab.closed, null, 'two tabs of one browser do not throw each other out');
  });

  test('a cookie of a room long gone does not keep its owner from watching or joining this one', async () => {
    const room = await rest.ok(rest.create());
    const player = await Player.connect(stack, { room_code: room.room_code }, { cookies: { theme: 'dark' } });
    assert.equal((await player.join({ player_id: null, username: 'Bob' })).player_number, 2);
  });

  test('a guest takes a free seat by join_game, and gets its token', async () => {
    const room = await rest.ok(rest.create({ username: 'Ann' }));
    const one = await Player.connect(stack, room);
    await one.join();
    const guest = await Player.connect(stack, { room_code: room.room_code });
    await guest.waitFor('game_state');
    const joined = await guest.join({ player_id: 'whoever', username: 'Bob' });
    assert.deepEqual([joined.player_number, joined.username], [2, 'Bob']);
    assert.match(joined.player_id, /^guest-/, 'what a client calls himself is no id');
    assert.ok(joined.seat_token.length >= 22);
    const news = await one.waitFor('player_joined', (message) => !message.is_you);
    assert.deepEqual([news.player_number, news.player_id, news.seat_token], [2, joined.player_id, undefined]);
    assert.equal((await rest.check(room.room_code)).json.status, 'ONGOING');

    guest.drop();
    const back = await Player.connect(stack, { ...joined, room_code: room.room_code });
    const again = await back.join();
    assert.deepEqual([again.player_number, again.player_id], [2, joined.player_id]);

    const late = await Player.connect(stack, { room_code: room.room_code });
    assert.equal((await late.join({ player_id: joined.player_id })).player_number, null, 'an id proves nothing');
  });

  test('a newer connection of the same seat replaces the first with 4501, and nothing is paused', async () => {
    const { code, second, one, two } = await startRally(stack);
    const marks = one.messages.length;
    const newer = await Player.connect(stack, second);
    newer.track();
    assert.equal((await two.waitForClose()).code, 4501);
    await newer.join();
    await one.waitForState((state) => state.ball_speed_x < 0, 'the newer one returned the ball');
    assert.deepEqual([...one.all('game_paused', marks), ...one.all('player_left', marks)], []);
    const { json } = await rest.check(code);
    assert.deepEqual([json.is_paused, json.active_sessions], [false, 2]);
  });
});

describe('a site on another host', () => {
  const stack = useStack({ env: { PONG_ALLOWED_ORIGINS: 'https://play.example https://www.example:8443' } });

  test('is let in when the operator names it', async () => {
    const { first } = await takeSeats(stack);
    for (const origin of ['https://play.example', 'https://www.example:8443', stack.baseUrl]) {
      await (await Player.connect(stack, first, { origin })).join();
    }
    for (const origin of ['https://www.example', 'http://play.example', 'https://play.example.evil.example', 'https://play', 'null']) {
      await assertRefused(Player.connect(stack, first, { origin }), 403, 'origin_not_allowed');
    }
  });
});
