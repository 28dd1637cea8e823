/**
 * Plays ahead of the server: keeps the drawn time, names the steps of inputs, and says what is to be seen at any moment.
 *
 * The own paddle is drawn at the step that inputs are named with, so it moves in the same frame and the save that is seen is the
 * save that the server computes. What the opponent does is known about a round trip later. So his paddle is drawn that much in the
 * past, and the ball glides from the present at the own paddle into that past at his (local perception filters: Sharkey, Ryan,
 * Roberts 1998): what meets on the screen has met on the server. News that is later still moves what is drawn gently.
 *
 * Pure: every time is passed in, ms of one clock that never goes back; bytes to send are returned.
 */

import { StepClock, STEPS_PER_MS } from './pong-clock.js';
import { encodeInput, unwrapStep } from './pong-frames.js';
import { FINISHED, PADDLE_HEIGHT, PADDLE_Y_MAX, pongClampTarget, STEPS_OPEN, UNITS_PER_PX, RALLY, WAITING } from './pong-simulation.js';
import { BallTrack } from './pong-ball-track.js';
import { Glide } from './pong-glide.js';
import { INPUT_AHEAD_MAX } from './pong-mirror.js';

const SLEW_MAX = 0.04;
const SLEW_PER_STEP = 1 / 60;
/** Farther behind than this the estimate was wrong or the page was asleep: gliding there would take too long. */
const JUMP_STEPS = 30;
/** So far ahead the server has fallen behind: what is drawn waits for it. */
const AHEAD_STEPS = 8;
/** An input that names a step farther ahead of the estimate waits: the server takes none that is more than 30 ahead of it. */
const EARLY_MAX_STEPS = 12;
/**
 * Were the server standing still, inputs too far ahead of the step that it last told would be bad messages, and the tenth of those
 * ends the connection. So after a few of them it is asked, and without an answer no more than so many are sent.
 */
const UNSURE_ASK = 4;
const UNSURE_MAX = 8;
const REFUSALS_MS = 60_000;
/** So long after a refusal a keyframe may be the answer to it; no input was late then. */
const REFUSED_MS = 2000;
/** Beyond its round trip an input takes no longer than this, nor does the keyframe that follows a late one. */
const IN_FLIGHT_MS = 1000;
/** After so long without a frame the picture stands still. */
const SILENCE_STEPS = 200;
const INPUTS_PER_SECOND = 30;
const POINTER_EVERY_MS = 100;
/** A target as near as this to the one before is the same. */
const SAME_TARGET = 32;
const DELAY_MAX_STEPS = 25;
const DELAY_SLEW = 0.05;
const PADDLE_MIDDLE = PADDLE_HEIGHT / 2;
const PHASES = ['waiting', 'serving', 'rally', 'paused', 'finished'];

/**
 * @typedef {'waiting' | 'serving' | 'rally' | 'paused' | 'finished'} Phase
 * What is to be seen, in px of an 800 × 600 court.
 * @typedef {object} Picture
 * @property {number} ballX centre; outside the court after a miss
 * @property {number} ballY
 * @property {number} paddle1 top edge
 * @property {number} paddle2
 * @property {Phase} phase
 * @property {number | null} stepsLeft of the phase; null while only people can end it
 * @property {[number, number]} score as the server announced it
 * @property {boolean} ballMoves whether the ball has a velocity (it keeps it through a pause)
 * @property {number} step the drawn time
 */

/** One player's, or a watcher's, view of a game. */
export class Predictor {
  #mirror;
  #clock = new StepClock();
  #time = null;
  #lastNow = null;
  #heard = -Infinity;
  #asked = false;
  #score = null;
  #wish = null;
  #pending = false;
  #inputTimes = [];
  #unsure = [];
  /** The newest inputs, whose fate may be untold. */
  #sent = [];
  #refusals = [];
  #known = -Infinity;
  #pointedAt = -Infinity;
  #lateness = null;
  #delay = 0;
  #track;
  #ball = new Glide();
  #paddles = [new Glide(), new Glide()];
  #paddleTimes = [null, null];
  #picture = null;
  /** How often an input came too late. */
  lateInputs = 0;

  /** @param {import('./pong-mirror.js').Mirror} mirror */
  constructor(mirror) {
    this.#mirror = mirror;
    this.#track = new BallTrack(mirror);
  }

  /** @returns {StepClock} */
  get clock() {
    return this.#clock;
  }

  /** @returns {number} how late news of the opponent is, steps */
  get lateness() {
    return this.#lateness ?? 0;
  }

  /** @returns {{ball: number, paddle1: number, paddle2: number}} how far from the truth each is drawn, px */
  get corrections() {
    const [paddle1, paddle2] = this.#paddles.map((paddle) => paddle.off / UNITS_PER_PX);
    return { ball: this.#ball.off / UNITS_PER_PX, paddle1, paddle2 };
  }

  /**
   * A new connection: nothing is known but what the player wants.
   * @param {number} now
   */
  reset(now) {
    this.#mirror.reset();
    this.#clock.reset(now);
    this.#time = null;
    this.#heard = -Infinity;
    this.#asked = false;
    this.#score = null;
    this.#pending = this.#wish !== null;
    this.#inputTimes = [];
    this.#unsure = [];
    this.#sent = [];
    this.#refusals = [];
    this.#known = -Infinity;
    this.#lateness = null;
    this.#forgetDrawn();
  }

  /**
   * Takes a binary message.
   * @param {ArrayBuffer | Uint8Array} data
   * @param {number} now
   * @returns {import('./pong-mirror.js').Heard}
   */
  receive(data, now) {
    this.#advance(now);
    const heard = this.#mirror.receive(data);
    if (heard.kind === 'keyframe') this.#takeKeyframe(heard, now);
    else if (heard.kind === 'heartbeat') this.#heard = Math.max(this.#heard, heard.step);
    else if (heard.kind === 'update') this.#noteLateness(heard);
    if (heard.kind === 'keyframe' || heard.kind === 'heartbeat') {
      this.#known = Math.max(this.#known, heard.step);
      this.#clock.hear(heard.step, now);
    }
    return heard;
  }

  /**
   * The server has refused something, maybe an input: no more of those until its step is known again.
   * @param {number} now
   */
  refused(now) {
    this.#refusals = this.#refusals.filter((at) => now - at < REFUSALS_MS);
    this.#refusals.push(now);
    this.#clock.doubt(now);
  }

  /**
   * Takes the answer to a ping.
   * @param {number} sentAt
   * @param {number} step as the server told it
   * @param {number} now
   */
  pong(sentAt, step, now) {
    if (!this.#mirror.isReady) return;
    const whole = unwrapStep(step & 0xffff, this.#mirror.newest);
    this.#known = Math.max(this.#known, whole);
    this.#clock.sample(sentAt, now, whole);
  }

  /**
   * Scores as the server announces them; until then a foreseen point is not one.
   * @param {number} one
   * @param {number} two
   */
  announce(one, two) {
    this.#score = [one, two];
  }

  /** @returns {boolean} whether the match is over, as far as is known */
  get isFinished() {
    return this.#mirror.isReady && this.#mirror.at(Math.floor(this.#time ?? this.#mirror.base)).phase === FINISHED;
  }

  /** @returns {boolean} whether the server is to be asked for a keyframe; says so once */
  takeResync() {
    if (!this.#mirror.needsResync || this.#asked) return false;
    this.#asked = true;
    return true;
  }

  /** May be asked again: the answer to `resync` did not come. */
  forgetResync() {
    this.#asked = false;
  }

  /** @param {-1 | 1} direction up or down */
  press(direction) {
    this.#want({ kind: 'press', direction });
  }

  /** The paddle stops where it is. */
  release() {
    this.#want({ kind: 'release' });
  }

  /** @param {number} y where the paddle's middle is wanted, px */
  pointTo(y) {
    if (Number.isFinite(y)) this.#want({ kind: 'point', target: pongClampTarget(Math.round(y * UNITS_PER_PX) - PADDLE_MIDDLE) });
  }

  #want(wish) {
    this.#wish = wish;
    this.#pending = true;
  }

  /**
   * The input that is due, if any.
   * @param {number} now
   * @returns {Uint8Array | null} to be sent at once: the mirror believes that it was
   */
  takeInput(now) {
    if (!this.#pending || !this.#mirror.seat || !this.#mirror.isReady) return null;
    this.#advance(now);
    if (this.#time === null || !this.#clock.isReady || this.#clock.isInDoubt) return null;
    while (this.#inputTimes.length && now - this.#inputTimes[0] >= 1000) this.#inputTimes.shift();
    if (this.#inputTimes.length >= INPUTS_PER_SECOND) return null;
    if (this.#wish.kind === 'point' && now - this.#pointedAt < POINTER_EVERY_MS) return null;
    const step = Math.max(Math.floor(this.#time) + 1, this.#mirror.lastInput + 1, this.#heard + 1);
    if (step > Math.max(this.#clock.playAt(now), this.#heard) + EARLY_MAX_STEPS || this.#isRisky(step, now)) return null;
    const target = this.#targetAt(step);
    this.#pending = false;
    if (target === null) return null;
    if (!this.#mirror.input(step, target)) {
      this.#pending = true;
      return null;
    }
    this.#inputTimes.push(now);
    this.#unsure.push(step);
    this.#sent = [...this.#sent.slice(1 - INPUTS_PER_SECOND), { step, at: now }];
    if (this.#wish.kind === 'point') this.#pointedAt = now;
    return encodeInput(step, target);
  }

  #isRisky(step, now) {
    this.#unsure = this.#unsure.filter((sent) => sent > this.#known + INPUT_AHEAD_MAX);
    if (step <= this.#known + INPUT_AHEAD_MAX) return false;
    const allowed = Math.max(0, UNSURE_MAX - this.#refusals.filter((at) => now - at < REFUSALS_MS).length);
    if (this.#unsure.length >= Math.min(UNSURE_ASK, allowed)) this.#clock.ask(now);
    return this.#unsure.length >= allowed;
  }

  /** @returns {number | null} null when the paddle goes there anyway */
  #targetAt(step) {
    const own = this.#mirror.seat - 1;
    const { paddleY, targetY } = this.#mirror.at(step);
    switch (this.#wish.kind) {
      case 'press': {
        const target = this.#wish.direction < 0 ? 0 : PADDLE_Y_MAX;
        return target === targetY[own] ? null : target;
      }
      case 'release':
        return targetY[own] === paddleY[own] ? null : paddleY[own];
      default:
        return Math.abs(this.#wish.target - targetY[own]) < SAME_TARGET ? null : this.#wish.target;
    }
  }

  /**
   * What is to be seen at a moment, not before the one asked for last.
   * @param {number} now
   * @returns {Picture | null} null before the first keyframe
   */
  picture(now) {
    if (!this.#mirror.isReady) return null;
    const before = this.#time;
    this.#advance(now);
    const time = this.#time ?? this.#mirror.base;
    const steps = Math.max(0, time - (this.#picture?.step ?? before ?? time));
    if (this.#picture && steps === 0 && !this.#picture.isStale) return this.#picture;
    this.#slewDelay(steps);
    const frames = this.#picture ? Math.max(steps, 0.001) : 0;
    this.#picture = { ...this.#draw(time, steps, frames), ...this.#standing(time), step: time, isStale: this.#time === null };
    return this.#picture;
  }

  /**
   * What is not a position: as in a picture, without drawing one.
   * @param {number} now
   * @returns {{phase: Phase, stepsLeft: number | null, score: [number, number], ballMoves: boolean, state: import('./pong-simulation.js').Pong} | null}
   */
  standing(now) {
    if (!this.#mirror.isReady) return null;
    this.#advance(now);
    const time = this.#time ?? this.#mirror.base;
    return { ...this.#standing(time), state: this.#mirror.at(Math.floor(time)) };
  }

  #standing(time) {
    const state = this.#mirror.at(Math.floor(time));
    const score = /** @type {[number, number]} */ ([...(this.#score ?? state.score)]);
    if (this.#isUnannounced(state)) return { phase: PHASES[RALLY], stepsLeft: null, score, ballMoves: true };
    const stepsLeft = state.stepsLeft === STEPS_OPEN ? null : state.stepsLeft;
    return { phase: PHASES[state.phase], stepsLeft, score, ballMoves: state.ballVx !== 0 };
  }

  #isUnannounced({ score }) {
    return this.#score !== null && score[0] + score[1] > this.#score[0] + this.#score[1];
  }

  #draw(time, steps, frames) {
    const { seat } = this.#mirror;
    const far = seat ? 2 - seat : -1;
    const paddles = [0, 1].map((i) => this.#drawPaddle(i, i === far ? time - this.#delay : time, frames));
    const unannounced = (state) => this.#isUnannounced(state);
    const ball = this.#track.move({ time, steps, far, delay: this.#delay, unannounced });
    if (ball.isPlaced) this.#ball.jump();
    const drawn = this.#ball.move({ to: ball.at, from: ball.from, ownSpeed: ball.speed * steps, frames });
    const { x, y } = this.#track.keepOnCourt(drawn, ball.at);
    this.#ball.correct(x, y);
    return { ballX: x / UNITS_PER_PX, ballY: y / UNITS_PER_PX, paddle1: paddles[0], paddle2: paddles[1] };
  }

  #drawPaddle(i, time, frames) {
    const from = this.#paddleTimes[i] ?? time;
    this.#paddleTimes[i] = Math.max(from, time);
    const at = this.#paddleAt(i, this.#paddleTimes[i]);
    const was = this.#paddleAt(i, from);
    const drawn = this.#paddles[i].move({ to: { x: 0, y: at }, from: { x: 0, y: was }, ownSpeed: Math.abs(at - was), frames });
    return drawn.y / UNITS_PER_PX;
  }

  #paddleAt(i, time) {
    const step = Math.floor(time);
    const before = this.#mirror.at(step).paddleY[i];
    return before + (this.#mirror.at(step + 1).paddleY[i] - before) * (time - step);
  }

  #advance(at) {
    const now = Number.isFinite(at) ? at : (this.#lastNow ?? 0);
    const ms = this.#lastNow === null ? 0 : Math.max(0, now - this.#lastNow);
    this.#lastNow = this.#lastNow === null ? now : Math.max(now, this.#lastNow);
    if (!this.#clock.isReady || !this.#mirror.isReady) return;
    const plays = this.#mirror.seat !== null;
    const wanted = plays ? this.#clock.playAt(this.#lastNow) : this.#clock.watchAt(this.#lastNow);
    const limit = this.#mirror.newest + SILENCE_STEPS;
    let time = this.#time;
    if (time === null) time = wanted;
    else time += ms * STEPS_PER_MS * rateFor(wanted - time - ms * STEPS_PER_MS);
    if (wanted - time > JUMP_STEPS) time = wanted;
    if (plays) time = Math.max(time, this.#heard + 1);
    this.#time = Math.max(this.#time ?? -Infinity, Math.min(time, limit));
  }

  #takeKeyframe(heard, now) {
    this.#heard = Math.max(this.#heard, heard.step);
    this.#score = [...heard.frame.score];
    if (heard.isFirst) this.#forgetDrawn();
    else if (now - (this.#refusals.at(-1) ?? -Infinity) < REFUSED_MS) this.#pending = this.#wish !== null;
    else if (heard.ownDiffers && !this.#asked && this.#isInFlight(heard.step, now)) {
      this.lateInputs++;
      this.#clock.late(now);
    }
    this.#asked = false;
  }

  #isInFlight(step, now) {
    return this.#sent.some((input) => input.step <= step && now - input.at < IN_FLIGHT_MS + this.#clock.rtt);
  }

  #forgetDrawn() {
    this.#picture = null;
    this.#track.reset();
    this.#ball.jump();
    this.#paddles.forEach((paddle) => paddle.jump());
    this.#paddleTimes = [null, null];
  }

  /** How long after its own time the opponent's news comes: most of it is to be known when it is drawn. */
  #noteLateness({ step, frame }) {
    const { seat } = this.#mirror;
    if (!seat || this.#time === null || frame.target[2 - seat] === undefined) return;
    const late = this.#time - step + 1;
    this.#lateness ??= this.#expectedLateness();
    this.#lateness += (late - this.#lateness) * (late > this.#lateness ? 0.3 : 0.03);
  }

  #expectedLateness() {
    return this.#clock.rtt * STEPS_PER_MS + 2;
  }

  #slewDelay(steps) {
    const { seat } = this.#mirror;
    if (!seat || this.#time === null) return;
    const state = this.#mirror.at(Math.floor(this.#time));
    const lateness = (this.#lateness ?? this.#expectedLateness()) + this.#clock.jitter * STEPS_PER_MS;
    const wanted = Math.max(0, Math.min(lateness, DELAY_MAX_STEPS, this.#track.longestDelay(state)));
    if (this.#picture === null || state.phase === WAITING) this.#delay = wanted;
    else this.#delay += Math.max(-DELAY_SLEW * steps, Math.min(wanted - this.#delay, DELAY_SLEW * steps));
  }
}

function rateFor(error) {
  if (error < -AHEAD_STEPS) return 0;
  return 1 + Math.max(-SLEW_MAX, Math.min(error * SLEW_PER_STEP, SLEW_MAX));
}
