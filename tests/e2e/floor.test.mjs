// pong-floor, which docs/performance.md compares gamed with: its frames come by the clock and whole, also to who reads
// slowly, inputs are relayed within their room and nowhere else, and pong-load plays at it. Must not judge how fast it was.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { buildDirectory, repository } from './harness.mjs';
import { BINARY, PING, PONG, RawSocket, TEXT, frame } from './raw-socket.mjs';
import { skipFor } from './requirement.mjs';

const programs = [buildDirectory(), path.join(repository, '.dev/build-asan'), path.join(repository, '.dev/build')]
  .map((build) => path.join(build, 'bench')).find((bench) => existsSync(`${bench}/pong-floor`) && existsSync(`${bench}/pong-load`));
const notBuilt = programs === undefined && 'bench/pong-floor is not built: make -C .dev/build-asan bench/pong-floor bench/pong-load';
const DEADLINE_MS = 20_000;

function run(program, ...args) {
  return new Promise((resolve) => {
    execFile(`${programs}/${program}`, args, { timeout: 60_000 }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  });
}

async function until(holds) {
  for (const end = Date.now() + DEADLINE_MS; !holds(); await sleep(5)) assert.ok(Date.now() < end, `waited for ${holds}`);
}

describe('pong-floor', { skip: skipFor(notBuilt) }, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'pong-floor-'));
  const sockets = [];
  let floor;
  let address;

  /** What it says at its end: {connections, frames, skipped, inputs}. */
  async function stop() {
    const said = [];
    floor.stderr.on('data', (data) => said.push(data));
    floor.kill('SIGTERM');
    const [code] = await once(floor, 'close');
    floor = undefined;
    const line = Buffer.concat(said).toString();
    assert.equal(code, 0, line);
    const [, connections, frames, skipped, inputs] = /^(\d+) connections, (\d+) frames sent, (\d+) skipped, (\d+) inputs\n$/.exec(line);
    return { connections: Number(connections), frames: Number(frames), skipped: Number(skipped), inputs: Number(inputs) };
  }

  async function start(listen, ...args) {
    floor = spawn(`${programs}/pong-floor`, ['--listen', listen, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [line] = await once(createInterface({ input: floor.stdout }), 'line');
    address = /^listening on (\S+)$/.exec(line)[1];
    return address.startsWith('unix:') ? address.slice('unix:'.length) : Number(address.slice(address.lastIndexOf(':') + 1));
  }

  async function sit(where, code, options) {
    const raw = await RawSocket.connect(where, { code, ...options });
    sockets.push(raw);
    return raw;
  }

  afterEach(async () => {
    for (const raw of sockets.splice(0)) raw.destroy();
    if (floor) await stop();
  });
  after(() => rmSync(directory, { recursive: true }));

  test('sends everybody frames of the size and the kind that it was told', async () => {
    const file = path.join(directory, 'floor.sock');
    const where = await start(`unix:${file}`, '--size', '200', '--hz', '60', '--phases', '4');
    const players = [await sit(where, 'A'), await sit(where, 'A'), await sit(where, 'B'), await sit(where, 'B')];
    for (const raw of players) raw.readOn().send(TEXT, '{"type":"paddle_position","position":1}');
    await until(() => players.every(({ reader }) => reader.frames.length > 20));
    for (const { reader, error } of players) {
      assert.equal(error, null);
      assert.ok(reader.frames.every(({ opcode, payload }) => opcode === TEXT && payload.length === 200));
    }
    const said = await stop();
    assert.ok(said.frames > 80);
    assert.deepEqual({ ...said, frames: 0 }, { connections: 4, frames: 0, skipped: 0, inputs: 4 });
    assert.ok(!existsSync(file));
  });

  test('leaves frames out for who reads slowly, and cuts none', async () => {
    const where = await start('127.0.0.1:0', '--size', '60000', '--hz', '200', '--binary');
    const whole = Buffer.alloc(60_000, '0');
    const slow = await sit(where, 'A', { isSmall: true });
    const quick = (await sit(where, 'A')).readOn();
    await until(() => quick.reader.frames.length > 400);
    slow.readOn();
    await until(() => slow.reader.frames.length > 100);
    for (const { reader, error } of [slow, quick]) {
      assert.equal(error, null);
      assert.ok(reader.frames.every(({ opcode, payload }) => opcode === BINARY && payload.equals(whole)));
    }
    assert.ok((await stop()).skipped > 0);
  });

  test('relays a message to the other of the room, however it is cut, and to nobody else', async () => {
    const where = await start('127.0.0.1:0', '--relay');
    const [one, two, other] = [await sit(where, 'A'), await sit(where, 'A'), await sit(where, 'B')];
    for (const raw of [one, two, other]) raw.readOn();
    const text = 'x'.repeat(300);
    const bytes = Buffer.concat([frame(BINARY, [1, 2, 3, 4, 5]), frame(TEXT, JSON.stringify({ text })), frame(PING, 'hello')]);
    for (const byte of bytes) {
      one.socket.write(Buffer.of(byte));
      await sleep(0);
    }
    await until(() => two.reader.frames.length === 2 && one.reader.frames.length === 1);
    assert.deepEqual(two.reader.frames.map(({ opcode, payload }) => [opcode, payload.length]), [[BINARY, 5], [TEXT, text.length + 11]]);
    assert.deepEqual([...two.reader.frames[0].payload], [1, 2, 3, 4, 5]);
    assert.deepEqual(one.reader.frames, [{ opcode: PONG, payload: Buffer.from('hello') }]);
    two.socket.write(Buffer.of(0x81, 0x00)); // not masked
    await until(() => two.closed);
    one.send(BINARY, [6]);
    one.send(PING, 'again');
    await until(() => one.reader.frames.length === 2);
    assert.equal(other.reader.frames.length, 0);
  });

  for (const [protocol, ...args] of [['ws', '--size', '100'], ['relay', '--relay']]) {
    test(`has pong-load play: --protocol ${protocol}`, async () => {
      await start('127.0.0.1:0', ...args);
      const { code, stdout, stderr } = await run('pong-load', '--json', '--ws', address, '--protocol', protocol, '--rooms', '3',
        '--warm-up', '1', '--seconds', '1', '--pid', `floor=${floor.pid}`);
      assert.equal(code, 0, stderr);
      const level = JSON.parse(stdout);
      assert.deepEqual(level.errors, {}, stderr);
      assert.equal(level.connections, 6);
      assert.ok(level.processes.floor.cpu_seconds > 0);
      const { connections, inputs, frames } = await stop();
      assert.equal(connections, 6);
      assert.ok(inputs > 10 && frames > 10);
      if (protocol === 'relay') assert.ok(frames <= inputs && level.relay_ms.count > 0);
      else assert.ok(Math.abs(level.payload_bytes_mean - 100 * level.messages.per_player_mean) < 1);
    });
  }

  test('says what is wrong with a command', async () => {
    const bad = [
      [[], /--listen is missing/], [['--listen', 'x', '--hz', '1.5'], /--hz/], [['--listen', 'x', '--size', '0'], /--size/],
      [['--listen', 'x', '--phases', '101'], /--phases/], [['--listen', 'x', 'more'], /what is more/], [['--nonsense'], /nonsense/],
    ];
    for (const [args, why] of bad) {
      const { code, stderr } = await run('pong-floor', ...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, why);
    }
    const file = path.join(directory, 'floor.sock');
    await start(`unix:${file}`);
    for (const listen of [`unix:${file}`, 'nonsense', '127.0.0.1:x']) assert.equal((await run('pong-floor', '--listen', listen)).code, 1);
  });
});
