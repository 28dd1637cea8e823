/*
 * room_options: what the maker of a room may choose, for all who read it: REST, IPC and the game.
 * Pure. Must not know what a level does.
 */
#ifndef PONG_COMMON_ROOM_OPTIONS_H
#define PONG_COMMON_ROOM_OPTIONS_H

enum {
    WINNING_SCORE_MIN = 1,
    WINNING_SCORE_MAX = 21
};

/* Bytes of a bot level's word; how many levels there are. */
enum {
    BOT_LEVEL_SIZE = 8,
    BOT_LEVEL_WORDS = 3
};

/* The words of the levels, the weakest first: "easy", "normal", "hard". */
extern const char *const bot_level_words[BOT_LEVEL_WORDS];

/* The level's place among the words, or -1. Any thread. */
int bot_level_index(const char *word);

#endif
