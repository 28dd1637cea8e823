// Who comes in by WebSocket: api-fcgi finds out who it is, gamed gives out a ticket for him, nginx shows that. A user is
// known by his JWT wherever he shows it; what is not what it claims to be is refused; whoever has only a public id has
// nothing; and while one of the three does not answer, the client is told to come back.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { useStack, quickServe } from './harness.mjs';
import { inSeconds, makeJwt } from './jwt.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { startRally, takeSeats } from './rooms.mjs';
import { scrape } from './scrape.mjs';

const KEY = 'e2e-admit-key-which-is-at-least-32-bytes-long';
const OLD_KEY = 'e2e-admit-key-of-last-month-also-at-least-32-bytes';
const HUNG_MS = 15_000; // far more than what waits for a process that stands still may take
const claims = { user_id: 7, username: 'Ann', exp: inSeconds(3_600) };

/** The ways to show a token at a handshake. */
const ways = {
  query: (token) => ({ via: 'none', query: `?token=${token}` }),
  '$ before it': (token) => ({ via: 'none', query: `?token=$${token}` }),
  'the $ encoded': (token) => ({ via: 'none', query: `?a=b&token=%24${token}` }),
  bearer: (token) => ({ via: 'none', headers: { Authorization: `Bearer ${token}` } }),
  cookie: (token) => ({ via: 'none', cookies: { theme: 'dark', access_token: token } }),
};

describe('a user with a JWT', () => {
  const stack = useStack({ env: { ...quickServe, JWT_SECRET_KEY: `${KEY},${OLD_KEY}` } });
  const rest = new Rest(stack);
  const user = (id, more = {}) => secret(makeJwt({ ...claims, user_id: id, ...more }, KEY));
  const connect = (code, how) => Player.connect(stack, { room_code: code }, how);
  const secret = (token) => {
    stack.secrets.add(token); // no log may hold it
    return token;
  };

  async function roomOf(one, two) {
    const { room_code: code } = await rest.ok(rest.create({}, { token: user(one) }));
    await rest.ok(rest.join({ room_code: code }, { token: user(two) }));
    return code;
  }

  test('has his seat by who he is, however he shows it', async () => {
    for (const [way, how] of Object.entries(ways)) {
      const code = await roomOf(1, 2);
      const player = await connect(code, how(user(2)));
      const joined = await player.join({ player_id: null });
      assert.deepEqual([joined.player_number, joined.player_id], [2, '2'], way);
    }
  });

  test('of a key that is being replaced is still one', async () => {
    const code = await roomOf(1, 2);
    const player = await connect(code, ways.query(makeJwt({ ...claims, user_id: 2 }, OLD_KEY)));
    assert.equal((await player.join({ player_id: null })).player_number, 2);
  });

  test('without a seat watches, or takes a free one by join_game as himself', async () => {
    const { room_code: code } = await rest.ok(rest.create({}, { token: user(1) }));
    const player = await connect(code, ways.query(user('u-9')));
    const joined = await player.join({ player_id: 'whoever', username: null });
    assert.deepEqual([joined.player_number, joined.player_id, joined.username], [2, 'u-9', 'Ann']);
    const late = await connect(code, ways.query(user(3)));
    assert.equal((await late.join({ player_id: null })).player_number, null);
  });

  test('who took his seat over REST after he had connected is in it at join_game, not in two', async () => {
    const { room_code: code } = await rest.ok(rest.create({}, { token: user(1) }));
    const player = await connect(code, ways.query(user(2)));
    await player.waitFor('game_state');
    await rest.ok(rest.join({ room_code: code }, { token: user(2) }));
    assert.equal((await player.join({ player_id: null })).player_number, 2);
    assert.equal((await rest.check(code)).json.player_count, 2);
    const { room_code: own } = await rest.ok(rest.create({}, { token: user(4) }));
    const owner = await connect(own, ways.query(user(4)));
    assert.equal((await owner.join({ player_id: null })).player_number, 1);
    assert.equal((await rest.check(own)).json.player_count, 1);
  });

  test('a second connection of his replaces the first with 4501, and nothing is paused', async () => {
    const code = await roomOf(1, 2);
    const one = await connect(code, ways.query(user(1)));
    const two = await connect(code, ways.cookie(user(2)));
    for (const player of [one, two]) await player.join({ player_id: null });
    await one.waitForState((state) => state.is_paused === false, 'the rally');
    const marks = one.messages.length;
    const newer = await connect(code, ways.bearer(user(2)));
    assert.equal((await two.waitForClose()).code, 4501);
    await newer.join({ player_id: null });
    assert.deepEqual([...one.all('game_paused', marks), ...one.all('player_left', marks)], []);
    const { json } = await rest.check(code);
    assert.deepEqual([json.player_count, json.active_sessions], [2, 2]);
  });

  test('nobody gets a seat by another\'s id, as a user, as a guest or as the name of either', async () => {
    const code = await roomOf(1, 2);
    const one = await connect(code, ways.query(user(1)));
    await one.join({ player_id: null });
    for (const how of [ways.query(user(3)), ways.cookie(user(3, { username: '1' })), { via: 'none' }]) {
      const thief = await connect(code, how);
      assert.equal((await thief.join({ player_id: '1', username: '1' })).player_number, null);
      thief.sendJson({ type: 'paddle_position', player_number: 1, position: 0 });
      assert.equal((await thief.join({ player_id: '2' })).player_number, null);
    }
    assert.equal(one.closed, null);
    assertFailure(await rest.join({ room_code: code, player_id: '1' }, { token: user(3) }), 409, 'room_full');
    assertFailure(await rest.cancel({ room_code: code, player_id: '1' }, { token: user(3) }), 403, 'not_creator');
  });

  test('his seat token counts before his name, and a lost one is void', async () => {
    const { room_code: code } = await rest.ok(rest.create({}, { token: user(1) }));
    const guest = await rest.ok(rest.join({ room_code: code }));
    const player = await connect(code, { ...ways.query(guest.seat_token), cookies: { access_token: user(1) } });
    assert.equal((await player.join({ player_id: null })).player_number, 2);
    const first = await rest.ok(rest.create({}, { token: user(5) }));
    await rest.ok(rest.join({ room_code: first.room_code }, { token: user(5) }));
    await assertRefused(Player.connect(stack, first), 401, 'bad_token');
  });

  const good = makeJwt(claims, KEY);
  const [header, payload, signature] = good.split('.');
  const bad = {
    'alg none': makeJwt(claims, KEY, 'none'),
    'alg none, the signature kept': `${makeJwt(claims, KEY, 'none')}${signature}`,
    'alg HS384': makeJwt(claims, KEY, 'HS384'),
    'alg HS512': makeJwt(claims, KEY, 'HS512'),
    'alg RS256, signed with our key': `${Buffer.from('{"alg":"RS256","typ":"JWT"}').toString('base64url')}.${payload}.${signature}`,
    expired: makeJwt({ ...claims, exp: inSeconds(-40) }, KEY),
    'without exp': makeJwt({ user_id: 7 }, KEY),
    'another key': makeJwt(claims, `${KEY}x`),
    'both keys at once': makeJwt(claims, `${KEY},${OLD_KEY}`),
    'other claims': `${header}.${Buffer.from('{"user_id":1,"exp":9999999999}').toString('base64url')}.${signature}`,
    'no signature': `${header}.${payload}.`,
    'a guest\'s id': makeJwt({ ...claims, user_id: 'guest-12345678' }, KEY),
    garbage: 'a.b.c',
  };
  for (const [what, token] of Object.entries(bad)) {
    test(`401: ${what}, wherever it is shown`, async () => {
      const { code } = await takeSeats(stack);
      if (token.length > 10) secret(token);
      for (const how of Object.values(ways)) await assertRefused(connect(code, how(token)), 401, 'bad_token');
    });
  }

  test('clocks may differ by 30 seconds', async () => {
    const code = await roomOf(1, 2);
    const player = await connect(code, ways.query(user(2, { exp: inSeconds(-20) })));
    assert.equal((await player.join({ player_id: null })).player_number, 2);
  });

  test('an access_token that has run out keeps nobody from the seat that his cookie proves', async () => {
    const { code, second } = await takeSeats(stack);
    const old = makeJwt({ ...claims, exp: inSeconds(-3_600) }, KEY);
    const player = await connect(code, { via: 'none', cookies: { access_token: old, pong_seat_2: second.seat_token } });
    assert.equal((await player.join({ player_id: null })).player_number, 2);
    await assertRefused(connect(code, ways.cookie(old)), 401, 'bad_token');
  });

  test('guests are let in as before', async () => {
    const { one, two } = await startRally(stack);
    assert.deepEqual([one.closed, two.closed], [null, null]);
    secret(KEY);
    secret(OLD_KEY);
  });
});

describe('a user whom the site\'s nginx names', () => {
  // Stands for the site's login: who it is, from a header that only this test sends.
  const include = 'set $pong_user $http_x_of_the_login;\n';
  const stack = useStack({
    env: { ...quickServe, PONG_IDENTITY_HEADER: 'X-User' },
    prepare: async (prepared) => {
      prepared.env.PONG_API_INCLUDE = path.join(prepared.runDir, 'login.conf');
      await writeFile(prepared.env.PONG_API_INCLUDE, include);
    },
  });
  const rest = new Rest(stack);
  const named = (user) => ({ headers: { 'X-Of-The-Login': user } });

  test('has his seat by that, over REST and WebSocket, and nobody has it by a header of his own', async () => {
    const { room_code: code, player_id: id } = await rest.ok(rest.create({}, named('ada')));
    assert.equal(id, 'ada');
    const player = await Player.connect(stack, { room_code: code }, named('ada'));
    assert.equal((await player.join({ player_id: null })).player_number, 1);
    const thief = await Player.connect(stack, { room_code: code }, { headers: { 'X-User': 'ada', X_User: 'ada' } });
    assert.match((await thief.join({ player_id: 'ada' })).player_id, /^guest-/);
    assert.equal(player.closed, null);
  });

  test('is refused when the name cannot be one', async () => {
    const { code } = await takeSeats(stack);
    for (const user of ['guest-12345678', 'bot-easy', 'x'.repeat(65)]) {
      await assertRefused(Player.connect(stack, { room_code: code }, named(user)), 401, 'bad_token');
    }
  });
});

describe('without a JWT key', () => {
  const stack = useStack({ env: quickServe });
  const rest = new Rest(stack);

  test('what a site\'s login has put into the address or a cookie is passed over', async () => {
    const token = makeJwt(claims, KEY);
    for (const way of ['query', '$ before it', 'the $ encoded', 'cookie']) {
      const { room_code: code } = await rest.ok(rest.create({}));
      const player = await Player.connect(stack, { room_code: code }, ways[way](token));
      const joined = await player.join({ player_id: '7', username: 'Ann' });
      assert.equal(joined.player_number, 2, way);
      assert.match(joined.player_id, /^guest-/);
    }
    const { code, second } = await takeSeats(stack);
    const player = await Player.connect(stack, second, { via: 'cookie', query: `?token=${token}` });
    assert.equal((await player.join({ player_id: null })).player_number, 2, code);
  });

  test('a ticket that a client makes up or has seen is worth nothing', async () => {
    const { first, code } = await takeSeats(stack);
    const before = await scrape(stack);
    const refused = (seen) => seen.get('pong_tickets_total', { event: 'refused' });
    for (const ticket of ['x', '0'.repeat(36), `0000${'f'.repeat(32)}`]) {
      const player = await Player.connect(stack, { room_code: code }, { headers: { 'X-Pong-Ticket': ticket } });
      assert.equal((await player.join({ player_id: first.player_id })).player_number, null);
    }
    const after = await scrape(stack);
    assert.equal(refused(after), refused(before), 'gamed never saw one of them');
    assert.equal(after.get('pong_tickets_total', { event: 'redeemed' }) - before.get('pong_tickets_total', { event: 'redeemed' }), 3);
  });
});

for (const who of ['gamedArgs', 'apiArgs']) {
  describe(`without guests, by ${who}`, () => {
    const stack = useStack({ env: { JWT_SECRET_KEY: KEY }, [who]: ['--guests', 'deny'] });
    const rest = new Rest(stack);

    test('a stranger may watch and not sit down, a user may', async () => {
      const { room_code: code } = await rest.ok(rest.create({}, { token: makeJwt({ ...claims, user_id: 1 }, KEY) }));
      const guest = await Player.connect(stack, { room_code: code });
      assert.equal((await guest.join({ player_id: null })).player_number, null);
      const player = await Player.connect(stack, { room_code: code }, ways.query(makeJwt(claims, KEY)));
      assert.equal((await player.join({ player_id: null })).player_number, 2);
    });
  });
}

describe('while something does not answer', () => {
  const stack = useStack({ env: quickServe });
  const rest = new Rest(stack);

  for (const name of ['gamed', 'api']) {
    test(`${name} stands still: 503 and Retry-After, soon; then all is as before`, async () => {
      const { second } = await takeSeats(stack);
      const daemon = stack[name];
      process.kill(daemon.pid, 'SIGSTOP');
      try {
        const began = performance.now();
        await Promise.all(Array.from({ length: 20 }, () =>
          assertRefused(Player.connect(stack, second), 503, 'game_server_unavailable')));
        assert.ok(performance.now() - began < HUNG_MS, 'nobody waited for it');
      } finally {
        process.kill(daemon.pid, 'SIGCONT');
      }
      await stack.until('it answers again', () => Player.connect(stack, second).then(() => true, () => false));
    });
  }

  test('gamed is gone: 503 and Retry-After', async () => {
    const { room_code: code } = await rest.ok(rest.create({}));
    await stack.gamed.stop();
    await assertRefused(Player.connect(stack, { room_code: code }), 503, 'game_server_unavailable');
    stack.gamed.start();
    await stack.until('it answers again', () => Player.connect(stack, { room_code: code }).then(() => true, () => false));
  });
});

describe('a crowd of handshakes at a gamed that stands still', () => {
  const CROWD = 200; // more than api-fcgi has threads
  const env = { ...quickServe, PONG_HANDSHAKE_RATE: '1000000', PONG_CONNECTIONS_PER_ADDRESS: '1000', PONG_MAX_CONNECTIONS_PER_ADDRESS: '0' };
  const stack = useStack({ env });
  const rest = new Rest(stack);

  test('is refused, and REST is answered meanwhile by api-fcgi itself', async () => {
    const { second } = await takeSeats(stack);
    process.kill(stack.gamed.pid, 'SIGSTOP');
    let isOver = false;
    const comeAgain = async () => {
      while (!isOver) await assertRefused(Player.connect(stack, second), 503, 'game_server_unavailable');
    };
    const crowd = Promise.all(Array.from({ length: CROWD }, comeAgain));
    try {
      for (let i = 0; i < 2; i += 1) assertFailure(await rest.get('/api/room/health/'), 503, 'game_server_timeout');
    } finally {
      isOver = true;
      await crowd.finally(() => process.kill(stack.gamed.pid, 'SIGCONT'));
    }
    await stack.until('it answers again', () => Player.connect(stack, second).then(() => true, () => false));
  });
});

describe('the table of tickets', () => {
  // Handshakes end at a socket of the test's own, so that nobody takes the tickets back.
  const shown = [];
  const thief = http.createServer((request, response) => response.writeHead(500).end());
  thief.on('upgrade', (request, socket) => {
    shown.push(request.headers['x-pong-ticket']);
    socket.destroy();
  });
  const stack = useStack({
    env: { PONG_MAX_TICKETS: '2' },
    prepare: async (prepared) => {
      const at = prepared.gamed.args.indexOf(`unix:${prepared.sockets.gamed}`);
      prepared.gamed.args[at] = `unix:${prepared.sockets.gamed}.real`;
      await new Promise((resolve, reject) => thief.once('error', reject).listen(prepared.sockets.gamed, resolve));
    },
  });
  after(() => thief.close());
  const direct = (options) => ({ via: 'none', wsUrl: `ws+unix:${stack.sockets.gamed}.real:`, ...options });

  test('a handshake that is no WebSocket\'s gets none', async () => {
    const { code } = await takeSeats(stack);
    assert.equal((await new Rest(stack).get(`/ws/game/${code}/`)).status, 400);
    assert.equal((await scrape(stack)).get('pong_tickets_outstanding'), 0);
  });

  test('full: 503 and Retry-After, until one has run out; a ticket is good for its room, once', async () => {
    const { code, second } = await takeSeats(stack);
    const other = await takeSeats(stack);
    for (let i = 0; i < 3; i += 1) await assertRefused(Player.connect(stack, second), 503, 'game_server_unavailable');
    assert.equal(shown.length, 2, 'the third was not even tried');
    const seen = await scrape(stack);
    assert.deepEqual([seen.get('pong_tickets_outstanding'), seen.get('pong_tickets_max')], [2, 2]);
    assert.equal(seen.get('pong_limits_hit_total', { limit: 'tickets' }), 1);

    for (const ticket of shown) stack.secrets.add(ticket);
    const headers = { 'X-Pong-Ticket': shown[0] };
    const player = await Player.connect(stack, { room_code: code }, direct({ headers }));
    assert.equal((await player.join({ player_id: null })).player_number, 2);
    await assert.rejects(Player.connect(stack, { room_code: code }, direct({ headers })), { status: 412 }, 'used');
    const elsewhere = direct({ headers: { 'X-Pong-Ticket': shown[1] } });
    await assert.rejects(Player.connect(stack, { room_code: other.code }, elsewhere), { status: 412 }, 'of another room');
    await assert.rejects(Player.connect(stack, { room_code: code }, elsewhere), { status: 412 }, 'used by that');

    for (let i = 0; i < 2; i += 1) await assertRefused(Player.connect(stack, second), 503, 'game_server_unavailable');
    assert.equal(shown.length, 4);
    await stack.until('one has run out', async () => {
      await Player.connect(stack, second).catch(() => {});
      return shown.length > 4;
    });
    const late = direct({ headers: { 'X-Pong-Ticket': shown[2] } });
    await assert.rejects(Player.connect(stack, { room_code: code }, late), { status: 412 }, 'expired');
    for (const ticket of shown) stack.secrets.add(ticket);
  });

  test('what is no ticket is refused, and so is a seat token beside it', async () => {
    const { code, first } = await takeSeats(stack);
    for (const ticket of ['x', '0'.repeat(36), 'f'.repeat(36), 'x'.repeat(4_000)]) {
      const how = direct({ headers: { 'X-Pong-Ticket': ticket }, query: `?token=${first.seat_token}` });
      await assert.rejects(Player.connect(stack, { room_code: code }, how), { status: 412 });
    }
    await (await Player.connect(stack, { room_code: code }, direct({ query: `?token=${first.seat_token}` }))).join();
  });
});

describe('a gamed that lets nobody in without a ticket', () => {
  const stack = useStack({ env: { ...quickServe, PONG_TICKETS: 'required' } });

  test('is as any other behind nginx, and refuses whoever comes around it', async () => {
    const { one } = await startRally(stack);
    const wsUrl = `ws+unix:${stack.sockets.gamed}:`;
    await assert.rejects(Player.connect(stack, one.seat, { wsUrl }), { status: 412 });
    assert.equal(one.closed, null);
  });
});
