// Frames that no client of ours sends, on a connection that was let in: through nginx, and on gamed's own socket. What is wrong in
// the WebSocket's own terms ends the connection; what is wrong in ours is told; what is only odd is taken. The room plays on.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Stranger, closeCode, errorCodes, frame, framesOf, frugal, unharmed, upgradeRequest } from './hostile.mjs';
import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest } from './rest.mjs';

const json = (value) => JSON.stringify(value);
const PING = frame(json({ type: 'ping', time: 7 }));
const position = (text) => frame(`{"type":"paddle_position","player_number":1,"position":${text}}`);

const answered = (stranger) => framesOf(stranger.heard).some(({ payload }) => payload.includes('"pong"'));

/** What becomes of it: `ends` (closed by the server, with this code, null: without a frame), `told` (an error) or `lives`. */
const ends = (...codes) => async (stranger) => {
  // Who does not answer a close frame is given two seconds more, which are not waited for.
  await stranger.until('the end', ({ isClosed }) => isClosed || closeCode(stranger) !== null);
  assert.ok(codes.includes(closeCode(stranger)), `closed with ${closeCode(stranger)}, not with one of ${codes}`);
};
const told = (code) => async (stranger) => {
  await stranger.until(`error ${code}`, (each) => errorCodes(each).includes(code));
  await lives(stranger);
};
const lives = async (stranger) => {
  stranger.say(PING);
  await stranger.until('the answer to a ping', answered);
  assert.equal(closeCode(stranger), null);
};
const leaves = async () => {};

const attacks = [
  ['half the head of a frame', frame('x'.repeat(300)).subarray(0, 3), leaves],
  ['a frame of which most is missing', frame('{"type"', { claims: 400 }), leaves],
  ['a frame that claims 2^63 - 1 bytes', frame('x', { claims: 2n ** 63n - 1n }), ends(1009, null)],
  ['a frame that claims 2^64 - 1 bytes', frame('x', { claims: 2n ** 64n - 1n }), ends(1002, 1009, null)],
  ['a frame that claims 2^32 bytes', frame('x'.repeat(1_000), { claims: 2n ** 32n }), ends(1009)],
  ['a frame of 513 bytes', frame('x'.repeat(513)), ends(1009)],
  ['a million digits', frame(`{"type":"ping","time":${'9'.repeat(1_000_000)}}`), ends(1009)],
  ['a thousand fragments of a byte', Buffer.concat([frame('{', { fin: false }), ...Array.from({ length: 1_000 }, () => frame(' ', { opcode: 0, fin: false }))]), ends(1009)],
  ['fragments without any bytes', Buffer.concat([frame('', { fin: false }), ...Array.from({ length: 300 }, () => frame('', { opcode: 0, fin: false })), frame(json({ type: 'ping', time: 1 }), { opcode: 0 })]), lives],
  ['a continuation of nothing', frame('x', { opcode: 0 }), ends(1002, null)],
  ['a message within a message', Buffer.concat([frame('{', { fin: false }), frame('{}')]), ends(1002, null)],
  ['a ping in fragments', frame('x', { opcode: 9, fin: false }), ends(1002, null)],
  ['a ping of 126 bytes', frame('x'.repeat(126), { opcode: 9 }), ends(1002, null)],
  ['opcodes that are not given out', frame('x', { opcode: 3 }), ends(1002, null)],
  ['a control opcode that is not given out', frame('x', { opcode: 11 }), ends(1002, null)],
  ['reserved bits', frame('{}', { rsv: 7 }), ends(1002, null)],
  ['a frame without a mask', frame('{}', { mask: false }), told('bad_message')],
  ['binary on pong.v1.json', frame(Buffer.from([1, 2, 3, 4, 5]), { opcode: 2 }), told('bad_message')],
  ['no UTF-8', frame(Buffer.from('{"type":"join_game","username":"\xff\xfe"}', 'latin1')), told('bad_message')],
  ['deep JSON', frame('['.repeat(500)), told('bad_message')],
  ['deep JSON in a good message', frame(`{"type":"ping","x":${'['.repeat(200)}${']'.repeat(200)}}`), lives],
  ['a number of 450 digits', frame(`{"type":"ping","time":${'9'.repeat(450)}}`), told('bad_message')],
  ['NaN', position('NaN'), told('bad_message')],
  ['Infinity', position('Infinity'), told('bad_message')],
  ['1e999', position('1e999'), told('bad_message')],
  ['positions out of any court', Buffer.concat(['1e308', '-1e308', '1e-308', '-0', '9007199254740993'].map(position)), lives],
  ['a key that comes twice', frame('{"type":"ping","type":"ping","time":1}'), told('bad_message')],
  ['NUL bytes', frame('{"type":"ping"\0,"time":1}'), told('bad_message')],
  ['NUL in an escape', frame('{"type":"join_game","username":"a\\u0000b"}'), told('bad_message')],
  ['a name with a line end', frame('{"type":"join_game","username":"a\\r\\nSet-Cookie: x=1"}'), told('bad_message')],
  ['half a surrogate pair', frame('{"type":"join_game","username":"\\ud83d"}'), told('bad_message')],
  ['a close frame of one byte', frame('x', { opcode: 8 }), ends(1002, 1005, null)],
  ['a close frame with a code that is none', frame(Buffer.from([0, 5]), { opcode: 8 }), ends(1002, 1000, 5, null)],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), ends(1002, 1009, null)],
  ['two hundred pings', Buffer.concat(Array.from({ length: 200 }, () => frame('x', { opcode: 9 }))), lives],
  ['ten bad messages', Buffer.concat(Array.from({ length: 10 }, () => frame('nonsense'))), ends(4502)],
];

const binaryAttacks = [
  ...[0, 1, 4, 6, 24, 125].map((length) => [`an input of ${length} bytes`, frame(Buffer.alloc(length, 1), { opcode: 2 }), told('bad_message')]),
  ['an input of another type', frame(Buffer.from([2, 0, 0, 0, 0]), { opcode: 2 }), told('bad_message')],
  ['a target out of the court', frame(Buffer.from([1, 0, 0, 255, 255]), { opcode: 2 }), lives],
];

describe('hostile frames', () => {
  const stack = useStack({ env: { ...frugal, PONG_MAX_SPECTATORS: '1000' } });
  let code;
  let witness;

  before(async () => {
    const room = await new Rest(stack).ok(new Rest(stack).create({ username: 'Ann' }));
    code = room.room_code;
    witness = await Player.connect(stack, room);
    stack.players.delete(witness); // it stays for all tests
    await witness.join();
  });
  after(() => witness.drop());

  const ways = {
    'through nginx': () => ({ host: '127.0.0.1', port: new URL(stack.baseUrl).port }),
    'at gamed\'s own socket': () => stack.sockets.gamed,
  };

  for (const [way, where] of Object.entries(ways)) {
    const attack = async (bytes, outcome, protocol) => {
      const stranger = await Stranger.connect(where());
      try {
        stranger.say(upgradeRequest(`/ws/game/${code}/`, { protocol }));
        await stranger.until('the upgrade, and a state', ({ text }) => text.startsWith('HTTP/1.1 101') && text.includes('game_state'));
        stranger.say(bytes);
        await outcome(stranger);
      } finally {
        await stranger.leave();
      }
    };

    for (const [what, bytes, outcome] of attacks) {
      test(`${what}, ${way}`, async () => {
        await unharmed(stack, () => attack(bytes, outcome));
        assert.ok(Number.isInteger(await witness.step()), 'the room plays on');
      });
    }
    for (const [what, bytes, outcome] of binaryAttacks) {
      test(`${what}, ${way}`, async () => {
        await unharmed(stack, () => attack(bytes, outcome, 'pong.v2.bin'));
      });
    }
  }
});
