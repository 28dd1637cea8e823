// What must not be lost: the game server is killed and started again, and rooms in every state come back as they were.
// kill.test.mjs does so at any moment.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';
import { finishMatch, startMatch, startRally } from './rooms.mjs';
import { settled } from './scrape.mjs';
import { UserManagement } from './user-management.mjs';

describe('gamed, killed and started again', () => {
  const management = new UserManagement();
  const env = { ...quickServe };
  before(async () => {
    await management.start();
    env.USER_MANAGEMENT_URL = management.url;
  });
  after(() => management.stop());
  const stack = useStack({ env });
  const rest = new Rest(stack);
  const healthy = async () => (await rest.get('/api/room/health/')).status === 200;

  async function restart(signal) {
    await stack.gamed.stop(signal);
    stack.gamed.start();
    await stack.until('service', healthy);
  }

  /** Both players come back with the tokens they have; resolves once the ball flies again. */
  async function comeBack({ first, second }) {
    const one = await Player.connect(stack, first);
    const paused = await one.waitFor('game_paused');
    assert.equal(paused.reason, 'restart');
    await one.join();
    const two = await Player.connect(stack, second);
    await two.join();
    one.track();
    two.track();
    await one.waitFor('game_resumed');
    return { one, two };
  }

  for (const signal of ['SIGKILL', 'SIGTERM']) {
    test(`by ${signal}: the match goes on`, async () => {
      const match = await startRally(stack, { winning_score: 3 });
      match.two.miss();
      await match.one.waitFor('goal_scored');
      match.two.track(); // this score is what comes back
      const before = await rest.check(match.code);
      assert.equal(before.json.status, 'ONGOING');
      await settled(stack);
      await restart(signal);

      const { json } = await rest.check(match.code);
      assert.equal(json.status, 'ONGOING');
      assert.equal(json.player_1_id, match.first.player_id);
      assert.equal(json.player_2_id, match.second.player_id);
      assert.ok(Math.abs(json.created_at - before.json.created_at) < 0.01);
      const { one, two } = await comeBack(match);
      assert.ok(one.state.player_1_score >= 1, 'the goal is there');
      assert.equal(one.state.player_1_username, 'Ann');
      assert.equal(one.state.player_2_username, 'Bob');
      const over = await finishMatch(one, two);
      assert.equal(over.winner, 1);
      const results = await management.results(match.code);
      assert.equal(results.length, 1);
      assert.equal(results[0].player_1_score, 3);
    });
  }

  test('a waiting room and its seats are there again', async () => {
    const room = await rest.ok(rest.create({ username: 'Ann', visibility: 'public' }));
    await settled(stack); // the answer does not wait for a slow store
    await restart('SIGKILL');
    assert.equal((await rest.check(room.room_code)).json.player_count, 1);
    const player = await Player.connect(stack, room);
    assert.equal((await player.join()).player_number, 1);
    const other = await rest.ok(rest.join({ room_code: room.room_code }));
    assert.equal(other.player_number, 2);
    player.drop();
  });

  test('a bot plays on', async () => {
    const room = await rest.ok(rest.create({ opponent: 'bot', level: 'easy' }));
    const player = await Player.connect(stack, room);
    await player.join();
    await player.waitFor('game_resumed');
    await settled(stack);
    await restart('SIGKILL');
    const again = await Player.connect(stack, room);
    await again.waitFor('game_resumed');
    assert.equal(again.state.player_2_id, 'bot-easy');
    again.drop();
  });

  test('who never comes back forfeits to who does', async () => {
    const match = await startRally(stack);
    await settled(stack);
    await restart('SIGKILL');
    const one = await Player.connect(stack, match.first);
    const over = await one.waitFor('game_over', () => true, 60_000);
    assert.equal(over.reason, 'forfeit');
    assert.equal(over.winner, 1);
  });

  test('an end that was told holds: the room comes back finished, with the rematch window', async () => {
    const match = await startMatch(stack, { winning_score: 1 });
    const over = await finishMatch(match.one, match.two);
    await stack.gamed.stop('SIGKILL'); // at once: the end was told, so it is safe
    stack.gamed.start();
    await stack.until('service', healthy);
    const one = await Player.connect(stack, match.first);
    const again = await one.waitFor('game_over');
    assert.deepEqual(
      [again.winner, again.reason, again.player_1_score, again.player_2_score],
      [over.winner, over.reason, over.player_1_score, over.player_2_score],
    );
    assert.equal(one.state.status, 'FINISHED');
    const two = await Player.connect(stack, match.second);
    one.sendJson({ type: 'rematch' });
    two.sendJson({ type: 'rematch' });
    await one.waitFor('game_state', ({ status }) => status === 'ONGOING');
    const results = await management.results(match.code);
    assert.equal(results.length, 1, 'recorded once');
    one.drop();
    two.drop();
  });

  test('a room that was cancelled does not come back', async () => {
    const room = await rest.ok(rest.create({}));
    await rest.ok(rest.cancel({ room_code: room.room_code }, { token: room.seat_token }));
    await settled(stack);
    await restart('SIGKILL');
    assert.equal((await rest.check(room.room_code)).status, 404);
  });
});
