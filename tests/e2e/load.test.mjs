// pong-load, which the numbers of docs/performance.md come from, at a real service: its players get seats and play, by each
// format, through nginx and straight, and what it reports is what gamed counted. Must not judge how fast anything was.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { buildDirectory, quickServe, repository, useStack } from './harness.mjs';
import { skipFor } from './requirement.mjs';
import { scrape } from './scrape.mjs';

const program = [buildDirectory(), path.join(repository, '.dev/build-asan'), path.join(repository, '.dev/build')]
  .map((build) => path.join(build, 'bench/pong-load')).find(existsSync);
const notBuilt = program === undefined && 'bench/pong-load is not built: make -C .dev/build-asan bench/pong-load';

/** What a slow machine does to v2's players; everything else would be a fault of theirs, or of gamed. */
const EXCUSED = new Set(['late_input', 'keyframe', 'refused']);

/** Runs it: {code, stdout, stderr}. */
function load(...args) {
  return new Promise((resolve) => {
    execFile(program, ['--all-moments', ...args], { timeout: 60_000 }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  });
}

/** The levels that it reports, after a look at what all of them must have. */
async function levels(...args) {
  const { code, stdout, stderr } = await load('--json', '--warm-up', '1.7', '--seconds', '2', ...args);
  assert.equal(code, 0, stderr);
  const reports = stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  for (const { errors } of reports) {
    assert.deepEqual(Object.keys(errors).filter((name) => !EXCUSED.has(name)), [], stderr);
  }
  return reports;
}

describe('pong-load', { skip: skipFor(notBuilt) }, () => {
  const stack = useStack({ env: quickServe });
  const rest = () => ['--rest', stack.baseUrl];
  const nginx = () => [...rest(), '--ws', stack.baseUrl];
  const straight = () => [...rest(), '--ws', `unix:${stack.sockets.gamed}`];

  test('plays pong.v2.bin through nginx, with spectators, and counts as gamed does', async () => {
    const before = await scrape(stack);
    const [level] = await levels(...nginx(), '--protocol', 'v2', '--rooms', '3', '--spectators', '1', '--pid', `gamed=${stack.gamed.pid}`);
    const after = await scrape(stack);
    assert.equal(level.rooms, 3);
    assert.equal(level.connections, 9);
    assert.ok(level.messages.per_player_min > 0 && level.messages.per_player_mean < 10, JSON.stringify(level.messages));
    assert.ok(level.messages.to_spectators_per_second > 0);
    assert.ok(level.relay_ms.count > 0 && level.relay_ms.p50 <= level.relay_ms.max);
    assert.deepEqual(level.late_ms, level.relay_ms);
    assert.ok(level.effect_ms.count > 0 && level.round_trip_ms === null || level.round_trip_ms.count > 0);
    assert.ok(level.payload_bytes_mean < level.wire_bytes_mean && level.wire_bytes_mean < level.ip_bytes_mean);
    assert.ok(level.processes.gamed.cpu_seconds > 0 && level.processes.gamed.rss_bytes > 1e6);
    const malformed = after.get('pong_messages_received_total', { outcome: 'malformed' }) -
      before.get('pong_messages_received_total', { outcome: 'malformed' });
    assert.equal(malformed > 0, (level.errors.refused ?? 0) > 0);
    const keyframes = { format: 'binary', kind: 'keyframe' };
    assert.ok(after.get('pong_messages_sent_total', keyframes) - (before.get('pong_messages_sent_total', keyframes) ?? 0) >= 9);
  });

  test('plays pong.v1.json straight at gamed, level by level, until they are not what was asked for', async () => {
    const reports = await levels(...straight(), '--protocol', 'v1', '--ramp', '1:1:9', '--until', 'min_rate=1000');
    assert.deepEqual(reports.map(({ rooms }) => rooms), [1, 2], 'two levels running that are not ok are enough');
    for (const { ok, problems, connections, rooms, messages, late_ms: late, interval_ms: interval, ip_bytes_mean: ip } of reports) {
      assert.equal(ok, false);
      assert.match(problems.join(), /min_rate is \d/);
      assert.equal(connections, 2 * rooms);
      assert.ok(messages.updates_per_player_mean > 0 && messages.updates_per_player_mean < 40);
      assert.ok(late.count > 0 && interval.count > 0 && late.cdf.length > 30);
      assert.equal(ip, null, 'of a unix socket');
    }
  });

  for (const what of ['check', 'create_join']) {
    test(`asks REST alone: ${what}`, async () => {
      const { code, stdout } = await load(...rest(), '--rest-only', what, '--clients', '3', '--warm-up', '0.1', '--seconds', '0.5', '--json');
      const report = JSON.parse(stdout);
      assert.equal(code, 0);
      assert.deepEqual(report.errors, { refused: 0, failed: 0 });
      assert.equal(report.ok, true);
      assert.ok(report.requests > 3 && report.latency_ms.count === report.requests);
    });
  }

  test('tells people the same, and what is wrong with a command', async () => {
    const { code, stdout } = await load(...straight(), '--protocol', 'v2', '--connections', '2', '--warm-up', '0', '--seconds', '0.2');
    assert.equal(code, 0);
    assert.match(stdout, /^v2: 1 rooms, 2 connections, 0\.2 s: (ok|NOT OK)\n/);
    const gone = await load(...rest(), '--rest-only', 'check', '--pid', 'gamed=99999999');
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /no process 99999999/);
    const bad = [
      [['--rooms', '0'], /--rooms/], [['--ramp', '5:0:9'], /--ramp/], [['--levels', '3,2'], /--levels/], [['--nonsense'], /--nonsense/],
      [['--until', 'p98=1'], /--until/], [['--pid', '1'], /--pid/], [['--ws', 'example.org:80'], /--ws/], [['--seconds'], /--seconds/],
      [['--protocol', 'v2', '--ws', '127.0.0.1:9', '--rooms', '1'], /--rest is needed/],
    ];
    for (const [args, why] of bad) {
      const { code: status, stderr } = await load(...args);
      assert.equal(status, 2, args.join(' '));
      assert.match(stderr, why);
    }
  });
});
