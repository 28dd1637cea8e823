/*
 * game_input: one message of one session → one call of the GameManager, and the answer to it. It must
 * not know sockets or rules.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_GAME_INPUT_H
#define PONG_GAMED_GAME_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/game_manager.h"
#include "gamed/game_output.h"
#include "gamed/messages_cache.h"

enum game_input_outcome {
    GAME_INPUT_OK,
    GAME_INPUT_REFUSED, /* by the rules */
    GAME_INPUT_MALFORMED,
    GAME_INPUT_RATE_LIMITED, /* dropped unread */
    GAME_INPUT_OUTCOMES
};

struct game_input_stats {
    uint64_t messages[GAME_INPUT_OUTCOMES];
};

struct game_input {
    struct game_manager *manager;
    struct game_output *output;
    int messages_per_second; /* of a session; what is over it is dropped */
    struct game_input_stats stats;
    struct messages_cache known;
};

/* An open session sent a whole message. Afterwards it may be closing. */
void game_input_message(struct game_input *input, struct player_session *session, const char *text,
                        size_t length, bool is_binary, struct now now);

#endif
