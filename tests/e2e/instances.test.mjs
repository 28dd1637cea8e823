// Several game servers without Redis: each has its slot for good, api-fcgi is told where they are. Rooms are spread, whoever asks
// for a room reaches its owner, and what one of them does not survive the others do. Two of the four are reached over TCP.

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';

import { Cluster, slotOf, useCluster } from './cluster.mjs';
import { freePort, repository } from './harness.mjs';
import { BINARY, Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { startRally } from './rooms.mjs';
import { scrape, scrapeUntil } from './scrape.mjs';

const SLOTS = ['A', 'B', 'C', 'D'];
const OVER_TCP = 3; // the third and the fourth
const ports = await Promise.all(Array.from({ length: 2 * (SLOTS.length - OVER_TCP + 1) }, () => freePort()));

/** Where the i-th is. */
function instance(i) {
  if (i < OVER_TCP) return {};
  const [ipc, listen] = ports.slice(2 * (i - OVER_TCP));
  return { ipc: `tcp://127.0.0.1:${ipc}`, listen: `127.0.0.1:${listen}` };
}

const TRIES_MAX = 2_000;

const cancel = (rest, room) => rest.ok(rest.cancel({ room_code: room.room_code }, { token: room.seat_token }));

/** A new room in that slot. Those that are opened elsewhere stay until it is found: they make that slot the less loaded one. */
async function roomIn(slot, rest, fields = {}) {
  const others = [];
  for (let i = 0; i < TRIES_MAX; i += 1) {
    const room = await rest.ok(rest.create({ username: 'Ann', ...fields }));
    if (slotOf(room.room_code) === slot) {
      for (const other of others) await cancel(rest, other);
      return room;
    }
    others.push(room);
  }
  throw new Error(`none of ${TRIES_MAX} rooms was opened in slot ${slot}`);
}

/** The reply to a question on an IPC address of gamed's (https://nanomsg.org/ sp-protocol). */
function ask(url, question) {
  const [host, port] = url.replace('tcp://', '').split(':');
  const request = Buffer.concat([Buffer.from([0x80, 0, 0, 1]), Buffer.from(JSON.stringify(question))]);
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(BigInt(request.length));
  return new Promise((resolve, reject) => {
    let heard = Buffer.alloc(0);
    const socket = net.connect(Number(port), host, () => socket.write(Buffer.concat([Buffer.from([0, 0x53, 0x50, 0, 0, 0x30, 0, 0]), head, request])));
    socket.on('error', reject).on('close', () => reject(new Error('no answer'))).on('data', (data) => {
      heard = Buffer.concat([heard, data]);
      if (heard.length < 16 || heard.length < 16 + Number(heard.readBigUInt64BE(8))) return;
      resolve(JSON.parse(heard.subarray(20).toString('utf8')));
      socket.destroy();
    });
  });
}

const unlimited = { PONG_MAX_ROOMS_PER_ADDRESS: '0', PONG_UNCLAIMED_SECONDS: '600', PONG_SERVE_STEPS: '31' };

describe('four game servers', () => {
  const cluster = useCluster({ instances: SLOTS.length, redis: false, instance, env: unlimited });
  const rest = new Rest(cluster);

  test('rooms are opened in all of them, and nowhere else', async () => {
    const rooms = [];
    for (let i = 0; i < 60; i += 1) rooms.push(await rest.ok(rest.create()));
    const counts = SLOTS.map((slot) => rooms.filter((room) => slotOf(room.room_code) === slot).length);
    assert.equal(counts.reduce((sum, count) => sum + count), 60);
    for (const count of counts) assert.ok(count > 0 && count < 40, `rooms by slot: ${counts}`);
    for (const room of rooms) await cancel(rest, room);
  });

  test('a new room is opened where there is less to do', async () => {
    const many = [];
    // Where B had the most when api-fcgi looked last, it gets none until the next look.
    await cluster.until('some of many are opened in B', async () => {
      for (let i = 0; i < 60; i += 1) many.push(await rest.ok(rest.create()));
      return many.some((room) => slotOf(room.room_code) === 'B');
    });
    const ofB = many.filter((room) => slotOf(room.room_code) === 'B');
    for (const room of many) if (!ofB.includes(room)) await cancel(rest, room);
    let rooms = [];
    // Of two that are picked at random B is never the less loaded, once api-fcgi knows.
    await cluster.until('no room of thirty is opened in B', async () => {
      for (const room of rooms) await cancel(rest, room);
      rooms = [];
      for (let i = 0; i < 30; i += 1) rooms.push(await rest.ok(rest.create()));
      return rooms.every((room) => slotOf(room.room_code) !== 'B');
    });
    for (const room of [...ofB, ...rooms]) await cancel(rest, room);
  });

  for (const [index, slot] of SLOTS.entries()) {
    test(`a room of slot ${slot} is joined, checked, played in and cancelled at its owner`, async () => {
      const first = await roomIn(slot, rest);
      const second = await rest.ok(rest.join({ room_code: first.room_code, username: 'Bob' }));
      assert.equal(second.player_number, 2);
      const one = await Player.connect(cluster, first);
      const two = await Player.connect(cluster, second, { protocol: BINARY });
      await one.join();
      await one.waitFor('game_resumed');
      const seen = await scrape(cluster);
      for (const other of SLOTS) {
        assert.equal(seen.get('pong_connections', { slot: other }), other === slot ? 2 : 0, `connections of ${other}`);
      }
      assert.equal((await rest.check(first.room_code.toLowerCase())).json.active_sessions, 2);
      assert.equal(two.closed, null);
      assert.equal(await cluster.ownerOf(slot), index + 1);
      const alone = await roomIn(slot, rest);
      await cancel(rest, alone);
      assertFailure(await rest.check(alone.room_code), 404, 'room_not_found');
    });
  }

  test('a code of a slot that nobody has is no room', async () => {
    const code = 'E12345';
    assertFailure(await rest.check(code), 404, 'room_not_found');
    assertFailure(await rest.join({ room_code: code }), 404, 'room_not_found');
    await assertRefused(Player.connect(cluster, { room_code: code }), 404, 'room_not_found');
  });

  test('the list has the public rooms of all', async () => {
    const rooms = [];
    for (const slot of SLOTS) for (let i = 0; i < 2; i += 1) rooms.push(await roomIn(slot, rest, { visibility: 'public' }));
    const { json } = await rest.list();
    assert.deepEqual(json.rooms.map((room) => room.room_code).sort(), rooms.map((room) => room.room_code).sort());
    assert.deepEqual(new Set(json.rooms.slice(0, 4).map((room) => slotOf(room.room_code))), new Set(SLOTS), 'the newest of each come first');
    for (const room of rooms) await cancel(rest, room);
  });

  test('quick finds who waits, wherever that is', async () => {
    for (const slot of ['B', 'D']) {
      const waiting = await roomIn(slot, rest, { visibility: 'public' });
      const player = await Player.connect(cluster, waiting);
      await player.join();
      await cluster.until(`somebody is seated in ${waiting.room_code}`, async () => {
        const seated = await rest.ok(rest.quick());
        if (seated.room_code !== waiting.room_code) await cancel(rest, seated);
        return seated.room_code === waiting.room_code;
      });
    }
  });

  test('strangers who come one after the other find each other', async () => {
    for (let i = 0; i < 5; i += 1) {
      const opened = await rest.ok(rest.quick());
      assert.equal((await rest.ok(rest.quick())).room_code, opened.room_code);
    }
  });

  test('over TCP, too, what is the operator\'s is not done', async () => {
    const [{ ipc }] = cluster.places.slice(OVER_TCP - 1);
    assert.equal((await ask(ipc, { v: 1, op: 'health' })).ok, true);
    for (const op of ['drain', 'kick', 'rooms', 'room', 'results', 'retry']) {
      const question = { v: 1, op, on: true, room_code: 'C00000', seat: 1, state: 'failed', match_id: '00000000-0000-4000-8000-000000000000' };
      assert.equal((await ask(ipc, question)).code, 'forbidden', op);
    }
    assert.equal((await rest.get('/api/room/health/')).json.draining, false);
  });

  test('one that is drained gets no new rooms, its rooms go on; where all are, the service is', async () => {
    const room = await roomIn('C', rest);
    assert.equal((await cluster.pongctl(3, 'drain')).code, 0);
    for (let i = 0; i < 40; i += 1) {
      const opened = await rest.ok(rest.create());
      assert.notEqual(slotOf(opened.room_code), 'C');
      await cancel(rest, opened);
    }
    assert.equal((await rest.check(room.room_code)).status, 200);
    assert.equal((await rest.get('/api/room/health/')).status, 200);
    for (const i of [1, 2, 4]) await cluster.pongctl(i, 'drain');
    assertFailure(await rest.get('/api/room/health/'), 503, 'draining');
    assertFailure(await rest.create(), 503, 'draining');
    for (const i of [1, 2, 3, 4]) await cluster.pongctl(i, 'drain', '--off');
    await cancel(rest, room);
    await cluster.until('all take rooms', async () => (await scrape(cluster)).get('pong_instances', { state: 'serving' }) === 4);
  });
});

describe('one of four that dies', () => {
  // api-fcgi asks it all the while, by a second connection after a second; nng loses what it has of one that it gives up then.
  const suppressions = path.join(repository, 'tests/e2e/lsan-hostile.supp');
  const env = { ...unlimited, LSAN_OPTIONS: `suppressions='${suppressions}':print_suppressions=0` };
  const cluster = useCluster({ instances: SLOTS.length, redis: false, instance, env });
  const rest = new Rest(cluster);

  test('its rooms are told to be away and come back with it; the others go on', async () => {
    const lost = await roomIn('B', rest);
    const kept = await startRally(cluster);
    const lostRally = slotOf(kept.code) === 'B';
    const other = await roomIn('D', rest);
    await cluster.gamedAt(2).stop('SIGKILL');

    await cluster.until('it is known to be away', async () => (await rest.check(lost.room_code)).status === 503);
    for (const answer of [await rest.check(lost.room_code), await rest.join({ room_code: lost.room_code })]) {
      assertFailure(answer, 503, 'slot_moving');
      assert.equal(answer.headers['retry-after'], '1');
    }
    await assertRefused(Player.connect(cluster, lost), 503, 'slot_moving');
    assert.equal((await rest.check(other.room_code)).status, 200);
    assert.equal(kept.one.closed === null, !lostRally);
    for (let i = 0; i < 40; i += 1) assert.notEqual(slotOf((await rest.ok(rest.create())).room_code), 'B');
    const health = await rest.get('/api/room/health/');
    assert.equal(health.status, 200);
    assert.deepEqual(health.json.degraded, ['instances']);
    const seen = await scrapeUntil(cluster, 'it is silent', (exposition) => exposition.get('pong_instances', { state: 'silent' }) === 1);
    assert.equal(seen.get('pong_gamed_up', { url: cluster.places[1].ipc }), 0);
    assert.equal(seen.get('pong_gamed_up', { url: cluster.places[3].ipc }), 1);
    assert.ok(seen.get('pong_api_slot_moving_total') > 0);

    cluster.gamedAt(2).start();
    await cluster.until('its room is back', async () => (await rest.check(lost.room_code)).status === 200);
    const player = await Player.connect(cluster, lost);
    await player.join();
    await cluster.until('all is well', async () => (await rest.get('/api/room/health/')).json.degraded === undefined);
  });
});

describe('a game server that is the only one', () => {
  const cluster = new Cluster({ instances: 1, redis: false });

  test('is asked everything: nobody learns anything about it', async (t) => {
    await cluster.start();
    t.after(() => cluster.stop());
    const rest = new Rest(cluster);
    assertFailure(await rest.check('Z12345'), 404, 'room_not_found');
    const { json } = await rest.get('/api/room/health/');
    assert.deepEqual(json, { success: true, status: 'ok', draining: false });
    const seen = await scrape(cluster);
    assert.equal(seen.families.has('pong_instances'), false);
    assert.equal(seen.get('pong_ipc_request_duration_seconds_count', { op: 'check', outcome: 'refused' }), 1);
  });
});
