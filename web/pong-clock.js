/**
 * The server's time as a client has to name it: which step is "now", so that an input named with it arrives before the server
 * computes it (docs/protocol.md §2c). Learns from ping/pong. Pure: every time is passed in, ms of one clock that never goes back.
 */

import { STEPS_PER_SECOND } from './pong-simulation.js';

export const STEPS_PER_MS = STEPS_PER_SECOND / 1000;

const PING_EVERY_MS = 5000;
/** A game should start well: the first samples come quickly, and so do those after a sign that the estimate is wrong. */
const FIRST_PINGS_MS = [0, 60, 120, 200, 300, 450, 700, 1500];
const AGAIN_PINGS_MS = [0, 150, 350];
const ASK_EVERY_MS = 1000;
/** Who has been in doubt keeps asking this often until it is known again. */
const DOUBT_EVERY_MS = 400;
/** The server computes two steps at a time, so what it last computed is on average one step old. */
const BURST_STEPS = 1;
const MARGIN_MIN = 2;
const MARGIN_MAX = 6;
const MARGIN_PER_JITTER = 2.5;
const RAISE = 1.5;
const RAISE_MAX = 8;
const LOWER_PER_MS = 0.1 / 1000;
const JITTER_AT_FIRST_MS = 8;
const JITTER_MAX_MS = 60;
const RECENT = 9;
const GAIN = 0.2;
/** Farther off than this a sample is no noise: the server stood still, or is too slow, or this clock stood still. */
const JUMP_STEPS = 8;

/** Estimates the server's step, the round trip and its jitter. */
export class StepClock {
  #origin = 0;
  #count = 0;
  #recent = [];
  #rtt = 0;
  #jitter = JITTER_AT_FIRST_MS;
  #raise = 0;
  #raisedAt = 0;
  #pings = [];
  #askedAt = -Infinity;
  #doubtedAt = null;

  /**
   * Forgets everything and begins to ask, for a new connection.
   * @param {number} now
   */
  reset(now) {
    this.#count = 0;
    this.#recent = [];
    this.#jitter = JITTER_AT_FIRST_MS;
    this.#raise = 0;
    this.#askedAt = now;
    this.#doubtedAt = null;
    this.#pings = FIRST_PINGS_MS.map((ms) => now + ms);
  }

  /** @returns {boolean} whether anything is known */
  get isReady() {
    return this.#count > 0;
  }

  /** @returns {boolean} whether the server has shown that the estimate is wrong, and has not been asked since */
  get isInDoubt() {
    return this.#doubtedAt !== null;
  }

  /** @returns {number} round trip, ms */
  get rtt() {
    return this.#rtt;
  }

  /** @returns {number} how far round trips are from it on average, ms */
  get jitter() {
    return this.#jitter;
  }

  /**
   * @param {number} now
   * @returns {boolean} whether a ping is to be sent now; the next one is then due later
   */
  takePing(now) {
    if (this.#pings.length === 0 || now < this.#pings[0]) return false;
    while (this.#pings.length && this.#pings[0] <= now) this.#pings.shift();
    if (this.#pings.length === 0) this.#pings.push(now + (this.isInDoubt ? DOUBT_EVERY_MS : PING_EVERY_MS));
    return true;
  }

  /**
   * Takes an answer to a ping.
   * @param {number} sentAt
   * @param {number} receivedAt
   * @param {number} step that the server had last computed when the ping arrived
   */
  sample(sentAt, receivedAt, step) {
    const rtt = receivedAt - sentAt;
    if (!(rtt >= 0) || !Number.isFinite(step)) return;
    this.#recent.push(rtt);
    if (this.#recent.length > RECENT) this.#recent.shift();
    const usual = [...this.#recent].sort((a, b) => a - b)[this.#recent.length >> 1];
    const off = Math.min(JITTER_MAX_MS, Math.abs(rtt - usual));
    // What took much longer than usual was held up on one of its two ways, and nobody knows on which.
    if (this.#count > 0 && rtt > usual + 3 * this.#jitter + 8) {
      this.#jitter += (off - this.#jitter) * 0.1;
      return;
    }
    const origin = step + BURST_STEPS - sentAt * STEPS_PER_MS;
    // How long either way took is known no better than the round trip.
    if (this.#count > 0 && Math.abs(origin - this.#origin) > JUMP_STEPS + Math.abs(rtt - usual) * STEPS_PER_MS) this.#count = 0;
    if (this.#doubtedAt !== null && sentAt >= this.#doubtedAt) this.#doubtedAt = null;
    this.#count++;
    const gain = Math.max(GAIN, 1 / this.#count);
    this.#origin += (origin - this.#origin) * gain;
    this.#rtt += (rtt - this.#rtt) * gain;
    if (this.#count > 1) this.#jitter += (off - this.#jitter) * GAIN;
  }

  /**
   * An input came too late: the lead grows, and the server is asked again.
   * @param {number} now
   */
  late(now) {
    this.#raise = Math.min(RAISE_MAX, this.#raiseAt(now) + RAISE);
    this.#raisedAt = now;
    this.#pings = AGAIN_PINGS_MS.map((ms) => now + ms);
  }

  /**
   * The estimate may be wrong: the server is asked again.
   * @param {number} now
   */
  ask(now) {
    if (now - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = now;
    this.#pings = AGAIN_PINGS_MS.map((ms) => now + ms);
  }

  /**
   * The estimate is wrong: nothing is to be named by it before an answer to a ping from now on.
   * @param {number} now
   */
  doubt(now) {
    this.#doubtedAt = now;
    this.#pings = AGAIN_PINGS_MS.map((ms) => now + ms);
  }

  /**
   * The server's step is told by a frame, too. How old that is nobody says, so it moves nothing; but one that is far behind, or
   * not computed yet, is a reason to ask.
   * @param {number} step last computed when the frame was sent
   * @param {number} now
   */
  hear(step, now) {
    if (!this.isReady) return;
    const arrival = this.#origin + now * STEPS_PER_MS;
    if (arrival - this.#rtt * STEPS_PER_MS - step > JUMP_STEPS || step > arrival) this.ask(now);
  }

  /**
   * @param {number} now
   * @returns {number} steps to be on the safe side: 2 to 6 by jitter, and more after late inputs
   */
  margin(now) {
    const byJitter = MARGIN_MIN + MARGIN_PER_JITTER * this.#jitter * STEPS_PER_MS;
    const unsure = this.#count < 4 ? 1 : 0;
    return Math.min(MARGIN_MAX, byJitter + unsure) + this.#raiseAt(now);
  }

  /**
   * For who plays: the server's step + half a round trip + margin.
   * @param {number} now
   * @returns {number} a step with its fraction
   */
  playAt(now) {
    return this.#origin + now * STEPS_PER_MS + this.margin(now);
  }

  /**
   * For who watches: the newest step of which everything has been heard by now, and of the one after it, to which it is drawn.
   * @param {number} now
   * @returns {number} a step with its fraction
   */
  watchAt(now) {
    return this.#origin + (now - this.#rtt) * STEPS_PER_MS - this.margin(now) - 1;
  }

  #raiseAt(now) {
    return Math.max(0, this.#raise - (now - this.#raisedAt) * LOWER_PER_MS);
  }
}
