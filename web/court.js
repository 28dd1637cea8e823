/**
 * Draws the court on a canvas, crisp at every size and density, in the colours of the style sheet.
 * Lies on its side or stands upright with the own paddle below. Shows what it is told and knows no rules.
 */

const WIDTH = 800;
const HEIGHT = 600;
const PADDLE_WIDTH = 12;
const PADDLE_HEIGHT = 120;
const BALL_RADIUS = 10;
const TRAIL_MS = 130;
/** Farther than this between two frames the ball was put, it did not fly. */
const TRAIL_BREAK_PX = 120;
/** A ring runs from where the ball was touched … */
const RING_MS = 320;
const RING_PX = 34;
/** … and a goal lights the side that let it in. */
const GOAL_MS = 700;
const GOAL_PX = 120;
const MARKS_MAX = 8;

/**
 * @typedef {object} Frame
 * @property {number} ballX centre, px of the court
 * @property {number} ballY
 * @property {number} paddle1 top edge
 * @property {number} paddle2
 * @property {boolean} ballShown
 */

/** A court on a canvas. */
export class Court {
  #canvas;
  #context;
  #frameOf;
  #observer;
  #request = 0;
  #colours = {};
  #trail = [];
  #marks = [];
  #seat = null;
  #upright = false;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #dark = matchMedia('(prefers-color-scheme: dark)');

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(now: number) => Frame | null} frameOf what to show at a moment of performance.now()
   */
  constructor(canvas, frameOf) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#frameOf = frameOf;
    this.#observer = new ResizeObserver(([entry]) => this.#fit(entry));
  }

  /** Starts drawing, once a display frame. */
  start() {
    this.#readColours();
    this.#dark.addEventListener('change', this.#readColours);
    try {
      this.#observer.observe(this.#canvas, { box: 'device-pixel-content-box' });
    } catch {
      this.#observer.observe(this.#canvas);
    }
    this.#request = requestAnimationFrame(this.#draw);
  }

  /** Stops drawing. */
  stop() {
    cancelAnimationFrame(this.#request);
    this.#observer.disconnect();
    this.#dark.removeEventListener('change', this.#readColours);
  }

  /**
   * @param {1 | 2 | null} seat whose side is the own one
   * @param {boolean} upright whether the court stands upright
   */
  arrange(seat, upright) {
    this.#seat = seat;
    this.#upright = upright;
    this.#trail = [];
  }

  /**
   * Marks for a moment what has happened, for people who like things to move.
   * @param {'touch' | 'goal'} kind
   * @param {1 | 2 | null} player whose paddle touched, who let the goal in
   * @param {number} x px of the court
   * @param {number} y
   */
  mark(kind, player, x, y) {
    if (this.#calm.matches) return;
    this.#marks.push({ kind, player, x, y, at: performance.now() });
    if (this.#marks.length > MARKS_MAX) this.#marks.shift();
  }

  /**
   * @param {number} clientX
   * @param {number} clientY
   * @returns {number} the court's y there, px; may lie outside of it
   */
  yAt(clientX, clientY) {
    const box = this.#canvas.getBoundingClientRect();
    const part = this.#upright ? (clientX - box.left) / box.width : (clientY - box.top) / box.height;
    return part * HEIGHT;
  }

  #readColours = () => {
    const style = getComputedStyle(this.#canvas);
    const read = (name) => style.getPropertyValue(name).trim();
    this.#colours = { line: read('--line'), edge: read('--edge'), ink: read('--ink'), own: read('--accent') };
  };

  #fit(entry) {
    const exact = entry.devicePixelContentBoxSize?.[0];
    const width = pixels(entry.contentRect.width, exact?.inlineSize);
    const height = pixels(entry.contentRect.height, exact?.blockSize);
    if (width === this.#canvas.width && height === this.#canvas.height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#paint(performance.now());
  }

  #draw = (now) => {
    this.#request = requestAnimationFrame(this.#draw);
    this.#paint(now);
  };

  #paint(now) {
    const { width, height } = this.#canvas;
    const frame = this.#frameOf(now);
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.clearRect(0, 0, width, height);
    this.#lay(width, height);
    this.#drawNet();
    this.#drawMarks(now);
    if (!frame) return;
    this.#drawPaddle(0, frame.paddle1, this.#seat === 1);
    this.#drawPaddle(WIDTH - PADDLE_WIDTH, frame.paddle2, this.#seat === 2);
    if (!frame.ballShown) return;
    if (!this.#calm.matches) this.#drawTrail(frame, now);
    this.#drawBall(frame.ballX, frame.ballY);
  }

  /** Everything is drawn in px of the court, lying; this turns it the way it is shown. */
  #lay(width, height) {
    const [x, y] = this.#upright ? [height / WIDTH, width / HEIGHT] : [width / WIDTH, height / HEIGHT];
    if (!this.#upright) this.#context.setTransform(x, 0, 0, y, 0, 0);
    else if (this.#seat === 2) this.#context.setTransform(0, x, y, 0, 0, 0);
    else this.#context.setTransform(0, -x, y, 0, 0, height);
  }

  #drawNet() {
    const context = this.#context;
    context.strokeStyle = this.#colours.line;
    context.lineWidth = 2;
    context.setLineDash([10, 15]);
    context.beginPath();
    context.moveTo(WIDTH / 2, 7.5);
    context.lineTo(WIDTH / 2, HEIGHT);
    context.stroke();
    context.setLineDash([]);
  }

  #drawMarks(now) {
    this.#marks = this.#marks.filter(({ kind, at }) => now - at < (kind === 'goal' ? GOAL_MS : RING_MS));
    for (const mark of this.#marks) {
      if (mark.kind === 'goal') this.#drawGoal(mark.player, Math.max(0, now - mark.at) / GOAL_MS);
      else this.#drawRing(mark, Math.max(0, now - mark.at) / RING_MS);
    }
    this.#context.globalAlpha = 1;
  }

  #drawRing({ player, x, y }, part) {
    const context = this.#context;
    context.globalAlpha = (1 - part) ** 2;
    context.strokeStyle = player !== null && player === this.#seat ? this.#colours.own : this.#colours.edge;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, BALL_RADIUS + RING_PX * (1 - (1 - part) ** 3), 0, 2 * Math.PI);
    context.stroke();
  }

  #drawGoal(player, part) {
    const context = this.#context;
    const [edge, inner] = player === 1 ? [0, GOAL_PX] : [WIDTH, WIDTH - GOAL_PX];
    const shade = context.createLinearGradient(edge, 0, inner, 0);
    const colour = player === this.#seat ? this.#colours.own : this.#colours.edge;
    shade.addColorStop(0, colour);
    shade.addColorStop(1, `${colour}00`);
    context.globalAlpha = 0.4 * (1 - part) ** 2;
    context.fillStyle = shade;
    context.fillRect(Math.min(edge, inner), 0, GOAL_PX, HEIGHT);
  }

  #drawPaddle(x, y, own) {
    const context = this.#context;
    context.fillStyle = own ? this.#colours.own : this.#colours.ink;
    context.beginPath();
    context.roundRect(x, y, PADDLE_WIDTH, PADDLE_HEIGHT, 5);
    context.fill();
  }

  #drawTrail({ ballX, ballY }, now) {
    const last = this.#trail.at(-1);
    if (last && Math.hypot(last.x - ballX, last.y - ballY) > TRAIL_BREAK_PX) this.#trail = [];
    this.#trail.push({ x: ballX, y: ballY, at: now });
    while (this.#trail[0].at < now - TRAIL_MS) this.#trail.shift();
    if (this.#trail.length > 1) this.#fillTrail();
  }

  /** One shape that grows from a point to the ball's width, so that it has no seams. */
  #fillTrail() {
    const context = this.#context;
    const [tail, head] = [this.#trail[0], this.#trail.at(-1)];
    if (Math.hypot(head.x - tail.x, head.y - tail.y) < BALL_RADIUS) return;
    const rims = this.#trail.map((point, i) => {
      const [from, to] = [this.#trail[Math.max(0, i - 1)], this.#trail[Math.min(this.#trail.length - 1, i + 1)]];
      const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
      const half = (0.9 * BALL_RADIUS * i) / (this.#trail.length - 1) / length;
      return { x: point.x, y: point.y, dx: -(to.y - from.y) * half, dy: (to.x - from.x) * half };
    });
    context.fillStyle = this.#colours.line;
    context.beginPath();
    for (const rim of rims) context.lineTo(rim.x + rim.dx, rim.y + rim.dy);
    for (const rim of rims.reverse()) context.lineTo(rim.x - rim.dx, rim.y - rim.dy);
    context.fill();
  }

  #drawBall(x, y) {
    this.#context.fillStyle = this.#colours.ink;
    this.#context.beginPath();
    this.#context.arc(x, y, BALL_RADIUS, 0, 2 * Math.PI);
    this.#context.fill();
  }
}

/** Prefers the browser's exact count, where it is one: an emulated density leaves it out. */
function pixels(cssPixels, exact) {
  const computed = cssPixels * (devicePixelRatio || 1);
  return exact && Math.abs(exact - computed) <= 1 ? exact : Math.round(computed);
}
