// One child process of a test stack: started, signalled, stopped and awaited by its own pid, its output
// going straight to a file so that not a line is lost when it crashes.
// Must not know what the process is for, and never ends a process it did not start.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';

const STOP_MS = 15_000; // a sanitizer build looks for leaks before it exits
const KILL_MS = 5_000;

const alive = new Set();
process.on('exit', () => {
  for (const daemon of alive) daemon.abandon();
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => process.exit(1));

function within(ms, promise) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Daemon {
  /** `ownGroup`: the process has children of its own (nginx), which are ended with it in an emergency; `argv0`: what it is called. */
  constructor(name, command, args, { env, logPath, ownGroup = false, argv0 }) {
    Object.assign(this, { name, command, args, env, logPath, ownGroup, argv0 });
    this.child = null;
    this.exit = null; // {code, signal, error} once it has ended
    this.sent = []; // the signals it was sent since its start
    this.stopped = false; // it ended because it was told to
  }

  get pid() {
    return this.child?.pid;
  }

  get running() {
    return this.child !== null && this.exit === null;
  }

  start() {
    if (this.running) throw new Error(`${this.name} is running already`);
    const log = openSync(this.logPath, 'a');
    const child = spawn(this.command, this.args, {
      env: this.env,
      argv0: this.argv0,
      stdio: ['ignore', log, log],
      detached: this.ownGroup,
    });
    closeSync(log);
    this.child = child;
    this.exit = null;
    this.sent = [];
    this.stopped = false;
    alive.add(this);
    this.ended = new Promise((resolve) => {
      const end = (exit) => {
        alive.delete(this);
        this.exit = exit;
        resolve(exit);
      };
      child.once('exit', (code, signal) => end({ code, signal }));
      child.once('error', (error) => end({ code: null, signal: null, error }));
    });
  }

  signal(name) {
    if (!this.running) return;
    this.sent.push(name);
    this.child.kill(name);
  }

  /**
   * Ends it by `signal` and checks that it ended as that signal should end it: SIGTERM means exit code 0, or an end on the
   * spot when it had been sent before.
   */
  async stop(signal = 'SIGTERM') {
    if (this.stopped || this.child === null) return;
    if (!this.running) throw new Error(this.obituary());
    this.signal(signal);
    this.signal('SIGCONT'); // it may have been stopped by the test
    const exit = await within(STOP_MS, this.ended);
    this.stopped = true;
    if (exit === undefined) {
      this.abandon();
      await within(KILL_MS, this.ended);
      throw new Error(`${this.name} did not end within ${STOP_MS} ms of ${signal}\n${this.tail()}`);
    }
    const again = this.sent.filter((name) => name === signal).length > 1;
    const killed = exit.signal === signal && (signal === 'SIGKILL' || again);
    const ended = exit.code === 0 && signal !== 'SIGKILL';
    if (!killed && !ended) throw new Error(this.obituary());
  }

  /** Waits until it has died of `signal`, which this time nobody here sends. */
  async diesOf(signal, ms) {
    const exit = await within(ms, this.ended);
    if (exit === undefined) throw new Error(`${this.name} was to die of ${signal} within ${ms} ms, but lives\n${this.tail()}`);
    if (exit.signal !== signal) throw new Error(this.obituary());
    this.stopped = true;
  }

  /** The last resort; nobody waits for it. */
  abandon() {
    try {
      process.kill(this.ownGroup ? -this.pid : this.pid, 'SIGKILL');
    } catch {
      // it is gone already, which is what was wanted
    }
  }

  /** A sentence on how it ended, with the end of its log; '' while it runs or after it was told to stop cleanly. */
  obituary() {
    if (this.running || this.child === null) return '';
    const { code, signal, error } = this.exit;
    const how = error ? `could not be run: ${error.message}` : signal ? `died of ${signal}` : `exited with ${code}`;
    return `${this.name} ${how}; the end of its log:\n${this.tail()}`;
  }

  tail(lines = 40) {
    if (!existsSync(this.logPath)) return '(no log)';
    return readFileSync(this.logPath, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}
