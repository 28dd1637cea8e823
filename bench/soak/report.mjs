// The report of a soak: soak.md and soak.svg. Must not judge: it prints verdicts that judge.mjs has made.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { ALLOWANCES } from './judge.mjs';
import { COLUMNS } from './sampler.mjs';

const KINDS = { rss: 'memory (RSS)', fds: 'descriptors', threads: 'threads', own_fds: 'descriptors that are no client\'s' };

const number = (value, { unit, divisor }) => `${(value / divisor).toFixed(unit ? 2 : 1)}${unit && ` ${unit}`}`;

export function curveTable(verdicts) {
  const rows = verdicts.map(({ process, kind, ok, mean, rise, middle, last, allowed }) => {
    const of = (value) => number(value, ALLOWANCES[kind]);
    return `| ${process} | ${KINDS[kind]} | ${of(mean)} | ${of(rise)} | ${of(middle)} | ${of(last)} | ${of(allowed)} | ${ok ? 'flat' : '**grows**'} |`;
  });
  return [
    '| process | what | mean | the line rises by | middle third | last third | allowed | |',
    '|---|---|---|---|---|---|---|---|', ...rows,
  ].join('\n');
}

const CHURN = {
  rooms: 'rooms made', cancelled: 'cancelled', connections: 'connections', spectators: 'of spectators', closes: 'closed by them', drops: 'dropped without a close',
  resets: 'reset', returns: 'returns with the token', gone: 'left for good', forfeits: 'stayed away too long', matches: 'ends of matches seen', rematches: 'rematches',
};

const crowdTable = (churn) => [
  `| ${Object.keys(churn).map((name) => CHURN[name]).join(' | ')} |`, `|${'---|'.repeat(Object.keys(churn).length)}`, `| ${Object.values(churn).join(' | ')} |`,
].join('\n');

const minutes = (seconds) => (seconds >= 120 ? `${(seconds / 60).toFixed(0)} minutes` : `${seconds.toFixed(0)} s`);

export function soakText({ seconds, rooms, sentence, curves, judged, results, retried, logs, said, before, after, samples, problems, remarks, machine }) {
  const [first, last] = [samples[0], samples.at(-1)];
  const share = (name) => `${name} ${((100 * (last.processes[name].cpu - first.processes[name].cpu)) / (last.t - first.t)).toFixed(1)} %`;
  const highest = (value) => Math.max(...samples.map(value));
  return `# Soak

\`./dev soak\`: ${minutes(seconds)} of ${rooms} rooms through nginx, on ${new Date().toISOString().slice(0, 10)}. **${sentence}**

${problems.length > 0 ? `${problems.map((each) => `- ${each}`).join('\n')}\n\n` : ''}Players come, leave, drop without a close, stay away and return with their tokens; rooms end, and new ones are made; a tenth plays \`pong.v1.json\`, the rest \`pong.v2.bin\`. gamed
sent ${last.sent.toLocaleString('en')} messages, on at most ${highest(({ connections }) => connections)} connections at a time. Share of a core: ${Object.keys(last.processes).map(share).join(', ')}; gamed's loop,
ready to run, waited for a processor ${(100 * machine.share).toFixed(0)} % of the time. What the players did:

${crowdTable(said.churn)}

What went wrong for them: ${Object.entries(said.errors).map(([what, count]) => `${what} ${count}`).join(', ')}.
${machine.isStarved ? `\nOthers had so much of the machine that refusals are not judged${remarks.length > 0 ? `:\n\n${remarks.map((each) => `- ${each}`).join('\n')}` : '; there were none.'}\n` : ''}
## Memory and descriptors

${judged ? `The first third is settling. A line is fitted to the rest, and what it rises by must stay within what is allowed; so must memory's
and threads' highest value of the last third above that of the middle one, and descriptors' median.

${curveTable(curves)}` : 'The run was too short for its curves to be judged.'}

When everybody had left and all rooms were closed, gamed held ${after.processes.gamed.fds} descriptors (before anybody came: ${before.processes.gamed.fds}) and
${(after.processes.gamed.rss / 1_048_576).toFixed(1)} MiB (${(before.processes.gamed.rss / 1_048_576).toFixed(1)}).

![Memory, descriptors, connections and results](plots/soak.svg)

## Results

${results.matches} matches ended, ${results.recorded} were recorded by user_management, ${results.twice} of them more than once; players were told ${said.heard.length} different ends, each recorded so. It had answered 503 at first to one in fifty: ${retried} attempts had to be made again.

## Logs

${logs.errors.length} lines that tell of an error in the logs of nginx, api-fcgi and gamed; ${logs.warnings.length} warnings; ${logs.refusals.length} answers of 429 or 5xx in nginx' access log.
${logs.warnings.slice(0, 5).map(({ log, line }) => `\n    ${log}: ${line}`).join('')}`;
}

const PANELS = [
  ['memory, MiB', [['gamed', 'gamed_rss', 1_048_576], ['api-fcgi', 'api-fcgi_rss', 1_048_576], ['nginx', 'nginx_rss', 1_048_576]]],
  ['descriptors', [['gamed', 'gamed_fds', 1], ['api-fcgi', 'api-fcgi_fds', 1], ['nginx', 'nginx_fds', 1]]],
  ['rooms, connections', [['connections', 'connections', 1], ['rooms under way', 'rooms_ongoing', 1], ['rooms finished', 'rooms_finished', 1], ['rooms waiting', 'rooms_waiting', 1]]],
  ['matches', [['ended', 'finished', 1], ['delivered', 'delivered', 1]]],
];

/** Draws the file of samples. Throws what gnuplot says. */
export function drawPlot(file, svg) {
  const column = (name) => COLUMNS.findIndex(([each]) => each === name) + 1;
  const panels = PANELS.map(([label, curves]) => `set ylabel "${label}"\nplot ${curves.map(([title, name, divisor]) => (
    `"${file}" using ($1/60):($${column(name)}/${divisor}) with lines lw 1.5 title "${title}"`)).join(', ')}`);
  mkdirSync(path.dirname(svg), { recursive: true });
  execFileSync('gnuplot', [], {
    input: `set terminal svg size 900,${220 * PANELS.length} dynamic background "white" font "sans-serif,12"
set output "${svg}"
set datafile separator "\\t"
set key outside right top
set grid ytics lc rgb "#dddddd"
set yrange [0:*]
set multiplot layout ${PANELS.length},1
set xlabel ""
${panels.slice(0, -1).join('\n')}
set xlabel "minutes"
${panels.at(-1)}
`, stdio: ['pipe', 'ignore', 'pipe'],
  });
}

export function writeReport(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
