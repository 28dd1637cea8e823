/**
 * The screen of a room that waits: its code, its link, the link to scan, a way out.
 */

import { byId, setData, setShown, setText } from './dom.js';
import { qrCode } from './qr.js';

/** The lobby; one for the life of the page. */
export class LobbyView {
  #root = byId('lobby');
  #title = byId('lobby-title');
  #code = byId('lobby-code');
  #qr = byId('lobby-qr');
  #link = byId('lobby-link');
  #lede = byId('lobby-lede');
  #message = byId('lobby-message');
  #share = byId('lobby-share');
  #leave = byId('lobby-leave');

  /** @param {() => void} onLeave */
  constructor(onLeave) {
    byId('lobby-copy').addEventListener('click', () => this.#copy());
    this.#link.addEventListener('focus', () => this.#link.select());
    this.#leave.addEventListener('click', onLeave);
    this.#share.addEventListener('click', () => this.#shareLink());
    setShown(this.#share, typeof navigator.share === 'function');
  }

  /**
   * @param {string} code
   * @param {boolean} seated false for who only watches
   * @param {boolean} quick whether anybody may come, so that the link is an aside
   */
  open(code, seated, quick) {
    setData(this.#root, 'quick', String(quick));
    setText(this.#title, quick ? 'Looking for an opponent…' : 'Waiting for the other player');
    setText(this.#lede, ledeFor(seated, quick));
    setText(this.#leave, seated ? 'Cancel' : 'Home');
    this.say('');
    if (this.#code.textContent === code) return;
    // In two halves, as people read it out.
    this.#code.replaceChildren(...[code.slice(0, 3), code.slice(3)].map((half) => Object.assign(document.createElement('span'), { textContent: half })));
    this.#link.value = `${location.origin}/?room=${code}`;
    this.#qr.replaceChildren(qrCode(this.#link.value, 'The link as a QR code'));
  }

  /** @param {string} sentence */
  say(sentence) {
    setText(this.#message, sentence);
  }

  /** @param {boolean} busy */
  setBusy(busy) {
    this.#leave.disabled = busy;
  }

  async #copy() {
    const copied = (await writeClipboard(this.#link.value)) || this.#copySelection();
    this.say(copied ? 'The link is copied.' : 'Please copy the link yourself.');
  }

  async #shareLink() {
    try {
      await navigator.share({ title: 'Pong', text: 'Play Pong with me', url: this.#link.value });
    } catch {
      // Not shared after all: nothing to tell them that they do not know.
    }
  }

  /** Pages served without TLS have no clipboard of their own. */
  #copySelection() {
    this.#link.select();
    return document.execCommand('copy');
  }
}

function ledeFor(seated, quick) {
  if (!seated) return 'You will see the match once both players are here.';
  return quick ? 'Or ask a friend: this link works, too.' : 'Send them the link, or let them scan it or type the code.';
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
