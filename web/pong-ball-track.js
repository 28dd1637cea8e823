/**
 * Where the ball is to be drawn: at the present beside the own paddle, as far in the past as the opponent's paddle where that one
 * is, and gliding from one to the other between them. Follows the true path: over walls, to the paddle's face, out of the court.
 * A ball that the opponent seems to miss waits at his face until the server has announced the point: he may have saved it.
 */

import { BALL_X_START, BALL_Y_MAX, BALL_Y_MIN, FACE_LEFT, FACE_RIGHT, mirrorAtWalls, RALLY, UNITS_PER_PX } from './pong-simulation.js';

const WAY = FACE_RIGHT - FACE_LEFT;
/** While it glides the ball flies at two thirds to three halves of its speed, and by no more px a step faster than this. */
const SOFT = 3;
const SOFT_PX = 5;
const RAMP_MIN = 60 * UNITS_PER_PX;
const OUT_FAR = 40 * UNITS_PER_PX;
/** The drawn time of the ball goes on by at most so much of a step a step, else it has jumped. */
const RATE_MAX = 1.7;
/** For so long a ball waits for the word on it; no network that can be played on is slower. */
const WAIT_MAX_STEPS = 90;
/** From a face to the end of the court the slowest ball needs fewer steps than this. */
const FACE_TO_END_STEPS = 3;
const HALVINGS = 12;
/** As near to a step's end as it gets without being in the next. */
const BEFORE_END = 1 - 2 ** -HALVINGS;

/**
 * @typedef {{x: number, y: number}} Point 1/64 px
 */

/** The drawn ball's own time. */
export class BallTrack {
  #mirror;
  #time = null;

  /** @param {import('./pong-mirror.js').Mirror} mirror */
  constructor(mirror) {
    this.#mirror = mirror;
  }

  /** Forgets what was drawn. */
  reset() {
    this.#time = null;
  }

  /**
   * @param {import('./pong-simulation.js').Pong} state
   * @returns {number} the longest delay, in steps, that a ball so fast can be brought into gently
   */
  longestDelay(state) {
    return state.ballVx === 0 ? Infinity : WAY / (Math.abs(state.ballVx) * softness(state));
  }

  /**
   * Goes on to the next picture.
   * @param {object} now
   * @param {number} now.time the own paddle's
   * @param {number} now.steps how far it is from the last one's
   * @param {number} now.far whose paddle is in the past, 0 or 1; −1: nobody's
   * @param {number} now.delay how far, in steps
   * @param {(state: import('./pong-simulation.js').Pong) => boolean} now.unannounced whether a state has a point too many
   * @returns {{at: Point, from: Point, speed: number, isPlaced: boolean}} where the ball is; where the last picture had it, as
   *   known now; its own speed a step; whether it lies in the middle, where nothing need be smooth
   */
  move({ time, steps, far, delay, unannounced }) {
    const last = Math.max(this.#time ?? time - delay, time - delay - WAIT_MAX_STEPS);
    const place = this.#placeAt(Math.min(last, time), { time, far, delay, unannounced });
    this.#time = place.moment;
    const reference = Math.min(place.moment, Math.max(last, place.moment - RATE_MAX * steps));
    const from = place.isOut ? place.outBefore(steps) : this.#shownAt(reference, { time, far, unannounced });
    return { at: place.at, from, speed: place.speed, isPlaced: place.isPlaced };
  }

  /**
   * @param {Point} drawn
   * @param {Point} truth
   * @returns {Point} what is drawn, never behind a face that the ball has not passed
   */
  keepOnCourt(drawn, truth) {
    const x = truth.x >= FACE_LEFT && truth.x <= FACE_RIGHT ? Math.max(FACE_LEFT, Math.min(drawn.x, FACE_RIGHT)) : drawn.x;
    return { x, y: Math.max(BALL_Y_MIN, Math.min(drawn.y, BALL_Y_MAX)) };
  }

  /** The first moment from `from` on that is due: its own time and the delay of its place make up the present. */
  #placeAt(from, { time, far, delay, unannounced }) {
    for (let step = Math.floor(from); ; step++) {
      const before = this.#mirror.at(step);
      const after = this.#mirror.at(step + 1);
      const low = Math.max(from, step);
      if (isPointBetween(before, after) && unannounced(after)) return this.#missed(before, step, low, { time, far, delay, unannounced });
      const due = (moment) => moment + this.#delayAt(before, after, moment - step, far, delay) >= time;
      if (due(step + 1) || step + 1 > time) {
        const moment = due(low) ? low : bisect(due, low, Math.min(step + 1, Math.max(low, time)));
        const speed = before.phase === RALLY ? Math.max(speedOf(before), speedOf(after)) : 0;
        return { moment, at: this.#shownAt(moment, { time, far, unannounced }), speed, isPlaced: before.ballVx === 0 };
      }
    }
  }

  /** The true path, but for a ball past a face that has not been given up for lost. */
  #shownAt(moment, { time, far, unannounced }) {
    const step = Math.floor(moment);
    const before = this.#mirror.at(step);
    const point = ballBetween(before, this.#mirror.at(step + 1), moment - step);
    const isSettled = (seat) => (seat === far ? !this.#isAwaited(step, unannounced) : isSettledOwn(before, step, time));
    return stopAtFaces(before, point, isSettled);
  }

  /** Whether the ball is about to be lost, as far as is known, and nobody has said so. */
  #isAwaited(step, unannounced) {
    for (let i = 1; i <= FACE_TO_END_STEPS; i++) {
      if (unannounced(this.#mirror.at(step + i))) return true;
    }
    return false;
  }

  #missed(before, step, low, { time, far, delay, unannounced }) {
    const speed = speedOf(before);
    const end = step + BEFORE_END;
    if (far === (before.ballVx < 0 ? 0 : 1)) {
      const due = (moment) => moment + this.#delayAt(before, null, moment - step, far, delay) >= time;
      const moment = due(low) ? low : due(end) ? bisect(due, low, end) : end;
      return { moment, at: this.#shownAt(moment, { time, far, unannounced }), speed, isPlaced: false };
    }
    const moment = Math.max(low, time);
    const outAt = (when) => stopAtFaces(before, outward(before, Math.max(0, when - step)), () => isSettledOwn(before, step, time));
    return { moment: Math.min(moment, end), at: outAt(moment), outBefore: (steps) => outAt(moment - steps), isOut: true, speed, isPlaced: false };
  }

  #delayAt(before, after, part, far, delay) {
    if (far < 0 || before.ballVx === 0) return 0;
    const { x } = after ? ballBetween(before, after, part) : outward(before, part);
    const ramp = Math.min(WAY, Math.max(RAMP_MIN, delay * Math.abs(before.ballVx) * softness(before)));
    const distance = Math.abs(x - (far === 0 ? FACE_LEFT : FACE_RIGHT));
    return delay * Math.max(0, 1 - distance / ramp);
  }
}

/** An input may still change the step that is being drawn, and with it a miss into a hit. */
function isSettledOwn({ ballX }, step, time) {
  return step + 1 <= time || ballX < FACE_LEFT || ballX > FACE_RIGHT;
}

function speedOf({ ballVx, ballVy }) {
  return Math.hypot(ballVx, ballVy);
}

function softness(state) {
  return Math.max(SOFT, 1 + speedOf(state) / UNITS_PER_PX / SOFT_PX);
}

function bisect(due, low, high) {
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (due(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function isPointBetween(before, after) {
  return before.phase === RALLY && after.score[0] + after.score[1] > before.score[0] + before.score[1];
}

/** The ball within a step: straight on, over a wall, or to the face of a paddle. */
function ballBetween(before, after, part) {
  if (before.phase !== RALLY || before.ballVx === 0) return { x: after.ballX, y: after.ballY };
  if (isPointBetween(before, after)) return part >= 1 ? { x: BALL_X_START, y: after.ballY } : outward(before, part);
  const way = after.ballX - before.ballX;
  if (Math.abs(way) > Math.abs(before.ballVx) || way * before.ballVx < 0) {
    return { x: before.ballX + way * part, y: before.ballY + (after.ballY - before.ballY) * part };
  }
  const x = before.ballX + way * part;
  return { x, y: mirrorAtWalls(before.ballY + (before.ballVy * (x - before.ballX)) / before.ballVx) };
}

/** On its way out, past the step in which it was missed. */
function outward(before, steps) {
  const x = Math.max(-OUT_FAR, Math.min(before.ballX + before.ballVx * steps, FACE_RIGHT + FACE_LEFT + OUT_FAR));
  return { x, y: Math.max(BALL_Y_MIN, Math.min(mirrorAtWalls(before.ballY + (before.ballVy * (x - before.ballX)) / before.ballVx), BALL_Y_MAX)) };
}

/** A ball that is past a face stops there as long as it is not settled that it was missed. */
function stopAtFaces(before, point, isSettled) {
  const seat = point.x < FACE_LEFT ? 0 : point.x > FACE_RIGHT ? 1 : -1;
  if (seat < 0 || before.ballVx === 0 || isSettled(seat)) return point;
  const face = seat === 0 ? FACE_LEFT : FACE_RIGHT;
  return { x: face, y: mirrorAtWalls(before.ballY + (before.ballVy * (face - before.ballX)) / before.ballVx) };
}
