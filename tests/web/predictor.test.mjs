// What players see, measured over simulated hours: the saves they see are saves, the ball never passes through a paddle that hit
// it, and nothing jumps. Lively scripted players, each with a wrong and drifting clock, see only what their predictor draws.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { StepClock } from '../../web/pong-clock.js';
import { Mirror } from '../../web/pong-mirror.js';
import { Predictor } from '../../web/pong-predictor.js';
import * as sim from '../../web/pong-simulation.js';
import { newMeasures, playMatches, Samples } from './match-world.mjs';
import { encodeHeartbeat, encodeKeyframe, encodeUpdate } from './reference-server.mjs';
import { randomFrom } from './world.mjs';

const MINUTE_MS = 60_000;
/** Of play, for each of the networks below. */
const minutes = process.env.PONG_TEST_FULL ? 60 : 10;
const MATCH_MINUTES = 5;
/** A turn of the ball at a face on the screen, and the hit on the server, are the same thing when they are so near. */
const SAME_MS = 600;

function sum(options) {
  const measures = newMeasures();
  const total = { counts: {}, hits: 0, points: 0, saves: 0, savesLost: 0, passed: 0, offPaddle: new Samples(), seconds: 0, measures };
  for (let seed = 1; seed <= minutes / MATCH_MINUTES; seed++) {
    const random = randomFrom(seed * 77);
    const clocks = [0, 1].map(() => ({ offset: random.between(0, 1e7), drift: random.between(-2e-4, 2e-4) }));
    const run = playMatches({ seed, ms: MATCH_MINUTES * MINUTE_MS, measures, clocks, ...options });
    for (const [name, count] of Object.entries(run.server.counts)) total.counts[name] = (total.counts[name] ?? 0) + count;
    total.hits += run.hits.length;
    total.points += run.points.length;
    total.seconds += (MATCH_MINUTES * MINUTE_MS * run.players.length) / 1000;
    for (const player of run.players) tally(player, run, total);
  }
  return total;
}

function tally(player, { hits }, total) {
  const isHit = ({ seat, at }) => hits.some((hit) => hit.seat === seat && Math.abs(hit.at - at) < SAME_MS);
  // What is seen last the server has yet to compute.
  const end = MATCH_MINUTES * MINUTE_MS - SAME_MS;
  for (const turn of player.turns.filter(({ at }) => at < end)) {
    if (turn.seat !== player.seat) total.offPaddle.add(turn.off);
    else if (isHit(turn)) total.saves++;
    else total.savesLost++;
  }
  total.passed += player.crossings.filter(isHit).length;
}

function report(t, name, { counts, measures, ...total }) {
  const at = (samples) => [0.5, 0.99, 0.999].map((q) => samples.at(q).toFixed(2)).join(' / ');
  t.diagnostic(`${name}: ${total.hits} hits, ${total.points} points; seen saves ${total.saves}, of them lost ${total.savesLost}; passed through ${total.passed}`);
  t.diagnostic(`  beyond own speed, px a frame, p50/p99/p99.9: ball ${at(measures.ball)}, own paddle ${at(measures.own)}, other ${at(measures.other)}`);
  t.diagnostic(`  the ball in the two views, px apart: ${at(measures.views)}; news late by steps: ${at(measures.lateness)}; turned off the far paddle's edge, px: ${at(total.offPaddle)}`);
  t.diagnostic(`  late inputs ${counts.late} of ${counts.inputs}, refused ${counts.bad}; frames a second and player ${(counts.frames / total.seconds).toFixed(2)}, bytes ${(counts.bytes / total.seconds).toFixed(1)}; keyframes ${counts.keyframes}`);
}

const LIMIT_PX = 8;

function assertSmooth({ measures }) {
  for (const name of ['ball', 'own', 'other']) {
    assert.ok(measures[name].values.length > 10_000);
    assert.ok(measures[name].at(0.999) <= LIMIT_PX, `${name}: ${measures[name].at(0.999)} px beyond its own speed`);
  }
  assert.equal(measures.backwards, 0, 'the drawn time went back');
  const rates = [measures.rate.at(0.001), measures.rate.at(0.999)];
  assert.ok(rates[0] >= 0.95 && rates[1] <= 1.05, `the drawn time runs at ${rates} of its speed`);
}

function assertSaves({ saves, savesLost }) {
  assert.ok(saves > 20, `${saves} saves`);
  assert.ok(savesLost <= 0.01 * (saves + savesLost), `${savesLost} of ${saves + savesLost} saves seen were none`);
}

describe('predicted play', () => {
  test('120 ms round trip, up to 30 ms more each way', (t) => {
    const total = sum({ network: { delayMs: 60, jitterMs: 30 } });
    report(t, '120 ms + 30', total);
    assertSaves(total);
    assertSmooth(total);
    assert.equal(total.passed, 0);
    assert.equal(total.counts.bad, 0);
    assert.ok(total.counts.late <= 0.002 * total.counts.inputs, `${total.counts.late} late inputs`);
    assert.ok(total.offPaddle.at(0.99) <= 10, 'the ball turns at the opponent’s paddle, not beside it');
  });

  test('the same with one message in a hundred sent again', (t) => {
    const total = sum({ network: { delayMs: 60, jitterMs: 30, lossPercent: 1 } });
    report(t, '120 ms + 30, 1 %', total);
    assertSmooth(total);
    assert.ok(total.saves > 20 && total.savesLost <= 0.02 * total.saves, `${total.savesLost} of ${total.saves}`);
    assert.equal(total.counts.bad, 0);
  });

  test('20 ms', (t) => {
    const total = sum({ network: { delayMs: 10, jitterMs: 2 } });
    report(t, '20 ms + 2', total);
    assertSaves(total);
    assertSmooth(total);
    assert.equal(total.passed, 0);
  });

  test('one near, one far: 20 ms against 240 ms', (t) => {
    const total = sum({ networks: [{ delayMs: 10, jitterMs: 4 }, { delayMs: 120, jitterMs: 30 }] });
    report(t, '20 ms against 240 ms', total);
    assertSaves(total);
    assertSmooth(total);
    assert.equal(total.passed, 0);
  });

  test('against a v1 player, whose targets count from even steps', (t) => {
    const total = sum({ network: { delayMs: 60, jitterMs: 30 }, v1: true });
    report(t, 'v1 opponent', total);
    assertSaves(total);
    assertSmooth(total);
    assert.equal(total.passed, 0);
  });

  test('with lost connections and sends that could not be made', (t) => {
    const total = sum({ network: { delayMs: 40, jitterMs: 20 }, reconnects: true, skipPercent: 1 });
    report(t, 'reconnects, 1 % skipped', total);
    assert.ok(total.saves > 20 && total.savesLost <= 0.02 * total.saves, `${total.savesLost} of ${total.saves}`);
    assertSmooth(total);
    assert.equal(total.passed, 0);
  });

  test('the server stands still for a second, twice a minute', (t) => {
    const total = sum({ network: { delayMs: 60, jitterMs: 30 }, stall: { ms: 1000, everyMs: 30_000 } });
    report(t, 'stalls', total);
    assert.equal(total.counts.thrownOut, 0);
    assert.equal(total.measures.backwards, 0);
    // A save that is seen while nothing is computed may not come to be.
    assert.ok(total.saves > 20 && total.savesLost <= 0.07 * total.saves, `${total.savesLost} of ${total.saves}`);
    assert.ok(total.measures.ahead.at(0.9) < 20, `${total.measures.ahead.at(0.9)} steps ahead`);
  });

  test('the server is too slow by one in twenty', (t) => {
    const total = sum({ network: { delayMs: 60, jitterMs: 30 }, slowness: 1 / 0.95 });
    report(t, 'slow server', total);
    assert.equal(total.counts.thrownOut, 0);
    assert.ok(total.saves > 20 && total.savesLost <= 0.02 * total.saves, `${total.savesLost} of ${total.saves}`);
    assert.ok(total.measures.ahead.at(0.99) < 30, `${total.measures.ahead.at(0.99)} steps ahead`);
  });

  test('at 144 frames a second', (t) => {
    const total = sum({ network: { delayMs: 60, jitterMs: 30 }, fps: 144 });
    report(t, '144 Hz', total);
    assertSaves(total);
    assertSmooth(total);
    assert.equal(total.passed, 0);
  });
});

/** A predictor in a rally whose clock is right: the server is at step now · 0.06 + 1000. */
function playing({ seat = 1, rtt = 100, now = 10_000 } = {}) {
  const mirror = new Mirror({ seat });
  const predictor = new Predictor(mirror);
  const stepAt = (ms) => Math.floor(ms * 0.06) + 1000;
  predictor.reset(now);
  const pong = sim.pongInit(stepAt(now - rtt / 2));
  Object.assign(pong, { phase: sim.RALLY, ballVx: 448, ballVy: 100 });
  predictor.receive(encodeKeyframe(pong), now);
  for (let i = 0; i < 6; i++) predictor.pong(now - rtt, stepAt(now - rtt / 2), now);
  const answer = (ms) => predictor.pong(now + ms - rtt, stepAt(now + ms - rtt / 2), now + ms);
  return { mirror, predictor, pong, now, stepAt, answer };
}

describe('predictor', () => {
  test('shows nothing before the first keyframe, and takes no input', () => {
    const predictor = new Predictor(new Mirror({ seat: 1 }));
    predictor.reset(0);
    predictor.press(1);
    assert.equal(predictor.picture(10), null);
    assert.equal(predictor.takeInput(10), null);
  });

  test('the own paddle moves in the frame of the key', () => {
    const { predictor, now } = playing();
    const before = predictor.picture(now).paddle1;
    predictor.press(-1);
    const input = predictor.takeInput(now);
    assert.deepEqual([...input.subarray(3)], [0, 0]);
    const after = [1, 2, 3].map((frame) => predictor.picture(now + (frame * 1000) / 60).paddle1);
    assert.ok(after[0] < before && after[1] < after[0] - 10 && after[2] < after[1] - 10, `${before} ${after}`);
  });

  test('a released key stops the paddle where it is drawn', () => {
    const { predictor, now, mirror } = playing();
    predictor.press(1);
    predictor.takeInput(now);
    let picture;
    for (let ms = 0; ms <= 200; ms += 5) picture = predictor.picture(now + ms);
    predictor.release();
    const input = predictor.takeInput(now + 200);
    const target = (input[3] | (input[4] << 8)) / 64;
    assert.ok(Math.abs(target - picture.paddle1) <= 15.01, `${target} ${picture.paddle1}`);
    for (let ms = 200; ms <= 500; ms += 5) picture = predictor.picture(now + ms);
    assert.ok(Math.abs(picture.paddle1 - target) < 0.01);
    assert.equal(mirror.lastInput - Math.floor(predictor.picture(now + 500).step) < 0, true);
  });

  test('nothing is sent that changes nothing, and no input twice', () => {
    const { predictor, now } = playing();
    predictor.release();
    assert.equal(predictor.takeInput(now), null, 'it stands still already');
    predictor.press(1);
    assert.ok(predictor.takeInput(now));
    assert.equal(predictor.takeInput(now), null);
    predictor.press(1);
    assert.equal(predictor.takeInput(now + 50), null, 'it goes there already');
  });

  test('inputs name later and later steps, at most 30 a second', () => {
    const { predictor, now, answer } = playing();
    const steps = [];
    for (let ms = 0; ms < 1000; ms++) {
      if (ms % 100 === 0) answer(ms);
      if (ms % 2) predictor.press(1);
      else predictor.press(-1);
      const input = predictor.takeInput(now + ms);
      if (input) steps.push(input[1] | (input[2] << 8));
    }
    assert.equal(steps.length, 30);
    assert.ok(steps.every((step, i) => i === 0 || step > steps[i - 1]));
  });

  test('a pointer sends ten targets a second, and the last one in the end', () => {
    const { predictor, now, answer } = playing();
    const targets = [];
    const take = (ms) => {
      answer(ms);
      const input = predictor.takeInput(now + ms);
      if (input) targets.push((input[3] | (input[4] << 8)) / 64);
    };
    for (let ms = 0; ms < 1000; ms += 4) {
      predictor.pointTo(100 + ms / 4);
      take(ms);
    }
    assert.equal(targets.length, 10);
    for (let ms = 1000; ms < 1200; ms += 10) take(ms);
    assert.equal(targets.at(-1), 100 + 996 / 4 - 60);
    predictor.pointTo(-1000);
    take(1300);
    predictor.pointTo(5000);
    take(1500);
    predictor.pointTo(Number.NaN);
    take(1700);
    assert.deepEqual(targets.slice(-2), [0, 480]);
  });

  test('an input is later than any keyframe or heartbeat heard of', () => {
    const { predictor, pong, now } = playing();
    while (pong.step < 1700) sim.pongStep(pong);
    predictor.receive(encodeHeartbeat(pong), now + 10);
    predictor.press(1);
    const input = predictor.takeInput(now + 11);
    assert.ok(input && (input[1] | (input[2] << 8)) > 1700);
  });

  test('a late input’s keyframe raises the lead, an asked-for one does not', () => {
    const { predictor, pong, now, mirror } = playing();
    predictor.press(-1);
    predictor.takeInput(now);
    const before = predictor.clock.margin(now);
    while (pong.step < mirror.lastInput + 2) sim.pongStep(pong);
    predictor.receive(encodeKeyframe(pong), now + 200);
    const after = predictor.clock.margin(now + 200);
    assert.ok(after > before + 1 && predictor.lateInputs === 1);
    assert.ok(predictor.clock.margin(now + 10_000) < after, 'lowered again');
    assert.ok(predictor.clock.margin(now + 1200) > after - 0.2, 'but slowly');
    while (pong.step < mirror.base + 40) sim.pongStep(pong);
    predictor.receive(encodeKeyframe(pong), now + 900);
    assert.equal(predictor.lateInputs, 1);
  });

  test('a refused input is not a late one, and the next waits until the step is known', () => {
    const { predictor, pong, now, mirror, answer } = playing();
    predictor.press(-1);
    predictor.takeInput(now);
    const before = predictor.clock.margin(now);
    predictor.refused(now + 100);
    predictor.press(1);
    assert.equal(predictor.takeInput(now + 110), null);
    assert.ok(predictor.clock.takePing(now + 110));
    answer(150);
    assert.equal(predictor.takeInput(now + 160), null, 'that ping was sent before the refusal');
    answer(220);
    assert.ok(predictor.takeInput(now + 230));
    while (pong.step < mirror.lastInput + 2) sim.pongStep(pong);
    predictor.receive(encodeKeyframe(pong), now + 500);
    assert.ok(predictor.clock.margin(now + 500) <= before && predictor.lateInputs === 0);
    assert.ok(predictor.takeInput(now + 510), 'the key that is held is told again');
  });

  test('a server that says nothing gets a few inputs, then pings only', () => {
    const { predictor, now } = playing();
    let sent = 0;
    let pings = 0;
    for (let ms = 0; ms < 3000; ms += 10) {
      predictor.press(ms % 40 ? 1 : -1);
      if (predictor.takeInput(now + ms) && ms > 320) sent++;
      if (predictor.clock.takePing(now + ms)) pings++;
    }
    assert.ok(sent <= 9 && pings >= 3, `${sent} ${pings}`);
  });

  test('a rematch’s keyframe is no late input, nor is one long after the last input', () => {
    const { predictor, pong, now, mirror } = playing();
    predictor.press(-1);
    predictor.takeInput(now);
    Object.assign(pong, { phase: sim.FINISHED, stepsLeft: 0xffff, score: [10, 3] });
    predictor.receive(encodeKeyframe(pong), now + 20);
    Object.assign(pong, { step: mirror.lastInput + 20, phase: sim.SERVING, stepsLeft: 180, score: [0, 0] });
    predictor.receive(encodeKeyframe(pong), now + 300);
    assert.equal(predictor.lateInputs, 0);
    pong.step += 200;
    pong.paddleY = [0, 0];
    predictor.receive(encodeKeyframe(pong), now + 4000);
    assert.equal(predictor.lateInputs, 0);
  });

  test('a moment that is none shows the last picture', () => {
    const { predictor, now } = playing();
    const { step } = predictor.picture(now);
    for (const none of [Number.NaN, undefined, Infinity, -Infinity]) assert.equal(predictor.picture(none).step, step);
    assert.ok(predictor.picture(now + 16).step > step);
  });

  test('a foreseen point is not announced, and its ball waits at the opponent’s face', () => {
    const { predictor, pong, now, stepAt } = playing();
    Object.assign(pong, { ballX: 48_000, ballY: 20_000, ballVx: 448, ballVy: 0, paddleY: [15_360, 0], targetY: [15_360, 0], step: stepAt(now - 50) });
    predictor.receive(encodeKeyframe(pong), now);
    let picture;
    for (let ms = 0; ms < 700; ms += 16) picture = predictor.picture(now + ms);
    assert.deepEqual([picture.phase, picture.score, picture.ballX], ['rally', [0, 0], 778]);
    predictor.announce(1, 0);
    for (let ms = 700; ms < 720; ms += 16) picture = predictor.picture(now + ms);
    assert.deepEqual([picture.phase, picture.score, picture.ballX, picture.ballY], ['serving', [1, 0], 400, 300]);
    assert.ok(picture.stepsLeft > 0 && picture.stepsLeft < 180);
  });

  test('the own miss is drawn at once', () => {
    const { predictor, pong, now, stepAt } = playing();
    Object.assign(pong, { ballX: 3200, ballY: 30_000, ballVx: -448, ballVy: 0, paddleY: [0, 0], targetY: [0, 0], step: stepAt(now - 50) });
    predictor.receive(encodeKeyframe(pong), now);
    let least = 800;
    for (let ms = 0; ms < 300; ms += 16) least = Math.min(least, predictor.picture(now + ms).ballX);
    assert.ok(least < 0, `${least}`);
    assert.deepEqual(predictor.picture(now + 300).score, [0, 0]);
  });

  test('news of the opponent never moves his paddle in a jump', () => {
    const { predictor, pong, now } = playing();
    let last = predictor.picture(now).paddle2;
    predictor.receive(encodeUpdate(pong.step + 1, { target: [undefined, 30_720] }), now + 1);
    let fastest = 0;
    for (let ms = 16; ms < 1000; ms += 16) {
      const { paddle2 } = predictor.picture(now + ms);
      fastest = Math.max(fastest, Math.abs(paddle2 - last));
      last = paddle2;
    }
    assert.equal(last, 480);
    assert.ok(fastest < 15 + 8, `${fastest}`);
  });

  test('without news the picture comes to a stop, and goes on with them', () => {
    const { predictor, pong, now } = playing();
    predictor.picture(now);
    const { step } = predictor.picture(now + 20_000);
    assert.equal(predictor.picture(now + 30_000).step, step);
    while (pong.step < step + 1500) sim.pongStep(pong);
    predictor.receive(encodeHeartbeat({ ...pong, step: pong.step & 0xffff }), now + 30_001);
    predictor.receive(encodeKeyframe(pong), now + 30_001);
    assert.ok(predictor.picture(now + 30_016).step > step);
  });

  test('who watches sees what is settled', () => {
    const { predictor, now, stepAt } = playing({ seat: null });
    const picture = predictor.picture(now + 500);
    const computed = stepAt(now + 500 - 50);
    assert.ok(picture.step < computed - 1 && picture.step > computed - 8, `${picture.step} ${computed}`);
    predictor.press(1);
    assert.equal(predictor.takeInput(now + 500), null);
  });
});

describe('clock', () => {
  test('asks at once, often at first, then every five seconds', () => {
    const clock = new StepClock();
    clock.reset(1000);
    const asked = [];
    for (let now = 1000; now < 22_000; now += 10) if (clock.takePing(now)) asked.push(now - 1000);
    assert.ok(asked[0] === 0 && asked.filter((ms) => ms <= 1000).length >= 5, String(asked));
    const late = asked.filter((ms) => ms > 2000);
    assert.ok(late.every((ms, i) => i === 0 || ms - late[i - 1] === 5000), String(asked));
  });

  test('finds the server’s step behind jitter, retransmissions and a drifting clock', () => {
    const random = randomFrom(3);
    const clock = new StepClock();
    const server = (ms) => 5000 + ms * 0.06 * 1.0002;
    clock.reset(0);
    let worst = 0;
    for (let now = 0; now < 600_000; now += 10) {
      if (clock.takePing(now)) {
        const up = 60 + random() * 30 + (random.chance(0.03) ? 300 : 0);
        const down = 60 + random() * 30 + (random.chance(0.03) ? 300 : 0);
        clock.sample(now, now + up + down, 2 * Math.floor(server(now + up) / 2));
      }
      // An input named now arrives in time when its step is not computed yet.
      if (now > 1000) worst = Math.max(worst, Math.abs(clock.playAt(now) - clock.margin(now) - server(now + 75)));
    }
    assert.ok(worst < 2, `off by ${worst} steps`);
    assert.ok(Math.abs(clock.rtt - 150) < 20 && clock.jitter > 3 && clock.jitter < 30);
    assert.ok(clock.margin(600_000) >= 2 && clock.margin(600_000) <= 6);
  });

  test('follows at once a server that has stood still, and asks when a frame tells of it', () => {
    const clock = new StepClock();
    clock.reset(0);
    for (let now = 0; now < 2000; now += 10) if (clock.takePing(now)) clock.sample(now - 100, now, 1000 + Math.floor((now - 50) * 0.06));
    assert.ok(!clock.takePing(3000));
    clock.hear(1000 + 3000 * 0.06 - 3, 3000);
    assert.ok(!clock.takePing(3000), 'nothing is wrong');
    clock.hear(1000 + 3000 * 0.06 - 60, 3000);
    assert.ok(clock.takePing(3000));
    const before = clock.playAt(3100);
    clock.sample(3000, 3100, 950 + 3050 * 0.06);
    assert.ok(Math.abs(before - clock.playAt(3100) - 50) < 3, `${before} ${clock.playAt(3100)}`);
  });

  test('nonsense does not move it', () => {
    const clock = new StepClock();
    clock.reset(0);
    clock.sample(0, 100, 50);
    const before = clock.playAt(1000);
    clock.sample(200, 100, 60);
    clock.sample(Number.NaN, 100, 60);
    clock.sample(0, 100, Number.NaN);
    assert.equal(clock.playAt(1000), before);
  });
});
