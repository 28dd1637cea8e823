// Redis goes away under live matches: it stands still, shortly and for long, and it dies and comes back with what its file
// has; it is full, or its disk fails, so that it takes no writes. Nobody loses a match: what could not be certain stands still meanwhile, goes on after a countdown, and is recorded once.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { noRedis, useCluster } from './cluster.mjs';
import { quickServe } from './harness.mjs';
import { BINARY, Player } from './player.mjs';
import { skipFor } from './requirement.mjs';
import { Rest } from './rest.mjs';
import { scrape, scrapeUntil } from './scrape.mjs';
import { assertRecorded, steadyMatch } from './steady.mjs';
import { UserManagement } from './user-management.mjs';

const MATCHES = process.env.PONG_TEST_FULL === '1' ? 60 : 12;
const WINNING_SCORE = 5; // takes longer than Redis is away
const SHORT_MS = 1_000; // a slot is certain for 1.6 s at least
const AT_MOST_MS = 1_500; // a stop that this machine made longer than this proves nothing
const LONG_MS = 4_000;
const STALE_MS = 3_000; // what an instance said of itself this long ago counts no more

describe('Redis', { skip: skipFor(noRedis) }, () => {
  const management = new UserManagement();
  const env = {
    ...quickServe,
    // Nobody forfeits, no room closes: how long the players are away is none of this test's business.
    PONG_ABSENCE_SECONDS: '600', PONG_ABSENCE_TOTAL_SECONDS: '1200', PONG_REMATCH_SECONDS: '600',
  };
  before(async () => {
    await management.start();
    env.USER_MANAGEMENT_URL = management.url;
  });
  const cluster = useCluster({ instances: 2, redis: { appendonly: true, args: ['--dbfilename', 'state'] }, env }); // a folder: no snapshot can be made
  after(() => management.stop());
  const rest = new Rest(cluster);

  /** Matches of which every ball flies. */
  async function underWay() {
    const matches = await Promise.all(Array.from({ length: MATCHES }, () => steadyMatch(cluster, rest, { fields: { winning_score: WINNING_SCORE } })));
    await cluster.until('every match is under way', () => matches.every(({ seats }) => seats[0].all('game_resumed').length > 0));
    return matches;
  }

  const seatsOf = (matches) => matches.flatMap(({ seats }) => seats);
  const rooms = async (name) => (await scrape(cluster)).get(name);

  /** Every match goes on to an end that is recorded once; says how long the longest silence was. */
  async function goOn(t, matches) {
    await Promise.all(matches.map(({ ended }) => ended));
    await assertRecorded(matches, management);
    await cluster.assertRooms();
    const seats = seatsOf(matches);
    t.diagnostic(`${matches.length} matches; longest silence ${Math.round(Math.max(...seats.map(({ longestGap }) => longestGap)))} ms`);
  }

  /** Waits until no room is certain any more: the newest state that could be shown is the last for now. */
  async function frozen(matches) {
    await scrapeUntil(cluster, 'every room stands still', (seen) => seen.get('pong_rooms_frozen') >= matches.filter(({ seats }) => !seats[0].over).length);
    await cluster.until('health tells', async () => (await rest.get('/api/room/health/')).status === 503);
  }

  /** Who was in a rally when it froze was told of a pause and, after a countdown, of its end. */
  function assertCountedDown(matches, from) {
    for (const { code, seats } of matches) {
      for (const [index, seat] of seats.entries()) {
        const since = seat.news.slice(from.get(seat));
        const paused = since.findIndex(({ message }) => message.type === 'game_paused' && message.reason === 'restart');
        if (paused < 0 && since.some(({ message }) => message.type === 'game_over')) continue; // it had ended before
        assert.ok(paused >= 0, `room ${code}, seat ${index + 1}: not told of a pause: ${since.map(({ message }) => message.type)}`);
        if (seat.protocol === BINARY) continue; // which is not told what it can foresee
        const resumed = since.findIndex(({ message }, i) => i > paused && message.type === 'game_resumed');
        assert.ok(resumed >= 0, `room ${code}, seat ${index + 1}: did not go on`);
        assert.ok(!since.slice(paused, resumed).some(({ message }) => message.type === 'goal_scored'), `room ${code}: a goal in the pause`);
      }
    }
  }

  const here = (matches) => new Map(seatsOf(matches).map((seat) => [seat, seat.news.length]));

  test('stands still for a second: nobody notices', async (t) => {
    const before = await rooms('pong_freezes_total');
    const matches = await underWay();
    let took;
    for (let attempt = 0; attempt < 5 && !(took <= AT_MOST_MS); attempt += 1) {
      const began = performance.now();
      cluster.redis.pause();
      await sleep(SHORT_MS);
      cluster.redis.resume();
      took = performance.now() - began;
      await sleep(2_000); // what it had missed is done
    }
    await goOn(t, matches);
    if (took > AT_MOST_MS) return t.diagnostic('the machine was too busy to stop Redis for no more than a second');
    assert.equal(await rooms('pong_freezes_total'), before);
    for (const seat of seatsOf(matches)) {
      assert.deepEqual(seat.all('game_paused'), []);
      assert.equal(seat.connections, 1);
    }
    return undefined;
  });

  test('stands still for four seconds: games stand still, it is told, they go on', async (t) => {
    const matches = await underWay();
    const from = here(matches);
    const began = performance.now();
    cluster.redis.pause();
    try {
      await frozen(matches);
      await scrapeUntil(cluster, 'metrics tell', (seen) => seen.get('pong_redis_up') === 0);
      await sleep(Math.max(0, LONG_MS - (performance.now() - began)));
    } finally {
      cluster.redis.resume();
    }
    await goOn(t, matches);
    assertCountedDown(matches, from);
    await cluster.until('health is well', async () => (await rest.get('/api/room/health/')).json?.degraded === undefined);
  });

  test('dies and comes back with what its file has: games go on, each is recorded once', async (t) => {
    const matches = await underWay();
    const from = here(matches);
    await cluster.redis.kill();
    try {
      await frozen(matches);
    } finally {
      await cluster.redis.start();
    }
    const began = performance.now();
    await scrapeUntil(cluster, 'no room stands still', (seen) => seen.get('pong_rooms_frozen') === 0);
    t.diagnostic(`all run ${Math.round(performance.now() - began)} ms after Redis answered`);
    await goOn(t, matches);
    assertCountedDown(matches, from);
    assert.deepEqual(await Promise.all([1, 2].map((i) => cluster.slotsOf(i).then((slots) => slots.length))), [1, 1], 'each has its slot still');
  });

  test('is full: games go on, and who comes to one is let in', async (t) => {
    const before = await rooms('pong_freezes_total');
    const matches = await underWay();
    await cluster.redis.ask('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await sleep(STALE_MS);
      const [{ code }] = matches.filter(({ seats }) => !seats[0].over);
      assert.equal((await rest.check(code)).status, 200);
      const watcher = await Player.connect(cluster, { room_code: code });
      watcher.sayHello();
      await watcher.waitForState(({ status }) => status === 'ONGOING');
      watcher.drop();
    } finally {
      await cluster.redis.ask('CONFIG', 'SET', 'maxmemory', '0');
    }
    await goOn(t, matches);
    assert.equal(await rooms('pong_freezes_total'), before);
    for (const seat of seatsOf(matches)) assert.deepEqual([seat.all('game_paused'), seat.connections], [[], 1]);
  });

  test('takes no writes, as its disk fails: games stand still, it is told why, they go on', async (t) => {
    const matches = await underWay();
    const from = here(matches);
    await cluster.redis.askAll([['CONFIG', 'SET', 'save', '3600 100000'], ['BGSAVE']]);
    try {
      await frozen(matches);
      await scrapeUntil(cluster, 'metrics tell', (seen) => seen.get('pong_redis_up') === 0);
      for (const gamed of cluster.gameds) assert.match(gamed.tail(), /MISCONF/);
    } finally {
      await cluster.redis.ask('CONFIG', 'SET', 'save', '');
    }
    await goOn(t, matches);
    assertCountedDown(matches, from);
  });

  test('is emptied: what the instances have in memory is written anew', async (t) => {
    const matches = await underWay();
    const codes = async () => (await cluster.redis.askAll((await Promise.all([1, 2].map((i) => cluster.slotsOf(i)))).flat().map((slot) => ['HKEYS', `{pong}:rooms:${slot}`]))).flat();
    await cluster.redis.ask('FLUSHALL');
    await cluster.until('every room is there again', async () => {
      const there = await codes();
      return matches.every(({ code, seats }) => seats[0].over || there.includes(code));
    });
    await goOn(t, matches);
    assert.deepEqual(await Promise.all([1, 2].map((i) => cluster.slotsOf(i).then((slots) => slots.length))), [1, 1], 'each has its slot still');
  });
});
