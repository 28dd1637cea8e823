// One of three instances dies, and with it the memory of a third of all matches: the others take its slots, its players
// find them there, and every match is played to its end and recorded once. What it had told in its last moment, before
// that was saved, may be played for again; nothing else is taken back.
//
// Everybody is back within 5 s: always measured and told; asserted as it is in full runs, three times as generous elsewhere, where
// machines are shared and sanitizers slow.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { noRedis, useCluster } from './cluster.mjs';
import { skipFor } from './requirement.mjs';
import { Travels } from './traveller.mjs';
import { UserManagement } from './user-management.mjs';

const FULL = Boolean(process.env.PONG_TEST_FULL);
const MATCHES = FULL ? 300 : 60;
const BACK_MS = 5_000 * (FULL ? 1 : 3);
const SOME_PLAY_MS = 3_000;
const RELEASE_MS = 60_000;
const VICTIM = 2;

describe('a game server that dies', { skip: skipFor(noRedis) }, () => {
  const management = new UserManagement();
  const env = { PONG_SERVE_STEPS: '60', PONG_REMATCH_SECONDS: '5', PONG_LOG_LEVEL: 'info' };
  before(async () => {
    await management.start();
    env.USER_MANAGEMENT_URL = management.url;
  });
  after(() => management.stop());
  const cluster = useCluster({ env });

  test(`with a third of ${MATCHES} matches: the others go on with them`, async (context) => {
    const travels = new Travels(cluster);
    await travels.begin(MATCHES, { winning_score: 5 });
    await sleep(SOME_PLAY_MS);
    const [home] = await cluster.slotsOf(VICTIM);
    const struck = travels.matches.filter(({ code }) => code.startsWith(home));
    assert.ok(struck.length > 0 && struck.length < MATCHES, `${struck.length} of the matches are the victim's`);
    travels.isUnsaved = (code) => code.startsWith(home);
    const others = travels.matches.filter((match) => !struck.includes(match));

    const killedAt = performance.now();
    await cluster.gamedAt(VICTIM).stop('SIGKILL');
    const players = struck.flatMap(({ travellers }) => travellers).filter(({ over }) => !over);
    await cluster.until('everybody is back', () => travels.aborted || players.every(({ backAt, over }) => over || backAt > killedAt));
    const owner = await cluster.ownerOf(home);
    assert.ok(travels.aborted || (owner > 0 && owner !== VICTIM), `slot ${home} is now ${owner}'s`);
    const back = players.filter(({ backAt }) => backAt > killedAt).map(({ backAt }) => Math.round(backAt - killedAt)).sort((a, b) => a - b);

    travels.isEnding = true;
    await travels.done;
    await travels.assertRecords(management);
    context.diagnostic(`${struck.length} matches moved; back after ${back[0]} to ${back.at(-1)} ms; ${travels.forgotten} scores were taken back`);
    assert.ok(back.at(-1) <= BACK_MS, `the last was back after ${back.at(-1)} ms`);
    for (const { code, travellers } of others) {
      for (const { moves } of travellers) assert.equal(moves, 0, `room ${code} was another's, and its players had to move`);
    }
    await cluster.until('the slot is released after its last room', async () => (await cluster.ownerOf(home)) === 0, RELEASE_MS);
    cluster.gamedAt(VICTIM).start(); // it comes back as any other
    await cluster.until('it has a home again', async () => (await cluster.slotsOf(VICTIM)).length > 0, RELEASE_MS);
  });
});
