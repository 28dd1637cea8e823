/**
 * Gamepads, as the same wishes as the keyboard's: a direction, yes, pause. To be asked once a frame: browsers tell their
 * buttons no other way. Numbers are those of the standard mapping. Knows nothing of the game.
 */

const [A, START, UP, DOWN, LEFT, RIGHT] = [0, 9, 12, 13, 14, 15];
/** A stick at rest is never quite in the middle; one that is held is not let go by a tremble. */
const STICK_ON = 0.45;
const STICK_OFF = 0.25;

/** Every gamepad that is there. */
export class Gamepads {
  #on;
  #direction = 0;
  #stick = 0;
  #pressed = new Set();

  /** @param {{steer: (direction: -1 | 0 | 1) => void, accept: () => void, pause: () => void}} on */
  constructor(on) {
    this.#on = on;
  }

  /** Asks the gamepads; tells what has changed. */
  poll() {
    const pads = [...(navigator.getGamepads?.() ?? [])].filter((pad) => pad?.connected);
    const direction = this.#directionOf(pads);
    if (direction !== this.#direction) {
      this.#direction = direction;
      this.#on.steer(direction);
    }
    if (this.#wasPressed(pads, A)) this.#on.accept();
    if (this.#wasPressed(pads, START)) this.#on.pause();
  }

  #directionOf(pads) {
    if (isDown(pads, UP) || isDown(pads, LEFT)) return -1;
    if (isDown(pads, DOWN) || isDown(pads, RIGHT)) return 1;
    const tilts = pads.map((pad) => pad.axes[1] ?? 0);
    const tilt = tilts.reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most), 0);
    const least = this.#stick === 0 ? STICK_ON : STICK_OFF;
    this.#stick = Math.abs(tilt) < least ? 0 : Math.sign(tilt);
    return this.#stick;
  }

  #wasPressed(pads, button) {
    const before = this.#pressed.has(button);
    const now = isDown(pads, button);
    if (now) this.#pressed.add(button);
    else this.#pressed.delete(button);
    return now && !before;
  }
}

function isDown(pads, button) {
  return pads.some((pad) => pad.buttons[button]?.pressed);
}
