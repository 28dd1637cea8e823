/*
 * The bytes of a result, to the letter.
 */
#include "gamed/result_body.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "gamed/store.h"

static struct match_result result_of(unsigned int number)
{
    struct match_result result = {.room_code = "A1B2C3",
                                  .player_id = {"42", "guest-0a1b2c3d"},
                                  .score = {10, 7},
                                  .winner = 1,
                                  .reason = MATCH_END_SCORE,
                                  .duration_s = 93.1,
                                  .finished_at_unix = 1767323045.678};
    snprintf(result.match_id, sizeof(result.match_id), "00000000-0000-4000-8000-%012u", number);
    return result;
}

static void test_the_body_has_every_field(void **state)
{
    static const char expected[] =
        "{\"room_code\":\"A1B2C3\",\"player_1_id\":\"42\",\"player_2_id\":\"guest-0a1b2c3d\","
        "\"player_1_score\":10,\"player_2_score\":7,\"winner_id\":\"42\",\"duration\":93.1,"
        "\"finished_at\":1767323045.678,\"reason\":\"score\","
        "\"match_id\":\"00000000-0000-4000-8000-000000000001\"}";
    struct match_result result = result_of(1);
    char body[OUTBOX_BODY_MAX];
    size_t size;
    (void)state;
    assert_int_equal(result_body_write(&result, body, sizeof(body), &size), 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(body, expected, size);
    assert_int_equal(result_body_write(&result, body, size, &size), 0);
    assert_int_equal(result_body_write(&result, body, size - 1, &size), -1);
}

static json_t *body_of(const struct match_result *result)
{
    char body[OUTBOX_BODY_MAX];
    size_t size;
    assert_int_equal(result_body_write(result, body, sizeof(body), &size), 0);
    json_t *json = json_loadb(body, size, 0, NULL);
    assert_non_null(json);
    return json;
}

static void test_the_body_tells_who_won_and_why(void **state)
{
    struct match_result result = result_of(1);
    (void)state;
    result.winner = 2;
    result.reason = MATCH_END_FORFEIT;
    result.duration_s = 12;
    json_t *json = body_of(&result);
    assert_string_equal(json_string_value(json_object_get(json, "winner_id")), "guest-0a1b2c3d");
    assert_string_equal(json_string_value(json_object_get(json, "reason")), "forfeit");
    assert_true(json_is_real(json_object_get(json, "duration")));
    json_decref(json);
    result.winner = 0;
    result.reason = MATCH_END_ABANDONED;
    json = body_of(&result);
    assert_true(json_is_null(json_object_get(json, "winner_id")));
    assert_string_equal(json_string_value(json_object_get(json, "reason")), "abandoned");
    json_decref(json);
}

static void test_the_longest_body_fits_and_nonsense_is_refused(void **state)
{
    struct match_result result = result_of(1);
    char body[OUTBOX_BODY_MAX];
    size_t size;
    (void)state;
    for (size_t i = 0; i < 2; i++)
        memset(result.player_id[i], '\x01', PLAYER_ID_SIZE - 1); /* six bytes each in JSON */
    json_decref(body_of(&result));
    memcpy(result.player_id[0], "\xff\xfe", 3);
    assert_int_equal(result_body_write(&result, body, sizeof(body), &size), -1);
    result = result_of(1);
    result.duration_s = NAN;
    assert_int_equal(result_body_write(&result, body, sizeof(body), &size), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_body_has_every_field),
        cmocka_unit_test(test_the_body_tells_who_won_and_why),
        cmocka_unit_test(test_the_longest_body_fits_and_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
