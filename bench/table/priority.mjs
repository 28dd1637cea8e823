// That what is measured goes before whatever else runs on the machine: a benchmark is of the server and the load, and another
// process that takes their core for a hundredth of a second once in a second makes one message in a hundred late. All that is
// started later has it, each the same, so what they take from each other stays as it is. Must not measure.

import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';

const FIRST = -20;
/** Where sessions are scheduled as groups (man 7 sched, "The autogroup feature"), a nice value counts within them only. */
const AUTOGROUP = '/proc/self/autogroup';

function setAutogroup(nice) {
  writeFileSync(AUTOGROUP, String(nice));
}

function readAutogroup() {
  try {
    return Number(/nice (-?\d+)/.exec(readFileSync(AUTOGROUP, 'utf8'))[1]);
  } catch {
    return undefined; // there are none
  }
}

/** Takes it until this process ends, whose session gets back what it had. True where it was allowed: for root. */
export function goFirst() {
  const before = readAutogroup();
  try {
    os.setPriority(FIRST);
    if (before !== undefined) setAutogroup(FIRST);
  } catch {
    return false;
  }
  if (before !== undefined) process.once('exit', () => setAutogroup(before));
  return true;
}
