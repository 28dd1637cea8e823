/*
 * bot: decides where a computer player's paddle heads for. It sees the court as a player does and
 * may only do what a player may: name a target, a few times a second. Pure; must not know rooms or
 * sessions, and never touches the state.
 */
#ifndef PONG_GAMED_BOT_H
#define PONG_GAMED_BOT_H

#include <stdbool.h>
#include <stdint.h>

#include "gamed/pong.h"

enum bot_level {
    BOT_EASY,
    BOT_NORMAL,
    BOT_HARD,
    BOT_LEVEL_COUNT
};

struct bot {
    enum bot_level level;
    int seat; /* 1 or 2 */
    uint64_t random_state;
    uint32_t next_look;   /* the step at which it looks at the court again */
    bool ball_approached; /* at its last look */
    int32_t aim_error;    /* of this approach, 1/64 px */
};

/*
 * The word of a level ("easy", "normal", "hard"), and back; bot_level_parse returns false for any
 * other word.
 */
const char *bot_level_name(enum bot_level level);
bool bot_level_parse(const char *word, enum bot_level *level);

void bot_init(struct bot *bot, enum bot_level level, int seat, uint64_t seed);

/*
 * Looks at the court if it is time to. Returns whether it has a new target, in 1/64 px of its
 * paddle's top edge.
 */
bool bot_look(struct bot *bot, const struct pong *pong, int32_t *target);

#endif
