// Limits: when the house is full, or one address or user asks too much, callers are told so and when to come again, and
// it is counted; who stays within them is served.

import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort, useStack } from './harness.mjs';
import { inSeconds, makeJwt } from './jwt.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { scrape, scrapeUntil } from './scrape.mjs';

const KEY = 'a key of the tests of limits that is long enough';
const UPGRADE = 'GET /ws/game/A00000/ HTTP/1.1\r\nHost: x\r\n';

/** How often a limit was run into. */
const hits = async (stack, limit) => (await scrape(stack)).get('pong_limits_hit_total', { limit });

/** gamed at a port instead of its socket: a client then has an address, in the same way as nginx' ticket gives him one. */
async function listenOnPort(stack) {
  const port = await freePort();
  stack.gamed.args[stack.gamed.args.indexOf('--listen') + 1] = `127.0.0.1:${port}`;
  stack.sockets.gamed = port;
  stack.directUrl = `ws://127.0.0.1:${port}`;
}

/** A socket that says something and is not heard of any more; `ended` resolves to how long it lived. */
function mute(target, ...words) {
  const began = performance.now();
  const socket = net.connect(target, () => words.forEach((word) => socket.write(word)));
  socket.on('error', () => {}).resume();
  socket.ended = new Promise((resolve) => {
    socket.once('close', () => resolve(performance.now() - began));
  });
  return socket;
}

describe('two rooms', () => {
  const stack = useStack({ env: { PONG_MAX_ROOMS: '2' } });
  const rest = new Rest(stack);

  test('the third is server_full, until one is free', async () => {
    const rooms = [await rest.ok(rest.create()), await rest.ok(rest.create())];
    assertFailure(await rest.create(), 503, 'server_full');
    assertFailure(await rest.quick(), 503, 'server_full');
    assert.equal((await rest.join({ room_code: rooms[1].room_code })).status, 200, 'rooms that exist go on');
    await rest.ok(rest.cancel({ room_code: rooms[0].room_code }, { token: rooms[0].seat_token }));
    await stack.until('a room is free', async () => (await rest.create()).status === 201);
  });
});

describe('one address', () => {
  const stack = useStack({ env: { PONG_API_RATE: '2', PONG_CONNECTIONS_PER_ADDRESS: '3' } });
  const rest = new Rest(stack);

  test('that creates too many rooms is rate_limited for a while', async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => rest.create()));
    const refused = answers.filter(({ status }) => status !== 201);
    assert.ok(refused.length > 0 && refused.length < answers.length, `${refused.length} of ${answers.length} were refused`);
    for (const answer of refused) {
      assertFailure(answer, 429, 'rate_limited');
      assert.match(answer.headers['retry-after'], /^\d+$/);
    }
    await sleep(1_000 * Number(refused[0].headers['retry-after']));
    await stack.until('it may create again', async () => (await rest.create()).status === 201);
  });

  test('that opens too many sockets is refused with 429', async () => {
    let room;
    await stack.until('a room', async () => {
      room = await rest.create();
      return room.status === 201;
    });
    const watch = () => Player.connect(stack, { room_code: room.json.room_code });
    const watchers = [await watch(), await watch(), await watch()];
    await assertRefused(watch(), 429, 'rate_limited');
    watchers[0].drop();
    await stack.until('there is room for one', () => watch().then(() => true, () => false));
  });
});

describe('what one creator may open', () => {
  const env = { PONG_MAX_ROOMS_PER_USER: '2', PONG_MAX_ROOMS_PER_ADDRESS: '3', JWT_SECRET_KEY: KEY };
  const stack = useStack({ env });
  const rest = new Rest(stack);

  test('guests of an address: so many rooms, by create and quick, until one is gone', async () => {
    const rooms = [];
    for (let i = 0; i < 3; i += 1) rooms.push(await rest.ok(rest.create()));
    for (const asking of [rest.create(), rest.quick()]) {
      const refused = await asking;
      assertFailure(refused, 429, 'too_many_rooms');
      assert.match(refused.headers['retry-after'], /^\d+$/);
    }
    assert.equal((await rest.join({ room_code: rooms[0].room_code })).status, 200, 'joining opens none');
    assert.equal(await hits(stack, 'rooms_per_address'), 2);
    await rest.ok(rest.cancel({ room_code: rooms[1].room_code }, { token: rooms[1].seat_token }));
    await rest.ok(rest.create());
  });

  test('a user: so many, whoever else is at the address', async () => {
    const token = (user) => makeJwt({ user_id: user, username: user, exp: inSeconds(600) }, KEY);
    for (let i = 0; i < 2; i += 1) await rest.ok(rest.create({}, { token: token('ann') }));
    assertFailure(await rest.create({}, { token: token('ann') }), 429, 'too_many_rooms');
    await rest.ok(rest.create({}, { token: token('bob') }));
    assert.equal(await hits(stack, 'rooms_per_user'), 1);
  });
});

describe('a full house', () => {
  const stack = useStack({ env: { PONG_MAX_CONNECTIONS: '3', PONG_MAX_SPECTATORS: '2' } });
  const rest = new Rest(stack);

  test('the fourth connection is server_full, the third spectator of a room too many', async () => {
    const room = await rest.ok(rest.create());
    const watch = () => Player.connect(stack, { room_code: room.room_code });
    const watchers = [await watch(), await watch()];
    await assertRefused(watch(), 429, 'too_many_spectators');
    await Player.connect(stack, room);
    await assertRefused(Player.connect(stack, await rest.ok(rest.create())), 503, 'server_full');
    assert.deepEqual([await hits(stack, 'spectators'), await hits(stack, 'max_connections')], [1, 1]);
    watchers[0].drop();
    await stack.until('there is a place again', () => watch().then(() => true, () => false));
  });
});

describe('one address, as gamed counts it', () => {
  const stack = useStack({ env: { PONG_MAX_CONNECTIONS_PER_ADDRESS: '2', PONG_MAX_MESSAGE_BYTES: '128' }, prepare: listenOnPort });
  const rest = new Rest(stack);

  test('has so many connections, another as many again', async () => {
    const room = await rest.ok(rest.create());
    const from = (localAddress) =>
      Player.connect(stack, { room_code: room.room_code }, { wsUrl: stack.directUrl, socketOptions: { localAddress } });
    const first = await from('127.0.0.1');
    await from('127.0.0.1');
    await assert.rejects(from('127.0.0.1'), (error) => error.status === 429 && error.headers['x-pong-refusal'] === 'too_many_connections');
    await from('127.0.0.2');
    const seen = await scrape(stack);
    assert.equal(seen.get('pong_limits_hit_total', { limit: 'connections_per_address' }), 1);
    assert.equal(seen.get('pong_client_addresses'), 2);
    first.drop();
    await stack.until('there is a place again', () => from('127.0.0.1').then(() => true, () => false));
  });

  test('a message has so many bytes', async () => {
    const room = await rest.ok(rest.create());
    const player = await Player.connect(stack, room, { wsUrl: stack.directUrl });
    const ping = (bytes) => `{"type":"ping","time":1,"_":"${'x'.repeat(bytes - 31)}"}`;
    assert.equal(ping(128).length, 128);
    player.sendRaw(ping(128));
    await player.waitFor('pong');
    player.sendRaw(ping(129));
    assert.equal((await player.waitForClose()).code, 1009);
    assert.equal(await hits(stack, 'message_too_big'), 1);
  });
});

describe('handshakes', () => {
  const env = { PONG_HANDSHAKE_SECONDS: '1', PONG_MAX_HANDSHAKES: '4', PONG_JOIN_SECONDS: '1', PONG_MAX_SPECTATORS: '3' };
  const stack = useStack({ env });
  const rest = new Rest(stack);

  test('that are never begun, or come letter by letter, are ended', async () => {
    const silent = mute(stack.sockets.gamed);
    const dribbling = mute(stack.sockets.gamed, UPGRADE);
    const timer = setInterval(() => dribbling.write('X'), 100);
    assert.ok((await silent.ended) > 500, 'not at once');
    assert.ok((await dribbling.ended) > 500, 'not at once');
    clearInterval(timer);
    assert.equal(await hits(stack, 'handshake_time'), 2);
  });

  test('that are under way are only so many; the next is closed, the others are not disturbed', async () => {
    const room = await rest.ok(rest.create());
    const halves = Array.from({ length: 4 }, () => mute(stack.sockets.gamed, UPGRADE));
    await scrapeUntil(stack, 'four are under way', (seen) => seen.get('pong_handshakes') === 4);
    await mute(stack.sockets.gamed).ended;
    assert.equal(await hits(stack, 'handshakes'), 1);
    await Promise.all(halves.map(({ ended }) => ended));
    await stack.until('others may come again', () => Player.connect(stack, room).then(() => true, () => false));
    assert.equal((await scrape(stack)).get('pong_handshakes'), 0);
  });

  test('a watcher who gives no sign of life is sent away; who answers pings, says something or has a seat may stay', async () => {
    const room = await rest.ok(rest.create());
    const deaf = { socketOptions: { autoPong: false } };
    const listener = await Player.connect(stack, { room_code: room.room_code });
    const polite = await Player.connect(stack, { room_code: room.room_code }, deaf);
    const seated = await Player.connect(stack, room, deaf);
    polite.sayHello({ username: 'Eve' });
    const dead = await Player.connect(stack, { room_code: room.room_code }, deaf);
    assert.equal((await dead.waitForClose()).code, 4505);
    assert.ok(dead.pings > 0 && listener.pings > 0, 'they were asked');
    await seated.stepsPass(180);
    assert.equal(await hits(stack, 'never_joined'), 1);
    assert.deepEqual([listener.closed, polite.closed, seated.closed], [null, null, null]);
  });
});

describe('handshakes a second', () => {
  const stack = useStack({ env: { PONG_HANDSHAKES_PER_SECOND: '1' } });
  const rest = new Rest(stack);

  test('over the rate are server_busy for a moment', async () => {
    const room = await rest.ok(rest.create());
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => Player.connect(stack, { room_code: room.room_code })));
    const refused = answers.filter(({ status }) => status === 'rejected');
    assert.ok(refused.length > 0 && refused.length < answers.length, `${refused.length} of ${answers.length}`);
    for (const { reason } of refused) await assertRefused(Promise.reject(reason), 503, 'server_busy');
    assert.equal(await hits(stack, 'handshake_rate'), refused.length);
    const returns = Array.from({ length: 8 }, () => Player.connect(stack, room));
    await Promise.all(returns); // to a seat one may always come back
    assert.equal(await hits(stack, 'handshake_rate'), refused.length);
    await stack.until('one may connect again', () => Player.connect(stack, { room_code: room.room_code }).then(() => true, () => false));
  });
});

describe('handshakes a second of one address', () => {
  const stack = useStack({ env: { PONG_HANDSHAKE_RATE: '1', PONG_CONNECTIONS_PER_ADDRESS: '2' } });
  const rest = new Rest(stack);

  test('are counted by nginx, whatever becomes of them', async () => {
    const missing = () => Player.connect(stack, { room_code: 'A00000' }).catch((error) => error);
    const answers = await Promise.all(Array.from({ length: 12 }, missing));
    const statuses = answers.map(({ status }) => status);
    assert.ok(statuses.includes(404) && statuses.includes(429), statuses.join(' '));
    const room = await rest.ok(rest.create());
    await stack.until('one may connect again', () => Player.connect(stack, room).then(() => true, () => false));
  });
});
