// One run of bench/pong-load: its arguments, and its levels as it prints them, a JSON object a line.
// It must not know rows or targets.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { buildDirectory } from '../../tests/e2e/harness.mjs';

const KILL_MS = 3_000;

/** The words of a command that runs on those cores only; undefined: on all. */
export function pinned(cores, command, args) {
  return cores === undefined ? [command, ...args] : ['taskset', '-c', cores, command, ...args];
}

/**
 * Runs it, for `limit` seconds at most, and resolves to {levels, cut}: what was measured by then, and whether it had to be
 * ended. `onLevel(level)` is told each as it comes.
 */
export async function runLoad(args, { cores = '1', limit = 120, onLevel = () => {} } = {}) {
  const [command, ...words] = pinned(cores, path.join(buildDirectory(), 'bench/pong-load'), [...args, '--json']);
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const levels = [];
  let errors = '';
  let cut = false;
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors = (errors + text).slice(-4_000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const level = JSON.parse(line);
    levels.push(level);
    onLevel(level);
  });
  const die = () => child.kill('SIGKILL');
  process.once('exit', die);
  const timers = [setTimeout(() => {
    cut = true;
    child.kill('SIGTERM');
    timers.push(setTimeout(die, KILL_MS));
  }, limit * 1_000)];
  const { code, signal, error } = await new Promise((resolve) => {
    child.once('close', (status, by) => resolve({ code: status, signal: by }));
    child.once('error', (problem) => resolve({ error: problem }));
  });
  process.removeListener('exit', die);
  timers.forEach(clearTimeout);
  if (error) throw new Error(`pong-load could not be run: ${error.message}`);
  if (!cut && levels.length === 0) {
    throw new Error(`pong-load ${words.join(' ')} ended with ${signal ?? code} and measured nothing:\n${errors.trim()}`);
  }
  return { levels, cut, errors: errors.trim() };
}
