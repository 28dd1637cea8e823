// Matches whose players come back, as deployed front ends do, until they have heard the end, whatever happens to the
// game server meanwhile; and what has to hold between what was heard of one life of the server and what the next one says.
//
// No clock judges here. What had to be in the store when the server died is known from the order of events: create is
// answered once the room's row is in the store, and rows get there in the order in which they were handed over. So an
// answer that came before the server can have given up waiting for its store proves that every goal heard before the
// request was sent is there too.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { Player, Refused, arrival } from './player.mjs';
import { Rest } from './rest.mjs';

const STORE_PATIENCE_MS = 190; // an answer that waits for a store that does not keep it takes 200
const MATCH_MS = 240_000;
const GONE = [401, 404, 410]; // a room or a seat that is not there
const AWAY = [502, 503, 504]; // a game server that is not there
const MISS_SHARE = 0.65; // of the balls that a player lets through
const GAME_STATES = ['game_state', 'game_state_delta'];

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const scoresOf = (message) => [message.player_1_score, message.player_2_score];
const sum = ([one, two]) => one + two;

/** One match, from the answers of create and join to the end that all its players have heard. */
class Match {
  constructor(chronicle, seats, fields, random) {
    Object.assign(this, { chronicle, seats, random });
    const of = (number) => seats.find((seat) => seat.player_number === number);
    this.code = seats[0].room_code;
    this.winningScore = fields.winning_score;
    this.ids = [1, 2].map((number) => of(number)?.player_id ?? `bot-${fields.level}`);
    this.names = [1, 2].map((number) => of(number)?.username ?? 'Bot');
    this.begun = seats.at(-1).life; // in this life the last seat was given away
    this.life = this.begun; // the newest that was heard of
    this.lifeOfSeat = { 1: this.begun, 2: this.begun };
    this.disturbed = 0; // the newest life in which a player left by our own doing
    this.goals = []; // all that were heard: {life, order, score}
    this.scorers = new Map(); // score -> who scored, of what has not been taken back
    this.seen = null; // the newest state: {life, score, flies}
    this.rallies = 0; // how many were heard to begin
    this.over = null; // the first game_over, and its life
    this.revisited = false; // somebody came back after the end, in another life
    this.lost = false; // it never was in the store, and is gone
  }

  /** Whether its seats must be there in every life to come. */
  get isCertain() {
    const { life, order, proven } = this.seats.at(-1);
    return proven || this.life > this.begun || this.chronicle.proves(life, order);
  }

  fail(what) {
    const goals = this.goals.map(({ life, order, score }) => `life ${life} #${order} ${score.join(':')}`).join(', ');
    assert.fail(`room ${this.code}: ${what}\ngoals heard: ${goals || 'none'}; over: ${JSON.stringify(this.over)}`);
  }

  /** Goals that must be there in every life after this one. */
  safe() {
    return this.goals.filter(({ life, order }) => this.chronicle.proves(life, order));
  }

  hear(message, connection) {
    const { life, seat } = connection;
    if (GAME_STATES.includes(message.type)) {
      if (!connection.state) this.arrive(message, connection);
      if (this.lost) return;
      connection.state = { ...connection.state, ...message };
      this.seen = { life, score: scoresOf(connection.state), flies: connection.state.ball_speed_x !== 0 };
      if (this.over && life > this.over.life && connection.state.status !== 'FINISHED') this.fail('an end that was told was taken back');
    }
    if (message.type === 'game_paused') {
      if (connection.expectsRestart) assert.equal(message.reason, 'restart', `room ${this.code}`);
      connection.expectsRestart = false;
    }
    if (message.type === 'game_resumed') this.rallies += 1;
    if (message.type === 'goal_scored') this.hearGoal(message, connection);
    if (message.type === 'game_over') this.hearOver(message, life);
    if (connection.expectsRestart && ['goal_scored', 'game_resumed', 'game_over'].includes(message.type)) {
      this.fail(`seat ${seat} was not told of the restart before ${message.type}`);
    }
  }

  /** The first state that a connection is sent. */
  arrive(state, connection) {
    const { life, seat } = connection;
    const context = `room ${this.code} in life ${life}`;
    if (state.player_2_id === null && !this.isCertain) {
      this.lost = true;
      return;
    }
    assert.deepEqual([state.player_1_id, state.player_2_id], this.ids, `${context}: ids`);
    assert.deepEqual([state.player_1_username, state.player_2_username], this.names, `${context}: usernames`);
    assert.equal(state.winning_score, this.winningScore, context);
    const score = scoresOf(state);
    connection.expectsRestart = state.status === 'ONGOING' && sum(score) > 0 && life > this.lifeOfSeat[seat] && life > this.disturbed;
    this.lifeOfSeat[seat] = life;
    if (life > this.life) this.beginLife(state, score, life, context);
  }

  /** The first state that anybody is sent in a life of the server. */
  beginLife(state, score, life, context) {
    for (const goal of this.safe()) {
      if (score[0] < goal.score[0] || score[1] < goal.score[1]) {
        this.fail(`back at ${score.join(':')} in life ${life}, although ${goal.score.join(':')} had been saved in life ${goal.life}`);
      }
    }
    if (this.over) assert.deepEqual(score, scoresOf(this.over), `${context}: the score at the end`);
    if (this.chronicle.endedWell(life - 1) && this.seen?.life === life - 1 && this.seen.flies && sum(this.seen.score) === sum(score) && !this.over) {
      assert.notEqual(state.ball_speed_x, 0, `${context}: the ball that flew at the stop flies on`);
    }
    this.forgetAfter(score);
    this.assertLoser(state, score, context);
    assert.ok(state.is_paused, `${context}: nothing moves before the players are back`);
    this.life = life;
  }

  /** The goals that the server has forgotten will be played for again. */
  forgetAfter(score) {
    for (const [known] of this.scorers) {
      if (sum(known.split(':').map(Number)) > sum(score)) this.scorers.delete(known);
    }
  }

  /** Who lost the last point serves: known from the goal that led to this score, or from the only one that can have. */
  assertLoser(state, score, context) {
    if (sum(score) === 0) {
      assert.equal(state.last_loser, null, `${context}: last_loser`);
      return;
    }
    const before = [...this.scorers.keys(), '0:0'].map((known) => known.split(':').map(Number)).find((known) => sum(known) === sum(score) - 1);
    const scorer = this.scorers.get(score.join(':')) ?? (before && (score[0] > before[0] ? 1 : 2));
    if (scorer) assert.equal(state.last_loser, 3 - scorer, `${context}: last_loser at ${score.join(':')}`);
  }

  hearGoal(message, { life }) {
    const score = scoresOf(message);
    this.goals.push({ life, order: this.chronicle.tick(), score });
    if (life >= this.life) this.scorers.set(score.join(':'), message.scorer);
    this.chronicle.events.emit('goal');
  }

  hearOver(message, life) {
    const end = { winner: message.winner, reason: message.reason, player_1_score: message.player_1_score, player_2_score: message.player_2_score };
    if (this.over) {
      const { life: ignored, ...known } = this.over;
      assert.deepEqual(end, known, `room ${this.code}: two different ends`);
      return;
    }
    if (life < this.life) this.fail(`its end was told in life ${life}, and life ${this.life} went on without it`);
    this.over = { ...end, life };
    this.chronicle.events.emit('over');
  }

  /** One seat, until it has heard the end. Comes back whenever it is dropped. */
  async play(seat) {
    const { chronicle } = this;
    const until = Date.now() + MATCH_MS;
    let failures = 0;
    let heardEnd = false;
    while (!heardEnd && !this.lost && !chronicle.aborted) {
      if (Date.now() > until) this.fail(`seat ${seat.player_number} heard no end within ${MATCH_MS} ms`);
      const life = chronicle.life;
      let player;
      try {
        player = await Player.connect(chronicle.stack, seat);
        failures = 0;
      } catch (error) {
        this.refused(error, life);
        failures += 1;
        await sleep(30 + this.random() * Math.min(400, 50 * 2 ** failures)); // as web/pong-client.js, a little hastier
        continue;
      }
      heardEnd = await this.listen(player, seat, life);
    }
  }

  /** Why there is no connection. Only a seat that was given away for certain may be insisted on. */
  refused(error, life) {
    if (!(error instanceof Refused) || AWAY.includes(error.status)) return;
    if (!GONE.includes(error.status) || this.isCertain) this.fail(`refused with ${error.status} in life ${life}: ${error.text}`);
    this.lost = true;
  }

  /** Resolves, when the connection has ended, to whether the end of the match was heard. */
  async listen(player, seat, life) {
    const { chronicle } = this;
    const connection = { seat: seat.player_number, life, state: null, expectsRestart: false };
    let read = 0;
    let over = false;
    let problem = null;
    const look = () => {
      try {
        // Whose words they are is certain only if no other server can have said them.
        if (read === 0 && player.messages.length > 0 && chronicle.life !== life) {
          this.disturbed = chronicle.life;
          return true;
        }
        for (; read < player.messages.length && !over && !this.lost; read += 1) {
          this.hear(player.messages[read], connection);
          over = player.messages[read].type === 'game_over';
        }
      } catch (error) {
        problem = error;
      }
      return problem || over || player.closed || this.lost || chronicle.aborted ? true : undefined;
    };
    try {
      player.sayHello();
      this.playBadly(player);
      await player.until('end', look, MATCH_MS, true);
    } finally {
      player.rest();
      player.drop();
    }
    if (problem) throw problem;
    if (player.closed && player.closed.code !== 1006) this.fail(`seat ${seat.player_number} was closed with ${JSON.stringify(player.closed)}`);
    return over;
  }

  /** Returns some balls and lets some through. */
  playBadly(player) {
    let flight = 0;
    let misses = false;
    player.strategy = () => {
      const { ball_speed_x: speed } = player.state;
      if (Math.sign(speed) !== flight) misses = this.random() < MISS_SHARE;
      flight = Math.sign(speed);
      const y = arrival(player.state, player.number);
      if (y === null) return;
      player.moveTo(misses ? (y > 300 ? 0 : 480) : Math.round(Math.min(480, Math.max(0, y - 60 + 40 * (this.random() < 0.5 ? 1 : -1)))));
    };
    player.play();
  }
}

/** A server's lives, and the matches that go through them. */
export class Chronicle {
  constructor(stack, events) {
    Object.assign(this, { stack, events });
    this.rest = new Rest(stack);
    this.life = 1; // which start of gamed is, or was last, running
    this.order = 0; // counts what happened
    this.proofs = new Map(); // life -> order up to which everything is in the store
    this.proofCount = 0;
    this.probed = null; // the room of the newest proof
    this.matches = [];
    this.aborted = false;
  }

  tick() {
    this.order += 1;
    return this.order;
  }

  prove(life, order) {
    this.proofs.set(life, Math.max(order, this.proofs.get(life) ?? 0));
    this.proofCount += 1;
  }

  /** Whether that life was asked to end and did so in peace. */
  endedWell(life) {
    return this.proofs.get(life) === Infinity;
  }

  proves(life, order) {
    return order < (this.proofs.get(life) ?? 0);
  }

  /** Ends this life of gamed. What it was asked to end with, it has saved all of. */
  async end(signal) {
    await this.stack.gamed.stop(signal);
    this.ended();
  }

  /** It has ended by what it was sent. */
  ended() {
    if (this.stack.gamed.exit.code === 0) this.prove(this.life, Infinity);
  }

  /** Begins the next. */
  begin() {
    this.life += 1;
    this.stack.gamed.start();
  }

  healthy() {
    return this.stack.until('service', async () => (await this.rest.get('/api/room/health/')).status === 200);
  }

  /** A request whose answer waits for the store: {answer, proven, life, order}; order: when the answer came. */
  async durably(request) {
    const { life } = this;
    const order = this.tick();
    const asked = performance.now();
    const answer = await request();
    const proven = answer.status < 300 && this.life === life && performance.now() - asked < STORE_PATIENCE_MS;
    if (proven) this.prove(life, order);
    return { answer, proven, life, order: this.tick() };
  }

  /** Opens a room that nobody wants, for the proof; the next time it is cancelled. */
  async probe() {
    const left = this.probed;
    this.probed = null;
    if (left) await this.rest.cancel({ room_code: left.room_code }, { token: left.seat_token });
    const { answer } = await this.durably(() => this.rest.create({}));
    if (answer.status === 201) this.probed = answer.json;
  }

  /** Both seats of a new room, or the one opposite a bot; tried again from the start when an answer is lost. */
  async takeSeats(fields, random) {
    while (!this.aborted) {
      const first = await this.durably(() => this.rest.create({ username: 'Ann', ...fields }));
      if (first.answer.status === 201 && fields.opponent) return [first];
      if (first.answer.status === 201) {
        const second = await this.durably(() => this.rest.join({ room_code: first.answer.json.room_code, username: 'Bob' }));
        if (second.answer.status === 200) return [first, second];
      }
      await sleep(30 + random() * 150);
    }
    return null;
  }

  /** Plays a match to its end; one whose seats were never certain and are lost is played again. */
  async playMatch(fields, random) {
    while (!this.aborted) {
      const taken = await this.takeSeats(fields, random);
      if (!taken) return;
      const seats = taken.map(({ answer, ...rest }) => ({ ...answer.json, ...rest }));
      const match = new Match(this, seats, fields, random);
      this.matches.push(match);
      await Promise.all(seats.map((seat) => match.play(seat)));
      if (!match.lost) return;
      this.matches.splice(this.matches.indexOf(match), 1);
    }
  }

  /** Who comes back after an end that was told in an earlier life hears it again. */
  async revisit() {
    const ended = this.matches.filter(({ over, revisited }) => over && over.life < this.life && !revisited);
    for (const match of ended) match.revisited = true;
    await Promise.all(ended.map((match) => match.play(match.seats[0])));
  }

  /** Runs tasks side by side; the first failure ends the others too. */
  async together(tasks) {
    const guarded = tasks.map((task) => task.catch((error) => {
      this.aborted = true;
      this.events.emit('over');
      this.events.emit('goal');
      this.stack.closePlayers();
      throw error;
    }));
    const outcomes = await Promise.allSettled(guarded);
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Each match that ended has exactly one record, which says what its players saw. */
  assertRecords(management) {
    for (const { code, over, ids } of this.matches) {
      const records = management.recordsOf(code);
      assert.equal(records.length, 1, `room ${code}: recorded ${records.length} times: ${records.map(({ body }) => body).join(' ')}`);
      const [{ json, headers }] = records;
      assert.equal(headers['idempotency-key'], json.match_id);
      assert.deepEqual(
        [json.player_1_id, json.player_2_id, json.player_1_score, json.player_2_score, json.reason, json.winner_id],
        [...ids, over.player_1_score, over.player_2_score, over.reason, over.winner === null ? null : ids[over.winner - 1]],
        `room ${code}: what was recorded is not what was seen`,
      );
      const bodies = new Set(management.attemptsOf(code).map(({ body }) => body));
      assert.equal(bodies.size, 1, `room ${code}: different bytes were posted: ${[...bodies].join(' ')}`);
    }
  }
}
