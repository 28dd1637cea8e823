/*
 * Bodies of results as they come from a disk (gamed/result_body.c). What is accepted is within its
 * bounds, and the same result written anew is read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include <math.h>

#include "gamed/result_body.h"
#include "gamed/store.h"

static void check_bounds(const struct match_result *result)
{
    assert(memchr(result->match_id, '\0', sizeof result->match_id) && result->match_id[0]);
    assert(memchr(result->room_code, '\0', sizeof result->room_code) && result->room_code[0]);
    for (int i = 0; i < 2; i++)
        assert(memchr(result->player_id[i], '\0', sizeof result->player_id[i]));
    assert(result->winner <= 2 && result->reason <= MATCH_END_ABANDONED);
    assert(isfinite(result->duration_s) && result->duration_s >= 0);
    assert(isfinite(result->finished_at_unix) && result->finished_at_unix >= 0);
    /* who has won on points or by forfeit is known */
    assert(result->winner != 0 || result->reason == MATCH_END_ABANDONED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char body[OUTBOX_BODY_MAX], second[OUTBOX_BODY_MAX];
    struct match_result result, again;
    size_t length, second_length;
    if (result_body_read((const char *)data, size, &result) != 0)
        return 0;
    check_bounds(&result);
    assert(result_body_write(&result, body, sizeof body, &length) == 0);
    assert(result_body_read(body, length, &again) == 0);
    /* Written, seconds are rounded to milliseconds; once they are, nothing changes any more. */
    assert(fabs(again.duration_s - result.duration_s) <= 0.001 + result.duration_s * 1e-12);
    assert(result_body_write(&again, second, sizeof second, &second_length) == 0);
    assert(length == second_length && memcmp(body, second, length) == 0);
    return 0;
}
