// The serve: a countdown in which the ball rests in the middle; its velocity is decided, and shown, half a second
// before it flies. Who may serve can cut the wait short, but not at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { startMatch, takeSeats } from './rooms.mjs';

const resume = (player) => player.sendJson({ type: 'resume_game', player_number: player.number });
const resting = (state) => state.ball_speed_x === 0 && state.ball_speed_y === 0;

describe('a serve', () => {
  const stack = useStack();

  test('takes 180 steps, the last 30 of them with a velocity', async () => {
    const { one, two } = await startMatch(stack);
    const [{ timestamp: start }] = two.messages; // it begins when both are connected
    assert.ok(resting(one.state) && one.state.is_paused);
    const mark = one.messages.length;
    const { timestamp: shown } = await one.waitForState((state) => !resting(state), 'with a velocity');
    assert.equal(one.state.is_paused, true, 'shown before it flies');
    const { ball_speed_x: vx, ball_speed_y: vy, timestamp: flies } = await one.waitFor('game_resumed');
    assert.equal(vx, 7, 'the first ball goes to the right');
    assert.equal(Math.abs(vy), 7);
    assert.deepEqual([one.state.ball_speed_x, one.state.ball_speed_y], [vx, vy]);
    assert.ok(flies - shown >= 300 && flies - shown <= 1_500, `${flies - shown} ms with a velocity`);
    assert.ok(flies - start >= 2_500 && flies - start <= 6_000, `${flies - start} ms of serve`);

    const waiting = one.messages.slice(mark, one.messages.findIndex(({ type }) => type === 'game_resumed'));
    const updates = waiting.filter(({ type }) => type === 'game_state_delta');
    assert.ok(updates.length <= 2, `a countdown is foreseen, yet there were ${updates.length} updates`);
    assert.ok(updates.every(({ ball_x: x, ball_y: y }) => x === undefined && y === undefined), 'the ball rests');
  });
});

describe('a long serve', () => {
  const stack = useStack({ env: { PONG_SERVE_STEPS: '1200' } });

  test('is cut short by either at 0-0, from its 60th step on', async () => {
    for (const who of ['one', 'two']) {
      const seats = await takeSeats(stack);
      const one = await Player.connect(stack, seats.first);
      const two = await Player.connect(stack, seats.second);
      const player = who === 'one' ? one : two;
      resume(player); // the serve has just begun
      assert.equal((await player.waitFor('error')).code, 'too_early');
      const from = await player.step();
      await player.stepsPass(60, from);
      resume(player);
      await player.waitFor('game_resumed');
      const steps = (await player.step()) - from;
      assert.ok(steps < 600, `served after ${steps} of 1200 steps`);
      assert.deepEqual(player.all('error').length, 1);
    }
  });

  test('after a point, only by who lost it', async () => {
    const { one, two } = await startMatch(stack);
    one.track();
    two.miss();
    await one.stepsPass(60);
    resume(one);
    await one.waitFor('game_resumed');
    await two.waitFor('goal_scored');
    await two.stepsPass(60);
    resume(one);
    assert.equal((await one.waitFor('error', ({ code }) => code !== 'too_early')).code, 'not_your_serve');
    resume(two);
    const { ball_speed_x: vx } = await two.waitFor('game_resumed', ({ timestamp }) => timestamp > two.all('goal_scored')[0].timestamp);
    assert.equal(vx, 7, 'towards who lost the point, on the right');
    assert.deepEqual(two.all('error'), []);
  });
});
