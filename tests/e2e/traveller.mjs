// Matches whose players follow them from one game server to another, as deployed front ends do, and how long that took
// them. Must not know which server has which match, nor why a connection ended.
//
// Of the times: a `gap` is what a player misses of a ball that flies: from the last word of the old connection to the
// first of the new one; how long a match stands still is no more than the shortest that its two players had. An `absence`
// is from the end of the old connection to the first word of the new one.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { Player, Refused, arrival } from './player.mjs';
import { Rest } from './rest.mjs';

const GROUPS = 5; // of matches that are opened
const LOOKED_AGAIN_MS = 300; // api-fcgi looks four times a second

const AWAY = [502, 503, 504];
const PATIENT_MS = 1_000; // between two attempts of a deployed front end, …
const PATIENT_ATTEMPTS = 5; // … which then gives up
const HASTY_MS = 30;
const MATCH_MS = 240_000;
const MISS_SHARE = 0.65; // of the balls that a player lets through

const scoresOf = (message) => [message.player_1_score, message.player_2_score];
const sum = ([one, two]) => one + two;

/** One of the two seats of a match, through all its connections. */
class Traveller {
  constructor(match, seat) {
    Object.assign(this, { match, seat });
    this.gaps = []; // ms
    this.absences = []; // ms
    this.moves = 0; // connections after the first
    this.over = null;
    this.best = [0, 0]; // the score that was heard last
    this.isFlying = false;
    this.heardAt = 0;
    this.backAt = 0; // performance.now() at the first word of the connection that is open, or was last
    this.mayForget = false; // the next score may be the one before the last
  }

  fail(what) {
    assert.fail(`room ${this.match.code}, seat ${this.seat.player_number}: ${what}`);
  }

  async travel() {
    const until = Date.now() + MATCH_MS;
    let attempts = 0;
    let closedAt = 0;
    while (!this.over && !this.match.site.aborted) {
      if (Date.now() > until) this.fail(`heard no end within ${MATCH_MS} ms`);
      let player;
      try {
        player = await Player.connect(this.match.site.stack, this.seat);
      } catch (error) {
        if (error instanceof Refused && !AWAY.includes(error.status)) this.fail(`refused with ${error.status}: ${error.text}`);
        attempts += 1;
        if (this.match.isPatient && attempts >= PATIENT_ATTEMPTS) this.fail(`refused ${attempts} times, a second apart: gives up`);
        await sleep(this.match.isPatient ? PATIENT_MS : HASTY_MS);
        continue;
      }
      attempts = 0;
      await this.stay(player, closedAt);
      closedAt = performance.now();
      if (!this.over && this.match.isPatient) await sleep(PATIENT_MS);
    }
  }

  /** Until the connection ends, or the match. */
  async stay(player, closedAt) {
    const { site } = this.match;
    let read = 0;
    let problem = null;
    const look = () => {
      try {
        for (; read < player.messages.length; read += 1) this.hear(player.messages[read], read === 0, closedAt);
      } catch (error) {
        problem = error;
      }
      if (player.messages.length > 0) this.isFlying = player.state.ball_speed_x !== 0 && player.state.is_paused === false;
      return problem || this.over || player.closed || site.aborted ? true : undefined;
    };
    player.sayHello();
    this.playBadly(player);
    await player.until('end', look, MATCH_MS, true);
    player.rest();
    player.drop();
    if (problem) throw problem;
    if (player.closed && player.closed.code !== 1006 && !this.over) this.fail(`closed with ${JSON.stringify(player.closed)}`);
  }

  hear(message, isFirst, closedAt) {
    const now = performance.now();
    if (isFirst && closedAt) {
      this.moves += 1;
      this.backAt = now;
      this.mayForget = this.match.site.isUnsaved(this.match.code);
      this.absences.push(now - closedAt);
      if (this.isFlying) this.gaps.push(now - this.heardAt);
    }
    this.heardAt = now;
    if (message.player_1_score !== undefined && message.player_2_score !== undefined) this.hearScore(scoresOf(message), message.type);
    if (message.type === 'game_over') this.over = message;
  }

  /** A score is never taken back, and nobody gets two points for one goal; but who dies may take his last goal with him. */
  hearScore(score, type) {
    const [before, after] = [sum(this.best), sum(score)];
    const forgets = this.mayForget && before - after === 1 && score.every((points, index) => points <= this.best[index]);
    this.mayForget = false;
    if (forgets) {
      this.match.goals.delete(before);
      this.match.site.forgotten += 1;
      this.best = score;
      return;
    }
    if (after < before || score.some((points, index) => points < this.best[index])) this.fail(`${score.join(':')} after ${this.best.join(':')}`);
    if (type === 'goal_scored') {
      const known = this.match.goals.get(after);
      if (known && known !== score.join(':')) this.fail(`goal ${after} was ${known} and is ${score.join(':')}`);
      this.match.goals.set(after, score.join(':'));
    }
    this.best = score;
  }

  /** Returns some balls and lets some through; all once the site wants matches to end. */
  playBadly(player) {
    const { site } = this.match;
    let flight = 0;
    let misses = false;
    player.strategy = () => {
      const { ball_speed_x: speed } = player.state;
      if (Math.sign(speed) !== flight) misses = Math.random() < (site.isEnding ? 1 : MISS_SHARE);
      flight = Math.sign(speed);
      const y = arrival(player.state, player.number);
      if (y === null) return;
      player.moveTo(misses ? (y > 300 ? 0 : 480) : Math.round(Math.min(480, Math.max(0, y - 60 + (Math.random() < 0.5 ? 40 : -40)))));
    };
    player.play();
  }
}

class TravellingMatch {
  constructor(site, answers, isPatient) {
    Object.assign(this, { site, isPatient });
    this.code = answers[0].room_code;
    this.ids = answers.map(({ player_id: id }) => id);
    this.goals = new Map(); // how many there were -> the score
    this.travellers = answers.map((answer) => new Traveller(this, answer));
  }

  play() {
    return Promise.all(this.travellers.map((traveller) => traveller.travel()));
  }
}

/** Matches of a site, all played at once. */
export class Travels {
  constructor(stack) {
    this.stack = stack;
    this.rest = new Rest(stack);
    this.matches = [];
    this.aborted = false;
    this.isEnding = false; // from now on nobody returns a ball
    this.isUnsaved = () => false; // whether the room's server died with what it had just told
    this.forgotten = 0; // scores that were taken back by such a death
  }

  /** A room; asked for again while a slot is on its way, as that answer says. */
  async open(fields) {
    for (;;) {
      const answer = await this.rest.create(fields);
      if (answer.status !== 503 || answer.json.code !== 'slot_moving') return this.rest.ok(answer);
      await sleep(1_000 * Number(answer.headers['retry-after']));
    }
  }

  /**
   * Opens so many matches; every second one's players are as patient as deployed front ends, the others, or all, hasty. Not all
   * at once: who had the most when api-fcgi looked last gets none until it looks again.
   */
  async begin(count, fields, { allHasty = false } = {}) {
    const group = Math.ceil(count / GROUPS);
    for (let number = 0; number < count; number += 1) {
      if (number > 0 && number % group === 0) await sleep(LOOKED_AGAIN_MS);
      const first = await this.open({ username: 'Ann', ...fields });
      const second = await this.rest.ok(this.rest.join({ room_code: first.room_code, username: 'Bob' }));
      this.matches.push(new TravellingMatch(this, [first, second], !allHasty && number % 2 === 1));
    }
    this.playing = this.matches.map((match) => match.play().catch((error) => {
      this.aborted = true;
      throw error;
    }));
    this.done = Promise.all(this.playing);
    this.done.catch(() => {});
  }

  /** Every player is in his match: so many connections. */
  async everybodyIsBack(metricsOf) {
    await this.stack.until('everybody is back', async () => this.aborted || (await metricsOf()) >= 2 * this.matches.length);
  }

  all(list) {
    return this.matches.flatMap(({ travellers }) => travellers).flatMap((traveller) => traveller[list]);
  }

  /** The longest that a match stood still: what the quicker of its two players missed. Hasty ones only. */
  longestFreeze() {
    const hasty = this.matches.filter(({ isPatient, travellers }) => !isPatient && travellers.every(({ gaps }) => gaps.length > 0));
    return Math.max(0, ...hasty.map(({ travellers }) => Math.min(...travellers.map(({ gaps }) => Math.max(...gaps)))));
  }

  longestAbsence() {
    return Math.max(0, ...this.all('absences'));
  }

  /** Each match was played to its end, both players heard the same of it, and it is recorded once. */
  async assertRecords(management) {
    await management.until(() => this.matches.every(({ code }) => management.recordsOf(code).length > 0));
    for (const { code, ids, travellers } of this.matches) {
      const [one, two] = travellers.map(({ over }) => over);
      assert.equal(one.reason, 'score', `room ${code}: ended by ${one.reason}`);
      assert.deepEqual([two.winner, ...scoresOf(two)], [one.winner, ...scoresOf(one)], `room ${code}: two ends`);
      const records = management.recordsOf(code);
      assert.equal(records.length, 1, `room ${code}: recorded ${records.length} times`);
      assert.equal(new Set(management.attemptsOf(code).map(({ body }) => body)).size, 1, `room ${code}: different bytes were posted`);
      const [{ json }] = records;
      assert.deepEqual([json.player_1_id, json.player_2_id, ...scoresOf(json), json.winner_id], [...ids, ...scoresOf(one), ids[one.winner - 1]], `room ${code}`);
    }
  }
}
