// The game server goes away under a live web server: callers are told so at once instead of waiting, and service
// resumes by itself when it is back. A game server that hangs is noticed by deadline, and nothing that was refused
// for lateness happens later.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { startMatch } from './rooms.mjs';

const GENEROUS_MS = 10_000;

describe('gamed', () => {
  const stack = useStack();
  const rest = new Rest(stack);
  const healthy = async () => (await rest.get('/api/room/health/')).status === 200;
  const requests = ({ code, first }) => [
    rest.create({}), rest.join({ room_code: code }), rest.quick({}), rest.check(code), rest.list(),
    rest.cancel({ room_code: code }, { token: first.seat_token }),
  ];

  /** Each test finds it running, whatever became of the one before. */
  beforeEach(async () => {
    stack.gamed.signal('SIGCONT');
    if (!stack.gamed.running) stack.gamed.start();
    await stack.until('service', healthy);
  });

  async function serves() {
    const room = await rest.ok(rest.create());
    const player = await Player.connect(stack, room);
    assert.equal((await player.join()).player_number, 1);
    player.drop();
  }

  for (const signal of ['SIGTERM', 'SIGKILL']) {
    test(`stopped by ${signal} and started again`, async () => {
      const match = await startMatch(stack);
      const { one, two } = match;
      await stack.gamed.stop(signal);
      assert.equal((await one.waitForClose()).code, 1006, 'dropped unclean: deployed pages reconnect only then');
      assert.equal((await two.waitForClose()).code, 1006);

      // A request on its way in that moment may still have to wait for its deadline; those after it need not.
      await stack.until('its absence is noticed', async () => (await rest.check(match.code)).json.code === 'game_server_unavailable');
      const asked = Date.now();
      for (const answer of await Promise.all(requests(match))) {
        assertFailure(answer, 503, 'game_server_unavailable');
        assert.match(answer.headers['retry-after'], /^\d+$/);
      }
      assert.equal((await rest.get('/api/room/health/')).status, 503);
      assert.ok(Date.now() - asked < GENEROUS_MS, 'refused at once');
      await assertRefused(Player.connect(stack, { room_code: 'A00000' }), 503, 'game_server_unavailable');
      assert.ok(stack.api.running, 'api-fcgi lives on');

      stack.gamed.start();
      await stack.until('service resumes by itself', healthy);
      await serves();
    });
  }

  test('hanging: a deadline, then service again, and no late deeds', async () => {
    stack.gamed.signal('SIGSTOP');
    const late = await rest.create({ visibility: 'public' });
    assertFailure(late, 504, 'game_server_timeout');
    const crowd = await Promise.all(Array.from({ length: 40 }, () => rest.create({ visibility: 'public' })));
    for (const answer of crowd) {
      const { status, json } = answer;
      assertFailure(answer, status === 504 ? 504 : 503, status === 504 ? 'game_server_timeout' : 'game_server_unavailable');
      assert.equal(json.success, false);
    }
    stack.gamed.signal('SIGCONT');
    await stack.until('service resumes by itself', healthy);
    await serves();
    const { rooms } = await rest.ok(rest.list());
    assert.deepEqual(rooms, [], 'a create that was answered with 504 must not make a room');
  });
});
