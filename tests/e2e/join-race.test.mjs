// One free seat and a crowd: exactly one gets it, the rest are told that the room is full, and nobody's answer
// depends on how the requests interleave.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { useStack } from './harness.mjs';
import { Player } from './player.mjs';
import { Rest, assertFailure } from './rest.mjs';

const CROWD = 20;
const ROUNDS = 5;

describe('join race', () => {
  const stack = useStack();
  const rest = new Rest(stack);

  test(`${CROWD} simultaneous joins for one seat`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const room = await rest.ok(rest.create());
      const answers = await Promise.all(Array.from({ length: CROWD }, () => rest.join({ room_code: room.room_code })));
      const winners = answers.filter((answer) => answer.status === 200);
      assert.equal(winners.length, 1);
      for (const answer of answers) if (answer !== winners[0]) assertFailure(answer, 409, 'room_full', 'Room is full');
      const { json } = await rest.check(room.room_code);
      assert.deepEqual([json.player_count, json.player_2_id], [2, winners[0].json.player_id]);
      const player = await Player.connect(stack, winners[0].json);
      assert.equal((await player.join()).player_number, 2);
    }
  });
});
