/*
 * checkpoint: what is kept of a live room so that it survives the process, by value, so that it can
 * leave the loop thread without a pointer into it. Its JSON form is a row of the store.
 *
 * Times are durations (milliseconds left or used up), because monotonic clocks end with the machine;
 * Unix times are only those that people are shown. Seat tokens are kept hashed.
 *
 * All functions: any thread.
 */
#ifndef PONG_GAMED_CHECKPOINT_H
#define PONG_GAMED_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/random.h"
#include "common/text.h"
#include "gamed/pong.h"

/* CHECKPOINT_VERSION is written into each row; a field is only ever added, with a default for rows that lack it. */
enum {
    CHECKPOINT_VERSION = 1,
    CHECKPOINT_JSON_MAX = 8192
};

struct seat_checkpoint {
    bool held;
    char player_id[PLAYER_ID_SIZE];
    char username[USERNAME_SIZE];
    struct digest token; /* of the seat token; all zero for a bot, and for who was expelled */
    bool is_guest;
    bool is_bot;
    int bot_level; /* enum bot_level, of a bot */
    int pauses_left;
    int64_t away_used_ms;
    bool wants_rematch;
};

struct room_checkpoint {
    char room_code[ROOM_CODE_SIZE];
    bool is_gone; /* the room is closed: its row is to be deleted; nothing below matters */
    bool is_public;
    int64_t created_unix_ms;
    struct digest creator_token;
    char creator_id[PLAYER_ID_SIZE];
    struct pong pong;
    struct seat_checkpoint seats[2];
    char match_id[UUID_SIZE];
    uint64_t random_state;
    int64_t match_used_ms; /* since the match's beginning, for its duration */
    int64_t match_left_ms; /* until it is abandoned; of a match under way */
    bool served;
    uint8_t last_loser;
    uint8_t winner;
    uint8_t end;             /* enum match_end */
    int64_t rematch_left_ms; /* of a finished match */
    int64_t duration_ms;     /* of a finished match */
    int64_t ended_unix_ms;
};

enum checkpoint_error {
    CHECKPOINT_OK = 0,
    CHECKPOINT_BAD = -1, /* not a checkpoint, of a later version, or with values no game can have */
    CHECKPOINT_NO_MEMORY = -2,
};

/*
 * What about the state is not possible in any game, as the name of a field or a few words; NULL when
 * nothing is. Of a room that is gone only its code is looked at.
 */
const char *checkpoint_problem(const struct room_checkpoint *checkpoint);

/*
 * Writes the JSON form (not ended by NUL) of a room that is not gone; what means nothing in its phase
 * is left out, and times that have run out are written as 0. Returns its length, CHECKPOINT_BAD when
 * checkpoint_problem() names something, or when `size` is too small (CHECKPOINT_JSON_MAX never is), or
 * CHECKPOINT_NO_MEMORY.
 */
long checkpoint_encode(const struct room_checkpoint *checkpoint, char *out, size_t size);

/* Reads the JSON form. Never trusts it: whatever comes out is a state that a game can be in. */
int checkpoint_decode(const char *text, size_t length, struct room_checkpoint *checkpoint);

#endif
