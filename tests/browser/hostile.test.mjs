// What strangers call themselves is text wherever the page shows it: to the opponent, to who watches, in the list of
// matches, when it is over. The names come from somebody who uses no page of ours.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { quickServe, useStack } from '../e2e/harness.mjs';
import { Player } from '../e2e/player.mjs';
import { Rest } from '../e2e/rest.mjs';
import { assertNoComplaints, elementReads, openTab, useBrowser } from './browser.mjs';

const NAMES = ['<img src=x onerror=alert(1)>', '"><script>alert(1)</script>', '<b id=you-1>&lt;&amp;</b>', '</title><svg/onload=alert(1)>'];

/** Nothing of the name has become an element, and no script of it has run: the page's policy would have been broken, too. */
async function assertIsText(page) {
  assert.equal(await page.locator('img, main script, b#you-1, svg[onload]').count(), 0);
  assertNoComplaints(page);
}

async function openPage(context, stack, address) {
  const page = await openTab(context, stack, address);
  page.on('dialog', (dialog) => assert.fail(`a script of the name runs: ${dialog.message()}`));
  return page;
}

describe('hostile names', () => {
  const stack = useStack({ env: quickServe });
  const browser = useBrowser();
  const rest = new Rest(stack);

  for (const name of NAMES) {
    test(`${name}, to the opponent and when the match is over`, async () => {
      const context = await browser.person(stack);
      const room = await rest.ok(rest.create({ username: name, winning_score: 1 }));
      const stranger = await Player.connect(stack, room);
      await stranger.join();
      const page = await openPage(context, stack, `/?room=${room.room_code}`);
      await elementReads(page, '#name-1', name);
      await assertIsText(page);
      stranger.track();
      await stranger.waitFor('game_over');
      await page.getByText(name).first().waitFor();
      await assertIsText(page);
      await context.close();
    });
  }

  test('in the list of matches, and to who watches', async () => {
    const context = await browser.person(stack);
    for (const name of NAMES.slice(0, 2)) {
      const room = await rest.ok(rest.create({ username: name, visibility: 'public', opponent: 'bot' }));
      await (await Player.connect(stack, room)).join();
    }
    const page = await openPage(context, stack);
    await page.getByRole('link', { name: 'Watch a match' }).click();
    for (const name of NAMES.slice(0, 2)) await page.getByRole('link', { name }).waitFor();
    await assertIsText(page);
    await page.getByRole('link', { name: NAMES[0] }).click();
    await page.locator('#game').waitFor();
    await elementReads(page, '#name-1', NAMES[0]);
    await assertIsText(page);
    await context.close();
  });
});
