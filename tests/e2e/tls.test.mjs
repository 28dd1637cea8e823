// Behind TLS, in nginx/examples/tls-site.conf as it stands but for names, ports and folders: the cookies are Secure, a page's origin
// is that of the site with its scheme, and a match is played over wss.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { freePort, quickServe, repository, startStack } from './harness.mjs';
import { Player } from './player.mjs';
import { assertRefused } from './refusal.mjs';
import { Rest } from './rest.mjs';

const HOST = 'play.example.org';

/** A key and the certificate that it signed itself. */
function certificate(folder) {
  const [key, cert] = [path.join(folder, 'privkey.pem'), path.join(folder, 'fullchain.pem')];
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${HOST}`,
    '-addext', `subjectAltName=DNS:${HOST},IP:127.0.0.1`, '-keyout', key, '-out', cert,
  ], { stdio: 'pipe' });
  return { key, cert };
}

/** A second nginx beside the stack's own, with the example as its only site. */
async function startSite(stack) {
  const folder = path.join(stack.runDir, 'site');
  mkdirSync(path.join(folder, 'tmp'), { recursive: true });
  const { key, cert } = certificate(folder);
  const [plain, tls] = [await freePort(), await freePort()];
  const changes = [
    ['listen 443 ssl http2;', `listen 127.0.0.1:${tls} ssl http2;`],
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    [`/etc/ssl/${HOST}/fullchain.pem`, cert],
    [`/etc/ssl/${HOST}/privkey.pem`, key],
    ['include /etc/pong/nginx/pong.conf;', `include "${stack.runDir}/pong.conf";`],
    ['include /etc/pong/nginx/pong-routes.conf;', `include "${stack.runDir}/pong-routes.conf";`],
    [`/var/log/nginx/${HOST}.log`, path.join(stack.logDir, 'site.log')],
    [`/var/log/nginx/${HOST}.error.log`, path.join(stack.logDir, 'site.error.log')],
    [`/srv/${HOST}`, path.join(repository, 'web')],
  ];
  let site = readFileSync(path.join(repository, 'nginx/examples/tls-site.conf'), 'utf8');
  for (const [from, to] of changes) {
    assert.equal(site.split(from).length - 1, 1, `once in the example: ${from}`);
    site = site.replace(from, () => to);
  }
  const own = readFileSync(path.join(stack.runDir, 'nginx.conf'), 'utf8');
  const temporary = own.match(/^ +\w+_temp_path .*;$/gm);
  assert.equal(temporary.length, 5);
  writeFileSync(path.join(folder, 'site.conf'), site);
  writeFileSync(path.join(folder, 'nginx.conf'), [
    own.match(/^user .*;$/m)?.[0] ?? '', 'daemon off;', 'pid nginx.pid;', `error_log "${stack.logDir}/site-nginx.log" notice;`,
    'events {}', 'http {', ...temporary, 'include site.conf;', '}', '',
  ].join('\n'));
  const nginx = stack.daemon('site', 'nginx', ['-p', folder, '-c', path.join(folder, 'nginx.conf')], { ownGroup: true });
  nginx.start();
  return { plain, baseUrl: `https://127.0.0.1:${tls}`, wsUrl: `wss://127.0.0.1:${tls}`, ca: readFileSync(cert) };
}

describe('behind TLS', () => {
  let stack;
  let site;
  let rest;
  let join;

  before(async () => {
    stack = await startStack({ env: quickServe });
    site = await startSite(stack);
    rest = new Rest({ baseUrl: site.baseUrl, ca: site.ca, secrets: stack.secrets });
    await stack.until('the site answers', () => rest.get('/api/room/health/').then(({ status }) => status === 200, () => false));
    join = (seat, options = {}) => Player.connect(stack, seat, { wsUrl: site.wsUrl, socketOptions: { ca: site.ca }, ...options });
  });
  after(() => stack?.stop());

  test('the cookies of a seat are Secure, and only there', async () => {
    const { cookies } = await rest.create({});
    assert.equal(cookies.length, 2);
    for (const { attributes } of cookies) {
      assert.deepEqual([attributes.secure, attributes.httponly, attributes.samesite], [true, true, 'Strict']);
    }
    for (const { attributes } of (await new Rest(stack).create({})).cookies) assert.equal(attributes.secure, undefined);
  });

  test('plain HTTP is sent to TLS', async () => {
    const answer = await fetch(`http://127.0.0.1:${site.plain}/api/room/health/?x=1`, { redirect: 'manual' });
    assert.equal(answer.status, 301);
    assert.equal(answer.headers.get('location'), 'https://127.0.0.1/api/room/health/?x=1');
  });

  test("the site's own pages may connect, the same host without TLS may not", async () => {
    const seat = await rest.ok(rest.create({}));
    await (await join(seat, { origin: site.baseUrl })).join();
    for (const origin of [site.baseUrl.replace('https', 'http'), stack.baseUrl, 'https://evil.example']) {
      await assertRefused(join(seat, { origin }), 403, 'origin_not_allowed');
    }
  });

  test('a match is played to its end, by cookie', async () => {
    const seat = await rest.ok(rest.create({ opponent: 'bot', winning_score: 1 }));
    const player = await join(seat, { via: 'cookie', origin: site.baseUrl });
    await player.join();
    player.miss();
    assert.equal((await player.waitFor('game_over')).reason, 'score');
  });
});
