// What is built to be run is built so that a mistake in it is hard to make use of: a hardening-check by readelf and objdump over
// gamed, api-fcgi and pongctl. A program built without any of it has to fail every check, so that none passes by itself.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { repository } from './nginx-stack.mjs';

const optimised = process.env.PONG_BUILD_DIR ?? path.join(repository, '.dev/build');

const readelf = (program, ...options) => execFileSync('readelf', ['-W', ...options, program], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });

/** Each says whether a program has it. */
const checks = {
  'it can be loaded anywhere (PIE)': (program) => /Type:\s+DYN/.test(readelf(program, '-h')) && /\(FLAGS_1\).*\bPIE\b/.test(readelf(program, '-d')),
  'its tables of functions are read-only once it runs (full RELRO)': (program) =>
    /GNU_RELRO/.test(readelf(program, '-l')) && /\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b/.test(readelf(program, '-d')),
  'its stack cannot be executed, nor any other memory that can be written': (program) => {
    const segments = readelf(program, '-l').split('\n');
    const stack = segments.find((line) => /GNU_STACK/.test(line));
    return stack !== undefined && !/RWE/.test(stack) && !segments.some((line) => /^\s+LOAD .*RWE/.test(line));
  },
  'an overrun of an array on the stack is noticed (stack protector)': (program) => /__stack_chk_fail/.test(readelf(program, '--dyn-syms')),
  'copies know how much room there is (_FORTIFY_SOURCE)': (program) => /UND __(\w+)_chk(@|\s)/.test(readelf(program, '--dyn-syms').replaceAll('__stack_chk_fail', '')),
  'jumps and returns go only where they may (-fcf-protection)': (program) =>
    !/X86-64/.test(readelf(program, '-h')) || /^\s+[0-9a-f]+:\s+endbr64/m.test(execFileSync('objdump', ['-d', '--no-show-raw-insn', '--disassemble=main', program], { encoding: 'utf8' })),
  'libraries come from the system\'s folders only (no RPATH)': (program) => !/\((RPATH|RUNPATH)\)/.test(readelf(program, '-d')),
};

for (const program of ['gamed/gamed', 'api-fcgi/api-fcgi', 'pongctl/pongctl']) {
  describe(program, () => {
    for (const [what, check] of Object.entries(checks)) {
      test(what, () => assert.ok(check(path.join(optimised, program))));
    }
  });
}

describe('a program without any of it', () => {
  let folder;
  let program;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'pong-hardening-'));
    program = path.join(folder, 'bare');
    writeFileSync(`${program}.c`, '#include <stdio.h>\n#include <string.h>\nint main(int c, char **v) { char t[64]; strcpy(t, v[c - 1]); puts(t); return 0; }\n');
    execFileSync('gcc', ['-O2', '-no-pie', '-fno-pie', '-fno-stack-protector', '-U_FORTIFY_SOURCE', '-fcf-protection=none', '-w', '-Wl,-z,norelro',
      '-Wl,-z,lazy', '-Wl,-z,execstack', '-Wl,-rpath,/tmp', '-o', program, `${program}.c`]);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [what, check] of Object.entries(checks)) {
    test(`fails: ${what}`, () => assert.ok(!check(program)));
  }
});
