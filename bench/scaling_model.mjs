// How many machines a site needs for so many players at once, and what of it breaks first: a model, computed from what the other
// benchmarks measured. docs/scaling.md shows what it says, and where the inputs are weak.
//
//     ./dev bench scaling_model [PLAYERS …]        by default 10000 100000 1000000
//
// All inputs are in the table below; a site measures its own machines (./dev bench players, redis, checkpoint) and changes them.

const INPUTS = {
  // Processor time of a player and second in µs, and memory in KiB: ./dev bench players 300; gamed's is what 400
  // players more cost, and what is left without any is gamedShare
  player: {
    'pong.v1.json': { nginxUs: 510, gamedUs: 195, bytes: 3_700 },
    'pong.v2.bin': { nginxUs: 187, gamedUs: 80, bytes: 80 },
  },
  gamedShare: 0.055, // of a core, a process without players
  nginxKiB: 35,
  gamedKiB: 5.5,
  // Of a connection that begins, µs: docs/performance.md, "Handshakes". How long one lasts on average, s.
  handshakeUs: { nginx: 150, 'api-fcgi': 155, gamed: 170 },
  connectionSeconds: 180,
  // Redis' main thread, µs, without a file and with appendfsync everysec: ./dev bench redis
  redisUs: { row: 5, result: 50, round: 350, look: 250 },
  // The rooms thread of gamed, µs a row: ./dev bench redis
  rowUs: 3,
  redisRoomBytes: 520, // of Redis' memory
  redisResultBytes: 800, // of one with a body of 300 bytes; it stays for an hour
  resultSeconds: 3_600,
  rowBytes: 560, // a row and what is around it, as it is sent and as it is appended
  matchSeconds: 100,
  checkpointsPerSecond: 1.3, // of a match: one a second, and its goals, seats and pauses
  // Decisions. A loop or a Redis that is used for more than this is late when much comes together.
  loopShare: 0.6,
  redisShare: 0.5,
  machineShare: 0.6,
  cores: 8,
  networkBytes: 1e9 / 8,
  slots: 32,
  homes: 24, // the others are free for whoever has to adopt
  playersPerMatch: 2,
  roundsPerSecond: 10, // of a gamed
  looksPerSecond: 4, // of an api-fcgi
};

const up = (number) => Math.max(1, Math.ceil(number));

/** Cores and processes of one kind of players, as many at once; for one site as if it had no limits. */
export function demand(players, protocol, inputs = INPUTS) {
  const cost = inputs.player[protocol];
  const connectionsPerSecond = players / inputs.connectionSeconds;
  const matches = players / inputs.playersPerMatch;
  const rows = matches * inputs.checkpointsPerSecond;
  const cores = {
    nginx: (players * cost.nginxUs + connectionsPerSecond * inputs.handshakeUs.nginx) / 1e6,
    'api-fcgi': (connectionsPerSecond * inputs.handshakeUs['api-fcgi']) / 1e6,
    loops: (players * cost.gamedUs + connectionsPerSecond * inputs.handshakeUs.gamed) / 1e6,
    rooms: (rows * inputs.rowUs) / 1e6,
  };
  const gamed = up(cores.loops / (inputs.loopShare - inputs.gamedShare));
  cores.loops += gamed * inputs.gamedShare;
  return { players, protocol, matches, rows, connectionsPerSecond, cores, gamed, bytes: players * cost.bytes };
}

/** The part of Redis' one core that a site of so much of that demand uses. */
export function redisShare({ rows, matches, gamed }, machines, inputs = INPUTS) {
  const { row, result, round, look } = inputs.redisUs;
  return (
    rows * row + (matches / inputs.matchSeconds) * result + gamed * inputs.roundsPerSecond * round +
    machines * inputs.looksPerSecond * look
  ) / 1e6;
}

/** Sites, machines and processes; each site's players are the same part of all. */
export function plan(players, protocol, inputs = INPUTS) {
  for (let sites = 1; ; sites += 1) {
    const one = demand(players / sites, protocol, inputs);
    const cores = Object.values(one.cores).reduce((sum, each) => sum + each, 0);
    const machines = up(cores / (inputs.cores * inputs.machineShare));
    const redis = redisShare(one, machines, inputs);
    if (one.gamed > inputs.homes || redis > inputs.redisShare) continue;
    const gamed = machines > 1 ? Math.max(one.gamed, 2) : one.gamed;
    return {
      ...one, sites, machines: machines + (machines > 1 ? 1 : 0), gamed, redis, totalCores: cores,
      nginxWorkers: up(one.cores.nginx / inputs.loopShare), apiFcgi: up(one.cores['api-fcgi'] / inputs.loopShare),
      redisBytes: one.rows * inputs.rowBytes,
      redisGiB: (one.matches * inputs.redisRoomBytes +
        (one.matches / inputs.matchSeconds) * inputs.resultSeconds * inputs.redisResultBytes) / 2 ** 30,
      memoryGiB: (one.players * (inputs.nginxKiB + inputs.gamedKiB)) / 2 ** 20,
      links: one.bytes / inputs.networkBytes,
    };
  }
}

/** How many players one resource is enough for, the scarcest first. */
export function limits(protocol, inputs = INPUTS) {
  const one = demand(1e6, protocol, inputs);
  const perMillion = {
    'one gamed process (its loop)': one.gamed,
    'one machine': Object.values(one.cores).reduce((sum, each) => sum + each, 0) / (inputs.cores * inputs.machineShare),
    'one site: 24 homes': one.gamed / inputs.homes,
    'one Redis': redisShare({ ...one, gamed: inputs.homes }, 0, inputs) / inputs.redisShare,
    '1 Gbit/s of updates': one.bytes / inputs.networkBytes,
  };
  return Object.entries(perMillion).map(([name, share]) => [name, 1e6 / share]).sort(([, a], [, b]) => a - b);
}

const round = (number) => (number >= 100 ? Math.round(number) : Number(number.toPrecision(2)));

function print(counts) {
  console.log('A site\'s share where there are several; machines of 8 cores, the last of them spare.\n');
  console.log('| players | format | sites | machines | gamed | nginx workers | api-fcgi | cores used | Redis core | Redis MB/s | Redis GiB | to players Mbit/s | memory GiB |');
  console.log('|---|---|---|---|---|---|---|---|---|---|---|---|---|');
  for (const players of counts) {
    for (const protocol of Object.keys(INPUTS.player)) {
      const it = plan(players, protocol);
      console.log(`| ${[
        players, protocol, it.sites, it.machines, it.gamed, it.nginxWorkers, it.apiFcgi, round(it.totalCores), `${round(100 * it.redis)} %`,
        round(it.redisBytes / 1e6), round(it.redisGiB), round((8 * it.bytes) / 1e6), round(it.memoryGiB),
      ].join(' | ')} |`);
    }
  }
  for (const protocol of Object.keys(INPUTS.player)) {
    console.log(`\nWhat ends first, ${protocol}, players at once:\n`);
    for (const [name, players] of limits(protocol)) console.log(`- ${name}: ${Math.round(players / 100) * 100}`);
  }
}

const counts = process.argv.slice(2).map(Number);
if (counts.some((count) => !Number.isInteger(count) || count < 1)) {
  console.error('usage: scaling_model.mjs [PLAYERS …]: whole numbers from 1 on');
  process.exitCode = 2;
} else if (import.meta.url === `file://${process.argv[1]}`) {
  print(counts.length > 0 ? counts : [1e4, 1e5, 1e6]);
}
