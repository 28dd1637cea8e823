// gamed is killed again and again while matches are played, at any moment and at the worst ones: right after a goal, or once
// that must be saved; after an end or a POST; and while it is starting. Every match ends, nobody is told anything that does not hold, every result is
// recorded once. What must hold at each restart is in lasting.mjs.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { randomInt } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { quickServe, useStack } from './harness.mjs';
import { Chronicle, generator } from './lasting.mjs';
import { UserManagement } from './user-management.mjs';

const FULL = process.env.PONG_TEST_FULL === '1';
const MATCHES = FULL ? 50 : 20; // at least; new ones begin as long as there are kills to come
const KILLS = FULL ? 20 : 8;
const AT_ONCE = FULL ? 14 : 10;
const LONGEST_LIFE_MS = 3_000;
const EVENT_MS = 4_000; // how long a moment that does not come is waited for
const PROBE_EVERY_MS = 150;
const RECORDS_MS = 120_000;
const FAILURES_MAX = 3; // of the receiver for one match, so that backoffs stay short
const JITTER_MS = 60;
const MOMENTS = ['any', 'goal', 'saved', 'over', 'post', 'starting', 'saved', 'any']; // each once in a row of kills

/** What the receiver does to an attempt: all that makes a sender try again, recorded or not. */
function trouble(random, attempt, earlier) {
  const dice = random();
  if (earlier >= FAILURES_MAX) return { status: 201 };
  if (dice < 0.1) return { status: 503 };
  if (dice < 0.2) return { cut: true };
  if (dice < 0.35) return { status: 201, cut: true };
  if (dice < 0.6) return { status: 201, delayMs: 20 + random() * 300 };
  return { status: 201 };
}

describe('gamed, killed at any moment', () => {
  const seed = Number(process.env.PONG_TEST_SEED ?? randomInt(2 ** 32));
  const events = new EventEmitter().setMaxListeners(0);
  const dice = generator(seed);
  const management = new UserManagement({
    answers: (attempt) => {
      events.emit('post');
      return trouble(dice, attempt, management.attemptsOf(attempt.json.room_code).length);
    },
  });
  const env = {
    ...quickServe, PONG_POST_BOT_RESULTS: 'yes',
    // Nobody forfeits, no room closes: how long the players are away is none of this test's business.
    PONG_ABSENCE_SECONDS: '600', PONG_ABSENCE_TOTAL_SECONDS: '1200', PONG_REMATCH_SECONDS: '600',
  };
  before(async () => {
    await management.start();
    env.USER_MANAGEMENT_URL = management.url;
  });
  after(() => management.stop());
  const stack = useStack({ env });

  test(`${KILLS} times, with ${MATCHES} matches: nothing is lost and nothing comes twice`, async () => {
    const chronicle = new Chronicle(stack, events);
    let begun = 0;
    let kills = 0;

    async function lane(number) {
      const random = generator(seed + 1 + number);
      await sleep(random() * 1_500);
      while ((begun < MATCHES || kills < KILLS) && !chronicle.aborted) {
        begun += 1;
        const bot = begun % 2 === 0 && { opponent: 'bot', level: ['easy', 'normal', 'hard'][begun / 2 % 3] };
        await chronicle.playMatch({ winning_score: 2 + Math.floor(random() * 2), ...bot }, random);
      }
    }

    async function probes() {
      while (kills < KILLS && !chronicle.aborted) {
        await chronicle.probe();
        await sleep(PROBE_EVERY_MS);
      }
    }

    async function killer() {
      const random = generator(seed + 1 + AT_ONCE);
      const jitter = () => sleep(random() < 0.5 ? 0 : random() * JITTER_MS);
      let moments = [];
      const draw = () => {
        if (moments.length === 0) moments = [...MOMENTS];
        return moments.splice(Math.floor(random() * moments.length), 1)[0];
      };
      for (let moment = draw(); kills < KILLS && !chronicle.aborted; kills += 1) {
        if (moment === 'any') {
          await sleep(random() * LONGEST_LIFE_MS);
        } else if (moment === 'starting') {
          await sleep(random() * 400);
        } else {
          await Promise.race([once(events, moment === 'saved' ? 'goal' : moment), sleep(EVENT_MS)]);
          await (moment === 'saved' ? chronicle.probe() : jitter());
        }
        await chronicle.end('SIGKILL');
        chronicle.begin();
        moment = draw();
        if (moment === 'starting') continue;
        await chronicle.healthy();
        await chronicle.revisit();
      }
      await chronicle.healthy();
    }

    try {
      await chronicle.together([killer(), probes(), ...Array.from({ length: AT_ONCE }, (_, number) => lane(number))]);
      assert.ok(chronicle.matches.length >= MATCHES);
      assert.ok(chronicle.proofCount > 0, 'the store never kept up, so nothing could be proved');
      const recorded = () => chronicle.matches.every(({ code }) => management.recordsOf(code).length > 0);
      await management.until(recorded, RECORDS_MS);
      await chronicle.end('SIGTERM'); // what is on its way still arrives
      chronicle.begin();
      await chronicle.healthy();
      await chronicle.revisit();
      chronicle.assertRecords(management);
    } catch (error) {
      error.message = `PONG_TEST_SEED=${seed}: ${error.message}`;
      throw error;
    }
  });
});
