// The receiving end of results: a real HTTP server that keeps every request it gets and answers as it is told.
// Like the real service it may be away, slow, failing, or cut the connection, and it honours the Idempotency-Key: what
// came twice is recorded once. Must not judge what it receives.

import http from 'node:http';
import https from 'node:https';
import { after, before } from 'node:test';

const WAIT_MS = 30_000;

export class UserManagement {
  /**
   * `answers`: what to answer to the 1st, 2nd, … attempt, afterwards 201; or a function that is given each attempt. An
   * answer is {status, headers, delayMs}; {cut: true} closes the connection instead, with a `status` of 2xx after the
   * result was recorded; {status, lost: 'HTTP/1.1 20'} is recorded, but no more than
   * this of the answer gets out; {hang: true} never comes. `tls`: {key, cert} makes it an https server.
   */
  constructor({ answers = [], tls } = {}) {
    this.answers = typeof answers === 'function' ? answers : [...answers];
    this.attempts = []; // {method, path, headers, body, json, at, status, settledAt, answered}, in order of arrival
    this.records = new Map(); // Idempotency-Key -> the attempt that was recorded
    this.waiting = new Set();
    const receive = (request, response) => this.receive(request, response);
    this.server = tls ? https.createServer(tls, receive) : http.createServer(receive);
    this.scheme = tls ? 'https' : 'http';
  }

  /** On `port`, or on a free one; of 127.0.0.1, or where it is told to listen. */
  async start(port = 0, address = '127.0.0.1') {
    await new Promise((resolve, reject) => {
      this.server.once('error', reject).listen(port, address, resolve);
    });
    this.url = this.urlAt('127.0.0.1');
    return this;
  }

  /** Its URL by one of this machine's addresses. */
  urlAt(address) {
    return `${this.scheme}://${address}:${this.server.address().port}`;
  }

  async stop() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  /** The bodies recorded (answered 2xx) of a room, one for each match id; waits for the first, and a little for more. */
  async results(roomCode) {
    const recorded = () => this.attempts.filter(({ json, status }) => json.room_code === roomCode && status >= 200 && status < 300);
    const until = Date.now() + WAIT_MS;
    while (recorded().length === 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const byMatch = new Map();
    for (const { json, body, headers } of recorded()) {
      const known = byMatch.get(json.match_id);
      if (known && known.body !== body) throw new Error(`two different bodies for match ${json.match_id}`);
      if (headers['idempotency-key'] !== json.match_id) throw new Error('the key is not the match id');
      byMatch.set(json.match_id, { json, body });
    }
    return [...byMatch.values()].map(({ json }) => json);
  }

  receive(request, response) {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const attempt = {
        method: request.method,
        path: request.url,
        headers: request.headers,
        body,
        json: JSON.parse(body),
        at: Date.now(),
        settledAt: null, // when it was answered or its connection ended
        answered: false,
      };
      const answer = (typeof this.answers === 'function' ? this.answers(attempt) : this.answers.shift()) ?? { status: 201 };
      attempt.status = answer.cut || answer.hang ? 0 : answer.status; // what the sender gets to see
      this.attempts.push(attempt);
      this.record(attempt, answer.status);
      response.once('close', () => {
        Object.assign(attempt, { settledAt: Date.now(), answered: response.writableFinished });
        this.look();
      });
      if (answer.cut) request.socket.destroy();
      else if (answer.lost !== undefined) request.socket.end(answer.lost);
      else if (!answer.hang) setTimeout(() => this.answer(response, answer), answer.delayMs ?? 0);
      this.look();
    });
  }

  record(attempt, status) {
    const key = attempt.headers['idempotency-key'];
    if (status >= 200 && status < 300 && !this.records.has(key)) this.records.set(key, attempt);
  }

  /** What is recorded of a room, by a receiver that honours the key. */
  recordsOf(roomCode) {
    return [...this.records.values()].filter(({ json }) => json.room_code === roomCode);
  }

  attemptsOf(roomCode) {
    return this.attempts.filter(({ json }) => json.room_code === roomCode);
  }

  look() {
    for (const look of this.waiting) look();
  }

  answer(response, { status, headers = {} }) {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end('{}');
  }

  /** Attempts that were answered with a success. */
  recorded(predicate = () => true) {
    return this.attempts.filter((attempt) => attempt.status >= 200 && attempt.status < 300 && predicate(attempt.json));
  }

  /** The first recorded result that the predicate takes; waits for it. */
  async result(predicate = () => true, ms = WAIT_MS) {
    await this.until(() => this.recorded(predicate).length > 0, ms);
    return this.recorded(predicate)[0];
  }

  until(condition, ms = WAIT_MS) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        const seen = this.attempts.map(({ status, body }) => `${status} ${body}`).join('\n');
        reject(new Error(`user-management did not get what was expected within ${ms} ms; it got:\n${seen || '(nothing)'}`));
      }, ms);
      this.waiting.add(look);
      look();
    });
  }
}

/** Inside `describe`, before useStack({ env }): a receiver that all its tests share, whose address is put into `env`. */
export function useManagement(env) {
  const management = new UserManagement();
  before(async () => {
    await management.start();
    env.USER_MANAGEMENT_URL = management.url;
  });
  after(() => management.stop());
  return management;
}
