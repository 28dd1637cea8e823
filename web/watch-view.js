/**
 * The public matches that are being played, to watch one. Asks again while it is shown. Names are text.
 */

import { byId, setText } from './dom.js';

const ASK_EVERY_MS = 4000;
const ROWS_MAX = 12;

/** The list; one for the life of the page. */
export class WatchView {
  #list = byId('watch-list');
  #lede = byId('watch-lede');
  #api;
  #onWatch;
  #timer = 0;
  #isOpen = false;

  /**
   * @param {import('./rest.js').RoomApi} api
   * @param {{watch: (code: string) => void, home: () => void}} on
   */
  constructor(api, on) {
    this.#api = api;
    this.#onWatch = on.watch;
    byId('watch-home').addEventListener('click', on.home);
  }

  /** Starts to ask. */
  open() {
    this.#isOpen = true;
    this.#list.replaceChildren();
    setText(this.#lede, 'Looking …');
    this.#ask();
  }

  /** Stops asking. */
  close() {
    this.#isOpen = false;
    clearTimeout(this.#timer);
  }

  async #ask() {
    clearTimeout(this.#timer);
    try {
      const { rooms } = await this.#api.list();
      if (this.#isOpen) this.#show(rooms.filter((room) => room.status === 'ONGOING').slice(0, ROWS_MAX));
    } catch (error) {
      if (this.#isOpen) setText(this.#lede, error.message);
    }
    if (this.#isOpen) this.#timer = setTimeout(() => this.#ask(), ASK_EVERY_MS);
  }

  #show(rooms) {
    setText(this.#lede, rooms.length ? 'Public matches, being played now.' : 'Nobody plays in public at the moment. A quick match would be the first.');
    const codes = rooms.map((room) => room.room_code);
    const shown = [...this.#list.children].map((row) => row.dataset.code);
    // Rows are kept where they can be, and with them the focus.
    if (codes.join() !== shown.join()) this.#list.replaceChildren(...codes.map((code) => this.#row(code)));
    rooms.forEach((room, i) => fill(this.#list.children[i], room));
  }

  #row(code) {
    const row = document.createElement('li');
    row.dataset.code = code;
    const link = document.createElement('a');
    link.href = `/?watch=${code}`;
    link.append(...['left', 'tally', 'right', 'crowd'].map((name) => Object.assign(document.createElement('span'), { className: name })));
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#onWatch(code);
    });
    row.append(link);
    return row;
  }
}

function fill(row, { usernames, scores, spectators }) {
  const [left, tally, right, crowd] = row.firstChild.children;
  setText(left, usernames[0] ?? 'Player 1');
  setText(tally, `${scores[0]} – ${scores[1]}`);
  setText(right, usernames[1] ?? 'Player 2');
  setText(crowd, spectators ? `${spectators} watching` : '');
}
