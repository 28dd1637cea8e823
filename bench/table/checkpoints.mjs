// What keeping rooms on disk costs a gamed under load: the time of the thread that writes them, beside that of all. What the loop
// copies for it is a small part of the loop's time: ./dev bench checkpoint. Must not judge.

import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { runLoad } from './load.mjs';
import { LOAD_CORE, startGamed } from './servers.mjs';

const ROOMS = 2_000;
const SECONDS = 4;
const SAMPLE_MS = 100;
const MARGIN_S = 0.5; // of the level, where it begins and ends

/** Nanoseconds of processor time by thread. */
function threadsOf(pid) {
  const times = {};
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
    const ns = Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    times[name] = (times[name] ?? 0) + ns;
  }
  return times;
}

/** {share, cpu, threads}: percent of gamed's time that the thread takes which saves rooms; all of gamed, and each thread, in cores. */
export async function measureCheckpoints(context) {
  const server = await startGamed();
  const samples = [];
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      samples.push({ at: performance.now(), threads: threadsOf(server.pids.gamed) });
      await sleep(SAMPLE_MS);
    }
  })();
  try {
    const load = [
      '--rest', server.rest, '--ws', server.ws, '--protocol', 'v2', '--moves', '4', '--clients', '32', '--levels', String(ROOMS), '--warm-up', '3',
      '--seconds', String(SECONDS), '--pid', `gamed=${server.pids.gamed}`,
    ];
    let told;
    const { levels } = await runLoad(load, { cores: LOAD_CORE, limit: context.budget.left, onLevel: () => (told = performance.now()) });
    if (levels.length === 0) return undefined;
    const last = samples.findLast(({ at }) => at <= told);
    const first = samples.findLast(({ at }) => at <= last.at - 1_000 * (SECONDS - MARGIN_S));
    const seconds = (last.at - first.at) / 1_000;
    const cores = ([name, ns]) => [name, (ns - (first.threads[name] ?? 0)) / 1e9 / seconds];
    const threads = Object.fromEntries(Object.entries(last.threads).map(cores));
    const cpu = Object.values(threads).reduce((sum, share) => sum + share, 0);
    return { share: (100 * threads.rooms) / cpu, cpu, threads };
  } finally {
    isOver = true;
    await sampling;
    await server.stop();
  }
}
