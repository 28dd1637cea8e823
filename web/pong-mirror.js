/**
 * The game as one connection knows it: takes the server's frames and the own inputs, gives the state at any step.
 *
 * Steps the same simulation as the server and hears only what nobody could foresee (docs/protocol.md §2b). Steps up to `base`
 * are settled: no frame can change them any more. Steps after it are predicted, and computed again when a frame comes late.
 * Pure: no clock, no socket. Whatever arrives, memory and work are bounded; nothing that arrives throws.
 */

import { decodeFrame, foldedChecksum, unwrapStep } from './pong-frames.js';
import { FINISHED, pongCopy, pongInit, pongStep, SERVE_STEPS } from './pong-simulation.js';

/** An input is told at most so many steps ahead; so a step named now settles those before it by more. */
export const INPUT_AHEAD_MAX = 30;
/** So far past the newest step heard of the state is predicted; the server never stays silent for half as long. */
export const PREDICT_MAX = 300;
/** A frame that names a step farther away than this is nonsense. */
const FUTURE_MAX = 600;
/** Predicted steps and some settled ones, which are still to be drawn; a power of two. */
const RING = 512;
const UPDATES_MAX = 256;
const INPUTS_MAX = 128;
const MISMATCHES_MAX = 2;

/**
 * What a message was.
 * @typedef {object} Heard
 * @property {'keyframe' | 'update' | 'heartbeat' | 'bad'} kind bad: no frame, or one that cannot be; it changed nothing
 * @property {number} [step] the whole step
 * @property {import('./pong-frames.js').Frame} [frame]
 * @property {boolean} [isFirst] of a keyframe: nothing was known before it
 * @property {boolean} [ownDiffers] of a keyframe: the own paddle is not where it was predicted in this match, as after a late input
 */

/** A mirror of one game on the server. */
export class Mirror {
  #seat;
  #options = { winningScore: 10, serveSteps: SERVE_STEPS };
  #ring = Array.from({ length: RING }, () => pongInit());
  /** States of steps oldest … head are in the ring; base is one of them. */
  #oldest = 0;
  #head = 0;
  #base = 0;
  #newest = null;
  #updates = [];
  #inputs = [];
  #lastInput = -Infinity;
  #mismatches = 0;
  #needsResync = false;

  /** @param {{seat?: 1 | 2 | null, winningScore?: number, serveSteps?: number}} [options] seat: whose inputs are own */
  constructor({ seat = null, ...options } = {}) {
    this.#seat = seat;
    this.configure(options);
  }

  /** @param {{winningScore?: number, serveSteps?: number}} options what the match was opened with; frames do not carry it */
  configure({ winningScore = this.#options.winningScore, serveSteps = this.#options.serveSteps }) {
    if (winningScore === this.#options.winningScore && serveSteps === this.#options.serveSteps) return;
    this.#options = { winningScore, serveSteps };
    Object.assign(this.#slot(this.#base), this.#options);
    this.#head = this.#base;
  }

  /** Forgets everything, own inputs too: for a new connection. */
  reset() {
    this.#newest = null;
    this.#updates = [];
    this.#inputs = [];
    this.#lastInput = -Infinity;
    this.#mismatches = 0;
    this.#needsResync = false;
  }

  /** @returns {1 | 2 | null} */
  get seat() {
    return this.#seat;
  }

  set seat(seat) {
    if (seat === this.#seat) return;
    this.#seat = seat;
    this.#inputs = [];
    this.#head = this.#base;
  }

  /** @returns {boolean} whether a keyframe has come; before it there is no state */
  get isReady() {
    return this.#newest !== null;
  }

  /** @returns {number | null} the newest step that a frame has named */
  get newest() {
    return this.#newest;
  }

  /** @returns {number} the last settled step */
  get base() {
    return this.#base;
  }

  /** @returns {boolean} whether the server is to be asked for a keyframe: what is known is wrong */
  get needsResync() {
    return this.#needsResync;
  }

  /**
   * Takes one binary message.
   * @param {ArrayBuffer | Uint8Array} data
   * @returns {Heard}
   */
  receive(data) {
    const frame = decodeFrame(data);
    if (!frame) return this.#bad();
    if (frame.kind === 'keyframe') return this.#takeKeyframe(frame);
    if (this.#newest === null) return this.#bad();
    const step = unwrapStep(frame.step, this.#newest);
    if (step > this.#newest + FUTURE_MAX) return this.#bad();
    return frame.kind === 'heartbeat' ? this.#takeHeartbeat(frame, step) : this.#takeUpdate(frame, step);
  }

  /**
   * Notes an own input, as it is sent.
   * @param {number} step before which the own paddle turns to the target; later than the input before
   * @param {number} target 1/64 px
   * @returns {boolean} false when it cannot be: it must not be sent then
   */
  input(step, target) {
    if (this.#newest === null || !this.#seat || this.#inputs.length >= INPUTS_MAX) return false;
    if (step <= this.#base || step <= this.#lastInput || step > this.#newest + PREDICT_MAX) return false;
    this.#inputs.push({ step, target });
    this.#lastInput = step;
    this.#rewind(step);
    return true;
  }

  /** @returns {number} the step of the newest own input, −Infinity before the first */
  get lastInput() {
    return this.#lastInput;
  }

  /**
   * The state after a step: settled up to `base`, predicted after it. A step that is too far away gets the nearest one that
   * is known or can be foreseen.
   * @param {number} step
   * @returns {import('./pong-simulation.js').Pong} to be read at once: the next call may change it
   */
  at(step) {
    const wanted = Math.max(this.#oldest, Math.min(step, (this.#newest ?? this.#base) + PREDICT_MAX));
    while (this.#head < wanted) this.#advance();
    return this.#slot(wanted);
  }

  #slot(step) {
    return this.#ring[((step % RING) + RING) % RING];
  }

  #advance() {
    const next = this.#slot(this.#head + 1);
    pongCopy(next, this.#slot(this.#head));
    this.#head++;
    this.#oldest = Math.max(this.#oldest, this.#head - RING + 1);
    for (const input of this.#inputs) {
      if (input.step === this.#head) next.targetY[this.#seat - 1] = input.target;
    }
    for (const update of this.#updates) {
      if (update.step === this.#head) applyUpdate(next, update.frame);
    }
    pongStep(next);
  }

  /** Steps from `step` on are to be computed again. */
  #rewind(step) {
    this.#head = Math.max(this.#base, Math.min(this.#head, step - 1));
  }

  #settle(step) {
    if (step <= this.#base) return;
    this.at(step);
    this.#base = step;
    this.#updates = this.#updates.filter((update) => update.step > step);
    this.#inputs = this.#inputs.filter((input) => input.step > step);
  }

  #hear(step) {
    this.#newest = Math.max(this.#newest, step);
    this.#settle(this.#newest - INPUT_AHEAD_MAX);
  }

  #takeUpdate(frame, step) {
    if (step <= this.#base || this.#updates.length >= UPDATES_MAX) return this.#bad();
    this.#hear(step);
    this.#updates.push({ step, frame });
    this.#rewind(step);
    return { kind: 'update', step, frame };
  }

  #takeHeartbeat(frame, step) {
    if (step < this.#base) return this.#bad();
    this.#newest = Math.max(this.#newest, step);
    this.#settle(step);
    this.#mismatches = foldedChecksum(this.at(step)) === frame.checksum ? 0 : this.#mismatches + 1;
    if (this.#mismatches >= MISMATCHES_MAX) this.#needsResync = true;
    return { kind: 'heartbeat', step, frame };
  }

  #takeKeyframe(frame) {
    const isFirst = this.#newest === null;
    const step = isFirst ? frame.step : unwrapStep(frame.step, this.#newest);
    const ownDiffers = !isFirst && this.#ownDiffers(frame, step);
    if (isFirst || step > this.#head + 1 || step < this.#oldest) this.#oldest = step;
    this.#head = this.#base = this.#newest = step;
    const state = this.#slot(step);
    Object.assign(state, this.#options, { step, targetY: [0, 0], paddleY: [0, 0], score: [0, 0] });
    applyUpdate(state, frame);
    this.#updates = [];
    this.#inputs = this.#inputs.filter((input) => input.step > step);
    this.#mismatches = 0;
    this.#needsResync = false;
    return { kind: 'keyframe', step, frame, isFirst, ownDiffers };
  }

  #ownDiffers(frame, step) {
    if (!this.#seat || step < this.#oldest || step > this.#newest + PREDICT_MAX) return false;
    const { paddleY, targetY, phase, score } = this.at(step);
    if (phase === FINISHED && frame.phase.phase !== FINISHED) return false;
    if (frame.score[0] + frame.score[1] < score[0] + score[1]) return false;
    const own = this.#seat - 1;
    return paddleY[own] !== frame.paddle[own] || targetY[own] !== frame.target[own];
  }

  /** A server that sends such a thing and this mirror do not understand each other any more. */
  #bad() {
    if (this.#newest !== null) this.#needsResync = true;
    return { kind: 'bad' };
  }
}

function applyUpdate(state, { ball, target, paddle, score, phase }) {
  if (ball) {
    state.ballX = ball.x;
    state.ballY = ball.y;
    state.ballVx = ball.vx;
    state.ballVy = ball.vy;
  }
  for (let i = 0; i < 2; i++) {
    if (target[i] !== undefined) state.targetY[i] = target[i];
    if (paddle[i] !== undefined) state.paddleY[i] = paddle[i];
    if (score) state.score[i] = score[i];
  }
  if (phase) {
    state.phase = phase.phase;
    state.stepsLeft = phase.stepsLeft;
  }
}
