// ./dev itself: what it starts, keeps alive, says and leaves behind. Each test has a PONG_DEV_DIR and
// a port of its own, so a stack of the user's own is not touched. The first group runs the daemons
// of PONG_BUILD_DIR (or .dev/build), the second daemons that misbehave on purpose.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, test } from 'node:test';

import { fakeBuild } from './fake-build.mjs';
import { freePort, repository, until } from './nginx-stack.mjs';

const realBuild = process.env.PONG_BUILD_DIR ?? path.join(repository, '.dev/build');
const DAEMONS = ['gamed', 'api-fcgi', 'nginx'];

/** One ./dev with its own folder and port. */
class Dev {
  constructor(folder, port, env) {
    this.folder = folder;
    this.address = `127.0.0.1:${port}`;
    this.env = { PATH: process.env.PATH, PONG_DEV_DIR: folder, PONG_LISTEN: this.address, ...env };
    if (process.env.PONG_TEST_RUN) this.env.PONG_TEST_RUN = process.env.PONG_TEST_RUN;
  }

  /** Resolves when the command has ended *and* nobody holds its output any more. */
  run(...args) {
    return new Promise((resolve, reject) => {
      const child = spawn(path.join(repository, 'dev'), args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
  }

  pid(name) {
    return Number(readFileSync(path.join(this.folder, 'pids', name), 'utf8').split(' ')[0]);
  }

  /** The processes that nginx's master has made. */
  workers() {
    const master = this.pid('nginx');
    return readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ').map(Number);
  }

  log(name) {
    return readFileSync(path.join(this.folder, 'log', `${name}.log`), 'utf8');
  }

  /** Every process whose command line has this stack's name in it, and nginx's workers. */
  processes() {
    const masters = new Set();
    const stats = [];
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const group = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ')[2];
        const ours = command.includes(this.folder) || environment.split('\0').includes(`PONG_DEV_DIR=${this.folder}`);
        stats.push({ pid, command, group, ours });
        if (ours) masters.add(group);
      } catch {
        // it has ended meanwhile
      }
    }
    return stats.filter(({ ours, group, command }) => ours || (masters.has(group) && command.startsWith('nginx')));
  }

  async assertNothingLeft() {
    // A supervisor that was killed leaves its timer, which ends by itself within a second.
    await until('no process is left', () => this.processes().length === 0).catch(() => {});
    assert.deepEqual(this.processes().map(({ command }) => command), []);
    assert.ok(!existsSync(path.join(this.folder, 'pids')));
    const run = path.join(this.folder, 'run');
    if (existsSync(run)) assert.deepEqual(readdirSync(run).filter((name) => /\.(sock|pid)$/.test(name)), []);
  }

  async post(what, body) {
    const response = await fetch(`http://${this.address}/api/room/${what}/`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  /** The status of a WebSocket's handshake, through nginx; 0 when nobody answers. */
  handshake({ code, token }) {
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' };
    return new Promise((resolve) => {
      const request = http.get(`http://${this.address}/ws/game/${code}/?token=${token}`, { headers, agent: false });
      request.on('upgrade', (response, socket) => socket.destroy(resolve(101)));
      request.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)));
      request.on('error', () => resolve(0));
    });
  }

  async healthy() {
    return (await this.run('status')).code === 0;
  }
}

/** Whether a process runs; one that has ended and was not collected by its parent does not. */
function runs(pid) {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function assertOneSentence({ code, stderr }, sentence) {
  assert.notEqual(code, 0);
  assert.match(stderr, sentence);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
}

function listen(port, host) {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy()).once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

let folder;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'pong-dev-'));
});

/** Runs `body` with a stack of the given kind and takes it down whatever happens. */
async function withDev({ name = 'stack', build = realBuild, env = {} }, body) {
  const dev = new Dev(path.join(folder, name), await freePort(), { PONG_BUILD_DIR: build, ...env });
  try {
    await body(dev);
  } finally {
    await dev.run('down');
    await dev.assertNothingLeft();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('with the real daemons', () => {
  test('up, up, status, logs, down, down', async () => {
    await withDev({}, async (dev) => {
      assert.equal((await dev.run('status')).code, 3);

      const first = await dev.run('up');
      assert.deepEqual({ ...first, stdout: '' }, { code: 0, stdout: '', stderr: '' });
      assert.equal(first.stdout, `pong is running at http://${dev.address}/\n`);
      const pids = DAEMONS.map((name) => dev.pid(name));

      const second = await dev.run('up');
      assert.deepEqual(second, { code: 0, stdout: `already running at http://${dev.address}/\n`, stderr: '' });
      assert.deepEqual(DAEMONS.map((name) => dev.pid(name)), pids);

      const status = await dev.run('status');
      assert.equal(status.code, 0);
      for (const [i, name] of DAEMONS.entries()) {
        assert.match(status.stdout, new RegExp(`^${name} +pid ${pids[i]} +up \\d+:\\d\\d:\\d\\d +restarts 0$`, 'm'));
      }
      assert.match(status.stdout, new RegExp(`^address +http://${dev.address}/$`, 'm'));
      assert.match(status.stdout, /^health +200$/m);

      const logs = await dev.run('logs', 'supervisor');
      assert.match(logs.stdout, /gamed started, pid/);
      assertOneSentence(await dev.run('logs', 'nonsense'), /no log "nonsense"/);

      assert.deepEqual(await dev.run('down'), { code: 0, stdout: 'stopped\n', stderr: '' });
      await dev.assertNothingLeft();
      assert.equal((await dev.run('status')).code, 3);
      assert.deepEqual(await dev.run('down'), { code: 0, stdout: 'nothing is running\n', stderr: '' });
      assert.match(dev.log('supervisor'), /stopped\n$/);
    });
  });

  test('each daemon that is killed is started again, and the service answers', async () => {
    await withDev({}, async (dev) => {
      assert.equal((await dev.run('up')).code, 0);
      const workers = dev.workers();
      assert.ok(workers.length > 0);
      for (const name of DAEMONS) {
        const old = dev.pid(name);
        process.kill(old, 'SIGKILL');
        await until(`${name} has a new process`, () => dev.pid(name) !== old);
        await until(`all is well after the death of ${name}`, () => dev.healthy());
      }
      assert.equal((await dev.run('status')).stdout.match(/restarts 1$/gm).length, 3);
      assert.deepEqual(workers.filter(runs), [], 'workers of the nginx that was killed');
    });
  });

  test('a supervisor that was killed leaves what up and down can clear away', async () => {
    await withDev({}, async (dev) => {
      assert.equal((await dev.run('up')).code, 0);
      process.kill(dev.pid('supervisor'), 'SIGKILL');
      await until('it is gone', async () => (await dev.run('status')).code === 3);
      const old = dev.pid('gamed');
      assert.equal((await dev.run('up')).code, 0);
      assert.notEqual(dev.pid('gamed'), old);
      assert.equal(dev.processes().filter(({ pid }) => Number(pid) === old).length, 0);

      const workers = dev.workers();
      process.kill(dev.pid('supervisor'), 'SIGKILL');
      process.kill(dev.pid('nginx'), 'SIGKILL');
      await dev.run('down');
      assert.deepEqual(workers.filter(runs), []);
      await dev.assertNothingLeft();
    });
  });

  test('a port in use is told in one sentence, and nothing is left', async () => {
    await withDev({}, async (dev) => {
      const other = await listen(Number(dev.address.split(':')[1]), '127.0.0.1');
      try {
        assertOneSentence(await dev.run('up'), new RegExp(`${dev.address} is in use by another program`));
        await dev.assertNothingLeft();
      } finally {
        await new Promise((resolve) => other.close(resolve));
      }
    });
  });

  test('a path that is long and odd works, by a short cut that goes with it', async () => {
    const name = `a "b" c/${'long'.repeat(40)}`;
    await withDev({ name }, async (dev) => {
      const up = await dev.run('up');
      assert.equal(up.code, 0, up.stderr);
      const run = readFileSync(`/proc/${dev.pid('nginx')}/cmdline`, 'utf8').match(/-p (\S+)/)[1];
      assert.ok(existsSync(path.join(run, 'api.sock')));
      assert.ok(Buffer.byteLength(path.join(run, 'gamed.sock')) < 108);
      await dev.run('down');
      assert.ok(!existsSync(run));
    });
  });

  test('secrets reach the daemons, but no command line and no log', async () => {
    const secrets = { API_KEY: 'key-9f3b7c', JWT_SECRET_KEY: 'jwt-1c2d3e-long-enough-for-any-rule', PONG_API_RATE: '77' };
    await withDev({ env: secrets }, async (dev) => {
      assert.equal((await dev.run('up')).code, 0);
      const environment = readFileSync(`/proc/${dev.pid('gamed')}/environ`, 'utf8').split('\0');
      assert.ok(environment.includes(`API_KEY=${secrets.API_KEY}`));
      const shown = dev.processes().map(({ command }) => command).join('\n');
      const logs = readdirSync(path.join(dev.folder, 'log')).map((name) => readFileSync(path.join(dev.folder, 'log', name), 'utf8')).join('\n');
      for (const secret of [secrets.API_KEY, secrets.JWT_SECRET_KEY]) assert.ok(!`${shown}${logs}`.includes(secret));
      assert.match(readFileSync(path.join(dev.folder, 'run/pong.conf'), 'utf8'), /rate=77r\/s/);
    });
  });
});

describe('with daemons that misbehave', () => {
  const fake = (parts) => fakeBuild(path.join(folder, 'build'), parts);

  test('a daemon that refuses to start is quoted in one sentence', async () => {
    const gamed = '#!/bin/sh\necho "starting" >&2\necho "gamed: --slot must be one character" >&2\nexit 2\n';
    await withDev({ build: fake({ gamed }) }, async (dev) => {
      assertOneSentence(await dev.run('up'), /gamed did not start \(exit code 2\): gamed: --slot must be one character/);
      await dev.assertNothingLeft();
    });
  });

  test('settings that nginx cannot have are told in one sentence', async () => {
    await withDev({ build: fake({}), env: { PONG_LISTEN: 'nonsense' } }, async (dev) => {
      assertOneSentence(await dev.run('up'), /PONG_LISTEN must be ADDRESS:PORT/);
      await dev.assertNothingLeft();
    });
    folder = mkdtempSync(path.join(tmpdir(), 'pong-dev-'));
    await withDev({ build: fake({}), env: { PONG_LISTEN: '203.0.113.1:8080' } }, async (dev) => {
      assertOneSentence(await dev.run('up'), /203\.0\.113\.1:8080/);
      await dev.assertNothingLeft();
    });
  });

  test('a build without daemons is told in one sentence', async () => {
    await withDev({ build: path.join(folder, 'none') }, async (dev) => {
      assertOneSentence(await dev.run('up'), /holds no gamed/);
    });
  });

  test('one that keeps dying is started again, but once a second at most', async () => {
    const starts = path.join(folder, 'starts');
    const gamed = `#!/bin/sh
      read up rest </proc/uptime
      echo "$up" >>'${starts}'
      [ -e '${folder}/die' ] || exec sleep 100000
      exit 1\n`;
    await withDev({ build: fake({ gamed }) }, async (dev) => {
      assert.equal((await dev.run('up')).code, 0);
      writeFileSync(path.join(folder, 'die'), '');
      process.kill(dev.pid('gamed'), 'SIGKILL');
      const times = () => readFileSync(starts, 'utf8').trim().split('\n').map(Number);
      await until('it was started four times more', () => times().length >= 5);
      const gaps = times().slice(1).map((time, i) => time - times()[i]);
      for (const gap of gaps.slice(1)) assert.ok(gap > 0.5, `restarts ${gap} s apart`);
      rmSync(path.join(folder, 'die'));
      await until('it is healthy again', () => dev.healthy());
    });
  });

  test('one that ignores SIGTERM is ended all the same', async () => {
    const gamed = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n";
    await withDev({ build: fake({ gamed }) }, async (dev) => {
      assert.equal((await dev.run('up')).code, 0);
      assert.equal((await dev.run('down')).code, 0);
      await dev.assertNothingLeft();
    });
  });

  test('up restarts for a new build, and keeps the settings of before without being asked', async () => {
    await withDev({ build: fake({}) }, async (dev) => {
      assert.equal((await dev.run('up')).code, 0);
      const old = dev.pid('gamed');
      dev.env.PONG_API_RATE = '5';
      const other = await dev.run('up');
      assert.match(other.stdout, /already running at .*\nit keeps the settings/);
      assert.equal(dev.pid('gamed'), old);

      fake({ gamed: '#!/bin/sh\nexec sleep 200000\n' });
      dev.env.PONG_LISTEN = `127.0.0.1:${await freePort()}`;
      const renewed = await dev.run('up');
      assert.equal(renewed.code, 0, renewed.stderr);
      const [restarting, running, keeps] = renewed.stdout.split('\n');
      assert.equal(restarting, 'restarting with the new build');
      assert.equal(running, `pong is running at http://${dev.address}/`);
      assert.match(keeps, /^it keeps the settings/);
      assert.notEqual(dev.pid('gamed'), old);
      assert.ok(await dev.healthy());

      fake({ gamed: '#!/bin/sh\necho "gamed: broken" >&2\nexit 1\n' });
      assertOneSentence(await dev.run('up'), /gamed did not start \(exit code 1\): gamed: broken/);
      await dev.assertNothingLeft();
    });
  });

  test('two at once start one stack', async () => {
    await withDev({ build: fake({}) }, async (dev) => {
      const both = await Promise.all([dev.run('up'), dev.run('up')]);
      assert.deepEqual(both.map(({ code }) => code), [0, 0]);
      assert.deepEqual(both.map(({ stdout }) => stdout.split(' ')[0]).sort(), ['already', 'pong']);
    });
  });
});

/** A room in each slot of the list: {slot: {code, token}}. */
async function roomsIn(slots, dev) {
  const rooms = {};
  await until(`a room in each of the slots ${slots}`, async () => {
    const { body } = await dev.post('create', { username: 'Ada' });
    rooms[body.room_code[0]] = { code: body.room_code, token: body.seat_token };
    return [...slots].every((slot) => rooms[slot]);
  });
  return rooms;
}

describe('several instances', () => {
  const GAMED = ['gamed-1', 'gamed-2', 'gamed-3'];

  test('each has its slot and is reached, is started again, and all go with down; also below an odd path', async () => {
    await withDev({ name: 'a "b" c', env: { PONG_MAX_ROOMS_PER_ADDRESS: '0' } }, async (dev) => {
      const up = await dev.run('up', '--instances', '3');
      assert.deepEqual(up, { code: 0, stdout: `pong is running at http://${dev.address}/\n`, stderr: '' });
      const status = (await dev.run('status')).stdout;
      assert.deepEqual(status.match(/^[a-z0-9-]+(?= +pid)/gm), ['supervisor', ...GAMED, 'api-fcgi', 'nginx']);

      const rooms = await roomsIn('ABC', dev);
      for (const room of Object.values(rooms)) assert.equal(await dev.handshake(room), 101, room.code);

      const old = dev.pid('gamed-2');
      process.kill(old, 'SIGKILL');
      await until('gamed-2 has a new process', () => dev.pid('gamed-2') !== old);
      await until('it has its room and is reached again', async () => (await dev.handshake(rooms.B)) === 101);

      const logs = (await dev.run('logs', 'gamed')).stdout;
      for (const name of GAMED) assert.ok(logs.includes(`/${name}.log <==`), name);
      assert.match((await dev.run('logs', 'gamed-3')).stdout, /slot C/);
      assert.match((await dev.run('up')).stdout, /already running .*\nit keeps the settings it was started with/);
      process.kill(dev.pid('supervisor'), 'SIGHUP'); // as for a new build
      await until('all are started anew', () => existsSync(path.join(dev.folder, 'pids/anew')));
      await until('each is reached again', async () => {
        for (const room of Object.values(rooms)) if ((await dev.handshake(room)) !== 101) return false;
        return true;
      });
      assert.equal((await dev.run('down')).code, 0);
      await dev.assertNothingLeft();
    });
  });
});

describe('the command line', () => {
  test('help is given, nonsense refused', async () => {
    const dev = new Dev(path.join(folder, 'none'), 1, {});
    for (const words of [['help'], ['--help'], ['bench', '--help'], ['bench', 'flood', '--help'], ['down', '-h']]) {
      const { code, stdout } = await dev.run(...words);
      assert.equal(code, 0);
      assert.match(stdout, /\.\/dev up/);
    }
    for (const words of [['fly'], ['fly', '--help']]) assertOneSentence(await dev.run(...words), /no command "fly"/);
    assertOneSentence(await dev.run('up', 'now'), /up takes --instances N and nothing else/);
    for (const words of [[], ['0'], ['17'], ['2x'], ['-1'], ['2', '3']]) {
      assertOneSentence(await dev.run('up', '--instances', ...words), /--instances must be a number from 1 to 16/);
    }
    rmSync(folder, { recursive: true, force: true });
  });
});
