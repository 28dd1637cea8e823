// Makes the README's pictures, docs/screenshots/*.png, from the running page: two people who really play.
// Run from tests/: node browser/screenshot.mjs [FOLDER]

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { startStack } from '../e2e/harness.mjs';
import { Browser, openTab } from './browser.mjs';
import { PagePlayer, openRoom } from './player.mjs';

const FOLDER = path.resolve(process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '../../docs/screenshots'));
const DESKTOP = { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 2 };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
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

function ballIsShownWell({ state }) {
  return !state.is_paused && state.ball_x > 480 && state.ball_x < 640 && Math.abs(state.ball_y - 300) > 60 && state.ball_speed_x > 8;
}

async function pictureMatch(browser, stack, adaOptions, graceOptions, suffixes) {
  const contexts = [await browser.person(stack, adaOptions), await browser.person(stack, graceOptions)];
  const ada = new PagePlayer(await openTab(contexts[0], stack));
  const grace = new PagePlayer(await openTab(contexts[1], stack));
  await takePicture(ada.page, `home-${suffixes[0]}`);
  await grace.page.locator('#name').fill('Grace');
  const link = await openRoom(ada.page, 'Ada');
  await takePicture(ada.page, `lobby-${suffixes[0]}`);
  await grace.page.goto(link);
  await grace.until('a seat', ({ seat }) => seat !== null);
  await ada.until('the match', ({ state }) => state.status === 'ONGOING');
  await point(ada, grace);
  await point(grace, ada);
  await point(ada, grace);
  await rally(ada, grace, ballIsShownWell);
  await takePicture(ada.page, `match-${suffixes[0]}`);
  await rally(ada, grace, ballIsShownWell);
  await takePicture(grace.page, `match-${suffixes[1]}`);
  for (const context of contexts) await context.close();
}

const stack = await startStack(STACK);
const browser = await Browser.launch();
try {
  mkdirSync(FOLDER, { recursive: true });
  await pictureMatch(browser, stack, { ...DESKTOP, colorScheme: 'light' }, { ...PHONE, colorScheme: 'dark' }, ['light', 'phone']);
  await pictureMatch(browser, stack, { ...DESKTOP, colorScheme: 'dark' }, { ...PHONE, colorScheme: 'light' }, ['dark', 'phone-light']);
} finally {
  await browser.close();
  await stack.stop();
}
