// What is built to be run has no failpoints (common/failpoint.h): not one of their names is in it.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { repository } from './nginx-stack.mjs';

const optimised = process.env.PONG_BUILD_DIR ?? path.join(repository, '.dev/build');

/** Every failpoint of the sources, and what they are switched on with. */
function names() {
  const found = new Set(['PONG_FAILPOINT']);
  for (const folder of ['common', 'gamed', 'ipc', 'api-fcgi']) {
    for (const file of readdirSync(path.join(repository, folder))) {
      if (!/\.[ch]$/.test(file)) continue;
      const text = readFileSync(path.join(repository, folder, file), 'utf8');
      for (const [, name] of text.matchAll(/FAILPOINT\("([^"]+)"\)/g)) found.add(name);
    }
  }
  return [...found];
}

const namesIn = (program) => {
  const bytes = readFileSync(program);
  return names().filter((name) => bytes.includes(name));
};

test('the optimised programs have no failpoints', () => {
  assert.ok(names().length > 5, 'the sources have some');
  for (const program of ['gamed/gamed', 'api-fcgi/api-fcgi']) assert.deepEqual(namesIn(path.join(optimised, program)), []);
});

test('the programs for tests have them', (context) => {
  const gamed = path.join(path.dirname(optimised), 'build-asan/gamed/gamed');
  if (!existsSync(gamed) && !process.env.PONG_TEST_FULL) context.skip('there is no build with sanitizers');
  else assert.deepEqual(namesIn(gamed), names());
});
