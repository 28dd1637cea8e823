// A variable that nobody reads is a setting that somebody believes in: each daemon says so at its start. What is read
// anywhere here, by the other daemon or by a script, is no stranger to either.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { buildDirectory, repository } from './harness.mjs';

const programs = ['gamed/gamed', 'api-fcgi/api-fcgi'].map((name) => path.join(buildDirectory(), name));
const SECRET = 'e2e-value-of-a-variable-that-nobody-reads';

/** What a daemon says when it only checks its configuration. */
function check(program, env) {
  const { status, stderr } = spawnSync(program, ['--check-config'], { env, encoding: 'utf8', timeout: 30_000 });
  assert.equal(status, 0, stderr);
  return stderr;
}

/** The variables of all flags, and those in the scripts. */
function everyName() {
  const flags = programs.flatMap((program) => execFileSync(program, ['--help'], { encoding: 'utf8' }).match(/^ {2}--[a-z-]+/gm))
    .map((flag) => `PONG_${flag.trim().slice(2).replaceAll('-', '_').toUpperCase()}`)
    .filter((name) => !['PONG_HELP', 'PONG_VERSION', 'PONG_CHECK_CONFIG'].includes(name));
  const scripts = ['dev', 'nginx/render.sh', ...readdirSync(path.join(repository, 'scripts')).map((name) => `scripts/${name}`)];
  const named = scripts.flatMap((name) => readFileSync(path.join(repository, name), 'utf8').match(/\bPONG_[A-Z][A-Z0-9_]*\b/g) ?? [])
    .filter((name) => name !== 'PONG_SOME_THING' && !name.endsWith('_'));
  return new Set([...flags, ...named]);
}

describe('variables', () => {
  test('that are misspelt are told, without their value', () => {
    for (const program of programs) {
      const said = check(program, { PONG_GEUSTS: SECRET, PONG_BANANAS: SECRET, PONGX: SECRET, PONG_GUESTS: 'deny' });
      assert.match(said, / warn (gamed|api-fcgi): the variable PONG_GEUSTS is not known and has no effect; is it PONG_GUESTS that is meant\?\n/);
      assert.match(said, / warn (gamed|api-fcgi): the variable PONG_BANANAS is not known and has no effect\n/);
      assert.equal(said.trim().split('\n').length, 2, said);
      assert.ok(!said.includes(SECRET));
    }
  });

  test('that anything here reads are known to both daemons (common/variables.c lists them)', () => {
    const env = Object.fromEntries([...everyName()].map((name) => [name, '']));
    assert.ok(Object.keys(env).length > 40);
    for (const program of programs) assert.equal(check(program, env), '');
  });

  test('a JWT key that can be guessed is told, and not shown', () => {
    const key = 'shorter-than-32-bytes';
    const said = check(programs[1], { JWT_SECRET_KEY: `${'x'.repeat(32)},${key}` });
    assert.match(said, / warn api-fcgi: JWT key 2 has fewer than 32 bytes and can be guessed\n$/);
    assert.ok(!said.includes(key));
    assert.equal(check(programs[1], { JWT_SECRET_KEY: 'x'.repeat(32) }), '');
  });
});
