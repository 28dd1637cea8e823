// A real browser for the tests, and pages that are watched: whatever the page complains about, in the console, as an uncaught
// error, as a violation of its Content-Security-Policy or as a request to elsewhere, is a complaint of the test.
// Must not know the game: that is player.mjs.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';

import { chromium } from 'playwright-core';

/** Bounded, and far beyond what a loaded machine needs: a page that takes this long is broken, not slow. */
export const PATIENCE_MS = 45_000;

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome-stable', '/usr/bin/google-chrome'];
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // Both players' pages have to go on although only one window can have the focus.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

/** A browser with a fresh profile, removed when it is closed. */
export class Browser {
  static async launch() {
    const executablePath = process.env.PONG_CHROMIUM || PATHS.find(existsSync);
    assert.ok(executablePath, 'no Chromium found: install chromium or set PONG_CHROMIUM');
    const browser = new Browser();
    browser.home = mkdtempSync(path.join(tmpdir(), 'pong-browser-'));
    browser.chromium = await chromium.launch({
      executablePath,
      headless: true,
      args: FLAGS,
      env: { ...process.env, HOME: browser.home, XDG_CONFIG_HOME: browser.home, XDG_CACHE_HOME: browser.home },
    });
    return browser;
  }

  /** A person's browser: cookies and storage of its own. Options are Playwright's. */
  async person(stack, options = {}) {
    const context = await this.chromium.newContext({ baseURL: stack.baseUrl, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    return context;
  }

  async close() {
    await this.chromium.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Inside `describe`: a browser that all its tests share; it can be used from `before` on. */
export function useBrowser() {
  const browser = {};
  before(async () => {
    browser.real = await Browser.launch();
    browser.person = (...args) => browser.real.person(...args);
  });
  after(() => browser.real?.close());
  return browser;
}

/** Opens a tab on the stack's page and watches it from the first request on. */
export async function openTab(context, stack, address = '/') {
  const own = new URL(stack.baseUrl).host;
  const page = await context.newPage();
  const said = [];
  complaintsOf.set(page, said);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) said.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => said.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.host !== own) said.push(`a request to elsewhere: ${request.url()}`);
  });
  await page.exposeFunction('reportViolation', (text) => said.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(address);
  return page;
}

const complaintsOf = new WeakMap();

/** Fails when the page complained of anything but what `expected` matches. */
export function assertNoComplaints(page, expected = /^$/) {
  assert.deepEqual(complaintsOf.get(page).filter((line) => !expected.test(line)), []);
}

/** Waits until the screen that is shown says exactly this. */
export function reads(page, text) {
  return page.locator('main').getByText(text, { exact: true }).waitFor();
}

/** Waits until the element reads exactly this: what a page shows, it shows a frame or an answer later. */
export function elementReads(page, selector, text) {
  return page.locator(selector).and(page.getByText(text, { exact: true })).waitFor();
}
