// The rows of the table: what this service is to reach, with the target, and how a row's number is taken from the results of a
// round. Pure. A number is a round's; report.mjs makes the median of them.

import { COMPARED_ROOMS, COST_ROOMS, isKnown, levelAt } from './search.mjs';

const SERVERS = ['gamed', 'floor', 'colyseus', 'ws'];

/** The measured process of a level: {cpu_seconds, cpu_share, rss_bytes, cpu_us_per_room_second}. */
export function serverOf(level) {
  const name = SERVERS.find((each) => level?.processes?.[each]);
  return name && level.processes[name];
}

const rooms = (key) => (round) => round[key]?.rooms;
const at = (key, read, count = COMPARED_ROOMS) => (round) => {
  const level = levelAt(round[key]?.levels, count);
  return level && read(level);
};

/** Times are told only of levels of which enough moments counted. */
const known = (read) => (level) => (isKnown(level) ? read(level) : undefined);

function ratio(over, under) {
  return (round) => {
    const [above, below] = [over(round), under(round)];
    return above === undefined || !below ? undefined : above / below;
  };
}

const FULL_SHARE = 0.95; // of its core

/**
 * Rooms for which a ramp's server has processor time: by what it took at the most rooms that were played, whether or not they held.
 * What a room takes falls as rooms grow, so it is no more than there is.
 */
export function roomsByTime(levels = []) {
  const last = levels.findLast((level) => serverOf(level)?.cpu_share > 0 && !(level.connections < 2 * level.rooms));
  return last && Math.floor((last.rooms * FULL_SHARE) / serverOf(last).cpu_share);
}

const byTime = (key) => (round) => roomsByTime(round[key]?.levels);

/** Microseconds of the server's processor time for an update that was read. */
const updateCost = (level) => (1e6 * serverOf(level).cpu_seconds) / level.seconds / level.messages.received_per_second;

const roomCost = (level) => serverOf(level).cpu_us_per_room_second;

/** The levels at which a room's cost is compared: those that are named and held, and the last that held. */
export function costLevels(levels = []) {
  const held = levels.filter(({ ok }) => ok);
  return held.filter((level) => COST_ROOMS.includes(level.rooms) || level === held.at(-1));
}

const spread = (costs) => (costs.length < 2 ? undefined : 100 * (Math.max(...costs) / Math.min(...costs) - 1));

/** How far the dearest size of a room is from the cheapest, in percent. */
const costSpread = (round) => spread(costLevels(round.v2_unix?.levels).map(roomCost));

/** The same of what each step to the next size adds, so without what a process with any rooms costs. */
function addedCostSpread(round) {
  const levels = costLevels(round.v2_unix?.levels).map((level) => [level.rooms, serverOf(level).cpu_share]);
  return spread(levels.slice(1).map(([rooms, share], i) => (share - levels[i][1]) / (rooms - levels[i][0])));
}

/** Bytes of a room, by what memory grew between the sizes named. */
function memoryOf(key, few, many) {
  return (round) => {
    const [less, more] = [few, many].map((count) => levelAt(round[key]?.levels, count));
    if (!less || !more) return undefined;
    return (serverOf(more).rss_bytes - serverOf(less).rss_bytes) / (many - few) / 1_000;
  };
}

const least = (limit) => ({ limit, target: `≥ ${limit.toLocaleString('en')}`, meets: (value) => value >= limit });
const most = (limit) => ({ limit, target: `≤ ${limit.toLocaleString('en')}`, meets: (value) => value <= limit });
const under = (limit) => ({ limit, target: `< ${limit.toLocaleString('en')}`, meets: (value) => value < limit });

/** `digits` after the point; `peer`: told only where the peers were measured. */
const row = (measure, unit, digits, goal, of, more = {}) => ({ measure, unit, digits, ...goal, of, ...more });

export const rows = [
  row('v1 JSON 30/s over TCP: rooms on one core, beside pong-floor', '× floor', 2, least(0.9), ratio(rooms('v1_tcp'), rooms('floor_tcp'))),
  row('v1 JSON 30/s over TCP: rooms on one core, beside Colyseus', '× Colyseus', 1, least(4), ratio(rooms('v1_tcp'), rooms('colyseus')), { peer: true }),
  row('v1 JSON 30/s over the unix socket: rooms, p99 lateness < 5 ms', 'rooms', 0, least(2_000), rooms('v1_unix')),
  row('CPU of an update, v1, 1000 rooms, TCP, beside pong-floor', '× floor', 2, most(1.3), ratio(at('v1_tcp', updateCost), at('floor_tcp', updateCost))),
  row('CPU of an update, v1, 1000 rooms, the unix socket, beside pong-floor', '× floor', 2, most(1.3),
    ratio(at('v1_unix', updateCost), at('floor_unix', updateCost))),
  row('v2, 4 input changes a second: rooms on one core over TCP, p99 lateness < 5 ms', 'rooms', 0, least(5_000), rooms('v2_tcp')),
  row('v2, 4 input changes a second: rooms on one core over TCP, beside Colyseus', '× Colyseus', 1, least(14),
    ratio(rooms('v2_tcp'), rooms('colyseus')), { peer: true }),
  row('v2, 4 input changes a second: rooms over the unix socket, p99 lateness < 5 ms', 'rooms', 0, least(8_000), rooms('v2_unix')),
  row('v2, an input every 100 ms: rooms on one core over TCP, p99 lateness < 5 ms', 'rooms', 0, least(2_500), rooms('v2_often')),
  row('messages a second to each player, v2', 'messages', 2, most(5.5), at('v2_play', (level) => level.messages.per_player_mean)),
  row('IP bytes a second to each player, v2, headers and ACKs in', 'bytes', 0, most(600), at('v2_play', (level) => level.ip_bytes_mean)),
  row('payload bytes a second to each player, v2', 'bytes', 1, most(50), at('v2_play', (level) => level.payload_bytes_mean)),
  row('through nginx (one worker on the other core): v2 rooms, p99 < 10 ms', 'rooms', 0, least(3_000), rooms('v2_nginx')),
  row("input's arrival → its relay, p99 at 1000 v2 rooms, TCP", 'ms', 2, most(5), at('v2_tcp', known((level) => level.relay_ms?.p99))),
  row('memory of a room with two connections, gamed, v2', 'kB', 1, most(8), memoryOf('v2_unix', 500, 4_500)),
  row('REST through nginx, 16 clients, two shared cores: check', 'requests/s', 0, least(15_000), (round) => round.check?.requests_per_second),
  row('REST through nginx, 16 clients, two shared cores: create + join', 'requests/s', 0, least(8_000), (round) => round.create_join?.requests_per_second),
  row('REST: p99 of check', 'ms', 1, under(10), (round) => round.check?.latency_ms?.p99),
  row('REST: p99 of create + join', 'ms', 1, under(10), (round) => round.create_join?.latency_ms?.p99),
  row('cost of a room from 100 to 8000 rooms, v2: the dearest above the cheapest', '%', 0, most(15), costSpread),
  row('start of gamed to the first answered connection', 'ms', 0, under(100), (round) => round.start?.ms),
  row('start of gamed with 5000 checkpointed rooms, likewise', 'ms', 0, under(1_000), (round) => round.start_rooms?.ms),
];

/** Numbers without a target that explain the others. */
export const besides = [
  row('v1 over TCP: rooms by processor time, beside pong-floor', '× floor', 2, {}, ratio(byTime('v1_tcp'), byTime('floor_tcp'))),
  row('the same, beside Colyseus', '× Colyseus', 1, {}, ratio(byTime('v1_tcp'), byTime('colyseus')), { peer: true }),
  row('v2 over TCP: rooms by processor time, beside Colyseus', '× Colyseus', 1, {}, ratio(byTime('v2_tcp'), byTime('colyseus')), { peer: true }),
  row('v1: messages a second to each player', 'messages', 1, {}, at('v1_tcp', (level) => level.messages.per_player_mean)),
  row('v1: IP bytes a second to each player, headers and ACKs in', 'bytes', 0, {}, at('v1_tcp', (level) => level.ip_bytes_mean)),
  row('v1: payload bytes a second to each player', 'bytes', 0, {}, at('v1_tcp', (level) => level.payload_bytes_mean)),
  row('v1: lateness p99 at 1000 rooms, TCP', 'ms', 2, {}, at('v1_tcp', known((level) => level.late_ms?.p99))),
  row('v1: CPU of an update at 1000 rooms, TCP', 'µs', 2, {}, at('v1_tcp', updateCost)),
  row('v1: CPU of an update at 1000 rooms, the unix socket', 'µs', 2, {}, at('v1_unix', updateCost)),
  row('pong-floor: CPU of a frame at 1000 rooms, TCP', 'µs', 2, {}, at('floor_tcp', updateCost)),
  row('pong-floor: CPU of a frame at 1000 rooms, the unix socket', 'µs', 2, {}, at('floor_unix', updateCost)),
  row('v2: processor time of a room at 1000, TCP', 'µs/s', 0, {}, at('v2_tcp', roomCost)),
  row('pong-floor that only sends inputs on: processor time of a room at 1000, TCP', 'µs/s', 0, {}, at('floor_relay', roomCost)),
  row('v2 with serves of half a second: messages a second to each player', 'messages', 2, {}, at('v2_tcp', (level) => level.messages.per_player_mean)),
  row('the same: IP bytes', 'bytes', 0, {}, at('v2_tcp', (level) => level.ip_bytes_mean)),
  row('the same: payload bytes', 'bytes', 1, {}, at('v2_tcp', (level) => level.payload_bytes_mean)),
  ...[100, 2_000, 4_500].map((count) =>
    row(`v2: processor time of a room, ${count} rooms over the unix socket, beside pong-floor sending inputs on`, '× floor', 2, {},
      ratio(at('v2_unix', roomCost, count), at('floor_relay_unix', roomCost, count)))),
  row("v2: input's write → its effect at the opponent, p99 at 1000 rooms, TCP", 'ms', 1, {}, at('v2_tcp', known((level) => level.effect_ms?.p99))),
  row('cost of what further rooms add, from 100 to 8000: the dearest step above the cheapest', '%', 0, {}, addedCostSpread),
  row('v2: processor time of a room, 2000 rooms over the unix socket', 'µs/s', 0, {}, at('v2_unix', roomCost, 2_000)),
  row('checkpoints: their thread\'s share of the time that gamed takes, 2000 v2 rooms', '%', 1, {}, (round) => round.checkpoints?.share),
  row('Colyseus: IP bytes a second to each player', 'bytes', 0, {}, at('colyseus', (level) => level.ip_bytes_mean, 100), { peer: true }),
  row('Colyseus: relay of an input, p99 at 100 rooms', 'ms', 1, {}, at('colyseus', known((level) => level.relay_ms?.p99), 100), { peer: true }),
];
