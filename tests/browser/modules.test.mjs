// The page's modules that need no page, run in the browser that will run them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { useStack } from '../e2e/harness.mjs';
import { openTab, useBrowser } from './browser.mjs';

describe('modules', () => {
  const stack = useStack();
  const browser = useBrowser();

  async function inPage(work, argument) {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    try {
      return await page.evaluate(work, argument);
    } finally {
      await context.close();
    }
  }

  test('room codes are read as people write them', async () => {
    const read = await inPage(async (texts) => {
      const { parseRoomCode } = await import('/rest.js');
      return texts.map(parseRoomCode);
    }, ['a1b2c3', ' a1b-2c3 ', 'AOIL23', 'https://pong.example/?room=A1B2C3#top', 'A1B2C', 'A1B2C3D', 'A1B2U3', '', '<b>x</b>']);
    assert.deepEqual(read, ['A1B2C3', 'A1B2C3', 'A01123', 'A1B2C3', null, null, null, null, null]);
  });

  test('reconnecting waits 100 ms to 5 s, longer each time, with jitter', async () => {
    const waits = await inPage(async () => {
      const { backoffMs } = await import('/pong-client.js');
      return [0, 1, 2, 3, 4, 5, 6, 20, 2000].map((attempt) => [backoffMs(attempt, () => 0), backoffMs(attempt, () => 0.999999)]);
    });
    const longest = waits.map(([, most]) => Math.round(most));
    assert.deepEqual(waits.map(([least]) => least), waits.map(() => 100));
    assert.deepEqual(longest, [200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]);
  });

  test('the ball is shown on its path: over walls, off paddles, into the goal', async () => {
    const shown = await inPage(async () => {
      const { Motion } = await import('/motion.js');
      const base = {
        ball_size: 20, paddle_width: 12, is_paused: false, player_1_paddle_y: 0, player_2_paddle_y: 0,
        ball_speed_x: 10, ball_speed_y: 0, ball_x: 400, ball_y: 300,
      };
      const between = (from, to) => {
        const motion = new Motion();
        motion.push({ ...base, ...from, timestamp: 1000 }, 0);
        motion.push({ ...base, ...to, timestamp: 1000 + 1000 / 30 }, 1000 / 30);
        const path = [];
        for (let now = 0; now <= 300; now += 2) path.push(motion.at(now));
        return path;
      };
      return {
        straight: between({}, { ball_x: 420, player_1_paddle_y: 30 }),
        wall: between({ ball_y: 20, ball_speed_y: -20 }, { ball_x: 420, ball_y: 40, ball_speed_y: 20 }),
        paddle: between({ ball_x: 42, ball_speed_x: -20 }, { ball_x: 42, ball_speed_x: 20 }),
        goal: between({ ball_x: 5, ball_speed_x: -10 }, { ball_x: 400, ball_speed_x: 0, is_paused: true }),
        late: between({ ball_x: 700, ball_speed_x: 30 }, { ball_x: 760, ball_speed_x: 30 }),
      };
    });
    const xs = shown.straight.map((picture) => picture.ballX);
    assert.ok(xs.every((x, i) => i === 0 || x >= xs[i - 1]), 'never backwards');
    assert.ok(Math.max(...xs.map((x, i) => (i ? x - xs[i - 1] : 0))) < 2.5, 'never in jumps');
    assert.ok(shown.straight.some(({ paddle1 }) => paddle1 > 5 && paddle1 < 25), 'the paddle moves between two updates');
    const top = Math.min(...shown.wall.map((picture) => picture.ballY));
    assert.ok(top >= 10 && top < 13, `touches the wall, stays in the court: ${top}`);
    const left = Math.min(...shown.paddle.map((picture) => picture.ballX));
    assert.ok(left >= 22 && left < 26, `touches the paddle, does not enter it: ${left}`);
    assert.ok(shown.goal.every(({ ballX }) => ballX <= 5 || ballX === 400), 'is put back, does not fly back');
    assert.ok(shown.late.every(({ ballX }) => ballX <= 778), 'waits at the paddle for the server to decide');
  });

  test('the ball flies on evenly while an update is late', async () => {
    const xs = await inPage(async () => {
      const { Motion } = await import('/motion.js');
      const motion = new Motion();
      const shown = [];
      const game = (n) => ({
        ball_size: 20, paddle_width: 12, is_paused: false, player_1_paddle_y: 0, player_2_paddle_y: 0,
        ball_speed_x: 5, ball_speed_y: 0, ball_x: 100 + 10 * n, ball_y: 300, timestamp: 5000 + (n * 1000) / 30,
      });
      const arrivals = Array.from({ length: 40 }, (_, n) => (n * 1000) / 30 + (n === 20 ? 60 : 0));
      let next = 0;
      for (let now = 0; now < 1300; now += 1000 / 60) {
        while (next < arrivals.length && arrivals[next] <= now) motion.push(game(next), arrivals[next++]);
        shown.push(motion.at(now).ballX);
      }
      return shown;
    });
    const steps = xs.slice(1).map((x, i) => x - xs[i]);
    const flying = steps.slice(10);
    assert.ok(Math.min(...flying) > 2, `it nearly stops: ${Math.min(...flying)}`);
    assert.ok(Math.max(...flying) < 8, `it jumps: ${Math.max(...flying)}`);
  });

  test('the first pointer turns keys into positions', async () => {
    const sent = await inPage(async () => {
      const { Paddle } = await import('/paddle.js');
      const messages = [];
      const paddle = new Paddle(2, (message) => messages.push(message) > 0);
      paddle.steer(-1);
      paddle.steer(1);
      paddle.drag(300);
      paddle.step(0, 16, 240, false);
      paddle.steer(-1);
      paddle.step(100, 16, 240, false);
      paddle.renew();
      paddle.step(200, 16, 240, false);
      return messages;
    });
    assert.deepEqual(sent, [
      { type: 'key_event', key: 'up', is_down: true, player_number: 2 },
      { type: 'key_event', key: 'up', is_down: false, player_number: 2 },
      { type: 'key_event', key: 'down', is_down: true, player_number: 2 },
      { type: 'key_event', key: 'down', is_down: false, player_number: 2 },
      { type: 'paddle_position', player_number: 2, position: 240 },
      { type: 'paddle_position', player_number: 2, position: 0 },
      { type: 'paddle_position', player_number: 2, position: 0 },
    ]);
  });

  test('a match knows its phase, who may serve and what is left of a countdown', async () => {
    const seen = await inPage(async () => {
      const { Match } = await import('/match.js');
      const match = new Match(1);
      const game = {
        status: 'WAITING', is_paused: true, ball_speed_x: 0, ball_speed_y: 0, last_loser: null, winning_score: 10,
        player_1_score: 0, player_2_score: 0, player_1_username: 'Ada', player_2_username: 'Grace',
      };
      const phases = [];
      const note = () => phases.push(match.phase);
      match.update(game, 0);
      note();
      match.update({ ...game, status: 'ONGOING' }, 0);
      note();
      const early = match.mayServe(999);
      const later = match.mayServe(1000);
      const left = match.countdownMs(1000);
      match.update({ ...game, status: 'ONGOING', ball_speed_x: 7, ball_speed_y: 7 }, 2500);
      const launch = [match.mayServe(2500), match.countdownMs(2500)];
      match.update({ ...game, status: 'ONGOING', ball_speed_x: 7, ball_speed_y: 7, is_paused: false }, 3000);
      note();
      match.hear({ type: 'goal_scored', scorer: 1 }, 4000);
      match.update({ ...game, status: 'ONGOING', last_loser: 2, player_1_score: 1 }, 4000);
      note();
      const theirServe = match.mayServe(6000);
      match.hear({ type: 'game_paused', reason: 'absence', player_number: 2 }, 10_000);
      note();
      const grace = match.graceMs(15_000);
      match.hear({ type: 'player_joined', player_number: 2, is_you: false }, 30_000);
      const back = match.countdownMs(31_000);
      match.hear({ type: 'game_paused', reason: 'absence', player_number: 2 }, 40_000);
      const graceAfter20 = match.graceMs(40_000);
      match.hear({ type: 'player_joined', player_number: 2, is_you: false }, 65_000);
      match.hear({ type: 'game_paused', reason: 'absence', player_number: 2 }, 70_000);
      const graceAfter45 = match.graceMs(70_000);
      match.update({ ...game, status: 'FINISHED' }, 80_000);
      note();
      return { phases, early, later, left, launch, theirServe, grace, back, graceAfter20, graceAfter45, result: match.result };
    });
    assert.deepEqual(seen, {
      phases: ['waiting', 'serving', 'rally', 'serving', 'paused', 'finished'],
      early: false,
      later: true,
      left: 2000,
      launch: [false, 500],
      theirServe: false,
      grace: 25_000,
      back: 2000,
      graceAfter20: 30_000,
      graceAfter45: 15_000,
      result: { winner: null, reason: 'unknown' },
    });
  });

  test('who returns may serve once the server would let him, not before', async () => {
    const seen = await inPage(async () => {
      const { Match } = await import('/match.js');
      const game = {
        status: 'ONGOING', is_paused: true, ball_speed_x: 0, ball_speed_y: 0, last_loser: 1, winning_score: 10,
        player_1_score: 2, player_2_score: 3, player_1_username: 'Ada', player_2_username: 'Grace', player_2_id: 'guest-1',
      };
      const joined = (player) => ({ type: 'player_joined', player_number: player, is_you: player === 1 });
      const paused = (reason, player) => ({ type: 'game_paused', reason, player_number: player });
      const after = (returning, messages, state = game) => {
        const match = new Match(1, returning);
        match.update(state, 0);
        const unknown = match.mayServe(9000);
        for (const message of messages) match.hear(message, 0);
        const told = [match.phase, match.countdownMs(1000)];
        const serves = [];
        for (let now = 0; now <= 7000; now += 500) {
          match.advance(now);
          if (match.mayServe(now)) serves.push(now);
        }
        return { unknown, told, serves: [serves[0] ?? null, match.phase] };
      };
      return {
        fresh: after(false, [joined(1)]),
        silent: after(true, [joined(1)]),
        own: after(true, [paused('absence', 1), joined(1)]),
        other: after(true, [paused('absence', 2), joined(1)]),
        both: after(true, [paused('absence', 2), joined(1), joined(2)]),
        restart: after(true, [paused('restart', null), joined(1)]),
        restarted: after(true, [paused('restart', null), joined(1), joined(2)]),
        bot: after(true, [paused('restart', null), joined(1)], { ...game, player_2_id: 'bot-easy' }),
        player: after(true, [paused('player', 2), joined(1)]),
      };
    });
    const returned = { unknown: false, told: ['paused', 2000], serves: [4000, 'serving'] };
    const held = { unknown: false, told: ['paused', null], serves: [null, 'paused'] };
    assert.deepEqual(seen, {
      fresh: { unknown: false, told: ['serving', 2000], serves: [1000, 'serving'] },
      silent: returned,
      own: returned,
      other: held,
      both: returned,
      restart: held,
      restarted: returned,
      bot: returned,
      player: held,
    });
  });

  test('a match knows who is gone, so that nobody waits for a rematch in vain', async () => {
    const seen = await inPage(async () => {
      const { Match } = await import('/match.js');
      const match = new Match(1);
      match.update({ status: 'FINISHED', is_paused: true, player_1_score: 2, player_2_score: 1, winning_score: 2 }, 0);
      const gone = [];
      const hear = (message) => {
        match.hear(message, 0);
        gone.push(match.isAbsent(match.opponent));
      };
      hear({ type: 'rematch_offered', player_number: 2 });
      hear({ type: 'player_left', player_number: 2 });
      const asked = match.rematch.has(2);
      hear({ type: 'player_joined', player_number: 2, is_you: false });
      hear({ type: 'game_over', winner: 1, reason: 'forfeit' });
      return { gone, asked };
    });
    assert.deepEqual(seen, { gone: [false, true, false, true], asked: false });
  });
});
