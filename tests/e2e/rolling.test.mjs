// A deploy: every instance is stopped by SIGTERM and started again, one after the other, while matches are played. No
// match ends by it, no result is lost or recorded twice, and nobody waits long. And the same wish by pongctl.
//
// The limits are those of the product: games stand still for 2 s at most, players are back within 4 s. They are always
// measured and told; asserted as they are in full runs, three times as generous elsewhere, where machines are shared and
// sanitizers slow.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { noRedis, useCluster } from './cluster.mjs';
import { BINARY, Player } from './player.mjs';
import { skipFor } from './requirement.mjs';
import { Travels } from './traveller.mjs';
import { Rest } from './rest.mjs';
import { UserManagement } from './user-management.mjs';
import { startRally } from './rooms.mjs';

const FULL = Boolean(process.env.PONG_TEST_FULL);
const MATCHES = FULL ? 300 : 60;
const GENEROSITY = FULL ? 1 : 3;
const FREEZE_MS = 2_000 * GENEROSITY;
const ABSENCE_MS = 4_000 * GENEROSITY;
const HOME_MS = 30_000;

describe('rolling restart', { skip: skipFor(noRedis) }, () => {
  const management = new UserManagement();
  const env = { PONG_SERVE_STEPS: '60', PONG_LOG_LEVEL: 'info' };
  before(async () => {
    await management.start();
    env.USER_MANAGEMENT_URL = management.url;
  });
  after(() => management.stop());
  const cluster = useCluster({ env });

  const hasHome = async (i) => (await cluster.look()).instances.some((each) => each.i === i && each.home !== '' && each.age < 1_000);

  test(`of three instances under ${MATCHES} matches`, async (context) => {
    const travels = new Travels(cluster);
    await travels.begin(MATCHES, { winning_score: 5 });
    const owners = await Promise.all(travels.matches.map(({ code }) => cluster.ownerOf(code)));
    assert.deepEqual([...new Set(owners)].sort(), [1, 2, 3], 'rooms are spread over all instances');
    for (const i of [1, 2, 3]) {
      await cluster.restart(i);
      assert.equal(cluster.gamedAt(i).exit?.code ?? 0, 0);
      await cluster.until(`gamed-${i} has a home again`, () => hasHome(i), HOME_MS);
    }
    travels.isEnding = true;
    await travels.done;
    await travels.assertRecords(management);
    assert.ok(travels.all('absences').length >= MATCHES, 'every second player, at least, had to move');
    const [freeze, absence] = [travels.longestFreeze(), travels.longestAbsence()].map(Math.round);
    context.diagnostic(`${travels.all('absences').length} moves; longest freeze ${freeze} ms, longest absence ${absence} ms`);
    assert.ok(freeze > 0 && freeze <= FREEZE_MS, `the longest freeze took ${freeze} ms`);
    assert.ok(absence <= ABSENCE_MS, `the longest absence took ${absence} ms`);
  });

  test('all at once: there is nobody to hand over to, and nothing is lost all the same', async (context) => {
    const travels = new Travels(cluster);
    await travels.begin(12, { winning_score: 3 }, { allHasty: true });
    await cluster.until('balls fly', () => travels.aborted || travels.matches.every(({ travellers }) => travellers[0].isFlying));
    await Promise.all([1, 2, 3].map((i) => cluster.restart(i)));
    await cluster.until('each match goes on', () => travels.aborted || travels.matches.every(({ travellers }) => travellers.every(({ moves }) => moves > 0)));
    travels.isEnding = true;
    await travels.done;
    await travels.assertRecords(management);
    context.diagnostic(`longest absence ${Math.round(travels.longestAbsence())} ms`);
    for (const i of [1, 2, 3]) await cluster.until(`gamed-${i} has a home again`, () => hasHome(i), HOME_MS);
  });

  test('pongctl drain hands the slots over, and --off has one claimed again', async () => {
    const { code, one, two } = await startRally(cluster);
    const watcher = await Player.connect(cluster, { room_code: code }, { protocol: BINARY });
    await watcher.waitForFrames(1);
    const i = await cluster.ownerOf(code);
    const drained = await cluster.pongctl(i, 'drain', '--wait');
    assert.deepEqual([drained.code, drained.said], [0, '']);
    assert.match(drained.out, /All slots have been handed over/);
    for (const player of [one, two]) assert.equal((await player.waitForClose()).code, 1006, 'dropped unclean: deployed pages reconnect only then');
    assert.equal((await watcher.waitForClose()).code, 4001, 'told to come back');
    assert.deepEqual(await cluster.slotsOf(i), []);
    const owner = await cluster.ownerOf(code);
    assert.ok(owner > 0 && owner !== i);
    const rest = new Rest(cluster);
    await cluster.until('its new owner answers', async () => (await rest.check(code)).json.status === 'ONGOING');
    for (let number = 0; number < 6; number += 1) {
      const { room_code: fresh } = await rest.ok(rest.create());
      assert.notEqual(await cluster.ownerOf(fresh), i, 'a drained one gets no rooms');
    }
    assert.match((await cluster.pongctl(i, 'health')).out, /refused \(draining\)/);
    assert.ok(cluster.gamedAt(i).running);

    const { out } = await cluster.pongctl(i, 'drain', '--off');
    assert.equal(out, 'New rooms are allowed.\n');
    const health = async () => JSON.parse((await cluster.pongctl(i, '--json', 'health')).out);
    await cluster.until('it has a home again', async () => (await health()).slots.some(({ home, state }) => home && state === 'owned'), HOME_MS);
    const { draining, draining_done: done } = await health();
    assert.deepEqual([draining, done], [false, false]);
  });
});
