// Limits: when the house is full, or one address asks too much, callers are told so and when to come again; who
// stays within them is served.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';

describe('two rooms', () => {
  const stack = useStack({ env: { PONG_MAX_ROOMS: '2' } });
  const rest = new Rest(stack);

  test('the third is server_full, until one is free', async () => {
    const rooms = [await rest.ok(rest.create()), await rest.ok(rest.create())];
    assertFailure(await rest.create(), 503, 'server_full');
    assertFailure(await rest.quick(), 503, 'server_full');
    assert.equal((await rest.join({ room_code: rooms[1].room_code })).status, 200, 'rooms that exist go on');
    await rest.ok(rest.cancel({ room_code: rooms[0].room_code }, { token: rooms[0].seat_token }));
    await stack.until('a room is free', async () => (await rest.create()).status === 201);
  });
});

describe('one address', () => {
  const stack = useStack({ env: { PONG_API_RATE: '2', PONG_CONNECTIONS_PER_ADDRESS: '3' } });
  const rest = new Rest(stack);

  test('that creates too many rooms is rate_limited for a while', async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => rest.create()));
    const refused = answers.filter(({ status }) => status !== 201);
    assert.ok(refused.length > 0 && refused.length < answers.length, `${refused.length} of ${answers.length} were refused`);
    for (const answer of refused) {
      assertFailure(answer, 429, 'rate_limited');
      assert.match(answer.headers['retry-after'], /^\d+$/);
    }
    await sleep(1_000 * Number(refused[0].headers['retry-after']));
    await stack.until('it may create again', async () => (await rest.create()).status === 201);
  });

  test('that opens too many sockets is refused with 429', async () => {
    let room;
    await stack.until('a room', async () => {
      room = await rest.create();
      return room.status === 201;
    });
    const watch = () => Player.connect(stack, { room_code: room.json.room_code });
    const watchers = [await watch(), await watch(), await watch()];
    await assertRefused(watch(), 429, 'rate_limited');
    watchers[0].drop();
    await stack.until('there is room for one', () => watch().then(() => true, () => false));
  });
});
