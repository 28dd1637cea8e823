/**
 * The screen of a match around the canvas: names, scores, the serve, what stands in the way of playing, the result.
 * Shows a Match; decides nothing.
 */

import { byId, setData, setShown, setText } from './dom.js';

const TALL = matchMedia('(orientation: portrait) and (max-width: 700px)');
const SHORT = matchMedia('(orientation: landscape) and (max-height: 540px)');
const TOAST_MS = 2500;
/** A connection is gone for so long before it is worth a word. */
const LINK_PATIENCE_MS = 400;
/** A match lost by no more than so many points was close. */
const CLOSE_POINTS = 2;
/** A key that was meant for the ball must not press a button that has just come up. */
const FOCUS_AFTER_MS = 700;
/** A rally of so many hits is worth a word. */
const LONG_RALLY = 4;

/** What a connection is called that is no worse than this, ms; one that is worse is poor. */
const QUALITIES = [
  { name: 'good', rtt: 80, jitter: 20 },
  { name: 'fair', rtt: 200, jitter: 50 },
];

/**
 * @typedef {import('./match.js').Match} Match
 * @typedef {{link: 'connecting' | 'open' | 'waiting', since: number, ended: boolean}} Link
 */

/** The game screen; one for the life of the page. */
export class GameView {
  #root = byId('game');
  #sides = [1, 2].map((player) => ({
    player,
    root: byId(`side-${player}`),
    score: byId(`score-${player}`),
    name: byId(`name-${player}`),
    you: byId(`you-${player}`),
  }));
  #serve = { root: byId('serve'), count: byId('serve-count'), text: byId('serve-text'), button: byId('serve-button') };
  #card = {
    root: byId('card'),
    title: byId('card-title'),
    score: byId('card-score'),
    text: byId('card-text'),
    note: byId('card-note'),
    actions: byId('card-actions'),
    resume: byId('card-resume'),
    rematch: byId('card-rematch'),
    home: byId('card-home'),
  };
  #pause = byId('pause');
  #sound = byId('sound');
  #pad = byId('pad');
  #quality = byId('quality');
  #qualityText = byId('quality-text');
  #focusTimer = 0;
  #hint = byId('hint');
  #hintText = [...this.#hint.childNodes];
  #toast = byId('toast');
  #toastTimer = 0;

  /** @param {Record<'serve' | 'pause' | 'rematch' | 'leave' | 'sound', () => void>} on */
  constructor(on) {
    this.#serve.button.addEventListener('click', on.serve);
    this.#card.resume.addEventListener('click', on.serve);
    this.#pause.addEventListener('click', on.pause);
    this.#card.rematch.addEventListener('click', on.rematch);
    this.#card.home.addEventListener('click', on.leave);
    byId('leave').addEventListener('click', on.leave);
    this.#sound.addEventListener('click', on.sound);
  }

  /** @returns {HTMLElement} */
  get root() {
    return this.#root;
  }

  /** @returns {HTMLCanvasElement} */
  get canvas() {
    return byId('canvas');
  }

  /** @returns {boolean} whether the court stands upright: own paddle below, for a phone held upright */
  get upright() {
    return TALL.matches;
  }

  /**
   * Calls back when the screen's layout changes.
   * @param {() => void} callback
   * @param {AbortSignal} signal ends it
   */
  onLayout(callback, signal) {
    TALL.addEventListener('change', callback, { signal });
    SHORT.addEventListener('change', callback, { signal });
  }

  /**
   * Lays the screen out for a seat.
   * @param {1 | 2 | null} seat
   */
  arrange(seat) {
    setData(this.#root, 'layout', TALL.matches ? 'tall' : SHORT.matches ? 'short' : 'wide');
    setData(this.#root, 'seat', String(seat ?? ''));
    for (const side of this.#sides) setShown(side.you, side.player === seat);
    setShown(this.#pause, seat !== null);
    if (seat === null) setText(this.#hint, 'You are watching');
    else this.#hint.replaceChildren(...this.#hintText);
  }

  /** @param {boolean} on */
  showSound(on) {
    this.#sound.setAttribute('aria-pressed', String(on));
    this.#sound.querySelector('use').setAttribute('href', on ? '#icon-sound' : '#icon-silence');
  }

  /** @param {{rtt: number, jitter: number} | null} measured ms; null: there is no connection, or it was not measured yet */
  showQuality(measured) {
    const isKnown = measured !== null && Number.isFinite(measured.rtt) && measured.rtt > 0;
    setData(this.#quality, 'quality', isKnown ? qualityOf(measured) : 'unknown');
    setText(this.#qualityText, isKnown ? `${Math.max(1, Math.round(measured.rtt))} ms` : '');
    this.#quality.title = isKnown ? `The connection is ${qualityOf(measured)}: this long to the server and back` : '';
  }

  /** The player has found out how to move: no need to say it any longer. */
  hasMoved() {
    setData(this.#pad, 'known', 'true');
  }

  /**
   * Shows the match as it is now; to be called once a frame.
   * @param {Match} match
   * @param {Link} link
   * @param {number} now
   * @param {number} longestRally of the match, hits
   */
  render(match, link, now, longestRally) {
    const { phase } = match;
    for (const side of this.#sides) {
      setText(side.name, match.game ? match.nameOf(side.player) : '');
      setText(side.score, String(match.game?.[`player_${side.player}_score`] ?? 0));
    }
    this.#pause.disabled = link.link !== 'open' || (phase !== 'rally' && phase !== 'serving');
    const linkLost = link.link !== 'open' && !link.ended && now - link.since > LINK_PATIENCE_MS;
    if (match.result && phase === 'finished') this.#renderResult(match, link, longestRally);
    else if (linkLost) this.#renderCard(match.game ? 'Reconnecting' : 'Connecting', 'Hold on, this takes a moment.');
    else if (phase === 'paused') this.#renderPause(match, now);
    else this.#hideCard();
    this.#renderServe(match, phase === 'serving' && !linkLost);
  }

  /** @param {string} sentence shown for a moment, over the court */
  toast(sentence) {
    setText(this.#toast, sentence);
    setShown(this.#toast, true);
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => setShown(this.#toast, false), TOAST_MS);
  }

  #renderServe(match, shown) {
    setShown(this.#serve.root, shown);
    if (!shown) return;
    const { countdownMs: ms, mayServe } = match;
    setText(this.#serve.count, ms ? String(Math.ceil(ms / 1000)) : '');
    setShown(this.#serve.button, mayServe);
    setShown(this.#serve.text, !mayServe);
    setText(this.#serve.text, serveSentence(match));
  }

  #renderPause(match, now) {
    const ms = match.countdownMs;
    const title = ms === null ? 'Paused' : `Goes on in ${Math.max(1, Math.ceil(ms / 1000))}`;
    this.#renderCard(title, pauseSentence(match, now), { resume: match.mayResume });
  }

  #renderResult(match, link, longestRally) {
    const asked = match.rematch.has(match.seat);
    const rematch = match.seat !== null && !link.ended && !match.isAbsent(match.opponent);
    this.#renderCard(resultTitle(match), resultSentence(match, link), { rematch, home: true });
    setShown(this.#card.note, longestRally >= LONG_RALLY);
    setText(this.#card.note, `The longest rally: ${longestRally} hits`);
    setText(this.#card.score, `${match.game.player_1_score} – ${match.game.player_2_score}`);
    setShown(this.#card.score, match.result.reason !== 'forfeit'); // which no score explains
    this.#card.rematch.disabled = asked || link.link !== 'open';
    this.#card.home.classList.toggle('primary', !rematch);
  }

  #renderCard(title, text, { resume = false, rematch = false, home = false } = {}) {
    setText(this.#card.title, title);
    setText(this.#card.text, text);
    setShown(this.#card.score, false);
    setShown(this.#card.note, false);
    const focused = this.#card.root.contains(document.activeElement) ? document.activeElement : null;
    setShown(this.#card.resume, resume);
    setShown(this.#card.rematch, rematch);
    setShown(this.#card.home, home);
    setShown(this.#card.actions, resume || rematch || home);
    if (focused?.hidden) this.#card.root.focus({ preventScroll: true });
    if (!this.#card.root.hidden) return;
    setShown(this.#card.root, true);
    this.#focusTimer = setTimeout(() => this.#card.root.querySelector('button:not([hidden]):enabled')?.focus(), FOCUS_AFTER_MS);
  }

  #hideCard() {
    if (this.#card.root.hidden) return;
    clearTimeout(this.#focusTimer);
    const focused = this.#card.root.contains(document.activeElement);
    setShown(this.#card.root, false);
    if (focused) byId('court').focus({ preventScroll: true });
  }
}

function qualityOf({ rtt, jitter }) {
  return QUALITIES.find((most) => rtt <= most.rtt && jitter <= most.jitter)?.name ?? 'poor';
}

function serveSentence(match) {
  if (match.server === null) return 'Get ready';
  return match.server === match.seat ? 'Your serve' : `${match.nameOf(match.server)} serves`;
}

/**
 * @param {Match} match paused
 * @param {number} now
 * @returns {string} who or what stopped it
 */
export function pauseSentence(match, now) {
  if (match.isResuming) return 'Get ready.';
  if (!match.pause) return 'The match stands still.';
  const { reason, player } = match.pause;
  if (reason === 'restart') return 'The server restarted. The match goes on when both are back.';
  if (reason === 'absence') {
    if (player === match.seat || player === null) return 'The match goes on once both players are back.';
    const seconds = Math.ceil(match.graceMs(now) / 1000);
    return `${match.nameOf(player)} is away. The seat is held for ${seconds} s.`;
  }
  return player === match.seat ? 'You paused the match.' : `${match.nameOf(player)} paused the match.`;
}

function resultTitle(match) {
  const { winner, reason } = match.result;
  if (winner === null) return reason === 'unknown' ? 'Match over' : 'Nobody won';
  return winner === match.seat ? 'You won' : `${match.nameOf(winner)} won`;
}

function resultSentence(match, link) {
  if (link.ended) return 'The room has closed.';
  const { seat, opponent } = match;
  const { reason, winner } = match.result;
  if (reason === 'forfeit') return forfeitSentence(match, winner);
  if (seat && match.isAbsent(opponent)) return `${match.nameOf(opponent)} has left.`;
  if (seat && match.rematch.has(seat)) return `Waiting for ${match.nameOf(opponent)} …`;
  if (seat && match.rematch.has(opponent)) return `${match.nameOf(opponent)} wants a rematch.`;
  if (reason === 'unknown') return 'It ended while you were away.';
  if (reason === 'abandoned') return 'The match was broken off.';
  if (!seat) return 'What a match.';
  if (winner === seat) return 'Well played.';
  const wasClose = match.game[`player_${seat}_score`] >= match.game.winning_score - CLOSE_POINTS;
  return wasClose ? 'So close. Once more?' : 'That one is theirs.';
}

function forfeitSentence(match, winner) {
  if (winner === match.seat) return `${match.nameOf(match.opponent)} did not come back.`;
  return match.seat ? 'You were away for too long.' : 'The other player did not come back.';
}
