// The pictures of a run of the table, drawn by gnuplot: cost of a room by their number, how late updates are, rooms on a core.
// Must not measure or judge; what was not measured is not drawn, and a picture of nothing is not written.

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { serverOf } from './rows.mjs';
import { COMPARED_ROOMS, levelAt, median } from './search.mjs';

const COLOURS = ['#0b6e99', '#d9730d', '#448361', '#9065b0', '#787774', '#c4554d'];
const COST = [['v1_tcp', 'v1, TCP'], ['v1_unix', 'v1, unix'], ['v2_tcp', 'v2, TCP'], ['v2_unix', 'v2, unix'], ['floor_tcp', 'pong-floor, TCP']];
const LATENESS = [
  ['v1_tcp', 'v1: update against its cadence'], ['v2_tcp', 'v2: input to relay'], ['floor_tcp', 'pong-floor: frame against its cadence'],
  ['floor_relay', 'pong-floor: input to relay'],
];
const BARS = [
  ['colyseus', 'Colyseus'], ['ws', 'ws on node'], ['floor_tcp', 'pong-floor, v1 frames'], ['v1_tcp', 'v1, TCP'], ['v1_unix', 'v1, unix'],
  ['v2_often', 'v2, 10 inputs/s, TCP'], ['v2_nginx', 'v2, nginx'], ['v2_tcp', 'v2, TCP'], ['v2_unix', 'v2, unix'],
];

/** The levels of a measure over all rounds: [rooms, the median of what `read` gives], in order. */
function series(rounds, key, read) {
  const byRooms = new Map();
  for (const level of rounds.flatMap((round) => round[key]?.levels ?? [])) {
    const value = level.ok ? read(level) : undefined;
    if (Number.isFinite(value)) byRooms.set(level.rooms, [...(byRooms.get(level.rooms) ?? []), value]);
  }
  return [...byRooms].sort(([a], [b]) => a - b).map(([rooms, values]) => [rooms, median(values)]);
}

function header(file, title) {
  return [
    `set terminal svg size 900,480 dynamic background '#ffffff' font 'Helvetica,13'`, `set output ${JSON.stringify(file)}`,
    `set title ${JSON.stringify(title)} noenhanced`, 'set grid lc rgb "#dddddd"', 'set border 3 lc rgb "#555555"', 'set tics nomirror',
  ];
}

const block = (name, points) => [`$${name} << EOD`, ...points.map((point) => point.join(' ')), 'EOD'];

function lines(data, style) {
  const curve = ([key, label], i) => `$${key} using 1:2 with ${style} lw 2 pt 7 ps 0.6 lc rgb "${COLOURS[i]}" title ${JSON.stringify(label)} noenhanced`;
  return `plot ${data.map(curve).join(', ')}`;
}

function costPlot(run) {
  const data = COST.map(([key, label]) => [key, label, series(run.rounds, key, (level) => serverOf(level)?.cpu_us_per_room_second)])
    .filter(([, , points]) => points.length > 1);
  return data.length === 0 ? undefined : [
    ...data.flatMap(([key, , points]) => block(key, points)), 'set logscale x', 'set xlabel "rooms of two players"',
    'set ylabel "processor time, µs for a room and second"', 'set yrange [0:*]', 'set xrange [90:*]',
    'set xtics (100, 200, 500, 1000, 2000, 4000, 8000)', 'set key outside', lines(data, 'linespoints'),
  ];
}

/** Of the rounds' curves, the one of which most moments counted. */
function latenessPlot(run) {
  const data = LATENESS.map(([key, label]) => {
    const level = run.rounds.map((round) => levelAt(round[key]?.levels, COMPARED_ROOMS)).filter(Boolean)
      .sort((a, b) => (b.moments?.counted ?? 0) - (a.moments?.counted ?? 0))[0];
    const cdf = key.startsWith('v1') || key === 'floor_tcp' ? level?.late_ms?.cdf : level?.relay_ms?.cdf;
    return [key, label, (cdf ?? []).map(([ms, share]) => [Math.max(ms, 0.01), 100 * (1 - share)]).filter(([, later]) => later > 0)];
  }).filter(([, , points]) => points.length > 1);
  return data.length === 0 ? undefined : [
    ...data.flatMap(([key, , points]) => block(key, points)), 'set logscale xy', 'set xlabel "late by more than, ms"', 'set ylabel "share of messages, %"',
    'set yrange [0.001:100]', 'set key top right', lines(data, 'lines'),
  ];
}

function barsPlot(run) {
  const data = BARS.map(([key, label]) => {
    const values = run.rounds.map((round) => round[key]?.rooms).filter((rooms) => rooms > 0);
    return [label, values.length > 0 ? median(values) : undefined];
  }).filter(([, rooms]) => rooms !== undefined);
  return data.length < 2 ? undefined : [
    ...block('bars', data.map(([label, rooms], i) => [i, JSON.stringify(label), Math.round(rooms)])), 'set boxwidth 0.7', 'set style fill solid',
    'set xtics rotate by -25 noenhanced', 'set ylabel "rooms on one core"', 'set yrange [0:*]', `set xrange [-0.6:${data.length - 0.4}]`, 'unset key',
    `plot $bars using 1:3:xtic(2) with boxes lc rgb "${COLOURS[0]}", $bars using 1:3:3 with labels offset 0,0.7`,
  ];
}

const PLOTS = [
  { file: 'cost.svg', title: 'What a room costs gamed, by how many there are', draw: costPlot },
  { file: 'lateness.svg', title: `How late messages are, ${COMPARED_ROOMS} rooms on one core over TCP`, draw: latenessPlot },
  { file: 'rooms.svg', title: 'Rooms on one core within the bar of their row', draw: barsPlot },
];

/** Writes what there is data for into `folder`; {file, title} of each picture. */
export function writePlots(run, folder) {
  mkdirSync(folder, { recursive: true });
  return PLOTS.filter(({ file, title, draw }) => {
    const commands = draw(run);
    const target = path.join(folder, file);
    rmSync(target, { force: true });
    if (!commands) return false;
    execFileSync('gnuplot', [], { input: [...header(target, title), ...commands, ''].join('\n'), stdio: ['pipe', 'ignore', 'pipe'] });
    return true;
  });
}
