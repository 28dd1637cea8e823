/*
 * played_game: matches of the real GameState between two people, for benchmarks that need states as games have
 * them. What the two do is written down once, by bots that play; then any number of games is played by that
 * script. It must not measure anything.
 */
#ifndef PONG_BENCH_PLAYED_GAME_H
#define PONG_BENCH_PLAYED_GAME_H

#include <stdbool.h>
#include <stdint.h>

#include "gamed/game_state.h"

enum {
    PLAYED_STEPS = 1 << 14, /* of a script: four and a half minutes; then it begins anew */
};

/* The targets that the players choose after each step; GAME_TARGET_NONE: none. */
struct played_script {
    int32_t targets[PLAYED_STEPS][2];
};

void played_script_write(struct played_script *script);

struct played_game {
    struct game game;
    const struct played_script *script;
    struct now now;
    unsigned at; /* in the script */
    bool
        is_v2; /* inputs name a step ahead (pong.v2.bin); else targets apply at the next even one */
};

/* A game with both players in their seats, at the script's beginning. */
void played_game_open(struct played_game *played, const struct played_script *script, bool is_v2);

/* What the players do, game_state_prepare(), game_state_step(). */
void played_game_step(struct played_game *played);

#endif
