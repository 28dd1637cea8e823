/**
 * The simulation, twin of gamed/pong.c: the same functions in the same order, held to it by tests/golden.
 * Same state + same inputs = same next state. Integers only; no clock, no randomness, no I/O.
 *
 * Units: positions in 1/64 px, velocities in 1/64 px per step, 60 steps a second; origin top left, y down.
 * Every division truncates toward zero, products come first. docs/protocol.md §3 is the law.
 */

export const STEPS_PER_SECOND = 60;
export const UNITS_PER_PX = 64;


export const PADDLE_WIDTH = 768;
export const PADDLE_HEIGHT = 7680;
export const PADDLE_SPEED = 960;
/** Of its top edge; the minimum is 0. */
export const PADDLE_Y_MAX = 30720;
export const PADDLE_Y_START = 15360;

export const BALL_RADIUS = 640;
export const BALL_X_START = 25600;
export const BALL_Y_START = 19200;
/** Of its centre, at the upper wall. */
export const BALL_Y_MIN = 640;
export const BALL_Y_MAX = 37760;
/** The ball's centre x when it touches paddle 1. */
export const FACE_LEFT = 1408;
export const FACE_RIGHT = 49792;
/** At or beyond: a point. */
export const OUT_LEFT = 640;
export const OUT_RIGHT = 50560;

/** |ball − paddle's centre| of a hit: half a paddle, a ball's radius. */
export const HIT_REACH = 4480;
/** |vx| and |vy| of a serve. */
export const SERVE_SPEED = 448;
/** |vx| after any number of hits. */
export const SPEED_MAX = 2304;

/** The usual countdown of a serve. */
export const SERVE_STEPS = 180;
/** The serve's velocity is set when this many steps are left. */
export const SERVE_LAUNCH_STEPS = 30;
/** Steps left of a phase that only people end. */
export const STEPS_OPEN = 0xffff;

/** The numbers are the wire's. */
export const WAITING = 0;
export const SERVING = 1;
export const RALLY = 2;
export const PAUSED = 3;
export const FINISHED = 4;

/** What a step brought about; bits of pongStep()'s return value. */
const EVENT_WALL = 1;
export const EVENT_HIT_1 = 2;
export const EVENT_HIT_2 = 4;
export const EVENT_POINT_1 = 8;
export const EVENT_POINT_2 = 16;
const EVENT_RALLY = 32;
export const EVENT_WON = 64;

/**
 * A court after a step. Index 0 is player 1, the left paddle.
 * @typedef {object} Pong
 * @property {number} step this is the state after that step
 * @property {number} ballX centre
 * @property {number} ballY
 * @property {number} ballVx
 * @property {number} ballVy
 * @property {number[]} paddleY top edges
 * @property {number[]} targetY where the top edges head for
 * @property {number[]} score
 * @property {number} phase
 * @property {number} stepsLeft of the phase; STEPS_OPEN: until somebody ends it
 * @property {number} winningScore an option of the match
 * @property {number} serveSteps an option of the match
 */

function clamp(value, low, high) {
  return value < low ? low : value > high ? high : value;
}

/**
 * @param {number} y
 * @returns {number} `y` as a target: cut to what a paddle can reach
 */
export function pongClampTarget(y) {
  return clamp(y, 0, PADDLE_Y_MAX);
}

/**
 * @param {Pong} pong
 * @returns {boolean} whether the ball has a velocity (it keeps it through a pause)
 */
export function pongBallMoves(pong) {
  return pong.ballVx !== 0;
}

function ballToRest(pong) {
  pong.ballX = BALL_X_START;
  pong.ballY = BALL_Y_START;
  pong.ballVx = 0;
  pong.ballVy = 0;
}

/**
 * A court before its match: scores 0, paddles in the middle, phase waiting.
 * @param {number} [step] where the game's clock starts
 * @param {number} [winningScore]
 * @param {number} [serveSteps]
 * @returns {Pong}
 */
export function pongInit(step = 0, winningScore = 10, serveSteps = SERVE_STEPS) {
  const pong = {
    step,
    ballX: 0,
    ballY: 0,
    ballVx: 0,
    ballVy: 0,
    paddleY: [PADDLE_Y_START, PADDLE_Y_START],
    targetY: [PADDLE_Y_START, PADDLE_Y_START],
    score: [0, 0],
    phase: WAITING,
    stepsLeft: STEPS_OPEN,
    winningScore,
    serveSteps,
  };
  pongSetPhase(pong, WAITING, STEPS_OPEN);
  return pong;
}

/**
 * Enters a phase with so many steps left; serving and waiting put the ball to rest in the middle.
 * @param {Pong} pong
 * @param {number} phase
 * @param {number} stepsLeft
 */
export function pongSetPhase(pong, phase, stepsLeft) {
  if (phase === WAITING || phase === SERVING) ballToRest(pong);
  pong.phase = phase;
  pong.stepsLeft = stepsLeft;
}

/** Rule 1: each paddle goes towards its target by at most its speed. */
function movePaddles(pong) {
  for (let i = 0; i < 2; i++) {
    const way = pong.targetY[i] - pong.paddleY[i];
    pong.paddleY[i] += clamp(way, -PADDLE_SPEED, PADDLE_SPEED);
  }
}

/**
 * @param {number} y of the ball's centre, perhaps past a wall
 * @returns {number} where it is after the wall
 */
export function mirrorAtWalls(y) {
  if (y < BALL_Y_MIN) return 2 * BALL_Y_MIN - y;
  if (y > BALL_Y_MAX) return 2 * BALL_Y_MAX - y;
  return y;
}

/** Rule 3's hit: the faster the rally, the faster the ball; who leads by more than 3 gains less. The edge gives the angle. */
function bounceOffPaddle(pong, hitter, crossingY, d) {
  let v = Math.trunc((Math.abs(pong.ballVx) * 105) / 100);
  if (pong.score[hitter] > pong.score[1 - hitter] + 3) v = Math.trunc((v * 98) / 100);
  if (v > SPEED_MAX) v = SPEED_MAX;
  const reach = clamp(d, -PADDLE_HEIGHT / 2, PADDLE_HEIGHT / 2);
  pong.ballX = hitter === 0 ? FACE_LEFT : FACE_RIGHT;
  pong.ballY = crossingY;
  pong.ballVx = hitter === 0 ? v : -v;
  pong.ballVy = Math.trunc((3 * v * reach) / (2 * PADDLE_HEIGHT)) | 0;
}

/** Rules 2 and 3: the ball's way in one step. Rule 4 is for the caller, who sees whether there was a hit. */
function moveBall(pong) {
  const x = pong.ballX;
  const vx = pong.ballVx;
  const vy = pong.ballVy;
  const x1 = x + vx;
  let y1 = pong.ballY + vy;

  let hitter = -1;
  let face = 0;
  if (vx < 0 && x > FACE_LEFT && x1 <= FACE_LEFT) {
    hitter = 0;
    face = FACE_LEFT;
  } else if (vx > 0 && x < FACE_RIGHT && x1 >= FACE_RIGHT) {
    hitter = 1;
    face = FACE_RIGHT;
  }
  if (hitter >= 0) {
    const crossingY = mirrorAtWalls(pong.ballY + Math.trunc((vy * Math.abs(face - x)) / Math.abs(vx)));
    const d = crossingY - (pong.paddleY[hitter] + PADDLE_HEIGHT / 2);
    if (Math.abs(d) <= HIT_REACH) {
      bounceOffPaddle(pong, hitter, crossingY, d);
      return hitter === 0 ? EVENT_HIT_1 : EVENT_HIT_2;
    }
  }

  let events = 0;
  if (y1 < BALL_Y_MIN || y1 > BALL_Y_MAX) {
    y1 = mirrorAtWalls(y1);
    pong.ballVy = -vy;
    events |= EVENT_WALL;
  }
  pong.ballX = x1;
  pong.ballY = y1;
  return events;
}

/** Rule 4: past a side of the court, the other player has a point, and perhaps the match. */
function countPoint(pong) {
  let scorer;
  if (pong.ballX <= OUT_LEFT) scorer = 1;
  else if (pong.ballX >= OUT_RIGHT) scorer = 0;
  else return 0;
  const events = scorer === 0 ? EVENT_POINT_1 : EVENT_POINT_2;
  pong.score[scorer] = (pong.score[scorer] + 1) & 0xff;
  ballToRest(pong);
  if (pong.score[scorer] >= pong.winningScore) {
    pongSetPhase(pong, FINISHED, STEPS_OPEN);
    return events | EVENT_WON;
  }
  pongSetPhase(pong, SERVING, pong.serveSteps);
  return events;
}

/** The countdown of a serve or a pause. What follows it is foreseen by everybody, so it belongs to the step. */
function runTimer(pong) {
  if (pong.stepsLeft === STEPS_OPEN) return 0;
  if (pong.stepsLeft > 0) pong.stepsLeft--;
  if (pong.stepsLeft > 0) return 0;
  if (pong.phase === PAUSED && !pongBallMoves(pong)) {
    pongSetPhase(pong, SERVING, pong.serveSteps);
    return 0;
  }
  pongSetPhase(pong, RALLY, STEPS_OPEN);
  return EVENT_RALLY;
}

/**
 * Computes the next step.
 * @param {Pong} pong
 * @returns {number} the EVENT_ bits of what happened in it
 */
export function pongStep(pong) {
  pong.step++;
  switch (pong.phase) {
    case RALLY: {
      movePaddles(pong);
      let events = moveBall(pong);
      if ((events & (EVENT_HIT_1 | EVENT_HIT_2)) === 0) events |= countPoint(pong);
      return events;
    }
    case SERVING:
      movePaddles(pong);
      return runTimer(pong);
    case PAUSED:
      return runTimer(pong);
    default: // waiting, finished: people may still move their paddles
      movePaddles(pong);
      return 0;
  }
}

/**
 * Makes one state equal to another. C assigns structs; here nothing is allocated either.
 * @param {Pong} to
 * @param {Pong} from
 */
export function pongCopy(to, from) {
  to.step = from.step;
  to.ballX = from.ballX;
  to.ballY = from.ballY;
  to.ballVx = from.ballVx;
  to.ballVy = from.ballVy;
  for (let i = 0; i < 2; i++) {
    to.paddleY[i] = from.paddleY[i];
    to.targetY[i] = from.targetY[i];
    to.score[i] = from.score[i];
  }
  to.phase = from.phase;
  to.stepsLeft = from.stepsLeft;
  to.winningScore = from.winningScore;
  to.serveSteps = from.serveSteps;
}
