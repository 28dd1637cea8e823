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
  #absent = new Set();
  #returning;

  /**
   * @param {1 | 2 | null} seat
   * @param {boolean} [returning] whether this client has been in the seat before
   */
  constructor(seat, returning = false) {
    this.seat = seat;
    this.#returning = returning;
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
    return this.#countdown !== null && now - this.#countdown.since >= SERVE_ALLOWED_MS;
  }

  /** @returns {boolean} whether this client may end the present pause */
  get mayResume() {
    return this.phase === 'paused' && this.pause.reason === 'player' && this.pause.player === this.seat && !this.pause.endsAt;
  }

  /** @returns {1 | 2 | null} who plays against this client; null for who watches */
  get opponent() {
    return this.seat && (this.seat === 1 ? 2 : 1);
  }

  /** @returns {boolean} whether a bot plays against this client */
  get againstBot() {
    return Boolean(this.opponent && this.game?.[`player_${this.opponent}_id`]?.startsWith('bot-'));
  }

  /**
   * @param {1 | 2 | null} player
   * @returns {boolean} whether the player is known to have no connection
   */
  isAbsent(player) {
    return this.#absent.has(player);
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
   * Lets time pass: a pause with the ball at rest ends in a serve, which the server does not announce.
   * @param {number} now
   */
  advance(now) {
    if (!this.pause?.endsAt || now < this.pause.endsAt || this.#ballFlies()) return;
    this.#countdown = { since: this.pause.endsAt, endsAt: this.pause.endsAt + SERVE_MS };
    this.pause = null;
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
      this.#absent.clear();
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
        if (message.player_number) this.#arrived(message.player_number, message.is_you, now);
        break;
      case 'player_left':
        this.#absent.add(message.player_number);
        this.rematch.delete(message.player_number);
        break;
      case 'goal_scored':
        this.#countdown = { since: now, endsAt: now + SERVE_MS };
        break;
      case 'game_paused':
        this.#paused(message.reason, message.player_number, now);
        break;
      case 'game_resumed':
        this.pause = null;
        this.#countdown = null;
        break;
      case 'game_over':
        this.result = { winner: message.winner, reason: message.reason };
        this.pause = null;
        if (message.reason === 'forfeit' && message.winner === this.seat) this.#absent.add(this.opponent);
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
    this.#absent.clear();
    this.#away = { 1: 0, 2: 0 };
    this.#countdown = { since: now, endsAt: now + SERVE_MS };
  }

  #paused(reason, player, now) {
    this.#countdown = null;
    this.pause = { reason, player, since: now, endsAt: null };
    if (reason !== 'absence') return;
    // Told of the own absence, this client is back from it.
    if (player !== this.seat) this.#absent.add(player);
    else if (!this.#absent.has(this.opponent)) this.pause.endsAt = now + SERVE_MS;
  }

  #arrived(player, isYou, now) {
    this.#absent.delete(player);
    const returned = isYou && this.#returning;
    if (isYou) this.#returning = true;
    if (this.phase === 'paused') this.#awaited(player, isYou, now);
    else if (this.phase !== 'serving') return;
    else if (returned) this.pause = { reason: 'absence', player, since: now, endsAt: now + SERVE_MS };
    else if (isYou && !this.#ballFlies()) this.#countdown = { since: now, endsAt: now + SERVE_MS };
  }

  /** Whose return ends a pause, and when it does. */
  #awaited(player, isYou, now) {
    const { reason, endsAt } = this.pause;
    if (reason === 'player' || endsAt) return;
    const isAwaited = reason === 'absence' ? this.pause.player === player : !isYou || this.againstBot;
    if (!isAwaited) return;
    if (reason === 'absence') this.#away[player] += now - this.pause.since;
    if (this.#absent.size === 0) this.pause.endsAt = now + SERVE_MS;
  }

  #ballFlies() {
    return flies(this.game);
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
