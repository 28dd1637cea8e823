// Whether REST makes updates late: rooms play straight at gamed's socket, by themselves and beside 16 clients who ask check, or
// create and join, without a pause; how late the loop is with its updates, and how late inputs are relayed, in turns.
//
//     ./dev bench rest_beside [ROOMS] [SECONDS] [ROUNDS]
//
// gamed, nginx, api-fcgi and both loads share the machine's cores, so beside REST there is little processor time left for
// anybody: that is the point. Judges nothing; trust ratios.

import { setTimeout as sleep } from 'node:timers/promises';

import { scrape } from '../tests/e2e/scrape.mjs';
import { runLoad } from './table/load.mjs';
import { startGamed } from './table/servers.mjs';

const [rooms = 2_000, seconds = 5, rounds = 3] = process.argv.slice(2).map(Number);
const CLIENTS = '16';
const KINDS = ['', 'check', 'create_join'];
const SETTLED_MS = 6_000;
const LATENESS = 'pong_tick_lateness_seconds_bucket';

/** Updates by how late they were at most, in ms. */
async function buckets(stack) {
  const { samples } = (await scrape(stack)).families.get('pong_tick_lateness_seconds');
  const ours = samples.filter(({ name }) => name === LATENESS);
  return ours.map(({ labels, value }) => [labels.get('le') === '+Inf' ? Infinity : 1_000 * Number(labels.get('le')), value]);
}

/** The bound under which that share of the updates between two readings was. */
function quantile(before, after, share) {
  const counts = after.map(([le, count], i) => [le, count - before[i][1]]);
  const wanted = share * counts.at(-1)[1];
  return counts.find(([, count]) => count >= wanted)[0];
}

async function beside(server, kind) {
  const before = await buckets(server.stack);
  const asked = kind
    ? await runLoad(['--rest', server.rest, '--rest-only', kind, '--clients', CLIENTS, '--warm-up', '0', '--seconds', String(seconds)], { cores: undefined })
    : await sleep(1_000 * seconds);
  const after = await buckets(server.stack);
  const of = (share) => `≤ ${quantile(before, after, share)}`;
  const rest = asked?.levels[0];
  const rate = rest ? `${Math.round(rest.requests_per_second)}` : '-';
  console.log(`| ${kind || 'nobody'} | ${rate} | ${of(0.5)} | ${of(0.99)} | ${of(0.999)} |`);
}

const server = await startGamed({ shared: true });
try {
  const whole = KINDS.length * rounds * (seconds + 1) + SETTLED_MS / 1_000;
  const play = runLoad(['--rest', server.rest, '--ws', server.ws, '--protocol', 'v2', '--levels', String(rooms), '--warm-up', '1',
    '--seconds', String(whole)], { cores: undefined, limit: whole + 60 });
  for (let waited = 0; (await scrape(server.stack)).get('pong_connections') < 2 * rooms && waited < 60; waited += 1) await sleep(500);
  await sleep(SETTLED_MS / 2);
  console.log(`${rooms} rooms of two, v2, ${seconds} s each:\n`);
  console.log('| who asks | requests/s | updates late, ms: p50 | p99 | p99.9 |\n|---|---|---|---|---|');
  for (let round = 0; round < rounds; round += 1) for (const kind of KINDS) await beside(server, kind);
  const { levels } = await play;
  console.log(`\nrelays over all that: p99 ${levels[0]?.relay_ms.p99.toFixed(1)} ms`);
} finally {
  await server.stop();
}
