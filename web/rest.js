/**
 * The rooms' REST interface, /api/room/: one method a request, an answer or a RoomError.
 * Knows nothing of the page. Never sees a seat token used: the browser keeps those in HttpOnly cookies.
 */

/** A failed request. `message` is a sentence that can be shown. */
export class RoomError extends Error {
  /**
   * @param {number} status HTTP status, 0 when no answer came
   * @param {string} code the answer's snake_case code, or `network`
   * @param {string} message a sentence for people
   */
  constructor(status, code, message) {
    super(message);
    this.name = 'RoomError';
    this.status = status;
    this.code = code;
  }
}

/**
 * Reads a room code as people write it: any case, spaces and dashes, O for 0, I and L for 1, or a whole link.
 * @param {string} text
 * @returns {string | null} the six characters, or null when it is no room code
 */
export function parseRoomCode(text) {
  const inLink = /[?&]room=([^&#\s]*)/.exec(text);
  const code = (inLink ? inLink[1] : text)
    .replace(/[\s-]/g, '')
    .toUpperCase()
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{6}$/.test(code) ? code : null;
}

/**
 * What create, join and quick answer.
 * @typedef {object} Seat
 * @property {string} room_code
 * @property {1 | 2} player_number
 * @property {string} player_id
 * @property {string} username
 */

/** Client of /api/room/. */
export class RoomApi {
  #base;
  #fetch;
  #timeoutMs;

  /**
   * @param {object} [options]
   * @param {string} [options.base] where the interface lives
   * @param {typeof fetch} [options.fetch]
   * @param {number} [options.timeoutMs] for a whole request
   */
  constructor({ base = '/api/room/', fetch = globalThis.fetch.bind(globalThis), timeoutMs = 8000 } = {}) {
    this.#base = base;
    this.#fetch = fetch;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Opens a room and takes its first seat.
   * @param {{username?: string, visibility?: string, opponent?: string, level?: string, winning_score?: number}} [options]
   * @returns {Promise<Seat>}
   */
  create(options = {}) {
    return this.#request('POST', 'create/', options);
  }

  /**
   * Takes a seat, or comes back to the one that the caller has.
   * @param {string} code
   * @param {{username?: string}} [options]
   * @returns {Promise<Seat>}
   */
  join(code, options = {}) {
    return this.#request('POST', 'join/', { room_code: code, ...options });
  }

  /**
   * Takes a seat in a public waiting room, or opens one.
   * @param {{username?: string}} [options]
   * @returns {Promise<Seat>}
   */
  quick(options = {}) {
    return this.#request('POST', 'quick/', options);
  }

  /**
   * @param {string} code
   * @returns {Promise<object>} status, player_count, active_sessions, spectators, …
   */
  check(code) {
    return this.#request('GET', `check/${encodeURIComponent(code)}/`);
  }

  /**
   * Closes a room that has not started; for its creator only.
   * @param {string} code
   * @returns {Promise<object>}
   */
  cancel(code) {
    return this.#request('POST', 'cancel/', { room_code: code });
  }

  /** @returns {Promise<{rooms: {room_code: string, status: string, usernames: (string | null)[], scores: number[], spectators: number}[]}>} public rooms */
  list() {
    return this.#request('GET', 'list/');
  }

  async #request(method, path, body) {
    const init = { method, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(this.#timeoutMs) };
    if (body) {
      init.headers = { 'Content-Type': 'application/json' };
      init.body = JSON.stringify(body);
    }
    let response;
    let answer;
    try {
      response = await this.#fetch(this.#base + path, init);
      answer = await response.json().catch(() => null);
    } catch {
      throw new RoomError(0, 'network', 'The server could not be reached. Are you online?');
    }
    if (response.ok && answer?.success) return answer;
    const code = typeof answer?.code === 'string' ? answer.code : 'bad_answer';
    const sentence = typeof answer?.error === 'string' ? answer.error : 'The server gave an answer that makes no sense.';
    throw new RoomError(response.status, code, sentence);
  }
}
