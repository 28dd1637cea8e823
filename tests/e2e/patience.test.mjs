// What takes a minute by nature: a peer that is gone without a word, and a match that does not end. The tests only
// wait, so they wait at the same time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';
import { startRally } from './rooms.mjs';
import { useManagement } from './user-management.mjs';

const MINUTES_MS = 180_000;

describe('patience', { concurrency: true }, () => {
  describe('with a peer', () => {
    const stack = useStack();
    const rest = new Rest(stack);

    test('that answers no ping ends after 45 s; one that answers may be silent for ever', async () => {
      const deaf = await Player.connect(stack, await rest.ok(rest.create()), { socketOptions: { autoPong: false } });
      const well = await Player.connect(stack, await rest.ok(rest.create()));
      await well.until('three pings', () => (well.pings >= 3 ? true : undefined), 20_000);
      const { code } = await deaf.waitForClose(MINUTES_MS);
      assert.equal(code, 1006);
      await well.until('pings for a whole minute', () => (well.pings >= 28 ? true : undefined), MINUTES_MS);
      assert.ok(Number.isInteger(await well.step()));
    });
  });

  describe('with a match', () => {
    const env = { ...quickServe, PONG_MATCH_MINUTES: '1' };
    const management = useManagement(env);
    const stack = useStack({ env });

    test('that does not end is abandoned, and the leader wins', async () => {
      const { one, two } = await startRally(stack, { winning_score: 21 });
      two.miss();
      await one.waitFor('goal_scored');
      two.track();
      const over = await one.waitFor('game_over', () => true, MINUTES_MS);
      const leader = Math.sign(over.player_1_score - over.player_2_score);
      assert.equal(over.reason, 'abandoned');
      assert.equal(over.winner, { 1: 1, 0: null, '-1': 2 }[leader]);
      const { json } = await management.result();
      assert.equal(json.reason, 'abandoned');
      assert.ok(json.duration >= 55, `a minute, it took ${json.duration} s`);
    });
  });
});
