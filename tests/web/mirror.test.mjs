// A mirror knows what the server knows: over networks that delay, bunch and cut, with late and early inputs, v1 players, skipped
// sends and hostile frames.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checksumState, decodeFrame, encodeInput, foldedChecksum, unwrapStep } from '../../web/pong-frames.js';
import { Mirror, PREDICT_MAX } from '../../web/pong-mirror.js';
import * as sim from '../../web/pong-simulation.js';
import { encodeHeartbeat, encodeKeyframe, encodeUpdate, ReferenceServer } from './reference-server.mjs';
import { randomFrom, Wire, World } from './world.mjs';

const HOUR_MS = 3_600_000;
const hours = process.env.PONG_TEST_FULL ? 10 : 0.5;

/**
 * A client without a clock of its own: names steps around those it hears of, sometimes late, sometimes far too early. After each
 * frame it compares every step that it must know by then.
 */
class Listener {
  compared = 0;
  #awaited = [];
  #inputs = [];

  constructor(world, random, server, seat, network, lead) {
    Object.assign(this, { world, random, server, seat, network, lead });
    this.mirror = new Mirror({ seat });
    this.#connect();
    this.#play();
  }

  #connect() {
    this.received = 0;
    this.#awaited = [];
    this.#inputs = [];
    this.mirror.reset();
    const connection = {};
    this.connection = connection;
    const down = new Wire(this.world, this.random, this.network, (message) => this.connection === connection && this.#hear(message));
    this.up = new Wire(this.world, this.random, this.network, (input) => {
      if (this.connection !== connection) return;
      input.fate = this.server.input(this.session, input.bytes);
      input.keyframeAfter = this.session.sent;
    });
    this.session = this.server.connect(this.seat, (message) => down.send(message));
    this.session.onStep = (step) => {
      // What was not sent because a keyframe is owed cannot have arrived.
      if (!this.session.isOwed) this.#awaited.push({ step, sent: this.session.sent });
    };
    if (this.random.chance(0.5)) this.world.after(this.random.between(2000, 60_000), () => this.#reconnect());
  }

  #reconnect() {
    this.server.disconnect(this.session);
    this.connection = null;
    this.world.after(this.random.between(0, 3000), () => this.#connect());
  }

  #play() {
    this.world.after(this.random.between(20, 600), () => this.#play());
    if (!this.connection || !this.mirror.isReady || !this.seat) return;
    const step = this.mirror.newest + this.random.below(this.lead);
    const target = this.random.chance(0.2) ? 0 : this.random.below(sim.PADDLE_Y_MAX + 1);
    if (!this.mirror.input(step, target)) return;
    const input = { step, bytes: encodeInput(step, target), fate: 'under way' };
    this.#inputs.push(input);
    this.up.send(input);
  }

  #hear(message) {
    if (!(message instanceof Uint8Array)) {
      if (message.type === 'game_state') this.mirror.configure({ winningScore: message.winning_score });
      return;
    }
    this.received++;
    const heard = this.mirror.receive(message);
    assert.notEqual(heard.kind, 'bad');
    if (heard.kind === 'keyframe') {
      // It answers what had been late by then; what was refused for naming a later step stays believed until then.
      this.#inputs = this.#inputs.filter(({ fate, keyframeAfter, step }) => {
        return fate === 'under way' || this.received <= keyframeAfter || (fate === 'bad' && step > heard.step);
      });
    }
    this.#compare();
    if (this.mirror.needsResync) {
      this.resyncs = (this.resyncs ?? 0) + 1;
      const { session, connection } = this;
      this.world.after(this.network.delayMs, () => this.connection === connection && this.server.resync(session));
    }
  }

  #compare() {
    while (this.#awaited.length && this.#awaited[0].sent <= this.received) {
      const { step } = this.#awaited.shift();
      const excused = this.#inputs.some((input) => input.step <= step && input.fate !== 'applied');
      const refused = this.#inputs.some((input) => input.fate === 'bad');
      const truth = this.server.stateAt(step);
      // Frames carry 16 bits of a step; the mirror counts on from its first keyframe.
      const own = unwrapStep(step & 0xffff, this.mirror.newest);
      if (excused || refused || !truth || own < this.mirror.base) continue;
      const found = this.mirror.at(own);
      this.compared++;
      if (checksumState(found) === checksumState(truth) && found.step === own) continue;
      assert.deepEqual(found, { ...truth, step: own }, `seat ${this.seat}, step ${step}, base ${this.mirror.base}`);
    }
  }
}

function runMirrors(seed, ms, { skipPercent = 1, step = 0 } = {}) {
  const random = randomFrom(seed);
  const world = new World();
  const server = new ReferenceServer(world, random, { skipPercent, step, winningScore: 3 });
  server.setPhase(sim.SERVING, 180);
  const network = () => ({ delayMs: random.between(10, 120), jitterMs: random.between(0, 60), lossPercent: random.between(0, 3) });
  const hasV1Player = random.chance(0.4);
  const listeners = [1, hasV1Player ? null : 2, null].map((seat) => new Listener(world, random, server, seat, network(), 30 + random.below(15)));
  const people = () => {
    world.after(random.between(500, 6000), people);
    const { phase } = server.pong;
    if (phase === sim.RALLY && random.chance(0.2)) server.setPhase(sim.PAUSED, random.chance(0.3) ? sim.STEPS_OPEN : 200);
    else if (phase === sim.PAUSED) server.setPhase(sim.PAUSED, 180);
  };
  people();
  const playV1 = () => {
    world.after(random.between(10, 400), playV1);
    server.steer(2, random.below(sim.PADDLE_Y_MAX + 1));
  };
  if (hasV1Player) playV1();
  world.run(ms);
  return { server, listeners };
}

/** A mirror that has heard of a rally, and the state it knows. */
function rallying({ seat = 1, step = 1000 } = {}) {
  const pong = sim.pongInit(step, 10, 180);
  Object.assign(pong, { phase: sim.RALLY, ballVx: 448, ballVy: -300 });
  const mirror = new Mirror({ seat });
  mirror.receive(encodeKeyframe(pong));
  return { mirror, pong };
}

describe('mirror', () => {
  test(`equals the server over ${hours} simulated hours of bad networks`, (t) => {
    const runs = 20;
    let compared = 0;
    const counts = {};
    for (let seed = 1; seed <= runs; seed++) {
      const { server, listeners } = runMirrors(seed, (hours * HOUR_MS) / runs, { step: seed % 2 ? 0 : 65_000 });
      compared += listeners.reduce((sum, listener) => sum + listener.compared, 0);
      for (const [name, count] of Object.entries(server.counts)) counts[name] = (counts[name] ?? 0) + count;
    }
    t.diagnostic(`${compared} states compared; ${JSON.stringify(counts)}`);
    assert.ok(compared > hours * 3600 * 60, `${compared} states compared`);
    assert.ok(counts.late > 100 && counts.keyframes > 100 && counts.heartbeats > 100);
  });

  test('foresees rallies, points and countdowns without a word', () => {
    const { mirror, pong } = rallying();
    for (let i = 0; i < PREDICT_MAX; i++) sim.pongStep(pong);
    assert.deepEqual(mirror.at(1000 + PREDICT_MAX), pong);
    assert.deepEqual(mirror.at(1000 + PREDICT_MAX + 500), pong, 'and no farther');
  });

  test('computes steps again that were drawn before their news came', () => {
    const { mirror, pong } = rallying();
    mirror.at(1100);
    assert.equal(mirror.receive(encodeUpdate(1020, { target: [undefined, 30720] })).kind, 'update');
    while (pong.step < 1019) sim.pongStep(pong);
    pong.targetY[1] = 30720;
    while (pong.step < 1100) sim.pongStep(pong);
    assert.deepEqual(mirror.at(1100), pong);
    assert.equal(mirror.at(1019).targetY[1], 15360);
  });

  test('forgets at a keyframe all but its own inputs for later steps', () => {
    const { mirror, pong } = rallying();
    mirror.receive(encodeUpdate(1030, { target: [undefined, 5000] }));
    assert.ok(mirror.input(1010, 100));
    assert.ok(mirror.input(1025, 200));
    pong.step = 1010;
    const heard = mirror.receive(encodeKeyframe(pong));
    assert.deepEqual([heard.kind, heard.isFirst, heard.ownDiffers], ['keyframe', false, true]);
    assert.equal(mirror.at(1024).targetY[0], 15360);
    assert.equal(mirror.at(1025).targetY[0], 200);
    assert.equal(mirror.at(1040).targetY[1], 15360);
  });

  test('steps wrap at 65536', () => {
    assert.deepEqual([unwrapStep(3, 65_530), unwrapStep(65_530, 65_540), unwrapStep(0, 131_071)], [65_539, 65_530, 131_072]);
    const { mirror, pong } = rallying({ step: 65_500 });
    for (let i = 0; i < 60; i++) sim.pongStep(pong);
    assert.equal(mirror.receive(encodeHeartbeat(pong)).step, 65_560);
    assert.ok(mirror.input(65_570, 0));
    assert.equal(mirror.at(65_570).paddleY[0], pong.paddleY[0] + Math.max(-960, -pong.paddleY[0]));
  });

  test('two mismatches running ask for a keyframe, one does not', () => {
    const { mirror, pong } = rallying();
    const heartbeat = (spoil) => {
      for (let i = 0; i < 60; i++) sim.pongStep(pong);
      const bytes = encodeHeartbeat(pong);
      bytes[3] ^= spoil;
      mirror.receive(bytes);
      return mirror.needsResync;
    };
    assert.deepEqual([1, 0, 1, 1].map(heartbeat), [false, false, false, true]);
    mirror.receive(encodeKeyframe(pong));
    assert.equal(mirror.needsResync, false);
    assert.equal(heartbeat(0), false);
  });

  test('own inputs must be later than all that is settled, and than each other', () => {
    const { mirror } = rallying();
    assert.ok(!new Mirror({ seat: 1 }).input(5, 0), 'nothing is known yet');
    assert.ok(!rallying({ seat: null }).mirror.input(1010, 0), 'who watches has none');
    assert.ok(!mirror.input(1000, 0));
    assert.ok(mirror.input(1005, 0));
    assert.ok(!mirror.input(1005, 10));
    assert.ok(!mirror.input(1000 + PREDICT_MAX + 1, 10));
    assert.ok(mirror.input(1006, 10));
  });

  test('a new connection knows nothing of the one before', () => {
    const { mirror, pong } = rallying();
    mirror.input(1010, 0);
    mirror.reset();
    assert.equal(mirror.isReady, false);
    pong.step = 40;
    assert.equal(mirror.receive(encodeKeyframe(pong)).isFirst, true);
    assert.equal(mirror.at(60).targetY[0], 15360);
    assert.ok(mirror.input(61, 0));
  });

  test('the match’s options count: who wins, how long a serve takes', () => {
    const { mirror, pong } = rallying();
    pong.step = 1200;
    Object.assign(pong, { ballX: 1500, ballY: 30_000, ballVx: -448, score: [0, 2] });
    mirror.configure({ winningScore: 3, serveSteps: 20 });
    mirror.receive(encodeKeyframe(pong));
    assert.deepEqual([mirror.at(1203).phase, mirror.at(1203).score[1]], [sim.FINISHED, 3]);
    mirror.configure({ winningScore: 10 });
    assert.deepEqual([mirror.at(1203).phase, mirror.at(1203).stepsLeft], [sim.SERVING, 19]);
  });

  test('frames that are none change nothing and throw nothing', () => {
    const { mirror, pong } = rallying();
    const before = foldedChecksum(mirror.at(1100));
    const good = encodeKeyframe(pong);
    const bad = [
      new Uint8Array(0), new Uint8Array(1), good.subarray(0, 10), Uint8Array.from([...good, 0]),
      Uint8Array.from([0x80, 0, 0]), Uint8Array.from([0x08, 0, 0, 1, 1]), Uint8Array.from([0x7f, ...good.subarray(1)]),
      encodeUpdate(1010, { target: [30_721] }), encodeUpdate(1010, { phase: { phase: 5, stepsLeft: 1 } }),
      encodeUpdate(1000, { target: [5] }), encodeUpdate(20_000, { target: [5] }), encodeHeartbeat({ ...pong, step: 990 }),
      'text', null, undefined, 7, {}, new Uint16Array([1, 2, 3]),
    ];
    for (const data of bad) assert.equal(mirror.receive(data).kind, 'bad', String(data));
    assert.equal(foldedChecksum(mirror.at(1100)), before);
    assert.equal(mirror.needsResync, true);
    assert.equal(new Mirror().receive(encodeUpdate(5, { target: [5] })).kind, 'bad', 'nothing before the first keyframe');
  });

  test('random bytes and endless nonsense are survived in bounded time', () => {
    const random = randomFrom(7);
    const { mirror, pong } = rallying();
    for (let i = 0; i < 100_000; i++) {
      const mask = random.chance(0.3) ? 0xff : random.below(256);
      const bytes = Uint8Array.from({ length: random.chance(0.5) ? 24 : random.below(40) }, () => random.below(256));
      if (bytes.length) bytes[0] = mask;
      mirror.receive(bytes);
      mirror.receive(encodeUpdate(mirror.newest + 1 + random.below(500), { target: [random.below(30_721)] }));
      if (i % 10 === 0) mirror.at(mirror.newest + random.below(100_000));
      if (i % 7 === 0) mirror.input(mirror.newest + random.below(200), random.below(30_721));
    }
    mirror.receive(encodeKeyframe(pong));
    assert.equal(mirror.at(pong.step).ballX, pong.ballX);
  });

  test('a frame may come as an ArrayBuffer or as any view of bytes', () => {
    const bytes = encodeUpdate(70_000, { target: [1, 2], ball: { x: 1, y: 2, vx: -3, vy: 4 }, phase: { phase: 2, stepsLeft: 65_535 } });
    const padded = new Uint8Array(40);
    padded.set(bytes, 5);
    for (const data of [bytes, bytes.buffer, Buffer.from(bytes), padded.subarray(5, 5 + bytes.length)]) {
      assert.deepEqual(decodeFrame(data), {
        kind: 'update', step: 70_000 & 0xffff, mask: 0x47, target: [1, 2], paddle: [],
        ball: { x: 1, y: 2, vx: -3, vy: 4 }, phase: { phase: 2, stepsLeft: 65_535 },
      });
    }
  });
});
