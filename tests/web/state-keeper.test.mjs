// The 21 keys as the client keeps them: what the server has said of an end stands, whatever the simulation still plays.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { pongInit } from '../../web/pong-simulation.js';
import { StateKeeper } from '../../web/state-keeper.js';

const FULL = { status: 'ONGOING', player_1_score: 1, player_2_score: 0, is_paused: true, ball_speed_x: 0, ball_speed_y: 0 };
const standing = (phase) => ({ phase, ballMoves: phase === 'rally', state: pongInit() });

describe('a state keeper', () => {
  test('a forfeit ends the match although the simulation is paused until its keyframe', () => {
    const keeper = new StateKeeper();
    keeper.merge(FULL, true);
    keeper.look(standing('paused'));
    keeper.hear({ type: 'game_over', winner: 1, reason: 'forfeit', player_1_score: 1, player_2_score: 0 });
    assert.equal(keeper.state.status, 'FINISHED');
    for (const phase of ['paused', 'rally', 'finished']) {
      keeper.look(standing(phase));
      assert.deepEqual([keeper.state.status, keeper.state.is_paused], ['FINISHED', true], phase);
    }
  });

  test('a rematch is under way although the simulation is finished until its keyframe', () => {
    const keeper = new StateKeeper();
    keeper.merge({ ...FULL, status: 'FINISHED' }, true);
    keeper.look(standing('finished'));
    assert.equal(keeper.state.status, 'FINISHED');
    keeper.merge({ ...FULL, player_1_score: 0 }, true);
    keeper.look(standing('finished'));
    assert.equal(keeper.state.status, 'ONGOING');
    keeper.look(standing('serving'));
    assert.equal(keeper.state.status, 'ONGOING');
  });

  test('a winning point that is only foreseen ends nothing', () => {
    const keeper = new StateKeeper();
    keeper.merge(FULL, true);
    keeper.look(standing('rally'));
    keeper.look(standing('finished'));
    assert.equal(keeper.state.status, 'ONGOING');
  });
});
