/**
 * The keyboard and the pointer, as wishes: a direction, a place, serve, pause. Knows nothing of the game.
 */

const DIRECTION_OF = { w: -1, s: 1, arrowup: -1, arrowdown: 1, arrowleft: -1, arrowright: 1 };

/** Listens to the keyboard: W and S or arrows move, space serves, P pauses, M is for the sound. */
export class Keys {
  #on;
  #held = new Map();
  #listening = null;

  /** @param {{steer: (direction: -1 | 0 | 1) => void, serve: () => void, pause: () => void, sound: () => void}} on */
  constructor(on) {
    this.#on = on;
  }

  /** Starts to listen. */
  start() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    addEventListener('keydown', (event) => this.#down(event), { signal });
    addEventListener('keyup', (event) => this.#up(event), { signal });
    addEventListener('blur', () => this.release(), { signal });
    document.addEventListener('visibilitychange', () => document.hidden && this.release(), { signal });
  }

  /** Stops listening and lets go of every key. */
  stop() {
    this.#listening?.abort();
    this.release();
  }

  /** Takes every key for released: their release will not be seen in this window. */
  release() {
    if (this.#held.size === 0) return;
    this.#held.clear();
    this.#on.steer(0);
  }

  #down(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input, textarea, select')) return;
    const name = nameOf(event);
    const direction = DIRECTION_OF[name];
    if (direction) {
      event.preventDefault();
      this.#held.set(event.code, direction);
      this.#on.steer(direction);
    } else if (name === ' ' && !event.target.closest?.('button, a')) {
      event.preventDefault();
      if (!event.repeat) this.#on.serve();
    } else if (name === 'p' && !event.repeat) {
      this.#on.pause();
    } else if (name === 'm' && !event.repeat) {
      this.#on.sound();
    }
  }

  #up(event) {
    if (!this.#held.delete(event.code)) return;
    this.#on.steer([...this.#held.values()].at(-1) ?? 0);
  }
}

/** The letter on the key; on a keyboard without Latin letters, the one in its place. */
function nameOf(event) {
  if (event.code.startsWith('Key') && !/^[a-z]$/i.test(event.key)) return event.code.slice(3).toLowerCase();
  return event.key.toLowerCase();
}

/** A mouse that was only bumped does not take the paddle from the keys. */
const MOUSE_MIN_PX = 4;

/** Listens to a finger or a pressed mouse anywhere on an element, buttons excepted, and to a mouse that moves over its court. */
export class Pointer {
  #element;
  #court;
  #onMove;
  #id = null;
  #mouse = null;
  #listening = null;

  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} court
   * @param {(clientX: number, clientY: number) => void} onMove
   */
  constructor(element, court, onMove) {
    this.#element = element;
    this.#court = court;
    this.#onMove = onMove;
  }

  /** Starts to listen. */
  start() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#element.addEventListener('pointerdown', (event) => this.#down(event), { signal });
    this.#element.addEventListener('pointermove', (event) => this.#move(event), { signal });
    for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) {
      this.#element.addEventListener(type, (event) => this.#up(event), { signal });
    }
  }

  /** Stops listening. */
  stop() {
    this.#listening?.abort();
    this.#id = null;
    this.#mouse = null;
  }

  #down(event) {
    if (this.#id !== null || event.button !== 0 || event.target.closest('button, a, input')) return;
    this.#id = event.pointerId;
    this.#element.setPointerCapture(event.pointerId);
    this.#onMove(event.clientX, event.clientY);
  }

  #move(event) {
    if (event.pointerId === this.#id) this.#onMove(event.clientX, event.clientY);
    else if (event.pointerType === 'mouse' && this.#hovers(event)) this.#onMove(event.clientX, event.clientY);
  }

  /** The first place is where the mouse has been left; screens that change under it tell of it, too. */
  #hovers({ target, clientX, clientY }) {
    const before = this.#mouse;
    const way = before ? Math.hypot(clientX - before.x, clientY - before.y) : 0;
    if (!before || way >= MOUSE_MIN_PX) this.#mouse = { x: clientX, y: clientY };
    return way >= MOUSE_MIN_PX && this.#court.contains(target) && !target.closest('button');
  }

  #up(event) {
    if (event.pointerId === this.#id) this.#id = null;
  }
}
