// gamed dies at the very places where a result could be lost, told twice or taken back (common/failpoint.h), and is
// started again. Whatever the place: who was told an end is told the same one again, every match has one result, each
// POST of it has the same bytes and the same key, and it says what the players were told.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { whyNoFailpoints } from './failpoints.mjs';
import { quickServe, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { skipFor } from './requirement.mjs';
import { Rest } from './rest.mjs';
import { takeSeats } from './rooms.mjs';
import { useManagement } from './user-management.mjs';

const DEATH_MS = 60_000; // how long it may take until the place is met
const MATCH_MS = 60_000;
const FOREVER = 'sleep:60000'; // a thread that waits so long has not done it when the process dies

/** The checkpoint of a match's end is never committed. */
const NO_CHECKPOINT_OF_END = `over-before-submit>rooms-before-commit=${FOREVER}`;

/** What a game_over says, and what the result must say as well. */
const endOf = ({ winner, reason, player_1_score, player_2_score }) => ({ winner, reason, player_1_score, player_2_score });

describe('gamed, dying at', { skip: skipFor(whyNoFailpoints()) }, () => {
  const env = { ...quickServe, PONG_ABSENCE_SECONDS: '2' };
  const management = useManagement(env);
  const stack = useStack({ env });
  const rest = new Rest(stack);
  const healthy = async () => (await rest.get('/api/room/health/')).status === 200;
  const log = () => readFileSync(stack.gamed.logPath, 'utf8');
  let logBefore = 0; // bytes of the log that are older than the present process
  const hasLogged = (line) => log().slice(logBefore).split('\n').includes(line);

  async function start(failpoint) {
    logBefore = log().length;
    delete stack.env.PONG_FAILPOINT;
    if (failpoint) stack.env.PONG_FAILPOINT = failpoint;
    stack.gamed.start();
    await stack.until('service', healthy);
  }

  /** A gamed that knows of nothing and will do what `failpoint` says. */
  async function startAnew(failpoint) {
    if (stack.gamed.running) await stack.gamed.stop('SIGKILL');
    const state = path.join(stack.runDir, 'state');
    rmSync(state, { recursive: true });
    mkdirSync(state);
    await start(failpoint);
  }

  beforeEach(() => {
    management.answers.length = 0;
    management.attempts.length = 0;
  });

  /**
   * One seat's player, as long as gamed lives and the end is not told; each connection is noted in `heard`. What goes
   * wrong is gamed's death, which is awaited elsewhere.
   */
  async function play(seat, style, heard) {
    try {
      const player = await Player.connect(stack, seat);
      heard.push(player);
      await player.join();
      player.track();
      if (style === 'loses') player.miss();
      if (style === 'leaves') {
        await player.waitFor('game_resumed');
        player.drop();
      } else {
        return await player.waitFor('game_over', () => true, MATCH_MS);
      }
    } catch {
      // it is seen by what was heard, and by the log
    }
    return undefined;
  }

  /** The same until the end is told, whatever it takes. */
  async function playToTheEnd(seat, style, heard) {
    const until = Date.now() + MATCH_MS;
    while (Date.now() < until) {
      const over = await play(seat, style, heard);
      if (over) return over;
      await sleep(100);
    }
    throw new Error(`player ${seat.player_number} was not told an end:\n${heard.at(-1)?.story()}\n${stack.gamed.tail()}`);
  }

  /** Both play until gamed has died of its failpoint; resolves to the connections that they had. */
  async function playUntilDeath({ first, second }, { forfeit }) {
    const heard = [];
    const played = [play(first, 'wins', heard), play(second, forfeit ? 'leaves' : 'loses', heard)];
    await stack.gamed.diesOf('SIGKILL', DEATH_MS);
    await Promise.all(played);
    await Promise.all(heard.map((player) => player.waitForClose()));
    return heard;
  }

  /** Both come back; who had left does so only when it is over. Resolves to the connections that they had. */
  async function comeBack({ first, second }, { forfeit }) {
    const heard = [];
    const winner = playToTheEnd(first, 'wins', heard);
    if (forfeit) await winner;
    await Promise.all([winner, playToTheEnd(second, 'loses', heard)]);
    return heard;
  }

  const hasHeardOfEnd = (player) => player.messages.some(({ type, status }) => type === 'game_over' || status === 'FINISHED');

  /** What the room's players were told and what the receiver got is one and the same. */
  async function assertOneResult({ code, first, second }, heard) {
    const ends = heard.flatMap((player) => player.all('game_over')).map(endOf);
    for (const end of ends) assert.deepEqual(end, ends[0], 'every game_over says the same');
    await management.result(({ room_code: room }) => room === code);
    await sleep(300); // another one would come now
    const attempts = management.attempts.filter(({ json }) => json.room_code === code);
    assert.equal(new Set(attempts.map(({ body }) => body)).size, 1, 'every POST has the same bytes');
    assert.equal(new Set(attempts.map(({ json }) => json.match_id)).size, 1);
    for (const { json, headers } of attempts) assert.equal(headers['idempotency-key'], json.match_id);
    const { json } = attempts[0];
    const winners = new Map([[first.player_id, 1], [second.player_id, 2], [null, null]]);
    assert.deepEqual(endOf({ ...json, winner: winners.get(json.winner_id) }), ends[0], 'the result says what players were told');
    return { attempts, end: ends[0] };
  }

  /**
   * A match during which gamed dies of `failpoint`, whose last clause is the place. `told`: whether the players had
   * heard of the end then; `status`: what the room is when gamed is back; each undefined where both are right.
   */
  async function survive(failpoint, { told, status, forfeit = false, fields = { winning_score: 1 }, answers = [] } = {}) {
    management.answers.push(...answers);
    await startAnew(failpoint);
    const seats = await takeSeats(stack, fields);
    const before = await playUntilDeath(seats, { forfeit });
    const place = failpoint.split(/[,>]/).at(-1).split(':')[0];
    assert.ok(hasLogged(`failpoint: killed at ${place}`), stack.gamed.tail());
    const wasTold = before.some(hasHeardOfEnd);
    if (told !== undefined) assert.equal(wasTold, told, `told before it died: ${wasTold}`);
    const posted = management.attempts.length;

    await start();
    const found = (await rest.check(seats.code)).json.status;
    if (status) assert.equal(found, status);
    if (wasTold || posted > 0) assert.equal(found, 'FINISHED', 'what was told is not taken back');
    const after = await comeBack(seats, { forfeit });
    if (found === 'FINISHED')
      for (const player of after) assert.equal(player.all('game_state')[0].status, 'FINISHED');
    const { attempts, end } = await assertOneResult(seats, [...before, ...after]);
    if (forfeit && found === 'FINISHED') assert.equal(end.reason, 'forfeit');
    return { posted, attempts };
  }

  /** Where its result is on its way, by what a match ends with. */
  for (const forfeit of [false, true]) {
    describe(forfeit ? 'a forfeit:' : 'the end of a match:', () => {
      test('before the result is handed over', () => survive('over-before-submit', { told: false, status: 'ONGOING', forfeit }));

      test('after it, neither result nor checkpoint committed', () =>
        survive(`${NO_CHECKPOINT_OF_END},result-before-commit`, { told: false, status: 'ONGOING', forfeit }));

      test('the checkpoint committed, the result not', () =>
        survive(`result-before-commit=${FOREVER},room-over-saved>rooms-after-commit`, { told: false, status: 'FINISHED', forfeit }));

      test('the result committed, the checkpoint not', () =>
        survive(`${NO_CHECKPOINT_OF_END},result-after-commit`, { told: false, status: 'FINISHED', forfeit }));

      test('before the announcement', () => survive('over-before-announcement', { told: false, status: 'FINISHED', forfeit }));

      test('after the announcement, without a checkpoint', () =>
        survive(`${NO_CHECKPOINT_OF_END},over-announced`, { told: true, status: 'FINISHED', forfeit }));

      test('after the receiver\'s answer', async () => {
        const { posted, attempts } = await survive('post-answered', { status: 'FINISHED', forfeit });
        assert.equal(posted, 1);
        assert.equal(attempts.length, 2, 'posted again, since that it was recorded was not noted');
      });
    });
  }

  describe('any moment around the end:', () => {
    for (const place of ['over-submitted', 'result-before-commit', 'result-after-commit', 'over-announced', 'room-over-saved',
      'room-over-saved>rooms-before-commit', 'room-over-saved>rooms-after-commit', 'post-before-begin']) {
      test(place, () => survive(place));
    }
  });

  describe('a checkpoint of a match under way:', () => {
    for (const place of ['rooms-before-commit:3', 'rooms-after-commit:4', 'rooms-before-commit:5', 'rooms-after-commit:6']) {
      test(place, () => survive(place, { fields: { winning_score: 2 } }));
    }
  });

  describe('the result, posted:', () => {
    test('before the commit of what came of it', async () => {
      const { posted, attempts } = await survive('mark-before-commit', { status: 'FINISHED' });
      assert.deepEqual([posted, attempts.length], [1, 2]);
    });

    test('after it: it is not posted again', async () => {
      const { posted, attempts } = await survive('mark-after-commit', { status: 'FINISHED' });
      assert.deepEqual([posted, attempts.length], [1, 1]);
    });

    test('after the commit of a failure', async () => {
      const { attempts } = await survive('mark-after-commit', { status: 'FINISHED', answers: [{ status: 503 }] });
      assert.deepEqual(attempts.map(({ status }) => status), [503, 201]);
    });

    const lost = [
      ['post-answered', 'nothing of the answer', '', 2],
      ['mark-before-commit', 'half a line of the answer', 'HTTP/1.1 20', 2],
      ['mark-after-commit', 'the answer\'s first line', 'HTTP/1.1 201 Created\r\nContent-Length: 2\r\nDa', 1],
    ];
    for (const [place, what, bytes, times] of lost) {
      test(`it is recorded, but only ${what} arrives; ${place}`, async () => {
        const { posted, attempts } = await survive(place, { status: 'FINISHED', answers: [{ status: 201, lost: bytes }] });
        assert.deepEqual([posted, attempts.length], [1, times]);
      });
    }

    test('while the receiver has it and has not answered yet', async () => {
      management.answers.push({ status: 201, delayMs: 3_000 });
      await startAnew();
      const seats = await takeSeats(stack, { winning_score: 1 });
      const before = [];
      const played = [play(seats.first, 'wins', before), play(seats.second, 'loses', before)];
      await management.until(() => management.attempts.length === 1, MATCH_MS);
      await stack.gamed.stop('SIGKILL');
      await Promise.all(played);
      await start();
      const after = await comeBack(seats, {});
      await management.until(() => management.attempts.length === 2, MATCH_MS);
      await assertOneResult(seats, [...before, ...after]);
    });
  });

  /** A match that is over, its result and the checkpoint of that not committed, and what it says to who asks then. */
  async function askMeanwhile() {
    await startAnew(`${NO_CHECKPOINT_OF_END},result-before-commit=${FOREVER}`);
    const seats = await takeSeats(stack, { winning_score: 1, visibility: 'public' });
    const seat = { room_code: seats.code };
    const before = [];
    const played = [play(seats.first, 'wins', before), play(seats.second, 'loses', before)];
    await stack.until('the match is over', () => hasLogged('failpoint: waiting at result-before-commit'), MATCH_MS);
    const [check, returning, stranger, list, late] = await Promise.all([
      rest.check(seats.code),
      rest.join(seat, { token: seats.first.seat_token }),
      rest.join(seat),
      rest.list(),
      Player.connect(stack, seat),
    ]);
    before.push(late);
    await stack.gamed.stop('SIGKILL');
    await Promise.all(played);
    await Promise.all(before.map((player) => player.waitForClose()));
    return { seats, before, check, returning, stranger, list };
  }

  test('a moment when the result is not committed: nobody was told the end, in whatever way he asked', async () => {
    let asked = await askMeanwhile();
    // After 2 s players are told all the same, which a busy machine may need for the questions.
    for (let again = 0; again < 3 && asked.before.some(hasHeardOfEnd); again += 1) asked = await askMeanwhile();
    const { seats, before, check, returning, stranger, list } = asked;
    assert.ok(!before.some(hasHeardOfEnd));
    assert.equal(check.json.status, 'ONGOING');
    assert.equal(returning.json.game_state.status, 'ONGOING');
    assert.equal(returning.json.game_state.player_1_score, 0);
    assert.equal(stranger.json.code, 'room_full');
    assert.deepEqual(list.json.rooms.map(({ room_code: code, status, scores }) => [code, status, ...scores]), [[seats.code, 'ONGOING', 0, 0]]);

    await start();
    assert.equal((await rest.check(seats.code)).json.status, 'ONGOING');
    const after = await comeBack(seats, {});
    await assertOneResult(seats, [...before, ...after]);
  });

  for (const [what, place] of [['results', 'result-before-commit'], ['checkpoints', 'room-over-saved']]) {
    test(`a commit of ${what} that does not come back: the end is told all the same, and health says so`, async () => {
      await startAnew(`${place}=${FOREVER}`);
      const seats = await takeSeats(stack, { winning_score: 1 });
      const before = [];
      await Promise.all([play(seats.first, 'wins', before), play(seats.second, 'loses', before)]);
      assert.ok(before.every(hasHeardOfEnd));
      await stack.until('health says so', async () => {
        const { status, json } = await rest.get('/api/room/health/');
        return status === 200 && json.status === 'degraded' && json.degraded.includes('store');
      });
      await stack.gamed.stop('SIGKILL');
      await start();
      assert.equal((await rest.get('/api/room/health/')).json.status, 'ok');
      const after = await comeBack(seats, {});
      await assertOneResult(seats, [...before, ...after]);
    });
  }

  test('anything, in a rematch: each match has its own result', async () => {
    // The first commits after the first end are of that end and of what is said about a rematch, long before the second.
    for (const place of ['over-announced>rooms-before-commit', 'over-announced>rooms-after-commit:2']) {
      await startAnew(place);
      const seats = await takeSeats(stack, { winning_score: 2 });
      const before = [];
      const again = async (seat, style) => {
        if (!(await play(seat, style, before))) return;
        before.find(({ seat: each }) => each === seat).sendJson({ type: 'rematch' });
      };
      const played = [again(seats.first, 'wins'), again(seats.second, 'loses')];
      await stack.gamed.diesOf('SIGKILL', DEATH_MS);
      await Promise.all(played);
      await start();
      const found = (await rest.check(seats.code)).json.status;
      if (found === 'FINISHED') {
        const [one, two] = await Promise.all([Player.connect(stack, seats.first), Player.connect(stack, seats.second)]);
        for (const player of [one, two]) assert.equal((await player.waitFor('game_over')).winner, 1);
        one.sendJson({ type: 'rematch' });
        two.sendJson({ type: 'rematch' });
        await one.waitFor('game_state', ({ status }) => status === 'ONGOING');
        one.drop();
        two.drop();
      }
      await comeBack(seats, {});
      const ids = () => new Set(management.recorded(({ room_code: room }) => room === seats.code).map(({ json }) => json.match_id));
      await management.until(() => ids().size === 2, MATCH_MS);
      for (const id of ids()) {
        const attempts = management.attempts.filter(({ json }) => json.match_id === id);
        assert.equal(new Set(attempts.map(({ body }) => body)).size, 1);
      }
    }
  });
});
