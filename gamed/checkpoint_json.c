/*
 * checkpoint_json: a checkpoint as the JSON object of its row, and back. Reading looks at types only,
 * so that each value fits where it goes; which values make sense is checkpoint_problem()'s to say.
 */
#include "gamed/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum {
    RANDOM_STATE_DIGITS = 16
};

static bool is_nothing(const struct digest *digest)
{
    return !digest_equal(digest, digest);
}

/* ---- to JSON ------------------------------------------------------------------------- */

/* A digest as its digits, or null for that of nothing. */
static const char *digest_text(const struct digest *digest, char hex[DIGEST_HEX_SIZE])
{
    if (is_nothing(digest))
        return NULL;
    digest_to_hex(digest, hex);
    return hex;
}

static json_t *pack_pong(const struct pong *pong)
{
    return json_pack(
        "{s:I, s:[i,i,i,i], s:[i,i], s:[i,i], s:[i,i], s:i, s:i, s:i, s:i}", "step",
        (json_int_t)pong->step, "ball", (int)pong->ball_x, (int)pong->ball_y, (int)pong->ball_vx,
        (int)pong->ball_vy, "paddle_y", (int)pong->paddle_y[0], (int)pong->paddle_y[1], "target_y",
        (int)pong->target_y[0], (int)pong->target_y[1], "score", (int)pong->score[0],
        (int)pong->score[1], "phase", (int)pong->phase, "steps_left", (int)pong->steps_left,
        "winning_score", (int)pong->winning_score, "serve_steps", (int)pong->serve_steps);
}

static json_t *pack_seat(const struct seat_checkpoint *seat)
{
    char hex[DIGEST_HEX_SIZE];
    if (!seat->held)
        return json_null();
    return json_pack("{s:s, s:s, s:s?, s:b, s:b, s:i, s:i, s:I, s:b}", "player_id", seat->player_id,
                     "username", seat->username, "token", digest_text(&seat->token, hex),
                     "is_guest", seat->is_guest, "is_bot", seat->is_bot, "bot_level",
                     seat->bot_level, "pauses_left", seat->pauses_left, "away_used_ms",
                     (json_int_t)seat->away_used_ms, "wants_rematch", seat->wants_rematch);
}

static json_int_t left(int64_t milliseconds)
{
    return milliseconds > 0 ? milliseconds : 0;
}

/* Null while the match is not over. */
static json_t *pack_end(const struct room_checkpoint *checkpoint)
{
    if (checkpoint->pong.phase != PONG_FINISHED)
        return json_null();
    return json_pack("{s:i, s:i, s:I, s:I, s:I}", "winner", (int)checkpoint->winner, "end",
                     (int)checkpoint->end, "rematch_left_ms", left(checkpoint->rematch_left_ms),
                     "duration_ms", (json_int_t)checkpoint->duration_ms, "ended_unix_ms",
                     (json_int_t)checkpoint->ended_unix_ms);
}

static json_t *pack(const struct room_checkpoint *checkpoint)
{
    char hex[DIGEST_HEX_SIZE], random_state[RANDOM_STATE_DIGITS + 1];
    /* JSON's integers are signed. */
    snprintf(random_state, sizeof random_state, "%016" PRIx64, checkpoint->random_state);
    return json_pack(
        "{s:i, s:s, s:b, s:I, s:s?, s:s, s:s, s:s, s:I, s:I, s:b, s:i, s:o, s:[o,o], s:o}",
        "version", CHECKPOINT_VERSION, "room_code", checkpoint->room_code, "is_public",
        checkpoint->is_public, "created_unix_ms", (json_int_t)checkpoint->created_unix_ms,
        "creator_token", digest_text(&checkpoint->creator_token, hex), "creator_id",
        checkpoint->creator_id, "match_id", checkpoint->match_id, "random_state", random_state,
        "match_used_ms", (json_int_t)checkpoint->match_used_ms, "match_left_ms",
        left(checkpoint->match_left_ms), "served", checkpoint->served, "last_loser",
        (int)checkpoint->last_loser, "pong", pack_pong(&checkpoint->pong), "seats",
        pack_seat(&checkpoint->seats[0]), pack_seat(&checkpoint->seats[1]), "over",
        pack_end(checkpoint));
}

long checkpoint_encode(const struct room_checkpoint *checkpoint, char *out, size_t size)
{
    assert(!checkpoint->is_gone);
    if (checkpoint_problem(checkpoint))
        return CHECKPOINT_BAD;
    json_t *json = pack(checkpoint);
    if (!json)
        return CHECKPOINT_NO_MEMORY;
    const size_t length = json_dumpb(json, out, size, JSON_COMPACT);
    json_decref(json);
    if (length == 0)
        return CHECKPOINT_NO_MEMORY;
    return length <= size ? (long)length : CHECKPOINT_BAD;
}

/* ---- from JSON ----------------------------------------------------------------------- */

/* Remembers whether anything was missing or of another type. */
struct reader {
    bool failed;
};

static int64_t read_integer(struct reader *reader, const json_t *value, int64_t min, int64_t max)
{
    const json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= min && number <= max)
        return number;
    reader->failed = true;
    return min;
}

static int64_t get_integer(struct reader *reader, const json_t *object, const char *key,
                           int64_t min, int64_t max)
{
    return read_integer(reader, json_object_get(object, key), min, max);
}

static bool get_bool(struct reader *reader, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    reader->failed |= !json_is_boolean(value);
    return json_is_true(value);
}

static void get_text(struct reader *reader, const json_t *object, const char *key, char *out,
                     size_t size)
{
    const json_t *value = json_object_get(object, key);
    const size_t length = json_string_length(value);
    if (!json_is_string(value) || length >= size) {
        reader->failed = true;
        return;
    }
    memcpy(out, json_string_value(value), length + 1);
}

static void get_digest(struct reader *reader, const json_t *object, const char *key,
                       struct digest *out)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_null(value))
        return;
    if (!json_is_string(value) || !digest_from_hex(json_string_value(value), out) ||
        is_nothing(out))
        reader->failed = true;
}

/* As many small numbers as there are in the array; it must have so many. */
static void get_numbers(struct reader *reader, const json_t *object, const char *key, int32_t *out,
                        size_t count)
{
    const json_t *array = json_object_get(object, key);
    reader->failed |= json_array_size(array) != count;
    for (size_t i = 0; i < count; i++)
        out[i] = (int32_t)read_integer(reader, json_array_get(array, i), INT32_MIN, INT32_MAX);
}

static void read_pong(struct reader *reader, const json_t *json, struct pong *pong)
{
    int32_t ball[4], score[2];
    pong->step = (uint32_t)get_integer(reader, json, "step", 0, UINT32_MAX);
    get_numbers(reader, json, "ball", ball, 4);
    get_numbers(reader, json, "paddle_y", pong->paddle_y, 2);
    get_numbers(reader, json, "target_y", pong->target_y, 2);
    get_numbers(reader, json, "score", score, 2);
    pong->ball_x = ball[0];
    pong->ball_y = ball[1];
    pong->ball_vx = ball[2];
    pong->ball_vy = ball[3];
    for (int i = 0; i < 2; i++) {
        reader->failed |= score[i] < 0 || score[i] > UINT8_MAX;
        pong->score[i] = (uint8_t)score[i];
    }
    pong->phase = (uint8_t)get_integer(reader, json, "phase", 0, UINT8_MAX);
    pong->steps_left = (uint16_t)get_integer(reader, json, "steps_left", 0, UINT16_MAX);
    pong->winning_score = (uint8_t)get_integer(reader, json, "winning_score", 0, UINT8_MAX);
    pong->serve_steps = (uint16_t)get_integer(reader, json, "serve_steps", 0, UINT16_MAX);
}

static void read_seat(struct reader *reader, const json_t *json, struct seat_checkpoint *seat)
{
    if (json_is_null(json))
        return;
    seat->held = true;
    get_text(reader, json, "player_id", seat->player_id, sizeof seat->player_id);
    get_text(reader, json, "username", seat->username, sizeof seat->username);
    get_digest(reader, json, "token", &seat->token);
    seat->is_guest = get_bool(reader, json, "is_guest");
    seat->is_bot = get_bool(reader, json, "is_bot");
    seat->bot_level = (int)get_integer(reader, json, "bot_level", 0, INT_MAX);
    seat->pauses_left = (int)get_integer(reader, json, "pauses_left", 0, INT_MAX);
    seat->away_used_ms = get_integer(reader, json, "away_used_ms", 0, INT64_MAX);
    seat->wants_rematch = get_bool(reader, json, "wants_rematch");
}

static void read_end(struct reader *reader, const json_t *json, struct room_checkpoint *checkpoint)
{
    reader->failed |= json_is_null(json) != (checkpoint->pong.phase != PONG_FINISHED);
    if (json_is_null(json))
        return;
    checkpoint->winner = (uint8_t)get_integer(reader, json, "winner", 0, UINT8_MAX);
    checkpoint->end = (uint8_t)get_integer(reader, json, "end", 0, UINT8_MAX);
    checkpoint->rematch_left_ms = get_integer(reader, json, "rematch_left_ms", 0, INT64_MAX);
    checkpoint->duration_ms = get_integer(reader, json, "duration_ms", 0, INT64_MAX);
    checkpoint->ended_unix_ms = get_integer(reader, json, "ended_unix_ms", 0, INT64_MAX);
}

static void get_random_state(struct reader *reader, const json_t *object, uint64_t *out)
{
    char digits[RANDOM_STATE_DIGITS + 1] = "";
    get_text(reader, object, "random_state", digits, sizeof digits);
    if (strspn(digits, "0123456789abcdef") != RANDOM_STATE_DIGITS)
        reader->failed = true;
    else
        *out = strtoull(digits, NULL, 16);
}

static void read_room(struct reader *reader, const json_t *json, struct room_checkpoint *checkpoint)
{
    const json_t *seats = json_object_get(json, "seats");
    get_integer(reader, json, "version", 1, CHECKPOINT_VERSION);
    get_text(reader, json, "room_code", checkpoint->room_code, sizeof checkpoint->room_code);
    checkpoint->is_public = get_bool(reader, json, "is_public");
    checkpoint->created_unix_ms = get_integer(reader, json, "created_unix_ms", 0, INT64_MAX);
    get_digest(reader, json, "creator_token", &checkpoint->creator_token);
    get_text(reader, json, "creator_id", checkpoint->creator_id, sizeof checkpoint->creator_id);
    get_text(reader, json, "match_id", checkpoint->match_id, sizeof checkpoint->match_id);
    get_random_state(reader, json, &checkpoint->random_state);
    checkpoint->match_used_ms = get_integer(reader, json, "match_used_ms", 0, INT64_MAX);
    checkpoint->match_left_ms = get_integer(reader, json, "match_left_ms", 0, INT64_MAX);
    checkpoint->served = get_bool(reader, json, "served");
    checkpoint->last_loser = (uint8_t)get_integer(reader, json, "last_loser", 0, UINT8_MAX);
    read_pong(reader, json_object_get(json, "pong"), &checkpoint->pong);
    reader->failed |= json_array_size(seats) != 2;
    for (size_t i = 0; i < 2; i++)
        read_seat(reader, json_array_get(seats, i), &checkpoint->seats[i]);
    read_end(reader, json_object_get(json, "over"), checkpoint);
}

int checkpoint_decode(const char *text, size_t length, struct room_checkpoint *checkpoint)
{
    struct reader reader = {.failed = false};
    memset(checkpoint, 0, sizeof *checkpoint);
    if (length > CHECKPOINT_JSON_MAX)
        return CHECKPOINT_BAD;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    if (!json)
        return CHECKPOINT_BAD;
    read_room(&reader, json, checkpoint);
    json_decref(json);
    return reader.failed || checkpoint_problem(checkpoint) ? CHECKPOINT_BAD : CHECKPOINT_OK;
}
