// nginx with the configuration of nginx/render.sh in front of two servers of the test's own, which
// stand for api-fcgi and gamed and record what reaches them. Knows nothing of ./dev.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { fastcgiServer } from './fastcgi.mjs';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const running = new Set();
process.on('exit', () => {
  for (const nginx of running) process.kill(-nginx.pid, 'SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => process.exit(1));

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function until(what, check, milliseconds = 30_000) {
  const deadline = Date.now() + milliseconds;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not true within ${milliseconds} ms: ${what}`);
    await sleep(50);
  }
}

/** Runs render.sh; `env` is added to a PATH and nothing else. */
export function render(run, env = {}) {
  return spawnSync(path.join(repository, 'nginx/render.sh'), [run], {
    env: { PATH: `${process.env.PATH}:/usr/sbin`, ...env },
    encoding: 'utf8',
  });
}

export class NginxStack {
  /** `env` is render.sh's; `edit` may change what it wrote, before nginx starts: edit(run). */
  constructor(env = {}, edit = () => {}) {
    this.env = env;
    this.edit = edit;
    this.apiRequests = []; // {params, body}
    this.gamedRequests = []; // {method, url, headers}
    this.sockets = new Set();
    this.answer = () => 'Status: 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{"success":true}';
    this.refuse = null; // {status, body}: how gamed refuses the next handshakes
  }

  async start() {
    this.run = mkdtempSync(path.join(tmpdir(), 'pong-nginx-'));
    this.port = await freePort();
    const rendered = render(this.run, { PONG_LISTEN: `127.0.0.1:${this.port}`, ...this.env });
    if (rendered.status !== 0) throw new Error(rendered.stderr);
    this.edit(this.run);
    await this.startApi();
    await this.startGamed();
    this.nginx = spawn('nginx', ['-p', this.run, '-c', path.join(this.run, 'nginx.conf'), '-e', path.join(this.run, 'log/nginx.log')], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      stdio: 'ignore',
      detached: true, // its workers are its group
    });
    running.add(this.nginx);
    this.ended = new Promise((resolve) => this.nginx.once('exit', resolve)).then(() => running.delete(this.nginx));
    await until('nginx answers', () => this.request('GET', '/').then(() => true, () => false));
  }

  async startApi() {
    this.api = fastcgiServer((request) => {
      this.apiRequests.push(request);
      return this.answer(request);
    });
    await this.listen(this.api, 'api.sock');
  }

  async startGamed() {
    this.gamed = await this.startUpstream('gamed.sock', this.gamedRequests);
  }

  /** A server that stands for a gamed, at a socket's name or a port; `requests` gets what reaches it. */
  async startUpstream(where, requests) {
    const server = http.createServer((request, response) => response.writeHead(426).end());
    server.on('upgrade', (request, socket) => {
      requests.push({ method: request.method, url: request.url, headers: request.headers });
      socket.on('error', () => socket.destroy());
      if (this.refuse) {
        const { status, body } = this.refuse;
        socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        return;
      }
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      socket.on('data', (data) => socket.write(data));
    });
    await this.listen(server, where);
    return server;
  }

  async listen(server, where) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    const place = typeof where === 'number' ? { host: '127.0.0.1', port: where } : { path: path.resolve(this.run, where) };
    await new Promise((resolve, reject) => server.once('error', reject).listen(place, resolve));
  }

  /** Ends an upstream at once, connections and socket file included. */
  async stopServer(server) {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** One request on a connection of its own. */
  request(method, target, { headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host: '127.0.0.1', port: this.port, method, path: target, headers, agent: false },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (data) => (text += data));
          response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  /** Bytes as they are, for what no HTTP client would send; resolves with all that comes back. */
  raw(text) {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = net.connect(this.port, '127.0.0.1', () => socket.write(text));
      socket.setEncoding('utf8').on('data', (data) => (answer += data));
      socket.on('error', reject).on('close', () => resolve(answer));
    });
  }

  /** A WebSocket handshake; resolves with {status, head, body, socket}, the socket open after a 101. */
  handshake(target, headers = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request({
        host: '127.0.0.1',
        port: this.port,
        path: target,
        agent: false,
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'Sec-WebSocket-Version': '13',
          ...headers,
        },
      });
      request.on('error', reject);
      request.on('upgrade', (response, socket) => resolve({ status: 101, headers: response.headers, socket }));
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (data) => (text += data));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
      });
      request.end();
    });
  }

  logs() {
    const folder = path.join(this.run, 'log');
    return readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n');
  }

  async stop() {
    if (this.nginx?.exitCode === null) {
      this.nginx.kill('SIGTERM');
      await this.ended;
    }
    for (const server of [this.api, this.gamed]) if (server?.listening) await this.stopServer(server);
    if (this.run) rmSync(this.run, { recursive: true, force: true });
  }
}
