// A stranger who keeps to no protocol: raw bytes on any of the service's sockets, WebSocket frames as no library would make
// them, and what a daemon must be like afterwards: alive, no larger, without a descriptor that stayed open, and quiet.
// Must not know what is right or wrong to send: that is what each test is about.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import net from 'node:net';

import { scrape } from './scrape.mjs';

const ROUND = 25; // attacks in a round, and how many rounds are measured after the first
const ROUNDS = 3;
const FIRST_ROUNDS = 12; // before the first measurement of a stack: api-fcgi has many threads, each of which takes memory at its first request
const AT_ONCE = 5;
const GROWTH_MAX = 8 * 1024 * 1024; // bytes, in all measured rounds; what is lost for good LeakSanitizer finds at the end
const DESCRIPTORS_SLACK = 10; // what nginx keeps open, and the store's own files: fewer than were attacks by far
const LOG_MAX = 8 * 1024; // bytes in a log, in all rounds
const HEARD_MS = 20_000; // bounded, and far beyond what a loaded machine needs

/** For the stack's `env`: a sanitizer build keeps what was freed for long, which looks like growth. */
export const frugal = {
  ASAN_OPTIONS: [process.env.ASAN_OPTIONS, 'quarantine_size_mb=0', 'thread_local_quarantine_size_kb=0'].filter(Boolean).join(':'),
};

/** A connection that says what it is told to, and remembers what it heard. */
export class Stranger {
  /** `where`: a path of a socket, or {host, port}. */
  static connect(where) {
    const stranger = new Stranger();
    stranger.heard = Buffer.alloc(0);
    stranger.isClosed = false;
    stranger.socket = typeof where === 'string' ? net.connect(where) : net.connect(where.port, where.host);
    stranger.socket.on('data', (chunk) => {
      stranger.heard = Buffer.concat([stranger.heard, chunk]);
    });
    stranger.closed = new Promise((resolve) => {
      stranger.socket.on('close', () => {
        stranger.isClosed = true;
        resolve();
      });
    });
    return new Promise((resolve, reject) => {
      stranger.socket.once('connect', () => resolve(stranger)).once('error', reject);
      stranger.socket.on('error', () => {}); // a close follows
    });
  }

  /** Bytes, or text of which each character is a byte. */
  say(bytes) {
    if (!this.isClosed) this.socket.write(Buffer.from(bytes, 'latin1'));
  }

  get text() {
    return this.heard.toString('latin1');
  }

  /** Resolves to what `look(this)` returns once that is anything; or fails. A connection that is closed may still please. */
  async until(what, look) {
    const deadline = Date.now() + HEARD_MS;
    for (;;) {
      const found = look(this);
      if (found !== undefined && found !== false) return found;
      const state = `${this.isClosed ? 'closed' : 'open'}, heard ${JSON.stringify(this.text.slice(-300))}`;
      assert.ok(!this.isClosed && Date.now() < deadline, `never came: ${what}; ${state}`);
      await new Promise((resolve) => {
        const timer = setTimeout(done, 100);
        const { socket } = this;
        function done() {
          clearTimeout(timer);
          socket.off('data', done).off('close', done);
          resolve();
        }
        socket.on('data', done).on('close', done);
      });
    }
  }

  /** Resolves once the other side has closed. */
  async untilClosed() {
    let timer;
    const late = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`was not closed; heard ${JSON.stringify(this.text.slice(-300))}`)), HEARD_MS);
    });
    await Promise.race([this.closed, late]).finally(() => clearTimeout(timer));
  }

  /** Goes, without a word. */
  async leave() {
    this.socket.destroy();
    await this.closed;
  }
}

/** The head of an upgrade request; `more`: lines to add, `without`: names of lines to leave out. */
export function upgradeRequest(path, { more = [], without = [], start = `GET ${path} HTTP/1.1`, protocol } = {}) {
  const lines = [
    'Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
  ];
  const kept = lines.filter((line) => !without.includes(line.split(':')[0]));
  return [start, ...kept, ...more, '', ''].join('\r\n');
}

/** A WebSocket frame (RFC 6455, 5.2); `claims`: the length that it says it has. */
export function frame(payload = '', { opcode = 1, fin = true, rsv = 0, mask = true, claims } = {}) {
  const bytes = Buffer.from(payload, typeof payload === 'string' ? 'utf8' : undefined);
  const length = BigInt(claims ?? bytes.length);
  const head = Buffer.alloc(length < 126n ? 2 : length < 65_536n ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = mask ? 0x80 : 0;
  if (length < 126n) head[1] |= Number(length);
  else if (length < 65_536n) {
    head[1] |= 126;
    head.writeUInt16BE(Number(length), 2);
  } else {
    head[1] |= 127;
    head.writeBigUInt64BE(BigInt.asUintN(64, length), 2);
  }
  if (!mask) return Buffer.concat([head, bytes]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, bytes.map((byte, i) => byte ^ key[i % 4])]);
}

/** The frames in what a server sent behind its answer to the upgrade: {opcode, payload}. */
export function framesOf(heard) {
  const frames = [];
  let at = heard.indexOf('\r\n\r\n') + 4;
  while (at >= 4 && at + 2 <= heard.length) {
    let length = heard[at + 1] & 127;
    let head = 2;
    if (length === 126 && at + 4 <= heard.length) [length, head] = [heard.readUInt16BE(at + 2), 4];
    if (at + head + length > heard.length) break;
    frames.push({ opcode: heard[at] & 15, payload: heard.subarray(at + head, at + head + length) });
    at += head + length;
  }
  return frames;
}

/** The code of the close frame that was heard, null without one. */
export function closeCode(stranger) {
  const close = framesOf(stranger.heard).find(({ opcode }) => opcode === 8);
  return close ? (close.payload.length >= 2 ? close.payload.readUInt16BE(0) : 1005) : null;
}

/** The codes of the `error` messages that were heard. */
export function errorCodes(stranger) {
  const texts = framesOf(stranger.heard).filter(({ opcode }) => opcode === 1);
  return texts.map(({ payload }) => JSON.parse(payload)).filter(({ type }) => type === 'error').map(({ code }) => code);
}

const warm = new WeakSet(); // stacks

function sizes(daemon) {
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  return {
    memory: 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]),
    descriptors: readdirSync(`/proc/${daemon.pid}/fd`).length,
    log: statSync(daemon.logPath).size,
  };
}

/**
 * Attacks again and again, and looks at the daemons: they answer, and are as they were. `attack()` must leave nothing
 * open. What a daemon takes once, for good, it takes in the first round.
 */
export async function unharmed(stack, attack) {
  const daemons = [stack.gamed, stack.api];
  const round = async () => {
    for (let i = 0; i < ROUND; i += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, () => attack()));
    await scrape(stack); // both answer
  };
  const descriptorsAreBack = (before) =>
    stack.until('descriptors are closed', () => daemons.every((daemon, i) => sizes(daemon).descriptors <= before[i].descriptors + DESCRIPTORS_SLACK));

  for (let i = warm.has(stack) ? FIRST_ROUNDS : 0; i < FIRST_ROUNDS; i += 1) await round();
  warm.add(stack);
  const start = daemons.map(sizes);
  await round();
  const before = daemons.map(sizes);
  for (let i = 0; i < ROUNDS; i += 1) await round();
  await descriptorsAreBack(before);
  daemons.forEach((daemon, i) => {
    const after = sizes(daemon);
    const grown = after.memory - before[i].memory;
    assert.ok(grown <= GROWTH_MAX, `${daemon.name} has grown by ${grown} bytes in ${ROUNDS * ROUND} attacks`);
    const said = after.log - start[i].log;
    assert.ok(said <= LOG_MAX, `${daemon.name} has written ${said} bytes of log:\n${daemon.tail(10)}`);
  });
  assert.equal(stack.obituaries(), '');
}
