// A whole service for a test: gamed, api-fcgi and nginx as they run in production, in a directory of their own
// and on a free port, so that several stacks can run side by side.
// Stopping a stack is itself a test: every process must exit with 0, no log may hold a sanitizer's report, and
// no log may hold a seat token or another secret the test has seen.
// Must not know REST or the game: those are rest.mjs and player.mjs.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before } from 'node:test';

import { Daemon } from './daemon.mjs';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const READY_MS = 30_000;
const SOCKET_PATH_MAX = 107; // sockaddr_un
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'TSAN_OPTIONS'];
const REPORTS = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer/;

/** Serves last as short as they can be: for tests that are about something else. */
export const quickServe = { PONG_SERVE_STEPS: '31' };

/** Where the daemons under test come from. */
export function buildDirectory() {
  if (process.env.PONG_BUILD_DIR) return path.resolve(process.env.PONG_BUILD_DIR);
  const sanitized = path.join(repository, '.dev/build-asan');
  return existsSync(path.join(sanitized, 'gamed/gamed')) ? sanitized : path.join(repository, '.dev/build');
}

/** A port that nobody listens on at the moment. */
export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function statusOf(url) {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false, timeout: 5_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(0));
  });
}

/** Whether somebody listens there: at a path, or at {host, port}. */
export function accepts(where) {
  return new Promise((resolve) => {
    const socket = net.connect(where);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

export class Stack {
  /**
   * `prepare(stack)`: called before anything is started; it may change what stack.gamed is going to be.
   * For benchmarks: `tcp`: gamed listens on TCP, stack.gamedPort; `cores`: {gamed: '0', nginx: '1'}, who may use which;
   * `nginxWorkers`: instead of as many as render.sh gives it.
   */
  constructor({ env = {}, gamedArgs = [], apiArgs = [], nginx = true, prepare, tcp = false, cores = {}, nginxWorkers } = {}) {
    this.options = { env, gamedArgs, apiArgs, nginx, prepare, tcp, cores, nginxWorkers };
    this.daemons = [];
    this.players = new Set(); // open connections, closed before the daemons are
    this.secrets = new Set(); // what no log may hold
  }

  async start() {
    const { env, nginx, prepare } = this.options;
    this.runDir = mkdtempSync(path.join(tmpdir(), 'pong-e2e-'));
    this.logDir = path.join(this.runDir, 'log');
    mkdirSync(this.logDir);
    mkdirSync(path.join(this.runDir, 'state'));
    this.env = this.environment(env);
    if (env.API_KEY) this.secrets.add(env.API_KEY);
    if (env.JWT_SECRET_KEY) this.secrets.add(env.JWT_SECRET_KEY);
    try {
      if (this.options.tcp) await this.listenOnTcp();
      this.makeDaemons(buildDirectory());
      await prepare?.(this);
      await this.startDaemons();
      if (nginx) await this.startNginx();
      await this.ready();
    } catch (error) {
      await this.stop().catch((second) => {
        error.message += `\n${second.message}`;
      });
      throw error;
    }
    return this;
  }

  /** The path of a socket in the stack's directory. */
  socketPath(name) {
    const socket = path.join(this.runDir, `${name}.sock`);
    if (socket.length > SOCKET_PATH_MAX) throw new Error(`TMPDIR is too long for a socket: ${socket}`);
    return socket;
  }

  async listenOnTcp() {
    this.gamedPort = await freePort();
    this.env.PONG_UPSTREAMS = `127.0.0.1:${this.gamedPort}`;
  }

  /** Where gamed's WebSockets are, for net.connect(). */
  get gamedAddress() {
    const where = this.gamedPort ?? this.sockets.gamed; // a test may have it listen on a port of its own
    return typeof where === 'number' ? { host: '127.0.0.1', port: where } : { path: where };
  }

  makeDaemons(build) {
    const { gamedArgs, apiArgs } = this.options;
    const sockets = Object.fromEntries(['gamed', 'ipc', 'control', 'api'].map((name) => [name, this.socketPath(name)]));
    this.sockets = sockets;
    this.gamed = this.daemon('gamed', path.join(build, 'gamed/gamed'), [
      '--listen', this.gamedPort ? `127.0.0.1:${this.gamedPort}` : `unix:${sockets.gamed}`, '--ipc', `ipc://${sockets.ipc}`,
      '--control', sockets.control, '--state-dir', path.join(this.runDir, 'state'), ...gamedArgs,
    ]);
    this.api = this.daemon('api-fcgi', path.join(build, 'api-fcgi/api-fcgi'), [
      '--listen', `unix:${sockets.api}`, '--gamed', `ipc://${sockets.ipc}`, ...apiArgs,
    ]);
  }

  async startDaemons() {
    this.gamed.start();
    this.api.start();
    await this.until('gamed listens', () => accepts(this.gamedAddress));
    await this.until('api-fcgi listens', () => accepts(this.sockets.api));
  }

  /** What is to be waited for beyond that; nothing here. */
  async ready() {}

  environment(env) {
    const suppressions = path.join(repository, 'tests/e2e/lsan.supp');
    const inherited = INHERITED.filter((name) => process.env[name] !== undefined);
    return {
      ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
      LSAN_OPTIONS: [process.env.LSAN_OPTIONS, `suppressions='${suppressions}'`, 'print_suppressions=0'].filter(Boolean).join(':'),
      PONG_API_RATE: '1000',
      // Many busy processes share two cores here, with sanitizers in them.
      PONG_ADMIT_MS: '1500',
      PONG_CONNECTIONS_PER_ADDRESS: '1000',
      PONG_HANDSHAKE_RATE: '1000',
      PONG_MAX_CONNECTIONS_PER_ADDRESS: '0',
      PONG_MAX_ROOMS_PER_ADDRESS: '0',
      PONG_MAX_ROOMS_PER_USER: '0',
      ...env,
    };
  }

  daemon(name, command, args, options = {}) {
    const logPath = path.join(this.logDir, `${name}.stderr.log`);
    const cores = this.options.cores?.[name];
    const words = cores === undefined ? [command, ...args] : ['taskset', '-c', cores, command, ...args]; // which becomes it
    const daemon = new Daemon(name, words[0], words.slice(1), { env: this.env, logPath, ...options });
    this.daemons.push(daemon);
    return daemon;
  }

  /** Another process may take the free port before nginx does: then another port is tried. */
  async startNginx() {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      this.baseUrl = `http://127.0.0.1:${port}`;
      this.wsUrl = `ws://127.0.0.1:${port}`;
      this.env.PONG_LISTEN = `127.0.0.1:${port}`;
      execFileSync(path.join(repository, 'nginx/render.sh'), [this.runDir], { env: this.env, stdio: 'pipe' });
      this.setNginxWorkers(this.options.nginxWorkers);
      this.nginx = this.daemon('nginx', 'nginx', ['-p', this.runDir, '-c', path.join(this.runDir, 'nginx.conf')], {
        ownGroup: true,
      });
      this.nginx.start();
      try {
        await this.until('health/ answers 200', async () => (await statusOf(`${this.baseUrl}/api/room/health/`)) === 200);
        return;
      } catch (error) {
        const taken = !this.nginx.running && /Address already in use/.test(this.nginx.tail());
        if (!taken || attempt === 3) throw error;
        this.daemons.pop();
      }
    }
  }

  setNginxWorkers(count) {
    if (count === undefined) return;
    const file = path.join(this.runDir, 'nginx.conf');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^worker_processes \d+;$/m, `worker_processes ${count};`));
  }

  /** Waits for `check`, bounded; a process that ends meanwhile is an error that shows its log. */
  async until(what, check, ms = READY_MS) {
    const deadline = Date.now() + ms;
    while (!(await check())) {
      const dead = this.obituaries();
      if (dead) throw new Error(`while waiting until ${what}: ${dead}`);
      if (Date.now() > deadline) {
        throw new Error(`not true within ${ms} ms: ${what}\n${this.daemons.map((d) => `-- ${d.name}\n${d.tail(15)}`).join('\n')}`);
      }
      await sleep(50);
    }
  }

  /** What happened to processes that ended without being told to; '' when all is well. */
  obituaries() {
    return this.daemons.filter((daemon) => !daemon.stopped).map((daemon) => daemon.obituary()).filter(Boolean).join('\n');
  }

  closePlayers() {
    for (const player of this.players) player.drop();
    this.players.clear();
  }

  /** Harmless on a stack that did not start or has been stopped. */
  async stop() {
    if (!this.runDir) return;
    this.closePlayers();
    const problems = [];
    for (const daemon of [...this.daemons].reverse()) {
      await daemon.stop().catch((error) => problems.push(error.message));
    }
    problems.push(...this.badLogLines());
    if (problems.length > 0) throw new Error(`${problems.join('\n')}\n(the logs are kept in ${this.logDir})`);
    rmSync(this.runDir, { recursive: true, force: true });
    this.runDir = null;
  }

  logs() {
    return readdirSync(this.logDir).map((name) => [name, readFileSync(path.join(this.logDir, name), 'utf8')]);
  }

  badLogLines() {
    const problems = [];
    for (const [name, text] of this.logs()) {
      const report = text.search(REPORTS);
      if (report >= 0) problems.push(`sanitizer report in ${name}:\n${text.slice(Math.max(0, report - 200), report + 3_000)}`);
      for (const secret of this.secrets) {
        const line = text.split('\n').find((each) => each.includes(secret));
        if (line !== undefined) problems.push(`a secret is in ${name}: ${line}`);
      }
    }
    return problems;
  }
}

/** Starts a stack; the caller stops it. */
export function startStack(options) {
  return new Stack(options).start();
}

/** Inside `describe`: a stack that all its tests share; connections do not outlive the test that made them. */
export function useStack(options) {
  const stack = new Stack(options);
  before(() => stack.start());
  afterEach(() => stack.closePlayers());
  after(() => stack.stop());
  return stack;
}
