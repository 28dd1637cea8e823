// A person at a page: sees the game in the frames that the page's own WebSocket sends and receives, plays by pressing real keys.
// Sends nothing itself; what the page makes of the keys is what is tested.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { Mirror } from '../../web/pong-mirror.js';
import { StateKeeper } from '../../web/state-keeper.js';
import { PATIENCE_MS } from './browser.mjs';

const LOOK_EVERY_MS = 15;
const NEAR_PX = 18;
const STEPS_PER_MS = 60 / 1000;
const PHASES = ['waiting', 'serving', 'rally', 'paused', 'finished'];

export class PagePlayer {
  /** Before the page opens its WebSocket. */
  constructor(page) {
    this.page = page;
    this.seat = null;
    this.received = []; // every text message but states
    this.sent = []; // text messages, and inputs as {type: 'input', step, target}
    this.frames = { sent: 0, received: 0 }; // binary ones
    this.sockets = 0;
    this.key = null;
    page.on('websocket', (socket) => {
      this.sockets += 1;
      this.keeper = new StateKeeper();
      this.mirror = new Mirror();
      this.aheadMs = Infinity;
      socket.on('framereceived', ({ payload }) => this.see(payload));
      socket.on('framesent', ({ payload }) => this.note(payload));
    });
  }

  see(payload) {
    if (typeof payload !== 'string') {
      this.frames.received += 1;
      this.mirror.receive(payload);
      // Of all frames the one that came soonest tells best which step it is.
      if (this.mirror.newest !== null) this.aheadMs = Math.min(this.aheadMs, Date.now() - this.mirror.newest / STEPS_PER_MS);
      return;
    }
    const message = JSON.parse(payload);
    if (message.type === 'game_state' || message.type === 'game_state_delta') {
      const { type, ...fields } = message;
      this.keeper.merge(fields, message.is_full_state);
      this.mirror.configure({ winningScore: fields.winning_score });
      return;
    }
    this.received.push(message);
    this.keeper.hear(message);
    if (message.type === 'player_joined' && message.is_you) {
      this.seat = message.player_number;
      this.mirror.seat = message.player_number;
    }
  }

  note(payload) {
    if (typeof payload === 'string') {
      this.sent.push(JSON.parse(payload));
      return;
    }
    this.frames.sent += 1;
    const [step, target] = [payload.readUInt16LE(1), payload.readUInt16LE(3)];
    this.sent.push({ type: 'input', step, target });
    if (!this.mirror.isReady) return;
    const { newest } = this.mirror;
    this.mirror.input(newest + (((step - newest) << 16) >> 16), target);
  }

  /** The 21 keys as they are now; null before the first. */
  get state() {
    const known = this.keeper?.state;
    if (!known || !this.mirror.isReady) return known ?? null;
    const pong = this.mirror.at(Math.floor((Date.now() - this.aheadMs) * STEPS_PER_MS));
    this.keeper.look({ phase: PHASES[pong.phase], ballMoves: pong.ballVx !== 0, state: pong });
    const px = (units) => units / 64;
    return {
      ...this.keeper.state,
      ball_x: px(pong.ballX),
      ball_y: px(pong.ballY),
      player_1_paddle_y: px(pong.paddleY[0]),
      player_2_paddle_y: px(pong.paddleY[1]),
    };
  }

  heard(type) {
    return this.received.filter((message) => message.type === type);
  }

  /** Waits for something this player can see. */
  async until(what, check) {
    const deadline = Date.now() + PATIENCE_MS;
    while (!check(this)) {
      assert.ok(Date.now() < deadline, `not seen within ${PATIENCE_MS} ms: ${what}`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Plays with W and S until `done(this)`: `follow` the ball, or `dodge` it. */
  async play(how, done) {
    const deadline = Date.now() + 4 * PATIENCE_MS;
    while (!done(this)) {
      assert.ok(Date.now() < deadline, 'what is played for does not come');
      await this.hold(this.state ? this.keyFor(how) : null);
      await sleep(LOOK_EVERY_MS);
    }
    await this.hold(null);
  }

  keyFor(how) {
    const { state } = this;
    const centre = state[`player_${this.seat}_paddle_y`] + 60;
    if (how === 'dodge') return state.ball_y < 300 ? 's' : 'w';
    const way = state.ball_y - centre;
    return Math.abs(way) < NEAR_PX ? null : way < 0 ? 'w' : 's';
  }

  async hold(key) {
    if (key === this.key) return;
    if (this.key) await this.page.keyboard.up(this.key);
    if (key) await this.page.keyboard.down(key);
    this.key = key;
  }
}

/** Changes what the page asks for when it opens a room: the page offers fewer options than the interface has. */
export async function withOptions(page, options) {
  await page.route('**/api/room/create/', (route) =>
    route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), ...options }) }),
  );
}

/** From home to an open room of one's own; returns the link to send to a friend. */
export async function openRoom(page, name, options = {}) {
  await withOptions(page, options);
  await page.locator('#name').fill(name);
  await page.getByRole('button', { name: 'Play a friend' }).click();
  await page.locator('#lobby').waitFor();
  return page.locator('#lobby-link').inputValue();
}
