// What the processes of a stack hold, each second: memory, descriptors, threads and processor time by /proc, and what gamed says
// of itself at /metrics; into a list, and into a file of tab-separated columns. Must not judge.

import { closeSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { scrape } from '../../tests/e2e/scrape.mjs';

const TICKS_PER_SECOND = 100; // the kernel's, in /proc/PID/stat; the same on every Linux

const childrenOf = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** A process and its children, and theirs. */
export const family = (pid) => [pid, ...childrenOf(pid).flatMap(family)];

/** Of several processes together: {rss, fds, threads, cpu}; cpu in seconds. */
export function held(pids) {
  const sum = { rss: 0, fds: 0, threads: 0, cpu: 0 };
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    sum.rss += 1_024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]);
    sum.threads += Number(/^Threads:\s+(\d+)/m.exec(status)[1]);
    sum.fds += readdirSync(`/proc/${pid}/fd`).length;
    sum.cpu += (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }
  return sum;
}

/** Seconds for which a process' first thread was ready to run and had to wait for a processor. */
const waited = (pid) => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e9;

const ROOM_STATES = ['waiting', 'ongoing', 'finished'];

/** One look at everything. `t`: the seconds to note with it. */
export async function look(stack, t) {
  const processes = {
    gamed: held([stack.gamed.pid]), 'api-fcgi': held([stack.api.pid]), nginx: held(family(stack.nginx.pid)),
  };
  const seen = await scrape(stack);
  const get = (name, labels) => seen.get(name, labels) ?? 0;
  return {
    t, processes,
    waited: waited(stack.gamed.pid),
    rooms: Object.fromEntries(ROOM_STATES.map((state) => [state, get('pong_rooms', { state })])),
    created: get('pong_rooms_created_total'),
    connections: get('pong_connections'),
    sockets: get('pong_sockets'),
    finished: get('pong_matches_finished_total'),
    delivered: get('pong_results_delivered_total'),
    pending: get('pong_results_outbox', { state: 'pending' }),
    failed: get('pong_results_outbox', { state: 'failed' }),
    lost: get('pong_results_lost_total'),
    unsaved: get('pong_results_unsaved'),
    retried: get('pong_result_attempts_failed_total'),
    skipped: get('pong_room_updates_skipped_total'),
    sent: get('pong_messages_sent_total'),
  };
}

export const COLUMNS = [
  ['seconds', ({ t }) => t.toFixed(1)],
  ...['gamed', 'api-fcgi', 'nginx'].flatMap((name) => ['rss', 'fds', 'threads', 'cpu'].map((kind) => [
    `${name}_${kind}`, ({ processes }) => (kind === 'cpu' ? processes[name].cpu.toFixed(2) : processes[name][kind]),
  ])),
  ...ROOM_STATES.map((state) => [`rooms_${state}`, ({ rooms }) => rooms[state]]),
  ...['created', 'connections', 'sockets', 'finished', 'delivered', 'pending', 'sent', 'skipped'].map((name) => [name, (sample) => sample[name]]),
  ['loop_waited', (sample) => sample.waited.toFixed(2)],
];

export class Sampler {
  samples = [];

  constructor(stack, file) {
    this.stack = stack;
    this.began = performance.now();
    this.file = openSync(file, 'w');
    writeSync(this.file, `${COLUMNS.map(([name]) => name).join('\t')}\n`);
  }

  get seconds() {
    return (performance.now() - this.began) / 1_000;
  }

  /** Looks once a second until so many seconds have passed, or `enough` says so of the newest. */
  async until(seconds, enough = () => false) {
    while (this.seconds < seconds) {
      const sample = await look(this.stack, this.seconds);
      this.samples.push(sample);
      writeSync(this.file, `${COLUMNS.map(([, value]) => value(sample)).join('\t')}\n`);
      if (enough(sample)) return true;
      await sleep(Math.max(0, 1_000 * Math.ceil(this.seconds) - 1_000 * this.seconds));
    }
    return false;
  }

  close() {
    closeSync(this.file);
  }
}
