// A gamed that is asked to stop leaves nothing behind: matches go on in its next life where they were, and a result that is
// on its way gets a moment to arrive. Asked a second time it is gone at once, and still nothing is lost.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { quickServe, startStack } from './harness.mjs';
import { Chronicle, generator } from './lasting.mjs';
import { Player } from './player.mjs';
import { finishMatch, startMatch, startRally } from './rooms.mjs';
import { UserManagement } from './user-management.mjs';

const MATCHES = 20;
const SEED = 20; // how well they play; all else is up to the moment
const STOP_MS = 5_000; // what a stop may take
const GRACE_MS = 1_000; // what an attempt in flight is given
const LONGEST_DRAIN_MS = 10_000;
const PATIENCE_MS = 120_000;

const log = (stack) => readFileSync(stack.gamed.logPath, 'utf8');

/** When the log said so, by gamed's own clock. */
function toldAt(stack, words) {
  const line = log(stack).split('\n').findLast((each) => each.includes(words));
  assert.ok(line, `the log does not say "${words}":\n${log(stack)}`);
  return Date.parse(line.slice(0, line.indexOf(' ')));
}

const assertNoErrors = (stack) => assert.deepEqual(log(stack).split('\n').filter((line) => line.includes(' error gamed: ')), []);

/** Runs body({stack, management, chronicle}); ends the stack, then the receiver, whatever happens. */
async function withStack({ answers = [], env = {} }, body) {
  const management = await new UserManagement({ answers }).start();
  try {
    const stack = await startStack({
      env: { ...quickServe, USER_MANAGEMENT_URL: management.url, PONG_POST_BOT_RESULTS: 'yes',
        PONG_ABSENCE_SECONDS: '600', PONG_ABSENCE_TOTAL_SECONDS: '1200', ...env },
    });
    const chronicle = new Chronicle(stack, new EventEmitter());
    await body({ stack, management, chronicle }).finally(() => stack.stop());
  } finally {
    await management.stop();
  }
}

/** What callers who want a new room are told until gamed is gone. */
async function askUntilItIsGone({ stack, rest }) {
  const answers = [];
  while (stack.gamed.running) {
    const { status, json } = await rest.create({});
    answers.push(`${status} ${json.code ?? ''}`.trim());
    await sleep(20);
  }
  return answers;
}

describe('SIGTERM', () => {
  test(`during ${MATCHES} matches: all of them go on where they were, and end`, async () => {
    await withStack({ env: { PONG_DRAIN_MS: '2000' } }, async ({ stack, management, chronicle }) => {
      const fields = (i) => ({ winning_score: 3, ...(i % 4 === 0 && { opponent: 'bot', level: 'normal' }) });
      const matches = Array.from({ length: MATCHES }, (_, i) => chronicle.playMatch(fields(i), generator(SEED + i)));

      async function stopAndStart() {
        await stack.until('all are being played', () => chronicle.aborted || (chronicle.matches.length === MATCHES && chronicle.matches.every(({ rallies }) => rallies > 0)));
        const running = chronicle.matches.filter(({ over }) => !over);
        assert.ok(running.length > 0);
        stack.gamed.signal('SIGTERM');
        const told = await askUntilItIsGone(chronicle);
        const first = told.indexOf('503 draining');
        assert.ok(first >= 0, `draining was never said, only ${told}`);
        assert.ok(told.slice(first).every((each) => each !== '201'), `a room was opened later: ${told}`);

        assert.deepEqual(stack.gamed.exit, { code: 0, signal: null });
        const took = toldAt(stack, 'gamed: stopped') - toldAt(stack, 'gamed: stopping');
        assert.ok(took <= STOP_MS, `stopping took ${took} ms`);
        assertNoErrors(stack);
        chronicle.ended();
        chronicle.begin();
        await chronicle.healthy();
        await stack.until('they go on', () => chronicle.aborted || running.every(({ life }) => life === chronicle.life));
      }

      await chronicle.together([stopAndStart(), ...matches]);
      await management.until(() => chronicle.matches.every(({ code }) => management.recordsOf(code).length > 0), PATIENCE_MS);
      chronicle.assertRecords(management);
      assertNoErrors(stack);
    });
  });

  test('in a flight of the ball: it flies on from there, however long ago the last checkpoint was', async () => {
    const env = { PONG_CHECKPOINT_MS: '60000', PONG_DRAIN_MS: '0' };
    await withStack({ env }, async ({ stack, chronicle }) => {
      const { first, one } = await startRally(stack, { winning_score: 2 });
      await one.waitForState(({ ball_x: x, ball_speed_x: vx }) => x > 500 && vx > 0);
      await chronicle.end('SIGTERM');
      const { ball_x: x, ball_speed_x: vx } = one.state;
      chronicle.begin();
      await chronicle.healthy();
      const again = await Player.connect(stack, first);
      const state = await again.waitFor('game_state');
      // Every return makes it faster, so the same speed is the same flight.
      assert.ok(state.ball_speed_x !== vx || state.ball_x >= x, `back at ${state.ball_x} from ${x} px`);
      assert.notEqual(state.ball_speed_x, 0);
    });
  });

  for (const [how, answer] of [['that takes a moment', { status: 201, delayMs: 500 }], ['that never comes', { hang: true }]]) {
    test(`while an answer ${how} is waited for: the attempt gets its second, and the result is recorded once`, async () => {
      await withStack({ answers: [answer] }, async ({ stack, management, chronicle }) => {
        const { one, two } = await startMatch(stack, { winning_score: 1 });
        await finishMatch(one, two);
        await management.until(() => management.attempts.length === 1);
        const asked = Date.now();
        await chronicle.end('SIGTERM');
        await management.until(() => management.attempts[0].settledAt !== null);
        const [{ settledAt, answered }] = management.attempts;
        assert.ok(answered || settledAt - asked >= GRACE_MS, `given up after ${settledAt - asked} ms`);
        const wasNoted = /delivered: status 201/.test(log(stack));
        if (!wasNoted) assert.match(log(stack), /attempt cut off/);
        assertNoErrors(stack);

        chronicle.begin();
        await chronicle.healthy();
        await management.result(undefined, PATIENCE_MS);
        await chronicle.end('SIGTERM');
        assert.equal(management.records.size, 1);
        assert.equal(management.attempts.length, wasNoted ? 1 : 2);
        assert.equal(new Set(management.attempts.map(({ body }) => body)).size, 1);
      });
    });
  }

  test('twice: gone at once, in the middle of a POST and of a match, and nothing is lost', async () => {
    const env = { PONG_DRAIN_MS: String(LONGEST_DRAIN_MS) };
    await withStack({ answers: [{ hang: true }], env }, async ({ stack, management, chronicle }) => {
      const { code, one, two } = await startMatch(stack, { winning_score: 1 });
      const over = await finishMatch(one, two);
      await management.until(() => management.attempts.length === 1);
      const matches = [{ winning_score: 2 }, { winning_score: 2, opponent: 'bot', level: 'easy' }]
        .map((fields, i) => chronicle.playMatch(fields, generator(SEED + i)));

      async function stopAtOnceAndStart() {
        await stack.until('both are being played', () => chronicle.aborted || (chronicle.matches.length === 2 && chronicle.matches.every(({ rallies }) => rallies > 0)));
        stack.gamed.signal('SIGTERM');
        await stack.until('it is stopping', () => log(stack).includes('gamed: stopping'));
        await chronicle.end('SIGTERM'); // the second
        assert.deepEqual(stack.gamed.exit, { code: null, signal: 'SIGTERM' });
        stack.env.PONG_DRAIN_MS = '0';
        chronicle.begin();
        await chronicle.healthy();
      }

      await chronicle.together([stopAtOnceAndStart(), ...matches]);
      await management.until(() => [code, ...chronicle.matches.map((match) => match.code)].every((each) => management.recordsOf(each).length > 0), PATIENCE_MS);
      chronicle.assertRecords(management);
      assert.equal(management.recordsOf(code).length, 1);
      const [{ json }] = management.recordsOf(code);
      assert.deepEqual([json.player_1_score, json.player_2_score], [over.player_1_score, over.player_2_score]);
      assert.equal(new Set(management.attemptsOf(code).map(({ body }) => body)).size, 1);
    });
  });
});
