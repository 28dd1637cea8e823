// A server of `pong.v2.bin` for tests, written from docs/protocol.md §2b and §2c on top of the client's own simulation: one game,
// two steps every 33 ms in a burst. It remembers every state, so that a test can ask what was true.

import { foldedChecksum } from '../../web/pong-frames.js';
import * as sim from '../../web/pong-simulation.js';

const AHEAD_MAX = 30;
const BURST_MS = 1000 / 30;
const HEARTBEAT_QUIET = 60;
const HEARTBEAT_MAX = 120;
const REMEMBERED = 4096;
/** After standing still it computes so many bursts at once; the rest of the time is lost. */
const CATCH_UP_BURSTS = 5;
const BAD_MAX = 10;
const BAD_WITHIN_MS = 60_000;

function bytesOf(mask, step, fields) {
  const bytes = [mask, step & 0xff, (step >> 8) & 0xff];
  for (const [value, size] of fields) {
    bytes.push(value & 0xff);
    if (size === 2) bytes.push((value >> 8) & 0xff);
  }
  return Uint8Array.from(bytes);
}

/** An update for a step; fields as in Frame. */
export function encodeUpdate(step, { ball, target = [], phase }) {
  let mask = 0;
  const fields = [];
  if (ball) {
    mask |= 0x01;
    fields.push([ball.x, 2], [ball.y, 2], [ball.vx, 2], [ball.vy, 2]);
  }
  target.forEach((y, i) => {
    if (y === undefined) return;
    mask |= 0x02 << i;
    fields.push([y, 2]);
  });
  if (phase) {
    mask |= 0x40;
    fields.push([phase.phase, 1], [phase.stepsLeft, 2]);
  }
  return bytesOf(mask, step, fields);
}

export function encodeKeyframe(pong) {
  const words = [pong.ballX, pong.ballY, pong.ballVx, pong.ballVy, ...pong.targetY, ...pong.paddleY].map((value) => [value, 2]);
  return bytesOf(0xff, pong.step, [...words, [pong.score[0], 1], [pong.score[1], 1], [pong.phase, 1], [pong.stepsLeft, 2]]);
}

export function encodeHeartbeat(pong) {
  return bytesOf(0, pong.step, [[foldedChecksum(pong), 2]]);
}

/** One connection. `send` gets binary frames as Uint8Array and text as objects. */
class Session {
  sent = 0;
  isOwed = true;
  lastSent = 0;
  lastHeartbeat = 0;
  lastInput = -Infinity;
  bad = [];
  owedAfter = Infinity;

  constructor(seat, send) {
    this.seat = seat;
    this.send = send;
  }
}

export class ReferenceServer {
  sessions = new Set();
  events = [];
  counts = { frames: 0, bytes: 0, keyframes: 0, heartbeats: 0, late: 0, bad: 0, inputs: 0, thrownOut: 0 };
  #world;
  #random;
  #states = [];
  #pendingV1 = [null, null];
  #lastLoser = 0;

  /** skipPercent: of updates that could not be sent */
  constructor(world, random, { step = 0, winningScore = 10, skipPercent = 0, serveSteps = 180, slowness = 1 } = {}) {
    this.#world = world;
    this.#random = random;
    this.skipPercent = skipPercent;
    this.#burstMs = BURST_MS * slowness;
    this.pong = sim.pongInit(step, winningScore, serveSteps);
    this.#remember();
    this.#burstAt = world.now + BURST_MS * random();
    world.at(this.#burstAt, this.#burst);
  }

  #burstAt;
  #burstMs;
  /** When it goes on, while it stands still; what arrives meanwhile waits. */
  stalledUntil = -Infinity;

  stall(ms) {
    this.stalledUntil = this.#world.now + ms;
  }

  /** The state after a step of the last minute. */
  stateAt(step) {
    const state = this.#states[step % REMEMBERED];
    return state?.step === step ? state : null;
  }

  connect(seat, send) {
    const session = new Session(seat, send);
    this.sessions.add(session);
    session.send({ type: 'game_state', winning_score: this.pong.winningScore, score: [...this.pong.score] });
    this.#payKeyframe(session);
    return session;
  }

  disconnect(session) {
    this.sessions.delete(session);
  }

  /** A binary input of a v2 session. Returns what became of it. */
  input(session, bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const step = this.pong.step + (((view.getUint16(1, true) - this.pong.step) << 16) >> 16);
    const target = view.getUint16(3, true);
    this.counts.inputs++;
    if (bytes.byteLength !== 5 || target > sim.PADDLE_Y_MAX || step > this.pong.step + AHEAD_MAX || step <= session.lastInput) {
      this.#refuse(session, step);
      return 'bad';
    }
    session.lastInput = step;
    const isLate = step <= this.pong.step;
    const applied = isLate ? this.pong.step + 1 : step;
    const changes = this.#targetBefore(session.seat, applied) !== target;
    if (isLate) {
      this.counts.late++;
      session.isOwed = true;
    }
    // One that changes nothing waits for its step, too: a rematch may come before it, and its sender believes in it.
    const fields = { target: session.seat === 1 ? [target] : [undefined, target] };
    if (changes) this.#event(applied, fields, session);
    else this.#queue(applied, fields);
    return isLate ? 'late' : 'applied';
  }

  /** The keyframe comes once the step is past that the sender believes in. */
  #refuse(session, step) {
    this.counts.bad++;
    const { now } = this.#world;
    session.bad = [...session.bad.filter((at) => now - at < BAD_WITHIN_MS), now];
    if (session.bad.length === BAD_MAX) this.counts.thrownOut++;
    session.send({ type: 'error', code: 'bad_message' });
    if (step > this.pong.step && step <= this.pong.step + 60) session.owedAfter = step;
    else session.isOwed = true;
  }

  /** A target of a v1 player or a bot: from the next even step on. */
  steer(seat, target) {
    this.#pendingV1[seat - 1] = target;
  }

  setPhase(phase, stepsLeft) {
    this.#event(this.pong.step + 1, { phase: { phase, stepsLeft } });
  }

  resync(session) {
    session.isOwed = true;
  }

  /** Steps last computed, as `pong` says it. */
  get step() {
    return this.pong.step;
  }

  #targetBefore(seat, step) {
    let target = this.pong.targetY[seat - 1];
    for (const event of this.events) {
      if (event.step <= step && event.fields.target?.[seat - 1] !== undefined) target = event.fields.target[seat - 1];
    }
    return target;
  }

  /** Something that clients cannot foresee: it is told before its step is computed, but not to who asked for it. */
  #event(step, fields, from = null) {
    this.#queue(step, fields);
    const bytes = encodeUpdate(step, fields);
    for (const session of this.sessions) {
      if (session !== from && !session.isOwed) this.#sendUpdate(session, bytes);
    }
  }

  #queue(step, fields) {
    this.events.push({ step, fields });
    this.events.sort((a, b) => a.step - b.step);
  }

  #sendUpdate(session, bytes) {
    if (this.#random() * 100 < this.skipPercent) session.isOwed = true;
    else this.#sendBytes(session, bytes);
  }

  #sendBytes(session, bytes) {
    session.sent++;
    session.lastSent = this.pong.step;
    this.counts.frames++;
    this.counts.bytes += bytes.length;
    session.send(bytes);
  }

  #payKeyframe(session) {
    session.isOwed = false;
    session.lastHeartbeat = this.pong.step;
    this.counts.keyframes++;
    this.#sendBytes(session, encodeKeyframe(this.pong));
    for (const { step, fields } of this.events) this.#sendBytes(session, encodeUpdate(step, fields));
  }

  #burst = () => {
    const { now } = this.#world;
    if (now < this.stalledUntil) {
      this.#burstAt = Math.max(this.#burstAt, this.stalledUntil - (CATCH_UP_BURSTS - 1) * this.#burstMs);
      this.#world.at(this.stalledUntil, this.#burst);
      return;
    }
    for (let i = 0; i < 2; i++) this.#step();
    for (const session of this.sessions) {
      if (this.pong.step > session.owedAfter) {
        session.owedAfter = Infinity;
        session.isOwed = true;
      }
      if (session.isOwed) {
        if (this.#random() * 100 >= this.skipPercent) this.#payKeyframe(session);
        continue;
      }
      const { step } = this.pong;
      if (step - session.lastSent < HEARTBEAT_QUIET && step - session.lastHeartbeat < HEARTBEAT_MAX) continue;
      session.lastHeartbeat = step;
      this.counts.heartbeats++;
      this.#sendBytes(session, encodeHeartbeat(this.pong));
    }
    this.#burstAt += this.#burstMs;
    this.#world.at(this.#burstAt, this.#burst);
  };

  #step() {
    const { pong } = this;
    const next = pong.step + 1;
    if (next % 2 === 0) this.#applyV1(next);
    if (pong.phase === sim.SERVING && pong.stepsLeft <= sim.SERVE_LAUNCH_STEPS && !sim.pongBallMoves(pong)) {
      const vx = this.#lastLoser === 1 ? -sim.SERVE_SPEED : sim.SERVE_SPEED;
      const vy = this.#random.chance(0.5) ? sim.SERVE_SPEED : -sim.SERVE_SPEED;
      this.#event(next, { ball: { x: pong.ballX, y: pong.ballY, vx, vy } });
    }
    // What a test wants to compare: how much each session had been sent before this step was computed.
    for (const session of this.sessions) session.onStep?.(pong.step);
    while (this.events.length && this.events[0].step <= next) this.#apply(this.events.shift().fields);
    const happened = sim.pongStep(pong);
    this.#remember();
    this.onEvents?.(happened, pong);
    if (happened & (sim.EVENT_POINT_1 | sim.EVENT_POINT_2)) {
      const scorer = happened & sim.EVENT_POINT_1 ? 1 : 2;
      this.#lastLoser = 3 - scorer;
      for (const session of this.sessions) session.send({ type: 'goal_scored', scorer, player_1_score: pong.score[0], player_2_score: pong.score[1] });
    }
    if (happened & sim.EVENT_WON) this.#world.after(1000, () => this.#rematch());
  }

  #rematch() {
    this.pong = sim.pongInit(this.pong.step, this.pong.winningScore, this.pong.serveSteps);
    sim.pongSetPhase(this.pong, sim.SERVING, this.pong.serveSteps);
    // Targets that wait for their step stay: their senders believe in them.
    this.events = this.events.filter(({ fields }) => fields.target);
    this.#lastLoser = 0;
    for (const session of this.sessions) {
      session.send({ type: 'game_state', winning_score: this.pong.winningScore, score: [0, 0] });
      session.isOwed = true;
    }
    this.#remember();
  }

  #applyV1(step) {
    this.#pendingV1.forEach((target, i) => {
      if (target === null || this.#targetBefore(i + 1, step) === target) return;
      this.#event(step, { target: i === 0 ? [target] : [undefined, target] });
    });
    this.#pendingV1 = [null, null];
  }

  #apply({ ball, target = [], phase }) {
    const { pong } = this;
    if (ball) Object.assign(pong, { ballX: ball.x, ballY: ball.y, ballVx: ball.vx, ballVy: ball.vy });
    target.forEach((y, i) => {
      if (y !== undefined) pong.targetY[i] = y;
    });
    if (phase) Object.assign(pong, phase);
  }

  #remember() {
    const state = (this.#states[this.pong.step % REMEMBERED] ??= sim.pongInit());
    sim.pongCopy(state, this.pong);
  }
}
