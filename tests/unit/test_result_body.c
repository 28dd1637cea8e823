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

/* ---- and back -------------------------------------------------------------------------- */

static int read_back(const struct match_result *result, struct match_result *back)
{
    char body[OUTBOX_BODY_MAX];
    size_t size;
    assert_int_equal(result_body_write(result, body, sizeof(body), &size), 0);
    memset(back, 0xa5, sizeof(*back));
    return result_body_read(body, size, back);
}

static void test_a_body_tells_the_result(void **state)
{
    static const enum match_end ends[] = {MATCH_END_SCORE, MATCH_END_FORFEIT, MATCH_END_ABANDONED};
    (void)state;
    for (unsigned int i = 0; i < 9; i++) {
        struct match_result result = result_of(i), back;
        result.reason = ends[i / 3];
        result.winner = (uint8_t)(i % 3);
        if (result.winner == 0 && result.reason != MATCH_END_ABANDONED) {
            assert_int_equal(read_back(&result, &back), -1);
            continue;
        }
        assert_int_equal(read_back(&result, &back), 0);
        assert_string_equal(back.match_id, result.match_id);
        assert_string_equal(back.room_code, "A1B2C3");
        assert_string_equal(back.player_id[0], "42");
        assert_string_equal(back.player_id[1], "guest-0a1b2c3d");
        assert_int_equal(back.score[0], 10);
        assert_int_equal(back.score[1], 7);
        assert_int_equal(back.winner, result.winner);
        assert_int_equal(back.reason, result.reason);
        assert_true(back.duration_s == 93.1);
        assert_true(back.finished_at_unix == 1767323045.678);
        assert_false(back.has_bot || back.has_guest);
    }
}

static void test_of_one_person_in_both_seats_the_score_tells_who_won(void **state)
{
    struct match_result result = result_of(1), back;
    (void)state;
    strcpy(result.player_id[1], "42");
    assert_int_equal(read_back(&result, &back), 0);
    assert_int_equal(back.winner, 1);
    result.winner = 2;
    result.score[1] = 11;
    assert_int_equal(read_back(&result, &back), 0);
    assert_int_equal(back.winner, 2);
    result.winner = 0;
    result.reason = MATCH_END_ABANDONED;
    assert_int_equal(read_back(&result, &back), 0);
    assert_int_equal(back.winner, 0);
}

static void test_bytes_that_are_no_result_are_refused(void **state)
{
    static const struct {
        const char *from, *to;
    } table[] = {
        {"{", "["},
        {"}", ""},
        {"\"match_id\":\"0", "\"match_id\":\"00"},
        {"\"match_id\":\"", "\"other\":\""},
        {"\"A1B2C3\"", "\"A1B2C3D\""},
        {"\"A1B2C3\"", "\"\""},
        {"\"player_1_id\":\"42\"", "\"player_1_id\":42"},
        {"\"player_1_score\":10", "\"player_1_score\":266"},
        {"\"player_1_score\":10", "\"player_1_score\":-1"},
        {"\"player_1_score\":10", "\"player_1_score\":10.5"},
        {"\"winner_id\":\"42\"", "\"winner_id\":\"43\""},
        {"\"winner_id\":\"42\"", "\"winner_id\":42"},
        {"\"winner_id\":\"42\",", ""},
        {"\"reason\":\"score\"", "\"reason\":\"scores\""},
        {"\"reason\":\"score\"", "\"reason\":null"},
        {"\"duration\":93.1", "\"duration\":-93.1"},
        {"\"duration\":93.1", "\"duration\":\"93.1\""},
        {"\"finished_at\":1767323045.678", "\"finished_at\":null"},
        {"\"winner_id\":\"42\"", "\"winner_id\":null"}, /* on points */
        {"\"duration\":93.1", "\"duration\":1e300"},
        {"\"finished_at\":1767323045.678", "\"finished_at\":1e18"},
    };
    const struct match_result result = result_of(1);
    struct match_result back;
    char body[OUTBOX_BODY_MAX + 1], changed[2 * OUTBOX_BODY_MAX];
    size_t size;
    (void)state;
    assert_int_equal(result_body_write(&result, body, OUTBOX_BODY_MAX, &size), 0);
    body[size] = '\0';
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *at = strstr(body, table[i].from);
        assert_non_null(at);
        const int length = snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - body), body,
                                    table[i].to, at + strlen(table[i].from));
        if (result_body_read(changed, (size_t)length, &back) != -1)
            fail_msg("taken: %s", changed);
    }
    for (size_t i = 0; i < size; i++)
        assert_int_equal(result_body_read(body, i, &back), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_body_has_every_field),
        cmocka_unit_test(test_the_body_tells_who_won_and_why),
        cmocka_unit_test(test_the_longest_body_fits_and_nonsense_is_refused),
        cmocka_unit_test(test_a_body_tells_the_result),
        cmocka_unit_test(test_of_one_person_in_both_seats_the_score_tells_who_won),
        cmocka_unit_test(test_bytes_that_are_no_result_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
