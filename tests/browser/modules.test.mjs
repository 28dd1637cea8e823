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

  test('what the ball touches is found in the pictures', async () => {
    const seen = await inPage(async () => {
      const { Contacts } = await import('/contacts.js');
      const touches = (...path) => {
        const contacts = new Contacts();
        const found = path.map(([x, y]) => contacts.see(x, y)).filter(Boolean);
        return [...found.map(({ kind, player, x, y }) => `${kind} ${player} ${x} ${y}`), contacts.rally];
      };
      return {
        free: touches([400, 300], [420, 310], [440, 320]),
        wall: touches([400, 40], [410, 20], [420, 15], [430, 25]),
        left: touches([60, 300], [30, 310], [40, 320], [70, 330]),
        right: touches([740, 300], [770, 300], [760, 300]),
        midway: touches([400, 300], [420, 300], [410, 300]),
        put: touches([30, 300], [10, 300], [400, 300], [390, 300]),
        held: touches([60, 300], [30, 310], [30, 310], [60, 320]),
      };
    });
    assert.deepEqual(seen, {
      free: [0],
      wall: ['wall null 430 0', 0],
      left: ['paddle 1 12 320', 1],
      right: ['paddle 2 788 300', 1],
      midway: [0],
      put: [0],
      held: ['paddle 1 12 320', 1],
    });
  });

  test('a gamepad is heard once a press, and a stick is steady', async () => {
    const heard = await inPage(async () => {
      const { Gamepads } = await import('/gamepad.js');
      const pad = { connected: true, axes: [0, 0], buttons: Array.from({ length: 17 }, () => ({ pressed: false })) };
      navigator.getGamepads = () => [null, pad];
      const said = [];
      const pads = new Gamepads({ steer: (way) => said.push(way), accept: () => said.push('A'), pause: () => said.push('start') });
      const tilt = (y) => {
        pad.axes[1] = y;
        pads.poll();
      };
      const hold = (button, pressed) => {
        pad.buttons[button].pressed = pressed;
        pads.poll();
        pads.poll();
      };
      tilt(0.2);
      tilt(0.6);
      tilt(0.3);
      tilt(0.1);
      tilt(-1);
      tilt(0);
      hold(12, true);
      hold(12, false);
      hold(0, true);
      hold(0, false);
      hold(0, true);
      hold(9, true);
      pad.connected = false;
      pads.poll();
      return said;
    });
    assert.deepEqual(heard, [1, 0, -1, 0, -1, 0, 'A', 'A', 'start']);
  });

  test('a match knows its phase, who may serve and what is left of a countdown', async () => {
    const seen = await inPage(async () => {
      const { Match } = await import('/match.js');
      const game = {
        status: 'WAITING', last_loser: null, winning_score: 10,
        player_1_score: 0, player_2_score: 0, player_1_username: 'Ada', player_2_username: 'Grace',
      };
      const match = new Match(1);
      const shown = [];
      const see = (phase, stepsLeft) => {
        match.see({ phase, stepsLeft });
        const { mayServe, mayResume, countdownMs } = match;
        shown.push([match.phase, countdownMs === null ? null : Math.round(countdownMs), mayServe, mayResume]);
      };
      match.update(game);
      see('waiting', null);
      match.update({ ...game, status: 'ONGOING' });
      see('waiting', null); // its keyframe is still under way
      see('serving', 180);
      see('serving', 120);
      see('serving', 30);
      see('rally', null);
      match.update({ ...game, status: 'ONGOING', last_loser: 2 });
      see('serving', 90);
      match.hear({ type: 'game_paused', reason: 'player', player_number: 1 }, 0);
      see('serving', 89); // told before it is drawn
      see('paused', 3700);
      see('paused', 170);
      see('serving', 180);
      const pauseIsOver = match.pause === null;
      match.hear({ type: 'game_paused', reason: 'player', player_number: 2 }, 0);
      see('paused', 3700);
      match.hear({ type: 'game_over', winner: 2, reason: 'score' }, 0);
      match.update({ ...game, status: 'FINISHED' });
      see('finished', null);
      return { shown, pauseIsOver, result: match.result };
    });
    assert.deepEqual(seen, {
      shown: [
        ['waiting', null, false, false],
        ['serving', null, false, false],
        ['serving', 3000, false, false],
        ['serving', 2000, true, false],
        ['serving', 500, false, false],
        ['rally', null, false, false],
        ['serving', 1500, false, false],
        ['serving', 1483, false, false],
        ['paused', null, false, true],
        ['paused', 2833, false, false],
        ['serving', 3000, false, false],
        ['paused', null, false, false],
        ['finished', null, false, false],
      ],
      pauseIsOver: true,
      result: { winner: 2, reason: 'score' },
    });
  });

  test('a seat is held for 30 s at a time and 60 s in all', async () => {
    const left = await inPage(async () => {
      const { Match } = await import('/match.js');
      const match = new Match(1);
      const goes = (now) => match.hear({ type: 'game_paused', reason: 'absence', player_number: 2 }, now);
      const returns = (now) => match.hear({ type: 'player_joined', player_number: 2, is_you: false }, now);
      match.update({ status: 'ONGOING', player_1_score: 0, player_2_score: 0, winning_score: 10 });
      match.see({ phase: 'paused', stepsLeft: null });
      goes(10_000);
      const first = match.graceMs(15_000);
      returns(30_000);
      goes(40_000);
      const second = match.graceMs(40_000);
      returns(65_000);
      goes(70_000);
      const third = match.graceMs(70_000);
      returns(71_000);
      match.see({ phase: 'paused', stepsLeft: 180 });
      return [first, second, third, match.graceMs(72_000), match.isAbsent(2)];
    });
    assert.deepEqual(left, [25_000, 30_000, 15_000, null, false]);
  });

  test('a match knows who is gone, so that nobody waits for a rematch in vain', async () => {
    const seen = await inPage(async () => {
      const { Match } = await import('/match.js');
      const match = new Match(1);
      match.update({ status: 'FINISHED', is_paused: true, player_1_score: 2, player_2_score: 1, winning_score: 2 });
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
