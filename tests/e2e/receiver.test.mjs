// Results reach user_management whatever state it is in, and whatever becomes of gamed meanwhile: they are posted until
// they are recorded, always as the same bytes under the same key, so that a receiver that honours the key has each once.
// Nothing is sent again once it has been taken or refused for good, and nothing before the receiver wants it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort, quickServe, startStack } from './harness.mjs';
import { Rest } from './rest.mjs';
import { finishMatch, startMatch } from './rooms.mjs';
import { UserManagement } from './user-management.mjs';

const PATIENCE_MS = 120_000;
const CLOCK_MS = 5; // gamed and node cut their milliseconds at different places
const WAIT_SECONDS = 3;
const QUIET_MS = 3_000; // a backoff would have tried again by then
const API_KEY = 'a-key-that-no-log-may-hold';

const playOne = async (stack) => {
  const { code, one, two } = await startMatch(stack, { winning_score: 1 });
  await finishMatch(one, two);
  one.drop();
  two.drop();
  return code;
};

const play = (stack, count) => Promise.all(Array.from({ length: count }, () => playOne(stack)));

/** Runs `body(stack)` with a stack that posts to `url`; ends the stack, then the receiver, whatever happens. */
async function whilePosting(url, management, body, env = {}) {
  try {
    const stack = await startStack({ env: { ...quickServe, USER_MANAGEMENT_URL: url, ...env } });
    await body(stack).finally(() => stack.stop());
  } finally {
    await management.stop();
  }
}

async function restart(stack, signal) {
  await stack.gamed.stop(signal);
  stack.gamed.start();
  await stack.until('service', async () => (await new Rest(stack).get('/api/room/health/')).status === 200);
}

const log = (stack) => readFileSync(stack.gamed.logPath, 'utf8');
const logged = (stack, words) => stack.until(`the log says ${words}`, () => words.test(log(stack)));

/** What a receiver may count on, of all that it got of a room. */
function assertSame(attempts, code) {
  assert.equal(new Set(attempts.map(({ body }) => body)).size, 1, `${code}: every attempt has the same bytes`);
  for (const { method, path: to, headers, json } of attempts) {
    assert.deepEqual([method, to, headers['idempotency-key']], ['POST', '/api/games/', json.match_id], code);
  }
}

const retryAfter = (value) => ({ 'Retry-After': String(value) });

describe('a result', () => {
  test('is recorded once by a user_management that is away, fails, slows, and cuts the line, across restarts', async () => {
    const scripts = [
      { answers: [{ status: 500 }, { status: 502 }], recorded: 1 },
      { answers: [{ status: 429, headers: retryAfter(1) }], recorded: 1 },
      { answers: [{ status: 408, headers: retryAfter(1) }, { status: 425, headers: retryAfter(1) }], recorded: 1 },
      { answers: [{ status: 201, delayMs: 1_500 }], recorded: 1 },
      { answers: [{ cut: true }], recorded: 1 },
      { answers: [{ status: 201, cut: true }, { status: 409 }], recorded: 1 },
      { answers: [{ status: 301, headers: { Location: '/elsewhere/' } }], recorded: 0, said: /failed: status 301/ },
      { answers: [{ status: 400 }], recorded: 0, said: /failed: status 400/ },
      { answers: [{ status: 401 }], recorded: 0, said: /not delivered: status 401, attempt \d+, next in (299|300)\.\d s/ },
    ];
    const port = await freePort();
    const byRoom = new Map();
    const management = new UserManagement({ answers: ({ json }) => byRoom.get(json.room_code).answers.shift() });
    await whilePosting(`http://127.0.0.1:${port}`, management, async (stack) => {
      const codes = await play(stack, scripts.length);
      codes.forEach((code, i) => byRoom.set(code, scripts[i]));
      await logged(stack, /not delivered: no answer/);
      await restart(stack, 'SIGKILL');

      await management.start(port);
      await management.until(() => codes.every((code) => management.attemptsOf(code).length > 0), PATIENCE_MS);
      for (const { said } of scripts.filter((script) => script.said)) await logged(stack, said);
      await restart(stack, 'SIGTERM');

      const wanted = codes.filter((code) => byRoom.get(code).recorded);
      await management.until(() => wanted.every((code) => management.recordsOf(code).length > 0), PATIENCE_MS);
      for (const code of wanted) await logged(stack, new RegExp(`result ${management.recordsOf(code)[0].json.match_id}: delivered: status 20[01]`));
      const attempts = management.attempts.length;
      await restart(stack, 'SIGTERM');
      await sleep(QUIET_MS);
      assert.equal(management.attempts.length, attempts, 'what is recorded, refused or to be mended first is not posted again');
      for (const code of codes) {
        const { recorded, answers } = byRoom.get(code);
        assert.deepEqual(answers, [], `${code}: not all of it was tried`);
        assert.equal(management.recordsOf(code).length, recorded, code);
        assert.ok(recorded || management.attemptsOf(code).length === 1, `${code}: asked again`);
        assertSame(management.attemptsOf(code), code);
      }
      assert.ok(management.attempts.every(({ headers }) => headers.authorization === `Api-Key ${API_KEY}`));
    }, { API_KEY });
  });

  test('waits as long as Retry-After says, in seconds or as a date, across a restart', async () => {
    let date = 0;
    const plans = [
      () => ({ status: 429, headers: retryAfter(WAIT_SECONDS) }),
      () => {
        date = Math.ceil(Date.now() / 1000 + WAIT_SECONDS) * 1000;
        return { status: 503, headers: retryAfter(new Date(date).toUTCString()) };
      },
    ];
    const management = new UserManagement({ answers: () => plans.shift()?.() });
    await management.start();
    await whilePosting(management.url, management, async (stack) => {
      const [first, second] = [await playOne(stack), await playOne(stack)];
      await logged(stack, /not delivered: status 429/);
      await logged(stack, /not delivered: status 503/);
      await restart(stack, 'SIGTERM');
      await management.until(() => management.recorded().length === 2, PATIENCE_MS);
      const [refused, again] = management.attemptsOf(first);
      assert.ok(again.at - refused.at >= WAIT_SECONDS * 1000 - CLOCK_MS, `asked again after ${again.at - refused.at} ms`);
      const [, dated] = management.attemptsOf(second);
      assert.ok(dated.at >= date - CLOCK_MS, `asked again ${date - dated.at} ms before the date`);
      for (const code of [first, second]) {
        assertSame(management.attemptsOf(code), code);
        assert.equal(management.recordsOf(code).length, 1);
      }
    });
  });

  test('is not delayed by others whose answers never come; those are posted again', async () => {
    const HANGING = 3;
    const management = new UserManagement({ answers: Array.from({ length: HANGING }, () => ({ hang: true })) });
    await management.start();
    const url = `${management.url}/`; // a trailing slash is no second slash
    await whilePosting(url, management, async (stack) => {
      const codes = await play(stack, 12);
      await management.until(() => management.records.size === codes.length - HANGING, PATIENCE_MS);
      const hanging = management.attempts.slice(0, HANGING);
      assert.deepEqual(hanging.map(({ settledAt }) => settledAt), [null, null, null], 'they still wait for their answers');
      await management.until(() => management.records.size === codes.length, PATIENCE_MS);
      assert.ok(hanging.every(({ settledAt, answered }) => settledAt && !answered), 'gamed ended what took too long');
      for (const code of codes) {
        assertSame(management.attemptsOf(code), code);
        assert.equal(management.recordsOf(code).length, 1);
      }
      assert.ok(management.attempts.every(({ headers }) => headers.authorization === undefined), 'no key, no header');
    });
  });
});

describe('over TLS, a result', () => {
  /** A certificate for 127.0.0.1 that nobody but itself vouches for. */
  function certificate(folder) {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=user-management', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert,
    ], { stdio: 'pipe' });
    return { file: cert, key: readFileSync(key), cert: readFileSync(cert) };
  }

  test('is shown to nobody whose certificate does not convince, and delivered once it does', async () => {
    const stack = await startStack({ env: { ...quickServe, USER_MANAGEMENT_URL: 'https://127.0.0.1:1' } });
    const { file, ...tls } = certificate(stack.runDir);
    const management = new UserManagement({ tls });
    try {
      await management.start();
      await stack.gamed.stop();
      stack.env.USER_MANAGEMENT_URL = management.url;
      stack.gamed.start();
      await stack.until('service', async () => (await new Rest(stack).get('/api/room/health/')).status === 200);
      const code = await playOne(stack);
      await logged(stack, /not delivered: no answer \(.*certificate.*\)/i);
      assert.deepEqual(management.attempts, [], 'not a byte of it was posted');

      stack.env.PONG_USER_MANAGEMENT_CA = file;
      await restart(stack, 'SIGTERM');
      await management.result(({ room_code: room }) => room === code, PATIENCE_MS);
      assert.equal(management.recordsOf(code).length, 1);
    } finally {
      await stack.stop().finally(() => management.stop());
    }
  });

  test('a file of certificates that is not there is told at the start', async () => {
    const stack = await startStack({ nginx: false });
    try {
      assert.throws(
        () => execFileSync(stack.gamed.command, ['--check-config', '--user-management-ca', '/nowhere/ca.pem'], { env: stack.env, stdio: 'pipe' }),
        ({ status, stderr }) => status === 2 && /\/nowhere\/ca\.pem/.test(stderr),
      );
    } finally {
      await stack.stop();
    }
  });
});
