// nginx's part: what it lets through and what not, its own errors, its limits, its silence about
// tokens, and the page. The daemons' place is taken by servers that record what they are sent.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { NginxStack, render, repository, until } from './nginx-stack.mjs';

const SECRET = '0123456789abcdef0123456789abcdef';

function assertOwnError(answer, status, code) {
  assert.equal(answer.status, status);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const body = JSON.parse(answer.text);
  assert.deepEqual(Object.keys(body), ['success', 'error', 'code']);
  assert.equal(body.success, false);
  assert.equal(body.code, code);
  assert.ok(body.error.length > 0);
}

/** Splits what NginxStack.raw() brought into the form of the other answers. */
function parseRaw(answer) {
  const [head, text] = answer.split('\r\n\r\n');
  const lines = head.split('\r\n');
  const headers = Object.fromEntries(lines.slice(1).map((line) => [line.split(': ')[0].toLowerCase(), line.split(': ').slice(1).join(': ')]));
  return { status: Number(lines[0].split(' ')[1]), headers, text };
}

describe('a stack with wide limits', () => {
  const stack = new NginxStack({ PONG_API_RATE: '100000' });
  before(() => stack.start());
  after(() => stack.stop());
  beforeEach(() => {
    stack.apiRequests.length = 0;
    stack.gamedRequests.length = 0;
    stack.refuse = null;
  });

  test('the API gets the parameters it needs and no header that a client made up', async () => {
    await stack.request('POST', '/api/room/create/?a=1', {
      body: '{"username":"Ada"}',
      headers: {
        Host: 'play.example.org:81',
        'Content-Type': 'application/json',
        'Content-Length': 18,
        Authorization: 'Bearer x.y.z',
        Cookie: 'pong_seat_1=abc',
        Origin: 'http://play.example.org',
        'X-Forwarded-For': '6.6.6.6',
        'X-User-Id': '1',
        'X-Pong-Ticket': 'forged',
        Proxy: 'http://evil',
        'Remote-Addr': '6.6.6.6',
      },
    });
    const [{ params, body }] = stack.apiRequests;
    assert.equal(body, '{"username":"Ada"}');
    assert.deepEqual(params, {
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_PROTOCOL: 'HTTP/1.1',
      REQUEST_METHOD: 'POST',
      REQUEST_SCHEME: 'http',
      REQUEST_URI: '/api/room/create/?a=1',
      SCRIPT_NAME: '/api/room/create/',
      QUERY_STRING: 'a=1',
      CONTENT_TYPE: 'application/json',
      CONTENT_LENGTH: '18',
      REMOTE_ADDR: '127.0.0.1',
      HTTP_HOST: 'play.example.org:81',
      HTTP_ORIGIN: 'http://play.example.org',
      HTTP_AUTHORIZATION: 'Bearer x.y.z',
      HTTP_COOKIE: 'pong_seat_1=abc',
    });
  });

  test('the scrape of metrics gets what it needs and nothing of the client', async () => {
    const { status } = await stack.request('GET', '/metrics?a=1', { headers: { Cookie: 'pong_seat_1=abc', Authorization: 'Bearer x', Accept: '*/*' } });
    assert.equal(status, 200);
    assert.deepEqual(stack.apiRequests, [
      { params: { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'GET', SCRIPT_NAME: '/metrics' }, body: '' },
    ]);
  });

  test('a chunked body arrives with its length', async () => {
    await stack.request('POST', '/api/room/join/', { body: '{"room_code":"A"}', headers: { 'Transfer-Encoding': 'chunked' } });
    assert.equal(stack.apiRequests[0].params.CONTENT_LENGTH, '17');
    assert.equal(stack.apiRequests[0].body, '{"room_code":"A"}');
  });

  test('api-fcgi is asked who is coming, gamed gets the handshake and the ticket, and no token', async (t) => {
    const before = stack.answer;
    t.after(() => (stack.answer = before));
    stack.answer = () => 'Status: 200 OK\r\nX-Pong-Ticket: 00ff-of-api\r\nX-Pong-Denied: not-looked-at\r\n\r\n{}';
    const { status, socket } = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`, {
      Host: 'play.example.org:81',
      Origin: 'http://play.example.org:81',
      Cookie: 'pong_seat_1=abc',
      Authorization: 'Bearer t',
      'Sec-WebSocket-Protocol': 'pong.v1.json',
      'X-Forwarded-For': '6.6.6.6',
      'X-Real-IP': '6.6.6.6',
      'X-Pong-Ticket': 'forged',
    });
    assert.equal(status, 101);
    socket.write('over and back');
    assert.equal(String(await new Promise((resolve) => socket.once('data', resolve))), 'over and back');
    socket.destroy();
    const [{ url, headers }] = stack.gamedRequests;
    assert.equal(url, '/ws/game/A12345/');
    assert.deepEqual(headers, {
      host: 'play.example.org:81', origin: 'http://play.example.org:81', connection: 'upgrade', upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13', 'sec-websocket-protocol': 'pong.v1.json',
      'x-forwarded-proto': 'http', 'x-pong-ticket': '00ff-of-api',
    });
    assert.deepEqual(stack.apiRequests, [{
      params: {
        GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'GET', SCRIPT_NAME: '/_admit',
        PONG_PATH: '/ws/game/A12345/', PONG_QUERY: `token=${SECRET}`, REMOTE_ADDR: '127.0.0.1',
        HTTP_AUTHORIZATION: 'Bearer t', HTTP_COOKIE: 'pong_seat_1=abc',
      },
      body: '',
    }]);
  });

  test('a path arrives at both decoded or as it must be, and breaks out of neither', async () => {
    for (const [target, decoded] of [['/ws/game/%41%31/', '/ws/game/A1/'], ['/ws/game/A1%0d%0aX:%20y/', '/ws/game/A1\r\nX: y/']]) {
      stack.apiRequests.length = 0;
      const { socket } = await stack.handshake(target);
      socket?.destroy();
      assert.equal(stack.apiRequests[0].params.PONG_PATH, decoded);
      assert.equal(stack.gamedRequests.pop().headers.x, undefined);
    }
  });

  test('a ticket of the client\'s own does not get through, even where api-fcgi has none', async () => {
    const { status, socket } = await stack.handshake('/ws/game/A12345/', { 'X-Pong-Ticket': 'forged', X_Pong_Ticket: 'forged' });
    assert.equal(status, 101);
    socket.destroy();
    assert.equal(stack.gamedRequests[0].headers['x-pong-ticket'], undefined);
  });

  const denials = {
    bad_token: [401, 'bad_token'],
    room_not_found: [404, 'room_not_found'],
    game_over: [410, 'game_over'],
    draining: [503, 'game_server_unavailable'],
    tickets_full: [503, 'game_server_unavailable'],
    'anything else': [503, 'game_server_unavailable'],
  };
  for (const [reason, [status, code]] of Object.entries(denials)) {
    test(`a handshake that api-fcgi denies with ${reason} is ${status}, and gamed does not hear of it`, async (t) => {
      const before = stack.answer;
      t.after(() => (stack.answer = before));
      stack.answer = () => `Status: 403 X\r\nX-Pong-Denied: ${reason}\r\nX-Pong-Ticket: none\r\n\r\n{"code":"its_own"}`;
      const answer = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`);
      assertOwnError(answer, status, code);
      assert.equal(answer.headers['retry-after'], status === 503 ? '1' : undefined);
      assert.deepEqual(stack.gamedRequests, []);
    });
  }

  for (const status of [400, 404, 429, 500, 502, 503]) {
    test(`a handshake that api-fcgi answers with ${status} is 503, come back`, async (t) => {
      const before = stack.answer;
      t.after(() => (stack.answer = before));
      stack.answer = () => `Status: ${status} X\r\n\r\nno`;
      const answer = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`);
      assertOwnError(answer, 503, 'game_server_unavailable');
      assert.equal(answer.headers['retry-after'], '1');
      assert.deepEqual(stack.gamedRequests, []);
      assert.ok(!stack.logs().includes(SECRET));
    });
  }

  test('a handshake whose ticket gamed does not take is 503, come back', async (t) => {
    t.after(() => (stack.refuse = null));
    stack.refuse = { status: 412, body: '<html>no</html>' };
    const answer = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`);
    assertOwnError(answer, 503, 'game_server_unavailable');
    assert.equal(answer.headers['retry-after'], '1');
  });

  test('/_admit is nobody\'s to ask', async () => {
    for (const target of ['/_admit', '/_admit?token=x', '//_admit', '/api/../_admit', '/_ADMIT/..//_admit']) {
      assert.equal((await stack.request('GET', target)).status, 404, target);
    }
    assert.deepEqual(stack.apiRequests, []);
  });

  for (const status of [400, 401, 403, 404, 405, 409, 413, 429, 500, 503, 504]) {
    test(`an answer ${status} of the API passes through unchanged`, async (t) => {
      const before = stack.answer;
      t.after(() => (stack.answer = before));
      stack.answer = () => `Status: ${status} X\r\nContent-Type: application/json; charset=utf-8\r\nX-Mark: api\r\n\r\n{"code":"its_own"}`;
      const answer = await stack.request('GET', '/api/room/check/A12345/');
      assert.equal(answer.status, status);
      assert.equal(answer.text, '{"code":"its_own"}');
      assert.equal(answer.headers['x-mark'], 'api');
    });
  }

  const refusals = {
    401: 'bad_token',
    403: 'origin_not_allowed',
    404: 'room_not_found',
    410: 'game_over',
    429: 'rate_limited',
    503: 'game_server_unavailable',
  };
  for (const [status, code] of Object.entries(refusals)) {
    test(`a handshake that gamed refuses with ${status} is refused with it, in JSON`, async () => {
      stack.refuse = { status, body: '<html>no</html>' };
      const answer = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`);
      assertOwnError(answer, Number(status), code);
      assert.equal(answer.headers['retry-after'], ['429', '503'].includes(status) ? '1' : undefined);
      assert.ok(!stack.logs().includes(SECRET));
    });
  }

  test('a subprotocol that gamed speaks is passed on, alone', async () => {
    const offers = { 'pong.v1.json': 'pong.v1.json', 'chat, pong.v1.json': 'pong.v1.json', 'pong.v1.json ,x': 'pong.v1.json', 'a,pong.v1.json,b': 'pong.v1.json' };
    for (const [offered, passed] of Object.entries(offers)) {
      const { status, socket } = await stack.handshake('/ws/game/A12345/', { 'Sec-WebSocket-Protocol': offered });
      assert.equal(status, 101, offered);
      socket.destroy();
      assert.equal(stack.gamedRequests.pop().headers['sec-websocket-protocol'], passed);
    }
    const { status, socket } = await stack.handshake('/ws/game/A12345/');
    assert.equal(status, 101);
    socket.destroy();
    assert.equal(stack.gamedRequests.pop().headers['sec-websocket-protocol'], undefined);
  });

  test('a handshake that offers only unknown subprotocols is 400, and gamed does not hear of it', async () => {
    for (const offered of ['chat', 'unknown', 'pong.v1.jsonx', 'xpong.v1.json', 'pong-v1-json', 'PONG.V1.JSON', 'a b, c']) {
      const answer = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`, { 'Sec-WebSocket-Protocol': offered });
      assertOwnError(answer, 400, 'unknown_subprotocol');
    }
    assert.deepEqual(stack.gamedRequests, []);
    assert.ok(!stack.logs().includes(SECRET));
  });

  test('a body over 4 KiB is 413, one of 4 KiB passes', async () => {
    const exact = await stack.request('POST', '/api/room/create/', { body: 'x'.repeat(4096) });
    assert.equal(exact.status, 200);
    assertOwnError(await stack.request('POST', '/api/room/create/', { body: 'x'.repeat(4097) }), 413, 'body_too_large');
  });

  test('what nginx cannot read is answered in JSON and with its token in no log', async () => {
    const target = `/ws/game/A12345/?token=${SECRET}`;
    const cases = [
      [`GET ${target} HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n`, 400, 'bad_request'],
      [`GET ${target} HTTP/1.1\r\n\r\n`, 400, 'bad_request'],
      [`G?T ${target}\r\n\r\n`, 400, 'bad_request'],
      [`GET ${target}&${'x'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414, 'uri_too_long'],
      [`GET ${target} HTTP/1.1\r\nHost: x\r\nCookie: ${'x'.repeat(9000)}\r\n\r\n`, 431, 'headers_too_large'],
      [`TRACE ${target} HTTP/1.1\r\nHost: x\r\n\r\n`, 405, 'method_not_allowed'],
      [`POST /api/room/create/?token=${SECRET} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n`, 501, 'not_implemented'],
      [`POST /api/room/create/?token=${SECRET} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`, 400, 'bad_request'],
    ];
    for (const [text, status, code] of cases) assertOwnError(parseRaw(await stack.raw(text)), status, code);
    assert.ok(!stack.logs().includes(SECRET));
  });

  test('nothing but /ws/game/ is under /ws/, and nothing under /_pong/ can be asked for', async () => {
    assertOwnError(await stack.request('GET', `/ws/other?token=${SECRET}`), 404, 'not_found');
    assert.equal((await stack.request('GET', '/_pong/error/503')).status, 404);
    assert.ok(!stack.logs().includes(SECRET));
  });

  test('while a daemon is away: 503 in JSON at once, no token in a log; then it goes on', async () => {
    await stack.stopServer(stack.gamed);
    await stack.stopServer(stack.api);
    for (const answer of [
      await stack.handshake(`/ws/game/A12345/?token=${SECRET}`, { Referer: `http://x/?token=${SECRET}` }),
      await stack.request('GET', `/api/room/health/?token=${SECRET}`, { headers: { Referer: `http://x/?token=${SECRET}` } }),
      await stack.request('POST', '/api/room/create/', { body: '{}' }),
    ]) {
      assertOwnError(answer, 503, 'game_server_unavailable');
      assert.equal(answer.headers['retry-after'], '1');
    }
    await until('the log has the requests', () => stack.logs().includes('GET /ws/game/A12345/ HTTP/1.1'));
    assert.ok(!stack.logs().includes(SECRET));

    await stack.startGamed();
    await stack.startApi();
    assert.equal((await stack.request('GET', '/api/room/health/')).status, 200);
    const { status, socket } = await stack.handshake('/ws/game/A12345/');
    assert.equal(status, 101);
    socket.destroy();
  });

  test('a connection that gamed drops and one it is silent on are closed; no token in a log', { timeout: 60_000 }, async () => {
    const dropped = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`);
    const closed = new Promise((resolve) => dropped.socket.once('close', resolve));
    for (const socket of stack.sockets) socket.destroy();
    await closed;
    const silent = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`);
    await new Promise((resolve) => silent.socket.once('close', resolve));
    assert.ok(!stack.logs().includes(SECRET));
  });

  test('the log has the path, never the query or the referrer', async () => {
    await stack.request('GET', `/api/room/check/LOGGED/?token=${SECRET}`, { headers: { Referer: `http://x/${SECRET}` } });
    await stack.request('GET', `/nothing/here?token=${SECRET}`);
    await stack.request('GET', `/?token=${SECRET}`);
    await stack.request('GET', `/ws/game/A12345/%3Ftoken=${SECRET}`);
    await until('it is logged', () => stack.logs().includes('"GET /api/room/check/LOGGED/ HTTP/1.1" 200'));
    assert.ok(!stack.logs().includes(SECRET));
  });
});

describe('limits', () => {
  const stack = new NginxStack({ PONG_API_RATE: '1', PONG_CONNECTIONS_PER_ADDRESS: '3' });
  before(() => stack.start());
  after(() => stack.stop());

  test('create, join and quick share a rate that check does not have', async () => {
    const spellings = ['/api/room/create/', '/api/room/join', '//api/room/quick/', '/api/room/%63reate/', '/api/room/create/x'];
    for (const spelling of spellings) {
      let refused;
      for (let i = 0; i < 20 && !refused; i += 1) {
        const answer = await stack.request('POST', spelling, { body: '{}' });
        if (answer.status === 429) refused = answer;
      }
      assert.ok(refused, `20 times ${spelling}, one a second allowed: not one was refused`);
      assertOwnError(refused, 429, 'rate_limited');
      assert.equal(refused.headers['retry-after'], '1');
    }
    for (let i = 0; i < 15; i += 1) {
      assert.equal((await stack.request('GET', '/api/room/check/A12345/')).status, 200);
    }
  });

  test('health has a generous rate of its own', async () => {
    const statuses = await Promise.all(Array.from({ length: 200 }, async () => (await stack.request('GET', '/api/room/health/')).status));
    const passed = statuses.filter((status) => status === 200).length;
    assert.ok(passed >= 20, `${passed} of 200 passed`); // a burst of 20, and what ten a second add
    assert.ok(statuses.includes(429), 'not one of 200 was refused');
    assert.equal((await stack.request('GET', '/api/room/check/A12345/')).status, 200);
  });

  test('an address has so many WebSockets and no more; a closed one makes room', async () => {
    const open = [];
    for (let i = 0; i < 3; i += 1) open.push(await stack.handshake('/ws/game/A12345/'));
    assert.deepEqual(open.map(({ status }) => status), [101, 101, 101]);
    const refused = await stack.handshake(`/ws/game/A12345/?token=${SECRET}`);
    assertOwnError(refused, 429, 'rate_limited');
    assert.equal(refused.headers['retry-after'], '1');
    open.pop().socket.destroy();
    await until('there is room again', async () => {
      const { status, socket } = await stack.handshake('/ws/game/A12345/');
      socket?.destroy();
      return status === 101;
    });
    for (const { socket } of open) socket.destroy();
    assert.ok(!stack.logs().includes(SECRET));
  });
});

describe('addresses', () => {
  // Here nginx takes the client's address from a header, as it would behind another proxy.
  const stack = new NginxStack({ PONG_CONNECTIONS_PER_ADDRESS: '2' }, (run) => {
    const file = path.join(run, 'nginx.conf');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('include pong.conf;', 'set_real_ip_from 127.0.0.1; real_ip_header X-Test-Address; include pong.conf;'));
  });
  before(() => stack.start());
  after(() => stack.stop());

  /** Opens a WebSocket from each address in turn, closes them all, returns the statuses. */
  async function statusesOf(addresses) {
    const open = [];
    for (const address of addresses) open.push(await stack.handshake('/ws/game/A12345/', { 'X-Test-Address': address }));
    for (const { socket } of open) socket?.destroy();
    return open.map(({ status }) => status);
  }

  test('of an IPv6 address the /64 is limited, of an IPv4 address all of it', async () => {
    assert.deepEqual(await statusesOf(['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:3:4:5:6']), [101, 101, 429]);
    assert.deepEqual(await statusesOf(['2001:db8:5:1::1', '2001:db8:5:2::1', '2001:db8:5:3::1']), [101, 101, 101]);
    assert.deepEqual(await statusesOf(['2001:db8:a0a:a0a::1', '2001:db8:a0a:a0a::a0a', '2001:db8:a0a:a0a:a0a::']), [101, 101, 429]);
    assert.deepEqual(await statusesOf(['192.0.2.1', '192.0.2.2', '192.0.2.3']), [101, 101, 101]);
    assert.deepEqual(await statusesOf(['198.51.100.1', '198.51.100.1', '198.51.100.1']), [101, 101, 429]);
  });

  test('IPv4 addresses written as IPv6 ones are told apart', async () => {
    assert.deepEqual(await statusesOf(['::ffff:203.0.113.1', '::ffff:203.0.113.2', '::ffff:203.0.113.3']), [101, 101, 101]);
    assert.deepEqual(await statusesOf(['::ffff:203.0.113.9', '203.0.113.9', '::ffff:203.0.113.9']), [101, 101, 429]);
  });
});

describe('users whom the site names', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pong-site-'));
  const include = path.join(folder, 'pong "api".conf');
  // The site's own part: who has its cookie is a user; it denies those who are banned.
  const session = `location = /session {
      if ($http_cookie ~ "banned=1") { return 403; }
      if ($http_cookie ~ "session=bad") { return 401; }
      proxy_pass http://unix:${folder}/site.sock;
    }`;
  const site = createServer((request, response) => {
    const [, user] = /session=(\w+)/.exec(request.headers.cookie ?? '') ?? [];
    response.writeHead(200, user ? { 'X-User': user } : {}).end();
  });
  const stack = new NginxStack({ PONG_IDENTITY_HEADER: 'X-User', PONG_API_INCLUDE: include }, (run) => {
    const file = path.join(run, 'nginx.conf');
    writeFileSync(file, readFileSync(file, 'utf8').replace('include pong-routes.conf;', `${session} include pong-routes.conf;`));
  });
  before(async () => {
    writeFileSync(include, 'auth_request /session;\nauth_request_set $pong_user $upstream_http_x_user;\n');
    await new Promise((resolve, reject) => site.once('error', reject).listen(path.join(folder, 'site.sock'), resolve));
    await stack.start();
  });
  after(async () => {
    await stack.stop();
    await new Promise((resolve) => site.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  async function userSeen(headers) {
    stack.apiRequests.length = 0;
    const answer = await stack.request('POST', '/api/room/create/', { body: '{"username":"x"}', headers });
    assert.equal(answer.status, 200);
    const [{ params, body }] = stack.apiRequests;
    assert.equal(body, '{"username":"x"}');
    return params.HTTP_X_USER;
  }

  test('the API is told the name that the site gives, and none that a client does', async () => {
    assert.equal(await userSeen({ Cookie: 'session=ada' }), 'ada');
    assert.equal(await userSeen({ Cookie: 'session=ada', 'X-User': 'root' }), 'ada');
    assert.equal(await userSeen({ 'X-User': 'root' }), undefined);
    assert.equal(await userSeen({ X_User: 'root', 'Pong-User': 'root' }), undefined);
  });

  async function userConnecting(headers) {
    stack.apiRequests.length = 0;
    const { status, socket } = await stack.handshake('/ws/game/A12345/?token=x', headers);
    assert.equal(status, 101);
    socket.destroy();
    const [{ params }] = stack.apiRequests;
    assert.deepEqual([params.PONG_PATH, params.PONG_QUERY], ['/ws/game/A12345/', 'token=x']);
    return params.HTTP_X_USER;
  }

  test('so it is when a WebSocket is opened', async () => {
    assert.equal(await userConnecting({ Cookie: 'session=ada', 'X-User': 'root' }), 'ada');
    assert.equal(await userConnecting({ 'X-User': 'root', 'Pong-User': 'root' }), undefined);
    assertOwnError(await stack.handshake('/ws/game/A12345/', { Cookie: 'banned=1' }), 403, 'guests_not_allowed');
    assertOwnError(await stack.handshake('/ws/game/A12345/', { Cookie: 'session=bad' }), 401, 'bad_token');
  });

  test('a site that denies is answered for in JSON', async () => {
    assertOwnError(await stack.request('POST', '/api/room/create/', { body: '{}', headers: { Cookie: 'banned=1' } }), 403, 'guests_not_allowed');
    assertOwnError(await stack.request('POST', '/api/room/create/', { body: '{}', headers: { Cookie: 'session=bad' } }), 401, 'bad_token');
  });
});

describe('the page', () => {
  const web = mkdtempSync(path.join(tmpdir(), 'pong "web" '));
  const files = {
    'index.html': '<!doctype html>',
    'a.mjs': 'export {};',
    'a.js': '',
    'a.css': '',
    'a.svg': '<svg/>',
    '.hidden': 'no',
    'folder/index.html': 'inner',
    'bare/x.txt': 'x',
  };
  const stack = new NginxStack({ PONG_WEB_ROOT: web });
  before(async () => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(web, name)), { recursive: true });
      writeFileSync(path.join(web, name), text);
    }
    await stack.start();
  });
  after(async () => {
    await stack.stop();
    rmSync(web, { recursive: true, force: true });
  });

  test('files come with their types', async () => {
    const types = {
      '/?room=A12345': 'text/html; charset=utf-8',
      '/a.mjs': 'text/javascript; charset=utf-8',
      '/a.js': 'text/javascript; charset=utf-8',
      '/a.css': 'text/css; charset=utf-8',
      '/a.svg': 'image/svg+xml',
      '/folder/': 'text/html; charset=utf-8',
    };
    for (const [target, type] of Object.entries(types)) {
      const answer = await stack.request('GET', target);
      assert.equal(answer.status, 200, target);
      assert.equal(answer.headers['content-type'], type, target);
    }
  });

  test('every answer has the headers that keep a page in its place', async () => {
    for (const target of ['/', '/a.mjs', '/missing']) {
      const { headers } = await stack.request('GET', target);
      const policy = headers['content-security-policy'].split('; ');
      for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
        "connect-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"]) {
        assert.ok(policy.includes(rule), `${target}: ${rule}`);
      }
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers.server, 'nginx');
    }
  });

  test('no hidden file, no listing, nothing above the web root', async () => {
    for (const target of ['/.hidden', '/bare/', '/missing', '/folder']) {
      assert.equal((await stack.request('GET', target)).status, 404, target);
    }
    assert.match(await stack.raw('GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 400/);
  });
});

describe('a stack whose metrics nobody may see', () => {
  const stack = new NginxStack({ PONG_METRICS_ALLOW: '' });
  before(() => stack.start());
  after(() => stack.stop());

  test('refuses them in JSON, and api-fcgi does not hear of it', async () => {
    assertOwnError(await stack.request('GET', '/metrics'), 403, 'forbidden');
    assertOwnError(await stack.request('POST', '/metrics', { body: 'x' }), 403, 'forbidden');
    assert.deepEqual(stack.apiRequests, []);
  });
});

describe('render.sh', () => {
  let folder;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'pong-render-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const refused = {
    'a port alone': [{ PONG_LISTEN: '8080' }, /PONG_LISTEN must be ADDRESS:PORT/],
    'a port out of range': [{ PONG_LISTEN: '127.0.0.1:65536' }, /from 1 to 65535/],
    'an address out of range': [{ PONG_LISTEN: '127.0.0.256:80' }, /PONG_LISTEN must be ADDRESS:PORT/],
    'a directive in an address': [{ PONG_LISTEN: 'x; include /etc/passwd:80' }, /PONG_LISTEN must be ADDRESS:PORT/],
    'a rate that is no number': [{ PONG_API_RATE: '2r/s' }, /PONG_API_RATE must be a whole number/],
    'no connections': [{ PONG_CONNECTIONS_PER_ADDRESS: '0' }, /PONG_CONNECTIONS_PER_ADDRESS must be a whole number/],
    'an identity header that is no name': [{ PONG_IDENTITY_HEADER: 'X-User; x' }, /PONG_IDENTITY_HEADER must be a header's name/],
    'an identity header that is the client\'s own': [{ PONG_IDENTITY_HEADER: 'user-agent' }, /PONG_IDENTITY_HEADER cannot be user-agent/],
    'an include that is not there': [{ PONG_API_INCLUDE: '/nonexistent' }, /PONG_API_INCLUDE is not a file/],
    'a scraper that is no address': [{ PONG_METRICS_ALLOW: '127.0.0.1 all' }, /PONG_METRICS_ALLOW must list addresses and networks .*"all"/],
    'a scraper with a directive in it': [{ PONG_METRICS_ALLOW: '::1;include' }, /PONG_METRICS_ALLOW must list/],
    'a star, which is no list of files': [{ PONG_METRICS_ALLOW: '/*' }, /PONG_METRICS_ALLOW must list .*"\/\*"/],
    'an IPv4 address out of range': [{ PONG_METRICS_ALLOW: '256.0.0.1' }, /PONG_METRICS_ALLOW must list/],
    'an IPv6 address with two gaps': [{ PONG_METRICS_ALLOW: '1::2::3' }, /PONG_METRICS_ALLOW must list/],
    'a network that is too long': [{ PONG_METRICS_ALLOW: '10.0.0.0/33' }, /from 0 to 32/],
    'an IPv6 network that is too long': [{ PONG_METRICS_ALLOW: 'fd00::/129' }, /from 0 to 128/],
    'a web root that is not there': [{ PONG_WEB_ROOT: '/nonexistent' }, /PONG_WEB_ROOT is not a folder/],
  };
  for (const [what, [env, sentence]] of Object.entries(refused)) {
    test(`refuses ${what} in one sentence`, () => {
      const { status, stderr } = render(folder, env);
      assert.equal(status, 1);
      assert.match(stderr, sentence);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }

  test('who may see metrics is a list of addresses and networks', () => {
    const run = path.join(folder, 'metrics');
    const allowed = (env) => {
      assert.equal(render(run, env).stderr, '');
      return [...readFileSync(path.join(run, 'pong-routes.conf'), 'utf8').matchAll(/^ +(allow|deny) (.*);$/gm)].map(([, word, who]) => `${word} ${who}`);
    };
    assert.deepEqual(allowed({}), ['allow 127.0.0.1', 'allow ::1', 'deny all']);
    assert.deepEqual(allowed({ PONG_METRICS_ALLOW: '' }), ['deny all']);
    assert.deepEqual(allowed({ PONG_METRICS_ALLOW: '10.0.0.0/8,  fd00::/8 ::,1:2:3:4:5:6:7:8' }), [
      'allow 10.0.0.0/8', 'allow fd00::/8', 'allow ::', 'allow 1:2:3:4:5:6:7:8', 'deny all',
    ]);
    const checked = spawnSync('nginx', ['-t', '-p', run, '-c', path.join(run, 'nginx.conf'), '-e', 'stderr'], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
  });

  test('refuses run directories that nginx or a socket could not use', () => {
    assert.match(render(path.join(folder, 'a$b')).stderr, /dollar sign/);
    assert.match(render(path.join(folder, 'x'.repeat(100))).stderr, /too long for a unix socket/);
    assert.match(render(folder, { PONG_SOCKET_DIR: 'run' }).stderr, /PONG_SOCKET_DIR must be an absolute path/);
  });

  test('the sockets may lie elsewhere', () => {
    const run = path.join(folder, 'elsewhere');
    assert.equal(render(run, { PONG_SOCKET_DIR: '/run/pong' }).stderr, '');
    const servers = readFileSync(path.join(run, 'pong.conf'), 'utf8').match(/(?<=server ")unix:[^"]+/g);
    assert.deepEqual(servers, ['unix:/run/pong/gamed.sock', 'unix:/run/pong/api.sock']);
  });

  test('an identity header whose variable nothing sets is no configuration', () => {
    const run = path.join(folder, 'identity');
    assert.equal(render(run, { PONG_IDENTITY_HEADER: 'X-User' }).status, 0);
    const checked = spawnSync('nginx', ['-t', '-p', run, '-c', path.join(run, 'nginx.conf'), '-e', 'stderr'], { encoding: 'utf8' });
    assert.notEqual(checked.status, 0);
    assert.match(checked.stderr, /unknown "pong_user" variable/);
  });

  test('nginx -t takes what it writes, IPv6 and odd paths included', () => {
    const run = path.join(folder, 'a "b\\c &@RUN@');
    const rendered = render(run, { PONG_LISTEN: '[::1]:65000' });
    assert.equal(rendered.stderr, '');
    const checked = spawnSync('nginx', ['-t', '-p', run, '-c', path.join(run, 'nginx.conf'), '-e', 'stderr'], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
    assert.doesNotMatch(checked.stderr, /\[warn\]/);
  });

  test('the example of a TLS site passes nginx -t', () => {
    const run = path.join(folder, 'site');
    assert.equal(render(run).status, 0);
    const key = path.join(folder, 'key.pem');
    const certificate = path.join(folder, 'certificate.pem');
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=play.example.org',
      '-keyout', key, '-out', certificate]);
    assert.equal(made.status, 0);
    const example = readFileSync(path.join(repository, 'nginx/examples/tls-site.conf'), 'utf8')
      .replaceAll('/etc/pong/nginx', run)
      .replaceAll('/var/log/nginx', path.join(run, 'log'))
      .replace(/\S+\/fullchain\.pem/, certificate)
      .replace(/\S+\/privkey\.pem/, key)
      .replace('listen 443', 'listen 127.0.0.1:64443')
      .replace('listen 80', 'listen 127.0.0.1:64080');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path tmp/${name};`).join(' ');
    writeFileSync(path.join(run, 'site.conf'), `pid site.pid; events {} http { ${temporary} ${example} }`);
    const checked = spawnSync('nginx', ['-t', '-p', run, '-c', path.join(run, 'site.conf'), '-e', 'stderr'], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
    assert.doesNotMatch(checked.stderr, /\[warn\]/);
  });
});
