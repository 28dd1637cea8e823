/**
 * What the page remembers: the seat for this tab; the seats of all tabs, the name, the bot's level and the sound for this browser.
 * Never a seat token: those live in HttpOnly cookies. Works, forgetfully, where the browser allows no storage.
 */

const SEAT = 'pong.seat';
const HELD = 'pong.held';
/** Of the browser's seats the newest so many are remembered. */
const HELD_MAX = 8;
const NAME = 'pong.name';
const LEVEL = 'pong.level';
const SOUND = 'pong.sound';
const LEVELS = ['easy', 'normal', 'hard'];

/**
 * @typedef {{code: string, player_id: string, player_number: 1 | 2, username?: string, quick?: boolean}} RememberedSeat
 */

/** @param {RememberedSeat} seat */
export function rememberSeat(seat) {
  write('sessionStorage', SEAT, JSON.stringify(seat));
  const others = heldSeats().filter((held) => held.player_id !== seat.player_id);
  write('localStorage', HELD, JSON.stringify([seat, ...others].slice(0, HELD_MAX)));
}

/** Forgets this tab's seat. */
export function forgetSeat() {
  const seat = recallSeat();
  write('sessionStorage', SEAT, null);
  if (seat) write('localStorage', HELD, JSON.stringify(heldSeats().filter((held) => held.player_id !== seat.player_id)));
}

/**
 * @param {string} code
 * @returns {RememberedSeat | null} the seat that some tab of this browser has in a room
 */
export function recallHeldSeat(code) {
  return heldSeats().find((held) => held.code === code) ?? null;
}

/** @returns {RememberedSeat | null} the seat that a tab of this browser took last */
export function recallLastSeat() {
  return heldSeats()[0] ?? null;
}

/** @returns {RememberedSeat | null} this tab's seat */
export function recallSeat() {
  try {
    const seat = JSON.parse(read('sessionStorage', SEAT));
    return isSeat(seat) ? seat : null;
  } catch {
    return null;
  }
}

function heldSeats() {
  try {
    return JSON.parse(read('localStorage', HELD)).filter(isSeat);
  } catch {
    return [];
  }
}

function isSeat(seat) {
  return typeof seat?.code === 'string' && typeof seat.player_id === 'string';
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

/** @param {boolean} on */
export function rememberSound(on) {
  write('localStorage', SOUND, on ? 'on' : null);
}

/** @returns {boolean} whether sounds were switched on; they are not at first */
export function recallSound() {
  return read('localStorage', SOUND) === 'on';
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
