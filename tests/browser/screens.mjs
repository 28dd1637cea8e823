// Every screen of the page, one after the other, on one device: for whoever wants to look at each of them (a11y.test.mjs,
// screenshot.mjs). Two people play on a stack whose serves are short. What is looked for is the visitor's business.

import { openTab, reads } from './browser.mjs';
import { PagePlayer, withOptions } from './player.mjs';

/** The devices that the page is made for. */
export const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  upright: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
  sideways: { viewport: { width: 844, height: 390 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

/** A stack on which nobody waits long for a serve. */
export const QUICK_STACK = { env: { PONG_SERVE_STEPS: '60' } };

/**
 * Calls `visit(page, name)` on every screen. The match is between the visited page and one that is not looked at.
 */
export async function visitScreens(browser, stack, options, visit) {
  const contexts = [];
  const tab = async (how, address) => {
    contexts.push(await browser.person(stack, how));
    return openTab(contexts.at(-1), stack, address);
  };
  try {
    const page = await tab(options, '/');
    const other = new PagePlayer(await tab({}, '/'));
    await visitText(page, visit);
    await visitMatch(new PagePlayer(page), other, visit, (address) => tab(options, address));
  } finally {
    for (const context of contexts) await context.close();
  }
}

async function visitText(page, visit) {
  await page.locator('#home').waitFor();
  await visit(page, 'home');
  await page.locator('#code').fill('nonsense!');
  await page.getByRole('button', { name: 'Join' }).click();
  await reads(page, 'A room code is six letters and digits.');
  await visit(page, 'home-error');
  await page.locator('#to-watch').click();
  await reads(page, /^Nobody plays in public/);
  await visit(page, 'watch-empty');
  await page.goto('/?room=ZZZZZZ');
  await reads(page, 'This room is gone');
  await visit(page, 'notice');
  await page.getByRole('button', { name: 'Home' }).click();
  await page.getByRole('button', { name: 'Quick match' }).click();
  await reads(page, 'Looking for an opponent…');
  await visit(page, 'lobby-quick');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.locator('#home').waitFor();
}

async function visitMatch(ada, grace, visit, tab) {
  const { page } = ada;
  await withOptions(page, { visibility: 'public', winning_score: 3 });
  await page.locator('#name').fill('Ada');
  await page.getByRole('button', { name: 'Play a friend' }).click();
  await page.locator('#lobby').waitFor();
  await visit(page, 'lobby');
  await grace.page.locator('#name').fill('Grace');
  await grace.page.goto(await page.locator('#lobby-link').inputValue());
  for (const player of [ada, grace]) {
    await player.page.locator('#game').waitFor();
    await player.until('a seat', ({ seat }) => seat !== null);
  }
  await visit(page, 'serve');
  await page.keyboard.press('p');
  await reads(page, 'You paused the match.');
  await visit(page, 'pause');
  // While it pauses, so that it is not over before its players play.
  const list = await tab('/?watch');
  await list.locator('.matches a').waitFor();
  await visit(list, 'watch');
  await list.close();
  await page.getByRole('button', { name: 'Resume' }).click();

  const scored = ({ state }) => state.player_1_score + state.player_2_score > 0;
  await Promise.all([ada.play('follow', scored), grace.play('dodge', scored)]);
  let hasFlown = false; // the same moment for both: who stops playing alone loses
  const isFlying = () => {
    hasFlown ||= isGoodToSee(ada);
    return hasFlown;
  };
  await Promise.all([ada.play('follow', isFlying), grace.play('follow', isFlying)]);
  await visit(page, 'rally');
  const over = (player) => player.heard('game_over').length > 0;
  await Promise.all([ada.play('follow', over), grace.play('dodge', over)]);
  await page.locator('main').getByText(/^(You|Grace) won$/).waitFor(); // whose rallies these were is not the visitor's business
  await visit(page, 'result');
}

/** The ball in flight, away from everything. */
export function isGoodToSee({ state }) {
  return !state.is_paused && state.ball_x > 460 && state.ball_x < 640;
}
