// That a process is killed does not show that anything was on the disk: what the kernel has, survives. So gamed's
// system calls are watched (strace), and the order of them is the proof: the result written, then the disk asked to
// have it and saying so, and only then the first byte of the end of the match on any socket.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { whyNoFailpoints } from './failpoints.mjs';
import { quickServe, startStack } from './harness.mjs';
import { skipFor } from './requirement.mjs';
import { Rest } from './rest.mjs';
import { finishMatch, startMatch } from './rooms.mjs';
import { bytesOf, readTrace } from './trace.mjs';
import { UserManagement } from './user-management.mjs';

const CALLS = 'fdatasync,fsync,pwrite64,pwritev,write,writev,send,sendto,sendmsg,sendmmsg';
const WRITES = ['pwrite64', 'pwritev', 'write', 'writev'];

/** For `skip`: whether one process may watch another here; containers often forbid it. */
function whyNoTrace() {
  const { error, status, stderr } = spawnSync('strace', ['-D', '-o', '/dev/null', 'true'], { encoding: 'utf8', timeout: 10_000 });
  if (error) return `strace cannot be run: ${error.message}`;
  return status === 0 ? false : `strace may watch nothing here: ${stderr.trim()}`;
}

const isOfResults = ({ text }) => /^\d+<[^>]*\/results-[^/>]*\.db-wal>/.test(text);
const isSync = (call) => ['fdatasync', 'fsync'].includes(call.name) && isOfResults(call);
const isTheEnd = ({ text }) => /^\d+<(?:UNIX|TCP|socket)/.test(text) && /game_over|goal_scored|FINISHED/.test(text);

/** A frame's head in SQLite's write-ahead log that ends a transaction (sqlite.org/fileformat2.html, 4.1). */
function endsTransaction({ text }) {
  const bytes = bytesOf(text);
  return bytes.length === 24 && bytes.readUInt32BE(4) !== 0;
}

/**
 * In the calls of a gamed: the result of the room's match was on the disk before anybody was told the end. Throws
 * where it was not. That the room's code is in what is written shows that it is this result.
 */
function assertOnDiskBeforeTold(calls, code) {
  const told = calls.find(isTheEnd);
  assert.ok(told, 'the end was told');
  const written = calls.filter((call) => WRITES.includes(call.name) && isOfResults(call));
  const result = written.find(({ text }) => text.includes(code));
  assert.ok(result, 'the result was written');
  const synced = calls.find((call) => isSync(call) && call.began > result.ended);
  assert.ok(synced, 'the disk was asked to have it');
  assert.equal(synced.result, 0, 'the disk has it');
  const before = written.filter(({ ended }) => ended < synced.began);
  assert.ok(endsTransaction(before.findLast(({ text }) => bytesOf(text).length === 24)), 'what it has is the whole commit');
  assert.ok(synced.ended < told.began, 'the disk had it before the end was told');
}

describe('a result is on the disk', { skip: skipFor(whyNoTrace()) }, () => {
  /** A match to its end, with gamed watched, which gets `env` as well: {calls, code}, its calls and the room's code. */
  async function watchMatch(env = {}) {
    const management = await new UserManagement().start();
    let stack;
    try {
      stack = await startStack({ env: { ...quickServe, USER_MANAGEMENT_URL: management.url } });
      const { gamed } = stack;
      const trace = path.join(stack.runDir, 'trace');
      await gamed.stop();
      // strace as gamed's child (-D), so that process id and exit are gamed's own. The sanitizer's search for leaks
      // would want to watch the process itself.
      gamed.args = ['-D', '-f', '-tt', '-y', '-s', '5000', '-e', `trace=${CALLS}`, '-o', trace, gamed.command, ...gamed.args];
      gamed.command = 'strace';
      Object.assign(stack.env, env, { ASAN_OPTIONS: [stack.env.ASAN_OPTIONS, 'detect_leaks=0'].filter(Boolean).join(':') });
      gamed.start();
      const rest = new Rest(stack);
      await stack.until('service', async () => (await rest.get('/api/room/health/')).status === 200);
      const { code, one, two } = await startMatch(stack, { winning_score: 1 });
      await finishMatch(one, two);
      await management.result();
      const { pid } = gamed;
      await gamed.stop();
      const ended = new RegExp(`^${pid} .*\\+\\+\\+ exited`, 'm'); // strace's last words follow gamed's
      await stack.until('the trace is whole', () => ended.test(readFileSync(trace, 'utf8')));
      return { calls: readTrace(readFileSync(trace, 'utf8')), code };
    } finally {
      await stack?.stop().finally(() => management.stop());
    }
  }

  test('before the end of the match is told', async () => {
    const { calls, code } = await watchMatch();
    assertOnDiskBeforeTold(calls, code);

    // And it would be noticed: a disk that is not asked (as with synchronous=NORMAL), one that fails, another result.
    assert.throws(() => assertOnDiskBeforeTold(calls.filter((call) => !isSync(call)), code), /was asked/);
    const failing = calls.map((call) => (isSync(call) ? { ...call, result: -1 } : call));
    assert.throws(() => assertOnDiskBeforeTold(failing, code), /the disk has it/);
    assert.throws(() => assertOnDiskBeforeTold(calls, 'ANOTHER'), /was written/);
  });

  test('later, where the store takes longer than players can wait: that is noticed', { skip: skipFor(whyNoFailpoints()) }, async () => {
    const { calls, code } = await watchMatch({ PONG_FAILPOINT: 'result-before-commit=sleep:5000' });
    assert.throws(() => assertOnDiskBeforeTold(calls, code), /had it before the end was told/);
  });
});
