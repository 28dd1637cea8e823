// What a soak is judged by: curves that are flat, that grow, slowly or at the end, or jump about; logs; results. And a soak of
// seconds, and one that is interrupted, which leave nothing behind.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

import { ALLOWANCES, fitLine, judgeCurve, judgeCurves, judgeLogs, judgeMachine, judgeResults } from '../../bench/soak/judge.mjs';

import { repository } from './nginx-stack.mjs';

const SECONDS = 1_800;
const MiB = 1_048_576;
const curve = (value) => Array.from({ length: SECONDS }, (_, t) => [t, value(t)]);
const noise = (t, size) => size * (((t * 7_919) % 101) / 50 - 1);

describe('a soak\'s curves', () => {
  test('a line is fitted by least squares', () => {
    assert.deepEqual(fitLine([[0, 1], [1, 3], [2, 5]]), { slope: 2, mean: 3 });
    const { slope } = fitLine([[0, 1], [1, 1], [2, 4]]);
    assert.ok(Math.abs(slope - 1.5) < 1e-12);
    assert.deepEqual(fitLine([[3, 7]]), { slope: 0, mean: 7 });
  });

  const rss = (value) => judgeCurve(curve(value), ALLOWANCES.rss).ok;
  test('memory that grows in the first third only is flat', () => {
    assert.ok(rss((t) => 60 * MiB + Math.min(t, SECONDS / 3) * 50_000));
    assert.ok(rss((t) => 60 * MiB + noise(t, MiB)));
    assert.ok(rss((t) => 60 * MiB - t * 10_000), 'less and less of it is no harm');
  });
  test('memory that goes on growing is not', () => {
    assert.ok(!rss((t) => 60 * MiB + t * 2_000), '2 kB a second');
    assert.ok(!rss((t) => 60 * MiB + t * 2_000 + noise(t, MiB)), 'in noise');
    assert.ok(!rss((t) => 60 * MiB + (t > SECONDS - 10 ? 4 * MiB : 0)), 'a jump at the very end');
    assert.ok(!rss((t) => 60 * MiB * 1.0001 ** t), 'faster and faster');
  });
  test('descriptors: a share of them may come and go', () => {
    const fds = (value) => judgeCurve(curve(value), ALLOWANCES.fds).ok;
    assert.ok(fds((t) => 1_000 + noise(t, 40)));
    assert.ok(fds((t) => 30 + (t % 300 === 299 ? t / 10 : 0)), 'bursts');
    assert.ok(!fds((t) => 1_000 + t / 10));
    assert.ok(!fds((t) => 1_000 + (t > 1_300 ? 60 : 0)), 'more from some moment on');
  });

  const sample = (t, { leak = 0 } = {}) => ({
    t, sockets: 1_000 + noise(t, 30),
    processes: {
      gamed: { rss: 60 * MiB, fds: 1_030 + noise(t, 30) + leak * t, threads: 17 }, nginx: { rss: 40 * MiB, fds: 2_100, threads: 3 },
    },
  });
  const judgeAll = (options) => judgeCurves(Array.from({ length: SECONDS }, (_, t) => sample(t, options)));
  test('each process is judged by each of its curves', () => {
    const verdicts = judgeAll();
    assert.deepEqual(verdicts.map(({ process, kind }) => `${process} ${kind}`), [
      'gamed rss', 'gamed fds', 'gamed threads', 'nginx rss', 'nginx fds', 'nginx threads', 'gamed own_fds',
    ]);
    assert.ok(verdicts.every(({ ok }) => ok));
  });
  test('a descriptor lost every two minutes is seen beside a thousand sockets that come and go', () => {
    const grows = judgeAll({ leak: 1 / 120 }).filter(({ ok }) => !ok).map(({ process, kind }) => `${process} ${kind}`);
    assert.deepEqual(grows, ['gamed own_fds']);
  });
});

describe('a soak\'s logs', () => {
  const logs = [
    ['gamed.stderr.log', '2026-01-01T00:00:00.000Z info gamed: listening\n2026-01-01T00:00:01.000Z warn gamed: slow\n2026-01-01T00:00:02.000Z error gamed: lost\n'],
    ['nginx.log', '2026/01/01 00:00:00 [notice] 1#1: start\n2026/01/01 00:00:00 [crit] 1#1: full\n'],
    ['nginx-access.log', '127.0.0.1 - - [x] "GET /error HTTP/1.1" 200 5 "-"\n127.0.0.1 - - [x] "POST / HTTP/1.1" 503 5 "-"\n127.0.0.1 - - [x] "POST / HTTP/1.1" 429 5 "-"\n'],
  ];
  test('errors of the daemons, answers of 5xx and 429, and warnings are told apart', () => {
    const { errors, refusals, warnings } = judgeLogs(logs);
    assert.deepEqual(errors.map(({ log }) => log), ['gamed.stderr.log', 'nginx.log']);
    assert.deepEqual(refusals.map(({ line }) => / (\d+) 5 /.exec(line)[1]), ['503', '429']);
    assert.deepEqual(warnings.map(({ line }) => line), ['2026-01-01T00:00:01.000Z warn gamed: slow']);
  });
});

describe('a soak\'s machine', () => {
  test('is short of processors when the loop waits for one a tenth of the time', () => {
    assert.equal(judgeMachine([{ t: 1, waited: 0 }, { t: 101, waited: 9 }]).isStarved, false);
    assert.equal(judgeMachine([{ t: 1, waited: 5 }, { t: 101, waited: 16 }]).isStarved, true);
  });
});

describe('a soak\'s results', () => {
  const result = (room, winner) => ({
    room_code: room, player_1_id: 'x', player_2_id: 'y', player_1_score: 1, player_2_score: 0, winner_id: winner, reason: 'score',
  });
  const good = {
    attempts: [
      { key: 'a', status: 503, json: result('A', 'x') }, { key: 'a', status: 201, json: result('A', 'x') }, { key: 'b', status: 201, json: result('B', null) },
    ],
    heard: [['A', 1, 0, 1, 'score'], ['B', 1, 0, null, 'score']],
    finished: 2, delivered: 2, pending: 0, failed: 0, lost: 0, unsaved: 0,
  };
  test('each recorded once, whatever attempts it took', () => assert.deepEqual(judgeResults(good).complaints, []));
  for (const [what, change] of Object.entries({
    'one was not recorded': { attempts: good.attempts.slice(0, 2), heard: good.heard.slice(0, 1) },
    'one was recorded twice': { attempts: [...good.attempts, good.attempts[2]] },
    'gamed counts another number as delivered': { delivered: 1 },
    'one still waits': { pending: 1 },
    'one was given up': { failed: 1 },
    'one was lost': { lost: 1 },
    'one is not in the store': { unsaved: 1 },
    'another winner was told than recorded': { heard: [['A', 1, 0, 2, 'score']] },
    'an end was told that was not recorded': { heard: [['C', 1, 0, 1, 'score']] },
    'there were no matches at all': { attempts: [], heard: [], finished: 0, delivered: 0 },
  })) test(`not good: ${what}`, () => assert.equal(judgeResults({ ...good, ...change }).ok, false));
});

describe('a soak', () => {
  /** Runs one; `then` is called once its stack is there. Resolves to {code, said, folder: where all it wrote must be}. */
  async function soak(seconds, then = () => {}) {
    const folder = mkdtempSync(path.join(tmpdir(), 'pong-soak-'));
    const tmp = path.join(folder, 'tmp');
    mkdirSync(tmp);
    const child = spawn(process.execPath, [
      path.join(repository, 'bench/soak/soak.mjs'), '--seconds', String(seconds), '--rooms', '4', '--out', path.join(folder, 'out'),
    ], { env: { ...process.env, TMPDIR: tmp }, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let isUp = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        said += data;
        if (!isUp && / rooms for /.test(said)) then(child);
        isUp ||= / rooms for /.test(said);
      });
    }
    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });
    return { code, said, folder, left: readdirSync(tmp) };
  }

  /** Processes that name the folder, by their commands. */
  const running = (folder) => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });

  test('of six seconds is judged, written down, and leaves nothing running', async () => {
    const { code, said, folder, left } = await soak(6);
    assert.equal(code, 0, said);
    const text = readFileSync(path.join(folder, 'out/soak.md'), 'utf8');
    assert.match(text, /too short/);
    const [head, ...lines] = readFileSync(path.join(folder, 'out/samples.tsv'), 'utf8').trimEnd().split('\n');
    assert.ok(lines.length >= 6);
    assert.ok(lines.every((line) => line.split('\t').length === head.split('\t').length));
    assert.ok(existsSync(path.join(folder, 'out/log/nginx-access.log')));
    assert.deepEqual([running(folder), left], [[], []]);
    rmSync(folder, { recursive: true });
  });

  test('that is interrupted ends with 130, and leaves nothing running', async () => {
    const { code, said, folder, left } = await soak(600, (child) => setTimeout(() => child.kill('SIGINT'), 1_500));
    assert.equal(code, 130, said);
    assert.deepEqual([running(folder), left], [[], []]);
    rmSync(folder, { recursive: true });
  });
});
