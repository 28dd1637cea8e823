/*
 * A session of pong.v2.bin: which messages it gets beside the updates, and what comes of inputs that
 * are late, refused, too many or no inputs at all.
 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "gamed/updates.h"
#include "tests/unit/mirror.h"
#include "tests/unit/virtual_court.h"

static struct world {
    struct court court;
    struct listener {
        char said[1024];  /* types of text messages; errors by their code */
        char bytes[2048]; /* binary messages: k keyframe, h heartbeat, e event */
        unsigned char last[UPDATES_SIZE];
        size_t last_length;
    } listeners[COURT_CLIENTS];
} world;

static void append(char *out, size_t size, const char *text)
{
    size_t length = strlen(out);
    snprintf(out + length, size - length, "%s", text);
}

static void heard(void *arg, int number, const void *bytes, size_t length, bool is_binary)
{
    struct listener *listener = &world.listeners[number];
    (void)arg;
    if (is_binary) {
        unsigned mask = *(const unsigned char *)bytes;
        append(listener->bytes, sizeof listener->bytes,
               mask == 0             ? "h"
               : mask == UPDATES_ALL ? "k"
                                     : "e");
        memcpy(listener->last, bytes, length);
        listener->last_length = length;
        return;
    }
    json_t *message = json_loadb(bytes, length, 0, NULL);
    const char *code = json_string_value(json_object_get(message, "code"));
    append(listener->said, sizeof listener->said,
           code ? code : json_string_value(json_object_get(message, "type")));
    append(listener->said, sizeof listener->said, " ");
    json_decref(message);
}

static void forget(void)
{
    memset(world.listeners, 0, sizeof world.listeners);
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    const struct game_rules rules = court_rules();
    court_open(&world.court, 1, &rules);
    world.court.heard = heard;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    court_close(&world.court);
    return 0;
}

static void ticks(int count)
{
    for (int i = 0; i < count; i++)
        court_tick(&world.court);
}

static const struct pong *pong(void)
{
    return &world.court.room->game.pong;
}

static void input(int number, uint32_t step, int32_t target)
{
    const unsigned char bytes[UPDATES_INPUT_SIZE] = {
        UPDATES_INPUT_TYPE, (unsigned char)(step & 0xff), (unsigned char)(step >> 8 & 0xff),
        (unsigned char)(target & 0xff), (unsigned char)(target >> 8)};
    court_send(&world.court, number, bytes, sizeof bytes, true);
}

static void both_connect(void)
{
    court_connect(&world.court, 0, 1, true);
    court_connect(&world.court, 1, 2, true);
    ticks(2);
    forget();
}

static void test_texts_without_deltas(void **state)
{
    (void)state;
    court_connect(&world.court, 0, 1, true);
    assert_string_equal(world.listeners[0].said, "game_state ");
    court_say(&world.court, 0,
              "{\"type\":\"join_game\",\"player_id\":\"me\",\"username\":\"Ann\"}");
    assert_string_equal(world.listeners[0].said, "game_state game_state player_joined ");
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "k");
    forget();
    court_connect(&world.court, 1, 2, false);
    court_say(&world.court, 1,
              "{\"type\":\"join_game\",\"player_id\":\"you\",\"username\":\"Bob\"}");
    ticks(1);
    assert_string_equal(world.listeners[0].said, "player_joined ");
    assert_string_equal(world.listeners[0].bytes, "e"); /* the match begins */
    assert_int_equal(world.listeners[0].last[0], UPDATES_PHASE);
    while (pong()->phase != PONG_FINISHED)
        ticks(1);
    ticks(1);
    assert_string_equal(world.listeners[0].said, "player_joined goal_scored game_over ");
    assert_string_equal(world.listeners[1].bytes, "");
}

static void test_input_at_its_step(void **state)
{
    (void)state;
    both_connect();
    uint32_t step = pong()->step;
    input(0, step + 3, 0);
    assert_string_equal(world.listeners[0].bytes, "");
    assert_string_equal(world.listeners[1].bytes, "e");
    const unsigned char told[] = {UPDATES_TARGET_1, (unsigned char)((step + 3) & 0xff),
                                  (unsigned char)((step + 3) >> 8 & 0xff), 0, 0};
    assert_memory_equal(world.listeners[1].last, told, sizeof told);
    ticks(1);
    assert_int_equal(pong()->target_y[0], PONG_PADDLE_Y_START);
    ticks(1);
    assert_int_equal(pong()->target_y[0], 0);
    assert_int_equal(pong()->paddle_y[0], PONG_PADDLE_Y_START - 2 * PONG_PADDLE_SPEED);
    input(0, pong()->step + 1, 0); /* no change: not relayed */
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "");
    assert_string_equal(world.listeners[1].bytes, "e");
}

static void test_late_input(void **state)
{
    (void)state;
    both_connect();
    input(0, pong()->step, PONG_PADDLE_Y_MAX);
    assert_string_equal(world.listeners[1].bytes, "e"); /* at once, for the next step */
    assert_int_equal(world.listeners[1].last[1], (pong()->step + 1) & 0xff);
    assert_string_equal(world.listeners[0].bytes, "");
    ticks(1);
    assert_int_equal(pong()->paddle_y[0], PONG_PADDLE_Y_START + 2 * PONG_PADDLE_SPEED);
    assert_string_equal(world.listeners[0].bytes, "k");
    assert_string_equal(world.listeners[0].said, "");
    ticks(5);
    assert_string_equal(world.listeners[0].bytes, "k");
    assert_string_equal(world.listeners[1].bytes, "e");
}

static void test_refused_inputs(void **state)
{
    (void)state;
    both_connect();
    input(0, pong()->step + 31, 0); /* too far ahead */
    assert_string_equal(world.listeners[0].said, "bad_message ");
    ticks(15);
    assert_string_equal(world.listeners[0].bytes, ""); /* its sender believes in it until then */
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "k");
    forget();
    input(0, pong()->step + 2, PONG_PADDLE_Y_MAX + 1);
    assert_string_equal(world.listeners[0].said, "bad_message ");
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "k");
    forget();
    input(0, pong()->step + 5, 0);
    input(0, pong()->step + 5, 100); /* not later than the one before */
    assert_string_equal(world.listeners[0].said, "bad_message ");
    assert_string_equal(world.listeners[1].bytes, "e");
    ticks(3);
    assert_int_equal(pong()->target_y[0], 0);
    forget();
    court_send(&world.court, 0, "\x01\x00\x00\x00", 4, true);
    court_send(&world.court, 0, "\x02\x00\x00\x00\x00", 5, true);
    assert_string_equal(world.listeners[0].said, "bad_message bad_message ");
    for (int i = 0; i < 10; i++)
        court_send(&world.court, 0, "", 0, true);
    assert_null(world.court.clients[0].session); /* ten within a minute */
}

static void test_spectators_do_not_steer(void **state)
{
    (void)state;
    both_connect();
    court_connect(&world.court, 2, 0, true);
    ticks(1);
    forget();
    input(2, pong()->step + 3, 0);
    ticks(5);
    assert_string_equal(world.listeners[2].said, "");
    assert_string_equal(world.listeners[2].bytes, "");
    assert_string_equal(world.listeners[1].bytes, "");
}

static void test_thirty_inputs_a_second(void **state)
{
    (void)state;
    both_connect();
    int taken = 0;
    for (int second = 0; second < 4; second++)
        for (int i = 0; i < 30; i++, ticks(1))
            for (int j = 0; j < 2; j++) {
                forget();
                input(0, pong()->step + 1 + (uint32_t)j, (i + j) % 2 * 1000);
                taken += world.listeners[0].said[0] == '\0';
            }
    assert_in_range(taken, 4 * 30, 5 * 30); /* a second's worth at once, then 30 a second */
    forget();
    input(0, pong()->step + 1, 5);
    input(0, pong()->step + 2, 6);
    assert_string_equal(world.listeners[0].said, "rate_limited ");
}

static void test_resync(void **state)
{
    (void)state;
    both_connect();
    court_say(&world.court, 0, "{\"type\":\"resync\"}");
    court_say(&world.court, 0, "{\"type\":\"resync\"}");
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "k");
    court_say(&world.court, 0, "{\"type\":\"resync\"}");
    ticks(10);
    assert_string_equal(world.listeners[0].bytes, "k"); /* one a second */
    ticks(20);
    court_say(&world.court, 0, "{\"type\":\"resync\"}");
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "khk");
    assert_string_equal(world.listeners[0].said, "");
    court_connect(&world.court, 2, 0, false);
    forget();
    court_say(&world.court, 2, "{\"type\":\"resync\"}");
    assert_string_equal(world.listeners[2].said, "unknown_type ");
}

static void test_full_socket_is_owed_a_keyframe(void **state)
{
    (void)state;
    both_connect();
    world.court.clients[1].is_full = true;
    input(0, pong()->step + 4, 0); /* missed */
    input(0, pong()->step + 20, PONG_PADDLE_Y_MAX);
    ticks(3);
    assert_string_equal(world.listeners[1].bytes, "");
    world.court.clients[1].is_full = false;
    ticks(1);
    assert_string_equal(world.listeners[1].bytes, "ke"); /* and what is known already */
    ticks(12);
    assert_string_equal(world.listeners[1].bytes, "ke");
}

static void test_inputs_go_with_their_connection(void **state)
{
    (void)state;
    both_connect();
    input(0, pong()->step + 20, 0);
    assert_string_equal(world.listeners[1].bytes, "e");
    court_disconnect(&world.court, 0);
    ticks(1);
    assert_string_equal(world.listeners[1].bytes, "ek"); /* it had been told of it */
    court_connect(&world.court, 0, 1, true);
    ticks(30);
    assert_int_equal(pong()->target_y[0], PONG_PADDLE_Y_START);
    /* a second connection of the seat */
    input(0, pong()->step + 20, 0);
    court_connect(&world.court, 2, 1, true);
    assert_null(world.court.clients[0].session);
    ticks(30);
    assert_int_equal(pong()->target_y[0], PONG_PADDLE_Y_START);
    input(2, pong()->step + 1, 0);
    ticks(1);
    assert_int_equal(pong()->target_y[0], 0);
}

/* A wish that changed nothing when it came may be news by the time of its step. */
static void test_input_that_became_news(void **state)
{
    (void)state;
    both_connect();
    input(0, pong()->step + 6, PONG_PADDLE_Y_START);
    court_say(&world.court, 0, "{\"type\":\"paddle_position\",\"player_number\":1,\"position\":0}");
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "e");
    assert_string_equal(world.listeners[1].bytes, "e");
    ticks(2);
    assert_int_equal(pong()->target_y[0], PONG_PADDLE_Y_START);
    assert_string_equal(world.listeners[0].bytes, "e"); /* he said so */
    assert_string_equal(world.listeners[1].bytes, "ee");
}

static void test_newest_wish_wins(void **state)
{
    (void)state;
    both_connect();
    court_say(&world.court, 0, "{\"type\":\"paddle_position\",\"player_number\":1,\"position\":0}");
    input(0, pong()->step + 1, PONG_PADDLE_Y_MAX);
    ticks(2);
    assert_int_equal(pong()->target_y[0], PONG_PADDLE_Y_MAX);
    assert_string_equal(world.listeners[0].bytes, "");
    assert_string_equal(world.listeners[1].bytes, "e");
}

static void test_burst_at_the_beginning(void **state)
{
    (void)state;
    court_connect(&world.court, 0, 1, true);
    ticks(1);
    for (uint32_t i = 1; i <= 30; i++)
        input(0, pong()->step + i, (int32_t)i);
    assert_string_equal(world.listeners[0].said, "game_state ");
    input(0, pong()->step + 31, 0);
    assert_string_equal(world.listeners[0].said, "game_state rate_limited ");
}

/* Nothing is told while the end waits for its result; then a keyframe makes good what was missed. */
static void test_end_that_waits(void **state)
{
    (void)state;
    world.court.holds_results = true;
    both_connect();
    while (pong()->phase != PONG_FINISHED)
        ticks(1);
    forget();
    input(0, pong()->step + 3, 0);
    court_say(&world.court, 0,
              "{\"type\":\"paddle_position\",\"player_number\":1,\"position\":400}");
    ticks(10);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(world.listeners[i].bytes, "");
        assert_string_equal(world.listeners[i].said, "");
    }
    court_release(&world.court);
    assert_string_equal(world.listeners[1].said, "goal_scored game_over ");
    assert_string_equal(world.listeners[1].bytes, "k");
    struct mirror mirror;
    mirror_init(&mirror, 1);
    mirror_frame(&mirror, world.listeners[1].last, world.listeners[1].last_length);
    assert_int_equal(mirror.base.target_y[0], pong()->target_y[0]);
    assert_int_equal(mirror.base.phase, PONG_FINISHED);
}

/* A connection that showed both cookies of a browser, put into one of the two seats on trust. */
static void connect_with_both_cookies(int number)
{
    struct court_client *client = &world.court.clients[number];
    struct game_handshake handshake = {0};
    memcpy(handshake.room_code, world.court.room->game.room_code, ROOM_CODE_SIZE);
    for (int i = 0; i < 2; i++)
        memcpy(handshake.cookie[i], world.court.token[i], SEAT_TOKEN_SIZE);
    assert_int_equal(game_manager_admit(world.court.manager, &handshake, client, world.court.now,
                                        &client->session),
                     GAME_MANAGER_OK);
    client->session->is_binary = true;
    game_manager_session_open(world.court.manager, client->session, world.court.now);
}

static void say_who(int number, int seat)
{
    char text[200];
    snprintf(text, sizeof text, "{\"type\":\"join_game\",\"player_id\":\"%s\"}",
             world.court.room->game.seats[seat - 1].player.player_id);
    court_say(&world.court, number, text);
}

/* What it sent ahead stays with nobody: else a sleeping room would keep it, and be full of it. */
static void test_inputs_do_not_stay_in_a_seat_that_was_left(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        connect_with_both_cookies(0);
        ticks(31);
        int seat = world.court.clients[0].session->seat;
        for (uint32_t i = 1; i <= 30; i++)
            input(0, pong()->step + i, (int32_t)i);
        say_who(0, 3 - seat);
        assert_int_equal(world.court.clients[0].session->seat, 3 - seat);
        court_disconnect(&world.court, 0);
        ticks(3); /* nobody is there: the room sleeps */
        for (int i = 0; i < 2; i++)
            assert_int_equal(world.court.room->game.seats[i].inputs.count, 0);
    }
}

static void test_who_change_places_take_no_inputs_along(void **state)
{
    (void)state;
    connect_with_both_cookies(0);
    connect_with_both_cookies(1);
    ticks(2);
    int seat = world.court.clients[0].session->seat;
    input(0, pong()->step + 20, 0);
    input(1, pong()->step + 25, 0);
    forget();
    say_who(0, 3 - seat);
    ticks(1);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(world.listeners[i].bytes, "k");
        assert_int_equal(world.court.room->game.seats[i].inputs.count, 0);
        assert_int_equal(world.court.clients[i].session->seat, i == 0 ? 3 - seat : seat);
    }
    forget();
    input(1, pong()->step + 1, 0); /* before what was named last in the other seat */
    ticks(1);
    assert_string_equal(world.listeners[1].said, "");
    assert_int_equal(pong()->target_y[seat - 1], 0);
}

static void test_kick_takes_the_inputs_along(void **state)
{
    enum game_manager_kick done;
    (void)state;
    court_connect(&world.court, 0, 1, true);
    ticks(1);
    input(0, pong()->step + 20, 0);
    assert_int_equal(game_manager_kick(world.court.manager, world.court.room->game.room_code, 1,
                                       world.court.now, &done),
                     GAME_MANAGER_OK);
    assert_int_equal(world.court.room->game.seats[0].inputs.count, 0);
}

/* A wish without a step overrides an input of the same step; then its sender has to hear of it. */
static void test_own_input_overridden(void **state)
{
    (void)state;
    both_connect();
    input(0, pong()->step + 2, 0);
    court_say(&world.court, 0,
              "{\"type\":\"paddle_position\",\"player_number\":1,\"position\":400}");
    ticks(1);
    assert_int_equal(pong()->target_y[0], 400 * PONG_UNITS_PER_PX);
    assert_string_equal(world.listeners[0].bytes, "e");
    assert_int_equal(world.listeners[0].last[0], UPDATES_TARGET_1);
}

/* After a stall of the server a client names steps too far ahead for a while: that is no reason to go. */
static void test_refusals_before_the_keyframe_count_once(void **state)
{
    (void)state;
    both_connect();
    for (uint32_t i = 0; i < 20; i++) {
        input(0, pong()->step + 45 + i, (int32_t)i);
        ticks(1);
    }
    assert_string_equal(world.listeners[0].said, "bad_message ");
    assert_non_null(world.court.clients[0].session);
    assert_string_equal(world.listeners[0].bytes, "");
    ticks(60); /* it is not put off for longer */
    assert_int_equal(world.listeners[0].bytes[0], 'k');
}

/* A keyframe that could not be sent for two seconds comes at once; what was refused meanwhile gets its own. */
static void test_refused_while_the_socket_was_full(void **state)
{
    (void)state;
    both_connect();
    world.court.clients[0].is_full = true;
    input(0, pong()->step + 1, PONG_PADDLE_Y_MAX + 1);
    ticks(61);
    input(0, pong()->step + 10, PONG_PADDLE_Y_MAX + 1);
    world.court.clients[0].is_full = false;
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "k");
    ticks(3);
    assert_string_equal(world.listeners[0].bytes, "k");
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "kk");
    ticks(15);
    assert_null(strchr(world.listeners[0].bytes + 2, 'k'));
}

/*
 * A server that stands still for a second falls behind everybody's clock. Inputs of that second may be read
 * before the first update after it, or later, by who has not asked the time since.
 */
static void test_who_is_ahead_of_a_server_that_stood_still(void **state)
{
    (void)state;
    both_connect();
    const uint64_t *bad = &world.court.input.stats.messages[GAME_INPUT_MALFORMED];
    for (int stall = 0; stall < 3; stall++) {
        forget();
        const uint32_t step = pong()->step;
        court_stall(&world.court, 30);
        input(0, step + 60 + 3, stall);
        assert_string_equal(world.listeners[0].said, "bad_message ");
        court_tick(&world.court);
        assert_true((int32_t)(pong()->step - step) < 60); /* steps were skipped */
        ticks(60);                                        /* the refusal is made good by then */
        forget();
        input(1, pong()->step + 50, stall);
        assert_string_equal(world.listeners[1].said, "bad_message ");
        assert_int_equal(*bad, 0);
        ticks(6 * 30);
    }
    input(0, pong()->step + 50, 0); /* no stall explains it any more */
    assert_int_equal(*bad, 1);
    ticks(60);
    court_stall(&world.court, 30);
    court_tick(&world.court);
    input(0, pong()->step + 30 + 52, PONG_PADDLE_Y_MAX + 1); /* nor where it is wrong in itself … */
    assert_int_equal(*bad, 2);
    input(1, pong()->step + 30 + 53,
          0); /* … nor one by more than 31 updates less the 5 made up for */
    assert_int_equal(*bad, 3);
}

/* Nobody's clock is behind where there was no room. */
static void test_idle_is_no_stall(void **state)
{
    (void)state;
    struct court court;
    memset(&court, 0, sizeof court);
    const struct game_rules rules = court_rules();
    court_open_late(&court, 1, &rules, 10);
    court.heard = heard;
    court_connect(&court, 0, 1, true);
    court_tick(&court);
    court_tick(&court);
    const uint32_t step = court.room->game.pong.step + 50;
    const unsigned char bytes[UPDATES_INPUT_SIZE] = {UPDATES_INPUT_TYPE, (unsigned char)step,
                                                     (unsigned char)(step >> 8)};
    court_send(&court, 0, bytes, sizeof bytes, true);
    assert_int_equal(court.input.stats.messages[GAME_INPUT_MALFORMED], 1);
    court_close(&court);
}

/* A name that comes late is told: by a state, as there are no deltas. */
static void test_names_are_told(void **state)
{
    (void)state;
    court_connect(&world.court, 0, 1, true);
    ticks(31);
    forget();
    court_connect(&world.court, 1, 2, false);
    court_say(&world.court, 1, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":\"Zed\"}");
    ticks(1);
    assert_string_equal(world.listeners[0].said, "player_joined game_state ");
    court_say(&world.court, 1, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":\"Zoe\"}");
    ticks(1);
    assert_string_equal(world.listeners[0].said, "player_joined game_state game_state ");
    ticks(30);
    assert_string_equal(world.listeners[0].said, "player_joined game_state game_state ");
}

static void test_heartbeats(void **state)
{
    (void)state;
    both_connect(); /* at the first of two updates they were sent something */
    ticks(28);
    assert_string_equal(world.listeners[0].bytes, "");
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "h"); /* nothing for a second */
    ticks(29);
    assert_string_equal(world.listeners[0].bytes, "h");
    ticks(1);
    assert_string_equal(world.listeners[0].bytes, "hh");
    ticks(18);
    assert_string_equal(world.listeners[0].bytes, "hhe"); /* the serve */
    for (int i = 0; i < 50; i++) { /* always something, but never a checksum */
        input(1, pong()->step + 1, i % 2);
        ticks(1);
    }
    const char *after = world.listeners[0].bytes + strlen("hhe");
    assert_int_equal(strspn(after, "e"), strchr(after, 'h') - after);
    assert_in_range(strchr(after, 'h') - after, 40, 42); /* 120 steps after the last one */
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_texts_without_deltas),
        TEST(test_input_at_its_step),
        TEST(test_late_input),
        TEST(test_refused_inputs),
        TEST(test_spectators_do_not_steer),
        TEST(test_thirty_inputs_a_second),
        TEST(test_resync),
        TEST(test_full_socket_is_owed_a_keyframe),
        TEST(test_inputs_go_with_their_connection),
        TEST(test_input_that_became_news),
        TEST(test_newest_wish_wins),
        TEST(test_burst_at_the_beginning),
        TEST(test_end_that_waits),
        TEST(test_inputs_do_not_stay_in_a_seat_that_was_left),
        TEST(test_who_change_places_take_no_inputs_along),
        TEST(test_kick_takes_the_inputs_along),
        TEST(test_own_input_overridden),
        TEST(test_refusals_before_the_keyframe_count_once),
        TEST(test_refused_while_the_socket_was_full),
        TEST(test_who_is_ahead_of_a_server_that_stood_still),
        TEST(test_idle_is_no_stall),
        TEST(test_names_are_told),
        TEST(test_heartbeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
