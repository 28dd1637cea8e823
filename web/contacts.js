/**
 * What the ball on the screen touches, found in the pictures themselves, so that it is heard and seen when it is drawn,
 * whatever the network did. Knows the court's size and nothing else of the game.
 */

const WIDTH = 800;
const HEIGHT = 600;
/** The fastest ball travels so far in a slow display's frame: a turn nearer than this to something was a touch of it. */
const NEAR_PX = 100;
/** Farther than this between two pictures the ball was put, it did not fly. */
const PUT_PX = 150;
/** Less than this is no direction. */
const STILL_PX = 0.2;

/**
 * @typedef {{kind: 'wall' | 'paddle', player: 1 | 2 | null, x: number, y: number}} Contact
 */

/** Looks at one picture after the other. */
export class Contacts {
  /** How many times paddles have hit the ball since it was served. */
  rally = 0;
  #x = null;
  #y = null;
  #dx = 0;
  #dy = 0;

  /** The ball is not in play. */
  reset() {
    this.#x = null;
    this.#dx = 0;
    this.#dy = 0;
    this.rally = 0;
  }

  /**
   * @param {number} x the ball's centre, px of the court
   * @param {number} y
   * @returns {Contact | null} what it has touched since the picture before
   */
  see(x, y) {
    const [lastX, lastY] = [this.#x, this.#y];
    [this.#x, this.#y] = [x, y];
    if (lastX === null) return null;
    if (Math.hypot(x - lastX, y - lastY) > PUT_PX) {
      this.#dx = 0;
      this.#dy = 0;
      return null;
    }
    const turnedX = this.#turn('x', x - lastX);
    const turnedY = this.#turn('y', y - lastY);
    if (turnedX && Math.min(x, WIDTH - x) < NEAR_PX) return this.#hit(x < WIDTH / 2 ? 1 : 2, y);
    if (turnedY && Math.min(y, HEIGHT - y) < NEAR_PX) return { kind: 'wall', player: null, x, y: y < HEIGHT / 2 ? 0 : HEIGHT };
    return null;
  }

  #hit(player, y) {
    this.rally += 1;
    return { kind: 'paddle', player, x: player === 1 ? 12 : WIDTH - 12, y };
  }

  /** Whether the ball has turned round on an axis; a ball that stands keeps the direction it had. */
  #turn(axis, way) {
    if (Math.abs(way) < STILL_PX) return false;
    const before = axis === 'x' ? this.#dx : this.#dy;
    if (axis === 'x') this.#dx = way;
    else this.#dy = way;
    return before * way < 0;
  }
}
