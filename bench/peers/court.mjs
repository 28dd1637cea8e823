// The game that the peers serve: the court of the page's own simulation (web/pong-simulation.js, twin of gamed/pong.c), and
// as much of the rules around it as gamed applies in a match that nobody pauses or leaves: who is served to, and that a
// match which was won begins anew. It must not know how it is sent.

import {
  EVENT_POINT_1, EVENT_POINT_2, EVENT_WON, SERVE_LAUNCH_STEPS, SERVE_SPEED, SERVING,
  pongClampTarget, pongInit, pongSetPhase, pongStep,
} from '../../web/pong-simulation.js';

export { STEPS_PER_SECOND, UNITS_PER_PX } from '../../web/pong-simulation.js';

export const UPDATES_PER_SECOND = 30;
const WINNING_SCORE = 21; // as pong-load asks gamed for
const SERVE_STEPS = SERVE_LAUNCH_STEPS; // half a second, as ./dev bench has gamed serve, so that nearly all of the time is play

export class Court {
  constructor() {
    /** What there is to send: see web/pong-simulation.js. */
    this.pong = pongInit(0, WINNING_SCORE, SERVE_STEPS);
    this.servesRight = true;
  }

  /** Both players are here. */
  begin() {
    this.pong.score[0] = 0;
    this.pong.score[1] = 0;
    pongSetPhase(this.pong, SERVING, SERVE_STEPS);
  }

  /**
   * A player's paddle heads for y from now on.
   * @param {number} player 0 or 1
   * @param {number} y its top edge, 1/64 px
   */
  steer(player, y) {
    this.pong.targetY[player] = pongClampTarget(Math.round(y));
  }

  step() {
    const pong = this.pong;
    if (pong.phase === SERVING && pong.stepsLeft === SERVE_LAUNCH_STEPS) {
      pong.ballVx = this.servesRight ? SERVE_SPEED : -SERVE_SPEED;
      pong.ballVy = Math.random() < 0.5 ? SERVE_SPEED : -SERVE_SPEED;
    }
    const events = pongStep(pong);
    if (events & EVENT_POINT_1) this.servesRight = true;
    if (events & EVENT_POINT_2) this.servesRight = false;
    if (events & EVENT_WON) this.begin();
  }
}
