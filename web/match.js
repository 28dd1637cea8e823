/**
 * What a player needs to know about a match beyond the 21 keys: which phase it is in, who may do what, how long until the
 * serve. Made from the server's messages alone. No page, no socket, no clock: `now` (ms) is passed in.
 */

/** The countdown before a serve, and after a return. */
const SERVE_MS = 3000;
/** From this part of the countdown on the server can be asked to serve at once. */
const SERVE_ALLOWED_MS = 1000;
/** Once the ball has its direction it flies so much later. */
const LAUNCH_MS = 500;
/** How long a seat is held for who went away, at a time and in a match. */
const ABSENCE_MS = 30000;
const ABSENCE_TOTAL_MS = 60000;

/**
 * @typedef {'waiting' | 'serving' | 'rally' | 'paused' | 'finished'} Phase
 * @typedef {{reason: 'player' | 'absence' | 'restart', player: 1 | 2 | null, since: number, endsAt: number | null}} Pause
 */

/** A match as this client knows it. */
export class Match {
  /** @type {object | null} the game state's 21 keys */
  game = null;
  /** @type {1 | 2 | null} this client's seat; null watches */
  seat;
  /** @type {Pause | null} */
  pause = null;
  /** @type {{winner: 1 | 2 | null, reason: string} | null} reason as in `game_over`, or `unknown` */
  result = null;
  /** @type {Set<number>} who has asked for a rematch */
  rematch = new Set();
  #countdown = null;
  #away = { 1: 0, 2: 0 };

  /** @param {1 | 2 | null} seat */
  constructor(seat) {
    this.seat = seat;
  }

  /** @returns {Phase} */
  get phase() {
    if (!this.game || this.game.status === 'WAITING') return 'waiting';
    if (this.game.status === 'FINISHED') return 'finished';
    if (!this.game.is_paused) return 'rally';
    return this.pause ? 'paused' : 'serving';
  }

  /** @returns {1 | 2 | null} who serves; null: either may */
  get server() {
    return this.game?.last_loser ?? null;
  }

  /**
   * @param {1 | 2} player
   * @returns {string}
   */
  nameOf(player) {
    return this.game?.[`player_${player}_username`] ?? `Player ${player}`;
  }

  /**
   * @param {number} now
   * @returns {boolean} whether asking the server to serve makes sense
   */
  mayServe(now) {
    if (this.phase !== 'serving' || !this.seat || this.#ballFlies()) return false;
    if (this.server !== null && this.server !== this.seat) return false;
    return !this.#countdown || now - this.#countdown.since >= SERVE_ALLOWED_MS;
  }

  /** @returns {boolean} whether this client may end the present pause */
  get mayResume() {
    return this.phase === 'paused' && this.pause.reason === 'player' && this.pause.player === this.seat && !this.pause.endsAt;
  }

  /**
   * @param {number} now
   * @returns {number | null} milliseconds until the ball flies, null when unknown or not foreseeable
   */
  countdownMs(now) {
    const endsAt = this.phase === 'paused' ? this.pause.endsAt : this.phase === 'serving' ? this.#countdown?.endsAt : null;
    return endsAt ? Math.max(0, endsAt - now) : null;
  }

  /**
   * @param {number} now
   * @returns {number | null} milliseconds for which an absent player's seat is still held
   */
  graceMs(now) {
    if (this.pause?.reason !== 'absence' || this.pause.endsAt) return null;
    const used = this.#away[this.pause.player] ?? 0;
    return Math.max(0, Math.min(ABSENCE_MS, ABSENCE_TOTAL_MS - used) - (now - this.pause.since));
  }

  /**
   * Notes that this client asked to end its own pause; the server does not announce the countdown that follows.
   * @param {number} now
   */
  resuming(now) {
    if (this.mayResume) this.pause.endsAt = now + SERVE_MS;
  }

  /**
   * Takes a new game state.
   * @param {object} game
   * @param {number} now
   */
  update(game, now) {
    const before = this.game;
    this.game = game;
    const started = before && before.status !== 'ONGOING' && game.status === 'ONGOING';
    if (started) this.#start(now);
    if (game.status === 'FINISHED') this.result ??= resultOf(game);
    if (!game.is_paused) {
      this.pause = null;
      this.#countdown = null;
    } else if (before?.is_paused && !flies(before) && flies(game)) {
      this.pause = null;
      this.#countdown = { since: now, endsAt: now + LAUNCH_MS };
    }
  }

  /**
   * Takes one of the server's other messages.
   * @param {object} message
   * @param {number} now
   */
  hear(message, now) {
    switch (message.type) {
      case 'player_joined':
        if (message.is_you) this.seat = message.player_number;
        this.#arrived(message, now);
        break;
      case 'goal_scored':
        this.#countdown = { since: now, endsAt: now + SERVE_MS };
        break;
      case 'game_paused':
        this.#countdown = null;
        this.pause = { reason: message.reason, player: message.player_number, since: now, endsAt: null };
        break;
      case 'game_resumed':
        this.pause = null;
        this.#countdown = null;
        break;
      case 'game_over':
        this.result = { winner: message.winner, reason: message.reason };
        this.pause = null;
        break;
      case 'rematch_offered':
        this.rematch.add(message.player_number);
        break;
    }
  }

  #start(now) {
    this.result = null;
    this.pause = null;
    this.rematch.clear();
    this.#away = { 1: 0, 2: 0 };
    this.#countdown = { since: now, endsAt: now + SERVE_MS };
  }

  #arrived({ player_number: player, is_you: isYou }, now) {
    if (!player) return;
    if (this.pause && this.pause.reason !== 'player') {
      const awaited = this.pause.reason === 'absence' ? this.pause.player === player : !isYou;
      if (!awaited) return;
      if (this.pause.reason === 'absence') this.#away[player] += now - this.pause.since;
      this.pause.endsAt = now + SERVE_MS;
    } else if (this.phase === 'serving' && !this.#ballFlies() && !this.#scored()) {
      this.#countdown = { since: now, endsAt: now + SERVE_MS };
    }
  }

  #ballFlies() {
    return flies(this.game);
  }

  #scored() {
    return this.game.player_1_score + this.game.player_2_score > 0;
  }
}

function flies(game) {
  return game.ball_speed_x !== 0 || game.ball_speed_y !== 0;
}

/** What the state alone tells who came too late for `game_over`. */
function resultOf(game) {
  for (const player of [1, 2]) {
    if (game[`player_${player}_score`] >= game.winning_score) return { winner: player, reason: 'score' };
  }
  return { winner: null, reason: 'unknown' };
}
