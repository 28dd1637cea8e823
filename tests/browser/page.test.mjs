// The page by itself: the bot, reload, two tabs of one browser, hostile names, codes, errors as sentences, touch, a lost link.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { useStack } from '../e2e/harness.mjs';
import { PATIENCE_MS, assertNoComplaints, elementReads, openTab, reads, useBrowser } from './browser.mjs';
import { PagePlayer, openRoom, withOptions } from './player.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

async function playBot(page) {
  const player = new PagePlayer(page);
  await page.getByRole('button', { name: 'Play the bot' }).click();
  await page.locator('#game').waitFor();
  await player.until('a seat', ({ seat }) => seat !== null);
  return player;
}

/** Stands between the page and the server: lists the connections that the page opens, and can end them. */
async function watchLinks(page) {
  const links = [];
  await page.routeWebSocket('**/ws/game/**', (toPage) => {
    const toServer = toPage.connectToServer();
    const link = { sent: [], received: [], isClosed: false };
    link.answers = (type) => link.received.filter((message) => message.type === type);
    link.close = async (how) => {
      link.isClosed = true; // a socket that is being closed must not be sent on
      await toServer.close();
      await toPage.close(how);
    };
    toPage.onMessage((data) => {
      if (link.isClosed) return;
      link.sent.push(typeof data === 'string' ? JSON.parse(data) : { type: 'input', target: data.readUInt16LE(3) });
      link.hello ??= link.sent[0];
      toServer.send(data);
    });
    toServer.onMessage((data) => {
      if (typeof data === 'string') link.received.push(JSON.parse(data));
      toPage.send(data);
    });
    links.push(link);
  });
  await page.reload(); // a page that was there before is not watched
  return links;
}

async function eventually(check) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!check()) {
    assert.ok(Date.now() < deadline, `not true within ${PATIENCE_MS} ms: ${check}`);
    await sleep(20);
  }
}

/** How many pixels of the canvas are painted. */
function paintedPixels(page) {
  return page.locator('#canvas').evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.reduce((count, value, i) => count + (i % 4 === 3 && value > 0 ? 1 : 0), 0);
  });
}

describe('the page', () => {
  const stack = useStack();
  const browser = useBrowser();

  test('a match against the bot starts, is drawn, and obeys the keys', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const player = await playBot(page);
    await player.until('the ball flies', ({ state }) => !state.is_paused);
    assert.ok((await paintedPixels(page)) > 1000);
    await player.hold('w');
    await player.until('the paddle at the top', ({ state }) => state.player_1_paddle_y === 0);
    await player.hold(null);
    await page.keyboard.down('ArrowDown');
    await player.until('the paddle on its way down', ({ state }) => state.player_1_paddle_y > 100);
    await page.keyboard.up('ArrowDown');
    await elementReads(page, '#name-2', 'Bot');
    assertNoComplaints(page);
    await context.close();
  });

  test('the level is asked for and remembered', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await page.getByText('Hard', { exact: true }).click();
    await page.reload();
    assert.ok(await page.locator('input[value="hard"]').isChecked());
    const player = await playBot(page);
    assert.equal(player.state.player_2_id, 'bot-hard');
    await context.close();
  });

  test('a reload comes back to the same seat', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const player = await playBot(page);
    const { room_code: code, player_1_id: id } = player.state;
    const joins = [];
    page.on('request', (request) => request.method() === 'POST' && joins.push(request.url()));
    player.seat = null;
    await page.reload();
    await player.until('the seat again', ({ seat }) => seat === 1);
    assert.equal(player.state.room_code, code);
    assert.equal(player.state.player_1_id, id);
    assert.deepEqual(joins, [], 'straight to the socket');
    await page.locator('#you-1').waitFor();
    assertNoComplaints(page);
    await context.close();
  });

  test('two tabs of one browser play each other', async () => {
    const context = await browser.person(stack);
    const first = new PagePlayer(await openTab(context, stack));
    const link = await openRoom(first.page, 'Left', { winning_score: 1 });
    const second = new PagePlayer(await openTab(context, stack));
    await second.page.goto(link);
    await second.page.locator('#game').waitFor();
    await Promise.all([first, second].map((player) => player.until('a seat', ({ seat }) => seat !== null)));
    assert.deepEqual([first.seat, second.seat], [1, 2]);
    const over = (player) => player.heard('game_over').length > 0;
    await Promise.all([first.play('follow', over), second.play('dodge', over)]);
    assert.deepEqual([first.sockets, second.sockets], [1, 1], 'neither throws the other out');

    first.seat = null;
    second.seat = null;
    await first.page.reload();
    await second.page.reload();
    await first.until('its seat', ({ seat }) => seat === 1);
    await second.until('its seat', ({ seat }) => seat === 2);
    for (const { page } of [first, second]) assertNoComplaints(page);
    await context.close();
  });

  test('no seat token can be seen by the page', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const answer = page.waitForResponse('**/api/room/create/');
    await openRoom(page, 'Ada');
    const { seat_token: token } = await (await answer).json();
    stack.secrets?.add(token);
    const seen = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie, location.href]));
    assert.ok(token.length > 10);
    assert.ok(!seen.includes(token));
    await context.close();
  });

  test('a name is text, whatever it looks like', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await page.locator('#name').fill(name);
    const player = await playBot(page);
    await player.until('the name', ({ state }) => state.player_1_username === name);
    await elementReads(page, '#name-1', name);
    assert.equal(await page.locator('img').count(), 0);
    assertNoComplaints(page);
    await context.close();
  });

  test('a code joins however it is written', async () => {
    const [here, there] = [await browser.person(stack), await browser.person(stack)];
    const host = await openTab(here, stack);
    await openRoom(host, 'Ada');
    const code = await host.locator('#lobby-code').textContent();
    const guest = await openTab(there, stack);
    await guest.locator('#code').fill(` ${code.slice(0, 3).toLowerCase()}-${code.slice(3).toLowerCase()} `);
    await guest.getByRole('button', { name: 'Join' }).click();
    await guest.locator('#game').waitFor();
    await host.locator('#game').waitFor();
    for (const page of [host, guest]) assertNoComplaints(page);
    await here.close();
    await there.close();
  });

  test('what goes wrong is said in sentences', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await page.locator('#code').fill('nonsense!');
    await page.getByRole('button', { name: 'Join' }).click();
    await reads(page, 'A room code is six letters and digits.');
    await page.locator('#code').fill('zzz-zzz');
    await page.locator('#home-message:empty').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Join' }).click();
    await reads(page, 'There is no room ZZZZZZ');
    assert.ok(await page.locator('#code[aria-invalid]').evaluate((field) => field === document.activeElement));
    await page.goto('/?room=AZZZZZ');
    await reads(page, 'This room is gone');
    await page.getByRole('button', { name: 'Home' }).click();
    await page.locator('#home').waitFor();
    await page.route('**/api/room/create/', (route) =>
      route.fulfill({ status: 503, json: { success: false, code: 'server_full', error: 'The server is full' } }),
    );
    await page.getByRole('button', { name: 'Play a friend' }).click();
    await reads(page, 'The server is full');
    assertNoComplaints(page, /status of (404|503)/);
    await context.close();
  });

  test('cancel closes a waiting room', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const link = await openRoom(page, 'Ada');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('#home').waitFor();
    assertNoComplaints(page);
    await page.goto(link);
    await reads(page, 'This room is gone');
    await context.close();
  });

  test('a room that nobody has come to yet is offered without a hurry', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await openRoom(page, 'Ada');
    const checked = page.waitForResponse(/\/api\/room\/check\//);
    await page.goBack();
    const back = page.getByRole('link', { name: /Back to your match/ });
    await back.waitFor();
    await checked;
    await new Promise((resolve) => setTimeout(resolve, 200)); // for the page to say what it was told
    assert.ok(await back.isVisible());
    assert.ok(await page.locator('#return-hurry').isHidden());
    assert.equal(await back.getAttribute('aria-describedby'), null, 'hidden or not, it would be read aloud');
    assertNoComplaints(page);
    await context.close();
  });

  test('leaving a match leaves a way back', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const player = await playBot(page);
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.locator('#home').waitFor();
    player.seat = null;
    await page.getByRole('link', { name: /Back to your match/ }).click();
    await player.until('the seat again', ({ seat }) => seat === 1);
    await page.locator('#game').waitFor();
    assertNoComplaints(page);
    await context.close();
  });

  test('a tab that was closed in mid-match leaves a way back for the next one', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await playBot(page);
    await page.close();
    const again = await openTab(context, stack);
    await again.getByRole('link', { name: /Back to your match/ }).click();
    await again.locator('#game').waitFor();
    await again.locator('#you-1').waitFor();
    assertNoComplaints(again);
    await context.close();
  });

  test('a lost connection comes back to the same seat by itself', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const links = await watchLinks(page);
    await page.getByRole('button', { name: 'Play the bot' }).click();
    await page.locator('#game').waitFor();
    await eventually(() => links[0].answers('player_joined').length === 1);
    await links[0].close({ code: 4000 });
    await eventually(() => links[1]?.answers('player_joined').length === 1);
    assert.equal(links[1].answers('player_joined')[0].player_number, 1);
    assert.equal(links[1].hello.player_id, links[0].hello.player_id);
    assertNoComplaints(page);
    await context.close();
  });

  test('a held key is told to the next connection, too', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const links = await watchLinks(page);
    await page.getByRole('button', { name: 'Play the bot' }).click();
    await page.locator('#game').waitFor();
    await page.keyboard.down('w');
    await links[0].close({ code: 4000 });
    await eventually(() => links[1]?.sent.some((message) => message.type === 'input' && message.target === 0));
    await context.close();
  });

  test('a server that goes away is noticed, and asked again until it answers', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const player = await playBot(page);
    await player.until('the ball flies', ({ state }) => !state.is_paused);
    await stack.gamed.stop();
    await reads(page, 'Reconnecting');
    stack.gamed.start();
    await page.getByRole('heading', { name: 'Reconnecting' }).waitFor({ state: 'hidden' });
    await context.close();
  });

  test('a server too busy for a handshake is waited for, and the page says so', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await page.evaluate(() => {
      const Real = globalThis.WebSocket;
      globalThis.isBusy = true;
      globalThis.WebSocket = function WebSocket(...address) {
        if (!globalThis.isBusy) return new Real(...address);
        const refused = { readyState: 0, close() {} };
        setTimeout(() => refused.onclose({ code: 1006 }));
        return refused;
      };
    });
    await page.getByRole('button', { name: 'Play the bot' }).click();
    await reads(page, 'Connecting to the room …');
    await page.evaluate(() => (globalThis.isBusy = false));
    await page.locator('#game').waitFor();
    await context.close();
  });

  test('a match that went with its server is said to be lost', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const links = await watchLinks(page);
    await page.getByRole('button', { name: 'Play the bot' }).click();
    await page.locator('#game').waitFor();
    await page.route('**/api/room/check/**', (route) =>
      route.fulfill({ status: 404, json: { success: false, code: 'room_not_found', error: 'Room not found' } }),
    );
    await links[0].close({ code: 3001 });
    await reads(page, 'The server restarted');
    await reads(page, 'This match is lost.');
    await page.getByRole('button', { name: 'Play again' }).click();
    await page.locator('#game').waitFor();
    await eventually(() => links[1]?.answers('player_joined').length === 1);
    assert.notEqual(links[1].hello.player_id, links[0].hello.player_id);
    assertNoComplaints(page, /status of 404/);
    await context.close();
  });

  test('a reload at the own serve offers it only when it works', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const player = await playBot(page);
    const scored = ({ state }) => state.last_loser === 1 && state.is_paused && state.ball_speed_x === 0;
    await player.play('dodge', scored);
    player.seat = null;
    await page.reload();
    await player.until('the seat again', ({ seat }) => seat === 1);
    await page.getByRole('button', { name: 'Serve' }).click();
    await player.until('the ball flies', ({ state }) => !state.is_paused);
    assert.equal(player.sent.filter((message) => message.type === 'resume_game').length, 1);
    assert.deepEqual(player.heard('error'), []);
    await context.close();
  });

  test('a second tab on the own seat is told so, and may take over', async () => {
    const context = await browser.person(stack);
    const first = await openTab(context, stack);
    await playBot(first);
    const second = await openTab(context, stack);
    await second.route('**/api/room/join/', (route) =>
      route.fulfill({ status: 409, json: { success: false, code: 'room_full', error: 'Room is full' } }),
    );
    await second.goto(first.url());
    await reads(second, 'You are playing in another tab');
    await second.getByRole('button', { name: 'Play here' }).click();
    await second.locator('#you-1').waitFor();
    await reads(first, 'You are playing in another tab');
    await context.close();
  });

  test('a quick match looks for an opponent', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await page.getByRole('button', { name: 'Quick match' }).click();
    await reads(page, 'Looking for an opponent…');
    await page.locator('#lobby-link').waitFor();
    assert.ok(await page.locator('#lobby-code').isHidden());
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('#home').waitFor();
    await context.close();
  });

  test('close codes that mean "do not come back" are obeyed', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const links = await watchLinks(page);
    await page.getByRole('button', { name: 'Play the bot' }).click();
    await page.locator('#game').waitFor();
    await links[0].close({ code: 4501 });
    await reads(page, 'You are playing in another tab');
    assert.equal(links.length, 1);
    await page.getByRole('button', { name: 'Play here' }).click();
    await page.locator('#game').waitFor();
    assert.equal(links.length, 2);
    await context.close();
  });

  test('a finger moves the paddle on a phone held upright, own side below', async () => {
    const context = await browser.person(stack, PHONE);
    const page = await openTab(context, stack);
    const player = await playBot(page);
    await page.locator('[data-layout="tall"]').waitFor();
    const [own, other] = [await page.locator('#side-1').boundingBox(), await page.locator('#side-2').boundingBox()];
    const court = await page.locator('#canvas').boundingBox();
    assert.ok(other.y < court.y && own.y > court.y);
    assert.ok(Math.abs(court.height / court.width - 4 / 3) < 0.01);
    const touch = await context.newCDPSession(page);
    const at = (x) => [{ x: court.x + x * court.width, y: court.y + court.height * 0.9 }];
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0.5) });
    await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(0.8) });
    await player.until('the paddle under the finger', ({ state }) => Math.abs(state.player_1_paddle_y - (0.8 * 600 - 60)) <= 2);
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    assertNoComplaints(page);
    await context.close();
  });

  test('a thumb beside the court moves the paddle on a phone on its side', async () => {
    const context = await browser.person(stack, { ...PHONE, viewport: { width: 844, height: 390 } });
    const page = await openTab(context, stack);
    const player = await playBot(page);
    await page.locator('[data-layout="short"]').waitFor();
    const court = await page.locator('#canvas').boundingBox();
    const touch = await context.newCDPSession(page);
    const touchPoints = [{ x: court.x / 2, y: court.y + 0.2 * court.height }];
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints });
    await player.until('the paddle beside the thumb', ({ state }) => Math.abs(state.player_1_paddle_y - (0.2 * 600 - 60)) <= 2);
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    assertNoComplaints(page);
    await context.close();
  });

  test('a mouse that moves over the court moves the paddle, one that lies there does not', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const player = await playBot(page);
    await player.until('the game', ({ state }) => state.status === 'ONGOING');
    assert.deepEqual(player.sent.filter(({ type }) => type === 'input'), []);
    const court = await page.locator('#canvas').boundingBox();
    const at = (part) => [court.x + court.width / 2, court.y + part * court.height];
    await page.mouse.move(...at(0.5));
    await page.mouse.move(...at(0.9), { steps: 4 });
    await player.until('the paddle under the mouse', ({ state }) => Math.abs(state.player_1_paddle_y - 480) <= 2);
    assertNoComplaints(page);
    await context.close();
  });

  test('a gamepad plays: stick, serve, pause, resume', async () => {
    const context = await browser.person(stack);
    await context.addInitScript(() => {
      const pad = { connected: true, axes: [0, 0, 0, 0], buttons: Array.from({ length: 17 }, () => ({ pressed: false })) };
      navigator.getGamepads = () => [pad, null, null, null];
      globalThis.testPad = pad;
    });
    const page = await openTab(context, stack);
    const player = await playBot(page);
    const press = async (button) => {
      for (const pressed of [true, false]) {
        await page.evaluate(([i, down]) => (globalThis.testPad.buttons[i].pressed = down), [button, pressed]);
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      }
    };
    await page.evaluate(() => (globalThis.testPad.axes[1] = -1));
    await player.until('the paddle at the top', ({ state }) => state.player_1_paddle_y === 0);
    await page.evaluate(() => (globalThis.testPad.axes[1] = 0));
    await page.locator('#serve-button').waitFor();
    await press(0);
    await player.until('the serve is asked for', ({ sent }) => sent.some(({ type }) => type === 'resume_game'));
    await player.until('the ball flies', ({ state }) => !state.is_paused);
    await press(9);
    await reads(page, 'You paused the match.');
    await press(0);
    await reads(page, /^Goes on in \d$/);
    // the page's clock may run ahead of a server that a busy machine holds up
    assert.deepEqual(player.heard('error').filter(({ code }) => code !== 'too_early'), []);
    assertNoComplaints(page);
    await context.close();
  });

  test('sound is off until it is switched on, and then remembered', async () => {
    const context = await browser.person(stack);
    await context.addInitScript(() => {
      globalThis.notes = 0;
      const { start } = OscillatorNode.prototype;
      OscillatorNode.prototype.start = function (...when) {
        globalThis.notes += 1;
        return start.apply(this, when);
      };
    });
    const page = await openTab(context, stack);
    const player = await playBot(page);
    const notes = () => page.evaluate(() => globalThis.notes);
    await player.play('dodge', (it) => it.heard('goal_scored').length > 0);
    assert.equal(await notes(), 0);
    assert.equal(await page.locator('#sound').getAttribute('aria-pressed'), 'false');
    await page.keyboard.press('m');
    assert.equal(await page.locator('#sound').getAttribute('aria-pressed'), 'true');
    const goals = player.heard('goal_scored').length;
    await player.play('dodge', (it) => it.heard('goal_scored').length > goals);
    await page.waitForFunction(() => globalThis.notes > 0);
    await page.reload();
    await page.locator('#game').waitFor();
    assert.equal(await page.locator('#sound').getAttribute('aria-pressed'), 'true');
    assertNoComplaints(page);
    await context.close();
  });

  test('the lobby shows the link to scan, and shares it where there is a way to', async () => {
    const context = await browser.person(stack);
    await context.addInitScript(() => {
      navigator.share = async (what) => (globalThis.shared = what);
    });
    const page = await openTab(context, stack);
    const link = await openRoom(page, 'Ada');
    const code = page.getByRole('img', { name: 'The link as a QR code' });
    await code.waitFor();
    const expected = await page.evaluate(async (text) => {
      const { encode } = await import('/vendor/uqr.mjs');
      return encode(text, { ecc: 'M', border: 4 }).data.flat().filter(Boolean).length;
    }, link);
    assert.equal((await code.locator('path').getAttribute('d')).split('M').length - 1, expected);
    await page.getByRole('button', { name: 'Share' }).click();
    assert.equal((await page.evaluate(() => globalThis.shared)).url, link);
    assertNoComplaints(page);
    await context.close();
  });

  test('a public match is listed, and watched from there', async () => {
    const [here, there] = [await browser.person(stack), await browser.person(stack)];
    const page = await openTab(here, stack);
    await withOptions(page, { visibility: 'public' });
    await page.locator('#name').fill('<b>Ada</b>');
    await playBot(page);
    const other = await openTab(there, stack);
    await other.getByRole('link', { name: 'Watch a match' }).click();
    await other.getByRole('link', { name: '<b>Ada</b>' }).click();
    const watcher = other.locator('#game');
    await watcher.waitFor();
    await other.reload();
    await watcher.waitFor();
    await elementReads(other, '#name-1', '<b>Ada</b>');
    assert.ok(await other.locator('#pause').isHidden());
    for (const each of [page, other]) assertNoComplaints(each);
    await here.close();
    await there.close();
  });

  test('gamed killed and started again: the match goes on, and both are told', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const player = await playBot(page);
    await player.until('the ball flies', ({ state }) => !state.is_paused);
    await stack.gamed.stop('SIGKILL');
    await page.getByRole('heading', { name: 'Reconnecting' }).waitFor();
    stack.gamed.start();
    await reads(page, 'Connected again.');
    await player.until('the ball flies again', ({ sockets, state }) => sockets > 1 && state && !state.is_paused);
    await page.locator('#card').waitFor({ state: 'hidden' });
    await player.hold('w');
    await player.until('the paddle at the top', ({ state }) => state.player_1_paddle_y === 0);
    await context.close();
  });

  test('a network can be simulated, and seen; the own paddle does not wait for it', async () => {
    const context = await browser.person(stack, { viewport: { width: 1280, height: 800 } });
    await context.addInitScript(() => {
      globalThis.inputs = 0;
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        if (typeof data !== 'string') globalThis.inputs += 1;
        return send.call(this, data);
      };
    });
    const page = await openTab(context, stack, '/?lag=400&jitter=30&loss=1&debug=1');
    const player = await playBot(page);
    await page.locator('canvas.debug').waitFor();
    assert.match(page.url(), /room=.*lag=400&jitter=30&loss=1&debug=1/);
    await page.locator('#quality-text').filter({ hasText: /^\d{3,} ms$/ }).waitFor();
    await page.locator('#quality[data-quality="poor"]').waitFor();
    await player.until('the game', ({ state }) => state.status === 'ONGOING');
    await page.evaluate(() => {
      globalThis.keyIsDown = new Promise((resolve) => addEventListener('keydown', resolve, { once: true }));
    });
    const moved = page.evaluate(async () => {
      const canvas = document.getElementById('canvas');
      const top = () => {
        const { data } = canvas.getContext('2d').getImageData(Math.round(canvas.width / 200), 0, 1, canvas.height);
        return data.findIndex((value, i) => i % 4 === 3 && value > 200);
      };
      const before = top();
      await globalThis.keyIsDown;
      // Bounded: a paddle that has not moved by then never will.
      for (let i = 0; i < 600 && top() >= before; i += 1) await new Promise(requestAnimationFrame);
      return { hasMoved: top() < before, inputs: globalThis.inputs };
    });
    await page.keyboard.down('w');
    assert.deepEqual(await moved, { hasMoved: true, inputs: 0 }, 'drawn before the input is on its way');
    await player.until('the input', ({ sent }) => sent.some(({ type, target }) => type === 'input' && target === 0));
    await page.keyboard.up('w');
    assertNoComplaints(page, /willReadFrequently/);
    await context.close();
  });

  for (const [name, options] of Object.entries({
    desktop: { viewport: { width: 1280, height: 800 } },
    'phone upright': PHONE,
    'phone on its side': { ...PHONE, viewport: { width: 844, height: 390 } },
    'small phone': { ...PHONE, viewport: { width: 320, height: 568 } },
  })) {
    test(`nothing is cut off: ${name}`, async () => {
      const context = await browser.person(stack, options);
      const page = await openTab(context, stack);
      await page.locator('#home').waitFor();
      const over = () => page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
      if (options.viewport.height > 568 || options.viewport.width > 600) assert.equal(await over(), 0, 'home scrolls');
      await playBot(page);
      assert.equal(await over(), 0, 'the match scrolls');
      const { width, height } = options.viewport;
      for (const id of ['canvas', 'side-1', 'side-2', 'pause', 'leave', 'score-1', 'score-2']) {
        const box = await page.locator(`#${id}`).boundingBox();
        assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width + 0.5 && box.y + box.height <= height + 0.5, `${id}: ${JSON.stringify(box)}`);
      }
      const density = options.deviceScaleFactor ?? 1;
      const canvas = await page.locator('#canvas').evaluate((it) => [it.width / it.clientWidth, it.height / it.clientHeight]);
      for (const ratio of canvas) assert.ok(Math.abs(ratio - density) < 0.02, `sharp: ${ratio} for ${density}`);
      await context.close();
    });
  }
});
