// The table of what this service is to reach, measured: each row as its target says, each ratio side by side in one run, three
// rounds, the median; writes bench/results.md and bench/plots/.
//
//     ./dev bench [--quick] [--peers] [--only NAME,…] [--rounds N] [--minutes M]
//
// --quick: one coarse round within 2 minutes, --peers: Colyseus and ws, too (some minutes more), --only: the measures named, by
// the keys of bench/table/measures.mjs. What is quick, or not whole, is written to .dev/bench/ instead. Whatever does not fit
// into the time is left out, and the report says what. gamed has core 0, the load core 1 (REST: both have both).
// How each number is taken is told in docs/performance.md. Judges the targets, and fails on none.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { repository } from '../tests/e2e/harness.mjs';
import { Budget } from './table/budget.mjs';
import { runLoad } from './table/load.mjs';
import { describeMachine, loadAverage, readCommit, readSteal, stealShare } from './table/machine.mjs';
import { measures } from './table/measures.mjs';
import { writePlots } from './table/plots.mjs';
import { goFirst } from './table/priority.mjs';
import { renderReport } from './table/report.mjs';
import { serverOf } from './table/rows.mjs';
import { betterGuess, capacityOf, coarseLevels, fineLevels, foundLimit, median, quickLevels } from './table/search.mjs';
import { LOAD_CORE } from './table/servers.mjs';

const FULL = { minutes: 18.5, rounds: 3, warmUp: 1, seconds: 2, restSeconds: 3 };
const GIVE_UP = 3; // levels running that failed: one or two may for other reasons than their number
const QUICK = { minutes: 1.8, rounds: 1, warmUp: 0.4, seconds: 1, restSeconds: 1.5 };
const PEER_MINUTES = 5;
const COARSE = { warmUp: 0.5, seconds: 1 };
const RAMP_LEVELS = 7; // of those about the guess, until some have failed
const ROOMS_A_SECOND = 500; // that the load opens
const STACK_SECONDS = 2;
const PATIENCE = 3; // a load that takes so many times what was expected is cut, so that it takes nobody else's time

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false }, peers: { type: 'boolean', default: false }, only: { type: 'string' },
      rounds: { type: 'string' }, minutes: { type: 'string' },
    },
  });
  const only = values.only?.split(',');
  const stranger = only?.find((key) => !measures.some((measure) => measure.key === key));
  if (stranger !== undefined) throw new Error(`there is no measure "${stranger}"; there are: ${measures.map(({ key }) => key).join(', ')}`);
  const base = values.quick ? QUICK : FULL;
  const chosen = { ...base, minutes: base.minutes + (values.peers ? PEER_MINUTES : 0) };
  for (const name of ['rounds', 'minutes']) {
    if (values[name] === undefined) continue;
    if (!(Number(values[name]) > 0)) throw new Error(`--${name} is a number over 0, not "${values[name]}"`);
    chosen[name] = Number(values[name]);
  }
  const peers = values.peers || (only?.some((key) => measures.find((each) => each.key === key).peer) ?? false);
  return { ...chosen, quick: values.quick, peers, only, asked: { rounds: values.rounds, minutes: values.minutes } };
}

const percent = (share) => `${Math.round(100 * share)} %`;

/** Starts the measure's server and loads it; `expected`: seconds. What is wrong when the server ends is told, but what was measured is kept. */
async function load(measure, context, words, { warmUp, seconds }, cores, expected) {
  const server = await measure.start(context.round);
  try {
    const args = [
      ...(server.rest ? ['--rest', server.rest] : []), '--ws', server.ws, ...measure.load, ...words,
      '--warm-up', String(warmUp), '--seconds', String(seconds),
      ...Object.entries(server.pids).flatMap(([name, pid]) => ['--pid', `${name}=${pid}`]),
    ];
    const { levels, cut } = await runLoad(args, { cores, limit: Math.min(context.budget.left, PATIENCE * expected) });
    return { levels: levels.filter((level) => level.seconds >= seconds / 2), cut }; // one that was cut is none
  } finally {
    await server.stop().catch((error) => context.failures.push(`${measure.title}, at the end of its server: ${error.message}`));
  }
}

/** Runs a ramp over `levels` and resolves to what was measured of them. */
function ramp(measure, context, levels, times, expected) {
  const words = ['--levels', levels.join(','), '--until', measure.until, '--give-up', String(GIVE_UP)];
  return load(measure, context, words, timesOf(measure, times), measure.loadCore ?? LOAD_CORE, expected);
}

/** A measure's own, where it has some, unless there is no time for them. */
function timesOf({ warmUp, seconds }, times) {
  if (times.warmUp < FULL.warmUp) return times;
  return { warmUp: warmUp ?? times.warmUp, seconds: seconds ?? times.seconds };
}

/** About how long a ramp takes. */
function rampSeconds(measure, guess, times) {
  const { warmUp, seconds } = timesOf(measure, times);
  const levels = (measure.anchors?.filter((rooms) => rooms < guess).length ?? 0) + (measure.anchorsOnly ? 0 : RAMP_LEVELS);
  const most = measure.anchorsOnly ? Math.max(...measure.anchors) : guess * 1.2;
  return STACK_SECONDS + levels * (warmUp + seconds) + most / ROOMS_A_SECOND;
}

/** Where a measure's limit is, roughly: a quick ramp that counts for nothing else. In a second one update that is missing is a rate of 29. */
async function calibrate(measure, context) {
  const until = measure.until.split(',').filter((bar) => !bar.startsWith('min_rate=')).join(',');
  const expected = rampSeconds(measure, measure.expected, COARSE);
  if (!context.budget.allows(`the search for a beginning: ${measure.title}`, expected)) return;
  const { levels } = await ramp({ ...measure, until }, context, coarseLevels(measure.expected, measure.max), COARSE, expected);
  const rooms = capacityOf(levels);
  if (rooms > 0) context.guesses[measure.key] = rooms;
  console.log(`  ${measure.title}: about ${rooms} rooms`);
}

function levelsOf(measure, guess, options) {
  if (measure.anchorsOnly) return measure.anchors;
  return (options.quick ? quickLevels : fineLevels)(guess, measure.anchors, measure.max);
}

async function measureRamp(measure, context) {
  const { options, budget } = context;
  const guess = context.guesses[measure.key] ?? measure.expected;
  const expected = rampSeconds(measure, guess, options);
  if (!budget.allows(`${measure.title} (round ${context.number})`, expected)) return undefined;
  let { levels, cut } = await ramp(measure, context, levelsOf(measure, guess, options), options, expected);
  const other = measure.anchorsOnly || cut ? undefined : betterGuess(guess, levels);
  if (other !== undefined && budget.left > rampSeconds(measure, other, options)) {
    const held = levels.filter(({ ok }) => ok);
    const missing = measure.anchors?.filter((rooms) => !held.some((level) => level.rooms === rooms));
    const again = await ramp(measure, context, levelsOf({ ...measure, anchors: missing }, other, options), options, expected);
    levels = [...held, ...again.levels];
    cut = again.cut;
  }
  if (levels.length === 0) {
    context.failures.push(`${measure.title} (round ${context.number}): no level was measured in ${Math.round(PATIENCE * expected)} s`);
    return undefined;
  }
  return { levels, cut, rooms: capacityOf(levels), found: foundLimit(levels) };
}

async function measureRest(measure, context) {
  const { options, budget } = context;
  const seconds = STACK_SECONDS + options.restSeconds + options.warmUp;
  if (!budget.allows(`${measure.title} (round ${context.number})`, seconds)) return undefined;
  const { levels: [result] } = await load(measure, context, [], { ...options, seconds: options.restSeconds }, undefined, seconds);
  const errors = Object.entries(result?.errors ?? {}).filter(([, count]) => count > 0);
  if (errors.length > 0) context.failures.push(`${measure.title} (round ${context.number}): ${errors.map((pair) => pair.join(' ')).join(', ')}`);
  return result;
}

async function measureOwn(measure, context) {
  const prepares = measure.preparation && !context.hasState ? measure.preparation : 0;
  if (!context.budget.allows(`${measure.title} (round ${context.number})`, measure.seconds + prepares)) return undefined;
  return measure.run(context);
}

function tell(measure, result) {
  if (!result) return;
  if (measure.kind === 'rest') {
    console.log(`  ${measure.title}: ${Math.round(result.requests_per_second)} requests/s, p99 ${result.latency_ms.p99.toFixed(1)} ms`);
    return;
  }
  if (measure.kind === 'own') {
    console.log(`  ${measure.title}: ${Math.round(10 * (result.ms ?? result.share)) / 10} ${result.ms === undefined ? '%' : 'ms'}`);
    return;
  }
  const level = result.levels.findLast(({ ok }) => ok) ?? result.levels.at(-1);
  const server = serverOf(level);
  const shares = server && level.load ? ` (server ${percent(server.cpu_share)}, load ${percent(level.load.cpu_share)} of a core)` : '';
  const open = measure.anchorsOnly || result.found ? '' : ', and the limit was not reached';
  console.log(`  ${measure.title}: ${result.rooms} rooms${shares}${open}`);
}

const kinds = { ramp: measureRamp, rest: measureRest, own: measureOwn };

async function measureRound(chosen, context) {
  for (const measure of chosen) {
    const began = performance.now();
    // Not REST: its requests hop between threads on both cores, which a group of that weight makes twice as dear.
    goFirst(measure.kind === 'ramp');
    try {
      const result = await kinds[measure.kind](measure, context);
      if (result) context.round[measure.key] = { ...result, took: (performance.now() - began) / 1_000 };
      tell(measure, result);
    } catch (error) {
      context.failures.push(`${measure.title} (round ${context.number}): ${error.message}`);
      console.log(`  ${measure.title}: FAILED: ${error.message}`);
    }
    const found = context.rounds.map((round) => round[measure.key]?.rooms).filter((rooms) => rooms > 0);
    if (measure.kind === 'ramp' && !measure.anchorsOnly && !context.options.quick && found.length > 0) context.guesses[measure.key] = median(found);
  }
}

let options;
try {
  options = readOptions();
} catch (error) {
  console.error(`./dev bench: ${error.message}`);
  process.exit(2);
}
const chosen = measures.filter(({ key, peer, fullOnly }) => {
  if (options.only) return options.only.includes(key);
  return (!peer || options.peers) && !(fullOnly && options.quick);
});
const directory = mkdtempSync(path.join(tmpdir(), 'pong-table-'));
const context = { options, budget: new Budget(options.minutes * 60), guesses: {}, rounds: [], failures: [], directory };
const isFirst = goFirst(true);
if (!isFirst) console.log('whatever else runs here takes its share of the processors: only root may go before it');
const began = new Date();
const steal = readSteal();
const loadBefore = loadAverage();
const commit = readCommit(); // now: others may go on working while this runs
try {
  if (!options.quick) {
    console.log('where to search:');
    context.round = {};
    for (const measure of chosen.filter(({ kind, anchorsOnly }) => kind === 'ramp' && !anchorsOnly)) {
      await calibrate(measure, context).catch((error) => console.log(`  ${measure.title}: FAILED: ${error.message}`));
    }
  }
  for (context.number = 1; context.number <= options.rounds; context.number += 1) {
    console.log(`round ${context.number} of ${options.rounds}, ${Math.round(context.budget.left)} s left:`);
    context.round = {};
    context.rounds.push(context.round);
    await measureRound(chosen, context);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const run = {
  options,
  measures: measures.map(({ key, title, kind, anchorsOnly, until }) => ({ key, title, kind, anchorsOnly, until })),
  began: began.toISOString(), seconds: context.budget.spent,
  machine: { ...describeMachine(chosen.filter(({ peer }) => peer).map(({ key }) => key)), commit }, rounds: context.rounds,
  leftOut: context.budget.leftOut, failures: context.failures, steal: stealShare(steal, readSteal()), loadBefore, isFirst,
};
const scratch = path.join(process.env.PONG_DEV_DIR ?? path.join(repository, '.dev'), 'bench');
const target = options.quick || options.only ? scratch : path.join(repository, 'bench');
mkdirSync(scratch, { recursive: true });
writeFileSync(path.join(scratch, 'table.json'), `${JSON.stringify(run)}\n`);
const plots = writePlots(run, path.join(target, 'plots'));
const report = renderReport(run, plots);
writeFileSync(path.join(target, 'results.md'), report);
console.log(`\n${report}\nwritten to ${path.join(target, 'results.md')}`);
