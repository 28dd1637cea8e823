// Pages of other hosts: a browser lets them use the REST interface where the operator has named their origin, and
// not otherwise; nginx's own errors are read by the same pages as the service's answers.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { Rest, assertFailure } from './rest.mjs';

const FRIEND = 'https://www.example.org';
const preflight = (origin, asks = 'POST') => ({
  headers: { Origin: origin, 'Access-Control-Request-Method': asks, 'Access-Control-Request-Headers': 'authorization,content-type' },
});
const corsHeaders = ({ headers }) => Object.keys(headers).filter((name) => name.startsWith('access-control'));

describe('without CORS', () => {
  const stack = useStack();
  const rest = new Rest(stack);

  test('no page of another host is told anything', async () => {
    const asked = await rest.request('OPTIONS', '/api/room/create/', preflight(FRIEND));
    assertFailure(asked, 405, 'method_not_allowed');
    for (const answer of [asked, await rest.create({}, { headers: { Origin: FRIEND } })]) {
      assert.deepEqual([corsHeaders(answer), answer.headers.vary], [[], undefined]);
    }
  });
});

describe('with CORS for two origins', () => {
  const stack = useStack({ env: { PONG_CORS_ORIGINS: `${FRIEND}, http://127.0.0.1:3000` } });
  const rest = new Rest(stack);

  function assertReadable(answer, origin) {
    assert.equal(answer.headers['access-control-allow-origin'], origin);
    assert.equal(answer.headers['access-control-allow-credentials'], 'true');
    assert.equal(answer.headers.vary, 'Origin');
  }

  test('a preflight is answered, with what the path takes', async () => {
    for (const origin of [FRIEND, 'http://127.0.0.1:3000']) {
      for (const [path, methods] of [['create/', 'POST'], ['join', 'POST'], ['check/A12345/', 'GET, HEAD']]) {
        const answer = await rest.request('OPTIONS', `/api/room/${path}`, preflight(origin));
        assert.equal(answer.status, 200);
        assertReadable(answer, origin);
        assert.equal(answer.headers['access-control-allow-methods'], methods);
        assert.equal(answer.headers['access-control-allow-headers'], 'Authorization, Content-Type');
        assert.match(answer.headers['access-control-max-age'], /^\d+$/);
      }
    }
    assert.equal((await rest.request('OPTIONS', '/api/room/nothing/', preflight(FRIEND))).status, 404);
  });

  test('answers and failures can be read by those pages, and by no other', async () => {
    for (const ask of [(headers) => rest.create({}, { headers }), (headers) => rest.check('A00000', { headers })]) {
      assertReadable(await ask({ Origin: FRIEND }), FRIEND);
      for (const origin of ['https://evil.example', 'null', `${FRIEND}.evil.example`, FRIEND.replace('https', 'http'), undefined]) {
        const answer = await ask(origin ? { Origin: origin } : {});
        assert.deepEqual([corsHeaders(answer), answer.headers.vary], [[], 'Origin'], origin);
      }
    }
    const asked = await rest.request('OPTIONS', '/api/room/create/', preflight('https://evil.example'));
    assertFailure(asked, 405, 'method_not_allowed');
    assert.deepEqual(corsHeaders(asked), []);
  });

  test('so can nginx\'s own', async () => {
    const large = (origin) => rest.create({ username: 'x'.repeat(5_000) }, { headers: { Origin: origin } });
    const answer = await large(FRIEND);
    assertFailure(answer, 413, 'body_too_large');
    assertReadable(answer, FRIEND);
    assert.deepEqual(corsHeaders(await large('https://evil.example')), []);
    await stack.api.stop();
    const away = await rest.create({}, { headers: { Origin: FRIEND } });
    assertFailure(away, 503, 'game_server_unavailable');
    assertReadable(away, FRIEND);
    assert.equal(away.headers['retry-after'], '1');
    stack.api.start();
    await stack.until('it answers again', async () => (await rest.list()).status === 200);
  });
});
