/**
 * The first screen: the ways to play, the name, the bot's level, a field for a code. Remembers what is chosen; starts nothing
 * itself.
 */

import { byId, setShown, setText } from './dom.js';
import * as memory from './memory.js';
import { parseRoomCode } from './rest.js';

/** Home; one for the life of the page. */
export class HomeView {
  #code = byId('code');
  #message = byId('home-message');
  #return = byId('return');
  #hurry = byId('return-hurry');

  /**
   * @param {object} on
   * @param {(kind: 'friend' | 'bot' | 'quick') => void} on.start
   * @param {(code: string) => void} on.join a code as it may be a room's
   * @param {(address: string) => void} on.go
   */
  constructor(on) {
    const name = byId('name');
    name.value = memory.recallName();
    name.addEventListener('input', () => memory.rememberName(cleanName(name.value)));
    for (const radio of document.querySelectorAll('input[name="level"]')) {
      radio.checked = radio.value === memory.recallLevel();
      radio.addEventListener('change', () => memory.rememberLevel(radio.value));
    }
    byId('start-form').addEventListener('submit', (event) => {
      event.preventDefault();
      on.start(event.submitter?.value || 'friend');
    });
    byId('join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#join(on.join);
    });
    this.#code.addEventListener('input', () => this.say(''));
    for (const link of [this.#return, byId('to-watch')]) {
      link.addEventListener('click', (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        on.go(link.getAttribute('href'));
      });
    }
  }

  /** @param {import('./memory.js').RememberedSeat | null} seat that can be gone back to */
  open(seat) {
    this.offer(seat);
    this.say('');
  }

  /**
   * @param {import('./memory.js').RememberedSeat | null} seat that can be gone back to
   * @param {boolean} isAwaited the match stands still until then, and is lost after a while
   */
  offer(seat, isAwaited = false) {
    setShown(this.#return, seat !== null);
    setShown(this.#hurry, seat !== null && isAwaited);
    // A description is read aloud even where it is hidden.
    if (isAwaited) this.#return.setAttribute('aria-describedby', this.#hurry.id);
    else this.#return.removeAttribute('aria-describedby');
    if (!seat) return;
    this.#return.href = `/?room=${seat.code}`;
    setText(this.#return, `Back to your match in room ${seat.code}`);
  }

  /** @param {string} sentence what went wrong, or nothing */
  say(sentence) {
    setText(this.#message, sentence);
    this.#code.removeAttribute('aria-invalid');
  }

  /** @param {string} sentence what is wrong with the code */
  refuseCode(sentence) {
    this.say(sentence);
    this.#code.setAttribute('aria-invalid', 'true');
    this.#code.focus();
    this.#code.select();
  }

  /** @param {boolean} busy */
  setBusy(busy) {
    for (const id of ['play-friend', 'play-bot', 'quick']) byId(id).disabled = busy;
  }

  #join(onJoin) {
    const code = parseRoomCode(this.#code.value);
    if (code) onJoin(code);
    else this.refuseCode('A room code is six letters and digits.');
  }
}

/** The server takes 1 to 32 characters and no control characters. */
function cleanName(text) {
  return [...text.replace(/\p{Cc}/gu, '').trim()].slice(0, 32).join('');
}
