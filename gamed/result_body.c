/*
 * result_body: see result_body.h.
 */
#include "gamed/result_body.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Bounds of what is read, so that milliseconds of it fit any integer: ten years of one match, and the
 * end of the year 9999. */
#define DURATION_MAX_S    315360000.0
#define FINISHED_AT_MAX_S 253402300799.0

static const char *reason_word(enum match_end reason)
{
    switch (reason) {
    case MATCH_END_SCORE:
        return "score";
    case MATCH_END_FORFEIT:
        return "forfeit";
    case MATCH_END_ABANDONED:
        return "abandoned";
    }
    abort();
}

/* Whole milliseconds, so that 15 digits are enough and nothing like 12.300000000000001 is sent. */
static double to_milliseconds(double seconds)
{
    return round(seconds * 1000) / 1000;
}

int result_body_write(const struct match_result *result, char *out, size_t size, size_t *length)
{
    assert(result->winner <= 2);
    const char *winner = result->winner ? result->player_id[result->winner - 1] : NULL;
    json_t *body = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s?, s:f, s:f, s:s, s:s}", "room_code",
                             result->room_code, "player_1_id", result->player_id[0], "player_2_id",
                             result->player_id[1], "player_1_score", (int)result->score[0],
                             "player_2_score", (int)result->score[1], "winner_id", winner,
                             "duration", to_milliseconds(result->duration_s), "finished_at",
                             to_milliseconds(result->finished_at_unix), "reason",
                             reason_word(result->reason), "match_id", result->match_id);
    if (!body)
        return -1;
    *length = json_dumpb(body, out, size, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(body);
    return *length > 0 && *length <= size ? 0 : -1;
}

/* ---- and back ------------------------------------------------------------------------ */

static bool copy_text(const json_t *value, char *out, size_t size)
{
    const size_t length = json_string_length(value);
    if (!json_is_string(value) || length == 0 || length >= size)
        return false;
    memcpy(out, json_string_value(value), length + 1);
    return true;
}

static bool read_score(const json_t *value, uint8_t *score)
{
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > UINT8_MAX)
        return false;
    *score = (uint8_t)number;
    return true;
}

static bool read_seconds(const json_t *value, double max, double *seconds)
{
    *seconds = json_number_value(value);
    return json_is_number(value) && *seconds >= 0 && *seconds <= max;
}

static bool read_reason(const json_t *value, enum match_end *reason)
{
    for (int i = MATCH_END_SCORE; i <= MATCH_END_ABANDONED; i++) {
        *reason = (enum match_end)i;
        if (json_is_string(value) && strcmp(json_string_value(value), reason_word(*reason)) == 0)
            return true;
    }
    return false;
}

/* One person may hold both seats, in two tabs; then the score tells who won. */
static bool read_winner(const json_t *value, struct match_result *result)
{
    const char *id = json_string_value(value);
    const bool is[2] = {id && strcmp(id, result->player_id[0]) == 0,
                        id && strcmp(id, result->player_id[1]) == 0};
    if (is[0] && is[1])
        result->winner = result->score[1] > result->score[0] ? 2 : 1;
    else
        result->winner = is[0] ? 1 : is[1] ? 2 : 0;
    return json_is_null(value) || result->winner != 0;
}

int result_body_read(const char *body, size_t length, struct match_result *result)
{
    memset(result, 0, sizeof(*result));
    json_t *json = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
    const bool is_result =
        json && copy_text(json_object_get(json, "match_id"), result->match_id, UUID_SIZE) &&
        copy_text(json_object_get(json, "room_code"), result->room_code, ROOM_CODE_SIZE) &&
        copy_text(json_object_get(json, "player_1_id"), result->player_id[0], PLAYER_ID_SIZE) &&
        copy_text(json_object_get(json, "player_2_id"), result->player_id[1], PLAYER_ID_SIZE) &&
        read_score(json_object_get(json, "player_1_score"), &result->score[0]) &&
        read_score(json_object_get(json, "player_2_score"), &result->score[1]) &&
        read_winner(json_object_get(json, "winner_id"), result) &&
        read_reason(json_object_get(json, "reason"), &result->reason) &&
        (result->winner != 0 || result->reason == MATCH_END_ABANDONED) &&
        read_seconds(json_object_get(json, "duration"), DURATION_MAX_S, &result->duration_s) &&
        read_seconds(json_object_get(json, "finished_at"), FINISHED_AT_MAX_S,
                     &result->finished_at_unix);
    json_decref(json);
    return is_result ? 0 : -1;
}
