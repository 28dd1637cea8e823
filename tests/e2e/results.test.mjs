// Which results are posted at all is the operator's choice. How they get there is receiver.test.mjs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { quickServe, useStack } from './harness.mjs';
import { finishMatch, startMatch } from './rooms.mjs';
import { useManagement } from './user-management.mjs';

const playOne = async (stack) => {
  const { code, one, two } = await startMatch(stack, { winning_score: 1 });
  await finishMatch(one, two);
  return code;
};

describe('guests\' results', () => {
  const env = { ...quickServe, PONG_POST_GUEST_RESULTS: 'no' };
  const management = useManagement(env);
  const stack = useStack({ env });

  test('are not posted where the operator does not want them', async () => {
    await playOne(stack);
    await sleep(2_000);
    assert.deepEqual(management.attempts, []);
  });
});
