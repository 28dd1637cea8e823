/*
 * checkpoint: which states a game can be in. What is read back was on a disk, so it is judged anew,
 * by the same function that judges what is written: neither a torn row nor a mistake of ours gets a
 * game into a state that its rules do not know.
 */
#include "gamed/checkpoint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gamed/bot.h"
#include "gamed/match_result.h"

/* Bounds of what no rule bounds; times are milliseconds. */
#define UNIX_MS_MAX 253402300799999 /* the end of the year 9999 */
#define USED_MS_MAX 315360000000    /* ten years of one match: a waiting room counts as well */
#define LEFT_MS_MAX 86400000        /* a day: more than any flag gives */
enum {
    PAUSES_MAX = 100,
    WINNING_SCORE_MAX = 21,
    BALL_VY_MAX = 3 * PONG_SPEED_MAX * (PONG_PADDLE_HEIGHT / 2) / (2 * PONG_PADDLE_HEIGHT),
};

static bool in_range(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

static bool is_uuid(const char *text)
{
    for (int i = 0; i < UUID_SIZE - 1; i++) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i]))
            return false;
    }
    return text[UUID_SIZE - 1] == '\0';
}

/* Whether the text ends within its array at all. */
static bool is_ended(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool is_ball_possible(const struct pong *pong)
{
    const bool is_centred = pong->ball_x == PONG_BALL_X_START && pong->ball_y == PONG_BALL_Y_START;
    if (pong->ball_vx == 0)
        return is_centred && pong->ball_vy == 0 && pong->phase != PONG_RALLY;
    if (pong->phase == PONG_SERVING)
        return is_centred && pong->steps_left <= PONG_SERVE_LAUNCH_STEPS &&
               abs(pong->ball_vx) == PONG_SERVE_SPEED && abs(pong->ball_vy) == PONG_SERVE_SPEED;
    return pong->phase != PONG_WAITING &&
           in_range(pong->ball_x, PONG_OUT_LEFT + 1, PONG_OUT_RIGHT - 1) &&
           in_range(pong->ball_y, PONG_BALL_Y_MIN, PONG_BALL_Y_MAX) &&
           in_range(abs(pong->ball_vx), PONG_SERVE_SPEED, PONG_SPEED_MAX) &&
           in_range(pong->ball_vy, -BALL_VY_MAX, BALL_VY_MAX);
}

static bool is_timer_possible(const struct pong *pong)
{
    switch (pong->phase) {
    case PONG_SERVING:
        return in_range(pong->steps_left, 1, pong->serve_steps);
    case PONG_PAUSED:
        return pong->steps_left > 0;
    default:
        return pong->steps_left == PONG_STEPS_OPEN;
    }
}

static const char *court_problem(const struct pong *pong)
{
    if (pong->phase > PONG_FINISHED)
        return "phase";
    if (!in_range(pong->serve_steps, 1, PONG_STEPS_OPEN - 1) || !is_timer_possible(pong))
        return "steps_left";
    for (int i = 0; i < 2; i++) {
        if (!in_range(pong->paddle_y[i], 0, PONG_PADDLE_Y_MAX))
            return "paddle_y";
        if (!in_range(pong->target_y[i], 0, PONG_PADDLE_Y_MAX))
            return "target_y";
    }
    /* abs() of the smallest number is none. */
    if (pong->ball_vx == INT32_MIN || pong->ball_vy == INT32_MIN || !is_ball_possible(pong))
        return "ball";
    return NULL;
}

static const char *seat_problem(const struct seat_checkpoint *seat, const struct pong *pong)
{
    if (!seat->held)
        return pong->phase == PONG_WAITING ? NULL : "an empty seat";
    if (!is_ended(seat->player_id, sizeof seat->player_id) ||
        !text_is_player_id(seat->player_id, strlen(seat->player_id)))
        return "player_id";
    if (!is_ended(seat->username, sizeof seat->username) ||
        !text_is_username(seat->username, strlen(seat->username)))
        return "username";
    /* who was expelled has none, and that ends a match */
    if (seat->is_bot != digest_is_nothing(&seat->token) &&
        (seat->is_bot || pong->phase != PONG_FINISHED))
        return "token";
    if (!in_range(seat->bot_level, 0, seat->is_bot ? BOT_LEVEL_COUNT - 1 : 0))
        return "bot_level";
    if (!in_range(seat->pauses_left, 0, PAUSES_MAX))
        return "pauses_left";
    if (seat->wants_rematch && pong->phase != PONG_FINISHED)
        return "wants_rematch";
    return NULL;
}

static const char *seats_problem(const struct room_checkpoint *checkpoint)
{
    const struct seat_checkpoint *seats = checkpoint->seats;
    for (int i = 0; i < 2; i++) {
        const char *problem = seat_problem(&seats[i], &checkpoint->pong);
        if (problem)
            return problem;
    }
    if (!seats[0].held || !seats[1].held)
        return NULL;
    if (seats[0].is_bot && seats[1].is_bot)
        return "two bots";
    if (digest_equal(&seats[0].token, &seats[1].token))
        return "one token for two seats";
    if (seats[0].wants_rematch && seats[1].wants_rematch)
        return "a rematch that did not begin";
    return NULL;
}

/* The score of a match that goes on, and who lost the last point. */
static const char *score_problem(const struct room_checkpoint *checkpoint)
{
    const struct pong *pong = &checkpoint->pong;
    const uint8_t *score = pong->score;
    const int last_loser = checkpoint->last_loser;
    const bool has_points = score[0] + score[1] > 0;

    if (score[0] >= pong->winning_score || score[1] >= pong->winning_score)
        return "score";
    if (has_points && (pong->phase == PONG_WAITING || !checkpoint->served))
        return "points without a serve";
    if (has_points != (last_loser != 0) || (last_loser != 0 && score[2 - last_loser] == 0))
        return "last_loser";
    if (pong->phase == PONG_WAITING ? checkpoint->served
                                    : pong->ball_vx != 0 && !checkpoint->served)
        return "served";
    if (checkpoint->winner != 0)
        return "winner";
    return NULL;
}

/* The score of a match that is over, and who has won it how. A result that was taken over from the
 * store sets these alone, so they are not compared with the rest. */
static const char *end_problem(const struct room_checkpoint *checkpoint)
{
    const struct pong *pong = &checkpoint->pong;
    const uint8_t *score = pong->score;
    const int winner = checkpoint->winner;
    const bool is_won[2] = {score[0] == pong->winning_score, score[1] == pong->winning_score};

    if (score[0] > pong->winning_score || score[1] > pong->winning_score ||
        (is_won[0] && is_won[1]))
        return "score";
    if (winner > 2)
        return "winner";
    switch (checkpoint->end) {
    case MATCH_END_SCORE:
        return winner != 0 && is_won[winner - 1] ? NULL : "winner";
    case MATCH_END_FORFEIT:
        return winner != 0 && !is_won[0] && !is_won[1] ? NULL : "winner";
    case MATCH_END_ABANDONED:
        return !is_won[0] && !is_won[1] &&
                       winner == (score[0] > score[1]   ? 1
                                  : score[1] > score[0] ? 2
                                                        : 0)
                   ? NULL
                   : "winner";
    default:
        return "end";
    }
}

static const char *times_problem(const struct room_checkpoint *checkpoint)
{
    if (!in_range(checkpoint->created_unix_ms, 0, UNIX_MS_MAX))
        return "created_unix_ms";
    if (!in_range(checkpoint->match_used_ms, 0, USED_MS_MAX))
        return "match_used_ms";
    for (int i = 0; i < 2; i++) {
        const int64_t max = checkpoint->seats[i].held ? LEFT_MS_MAX : 0;
        if (!in_range(checkpoint->away_used_ms[i], 0, max))
            return "away_used_ms";
    }
    /* Less than nothing left is how a deadline looks that was passed, but not looked at yet. */
    if (!in_range(checkpoint->match_left_ms, -LEFT_MS_MAX, LEFT_MS_MAX))
        return "match_left_ms";
    if (checkpoint->pong.phase != PONG_FINISHED)
        return NULL;
    if (!in_range(checkpoint->rematch_left_ms, -LEFT_MS_MAX, LEFT_MS_MAX))
        return "rematch_left_ms";
    if (!in_range(checkpoint->duration_ms, 0, USED_MS_MAX))
        return "duration_ms";
    if (!in_range(checkpoint->ended_unix_ms, 0, UNIX_MS_MAX))
        return "ended_unix_ms";
    return NULL;
}

static bool is_room_code(const char text[ROOM_CODE_SIZE])
{
    char code[ROOM_CODE_SIZE];
    return is_ended(text, ROOM_CODE_SIZE) && text_room_code(text, strlen(text), code) &&
           strcmp(code, text) == 0;
}

static const char *names_problem(const struct room_checkpoint *checkpoint)
{
    const char *creator_id = checkpoint->creator_id;
    if (!is_uuid(checkpoint->match_id))
        return "match_id";
    if (!is_ended(creator_id, sizeof checkpoint->creator_id) ||
        (creator_id[0] && !text_is_player_id(creator_id, strlen(creator_id))))
        return "creator_id";
    return NULL;
}

const char *checkpoint_problem(const struct room_checkpoint *checkpoint)
{
    assert(!checkpoint->is_partial);
    if (!is_room_code(checkpoint->room_code))
        return "room_code";
    if (checkpoint->is_gone)
        return NULL;
    if (!in_range(checkpoint->pong.winning_score, 1, WINNING_SCORE_MAX))
        return "winning_score";
    const char *problem = names_problem(checkpoint);
    if (!problem)
        problem = court_problem(&checkpoint->pong);
    if (!problem)
        problem = seats_problem(checkpoint);
    if (!problem && checkpoint->last_loser > 2)
        problem = "last_loser";
    if (!problem)
        problem = checkpoint->pong.phase == PONG_FINISHED ? end_problem(checkpoint)
                                                          : score_problem(checkpoint);
    return problem ? problem : times_problem(checkpoint);
}
