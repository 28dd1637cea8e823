// SIGHUP, with the real daemons: the log that logrotate has moved is opened anew without losing a line, keys are read
// again from their files and count from the next request on, and nothing about it ever stops a daemon.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { quickServe, startStack, useStack } from './harness.mjs';
import { inSeconds, makeJwt } from './jwt.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { finishMatch, startMatch } from './rooms.mjs';
import { UserManagement } from './user-management.mjs';

const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn|info|debug) (gamed|api-fcgi): \S.*$/;
const REOPENED = 'SIGHUP: this is the log from now on';

/** A folder that is gone after the tests. */
function folder() {
  const directory = mkdtempSync(path.join(tmpdir(), 'pong-sighup-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const linesOf = (file) => {
  const text = readFileSync(file, 'utf8');
  assert.ok(text === '' || text.endsWith('\n'), `${file} ends in the middle of a line`);
  return text.split('\n').slice(0, -1);
};

const playOne = async (stack) => {
  const { code, one, two } = await startMatch(stack, { winning_score: 1 });
  await finishMatch(one, two);
  return code;
};

describe('a log that is moved away', () => {
  const directory = folder();
  const gamedLog = path.join(directory, 'gamed.log');
  const apiLog = path.join(directory, 'api-fcgi.log');
  const management = new UserManagement();
  let stack;

  after(async () => {
    await stack?.stop();
    await management.stop();
  });

  /** As logrotate does it: mv, then SIGHUP, then wait until the new file is in use. */
  async function rotate(daemon, file, number) {
    renameSync(file, `${file}.${number}`);
    daemon.signal('SIGHUP');
    await stack.until(`${file} is opened anew`, () => readdirSync(directory).includes(path.basename(file)) && linesOf(file).length > 0);
  }

  test('loses no line', async () => {
    await management.start();
    stack = await startStack({
      env: { ...quickServe, USER_MANAGEMENT_URL: management.url },
      gamedArgs: ['--log-file', gamedLog],
      apiArgs: ['--log-file', apiLog],
    });
    assert.equal(statSync(gamedLog).mode & 0o777, 0o640);
    assert.equal(statSync(apiLog).mode & 0o777, 0o640);

    const matches = Promise.all(Array.from({ length: 8 }, () => playOne(stack)));
    let over = false;
    matches.finally(() => (over = true)).catch(() => {});
    let rotations = 0;
    while (!over || rotations < 20) {
      rotations += 1;
      await Promise.all([rotate(stack.gamed, gamedLog, rotations), rotate(stack.api, apiLog, rotations)]);
    }
    const codes = await matches;
    await management.until(() => codes.every((code) => management.recorded(({ room_code: room }) => room === code).length > 0));
    const ids = management.recorded().map(({ json }) => json.match_id);
    const gamedLines = () => [...Array.from({ length: rotations }, (_, i) => `${gamedLog}.${i + 1}`), gamedLog].flatMap(linesOf);
    await stack.until('all deliveries are in the log', () => gamedLines().filter((line) => line.includes(': delivered: ')).length >= ids.length);

    for (const line of gamedLines()) assert.match(line, LINE);
    for (const id of ids) assert.equal(gamedLines().filter((line) => line.includes(`result ${id}: delivered`)).length, 1);
    for (const file of [gamedLog, apiLog]) {
      assert.ok(!linesOf(`${file}.1`)[0].includes(REOPENED), 'the first begins with the start');
      for (let i = 2; i <= rotations; i += 1) {
        const said = linesOf(`${file}.${i}`).filter((line) => line.includes(REOPENED));
        assert.equal(said.length, 1, `${file}.${i} is opened once`);
      }
      assert.equal(readFileSync(path.join(stack.logDir, `${path.basename(file, '.log')}.stderr.log`), 'utf8'), '', 'nothing on standard error');
    }
  });

  test('when it cannot be opened anew, the old one goes on and says so', async () => {
    for (const [daemon, file] of [[stack.gamed, gamedLog], [stack.api, apiLog]]) {
      const old = `${file}.old`;
      renameSync(file, old);
      mkdirSync(file);
      daemon.signal('SIGHUP');
      await stack.until('it says so', () => linesOf(old).some((line) => /error .* SIGHUP: the log file .* cannot be opened: .*directory/.test(line)));
      rmdirSync(file);
      daemon.signal('SIGHUP');
      await stack.until('the next time it is', () => readdirSync(directory).includes(path.basename(file)) && linesOf(file).some((line) => line.includes(REOPENED)));
    }
    await stack.gamed.stop();
    await stack.api.stop();
    for (const file of [gamedLog, apiLog]) assert.match(linesOf(file).join('\n'), /stopping/);
  });
});

describe('a key in a file', () => {
  const directory = folder();
  const keyFile = path.join(directory, 'key');

  test('the next post carries the new API key; a broken file keeps the old one', async () => {
    const management = await new UserManagement().start();
    const keys = ['first-e2e-api-key', 'second-e2e-api-key', 'third-e2e-api-key'];
    writeFileSync(keyFile, `${keys[0]}\n`);
    const stack = await startStack({
      env: { ...quickServe, USER_MANAGEMENT_URL: management.url },
      gamedArgs: ['--api-key-file', keyFile],
    });
    for (const key of keys) stack.secrets.add(key);
    const said = (pattern) => stack.gamed.tail().split('\n').filter((line) => pattern.test(line)).length;
    const postedKey = async () => {
      const code = await playOne(stack);
      const { headers } = await management.result(({ room_code: room }) => room === code);
      return headers.authorization;
    };
    const hangUp = async (pattern) => {
      const before = said(pattern);
      stack.gamed.signal('SIGHUP');
      await stack.until(`the log has ${pattern}`, () => said(pattern) > before);
    };
    try {
      assert.equal(await postedKey(), `Api-Key ${keys[0]}`);
      writeFileSync(keyFile, keys[1]);
      await hangUp(/info gamed: SIGHUP: the API key was read from /);
      assert.equal(await postedKey(), `Api-Key ${keys[1]}`);

      writeFileSync(keyFile, '');
      await hangUp(/error gamed: SIGHUP: the key file .* cannot be used: it is empty; the API key stays/);
      writeFileSync(keyFile, `${keys[2]} with blanks\n`);
      await hangUp(/error gamed: SIGHUP: the API key holds a blank.*; the API key stays/);
      unlinkSync(keyFile);
      await hangUp(/error gamed: SIGHUP: the key file .* cannot be used: No such file.*; the API key stays/);
      assert.equal(await postedKey(), `Api-Key ${keys[1]}`);

      writeFileSync(keyFile, `${keys[2]}\n`);
      await hangUp(/info gamed: SIGHUP: the API key was read from /);
      assert.equal(await postedKey(), `Api-Key ${keys[2]}`);
    } finally {
      await stack.stop().finally(() => management.stop());
    }
  });

  test('a JWT of the new key is taken, one of the old key no more; a broken file keeps the keys', async () => {
    const [old, fresh] = ['the-old-e2e-jwt-key-of-at-least-32-bytes', 'the-new-e2e-jwt-key-of-at-least-32-bytes'];
    writeFileSync(keyFile, `${old}\n`);
    const stack = await startStack({ apiArgs: ['--jwt-secret-key-file', keyFile] });
    for (const key of [old, fresh]) stack.secrets.add(key);
    const rest = new Rest(stack);
    const createWith = (key) => rest.create({}, { token: makeJwt({ user_id: 42, exp: inSeconds(600) }, key) });
    const assertTaken = async (key) => assert.equal((await createWith(key)).status, 201);
    const assertNotTaken = async (key) => assertFailure(await createWith(key), 401, 'bad_token');
    const said = (pattern) => stack.api.tail().split('\n').filter((line) => pattern.test(line)).length;
    const hangUp = async (pattern) => {
      const before = said(pattern);
      stack.api.signal('SIGHUP');
      await stack.until(`the log has ${pattern}`, () => said(pattern) > before);
    };
    try {
      await assertTaken(old);
      await assertNotTaken(fresh);
      writeFileSync(keyFile, `${fresh},${old}\n`); // both for a while
      await hangUp(/info api-fcgi: SIGHUP: 2 JWT keys were read from /);
      await assertTaken(old);
      await assertTaken(fresh);
      writeFileSync(keyFile, fresh);
      await hangUp(/info api-fcgi: SIGHUP: 1 JWT keys were read from /);
      await assertTaken(fresh);
      await assertNotTaken(old);

      writeFileSync(keyFile, `${old},\n`);
      await hangUp(/error api-fcgi: SIGHUP: the JWT key list has an empty key; the JWT keys stay/);
      writeFileSync(keyFile, 'x'.repeat(100_000));
      await hangUp(/error api-fcgi: SIGHUP: the key file .* cannot be used: it is too long; the JWT keys stay/);
      unlinkSync(keyFile);
      mkdirSync(keyFile);
      await hangUp(/error api-fcgi: SIGHUP: the key file .* not a regular file; the JWT keys stay/);
      rmdirSync(keyFile);
      await assertTaken(fresh);
      await assertNotTaken(old);
    } finally {
      await stack.stop();
    }
  });
});

describe('SIGHUP without files', () => {
  const stack = useStack();
  const rest = new Rest(stack);

  test('stops nobody, in play or while stopping', async () => {
    const { one, two } = await startMatch(stack, { winning_score: 1 });
    for (let i = 0; i < 20; i += 1) {
      for (const daemon of [stack.gamed, stack.api]) daemon.signal('SIGHUP');
      await sleep(10);
    }
    await stack.until('both say that there is nothing to do', () =>
      [stack.gamed, stack.api].every((daemon) => daemon.tail().includes('SIGHUP: there is no log file')));
    assert.equal((await rest.get('/api/room/health/')).status, 200);
    await finishMatch(one, two);
    for (const daemon of [stack.gamed, stack.api]) {
      const stopped = daemon.stop(); // which checks that the exit code is 0
      for (let i = 0; i < 20 && daemon.running; i += 1) {
        daemon.signal('SIGHUP');
        await sleep(5);
      }
      await stopped;
    }
  });
});

describe('files that are no use at the start', () => {
  const directory = folder();
  const stack = useStack({ nginx: false });
  const file = (name, text) => {
    writeFileSync(path.join(directory, name), text);
    return path.join(directory, name);
  };
  /** Runs the daemon in the foreground, where it ends by itself. */
  const run = (daemon, args, env = {}) =>
    spawnSync(daemon.command, args, { env: { ...stack.env, ...env }, encoding: 'utf8', timeout: 20_000 });

  test('are told in a sentence, and end it', () => {
    const key = file('key', 'hunter2-hunter2-hunter2-hunter2-hunter2\n');
    const empty = file('empty', '\n');
    const cases = [
      [stack.gamed, ['--api-key-file', key, '--api-key', 'x'], {}, 2, /--api-key-file and --api-key \(or API_KEY\) are both set/],
      [stack.gamed, ['--api-key-file', key], { API_KEY: 'x' }, 2, /both set/],
      [stack.gamed, ['--api-key-file', empty], {}, 2, /the key file .*empty cannot be used: it is empty/],
      [stack.gamed, ['--api-key-file', `${key}s`, '--check-config'], {}, 2, /No such file/],
      [stack.gamed, ['--log-file', directory], {}, 1, /the log file .* cannot be opened: .*directory/],
      [stack.api, ['--jwt-secret-key-file', key, '--jwt-secret-key', 'x'], {}, 2, /--jwt-secret-key-file and --jwt-secret-key \(or JWT_SECRET_KEY\) are both set/],
      [stack.api, ['--jwt-secret-key-file', key], { JWT_SECRET_KEY: 'x' }, 2, /both set/],
      [stack.api, ['--jwt-secret-key-file', directory], {}, 2, /not a regular file/],
      [stack.api, ['--listen', `unix:${directory}/api.sock`, '--log-file', '/nowhere/log'], {}, 1, /the log file \/nowhere\/log cannot be opened: No such file/],
    ];
    for (const [daemon, args, env, code, sentence] of cases) {
      const { status, stderr } = run(daemon, args, env);
      assert.equal(status, code, `${daemon.name} ${args.join(' ')}: ${stderr}`);
      assert.match(stderr, sentence);
      assert.ok(!stderr.includes('hunter2'), 'no key in an error');
    }
    for (const [daemon, flag] of [[stack.gamed, '--api-key-file'], [stack.api, '--jwt-secret-key-file']]) {
      const { status, stderr } = run(daemon, [flag, key, '--check-config']);
      assert.equal(status, 0, stderr);
    }
  });
});
