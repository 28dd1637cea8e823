// A WebSocket connection down at its bytes: for clients that send what no library would send, or read when and as much
// as they like. What the server sends is taken apart strictly: a frame that is cut, mixed up with another or not as RFC 6455
// wants it is an error. Must not know the game.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

const MASK = [0x12, 0x34, 0x56, 0x78];
const DEADLINE_MS = 20_000;

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** One masked frame (5.2). */
export function frame(opcode, payload, { isFinal = true } = {}) {
  const bytes = Buffer.from(payload);
  const short = bytes.length < 126;
  const head = Buffer.alloc(short ? 2 : 4);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (short ? bytes.length : 126);
  if (!short) head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, Buffer.from(MASK), bytes.map((byte, i) => byte ^ MASK[i % 4])]);
}

/** At least that many bytes of the same frames over and over. */
export function repeated(bytes, ...frames) {
  const once = Buffer.concat(frames);
  return Buffer.concat(Array(Math.ceil(bytes / once.length)).fill(once));
}

/** Takes what a server sent apart; feed() in whatever pieces it came. */
export class FrameReader {
  frames = []; // {opcode, payload}
  #rest = Buffer.alloc(0);

  feed(bytes) {
    this.#rest = this.#rest.length ? Buffer.concat([this.#rest, bytes]) : bytes;
    while (this.#take());
  }

  /** Bytes of a frame that has not come whole. */
  get pending() {
    return this.#rest.length;
  }

  #take() {
    const rest = this.#rest;
    if (rest.length < 2) return false;
    const opcode = rest[0] & 0x0f;
    const claims = `frame ${this.frames.length}: ${rest.subarray(0, 40).toString('hex')}`;
    if ((rest[0] & 0xf0) !== 0x80 || ![TEXT, BINARY, CLOSE, PING, PONG].includes(opcode)) throw new Error(`no head of a ${claims}`);
    if (rest[1] & 0x80) throw new Error(`a server's frames are not masked: ${claims}`);
    let length = rest[1];
    let at = 2;
    if (length === 127) throw new Error(`far too long: ${claims}`);
    if (length === 126) {
      if (rest.length < 4) return false;
      length = rest.readUInt16BE(2);
      at = 4;
      if (length < 126) throw new Error(`a length not in its shortest form: ${claims}`);
    }
    if (rest.length < at + length) return false;
    const payload = rest.subarray(at, at + length);
    if (opcode === TEXT) JSON.parse(payload.toString('utf8'));
    this.frames.push({ opcode, payload });
    this.#rest = rest.subarray(at + length);
    return true;
  }
}

/** A connection to a port whose receive buffer is as small as can be. */
function smallWindow(port) {
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'small-window.pl');
  const child = spawn('perl', [script, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  for (const stream of [child.stdin, child.stdout]) stream.on('error', () => {});
  const socket = Duplex.from({ readable: child.stdout, writable: child.stdin });
  socket.once('close', () => child.stdin.destroy());
  return socket;
}

export class RawSocket {
  closed = false;
  reader = new FrameReader();
  error = null; // of the reader

  /**
   * `target`: a path or a port, as net.connect takes it; `isSmall`: a port, with a receive buffer as small as can be. Resolves once it is upgraded, not reading; what came with the answer is
   * read already. Rejects with the status line of another answer.
   */
  static connect(target, { code, token, protocol, highWaterMark = 65_536, isSmall = false }) {
    const raw = new RawSocket();
    const where = typeof target === 'number' ? { port: target, host: '127.0.0.1' } : { path: target };
    raw.socket = isSmall ? smallWindow(target) : net.connect({ ...where, highWaterMark });
    raw.socket.on('error', () => {});
    raw.socket.on('close', () => {
      raw.closed = true;
    });
    raw.socket.write([
      `GET /ws/game/${code}/ HTTP/1.1`, 'Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
      ...(token ? [`Authorization: Bearer ${token}`] : []), '', '',
    ].join('\r\n'));
    return new Promise((resolve, reject) => {
      let head = Buffer.alloc(0);
      const timer = setTimeout(() => reject(new Error('no answer')), DEADLINE_MS);
      const done = (settle, value) => {
        clearTimeout(timer);
        raw.socket.removeAllListeners('data');
        settle(value);
      };
      raw.socket.once('close', () => done(reject, new Error('closed without an answer')));
      raw.socket.on('data', (bytes) => {
        head = Buffer.concat([head, bytes]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        raw.socket.pause();
        const status = head.subarray(0, head.indexOf('\r\n')).toString('latin1');
        if (!status.startsWith('HTTP/1.1 101')) {
          done(reject, new Error(head.toString('latin1')));
          return;
        }
        raw.#feed(head.subarray(end + 4));
        done(resolve, raw);
      });
    });
  }

  #feed(bytes) {
    try {
      this.reader.feed(bytes);
    } catch (error) {
      this.error ??= error;
      this.socket.destroy();
    }
  }

  /** Reads from now on as fast as it comes. */
  readOn() {
    this.socket.on('data', (bytes) => this.#feed(bytes));
    this.socket.resume();
    return this;
  }

  /** Reads at most that many bytes every `ms`. */
  readSlowly(bytes, ms) {
    this.timer = setInterval(() => {
      const some = this.socket.read(bytes) ?? this.socket.read();
      if (some) this.#feed(some);
    }, ms);
    this.socket.once('close', () => clearInterval(this.timer));
    return this;
  }

  /** Sends `bytes` over and over, as fast as they are taken, until stop(). */
  flood(bytes) {
    this.flooding = true;
    const pump = () => {
      while (this.flooding && !this.socket.destroyed && this.socket.write(bytes));
    };
    this.socket.on('drain', pump);
    pump();
    return this;
  }

  send(opcode, payload, options) {
    this.socket.write(frame(opcode, payload, options));
  }

  sendJson(message) {
    this.send(TEXT, JSON.stringify(message));
  }

  stop() {
    this.flooding = false;
  }

  destroy() {
    this.flooding = false;
    clearInterval(this.timer);
    this.socket.destroy();
  }
}
