// Makes the README's pictures, docs/screenshots/*.png, and one of every screen, docs/screenshots/screens/*.png, from the running page:
// two people who really play.
// Run from tests/: node browser/screenshot.mjs [FOLDER]

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { startStack } from '../e2e/harness.mjs';
import { Browser, openTab } from './browser.mjs';
import { PagePlayer, openRoom } from './player.mjs';
import { isGoodToSee, visitScreens } from './screens.mjs';

const FOLDER = path.resolve(process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '../../docs/screenshots'));
const DESKTOP = { viewport: { width: 1200, height: 800 }, colorScheme: 'dark' };
const SCREENS = { viewport: { width: 1000, height: 700 }, colorScheme: 'dark' };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'light' };
/** Serves need not be waited for. */
const STACK = { env: { PONG_SERVE_STEPS: '40' } };

function takePicture(page, name) {
  return page.screenshot({ path: path.join(FOLDER, `${name}.png`), animations: 'disabled' });
}

/** Who plays on until somebody else ends it; the other decides how the points go. */
async function rally(ada, grace, done) {
  const isDone = () => done(ada);
  await Promise.all([ada.play('follow', isDone), grace.play('follow', isDone)]);
}

async function point(winner, loser) {
  const goals = winner.heard('goal_scored').length;
  const done = () => winner.heard('goal_scored').length > goals;
  await Promise.all([winner.play('follow', done), loser.play('dodge', done)]);
}

/** One match of two people, on the screens that they have. */
async function takePictures(browser, stack) {
  const adas = await browser.person(stack, DESKTOP);
  const graces = await browser.person(stack, PHONE);
  const ada = new PagePlayer(await openTab(adas, stack));
  const grace = new PagePlayer(await openTab(graces, stack));
  await takePicture(ada.page, 'home');
  await grace.page.locator('#name').fill('Grace');
  const link = await openRoom(ada.page, 'Ada');
  await takePicture(ada.page, 'invitation');
  await grace.page.goto(link);
  await grace.until('a seat', ({ seat }) => seat !== null);
  await ada.until('the match', ({ state }) => state.status === 'ONGOING');
  await point(ada, grace);
  await point(grace, ada);
  await point(ada, grace);
  await rally(ada, grace, isGoodToSee);
  await takePicture(ada.page, 'match');
  await rally(ada, grace, isGoodToSee);
  await takePicture(grace.page, 'match-phone');
}

const stack = await startStack(STACK);
const browser = await Browser.launch();
try {
  mkdirSync(path.join(FOLDER, 'screens'), { recursive: true });
  await takePictures(browser, stack);
  await visitScreens(browser, stack, SCREENS, (page, name) => takePicture(page, `screens/${name}`));
} finally {
  await browser.close();
  await stack.stop();
}
