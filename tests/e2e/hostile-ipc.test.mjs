// Garbage where only our own programs connect: gamed's IPC and control sockets, and api-fcgi's FastCGI socket. Their modes keep
// strangers out, but a program of ours that was taken over must not take the others with it.

import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, test } from 'node:test';

import { Stranger, frugal, unharmed } from './hostile.mjs';
import { repository, useStack } from './harness.mjs';
import { Rest } from './rest.mjs';

// https://nanomsg.org/ sp-protocol: both sides say hello, then messages with a type and a length before them
const REQ = 0x30;
const hello = (protocol = REQ) => Buffer.from([0, 0x53, 0x50, 0, protocol >> 8, protocol & 255, 0, 0]);
const HELLO_LENGTH = 8;
const MESSAGE_HEAD = 9;
const REQUEST_ID = 4;

const lengthed = (body, claims = body.length) => {
  const head = Buffer.alloc(MESSAGE_HEAD);
  head[0] = 1;
  head.writeBigUInt64BE(BigInt(claims), 1);
  return Buffer.concat([head, body]);
};
const asked = (text, id = 0x80000001) => {
  const head = Buffer.alloc(REQUEST_ID);
  head.writeUInt32BE(id);
  return lengthed(Buffer.concat([head, Buffer.from(text, 'latin1')]));
};

/** What answers a sequence: RFC 7464. */
const texts = (body) => (body[0] === '\x1e' ? body.slice(1).split('\x1e') : [body]).map((text) => JSON.parse(text));

/** The replies in what was heard behind the hello. */
const replies = ({ heard }) => {
  const found = [];
  for (let at = HELLO_LENGTH; at + MESSAGE_HEAD <= heard.length;) {
    const length = Number(heard.readBigUInt64BE(at + 1));
    const body = heard.subarray(at + MESSAGE_HEAD, at + MESSAGE_HEAD + length);
    if (body.length < length) break;
    found.push(...texts(body.subarray(REQUEST_ID).toString('utf8')));
    at += MESSAGE_HEAD + length;
  }
  return found;
};

describe('garbage at gamed\'s IPC', () => {
  const suppressions = path.join(repository, 'tests/e2e/lsan-hostile.supp');
  const stack = useStack({ env: { ...frugal, LSAN_OPTIONS: `suppressions='${suppressions}':print_suppressions=0` } });
  const silent = [
    ['noise', Buffer.from(Array.from({ length: 1_000 }, (_, i) => (i * 73) & 255))],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['half a hello', hello().subarray(0, 5)],
    ['the hello of a publisher', hello(0x20)],
    ['a message of 2^64 - 1 bytes', Buffer.concat([hello(), lengthed(Buffer.alloc(10), 2n ** 64n - 1n)])],
    ['a message of 2^63 bytes', Buffer.concat([hello(), lengthed(Buffer.alloc(10), 2n ** 63n)])],
    ['a message of 70,000 bytes', Buffer.concat([hello(), asked('x'.repeat(70_000))])],
    ['half a message', Buffer.concat([hello(), lengthed(Buffer.alloc(10), 1_000)])],
    ['a message of another type', Buffer.concat([hello(), Buffer.alloc(200, 7)])],
    ['a message of no bytes', Buffer.concat([hello(), lengthed(Buffer.alloc(0))])],
    ['half an id', Buffer.concat([hello(), lengthed(Buffer.from([0x80, 0]))])],
    ['ids without end', Buffer.concat([hello(), lengthed(Buffer.alloc(4_000))])],
    // One, as with more libnng 1.5.2 may keep the connection's descriptor for ever: docs/security.md.
    ['a question whose answer is not waited for', Buffer.concat([hello(), asked('{"v":1,"op":"list"}')])],
  ];
  const wrong = [
    ['nothing', ''], ['no JSON', '{'], ['no object', '[]'], ['NUL', '{"v":1,"op":"list"}\0'], ['no UTF-8', '{"v":1,"op":"\xff"}'],
    ['deep JSON', '['.repeat(60_000)], ['deep JSON in an object', `{"v":1,"op":"list","x":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    ['a number of 60,000 digits', `{"v":1,"op":"list","after_serial":${'9'.repeat(60_000)}}`], ['a key twice', '{"v":1,"v":1,"op":"list"}'],
    ['version 2', '{"v":2,"op":"list"}', 'bad_version'], ['an unknown op', '{"v":1,"op":"sudo"}', 'unknown_op'],
    ['a token that is none', '{"v":1,"op":"create","new_token":"x"}'], ['a name with a line end', '{"v":1,"op":"list","username":"a\\nb"}'],
    ['a room out of the tree', '{"v":1,"op":"check","room_code":"../../"}'],
    ['many tokens', `{"v":1,"op":"list","tokens":[${Array.from({ length: 5 }, () => `{"token":"${'a'.repeat(32)}","cookie":true}`)}]}`],
    ['a question from the past', '{"v":1,"op":"list","deadline":1}', 'deadline'],
  ];
  const check = '{"v":1,"op":"check","room_code":"A00000"}';
  // Each of a sequence has its answer, whatever the others are; what is too long for one is no request.
  const sequences = [
    ['good and bad requests', ['', check, '{', check, '{"v":1,"op":"drain","on":true}'], ['bad_message', 'room_not_found', 'bad_message', 'room_not_found', 'forbidden']],
    ['line ends only', ['\n\n', '\n'], ['bad_message', 'bad_message']],
    ['a long request among others', [check, `{"v":1,"op":"list","after":"${'x'.repeat(50_000)}"}`], ['room_not_found', 'bad_message']],
    ['one of sixteen', Array.from({ length: 16 }, () => check), Array.from({ length: 16 }, () => 'room_not_found')],
    ['one of seventeen', Array.from({ length: 17 }, () => check), ['bad_message']],
    ['one of thousands', Array.from({ length: 20_000 }, () => ''), ['bad_message']],
  ];
  const operators = ['drain', 'kick', 'rooms', 'results', 'retry'].map((op) => [
    `the operator's ${op}`,
    `{"v":1,"op":"${op}","on":true,"room_code":"A00000","seat":1,"state":"failed","match_id":"00000000-0000-4000-8000-000000000000"}`, 'forbidden',
  ]);

  for (const name of ['ipc', 'control']) {
    for (const [what, bytes] of silent) {
      test(`${what}, on the ${name} socket`, async () => {
        await unharmed(stack, async () => {
          const stranger = await Stranger.connect(stack.sockets[name]);
          stranger.say(bytes);
          await stranger.until('a hello', ({ heard, isClosed }) => isClosed || heard.length >= HELLO_LENGTH);
          await stranger.leave();
        });
      });
    }
    for (const [what, text, code = 'bad_message'] of name === 'ipc' ? [...wrong, ...operators] : wrong) {
      test(`${what}, on the ${name} socket, is answered with ${code}`, async () => {
        await unharmed(stack, async () => {
          const stranger = await Stranger.connect(stack.sockets[name]);
          stranger.say(Buffer.concat([hello(), asked(text)]));
          const [reply] = await stranger.until('a reply', (each) => replies(each).length === 1 && replies(each));
          await stranger.leave();
          assert.deepEqual({ ok: reply.ok, code: reply.code }, { ok: false, code });
        });
      });
    }
  }
  for (const [what, requests, codes] of sequences) {
    test(`a sequence: ${what}`, async () => {
      await unharmed(stack, async () => {
        const stranger = await Stranger.connect(stack.sockets.ipc);
        stranger.say(Buffer.concat([hello(), asked(requests.map((text) => `\x1e${text}\n`).join(''))]));
        const answers = await stranger.until('replies', (each) => replies(each).length > 0 && replies(each));
        await stranger.leave();
        assert.deepEqual(answers.map(({ code }) => code), codes);
      });
    });
  }
});

const WARM_UP = 30; // times twenty requests
const [BEGIN, ABORT, PARAMS, STDIN, GET_VALUES] = [1, 2, 4, 5, 9];
const record = (type, content = Buffer.alloc(0), { version = 1, id = 1, claims = content.length, padding = 0 } = {}) =>
  Buffer.concat([Buffer.from([version, type, id >> 8, id & 255, claims >> 8, claims & 255, padding, 0]), content, Buffer.alloc(padding)]);
const begin = (role = 1, flags = 0) => record(BEGIN, Buffer.from([role >> 8, role & 255, flags, 0, 0, 0, 0, 0]));
const long = (length) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(((length & 0x7fffffff) | 0x80000000) >>> 0);
  return bytes;
};
const pairs = (fields) => Buffer.concat(Object.entries(fields).flatMap(([name, value]) =>
  [long(name.length), long(value.length), Buffer.from(name + value, 'latin1')]));
const post = (fields = {}) => pairs({ REQUEST_METHOD: 'POST', SCRIPT_NAME: '/api/room/create/', CONTENT_TYPE: 'application/json', ...fields });
const whole = (params, body = '') => Buffer.concat([
  begin(), record(PARAMS, params), record(PARAMS), ...(body ? [record(STDIN, Buffer.from(body, 'latin1'))] : []), record(STDIN),
]);

describe('garbage at api-fcgi\'s socket', () => {
  const stack = useStack({ env: frugal });
  const rest = new Rest(stack);
  const garbage = [
    ['noise', Buffer.from(Array.from({ length: 1_000 }, (_, i) => (i * 73) & 255))],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['half a record', begin().subarray(0, 5)],
    ['another version', record(BEGIN, Buffer.alloc(8), { version: 9 })],
    ['a role that is none', begin(77)],
    ['parameters before the beginning', record(PARAMS, post())],
    ['a record of another request', Buffer.concat([begin(), record(PARAMS, post(), { id: 7 }), record(PARAMS, Buffer.alloc(0), { id: 7 })])],
    ['an abort', Buffer.concat([begin(), record(PARAMS, post()), record(ABORT)])],
    ['a question about values', Buffer.concat([record(GET_VALUES, pairs({ FCGI_MAX_CONNS: '' }), { id: 0 })])],
    ['a record that is longer than what comes', Buffer.concat([begin(), record(PARAMS, Buffer.from('x'), { claims: 60_000 })])],
    ['a name of 2^31 - 1 bytes', Buffer.concat([begin(), record(PARAMS, Buffer.concat([long(0x7fffffff), long(1)])), record(PARAMS)])],
    ['a name and a value of 2^31 - 1 bytes each', Buffer.concat([begin(), record(PARAMS, Buffer.concat([long(0x7fffffff), long(0x7fffffff), Buffer.alloc(50_000, 65)])), record(PARAMS)])],
    ['no parameters', Buffer.concat([begin(), record(PARAMS), record(STDIN)])],
    ['a body that ends too soon', whole(post({ CONTENT_LENGTH: '4000' }), '{}')],
    ['a body that never ends', Buffer.concat([begin(), record(PARAMS, post({ CONTENT_LENGTH: '4000' })), record(PARAMS), record(STDIN, Buffer.from('{'))])],
    ['a length that is none', whole(post({ CONTENT_LENGTH: '-1' }), '{}')],
    ['a length of a hundred digits', whole(post({ CONTENT_LENGTH: '9'.repeat(100) }), '{}')],
    ['headers with line ends', whole(post({ HTTP_COOKIE: 'a\r\nb', HTTP_AUTHORIZATION: 'Bearer a\r\nX: y', HTTP_ORIGIN: 'https://x\r\nX: y' }))],
  ];

  const say = async (bytes) => {
    const stranger = await Stranger.connect(stack.sockets.api);
    stranger.say(bytes);
    stranger.socket.end(); // what it has said is all
    await stranger.untilClosed();
    return stranger.text;
  };

  before(async () => {
    // A thread takes its memory when it is first used, and there are many.
    for (let i = 0; i < WARM_UP; i += 1) await Promise.all(Array.from({ length: 20 }, () => say(whole(post({ CONTENT_LENGTH: '2' }), '[]'))));
  });

  for (const [what, bytes] of garbage) {
    test(what, async () => {
      await unharmed(stack, async () => {
        const heard = await say(bytes);
        assert.ok(!/\r\nX: y/.test(heard), heard);
      });
      assert.equal((await rest.list()).status, 200);
    });
  }

  test('a name with a line end in the common answer, and nowhere else', async () => {
    const body = '{"username":"a\\r\\nX: y"}';
    const heard = await say(whole(post({ CONTENT_LENGTH: String(body.length) }), body));
    assert.match(heard, /Status: 400 [^]*"code":"bad_field"/);
  });
});
