// A strict reader of Prometheus' text format 0.0.4: what it accepts, a scraper accepts, and what a careless
// writer gets wrong it refuses. Knows the format only, no metric.

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const SUFFIXES = { histogram: ['_bucket', '_sum', '_count'], counter: [''], gauge: [''] };
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|NaN|[+-]Inf)$/i;

function numberOf(text) {
  if (!NUMBER.test(text)) throw new Error(`no number: ${text}`);
  return Number(text.replace(/Inf/i, 'Infinity'));
}

/** Reads {a="b",…} at the start of `text`; {labels, rest}. */
function readLabels(text) {
  const labels = new Map();
  if (!text.startsWith('{')) return { labels, rest: text };
  let rest = text.slice(1);
  while (!rest.startsWith('}')) {
    const match = /^([^=]*)="((?:[^"\\]|\\["\\n])*)"(,(?!\})|(?=\}))/.exec(rest);
    if (!match) throw new Error(`labels: ${text}`);
    const [all, name, value] = match;
    if (!NAME.test(name) || name.startsWith('__')) throw new Error(`label name: ${name}`);
    if (labels.has(name)) throw new Error(`label ${name} twice: ${text}`);
    labels.set(name, value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c)));
    rest = rest.slice(all.length);
  }
  return { labels, rest: rest.slice(1) };
}

function keyOf(name, labels) {
  return `${name}${JSON.stringify([...labels].sort())}`;
}

/** The buckets of one series: ascending, cumulative, the last +Inf and equal to _count, with a _sum. */
function checkHistogram(family) {
  const series = new Map();
  for (const { name, labels, value } of family.samples) {
    const { le, ...others } = Object.fromEntries(labels);
    const key = JSON.stringify(Object.entries(others).sort());
    if (!series.has(key)) series.set(key, { buckets: [] });
    const one = series.get(key);
    if ((le !== undefined) !== name.endsWith('_bucket')) throw new Error(`le: ${name}`);
    if (le !== undefined) one.buckets.push([numberOf(le), value]);
    else one[name.slice(family.name.length + 1)] = value;
  }
  for (const [key, { buckets, sum, count }] of series) {
    const where = `${family.name} ${key}`;
    if (sum === undefined || count === undefined || sum < 0) throw new Error(`no _sum or _count: ${where}`);
    buckets.forEach(([bound, value], i) => {
      if (i > 0 && (bound <= buckets[i - 1][0] || value < buckets[i - 1][1])) throw new Error(`buckets: ${where}`);
    });
    const [bound, value] = buckets.at(-1) ?? [];
    if (bound !== Infinity || value !== count) throw new Error(`the +Inf bucket: ${where}`);
  }
}

export class Exposition {
  /** Throws at the first thing that is wrong. */
  constructor(text) {
    this.families = new Map();
    this.series = new Set();
    if (!text.endsWith('\n')) throw new Error('the last line has no end');
    for (const line of text.slice(0, -1).split('\n')) {
      try {
        this.read(line);
      } catch (error) {
        throw new Error(`${error.message}\nin the line: ${line}`);
      }
    }
    this.finish();
  }

  read(line) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment) this.readComment(...comment.slice(1));
    else if (line.startsWith('#') || line === '') throw new Error('no line that belongs here');
    else this.readSample(line);
  }

  readComment(word, name, rest) {
    if (word === 'HELP') {
      this.finish();
      if (!NAME.test(name)) throw new Error(`family name: ${name}`);
      if (this.families.has(name)) throw new Error(`${name} a second time: families must be contiguous`);
      if (/\\[^\\n]/.test(rest)) throw new Error('HELP: a wrong escape');
      this.family = { name, help: rest, samples: [] };
      this.families.set(name, this.family);
      return;
    }
    if (this.family?.name !== name || this.family.type) throw new Error('TYPE without its HELP before it');
    if (!SUFFIXES[rest]) throw new Error(`type: ${rest}`);
    this.family.type = rest;
  }

  readSample(line) {
    const name = /^[^{ ]*/.exec(line)[0];
    const { family } = this;
    if (!family?.type || !SUFFIXES[family.type].some((suffix) => name === family.name + suffix)) {
      throw new Error('a sample outside of its family');
    }
    const { labels, rest } = readLabels(line.slice(name.length));
    if (!/^ \S+$/.test(rest)) throw new Error('what follows the labels');
    const value = numberOf(rest.slice(1));
    if (family.type === 'counter' && !(value >= 0)) throw new Error('a counter below 0');
    const key = keyOf(name, labels);
    if (this.series.has(key)) throw new Error('a series for the second time');
    this.series.add(key);
    family.samples.push({ name, labels, value });
  }

  finish() {
    if (this.family && !this.family.type) throw new Error(`${this.family.name} has no TYPE`);
    if (this.family?.type === 'histogram') checkHistogram(this.family);
  }

  /** The sum of all series of that name with (at least) these labels; undefined when there is none. */
  get(name, labels = {}) {
    const family = this.families.get(name) ?? this.families.get(name.replace(/_(bucket|sum|count)$/, ''));
    const found = (family?.samples ?? []).filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels.get(key) === value),
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }
}
