// Between two frames of one room a game server may lose it: stopped there, or not given a processor. Here its loop waits there
// for longer than its leases, at a failpoint, as no signal can be sent so exactly.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { noRedis, useCluster } from './cluster.mjs';
import { whyNoFailpoints } from './failpoints.mjs';
import { counted, keepOpen, newsOf } from './listener.mjs';
import { skipFor } from './requirement.mjs';
import { Rest } from './rest.mjs';

const VICTIM = 2;
const WATCHERS = 30;
const FRAMES_BEFORE = 2_000; // to 32 clients 30 times a second
const STILL_MS = 15_000;
const TAKEOVER_MS = 60_000;

describe('a game server that stood still in the middle of what it says to a room', { skip: skipFor(noRedis || whyNoFailpoints()) }, () => {
  const cluster = useCluster({
    env: { PONG_LOG_LEVEL: 'info' },
    instances: 2,
    instance: (i) => (i === VICTIM ? { env: { PONG_FAILPOINT: `frame-sent:${FRAMES_BEFORE}=sleep:${STILL_MS}` } } : {}),
  });
  const rest = new Rest(cluster);
  const log = () => readFileSync(cluster.gamedAt(VICTIM).logPath, 'utf8');

  test('does not say the rest of it', async (context) => {
    const [home] = await cluster.slotsOf(VICTIM);
    let first;
    do first = await rest.ok(rest.create({ username: 'Kim' })); while (first.room_code[0] !== home);
    const second = await rest.ok(rest.join({ room_code: first.room_code, username: 'Lee' }));
    const { listen } = cluster.places[VICTIM - 1];
    const clients = await Promise.all([
      ...[first, second].map((seat) => ({ code: seat.room_code, token: seat.seat_token, number: seat.player_number })),
      ...Array.from({ length: WATCHERS }, () => ({ code: first.room_code })),
    ].map((client) => keepOpen(listen, client)));
    await cluster.until('it stands still', () => log().includes('waiting at frame-sent'));
    const heard = await counted(clients);
    assert.ok(heard.every((count) => count > 1), `each was told of the game: ${heard}`);
    const newest = clients.slice(2).map(({ reader }) => JSON.parse(reader.frames.at(-1).payload).timestamp);
    const told = newest.filter((time) => time === Math.max(...newest)).length;
    context.diagnostic(told < WATCHERS ? `${told} of ${WATCHERS} were told` : 'by chance all were told: this run shows nothing');
    await cluster.until('another has its slot', async () => ![0, VICTIM].includes(await cluster.ownerOf(home)), TAKEOVER_MS);
    assert.ok(clients.every(({ closed }) => !closed), 'it still stands still');
    await cluster.until('it has sent them all away', () => clients.every(({ closed }) => closed));
    for (const [index, client] of clients.entries()) {
      assert.equal(client.error, null);
      assert.deepEqual(newsOf(client, heard[index]), [], `client ${index} heard afterwards`);
    }
  });
});
