// Results reach user_management whatever state it is in: they are retried until it has recorded them, always as the
// same bytes under the same key, and nothing is sent again once it has.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort, quickServe, startStack, useStack } from './harness.mjs';
import { finishMatch, startMatch } from './rooms.mjs';
import { UserManagement, useManagement } from './user-management.mjs';

const PATIENCE_MS = 90_000;

const playOne = async (stack) => {
  const { code, one, two } = await startMatch(stack, { winning_score: 1 });
  await finishMatch(one, two);
  return code;
};

const sameBytes = (attempts) => {
  assert.equal(new Set(attempts.map(({ body }) => body)).size, 1, 'every attempt has the same bytes');
  assert.equal(new Set(attempts.map(({ headers }) => headers['idempotency-key'])).size, 1);
};

/** Runs `body(stack)` with a stack that posts to `url`; ends the stack, then the receiver, whatever happens. */
async function whilePosting(url, management, body) {
  try {
    const stack = await startStack({ env: { ...quickServe, USER_MANAGEMENT_URL: url } });
    await body(stack).finally(() => stack.stop());
  } finally {
    await management.stop();
  }
}

describe('a result', () => {
  test('outlives a user_management that is down, fails, refuses for a while, and cuts the line', async () => {
    const port = await freePort();
    const management = new UserManagement({
      answers: [{ status: 500 }, { status: 429, headers: { 'Retry-After': '2' } }, { cut: true }],
    });
    await whilePosting(`http://127.0.0.1:${port}`, management, async (stack) => {
      const code = await playOne(stack);
      await sleep(500); // the first attempt finds nobody
      await management.start(port);
      const { json } = await management.result(undefined, PATIENCE_MS);
      assert.equal(json.room_code, code);
      assert.deepEqual(management.attempts.map(({ status }) => status), [500, 429, 0, 201]);
      sameBytes(management.attempts);
      const [, refused, next] = management.attempts;
      assert.ok(next.at - refused.at >= 1_950, `Retry-After 2 was not obeyed: ${next.at - refused.at} ms`);
      await sleep(1_500);
      assert.equal(management.attempts.length, 4, 'recorded is recorded');
    });
  });

  test('several at once, each with its own key; one slow receiver delays none of the others', async () => {
    const management = new UserManagement({ answers: [{ status: 201, delayMs: 6_000 }, { status: 503 }, { status: 409 }, { status: 408 }] });
    await management.start();
    const url = `${management.url}/`; // a trailing slash is no second slash
    await whilePosting(url, management, async (stack) => {
      const codes = await Promise.all(Array.from({ length: 6 }, () => playOne(stack)));
      await management.until(() => management.recorded().length === 6, PATIENCE_MS);
      assert.deepEqual(management.recorded().map(({ json }) => json.room_code).sort(), codes.sort());
      assert.ok(management.attempts.every(({ path }) => path === '/api/games/'));
      for (const code of codes) sameBytes(management.attempts.filter(({ json }) => json.room_code === code));
      const keys = new Set(management.attempts.map(({ headers }) => headers['idempotency-key']));
      assert.equal(keys.size, 6);
      assert.ok(management.attempts.every(({ headers }) => headers.authorization === undefined), 'no key, no header');
    });
  });

  test('that is refused for good is not sent again and again', async () => {
    const management = new UserManagement({ answers: [{ status: 400 }, { status: 403 }, { status: 302, headers: { Location: '/elsewhere/' } }] });
    await management.start();
    await whilePosting(management.url, management, async (stack) => {
      for (let i = 0; i < 3; i += 1) await playOne(stack);
      await management.until(() => management.attempts.length === 3);
      const code = await playOne(stack);
      await management.result(({ room_code: room }) => room === code);
      await sleep(4_000); // a backoff would have tried twice by now
      assert.equal(management.attempts.length, 4);
    });
  });
});

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
