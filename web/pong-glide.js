/**
 * Draws something that sometimes turns out to be elsewhere: what is wrong is worked off little by little, so that nothing on the
 * screen moves noticeably faster than it does by itself. Pure.
 */

import { UNITS_PER_PX } from './pong-simulation.js';

/** Beyond its own speed a thing may be drawn so much faster, 1/64 px a frame of 1/60 s. */
const CATCH_UP = 6.5 * UNITS_PER_PX;
const CATCH_UP_PART = 0.2;
const CATCH_UP_LEAST = 0.5 * UNITS_PER_PX;

/** One thing on the screen. */
export class Glide {
  #drawn = null;
  /** How far from the truth it is drawn, 1/64 px. */
  off = 0;

  /** The next move goes straight to where it leads. */
  jump() {
    this.#drawn = null;
    this.off = 0;
  }

  /**
   * @param {object} way
   * @param {{x: number, y: number}} way.to where it truly is
   * @param {{x: number, y: number}} way.from where it truly was at the last move, as known now
   * @param {number} way.ownSpeed how far it may have gone by itself since
   * @param {number} way.frames frames of 1/60 s since
   * @returns {{x: number, y: number}} where to draw it
   */
  move({ to, from, ownSpeed, frames }) {
    if (!this.#drawn) return (this.#drawn = { ...to });
    let offX = this.#drawn.x - from.x;
    let offY = this.#drawn.y - from.y;
    const off = Math.hypot(offX, offY);
    const spent = Math.max(0, Math.hypot(to.x - from.x, to.y - from.y) - ownSpeed);
    const most = Math.max(0, CATCH_UP * frames - spent);
    const less = Math.min(off, most, (off * CATCH_UP_PART + CATCH_UP_LEAST) * frames);
    if (off > 0) {
      offX -= (offX / off) * less;
      offY -= (offY / off) * less;
    }
    this.off = off - less;
    return (this.#drawn = { x: to.x + offX, y: to.y + offY });
  }

  /**
   * Somebody drew it elsewhere after all.
   * @param {number} x
   * @param {number} y
   */
  correct(x, y) {
    this.#drawn.x = x;
    this.#drawn.y = y;
  }
}
