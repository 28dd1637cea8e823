// A player's pause: three for each player and match, each bounded in time, ended early only by who asked for it,
// and always followed by a countdown. Nothing moves meanwhile.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';
import { startMatch, startRally } from './rooms.mjs';

const pause = (player) => player.sendJson({ type: 'pause_game', player_number: player.number });
const resume = (player) => player.sendJson({ type: 'resume_game', player_number: player.number });

describe('a pause', () => {
  const stack = useStack();
  const rest = new Rest(stack);

  test('stops ball and paddles until its owner ends it', async () => {
    const { code, one, two } = await startRally(stack);
    one.rest();
    two.rest();
    pause(one);
    const [heard, told] = await Promise.all([one.waitFor('game_paused'), two.waitFor('game_paused')]);
    assert.deepEqual(heard, told);
    assert.deepEqual([heard.player_number, heard.reason], [1, 'player']);
    await two.waitForState((state) => state.is_paused);
    assert.equal((await rest.check(code)).json.is_paused, true);

    const { ball_x: x, ball_y: y, player_2_paddle_y: paddle } = two.state;
    const target = paddle > 240 ? 0 : 480;
    two.moveTo(target);
    const from = await two.step();
    resume(two);
    assert.equal((await two.waitFor('error')).code, 'not_your_pause');
    await sleep(500);
    assert.ok((await two.step()) > from, 'steps are counted in a pause');
    assert.deepEqual([two.state.ball_x, two.state.ball_y, two.state.player_2_paddle_y], [x, y, paddle]);

    resume(one);
    const { timestamp: asked } = await one.join(); // the answer says when, by the server's clock
    const ms = (await one.waitFor('game_resumed')).timestamp - asked;
    assert.ok(ms > 2_000 && ms < 6_000, `3 s of countdown, it took ${ms} ms`);
    await two.waitForState((state) => state.player_2_paddle_y === target, 'the paddle goes where it was sent in the pause');
  });
});

describe('pauses', () => {
  const stack = useStack({ env: quickServe });
  const rest = new Rest(stack);

  test('are three for each player', async () => {
    const { one, two } = await startRally(stack);
    for (let i = 0; i < 3; i += 1) {
      pause(one);
      await one.waitFor('game_paused');
      resume(one);
      await one.waitFor('game_resumed');
    }
    pause(one);
    assert.equal((await one.waitFor('error')).code, 'no_pauses_left');
    pause(two);
    assert.equal((await two.waitFor('game_paused', (message) => message.player_number === 2)).reason, 'player');
  });

  test('are possible before a serve too', async () => {
    const { one, two } = await startMatch(stack);
    pause(two);
    assert.equal((await one.waitFor('game_paused')).player_number, 2);
    resume(two);
    const { ball_speed_x: speed } = await one.waitFor('game_resumed');
    assert.equal(speed, 7, 'served to the right, as the first ball is');
  });

  test('are of a game that runs', async () => {
    const room = await rest.ok(rest.create());
    const one = await Player.connect(stack, room);
    await one.join();
    pause(one);
    assert.equal((await one.waitFor('error')).code, 'not_running');
    resume(one);
    assert.equal((await one.waitFor('error')).code, 'not_running');
  });
});

describe('a pause of a second', () => {
  const stack = useStack({ env: { PONG_PAUSE_SECONDS: '1' } });

  test('runs out by itself', async () => {
    const { one } = await startRally(stack);
    pause(one);
    const { timestamp: paused } = await one.waitFor('game_paused');
    const ms = (await one.waitFor('game_resumed')).timestamp - paused;
    assert.ok(ms > 3_500 && ms < 8_000, `1 s of pause and 3 s of countdown, it took ${ms} ms`);
  });
});
