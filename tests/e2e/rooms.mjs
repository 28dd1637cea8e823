// Shorthands for set-up: a room with two seats taken, a match about to start, a match played to its end.
// Nothing here is asserted beyond that the set-up worked.

import { Player } from './player.mjs';
import { Rest } from './rest.mjs';

/** A room with both seats taken, nobody connected: {code, first, second}, the answers of create and join. */
export async function takeSeats(stack, fields = {}) {
  const rest = new Rest(stack);
  const first = await rest.ok(rest.create({ username: 'Ann', ...fields }));
  const second = await rest.ok(rest.join({ room_code: first.room_code, username: 'Bob' }));
  return { code: first.room_code, first, second };
}

/** Both players connected and greeted, and each has heard all of it; the first serve is being counted down. */
export async function startMatch(stack, fields = {}) {
  const seats = await takeSeats(stack, fields);
  const one = await Player.connect(stack, seats.first);
  await one.join();
  const two = await Player.connect(stack, seats.second);
  await two.join();
  await one.waitFor('player_joined', (message) => !message.is_you);
  await one.waitFor('game_state_delta', (message) => message.is_full_state);
  one.forget();
  two.forget();
  return { ...seats, one, two };
}

/** The match as above, with a ball in flight that both return. */
export async function startRally(stack, fields = {}) {
  const match = await startMatch(stack, fields);
  match.one.track();
  match.two.track();
  await match.one.waitFor('game_resumed');
  return match;
}

/** `winner` returns everything, `loser` nothing: resolves to the winner's game_over. */
export async function finishMatch(winner, loser, ms = 120_000) {
  winner.track();
  loser.miss();
  const over = await winner.waitFor('game_over', () => true, ms);
  winner.rest();
  loser.rest();
  return over;
}
