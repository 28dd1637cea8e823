// Every screen, on every device, light and dark: axe-core finds nothing serious; nothing moves for those who want no motion; what
// happens is said aloud; the keyboard gets everywhere.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

import { useStack } from '../e2e/harness.mjs';
import { assertNoComplaints, openTab, useBrowser } from './browser.mjs';
import { PagePlayer } from './player.mjs';
import { DEVICES, QUICK_STACK, visitScreens } from './screens.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SERIOUS = ['serious', 'critical'];

/** What axe-core finds on a page, one line a find; in the page's own world, past its policy, as a debugger would. */
async function findings(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  return violations
    .filter(({ impact }) => SERIOUS.includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`));
}

describe('everybody', () => {
  const stack = useStack(QUICK_STACK);
  const browser = useBrowser();

  for (const [device, options] of Object.entries(DEVICES)) {
    for (const colorScheme of ['light', 'dark']) {
      // Colours do not depend on the device: each of them is seen twice in any case.
      if (!process.env.PONG_TEST_FULL && device === (colorScheme === 'light' ? 'upright' : 'sideways')) continue;
      test(`axe-core finds nothing serious: ${device}, ${colorScheme}`, async () => {
        const found = [];
        let visited = 0;
        // Without motion nothing is half faded in when it is looked at.
        const how = { ...options, colorScheme, reducedMotion: 'reduce' };
        await visitScreens(browser, stack, how, async (page, name) => {
          visited += 1;
          found.push(...(await findings(page)).map((line) => `${name}: ${line}`));
          assertNoComplaints(page, /status of 404/);
        });
        assert.deepEqual(found, []);
        assert.equal(visited, 11);
      });
    }
  }

  test('what happens is said aloud', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    const said = [];
    await page.exposeFunction('hear', (text) => text && said.push(text));
    await page.evaluate(() => {
      const live = document.getElementById('live');
      new MutationObserver(() => globalThis.hear(live.textContent)).observe(live, { childList: true, characterData: true, subtree: true });
    });
    const player = new PagePlayer(page);
    await page.getByRole('button', { name: 'Play the bot' }).click();
    await page.locator('#game').waitFor();
    await player.until('a seat', ({ seat }) => seat !== null);
    await player.play('dodge', () => said.some((sentence) => sentence.includes('scored')));
    assert.match(said.join(' '), /^The match begins\. You may serve\. (Bot scored\. 0 to 1|You scored\. 1 to 0)\.$/);
    await page.keyboard.press('p');
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    await player.until('the words for it', () => said.at(-1) === 'Paused. You paused the match.');
    await page.waitForFunction(() => document.activeElement.id === 'card-resume');
    await page.keyboard.press('Space');
    await page.locator('#card').waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate(() => document.activeElement.id), 'court', 'the focus goes back to the game');
    await context.close();
  });

  test('the keyboard gets everywhere at home, in the order of reading', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await page.locator('#home').waitFor();
    const order = [];
    for (let i = 0; i < 8; i += 1) {
      await page.keyboard.press('Tab');
      order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.textContent));
    }
    assert.deepEqual(order, ['play-friend', 'quick', 'play-bot', 'normal', 'name', 'code', 'Join', 'to-watch']);
    await context.close();
  });

  test('nothing moves behind the screens for those who want no motion', async () => {
    const still = async (reducedMotion) => {
      const context = await browser.person(stack, { reducedMotion });
      const page = await openTab(context, stack);
      const frames = page.locator('#backdrop').evaluate(async (canvas) => {
        const seen = new Set();
        for (let i = 0; i < 20; i += 1) {
          seen.add(canvas.toDataURL());
          await new Promise((resolve) => requestAnimationFrame(resolve));
        }
        return seen.size;
      });
      const count = await frames;
      await context.close();
      return count === 1;
    };
    assert.deepEqual([await still('reduce'), await still('no-preference')], [true, false]);
  });

  test('nothing jumps: from the first picture of home to the first rally', async () => {
    const context = await browser.person(stack);
    const page = await openTab(context, stack);
    await page.addInitScript(() => {
      globalThis.shifts = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) globalThis.shifts.push(`${entry.value} ${entry.sources.map(({ node }) => node?.id || node?.nodeName)}`);
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.reload();
    const player = new PagePlayer(page);
    await page.getByRole('button', { name: 'Play the bot' }).click();
    await page.locator('#game').waitFor();
    await player.until('the ball flies', ({ state }) => state && !state.is_paused);
    assert.deepEqual(await page.evaluate(() => globalThis.shifts), []);
    await context.close();
  });
});
