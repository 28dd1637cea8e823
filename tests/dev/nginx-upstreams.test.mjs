// Several gamed behind one nginx: which of them a handshake reaches is what api-fcgi says, among those
// that nginx was told of. Servers of the test's own stand for the daemons.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { NginxStack, freePort, render } from './nginx-stack.mjs';

const PATH = '/ws/game/A12345/';

/** What api-fcgi answers: a ticket, and at which upstream it is good. */
function admitted(upstream) {
  return `Status: 200 OK\r\nX-Pong-Ticket: 00ff\r\n${upstream === undefined ? '' : `X-Pong-Upstream: ${upstream}\r\n`}\r\n{}`;
}

function assertUnavailable(answer, code) {
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '1');
  assert.equal(JSON.parse(answer.text).code, code);
}

/** A server that counts who connects to it. */
async function listener(where) {
  const server = net.createServer((socket) => {
    server.accepted += 1;
    socket.destroy();
  });
  server.accepted = 0;
  await new Promise((resolve, reject) => server.once('error', reject).listen(where, resolve));
  return server;
}

describe('four upstreams', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pong-up-'));
  // A path longer than the keys of nginx's hashes may be.
  const far = path.join(folder, `gamed-${'x'.repeat(80 - folder.length)}.sock`);
  const strangers = [];
  const reached = [[], [], [], []];
  const servers = [];
  let addresses;
  let stack;

  before(async () => {
    const port = await freePort();
    addresses = [undefined, undefined, `unix:${far}`, `127.0.0.1:${port}`];
    stack = new NginxStack({ PONG_UPSTREAMS: `unix:gamed.sock unix:gamed-2.sock,unix:${far} ${addresses[3]}` });
    await stack.start();
    addresses[0] = `unix:${stack.run}/gamed.sock`;
    addresses[1] = `unix:${stack.run}/gamed-2.sock`;
    reached[0] = stack.gamedRequests;
    for (const [i, where] of [[1, 'gamed-2.sock'], [2, far], [3, port]]) servers.push(await stack.startUpstream(where, reached[i]));
  });
  after(async () => {
    for (const server of servers) await stack.stopServer(server);
    for (const server of strangers) server.close();
    await stack.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    for (const requests of reached) requests.length = 0;
  });

  test('a handshake reaches the one that api-fcgi names, and no other', async () => {
    for (let i = 0; i < addresses.length; i += 1) {
      stack.answer = () => admitted(addresses[i]);
      const { status, socket } = await stack.handshake(`${PATH}?token=x`);
      assert.equal(status, 101, addresses[i]);
      socket.destroy();
      assert.deepEqual(reached.map((requests) => requests.length), [0, 1, 2, 3].map((other) => (other <= i ? 1 : 0)));
      assert.equal(reached[i][0].url, PATH);
      assert.equal(reached[i][0].headers['x-pong-ticket'], '00ff');
    }
  });

  test('without a name it is the first', async () => {
    stack.answer = () => admitted();
    const { status, socket } = await stack.handshake(PATH);
    assert.equal(status, 101);
    socket.destroy();
    assert.deepEqual(reached.map((requests) => requests.length), [1, 0, 0, 0]);
  });

  test('a name that is not configured is 503, and nobody is connected to', async () => {
    const port = await freePort();
    const socket = path.join(folder, 'stranger.sock');
    strangers.push(await listener({ host: '127.0.0.1', port }), await listener({ path: socket }));
    const names = [
      `127.0.0.1:${port}`, `http://127.0.0.1:${port}`, `localhost:${port}`, `unix:${socket}`, `http://unix:${socket}`, `unix:${socket}:`,
      'pong_gamed_2', 'pong_api', 'unix:gamed-2.sock', `${addresses[1]}x`, `x${addresses[1]}`, `${addresses[1]}:/`, addresses[1].toUpperCase(),
      addresses[1].replace('gamed-2.', 'gamed-2x'), `${addresses[1]} ${addresses[2]}`,
    ];
    for (const name of names) {
      stack.answer = () => admitted(name);
      assertUnavailable(await stack.handshake(`${PATH}?token=x`), 'game_server_unavailable');
    }
    assert.deepEqual(strangers.map((server) => server.accepted), [0, 0]);
    assert.deepEqual(reached.map((requests) => requests.length), [0, 0, 0, 0]);
  });

  test('a client cannot name one', async () => {
    stack.answer = () => admitted();
    const { socket } = await stack.handshake(`${PATH}?pong_upstream=${addresses[1]}`, { 'X-Pong-Upstream': addresses[1] });
    socket.destroy();
    assert.deepEqual(reached.map((requests) => requests.length), [1, 0, 0, 0]);
  });

  test('one that is away is 503, the others go on', async () => {
    await stack.stopServer(servers[0]);
    stack.answer = () => admitted(addresses[1]);
    assertUnavailable(await stack.handshake(PATH), 'game_server_unavailable');
    stack.answer = () => admitted(addresses[2]);
    const { status, socket } = await stack.handshake(PATH);
    assert.equal(status, 101);
    socket.destroy();
    servers[0] = await stack.startUpstream('gamed-2.sock', reached[1]);
  });

  test('a slot between two owners is 503 slot_moving, and nobody is connected to', async () => {
    stack.answer = () => 'Status: 403 X\r\nX-Pong-Denied: slot_moving\r\n\r\n{}';
    assertUnavailable(await stack.handshake(PATH), 'slot_moving');
    assert.deepEqual(reached.map((requests) => requests.length), [0, 0, 0, 0]);
  });
});

describe('render.sh and PONG_UPSTREAMS', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pong-render-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const refused = {
    'an upstream that is no address': ['gamed', /PONG_UPSTREAMS must list addresses/],
    'an upstream without a path': ['unix:', /PONG_UPSTREAMS must list addresses/],
    'an upstream with a directive in it': ['unix:/a;include', /PONG_UPSTREAMS must list addresses/],
    'an upstream with a quote': ['unix:/a"b', /PONG_UPSTREAMS must list addresses/],
    'an upstream with a brace': ['10.0.0.1:80{', /the port in PONG_UPSTREAMS=/],
    'an upstream with a variable': ['unix:/$host', /PONG_UPSTREAMS must list addresses/],
    'an upstream at an address out of range': ['10.0.0.256:80', /PONG_UPSTREAMS must list addresses/],
    'an upstream at a port out of range': ['10.0.0.5:0', /from 1 to 65535/],
    'an upstream with too long a path': [`unix:/${'x'.repeat(107)}`, /too long for a unix socket/],
    'an upstream twice': ['10.0.0.5:80 unix:/a, 10.0.0.5:80', /lists an address twice: "10.0.0.5:80"/],
    'no upstream at all': [' , ', /PONG_UPSTREAMS names no address/],
    'too many upstreams': [Array.from({ length: 65 }, (_, i) => `unix:/${i}`).join(), /more than 64/],
  };
  for (const [what, [list, sentence]] of Object.entries(refused)) {
    test(`refuses ${what} in one sentence`, () => {
      const { status, stderr } = render(folder, { PONG_UPSTREAMS: list });
      assert.equal(status, 1);
      assert.match(stderr, sentence);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }

  test('nginx -t takes what it writes of a long list', () => {
    const list = Array.from({ length: 64 }, (_, i) => (i % 2 ? `10.0.0.${i}:7000` : `unix:/run/pong/gamed-${'y'.repeat(i)}.sock`));
    const run = path.join(folder, 'a "b\\c');
    assert.equal(render(run, { PONG_UPSTREAMS: `[::1]:7000 ${list.slice(1).join(',')}` }).stderr, '');
    const checked = spawnSync('nginx', ['-t', '-p', run, '-c', path.join(run, 'nginx.conf'), '-e', 'stderr'], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
    assert.doesNotMatch(checked.stderr, /\[warn\]/);
  });
});
