// The store when its disk is bad: full, limited, read-only, hanging, taken by somebody else, damaged. The game goes on and
// its end is told, health/ says so, results are posted from memory, once each; and when the disk is well again, a game
// server that is killed loses nothing.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync, chownSync, closeSync, existsSync, fstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, rmdirSync,
  statSync, truncateSync, unlinkSync, writeFileSync, writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

import { Disk, noDisk } from './bad-disk.mjs';
import { quickServe, repository, startStack } from './harness.mjs';
import { Player } from './player.mjs';
import { skipFor } from './requirement.mjs';
import { Rest } from './rest.mjs';
import { finishMatch, startMatch, startRally } from './rooms.mjs';
import { allDelivered, settled } from './scrape.mjs';
import { UserManagement } from './user-management.mjs';

const DATABASES = ['results-A.db', 'rooms-A.db'];
const TROUBLE_LINES_MAX = 20; // whatever happens, in the seconds that a scenario takes

/** A stack with a receiver of results, ended in any case; `stateDir`: instead of one in its own directory. */
async function withStack({ stateDir, prepare, answers }, body) {
  const management = await new UserManagement({ answers }).start();
  let stack;
  try {
    stack = await startStack({
      env: { ...quickServe, USER_MANAGEMENT_URL: management.url },
      prepare: async (each) => {
        const at = each.gamed.args.indexOf('--state-dir') + 1;
        if (stateDir) each.gamed.args[at] = stateDir;
        each.stateDir = each.gamed.args[at];
        await prepare?.(each);
      },
    });
    await body({ stack, management, rest: new Rest(stack) });
  } finally {
    await stack?.stop();
    await management.stop();
  }
}

async function withDisk(kind, body) {
  const disk = new Disk(kind);
  try {
    await body(disk);
  } finally {
    disk.unmount();
  }
}

/** A directory of its own for what outlives a stack. */
async function withDirectory(body) {
  const directory = mkdtempSync(path.join(tmpdir(), 'pong-state-'));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Another process that has the database for itself; resolves once it has. */
function lock(file) {
  const holder = spawn('sqlite3', [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  holder.stdin.write('PRAGMA locking_mode = EXCLUSIVE;\nBEGIN EXCLUSIVE;\nSELECT 1;\n');
  return new Promise((resolve, reject) => {
    let said = '';
    holder.once('error', reject).once('exit', () => reject(new Error(`${file} could not be locked`)));
    holder.stdout.on('data', (data) => {
      said += data;
      if (/^1$/m.test(said)) resolve(holder);
    });
  });
}

const NOBODY = 65534;

/** Why gamed cannot be run as somebody else who may not read everything; false when it can. */
function cannotBeNobody() {
  if (process.getuid() !== 0) return 'only root can become somebody else';
  try {
    execFileSync('setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', 'ls', repository], { stdio: 'pipe' });
    return false;
  } catch {
    return 'the build is in a place where nobody else may go';
  }
}

function becomeNobody(stack) {
  for (const directory of [stack.runDir, stack.stateDir]) {
    chownSync(directory, NOBODY, NOBODY);
    chmodSync(directory, 0o755);
  }
  stack.gamed.args.unshift(`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', stack.gamed.command);
  stack.gamed.command = 'setpriv';
}

async function degraded(rest) {
  const { status, json } = await rest.get('/api/room/health/');
  assert.equal(status, 200, 'games can be played');
  assert.equal(json.status, json.degraded ? 'degraded' : 'ok');
  return json.degraded ?? [];
}

async function restart(stack, rest, whileDown = () => {}) {
  await stack.gamed.stop('SIGKILL');
  await whileDown();
  stack.gamed.start();
  await stack.until('gamed is up again', async () => (await rest.get('/api/room/health/')).status === 200);
}

function troubleLines(stack) {
  return readFileSync(stack.gamed.logPath, 'utf8').split('\n').filter((line) => / (warn|error) gamed: /.test(line));
}

/** Each played to its end with whoever is there; resolves to the code. */
async function playShort({ stack, management }) {
  const { code, one, two } = await startMatch(stack, { winning_score: 1 });
  const over = await finishMatch(one, two);
  assert.equal(over.winner, 1);
  await management.result(({ room_code: room }) => room === code);
  return code;
}

async function comeBack(stack, { first, second }) {
  const one = await Player.connect(stack, first);
  await one.join();
  const two = await Player.connect(stack, second);
  await two.join();
  one.track();
  two.track();
  await one.waitFor('game_resumed');
  return { one, two };
}

/** Games while the store is broken: a match under way goes on, another begins and ends, rooms are opened. */
async function playWhileBroken(context, long) {
  const { stack, rest, management } = context;
  await stack.until('health/ says "store"', async () => (await degraded(rest)).includes('store'));
  const short = await playShort(context);
  const waiting = await rest.ok(rest.create({ username: 'Cleo' }));
  const running = long ?? (await startRally(stack, { winning_score: 2 }));
  await running.one.stepsPass(90);
  const posts = management.attempts.filter(({ json }) => json.room_code === short);
  assert.equal(posts.length, 1, 'posted once');
  return { short, waiting, long: running };
}

/** The store works again, and what it was told holds: the game server is killed, and everything is there. */
async function survivesKill({ stack, rest, management }, { short, waiting, long }) {
  await stack.until('health/ says "store" no more', async () => !(await degraded(rest)).includes('store'));
  await settled(stack);
  await allDelivered(stack);
  await restart(stack, rest);
  assert.deepEqual(await degraded(rest), []);
  assert.equal((await rest.check(waiting.room_code)).json?.player_count, 1, 'the waiting room is there');
  assert.equal((await rest.check(short)).json?.status, 'FINISHED');
  assert.equal((await rest.check(long.code)).json?.status, 'ONGOING');
  const { one, two } = await comeBack(stack, long);
  await finishMatch(one, two);
  assert.equal((await management.results(long.code)).length, 1);
  const posts = management.attempts.filter(({ json }) => json.room_code === short);
  assert.equal(posts.length, 1, 'what was delivered is known to be, after the kill as well');
}

function assertSaidInFewLines(stack, sentence, isMeant = () => true) {
  const lines = troubleLines(stack).filter(isMeant);
  assert.ok(lines.some((line) => sentence.test(line)), `the log says ${sentence}:\n${lines.join('\n')}`);
  assert.ok(lines.length <= TROUBLE_LINES_MAX, `${lines.length} lines:\n${lines.join('\n')}`);
}

/** Breaks in the middle of a match, is well again, killed. */
async function breakInMidMatch(options, { breakIt, mend, sentence }) {
  await withStack(options, async (context) => {
    const long = await startRally(context.stack, { winning_score: 2 });
    assert.deepEqual(await degraded(context.rest), []);
    await breakIt(context.stack);
    try {
      const rooms = await playWhileBroken(context, long);
      if (sentence) assertSaidInFewLines(context.stack, sentence);
      await mend(context.stack);
      await survivesKill(context, rooms);
    } finally {
      await mend(context.stack);
    }
  });
}

/** Broken from the start on. `words`: what health/ says when the store works again. */
async function breakBeforeStart(options, { breakIt, mend, sentence, words = [] }) {
  const prepare = async (stack) => {
    await options.prepare?.(stack);
    await breakIt(stack);
  };
  await withStack({ ...options, prepare }, async (context) => {
    try {
      const rooms = await playWhileBroken(context);
      assertSaidInFewLines(context.stack, sentence);
      await mend(context.stack);
      await context.stack.until('only what is past is told', async () =>
        JSON.stringify(await degraded(context.rest)) === JSON.stringify(words));
      await survivesKill(context, rooms);
    } finally {
      await mend(context.stack);
    }
  });
}

/** The mending may be asked for twice. */
function once(work) {
  let done = false;
  return async (...args) => {
    if (!done) await work(...args);
    done = true;
  };
}

describe('a full disk', { skip: skipFor(noDisk('tmpfs')) }, () => {
  test('before the start', () => withDisk('tmpfs', (disk) => breakBeforeStart({ stateDir: disk.dir }, {
    breakIt: () => disk.fill(),
    mend: () => disk.free(),
    sentence: /(results|rooms)-A\.db cannot be used: .*(full|No space left)/,
  })));

  test('in mid-match', () => withDisk('tmpfs', (disk) => breakInMidMatch({ stateDir: disk.dir }, {
    breakIt: () => disk.fill(),
    mend: () => disk.free(),
    sentence: /-A\.db cannot be used: .*full/,
  })));
});

describe('a limit to the size of files', () => {
  const limit = (stack, size) => execFileSync('prlimit', [`--pid=${stack.gamed.pid}`, `--fsize=${size}:`]);

  test('in mid-match', () => breakInMidMatch({}, {
    breakIt: (stack) => limit(stack, 4096), // more than the log has by then, less than a page of results and its frame
    mend: (stack) => stack.gamed.running && limit(stack, 'unlimited'),
    sentence: /results-A\.db cannot be used: /,
  }));

  test('before the start', () => breakBeforeStart({}, {
    breakIt: (stack) => {
      stack.gamed.args.unshift('--fsize=4096:unlimited', stack.gamed.command);
      stack.gamed.command = 'prlimit';
    },
    mend: once((stack) => {
      limit(stack, 'unlimited');
      stack.gamed.args.shift(); // for the next start
      stack.gamed.command = stack.gamed.args.shift();
    }),
    sentence: /results-A\.db cannot be used: /,
  }));
});

describe('a read-only file system', { skip: skipFor(noDisk('tmpfs')) }, () => {
  test('before the start, with what an earlier process left', () => withDisk('tmpfs', async (disk) => {
    let earlier;
    await withStack({ stateDir: disk.dir }, async ({ rest }) => {
      earlier = await rest.ok(rest.create({ username: 'Dora' }));
    });
    await breakBeforeStart({ stateDir: disk.dir }, {
      breakIt: () => disk.setReadOnly(true),
      mend: once(() => disk.setReadOnly(false)),
      sentence: /results-A\.db cannot be used: /,
      words: ['store_damaged'], // the earlier rooms come back at the next start only
    });
    await withStack({ stateDir: disk.dir }, async ({ rest }) => {
      assert.equal((await rest.check(earlier.room_code)).json?.player_count, 1, 'what could not be read is not lost');
      assert.deepEqual(await degraded(rest), []);
    });
  }));

  test('in mid-match', { skip: skipFor(noDisk('ext4')) }, () => withDisk('ext4', (disk) => breakInMidMatch({ stateDir: disk.dir }, {
    breakIt: () => disk.setImmutable(true),
    mend: () => disk.setImmutable(false),
    sentence: /-A\.db cannot be used: .*(Operation not permitted|readonly|disk I\/O)/,
  })));

  test('in mid-match and for good: what was told before is on the disk', { skip: skipFor(noDisk('ext4')) }, () => withDisk('ext4', (disk) =>
    withStack({ stateDir: disk.dir, answers: Array.from({ length: 400 }, () => ({ status: 503 })) }, async (context) => {
      const { stack, rest, management } = context;
      const before = await startMatch(stack, { winning_score: 1 });
      await finishMatch(before.one, before.two);
      disk.failForGood(); // what was not synchronous until now is lost, as in a power cut
      const after = await startMatch(stack, { winning_score: 1 });
      await finishMatch(after.one, after.two);
      await stack.until('health/ says "store"', async () => (await degraded(rest)).includes('store'));
      assertSaidInFewLines(stack, /-A\.db cannot be used: .*(Read-only|readonly|disk I\/O)/, (line) => !/ result /.test(line));
      await restart(stack, rest, () => {
        disk.repair();
        management.answers.length = 0;
      });
      assert.deepEqual(await degraded(rest), []);
      assert.equal((await management.results(before.code)).length, 1);
    })));
});

describe('a disk that hangs', { skip: skipFor(noDisk('ext4')) }, () => {
  test('delays no game, no end of one and no answer; results wait', () => withDisk('ext4', (disk) =>
    withStack({ stateDir: disk.dir }, async (context) => {
      const { stack, rest, management } = context;
      const long = await startRally(stack, { winning_score: 2 });
      disk.freeze();
      try {
        const { code, one, two } = await startMatch(stack, { winning_score: 1 });
        await finishMatch(one, two);
        const waiting = await rest.ok(rest.create({ username: 'Cleo' }));
        await stack.until('health/ says "store"', async () => (await degraded(rest)).includes('store'));
        await long.one.stepsPass(90);
        disk.thaw();
        await survivesKill(context, { short: code, waiting, long });
        assert.equal((await management.results(code)).length, 1);
      } finally {
        disk.thaw();
      }
    })));
});

describe('a file in the way', () => {
  const each = (stack, work) => DATABASES.forEach((name) => work(path.join(stack.stateDir, name)));

  test('a directory of its name', () => breakBeforeStart({}, {
    breakIt: (stack) => each(stack, (file) => mkdirSync(file)),
    mend: once((stack) => each(stack, (file) => rmdirSync(file))),
    sentence: /results-A\.db cannot be used: /,
    words: ['store_damaged'], // whatever it was
  }));

  test('a result that only memory had is made again out of the last checkpoint, as the same bytes', () => withStack(
    {
      answers: Array.from({ length: 400 }, () => ({ status: 503 })),
      prepare: (stack) => mkdirSync(path.join(stack.stateDir, 'results-A.db')),
    },
    async ({ stack, rest, management }) => {
      const { code, one, two } = await startMatch(stack, { winning_score: 1 });
      await finishMatch(one, two);
      await management.until(() => management.attempts.length > 0);
      await settled(stack);
      await restart(stack, rest, () => {
        rmdirSync(path.join(stack.stateDir, 'results-A.db'));
        management.answers.length = 0;
      });
      assert.equal((await management.results(code)).length, 1);
      assert.equal(new Set(management.attempts.map(({ body }) => body)).size, 1);
    },
  ));

  test('locked by another process, with what an earlier one left', async () => {
    const holders = [];
    const release = once(async () => {
      for (const holder of holders) {
        const ended = new Promise((resolve) => holder.once('exit', resolve));
        holder.kill();
        await ended;
      }
    });
    await withDirectory(async (stateDir) => {
      let earlier;
      await withStack({ stateDir }, async ({ rest }) => {
        earlier = await rest.ok(rest.create({ username: 'Dora' }));
      });
      await breakBeforeStart({ stateDir }, {
        breakIt: async () => {
          for (const name of DATABASES) holders.push(await lock(path.join(stateDir, name)));
        },
        mend: release,
        sentence: /results-A\.db cannot be used: database is locked/,
        words: ['store_damaged'],
      }).finally(release);
      await withStack({ stateDir }, async ({ rest }) => {
        assert.equal((await rest.check(earlier.room_code)).json?.player_count, 1);
      });
    });
  });

  test('empty: it is begun', () => withStack({ prepare: (stack) => each(stack, (file) => writeFileSync(file, '')) }, async (context) => {
    assert.deepEqual(await degraded(context.rest), []);
    await playShort(context);
    assert.equal(troubleLines(context.stack).length, 0);
  }));

  test('of somebody else who lets nobody read', { skip: skipFor(cannotBeNobody()) }, () => breakBeforeStart({ prepare: becomeNobody }, {
    breakIt: (stack) => each(stack, (file) => writeFileSync(file, '', { mode: 0o000 })),
    mend: once((stack) => each(stack, (file) => execFileSync('chmod', ['666', file]))),
    sentence: /results-A\.db cannot be used: .*(Permission denied|unable to open)/,
  }));

  test('of a later version: it does not start, says why, and touches nothing', async () => {
    await withDirectory(async (stateDir) => {
      await withStack({ stateDir }, playShort);
      const file = path.join(stateDir, 'rooms-A.db');
      execFileSync('sqlite3', [file, 'PRAGMA user_version = 7']);
      const before = readFileSync(file);
      const said = await withStack({ stateDir }, () => {}).then(() => assert.fail('it started'), (error) => error.message);
      assert.match(said, /gamed exited with 1/);
      assert.match(said, /rooms-A\.db was written by a later version of this program/);
      assert.deepEqual(readFileSync(file), before);
    });
  });

  test('in the place of the directory: it does not start and says why', async () => {
    await withDirectory(async (parent) => {
      const stateDir = path.join(parent, 'state');
      writeFileSync(stateDir, 'a file');
      const said = await withStack({ stateDir }, () => {}).then(() => assert.fail('it started'), (error) => error.message);
      assert.match(said, /gamed exited with 1/);
      assert.match(said, /cannot open .*state\/slot-A\.lock: Not a directory/);
    });
  });
});

describe('damage', { concurrency: 3 }, () => {
  const garbage = (size) => Buffer.alloc(size, 0x5e);
  const overwrite = (file, at, size) => {
    const fd = openSync(file, 'r+');
    writeSync(fd, garbage(size), 0, size, at < 0 ? Math.floor(fstatSync(fd).size / 2 / 4096) * 4096 : at);
    closeSync(fd);
  };
  const kinds = {
    'a garbage header': (file) => overwrite(file, 0, 100),
    'a file cut short': (file) => truncateSync(file, 8192 + 100),
    'pages in the middle': (file) => overwrite(file, 16384, 16384),
    'a garbage log': (file) => writeFileSync(`${file}-wal`, garbage(100_000)),
  };

  for (const name of DATABASES) {
    for (const [kind, damage] of Object.entries(kinds)) {
      test(`${kind}: ${name}, found at the start`, () => withStack({}, async (context) => {
        const { stack, rest } = context;
        const open = (i) => rest.ok(rest.create({ username: `Someone ${i}` }));
        for (let i = 0; i < 60; i += 1) await open(i);
        for (let i = 0; i < 2; i += 1) await playShort(context);
        await stack.gamed.stop('SIGTERM'); // all of it is in the files themselves
        damage(path.join(stack.stateDir, name));
        stack.gamed.start();
        await stack.until('gamed is up again', async () => (await rest.get('/api/room/health/')).status === 200);
        assert.deepEqual(await degraded(rest), ['store_damaged']);
        assertSaidInFewLines(stack, /is corrupt/);
        assert.equal(readdirSync(stack.stateDir).filter((each) => each.startsWith(`${name}.corrupt-`)).length, 1);
        const short = await playShort(context);
        const waiting = await open(61);
        const long = await startRally(stack, { winning_score: 2 });
        await survivesKill(context, { short, waiting, long });
      }));
    }
  }

  test('a result that was pending in a damaged file is delivered all the same', () => withStack(
    { answers: Array.from({ length: 400 }, () => ({ status: 503 })) },
    async ({ stack, management, rest }) => {
      const codes = [];
      for (let i = 0; i < 2; i += 1) {
        const { code, one, two } = await startMatch(stack, { winning_score: 1 });
        await finishMatch(one, two);
        codes.push(code);
      }
      await stack.gamed.stop('SIGTERM');
      // an index is damaged: its pages are the last ones in use
      const file = path.join(stack.stateDir, 'results-A.db');
      const root = Number(execFileSync('sqlite3', [file, 'SELECT rootpage FROM sqlite_schema WHERE name = \'results_due\''], { encoding: 'utf8' }));
      overwrite(file, (root - 1) * 4096, 4096);
      rmSync(path.join(stack.stateDir, 'rooms-A.db')); // or they would be made again out of the checkpoints
      management.answers.length = 0;
      stack.gamed.start();
      await stack.until('gamed is up again', async () => (await rest.get('/api/room/health/')).status === 200);
      assert.deepEqual(await degraded(rest), ['store_damaged']);
      for (const code of codes) assert.equal((await management.results(code)).length, 1);
    },
  ));

  test('while it runs, to all of the files: no game notices', () => withStack({}, async (context) => {
    const { stack, rest } = context;
    const long = await startRally(stack, { winning_score: 2 });
    for (const name of readdirSync(stack.stateDir).filter((each) => each.includes('.db'))) {
      const file = path.join(stack.stateDir, name);
      overwrite(file, 0, statSync(file).size);
    }
    const short = await playShort(context);
    await rest.ok(rest.create({}));
    await long.one.stepsPass(150);
    for (const name of readdirSync(stack.stateDir).filter((each) => /\.db(-wal)?$/.test(each))) truncateSync(path.join(stack.stateDir, name), 0);
    await playShort(context);
    await long.one.stepsPass(150);
    await restart(stack, rest);
    await playShort(context);
    assert.equal((await context.management.results(short)).length, 1);
  }));

  test('files removed while they are in use are begun anew, with all the rooms there are', () => withStack({}, async (context) => {
    const { stack, rest } = context;
    const early = await rest.ok(rest.create({ username: 'Dora' })); // does not move any more
    const long = await startRally(stack, { winning_score: 2 });
    for (const name of readdirSync(stack.stateDir).filter((each) => each.includes('.db'))) unlinkSync(path.join(stack.stateDir, name));
    await stack.until('it is noticed', async () => (await degraded(rest)).includes('store_damaged'));
    const short = await playShort(context);
    const waiting = await rest.ok(rest.create({ username: 'Cleo' }));
    assertSaidInFewLines(stack, /rooms-A\.db was removed or replaced while in use/);
    await survivesKill(context, { short, waiting, long });
    assert.equal((await rest.check(early.room_code)).json?.player_count, 1);
  }));

  test('the state directory is gone and comes back', () => withDirectory((parent) => {
    const stateDir = path.join(parent, 'state');
    return breakInMidMatch({ stateDir }, {
      breakIt: () => rmSync(stateDir, { recursive: true }),
      mend: () => existsSync(stateDir) || mkdirSync(stateDir),
      sentence: /rooms-A\.db was removed or replaced while in use/,
    });
  }));
});
