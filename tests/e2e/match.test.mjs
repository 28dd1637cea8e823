// The main job, end to end: two players meet by a code, play a whole match over real sockets through nginx, and
// the site's user_management learns who won. One player returns every ball; the other does so in the first rally
// and misses from then on.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertDeltasAreMinimal, assertFullState } from './game-state.mjs';
import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { useManagement } from './user-management.mjs';

const API_KEY = 'e2e-api-key-5f0c';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const HITS = 4; // of the first rally

/** Hellos and states, without what the running game adds. */
const greeting = (messages) =>
  messages
    .filter(({ type, is_full_state: full }) => type === 'player_joined' || type === 'game_state' || (type === 'game_state_delta' && full))
    .map(({ type }) => type);

describe('a whole match', () => {
  const env = { ...quickServe, API_KEY };
  const management = useManagement(env);
  const stack = useStack({ env });
  const rest = new Rest(stack);

  test('from create to the recorded result', async () => {
    const startedAt = Date.now() / 1000;
    const first = await rest.ok(rest.create({ username: 'Ann' }));
    assertFullState(first.game_state);
    assert.equal(first.game_state.status, 'WAITING');

    // The creator alone: a state on connect, then the answer to the hello, in this order.
    const one = await Player.connect(stack, first);
    await one.waitFor('game_state');
    const hello = await one.join();
    assert.deepEqual(one.types(), ['game_state', 'game_state', 'player_joined', 'game_state_delta']);
    const { timestamp, ...named } = hello;
    assert.deepEqual(named, {
      type: 'player_joined', player_number: 1, player_id: first.player_id, username: 'Ann', is_you: true,
    });
    assert.equal(typeof timestamp, 'number');
    assert.deepEqual([one.state.ball_x, one.state.ball_y, one.state.player_1_paddle_y], [400, 300, 240]);
    assert.equal(one.state.winning_score, 10);
    assert.equal(one.state.last_loser, null);

    // The guest joins: the joiner sees the three, the creator the last two.
    const second = await rest.ok(rest.join({ room_code: first.room_code, username: 'Bob' }));
    assert.equal(second.player_number, 2);
    const before = one.messages.length;
    const two = await Player.connect(stack, second);
    await two.waitFor('game_state');
    const connected = two.messages.length;
    await two.join();
    assert.deepEqual(greeting(two.messages.slice(connected)), ['game_state', 'player_joined', 'game_state_delta']);
    const news = await one.waitFor('player_joined', (message) => !message.is_you);
    assert.deepEqual([news.player_number, news.player_id, news.username], [2, second.player_id, 'Bob']);
    await one.waitFor('game_state_delta', (message) => message.is_full_state);
    assert.deepEqual(greeting(one.messages.slice(before)), ['player_joined', 'game_state_delta']);

    // The first rally is a real one: the first ball flies to the right, each return makes it faster.
    one.track(30);
    two.track(-30);
    const serve = await one.waitFor('game_resumed');
    assert.deepEqual([serve.ball_speed_x, Math.abs(serve.ball_speed_y)], [7, 7]);
    const speeds = [];
    await one.waitForState(({ ball_speed_x: speed }) => {
      if (speed !== 0 && speed !== speeds.at(-1)) speeds.push(speed);
      return speeds.length > HITS;
    }, `after ${HITS} hits`);
    let expected = 448;
    speeds.slice(0, HITS + 1).forEach((speed, hit) => {
      const direction = hit % 2 === 0 ? 1 : -1;
      assert.ok(Math.abs(speed - (direction * expected) / 64) < 0.011, `hit ${hit}: ${speed} for ${expected}/64`);
      expected = Math.trunc((expected * 105) / 100);
    });

    // From here on the second misses.
    two.miss();
    const over = await one.waitFor('game_over', () => true, 180_000);
    await two.waitFor('game_over');
    for (const player of [one, two]) {
      const goals = player.all('goal_scored');
      const names = { player_1_username: 'Ann', player_2_username: 'Bob' };
      assert.deepEqual(
        goals.map(({ type, timestamp: at, ...goal }) => goal),
        Array.from({ length: 10 }, (_, i) => ({ scorer: 1, player_1_score: i + 1, player_2_score: 0, ...names })),
      );
      assert.ok(goals.every((goal, i) => i === 0 || goal.timestamp > goals[i - 1].timestamp), 'goals in order of time');
      const { type, timestamp: at, ...end } = player.all('game_over')[0];
      assert.deepEqual(end, { winner: 1, reason: 'score', player_1_score: 10, player_2_score: 0, ...names });
      await player.waitForState(({ status }) => status === 'FINISHED');
      assert.deepEqual([player.state.player_1_score, player.state.last_loser, player.state.is_paused], [10, 2, true]);
      assertDeltasAreMinimal(player.messages);
      assertAtMostThirtyASecond(player);
      assert.deepEqual(player.all('error'), []);
    }

    await assertResult(first, second, over, startedAt);
    assert.equal((await rest.check(first.room_code)).json.status, 'FINISHED');
    assertFailure(await rest.join({ room_code: first.room_code }), 409, 'game_over', 'Game has already ended');
  });

  async function assertResult(first, second, over, startedAt) {
    const { method, path, headers, json } = await management.result();
    assert.deepEqual([method, path], ['POST', '/api/games/']);
    assert.match(headers['content-type'], /^application\/json/);
    assert.equal(headers.authorization, `Api-Key ${API_KEY}`);
    const { duration, finished_at: finishedAt, match_id: matchId, ...rest } = json;
    assert.deepEqual(rest, {
      room_code: first.room_code,
      player_1_id: first.player_id,
      player_2_id: second.player_id,
      player_1_score: 10,
      player_2_score: 0,
      winner_id: first.player_id,
      reason: 'score',
    });
    assert.match(matchId, UUID);
    assert.equal(headers['idempotency-key'], matchId);
    const now = Date.now() / 1000;
    assert.ok(duration > 5 && duration <= now - startedAt + 1, `duration ${duration} of ${now - startedAt} s`);
    assert.ok(Math.abs(finishedAt - over.timestamp / 1000) < 2, `finished_at ${finishedAt}, game_over at ${over.timestamp}`);
    assert.equal(management.attempts.length, 1, 'one attempt was enough');
  }
});

/** By the server's own timestamps; after a stall it may catch up a few updates. */
function assertAtMostThirtyASecond(player) {
  const deltas = player.all('game_state_delta').filter((message) => !message.is_full_state);
  const seconds = (deltas.at(-1).timestamp - deltas[0].timestamp) / 1000;
  assert.ok(deltas.length <= seconds * 30 * 1.1 + 30, `${deltas.length} deltas in ${seconds} s`);
}
