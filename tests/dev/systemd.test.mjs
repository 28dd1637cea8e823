// What `make install` puts down for systemd: units that it takes, and that confine the daemons; users and folders that let nobody
// connect who should not. No systemd has to run.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { repository } from './nginx-stack.mjs';

const optimised = process.env.PONG_BUILD_DIR ?? path.join(repository, '.dev/build');
const EXPOSURE_MAX = 20; // tenths: systemd-analyze calls anything up to 2.0 safe or good
const units = ['gamed', 'gamed@', 'api-fcgi'];

const run = (command, ...args) => spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });

describe('what make install puts down', () => {
  let root;
  const under = (...names) => path.join(root, 'usr/local', ...names);
  const unit = (name) => under('lib/systemd/system', `${name}.service`);
  before(() => {
    root = mkdtempSync(path.join(tmpdir(), 'pong-install-'));
    const made = run('make', '-C', optimised, 'install', `DESTDIR=${root}`);
    assert.equal(made.status, 0, made.stderr);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  test('is all there, with nothing left to be filled in', () => {
    for (const name of ['bin/gamed', 'bin/api-fcgi', 'bin/pongctl', 'share/man/man8/gamed.8', 'share/man/man8/api-fcgi.8', 'share/man/man1/pongctl.1',
      'share/pong/examples/gamed.env', 'share/pong/examples/api-fcgi.env', 'share/pong/nginx/examples/tls-site.conf', 'share/pong/grafana/pong.json', 'share/doc/pong/operations.md',
      'lib/sysusers.d/pong.conf', 'lib/tmpfiles.d/pong.conf']) assert.ok(existsSync(under(name)), name);
    for (const name of units) assert.doesNotMatch(readFileSync(unit(name), 'utf8'), /@[A-Za-z]+@/);
  });

  test('goes again with make uninstall', () => {
    const other = mkdtempSync(path.join(tmpdir(), 'pong-install-'));
    try {
      for (const target of ['install', 'uninstall']) assert.equal(run('make', '-C', optimised, target, `DESTDIR=${other}`).status, 0);
      assert.equal(execFileSync('find', [other, '-type', 'f'], { encoding: 'utf8' }), '');
    } finally {
      rmSync(other, { recursive: true, force: true });
    }
  });

  /** A copy of a unit that names its program where it lies here. */
  function copyOf(name, edit = (text) => text) {
    const folder = mkdtempSync(path.join(root, 'unit-'));
    const copy = path.join(folder, `${name.replace(/@$/, '@B')}.service`);
    writeFileSync(copy, edit(readFileSync(unit(name), 'utf8').replace('=/usr/local/bin/', `=${under('bin')}/`)));
    return copy;
  }

  for (const name of units) {
    test(`${name}.service: systemd takes every line of it`, () => {
      const { status, stderr } = run('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', copyOf(name));
      assert.deepEqual([status, stderr], [0, '']);
      assert.notEqual(run('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', copyOf(name, (text) => text.replace('UMask=', 'UMsk='))).stderr, '');
    });

    test(`${name}.service: exposure of ${EXPOSURE_MAX / 10} at most, and each confinement counts`, (context) => {
      const security = (file) => run('systemd-analyze', 'security', '--no-pager', '--offline=true', `--threshold=${EXPOSURE_MAX}`, file);
      const { status, stdout, stderr } = security(copyOf(name));
      assert.equal(status, 0, stdout + stderr);
      context.diagnostic(/Overall exposure level .*: [0-9.]+/.exec(stdout)[0]);
      assert.notEqual(security(copyOf(name, (text) => text.replace(/^(CapabilityBoundingSet|SystemCallFilter|ProtectSystem)=.*\n/gm, ''))).status, 0);
    });
  }

  test('gamed@B: all that names its slot does so everywhere', () => {
    const text = readFileSync(unit('gamed@'), 'utf8').replaceAll('%i', 'B');
    const environment = Object.fromEntries([...text.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
    const checked = spawnSync(under('bin/gamed'), ['--check-config'], { encoding: 'utf8', env: environment });
    assert.deepEqual([checked.status, checked.stderr], [0, '']);
    assert.deepEqual(environment, {
      PONG_LISTEN: 'unix:/run/pong/gamed/gamed-B.sock', PONG_IPC: 'ipc:///run/pong/ipc/ipc-B.sock', PONG_CONTROL: '/run/pong/control/control-B.sock',
      PONG_SLOT: 'B', PONG_STATE_DIR: '/var/lib/pong/B', PONG_TICKETS: 'required',
    });
    assert.match(text, /^StateDirectory=pong\/B$/m);
    assert.deepEqual(text.match(/(?<=^EnvironmentFile=-).*$/gm), ['/etc/pong/gamed.env', '/etc/pong/gamed-B.env']);
  });

  test('the folders of the sockets let in only those who are to connect', { skip: process.getuid() !== 0 && 'only root can give folders away' }, () => {
    mkdirSync(path.join(root, 'etc'));
    const added = run('systemd-sysusers', `--root=${root}`, under('lib/sysusers.d/pong.conf'));
    assert.equal(added.status, 0, added.stderr);
    const made = run('systemd-tmpfiles', `--root=${root}`, '--create', under('lib/tmpfiles.d/pong.conf'));
    assert.equal(made.status, 0, made.stderr);
    const ids = (file) => new Map(readFileSync(path.join(root, 'etc', file), 'utf8').trim().split('\n').map((line) => [line.split(':')[0], line.split(':')]));
    const [users, groups] = [ids('passwd'), ids('group')];
    const expected = { gamed: ['pong-gamed', 'pong-web'], ipc: ['pong-gamed', 'pong-ipc'], control: ['pong-gamed', 'pong-admin'], api: ['pong-api', 'pong-web'] };
    for (const [folder, [user, group]] of Object.entries(expected)) {
      const { mode, uid, gid } = statSync(path.join(root, 'run/pong', folder));
      assert.deepEqual([(mode & 0o7777).toString(8), String(uid), String(gid)], ['2750', users.get(user)[2], groups.get(group)[2]], folder);
    }
    assert.deepEqual(['pong-web', 'pong-ipc', 'pong-admin'].map((group) => groups.get(group)[3]), ['www-data', 'pong-api', '']);
  });
});
