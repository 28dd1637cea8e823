/**
 * The own paddle: what the player wants is shown at once and told to the server, which decides.
 * Speaks `key_event` for keys until a pointer is used; the first `paddle_position` ends that for the connection, so from then
 * on keys are told as positions, too. No page; time is passed in.
 */

const PADDLE_PX_PER_MS = 15 * 60 / 1000;
const PADDLE_TOP_MAX = 480;
const PADDLE_HALF = 60;
/** At most so many positions a second are sent: as many as the server takes note of. */
const SEND_EVERY_MS = 1000 / 30;
/** After so long without a wish of the player's the server's word is drawn near. */
const SETTLE_AFTER_MS = 150;
const SETTLE_MS = 80;
/** No network explains more than this: the server does not move the paddle as asked. */
const ASTRAY_PX = 260;

/** Own paddle of one seat. */
export class Paddle {
  /** Where it is shown: its top edge in px of the court. */
  y = 240;
  #send;
  #seat;
  #direction = 0;
  #told = 0;
  #byPosition = false;
  #target = null;
  #sentTarget = null;
  #sentAt = -Infinity;
  #idleMs = 0;

  /**
   * @param {1 | 2} seat
   * @param {(message: object) => boolean} send
   */
  constructor(seat, send) {
    this.#seat = seat;
    this.#send = send;
  }

  /** @param {-1 | 0 | 1} direction up, stop, down: the keys that are held */
  steer(direction) {
    if (direction === this.#direction) return;
    this.#direction = direction;
    this.#target = null;
    if (this.#byPosition) this.#target = this.#targetOfKeys();
    else this.#tellKeys();
  }

  /** @param {number} centreY where a pointer wants its centre, px of the court */
  drag(centreY) {
    if (!this.#byPosition) {
      this.#direction = 0;
      this.#tellKeys();
      this.#byPosition = true;
    }
    this.#target = Math.min(PADDLE_TOP_MAX, Math.max(0, centreY - PADDLE_HALF));
  }

  /** Tells a new connection what is wanted now: it knows nothing of the one before it. */
  renew() {
    this.#told = 0;
    this.#sentTarget = null;
    if (!this.#byPosition) this.#tellKeys();
  }

  /**
   * One frame.
   * @param {number} now
   * @param {number} ms since the frame before
   * @param {number} serverY where the server last had it
   * @param {boolean} frozen paddles do not move now
   */
  step(now, ms, serverY, frozen) {
    this.#tellTarget(now);
    if (frozen) {
      this.#settle(ms, serverY);
      return;
    }
    const goal = this.#byPosition ? this.#target : this.#targetOfKeys();
    const way = goal === null ? 0 : goal - this.y;
    if (Math.abs(way) > 0.5) {
      this.#idleMs = 0;
      this.y += Math.sign(way) * Math.min(Math.abs(way), PADDLE_PX_PER_MS * ms);
    } else {
      this.#idleMs += ms;
    }
    if (this.#idleMs > SETTLE_AFTER_MS || Math.abs(serverY - this.y) > ASTRAY_PX) this.#settle(ms, serverY);
  }

  #settle(ms, serverY) {
    this.y += (serverY - this.y) * (1 - Math.exp(-ms / SETTLE_MS));
  }

  #targetOfKeys() {
    if (this.#direction === 0) return this.#byPosition ? this.y : null;
    return this.#direction < 0 ? 0 : PADDLE_TOP_MAX;
  }

  #tellKeys() {
    if (this.#told === this.#direction) return;
    if (this.#told !== 0) this.#tellKey(this.#told, false);
    if (this.#direction !== 0) this.#tellKey(this.#direction, true);
    this.#told = this.#direction;
  }

  #tellKey(direction, isDown) {
    this.#send({ type: 'key_event', key: direction < 0 ? 'up' : 'down', is_down: isDown, player_number: this.#seat });
  }

  #tellTarget(now) {
    if (this.#target === null || now - this.#sentAt < SEND_EVERY_MS) return;
    const position = Math.round(this.#target);
    if (position === this.#sentTarget) return;
    if (this.#send({ type: 'paddle_position', player_number: this.#seat, position })) {
      this.#sentTarget = position;
      this.#sentAt = now;
    }
  }
}
