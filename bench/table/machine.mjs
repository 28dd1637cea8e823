// What a result must name: the machine, the versions, the commit, and what else the machine did meanwhile. Reads only.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

import { repository } from '../../tests/e2e/harness.mjs';
import { peerVersions } from '../peers/peers.mjs';

function said(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: repository }).trim();
  } catch {
    return undefined;
  }
}

/** nginx tells its version on its standard error. */
function nginxVersion() {
  return said('sh', ['-c', 'nginx -v 2>&1'])?.replace('nginx version: ', '');
}

/** What is checked out, and whether it was changed since. */
export function readCommit() {
  const hash = said('git', ['rev-parse', '--short=10', 'HEAD']);
  if (hash === undefined) return 'none: not a git tree';
  const changed = said('git', ['status', '--porcelain', '--untracked-files=no', '--', ':!bench/results.md', ':!bench/plots']);
  return changed === '' ? hash : `${hash}, with changes that are not committed`;
}

/** `peers`: the names of those that were measured, too. */
export function describeMachine(peers = []) {
  const cpus = os.cpus();
  return {
    cpu: `${cpus.length} × ${cpus[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    kernel: `${os.type()} ${os.release()}`,
    versions: [
      said('gcc', ['--version'])?.split('\n')[0], `node ${process.version}`, nginxVersion(),
      `libwebsockets ${said('pkg-config', ['--modversion', 'libwebsockets'])?.replace(/-$/, '') ?? '?'}`,
      ...peers.map((name) => Object.entries(peerVersions(name)).filter(([each]) => each !== 'node').map((pair) => pair.join(' ')).join(', ')),
    ].filter(Boolean).join(', '),
  };
}

/** Jiffies of all cores since the start: all, and those that another guest of the host had. */
export function readSteal() {
  const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/);
  const numbers = fields.map(Number);
  return { all: numbers.slice(0, 8).reduce((sum, each) => sum + each, 0), stolen: numbers[7] };
}

/** The share of processor time that was stolen between two reads. */
export function stealShare(before, after) {
  return after.all === before.all ? 0 : (after.stolen - before.stolen) / (after.all - before.all);
}

export function loadAverage() {
  return os.loadavg()[0];
}
