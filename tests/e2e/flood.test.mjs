// Clients that send without end, whatever it is: they are read from now and then only, so that they cost little and nobody
// else notices, and when they stop they are players like any other.
// Must not measure processor time: bench/flood.mjs does.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { RawSocket, TEXT, frame, repeated } from './raw-socket.mjs';
import { Rest } from './rest.mjs';
import { scrape, scrapeUntil } from './scrape.mjs';

const pauses = async (stack) => (await scrape(stack)).get('pong_limits_hit_total', { limit: 'flood' });

describe('a flood', () => {
  const stack = useStack({ env: { PONG_MAX_SPECTATORS: '30' } });
  const rest = new Rest(stack);
  const floods = {
    messages: repeated(65_536, frame(TEXT, '{"type":"paddle_position","player_number":1,"position":240}')),
    pongs: repeated(65_536, frame(10, '')),
    pings: repeated(65_536, frame(9, 'abcd')),
  };

  for (const [kind, bytes] of Object.entries(floods)) {
    test(`of ${kind} is read from now and then only, and nobody else notices`, async () => {
      const room = await rest.ok(rest.create({ opponent: 'bot' }));
      const player = await Player.connect(stack, room);
      await player.join();
      const before = await pauses(stack);
      const flooders = await Promise.all(
        Array.from({ length: 5 }, () => RawSocket.connect(stack.sockets.gamed, { code: room.room_code })),
      );
      for (const flooder of flooders) flooder.readOn().flood(bytes);
      await scrapeUntil(stack, 'all are paused', (seen) => seen.get('pong_sockets_paused') === 5);
      await player.stepsPass(60);
      assert.ok((await pauses(stack)) >= before + 5);
      assert.deepEqual(flooders.map(({ closed }) => closed), Array(5).fill(false), 'what is over the rate is not punished');
      for (const flooder of flooders) flooder.destroy();
      await scrapeUntil(stack, 'their ends were noticed', (seen) => seen.get('pong_connections') === 1);
      assert.equal((await scrape(stack)).get('pong_sockets_paused'), 0);
    });
  }

  test('that ends is forgiven: the client is heard again', async () => {
    const room = await rest.ok(rest.create());
    const client = await RawSocket.connect(stack.sockets.gamed, { code: room.room_code, token: room.seat_token });
    client.readOn().flood(floods.messages);
    await scrapeUntil(stack, 'it is paused', (seen) => seen.get('pong_sockets_paused') === 1);
    client.stop();
    const answered = () => client.reader.frames.some(({ payload }) => payload.includes('"pong"'));
    await stack.until('a ping is answered', async () => {
      client.sendJson({ type: 'ping', time: 1 });
      await sleep(100);
      return answered();
    });
    assert.equal(client.error, null);
    client.destroy();
  });
});
