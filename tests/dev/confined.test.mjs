// The daemons need no more than their units leave them. systemd need not run for that: each is started as its unit would have it (a
// user of its own without capabilities, no_new_privs, a read-only system, the socket folders' groups), nginx as www-data before
// them, and a match is played; all the while strace notes which system calls they use, and those must be what SystemCallFilter=,
// RestrictAddressFamilies= and MemoryDenyWriteExecute= allow.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { quickServe, useStack } from '../e2e/harness.mjs';
import { skipFor } from '../e2e/requirement.mjs';
import { finishMatch, startMatch } from '../e2e/rooms.mjs';
import { useManagement } from '../e2e/user-management.mjs';
import { repository } from './nginx-stack.mjs';

// Numbers that are nobody's; names would have to be made on the machine.
const USERS = { gamed: 61201, 'api-fcgi': 61202, nginx: 61203, stranger: 61204 };
const GROUPS = { web: 61211, ipc: 61212, admin: 61213 };
const FOLDERS = { gamed: ['gamed', 'web'], ipc: ['gamed', 'ipc'], control: ['gamed', 'admin'], api: ['api-fcgi', 'web'] };
const SETPRIV = '--no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all';

const why = () => {
  if (process.getuid() !== 0) return 'only root can start a daemon as somebody else';
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return 'this machine lets nobody have mounts of his own';
  return spawnSync('strace', ['-D', '-qq', '-o', '/dev/null', 'true']).status !== 0 && 'strace cannot trace here';
};

const setprivOf = (user, groups) =>
  `setpriv --reuid=${USERS[user]} --regid=${USERS[user]} ${groups.length ? `--groups=${groups.map((group) => GROUPS[group])}` : '--clear-groups'} ${SETPRIV}`;

/**
 * Makes the stack's folders what tmpfiles.d makes, and each daemon's command what its unit says. The
 * whole system is read-only for it but its own folders, as ProtectSystem=strict has it.
 */
function confine(stack) {
  const { runDir } = stack;
  const bin = path.join(runDir, 'bin');
  mkdirSync(bin);
  for (const [folder, [user, group]] of Object.entries(FOLDERS)) {
    mkdirSync(path.join(runDir, folder));
    chownSync(path.join(runDir, folder), USERS[user], GROUPS[group]);
    chmodSync(path.join(runDir, folder), 0o2750);
    symlinkSync(`${folder}/${folder}.sock`, path.join(runDir, `${folder}.sock`));
  }
  mkdirSync(path.join(runDir, 'trace'));
  chownSync(path.join(runDir, 'state'), USERS.gamed, USERS.gamed);
  chownSync(runDir, USERS.nginx, USERS.nginx);
  chmodSync(runDir, 0o755);

  const wrap = (daemon, user, groups, writable) => {
    const program = path.join(bin, daemon.name);
    copyFileSync(daemon.command, program); // the build may lie where others may not look
    const binds = writable.map((folder) => `mount --bind ${runDir}/${folder} ${runDir}/${folder}`).join(' && ');
    writeFileSync(`${program}.sh`, `${binds}
for mount in / "$(stat -c %m ${runDir})"; do mount -o remount,bind,ro "$mount"; done
umask 0077
exec ${setprivOf(user, groups)} ${program} "$@"\n`);
    daemon.command = 'strace';
    daemon.args = ['-f', '-D', '-qq', '-e', 'signal=none', '-o', path.join(runDir, 'trace', daemon.name), 'unshare', '--mount', '--propagation', 'private',
      'sh', '-e', `${program}.sh`, ...daemon.args.map((argument) => argument.replace(/\/(gamed|ipc|control|api)\.sock$/, '/$1/$1.sock'))];
  };
  wrap(stack.gamed, 'gamed', [], ['gamed', 'ipc', 'control', 'state']);
  wrap(stack.api, 'api-fcgi', ['ipc'], ['api']);

  // The harness starts `nginx` by that name.
  const nginx = execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin command -v nginx'], { encoding: 'utf8' }).trim();
  writeFileSync(path.join(bin, 'nginx'), `#!/bin/sh\nchown -R ${USERS.nginx} ${runDir}/tmp ${stack.logDir}\nexec ${setprivOf('nginx', ['web'])} ${nginx} "$@"\n`);
  chmodSync(path.join(bin, 'nginx'), 0o755);
  stack.env.PATH = `${bin}:${stack.env.PATH}`;
}

/** The unit's values of one name, in order. */
function unitLines(name, key) {
  const text = ['confinement.in', `${name}.service.in`].map((file) => readFileSync(path.join(repository, 'packaging/systemd', file), 'utf8')).join('\n');
  return text.split('\n').filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
}

function systemCalls(set) {
  if (!set.startsWith('@')) return [set];
  const text = execFileSync('systemd-analyze', ['--no-pager', 'syscall-filter', set], { encoding: 'utf8' });
  return text.split('\n').slice(1).map((line) => line.trim()).filter((line) => line && !line.startsWith('#')).flatMap(systemCalls);
}

function allowedCalls(name) {
  const allowed = new Set(systemCalls('@default'));
  for (const line of unitLines(name, 'SystemCallFilter')) {
    const denies = line.startsWith('~');
    for (const set of line.replace('~', '').split(' ')) for (const call of systemCalls(set)) {
      if (!denies) allowed.add(call);
      else if (!systemCalls('@default').includes(call)) allowed.delete(call);
    }
  }
  return allowed;
}

/** What the daemon itself called: the lines since it was executed. */
function traced(stack, name) {
  const lines = readFileSync(path.join(stack.runDir, 'trace', name), 'utf8').split('\n');
  const start = lines.findIndex((line) => line.includes(`execve("${path.join(stack.runDir, 'bin', name)}"`) && line.endsWith('= 0'));
  assert.ok(start >= 0, `${name} was not executed`);
  return lines.slice(start + 1);
}

describe('daemons that may do what their units allow', { skip: skipFor(why()) }, () => {
  const env = { ...quickServe, API_KEY: 'confined-api-key' };
  const management = useManagement(env);
  const stack = useStack({ env, prepare: confine });
  const daemons = () => ({ gamed: stack.gamed, 'api-fcgi': stack.api });

  test('play a match, and its result is posted', async () => {
    const { one, two } = await startMatch(stack, { winning_score: 1 });
    await finishMatch(one, two);
    const { player_1_score: won, player_2_score: lost } = (await management.result()).json;
    assert.deepEqual([won, lost], [1, 0]);
  });

  test('run as users of their own, without a capability for good, and can write to their own folders only', () => {
    for (const [name, daemon] of Object.entries(daemons())) {
      const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
      const field = (key) => new RegExp(`^${key}:\\s+(.*)$`, 'm').exec(status)[1];
      assert.deepEqual(field('Uid').split('\t'), Array(4).fill(String(USERS[name])));
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(field(set), /^0+$/, set);
      assert.equal(field('NoNewPrivs'), '1');
      assert.match(readFileSync(`/proc/${daemon.pid}/mountinfo`, 'utf8'), /^\S+ \S+ \S+ \S+ \/ ro,/m, 'its root is read-only');
    }
  });

  test('can be reached by those who are to, and by nobody else', () => {
    const mayConnect = (user, groups, socket) => spawnSync('sh', ['-c', `${setprivOf(user, groups)} test -w ${stack.sockets[socket]}`]).status === 0;
    const reached = (user, groups) => Object.keys(FOLDERS).filter((socket) => mayConnect(user, groups, socket));
    assert.deepEqual(reached('nginx', ['web']), ['gamed', 'api']);
    assert.deepEqual(reached('api-fcgi', ['ipc']), ['ipc', 'api']);
    assert.deepEqual(reached('stranger', ['admin']), ['control']);
    assert.deepEqual(reached('stranger', []), []);
  });

  test('use no system call, address family or memory that their units forbid', () => {
    for (const name of Object.keys(daemons())) {
      const lines = traced(stack, name);
      const allowed = allowedCalls(name);
      const used = new Set(lines.map((line) => /^\d+ +([a-z_0-9]+)\(/.exec(line)?.[1]).filter(Boolean));
      assert.ok(used.has('accept4') || used.has('accept'), `${name} was traced while it worked`);
      assert.deepEqual([...used].filter((call) => !allowed.has(call)), [], name);
      const families = new Set(lines.map((line) => / socket\((AF_\w+)/.exec(line)?.[1]).filter(Boolean));
      const listed = unitLines(name, 'RestrictAddressFamilies').join(' ').split(' ');
      assert.deepEqual([...families].filter((family) => !listed.includes(family)), [], name);
      assert.deepEqual(lines.filter((line) => / mprotect\(.*PROT_EXEC|PROT_WRITE\|PROT_EXEC/.test(line)), [], name);
    }
  });
});
