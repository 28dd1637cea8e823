// What a test needs of the machine or of the build (rights, tools, failpoints). Where it is missing the test is skipped,
// as not everybody has it; ./dev test --full promises every test, so there it is a failure.
// Must not know what is needed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

/** For `skip`; `why`: false, or the sentence that says what is missing. */
export function skipFor(why) {
  if (why && process.env.PONG_TEST_FULL) test('what the tests need is here', () => assert.fail(why));
  return why;
}
