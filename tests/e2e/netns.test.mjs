// Three hosts, each in a network of its own; one of them loses its way to Redis, while its players still reach it, and gets it
// back. Its matches go on at the others, and nowhere twice: what it says to those who stayed is nothing, or goodbye.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { noRedis, useCluster } from './cluster.mjs';
import { freePort, quickServe } from './harness.mjs';
import { Host, noNamespaces } from './netns.mjs';
import { skipFor } from './requirement.mjs';
import { Rest } from './rest.mjs';
import { scrape } from './scrape.mjs';
import { assertRecorded, steadyMatch } from './steady.mjs';
import { UserManagement } from './user-management.mjs';

const MATCHES = process.env.PONG_TEST_FULL === '1' ? 60 : 12;
const WINNING_SCORE = 9; // takes longer than a host is cut off
const HOSTS = 3;
const GOODBYES = [1006, 4001]; // dropped, or sent to another server
const SAMPLE_MS = 100;
const SAMPLES = 20; // in some 15 s

describe('three hosts', { skip: skipFor(noRedis || noNamespaces()) }, () => {
  const hosts = Array.from({ length: HOSTS }, (_, index) => new Host(index + 1));
  const management = new UserManagement();
  const redis = {};
  before(async () => {
    for (const host of hosts) host.make();
    await management.start(0, '0.0.0.0');
    redis.listen = [hosts[0].lines.redis.address, await freePort()];
  });
  const cluster = useCluster({
    instances: HOSTS,
    redis,
    env: {
      ...quickServe,
      // Nobody forfeits, no room closes: how long the players are away is none of this test's business.
      PONG_ABSENCE_SECONDS: '600', PONG_ABSENCE_TOTAL_SECONDS: '1200', PONG_REMATCH_SECONDS: '600',
    },
    instance: (i, { redis: { password } }) => {
      const { lines: { players, redis: line } } = hosts[i - 1];
      return {
        listen: `${players.host}:7000`,
        ipc: `tcp://${players.host}:7001`,
        redisUrl: `redis://:${password}@${line.address}:${redis.listen[1]}`,
        env: { USER_MANAGEMENT_URL: management.urlAt(players.address) },
        wrap: (command) => hosts[i - 1].run(command),
      };
    },
  });
  after(async () => { // the cluster has stopped
    await management.stop();
    for (const host of hosts) host.remove();
  });
  const rest = new Rest(cluster);

  /** Looks again and again, until told to end: no slot is owned by two that are certain of it. */
  function watchOwners() {
    let isOver = false;
    let samples = 0;
    const looking = (async () => {
      while (!isOver) {
        const seen = await scrape(cluster);
        const owned = seen.families.get('pong_slot_state').samples.filter(({ labels, value }) => labels.get('state') === 'owned' && value === 1);
        const slots = owned.map(({ labels }) => labels.get('slot'));
        if (slots.length >= HOSTS - 1) samples += 1; // what one host alone says proves nothing
        assert.equal(new Set(slots).size, slots.length, `owned twice: ${owned.map(({ labels }) => [...labels.values()].join(' ')).join(', ')}`);
        await sleep(SAMPLE_MS);
      }
      return samples;
    })();
    looking.catch(() => {}); // it is awaited at the end
    return () => {
      isOver = true;
      return looking;
    };
  }

  const open = () => steadyMatch(cluster, rest, { fields: { winning_score: WINNING_SCORE }, keepsOld: true });

  /** Matches that are all under way, at more than one host: api-fcgi hears of a new home a little later than Redis. */
  async function underWay() {
    const matches = [];
    await cluster.until('rooms are opened at several hosts', async () => {
      const more = matches.length === 0 ? MATCHES : 2;
      matches.push(...(await Promise.all(Array.from({ length: more }, open))));
      for (const match of matches) match.owner ??= await cluster.ownerOf(match.code);
      return new Set(matches.map(({ owner }) => owner)).size > 1;
    });
    await cluster.until('every match is under way', () => matches.every(({ seats }) => seats.every((seat) => seat.lastHeard !== null) && seats[0].all('game_resumed').length > 0));
    return matches;
  }

  for (const how of ['down', 'oneway']) {
    test(`the way to Redis is cut (${how}) and healed: no split brain`, async (t) => {
      await cluster.until('each instance has a home', () => cluster.allHaveHomes());
      const matches = await underWay();
      const roomsOf = (i) => matches.filter(({ owner }) => owner === i).length;
      const victim = hosts.map((_, index) => index + 1).reduce((most, i) => (roomsOf(i) > roomsOf(most) ? i : most));
      const cut = matches.filter(({ owner }) => owner === victim);
      const others = matches.filter(({ owner }) => owner !== victim);
      assert.ok(cut.length > 0 && others.length > 0, `rooms are spread: ${matches.map(({ owner }) => owner)}`);
      const slots = await cluster.slotsOf(victim);
      const endOfWatch = watchOwners();

      const heal = hosts[victim - 1].cut(how);
      const began = performance.now();
      try {
        const playing = cut.filter(({ seats }) => !seats[0].over);
        await cluster.until('its slots are others\'', async () => {
          const owners = await Promise.all(slots.map((slot) => cluster.ownerOf(slot)));
          return owners.every((owner) => owner !== 0 && owner !== victim);
        });
        t.diagnostic(`taken over after ${Math.round(performance.now() - began)} ms`);
        const room = await rest.ok(rest.create());
        assert.notEqual(await cluster.ownerOf(room.room_code), victim, 'new rooms are opened where they last');
        await cluster.until('its players have come back elsewhere', () => playing.every(({ seats }) => seats.every((seat) => seat.over || seat.moves > 0)));
        t.diagnostic(`${playing.length} matches are back after ${Math.round(performance.now() - began)} ms`);
      } finally {
        heal();
      }
      await cluster.until('it has a home again', () => cluster.allHaveHomes());
      t.diagnostic(`a home again ${Math.round(performance.now() - began)} ms after the cut`);
      await Promise.all(matches.map(({ ended }) => ended));
      const samples = await endOfWatch();
      assert.ok(samples >= SAMPLES, `the owners were seen ${samples} times only`);
      t.diagnostic(`owners were seen ${samples} times`);

      for (const { code, seats } of matches) {
        for (const seat of seats) {
          assert.deepEqual(seat.late, [], `room ${code}: heard from the old server when the new one had spoken`);
          await cluster.until('old connections end', () => seat.ended.every(({ player }) => player.closed));
          const codes = seat.ended.map(({ player }) => player.closed.code);
          assert.ok(codes.every((each) => GOODBYES.includes(each)), `room ${code}: closed with ${codes}`);
        }
      }
      for (const { code, seats } of others) assert.ok(seats.every(({ connections }) => connections === 1), `room ${code}: of another host, and dropped`);
      await assertRecorded(matches, management);
      await cluster.assertRooms();
    });
  }
});
