// Hosts for a test: network namespaces, each with two lines to where the test runs, one for players and one for Redis, so that
// either can be cut without the other. Needs root and ip(8). Removes what it made. Must not know what runs there.

import { execFileSync } from 'node:child_process';

const NAME = `png${process.pid.toString(36)}`; // of interfaces too: at most 15 bytes
const BLOCK = (process.pid % 32) * 8; // of 198.18.0.0/15, which is set aside for tests of networks (RFC 2544)

function ip(...words) {
  execFileSync('ip', words.map(String), { stdio: 'pipe' });
}

/** For skipFor(): false, or what is missing. */
export function noNamespaces() {
  const probe = `${NAME}p`;
  try {
    ip('netns', 'add', probe);
    try {
      ip('link', 'add', `${NAME}pa`, 'type', 'veth', 'peer', 'name', `${NAME}pb`);
      ip('link', 'del', `${NAME}pa`);
    } finally {
      ip('netns', 'del', probe);
    }
    return false;
  } catch (error) {
    return `network namespaces cannot be made: ${error.message.split('\n')[0]}`;
  }
}

export class Host {
  /** The i-th, 1…3. */
  constructor(i) {
    this.name = `${NAME}-${i}`;
    this.lines = Object.fromEntries(['players', 'redis'].map((purpose, at) => {
      const net = `198.18.${BLOCK + 2 * i + at}`;
      return [purpose, { near: `${NAME}${i}${'ab'[at]}`, far: `${NAME}${i}${'cd'[at]}`, address: `${net}.1`, host: `${net}.2` }];
    }));
  }

  make() {
    ip('netns', 'add', this.name);
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
    for (const { near, far, address, host } of Object.values(this.lines)) {
      ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far);
      ip('link', 'set', far, 'netns', this.name);
      ip('addr', 'add', `${address}/30`, 'dev', near);
      ip('link', 'set', near, 'up');
      ip('-n', this.name, 'addr', 'add', `${host}/30`, 'dev', far);
      ip('-n', this.name, 'link', 'set', far, 'up');
    }
  }

  /** With its namespace go the lines' far ends, and with those the near ones. */
  remove() {
    try {
      ip('netns', 'del', this.name);
    } catch {
      // it was not made
    }
    for (const { near } of Object.values(this.lines)) {
      try {
        ip('link', 'del', near);
      } catch {
        // it went with the namespace
      }
    }
  }

  /** Words by which a command runs on this host. */
  run(command) {
    return ['ip', 'netns', 'exec', this.name, command];
  }

  /**
   * Cuts its line to Redis; resolves to what heals it. 'down': nothing goes either way. 'oneway': what it sends arrives, what
   * is answered is dropped in silence.
   */
  cut(how) {
    const { near, host } = this.lines.redis;
    const [cut, heal] = {
      down: [['link', 'set', near, 'down'], ['link', 'set', near, 'up']],
      oneway: [['route', 'add', 'blackhole', `${host}/32`], ['route', 'del', 'blackhole', `${host}/32`]],
    }[how];
    ip(...cut);
    return () => ip(...heal);
  }
}
