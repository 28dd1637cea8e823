// HTTP that no client of ours sends: upgrades that are none, requests on the heels of others, headers that would be two, JSON that
// would be anything. Through nginx, and, where it takes requests itself, on gamed's own socket.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { Stranger, frugal, unharmed, upgradeRequest } from './hostile.mjs';
import { useStack } from './harness.mjs';
import { Rest, assertFailure, assertPromises } from './rest.mjs';

const PATH = '/ws/game/A00000/';
const head = (start, ...lines) => [start, 'Host: 127.0.0.1', ...lines, '', ''].join('\r\n');
const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

describe('hostile HTTP', () => {
  const stack = useStack({ env: frugal });
  const rest = new Rest(stack);
  const ways = {
    'through nginx': () => ({ host: '127.0.0.1', port: new URL(stack.baseUrl).port }),
    'at gamed\'s own socket': () => stack.sockets.gamed,
  };
  let room;

  before(async () => {
    room = await rest.ok(rest.create());
  });

  /** Says it, and hears it out; `isOpen`: the other side may wait for more. */
  const say = async (where, bytes, isOpen = false) => {
    const stranger = await Stranger.connect(where);
    try {
      stranger.say(bytes);
      if (isOpen) await new Promise((resolve) => { setTimeout(resolve, 5); });
      else await stranger.until('an answer or an end', ({ text, isClosed }) => isClosed || text.includes('\r\n\r\n'));
      return stranger.text;
    } finally {
      await stranger.leave();
    }
  };

  const upgrade = (options) => () => upgradeRequest(`/ws/game/${room.room_code}/`, options);
  const badUpgrades = [
    ['of another version', upgrade({ without: ['Sec-WebSocket-Version'], more: ['Sec-WebSocket-Version: 7'] })],
    ['of no version', upgrade({ without: ['Sec-WebSocket-Version'] })],
    ['without a key', upgrade({ without: ['Sec-WebSocket-Key'] })],
    ['to something else', upgrade({ without: ['Upgrade'], more: ['Upgrade: h2c'] })],
    ['without saying to what', upgrade({ without: ['Upgrade'] })],
    ['by POST', () => `${upgradeRequest(PATH, { start: `POST ${PATH} HTTP/1.1`, more: ['Content-Length: 3'] })}abc`],
    ['by a method that is none', upgrade({ start: `G\0ET ${PATH} HTTP/1.1` })],
    ['of HTTP/9.9', upgrade({ start: `GET ${PATH} HTTP/9.9` })],
    ['to an unknown subprotocol', upgrade({ protocol: 'chess.v1' })],
    ['to a subprotocol of 3,000 bytes', upgrade({ protocol: 'x'.repeat(3_000) })],
    ['to a thousand subprotocols', upgrade({ protocol: Array.from({ length: 1_000 }, (_, i) => `p${i}`).join(',') })],
    ['with a token of 7,000 bytes', upgrade({ start: `GET ${PATH}?token=${'x'.repeat(7_000)} HTTP/1.1` })],
    ['with a thousand arguments', upgrade({ start: `GET ${PATH}?${'a=1&'.repeat(1_000)} HTTP/1.1` })],
    ['to a path with NUL', upgrade({ start: 'GET /ws/game/A%00B/ HTTP/1.1' })],
    ['to a path with a line end', upgrade({ start: 'GET /ws/game/A%0d%0aX-Pong-Ticket:%20x/ HTTP/1.1' })],
    ['out of the tree', upgrade({ start: 'GET /ws/game/../../../etc/passwd HTTP/1.1' })],
    ['to a broken escape', upgrade({ start: 'GET /ws/game/%zz%/ HTTP/1.1' })],
    ['to a path of 100,000 bytes', upgrade({ start: `GET /ws/game/${'A'.repeat(100_000)}/ HTTP/1.1` })],
    ['with a header of 100,000 bytes', upgrade({ start: `GET ${PATH} HTTP/1.1`, more: [`X: ${'x'.repeat(100_000)}`] })],
    ['with two thousand headers', upgrade({ start: `GET ${PATH} HTTP/1.1`, more: Array.from({ length: 2_000 }, (_, i) => `X-${i}: ${i}`) })],
    ['with cookies that are none', upgrade({ start: `GET ${PATH} HTTP/1.1`, more: [`Cookie: ${';=; pong_seat_1; pong_seat_1=;'.repeat(50)}`] })],
    ['with Origin twice', upgrade({ more: ['Origin: https://evil.example', 'Origin: https://evil.example'] })],
  ];
  for (const [way, where] of Object.entries(ways)) {
    for (const [what, bytes] of badUpgrades) {
      test(`an upgrade ${what}, ${way}`, async () => {
        await unharmed(stack, async () => {
          const heard = await say(where(), bytes());
          assert.ok(!heard.startsWith('HTTP/1.1 101'), `it was let in: ${heard.slice(0, 200)}`);
        });
      });
    }

    test(`half a head, ${way}`, async () => {
      for (const bytes of ['', 'G', upgradeRequest(PATH).slice(0, -2), '\0'.repeat(500), '\xff'.repeat(500)]) {
        await unharmed(stack, () => say(where(), bytes, true));
      }
    });
  }

  test('gamed takes one request after another on a connection, and none behind an upgrade that it refuses', async () => {
    await unharmed(stack, async () => {
      const stranger = await Stranger.connect(stack.sockets.gamed);
      stranger.say(head('GET / HTTP/1.1') + upgradeRequest(PATH) + upgradeRequest(`/ws/game/${room.room_code}/`));
      await stranger.until('an answer', ({ text, isClosed }) => isClosed || statuses(text).length >= 1);
      await stranger.leave();
      assert.ok(!statuses(stranger.text).includes(101), stranger.text.slice(0, 300));
    });
  });

  test('twenty requests at once are answered one by one', async () => {
    const one = '{"username":"Ann"}';
    const create = head('POST /api/room/create/ HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${one.length}`) + one;
    const stranger = await Stranger.connect(ways['through nginx']());
    stranger.say((create + head('GET /api/room/list/ HTTP/1.1')).repeat(10));
    await stranger.until('twenty answers', ({ text }) => statuses(text).length === 20);
    await stranger.leave();
    assert.deepEqual(statuses(stranger.text), Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 201 : 200)));
    for (const [, token] of stranger.text.matchAll(/"seat_token":"(\w+)"/g)) stack.secrets.add(token);
  });

  test('two lengths of a body are none', async () => {
    const smuggled = head('POST /api/room/create/ HTTP/1.1');
    for (const lines of [
      ['Content-Length: 5', 'Transfer-Encoding: chunked'], ['Content-Length: 5', 'Content-Length: 6'], ['Content-Length: -1'],
      ['Content-Length: 99999999999999999999'], ['Content-Length: 0x5'], ['Transfer-Encoding: chunked, identity'],
    ]) {
      await unharmed(stack, async () => {
        const heard = await say(ways['through nginx'](), head('POST /api/room/quick/ HTTP/1.1', ...lines) + `0\r\n\r\n${smuggled}`);
        const [status, ...more] = statuses(heard);
        assert.ok(status >= 400 && status < 600 && more.length === 0, `${lines}: ${heard.slice(0, 300)}`);
      });
    }
  });

  test('JSON that is too deep, too long, or twice', async () => {
    const bodies = [
      '['.repeat(4_096), '{"a":'.repeat(800), `{"winning_score":${'9'.repeat(4_000)}}`, `{"winning_score":1e${'9'.repeat(400)}}`,
      '{"winning_score":NaN}', '{"winning_score":Infinity}', '{"username":"Ann","username":"Bob"}', '{"username":"\\u0000"}', '{"username":"\\ud83d"}',
      '{"username":"a"}\0', '\ufeff{}', '{"username":"a"',
    ];
    for (const body of bodies) {
      await unharmed(stack, async () => assertFailure(await rest.request('POST', '/api/room/create/', { body }), 400, 'bad_json'));
    }
    const million = `{"winning_score":${'9'.repeat(1_000_000)}}`;
    await unharmed(stack, async () => assertFailure(await rest.request('POST', '/api/room/create/', { body: million }), 413, 'body_too_large'));
  });

  test('a name cannot become a header, nor a name of a name', async () => {
    const names = ['a\r\nSet-Cookie: x=1', 'a\nb', 'a\rb', 'a\u0085b', 'a\u2028b', '\u202ea', '\u200b', ' '];
    for (const username of names) {
      for (const answer of [await rest.create({ username }), await rest.quick({ username }), await rest.join({ room_code: room.room_code, username })]) {
        assertFailure(answer, 400, 'bad_field', /username/);
        assert.equal(answer.headers['set-cookie'], undefined);
      }
    }
    const html = '"><script>alert(1)</script>';
    const answer = await rest.create({ username: html });
    assert.equal(answer.json.username, html, 'a name is text: whoever shows it must show it as text');
    assert.ok(Object.values(answer.headers).flat().every((value) => !value.includes('script')));
  });

  test('odd headers and addresses are refused in the common shape, or passed over', async () => {
    const odd = [
      ['GET', '/api/room/check/%00/'], ['GET', '/api/room/check/%0d%0aX:%20y/'], 
      ['GET', `/api/room/check/${'A'.repeat(2_000)}/`], ['GET', '/api/room//list/'], ['GET', '/api/room/list/?'.padEnd(4_000, 'x')],
      ['POST', '/api/room/create/', { Authorization: `Bearer ${'x'.repeat(4_000)}` }], ['POST', '/api/room/create/', { Authorization: 'Bearer a.b.c' }],
      ['POST', '/api/room/create/', { Cookie: 'pong_seat_1='.padEnd(4_000, 'x') }], ['POST', '/api/room/create/', { 'Content-Type': 'application/json;'.padEnd(4_000, 'x') }],
      ['POST', '/api/room/create/', { 'X-Pong-Ticket': 'x', 'X-Forwarded-For': '1.2.3.4', 'X-Real-IP': 'x', HTTP_X_USER: '1', Proxy: 'x' }],
    ];
    for (const [method, path, headers = {}] of odd) {
      await unharmed(stack, async () => {
        const answer = await rest.exchange(method, path, headers);
        assertPromises(answer, `${method} ${path.slice(0, 80)}`);
        assert.ok(answer.status < 500, `${method} ${path.slice(0, 80)}: ${answer.status} ${answer.text}`);
        if (answer.json.seat_token) stack.secrets.add(answer.json.seat_token);
      });
    }
  });
});
