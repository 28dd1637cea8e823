// Two people at their screens, a server and the networks between them, in virtual time. Each player sees what his predictor draws,
// decides from that alone, and presses keys or points. What was drawn is measured against what was true.

import { Mirror } from '../../web/pong-mirror.js';
import { Predictor } from '../../web/pong-predictor.js';
import * as sim from '../../web/pong-simulation.js';
import { ReferenceServer } from './reference-server.mjs';
import { randomFrom, Wire, World } from './world.mjs';

const FRAME_MS = 1000 / 60;
const PX = sim.UNITS_PER_PX;
const FACE = { 1: sim.FACE_LEFT / PX, 2: sim.FACE_RIGHT / PX };
const REACH = sim.HIT_REACH / PX;

/** Something of which percentiles are wanted. */
export class Samples {
  values = [];
  add(value) {
    this.values.push(value);
  }
  at(quantile) {
    if (this.values.length === 0) return NaN;
    const sorted = Float64Array.from(this.values).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))];
  }
}

export function newMeasures() {
  return {
    ball: new Samples(),
    own: new Samples(),
    other: new Samples(),
    views: new Samples(),
    rate: new Samples(),
    ahead: new Samples(),
    backwards: 0,
    lateness: new Samples(),
  };
}

/** Keys or a pointer, in hands that react after a while and are never still for long. */
class Hands {
  #direction = 0;
  #aim = 0;
  #approaching = false;
  #next = 0;

  constructor(random, usesPointer) {
    this.random = random;
    this.usesPointer = usesPointer;
    this.skill = random.between(20, 75);
  }

  look(player, picture, now) {
    const { random } = this;
    if (now < this.#next) return;
    this.#next = now + random.between(30, 140);
    const approaching = player.seat === 1 ? player.ballSpeed < 0 : player.ballSpeed > 0;
    if (approaching !== this.#approaching) {
      this.#approaching = approaching;
      this.#aim = random.between(-this.skill, this.skill);
    }
    const wanted = approaching || picture.phase !== 'rally' ? picture.ballY + this.#aim : random.chance(0.7) ? 300 + 3 * this.#aim : random.between(0, 600);
    if (this.usesPointer) {
      player.predictor.pointTo(wanted);
      return;
    }
    const way = wanted - (picture[`paddle${player.seat}`] + 60);
    const direction = Math.abs(way) < 12 ? 0 : Math.sign(way);
    if (direction === this.#direction) return;
    this.#direction = direction;
    if (direction === 0) player.predictor.release();
    else player.predictor.press(direction);
  }
}

export class Player {
  /** The player's own clock: it is wrong, and it drifts. */
  #clock;
  #previous = null;
  #previousState = null;
  ballSpeed = 0;

  constructor(world, random, server, { seat, network, measures, usesPointer = false, clock = { offset: 0, drift: 0 }, fps = 60, reconnects = false }) {
    Object.assign(this, { world, random, server, seat, network, measures, fps });
    this.#clock = clock;
    this.predictor = new Predictor((this.mirror = new Mirror({ seat })));
    this.hands = seat ? new Hands(random, usesPointer) : null;
    this.connect();
    if (reconnects) world.after(random.between(20_000, 60_000), () => this.#lose());
    world.after(random() * FRAME_MS, () => this.#frame());
  }

  get now() {
    return this.world.now * (1 + this.#clock.drift) + this.#clock.offset;
  }

  connect() {
    const connection = (this.connection = {});
    const open = () => this.connection === connection;
    this.predictor.reset(this.now);
    this.#previous = null;
    this.down = new Wire(this.world, this.random, this.network, (message) => open() && this.#hear(message));
    this.up = new Wire(this.world, this.random, this.network, (message) => open() && this.#reach(message));
    this.session = this.server.connect(this.seat, (message) => this.down.send(message));
  }

  #lose() {
    this.server.disconnect(this.session);
    this.connection = null;
    this.world.after(this.random.between(100, 2000), () => this.connect());
    this.world.after(this.random.between(20_000, 60_000), () => this.#lose());
  }

  #reach(message) {
    const { stalledUntil } = this.server;
    if (this.world.now < stalledUntil) this.world.at(stalledUntil, () => this.#reach(message));
    else if (message instanceof Uint8Array) this.server.input(this.session, message);
    else if (message.type === 'ping') this.down.send({ type: 'pong', time: message.time, step: this.server.step });
    else this.server.resync(this.session);
  }

  #hear(message) {
    const { predictor } = this;
    if (message instanceof Uint8Array) predictor.receive(message, this.now);
    else if (message.type === 'pong') predictor.pong(message.time, message.step, this.now);
    else if (message.type === 'error') predictor.refused(this.now);
    else if (message.type === 'goal_scored') predictor.announce(message.player_1_score, message.player_2_score);
    else if (message.type === 'game_state') {
      this.mirror.configure({ winningScore: message.winning_score });
      if (!predictor.isFinished) predictor.announce(...message.score);
    }
  }

  #frame() {
    this.world.after((FRAME_MS * 60) / this.fps, () => this.#frame());
    const { predictor } = this;
    if (!this.connection) return;
    if (predictor.clock.takePing(this.now)) this.up.send({ type: 'ping', time: this.now });
    if (predictor.takeResync()) this.up.send({ type: 'resync' });
    const picture = predictor.picture(this.now);
    if (!picture) return;
    if (this.hands) {
      this.hands.look(this, picture, this.world.now);
      const input = predictor.takeInput(this.now);
      if (input) this.up.send(input);
    }
    this.picture = predictor.picture(this.now);
    if (predictor.clock.isReady) this.#measure(this.picture);
  }

  #measure(picture) {
    const state = this.mirror.at(Math.floor(picture.step));
    const before = this.#previous;
    this.#previous = picture;
    const stateBefore = this.#previousState;
    // A ball that is on its way out keeps its speed, though the next serve has begun where it is known that it was missed.
    const speed = state.ballVx !== 0 || picture.phase !== 'rally' ? Math.hypot(state.ballVx, state.ballVy) / PX : (stateBefore ?? 0);
    this.#previousState = speed;
    if (!before || stateBefore === null) return;
    const { measures, fps } = this;
    const steps = picture.step - before.step;
    if (steps < 0) measures.backwards++;
    measures.ahead.add(picture.step - this.server.step);
    measures.rate.add(steps / (60 / fps));
    const frames = 60 / fps;
    const dx = picture.ballX - before.ballX;
    const dy = picture.ballY - before.ballY;
    this.ballSpeed = dx;
    // A ball that lies in the middle was put there.
    const placed = (p) => Math.abs(p.ballX - 400) < 0.01 && Math.abs(p.ballY - 300) < 0.01;
    if (!placed(picture) && !placed(before)) {
      const own = Math.max(speed, stateBefore);
      measures.ball.add((Math.hypot(dx, dy) - own * steps) / frames);
    }
    for (const seat of [1, 2]) {
      const own = sim.PADDLE_SPEED / PX;
      const moved = Math.abs(picture[`paddle${seat}`] - before[`paddle${seat}`]);
      (seat === this.seat ? measures.own : measures.other).add((moved - own * steps) / frames);
    }
    measures.lateness.add(this.predictor.lateness);
    this.#watchFaces(before, picture);
  }

  /** The moments in which the drawn ball turns at a face, or passes it. */
  #watchFaces(before, picture) {
    for (const seat of [1, 2]) {
      const side = seat === 1 ? 1 : -1;
      const past = (p) => side * (FACE[seat] - p.ballX) > 0.5;
      const near = side * (before.ballX - FACE[seat]) < 60;
      if (!past(before) && past(picture) && near) this.crossings.push({ seat, at: this.world.now, y: picture.ballY, step: picture.step });
      const onCourt = (p) => p.ballX > FACE[1] - 1 && p.ballX < FACE[2] + 1 && !(p.ballX === 400 && p.ballY === 300);
      const turned = this.#dx !== undefined && onCourt(before) && onCourt(picture) && side * this.#dx < 0 && side * (picture.ballX - before.ballX) > 0.2 && near;
      if (turned) this.turns.push({ seat, at: this.world.now, step: picture.step, off: Math.abs(before.ballY - (before[`paddle${seat}`] + 60)) - REACH });
    }
    if (Math.abs(picture.ballX - before.ballX) > 0.01) this.#dx = picture.ballX - before.ballX;
  }

  #dx;
  crossings = [];
  turns = [];
}

/**
 * Plays for a while and says what was measured.
 * @param {object} options
 */
export function playMatches({ seed, ms, network, networks, measures = newMeasures(), pointers = [false, true], clocks = [], v1 = false, reconnects = false, skipPercent = 0, fps = 60, slowness = 1, stall = null }) {
  const random = randomFrom(seed);
  const world = new World();
  const server = new ReferenceServer(world, random, { skipPercent, winningScore: 10, step: 60_000, slowness });
  const hits = [];
  const points = [];
  server.onEvents = (happened, pong) => {
    if (happened & (sim.EVENT_HIT_1 | sim.EVENT_HIT_2)) hits.push({ seat: happened & sim.EVENT_HIT_1 ? 1 : 2, at: world.now, step: pong.step });
    if (happened & (sim.EVENT_POINT_1 | sim.EVENT_POINT_2)) points.push({ seat: happened & sim.EVENT_POINT_1 ? 2 : 1, at: world.now, step: pong.step });
  };
  server.setPhase(sim.SERVING, 180);
  const nets = networks ?? [network, network];
  const seats = v1 ? [1] : [1, 2];
  const players = seats.map((seat, i) => new Player(world, random, server, { seat, network: nets[i], measures, usesPointer: pointers[i], clock: clocks[i], fps, reconnects }));
  if (v1) playV1(world, random, server);
  const compare = () => {
    world.after(FRAME_MS, compare);
    const [one, two] = players.map((player) => player.picture);
    if (!one || !two || one.phase !== 'rally' || two.phase !== 'rally') return;
    measures.views.add(Math.hypot(one.ballX - two.ballX, one.ballY - two.ballY));
  };
  compare();
  const standStill = () => {
    world.after(stall.everyMs, standStill);
    server.stall(stall.ms);
  };
  if (stall) world.after(stall.everyMs, standStill);
  world.run(ms);
  return { server, players, hits, points, measures };
}

/** A v1 player: sees the truth, a little late, and steers twenty times a second. */
function playV1(world, random, server) {
  let aim = 0;
  const look = () => {
    world.after(50, look);
    const { ballY, ballVx } = server.pong;
    if (ballVx <= 0) aim = random.between(-3500, 3500);
    server.steer(2, sim.pongClampTarget(Math.round(ballY + aim) - sim.PADDLE_HEIGHT / 2));
  };
  look();
}
