// Watching: whoever connects without a token to a room whose seats are taken sees everything and moves nothing.
// Players are not told of spectators; check/ and list/ count them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertDeltasAreMinimal } from './game-state.mjs';
import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';
import { finishMatch, startMatch } from './rooms.mjs';

describe('a spectator', () => {
  const stack = useStack({ env: quickServe });
  const rest = new Rest(stack);

  test('sees a match from the middle to its end, and changes nothing', async () => {
    const { code, one, two } = await startMatch(stack, { winning_score: 2 });
    const marks = [one.messages.length, two.messages.length];
    const watcher = await Player.connect(stack, { room_code: code });
    await watcher.waitFor('game_state');
    const joined = await watcher.join({ player_id: null, username: 'Eve' });
    assert.deepEqual([joined.player_number, joined.is_you, joined.seat_token], [null, true, undefined]);
    const { json } = await rest.check(code);
    assert.deepEqual([json.player_count, json.active_sessions, json.spectators], [2, 2, 1]);

    // The paddles stay, and nobody complains.
    for (const number of [1, 2]) {
      watcher.sendJson({ type: 'paddle_position', player_number: number, position: 0 });
      watcher.sendJson({ type: 'key_event', key: 'down', is_down: true, player_number: number });
    }
    await watcher.step();
    await one.waitFor('game_resumed');
    assert.deepEqual(watcher.all('error'), []);
    assert.deepEqual([one.state.player_1_paddle_y, one.state.player_2_paddle_y], [240, 240]);

    // What only players may do is refused with a reason.
    for (const type of ['pause_game', 'resume_game', 'rematch']) {
      watcher.sendJson({ type, player_number: 1 });
      assert.equal((await watcher.waitFor('error')).code, 'not_a_player', type);
    }

    const over = await finishMatch(one, two);
    assert.deepEqual(await watcher.waitFor('game_over'), over);
    await watcher.waitForState(({ status }) => status === 'FINISHED');
    assert.deepEqual(watcher.all('goal_scored'), one.all('goal_scored'));
    assertDeltasAreMinimal(watcher.messages);
    [one, two].forEach((player, i) => assert.deepEqual(player.all('player_joined', marks[i]), [], 'players are not told'));

    await watcher.leave();
    assert.deepEqual(one.all('player_left'), []);
    await stack.until('the spectator is gone', async () => (await rest.check(code)).json.spectators === 0);
  });
});
