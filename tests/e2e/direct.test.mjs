// gamed without nginx before it, as an attacker inside the machine would meet it: it must not rely on nginx to
// refuse what makes no sense, and must go on answering.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';

describe('gamed\'s own socket', () => {
  const stack = useStack({ nginx: false });
  const direct = (options) => ({ ...options, wsUrl: `ws+unix:${stack.sockets.gamed}:` });

  /** What it says to plain bytes, until it closes or a second has passed. */
  const say = (bytes) =>
    new Promise((resolve) => {
      const socket = net.connect(stack.sockets.gamed, () => socket.write(bytes));
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
      });
      socket.setTimeout(1_000, () => socket.destroy());
      socket.on('error', () => {});
      socket.on('close', () => resolve(heard));
    });

  const status = (path) =>
    new Promise((resolve, reject) => {
      const request = http.get({ socketPath: stack.sockets.gamed, path, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
    });

  const answers = () => assert.rejects(Player.connect(stack, { room_code: 'A00000' }, direct()), { status: 404 });

  test('unknown room, foreign origin', async () => {
    await answers();
    await assert.rejects(Player.connect(stack, { room_code: 'A00000' }, direct({ origin: 'null' })), { status: 403 });
    await assert.rejects(Player.connect(stack, { room_code: 'A00000' }, direct({ origin: 'https://evil.example' })), { status: 403 });
  });

  test('plain requests get a status, not an upgrade', async () => {
    for (const path of ['/', '/ws/game/A00000/', '/etc/passwd']) {
      const code = await status(path);
      assert.ok(code >= 400 && code < 500, `${path}: ${code}`);
    }
    await answers();
  });

  test('garbage is survived', async () => {
    const upgrade = 'GET /ws/game/A00000/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';
    const garbage = [
      '\r\n\r\n', '\x00'.repeat(1_000), '\xff\xfe\xfd', 'GET', 'GET / HTTP/9.9\r\n\r\n',
      `${upgrade}\r\n`, `${upgrade}Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 1\r\n\r\n`,
      `${upgrade}Cookie: ${'pong_seat_1=a; '.repeat(5_000)}\r\n\r\n`, `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    ];
    for (const bytes of garbage) {
      const heard = await say(Buffer.from(bytes, 'latin1'));
      assert.ok(!heard.startsWith('HTTP/1.1 101'), `upgraded: ${bytes.slice(0, 80)}`);
      await answers();
    }
  });
});
