// The 21 keys of a game state as front ends see them: names, types, units and ranges, and what may change how.
// Pure: looks at messages, sends none.

import assert from 'node:assert/strict';

const ROOM_CODE = /^[0-9A-HJKMNP-TV-Z]{6}$/;
const STATUSES = ['WAITING', 'ONGOING', 'FINISHED'];

const text = (value) => typeof value === 'string' && value.length > 0;
const textOrNull = (value) => value === null || text(value);
const between = (low, high) => (value) =>
  typeof value === 'number' && value >= low && value <= high && Math.abs(value * 100 - Math.round(value * 100)) < 1e-6;
const whole = (low, high) => (value) => Number.isInteger(value) && value >= low && value <= high;

const KEYS = {
  room_code: (value) => ROOM_CODE.test(value),
  status: (value) => STATUSES.includes(value),
  player_1_id: textOrNull,
  player_2_id: textOrNull,
  player_1_username: textOrNull,
  player_2_username: textOrNull,
  player_1_score: whole(0, 21),
  player_2_score: whole(0, 21),
  player_1_paddle_y: between(0, 480),
  player_2_paddle_y: between(0, 480),
  paddle_height: (value) => value === 120,
  paddle_width: (value) => value === 12,
  ball_x: between(10, 790),
  ball_y: between(10, 590),
  ball_size: (value) => value === 20,
  ball_speed_x: between(-36, 36), // 2304/64
  ball_speed_y: between(-27, 27), // three quarters of it
  is_paused: (value) => typeof value === 'boolean',
  last_loser: (value) => value === null || value === 1 || value === 2,
  winning_score: whole(1, 21),
  timestamp: (value) => typeof value === 'number' && Math.abs(value - Date.now()) < 3_600_000,
};

export const stateKeys = Object.keys(KEYS);

const withoutEnvelope = ({ type, is_full_state, success, ...rest }) => rest;

/** All 21 keys and no others, each of its type and in its range. */
export function assertFullState(state) {
  const values = withoutEnvelope(state);
  assert.deepEqual(Object.keys(values).sort(), [...stateKeys].sort());
  assertValues(values);
}

function assertValues(values) {
  for (const [key, value] of Object.entries(values)) {
    assert.ok(KEYS[key]?.(value), `${key} = ${JSON.stringify(value)}`);
  }
}

/**
 * A connection's log: every full state is full, every delta has a timestamp and carries only keys that changed
 * since the update before it. (The first delta after a full state was made for those who have the update before.)
 */
export function assertDeltasAreMinimal(messages) {
  let known = null;
  let afterFull = true;
  for (const message of messages) {
    if (message.type !== 'game_state' && message.type !== 'game_state_delta') continue;
    if (message.is_full_state) {
      assertFullState(message);
      known = withoutEnvelope(message);
      afterFull = true;
      continue;
    }
    assert.equal(message.type, 'game_state_delta');
    assert.equal(message.is_full_state, false);
    const { timestamp, ...changed } = withoutEnvelope(message);
    assertValues({ timestamp, ...changed });
    assert.ok(timestamp >= known.timestamp, 'time went back');
    assert.ok(Object.keys(changed).length > 0, 'a delta without a change');
    for (const [key, value] of Object.entries(changed)) {
      if (!afterFull) assert.notEqual(value, known[key], `${key} did not change: ${JSON.stringify(message)}`);
    }
    known = { ...known, timestamp, ...changed };
    afterFull = false;
  }
}
