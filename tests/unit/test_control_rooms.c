/*
 * Tests of gamed/control_rooms: what the operator is shown of rooms, page by page, however many there
 * are and however long their players' names.
 */
#include "gamed/control_rooms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/ipc_message.h"

enum {
    MANY_ROOMS = 10000
};

static struct game_manager *manager;
static struct now now = {.mono_ns = 5000000000, .mono_ms = 5000, .unix_ms = 1767323045678};

static void output_ready(void *arg, struct room *room, struct now at)
{
    (void)arg, (void)room, (void)at;
}

static void session_quiet(void *arg, struct player_session *session, struct now at)
{
    (void)arg, (void)session, (void)at;
}

static void session_close(void *arg, struct player_session *session, enum session_close code)
{
    (void)arg, (void)session, (void)code;
}

static bool match_over(void *arg, const struct match_result *result)
{
    (void)arg, (void)result;
    return true;
}

static bool checkpoint(void *arg, const struct room_checkpoint *room)
{
    (void)arg, (void)room;
    return true;
}

static int open_manager(void **state)
{
    const struct game_manager_config config = {.slot = 'A',
                                               .update_hz = 30,
                                               .max_rooms = MANY_ROOMS,
                                               .max_connections = 400,
                                               .max_spectators = 300,
                                               .messages_per_second = 120,
                                               .checkpoint_ms = 1000,
                                               .guests = true,
                                               .rules = {.serve_steps = 180,
                                                         .absence_ms = 30000,
                                                         .absence_total_ms = 60000,
                                                         .pause_ms = 60000,
                                                         .pauses = 3,
                                                         .unclaimed_ms = 30000,
                                                         .waiting_room_ms = 120000,
                                                         .rematch_ms = 60000,
                                                         .match_ms = 1800000}};
    const struct game_manager_hooks hooks = {.output_ready = output_ready,
                                             .session_quiet = session_quiet,
                                             .session_close = session_close,
                                             .match_over = match_over,
                                             .checkpoint = checkpoint};
    (void)state;
    manager = game_manager_new(&config, &hooks, now);
    assert_non_null(manager);
    return 0;
}

static int close_manager(void **state)
{
    (void)state;
    game_manager_free(manager);
    return 0;
}

static struct game_placement create(const char *user_id, const char *username, const char *level)
{
    static unsigned number;
    static char token[SEAT_TOKEN_SIZE];
    struct game_placement placement;
    snprintf(token, sizeof token, "%032x", ++number);
    const struct game_caller caller = {
        .user_id = user_id, .username = username, .address = "", .new_token = token};
    const struct game_options options = {.bot_level = level};
    assert_int_equal(game_manager_create(manager, &caller, &options, now, &placement),
                     GAME_MANAGER_OK);
    return placement;
}

static void join(const char *code, const char *user_id, const char *username, const char *token)
{
    struct game_placement placement;
    const struct game_caller caller = {
        .user_id = user_id, .username = username, .address = "", .new_token = token};
    assert_int_equal(game_manager_join(manager, code, &caller, now, &placement), GAME_MANAGER_OK);
}

static struct player_session *connect(const char *code, const char *token, void *connection)
{
    struct game_handshake handshake = {.token = ""};
    struct player_session *session;
    strcpy(handshake.room_code, code);
    strcpy(handshake.token, token);
    assert_int_equal(game_manager_admit(manager, &handshake, connection, now, &session),
                     GAME_MANAGER_OK);
    game_manager_session_open(manager, session, now);
    return session;
}

static const char *text_of(const json_t *object, const char *field)
{
    const json_t *value = json_object_get(object, field);
    assert_non_null(value);
    return json_string_value(value);
}

static json_int_t number_of(const json_t *object, const char *field)
{
    const json_t *value = json_object_get(object, field);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* The next page, as it is sent: it must fit. */
static json_t *page(const char *after)
{
    static char text[IPC_MESSAGE_MAX];
    json_t *reply = control_rooms_page(manager, after, now), *read;
    assert_non_null(reply);
    long length = ipc_reply_encode(reply, text, sizeof text);
    json_decref(reply);
    assert_true(length > 0);
    assert_int_equal(ipc_reply_decode(text, (size_t)length, &read), IPC_OK);
    return read;
}

/* Reads all pages; returns how many rooms there were, each once and in order. */
static size_t read_all(size_t *pages)
{
    char last[ROOM_CODE_SIZE] = "";
    size_t rooms = 0;
    bool more = true;
    for (*pages = 0; more; ++*pages) {
        json_t *reply = page(last);
        const json_t *list = json_object_get(reply, "rooms");
        for (size_t i = 0; i < json_array_size(list); i++, rooms++) {
            const char *code = text_of(json_array_get(list, i), "room_code");
            assert_true(strcmp(code, last) > 0);
            strcpy(last, code);
        }
        const char *next = text_of(reply, "next");
        more = next != NULL;
        if (more)
            assert_string_equal(next, last);
        json_decref(reply);
    }
    return rooms;
}

static void test_pages_end_where_the_rooms_do(void **state)
{
    size_t pages;
    (void)state;
    assert_int_equal(read_all(&pages), 0);
    assert_int_equal(pages, 1);
    for (int i = 0; i < CONTROL_ROOMS_PAGE - 1; i++)
        create("", "", "");
    assert_int_equal(read_all(&pages), CONTROL_ROOMS_PAGE - 1);
    assert_int_equal(pages, 1);
    create("", "", "");
    assert_int_equal(read_all(&pages), CONTROL_ROOMS_PAGE);
    assert_int_equal(pages, 1);
    create("", "", "");
    assert_int_equal(read_all(&pages), CONTROL_ROOMS_PAGE + 1);
    assert_int_equal(pages, 2);
}

static void test_ten_thousand_rooms_can_be_read(void **state)
{
    size_t pages;
    (void)state;
    for (int i = 0; i < MANY_ROOMS; i++)
        create("", "", "");
    assert_int_equal(read_all(&pages), MANY_ROOMS);
    assert_int_equal(pages, (MANY_ROOMS + CONTROL_ROOMS_PAGE - 1) / CONTROL_ROOMS_PAGE);
}

/* Every character of the ids needs an escape, every one of the names has four bytes. */
static void test_a_page_of_the_longest_rooms_fits(void **state)
{
    char id[PLAYER_ID_SIZE], name[USERNAME_SIZE] = "";
    size_t pages;
    (void)state;
    memset(id, '"', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    for (int i = 0; i < USERNAME_CHARACTERS_MAX; i++)
        strcat(name, "\U0001F3D3");
    for (int i = 0; i < CONTROL_ROOMS_PAGE; i++) {
        char token[SEAT_TOKEN_SIZE];
        struct game_placement placement = create(id, name, "");
        snprintf(token, sizeof token, "%032x", 0x10000 + i);
        id[0] = '\\';
        join(placement.room->game.room_code, id, name, token);
        id[0] = '"';
    }
    assert_int_equal(read_all(&pages), CONTROL_ROOMS_PAGE);
    assert_int_equal(pages, 1);
}

static void test_a_room_in_a_list(void **state)
{
    (void)state;
    struct game_placement placement = create("42", "Zoë", "easy");
    const char *code = placement.room->game.room_code;
    int connection, spectator;
    connect(code, placement.token, &connection);
    connect(code, "", &spectator);
    now.unix_ms += 61500;
    json_t *reply = page("");
    const json_t *room = json_array_get(json_object_get(reply, "rooms"), 0);
    assert_string_equal(text_of(room, "room_code"), code);
    assert_string_equal(text_of(room, "status"), "ONGOING");
    assert_string_equal(text_of(room, "phase"), "serving");
    assert_string_equal(text_of(room, "player_1_id"), "42");
    assert_string_equal(text_of(room, "player_1_username"), "Zoë");
    assert_string_equal(text_of(room, "player_2_id"), "bot-easy");
    assert_int_equal(number_of(room, "player_1_score"), 0);
    assert_int_equal(number_of(room, "sessions"), 2);
    assert_int_equal(number_of(room, "spectators"), 1);
    assert_int_equal(number_of(room, "age_s"), 61);
    assert_true(json_is_false(json_object_get(room, "public")));
    assert_true(json_is_false(json_object_get(room, "withheld")));
    json_decref(reply);
    now.unix_ms -= 3600 * 1000; /* the clock was set */
    reply = page("");
    assert_int_equal(number_of(json_array_get(json_object_get(reply, "rooms"), 0), "age_s"), 0);
    json_decref(reply);
}

static void assert_holds_no_secret(const json_t *reply, const char *token)
{
    struct digest digest = digest_of(token, strlen(token));
    char hex[DIGEST_HEX_SIZE];
    char *text = json_dumps(reply, JSON_COMPACT);
    digest_to_hex(&digest, hex);
    assert_null(strstr(text, token));
    assert_null(strstr(text, hex));
    free(text);
}

static void test_a_room_in_detail(void **state)
{
    (void)state;
    struct game_placement placement = create("", "", "hard");
    char token[SEAT_TOKEN_SIZE];
    strcpy(token, placement.token);
    const struct room *room = placement.room;
    int connection;
    struct player_session *session = connect(room->game.room_code, token, &connection);
    now.mono_ms += 1200;
    json_t *reply = control_rooms_detail(room, now);
    assert_non_null(reply);
    assert_holds_no_secret(reply, token);
    const json_t *object = json_object_get(reply, "room");
    assert_string_equal(text_of(object, "match_id"), room->game.match_id);
    assert_int_equal(number_of(object, "winning_score"), 10);
    assert_int_equal(number_of(object, "steps_left"), 180);
    assert_null(text_of(object, "pause"));
    assert_null(text_of(object, "reason"));
    const json_t *seats = json_object_get(object, "seats");
    assert_int_equal(json_array_size(seats), 2);
    assert_null(text_of(json_array_get(seats, 0), "bot"));
    assert_int_equal(number_of(json_array_get(seats, 0), "pauses_left"), 3);
    assert_true(json_is_true(json_object_get(json_array_get(seats, 0), "connected")));
    assert_string_equal(text_of(json_array_get(seats, 1), "bot"), "hard");
    const json_t *sessions = json_object_get(object, "session_list");
    assert_int_equal(json_array_size(sessions), 1); /* the bot has none that is one */
    assert_int_equal(number_of(json_array_get(sessions, 0), "seat"), 1);
    assert_int_equal(number_of(json_array_get(sessions, 0), "heard_ms_ago"), 1200);
    json_decref(reply);

    game_manager_session_gone(manager, session, now);
    now.mono_ms += 2500;
    reply = control_rooms_detail(room, now);
    object = json_object_get(reply, "room");
    assert_string_equal(text_of(object, "phase"), "paused");
    assert_string_equal(text_of(object, "pause"), "absence");
    assert_true(json_is_null(json_object_get(object, "steps_left")));
    const json_t *seat = json_array_get(json_object_get(object, "seats"), 0);
    assert_true(json_is_true(json_object_get(seat, "away")));
    assert_true(json_real_value(json_object_get(seat, "absence_used_s")) == 2.5);
    json_decref(reply);
}

static void test_the_end_of_a_match_in_detail(void **state)
{
    (void)state;
    enum game_manager_kick done;
    struct game_placement placement = create("7", "", "easy");
    const struct room *room = placement.room;
    int connection;
    connect(room->game.room_code, placement.token, &connection);
    game_manager_kick(manager, room->game.room_code, 1, now, &done);
    json_t *reply = control_rooms_detail(room, now);
    const json_t *object = json_object_get(reply, "room");
    assert_string_equal(text_of(object, "status"), "FINISHED");
    assert_int_equal(number_of(object, "winner"), 2);
    assert_string_equal(text_of(object, "reason"), "forfeit");
    assert_true(json_is_true(json_object_get(object, "withheld"))); /* its result is not safe yet */
    json_decref(reply);
}

static void test_a_crowded_room_fits(void **state)
{
    (void)state;
    static int connections[300];
    static char text[IPC_MESSAGE_MAX];
    struct game_placement placement = create("", "", "");
    for (size_t i = 0; i < sizeof connections / sizeof *connections; i++)
        connect(placement.room->game.room_code, "", &connections[i]);
    json_t *reply = control_rooms_detail(placement.room, now);
    const json_t *object = json_object_get(reply, "room");
    assert_int_equal(number_of(object, "spectators"), 300);
    assert_int_equal(json_array_size(json_object_get(object, "session_list")),
                     CONTROL_SESSIONS_MAX);
    assert_true(ipc_reply_encode(reply, text, sizeof text) > 0);
    json_decref(reply);
}

/* jansson's heap, of which the n-th allocation fails. */
static long allocations_left;

static void *failing_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void test_short_memory_is_no_reply(void **state)
{
    (void)state;
    struct game_placement placement = create("", "", "easy");
    int connection;
    connect(placement.room->game.room_code, placement.token, &connection);
    json_set_alloc_funcs(failing_malloc, free);
    for (int detail = 0; detail < 2; detail++) {
        json_t *reply = NULL;
        for (long n = 0; !reply; n++) {
            allocations_left = n;
            reply = detail ? control_rooms_detail(placement.room, now)
                           : control_rooms_page(manager, "", now);
            assert_true(n < 2000);
        }
        assert_int_equal(json_object_size(reply), detail ? 3 : 4);
        json_decref(reply);
    }
    json_set_alloc_funcs(malloc, free);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, open_manager, close_manager)
    const struct CMUnitTest tests[] = {
        TEST(test_pages_end_where_the_rooms_do),
        TEST(test_ten_thousand_rooms_can_be_read),
        TEST(test_a_page_of_the_longest_rooms_fits),
        TEST(test_a_room_in_a_list),
        TEST(test_a_room_in_detail),
        TEST(test_the_end_of_a_match_in_detail),
        TEST(test_a_crowded_room_fits),
        TEST(test_short_memory_is_no_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
