// A soak: the real nginx, api-fcgi and gamed with its files, and a user_management that takes the results, for as long as it is
// told, with players who come, leave, drop without a close and return with their tokens, and rooms that end and are made
// anew (crowd.mjs). Each second it is noted what the processes hold; at the end it is judged (judge.mjs), and written down (report.mjs).
//
//     node bench/soak/soak.mjs --seconds N --rooms N --out DIR [--keep DIR] [--plot]
//
// --out takes samples.tsv, the daemons' logs, soak.md and plots/soak.svg; --keep takes the last two as well, of a run that was long enough to
// be judged. --plot draws, with gnuplot. Exit code: 0 all held, 1 something did not, 130 it was stopped. Nothing it started outlives it.

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Stack } from '../../tests/e2e/harness.mjs';
import { UserManagement } from '../../tests/e2e/user-management.mjs';
import { JUDGED_SECONDS, judgeCurves, judgeLogs, judgeMachine, judgeResults } from './judge.mjs';
import { curveTable, drawPlot, soakText, writeReport } from './report.mjs';
import { Sampler, look } from './sampler.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string' }, rooms: { type: 'string' }, out: { type: 'string' }, keep: { type: 'string' }, plot: { type: 'boolean' },
  },
});
const seconds = Number(options.seconds);
const rooms = Number(options.rooms);
const isJudged = seconds >= JUDGED_SECONDS;

const FIRST_REFUSED = 50; // one result in so many is answered 503 at first
const KEPT_OPEN = 16; // connections to user_management, which are kept for the next result
const CROWD_STOP_MS = 20_000;
const CROWD_EARLY_SECONDS = 5;
const END_SECONDS = 240; // absence, waiting room and rematch window run out, one after the other

// All from one address.
const UNLIMITED = { PONG_CONNECTIONS_PER_ADDRESS: '20000', PONG_HANDSHAKE_RATE: '5000', PONG_API_RATE: '5000' };
// In a run of seconds rooms have to end within seconds, too; a long one has the times that everybody has.
const SHORT_TIMES = { PONG_ABSENCE_SECONDS: '3', PONG_REMATCH_SECONDS: '3', PONG_WAITING_ROOM_SECONDS: '5', PONG_UNCLAIMED_SECONDS: '3', PONG_SERVE_STEPS: '60' };

/** A stack that keeps its logs, and the bad lines in them, also those of its stop. */
class SoakStack extends Stack {
  lines = { errors: [], refusals: [], warnings: [] };

  badLogLines() {
    this.lines = judgeLogs(this.logs());
    cpSync(this.logDir, path.join(options.out, 'log'), { recursive: true });
    return super.badLogLines();
  }
}

/** The players, in a process of their own; `ended` resolves to {code, signal, error, output}. */
function startCrowd() {
  const program = path.join(path.dirname(fileURLToPath(import.meta.url)), 'crowd.mjs');
  const args = [program, '--target', new URL(stack.baseUrl).host, '--rooms', String(rooms), '--seconds', String(seconds)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const started = { child, isOver: false };
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  started.ended = new Promise((resolve) => {
    child.once('error', (error) => resolve({ error }));
    child.once('close', (code, signal) => resolve({ code, signal, output }));
  }).finally(() => {
    started.isOver = true;
  });
  return started;
}

function stopCrowd(signal) {
  if (crowd && !crowd.isOver) crowd.child.kill(signal);
}

/** What it says at its end. */
async function crowdSays() {
  const timer = setTimeout(() => stopCrowd('SIGKILL'), CROWD_STOP_MS);
  stopCrowd('SIGTERM');
  const { code, signal, output, error } = await crowd.ended;
  clearTimeout(timer);
  if (error) throw new Error(`the crowd could not be started: ${error.message}`);
  if (code !== 0) throw new Error(`the crowd ended with ${signal ?? code}`);
  return JSON.parse(output);
}

const management = new UserManagement({
  answers: ({ headers }) => {
    const key = headers['idempotency-key'];
    const isFirst = !management.attempts.some((attempt) => attempt.headers['idempotency-key'] === key);
    return { status: isFirst && management.attempts.length % FIRST_REFUSED === 0 ? 503 : 201 };
  },
});
let stack;
let crowd;
let isStopping = false;

/** On a signal: what runs is ended, in order, and the exit code says it. */
async function interrupt() {
  if (isStopping) return;
  isStopping = true;
  console.error('stopping');
  stopCrowd('SIGKILL');
  await stack?.stop().catch(() => {}); // it has had the signal, too, when that came from a terminal
  await management.stop().catch(() => {});
  if (stack?.runDir) rmSync(stack.runDir, { recursive: true, force: true });
  process.exit(130);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal).on(signal, interrupt);

async function run(sampler) {
  const before = await look(stack, 0);
  crowd = startCrowd();
  await sampler.until(seconds, () => crowd.isOver);
  const isShort = sampler.seconds < seconds - CROWD_EARLY_SECONDS;
  const played = sampler.samples.length;
  const said = await crowdSays();
  const isEmpty = ({ rooms: { waiting, ongoing, finished }, connections, pending, unsaved }) => (
    waiting + ongoing + finished + connections + pending + unsaved === 0);
  const ended = await sampler.until(sampler.seconds + END_SECONDS, isEmpty);
  const after = sampler.samples.at(-1);
  return { before, after, said, isShort, ended, samples: sampler.samples.slice(0, played) };
}

function judge({ before, after, said, isShort, ended, samples }, results, logs) {
  const problems = [];
  const remarks = [];
  if (isShort) problems.push('the crowd ended before its time');
  const machine = judgeMachine(samples);
  const refused = machine.isStarved ? remarks : problems;
  for (const [what, count] of Object.entries(said.errors)) {
    if (count > 0) (what === 'bad_frame' ? problems : refused).push(`players met ${count} errors: ${what}`);
  }
  if (logs.refusals.length > 0) refused.push(`${logs.refusals.length} answers of 429 or 5xx, such as ${logs.refusals[0].line}`);
  const curves = isJudged ? judgeCurves(samples) : [];
  for (const { process, kind, ok } of curves) if (!ok) problems.push(`${process}: ${kind} grows`);
  if (!ended) problems.push(`${END_SECONDS} s after everybody had left there were rooms, connections or results: ${JSON.stringify(after.rooms)}, ${after.connections}, ${after.pending}`);
  if (after.processes.gamed.fds > before.processes.gamed.fds + KEPT_OPEN) problems.push('gamed keeps descriptors when everybody has left');
  problems.push(...results.complaints);
  if (logs.errors.length > 0) problems.push(`${logs.errors.length} error lines in the logs, such as ${logs.errors[0].log}: ${logs.errors[0].line}`);
  return { curves, problems, remarks, machine };
}

async function main() {
  const file = path.join(options.out, 'samples.tsv');
  mkdirSync(options.out, { recursive: true });
  await management.start();
  stack = new SoakStack({ env: { ...UNLIMITED, ...(isJudged ? {} : SHORT_TIMES), USER_MANAGEMENT_URL: management.url } });
  await stack.start();
  console.log(`${rooms} rooms for ${seconds} s at ${stack.baseUrl}; samples: ${file}`);
  const sampler = new Sampler(stack, file);
  const noted = await run(sampler);
  sampler.close();
  await stack.stop();
  await management.stop();

  const attempts = management.attempts.map(({ headers, status, json }) => ({ key: headers['idempotency-key'], status, json }));
  const results = judgeResults({ attempts, heard: noted.said.heard, ...noted.after });
  const logs = { ...stack.lines, warnings: stack.lines.warnings.filter(({ line }) => !/: not delivered: /.test(line)) };
  const { curves, problems, remarks, machine } = judge(noted, results, logs);
  const sentence = problems.length === 0 ? (isJudged ? 'All held.' : 'All that so short a run can show held.') : 'Something did not hold:';
  const text = soakText({
    seconds, rooms, sentence, problems, remarks, machine, curves, judged: isJudged, results, retried: noted.after.retried, logs,
    ...noted,
  });
  for (const folder of [options.out, ...(isJudged && options.keep ? [options.keep] : [])]) {
    writeReport(path.join(folder, 'soak.md'), text);
    if (options.plot) drawPlot(file, path.join(folder, 'plots/soak.svg'));
    console.log(`written: ${path.join(folder, 'soak.md')}`);
  }
  if (isJudged) console.log(curveTable(curves));
  console.log(`${results.matches} matches, ${results.recorded} results; ${logs.errors.length} errors, ${logs.warnings.length} warnings in the logs`);
  for (const each of remarks) console.log(`not judged, as the machine had no processor for it: ${each}`);
  for (const each of problems) console.log(`NOT: ${each}`);
  console.log(sentence);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

try {
  await main();
} catch (error) {
  if (!isStopping) {
    stopCrowd('SIGKILL');
    await stack?.stop().catch((second) => console.error(second.message));
    await management.stop().catch(() => {});
    console.error(error.stack);
    process.exit(1);
  }
}
