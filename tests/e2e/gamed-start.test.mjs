// What a second gamed must not do: take the first one's socket, slot or IPC address, or remove what is no socket of
// its own. Its last line says why it does not start, and the first goes on as if nothing had happened.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';

import { freePort, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';

const END_MS = 30_000; // one that does start is ended then
const FAILED = 1;
const USAGE = 2;
const NOBODYS_ADDRESS = '192.0.2.1'; // kept free for documentation (RFC 5737)

describe('a second gamed', () => {
  const stack = useStack({ nginx: false });

  const inRun = (name) => path.join(stack.runDir, name);

  /** Everything of its own, but for what `args` says. */
  const own = (args) => {
    const flags = {
      '--listen': `unix:${inRun('second.sock')}`, '--ipc': `ipc://${inRun('second-ipc.sock')}`,
      '--control': inRun('second-control.sock'), '--state-dir': inRun('second-state'), ...args,
    };
    return Object.entries(flags).flat();
  };

  /** Runs it to its end: {code, said}. */
  const run = (args) =>
    new Promise((resolve) => {
      execFile(stack.gamed.command, own(args), { env: stack.env, timeout: END_MS }, (error, stdout, stderr) => {
        resolve({ code: error ? error.code : 0, said: stderr });
      });
    });

  async function refuses(args, code, sentence) {
    const end = await run(args);
    assert.equal(end.code, code, end.said);
    const lines = end.said.trimEnd().split('\n');
    assert.match(lines.at(-1), sentence);
    assert.ok(lines.every((line) => / (info|warn|error) gamed: /.test(line)), `log lines only, not:\n${end.said}`);
    const wsUrl = `ws+unix:${stack.sockets.gamed}:`;
    await assert.rejects(Player.connect(stack, { room_code: 'A00000' }, { wsUrl }), { status: 404 }, 'the first one still answers');
  }

  test('does not start on a port that is taken', async () => {
    const other = net.createServer();
    await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${other.address().port}`;
    try {
      await refuses({ '--listen': address }, FAILED, new RegExp(address.replaceAll('.', '\\.')));
    } finally {
      other.close();
    }
  });

  test('does not start on an address that this machine does not have', async () => {
    const address = `${NOBODYS_ADDRESS}:${await freePort()}`;
    await refuses({ '--listen': address }, FAILED, new RegExp(address.replaceAll('.', '\\.')));
  });

  test('does not start where it could not be found', async () => {
    for (const listen of ['127.0.0.1', '127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:x', ':8080', 'unix:', `unix:/${'x'.repeat(200)}`]) {
      const { code, said } = await run({ '--listen': listen });
      assert.ok([FAILED, USAGE].includes(code), `${listen}: ${code} ${said}`);
      assert.match(said, /--listen|path/, listen);
    }
  });

  test('leaves a file, a folder or a living socket in its place', async () => {
    writeFileSync(inRun('letter'), 'Dear Ann');
    mkdirSync(inRun('folder'));
    for (const name of ['letter', 'folder']) {
      await refuses({ '--listen': `unix:${inRun(name)}` }, FAILED, new RegExp(name));
    }
    assert.equal(readFileSync(inRun('letter'), 'utf8'), 'Dear Ann');
    assert.ok(statSync(inRun('folder')).isDirectory());
    await refuses({ '--listen': `unix:${stack.sockets.gamed}` }, FAILED, /gamed\.sock/);
  });

  test('leaves an IPC address that is taken, or is no socket', async () => {
    writeFileSync(inRun('note'), 'Dear Bob');
    await refuses({ '--ipc': `ipc://${stack.sockets.ipc}` }, FAILED, /ipc\.sock/);
    await refuses({ '--ipc': `ipc://${inRun('note')}` }, FAILED, /note/);
    assert.equal(readFileSync(inRun('note'), 'utf8'), 'Dear Bob');
  });

  test('leaves a control socket that is taken, or is none', async () => {
    writeFileSync(inRun('memo'), 'Dear Cleo');
    await refuses({ '--control': stack.sockets.control }, FAILED, /control\.sock/);
    await refuses({ '--control': inRun('memo') }, FAILED, /memo/);
    assert.equal(readFileSync(inRun('memo'), 'utf8'), 'Dear Cleo');
  });

  test('does not share a slot, but may have another one of the same state', async () => {
    await refuses({ '--state-dir': inRun('state') }, FAILED, /slot A/);
    const second = stack.daemon('gamed-b', stack.gamed.command, own({ '--state-dir': inRun('state'), '--slot': 'B' }));
    second.start();
    const wsUrl = `ws+unix:${inRun('second.sock')}:`;
    const answers = () => Player.connect(stack, { room_code: 'B00000' }, { wsUrl }).then(() => false, ({ status }) => status === 404);
    await stack.until('the second one answers', answers);
    await second.stop();
  });
});

describe('a gamed with the slot and the state of another', () => {
  const stack = useStack();
  const state = () => path.join(stack.runDir, 'state');
  const own = (name) => path.join(stack.runDir, `${name}.sock`);
  const args = () => ['--listen', `unix:${own('heir')}`, '--ipc', `ipc://${own('heir-ipc')}`, '--control', own('heir-control'), '--state-dir', state()];

  const filesOf = (folder) =>
    readdirSync(folder).sort().map((name) => {
      const { ino, size, mtimeMs } = statSync(path.join(folder, name));
      return { name, ino, size, mtimeMs };
    });

  test('touches nothing while that one lives, and takes over at once when it is killed', async () => {
    const rest = new Rest(stack);
    const seat = await rest.ok(rest.create({ username: 'Ann' }));
    stack.gamed.signal('SIGSTOP'); // so that what changes now was not changed by it
    const files = filesOf(state());
    const { status, stderr } = spawnSync(stack.gamed.command, args(), { env: stack.env, timeout: END_MS, encoding: 'utf8' });
    assert.equal(status, FAILED, stderr);
    assert.match(stderr, /another gamed has slot A in \S+\n$/);
    assert.deepEqual(filesOf(state()), files);
    stack.gamed.signal('SIGCONT');
    for (const name of ['heir', 'heir-ipc', 'heir-control']) assert.ok(!existsSync(own(name)), name);
    assert.equal((await rest.check(seat.room_code)).status, 200, 'the first goes on');

    await stack.gamed.stop('SIGKILL');
    const heir = stack.daemon('gamed-heir', stack.gamed.command, args());
    heir.start();
    await stack.until('the heir listens', () => existsSync(own('heir-ipc')));
    const player = await Player.connect(stack, seat, { wsUrl: `ws+unix:${own('heir')}:` });
    assert.equal((await player.join()).player_number, 1, 'the room and the seat are there');
    player.drop();
    await heir.stop();
  });
});

describe('gamed with Redis', () => {
  const stack = useStack();
  const SECRET = 'sesame-of-redis';

  /** What --check-config says of these flags: {code, said}. */
  const check = (...args) => {
    const { status, stdout, stderr } = spawnSync(stack.gamed.command, ['--check-config', ...args], { env: stack.env, encoding: 'utf8', timeout: END_MS });
    return { code: status, said: stdout + stderr };
  };

  test('says what is wrong with its settings, and never the password', () => {
    const file = path.join(stack.runDir, 'redis-url');
    const url = `redis://:${SECRET}@redis.example:6379/0`;
    writeFileSync(file, `${url}\n`);
    const bad = [
      [['--redis-url', `http://:${SECRET}@redis.example`], /must begin redis:\/\//],
      [['--redis-url', `redis://:${SECRET}@redis.example:port`], /URL of Redis/],
      [['--redis-url', url, '--redis-url-file', file], /both set/],
      [['--redis-url-file', path.join(stack.runDir, 'none')], /cannot be used/],
      [['--redis-url-file', file, '--listen', '0.0.0.0:7000'], /--advertise-listen is needed/],
      [['--redis-url-file', file, '--ipc', 'tcp://0.0.0.0:7001'], /--advertise-ipc is needed/],
      [['--redis-url-file', file, '--lease-ms', '999'], /--lease-ms/],
    ];
    for (const [args, sentence] of bad) {
      const { code, said } = check(...args);
      assert.equal(code, USAGE, said);
      assert.match(said, sentence);
      assert.ok(!said.includes(SECRET), said);
    }
    const { code, said } = check('--redis-url-file', file, '--listen', '0.0.0.0:7000', '--advertise-listen', '10.0.0.1:7000');
    assert.equal(code, 0, said);
  });

  test('does not forget what was kept without it', async () => {
    const rest = new Rest(stack);
    const run = () => {
      const { status, stderr } = spawnSync(stack.gamed.command, [...stack.gamed.args, '--redis-url', `unix://${path.join(stack.runDir, 'nobody.sock')}`], { env: stack.env, encoding: 'utf8', timeout: END_MS });
      return { code: status, said: stderr };
    };
    const room = await rest.ok(rest.create());
    await stack.gamed.stop();
    const { code, said } = run();
    assert.equal(code, FAILED, said);
    assert.match(said, /0 undelivered results and 1 rooms were kept in .*state without Redis/);

    stack.gamed.start();
    await stack.until('service', async () => (await rest.check(room.room_code)).status === 200);
    assert.match(run().said, /slot/, 'nor does it look while another process uses that');
  });
});
