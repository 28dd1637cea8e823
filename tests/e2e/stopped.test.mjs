// A game server that is stopped for longer than its leases, with clients whose connections stay open, and then goes on
// as if nothing had happened: others have its games by then. It has to find that out before it says a word to anybody or
// writes a letter into them.
//
// Players whose connections lead nowhere are back within 10 s (nginx gives a silent game server up after 7): always measured and
// told; asserted as it is in full runs, three times as generous elsewhere.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { noRedis, useCluster } from './cluster.mjs';
import { counted, keepOpen, newsOf } from './listener.mjs';
import { BINARY } from './player.mjs';
import { CLOSE } from './raw-socket.mjs';
import { skipFor } from './requirement.mjs';
import { Travels } from './traveller.mjs';
import { UserManagement } from './user-management.mjs';

const FULL = Boolean(process.env.PONG_TEST_FULL);
const MATCHES = 12;
const BACK_MS = 10_000 * (FULL ? 1 : 3);
const SOME_PLAY_MS = 2_000;
const TAKEOVER_MS = 60_000;
const ALONE_MS = 700;
const AFTERWARDS_MS = 2_000; // how long it is listened to after it has let go
const VICTIM = 2;
const MOVED = 4001;
const WRITES = /"(?:SET|PEXPIRE|HSET|HDEL|DEL|ZADD|ZREM|INCR)"/i;

/** Whether no thread of the process runs any more: a signal that was sent is not taken yet. */
function standsStill(pid) {
  const states = readdirSync(`/proc/${pid}/task`).map((task) => {
    const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2];
  });
  return states.every((state) => state === 'T');
}

/**
 * The commands by which something is written under one of the claims, but for what an instance says of itself: lines of
 * MONITOR; a script's own follow it.
 */
function writesUnder(claims, lines) {
  let isTheirs = false;
  return lines.filter((line) => {
    if (!/\[\d+ lua\]/.test(line)) isTheirs = claims.some((claim) => line.includes(claim));
    else if (isTheirs) return WRITES.test(line) && !line.includes('"{pong}:instances"');
    return false;
  });
}

describe('a game server that was stopped', { skip: skipFor(noRedis) }, () => {
  const management = new UserManagement();
  const env = { PONG_SERVE_STEPS: '60', PONG_LOG_LEVEL: 'info' };
  before(async () => {
    await management.start();
    env.USER_MANAGEMENT_URL = management.url;
  });
  after(() => management.stop());
  const cluster = useCluster({ env });

  /** A room of the victim's that no Travels plays. */
  async function roomOfVictim(travels, home) {
    for (;;) {
      const first = await travels.open({ username: 'Kim' });
      const second = await travels.rest.ok(travels.rest.join({ room_code: first.room_code, username: 'Lee' }));
      if (first.room_code.startsWith(home)) return [first, second];
    }
  }

  test('for longer than its leases says nothing to clients that stayed, and writes nothing', async (context) => {
    const travels = new Travels(cluster);
    await travels.begin(MATCHES, { winning_score: 5 });
    const [home] = await cluster.slotsOf(VICTIM);
    const struck = travels.matches.filter(({ code }) => code.startsWith(home));
    assert.ok(struck.length > 0, 'some of the matches are the victim\'s');
    const seats = await roomOfVictim(travels, home);
    const { listen } = cluster.places[VICTIM - 1];
    const clients = await Promise.all([
      ...seats.map((seat, index) => ({
        code: seat.room_code, token: seat.seat_token, number: seat.player_number, protocol: index === 0 ? BINARY : undefined,
      })),
      ...struck.flatMap(({ code }) => [{ code }, { code, protocol: BINARY }]), // spectators
    ].map((client) => keepOpen(listen, client)));
    await sleep(SOME_PLAY_MS);
    for (const { reader } of clients) assert.ok(reader.frames.length > 0, 'each client was sent something');
    const claims = Object.values((await cluster.look()).instances.find(({ i }) => i === VICTIM).slots);
    assert.equal(claims.length, 1);

    travels.isUnsaved = (code) => code.startsWith(home);
    const stoppedAt = performance.now();
    cluster.gamedAt(VICTIM).signal('SIGSTOP');
    await cluster.until('it stands still', () => standsStill(cluster.gamedAt(VICTIM).pid));
    const heard = await counted(clients);
    await cluster.until('another has its slot', async () => ![0, VICTIM].includes(await cluster.ownerOf(home)), TAKEOVER_MS);
    const tookMs = Math.round(performance.now() - stoppedAt);
    const players = struck.flatMap(({ travellers }) => travellers).filter(({ over }) => !over);
    await cluster.until('everybody is back', () => travels.aborted || players.every(({ backAt, over }) => over || backAt > stoppedAt));
    assert.ok(clients.every(({ closed }) => !closed), 'who is connected straight to it still is');

    const lines = [];
    const endMonitor = await cluster.redis.monitor((line) => lines.push(line));
    cluster.redis.pause(); // nobody can tell it: it has its clock alone, for less time than costs the others anything
    cluster.gamedAt(VICTIM).signal('SIGCONT');
    await sleep(ALONE_MS);
    const alone = clients.map(({ reader }) => reader.frames.length);
    cluster.redis.resume();
    assert.deepEqual(alone, heard, 'what clients had heard before the stop, and now');
    await cluster.until('it has sent them all away', () => clients.every(({ closed }) => closed));
    await sleep(AFTERWARDS_MS);
    endMonitor();
    let givenUp = 0;
    for (const [index, client] of clients.entries()) {
      assert.equal(client.error, null);
      const news = newsOf(client, heard[index]);
      if (client.protocol === BINARY && news.length === 0) givenUp += 1;
      else assert.deepEqual(news, client.protocol === BINARY ? [[CLOSE, MOVED]] : [], `client ${index} (${client.protocol ?? 'v1'}) heard after the stop`);
    }
    assert.ok(givenUp <= 1, `of one room at most, in the midst of whose frames it was stopped, is somebody of v2 given up without a word: ${givenUp}`);
    assert.ok(lines.some((line) => claims.some((claim) => line.includes(claim))), 'it has asked for its lease');
    assert.deepEqual(writesUnder(claims, lines), [], 'it has written under its old claim');
    assert.ok(writesUnder(Object.values((await cluster.look()).leases), lines).length > 0, 'the others\' writes are seen, so its own would be');

    const back = players.filter(({ backAt }) => backAt > stoppedAt).map(({ backAt }) => Math.round(backAt - stoppedAt)).sort((a, b) => a - b);
    await cluster.until('it has a home again', async () => (await cluster.slotsOf(VICTIM)).length > 0, TAKEOVER_MS);
    travels.isEnding = true;
    await travels.done;
    await travels.assertRecords(management);
    context.diagnostic(`taken over after ${tookMs} ms; players back after ${back[0]} to ${back.at(-1)} ms; ${travels.forgotten} scores were taken back`);
    assert.ok(back.at(-1) <= BACK_MS, `the last was back after ${back.at(-1)} ms`);
  });
});
