// What a site of several gamed costs: the same rooms on one gamed with Redis and on two, side by side in one run, through nginx;
// processor time of every process for a room, and how late inputs are relayed.
//
//     ./dev bench instances [ROOMS] [SECONDS]
//
// Nothing is pinned: two gamed, Redis, nginx and the load share the machine's cores, so what is compared is time that each
// process takes, and not how many rooms it could carry: for that, two gamed need cores of their own. Judges nothing; trust ratios.

import { Cluster } from '../tests/e2e/cluster.mjs';
import { runLoad } from './table/load.mjs';
import { LIMITS } from './table/servers.mjs';

const [rooms = 1_000, seconds = 4] = process.argv.slice(2).map(Number);
const PROTOCOLS = ['v1', 'v2'];
const COUNTS = [1, 2];
const LIMIT_S = 120;

async function play(instances, protocol) {
  const stack = await new Cluster({ instances, env: LIMITS, redis: { appendonly: true } }).start();
  try {
    const host = new URL(stack.baseUrl).host;
    const pids = [
      ...stack.gameds.map((gamed, i) => [`gamed-${i + 1}`, gamed.pid]), ['redis', stack.redis.daemon.pid],
      ['nginx', stack.nginx.pid], ['api-fcgi', stack.api.pid],
    ];
    const { levels, errors } = await runLoad([
      '--rest', host, '--ws', host, '--protocol', protocol, '--levels', String(rooms), '--warm-up', '2', '--seconds', String(seconds),
      ...pids.flatMap(([name, pid]) => ['--pid', `${name}=${pid}`]),
    ], { cores: undefined, limit: LIMIT_S });
    if (levels.length !== 1) throw new Error(`nothing was measured: ${errors}`);
    return levels[0];
  } finally {
    await stack.stop();
  }
}

/** Processor time of all processes whose name begins so, µs for a room and second. */
function cost({ processes }, name) {
  const ours = Object.entries(processes).filter(([each]) => each.startsWith(name));
  return ours.reduce((sum, [, { cpu_us_per_room_second: us }]) => sum + us, 0);
}

console.log(`${rooms} rooms of two through nginx, ${seconds} s; µs of processor time for a room and second:\n`);
console.log('| format | gamed | each gamed, share of a core | gamed together | Redis | nginx | p99 of lateness, ms |\n|---|---|---|---|---|---|---|');
for (const protocol of PROTOCOLS) {
  for (const instances of COUNTS) {
    const level = await play(instances, protocol);
    const shares = Object.entries(level.processes).filter(([name]) => name.startsWith('gamed'))
      .map(([, { cpu_share: share }]) => `${(100 * share).toFixed(1)} %`);
    const costs = ['gamed', 'redis', 'nginx'].map((name) => cost(level, name).toFixed(1));
    console.log(`| ${protocol} | ${instances} | ${shares.join(', ')} | ${costs.join(' | ')} | ${level.late_ms.p99.toFixed(1)} |`);
  }
}
