/**
 * The window as a court, behind the screens of text: two paddles at its edges that never miss. Quiet, and still for those
 * who want nothing to move. Knows nothing of the game.
 */

const SPEED_PX_PER_S = 300;
const PADDLE_PX = 96;
const PADDLE_THICK_PX = 8;
const MARGIN_PX = 14;
const BALL_RADIUS_PX = 8;
/** After a window was hidden the ball goes on from where it was. */
const FRAME_MAX_S = 0.05;

/** One for the life of the page. */
export class Backdrop {
  #canvas;
  #context;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #dark = matchMedia('(prefers-color-scheme: dark)');
  #request = 0;
  #drawnAt = 0;
  #size = [0, 0];
  /** Along the long side and across it, as parts of the way that the ball has. */
  #ball = { along: 0.03, across: 0.4, towards: 1, slope: -0.62 };
  #colours = {};

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#dark.addEventListener('change', () => this.#refresh());
    this.#calm.addEventListener('change', () => this.#refresh());
    addEventListener('resize', () => this.#refresh());
  }

  /** @param {boolean} shown */
  show(shown) {
    if (this.#canvas.hidden !== shown) return;
    this.#canvas.hidden = !shown;
    cancelAnimationFrame(this.#request);
    if (shown) this.#refresh();
  }

  #refresh() {
    if (this.#canvas.hidden) return;
    const density = devicePixelRatio || 1;
    const box = this.#canvas.getBoundingClientRect();
    this.#size = [box.width, box.height];
    this.#canvas.width = Math.round(box.width * density);
    this.#canvas.height = Math.round(box.height * density);
    const style = getComputedStyle(this.#canvas);
    this.#colours = { line: style.getPropertyValue('--line').trim(), own: style.getPropertyValue('--accent').trim() };
    cancelAnimationFrame(this.#request);
    this.#drawnAt = performance.now();
    this.#draw(this.#drawnAt);
  }

  #draw = (now) => {
    const seconds = Math.min(FRAME_MAX_S, (now - this.#drawnAt) / 1000);
    this.#drawnAt = now;
    const [width, height] = this.#size;
    const upright = height > width;
    const [long, short] = upright ? [height, width] : [width, height];
    this.#fly(seconds, long, short);
    this.#paint(upright, long, short);
    if (!this.#calm.matches) this.#request = requestAnimationFrame(this.#draw);
  };

  #fly(seconds, long, short) {
    const ball = this.#ball;
    const way = (seconds * SPEED_PX_PER_S) / (long - 2 * (MARGIN_PX + PADDLE_THICK_PX + BALL_RADIUS_PX));
    ball.along += ball.towards * way;
    ball.across += ((seconds * SPEED_PX_PER_S) / (short - 2 * BALL_RADIUS_PX)) * ball.slope;
    if (ball.along < 0 || ball.along > 1) {
      ball.along = ball.along < 0 ? -ball.along : 2 - ball.along;
      ball.towards = -ball.towards;
      // Another angle each time, without chance: a still picture is always the same.
      ball.slope = Math.sign(ball.slope) * (0.35 + ((Math.abs(ball.slope) * 7.3) % 0.5));
    }
    if (ball.across < 0 || ball.across > 1) {
      ball.across = ball.across < 0 ? -ball.across : 2 - ball.across;
      ball.slope = -ball.slope;
    }
  }

  #paint(upright, long, short) {
    const context = this.#context;
    const density = devicePixelRatio || 1;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, ...this.#size);
    // Drawn lying; upright, the own paddle is below.
    if (upright) context.transform(0, -1, 1, 0, 0, long);
    const { along, across, towards } = this.#ball;
    const y = BALL_RADIUS_PX + across * (short - 2 * BALL_RADIUS_PX);
    const free = MARGIN_PX + PADDLE_THICK_PX + BALL_RADIUS_PX;
    this.#paddle(MARGIN_PX, this.#top(y, short, towards < 0 ? along : 1), this.#colours.own);
    this.#paddle(long - MARGIN_PX - PADDLE_THICK_PX, this.#top(y, short, towards > 0 ? 1 - along : 1), this.#colours.line);
    context.fillStyle = this.#colours.line;
    context.beginPath();
    context.arc(free + along * (long - 2 * free), y, BALL_RADIUS_PX, 0, 2 * Math.PI);
    context.fill();
  }

  /** A paddle is where the ball is when it comes, and near the middle when it is away. */
  #top(y, short, away) {
    const pull = (1 - Math.min(1, Math.max(0, away))) ** 2;
    const centre = short / 2 + (y - short / 2) * (0.25 + 0.75 * pull);
    return Math.min(short - PADDLE_PX - MARGIN_PX, Math.max(MARGIN_PX, centre - PADDLE_PX / 2));
  }

  #paddle(x, top, colour) {
    const context = this.#context;
    context.fillStyle = colour;
    context.beginPath();
    context.roundRect(x, top, PADDLE_THICK_PX, PADDLE_PX, PADDLE_THICK_PX / 2);
    context.fill();
  }
}
