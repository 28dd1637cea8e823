// A game server that has been asked to stop says so for a moment: whoever wants something new is told to come back,
// players are sent away in the way that brings them back, and a second signal ends the wait.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { startMatch, takeSeats } from './rooms.mjs';

const DRAIN_MS = 10_000;

describe('a gamed that is stopping', () => {
  const stack = useStack({ env: { PONG_DRAIN_MS: String(DRAIN_MS) } });
  const rest = new Rest(stack);
  const health = () => rest.get('/api/room/health/');

  test('refuses what is new, sends its players away, and stops at once when asked again', async () => {
    const { one, two } = await startMatch(stack);
    const { code, first } = await takeSeats(stack);
    const waiting = await rest.ok(rest.create());
    const watcher = await Player.connect(stack, { room_code: code });

    stack.gamed.signal('SIGTERM');
    await stack.until('it says that it is stopping', async () => (await health()).status === 503);
    assertFailure(await health(), 503, 'draining');
    for (const answer of [await rest.create(), await rest.quick(), await rest.join({ room_code: waiting.room_code })]) {
      assertFailure(answer, 503, 'draining');
      assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
    }
    for (const seat of [first, waiting, { room_code: code }]) {
      await assertRefused(Player.connect(stack, seat), 503, 'game_server_unavailable');
    }
    for (const player of [one, two, watcher]) assert.equal((await player.waitForClose()).code, 1006);
    assert.equal((await rest.check(code)).status, 200, 'what is there can still be asked for');

    await stack.gamed.stop(); // the second signal
    assert.equal(stack.gamed.exit.signal, 'SIGTERM', 'it did not wait for the end of its time');
    stack.env.PONG_DRAIN_MS = '0';
    stack.gamed.start();
    await stack.until('service resumes by itself', async () => (await health()).status === 200);
    assert.equal((await rest.create()).status, 201);
  });
});
