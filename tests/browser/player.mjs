// A person at a page: sees the game in the frames that the page's own WebSocket receives, plays by pressing real keys.
// Sends nothing itself; what the page makes of the keys is what is tested.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { PATIENCE_MS } from './browser.mjs';

const LOOK_EVERY_MS = 15;
const NEAR_PX = 18;

export class PagePlayer {
  /** Before the page opens its WebSocket. */
  constructor(page) {
    this.page = page;
    this.state = null; // the 21 keys
    this.seat = null;
    this.received = []; // every message but states
    this.sent = [];
    this.sockets = 0;
    this.key = null;
    page.on('websocket', (socket) => {
      this.sockets += 1;
      socket.on('framereceived', ({ payload }) => this.see(JSON.parse(payload)));
      socket.on('framesent', ({ payload }) => this.sent.push(JSON.parse(payload)));
    });
  }

  see(message) {
    if (message.type === 'game_state' || message.type === 'game_state_delta') {
      const { type, ...fields } = message;
      this.state = message.is_full_state ? fields : { ...this.state, ...fields };
      return;
    }
    this.received.push(message);
    if (message.type === 'player_joined' && message.is_you) this.seat = message.player_number;
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
      assert.ok(Date.now() < deadline, 'the match does not come to its end');
      await this.hold(this.state ? this.keyFor(how) : null);
      await sleep(LOOK_EVERY_MS);
    }
    await this.hold(null);
  }

  keyFor(how) {
    const centre = this.state[`player_${this.seat}_paddle_y`] + 60;
    if (how === 'dodge') return this.state.ball_y < 300 ? 's' : 'w';
    const way = this.state.ball_y - centre;
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
