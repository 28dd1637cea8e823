/**
 * What a player needs to know about a match beyond the picture: who may do what, why it stands still, who is away, how it ended.
 * Made from the game state, the server's messages and the client's pictures. No page, no socket, no clock: `now` (ms) is
 * passed in, and what the simulation counts is not counted here again.
 */

const STEP_MS = 1000 / 60;
/** The server can be asked to serve at once from this step of a countdown on … */
const SERVE_AFTER_STEPS = 60;
/** … until the ball has its direction. */
const LAUNCH_STEPS = 30;
/** How long a countdown is that nobody has seen begin; a server may have others. */
const COUNTDOWN_STEPS = 180;
/** A picture this soon after another has seen the beginning of what is new in it. */
const BEGINNING_STEPS = 10;
/** How long a seat is held for who went away, at a time and in a match. */
const ABSENCE_MS = 30000;
const ABSENCE_TOTAL_MS = 60000;

/**
 * @typedef {'waiting' | 'serving' | 'rally' | 'paused' | 'finished'} Phase
 * @typedef {{reason: 'player' | 'absence' | 'restart', player: 1 | 2 | null, since: number}} Pause
 */

/** A match as this client knows it. */
export class Match {
  /** @type {object | null} the game state's 21 keys */
  game = null;
  /** @type {1 | 2 | null} this client's seat; null watches */
  seat;
  /** @type {Pause | null} why it is paused, where that was told */
  pause = null;
  /** @type {{winner: 1 | 2 | null, reason: string} | null} reason as in `game_over`, or `unknown` */
  result = null;
  /** @type {Set<number>} who has asked for a rematch */
  rematch = new Set();
  #picture = null;
  #countdown = COUNTDOWN_STEPS;
  #away = { 1: 0, 2: 0 };
  #absent = new Set();

  /** @param {1 | 2 | null} seat */
  constructor(seat) {
    this.seat = seat;
  }

  /** @returns {Phase} */
  get phase() {
    if (!this.game || this.game.status === 'WAITING') return 'waiting';
    if (this.game.status === 'FINISHED') return 'finished';
    const drawn = this.#picture?.phase;
    if (drawn === 'rally' || drawn === 'paused') return drawn;
    return 'serving';
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

  /** @returns {boolean} whether asking the server to serve makes sense */
  get mayServe() {
    if (this.phase !== 'serving' || !this.seat || this.#picture?.phase !== 'serving') return false;
    if (this.server !== null && this.server !== this.seat) return false;
    const { stepsLeft } = this.#picture;
    return stepsLeft > LAUNCH_STEPS && stepsLeft <= this.#countdown - SERVE_AFTER_STEPS;
  }

  /** @returns {boolean} whether this client may end the present pause */
  get mayResume() {
    return this.phase === 'paused' && this.pause?.reason === 'player' && this.pause.player === this.seat && !this.isResuming;
  }

  /** @returns {boolean} whether the present pause is on its way to its end */
  get isResuming() {
    const left = this.#picture?.stepsLeft ?? null;
    return this.phase === 'paused' && left !== null && left <= this.#countdown;
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

  /** @returns {number | null} milliseconds until the ball flies or is put up; null when nothing is being counted down */
  get countdownMs() {
    const counts = this.isResuming || (this.phase === 'serving' && this.#picture?.phase === 'serving');
    const left = counts ? this.#picture.stepsLeft : null;
    return left === null ? null : left * STEP_MS;
  }

  /**
   * @param {number} now
   * @returns {number | null} milliseconds for which an absent player's seat is still held
   */
  graceMs(now) {
    if (this.pause?.reason !== 'absence' || this.isResuming) return null;
    const used = this.#away[this.pause.player] ?? 0;
    return Math.max(0, Math.min(ABSENCE_MS, ABSENCE_TOTAL_MS - used) - (now - this.pause.since));
  }

  /**
   * Takes what is drawn now.
   * @param {import('./pong-predictor.js').Picture} picture
   */
  see(picture) {
    const before = this.#picture?.phase;
    this.#noteCountdown(this.#picture, picture);
    this.#picture = picture;
    // A pause is told before it is drawn, so it is over only once it has been seen.
    if (before === 'paused' && picture.phase !== 'paused') this.pause = null;
    if (picture.phase === 'rally') this.#absent.clear();
  }

  /**
   * Takes a new game state.
   * @param {object} game
   */
  update(game) {
    const before = this.game;
    this.game = game;
    if (before && before.status !== 'ONGOING' && game.status === 'ONGOING') this.#start();
    if (game.status === 'FINISHED') this.result ??= resultOf(game);
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
        if (message.player_number) this.#arrived(message.player_number, now);
        break;
      case 'player_left':
        this.#absent.add(message.player_number);
        this.rematch.delete(message.player_number);
        break;
      case 'game_paused':
        this.pause = { reason: message.reason, player: message.player_number, since: now };
        if (message.reason === 'absence' && message.player_number !== this.seat) this.#absent.add(message.player_number);
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

  /** How long a countdown is, is what it begins with; one that was cut short by a serve has not begun. */
  #noteCountdown(before, { phase, stepsLeft, step }) {
    if (phase !== 'serving' || stepsLeft === null || stepsLeft <= LAUNCH_STEPS || !before) return;
    const passed = step - before.step;
    const goesOn = before.phase === 'serving' && before.stepsLeft !== null && Math.abs(before.stepsLeft - passed - stepsLeft) < 2;
    if (!goesOn && passed < BEGINNING_STEPS) this.#countdown = stepsLeft;
  }

  #start() {
    this.result = null;
    this.pause = null;
    this.rematch.clear();
    this.#absent.clear();
    this.#away = { 1: 0, 2: 0 };
  }

  #arrived(player, now) {
    if (this.pause?.reason === 'absence' && this.pause.player === player && this.#absent.has(player)) {
      this.#away[player] += now - this.pause.since;
    }
    this.#absent.delete(player);
  }
}

/** What the state alone tells who came too late for `game_over`. */
function resultOf(game) {
  for (const player of [1, 2]) {
    if (game[`player_${player}_score`] >= game.winning_score) return { winner: player, reason: 'score' };
  }
  return { winner: null, reason: 'unknown' };
}
