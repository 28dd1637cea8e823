// What the operator can see and do with pongctl while people play: every command in both its forms against the real
// stack, and what players, callers and user_management notice of it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { finishMatch, startMatch, startRally, takeSeats } from './rooms.mjs';
import { settled } from './scrape.mjs';
import { UserManagement } from './user-management.mjs';

const END_MS = 30_000;
const DONE = 0;
const REFUSED = 1;
const USAGE = 2;
const UNREACHABLE = 3;
const NO_MATCH = '00000000-0000-4000-8000-000000000000';

/** A pongctl for the stack: pongctl('room', code) resolves to {code, out, said}. */
function operatorOf(stack) {
  const run = (args, env = {}) =>
    new Promise((resolve) => {
      const program = path.join(path.dirname(stack.gamed.command), '../pongctl/pongctl');
      const child = { env: { ...stack.env, PONG_CONTROL: stack.sockets.control, LC_ALL: 'C.UTF-8', ...env }, timeout: END_MS };
      execFile(program, args, child, (error, out, said) => {
        resolve({ code: error ? error.code : DONE, out, said });
      });
    });
  const done = async (args, env) => {
    const { code, out, said } = await run(args, env);
    assert.deepEqual({ code, said }, { code: DONE, said: '' }, args.join(' '));
    return out;
  };
  return {
    run,
    text: (...args) => done(args),
    in: (locale, ...args) => done(args, { LC_ALL: locale }),
    json: async (...args) => JSON.parse(await done(['--json', ...args])),
    async refused(code, ...args) {
      const { code: status, out, said } = await run(args);
      assert.deepEqual({ status, out }, { status: REFUSED, out: '' }, said);
      assert.match(said, new RegExp(`^pongctl: \\S.* \\(${code}\\)\\n$`));
    },
  };
}

const rowOf = (text, word) => text.split('\n').find((line) => line.includes(word)) ?? '';

/** Every line's cell begins where its title does: what comes before is a blank. */
function assertAligned(text, title) {
  const [head, ...rows] = text.trimEnd().split('\n');
  const at = head.indexOf(title);
  assert.ok(at > 0, `${title} in ${head}`);
  for (const row of rows.slice(0, -1)) assert.equal(row[at - 1], ' ', row);
}

describe('pongctl', () => {
  const env = { ...quickServe, PONG_REMATCH_SECONDS: '120' };
  const stack = useStack({ env });
  const rest = new Rest(stack);
  const operator = operatorOf(stack);

  test('says so when there is nothing', async () => {
    assert.equal(await operator.text('rooms'), 'There are no rooms.\n');
    assert.deepEqual(await operator.json('rooms'), { rooms: [] });
    assert.equal(await operator.text('results'), 'There are no results that are pending or failed.\n');
    assert.deepEqual(await operator.json('results', '--all'), { results: [], incomplete: false });
    assert.equal(await operator.text('results', 'retry', '--all-failed'), 'There are no failed results. What is still tried is in: pongctl results\n');
    assert.deepEqual(await operator.json('results', 'retry', '--all-failed'), { retried: [], refused: [] });
  });

  test('shows rooms, private ones too, and never a token', async () => {
    const match = await startRally(stack);
    const open = await rest.ok(rest.create({ username: 'Zoë 🏓', visibility: 'public' }));
    const watcher = await Player.connect(stack, { room_code: match.code });
    const text = await operator.text('rooms');
    assert.match(rowOf(text, match.code), /ONGOING +(rally|serving) +\d+s +\d:\d +Ann +Bob +2 +1 +private$/);
    assert.match(rowOf(text, open.room_code), /WAITING +waiting +\d+s +0:0 +Zoë 🏓 +- +0 +0 +public$/);
    assert.match(text, /\n2 rooms\n$/);
    assert.match(rowOf(await operator.in('C', 'rooms'), open.room_code), /Zo\\u\{00EB\} \\u\{1F3D3\} /);

    const { rooms } = await operator.json('rooms');
    assert.deepEqual(rooms.map(({ room_code: code }) => code), [match.code, open.room_code].sort());
    const { created_at: created, age_s: age, phase, ...seen } = rooms.find(({ room_code: code }) => code === match.code);
    assert.ok(Math.abs(created + age - Date.now() / 1000) < 10);
    assert.ok(['rally', 'serving'].includes(phase));
    assert.deepEqual(seen, {
      room_code: match.code, status: 'ONGOING', public: false, withheld: false, sessions: 3, spectators: 1,
      player_1_id: match.first.player_id, player_2_id: match.second.player_id,
      player_1_username: 'Ann', player_2_username: 'Bob', player_1_score: 0, player_2_score: 0,
    });

    const detail = await operator.text('room', match.code.toLowerCase());
    assert.match(detail, new RegExp(`^room +${match.code}, private$`, 'm'));
    assert.match(detail, /^ +1 +guest-\w{8} +Ann +connected +3 +0\.0 s$/m);
    assert.match(detail, /^spectator +\d+\.\d s ago +\d+\.\d s ago +\d+$/m);
    const { room } = await operator.json('room', match.code);
    assert.equal(room.seats[1].player_id, match.second.player_id);
    assert.deepEqual(room.session_list.map(({ seat }) => seat), [1, 2, null]);
    assert.match(room.match_id, /^[0-9a-f-]{36}$/);
    const everything = detail + text + JSON.stringify(room) + JSON.stringify(rooms);
    for (const secret of stack.secrets) assert.ok(!everything.includes(secret));

    match.two.drop();
    await match.one.waitFor('game_paused');
    assert.match(await operator.text('room', match.code), /^phase +paused: absence$[^]*^ +2 +\S+ +Bob +not connected, away +3 /m);
    watcher.drop();
    await operator.refused('room_not_found', 'room', 'AZZZZZ');
    // so that a quick of a later test does not end in there
    await rest.ok(rest.cancel({ room_code: open.room_code, seat_token: open.seat_token }));
  });

  test('shows more rooms than a reply can hold', async () => {
    const codes = [];
    for (let i = 0; i < 150; i += 1) codes.push((await rest.ok(rest.create({ username: `Name ${'"'.repeat(20)}` }))).room_code);
    const { rooms } = await operator.json('rooms');
    const seen = rooms.map(({ room_code: code }) => code);
    assert.deepEqual(seen, [...seen].sort(), 'by code');
    assert.equal(new Set(seen).size, seen.length, 'each once');
    for (const code of codes) assert.ok(seen.includes(code), code);
    const text = await operator.text('rooms');
    assert.match(text, new RegExp(`\\n${rooms.length} rooms\\n$`));
    assertAligned(text, 'PLAYER 2');
  });

  test('counts', async () => {
    const { one } = await startMatch(stack);
    const stats = await operator.json('stats');
    assert.ok(stats.rooms_ongoing >= 1 && stats.connections >= 2 && stats.updates > 0);
    assert.deepEqual(Object.keys(stats.results).sort(), [
      'attempts_failed', 'delivered', 'failed', 'lost', 'oldest_pending_s', 'pending', 'unsaved',
    ]);
    assert.match(await operator.text('stats'), /^rooms +\d+ \(\d+ waiting, \d+ ongoing, \d+ finished\)$/m);
    assert.deepEqual(await operator.json('health'), { status: 'ok', draining: false });
    assert.match(await operator.text('health'), /^status +ok\nnew rooms +allowed\n$/);
    one.drop();
  });

  test('drain: no new rooms, while those there are play on; off undoes it', async () => {
    const match = await startRally(stack, { winning_score: 1 });
    const waiting = await rest.ok(rest.create({ visibility: 'public' }));
    const host = await Player.connect(stack, waiting);
    await host.join();
    assert.match(await operator.text('drain'), /^New rooms are refused/);
    assert.deepEqual(await operator.json('drain'), { draining: true });
    assertFailure(await rest.get('/api/room/health/'), 503, 'draining');
    assert.match(await operator.text('health'), /refused \(draining\)/);
    assertFailure(await rest.create(), 503, 'draining');

    const guest = await rest.ok(rest.quick()); // into the room that waits
    assert.equal(guest.room_code, waiting.room_code);
    assertFailure(await rest.quick(), 503, 'draining');
    const second = await Player.connect(stack, guest);
    await second.join();
    await host.waitForState(({ status }) => status === 'ONGOING');
    match.one.drop();
    await match.two.waitFor('game_paused');
    const one = await Player.connect(stack, match.first);
    await one.join();
    await finishMatch(one, match.two);
    for (const player of [one, match.two]) player.sendJson({ type: 'rematch' });
    await one.waitFor('game_state', ({ status }) => status === 'ONGOING');

    assert.equal(await operator.text('drain', '--off'), 'New rooms are allowed.\n');
    assert.deepEqual(await operator.json('drain', '--off'), { draining: false });
    assert.equal((await rest.get('/api/room/health/')).status, 200);
    assert.equal((await rest.create()).status, 201);
  });

  test('kick from a match: closed with 4504, forfeited at once, no way back', async () => {
    const match = await startRally(stack);
    const out = await operator.text('kick', match.code, '2');
    assert.equal(out, `Bob, player 2 of ${match.code}, was sent away: the match is forfeited to the other player.\n`);
    assert.equal((await match.two.waitForClose()).code, 4504);
    const over = await match.one.waitFor('game_over');
    assert.deepEqual([over.winner, over.reason], [1, 'forfeit']);
    await match.one.waitForState(({ status }) => status === 'FINISHED');
    await assertRefused(Player.connect(stack, match.second), 401, 'bad_token');
    assertFailure(await rest.join({ room_code: match.code, seat_token: match.second.seat_token }), 409, 'game_over');
    const { results } = await operator.json('results');
    const result = results.find(({ room_code: code }) => code === match.code);
    assert.deepEqual([result.state, result.reason, result.winner], ['pending', 'forfeit', 1]);

    const closed = await operator.json('kick', match.code, '1'); // the match is over
    assert.deepEqual(closed, { room_code: match.code, seat: 1, player_id: match.first.player_id, username: 'Ann', effect: 'closed' });
    assert.equal((await match.one.waitForClose()).code, 4504);
    assert.equal((await rest.check(match.code)).json.status, 'FINISHED');
  });

  test('kick from a waiting room frees the seat', async () => {
    const seats = await takeSeats(stack);
    const one = await Player.connect(stack, seats.first);
    await one.join();
    assert.equal((await operator.json('kick', seats.code, '1')).effect, 'freed');
    assert.equal((await one.waitForClose()).code, 4504);
    await assertRefused(Player.connect(stack, seats.first), 401, 'bad_token');
    assertFailure(await rest.cancel({ room_code: seats.code }, { token: seats.first.seat_token }), 403, 'not_creator');
    assert.equal((await rest.check(seats.code)).json.player_1_id, null);
    assert.equal((await rest.ok(rest.join({ room_code: seats.code }))).player_number, 1);
  });

  test('kick of who is not there to be kicked', async () => {
    const bot = await rest.ok(rest.create({ opponent: 'bot' }));
    const lonely = await rest.ok(rest.create());
    await operator.refused('seat_is_bot', 'kick', bot.room_code, '2');
    await operator.refused('seat_empty', 'kick', lonely.room_code, '2');
    await operator.refused('room_not_found', 'kick', 'AZZZZZ', '1');
  });

  test('a kick holds after a restart', async () => {
    const match = await startRally(stack);
    await operator.text('kick', match.code, '1');
    await match.two.waitFor('game_over');
    await stack.until('the end is saved', async () => (await operator.json('room', match.code)).room.withheld === false);
    await settled(stack);
    await stack.gamed.stop('SIGKILL');
    stack.gamed.start();
    await stack.until('service', async () => (await rest.get('/api/room/health/')).status === 200);
    await assertRefused(Player.connect(stack, match.first), 401, 'bad_token');
    const two = await Player.connect(stack, match.second);
    assert.equal((await two.waitFor('game_over')).reason, 'forfeit');
  });

  test('wrong usage is told, and nothing is done', async () => {
    for (const args of [[], ['dance'], ['room'], ['kick', 'A00000', '3'], ['rooms', '--off'], ['results', 'retry'], ['--dance', 'rooms']]) {
      const { code, out, said } = await operator.run(args);
      assert.deepEqual({ code, out }, { code: USAGE, out: '' }, args.join(' '));
      assert.match(said, /^pongctl: \S.*\n$/);
    }
    assert.match(await operator.text('--help'), /^Usage: pongctl[^]*Exit status/);
    assert.match(await operator.text('--version'), /^pongctl \d+\.\d+/);
  });

  test('the ordinary socket serves the operator nothing', async () => {
    const each = [['rooms'], ['room', 'A00000'], ['results'], ['results', 'retry', NO_MATCH], ['drain'], ['kick', 'A00000', '1']];
    for (const args of each) await operator.refused('forbidden', '--control', stack.sockets.ipc, ...args);
    assert.equal((await rest.create()).status, 201, 'nothing was drained');
    assert.equal((await operator.run(['--control', stack.sockets.ipc, 'health'])).code, DONE, 'which is on both');
  });

  test('no gamed, or one that does not answer', async () => {
    const unreachable = async (sentence, ...args) => {
      const { code, out, said } = await operator.run([...args, 'rooms']);
      assert.deepEqual({ code, out }, { code: UNREACHABLE, out: '' }, said);
      assert.match(said, sentence);
    };
    await unreachable(/No such file/, '--control', path.join(stack.runDir, 'none.sock'));
    await unreachable(/Not a directory|Connection refused|No such file/, '--control', path.join(stack.runDir, 'nginx.conf'));
    await unreachable(/must have 1 to 107 bytes/, '--control', `/${'x'.repeat(200)}`);
    stack.gamed.signal('SIGSTOP');
    await unreachable(/does not answer within 3 s/);
    stack.gamed.signal('SIGCONT');
    assert.equal((await operator.json('health')).status, 'ok');
    await stack.gamed.stop('SIGKILL');
    await unreachable(/Connection refused/);
    stack.gamed.start();
    await stack.until('service', async () => (await rest.get('/api/room/health/')).status === 200);
  });
});

describe('results, by pongctl', () => {
  const management = new UserManagement({ answers: [{ status: 400 }, { status: 422 }, { status: 400 }] });
  const env = { ...quickServe };
  const stack = useStack({ env });
  const rest = new Rest(stack);
  const operator = operatorOf(stack);

  async function play() {
    const { code, one, two } = await startMatch(stack, { winning_score: 1 });
    await finishMatch(one, two);
    one.drop();
    two.drop();
    return code;
  }

  test('wait while there is nowhere to post them', async () => {
    const code = await play();
    const { results } = await operator.json('results');
    assert.deepEqual(results.map(({ room_code: room, state, attempts }) => [room, state, attempts]), [[code, 'pending', 0]]);
    assert.match(rowOf(await operator.text('results', '--pending'), code), / pending +\d+s +1:0 +score +guest-\w+ +guest-\w+ +0 +- +now$/);
    assert.match(await operator.text('results', '--failed'), /^There are no results that are failed\.\nWhat is still tried/);
  });

  test('that were refused are listed, and retried until they are delivered', async () => {
    await management.start();
    stack.env.USER_MANAGEMENT_URL = management.url;
    await stack.gamed.stop('SIGTERM');
    stack.gamed.start();
    await stack.until('service', async () => (await rest.get('/api/room/health/')).status === 200);
    const failed = async () => (await operator.json('results', '--failed')).results;
    await play();
    await stack.until('both are given up', async () => (await failed()).length === 2);
    const list = await failed();
    assert.deepEqual(list.map(({ last_status: status }) => status).sort(), [400, 422]);
    assert.ok(list.every(({ attempts, settled_at: settled }) => attempts === 1 && settled > 0));
    assert.match(await operator.text('results'), /\n2 results\n$/);
    assert.equal((await operator.json('stats')).results.failed, 2);

    const [first, second] = list.map(({ match_id: id }) => id);
    const retried = await operator.json('results', 'retry', first); // to the third refusal
    assert.deepEqual(retried.retried.map(({ match_id: id, state, attempts }) => [id, state, attempts]), [[first, 'pending', 0]]);
    await stack.until('it is refused again', async () => management.attempts.length === 3 && (await failed()).length === 2);
    assert.equal(await operator.text('results', 'retry', '--all-failed'), '2 results are being posted again; pongctl results shows what comes of it.\n');
    await stack.until('both are delivered', async () => (await operator.json('results', '--delivered')).results.length === 2);
    assert.deepEqual(await failed(), []);
    assert.deepEqual(management.recorded().map(({ json }) => json.match_id).sort(), [first, second].sort());
    for (const id of [first, second]) {
      const bodies = management.attempts.filter(({ json }) => json.match_id === id).map(({ body }) => body);
      assert.equal(new Set(bodies).size, 1, 'the same bytes each time');
    }
    await operator.refused('already_delivered', 'results', 'retry', first);
    await operator.refused('result_not_found', 'results', 'retry', NO_MATCH);
  });

  test('of bots are not posted, and cannot be', async () => {
    const room = await rest.ok(rest.create({ opponent: 'bot', winning_score: 1 }));
    const player = await Player.connect(stack, room);
    await player.join();
    await operator.text('kick', room.room_code, '1');
    const ofBots = async () => (await operator.json('results', '--all')).results.filter(({ state }) => state === 'not_posted');
    await stack.until('it is stored', async () => (await ofBots()).length === 1);
    const [result] = await ofBots();
    assert.deepEqual([result.room_code, result.player_2_id], [room.room_code, 'bot-normal']);
    await operator.refused('not_to_be_posted', 'results', 'retry', result.match_id);
    await management.stop();
  });
});

describe('a gamed without a control socket', () => {
  const stack = useStack({ nginx: false, gamedArgs: ['--control', ''] });

  test('starts, and cannot be reached', async () => {
    assert.ok(!existsSync(stack.sockets.control));
    assert.equal((await operatorOf(stack).run(['rooms'])).code, UNREACHABLE);
  });
});
