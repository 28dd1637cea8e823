// A REST client that can also be rude: raw bodies, any header, cookies, several tokens.
// Every answer under /api/room/ is checked for what all of them promise (content type, no caching, the shape of
// success and failure), so that each test also tests this. Must not know the game.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';

const TIMEOUT_MS = 30_000; // an answer that takes this long is lost, not slow

function parseSetCookie(line) {
  const [pair, ...attributes] = line.split(';').map((part) => part.trim());
  const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
  const entries = attributes.map((attribute) => {
    const at = attribute.indexOf('=');
    return at < 0 ? [attribute.toLowerCase(), true] : [attribute.slice(0, at).toLowerCase(), attribute.slice(at + 1)];
  });
  return { name, value, attributes: Object.fromEntries(entries) };
}

/** What every answer of the service promises, whatever it says. `context` begins the message of a failure. */
export function assertPromises(answer, context) {
  const { status, headers, json, method } = answer;
  assert.equal(headers['content-type'], 'application/json; charset=utf-8', `${context}: Content-Type`);
  assert.equal(headers['cache-control'], 'no-store', `${context}: Cache-Control`);
  if (method === 'HEAD') return;
  assert.equal(typeof json, 'object', `${context}: the body is not JSON: ${answer.text.slice(0, 200)}`);
  assert.equal(json.success, status < 400, `${context}: success`);
  if (status < 400) return;
  assert.match(json.code ?? '', /^[a-z][a-z0-9_]*$/, `${context}: code`);
  assert.match(json.error ?? '', /^\S.*\S$/, `${context}: error`);
}

export class Rest {
  constructor(stack) {
    this.stack = stack;
  }

  /**
   * `json`: sent as the body; `body`: sent as it is; `token`: as Bearer; `cookies`: {name: value}.
   * Resolves to {status, headers, json, text, cookies}.
   */
  async request(method, path, { json, body, headers = {}, token, cookies } = {}) {
    const send = { ...headers };
    let bytes = body;
    if (json !== undefined) {
      bytes = JSON.stringify(json);
      send['Content-Type'] ??= 'application/json';
    }
    if (bytes !== undefined && !send['Transfer-Encoding']) send['Content-Length'] ??= Buffer.byteLength(bytes);
    if (token !== undefined) send.Authorization = `Bearer ${token}`;
    if (cookies !== undefined) send.Cookie = Object.entries(cookies).map(([k, v]) => `${k}=${v}`).join('; ');
    const answer = await this.exchange(method, path, send, bytes);
    if (path.startsWith('/api/room/')) assertPromises(answer, `${method} ${path} -> ${answer.status}`);
    if (typeof answer.json?.seat_token === 'string') this.stack.secrets.add(answer.json.seat_token);
    return answer;
  }

  exchange(method, path, headers, bytes) {
    return new Promise((resolve, reject) => {
      const { baseUrl, ca } = this.stack; // ca: who signed the certificate of an https:// one
      const { request: open } = baseUrl.startsWith('https:') ? https : http;
      const request = open(baseUrl + path, { method, headers, ca, agent: false, timeout: TIMEOUT_MS });
      request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer within ${TIMEOUT_MS} ms`)));
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            method,
            status: response.statusCode,
            headers: response.headers,
            cookies: (response.headers['set-cookie'] ?? []).map(parseSetCookie),
            text,
            json: parseOrUndefined(text),
          });
        });
      });
      request.end(bytes);
    });
  }

  get(path, options) {
    return this.request('GET', path, options);
  }

  post(path, json, options) {
    return this.request('POST', path, { json, ...options });
  }

  create(json, options) {
    return this.post('/api/room/create/', json, options);
  }

  join(json, options) {
    return this.post('/api/room/join/', json, options);
  }

  cancel(json, options) {
    return this.post('/api/room/cancel/', json, options);
  }

  quick(json, options) {
    return this.post('/api/room/quick/', json, options);
  }

  check(code, options) {
    return this.get(`/api/room/check/${code}/`, options);
  }

  list() {
    return this.get('/api/room/list/');
  }

  /** For set-up: the body of an answer that must be a success. */
  async ok(promise) {
    const answer = await promise;
    assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
    return answer.json;
  }
}

/** The value of a JSON text; undefined when it is none. */
export function parseOrUndefined(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The answer is this failure; `sentence` is what its error must say. */
export function assertFailure(answer, status, code, sentence) {
  assert.deepEqual({ status: answer.status, code: answer.json?.code }, { status, code }, answer.text);
  if (sentence instanceof RegExp) assert.match(answer.json.error, sentence);
  else if (sentence !== undefined) assert.equal(answer.json.error, sentence);
}
