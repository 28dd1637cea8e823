// How a handshake is refused: by status, and through nginx with the same JSON body as any refused request.
// Must not know why: that is what each test is about.

import assert from 'node:assert/strict';

import { Refused } from './player.mjs';
import { assertFailure, assertPromises } from './rest.mjs';

/** The handshake was answered with this status and code; whoever may come back is told when. Resolves to the answer. */
export async function assertRefused(connecting, status, code) {
  const answer = await connecting.then(
    (player) => assert.fail(`it was let in as ${player.number}, not refused with ${status}`),
    (error) => error,
  );
  if (!(answer instanceof Refused)) throw answer;
  assert.equal(answer.status, status, answer.text);
  assertPromises(answer, `the refused handshake -> ${status}`);
  assertFailure(answer, status, code);
  if (status === 429 || status === 503) assert.match(answer.headers['retry-after'] ?? '', /^\d+$/, 'Retry-After');
  return answer;
}
