// How late updates were, as gamed itself measures it, between two scrapes of /metrics. For benchmarks.

/** Milliseconds that a share of what was observed between two scrapes did not exceed, in its bucket by proportion. */
export function percentile(before, after, share) {
  const counts = (seen) => seen.families.get('pong_tick_lateness_seconds').samples
    .filter(({ name }) => name.endsWith('_bucket'))
    .map(({ labels, value }) => ({ le: labels.get('le') === '+Inf' ? Infinity : Number(labels.get('le')), count: value }));
  const [old, fresh] = [counts(before), counts(after)];
  const total = fresh.at(-1).count - old.at(-1).count;
  let last = { le: 0, count: 0 };
  for (const [i, { le, count }] of fresh.entries()) {
    const here = count - old[i].count;
    if (here >= share * total) {
      if (le === Infinity) return last.le * 1e3;
      return 1e3 * (last.le + ((le - last.le) * (share * total - last.count)) / Math.max(1, here - last.count));
    }
    last = { le, count: here };
  }
  return NaN;
}
