// After the end: for a minute both may ask for another match in the same room. It starts once both have, is a match
// of its own for everyone who counts matches, and when nobody wants one the room is closed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertDeltasAreMinimal } from './game-state.mjs';
import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest } from './rest.mjs';
import { finishMatch, startMatch } from './rooms.mjs';
import { useManagement } from './user-management.mjs';

const rematch = (player) => player.sendJson({ type: 'rematch' });

describe('a rematch', () => {
  const env = { ...quickServe };
  const management = useManagement(env);
  const stack = useStack({ env });

  test('is offered, agreed to, played and recorded as a match of its own', async () => {
    const { code, first, second, one, two } = await startMatch(stack, { winning_score: 2 });
    rematch(one);
    assert.equal((await one.waitFor('error')).code, 'not_running', 'not before the end');

    await finishMatch(one, two);
    await two.waitFor('game_over');
    const mark = two.messages.length;
    one.forget();
    two.forget();
    rematch(one);
    assert.equal((await two.waitFor('rematch_offered')).player_number, 1);
    rematch(one); // asking twice is not agreeing
    await one.step();
    assert.equal(one.state.status, 'FINISHED');

    rematch(two);
    for (const player of [one, two]) {
      await player.waitFor('game_state', ({ status }) => status === 'ONGOING');
      assert.deepEqual([player.state.player_1_score, player.state.player_2_score, player.state.last_loser], [0, 0, null]);
      assert.deepEqual([player.state.ball_x, player.state.ball_y], [400, 300]);
      assert.deepEqual([player.state.player_1_paddle_y, player.state.player_2_paddle_y], [240, 240]);
    }
    assert.equal(two.all('rematch_offered', mark).length, 1);

    // This time the other wins; the first ball goes to the right again.
    const over = await finishMatch(two, one);
    assert.equal((await two.waitFor('game_resumed')).ball_speed_x, 7);
    assert.deepEqual([over.winner, over.player_1_score, over.player_2_score], [2, 0, 2]);

    const winner = (id) => (result) => result.room_code === code && result.winner_id === id;
    const results = [await management.result(winner(first.player_id)), await management.result(winner(second.player_id))];
    assert.equal(management.recorded(({ room_code: room }) => room === code).length, 2);
    const [before, again] = results.map(({ json }) => json);
    assert.notEqual(before.match_id, again.match_id);
    assert.deepEqual([again.player_1_score, again.player_2_score, again.reason], [0, 2, 'score']);
    assert.ok(again.duration <= again.finished_at - before.finished_at + 1, 'it counts from the agreement');
    for (const player of [one, two]) assertDeltasAreMinimal(player.messages);
  });

  test('gives back the pauses', async () => {
    const { one, two } = await startMatch(stack, { winning_score: 1 });
    const pause = async () => {
      one.sendJson({ type: 'pause_game', player_number: 1 });
      const answer = await one.waitFor(['game_paused', 'error']);
      if (answer.type === 'error') return answer.code;
      one.sendJson({ type: 'resume_game', player_number: 1 });
      await one.waitFor('game_resumed');
      return 'paused';
    };
    two.track();
    one.track();
    await one.waitFor('game_resumed');
    assert.deepEqual([await pause(), await pause(), await pause()], ['paused', 'paused', 'paused']);
    await finishMatch(one, two);
    one.forget();
    rematch(two);
    rematch(one);
    await one.waitFor('game_state', ({ status }) => status === 'ONGOING');
    two.track();
    one.track();
    await one.waitFor('game_resumed');
    assert.equal(await pause(), 'paused');
  });
});

describe('the rematch window', () => {
  const stack = useStack({ env: { ...quickServe, PONG_REMATCH_SECONDS: '1' } });
  const rest = new Rest(stack);

  test('ends with the room: sockets are closed with 4503, then the room is gone', async () => {
    const { code, first, one, two } = await startMatch(stack, { winning_score: 1 });
    const watcher = await Player.connect(stack, { room_code: code });
    await finishMatch(one, two);
    rematch(one); // one alone does not keep it open
    for (const player of [one, two, watcher]) assert.equal((await player.waitForClose()).code, 4503);
    assert.equal((await rest.check(code)).status, 404);
    await assertRefused(Player.connect(stack, first), 410, 'game_over');
  });
});
