/*
 * checkpoint_row: a checkpoint as the row of a table, and back: which columns there are, and what is
 * in each. It knows types and bounds; which values make sense is checkpoint_problem()'s to say. It
 * must not know a database.
 *
 * All functions: any thread.
 */
#ifndef PONG_GAMED_CHECKPOINT_ROW_H
#define PONG_GAMED_CHECKPOINT_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "gamed/checkpoint.h"

/*
 * X(column, kind, group, member of struct room_checkpoint), in the order of the row. The kinds are
 *
 *     TEXT    a string
 *     DIGEST  32 bytes, or NULL for the digest of nothing
 *     NUMBER  an integer that fits the member
 *     FLAG    0 or 1
 *     LEFT    milliseconds left: 0 is written for less
 *     BITS    64 bits: as SQL's integers are signed, half of them are negative numbers
 *
 * The columns of group SEAT_1 or SEAT_2 are NULL when nobody holds the seat, those of OVER while the
 * match is not over. A column is only ever added, at the end, with a migration that gives the rows
 * there are a value.
 */
#define CHECKPOINT_COLUMNS(X)             \
    X(room_code, TEXT, ALWAYS, room_code) \
    X(match_id, TEXT, ALWAYS, match_id)   \
    CHECKPOINT_OTHER_COLUMNS(X)

/* All but the two that are looked for. */
#define CHECKPOINT_OTHER_COLUMNS(X)                               \
    X(created_unix_ms, NUMBER, ALWAYS, created_unix_ms)           \
    X(is_public, FLAG, ALWAYS, is_public)                         \
    X(creator_token, DIGEST, ALWAYS, creator_token)               \
    X(creator_id, TEXT, ALWAYS, creator_id)                       \
    X(step, NUMBER, ALWAYS, pong.step)                            \
    X(phase, NUMBER, ALWAYS, pong.phase)                          \
    X(steps_left, NUMBER, ALWAYS, pong.steps_left)                \
    X(winning_score, NUMBER, ALWAYS, pong.winning_score)          \
    X(serve_steps, NUMBER, ALWAYS, pong.serve_steps)              \
    X(score_1, NUMBER, ALWAYS, pong.score[0])                     \
    X(score_2, NUMBER, ALWAYS, pong.score[1])                     \
    X(ball_x, NUMBER, ALWAYS, pong.ball_x)                        \
    X(ball_y, NUMBER, ALWAYS, pong.ball_y)                        \
    X(ball_vx, NUMBER, ALWAYS, pong.ball_vx)                      \
    X(ball_vy, NUMBER, ALWAYS, pong.ball_vy)                      \
    X(paddle_1_y, NUMBER, ALWAYS, pong.paddle_y[0])               \
    X(paddle_2_y, NUMBER, ALWAYS, pong.paddle_y[1])               \
    X(target_1_y, NUMBER, ALWAYS, pong.target_y[0])               \
    X(target_2_y, NUMBER, ALWAYS, pong.target_y[1])               \
    X(served, FLAG, ALWAYS, served)                               \
    X(last_loser, NUMBER, ALWAYS, last_loser)                     \
    X(random_state, BITS, ALWAYS, random_state)                   \
    X(match_used_ms, NUMBER, ALWAYS, match_used_ms)               \
    X(match_left_ms, LEFT, ALWAYS, match_left_ms)                 \
    X(winner, NUMBER, OVER, winner)                               \
    X(end_reason, NUMBER, OVER, end)                              \
    X(rematch_left_ms, LEFT, OVER, rematch_left_ms)               \
    X(duration_ms, NUMBER, OVER, duration_ms)                     \
    X(ended_unix_ms, NUMBER, OVER, ended_unix_ms)                 \
    X(seat_1_player_id, TEXT, SEAT_1, seats[0].player_id)         \
    X(seat_1_username, TEXT, SEAT_1, seats[0].username)           \
    X(seat_1_token, DIGEST, SEAT_1, seats[0].token)               \
    X(seat_1_is_guest, FLAG, SEAT_1, seats[0].is_guest)           \
    X(seat_1_is_bot, FLAG, SEAT_1, seats[0].is_bot)               \
    X(seat_1_bot_level, NUMBER, SEAT_1, seats[0].bot_level)       \
    X(seat_1_pauses_left, NUMBER, SEAT_1, seats[0].pauses_left)   \
    X(seat_1_away_used_ms, NUMBER, SEAT_1, away_used_ms[0])       \
    X(seat_1_wants_rematch, FLAG, SEAT_1, seats[0].wants_rematch) \
    X(seat_2_player_id, TEXT, SEAT_2, seats[1].player_id)         \
    X(seat_2_username, TEXT, SEAT_2, seats[1].username)           \
    X(seat_2_token, DIGEST, SEAT_2, seats[1].token)               \
    X(seat_2_is_guest, FLAG, SEAT_2, seats[1].is_guest)           \
    X(seat_2_is_bot, FLAG, SEAT_2, seats[1].is_bot)               \
    X(seat_2_bot_level, NUMBER, SEAT_2, seats[1].bot_level)       \
    X(seat_2_pauses_left, NUMBER, SEAT_2, seats[1].pauses_left)   \
    X(seat_2_away_used_ms, NUMBER, SEAT_2, away_used_ms[1])       \
    X(seat_2_wants_rematch, FLAG, SEAT_2, seats[1].wants_rematch)

#define CHECKPOINT_COLUMN_ENUM(column, kind, group, member) CHECKPOINT_COLUMN_##column,
enum checkpoint_column {
    CHECKPOINT_COLUMNS(CHECKPOINT_COLUMN_ENUM) CHECKPOINT_COLUMN_COUNT
};
#undef CHECKPOINT_COLUMN_ENUM

enum checkpoint_value_type {
    CHECKPOINT_NULL,
    CHECKPOINT_INTEGER,
    CHECKPOINT_TEXT,
    CHECKPOINT_BLOB
};

struct checkpoint_value {
    enum checkpoint_value_type type;
    int64_t integer;
    const void *bytes; /* of a text or a blob; need not end in NUL */
    size_t size;
};

/*
 * Writes the row of a room that is neither gone nor partial and has no problem (checkpoint_problem);
 * texts and blobs point into the checkpoint.
 */
void checkpoint_write_row(const struct room_checkpoint *checkpoint,
                          struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT]);

/*
 * Reads a row. Never trusts it: whatever comes out is a state that a game can be in. Returns NULL, or
 * what is wrong with it: the name of a column, or what checkpoint_problem() says.
 */
const char *checkpoint_read_row(const struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT],
                                struct room_checkpoint *checkpoint);

#endif
