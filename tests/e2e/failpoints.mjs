// Whether the daemons under test have failpoints (common/failpoint.h), which only builds for tests have.

import { readFileSync } from 'node:fs';
import path from 'node:path';

import { buildDirectory } from './harness.mjs';

/** For `skip`: false, or why tests that need them cannot be run. */
export function whyNoFailpoints() {
  const build = buildDirectory();
  const has = readFileSync(path.join(build, 'gamed/gamed')).includes('PONG_FAILPOINT');
  return has ? false : `${build} was configured without --enable-failpoints`;
}
