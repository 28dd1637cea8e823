/*
 * game_output: what each session of a room is sent, and in which order, over sockets that can be
 * full. The manager is the real one; a socket is a list of the messages it has taken.
 */
#include "gamed/game_output.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gamed/game_input.h"

enum {
    SOCKETS = 4,
    TAKEN_MAX = 4096
};

/* A socket that takes `room_for` more messages; then it is full until it is given room again. */
struct socket {
    struct player_session *session;
    int room_for;
    bool is_dead;
    size_t count;
    json_t *taken[TAKEN_MAX];
    enum session_close closed_with;
    bool is_closed;
};

struct fixture {
    struct now now;
    struct game_manager *manager;
    struct game_output output;
    struct game_input input;
    struct socket sockets[SOCKETS];
    struct game_placement placement;
    char token[2][SEAT_TOKEN_SIZE];
};

static bool can_write(const struct player_session *session)
{
    const struct socket *socket = session->connection;
    return socket && !socket->is_closed && !socket->is_dead && socket->room_for > 0;
}

static bool write_message(void *arg, struct player_session *session, struct frame *frame)
{
    (void)arg;
    struct socket *socket = session->connection;
    json_t *message = json_loadb(frame->text, frame->length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(message);
    assert_true(socket->count < TAKEN_MAX);
    socket->taken[socket->count++] = message;
    socket->room_for--;
    return true;
}

static void output_ready(void *arg, struct room *room, struct now now)
{
    struct fixture *fixture = arg;
    game_output_room(&fixture->output, room, now);
}

static void session_quiet(void *arg, struct player_session *session, struct now now)
{
    (void)arg;
    session->sent_ms = now.mono_ms;
}

static void session_close(void *arg, struct player_session *session, enum session_close code)
{
    struct socket *socket = session->connection;
    (void)arg;
    socket->is_closed = true;
    socket->closed_with = code;
}

static bool match_over(void *durable_arg, const struct match_result *result)
{
    (void)durable_arg, (void)result;
    return false;
}

static bool checkpoint(void *durable_arg, const struct room_checkpoint *checkpoint)
{
    (void)durable_arg, (void)checkpoint;
    return true;
}

static void tick(struct fixture *fixture, int updates)
{
    for (int i = 0; i < updates; i++) {
        fixture->now.mono_ns += 33333334;
        fixture->now.mono_ms = fixture->now.mono_ns / 1000000;
        fixture->now.unix_ms = 1700000000000 + fixture->now.mono_ms;
        game_manager_tick(fixture->manager, fixture->now);
    }
}

/* A connection with the token ("" for none), which takes everything. */
static struct socket *connect_socket(struct fixture *fixture, int number, const char *token)
{
    struct socket *socket = &fixture->sockets[number];
    struct game_handshake handshake = {0};
    memcpy(handshake.room_code, fixture->placement.room->game.room_code, ROOM_CODE_SIZE);
    memcpy(handshake.token, token, strlen(token) + 1);
    socket->room_for = TAKEN_MAX;
    assert_int_equal(
        game_manager_admit(fixture->manager, &handshake, socket, fixture->now, &socket->session),
        GAME_MANAGER_OK);
    game_manager_session_open(fixture->manager, socket->session, fixture->now);
    return socket;
}

static void say(struct fixture *fixture, struct socket *socket, const char *text)
{
    game_input_message(&fixture->input, socket->session, text, strlen(text), false, fixture->now);
}

/* The type of the n-th message, with what tells states apart: "state", "joined-state", "delta". */
static const char *kind(const struct socket *socket, size_t n)
{
    const json_t *message = n < socket->count ? socket->taken[n] : NULL;
    const char *type = json_string_value(json_object_get(message, "type"));
    if (!type)
        return "nothing";
    if (strcmp(type, "game_state") == 0)
        return "state";
    if (strcmp(type, "game_state_delta") == 0)
        return json_is_true(json_object_get(message, "is_full_state")) ? "joined-state" : "delta";
    return type;
}

static void forget(struct socket *socket)
{
    for (size_t i = 0; i < socket->count; i++)
        json_decref(socket->taken[i]);
    socket->count = 0;
}

/* The first messages that were taken, deltas left out, are these; then nothing more. */
static void assert_kinds(const struct socket *socket, const char *const *kinds)
{
    size_t at = 0;
    for (; *kinds; kinds++, at++) {
        while (strcmp(kind(socket, at), "delta") == 0)
            at++;
        assert_string_equal(kind(socket, at), *kinds);
    }
    for (; at < socket->count; at++)
        assert_string_equal(kind(socket, at), "delta");
}
#define ASSERT_KINDS(socket, ...) assert_kinds(socket, (const char *const[]){__VA_ARGS__, NULL})

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct game_manager_config config = {
        .slot = 'A',
        .update_hz = 30,
        .max_rooms = 8,
        .max_connections = SOCKETS,
        .max_spectators = 2,
        .messages_per_second = 120,
        .checkpoint_ms = 1000,
        .guests = true,
        .rules = {.serve_steps = 40,
                  .absence_ms = 30000,
                  .absence_total_ms = 60000,
                  .pause_ms = 60000,
                  .pauses = 3,
                  .unclaimed_ms = 30000,
                  .waiting_room_ms = 120000,
                  .rematch_ms = 60000,
                  .match_ms = 1800000},
    };
    const struct game_manager_hooks hooks = {.arg = fixture,
                                             .output_ready = output_ready,
                                             .session_quiet = session_quiet,
                                             .session_close = session_close,
                                             .match_over = match_over,
                                             .checkpoint = checkpoint};
    fixture->now = (struct now){.mono_ns = 1000000000, .mono_ms = 1000, .unix_ms = 1700000001000};
    fixture->manager = game_manager_new(&config, &hooks, fixture->now);
    fixture->output.can_write = can_write;
    fixture->output.write = write_message;
    fixture->input.manager = fixture->manager;
    fixture->input.output = &fixture->output;
    fixture->input.messages_per_second = 120;
    for (int i = 0; i < 2; i++)
        random_seat_token(fixture->token[i]);
    const struct game_options options = {.bot_level = ""};
    struct game_caller caller = {
        .user_id = "", .username = "Ann", .address = "", .new_token = fixture->token[0]};
    assert_int_equal(
        game_manager_create(fixture->manager, &caller, &options, fixture->now, &fixture->placement),
        GAME_MANAGER_OK);
    struct game_placement second;
    caller.username = "Bob";
    caller.new_token = fixture->token[1];
    assert_int_equal(game_manager_join(fixture->manager, fixture->placement.room->game.room_code,
                                       &caller, fixture->now, &second),
                     GAME_MANAGER_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < SOCKETS; i++)
        forget(&fixture->sockets[i]);
    game_manager_free(fixture->manager);
    free(fixture);
    return 0;
}

static void test_join_order(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    ASSERT_KINDS(one, "state");
    say(fixture, one, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":null}");
    ASSERT_KINDS(one, "state", "state", "player_joined", "joined-state");
    assert_true(json_is_true(json_object_get(one->taken[2], "is_you")));

    struct socket *two = connect_socket(fixture, 1, fixture->token[1]);
    forget(one);
    say(fixture, two, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":null}");
    ASSERT_KINDS(one, "player_joined", "joined-state");
    assert_true(json_is_false(json_object_get(one->taken[0], "is_you")));
    ASSERT_KINDS(two, "state", "state", "player_joined", "joined-state");

    forget(one);
    forget(two);
    say(fixture, two, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":null}");
    assert_int_equal(one->count, 0);
    ASSERT_KINDS(two, "state", "player_joined", "joined-state");
}

/* Who comes in while the game stands still is told why, after his first state. */
static void test_newcomer_is_told_why_it_stands_still(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    struct socket *two = connect_socket(fixture, 1, fixture->token[1]);
    struct socket *watcher = connect_socket(fixture, 2, "");
    ASSERT_KINDS(watcher, "state"); /* it does not stand still: it counts down */
    say(fixture, one, "{\"type\":\"pause_game\"}");
    watcher = connect_socket(fixture, 3, "");
    ASSERT_KINDS(watcher, "state", "game_paused");
    assert_int_equal(json_integer_value(json_object_get(watcher->taken[1], "player_number")), 1);
    forget(watcher);
    say(fixture, watcher, "{\"type\":\"join_game\",\"player_id\":\"me\",\"username\":\"Eve\"}");
    ASSERT_KINDS(watcher, "state", "player_joined", "joined-state"); /* told once */

    game_manager_session_gone(fixture->manager, watcher->session, fixture->now);
    game_manager_session_gone(fixture->manager, two->session, fixture->now);
    tick(fixture, 31 * 30);
    assert_int_equal(fixture->placement.room->game.pong.phase, PONG_FINISHED);
    forget(watcher);
    watcher = connect_socket(fixture, 3, "");
    ASSERT_KINDS(watcher, "state", "game_over");
    assert_string_equal(json_string_value(json_object_get(watcher->taken[1], "reason")), "forfeit");
}

static void test_spectator_is_told_what_he_said(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    connect_socket(fixture, 1, fixture->token[1]);
    struct socket *watcher = connect_socket(fixture, 2, "");
    forget(one);
    say(fixture, watcher, "{\"type\":\"join_game\",\"player_id\":\"me\",\"username\":\"Eve\"}");
    ASSERT_KINDS(watcher, "state", "state", "player_joined", "joined-state");
    const json_t *joined = watcher->taken[2];
    assert_true(json_is_null(json_object_get(joined, "player_number")));
    assert_string_equal(json_string_value(json_object_get(joined, "player_id")), "me");
    assert_string_equal(json_string_value(json_object_get(joined, "username")), "Eve");
    assert_int_equal(one->count, 0);
}

static void test_update_is_encoded_once(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    struct socket *two = connect_socket(fixture, 1, fixture->token[1]);
    say(fixture, one, "{\"type\":\"paddle_position\",\"player_number\":1,\"position\":0}");
    tick(fixture, 1); /* the start of the serve shows in this one */
    forget(one);
    forget(two);
    tick(fixture, 3);
    assert_int_equal(one->count, 3);
    assert_int_equal(two->count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(json_equal(one->taken[i], two->taken[i]));
        assert_int_equal(json_object_size(one->taken[i]), 4); /* type, timestamp, flag, paddle */
    }
    assert_int_equal(fixture->output.stats.frames[GAME_OUTPUT_DELTA] % 2, 0);
    tick(fixture, 20); /* it has arrived */
    forget(one);
    tick(fixture, 1);
    assert_int_equal(fixture->placement.room->game.pong.phase, PONG_RALLY);
}

static void test_full_socket_is_owed_the_newest_state(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    struct socket *two = connect_socket(fixture, 1, fixture->token[1]);
    tick(fixture, 30); /* a rally, so that every update changes something */
    forget(one);
    forget(two);
    one->room_for = 0;
    tick(fixture, 5);
    assert_int_equal(one->count, 0);
    assert_int_equal(two->count, 5);
    assert_int_equal(fixture->output.stats.updates_passed_over, 5);
    one->room_for = TAKEN_MAX;
    tick(fixture, 2);
    assert_int_equal(one->count, 2);
    assert_string_equal(kind(one, 0), "state");
    assert_string_equal(kind(one, 1), "delta");
    struct game_view view;
    game_state_view(&fixture->placement.room->game, &view);
    double x = json_number_value(json_object_get(one->taken[1], "ball_x"));
    assert_true(x * 100 - view.ball_x < 0.01 && view.ball_x - x * 100 < 0.01);
}

/* Whatever moment the socket fills up at, the joiner gets all of his greeting, once, in order. */
static void test_greeting_survives_a_full_socket(void **state)
{
    struct fixture *fixture = *state;
    for (int room_for = 0; room_for <= 3; room_for++) {
        struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
        forget(one);
        one->room_for = room_for;
        say(fixture, one, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":null}");
        assert_int_equal(one->count, room_for);
        tick(fixture, 1);
        one->room_for = TAKEN_MAX;
        tick(fixture, 2);
        ASSERT_KINDS(one, "state", "player_joined", "joined-state");
        game_manager_session_gone(fixture->manager, one->session, fixture->now);
        forget(one);
    }
}

/* The token that join_game gives is told once, whenever the socket takes it, and whatever he says till then. */
static void test_fresh_token_is_told_once(void **state)
{
    static const char hello[] = "{\"type\":\"join_game\",\"player_id\":\"\",\"username\":\"Cy\"}";
    struct fixture *fixture = *state;
    const struct game_options options = {.bot_level = ""};
    for (int room_for = 0; room_for <= 3; room_for++) {
        char token[SEAT_TOKEN_SIZE];
        random_seat_token(token);
        const struct game_caller caller = {
            .user_id = "", .username = "Ann", .address = "", .new_token = token};
        assert_int_equal(game_manager_create(fixture->manager, &caller, &options, fixture->now,
                                             &fixture->placement),
                         GAME_MANAGER_OK);
        struct socket *cy = connect_socket(fixture, 0, "");
        const struct game_seat *seat = &fixture->placement.room->game.seats[1];
        forget(cy);
        cy->room_for = room_for;
        say(fixture, cy, hello);
        say(fixture, cy, hello);
        assert_int_equal(cy->session->seat, 2);
        const bool is_told = room_for >= 2;
        assert_int_equal(cy->session->identity == NULL, is_told);
        cy->room_for = TAKEN_MAX;
        tick(fixture, 2);
        say(fixture, cy, hello);
        assert_null(cy->session->identity);
        int told = 0;
        for (size_t i = 0; i < cy->count; i++) {
            const char *fresh = json_string_value(json_object_get(cy->taken[i], "seat_token"));
            if (!fresh)
                continue;
            const struct digest digest = digest_of(fresh, strlen(fresh));
            assert_true(digest_equal(&digest, &seat->player.token));
            told++;
        }
        assert_int_equal(told, 1);
        game_manager_session_gone(fixture->manager, cy->session, fixture->now);
        forget(cy);
    }
}

/* Half greeted, he hears of the other's coming only after his own greeting, and of both. */
static void test_greeting_is_not_mixed_with_events(void **state)
{
    struct fixture *fixture = *state;
    for (int room_for = 0; room_for <= 2; room_for++) {
        struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
        struct socket *two = connect_socket(fixture, 1, fixture->token[1]);
        tick(fixture, 1);
        forget(one);
        one->room_for = room_for;
        say(fixture, one, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":null}");
        say(fixture, two, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":null}");
        one->room_for = TAKEN_MAX;
        tick(fixture, 2);
        ASSERT_KINDS(one, "state", "player_joined", "joined-state", "player_joined",
                     "joined-state");
        for (size_t i = 0, nth = 0; i < one->count; i++) {
            if (strcmp(kind(one, i), "player_joined") == 0)
                assert_int_equal(json_is_true(json_object_get(one->taken[i], "is_you")),
                                 nth++ == 0);
        }
        game_manager_session_gone(fixture->manager, one->session, fixture->now);
        game_manager_session_gone(fixture->manager, two->session, fixture->now);
        forget(one);
        forget(two);
    }
}

/* What was encoded for one turn is not sent in a later one. */
static void test_states_are_fresh(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    json_int_t last = 0;
    for (int i = 0; i < 3; i++) {
        tick(fixture, 2);
        forget(one);
        say(fixture, one, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":null}");
        ASSERT_KINDS(one, "state", "player_joined", "joined-state");
        json_int_t first = json_integer_value(json_object_get(one->taken[0], "timestamp"));
        assert_true(first > last);
        last = json_integer_value(json_object_get(one->taken[2], "timestamp"));
        assert_int_equal(first, last);
    }
}

/* A newcomer's player_joined may arrive while his state does not: then the full state follows. */
static void test_joined_state_is_owed(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    struct socket *two = connect_socket(fixture, 1, fixture->token[1]);
    tick(fixture, 1);
    forget(one);
    one->room_for = 1;
    say(fixture, two, "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":null}");
    ASSERT_KINDS(one, "player_joined");
    one->room_for = TAKEN_MAX;
    tick(fixture, 1);
    ASSERT_KINDS(one, "player_joined", "state");
}

static void test_events_wait_for_a_full_socket_but_not_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    struct socket *two = connect_socket(fixture, 1, fixture->token[1]);
    tick(fixture, 30);
    forget(one);
    one->room_for = 0;
    say(fixture, two, "{\"type\":\"pause_game\",\"player_number\":2}");
    tick(fixture, 3);
    assert_int_equal(one->count, 0);
    one->room_for = TAKEN_MAX;
    tick(fixture, 1);
    ASSERT_KINDS(one, "game_paused", "state");

    one->room_for = 0;
    for (int i = 0; i < 12 && !one->is_closed; i++) {
        /* two comes and goes; each time two events are news */
        game_manager_session_gone(fixture->manager, two->session, fixture->now);
        two = connect_socket(fixture, 1, fixture->token[1]);
        tick(fixture, 1);
    }
    assert_true(one->is_closed);
    assert_int_equal(one->closed_with, SESSION_CLOSE_TOO_SLOW);
    assert_false(two->is_closed);
}

static void test_replies_to_a_full_socket_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    forget(one);
    one->room_for = 0;
    say(fixture, one, "{\"type\":\"ping\",\"time\":1}");
    say(fixture, one, "nonsense");
    one->room_for = TAKEN_MAX;
    tick(fixture, 1);
    for (size_t i = 0; i < one->count; i++)
        assert_string_not_equal(kind(one, i), "pong");
    say(fixture, one, "{\"type\":\"ping\",\"time\":2.5}");
    const json_t *pong = one->taken[one->count - 1];
    assert_string_equal(json_string_value(json_object_get(pong, "type")), "pong");
    assert_true(json_number_value(json_object_get(pong, "time")) == 2.5);
}

static void test_input_answers(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    connect_socket(fixture, 1, fixture->token[1]);
    struct socket *watcher = connect_socket(fixture, 2, "");
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"{\"type\":\"resume_game\"}", "too_early"},
        {"{\"type\":\"rematch\"}", "not_running"},
        {"{\"type\":\"fly\"}", "unknown_type"},
        {"{\"type\":\"key_event\",\"key\":\"x\",\"is_down\":true}", "bad_message"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forget(one);
        say(fixture, one, cases[i].text);
        assert_int_equal(one->count, 1);
        assert_string_equal(json_string_value(json_object_get(one->taken[0], "code")),
                            cases[i].code);
    }
    forget(watcher);
    say(fixture, watcher, "{\"type\":\"paddle_position\",\"player_number\":1,\"position\":9}");
    assert_int_equal(watcher->count, 0);
    say(fixture, watcher, "{\"type\":\"pause_game\"}");
    assert_string_equal(json_string_value(json_object_get(watcher->taken[0], "code")),
                        "not_a_player");
}

static void test_too_many_bad_messages(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    for (int i = 0; i < 9; i++)
        say(fixture, one, "[]");
    assert_false(one->is_closed);
    game_input_message(&fixture->input, one->session, "\x01", 1, true, fixture->now);
    assert_true(one->is_closed);
    assert_int_equal(one->closed_with, SESSION_CLOSE_BAD_MESSAGES);
}

static void test_messages_over_the_rate_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct socket *one = connect_socket(fixture, 0, fixture->token[0]);
    forget(one);
    for (int i = 0; i < 300; i++)
        say(fixture, one, "{\"type\":\"ping\",\"time\":1}");
    assert_int_equal(one->count, 240);
    assert_int_equal(fixture->input.stats.messages[GAME_INPUT_RATE_LIMITED], 60);
    assert_false(one->is_closed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_join_order),
        TEST(test_newcomer_is_told_why_it_stands_still),
        TEST(test_spectator_is_told_what_he_said),
        TEST(test_update_is_encoded_once),
        TEST(test_full_socket_is_owed_the_newest_state),
        TEST(test_greeting_survives_a_full_socket),
        TEST(test_fresh_token_is_told_once),
        TEST(test_greeting_is_not_mixed_with_events),
        TEST(test_states_are_fresh),
        TEST(test_joined_state_is_owed),
        TEST(test_events_wait_for_a_full_socket_but_not_for_ever),
        TEST(test_replies_to_a_full_socket_are_dropped),
        TEST(test_input_answers),
        TEST(test_too_many_bad_messages),
        TEST(test_messages_over_the_rate_are_dropped),
    };
    return cmocka_run_group_tests_name("game_output and game_input", tests, NULL, NULL);
}
