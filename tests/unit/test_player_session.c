/*
 * PlayerSession: a fresh connection, the rate of its messages, its bad ones, its keys.
 */
#include "gamed/player_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum {
    RATE = 120,
    BURST = 2 * RATE
};

static struct now at(int64_t ms)
{
    const int64_t start_ms = 5000000;
    return (struct now){.mono_ms = start_ms + ms,
                        .mono_ns = (start_ms + ms) * 1000000,
                        .unix_ms = 1700000000000 + ms};
}

static struct player_session fresh(int rate)
{
    struct player_session session;
    memset(&session, 0xa5, sizeof session); /* what the pool's last user left */
    player_session_init(&session, NULL, NULL, rate, at(0));
    return session;
}

/* How many of `count` messages that come at once are looked at. */
static int allowed_of(struct player_session *session, int count, int rate, int64_t ms)
{
    int allowed = 0;
    for (int i = 0; i < count; i++)
        allowed += player_session_allow_message(session, rate, at(ms));
    return allowed;
}

static void test_fresh_connection_is_a_spectator_owed_the_state(void **state)
{
    (void)state;
    int connection;
    struct player_session session;
    memset(&session, 0xa5, sizeof session);
    player_session_init(&session, (struct room *)&connection, &connection, RATE, at(7));
    assert_int_equal(session.state, SESSION_OPENING);
    assert_ptr_equal(session.connection, &connection);
    assert_ptr_equal(session.room, &connection);
    assert_int_equal(session.seat, 0);
    assert_int_equal(session.proven, 0);
    assert_true(session.owed_full);
    assert_false(session.is_bot || session.settled || session.greeted || session.may_sit);
    assert_false(session.welcomed || session.owed_greeting);
    assert_null(session.identity);
    assert_string_equal(player_session_fresh_token(&session), "");
    assert_false(session.uses_position);
    assert_int_equal(session.sent_ms, at(7).mono_ms);
    assert_int_equal(session.heard_ms, at(7).mono_ms);
}

/* ---- rate ---------------------------------------------------------------------------- */

static void test_burst_is_two_seconds_worth(void **state)
{
    (void)state;
    struct player_session session = fresh(RATE);
    assert_int_equal(allowed_of(&session, 1000, RATE, 0), BURST);
    assert_int_equal(allowed_of(&session, 10, RATE, 0), 0);
}

static void test_rate_refills_by_the_millisecond(void **state)
{
    (void)state;
    struct player_session session = fresh(RATE);
    allowed_of(&session, BURST, RATE, 0);
    assert_int_equal(allowed_of(&session, 10, RATE, 8), 0); /* 0.96 of a message */
    assert_int_equal(allowed_of(&session, 10, RATE, 9), 1);
    assert_int_equal(allowed_of(&session, 100, RATE, 259), 30); /* a quarter of a second later */
    assert_int_equal(allowed_of(&session, 1000, RATE, 1259), RATE);
}

/* Asking again and again neither costs nor brings anything: no rounding in the caller's favour. */
static void test_refused_messages_cost_nothing(void **state)
{
    (void)state;
    struct player_session session = fresh(RATE);
    int allowed = allowed_of(&session, BURST, RATE, 0);
    for (int64_t ms = 1; ms <= 10000; ms++)
        allowed += allowed_of(&session, 3, RATE, ms);
    assert_int_equal(allowed, BURST + 10 * RATE);
}

static void test_steady_sender_within_the_rate_loses_nothing(void **state)
{
    (void)state;
    struct player_session session = fresh(RATE);
    for (int64_t ms = 0; ms < 60000; ms += 10)
        assert_true(player_session_allow_message(&session, RATE, at(ms)));
}

static void test_bucket_never_holds_more_than_the_burst(void **state)
{
    (void)state;
    static const int64_t gaps_ms[] = {2000, 2001, 60000, 86400000, INT64_C(315360000000)};
    for (size_t i = 0; i < sizeof gaps_ms / sizeof *gaps_ms; i++) {
        struct player_session session = fresh(RATE);
        allowed_of(&session, BURST, RATE, 0);
        assert_int_equal(allowed_of(&session, 1000, RATE, gaps_ms[i]), BURST);
    }
}

static void test_smallest_and_largest_rate(void **state)
{
    (void)state;
    struct player_session session = fresh(1);
    assert_int_equal(allowed_of(&session, 10, 1, 0), 2);
    assert_int_equal(allowed_of(&session, 10, 1, 999), 0);
    assert_int_equal(allowed_of(&session, 10, 1, 1000), 1);
    session = fresh(10000);
    assert_int_equal(allowed_of(&session, 30000, 10000, 0), 20000);
    assert_int_equal(allowed_of(&session, 30000, 10000, INT64_C(315360000000)), 20000);
}

/* ---- bad messages -------------------------------------------------------------------- */

/* Counts bad messages at these times; the index of the one that was one too many, -1 for none. */
static int first_too_many(const int64_t *ms, int count)
{
    struct player_session session = fresh(RATE);
    for (int i = 0; i < count; i++)
        if (player_session_count_bad(&session, at(ms[i])))
            return i;
    return -1;
}

static void test_tenth_bad_message_within_a_minute_is_too_many(void **state)
{
    (void)state;
    static const int64_t at_once[10] = {0};
    static const int64_t just_within[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 59999};
    static const int64_t a_minute_apart[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 60000};
    assert_int_equal(first_too_many(at_once, 10), 9);
    assert_int_equal(first_too_many(just_within, 10), 9);
    assert_int_equal(first_too_many(a_minute_apart, 10), -1);
}

/* Any minute counts, not only those that begin with the first bad message. */
static void test_bad_message_window_slides(void **state)
{
    (void)state;
    static const int64_t around[] = {0,     59000, 59001, 59002, 59003, 59004,
                                     60001, 60002, 60003, 60004, 60005};
    assert_int_equal(first_too_many(around, 11), 10);
    int64_t two_spells[19];
    for (int i = 0; i < 19; i++)
        two_spells[i] = i < 9 ? i : 100000 + i; /* nine, and ten more later */
    assert_int_equal(first_too_many(two_spells, 19), 18);
}

/* Its clock begins anew every 49 days. */
static void test_bad_messages_are_counted_as_the_clock_begins_anew(void **state)
{
    const int64_t turn_ms = INT64_C(1) << 32;
    struct player_session session;
    (void)state;
    for (int64_t begun = turn_ms - 5; begun <= turn_ms + 5; begun++) {
        player_session_init(&session, NULL, NULL, 120, at(begun - 100000));
        for (int i = 0; i < SESSION_BAD_MESSAGES_MAX - 1; i++)
            assert_false(player_session_count_bad(&session, at(begun + i)));
        assert_true(player_session_count_bad(&session, at(begun + SESSION_BAD_MESSAGES_MAX - 1)));
        player_session_init(&session, NULL, NULL, 120, at(begun - 100000));
        for (int i = 0; i < 2 * SESSION_BAD_MESSAGES_MAX; i++)
            assert_false(player_session_count_bad(
                &session,
                at(begun + i * SESSION_BAD_WINDOW_MS / (SESSION_BAD_MESSAGES_MAX - 1) + i)));
    }
}

/* The clock that counts here begins with the machine. */
static void test_first_bad_message_after_a_reboot_is_but_one(void **state)
{
    (void)state;
    struct player_session session;
    struct now now = {.mono_ms = 0};
    player_session_init(&session, NULL, NULL, RATE, now);
    for (int i = 0; i < 9; i++, now.mono_ms++)
        assert_false(player_session_count_bad(&session, now));
    assert_true(player_session_count_bad(&session, now));
}

static void test_rare_bad_messages_are_forgiven_for_ever(void **state)
{
    (void)state;
    struct player_session session = fresh(RATE);
    for (int64_t i = 0; i < 1000; i++) /* nine a minute */
        assert_false(player_session_count_bad(&session, at(i / 9 * 60000 + i % 9)));
}

/* ---- keys ---------------------------------------------------------------------------- */

enum {
    UP = SESSION_KEY_UP,
    DOWN = SESSION_KEY_DOWN
};

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct {
            int key;
            bool is_down;
            int direction;
        } moves[6];
        int count;
    } table[] = {
        {"one key", {{UP, true, -1}, {UP, false, 0}, {DOWN, true, 1}, {DOWN, false, 0}}, 4},
        {"down pressed last wins, and up is back when it is let go",
         {{UP, true, -1}, {DOWN, true, 1}, {DOWN, false, -1}, {UP, false, 0}},
         4},
        {"up pressed last wins, and down is back when it is let go",
         {{DOWN, true, 1}, {UP, true, -1}, {UP, false, 1}, {DOWN, false, 0}},
         4},
        {"letting go of the key that had lost changes nothing",
         {{UP, true, -1}, {DOWN, true, 1}, {UP, false, 1}, {DOWN, false, 0}},
         4},
        {"a key that repeats while it is held",
         {{UP, true, -1}, {UP, true, -1}, {UP, true, -1}, {UP, false, 0}},
         4},
        {"a release that nothing preceded",
         {{DOWN, false, 0}, {UP, true, -1}, {DOWN, false, -1}},
         3},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct player_session session = fresh(RATE);
        for (int move = 0; move < table[i].count; move++) {
            int direction = player_session_key(&session, (enum session_key)table[i].moves[move].key,
                                               table[i].moves[move].is_down);
            if (direction != table[i].moves[move].direction)
                fail_msg("%s: move %d gives %d", table[i].what, move, direction);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh_connection_is_a_spectator_owed_the_state),
        cmocka_unit_test(test_burst_is_two_seconds_worth),
        cmocka_unit_test(test_rate_refills_by_the_millisecond),
        cmocka_unit_test(test_refused_messages_cost_nothing),
        cmocka_unit_test(test_steady_sender_within_the_rate_loses_nothing),
        cmocka_unit_test(test_bucket_never_holds_more_than_the_burst),
        cmocka_unit_test(test_smallest_and_largest_rate),
        cmocka_unit_test(test_tenth_bad_message_within_a_minute_is_too_many),
        cmocka_unit_test(test_bad_message_window_slides),
        cmocka_unit_test(test_bad_messages_are_counted_as_the_clock_begins_anew),
        cmocka_unit_test(test_first_bad_message_after_a_reboot_is_but_one),
        cmocka_unit_test(test_rare_bad_messages_are_forgiven_for_ever),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
