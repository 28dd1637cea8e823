// What keeping rooms on disk costs a gamed under load: its processor time with a state directory and without one, in turns, and
// the time of the thread that writes them. Must not judge.

import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { runLoad } from './load.mjs';
import { LOAD_CORE, startGamed } from './servers.mjs';

const ROOMS = 2_000;
const SECONDS = 4;
const SAMPLE_MS = 100;

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

async function play(stateless, limit) {
  const server = await startGamed({ stateless });
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
      '--rest', server.rest, '--ws', server.ws, '--protocol', 'v2', '--moves', '4', '--clients', '128', '--levels', String(ROOMS), '--warm-up', '3',
      '--seconds', String(SECONDS), '--pid', `gamed=${server.pids.gamed}`,
    ];
    let told;
    const { levels } = await runLoad(load, { cores: LOAD_CORE, limit, onLevel: () => (told = performance.now()) });
    if (levels.length === 0) return undefined;
    const last = samples.findLast(({ at }) => at <= told);
    const first = samples.findLast(({ at }) => at <= last.at - 1_000 * (SECONDS - 0.5));
    const seconds = (last.at - first.at) / 1_000;
    const threads = Object.fromEntries(Object.entries(last.threads)
      .map(([name, ns]) => [name, (ns - (first.threads[name] ?? 0)) / 1e9 / seconds]));
    return { cpu: levels[0].processes.gamed.cpu_share, threads };
  } finally {
    isOver = true;
    await sampling;
    await server.stop();
  }
}

/** {share, cpu, threads}: percent of gamed's time that is saving; its share of a core with it; that of each thread. */
export async function measureCheckpoints(context) {
  const saving = await play(false, context.budget.left / 2);
  const without = await play(true, context.budget.left);
  if (!saving || !without) return undefined;
  return { share: 100 * (1 - without.cpu / saving.cpu), cpu: saving.cpu, without: without.cpu, threads: saving.threads };
}
