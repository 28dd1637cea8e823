/**
 * Small helpers to change the page. Text goes in as text only, so that no name or server sentence is ever read as HTML,
 * and only where it differs, so that they can be called once a frame.
 */

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {HTMLElement} element
 * @param {boolean} shown
 */
export function setShown(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string} value
 */
export function setData(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

/** @typedef {'home' | 'lobby' | 'watch' | 'game' | 'notice'} Screen */

/** @type {((id: Screen) => void)[]} */
const watchers = [];

/** @param {(id: Screen) => void} callback told which screen is shown, each time another is */
export function onScreen(callback) {
  watchers.push(callback);
}

/**
 * Shows one screen and hides the others.
 * @param {Screen} id
 */
export function showScreen(id) {
  const screen = byId(id);
  if (!screen.hidden) return;
  for (const other of document.querySelectorAll('body > main')) other.hidden = other !== screen;
  for (const callback of watchers) callback(id);
  screen.querySelector('[tabindex="-1"]')?.focus({ preventScroll: true });
}

/** An emptied live region is noticed after so long; what is put in then is read, even if it was in there before. */
const ANNOUNCE_AFTER_MS = 50;
/** @type {string[]} */
let sentences = [];

/**
 * Says something to people who hear the page.
 * @param {string} sentence
 */
export function announce(sentence) {
  setText(byId('live'), '');
  if (sentences.push(sentence) > 1) return;
  setTimeout(() => {
    setText(byId('live'), sentences.join(' '));
    sentences = [];
  }, ANNOUNCE_AFTER_MS);
}
