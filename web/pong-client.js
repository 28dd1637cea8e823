/**
 * The client of a room, usable without this page: one WebSocket on the `pong.v1.json` protocol that comes back by itself.
 * Keeps the newest game state; does not draw, does not guess, and never puts a seat token into an address.
 *
 *     const api = new RoomApi();
 *     const seat = await api.create({ username: 'Ada' });
 *     const client = new PongClient({ code: seat.room_code, playerId: seat.player_id, username: seat.username, api });
 *     client.addEventListener('state', (event) => draw(event.detail.state));
 *     client.connect();
 *
 * Events, all CustomEvent:
 *   state    {state, previous}   the merged game state after each game_state and game_state_delta
 *   message  the message itself  every other message of the server, by its `type`
 *   link     {link}              'connecting' | 'open' | 'waiting' (for the next attempt)
 *   end      {reason, code}      it will not come back; reason is one of END_REASONS
 */

import { RoomApi, RoomError } from './rest.js';

export { RoomApi, RoomError, parseRoomCode } from './rest.js';

const SUBPROTOCOL = 'pong.v1.json';
const BACKOFF_FIRST_MS = 100;
const BACKOFF_LAST_MS = 5000;
/** Handshakes refused one after the other, in a room that exists, before giving up. */
const REFUSALS_MAX = 6;
/** Without news for so long the server is asked for a sign of life … */
const QUIET_MS = 2000;
/** … and has so long to give one. */
const SIGN_OF_LIFE_MS = 4000;
/** A connection that is not open (or not closed) after so long never will be. */
const HANDSHAKE_MS = 8000;
const WATCH_EVERY_MS = 1000;

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
  /** @type {object | null} the 21 keys, as the server last told them; a new object each time */
  state = null;
  #code;
  #hello;
  #api;
  #WebSocket;
  #url;
  #socket = null;
  #timer = 0;
  #watch = 0;
  #attempt = 0;
  #refusals = 0;
  #heardAt = 0;
  #askedAt = 0;
  #over = false;

  /**
   * @param {object} options
   * @param {string} options.code the room
   * @param {string} [options.playerId] whose seat; without it the client watches
   * @param {string} [options.username]
   * @param {RoomApi} [options.api]
   * @param {string} [options.url] of the WebSocket; by default beside the page
   * @param {typeof WebSocket} [options.WebSocket]
   */
  constructor({ code, playerId, username, api = new RoomApi(), url, WebSocket = globalThis.WebSocket }) {
    super();
    this.#code = code;
    this.#hello = playerId ? { type: 'join_game', player_id: playerId, ...(username && { username }) } : null;
    this.#api = api;
    this.#WebSocket = WebSocket;
    this.#url = url ?? `${location.origin.replace(/^http/, 'ws')}/ws/game/${code}/`;
  }

  /** Opens the connection; to be called once. */
  connect() {
    globalThis.addEventListener?.('online', this.#online);
    this.#watch = setInterval(() => this.#keepAlive(), WATCH_EVERY_MS);
    this.#open();
  }

  /** Leaves for good: no event comes after this. */
  dispose() {
    this.#over = true;
    this.#release();
  }

  /**
   * @param {object} message
   * @returns {boolean} whether it was given to the socket; what could not be sent is not kept
   */
  send(message) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #open() {
    this.#emit('link', { link: 'connecting' });
    const socket = new this.#WebSocket(this.#url, SUBPROTOCOL);
    this.#socket = socket;
    let opened = false;
    this.#heardAt = performance.now();
    this.#askedAt = 0;
    socket.onopen = () => {
      opened = true;
      this.#heardAt = performance.now();
      if (this.#hello) this.send(this.#hello);
      this.#emit('link', { link: 'open' });
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#closed(event.code, opened);
  }

  #receive(data) {
    this.#heardAt = performance.now();
    this.#askedAt = 0;
    this.#attempt = 0;
    this.#refusals = 0;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message?.type === 'game_state' || message?.type === 'game_state_delta') this.#merge(message);
    else if (typeof message?.type === 'string') this.#emit('message', message);
  }

  #merge({ type, is_full_state: isFull, ...fields }) {
    if (!isFull && !this.state) return;
    const previous = this.state;
    this.state = isFull ? fields : { ...previous, ...fields };
    this.#emit('state', { state: this.state, previous });
  }

  async #closed(code, opened) {
    this.#socket = null;
    const final = END_REASONS[code] ?? (code >= 4500 && code <= 4999 ? 'refused' : null);
    if (final) {
      this.#end(final, code);
      return;
    }
    this.#emit('link', { link: 'waiting' });
    // A browser does not tell why a handshake was refused, so ask whether there still is a room.
    const cameBack = code >= 4000 && code <= 4499;
    const roomIsThere = cameBack || (await this.#askForRoom());
    if (this.#over) return;
    if (roomIsThere === false) this.#end(END_REASONS.gone, code);
    else if (roomIsThere && !opened && ++this.#refusals >= REFUSALS_MAX) this.#end(END_REASONS.refused, code);
    else this.#timer = setTimeout(this.#again, backoffMs(this.#attempt++));
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
      this.send({ type: 'ping', time: Date.now() });
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
    this.#over = true;
    this.#release();
    this.dispatchEvent(new CustomEvent('end', { detail: { reason, code } }));
  }

  #release() {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    globalThis.removeEventListener?.('online', this.#online);
    this.#drop();
  }

  #emit(type, detail) {
    if (!this.#over) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
