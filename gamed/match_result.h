/*
 * match_result: what is left of a match once it is over, by value, so that it can leave the loop
 * thread without a pointer into it.
 */
#ifndef PONG_GAMED_MATCH_RESULT_H
#define PONG_GAMED_MATCH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/random.h"
#include "common/text.h"

/* Why a match ended; on the wire "score", "forfeit", "abandoned". */
enum match_end {
    MATCH_END_SCORE,
    MATCH_END_FORFEIT,
    MATCH_END_ABANDONED
};

struct match_result {
    char match_id[UUID_SIZE]; /* the key everywhere: a match is recorded once */
    char room_code[ROOM_CODE_SIZE];
    char player_id[2][PLAYER_ID_SIZE];
    uint8_t score[2];
    uint8_t winner; /* 1 or 2; 0 at an abandoned tie */
    enum match_end reason;
    double duration_s;       /* from the room's creation, or a rematch's agreement */
    double finished_at_unix; /* seconds */
    bool has_bot;
    bool has_guest;
};

#endif
