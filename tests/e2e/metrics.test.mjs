// What an operator sees: one scrape for all processes, in a format that a scraper takes, only for those who may;
// and the numbers mean what their names say: each moves when the thing it counts happens, and by as much.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { describe, test } from 'node:test';

import { Exposition } from './exposition.mjs';
import { quickServe, repository, useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest, assertFailure } from './rest.mjs';
import { finishMatch, startMatch, takeSeats } from './rooms.mjs';
import { fetchMetrics, scrape, scrapeUntil } from './scrape.mjs';
import { useManagement } from './user-management.mjs';

/** How much a series has grown from one scrape to another; one that was not there was 0. */
function growth(before, after, name, labels) {
  return (after.get(name, labels) ?? 0) - (before.get(name, labels) ?? 0);
}

const TICK_SECONDS = 0.02; // the kernel's own sum may be as old as a scheduler's tick or two

/** Processor time of a process' first thread, by /proc. */
const threadSeconds = ({ pid }) => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;

/** How many descriptors a process has, by /proc. */
const openFiles = ({ pid }) => readdirSync(`/proc/${pid}/fd`).length;

describe('the strict reader', () => {
  const good = '# HELP a_total x\n# TYPE a_total counter\na_total{b="\\"\\\\\\n"} 1\n';
  const head = '# HELP h x\n# TYPE h histogram\n';
  const bad = {
    'a sample without HELP and TYPE': 'a 1\n',
    'a TYPE without HELP': '# TYPE a gauge\na 1\n',
    'a family in two places': `${good}# HELP b x\n# TYPE b gauge\nb 1\n${good}`,
    'a sample under another family': `${good}b 1\n`,
    'a series twice': `${good}a_total{b="\\"\\\\\\n"} 2\n`,
    'a bad name': '# HELP a-b x\n# TYPE a-b gauge\na-b 1\n',
    'a quote that is not escaped': '# HELP a x\n# TYPE a gauge\na{b="""} 1\n',
    'a value that is none': '# HELP a x\n# TYPE a gauge\na one\n',
    'a counter below 0': '# HELP a x\n# TYPE a counter\na -1\n',
    'no last line end': good.trimEnd(),
    'buckets that are not cumulative': `${head}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    'no +Inf': `${head}h_bucket{le="1"} 2\nh_sum 1\nh_count 2\n`,
    'another _count': `${head}h_bucket{le="+Inf"} 2\nh_sum 1\nh_count 3\n`,
    'no _sum': `${head}h_bucket{le="+Inf"} 2\nh_count 2\n`,
  };

  test('takes what is right', () => {
    assert.equal(new Exposition(good).get('a_total', { b: '"\\\n' }), 1);
    assert.equal(new Exposition(`${head}h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 5\nh_count 2\n`).get('h_count'), 2);
  });
  for (const [what, text] of Object.entries(bad)) {
    test(`refuses ${what}`, () => assert.throws(() => new Exposition(text)));
  }
});

describe('metrics', () => {
  const env = { ...quickServe };
  const management = useManagement(env);
  const stack = useStack({ env });
  const rest = new Rest(stack);

  test('say who runs, since when, and with how much', async () => {
    const seen = await scrape(stack);
    const [, version] = /AC_INIT\(\[pong\], \[([^\]]+)\]\)/.exec(readFileSync(path.join(repository, 'configure.ac'), 'utf8'));
    for (const [daemon, labels] of [[stack.gamed, { process: 'gamed', slot: 'A' }], [stack.api, { process: 'api-fcgi' }]]) {
      assert.equal(seen.get('pong_build_info', { program: labels.process, version }), 1);
      const started = seen.get('process_start_time_seconds', labels);
      assert.ok(Math.abs(Date.now() / 1000 - started) < 600, `started at ${started}`);
      assert.ok(seen.get('process_cpu_seconds_total', labels) > 0);
      assert.ok(seen.get('process_resident_memory_bytes', labels) > 1e6);
      // newer kernels count what a thread in accept() has reserved for its next connection
      const [fds, listed] = [seen.get('process_open_fds', labels), openFiles(daemon)];
      const threads = readdirSync(`/proc/${daemon.pid}/task`).length;
      assert.ok(fds >= listed - 4 && fds <= listed + threads + 4, `${fds} descriptors, or ${listed}`);
      const limit = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/limits`, 'utf8'))[1];
      // valgrind keeps some for itself, and does not tell the kernel
      if (!process.env.PONG_TEST_MEMCHECK) assert.equal(seen.get('process_max_fds', labels), Number(limit));
    }
    assert.equal(seen.get('pong_gamed_up'), 1);
    const manual = readFileSync(path.join(repository, 'docs/metrics.md'), 'utf8');
    for (const name of seen.families.keys()) assert.ok(manual.includes(`\`${name}\``), `docs/metrics.md does not tell of ${name}`);
    for (const { name, samples } of seen.families.values()) {
      const ofGamed = samples.filter(({ labels }) => labels.get('slot') === 'A').length;
      const own = /^(pong_http|pong_api|pong_ipc_request|pong_gamed_up)/.test(name);
      if (!name.startsWith('process_') && name !== 'pong_build_info') assert.equal(ofGamed, own ? 0 : samples.length, name);
    }
  });

  test('HEAD is answered like GET, POST is not', async () => {
    const head = await fetchMetrics(stack, { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
    const post = await fetchMetrics(stack, { method: 'POST' });
    assert.equal(post.status, 405);
    assert.equal(post.headers.allow, 'GET, HEAD');
    assert.equal(JSON.parse(post.text).code, 'method_not_allowed');
  });

  test('rooms, sessions, a match and its result', async () => {
    const before = await scrape(stack);
    const { code, one, two } = await startMatch(stack, { winning_score: 1 });
    const watcher = await Player.connect(stack, { room_code: code });
    await watcher.waitFor('game_state');
    const during = await scrape(stack);
    assert.equal(growth(before, during, 'pong_rooms', { state: 'ongoing' }), 1);
    assert.equal(growth(before, during, 'pong_rooms_created_total'), 1);
    assert.equal(during.get('pong_sessions', { kind: 'player' }), 2);
    assert.equal(during.get('pong_sessions', { kind: 'spectator' }), 1);

    await finishMatch(one, two);
    await management.result(({ room_code: room }) => room === code);
    const isDelivered = (now) => growth(before, now, 'pong_results_delivered_total') === 1 && now.get('pong_results_outbox', { state: 'pending' }) === 0;
    const after = await scrapeUntil(stack, 'the result is counted', isDelivered);
    assert.equal(growth(before, after, 'pong_matches_finished_total', { reason: 'score' }), 1);
    assert.equal(growth(before, after, 'pong_matches_finished_total'), 1);
    assert.equal(growth(before, after, 'pong_rooms', { state: 'finished' }), 1);
    assert.equal(growth(before, after, 'pong_result_attempt_duration_seconds_count'), 1);
    assert.equal(after.get('pong_game_overs_withheld'), 0);
    assert.equal(after.get('pong_store_broken'), 0);
    assert.ok(growth(before, after, 'pong_checkpoints_saved_total') > 0);
    assert.ok(after.get('pong_checkpoint_last_commit_age_seconds') >= 0);

    const sent = (kind) => growth(before, after, 'pong_messages_sent_total', { format: 'json', kind });
    const heard = [one, two, watcher].flatMap((player) => player.messages);
    const deltas = heard.filter(({ type, is_full_state: full }) => type === 'game_state_delta' && !full).length;
    const full = heard.filter(({ type, is_full_state: is }) => type.startsWith('game_state') && is).length;
    assert.ok(sent('delta') >= deltas && deltas > 0, `${sent('delta')} sent, ${deltas} heard`);
    assert.equal(sent('full_state'), full);
    assert.equal(sent('event'), heard.filter(({ type }) => !type.startsWith('game_state') && type !== 'pong').length);
    const bytes = growth(before, after, 'pong_message_sent_bytes_total', { kind: 'full_state' });
    assert.ok(bytes / full > 300 && bytes / full < 1500, `${bytes / full} bytes for a full state`);
    assert.ok(growth(before, after, 'pong_tick_lateness_seconds_count') > 0);
    assert.ok(growth(before, after, 'pong_room_updates_total') > 0);
    assert.ok(growth(before, after, 'pong_loop_turns_total') > 0);
    assert.ok(growth(before, after, 'process_cpu_seconds_total', { process: 'gamed' }) > 0);
    const earlier = threadSeconds(stack.gamed);
    const busy = (await scrape(stack)).get('pong_loop_busy_seconds_total');
    const later = threadSeconds(stack.gamed);
    assert.ok(busy >= earlier - TICK_SECONDS && busy <= later + TICK_SECONDS, `${busy} s, by the kernel ${earlier} to ${later} s`);
  });

  test('what players send, by what became of it', async () => {
    const { one } = await startMatch(stack);
    const before = await scrape(stack);
    const received = (now, outcome) => growth(before, now, 'pong_messages_received_total', { outcome });
    one.sendJson({ type: 'paddle_position', player_number: 1, position: 100 });
    one.sendJson({ type: 'pause_game', player_number: 1 });
    one.sendJson({ type: 'pause_game', player_number: 1 }); // refused by the rules: it is paused
    one.sendRaw('nonsense');
    await one.waitFor('error', ({ code }) => code === 'bad_message');
    const after = await scrape(stack);
    assert.deepEqual(['ok', 'refused', 'malformed', 'rate_limited'].map((outcome) => received(after, outcome)), [2, 1, 1, 0]);
    for (let i = 0; i < 600; i += 1) one.sendJson({ type: 'paddle_position', player_number: 1, position: i });
    const flooded = await scrapeUntil(stack, '600 more have arrived', (now) => received(now, 'ok') + received(now, 'rate_limited') === 602);
    assert.ok(received(flooded, 'rate_limited') > 0);
    assert.equal(growth(before, flooded, 'pong_limits_hit_total', { limit: 'rate' }), received(flooded, 'rate_limited'));
    // a slow build may still be reading when it looks whether this is a flood
    const others = growth(before, flooded, 'pong_limits_hit_total') - growth(before, flooded, 'pong_limits_hit_total', { limit: 'flood' });
    assert.equal(others, received(flooded, 'rate_limited'), 'no other limit');
  });

  test('requests by route and status, questions by operation and outcome', async () => {
    const before = await scrape(stack);
    const grown = (now, name, labels) => growth(before, now, `${name}_count`, labels);
    await rest.list();
    await rest.list();
    assertFailure(await rest.check('A00000'), 404, 'room_not_found');
    await rest.post('/api/room/list/', {});
    const after = await scrape(stack);
    assert.equal(grown(after, 'pong_http_request_duration_seconds', { route: 'list', status: '2xx' }), 2);
    assert.equal(grown(after, 'pong_http_request_duration_seconds', { route: 'check', status: '4xx' }), 1);
    assert.equal(grown(after, 'pong_http_request_duration_seconds', { route: 'method_not_allowed' }), 1);
    assert.equal(grown(after, 'pong_http_request_duration_seconds', { route: 'metrics', status: '2xx' }), 1, 'the first scrape');
    assert.equal(grown(after, 'pong_ipc_request_duration_seconds', { op: 'list', outcome: 'ok' }), 2);
    assert.equal(grown(after, 'pong_ipc_handling_seconds', { op: 'list', slot: 'A' }), 2);
    assert.equal(grown(after, 'pong_ipc_handling_seconds', { op: 'check', slot: 'A' }), 1);
    assert.equal(after.get('pong_api_threads_busy'), 1, 'this scrape');
    assert.equal(after.get('pong_api_threads'), 128);
  });

  test('user_management away: the outbox fills, and the attempts fail', async () => {
    const port = new URL(management.url).port;
    await management.stop();
    const before = await scrape(stack);
    const { one, two } = await startMatch(stack, { winning_score: 1 });
    await finishMatch(one, two);
    const away = await scrapeUntil(
      stack, 'an attempt has failed', (now) => growth(before, now, 'pong_result_attempts_failed_total') > 0,
    );
    assert.equal(away.get('pong_results_outbox', { state: 'pending' }), 1);
    assert.equal(growth(before, away, 'pong_results_delivered_total'), 0);
    await scrapeUntil(stack, 'it gets older', (now) => now.get('pong_results_oldest_pending_seconds') > away.get('pong_results_oldest_pending_seconds'));
    await management.start(Number(port));
    const isDelivered = (now) => growth(before, now, 'pong_results_delivered_total') === 1 && now.get('pong_results_outbox', { state: 'pending' }) === 0;
    const back = await scrapeUntil(stack, 'it is delivered', isDelivered);
    assert.equal(back.get('pong_results_oldest_pending_seconds'), 0);
  });

  test('gamed away, or mute: pong_gamed_up is 0, and the rest is there', async () => {
    stack.gamed.signal('SIGSTOP');
    const mute = await scrape(stack);
    stack.gamed.signal('SIGCONT');
    assert.equal(mute.get('pong_gamed_up'), 0);
    await scrapeUntil(stack, 'it answers again', (now) => now.get('pong_gamed_up') === 1);
    await stack.gamed.stop();
    const away = await scrape(stack);
    assert.equal(away.get('pong_gamed_up'), 0);
    assert.equal(away.get('pong_rooms'), undefined);
    assert.equal(away.get('pong_ipc_request_duration_seconds_count', { op: 'metrics', outcome: 'timeout' }), 1);
    assert.ok(away.get('process_open_fds', { process: 'api-fcgi' }) > 0);
    stack.gamed.start();
    const back = await scrapeUntil(stack, 'gamed is back', (now) => now.get('pong_gamed_up') === 1);
    assert.ok(back.get('pong_ipc_request_duration_seconds_count', { op: 'metrics', outcome: 'unavailable' }) > 0);
  });

  test('api-fcgi away: 503 in the common shape', async () => {
    await stack.api.stop();
    const { status, text } = await fetchMetrics(stack);
    assert.deepEqual([status, JSON.parse(text).code], [503, 'game_server_unavailable']);
    stack.api.start();
    await stack.until('it is back', async () => (await fetchMetrics(stack)).status === 200);
  });

  if (process.env.PONG_TEST_FULL) {
    test('promtool check metrics', async () => {
      await startMatch(stack);
      const { text } = await fetchMetrics(stack);
      execFileSync(process.env.PONG_PROMTOOL, ['check', 'metrics'], { input: text, stdio: ['pipe', 'pipe', 'pipe'] });
    });
  }
});

describe('metrics of limits', () => {
  const stack = useStack({ env: { PONG_MAX_ROOMS: '2', PONG_MAX_SPECTATORS: '1', PONG_MAX_CONNECTIONS: '3' } });
  const rest = new Rest(stack);

  test('full of rooms, of spectators, of connections; too long a message, too many bad ones', async () => {
    const before = await scrape(stack);
    const { code, first, second } = await takeSeats(stack);
    const hits = (now, limit) => growth(before, now, 'pong_limits_hit_total', { limit });
    let refused = 0;
    for (let i = 0; i < 5; i += 1) refused += (await rest.create()).status === 503;
    assert.ok(refused > 0);
    await Player.connect(stack, { room_code: code });
    await assertRefused(Player.connect(stack, { room_code: code }), 429, 'too_many_spectators');
    const big = await Player.connect(stack, first);
    big.sendRaw('x'.repeat(600));
    await big.waitForClose();
    const bad = await Player.connect(stack, first);
    for (let i = 0; i < 10; i += 1) bad.sendRaw('x');
    await bad.waitForClose();
    await Player.connect(stack, first);
    await Player.connect(stack, second);
    await assertRefused(Player.connect(stack, second), 503, 'server_full');
    const after = await scrape(stack);
    assert.equal(after.get('pong_connections'), after.get('pong_connections_max'));
    assert.equal(after.get('pong_rooms'), after.get('pong_rooms_max'));
    assert.equal(hits(after, 'server_full'), refused);
    assert.equal(hits(after, 'spectators'), 1);
    assert.equal(hits(after, 'message_too_big'), 1);
    assert.equal(hits(after, 'bad_messages'), 1);
    assert.equal(hits(after, 'max_connections'), 1);
    assert.equal(growth(before, after, 'pong_http_request_duration_seconds_count', { route: 'create', status: '5xx' }), refused);
    assert.equal(growth(before, after, 'pong_ipc_request_duration_seconds_count', { op: 'create', outcome: 'refused' }), refused);
  });
});

describe('who may see metrics', () => {
  const stack = useStack({ env: { PONG_METRICS_ALLOW: '127.0.0.1, 127.0.3.0/24' } });

  test('addresses that are not allowed get 403 and no number', async () => {
    for (const localAddress of ['127.0.0.2', '127.0.2.1']) {
      const { status, headers, text } = await fetchMetrics(stack, { localAddress });
      assert.equal(status, 403, localAddress);
      assert.equal(headers['content-type'], 'application/json; charset=utf-8');
      assert.deepEqual(Object.keys(JSON.parse(text)), ['success', 'error', 'code']);
      assert.equal(JSON.parse(text).code, 'forbidden');
    }
    for (const localAddress of ['127.0.0.1', '127.0.3.7']) {
      assert.equal((await fetchMetrics(stack, { localAddress })).status, 200, localAddress);
    }
  });

  test('no other spelling of the path gets around that', async () => {
    for (const target of ['/metrics/', '//metrics', '/%6detrics', '/./metrics', '/api/room/../../metrics', '/api/room/%2e%2e/%2e%2e/metrics', '/METRICS']) {
      const answer = await new Promise((resolve, reject) => {
        http.get({ host: '127.0.0.1', port: new URL(stack.baseUrl).port, path: target, localAddress: '127.0.0.2', agent: false }, resolve).on('error', reject);
      });
      answer.resume();
      assert.ok([400, 403, 404].includes(answer.statusCode), `${target}: ${answer.statusCode}`);
    }
  });
});
