/*
 * The end of a match whose result nobody has confirmed to be safe: the room's row must outlive the room,
 * and a rematch, until somebody has; and a stop costs no player his match.
 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/virtual_court.h"

enum {
    REMATCH_MS = 5000,
    ABSENCE_MS = 1000
};

static struct court court;
static char said[2][512]; /* by client: types of text messages, but for states */

static void heard(void *arg, int number, const void *bytes, size_t length, bool is_binary)
{
    (void)arg;
    assert_false(is_binary);
    json_t *message = json_loadb(bytes, length, 0, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    size_t used = strlen(said[number]);
    if (strncmp(type, "game_state", 10) != 0)
        snprintf(said[number] + used, sizeof said[number] - used, "%s ", type);
    json_decref(message);
}

static void ticks(int count)
{
    for (int i = 0; i < count; i++)
        court_tick(&court);
}

static const struct pong *pong(void)
{
    return &court.room->game.pong;
}

static int set_up(void **state)
{
    struct game_rules rules = court_rules();
    rules.rematch_ms = REMATCH_MS;
    rules.absence_ms = ABSENCE_MS;
    (void)state;
    memset(said, 0, sizeof said);
    court_open(&court, 1, &rules);
    court.heard = heard;
    court.holds_results = true;
    court_connect(&court, 0, 1, false);
    court_connect(&court, 1, 2, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    court_close(&court);
    return 0;
}

static void play_to_the_end(void)
{
    while (pong()->phase != PONG_FINISHED)
        ticks(1);
    ticks(1);
}

static void test_the_row_outlives_the_room(void **state)
{
    (void)state;
    play_to_the_end();
    ticks(30 * (REMATCH_MS / 1000 + 1));
    assert_null(court.clients[0].session); /* the room is closed */
    assert_true(court.has_row);
    assert_int_equal(court.row.pong.phase, PONG_FINISHED);
    court_release(&court);
    assert_false(court.has_row);
}

static void test_the_row_goes_with_the_room_once_the_result_is_safe(void **state)
{
    (void)state;
    play_to_the_end();
    court_release(&court);
    ticks(1);
    assert_true(court.has_row);
    ticks(30 * (REMATCH_MS / 1000 + 1));
    assert_false(court.has_row);
}

static void test_the_row_outlives_a_rematch(void **state)
{
    char first[UUID_SIZE];
    (void)state;
    play_to_the_end();
    memcpy(first, court.held, sizeof first);
    ticks(30 * 3); /* it is told all the same */
    court_say(&court, 0, "{\"type\":\"rematch\"}");
    court_say(&court, 1, "{\"type\":\"rematch\"}");
    ticks(60);
    assert_int_equal(pong()->phase, PONG_SERVING);
    assert_string_equal(court.row.match_id, first);
    assert_int_equal(court.row.pong.phase, PONG_FINISHED);
    assert_int_equal(game_manager_checkpoint_all(court.manager, court.now), 0);
    assert_string_equal(court.row.match_id, first);
    game_manager_result_stored(court.manager, first, court.now);
    ticks(1);
    assert_string_equal(court.row.match_id, court.room->game.match_id);
    assert_int_equal(court.row.pong.phase, PONG_SERVING);
}

/* However often somebody comes and goes: nothing is told, and nobody is too slow for it. */
static void test_comings_and_goings_do_not_hasten_the_end(void **state)
{
    (void)state;
    play_to_the_end();
    memset(said, 0, sizeof said);
    for (int i = 0; i < 20; i++) {
        court_disconnect(&court, 1);
        court_connect(&court, 1, 2, false);
        court_say(&court, 1, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":\"Bob\"}");
        ticks(1);
    }
    assert_string_equal(said[0], "");
    court_release(&court);
    assert_string_equal(said[0], "goal_scored game_over player_joined ");
    court_disconnect(&court, 1);
    assert_string_equal(said[0], "goal_scored game_over player_joined player_left ");
}

static void test_a_stop_forfeits_nothing(void **state)
{
    (void)state;
    while (pong()->phase != PONG_RALLY)
        ticks(1);
    game_manager_drain(court.manager, court.now);
    assert_null(court.clients[0].session);
    ticks(30 * 3); /* longer than anybody may be away */
    assert_int_equal(court.result_count, 0);
    assert_int_equal(game_manager_checkpoint_all(court.manager, court.now), 0);
    assert_int_equal(court.row.pong.phase, PONG_PAUSED);
    for (int i = 0; i < 2; i++)
        assert_int_equal(court.row.away_used_ms[i], 0);
}

/* What is restored from the result has the same result. */
static void test_a_settled_end_has_the_same_result(void **state)
{
    struct game game;
    struct match_result result, again;
    const struct game_rules rules = court_rules();
    (void)state;
    while (pong()->phase != PONG_RALLY)
        ticks(1);
    assert_int_equal(game_manager_checkpoint_all(court.manager, court.now), 0);
    const struct room_checkpoint before = court.row;
    play_to_the_end();
    game_state_result(&court.room->game, &result);
    struct now later = court.now;
    later.mono_ms += 12345;
    later.unix_ms += 12345;
    game_state_load(&game, &rules, &before, later);
    game_state_settle(&game, &result, later);
    game_state_result(&game, &again);
    assert_memory_equal(&again, &result, sizeof result);
    assert_int_equal(game.last_loser, 3 - result.winner);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_row_outlives_the_room),
        TEST(test_the_row_goes_with_the_room_once_the_result_is_safe),
        TEST(test_the_row_outlives_a_rematch),
        TEST(test_comings_and_goings_do_not_hasten_the_end),
        TEST(test_a_stop_forfeits_nothing),
        TEST(test_a_settled_end_has_the_same_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
