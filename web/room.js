/**
 * One room, from the first connection to leaving it: joins the client, the match, the picture and the player's hands.
 * Shows the lobby while the room waits and the court from then on.
 */

import { announce, showScreen } from './dom.js';
import { pauseSentence } from './game-view.js';
import { Contacts } from './contacts.js';
import { Court } from './court.js';
import { Gamepads } from './gamepad.js';
import { Keys, Pointer } from './keys.js';
import { Match } from './match.js';
import { PongClient } from './pong-client.js';
import { networkFromQuery } from './slow-socket.js';

/** Refusals a player can do something about; the others pass in silence. */
const REFUSALS = {
  no_pauses_left: 'You have no pauses left.',
  not_your_pause: 'Only who paused can resume.',
  rate_limited: 'That was a little fast.',
};

/** A room stays for so long after its match: one gone sooner after the connection went with its server. */
const ROOM_STAYS_MS = 60000;

/** A room that this tab is in. */
export class Room {
  /** @type {Match} */
  match;
  #code;
  #quick;
  #views;
  #onEnd;
  #client;
  #sounds;
  #contacts = new Contacts();
  #longestRally = 0;
  #court;
  #keys;
  #pointer;
  #gamepads;
  #link = { link: 'connecting', since: performance.now(), ended: false };
  #debug = null;
  #playing = false;
  #left = new AbortController();

  /**
   * @param {object} options
   * @param {{code: string, player_id?: string, player_number?: 1 | 2 | null, username?: string,
   *   quick?: boolean}} options.seat quick: taken by quick match
   * @param {import('./rest.js').RoomApi} options.api
   * @param {{game: import('./game-view.js').GameView, lobby: import('./lobby-view.js').LobbyView}} options.views
   * @param {import('./sounds.js').Sounds} options.sounds
   * @param {() => void} options.onSound the sound is to be turned on or off
   * @param {(reason: string) => void} options.onEnd the room is over for this tab and there is no result to look at
   */
  constructor({ seat, api, views, sounds, onSound, onEnd }) {
    this.#code = seat.code;
    this.#quick = seat.quick ?? false;
    this.#views = views;
    this.#sounds = sounds;
    this.#onEnd = onEnd;
    this.match = new Match(seat.player_number ?? null);
    this.#client = new PongClient({
      code: seat.code,
      playerId: seat.player_id,
      playerNumber: seat.player_number ?? undefined,
      username: seat.username,
      api,
      network: networkFromQuery(),
    });
    this.#client.addEventListener('state', (event) => this.#update(event.detail.state));
    this.#client.addEventListener('message', (event) => this.#hear(event.detail));
    this.#client.addEventListener('goal', (event) => this.#goal(event.detail.scorer));
    this.#client.addEventListener('gameover', () => this.#sounds.play('end'));
    this.#client.addEventListener('connection', (event) => this.#reconnected(event.detail));
    this.#client.addEventListener('link', (event) => this.#relink(event.detail.link));
    this.#client.addEventListener('end', (event) => this.#end(event.detail.reason));
    this.#court = new Court(views.game.canvas, (now) => this.#frame(now));
    this.#keys = new Keys({
      steer: (direction) => this.#steer(direction),
      serve: () => this.serve(),
      pause: () => this.pause(),
      sound: onSound,
    });
    this.#gamepads = new Gamepads({
      steer: (direction) => this.#steer(direction),
      accept: () => (this.match.phase === 'finished' ? this.rematch() : this.serve()),
      pause: () => this.pause(),
    });
    this.#pointer = new Pointer(views.game.root, views.game.canvas.parentElement, (x, y) => this.#drag(x, y));
    views.game.onLayout(() => this.#arrange(), this.#left.signal);
  }

  /** @returns {string} */
  get code() {
    return this.#code;
  }

  /** Connects. */
  open() {
    this.#client.connect();
  }

  /** Leaves without a word; the server holds a seat for a while. */
  dispose() {
    this.#left.abort();
    this.#client.dispose();
    if (!this.#playing) return;
    this.#keys.stop();
    this.#pointer.stop();
    this.#court.stop();
    this.#debug?.remove();
  }

  /** Serves, or ends the own pause. */
  serve() {
    if (this.match.mayServe) this.#client.serve();
    else if (this.match.mayResume) this.#client.resume();
  }

  /** Pauses, or ends the own pause. */
  pause() {
    if (this.match.mayResume) this.serve();
    else if (this.match.seat && (this.match.phase === 'rally' || this.match.phase === 'serving')) {
      this.#client.pause();
    }
  }

  /** Asks for another match. */
  rematch() {
    if (!this.match.seat || this.match.rematch.has(this.match.seat)) return;
    if (this.#client.rematch()) this.match.rematch.add(this.match.seat);
  }

  #steer(direction) {
    if (direction) this.#client.press(direction);
    else this.#client.release();
    if (direction) this.#views.game.hasMoved();
  }

  #drag(x, y) {
    this.#client.pointTo(this.#court.yAt(x, y));
    this.#views.game.hasMoved();
  }

  #update(game) {
    if (this.match.phase === 'finished' && game.status === 'ONGOING') {
      this.#longestRally = 0;
      announce('A new match begins.');
    }
    this.match.update(game);
    if (this.match.phase !== 'waiting') this.#play();
    else if (!this.#playing) this.#wait();
  }

  #wait() {
    this.#views.lobby.open(this.#code, this.match.seat !== null, this.#quick);
    showScreen('lobby');
  }

  #play() {
    if (this.#playing) return;
    this.#playing = true;
    this.#arrange();
    this.#court.start();
    this.#keys.start();
    this.#pointer.start();
    showScreen('game');
    announce('The match begins.');
    if (new URLSearchParams(location.search).get('debug') === '1') this.#watchNetwork();
  }

  async #watchNetwork() {
    const { DebugOverlay } = await import('./debug-overlay.js');
    if (!this.#left.signal.aborted) this.#debug = new DebugOverlay();
  }

  #arrange() {
    const { seat } = this.match;
    this.#views.game.arrange(seat);
    this.#court.arrange(seat, this.#views.game.upright);
  }

  #hear(message) {
    const now = performance.now();
    const seat = this.match.seat;
    this.match.hear(message, now);
    if (message.type === 'player_joined' && message.is_you && this.match.seat !== seat) this.#arrange();
    if (message.type === 'error') this.#refused(message.code);
    else this.#announce(message, now);
  }

  #goal(scorer) {
    const loser = scorer === 1 ? 2 : 1;
    this.#court.mark('goal', loser, 0, 0);
    this.#sounds.play(loser === this.match.seat ? 'lost' : 'won');
  }

  /** What the ball has touched on the screen is heard and seen. */
  #feel({ ballX, ballY }) {
    if (this.match.phase !== 'rally') return this.#contacts.reset();
    const contact = this.#contacts.see(ballX, ballY);
    this.#longestRally = Math.max(this.#longestRally, this.#contacts.rally);
    if (!contact) return;
    this.#court.mark('touch', contact.player, contact.x, contact.y);
    if (contact.kind === 'wall') this.#sounds.play('wall');
    else this.#sounds.play(contact.player === this.match.seat ? 'own' : 'other');
  }

  #refused(code) {
    if (REFUSALS[code]) this.#views.game.toast(REFUSALS[code]);
  }

  #announce(message, now) {
    const name = (player) => (player === this.match.seat ? 'You' : this.match.nameOf(player));
    switch (message.type) {
      case 'goal_scored':
        announce(`${name(message.scorer)} scored. ${message.player_1_score} to ${message.player_2_score}.`);
        break;
      case 'game_paused':
        announce(`Paused. ${pauseSentence(this.match, now)}`);
        break;
      case 'game_over':
        announce(message.winner ? `Game over. ${name(message.winner)} won.` : 'Game over. Nobody won.');
        break;
      case 'rematch_offered':
        if (message.player_number !== this.match.seat) announce(`${name(message.player_number)} wants a rematch.`);
        break;
      case 'player_left':
        if (message.player_number && this.#playing) announce(`${name(message.player_number)} left.`);
        break;
    }
  }

  #relink(link) {
    const back = link === 'open' && this.#link.link !== 'open';
    // Attempts follow each other; what counts is since when there is no connection.
    const since = back || this.#link.link === 'open' ? performance.now() : this.#link.since;
    this.#link = { link, since, ended: false };
    if (!this.#playing) this.#views.lobby.say(link === 'waiting' ? 'The connection is lost. Reconnecting …' : '');
    else if (link === 'waiting') announce('The connection is lost. Reconnecting.');
  }

  #reconnected({ state, rtt, jitter, recovered }) {
    this.#views.game.showQuality(state === 'open' ? { rtt, jitter } : null);
    if (recovered === null || this.#link.told === recovered) return;
    this.#link.told = recovered;
    const sentence = recovered ? 'Connected again.' : 'Connected again, but your seat is not yours any more.';
    this.#views.game.toast(sentence);
    announce(sentence);
  }

  #end(reason) {
    const goneMs = performance.now() - this.#link.since;
    this.#link = { link: 'waiting', since: performance.now(), ended: true };
    // A result stays to be looked at; the view says that the room has closed.
    if (this.match.result && reason !== 'replaced') return;
    if (reason !== 'room_gone' || !this.#playing || !this.match.seat) this.#onEnd(reason);
    else this.#onEnd(goneMs < ROOM_STAYS_MS ? 'match_lost' : 'match_over');
  }

  #frame(now) {
    this.#gamepads.poll();
    const picture = this.#client.picture(now);
    const couldServe = this.match.mayServe;
    if (picture) this.match.see(picture);
    if (this.match.mayServe && !couldServe) announce(this.match.server === null ? 'You may serve.' : 'Your serve.');
    this.#views.game.render(this.match, this.#link, now, this.#longestRally);
    this.#debug?.draw(this.#client.statistics, now);
    if (!picture) return null;
    this.#feel(picture);
    return { ...picture, ballShown: this.match.phase !== 'finished' };
  }
}
