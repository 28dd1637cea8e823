// Which numbers of rooms are tried, and what a ramp over them has found. Pure.

/** The sizes at which cost and memory of a room are taken, and the one at which servers are compared. */
export const COST_ROOMS = [100, 500, 2_000, 4_500, 8_000];
export const COMPARED_ROOMS = 1_000;

const COARSE = 1.3; // from level to level while nothing is known yet
const QUICK = [0.6, 0.8, 1, 1.25, 1.5];
const FINE = [0.86, 0.93, 1, 1.07, 1.15, 1.25, 1.4, 1.6, 2];
const LOWER = 0.7; // the next guess, when not even the first levels held

const round = (rooms) => Math.max(10, rooms < 2_000 ? Math.round(rooms / 10) * 10 : Math.round(rooms / 50) * 50);
const ascending = (list) => [...new Set(list)].sort((a, b) => a - b);

/** The levels of a ramp that only looks for where to search, about an expected capacity. */
export function coarseLevels(expected, max = Infinity) {
  const levels = [];
  for (let rooms = expected * 0.45; rooms < expected * 4; rooms *= COARSE) levels.push(round(rooms));
  return ascending(levels.map((rooms) => Math.min(rooms, max)));
}

/** The levels of a ramp that measures: those that other rows want, as far as they may hold, and close steps about the guess. */
export function fineLevels(guess, anchors = [], max = Infinity) {
  return ascending([...anchors.filter((rooms) => rooms <= guess), ...FINE.map((share) => Math.min(max, round(guess * share)))]);
}

/** The few levels of a quick look. */
export function quickLevels(expected, anchors = [], max = Infinity) {
  return ascending([...anchors.filter((rooms) => rooms <= expected), ...QUICK.map((share) => Math.min(max, round(expected * share)))]);
}

/** The most rooms that held, of a ramp's levels; 0 when none did. */
export function capacityOf(levels) {
  return Math.max(0, ...levels.filter(({ ok }) => ok).map(({ rooms }) => rooms));
}

/** Whether the machine left enough of a level to say that it held, or not. */
export const isKnown = ({ known }) => known !== false;

/** Whether the ramp was ended by what it looks for, and not by its last level or its time. */
export function foundLimit(levels) {
  const known = levels.filter(isKnown);
  return known.length > 1 && known.slice(-2).every(({ ok }) => !ok);
}

const BARS = {
  p99_late_ms: ({ late_ms: late }, most) => late?.p99 > most && `p99 of lateness ${late.p99.toFixed(1)} ms`,
  p99_interval_ms: ({ interval_ms: interval }, most) => interval?.p99 > most && `p99 of intervals ${interval.p99.toFixed(1)} ms`,
  min_rate: ({ messages }, least) => messages?.updates_per_player_min < least && `${messages.updates_per_player_min.toFixed(1)} updates/s to one`,
};

/** What of a bar, as pong-load takes it, a level did not keep, in words; or what else pong-load found wrong with it. */
export function brokenBy(until, level) {
  const bars = until.split(',').map((each) => each.split('='));
  const broken = bars.map(([name, limit]) => BARS[name]?.(level, Number(limit))).filter(Boolean);
  return broken.length > 0 ? broken : (level.problems ?? []);
}

/** Where to look again after a ramp about `guess` that a hiccup or a bad guess has ended; undefined when it was in the right place. */
export function betterGuess(guess, levels) {
  if (!foundLimit(levels)) return undefined;
  const close = levels.filter(isKnown).filter(({ rooms }) => rooms >= round(guess * FINE[0]));
  if (close.length === 0) return guess;
  return close.some(({ ok }) => ok) ? undefined : guess * LOWER;
}

export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The level of that many rooms, if it was measured. */
export function levelAt(levels, rooms) {
  return levels?.find((level) => level.rooms === rooms);
}
