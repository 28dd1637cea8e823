// tests/check-layers.sh can fail: each rule is broken once in a small tree of its own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { repository } from './nginx-stack.mjs';

const sound = {
  'common/text.h': '',
  'common/log.h': '#include "common/text.h"',
  'gamed/pong.h': '#include <stdint.h>',
  'gamed/pong.c': '#include "gamed/pong.h"',
  'gamed/game_state.h': '#include "pong.h"\n#include "../common/text.h"',
  'gamed/player_session.h': '',
  'gamed/game_manager.h': '#include "gamed/game_state.h"\n#include "gamed/player_session.h"',
  'gamed/messages.h': '#include <jansson.h>',
  'gamed/loop.c': '#include <uv.h>\n#include <libwebsockets.h>',
  'gamed/loop.h': '',
  'gamed/store.h': '',
  'gamed/store_memory.c': '#include "gamed/store.h"\n#include "common/log.h"',
  'gamed/game_history.c': '#include "gamed/store.h"\n#include <curl/curl.h>',
  'gamed/main.c': '#include "gamed/loop.h"\n#include "gamed/game_manager.h"',
  'ipc/ipc_message.h': '',
  'ipc/ipc_client.h': '',
  'ipc/ipc_client.c': '#include "ipc/ipc_client.h"\n#include <nng/nng.h>',
  'api-fcgi/room_api.c': '#include "ipc/ipc_client.h"',
  'api-fcgi/main.c': '#include <fcgiapp.h>',
};

function check(changes) {
  const root = mkdtempSync(path.join(tmpdir(), 'pong-layers-'));
  try {
    for (const [name, text] of Object.entries({ ...sound, ...changes })) {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      writeFileSync(path.join(root, name), `${text}\n`);
    }
    return spawnSync('sh', [path.join(repository, 'tests/check-layers.sh'), root], { encoding: 'utf8' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('a sound tree passes, and so does this one', () => {
  assert.deepEqual(check({}).stdout, `check-layers: ${Object.keys(sound).length} files, no violation\n`);
  const own = spawnSync('sh', [path.join(repository, 'tests/check-layers.sh')], { encoding: 'utf8' });
  assert.equal(own.status, 0, own.stdout + own.stderr);
});

const broken = [
  ['gamed/pong.c', '#include "gamed/game_state.h"', 'may not include gamed/game_state.h'],
  ['gamed/pong.c', '#include "common/text.h"', 'may not include common/text.h'],
  ['gamed/pong.c', '#include <stdlib.h>', 'may not include <stdlib.h>'],
  ['gamed/game_state.h', '#include "game_manager.h"', 'may not include gamed/game_manager.h'],
  ['gamed/game_state.h', '#include <jansson.h>', 'may not include <jansson.h>'],
  ['gamed/game_state.h', '\t# include\t"../common/log.h"', 'may not include common/log.h'],
  ['gamed/game_manager.h', '#include <common/log.h>', 'may not include common/log.h'],
  ['gamed/game_manager.h', '#include "gamed/loop.h"', 'may not include gamed/loop.h'],
  ['gamed/messages.h', '#include "gamed/game_manager.h"', 'may not include gamed/game_manager.h'],
  ['gamed/messages.h', '#include <libwebsockets.h>', 'may not include <libwebsockets.h>'],
  ['gamed/store_memory.c', '#include "gamed/game_state.h"', 'may not include gamed/game_state.h'],
  ['gamed/store_memory.c', '#include <nng/nng.h>', 'may not include <nng/nng.h>'],
  ['gamed/main.c', '#include <uv.h>', 'may not include <uv.h>'],
  ['gamed/main.c', '#include <curl/curl.h>', 'may not include <curl/curl.h>'],
  ['gamed/main.c', '#include "api-fcgi/room_api.h"', 'is no header of ours'],
  ['api-fcgi/room_api.h', '#include "gamed/pong.h"', 'may not include gamed/pong.h'],
  ['api-fcgi/room_api.h', '#include <fcgiapp.h>', 'may not include <fcgiapp.h>'],
  ['ipc/ipc_message.h', '#include "gamed/game_state.h"', 'may not include gamed/game_state.h'],
  ['common/log.h', '#include "ipc/ipc_message.h"', 'may not include ipc/ipc_message.h'],
  ['gamed/main.c', '#define X "a.h"\n#include X', 'includes a macro'],
  ['gamed/novelty.c', '', 'has no row in the table'],
];
for (const [file, text, complaint] of broken) {
  test(`${file} with ${JSON.stringify(text)} is refused`, () => {
    const { status, stdout } = check({ [file]: text });
    assert.equal(status, 1);
    const line = text.split('\n').length;
    assert.ok(stdout.startsWith(`${file}:${line}: `), stdout);
    assert.ok(stdout.includes(complaint), stdout);
    assert.match(stdout, /check-layers: 1 violation\n$/);
  });
}

test('a folder without sources is an error, not a success', () => {
  const empty = mkdtempSync(path.join(tmpdir(), 'pong-layers-'));
  const { status, stderr } = spawnSync('sh', [path.join(repository, 'tests/check-layers.sh'), empty], { encoding: 'utf8' });
  rmSync(empty, { recursive: true });
  assert.equal(status, 2);
  assert.match(stderr, /no sources/);
});
