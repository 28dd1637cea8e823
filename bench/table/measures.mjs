// What is run: each measure is a server, a load and what "it holds" means, or a function of its own; `fullOnly`: not in a quick
// look. A round of the benchmark goes through them in this order, so that what a row compares stands side by side in time.
// Must not know targets: rows.mjs.

import { measureCheckpoints } from './checkpoints.mjs';
import { COMPARED_ROOMS, COST_ROOMS } from './search.mjs';
import { MAX_ROOMS, SERVER_CORE, startFloor, startGamed, startPeer } from './servers.mjs';
import { measureStart } from './start.mjs';

/** The bar of v1 and of the peers: nobody's updates come apart, and nobody gets fewer than 29 of 30 a second. */
const STEADY = 'p99_interval_ms=10,min_rate=29';
const AT_ONCE = ['--clients', '32']; // under way while rooms are opened: more than api-fcgi has threads for would be refused
const V1 = ['--protocol', 'v1', ...AT_ONCE];
const V2 = ['--protocol', 'v2', '--moves', '4', ...AT_ONCE];
/** Who has just come costs more: the snapshots at the beginning. So there are most of a level's rooms a level earlier. */
const SETTLED = [COMPARED_ROOMS - 100, COMPARED_ROOMS - 50, COMPARED_ROOMS];
const PEERS_LOAD_MS = '100';
const CLIENTS = '16';

/** Of the peers: V8 compiles in the first seconds. */
const FIRST = [50, 100, 200];

const payloadOf = (level) => Math.round(level.payload_bytes_mean / level.messages.per_player_mean);

/** Bytes of a v1 update as gamed has just sent it, for those that only write frames. */
function frameSize(results) {
  const level = results.v1_tcp?.levels.find(({ rooms }) => rooms === COMPARED_ROOMS) ?? results.v1_tcp?.levels[0];
  return level ? payloadOf(level) : 130;
}

function ramp(key, title, start, load, until, expected, more = {}) {
  return { key, title, kind: 'ramp', start, load, until, expected, max: MAX_ROOMS, ...more };
}

export const measures = [
  ramp('v1_tcp', 'v1 over TCP', () => startGamed({ tcp: true }), V1, STEADY, 1_500, { anchors: SETTLED }),
  ramp('floor_tcp', 'pong-floor over TCP', (results) => startFloor({ tcp: true, size: frameSize(results) }), ['--protocol', 'ws'], STEADY,
    1_500, { anchors: [COMPARED_ROOMS] }),
  ramp('colyseus', 'Colyseus over TCP', () => startPeer('colyseus'), ['--protocol', 'colyseus', '--inputs-every', PEERS_LOAD_MS], STEADY, 340,
    { peer: true, anchors: FIRST }),
  ramp('ws', 'ws on node over TCP', () => startPeer('ws'), ['--protocol', 'ws', '--inputs-every', PEERS_LOAD_MS], STEADY, 570,
    { peer: true, anchors: FIRST }),
  ramp('v1_unix', 'v1 over the unix socket', () => startGamed(), V1, 'p99_late_ms=5', 2_000, { anchors: SETTLED }),
  ramp('floor_unix', 'pong-floor over the unix socket', (results) => startFloor({ size: frameSize(results) }), ['--protocol', 'ws'],
    'p99_late_ms=5', 2_500, { anchors: [COMPARED_ROOMS], anchorsOnly: true }),
  ramp('v2_tcp', 'v2 over TCP', () => startGamed({ tcp: true }), V2, 'p99_late_ms=5', 5_000, { anchors: SETTLED }),
  ramp('floor_relay', 'pong-floor sending inputs on, over TCP', () => startFloor({ tcp: true, relay: true }), ['--protocol', 'relay', '--moves', '4'],
    'p99_late_ms=5', 7_000, { anchors: [COMPARED_ROOMS], anchorsOnly: true, fullOnly: true }),
  // Rooms that were opened together have their serves together: some of each are to be in it.
  ramp('v2_play', 'v2 with serves as installed, over TCP', () => startGamed({ tcp: true, usualServe: true }), V2, 'p99_late_ms=5', 5_000,
    { anchors: [COMPARED_ROOMS], anchorsOnly: true, warmUp: 5, seconds: 10 }),
  ramp('v2_unix', 'v2 over the unix socket', () => startGamed(), V2, 'p99_late_ms=5', 8_000,
    { anchors: COST_ROOMS, warmUp: 2.5 }),
  ramp('floor_relay_unix', 'pong-floor sending inputs on, over the unix socket', () => startFloor({ relay: true }),
    ['--protocol', 'relay', '--moves', '4'], 'p99_late_ms=5', 8_000,
    { anchors: COST_ROOMS.filter((rooms) => rooms <= 4_500), anchorsOnly: true, fullOnly: true }),
  ramp('v2_often', 'v2, an input every 100 ms, over TCP', () => startGamed({ tcp: true }),
    ['--protocol', 'v2', '--inputs-every', PEERS_LOAD_MS, ...AT_ONCE], 'p99_late_ms=5', 2_500),
  // nginx has 20,000 connections a worker, two for each player. It has its core to itself: of gamed's the greater part is left.
  ramp('v2_nginx', 'v2 through nginx', () => startGamed({ throughNginx: true }), V2, 'p99_late_ms=10', 3_000,
    { max: Math.min(4_900, MAX_ROOMS / 2), loadCore: SERVER_CORE }),
  { key: 'check', title: 'REST check', kind: 'rest', start: () => startGamed({ shared: true }), load: ['--rest-only', 'check', '--clients', CLIENTS] },
  { key: 'create_join', title: 'REST create and join', kind: 'rest', start: () => startGamed({ shared: true }),
    load: ['--rest-only', 'create_join', '--clients', CLIENTS] },
  { key: 'start', title: 'start of gamed', kind: 'own', seconds: 3, run: (context) => measureStart(context, false) },
  { key: 'start_rooms', title: 'start of gamed with 5000 rooms', kind: 'own', seconds: 5, preparation: 20, run: (context) => measureStart(context, true) },
  { key: 'checkpoints', title: 'what checkpoints cost', kind: 'own', seconds: 14, fullOnly: true, run: measureCheckpoints },
];
