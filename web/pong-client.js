/**
 * The client of a room, usable without this page: one WebSocket that comes back by itself, and behind it a game that is always
 * ready to be drawn. Speaks `pong.v2.bin`: the game is simulated here and ahead of the server, so the own paddle moves at once.
 * Does not draw, and never puts a seat token into an address.
 *
 *     const api = new RoomApi();
 *     const seat = await api.create({ username: 'Ada' });
 *     const client = new PongClient({ code: seat.room_code, playerId: seat.player_id, playerNumber: seat.player_number, api });
 *     client.addEventListener('goal', ({ detail }) => show(detail.score));
 *     client.connect();
 *     requestAnimationFrame(function frame(now) {
 *       const picture = client.picture(now);
 *       if (picture) draw(picture);
 *       requestAnimationFrame(frame);
 *     });
 *     onkeydown = () => client.press(-1);
 *     onkeyup = () => client.release();
 *
 * Events, all CustomEvent:
 *   state       {state, previous}  the 21 keys of the game state, when something in it that is not a position has changed
 *   goal        {scorer, score, message}
 *   gameover    {winner, reason, score, message}
 *   connection  {state, rtt, jitter, recovered}  at each change of state, and when the round trip was measured anew
 *   message     the message itself  every other message of the server, by its `type`
 *   link        {link}              'connecting' | 'open' | 'waiting' (for the next attempt)
 *   end         {reason, code}      it will not come back; reason is one of END_REASONS, `refused` after 45 s in which a room that is
 *                                   there let nobody in (10 s for who watches and never was)
 */

import { SUBPROTOCOL } from './pong-frames.js';
import { Mirror } from './pong-mirror.js';
import { Predictor } from './pong-predictor.js';
import { RoomApi, RoomError } from './rest.js';
import { SlowSocket } from './slow-socket.js';
import { StateKeeper } from './state-keeper.js';

export { RoomApi, RoomError, parseRoomCode } from './rest.js';

const SUBPROTOCOL_V1 = 'pong.v1.json';
const BACKOFF_FIRST_MS = 100;
const BACKOFF_LAST_MS = 5000;
/**
 * A room that is there has let nobody in for so long: it will not. Longer than the server holds the seat of who is away (30 s), for it
 * also refuses for a moment only (too many at once, a restart), and a browser does not tell the one from the other.
 */
const REFUSED_MS = 45_000;
/** The same for who watches and has never been let in: nothing is lost, and a room full of spectators stays full. */
const REFUSED_WATCHING_MS = 10_000;
/** Without news for so long the server is asked for a sign of life … */
const QUIET_MS = 2000;
/** … and has so long to give one. */
const SIGN_OF_LIFE_MS = 4000;
/** A connection that is not open (or not closed) after so long never will be. */
const HANDSHAKE_MS = 8000;
/** After a connection that held so long the first attempt to come back is made soon again. */
const STABLE_MS = 10_000;
const WATCH_EVERY_MS = 1000;
/** Inputs that had to wait, pings, and news that no picture was asked for. */
const TICK_MS = 25;
/** A keyframe that was asked for and has not come is asked for again; the server answers once a second. */
const RESYNC_AGAIN_MS = 1500;
/** The echo of a ping that is older than this is not believed. */
const ECHO_MAX_MS = 60_000;

/** Node.js 18 has none of its own. */
const CustomEvent =
  globalThis.CustomEvent ??
  class extends Event {
    constructor(type, { detail }) {
      super(type);
      this.detail = detail;
    }
  };

/** Why a client ended: close codes 4500–4999 by name, and what only the client knows. */
export const END_REASONS = Object.freeze({
  1000: 'done',
  1008: 'policy',
  1009: 'policy',
  4500: 'bad_token',
  4501: 'replaced',
  4502: 'bad_messages',
  4503: 'room_closed',
  4504: 'kicked',
  gone: 'room_gone',
  refused: 'refused',
});

/**
 * The wait before attempt n (0 is the first), with jitter so that many clients of one server do not return in step.
 * @param {number} attempt
 * @param {() => number} [random] in [0, 1)
 * @returns {number} milliseconds, 100 to 5000
 */
export function backoffMs(attempt, random = Math.random) {
  const ceiling = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt + 1, 16));
  return BACKOFF_FIRST_MS + random() * (ceiling - BACKOFF_FIRST_MS);
}

/** One room, one seat or a place to watch. */
export class PongClient extends EventTarget {
  #code;
  #hello;
  #api;
  #WebSocket;
  #network;
  #url;
  #token;
  #protocol;
  #keeper = new StateKeeper();
  #mirror;
  #predictor;
  #lastPicture = null;
  #socket = null;
  #link = 'connecting';
  #timer = 0;
  #watch = 0;
  #tick = 0;
  #attempt = 0;
  #openedAt = 0;
  /** Since when every handshake has been refused by a room that is there; null when the last one was not. */
  #refusedSince = null;
  #heardAt = 0;
  #askedAt = 0;
  #resyncAt = 0;
  #awaitsMatch = false;
  #joined = false;
  #recovered = null;
  #over = false;
  #traffic = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };

  /**
   * @param {object} options
   * @param {string} options.code the room
   * @param {string} [options.playerId] whose seat; without it the client watches
   * @param {1 | 2} [options.playerNumber] which seat, when that is known already
   * @param {string} [options.username]
   * @param {string} [options.token] the seat's, sent as a header where the WebSocket takes headers, as that of `ws` does; browsers'
   *   have the seat's cookie instead. Never part of an address
   * @param {RoomApi} [options.api]
   * @param {string} [options.url] of the WebSocket; by default beside the page
   * @param {typeof WebSocket} [options.WebSocket]
   * @param {'pong.v2.bin' | 'pong.v1.json'} [options.protocol] with v1 there are no pictures and no inputs, only states and `send`
   * @param {import('./slow-socket.js').Network | null} [options.network] to be simulated; by default none
   */
  constructor({
    code,
    playerId,
    playerNumber = null,
    username,
    token = null,
    api = new RoomApi(),
    url,
    WebSocket = globalThis.WebSocket,
    protocol = SUBPROTOCOL,
    network = null,
  }) {
    super();
    this.#code = code;
    this.#hello = playerId ? { type: 'join_game', player_id: playerId, ...(username && { username }) } : null;
    this.#api = api;
    this.#WebSocket = WebSocket;
    this.#network = network;
    this.#token = token;
    this.#protocol = protocol;
    this.#url = url ?? `${location.origin.replace(/^http/, 'ws')}/ws/game/${encodeURIComponent(code)}/`;
    this.#mirror = new Mirror({ seat: playerNumber });
    this.#predictor = new Predictor(this.#mirror);
  }

  /** @returns {object | null} the 21 keys; a new object each time something in it changes */
  get state() {
    return this.#keeper.state;
  }

  /** @returns {1 | 2 | null} this client's seat; null watches, or does not know yet */
  get playerNumber() {
    return this.#mirror.seat;
  }

  /**
   * @returns {{rtt: number, jitter: number, lateness: number, lateInputs: number, messagesIn: number, messagesOut: number,
   *   bytesIn: number, bytesOut: number, corrections: {ball: number, paddle1: number, paddle2: number}}} since the beginning;
   *   rtt and jitter in ms, lateness (of the opponent's news) in steps of 1/60 s, corrections in px
   */
  get statistics() {
    const { lateness, lateInputs, corrections } = this.#predictor;
    return { ...this.#measured, lateness, lateInputs, corrections, ...this.#traffic };
  }

  /** Opens the connection; once is enough. */
  connect() {
    if (this.#over || this.#watch) return;
    globalThis.addEventListener?.('online', this.#online);
    this.#watch = setInterval(() => this.#keepAlive(), WATCH_EVERY_MS);
    if (this.#isPredicted) this.#tick = setInterval(() => this.#turn(), TICK_MS);
    this.#open();
  }

  /** Leaves for good: no event comes after this. */
  dispose() {
    this.#over = true;
    this.#leave();
  }

  /**
   * @param {object} message
   * @returns {boolean} whether it was given to the socket; what could not be sent is not kept
   */
  send(message) {
    return this.#give(JSON.stringify(message));
  }

  /** @param {'up' | 'down' | -1 | 1} direction the paddle goes there from now on */
  press(direction) {
    this.#predictor.press(direction === 'up' || direction === -1 ? -1 : 1);
    this.#sendInput();
  }

  /** The paddle stops where it is. */
  release() {
    this.#predictor.release();
    this.#sendInput();
  }

  /** @param {number} y where the paddle's middle is wanted, px of the court (0 to 600) */
  pointTo(y) {
    this.#predictor.pointTo(y);
    this.#sendInput();
  }

  /** @returns {boolean} whether the wish was sent, as with all of these */
  serve() {
    return this.#ask('resume_game');
  }

  /** @returns {boolean} */
  pause() {
    return this.#ask('pause_game');
  }

  /** @returns {boolean} */
  resume() {
    return this.#ask('resume_game');
  }

  /** @returns {boolean} */
  rematch() {
    return this.send({ type: 'rematch' });
  }

  /**
   * What is to be seen at a moment; while there is no connection, what was seen last.
   * @param {number} [now] of performance.now() or a frame's timestamp, not before the one asked for last
   * @returns {import('./pong-predictor.js').Picture | null} null before the game is known
   */
  picture(now = performance.now()) {
    if (this.#isPredicted && this.#link === 'open') this.#lastPicture = this.#predictor.picture(now) ?? this.#lastPicture;
    return this.#lastPicture;
  }

  get #isPredicted() {
    return this.#protocol === SUBPROTOCOL;
  }

  #open() {
    this.#setLink('connecting');
    // Who was told may have left.
    if (this.#over) return;
    const headers = this.#token ? { Authorization: `Bearer ${this.#token}` } : undefined;
    const socket = this.#network
      ? new SlowSocket(this.#url, this.#protocol, { network: this.#network, WebSocket: this.#WebSocket, headers })
      : new this.#WebSocket(this.#url, this.#protocol, headers && { headers });
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    let opened = false;
    this.#heardAt = performance.now();
    this.#askedAt = 0;
    socket.onopen = () => {
      opened = true;
      this.#heardAt = this.#openedAt = performance.now();
      this.#refusedSince = null;
      this.#joined = false;
      this.#predictor.reset(performance.now());
      if (this.#hello) this.send(this.#hello);
      this.#setLink('open');
    };
    socket.onmessage = (event) => this.#receive(event.data);
    // A close follows; outside a browser an error that nobody listens to would end the program.
    socket.onerror = () => {};
    socket.onclose = (event) => this.#closed(event.code, opened);
  }

  #receive(data) {
    this.#heardAt = performance.now();
    this.#askedAt = 0;
    this.#traffic.messagesIn++;
    this.#traffic.bytesIn += data.byteLength ?? data.length;
    if (typeof data !== 'string') {
      if (this.#isPredicted) this.#hearFrame(data);
      return;
    }
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof message?.type === 'string') this.#hear(message);
  }

  #hearFrame(data) {
    const heard = this.#predictor.receive(data, performance.now());
    if (heard.kind === 'keyframe') this.#awaitsMatch = false;
    this.#look();
  }

  #hear(message) {
    switch (message.type) {
      case 'game_state':
      case 'game_state_delta':
        this.#merge(message);
        return;
      case 'player_joined':
        if (message.is_you) this.#seated(message);
        break;
      case 'goal_scored':
        this.#predictor.announce(message.player_1_score, message.player_2_score);
        break;
      case 'pong':
        this.#echo(message);
        break;
      case 'error':
        if (message.code === 'bad_message' || message.code === 'rate_limited') this.#predictor.refused(performance.now());
        break;
    }
    this.#emit('message', message);
    if (this.#isPredicted) this.#publish(this.#keeper.hear(message));
    if (message.type === 'goal_scored') this.#emit('goal', { scorer: message.scorer, score: scoreOf(message), message });
    if (message.type === 'game_over') {
      this.#emit('gameover', { winner: message.winner, reason: message.reason, score: scoreOf(message), message });
    }
    if (this.#isPredicted) this.#look();
  }

  #merge({ type, is_full_state: isFull, ...fields }) {
    if (isFull && this.#isPredicted) {
      this.#mirror.configure({ winningScore: wholeOr(fields.winning_score) });
      this.#awaitsMatch = fields.status !== 'FINISHED';
      // A rematch's score comes with its keyframe: until then the match before it is drawn, which is over.
      if (!this.#awaitsMatch || !this.#predictor.isFinished) this.#predictor.announce(fields.player_1_score, fields.player_2_score);
      if (!this.#hello) this.#settle(true);
    }
    this.#publish(this.#keeper.merge(fields, isFull));
  }

  #seated({ player_number: number, player_id: id, seat_token: token }) {
    const before = this.#mirror.seat;
    this.#mirror.seat = number === 1 || number === 2 ? number : null;
    const isSame = !this.#hello || typeof id !== 'string' || id === this.#hello.player_id;
    if (!isSame) this.#hello = { ...this.#hello, player_id: id };
    if (typeof token === 'string') this.#token = token;
    this.#settle(isSame && (before === null || before === this.#mirror.seat));
  }

  /** After a reconnect: whether this client has again what it had. */
  #settle(isSame) {
    if (this.#joined) return;
    this.#joined = true;
    if (this.#recovered === null) return;
    this.#recovered = isSame;
    this.#tellConnection();
  }

  #echo({ time, step }) {
    const now = performance.now();
    if (!this.#isPredicted || !(time <= now && time > now - ECHO_MAX_MS) || !Number.isInteger(step)) return;
    this.#predictor.pong(time, step, now);
    this.#tellConnection();
  }

  #turn() {
    if (this.#socket?.readyState !== 1) return;
    const now = performance.now();
    if (this.#predictor.clock.takePing(now)) this.send({ type: 'ping', time: now });
    if (this.#resyncAt && now - this.#resyncAt > RESYNC_AGAIN_MS) {
      this.#resyncAt = 0;
      this.#predictor.forgetResync();
    }
    if (this.#predictor.takeResync()) {
      this.#resyncAt = now;
      this.send({ type: 'resync' });
    }
    this.#sendInput();
    this.#look();
  }

  #sendInput() {
    if (!this.#isPredicted || this.#socket?.readyState !== 1) return;
    const input = this.#predictor.takeInput(performance.now());
    if (input) this.#give(input);
  }

  /** Tells what has changed in the simulated game since the last look. */
  #look() {
    const standing = this.#predictor.standing(performance.now());
    // A rematch has been told, its keyframe is still under way.
    if (this.#awaitsMatch && standing?.phase === 'finished') return;
    if (standing) this.#publish(this.#keeper.look(standing));
  }

  #publish(change) {
    if (change) this.#emit('state', change);
  }

  #ask(type) {
    return this.send({ type, player_number: this.#mirror.seat });
  }

  #give(data) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(data);
    this.#traffic.messagesOut++;
    this.#traffic.bytesOut += data.byteLength ?? data.length;
    return true;
  }

  async #closed(code, opened) {
    this.#socket = null;
    const final = END_REASONS[code] ?? (code >= 4500 && code <= 4999 ? 'refused' : null);
    if (final) {
      this.#end(final, code);
      return;
    }
    if (this.#joined) this.#recovered = false;
    if (opened && performance.now() - this.#openedAt > STABLE_MS) this.#attempt = 0;
    this.#setLink('waiting');
    if (this.#over) return;
    // A browser does not tell why a handshake was refused, so ask whether there still is a room.
    const cameBack = code >= 4000 && code <= 4499;
    const roomIsThere = cameBack || (await this.#askForRoom());
    if (this.#over) return;
    if (roomIsThere === false) this.#end(END_REASONS.gone, code);
    else if (!opened && this.#isShutOut(roomIsThere)) this.#end(END_REASONS.refused, code);
    else this.#timer = setTimeout(this.#again, backoffMs(this.#attempt++));
  }

  /** After a handshake that failed: whether to give up. Where nobody could say that there is a room, it was no refusal. */
  #isShutOut(roomIsThere) {
    if (!roomIsThere) {
      this.#refusedSince = null;
      return false;
    }
    const now = performance.now();
    this.#refusedSince ??= now;
    return now - this.#refusedSince >= (this.#hello || this.#openedAt ? REFUSED_MS : REFUSED_WATCHING_MS);
  }

  /** @returns {Promise<boolean | null>} null when nobody could say */
  async #askForRoom() {
    try {
      await this.#api.check(this.#code);
      return true;
    } catch (error) {
      return error instanceof RoomError && error.status === 404 ? false : null;
    }
  }

  /** Finds out about a connection that died without a word: a browser shows its page no ping frames. */
  #keepAlive() {
    if (!this.#socket) return;
    const now = performance.now();
    if (this.#socket.readyState !== 1) {
      if (now - this.#heardAt < HANDSHAKE_MS) return;
      this.#drop();
      this.#closed(1006, false);
    } else if (this.#askedAt) {
      if (now - this.#askedAt < SIGN_OF_LIFE_MS) return;
      this.#drop();
      this.#closed(1006, true);
    } else if (now - this.#heardAt > QUIET_MS) {
      this.#askedAt = now;
      this.send({ type: 'ping', time: now });
    }
  }

  #again = () => {
    this.#timer = 0;
    this.#open();
  };

  #online = () => {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#again();
  };

  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(1000);
  }

  #end(reason, code) {
    if (this.#over) return;
    this.#setLink('waiting', 'ended');
    if (this.#over) return;
    this.#over = true;
    this.#leave();
    this.dispatchEvent(new CustomEvent('end', { detail: { reason, code } }));
  }

  #leave() {
    clearInterval(this.#tick);
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    globalThis.removeEventListener?.('online', this.#online);
    this.#drop();
  }

  #setLink(link, name = link) {
    if (name !== 'ended') {
      this.#link = link;
      this.#emit('link', { link });
    }
    this.#tellConnection(name);
  }

  #tellConnection(state = this.#link) {
    const recovered = state === 'open' && this.#joined ? this.#recovered : null;
    this.#emit('connection', { state, ...this.#measured, recovered });
  }

  get #measured() {
    const { isReady, rtt, jitter } = this.#predictor.clock;
    return isReady ? { rtt, jitter } : { rtt: 0, jitter: 0 };
  }

  #emit(type, detail) {
    if (!this.#over) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function scoreOf(message) {
  return [message.player_1_score, message.player_2_score];
}

function wholeOr(value) {
  return Number.isInteger(value) ? value : undefined;
}
