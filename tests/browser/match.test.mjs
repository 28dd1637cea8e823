// A whole match in two browsers, played by pressing keys, from "Play a friend" to the result and the rematch.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { useStack } from '../e2e/harness.mjs';
import { assertNoComplaints, elementReads, openTab, reads, useBrowser } from './browser.mjs';
import { PagePlayer, openRoom } from './player.mjs';

async function twoPlayers(browser, stack, options) {
  const [here, there] = [await browser.person(stack), await browser.person(stack)];
  const ada = new PagePlayer(await openTab(here, stack));
  const grace = new PagePlayer(await openTab(there, stack));
  await grace.page.locator('#name').fill('Grace');
  const link = await openRoom(ada.page, 'Ada', options);
  await grace.page.goto(link);
  for (const player of [ada, grace]) await player.page.locator('#game').waitFor();
  return { ada, grace, link };
}

async function leaveAll(...players) {
  for (const { page } of players) await page.context().close();
}

describe('two browsers', () => {
  const stack = useStack();
  const browser = useBrowser();

  test('play a match by keys, from the link to the result, and then another', async () => {
    const { ada, grace } = await twoPlayers(browser, stack, { winning_score: 2 });
    for (const { page } of [ada, grace]) {
      await elementReads(page, '#name-1', 'Ada');
      await elementReads(page, '#name-2', 'Grace');
    }
    assert.ok(await ada.page.locator('#you-1').isVisible());
    assert.ok(await grace.page.locator('#you-2').isVisible());
    assert.ok(await grace.page.locator('#you-1').isHidden());

    const over = (player) => player.heard('game_over').length > 0;
    await Promise.all([ada.play('follow', over), grace.play('dodge', over)]);
    assert.deepEqual([ada.state.player_1_score, ada.state.player_2_score], [2, 0]);
    const targets = new Set(ada.sent.filter(({ type }) => type === 'input').map(({ target }) => target));
    assert.ok(targets.has(0) && targets.has(30720), 'keys are told as the way up and the way down');
    assert.ok(ada.frames.received > 0, 'the game comes in binary frames');

    await reads(ada.page, 'You won');
    await reads(grace.page, 'Ada won');
    await reads(grace.page, 'So close. Once more?');
    await elementReads(grace.page, '#score-1', '2');

    await ada.page.getByRole('button', { name: 'Rematch' }).click();
    await reads(grace.page, 'Ada wants a rematch.');
    await grace.page.getByRole('button', { name: 'Rematch' }).click();
    await grace.until('a new match', ({ state }) => state.status === 'ONGOING' && state.player_1_score === 0);
    await grace.page.locator('#card').waitFor({ state: 'hidden' });
    await elementReads(grace.page, '#score-1', '0');
    for (const { page } of [ada, grace]) assertNoComplaints(page);
    await leaveAll(ada, grace);
  });

  test('a clear defeat is not called close, and who has left is not asked for a rematch', async () => {
    const { ada, grace } = await twoPlayers(browser, stack, { winning_score: 3 });
    const over = (player) => player.heard('game_over').length > 0;
    await Promise.all([ada.play('follow', over), grace.play('dodge', over)]);
    await reads(grace.page, 'That one is theirs.');
    await ada.page.context().close();
    await reads(grace.page, 'Ada has left.');
    assert.ok(await grace.page.locator('#card-rematch').isHidden());
    assert.ok(await grace.page.locator('#card-home.primary').isVisible());
    await grace.page.context().close();
  });

  test('space serves, for whom it is to serve', async () => {
    const { ada, grace } = await twoPlayers(browser, stack, { winning_score: 3 });
    const scored = (player) => player.heard('goal_scored').length > 0;
    await Promise.all([ada.play('follow', scored), grace.play('dodge', scored)]);
    await reads(ada.page, 'Grace serves');
    await grace.page.getByRole('button', { name: 'Serve' }).waitFor();
    await ada.page.keyboard.press('Space');
    await grace.page.keyboard.press('Space');
    await grace.until('the ball flies', ({ state }) => !state.is_paused);
    assert.equal(grace.sent.filter((message) => message.type === 'resume_game').length, 1);
    assert.equal(ada.sent.filter((message) => message.type === 'resume_game').length, 0);
    await leaveAll(ada, grace);
  });

  test('a pause is shown to both and ended by whose it is', async () => {
    const { ada, grace } = await twoPlayers(browser, stack);
    await ada.until('the ball flies', ({ state }) => !state.is_paused);
    await ada.page.keyboard.press('p');
    await reads(ada.page, 'You paused the match.');
    await reads(grace.page, 'Ada paused the match.');
    assert.ok(await grace.page.locator('#card-resume').isHidden());
    await ada.page.getByRole('button', { name: 'Resume' }).click();
    await reads(ada.page, /Goes on in \d/);
    await grace.until('the ball flies', ({ state }) => !state.is_paused);
    await grace.page.locator('#card').waitFor({ state: 'hidden' });
    await leaveAll(ada, grace);
  });

  test('who closes the page is missed, with the seconds that are left', async () => {
    const { ada, grace } = await twoPlayers(browser, stack);
    await ada.until('the ball flies', ({ state }) => !state.is_paused);
    await grace.page.close();
    await reads(ada.page, /^Grace is away\. The seat is held for \d+ s\.$/);
    await ada.page.context().close();
    await grace.page.context().close();
  });

  test('a third one is told that the room is full, and may watch', async () => {
    const { ada, grace, link } = await twoPlayers(browser, stack);
    const context = await browser.person(stack);
    const watcher = new PagePlayer(await openTab(context, stack, link));
    await reads(watcher.page, 'This room is full');
    await watcher.page.getByRole('button', { name: 'Watch' }).click();
    await watcher.page.locator('#game').waitFor();
    assert.ok(await watcher.page.locator('#you-1').isHidden());
    assert.ok(await watcher.page.locator('#you-2').isHidden());
    assert.ok(await watcher.page.locator('#pause').isHidden());
    await watcher.until('the ball flies', ({ state }) => !state.is_paused);
    assert.deepEqual(watcher.sent.filter(({ type }) => type !== 'ping'), []);
    assertNoComplaints(watcher.page, /status of 409/);
    await leaveAll(ada, grace, watcher);
  });
});

describe('two browsers, of which one is closed', () => {
  const stack = useStack({ env: { PONG_ABSENCE_SECONDS: '2' } });
  const browser = useBrowser();

  test('who stays wins, and is told why', async () => {
    const { ada, grace } = await twoPlayers(browser, stack);
    await ada.until('a rally', ({ state }) => !state.is_paused);
    await leaveAll(grace);
    await ada.until('the end', () => ada.heard('game_over').length > 0);
    await reads(ada.page, 'You won');
    await reads(ada.page, 'Grace did not come back.');
    await new Promise((resolve) => setTimeout(resolve, 500)); // what comes after it does not change that
    await reads(ada.page, 'You won');
    assertNoComplaints(ada.page);
    await leaveAll(ada);
  });
});

describe('a match that is left', () => {
  const stack = useStack({ env: { PONG_ABSENCE_SECONDS: '5' } });
  const browser = useBrowser();

  test('waits for a while, as its leaver is told, and is offered no more once it is lost', async () => {
    const { ada, grace } = await twoPlayers(browser, stack);
    await ada.until('the ball flies', ({ state }) => !state.is_paused);
    await ada.page.getByRole('button', { name: 'Leave' }).click();
    await ada.page.locator('#home').waitFor();
    await elementReads(ada.page, '#return-hurry', 'It waits for a short while. After that it is lost.');
    assert.equal(await ada.page.locator('#return').getAttribute('aria-describedby'), 'return-hurry');
    await reads(grace.page, 'You won');
    await reads(grace.page, 'Ada did not come back.');
    assert.ok(await grace.page.locator('#card-score').isHidden(), 'points, which she may have fewer of, do not say why');
    // Ada has stayed where she is.
    await ada.page.locator('#return').waitFor({ state: 'hidden' });
    assert.ok(await ada.page.locator('#return-hurry').isHidden());
    for (const { page } of [ada, grace]) assertNoComplaints(page);
    await leaveAll(ada, grace);
  });
});
