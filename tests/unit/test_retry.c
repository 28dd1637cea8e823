/*
 * What an answer means and when the next attempt comes, as tables.
 */
#include "gamed/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    NOW = 1000000
};

static const struct retry_policy production = {.base_ms = 1000,
                                               .max_ms = 300000,
                                               .after_max_ms = 3600000,
                                               .refused_every_ms = 300000,
                                               .refused_for_ms = 86400000};

static void test_every_status_has_its_class(void **state)
{
    static const struct {
        int from, to;
        enum retry_class class;
    } table[] = {
        {0, 199, RETRY_CLASS_BACKOFF},     {200, 299, RETRY_CLASS_DELIVERED},
        {300, 400, RETRY_CLASS_PERMANENT}, {401, 401, RETRY_CLASS_REFUSED},
        {402, 402, RETRY_CLASS_PERMANENT}, {403, 404, RETRY_CLASS_REFUSED},
        {405, 407, RETRY_CLASS_PERMANENT}, {408, 409, RETRY_CLASS_BACKOFF},
        {410, 424, RETRY_CLASS_PERMANENT}, {425, 425, RETRY_CLASS_BACKOFF},
        {426, 428, RETRY_CLASS_PERMANENT}, {429, 429, RETRY_CLASS_BACKOFF},
        {430, 499, RETRY_CLASS_PERMANENT}, {500, 999, RETRY_CLASS_BACKOFF},
    };
    int next = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(table[i].from, next);
        for (int status = table[i].from; status <= table[i].to; status++)
            assert_int_equal(retry_classify(status), table[i].class);
        next = table[i].to + 1;
    }
    assert_int_equal(next, 1000);
}

static void test_backoff_doubles_from_one_second_to_five_minutes(void **state)
{
    static const int64_t ceilings[] = {1000,  2000,   4000,   8000,   16000, 32000,
                                       64000, 128000, 256000, 300000, 300000};
    (void)state;
    for (uint32_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        assert_int_equal(retry_backoff_ms(&production, i + 1, 0), 0);
        assert_int_equal(retry_backoff_ms(&production, i + 1, UINT32_MAX), ceilings[i]);
        /* Full jitter: half of the random numbers lie in the lower half. */
        assert_int_equal(retry_backoff_ms(&production, i + 1, UINT32_MAX / 2 + 1),
                         (ceilings[i] + 1) / 2);
    }
    assert_int_equal(retry_backoff_ms(&production, UINT32_MAX, UINT32_MAX), 300000);
}

static enum retry_verdict answered(struct retry_state *retry, int status, int64_t retry_after_s,
                                   int64_t now_ms, uint32_t random)
{
    const struct retry_answer answer = {.status = status, .retry_after_s = retry_after_s};
    return retry_decide(&production, retry, &answer, now_ms, random);
}

static void test_retry_after_takes_the_place_of_the_backoff(void **state)
{
    static const struct {
        int status;
        int64_t after_s, least_ms;
    } table[] = {
        {429, 1, 1000},
        {503, 120, 120000},
        {0, 7, 7000},
        {503, 3600, 3600000},
        {503, 3601, 3600000},
        {429, INT64_MAX, 3600000},
        {500, INT64_MAX / 1000, 3600000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct retry_state retry = {.attempts = 20};
        assert_int_equal(answered(&retry, table[i].status, table[i].after_s, NOW, 0), RETRY_LATER);
        assert_int_equal(retry.next_attempt_ms, NOW + table[i].least_ms);
        answered(&retry, table[i].status, table[i].after_s, NOW, UINT32_MAX);
        assert_int_equal(retry.next_attempt_ms, NOW + table[i].least_ms + 1000);
    }
    /* None, zero, or a date in the past: the backoff. */
    for (int64_t after_s = -2; after_s <= 0; after_s++) {
        struct retry_state retry = {0};
        assert_int_equal(answered(&retry, 429, after_s, NOW, UINT32_MAX), RETRY_LATER);
        assert_int_equal(retry.next_attempt_ms, NOW + 1000);
    }
}

static void test_attempts_and_status_are_remembered(void **state)
{
    struct retry_state retry = {0};
    (void)state;
    assert_int_equal(answered(&retry, 500, 0, NOW, UINT32_MAX), RETRY_LATER);
    assert_int_equal(retry.next_attempt_ms, NOW + 1000);
    assert_int_equal(answered(&retry, 0, 0, NOW, UINT32_MAX), RETRY_LATER);
    assert_int_equal(retry.next_attempt_ms, NOW + 2000);
    assert_int_equal(retry.last_status, 0);
    assert_int_equal(answered(&retry, 201, 0, NOW, 0), RETRY_DELIVERED);
    assert_int_equal(retry.attempts, 3);
    assert_int_equal(retry.last_status, 201);
    assert_int_equal(answered(&retry, 400, 5, NOW, 0), RETRY_GIVE_UP);
    assert_int_equal(answered(&retry, 302, 0, NOW, 0), RETRY_GIVE_UP);
}

static void test_refused_for_a_day_is_given_up(void **state)
{
    struct retry_state retry = {0};
    int64_t now = NOW;
    (void)state;
    /* Every 5 minutes, whatever the Retry-After and the random number: 288 times in 24 h. */
    for (int i = 0; i < 288; i++) {
        assert_int_equal(answered(&retry,
                                  i % 3   ? 401
                                  : i % 2 ? 403
                                          : 404,
                                  i % 5, now, UINT32_MAX),
                         RETRY_LATER);
        assert_int_equal(retry.next_attempt_ms, now + 300000);
        now = retry.next_attempt_ms;
    }
    assert_int_equal(now, NOW + 86400000);
    assert_int_equal(answered(&retry, 401, 0, now, 0), RETRY_GIVE_UP);
}

static void test_another_answer_ends_a_row_of_refusals(void **state)
{
    struct retry_state retry = {0};
    (void)state;
    assert_int_equal(answered(&retry, 404, 0, NOW, 0), RETRY_LATER);
    assert_int_equal(answered(&retry, 502, 0, NOW + 86399999, 0), RETRY_LATER);
    assert_int_equal(answered(&retry, 404, 0, NOW + 86400000, 0), RETRY_LATER);
    assert_int_equal(answered(&retry, 404, 0, NOW + 2 * 86400000LL - 1, 0), RETRY_LATER);
    assert_int_equal(answered(&retry, 404, 0, NOW + 2 * 86400000LL, 0), RETRY_GIVE_UP);
}

static void test_the_gate_shuts_and_opens(void **state)
{
    struct retry_gate gate = {0};
    (void)state;
    for (int i = 0; i < RETRY_GATE_FAILURES; i++) {
        assert_false(retry_gate_is_shut(&gate));
        retry_gate_note(&gate, &production, RETRY_LATER, NOW + i);
    }
    assert_true(retry_gate_is_shut(&gate));
    assert_int_equal(gate.next_ms, NOW + RETRY_GATE_FAILURES - 1 + 1000);
    retry_gate_note(&gate, &production, RETRY_LATER, NOW + 5000);
    assert_true(retry_gate_is_shut(&gate));
    assert_int_equal(gate.next_ms, NOW + 6000);
    retry_gate_note(&gate, &production, RETRY_DELIVERED, NOW + 6000);
    assert_false(retry_gate_is_shut(&gate));
    /* It takes as many again; a final refusal is an answer for good, too. */
    for (int i = 0; i < RETRY_GATE_FAILURES - 1; i++)
        retry_gate_note(&gate, &production, RETRY_LATER, NOW);
    assert_false(retry_gate_is_shut(&gate));
    retry_gate_note(&gate, &production, RETRY_GIVE_UP, NOW);
    retry_gate_note(&gate, &production, RETRY_LATER, NOW);
    assert_false(retry_gate_is_shut(&gate));
}

static void test_the_defaults_are_those_of_the_protocol(void **state)
{
    const struct retry_policy policy = RETRY_POLICY_DEFAULT;
    (void)state;
    assert_int_equal(policy.base_ms, production.base_ms);
    assert_int_equal(policy.max_ms, production.max_ms);
    assert_int_equal(policy.after_max_ms, production.after_max_ms);
    assert_int_equal(policy.refused_every_ms, production.refused_every_ms);
    assert_int_equal(policy.refused_for_ms, production.refused_for_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_its_class),
        cmocka_unit_test(test_backoff_doubles_from_one_second_to_five_minutes),
        cmocka_unit_test(test_retry_after_takes_the_place_of_the_backoff),
        cmocka_unit_test(test_attempts_and_status_are_remembered),
        cmocka_unit_test(test_refused_for_a_day_is_given_up),
        cmocka_unit_test(test_another_answer_ends_a_row_of_refusals),
        cmocka_unit_test(test_the_gate_shuts_and_opens),
        cmocka_unit_test(test_the_defaults_are_those_of_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
