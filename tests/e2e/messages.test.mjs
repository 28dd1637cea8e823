// What a connected client may send: good messages have their effect, bad ones get an error and are forgotten unless
// they come in numbers, too many are dropped without punishment. A connection survives everything but abuse.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';
import { startMatch } from './rooms.mjs';

const MESSAGE_MAX = 512; // bytes
const RATE = 120; // messages a second
const BURST = 240;
const FLOOD = 2_400; // messages, sent at many times the rate, and in portions that no buffer is too small for

const tooSlow = process.env.PONG_TEST_MEMCHECK && 'under valgrind gamed answers slower than the rate';

/** Sends pings, reading the answers all the while: {answered, seconds}. */
async function flood(player) {
  const before = player.all('pong').length;
  const from = performance.now();
  for (let sent = 0; sent < FLOOD; sent += 1) {
    player.sendJson({ type: 'ping', time: sent });
    if (sent % 20 === 19) await sleep(5);
  }
  await sleep(1_000); // what is answered, and a little to be allowed again
  return { answered: player.all('pong').length - before, seconds: (performance.now() - from) / 1000 };
}

describe('messages', () => {
  const stack = useStack({ env: { PONG_SERVE_STEPS: '3600' } }); // paddles move, no ball disturbs
  const rest = new Rest(stack);

  async function alone() {
    const player = await Player.connect(stack, await rest.ok(rest.create()));
    await player.join();
    return player;
  }

  test('malformed: an error, and nothing else', async () => {
    const bad = ['', '{', 'null', '[]', '"ping"', '{}', '{"type":5}', '{"type":"paddle_position"}'];
    const wrong = [
      { type: 'paddle_position', player_number: 1, position: 'up' },
      { type: 'paddle_position', player_number: 1, position: null },
      { type: 'key_event', player_number: 1, key: 'up', is_down: 'yes' },
      { type: 'key_event', player_number: 1, key: 'space', is_down: true },
      { type: 'ping', time: 'now' },
    ];
    for (const message of [...bad, ...wrong.map((each) => JSON.stringify(each))]) {
      const player = await alone();
      player.sendRaw(message);
      assert.equal((await player.waitFor('error')).code, 'bad_message', message);
      assert.ok(Number.isInteger(await player.step()), 'it lives');
    }
  });

  test('binary is malformed here, text of an unknown type is unknown', async () => {
    const player = await alone();
    player.sendRaw(Buffer.from([1, 2, 3]), { binary: true });
    assert.equal((await player.waitFor('error')).code, 'bad_message');
    player.sendJson({ type: 'teleport' });
    const { code, message } = await player.waitFor('error');
    assert.equal(code, 'unknown_type');
    assert.equal(typeof message, 'string');
  });

  test('unknown fields are ignored', async () => {
    const player = await alone();
    player.sendJson({ type: 'ping', time: 7, timestamp: Date.now(), extra: { a: [1] } });
    assert.equal((await player.waitFor('pong')).time, 7);
    assert.deepEqual(player.all('error'), []);
  });

  test('the tenth bad message within a minute closes with 4502', async () => {
    const player = await alone();
    for (let i = 1; i < 10; i += 1) player.sendRaw('nonsense');
    await player.step();
    assert.equal(player.all('error').length, 9);
    player.sendRaw('nonsense');
    assert.equal((await player.waitForClose()).code, 4502);
  });

  test(`${MESSAGE_MAX} bytes are fine, one more closes with 1009`, async () => {
    const sized = (bytes) => {
      const frame = JSON.stringify({ type: 'ping', time: 1, x: '' });
      return frame.replace('"x":""', `"x":"${'x'.repeat(bytes - frame.length)}"`);
    };
    for (const bytes of [MESSAGE_MAX + 1, 5_000, 100_000]) {
      const player = await alone();
      player.sendRaw(sized(MESSAGE_MAX));
      assert.equal((await player.waitFor('pong')).time, 1);
      player.sendRaw(sized(bytes));
      assert.equal((await player.waitForClose()).code, 1009, `${bytes} bytes`);
    }
  });

  test('a message in fragments counts as one', async () => {
    const player = await alone();
    const frame = JSON.stringify({ type: 'ping', time: 3 });
    player.sendRaw(frame.slice(0, 9), { fin: false });
    player.sendRaw(frame.slice(9), { fin: true });
    assert.equal((await player.waitFor('pong')).time, 3);
    for (let i = 0; i < 100 && !player.closed; i += 1) player.sendRaw('x'.repeat(100), { fin: false });
    assert.equal((await player.waitForClose()).code, 1009);
  });

  test('more than 120 a second: the excess is dropped, the connection lives', { skip: tooSlow }, async () => {
    const player = await alone();
    const { answered, seconds } = await flood(player);
    assert.ok(answered >= BURST - 10, `a burst of ${BURST} is allowed, ${answered} were answered`);
    const most = BURST + RATE * seconds + 10;
    assert.ok(answered <= most, `${answered} were answered, in ${seconds} s no more than ${most} may be`);
    await player.step();
  });

  test('ping is answered with the step; time goes on', async () => {
    const { one } = await startMatch(stack);
    const first = await one.step();
    await sleep(500);
    const second = await one.step();
    assert.ok(second > first, `step ${second} after ${first}`);
    assert.ok(second - first < 600);
    one.sendJson({ type: 'pong', time: 1 });
    await one.step();
    assert.deepEqual(one.all('error'), []);
  });

  test('whoever is sent nothing gets a ping frame every 2 s', async () => {
    const player = await alone();
    await player.until('three ping frames', () => (player.pings >= 3 ? true : undefined), 12_000);
  });

  test('paddle_position: rounded to 1/64 px, clamped, at the paddle\'s own speed', async () => {
    const { one, two } = await startMatch(stack);
    for (const [position, arrives] of [[100.4, 100.41], [99.999, 100], [-50, 0], [1e300, 480], [240, 240]]) {
      one.sendJson({ type: 'paddle_position', player_number: 1, position });
      await two.waitForState((state) => state.player_1_paddle_y === arrives, `paddle at ${arrives}`);
    }
    const heights = two.all('game_state_delta').map((delta) => delta.player_1_paddle_y).filter((y) => y !== undefined);
    assert.ok(heights.length > 20, `a paddle travels, it does not jump: ${heights}`);
  });

  test('a foreign paddle does not move', async () => {
    const { one, two } = await startMatch(stack);
    one.sendJson({ type: 'paddle_position', player_number: 2, position: 0 });
    one.sendJson({ type: 'key_event', player_number: 2, key: 'up', is_down: true });
    await one.step();
    two.sendJson({ type: 'paddle_position', player_number: 1, position: 480 });
    await two.step();
    one.sendJson({ type: 'paddle_position', player_number: 1, position: 300 });
    await two.waitForState((state) => state.player_1_paddle_y === 300);
    assert.equal(two.state.player_2_paddle_y, 240);
    assert.ok(one.all('game_state_delta').every(({ player_1_paddle_y: y }) => y === undefined || y <= 300));
    assert.deepEqual([...one.all('error'), ...two.all('error')], []);
  });

  test('key_event: the paddle moves while the key is down', async () => {
    const { one } = await startMatch(stack);
    const press = (key, down) => one.sendJson({ type: 'key_event', player_number: 1, key, is_down: down });
    const paddle = () => one.state.player_1_paddle_y;
    const travel = async (key, moved) => {
      press(key, true);
      await one.waitForState(({ player_1_paddle_y: y }) => moved(y), `moved by ${key}`);
      press(key, false);
      await one.stepsPass(4); // an update is on its way
    };
    for (const [up, down] of [['up', 'down'], ['w', 's'], ['arrowup', 'arrowdown']]) {
      // The whole way takes half a second: who sees it too late to stop it on the way tries again.
      for (let tries = 1; tries === 1 || paddle() === 480; tries += 1) {
        assert.ok(tries <= 20, `${down} released, yet it went on to the end`);
        await travel(up, (y) => y === 0);
        await travel(down, (y) => y > 0);
      }
      const stopped = paddle();
      assert.ok(stopped > 0, `it stopped on the way, at ${stopped}`);
      await one.stepsPass(20);
      assert.equal(paddle(), stopped, `${down} released`);
    }
  });

  test('the first paddle_position ends key control', async () => {
    const { one } = await startMatch(stack);
    const press = (key, down) => one.sendJson({ type: 'key_event', player_number: 1, key, is_down: down });
    press('up', true);
    await one.waitForState((state) => state.player_1_paddle_y < 240);
    one.sendJson({ type: 'paddle_position', player_number: 1, position: 200 });
    await one.waitForState((state) => state.player_1_paddle_y === 200);
    press('up', false);
    press('down', true);
    await one.stepsPass(20);
    assert.equal(one.state.player_1_paddle_y, 200);
    assert.deepEqual(one.all('error'), []);
  });

  test('join_game: told to the others once, to the sender always', async () => {
    const { one, two } = await startMatch(stack);
    const mark = one.messages.length;
    for (let i = 0; i < 3; i += 1) await two.join();
    await one.step();
    assert.deepEqual(one.all('player_joined', mark), []);
  });

  test('join_game names the seat; null becomes Guest-nnnn', async () => {
    const room = await rest.ok(rest.create({ username: 'Ann' }));
    const player = await Player.connect(stack, room);
    assert.equal((await player.join({ username: 'Annabel' })).username, 'Annabel');
    assert.equal(player.state.player_1_username, 'Annabel');
    const guest = await Player.connect(stack, { room_code: room.room_code });
    assert.match((await guest.join({ username: null })).username, /^Guest-\d{4}$/);
  });
});

describe('messages, where the operator allows more', () => {
  const stack = useStack({ env: { PONG_MESSAGES_PER_SECOND: '10000' } });
  const rest = new Rest(stack);

  test('the same number is answered one by one', { skip: tooSlow }, async () => {
    const player = await Player.connect(stack, await rest.ok(rest.create()));
    await player.join();
    await flood(player);
    await stack.until('all are answered', () => player.all('pong').length >= FLOOD);
    assert.equal(player.all('pong').length, FLOOD);
  });
});
