/*
 * player: what the scripted players want: where their paddle should be when the ball comes, off its
 * middle by a little so that the ball leaves at an angle, and off it altogether for 1 ball in 8. Pure;
 * it must not know how a paddle gets there, or what is sent.
 */
#ifndef PONG_BENCH_LOAD_PLAYER_H
#define PONG_BENCH_LOAD_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "gamed/pong.h"

struct player {
    bool is_coming; /* the ball flies towards this player, and `off` is decided for it */
    bool is_miss;
    int32_t off; /* paddle's middle − ball, at the contact */
};

/*
 * The top edge that paddle `own` (0, 1) wants to reach, given what is seen. Two random numbers at a
 * time are drawn for each decision.
 */
int32_t player_goal(struct player *player, const struct pong *seen, int own, uint32_t random);

#endif
