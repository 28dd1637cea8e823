/**
 * The sounds of the game, made from oscillators: nothing is loaded. Silent until it is switched on, and until the person has
 * touched the page: before that a browser allows no sound. Knows no rules.
 */

const VOLUME = 0.22;
/** A ball between two close things must not become a buzz. */
const APART_S = 0.04;

/**
 * A note: frequency (Hz), start and length (s), loudness, shape.
 * @typedef {[frequency: number, at: number, length: number, loudness: number, shape: OscillatorType]} Note
 */

/** @type {Record<string, Note[]>} */
const SOUNDS = {
  wall: [[196, 0, 0.07, 0.45, 'sine']],
  own: [[523.25, 0, 0.1, 0.8, 'triangle']],
  other: [[392, 0, 0.1, 0.6, 'triangle']],
  won: [[523.25, 0, 0.12, 0.6, 'triangle'], [783.99, 0.09, 0.24, 0.7, 'triangle']],
  lost: [[311.13, 0, 0.14, 0.6, 'triangle'], [207.65, 0.11, 0.28, 0.6, 'triangle']],
  end: [[392, 0, 0.16, 0.6, 'triangle'], [523.25, 0.13, 0.16, 0.6, 'triangle'], [659.25, 0.26, 0.16, 0.6, 'triangle'], [783.99, 0.39, 0.5, 0.7, 'triangle']],
};

/** What can be heard; one for the life of the page. */
export class Sounds {
  #on;
  #context = null;
  #out = null;
  #lastAt = -Infinity;

  /** @param {boolean} on */
  constructor(on) {
    this.#on = on;
    for (const type of ['pointerdown', 'keydown']) addEventListener(type, () => this.#wake(), { passive: true });
  }

  /** @returns {boolean} */
  get isOn() {
    return this.#on;
  }

  /** @param {boolean} on */
  set isOn(on) {
    this.#on = on;
    if (on) this.#wake();
    else this.#context?.suspend();
  }

  /** @param {keyof typeof SOUNDS} name */
  play(name) {
    if (!this.#on || this.#context?.state !== 'running') return;
    const now = this.#context.currentTime;
    if (now - this.#lastAt < APART_S) return;
    this.#lastAt = now;
    for (const note of SOUNDS[name]) this.#sound(now, note);
  }

  #sound(now, [frequency, at, length, loudness, shape]) {
    const oscillator = new OscillatorNode(this.#context, { type: shape, frequency });
    const gain = new GainNode(this.#context, { gain: 0 });
    const start = now + at;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(loudness, start + 0.005);
    gain.gain.exponentialRampToValueAtTime(0.001, start + length);
    oscillator.connect(gain).connect(this.#out);
    oscillator.start(start);
    oscillator.stop(start + length + 0.02);
  }

  /** Only a key or a finger of the person's may start it. */
  #wake() {
    if (!this.#on || !globalThis.AudioContext) return;
    if (!this.#context) {
      this.#context = new AudioContext({ latencyHint: 'interactive' });
      this.#out = new GainNode(this.#context, { gain: VOLUME });
      this.#out.connect(this.#context.destination);
    }
    if (this.#context.state !== 'running') this.#context.resume();
  }
}
