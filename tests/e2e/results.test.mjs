// Results reach user_management whatever state it is in: they are retried until it has recorded them, always as the
// same bytes under the same key, and nothing is sent again once it has.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort, quickServe, startStack, useStack } from './harness.mjs';
import { finishMatch, startMatch } from './rooms.mjs';
import { UserManagement } from './user-management.mjs';

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

describe('a result', () => {
  test('outlives a user_management that is down, fails, refuses for a while, and cuts the line', async () => {
    const port = await freePort();
    const env = { ...quickServe, USER_MANAGEMENT_URL: `http://127.0.0.1:${port}` };
    const management = new UserManagement({
      answers: [{ status: 500 }, { status: 429, headers: { 'Retry-After': '2' } }, { cut: true }],
    });
    const stack = await startStack({ env });
    try {
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
    } finally {
      await stack.stop();
      await management.stop();
    }
  });

  test('several at once, each with its own key; one slow receiver delays none of the others', async () => {
    const env = { ...quickServe };
    const management = new UserManagement({ answers: [{ status: 201, delayMs: 6_000 }, { status: 503 }, { status: 409 }, { status: 408 }] });
    await management.start();
    env.USER_MANAGEMENT_URL = `${management.url}/`; // a trailing slash is no second slash
    const stack = await startStack({ env });
    try {
      const codes = await Promise.all(Array.from({ length: 6 }, () => playOne(stack)));
      await management.until(() => management.recorded().length === 6, PATIENCE_MS);
      assert.deepEqual(management.recorded().map(({ json }) => json.room_code).sort(), codes.sort());
      assert.ok(management.attempts.every(({ path }) => path === '/api/games/'));
      for (const code of codes) sameBytes(management.attempts.filter(({ json }) => json.room_code === code));
      const keys = new Set(management.attempts.map(({ headers }) => headers['idempotency-key']));
      assert.equal(keys.size, 6);
      assert.ok(management.attempts.every(({ headers }) => headers.authorization === undefined), 'no key, no header');
    } finally {
      await stack.stop();
      await management.stop();
    }
  });

  test('that is refused for good is not sent again and again', async () => {
    const management = new UserManagement({ answers: [{ status: 400 }, { status: 403 }, { status: 302, headers: { Location: '/elsewhere/' } }] });
    await management.start();
    const stack = await startStack({ env: { ...quickServe, USER_MANAGEMENT_URL: management.url } });
    try {
      for (let i = 0; i < 3; i += 1) await playOne(stack);
      await management.until(() => management.attempts.length === 3);
      const code = await playOne(stack);
      await management.result(({ room_code: room }) => room === code);
      await sleep(4_000); // a backoff would have tried twice by now
      assert.equal(management.attempts.length, 4);
    } finally {
      await stack.stop();
      await management.stop();
    }
  });
});

describe('guests\' results', () => {
  const env = { ...quickServe, PONG_POST_GUEST_RESULTS: 'no' };
  const management = new UserManagement();
  before(async () => {
    await management.start();
    env.USER_MANAGEMENT_URL = management.url;
  });
  after(() => management.stop());
  const stack = useStack({ env });

  test('are not posted where the operator does not want them', async () => {
    await playOne(stack);
    await sleep(2_000);
    assert.deepEqual(management.attempts, []);
  });
});
