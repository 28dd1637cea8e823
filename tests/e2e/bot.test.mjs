// Playing the computer: a bot has a seat but no connection, so its match starts as soon as the one human is there.
// It may do only what a player may; how well it plays depends on its level. Matches against it are practice: they
// are not recorded unless the operator wants so.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertDeltasAreMinimal } from './game-state.mjs';
import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { finishMatch, startMatch } from './rooms.mjs';
import { useManagement } from './user-management.mjs';

const PADDLE_STEP = 15; // px, how far a paddle may move in one step

async function meetBot(stack, fields = {}) {
  const rest = new Rest(stack);
  const seat = await rest.ok(rest.create({ username: 'Ann', opponent: 'bot', ...fields }));
  const one = await Player.connect(stack, seat);
  await one.join();
  return { code: seat.room_code, seat, one };
}

describe('a bot', () => {
  const env = { ...quickServe };
  const management = useManagement(env);
  const stack = useStack({ env });
  const rest = new Rest(stack);

  for (const [level, id] of [[undefined, 'bot-normal'], ['easy', 'bot-easy'], ['normal', 'bot-normal'], ['hard', 'bot-hard']]) {
    test(`level ${level ?? 'by default'}: is there at once, moves like a player, and wins if it is let`, async () => {
      const { code, seat, one } = await meetBot(stack, { winning_score: 2, ...(level && { level }) });
      const { player_2_id: botId, player_2_username: name, status } = seat.game_state;
      assert.deepEqual([botId, name, status], [id, 'Bot', 'ONGOING']);
      const { json } = await rest.check(code);
      assert.deepEqual([json.player_count, json.player_2_id], [2, id]);
      assertFailure(await rest.join({ room_code: code }), 409, 'room_full');

      one.miss();
      const over = await one.waitFor('game_over', () => true, 180_000);
      assert.equal(over.player_2_username, 'Bot');
      if (level !== 'easy') assert.equal(over.winner, 2, 'the bot returned at least one ball of two');
      assertDeltasAreMinimal(one.messages);
      assertSpeed(one, 'player_2_paddle_y');
      assert.ok(one.all('game_state_delta').some((delta) => !delta.is_full_state && 'player_2_paddle_y' in delta), 'it moved');
    });
  }

  test('easy can be beaten', async () => {
    const { one } = await meetBot(stack, { level: 'easy', winning_score: 1 });
    one.track(50);
    const over = await one.waitFor('game_over', () => true, 180_000);
    assert.equal(over.winner, 1);
  });

  test('agrees to a rematch at once', async () => {
    const { one } = await meetBot(stack, { winning_score: 1 });
    one.miss();
    await one.waitFor('game_over', () => true, 180_000);
    one.forget();
    one.sendJson({ type: 'rematch' });
    await one.waitFor('game_state', ({ status }) => status === 'ONGOING');
    await one.waitFor('game_resumed');
  });

  test('its matches are not recorded', async () => {
    const practice = await meetBot(stack, { winning_score: 1 });
    practice.one.miss();
    await practice.one.waitFor('game_over', () => true, 180_000);
    const { code, one, two } = await startMatch(stack, { winning_score: 1 });
    await finishMatch(one, two);
    await management.result(({ room_code: room }) => room === code); // everything before it would have come first
    assert.deepEqual(management.attempts.map(({ json }) => json.room_code), [code]);
  });
});

describe('a bot whose matches count', () => {
  const env = { ...quickServe, PONG_POST_BOT_RESULTS: 'yes' };
  const management = useManagement(env);
  const stack = useStack({ env });

  test('its matches are recorded', async () => {
    const { code, seat, one } = await meetBot(stack, { level: 'hard', winning_score: 1 });
    one.miss();
    const over = await one.waitFor('game_over', () => true, 180_000);
    const { json } = await management.result(({ room_code: room }) => room === code);
    assert.deepEqual([json.player_1_id, json.player_2_id, json.reason], [seat.player_id, 'bot-hard', 'score']);
    assert.equal(json.winner_id, over.winner === 2 ? 'bot-hard' : seat.player_id);
  });
});

/** No update moves the paddle farther than a paddle can move in the time since the one before. */
function assertSpeed(player, key) {
  const updates = player.messages.filter(({ type, is_full_state: full }) => type === 'game_state_delta' && !full);
  let last = null;
  for (const update of updates) {
    if (update[key] === undefined) continue;
    if (last !== null) {
      const steps = Math.ceil((update.timestamp - last.timestamp) / (1000 / 60)) + 8; // a late update is caught up
      const moved = Math.abs(update[key] - last[key]);
      assert.ok(moved <= steps * PADDLE_STEP, `${key} moved ${moved} px in ${steps} steps`);
    }
    last = update;
  }
}
