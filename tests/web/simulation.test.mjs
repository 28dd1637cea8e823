// The simulation in JavaScript against the golden rallies that gamed/pong.c wrote: bit for bit, over more than a million steps.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { checksumState, HASH_START } from '../../web/pong-frames.js';
import * as sim from '../../web/pong-simulation.js';

const read = async (name) => (await readFile(new URL(`../golden/${name}.txt`, import.meta.url), 'utf8')).split('\n');
const hex = (hash) => hash.toString(16).padStart(8, '0');

/** Plays one listed game; returns how many records were compared. */
function playListed(lines, name) {
  let pong = null;
  let chain = HASH_START;
  let compared = 0;
  let ended = false;
  const runTo = (step) => {
    while (pong.step !== step) {
      sim.pongStep(pong);
      chain = checksumState(pong, chain);
    }
  };
  const put = {
    ball: ([x, y, vx, vy]) => Object.assign(pong, { ballX: x, ballY: y, ballVx: vx, ballVy: vy }),
    target: ([player, y]) => (pong.targetY[player - 1] = y),
    paddle: ([player, y]) => (pong.paddleY[player - 1] = y),
    score: ([one, two]) => (pong.score = [one, two]),
    phase: ([phase, stepsLeft]) => Object.assign(pong, { phase, stepsLeft }),
  };
  lines.forEach((line, index) => {
    if (!line || line.startsWith('#')) return;
    const where = `tests/golden/${name}.txt:${index + 1}`;
    const [kind, ...rest] = line.split(' ');
    const [step, ...values] = rest.map(Number);
    if (kind === 'start') pong = sim.pongInit(step, values[0], values[1]);
    else if (kind === 'end') ended = true;
    else if (kind === 'chain') {
      runTo(step);
      assert.equal(hex(chain), rest[1], where);
      compared++;
    } else if (kind === 'state') {
      runTo(step);
      const found = [
        pong.ballX, pong.ballY, pong.ballVx, pong.ballVy, ...pong.targetY, ...pong.paddleY, ...pong.score, pong.phase, pong.stepsLeft,
      ];
      assert.deepEqual([...found.map(String), hex(checksumState(pong))], rest.slice(1), where);
      compared++;
    } else {
      runTo(step - 1);
      put[kind](values);
    }
  });
  assert.ok(ended, `${name}.txt is cut off`);
  return compared;
}

/** Twin of tests/golden/random_rally.h: the same numbers drawn in the same order. */
class RandomRally {
  chain = HASH_START;
  #random;

  constructor(number) {
    this.#random = (2463534242 + Math.imul(number, 2654435761)) >>> 0;
    const winningScore = 1 + this.#draw(21);
    const serveSteps = 1 + this.#draw(240);
    this.pong = sim.pongInit(number * 20000, winningScore, serveSteps);
  }

  advance(steps) {
    for (let i = 0; i < steps; i++) {
      this.#input();
      sim.pongStep(this.pong);
      this.chain = checksumState(this.pong, this.chain);
    }
  }

  #draw(below) {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random % below;
  }

  #putBall(speedMax) {
    const { pong } = this;
    pong.ballX = sim.OUT_LEFT + 1 + this.#draw(sim.OUT_RIGHT - sim.OUT_LEFT - 1);
    pong.ballY = sim.BALL_Y_MIN + this.#draw(sim.BALL_Y_MAX - sim.BALL_Y_MIN + 1);
    const vx = 1 + this.#draw(speedMax);
    pong.ballVx = this.#draw(2) ? vx : -vx;
    pong.ballVy = this.#draw(3457) - 1728;
  }

  #foresee(player) {
    const { pong } = this;
    const way = (player === 0 ? sim.FACE_LEFT : sim.FACE_RIGHT) - pong.ballX;
    if (pong.ballVx === 0 || way < 0 !== pong.ballVx < 0) return sim.BALL_Y_START;
    const steps = Math.trunc(way / pong.ballVx);
    const high = sim.BALL_Y_MAX - sim.BALL_Y_MIN;
    let y = (pong.ballY - sim.BALL_Y_MIN + pong.ballVy * (steps % 1000)) % (2 * high);
    if (y < 0) y += 2 * high;
    return sim.BALL_Y_MIN + (y > high ? 2 * high - y : y);
  }

  #input() {
    const { pong } = this;
    for (const player of [0, 1]) {
      const what = this.#draw(40);
      if (what === 0) pong.targetY[player] = this.#draw(sim.PADDLE_Y_MAX + 1);
      else if (what <= 6) {
        const y = this.#foresee(player) - sim.PADDLE_HEIGHT / 2;
        pong.targetY[player] = sim.pongClampTarget(y + this.#draw(8001) - 4000);
      }
    }
    if (pong.phase === sim.SERVING && pong.stepsLeft <= sim.SERVE_LAUNCH_STEPS && !sim.pongBallMoves(pong)) {
      pong.ballVx = this.#draw(2) ? sim.SERVE_SPEED : -sim.SERVE_SPEED;
      pong.ballVy = this.#draw(2) ? sim.SERVE_SPEED : -sim.SERVE_SPEED;
    }
    switch (this.#draw(1000)) {
      case 0:
        sim.pongSetPhase(pong, sim.PAUSED, 1 + this.#draw(300));
        break;
      case 1:
        sim.pongSetPhase(pong, sim.PAUSED, sim.STEPS_OPEN);
        break;
      case 2:
        sim.pongSetPhase(pong, sim.SERVING, 1 + this.#draw(180));
        break;
      case 3:
        pong.score[0] = this.#draw(pong.winningScore);
        pong.score[1] = this.#draw(pong.winningScore);
        break;
      case 4:
        this.#putBall(sim.SPEED_MAX);
        break;
      case 5:
        this.#putBall(8000);
        break;
      case 6:
      case 7:
        sim.pongSetPhase(pong, sim.RALLY, sim.STEPS_OPEN);
        break;
      case 8:
        sim.pongSetPhase(pong, this.#draw(2) ? sim.WAITING : sim.FINISHED, sim.STEPS_OPEN);
        break;
    }
    if (pong.stepsLeft === sim.STEPS_OPEN && pong.phase !== sim.RALLY && this.#draw(60) === 0) {
      sim.pongSetPhase(pong, sim.SERVING, 1 + this.#draw(60));
    }
  }
}

describe('simulation', () => {
  for (const name of ['match', 'fast', 'leader', 'pauses', 'wrap', 'edges']) {
    test(`plays ${name}.txt as gamed does`, async () => {
      assert.ok(playListed(await read(name), name) > 10);
    });
  }

  test('plays 1.2 million random steps as gamed does', async () => {
    let rally = null;
    let steps = 0;
    for (const line of await read('random')) {
      const [kind, first, second] = line.split(' ');
      if (kind === 'rally') {
        rally = new RandomRally(Number(first));
        const { step, winningScore, serveSteps } = rally.pong;
        assert.equal(`rally ${first} ${step} ${winningScore} ${serveSteps}`, line);
      } else if (kind === 'chain') {
        const way = Number(first) - rally.pong.step;
        rally.advance(way);
        steps += way;
        assert.equal(hex(rally.chain), second, `before step ${first}`);
      }
    }
    assert.ok(steps >= 1e6, `${steps} steps`);
  });
});
