// A lost connection: the game waits. Whoever comes back in time plays on after a countdown; whoever does not
// forfeits the match to the one who stayed; when nobody stays it is abandoned. Patience is bounded per absence
// and per match.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';
import { startMatch, startRally } from './rooms.mjs';
import { useManagement } from './user-management.mjs';

const COUNTDOWN_MS = 3_000; // after a return
const BUDGET_SECONDS = 8;

describe('an absence that ends', () => {
  const stack = useStack();
  const rest = new Rest(stack);

  test('the other sees a pause, and play goes on after a countdown', async () => {
    const { code, second, one, two } = await startRally(stack);
    two.drop();
    const paused = await one.waitFor('game_paused');
    assert.deepEqual([paused.player_number, paused.reason], [2, 'absence']);
    const left = await one.waitFor('player_left');
    assert.deepEqual([left.player_number, left.player_id, left.username], [2, second.player_id, 'Bob']);
    await one.waitForState((state) => state.is_paused);
    const { json } = await rest.check(code);
    assert.deepEqual([json.is_paused, json.active_sessions, json.player_count], [true, 1, 2]);
    const { ball_x: x, ball_y: y, player_1_score: ours, player_2_score: theirs } = one.state;

    const back = await Player.connect(stack, second);
    const { timestamp: returned } = await back.waitFor('game_state');
    assert.deepEqual([back.state.ball_x, back.state.ball_y], [x, y], 'the ball waits where it was');
    back.track();
    await back.join();
    const resumed = await one.waitFor('game_resumed');
    const ms = resumed.timestamp - returned; // by the server's clock
    assert.ok(ms > COUNTDOWN_MS - 500 && ms < 2 * COUNTDOWN_MS, `the countdown took ${ms} ms`);
    assert.ok(resumed.ball_speed_x !== 0);
    await one.waitForState((state) => state.ball_x !== x && !state.is_paused, 'the ball flies again');
    assert.deepEqual([one.state.player_1_score, one.state.player_2_score], [ours, theirs]);
  });

  test('a pause of a player gives way to an absence', async () => {
    const { second, one, two } = await startRally(stack);
    two.sendJson({ type: 'pause_game', player_number: 2 });
    assert.equal((await one.waitFor('game_paused')).reason, 'player');
    two.drop();
    assert.equal((await one.waitFor('game_paused')).reason, 'absence');
    await Player.connect(stack, second);
    await one.waitFor('game_resumed'); // after 180 steps, not after the rest of the player's minute
  });

  test('both away, both back', async () => {
    const { first, second, one, two } = await startRally(stack);
    one.drop();
    two.drop();
    const again = await Player.connect(stack, second);
    await again.waitForState((state) => state.is_paused);
    const other = await Player.connect(stack, first);
    await other.waitFor('game_resumed');
    assert.equal(other.state.status, 'ONGOING');
  });
});

describe('an absence that does not end', () => {
  const env = { ...quickServe, PONG_ABSENCE_SECONDS: '2' };
  const management = useManagement(env);
  const stack = useStack({ env });

  test('the match is forfeited to the one who stayed', async () => {
    const { code, first, second, one, two } = await startRally(stack);
    one.drop();
    const over = await two.waitFor('game_over');
    assert.deepEqual([over.winner, over.reason], [2, 'forfeit']);
    await two.waitForState(({ status }) => status === 'FINISHED');
    const { json } = await management.result(({ room_code: room }) => room === code);
    assert.deepEqual([json.reason, json.winner_id], ['forfeit', second.player_id]);
    assert.deepEqual([json.player_1_id, json.player_1_score, json.player_2_score], [first.player_id, 0, 0]);
  });

  test('who comes back too late sees the end, and may ask for a rematch', async () => {
    const { first, one, two } = await startRally(stack);
    one.drop();
    await two.waitFor('game_over');
    const late = await Player.connect(stack, first);
    assert.equal((await late.join()).player_number, 1);
    assert.equal(late.state.status, 'FINISHED');
    assert.equal((await late.waitFor('game_over')).reason, 'forfeit');
    const mark = late.messages.length;
    late.forget();
    two.sendJson({ type: 'rematch' });
    await late.waitFor('rematch_offered');
    late.sendJson({ type: 'rematch' });
    await late.waitFor('game_state', ({ status }) => status === 'ONGOING');
    await late.waitFor('game_resumed');
    assert.deepEqual(late.all('game_over', mark), []);
  });

  test('both away at a tie: abandoned, and nobody wins', async () => {
    const { code, one, two } = await startRally(stack);
    const watcher = await Player.connect(stack, { room_code: code });
    one.drop();
    two.drop();
    const over = await watcher.waitFor('game_over');
    assert.deepEqual([over.winner, over.reason], [null, 'abandoned']);
    const { json } = await management.result(({ room_code: room }) => room === code);
    assert.deepEqual([json.reason, json.winner_id], ['abandoned', null]);
  });

  test('both away, one of them leading: abandoned, and the leader wins', async () => {
    const { code, first, one, two } = await startMatch(stack);
    const watcher = await Player.connect(stack, { room_code: code });
    one.track();
    two.miss();
    await watcher.waitFor('goal_scored');
    two.drop();
    one.drop();
    const over = await watcher.waitFor('game_over');
    assert.deepEqual([over.winner, over.reason, over.player_1_score], [1, 'abandoned', 1]);
    const { json } = await management.result(({ room_code: room }) => room === code);
    assert.deepEqual([json.reason, json.winner_id, json.player_1_score], ['abandoned', first.player_id, 1]);
  });
});

describe('many absences', () => {
  const stack = useStack({ env: { ...quickServe, PONG_ABSENCE_SECONDS: '60', PONG_ABSENCE_TOTAL_SECONDS: String(BUDGET_SECONDS) } });

  test('a match has one budget for all absences of a seat', async () => {
    const { second, one, two } = await startRally(stack);
    let away = two;
    const lasted = [];
    for (const seconds of [1, 1]) {
      one.forget();
      away.drop();
      const paused = await one.waitFor('game_paused');
      await sleep(seconds * 1000);
      away = await Player.connect(stack, second);
      const returned = await away.waitFor('game_state');
      lasted.push((returned.timestamp - paused.timestamp) / 1000);
      away.track();
      await one.waitFor('game_resumed');
    }
    away.drop();
    const paused = await one.waitFor('game_paused');
    const over = await one.waitFor('game_over');
    assert.deepEqual([over.winner, over.reason], [1, 'forfeit']);
    lasted.push((over.timestamp - paused.timestamp) / 1000);
    const sum = lasted.reduce((a, b) => a + b);
    assert.ok(sum > BUDGET_SECONDS - 1 && sum < BUDGET_SECONDS + 1, `absences of ${lasted} s for a budget of ${BUDGET_SECONDS} s`);
  });
});
