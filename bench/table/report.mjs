// The report of a run of the table: text in, text out. A run is what bench/table.mjs writes to .dev/bench/table.json.

import { besides, roomsByTime, rows, serverOf } from './rows.mjs';
import { brokenBy, isKnown, median } from './search.mjs';

const number = (value, digits) => value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const percent = (share) => `${number(100 * share, 0)} %`;

/** {middle, low, high, count} of a row's numbers of all rounds; undefined when there is none. */
export function summarize(row, rounds) {
  const values = rounds.map(row.of).filter((value) => Number.isFinite(value));
  if (values.length === 0) return undefined;
  return { middle: median(values), low: Math.min(...values), high: Math.max(...values), count: values.length };
}

/** What was measured, for people: the median, and between what the rounds were. */
export function describe(row, summary) {
  if (!summary) return 'not measured';
  const middle = `${number(summary.middle, row.digits)} ${row.unit}`;
  if (summary.count === 1) return middle;
  return `${middle} (${number(summary.low, row.digits)}–${number(summary.high, row.digits)})`;
}

/** By the median, as it was measured and not as it is rounded. */
export function verdict(row, summary) {
  if (!summary) return '–';
  return row.meets(summary.middle) ? 'yes' : '**no**';
}

/** A number of rooms of a ramp that was not ended by its bar is a bound, no limit. */
function boundNotes({ rounds, measures }) {
  return measures.filter(({ kind, anchorsOnly }) => kind === 'ramp' && !anchorsOnly).filter(({ key }) => {
    const done = rounds.map((round) => round[key]).filter(Boolean);
    return done.length > 0 && done.some(({ found }) => !found);
  }).map(({ title }) => title);
}

/** Nothing, where nothing of it was measured. */
function table(head, lines) {
  return lines.length === 0 ? [] : [[...head, ...lines].join('\n')];
}

function targetsTable(run) {
  const shown = rows.filter(({ peer }) => !peer || run.options.peers);
  const summaries = shown.map((row) => [row, summarize(row, run.rounds)]).filter(([, summary]) => summary || !run.options.only);
  const lines = summaries.map(([row, summary]) => `| ${row.measure} | ${row.target} | ${describe(row, summary)} | ${verdict(row, summary)} |`);
  return table(['| measure | target | measured: median (least–most) | met |', '|---|---|---|---|'], lines);
}

function besidesTable(run) {
  const lines = besides.filter(({ peer }) => !peer || run.options.peers).map((row) => [row, summarize(row, run.rounds)])
    .filter(([, summary]) => summary).map(([row, summary]) => `| ${row.measure} | ${describe(row, summary)} |`);
  return table(['| | median (least–most) |', '|---|---|'], lines);
}

/** Of all tenths of a second that were measured, the share in which the machine had its processors, at their speed; undefined without any. */
function countedShare(rounds) {
  const moments = rounds.flatMap((round) => Object.values(round).flatMap(({ levels = [] }) => levels.map((level) => level.moments))).filter(Boolean);
  const sum = (read) => moments.reduce((total, each) => total + read(each), 0);
  return moments.length === 0 ? undefined : sum(({ counted }) => counted) / sum(({ all }) => all);
}

/** At the most rooms that held: how busy each was. */
function limitsTable(run) {
  const lines = [];
  for (const { key, title, kind, anchorsOnly, until } of run.measures) {
    if (kind !== 'ramp' || anchorsOnly) continue;
    const done = run.rounds.map((round) => round[key]).filter((result) => result?.rooms > 0);
    if (done.length === 0) continue;
    const held = done.map(({ levels, rooms }) => levels.find((level) => level.rooms === rooms && level.ok));
    const middle = (read) => {
      const values = held.map(read).filter(Number.isFinite);
      return values.length > 0 ? percent(median(values)) : '–';
    };
    const byTime = done.map(({ levels }) => roomsByTime(levels)).filter(Number.isFinite);
    const failed = done.map(({ levels, rooms }) => levels.find((level) => !level.ok && isKnown(level) && level.rooms > rooms)).find(Boolean);
    const broken = failed && brokenBy(until, failed).join(', ');
    lines.push(`| ${title} | ${done.map(({ rooms }) => number(rooms, 0)).join(', ')} | ${middle((level) => serverOf(level)?.cpu_share)} | ` +
      `${byTime.length > 0 ? number(median(byTime), 0) : '–'} | ` +
      `${middle((level) => level.processes?.nginx?.cpu_share)} | ${middle((level) => level.load?.cpu_share)} | ${broken || '–'} |`);
  }
  return table([
    '| load | rooms that held, by round | server, share of its core | rooms by its processor time | nginx | load generator | what failed above |',
    '|---|---|---|---|---|---|---|',
  ], lines);
}

function section(title, ...paragraphs) {
  return ['', `## ${title}`, ...paragraphs.flatMap((paragraph) => ['', paragraph])];
}

function list(title, lines) {
  return lines.length === 0 ? [] : ['', title, '', ...lines.map((line) => `- ${line}`)];
}

/** `plots`: {file, title} of the pictures beside it. */
export function renderReport(run, plots) {
  const { machine, options } = run;
  const bounds = boundNotes(run);
  const [targets, limits, beside] = [targetsTable(run), limitsTable(run), besidesTable(run)];
  const counted = countedShare(run.rounds);
  const count = run.rounds.length;
  const words = [options.quick && ' --quick', options.peers && ' --peers', options.only && ` --only ${options.only.join(',')}`,
    options.asked?.rounds && ` --rounds ${options.asked.rounds}`, options.asked?.minutes && ` --minutes ${options.asked.minutes}`].filter(Boolean).join('');
  return [
    '# Results',
    '',
    `Written by \`./dev bench${words}\`: ${count} ${count === 1 ? 'round' : 'rounds'} in ${number(run.seconds / 60, 1)} minutes, ` +
      `begun ${run.began.slice(0, 16).replace('T', ' ')} UTC. ` +
      'How each number is taken: [docs/performance.md](../docs/performance.md).',
    '',
    `- machine: ${machine.cpu}, ${machine.memory}, ${machine.kernel}; stolen by other guests meanwhile: ` +
      `${number(100 * run.steal, 1)} %, load average before: ${number(run.loadBefore, 1)}; ` +
      `who played and who served ${run.isFirst ? 'went before' : 'had no more right to a processor than'} what else ran there`,
    ...(counted === undefined ? [] : [`- lateness is of those ${percent(counted)} of all tenths of a second in which, and shortly before which, nothing was stolen and the processors ran at more than half their speed`]),
    `- versions: ${machine.versions}`,
    `- commit: ${machine.commit}`,
    ...(targets.length === 0 ? [] : ['', ...targets]),
    ...(options.peers || options.only ? [] : ['', 'The rows beside Colyseus are measured by `./dev bench --peers`.']),
    ...(bounds.length === 0 ? [] : ['', `A round of these ended before the bar was broken, so its number is a lower bound: ${bounds.join(', ')}.`]),
    ...list('Left out, as the time was over:', run.leftOut),
    ...list('Failed:', run.failures),
    ...(limits.length === 0 ? [] : section('At the limit',
      '*Rooms by its processor time*: for how many the server would have had time on 95 % of its core, by what it took at the most rooms that were ' +
        'played, held or not: what a machine without neighbours might come to.', ...limits)),
    ...(beside.length === 0 ? [] : section('Beside the table', ...beside)),
    ...plots.flatMap(({ file, title }) => ['', `![${title}](plots/${file})`]),
    '',
  ].join('\n');
}
