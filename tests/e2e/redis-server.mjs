// A real redis-server of a test's own, on a unix socket in the test's directory, and questions to it. It wants a
// password, which no log may hold. Must not know what is kept there.

import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS = 30_000;
const ANSWER_MS = 10_000;

function program(name) {
  const folders = (process.env.PATH ?? '').split(':');
  return folders.map((folder) => path.join(folder, name)).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The server's program; Debian's redis-tools has it under its second name, and it goes by what it is called. */
const redisProgram = program('redis-server') ?? program('redis-check-rdb');

/** For skipFor(): false, or what is missing. */
export const noRedis = redisProgram ? false : 'there is no redis-server (Debian: apt-get install redis-tools)';

/** Takes one reply off the text (latin1); undefined while it is not complete. Errors are {error}. */
function takeReply(text, at = 0) {
  const end = text.indexOf('\r\n', at);
  if (end < 0) return undefined;
  const [kind, line, next] = [text[at], text.slice(at + 1, end), end + 2];
  const size = Number(line);
  if (kind === '+') return { value: line, next };
  if (kind === '-') return { value: { error: line }, next };
  if (kind === ':') return { value: size, next };
  if (size < 0) return { value: null, next };
  if (kind === '$') {
    if (text.length < next + size + 2) return undefined;
    return { value: Buffer.from(text.slice(next, next + size), 'latin1').toString('utf8'), next: next + size + 2 };
  }
  const value = [];
  let from = next;
  for (let i = 0; i < size; i += 1) {
    const element = takeReply(text, from);
    if (!element) return undefined;
    value.push(element.value);
    from = element.next;
  }
  return { value, next: from };
}

export class RedisServer {
  /** `appendonly`: what it was told outlives it; `args`: further ones, `listen`: [address, port] beside the socket. */
  constructor(stack, { appendonly = false, args = [], listen } = {}) {
    this.password = randomBytes(12).toString('hex');
    stack.secrets.add(this.password);
    this.socket = stack.socketPath('redis');
    this.url = `unix://:${this.password}@${this.socket}`;
    if (listen) this.tcpUrl = `redis://:${this.password}@${listen[0]}:${listen[1]}`;
    this.daemon = stack.daemon('redis', redisProgram, [
      '--port', listen ? String(listen[1]) : '0', '--bind', listen ? '0.0.0.0' : '127.0.0.1', '--unixsocket', this.socket, '--unixsocketperm', '700',
      '--dir', stack.runDir, '--save', '', '--appendonly', appendonly ? 'yes' : 'no', '--requirepass', this.password, ...args,
    ], { argv0: 'redis-server' });
  }

  /** Starts it, and waits until it has loaded what it had. */
  async start() {
    this.daemon.start();
    const deadline = Date.now() + READY_MS;
    while (!(await this.answers())) {
      if (!this.daemon.running || Date.now() > deadline) throw new Error(`redis-server does not answer\n${this.daemon.tail()}`);
      await sleep(20);
    }
  }

  async answers() {
    return (await this.ask('PING').catch(() => null)) === 'PONG';
  }

  /** Dies on the spot; start() begins the next. */
  kill() {
    return this.daemon.stop('SIGKILL');
  }

  pause() {
    this.daemon.signal('SIGSTOP');
  }

  resume() {
    this.daemon.signal('SIGCONT');
  }

  /** One command; resolves to its reply: a string, number, null or array. */
  async ask(...words) {
    const [reply] = await this.askAll([words]);
    return reply;
  }

  /** Several commands on one connection. */
  async askAll(commands) {
    const replies = await this.exchange([['AUTH', this.password], ...commands]);
    const failed = replies.find((reply) => reply?.error);
    if (failed) throw new Error(`Redis: ${failed.error}`);
    return replies.slice(1);
  }

  exchange(commands) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.socket);
      const replies = [];
      let text = '';
      const fail = (error) => {
        socket.destroy();
        reject(error);
      };
      socket.setTimeout(ANSWER_MS, () => fail(new Error(`Redis does not answer within ${ANSWER_MS} ms`)));
      socket.on('error', fail).on('close', () => reject(new Error('Redis has closed the connection')));
      socket.on('data', (data) => {
        text += data.toString('latin1');
        for (let reply = takeReply(text); reply; reply = takeReply(text)) {
          replies.push(reply.value);
          text = text.slice(reply.next);
        }
        if (replies.length < commands.length) return;
        resolve(replies);
        socket.destroy();
      });
      for (const words of commands) {
        const coded = words.map(String).map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
        socket.write(`*${words.length}\r\n${coded.join('')}`);
      }
    });
  }

  /**
   * Hands every command that the server executes to `hear(line)` from the time that the promise is kept; resolves to a
   * function that ends it. A line is as of MONITOR: a time, [database client], quoted words.
   */
  monitor(hear) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.socket);
      let text = '';
      let heard = 0; // the answers to AUTH and MONITOR come first
      socket.on('error', reject);
      socket.on('data', (data) => {
        text += data.toString('utf8');
        const lines = text.split('\r\n');
        text = lines.pop();
        for (const line of lines) {
          heard += 1;
          if (heard > 2) hear(line.slice(1));
        }
        if (heard >= 2) resolve(() => socket.destroy());
      });
      socket.write(`AUTH ${this.password}\r\nMONITOR\r\n`);
    });
  }
}
