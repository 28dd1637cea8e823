// pong.v2.bin on the wire: who gets it, what comes on it, and how it is closed. What it means is tests/unit's and pong-client's.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { decodeFrame } from '../../web/pong-frames.js';
import { useStack } from './harness.mjs';
import { BINARY, Player } from './player.mjs';
import { Rest } from './rest.mjs';
import { takeSeats } from './rooms.mjs';

const protocol = BINARY;

/** 0x01, the step, the target: docs/protocol.md §2c. */
function input(step, target) {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt16LE(step & 0xffff, 1);
  bytes.writeUInt16LE(target, 3);
  return bytes;
}

describe('pong.v2.bin', () => {
  const stack = useStack();

  test('is spoken by who offers it, through nginx, whatever else he offers', async () => {
    const { first } = await takeSeats(stack);
    for (const offered of [protocol, ['pong.v1.json', protocol], [protocol, 'chess.v1']]) {
      const player = await Player.connect(stack, first, { protocol: offered });
      assert.equal(player.socket.protocol, protocol, `of ${offered}`);
      player.drop();
    }
  });

  test('a state and a keyframe first, then no deltas but events; an input is told to the other alone', async () => {
    const { first, second } = await takeSeats(stack);
    const one = await Player.connect(stack, first, { protocol });
    const two = await Player.connect(stack, second, { protocol });
    await one.waitFor('game_state');
    await one.waitForFrames(1);
    assert.equal(one.frames[0].length, 24);
    assert.equal(decodeFrame(one.frames[0]).kind, 'keyframe');
    await two.waitForFrames(1);
    const [ones, twos] = [one.frames.length, two.frames.length];
    const step = (await one.step()) + 20;
    one.sendRaw(input(step, 1234));
    await two.waitForFrames(twos + 1);
    const told = two.frames.slice(twos).map((bytes) => [...bytes]);
    assert.ok(told.some((bytes) => bytes[0] === 0x02 && bytes[3] === (1234 & 0xff) && bytes[4] === 1234 >> 8), JSON.stringify(told));
    await one.stepsPass(90);
    assert.ok(one.frames.slice(ones).every((bytes) => (bytes[0] & 0x02) === 0), 'not to himself');
    assert.deepEqual(one.all('game_state_delta'), []);
    assert.deepEqual(one.all('game_resumed'), []);
    assert.deepEqual(one.all('error'), []);
  });

  test('a bad input is answered and made good; ten close with 4502', async () => {
    const { first } = await takeSeats(stack);
    const one = await Player.connect(stack, first, { protocol });
    await one.waitForFrames(1);
    one.sendRaw(input((await one.step()) + 5000, 0));
    assert.equal((await one.waitFor('error')).code, 'bad_message');
    await one.waitForFrames(2);
    assert.equal(decodeFrame(one.frames[1]).kind, 'keyframe');
    for (let i = 0; i < 9; i += 1) one.sendRaw(Buffer.from([1, 2, 3]));
    assert.equal((await one.waitForClose()).code, 4502);
  });

  test('a spectator sees it too', async () => {
    const { code } = await takeSeats(stack);
    const watcher = await Player.connect(stack, { room_code: code }, { protocol });
    await watcher.waitForFrames(2); // the keyframe, and a heartbeat after a second
    assert.equal(watcher.frames[1][0], 0);
    watcher.drop();
  });

  test('who takes the seat anew closes the first with 4501, a stop with 4000: come back', async () => {
    const { first, second } = await takeSeats(stack);
    const old = await Player.connect(stack, first, { protocol });
    const one = await Player.connect(stack, first, { protocol });
    assert.equal((await old.waitForClose()).code, 4501);
    const two = await Player.connect(stack, second, { protocol: 'pong.v1.json' });
    await one.waitForFrames(1);
    const stopped = stack.gamed.stop();
    assert.equal((await one.waitForClose()).code, 4000);
    assert.equal((await two.waitForClose()).code, 1006, 'pong.v1.json: dropped, as its clients come back only then');
    await stopped;
    stack.gamed.start();
    const rest = new Rest(stack);
    await stack.until('service', async () => (await rest.get('/api/room/health/')).status === 200);
    const again = await Player.connect(stack, first, { protocol });
    await again.waitForFrames(1);
    again.drop();
  });
});
