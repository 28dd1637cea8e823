// What a soak has to hold, as functions of what was noted: pure, and tested by tests/dev/soak.test.mjs.
// Must not read a file or a clock.
//
// Flat means: of a run, the first third is settling. Over the other two thirds a straight line is fitted (least squares), and
// what it rises by in that time must not exceed the allowance; nor may memory's and threads' highest value of the last third
// exceed that of the middle third by more, or descriptors' median, of which a burst of connections is no leak. The allowance is
// a share of the mean or a fixed amount, whichever is more. To fall is allowed.

export const JUDGED_SECONDS = 300; // a shorter run is all settling: its curves are not judged
const STARVED_SHARE = 0.1; // of the time

const MiB = 1_048_576;

/** Per kind of curve; `unit` is what `amount` counts and the report prints. */
export const ALLOWANCES = {
  rss: { share: 0.03, amount: 2 * MiB, unit: 'MiB', divisor: MiB },
  fds: { share: 0.05, amount: 16, unit: '', divisor: 1, isMedian: true },
  threads: { share: 0, amount: 2, unit: '', divisor: 1 },
  own_fds: { share: 0, amount: 4, unit: '', divisor: 1, isMedian: true },
};

const highest = (values) => values.reduce((high, value) => Math.max(high, value));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** The line through [[x, y], …] by least squares: {slope, mean}. */
export function fitLine(points) {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  let above = 0;
  let below = 0;
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return { slope: below === 0 ? 0 : above / below, mean: meanY };
}

/** One curve, [[seconds, value], …] over the whole run: {ok, mean, rise, middle, last, allowed}. */
export function judgeCurve(points, { share, amount, isMedian = false }) {
  const from = points[0][0];
  const third = (points.at(-1)[0] - from) / 3;
  const settled = points.filter(([t]) => t >= from + third);
  const look = (list) => (isMedian ? median : highest)(list.map(([, value]) => value));
  const middle = look(settled.filter(([t]) => t < from + 2 * third));
  const last = look(settled.filter(([t]) => t >= from + 2 * third));
  const { slope, mean } = fitLine(settled);
  const rise = slope * 2 * third;
  const allowed = Math.max(share * mean, amount);
  return { ok: rise <= allowed && last - middle <= allowed, mean, rise, middle, last, allowed };
}

/**
 * All curves of a run. `samples`: [{t, processes: {name: {rss, fds, threads}}, sockets}, …]; `sockets` are gamed's of clients,
 * without which its descriptors are its own.
 */
export function judgeCurves(samples) {
  const verdicts = [];
  const judge = (process, kind, value) => {
    const points = samples.map((sample) => [sample.t, value(sample)]).filter(([, y]) => Number.isFinite(y));
    verdicts.push({ process, kind, ...judgeCurve(points, ALLOWANCES[kind]) });
  };
  for (const name of Object.keys(samples[0].processes)) {
    for (const kind of ['rss', 'fds', 'threads']) judge(name, kind, ({ processes }) => processes[name][kind]);
  }
  judge('gamed', 'own_fds', ({ processes, sockets }) => processes.gamed.fds - sockets);
  return verdicts;
}

/** Lines of the daemons' logs that should not be there: {errors, refusals: answers of 429 and 5xx, warnings}, each [{log, line}]. */
export function judgeLogs(logs) {
  const errors = [];
  const refusals = [];
  const warnings = [];
  for (const [log, text] of logs) {
    for (const line of text.split('\n')) {
      if (log === 'nginx-access.log') {
        if (/" (?:429|5\d\d) /.test(line)) refusals.push({ log, line });
      } else if (/^\S+ error |\[(?:error|crit|alert|emerg)\]|Sanitizer|runtime error/.test(line)) {
        errors.push({ log, line });
      } else if (/^\S+ warn |\[warn\]/.test(line)) {
        warnings.push({ log, line });
      }
    }
  }
  return { errors, refusals, warnings };
}

/**
 * Whether gamed's loop, ready to run, had to wait for a processor for so much of the run that requests refused and connections
 * lost tell of the machine: {isStarved, share}. `samples`: [{t, waited}].
 */
export function judgeMachine(samples) {
  const [first, last] = [samples[0], samples.at(-1)];
  const share = (last.waited - first.waited) / (last.t - first.t);
  return { isStarved: share > STARVED_SHARE, share };
}

/** What of a match both its players and the receiver of its result know; the winner's seat, or null. */
const endOf = (room, one, two, winner, reason) => JSON.stringify([room, one, two, winner, reason]);

const endOfResult = ({ room_code: room, player_1_score: one, player_2_score: two, winner_id: id, player_1_id: first, reason }) => (
  endOf(room, one, two, id === null ? null : id === first ? 1 : 2, reason));

/**
 * Whether every match that ended was delivered, and recorded once, and as its players were told. `attempts`: the receiver's
 * [{key, status, json}]; `heard`: the players' [[room, score, score, winner, reason]]; the rest are gamed's counters at the
 * end. Returns {ok, matches, recorded, twice, complaints}.
 */
export function judgeResults({ attempts, heard, finished, delivered, pending, failed, lost, unsaved }) {
  const times = new Map();
  const ends = new Set();
  for (const { key, json } of attempts.filter((each) => each.status >= 200 && each.status < 300)) {
    times.set(key, (times.get(key) ?? 0) + 1);
    ends.add(endOfResult(json));
  }
  const untrue = heard.filter((end) => !ends.has(endOf(...end)));
  const twice = [...times.values()].filter((count) => count > 1).length;
  const complaints = [];
  if (times.size !== finished) complaints.push(`${finished} matches ended, and ${times.size} were recorded`);
  if (delivered !== finished) complaints.push(`${finished} matches ended, and gamed counts ${delivered} as delivered`);
  if (untrue.length > 0) complaints.push(`${untrue.length} ends that players were told were not recorded so, such as ${untrue[0]}`);
  if (twice > 0) complaints.push(`${twice} were recorded more than once`);
  if (pending > 0) complaints.push(`${pending} still wait`);
  if (failed > 0) complaints.push(`${failed} were given up`);
  if (lost > 0) complaints.push(`${lost} were lost`);
  if (unsaved > 0) complaints.push(`${unsaved} are not in the store`);
  if (finished === 0) complaints.push('no match ended');
  return { ok: complaints.length === 0, matches: finished, recorded: times.size, twice, complaints };
}
