/**
 * Turns 30 game states a second into a picture for any moment: shows the game a little in the past, between two states that
 * have arrived, along the path the ball really took; goes on by itself for a moment where the next one is late.
 * No page and no clock: arrival and display times (ms of one clock) are passed in.
 */

const COURT_WIDTH = 800;
const COURT_HEIGHT = 600;
const STEPS_PER_MS = 60 / 1000;
const UPDATE_MS = 1000 / 30;
/** A gap longer than this means that nothing changed, not that it changed slowly. */
const GAP_MS = 1.8 * UPDATE_MS;
const KEEP_STATES = 12;
const MARGIN_MIN_MS = 6;
const MARGIN_MAX_MS = 70;
const EXTRAPOLATE_MS = 90;
/** No ball comes so far within two updates: it was put somewhere else. */
const JUMP_PX = 160;
/** A clock that is off by more than this was set, it did not drift. */
const CLOCK_JUMP_MS = 1000;

/**
 * @typedef {{ballX: number, ballY: number, paddle1: number, paddle2: number}} Picture  centre and top edges, px of the court
 */

/** The last few game states and the clock that runs behind them. */
export class Motion {
  #states = [];
  #offset = null;
  #margin = 15;

  /**
   * @param {object} game the 21 keys
   * @param {number} arrivedAt
   */
  push(game, arrivedAt) {
    this.#listen(arrivedAt - game.timestamp);
    if (this.#states.at(-1)?.at > game.timestamp + CLOCK_JUMP_MS) this.#states = [];
    const last = this.#states.at(-1);
    if (last && game.timestamp <= last.at) {
      this.#states[this.#states.length - 1] = stateOf(game, last.at);
      return;
    }
    if (last && game.timestamp - last.at > GAP_MS) this.#states.push({ ...last, at: game.timestamp - UPDATE_MS });
    this.#states.push(stateOf(game, game.timestamp));
    while (this.#states.length > KEEP_STATES) this.#states.shift();
  }

  /** Forgets everything, as after a reconnect. */
  clear() {
    this.#states = [];
    this.#offset = null;
  }

  /**
   * @param {number} now
   * @returns {Picture | null} null before the first state
   */
  at(now) {
    if (this.#states.length === 0) return null;
    const time = now - this.#offset - UPDATE_MS - this.#margin;
    const after = this.#states.findIndex((state) => state.at > time);
    if (after === 0) return pictureOf(this.#states[0]);
    if (after < 0) {
      const last = this.#states.at(-1);
      return ahead(last, Math.min(time - last.at, EXTRAPOLATE_MS));
    }
    return between(this.#states[after - 1], this.#states[after], time);
  }

  /** Follows the quickest arrivals, so that only a late one looks late; the margin covers how late they are. */
  #listen(sample) {
    if (this.#offset === null || Math.abs(sample - this.#offset) > CLOCK_JUMP_MS) this.#offset = sample;
    const late = sample - this.#offset;
    this.#offset += late < 0 ? late : late * 0.01;
    const wanted = Math.min(MARGIN_MAX_MS, Math.max(MARGIN_MIN_MS, late * 1.2));
    this.#margin += (wanted - this.#margin) * (wanted > this.#margin ? 0.1 : 0.01);
  }
}

function stateOf(game, at) {
  return {
    at,
    x: game.ball_x,
    y: game.ball_y,
    vx: game.ball_speed_x,
    vy: game.ball_speed_y,
    moving: !game.is_paused,
    paddle1: game.player_1_paddle_y,
    paddle2: game.player_2_paddle_y,
    radius: game.ball_size / 2,
    face: game.paddle_width,
  };
}

function pictureOf(state) {
  return { ballX: state.x, ballY: state.y, paddle1: state.paddle1, paddle2: state.paddle2 };
}

function ahead(state, ms) {
  const picture = pictureOf(state);
  if (!state.moving) return picture;
  const near = state.face + state.radius;
  const x = state.x + state.vx * ms * STEPS_PER_MS;
  // Whether a paddle was there is for the server to say: the ball waits at its edge until it has.
  const inside = state.x >= near && state.x <= COURT_WIDTH - near;
  picture.ballX = inside ? Math.min(COURT_WIDTH - near, Math.max(near, x)) : x;
  picture.ballY = mirror(state.y + state.vy * ms * STEPS_PER_MS, state.radius);
  return picture;
}

function between(from, to, time) {
  const part = (time - from.at) / (to.at - from.at);
  return {
    ...ballBetween(from, to, time),
    paddle1: from.paddle1 + (to.paddle1 - from.paddle1) * part,
    paddle2: from.paddle2 + (to.paddle2 - from.paddle2) * part,
  };
}

function ballBetween(from, to, time) {
  const part = (time - from.at) / (to.at - from.at);
  if (Math.abs(to.x - from.x) > JUMP_PX) {
    const x = from.x + from.vx * (time - from.at) * STEPS_PER_MS;
    return { ballX: x, ballY: mirror(from.y + from.vy * (time - from.at) * STEPS_PER_MS, from.radius) };
  }
  if (from.moving && from.vx * to.vx < 0) return ballOverPaddle(from, to, time);
  if (from.moving && from.vy * to.vy < 0) {
    // Over a wall: straight to the mirrored end point, then fold the path back.
    const wall = from.vy < 0 ? from.radius : COURT_HEIGHT - from.radius;
    const unfolded = from.y + (2 * wall - to.y - from.y) * part;
    return { ballX: from.x + (to.x - from.x) * part, ballY: mirror(unfolded, from.radius) };
  }
  return { ballX: from.x + (to.x - from.x) * part, ballY: from.y + (to.y - from.y) * part };
}

function ballOverPaddle(from, to, time) {
  const plane = from.vx < 0 ? from.face + from.radius : COURT_WIDTH - from.face - from.radius;
  const total = to.at - from.at;
  const toPlane = Math.min(total, Math.max(0, (plane - from.x) / (from.vx * STEPS_PER_MS)));
  const passed = time - from.at;
  if (passed <= toPlane) {
    const y = from.y + from.vy * passed * STEPS_PER_MS;
    return { ballX: from.x + from.vx * passed * STEPS_PER_MS, ballY: mirror(y, from.radius) };
  }
  const y = mirror(from.y + from.vy * toPlane * STEPS_PER_MS, from.radius);
  const part = (passed - toPlane) / (total - toPlane);
  return { ballX: plane + (to.x - plane) * part, ballY: y + (to.y - y) * part };
}

function mirror(y, radius) {
  if (y < radius) return 2 * radius - y;
  const low = COURT_HEIGHT - radius;
  return y > low ? 2 * low - y : y;
}
