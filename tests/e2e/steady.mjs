// A seat that is played until the end of its match was heard, by either protocol, whatever becomes of the connection: who is
// dropped, or hears nothing for four seconds, comes back, as web/pong-client.js does. Notes what was heard, and when.
// Must not know why a connection ends: that is what each test is about.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { BINARY, Player, Refused } from './player.mjs';

const SILENCE_MS = 4_000;
const LOOK_MS = 200;
const MATCH_MS = 180_000;
const AWAY = [502, 503, 504]; // a game server that is not there, or a ticket that it does not know
const NEWS = ['game_paused', 'game_resumed', 'goal_scored', 'game_over'];

/** Resolves when the player hears something or is closed, or a little later. */
function newsOf(player) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      player.off('heard', done).off('closed', done);
      resolve();
    };
    const timer = setTimeout(done, LOOK_MS);
    player.once('heard', done).once('closed', done);
  });
}

export class Steady {
  /**
   * `seat`: the answer of create or join. `wins`: returns every ball; without it none, or on pong.v2.bin those that meet its
   * paddle. `keepsOld`: a connection on which nothing comes is left open, and what comes on it after all is noted in `late`.
   */
  constructor(stack, seat, { protocol, wins = false, keepsOld = false } = {}) {
    Object.assign(this, { stack, seat, protocol, wins, keepsOld });
    this.news = []; // {at, connection, message}: all but states, in order
    this.connections = 0; // how many were opened
    this.heardOn = 0; // the newest connection on which anything came
    this.moves = 0; // how often the game was heard of again, on another connection
    this.late = []; // {connection, heardOn, message}: what came on an older connection than that
    this.lastHeard = null;
    this.longestGap = 0; // ms between two signs of life, over all connections
    this.ended = []; // {player, why}: connections that are not listened to any more
    this.given = false; // up
    this.over = null;
  }

  /** News of a type since that index of news. */
  all(type, from = 0) {
    return this.news.slice(from).filter(({ message }) => message.type === type);
  }

  hear(message, connection) {
    const at = performance.now();
    if (connection < this.heardOn) {
      this.late.push({ connection, heardOn: this.heardOn, message });
      return;
    }
    if (connection > this.heardOn && this.heardOn > 0) this.moves += 1;
    this.heardOn = connection;
    if (this.lastHeard !== null) this.longestGap = Math.max(this.longestGap, at - this.lastHeard);
    this.lastHeard = at;
    if (!NEWS.includes(message.type)) return;
    this.news.push({ at, connection, message });
    if (message.type === 'game_over') this.over = message;
  }

  /** Plays to the end; resolves to game_over. */
  async play() {
    const until = performance.now() + MATCH_MS;
    this.stack.players.add(this);
    while (!this.over && !this.given) {
      assert.ok(performance.now() < until, `room ${this.seat.room_code}: no end within ${MATCH_MS} ms: ${JSON.stringify(this.news.map(({ message }) => message.type))}`);
      let player;
      try {
        player = await Player.connect(this.stack, this.seat, { protocol: this.protocol });
      } catch (error) {
        if (error instanceof Refused && !AWAY.includes(error.status)) throw error;
        await sleep(100 + Math.random() * 300);
        continue;
      }
      await this.stay(player);
    }
    this.stack.players.delete(this);
    return this.over;
  }

  /** Until the end is heard, or the connection is of no use any more. */
  async stay(player) {
    this.connections += 1;
    this.player = player;
    const connection = this.connections;
    const opened = performance.now();
    player.on('heard', (message) => this.hear(message, connection));
    for (const message of player.messages) this.hear(message, connection);
    if (this.protocol !== BINARY) player.sayHello();
    if (this.wins) player.track();
    else if (this.protocol !== BINARY) player.miss();
    const silence = () => performance.now() - Math.max(opened, this.lastHeard);
    while (!this.over && !this.given && !player.closed && silence() < SILENCE_MS) await newsOf(player);
    this.ended.push({ player, why: this.over ? 'the end was heard' : player.closed ? 'closed' : 'silence' });
    player.rest();
    if (this.over || this.given || !this.keepsOld) player.drop();
  }

  /** Ends it before its time, as the stack does with all who are connected when a test is over. */
  drop() {
    this.given = true;
    this.player?.drop();
  }
}

/**
 * Opens a match of two of them, the first of which wins: {code, seats: [Steady, Steady], ended: a promise of both ends}. By
 * default the winner has pong.v1.json and the loser pong.v2.bin.
 */
export async function steadyMatch(stack, rest, { fields = {}, protocols = [undefined, BINARY], ...options } = {}) {
  const first = await rest.ok(rest.create({ username: 'Ann', ...fields }));
  const second = await rest.ok(rest.join({ room_code: first.room_code, username: 'Bob' }));
  const seats = [first, second].map((seat, index) => new Steady(stack, seat, { protocol: protocols[index], wins: index === 0, ...options }));
  const match = { code: first.room_code, ids: [first.player_id, second.player_id], seats };
  match.ended = Promise.all(seats.map((seat) => seat.play()));
  match.ended.catch(() => {}); // it is awaited later
  return match;
}

/** Both players of each match heard the same end, and it was recorded once, with one set of bytes. */
export async function assertRecorded(matches, management, ms = 60_000) {
  await management.until(() => matches.every(({ code }) => management.recordsOf(code).length > 0), ms);
  for (const { code, ids, seats } of matches) {
    const [one, two] = seats.map(({ over }) => over);
    assert.deepEqual([two.winner, two.player_1_score, two.player_2_score], [one.winner, one.player_1_score, one.player_2_score], `room ${code}: two ends`);
    const records = management.recordsOf(code);
    assert.equal(records.length, 1, `room ${code}: recorded ${records.length} times`);
    const [{ json }] = records;
    assert.deepEqual(
      [json.player_1_id, json.player_2_id, json.player_1_score, json.player_2_score, json.reason],
      [...ids, one.player_1_score, one.player_2_score, one.reason], `room ${code}: what was recorded is not what was seen`,
    );
    assert.equal(new Set(management.attemptsOf(code).map(({ body }) => body)).size, 1, `room ${code}: different bytes were posted`);
  }
}
