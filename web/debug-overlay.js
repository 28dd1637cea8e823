/**
 * What the network does, drawn over the match for developers (`?debug=1`): the round trip, how far what is drawn is from the
 * truth, messages and bytes a second. Reads the client's statistics and changes nothing.
 */

import { byId } from './dom.js';

const SAMPLE_EVERY_MS = 100;
const SAMPLES = 240;
const WIDTH = 208;
const ROW = 46;
/** Messages and bytes are counted over so many samples. */
const WINDOW = 10;

/** The rows: a name, a unit, a value of the newest statistics and those a window ago, the least full scale. */
const ROWS = [
  { name: 'round trip', unit: 'ms', least: 50, value: (now) => now.rtt },
  { name: 'correction', unit: 'px', least: 8, value: ({ corrections: { ball, paddle1, paddle2 } }) => Math.max(ball, paddle1, paddle2) },
  { name: 'messages in', unit: '/s', least: 10, value: (now, then) => perSecond(now, then, 'messagesIn') },
  { name: 'messages out', unit: '/s', least: 10, value: (now, then) => perSecond(now, then, 'messagesOut') },
  { name: 'bytes in and out', unit: 'B/s', least: 200, value: (now, then) => perSecond(now, then, 'bytesIn') + perSecond(now, then, 'bytesOut') },
];

function perSecond(now, then, key) {
  const ms = now.at - then.at;
  return ms > 0 ? ((now[key] - then[key]) * 1000) / ms : 0;
}

/** An overlay on the match, from its making until it is removed. */
export class DebugOverlay {
  #canvas = document.createElement('canvas');
  #context = this.#canvas.getContext('2d');
  #seen = [];
  #plots = ROWS.map(() => []);

  constructor() {
    const density = devicePixelRatio || 1;
    this.#canvas.className = 'debug';
    this.#canvas.setAttribute('aria-hidden', 'true');
    this.#canvas.width = WIDTH * density;
    this.#canvas.height = ROWS.length * ROW * density;
    byId('game').append(this.#canvas);
  }

  /** Takes it away. */
  remove() {
    this.#canvas.remove();
  }

  /**
   * To be called once a frame.
   * @param {import('./pong-client.js').PongClient['statistics']} statistics
   * @param {number} now
   */
  draw(statistics, now) {
    if (now - (this.#seen.at(-1)?.at ?? -Infinity) < SAMPLE_EVERY_MS) return;
    this.#seen.push({ ...statistics, at: now });
    if (this.#seen.length > WINDOW) this.#seen.shift();
    ROWS.forEach(({ value }, i) => {
      const measured = value(this.#seen.at(-1), this.#seen[0]);
      this.#plots[i].push(Number.isFinite(measured) ? measured : 0);
      if (this.#plots[i].length > SAMPLES) this.#plots[i].shift();
    });
    this.#paint();
  }

  #paint() {
    const context = this.#context;
    const density = this.#canvas.width / WIDTH;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, WIDTH, ROWS.length * ROW);
    const style = getComputedStyle(this.#canvas);
    context.font = `12px ${style.fontFamily}`;
    context.fillStyle = style.color;
    context.strokeStyle = style.getPropertyValue('--accent').trim();
    context.lineWidth = 1.5;
    ROWS.forEach((row, i) => this.#paintRow(row, this.#plots[i], i * ROW));
  }

  #paintRow({ name, unit, least }, plot, top) {
    const context = this.#context;
    const most = Math.max(least, ...plot);
    const newest = plot.at(-1);
    context.fillText(`${name}  ${newest < 10 ? newest.toFixed(1) : Math.round(newest)} ${unit}`, 8, top + 15);
    context.beginPath();
    plot.forEach((value, x) => context.lineTo(8 + (x * (WIDTH - 16)) / (SAMPLES - 1), top + ROW - 3 - (value / most) * (ROW - 22)));
    context.stroke();
  }
}
