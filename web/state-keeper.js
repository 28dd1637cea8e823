/**
 * Keeps the game state of 21 keys that front ends know, where the server tells it only once: from its other messages and from the
 * simulated game. Pure. Says when something has changed that is not a position.
 */

import { UNITS_PER_PX } from './pong-simulation.js';

const STATUS = { waiting: 'WAITING', serving: 'ONGOING', rally: 'ONGOING', paused: 'ONGOING', finished: 'FINISHED' };
const POSITIONS = new Set([
  'player_1_paddle_y', 'player_2_paddle_y', 'ball_x', 'ball_y', 'ball_speed_x', 'ball_speed_y', 'timestamp',
]);

/**
 * @typedef {{state: object, previous: object | null}} Change
 */

/** The newest game state. */
export class StateKeeper {
  /** @type {object | null} */
  state = null;
  /** The server has said that the match is over, and nothing of a new one. */
  #isOver = false;

  /**
   * Takes a game state of the server's, whole or in part.
   * @param {object} fields
   * @param {boolean} isFull
   * @returns {Change | null} null when there is nothing to add it to
   */
  merge(fields, isFull) {
    if (!isFull && !this.state) return null;
    if (fields.status) this.#isOver = fields.status === STATUS.finished;
    return this.#replace(isFull ? fields : { ...this.state, ...fields });
  }

  /**
   * Takes one of the server's other messages.
   * @param {object} message
   * @returns {Change | null} null when it changes nothing
   */
  hear(message) {
    switch (message.type) {
      case 'goal_scored':
        return this.#change({ ...scores(message), last_loser: 3 - message.scorer });
      case 'game_over':
        this.#isOver = true;
        return this.#change({ ...scores(message), status: STATUS.finished, is_paused: true });
      case 'player_joined': {
        const { player_number: number, player_id: id, username } = message;
        if (number !== 1 && number !== 2) return null;
        return this.#change({ [`player_${number}_id`]: id, [`player_${number}_username`]: username });
      }
      default:
        return null;
    }
  }

  /**
   * Looks at the simulated game.
   * @param {{phase: string, ballMoves: boolean, state: import('./pong-simulation.js').Pong}} standing
   * @returns {Change | null}
   */
  look({ phase, ballMoves, state: pong }) {
    if (!this.state) return null;
    // Until its keyframe comes the simulation plays on after a forfeit, and stands still after a rematch was agreed.
    const simulated = phase === 'finished' ? this.state.status : STATUS[phase];
    const px = (value) => Math.round((value * 100) / UNITS_PER_PX) / 100;
    return this.#change(
      {
        status: this.#isOver ? STATUS.finished : simulated,
        is_paused: this.#isOver || phase !== 'rally',
        player_1_paddle_y: px(pong.paddleY[0]),
        player_2_paddle_y: px(pong.paddleY[1]),
        ball_x: px(pong.ballX),
        ball_y: px(pong.ballY),
        ball_speed_x: ballMoves ? px(pong.ballVx) : 0,
        ball_speed_y: ballMoves ? px(pong.ballVy) : 0,
      },
      ballMoves !== moves(this.state),
    );
  }

  #change(fields, isNews = false) {
    if (!this.state) return null;
    const changed = Object.keys(fields).some((key) => !POSITIONS.has(key) && fields[key] !== this.state[key]);
    return changed || isNews ? this.#replace({ ...this.state, ...fields, timestamp: Date.now() }) : null;
  }

  #replace(state) {
    const previous = this.state;
    this.state = state;
    return { state, previous };
  }
}

function scores(message) {
  return { player_1_score: message.player_1_score, player_2_score: message.player_2_score };
}

function moves(state) {
  return state.ball_speed_x !== 0 || state.ball_speed_y !== 0;
}
