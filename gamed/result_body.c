/*
 * result_body: see result_body.h.
 */
#include "gamed/result_body.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

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
