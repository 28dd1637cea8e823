// A player as a front end would be one: a WebSocket, the newest state, a log of all that was heard, and two ways
// to play, well and badly. Must not look into the server: what it knows came over the wire.

import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

import { parseOrUndefined } from './rest.mjs';

export const WAIT_MS = 20_000; // how long something that must come may take on a busy machine

export const BINARY = 'pong.v2.bin';

const PADDLE = 120;
const PLANE = { 1: 22, 2: 778 }; // the ball's centre when it meets the paddle, px
const TOP = 10;
const BOTTOM = 590;

/** The server answered the handshake with a status instead of an upgrade. */
export class Refused extends Error {
  constructor(status, headers, text) {
    super(`the handshake was refused with ${status}`);
    Object.assign(this, { status, headers, text, json: parseOrUndefined(text) });
  }
}

/** Where the ball's centre will be when it reaches `seat`; null while it does not fly there. */
export function arrival({ ball_x: x, ball_y: y, ball_speed_x: vx, ball_speed_y: vy }, seat) {
  const steps = (PLANE[seat] - x) / vx;
  if (!Number.isFinite(steps) || steps < 0) return null;
  const span = BOTTOM - TOP;
  const along = (((y + vy * steps - TOP) % (2 * span)) + 2 * span) % (2 * span);
  return TOP + (along <= span ? along : 2 * span - along);
}

export class Player extends EventEmitter {
  constructor(stack, socket, seat) {
    super();
    this.stack = stack;
    this.socket = socket;
    this.seat = seat; // the answer of create or join, {} for who has none
    this.number = seat.player_number ?? null;
    this.messages = [];
    this.frames = []; // binary messages of pong.v2.bin
    this.state = {};
    this.pings = 0;
    this.closed = null; // {code, reason} once closed
    this.waitedFor = new Map(); // type -> index in messages up to which waitFor has looked
    this.strategy = null;
    this.position = null; // last paddle_position sent
    socket.on('message', (data, binary) => this.hear(data, binary));
    socket.on('ping', () => {
      this.pings += 1;
      this.emit('ping');
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      stack.players.delete(this);
      this.emit('closed');
    });
    socket.on('error', () => {}); // a close follows, which is what tests look at
  }

  /**
   * Opens /ws/game/CODE/. `via`: how the seat's token is shown: 'query' | 'bearer' | 'cookie' | 'none'.
   * `query`, `headers`, `cookies`, `origin`, `protocol` (one or several) and `wsUrl` for those who want to differ. Throws Refused.
   */
  static connect(stack, seat, options = {}) {
    const { via = seat.seat_token ? 'query' : 'none', headers = {}, cookies = {}, origin, protocol, socketOptions } = options;
    const token = seat.seat_token;
    let query = options.query ?? '';
    const send = { ...headers };
    const jar = { ...cookies };
    if (via === 'query') query = `?token=${token}`;
    if (via === 'bearer') send.Authorization = `Bearer ${token}`;
    if (via === 'cookie') jar[`pong_seat_${seat.player_number}`] = token;
    if (Object.keys(jar).length > 0) send.Cookie = Object.entries(jar).map(([k, v]) => `${k}=${v}`).join('; ');
    const url = `${options.wsUrl ?? stack.wsUrl}/ws/game/${seat.room_code}/${query}`;
    const socket = new WebSocket(url, [protocol ?? []].flat(), {
      headers: send, origin, perMessageDeflate: false, handshakeTimeout: WAIT_MS, ...socketOptions,
    });
    const player = new Player(stack, socket, seat);
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        stack.players.add(player);
        resolve(player);
      });
      socket.once('error', reject);
      socket.once('unexpected-response', (request, response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('close', () => {
          reject(new Refused(response.statusCode, response.headers, Buffer.concat(chunks).toString('utf8')));
        });
      });
    });
  }

  hear(data, binary) {
    if (binary) {
      if (this.socket.protocol !== BINARY) throw new Error('a binary frame on pong.v1.json');
      this.frames.push(data);
      this.emit('heard', data);
      return;
    }
    const message = JSON.parse(data.toString('utf8'));
    this.messages.push(message);
    if (message.type === 'game_state' || message.type === 'game_state_delta') {
      const { type, is_full_state: full, ...values } = message;
      this.state = full ? values : { ...this.state, ...values };
    }
    if (message.type === 'player_joined' && message.is_you) {
      this.number = message.player_number;
      if (message.seat_token) this.stack.secrets.add(message.seat_token);
    }
    this.emit('heard', message);
    this.play();
  }

  sendRaw(data, options) {
    this.socket.send(data, options ?? {});
  }

  sendJson(message) {
    this.sendRaw(JSON.stringify(message));
  }

  sayHello({ player_id = this.seat.player_id ?? null, username = this.seat.username ?? null } = {}) {
    this.sendJson({ type: 'join_game', player_id, username });
  }

  /** Says hello and waits until that is answered in full. */
  async join(fields) {
    this.sayHello(fields);
    const joined = await this.waitFor('player_joined', (message) => message.is_you);
    await this.waitFor('game_state_delta', (message) => message.is_full_state);
    return joined;
  }

  /** The next message of that type (or of one of several) that the predicate takes; each is given out once. */
  waitFor(type, predicate = () => true, ms = WAIT_MS) {
    const types = [type].flat();
    const lookedAt = (each) => this.waitedFor.get(each) ?? 0;
    const look = () => {
      for (let i = Math.min(...types.map(lookedAt)); i < this.messages.length; i += 1) {
        const message = this.messages[i];
        if (!types.includes(message.type) || i < lookedAt(message.type)) continue;
        this.waitedFor.set(message.type, i + 1);
        if (predicate(message)) return message;
      }
      return undefined;
    };
    return this.until(types.map((each) => `"${each}"`).join(' or '), look, ms);
  }

  /** What was heard so far will not be given out any more: waitFor() then means news. */
  forget() {
    for (const { type } of this.messages) this.waitedFor.set(type, this.messages.length);
  }

  /** Resolves once the newest known state pleases the predicate. */
  waitForState(predicate, what = predicate.toString(), ms = WAIT_MS) {
    return this.until(`state ${what}`, () => (predicate(this.state) ? this.state : undefined), ms);
  }

  /** Waits until that many binary messages have come. */
  waitForFrames(count, ms = WAIT_MS) {
    return this.until(`${count} frames`, () => (this.frames.length >= count ? this.frames : undefined), ms);
  }

  /** {code, reason}: 1006 is a connection that ended without a close frame. */
  waitForClose(ms = WAIT_MS) {
    return this.until('close', () => this.closed ?? undefined, ms, true);
  }

  until(what, look, ms, closeIsFine = false) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        this.off('heard', attempt).off('closed', attempt).off('ping', attempt);
        settle(value);
      };
      const fail = (why) => done(reject, new Error(`player ${this.number}: no ${what}: ${why}\n${this.story()}`));
      const attempt = () => {
        const found = look();
        if (found !== undefined) done(resolve, found);
        else if (this.closed && !closeIsFine) fail(`closed with ${this.closed.code} ${this.closed.reason}`);
      };
      const timer = setTimeout(() => fail(`nothing within ${ms} ms`), ms);
      this.on('heard', attempt).on('closed', attempt).on('ping', attempt);
      attempt();
    });
  }

  /** For error messages: what was heard last, and what became of the server. */
  story() {
    const heard = this.messages.slice(-12).map((message) => JSON.stringify(message).slice(0, 240));
    return ['the last messages:', ...heard, this.stack.obituaries()].join('\n');
  }

  types(from = 0) {
    return this.messages.slice(from).map((message) => message.type);
  }

  all(type, from = 0) {
    return this.messages.slice(from).filter((message) => message.type === type);
  }

  /** The server's step number, which is the game's clock. What was sent before has been handled when it comes. */
  async step() {
    const time = Math.round(performance.now() * 1000) / 1000;
    this.sendJson({ type: 'ping', time });
    const pong = await this.waitFor('pong', (message) => message.time === time);
    return pong.step;
  }

  /** Resolves when the game's clock has gone on by that many steps since `from`, or since now. */
  async stepsPass(count, from) {
    const since = from ?? (await this.step());
    while ((await this.step()) - since < count) await sleep(50);
  }

  moveTo(position) {
    if (position === this.position) return;
    this.position = position;
    this.sendJson({ type: 'paddle_position', player_number: this.number, position });
  }

  play() {
    if (this.strategy && this.socket.readyState === WebSocket.OPEN) this.strategy();
  }

  /** Returns every ball; `off` px from the paddle's middle, so that balls fly at an angle. */
  track(off = 0) {
    this.strategy = () => {
      const y = arrival(this.state, this.number);
      if (y !== null) this.moveTo(Math.round(Math.min(480, Math.max(0, y - PADDLE / 2 + off))));
    };
    this.play();
  }

  /** Misses every ball: goes to the corner that is farther from where it will arrive. */
  miss() {
    this.strategy = () => {
      const y = arrival(this.state, this.number);
      if (y !== null) this.moveTo(y > 300 ? 0 : 480);
    };
    this.play();
  }

  /** Leaves the paddle alone. */
  rest() {
    this.strategy = null;
  }

  /** Closes properly. */
  async leave() {
    this.socket.close(1000);
    await this.waitForClose();
  }

  /** Vanishes, as when the network goes. */
  drop() {
    this.socket.terminate();
  }
}
