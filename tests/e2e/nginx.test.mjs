// The door: nginx's configuration is valid, it says what it must when a daemon behind it is away, in the same shape
// as every other answer, sends pages with the headers that protect them, and writes no token into any log.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest } from './rest.mjs';
import { startMatch, takeSeats } from './rooms.mjs';

describe('nginx', () => {
  const stack = useStack();
  const rest = new Rest(stack);

  test('nginx -t', () => {
    execFileSync('nginx', ['-t', '-p', stack.runDir, '-c', path.join(stack.runDir, 'nginx.conf')], { env: stack.env, stdio: 'pipe' });
  });

  test('pages: HTML at /, with headers that protect it', async () => {
    const { status, headers, text } = await rest.get('/');
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/html/);
    assert.match(text, /<canvas/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(headers['content-security-policy'], /default-src 'self'|default-src 'none'/);
    assert.match(headers['content-security-policy'], /frame-ancestors/);
    assert.ok(headers['referrer-policy'], 'Referrer-Policy');
    assert.ok(!/\d/.test(headers.server ?? ''), 'no version is told');
    for (const hidden of ['/../nginx/render.sh', '/%2e%2e/nginx/render.sh', '/.git/config', '/nope']) {
      assert.ok([400, 404].includes((await rest.get(hidden)).status), hidden);
    }
  });

  test('api-fcgi away: 503 in the common shape, with Retry-After; games go on', async () => {
    const { one } = await startMatch(stack);
    await stack.api.stop();
    for (const answer of [await rest.get('/api/room/health/'), await rest.create({}), await rest.check('A00000')]) {
      assert.equal(answer.status, 503, answer.text);
      assert.match(answer.headers['retry-after'], /^\d+$/);
    }
    assert.ok(Number.isInteger(await one.step()));
    stack.api.start();
    await stack.until('service resumes by itself', async () => (await rest.get('/api/room/health/')).status === 200);
  });

  test('gamed away: the handshake is refused with 503, and no log tells the token', async () => {
    const { first, second } = await takeSeats(stack);
    await stack.gamed.stop();
    for (const via of ['query', 'bearer', 'cookie']) {
      await assertRefused(Player.connect(stack, first, { via }), 503, 'game_server_unavailable');
    }
    const dollar = { query: `?x=1&token=$${second.seat_token}`, via: 'none' };
    await assertRefused(Player.connect(stack, second, dollar), 503, 'game_server_unavailable');
    assert.deepEqual(stack.badLogLines(), []);
    stack.gamed.start();
    await stack.until('service resumes by itself', async () => (await rest.get('/api/room/health/')).status === 200);
  });

  test('a path is logged, its query is not', async () => {
    await rest.get('/api/room/list/?secret-thing=1');
    await rest.get('/?secret-thing=1', { headers: { Referer: `${stack.baseUrl}/?secret-thing=1` } });
    await rest.get('/ws/game/A00000/%3Fsecret-thing=1');
    const line = /GET \/api\/room\/list\//;
    await stack.until('the request is logged', () => stack.logs().some(([, text]) => line.test(text)));
    assert.ok(stack.logs().every(([, text]) => !text.includes('secret-thing')));
  });
});
