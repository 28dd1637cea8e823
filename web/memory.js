/**
 * What the page remembers: the seat for this tab, the name and the bot's level for this browser.
 * Never a seat token: those live in HttpOnly cookies. Works, forgetfully, where the browser allows no storage.
 */

const SEAT = 'pong.seat';
const NAME = 'pong.name';
const LEVEL = 'pong.level';
const LEVELS = ['easy', 'normal', 'hard'];

/**
 * @typedef {{code: string, player_id: string, player_number: 1 | 2, username?: string}} RememberedSeat
 */

/** @param {RememberedSeat} seat */
export function rememberSeat(seat) {
  write('sessionStorage', SEAT, JSON.stringify(seat));
}

/** Forgets this tab's seat. */
export function forgetSeat() {
  write('sessionStorage', SEAT, null);
}

/** @returns {RememberedSeat | null} this tab's seat */
export function recallSeat() {
  try {
    const seat = JSON.parse(read('sessionStorage', SEAT));
    return typeof seat?.code === 'string' && typeof seat.player_id === 'string' ? seat : null;
  } catch {
    return null;
  }
}

/** @param {string} name */
export function rememberName(name) {
  write('localStorage', NAME, name || null);
}

/** @returns {string} the empty string when there is none */
export function recallName() {
  return read('localStorage', NAME) ?? '';
}

/** @param {string} level */
export function rememberLevel(level) {
  write('localStorage', LEVEL, level);
}

/** @returns {'easy' | 'normal' | 'hard'} */
export function recallLevel() {
  const level = read('localStorage', LEVEL);
  return LEVELS.includes(level) ? level : 'normal';
}

function read(area, key) {
  try {
    return globalThis[area].getItem(key);
  } catch {
    return null;
  }
}

function write(area, key, value) {
  try {
    if (value === null) globalThis[area].removeItem(key);
    else globalThis[area].setItem(key, value);
  } catch {
    // Storage is off or full: the page works, a reload does not find its seat.
  }
}
