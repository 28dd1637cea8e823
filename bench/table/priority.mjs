// That what is measured goes before whatever else runs on the machine: a ramp is of the server and the load, and another process
// that takes their core for a hundredth of a second once in a second makes one message in a hundred late. All that is started
// has it, each the same, so what they take from each other stays as it is. Must not measure.

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

const NICE_BEFORE = os.getPriority();
const GROUP_BEFORE = readAutogroup();

/**
 * Gives it to all that is started from now on, or takes it back; what this process had is what it has at its end. True
 * where it was allowed: for root.
 */
export function goFirst(isFirst) {
  const nice = isFirst ? FIRST : NICE_BEFORE;
  try {
    os.setPriority(nice);
    if (GROUP_BEFORE !== undefined) setAutogroup(isFirst ? FIRST : GROUP_BEFORE);
    return true;
  } catch {
    return false;
  }
}

process.once('exit', () => goFirst(false));
