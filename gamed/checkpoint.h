/*
 * checkpoint: what is kept of a live room so that it survives the process, by value, so that it can
 * leave the loop thread without a pointer into it.
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

struct seat_checkpoint {
    bool held;
    bool is_guest;
    bool is_bot;
    bool wants_rematch;
    int16_t bot_level; /* enum bot_level, of a bot */
    int16_t pauses_left;
    struct digest token; /* of the seat token; all zero for a bot, and for who was expelled */
    char player_id[PLAYER_ID_SIZE];
    char username[USERNAME_SIZE];
};

/*
 * The order is that of change. The first part goes on changing while a match is under way, and is all
 * that is copied every second; the second changes only with an event, so a partial checkpoint leaves
 * it out: it is then what the room's checkpoint before had.
 */
struct room_checkpoint {
    char room_code[ROOM_CODE_SIZE];
    bool is_gone;    /* the room is closed: its row is to be deleted; nothing below matters */
    bool is_partial; /* nothing from created_unix_ms on is set */
    bool served;
    uint8_t last_loser;
    struct pong pong;
    uint64_t random_state;
    int64_t match_used_ms;   /* since the match's beginning, for its duration */
    int64_t match_left_ms;   /* until it is abandoned; of a match under way */
    int64_t away_used_ms[2]; /* by seat - 1 */
    /* the second part */
    int64_t created_unix_ms;
    bool is_public;
    uint8_t winner; /* of a finished match, as are the next four */
    uint8_t end;    /* enum match_end */
    int64_t rematch_left_ms;
    int64_t duration_ms;
    int64_t ended_unix_ms;
    char match_id[UUID_SIZE];
    char creator_id[PLAYER_ID_SIZE];
    struct digest creator_token;
    struct seat_checkpoint seats[2];
};

/* Bytes of the first part. */
#define CHECKPOINT_PARTIAL_SIZE offsetof(struct room_checkpoint, created_unix_ms)

/*
 * What about the state is not possible in any game, as the name of a field or a few words; NULL when
 * nothing is. Of a room that is gone only its code is looked at. The checkpoint is not a partial one.
 */
const char *checkpoint_problem(const struct room_checkpoint *checkpoint);

/* How many bytes of it matter: those of the first part, or all. */
static inline size_t checkpoint_size(const struct room_checkpoint *checkpoint)
{
    return checkpoint->is_partial || checkpoint->is_gone ? CHECKPOINT_PARTIAL_SIZE
                                                         : sizeof *checkpoint;
}

#endif
