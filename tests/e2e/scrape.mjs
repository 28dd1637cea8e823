// What the service says of itself at /metrics, and what can be known from that: that the store has everything that
// happened until now. So a test that kills the game server need not guess how long a commit takes.
// Must not judge by a clock: what never comes true fails after a long time only.

import assert from 'node:assert/strict';
import http from 'node:http';

import { Exposition } from './exposition.mjs';

const TURN_UPDATES = 20; // a room is looked at in every update; one that sleeps, in every 15th

/** GET /metrics from an address of this machine; {status, headers, text}. */
export function fetchMetrics(stack, { localAddress = '127.0.0.1', method = 'GET' } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${stack.baseUrl}/metrics`, { method, localAddress, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    request.on('error', reject).end();
  });
}

export async function scrape(stack) {
  const { status, headers, text } = await fetchMetrics(stack);
  assert.equal(status, 200, text);
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return new Exposition(text);
}

/** Scrapes until `look(exposition)` is true. */
export async function scrapeUntil(stack, what, look) {
  let seen;
  await stack.until(what, async () => look((seen = await scrape(stack))));
  return seen;
}

/**
 * Resolves once the store has the state that every room had at the call, or one newer, and knows which are gone.
 * First each room has its turn, as one of which the state was lost, or could not be handed over, is saved in its next.
 */
export async function settled(stack) {
  const start = await scrape(stack);
  const updates = (seen) => seen.get('pong_room_updates_total');
  await scrapeUntil(stack, 'every room has had its turn', (seen) => {
    const rooms = Math.max(seen.get('pong_rooms'), start.get('pong_rooms'));
    return updates(seen) - updates(start) >= rooms * TURN_UPDATES;
  });
  await scrapeUntil(stack, 'no checkpoint waits', (seen) => seen.get('pong_checkpoints_pending') === 0);
}

/** Resolves once every result is delivered, and the store knows. */
export async function allDelivered(stack) {
  await scrapeUntil(stack, 'no result is pending', (seen) => seen.get('pong_results_outbox', { state: 'pending' }) === 0);
  await scrapeUntil(stack, 'no result is unsaved', (seen) => seen.get('pong_results_unsaved') === 0);
}
