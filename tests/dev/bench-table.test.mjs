// What ./dev bench makes of its measurements: where it searches, what a row says of the rounds, what is left out. Only what
// computes; the measuring itself is no test.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Budget } from '../../bench/table/budget.mjs';
import { describe as words, renderReport, summarize, verdict } from '../../bench/table/report.mjs';
import { rows } from '../../bench/table/rows.mjs';
import { betterGuess, brokenBy, capacityOf, coarseLevels, fineLevels, foundLimit, median, quickLevels } from '../../bench/table/search.mjs';

const level = (rooms, ok = true, more = {}) => ({ rooms, ok, ...more });
const rowOf = (text) => rows.find(({ measure }) => measure.startsWith(text));

describe('the search', () => {
  test('goes over rising numbers of rooms, close ones about the guess, and those that rows name below it', () => {
    const levels = fineLevels(4_000, [100, 1_000, 8_000]);
    assert.deepEqual(levels.slice(0, 3), [100, 1_000, 3_450]);
    assert.ok(levels.includes(4_000) && !levels.includes(100_000));
    for (const list of [levels, coarseLevels(4_000), quickLevels(4_000, [1_000])]) {
      assert.deepEqual(list, [...new Set(list)].sort((a, b) => a - b));
    }
  });

  test('stays under what the machine has sockets for', () => {
    for (const list of [fineLevels(9_000, [], 9_850), coarseLevels(9_000, 9_850), quickLevels(9_000, [], 9_850)]) {
      assert.equal(Math.max(...list), 9_850);
    }
  });

  test('finds the most rooms that held, a single failure below them or not', () => {
    const levels = [level(100), level(200, false), level(300), level(400, false), level(500, false)];
    assert.equal(capacityOf(levels), 300);
    assert.equal(foundLimit(levels), true);
    assert.equal(foundLimit(levels.slice(0, 3)), false);
    assert.equal(capacityOf([]), 0);
    const unknown = (rooms) => level(rooms, false, { known: false });
    assert.equal(foundLimit([level(100), level(200, false), unknown(300)]), false, 'one of which nothing is known has not failed');
    assert.equal(foundLimit([level(100), level(200, false), unknown(300), level(400, false), unknown(500)]), true);
  });

  test('says what of a bar was not kept', () => {
    const slow = level(10, false, { late_ms: { p99: 7.28 }, interval_ms: { p99: 3 }, messages: { updates_per_player_min: 28 }, problems: ['late_input: 3'] });
    assert.deepEqual(brokenBy('p99_late_ms=5,min_rate=29,p99_interval_ms=10', slow), ['p99 of lateness 7.3 ms', '28.0 updates/s to one']);
    assert.deepEqual(brokenBy('p99_late_ms=8', slow), ['late_input: 3']);
    assert.deepEqual(brokenBy('p99_late_ms=8', level(10, false)), []);
  });

  test('looks again where a ramp was ended too early, and lower when nothing held where it looked', () => {
    assert.equal(betterGuess(1_000, [level(100), level(860, false), level(910, false)]), 700);
    assert.equal(betterGuess(1_000, [level(100, false), level(500, false)]), 1_000);
    assert.equal(betterGuess(1_000, [level(860), level(910, false), level(950, false)]), undefined);
    assert.equal(betterGuess(1_000, [level(100)]), undefined, 'its time was over');
  });
});

describe('a row', () => {
  const row = rowOf('v1 JSON 30/s over TCP');
  const rounds = [[900, 1_000], [950, 1_000], [800, 1_000]].map(([ours, floor]) => ({ v1_tcp: { rooms: ours }, floor_tcp: { rooms: floor } }));

  test('compares within a round and takes the median', () => {
    const summary = summarize(row, rounds);
    assert.deepEqual(summary, { middle: 0.9, low: 0.8, high: 0.95, count: 3 });
    assert.equal(words(row, summary), '0.90 × floor (0.80–0.95)');
    assert.equal(verdict(row, summary), 'yes');
    assert.equal(verdict(row, summarize(row, rounds.slice(2))), '**no**');
    assert.equal(median([1, 2, 10, 20]), 6);
  });

  test('without numbers is not measured, and not met either', () => {
    for (const none of [[], [{}], [{ v1_tcp: { rooms: 900 } }], [{ v1_tcp: { rooms: 900 }, floor_tcp: { rooms: 0 } }]]) {
      const summary = summarize(row, none);
      assert.equal(summary, undefined);
      assert.equal(words(row, summary), 'not measured');
      assert.equal(verdict(row, summary), '–');
    }
  });

  test('judges what was measured, not what it is rounded to', () => {
    const cost = rowOf('cost of a room');
    const gamed = (us) => ({ processes: { gamed: { cpu_us_per_room_second: us } } });
    const round = { v2_unix: { levels: [level(100, true, gamed(115.3)), level(8_000, true, gamed(100)), level(8_500, false, gamed(1))] } };
    const summary = summarize(cost, [round]);
    assert.equal(words(cost, summary), '15 %');
    assert.equal(verdict(cost, summary), '**no**');
  });

  test('takes memory from what grew', () => {
    const gamed = (bytes) => ({ processes: { gamed: { rss_bytes: bytes } } });
    const round = { v2_unix: { levels: [level(500, true, gamed(14e6)), level(4_500, true, gamed(42e6))] } };
    assert.equal(summarize(rowOf('memory of a room'), [round]).middle, 7);
  });
});

test('the budget lets in what fits, and remembers what did not', () => {
  let now = 100;
  const budget = new Budget(60, () => now);
  assert.equal(budget.allows('one', 60), true);
  now += 50;
  assert.equal(budget.allows('two', 11), false);
  assert.equal(budget.allows('three', 10), true);
  now += 30;
  assert.equal(budget.left, 0);
  assert.equal(budget.spent, 80);
  assert.deepEqual(budget.leftOut, ['two']);
});

test('the report says what is missing', () => {
  const measures = [{ key: 'v1_unix', title: 'v1 over the unix socket', kind: 'ramp', until: 'p99_late_ms=5' }, { key: 'check', title: 'REST check', kind: 'rest' }];
  const gamed = { processes: { gamed: { cpu_share: 0.97 } }, load: { cpu_share: 0.5 }, moments: { all: 20, counted: 15 } };
  const run = {
    options: {}, measures, began: '2026-01-02T03:04:05.678Z', seconds: 60, steal: 0.01, loadBefore: 0.1, isFirst: true, leftOut: ['REST check (round 1)'],
    failures: ['start: broken'], machine: { cpu: '2 × x', memory: '1 GiB', kernel: 'k', versions: 'v', commit: 'abc' },
    rounds: [{ v1_unix: { rooms: 2_000, found: false, levels: [level(2_000, true, gamed)] } }],
  };
  const text = renderReport(run, [{ file: 'cost.svg', title: 'Cost' }]);
  assert.match(text, /rooms, p99 lateness < 5 ms \| ≥ 2,000 \| 2,000 rooms \| yes \|/);
  assert.match(text, /lower bound: v1 over the unix socket\./);
  assert.match(text, /Left out, as the time was over:\n\n- REST check \(round 1\)/);
  assert.match(text, /Failed:\n\n- start: broken/);
  assert.match(text, /\| v1 over the unix socket \| 2,000 \| 97 % \| 1,958 \| – \| 50 % \| – \|/);
  assert.match(text, /lateness is of those 75 % of all tenths/);
  assert.match(text, /load average before: 0\.1; who played and who served went before what else ran there\n/);
  assert.match(text, /!\[Cost\]\(plots\/cost\.svg\)/);
  assert.ok(!text.includes('undefined') && !text.includes('NaN'), text);
  assert.match(text, /\n## At the limit\n/);
  const little = renderReport({ ...run, options: { only: ['start'] }, rounds: [{}] }, []);
  assert.doesNotMatch(little, /\n## |\n\| |lateness is of those/, 'nothing is headed that was not measured');
});
