/*
 * messages: what clients send, as tables, good and bad in every field; what the server sends, read
 * back with jansson.
 */
#include "gamed/messages.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define NAME_31    "0123456789012345678901234567890"
#define BYTES_64   "0123456789012345678901234567890123456789012345678901234567890123"
#define PADDLES    "\xf0\x9f\x8f\x93" /* U+1F3D3, four bytes */
#define PADDLES_8  PADDLES PADDLES PADDLES PADDLES PADDLES PADDLES PADDLES PADDLES
#define PADDLES_32 PADDLES_8 PADDLES_8 PADDLES_8 PADDLES_8

static const int64_t UNIX_MS = 1700000000123;

/* ---- from clients -------------------------------------------------------------------- */

static int parse(const char *text, size_t length, struct client_message *message)
{
    const char *why = NULL;
    /* exactly so many bytes, so that reading past them is seen by the sanitizers */
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    memset(message, 0xa5, sizeof *message);
    int outcome = messages_parse(copy, length, message, &why);
    free(copy);
    if (outcome != MESSAGES_OK) {
        assert_non_null(why);
        assert_true(strlen(why) > 0 && strlen(why) < 100);
    }
    return outcome;
}

static void test_well_formed_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct client_message want;
    } table[] = {
        {"{\"type\":\"join_game\"}", {.type = CLIENT_JOIN_GAME}},
        {"{\"type\":\"join_game\",\"player_id\":null,\"username\":null}",
         {.type = CLIENT_JOIN_GAME}},
        {"{\"type\":\"join_game\",\"player_id\":\"\",\"username\":\"\"}",
         {.type = CLIENT_JOIN_GAME}},
        {"{\"type\":\"join_game\",\"player_id\":\"guest-1\",\"username\":\"Zo\\u00eb\"}",
         {.type = CLIENT_JOIN_GAME, .player_id = "guest-1", .username = "Zo\xc3\xab"}},
        {"{\"type\":\"join_game\",\"player_id\":42}",
         {.type = CLIENT_JOIN_GAME, .player_id = "42"}},
        {"{\"type\":\"join_game\",\"player_id\":-9223372036854775808}",
         {.type = CLIENT_JOIN_GAME, .player_id = "-9223372036854775808"}},
        {"{\"type\":\"join_game\",\"player_id\":\"" BYTES_64 "\",\"username\":\"" NAME_31 "1\"}",
         {.type = CLIENT_JOIN_GAME, .player_id = BYTES_64, .username = NAME_31 "1"}},
        {"{\"type\":\"join_game\",\"username\":\"" PADDLES_32 "\"}",
         {.type = CLIENT_JOIN_GAME, .username = PADDLES_32}},
        {"{\"type\":\"join_game\",\"username\":\"<b>\\\"\\\\\"}",
         {.type = CLIENT_JOIN_GAME, .username = "<b>\"\\"}},

        {"{\"type\":\"paddle_position\",\"position\":240}",
         {.type = CLIENT_PADDLE_POSITION, .target = 240 * 64}},
        {"{\"type\":\"paddle_position\",\"player_number\":1,\"position\":0}",
         {.type = CLIENT_PADDLE_POSITION, .player_number = 1}},
        {"{\"type\":\"paddle_position\",\"player_number\":2,\"position\":480}",
         {.type = CLIENT_PADDLE_POSITION, .player_number = 2, .target = 30720}},
        {"{\"type\":\"paddle_position\",\"player_number\":null,\"position\":480.1}",
         {.type = CLIENT_PADDLE_POSITION, .target = 30720}},
        {"{\"type\":\"paddle_position\",\"player_number\":3,\"position\":1}",
         {.type = CLIENT_PADDLE_POSITION, .player_number = -1, .target = 64}},
        {"{\"type\":\"paddle_position\",\"player_number\":0,\"position\":1}",
         {.type = CLIENT_PADDLE_POSITION, .player_number = -1, .target = 64}},
        {"{\"type\":\"paddle_position\",\"player_number\":4294967297,\"position\":1}",
         {.type = CLIENT_PADDLE_POSITION, .player_number = -1, .target = 64}},
        /* rounded to 1/64 px */
        {"{\"type\":\"paddle_position\",\"position\":0.0078}",
         {.type = CLIENT_PADDLE_POSITION, .target = 0}},
        {"{\"type\":\"paddle_position\",\"position\":0.0079}",
         {.type = CLIENT_PADDLE_POSITION, .target = 1}},
        {"{\"type\":\"paddle_position\",\"position\":479.99}",
         {.type = CLIENT_PADDLE_POSITION, .target = 30719}},
        /* and cut */
        {"{\"type\":\"paddle_position\",\"position\":-0.0}",
         {.type = CLIENT_PADDLE_POSITION, .target = 0}},
        {"{\"type\":\"paddle_position\",\"position\":-1}",
         {.type = CLIENT_PADDLE_POSITION, .target = 0}},
        {"{\"type\":\"paddle_position\",\"position\":-1e308}",
         {.type = CLIENT_PADDLE_POSITION, .target = 0}},
        {"{\"type\":\"paddle_position\",\"position\":1e308}",
         {.type = CLIENT_PADDLE_POSITION, .target = 30720}},
        {"{\"type\":\"paddle_position\",\"position\":9223372036854775807}",
         {.type = CLIENT_PADDLE_POSITION, .target = 30720}},
        {"{\"type\":\"paddle_position\",\"position\":1e-400}",
         {.type = CLIENT_PADDLE_POSITION, .target = 0}},

        {"{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":true}",
         {.type = CLIENT_KEY_EVENT, .key_is_up = true, .is_down = true}},
        {"{\"type\":\"key_event\",\"key\":\"w\",\"is_down\":false,\"player_number\":1}",
         {.type = CLIENT_KEY_EVENT, .key_is_up = true, .player_number = 1}},
        {"{\"type\":\"key_event\",\"key\":\"arrowup\",\"is_down\":true,\"player_number\":2}",
         {.type = CLIENT_KEY_EVENT, .key_is_up = true, .is_down = true, .player_number = 2}},
        {"{\"type\":\"key_event\",\"key\":\"down\",\"is_down\":true}",
         {.type = CLIENT_KEY_EVENT, .is_down = true}},
        {"{\"type\":\"key_event\",\"key\":\"s\",\"is_down\":true}",
         {.type = CLIENT_KEY_EVENT, .is_down = true}},
        {"{\"type\":\"key_event\",\"key\":\"ArrowDown\",\"is_down\":true,\"player_number\":-1}",
         {.type = CLIENT_KEY_EVENT, .is_down = true, .player_number = -1}},

        {"{\"type\":\"resume_game\"}", {.type = CLIENT_RESUME_GAME}},
        {"{\"type\":\"resume_game\",\"player_number\":1,\"ball_speed_x\":7,\"ball_speed_y\":-7.5}",
         {.type = CLIENT_RESUME_GAME}},
        {"{\"type\":\"pause_game\",\"player_number\":2}", {.type = CLIENT_PAUSE_GAME}},
        {"{\"type\":\"rematch\"}", {.type = CLIENT_REMATCH}},
        {"{\"type\":\"ping\",\"time\":12.5}", {.type = CLIENT_PING, .time = 12.5}},
        {"{\"type\":\"ping\",\"time\":1700000000123}",
         {.type = CLIENT_PING, .time = 1700000000123.0}},
        {"{\"type\":\"ping\"}", {.type = CLIENT_PING}},
        {"{\"type\":\"ping\",\"time\":null}", {.type = CLIENT_PING}},
        {"{\"type\":\"pong\",\"time\":-1}", {.type = CLIENT_PONG, .time = -1}},

        /* what is not known is ignored, however deep; blanks are blanks */
        {" {\t\"timestamp\": 1 ,\n\"type\" : \"rematch\", \"x\": {\"type\":\"ping\"}} \r\n",
         {.type = CLIENT_REMATCH}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct client_message *want = &table[i].want;
        struct client_message got;
        if (parse(table[i].text, strlen(table[i].text), &got) != MESSAGES_OK)
            fail_msg("refused: %s", table[i].text);
        if (got.type != want->type || strcmp(got.player_id, want->player_id) != 0 ||
            strcmp(got.username, want->username) != 0 || got.player_number != want->player_number ||
            got.target != want->target || got.key_is_up != want->key_is_up ||
            got.is_down != want->is_down || fabs(got.time - want->time) > 0)
            fail_msg("misread: %s (target %d, player %d)", table[i].text, (int)got.target,
                     got.player_number);
    }
}

static void test_malformed_messages(void **state)
{
    (void)state;
    static const char *const table[] = {
        /* not JSON, not an object, no type */
        "",
        " ",
        "x",
        "{",
        "}",
        "{}",
        "[]",
        "null",
        "true",
        "7",
        "\"join_game\"",
        "[\"join_game\"]",
        "[{\"type\":\"rematch\"}]",
        "{\"type\":\"rematch\"",
        "{type:\"rematch\"}",
        "{'type':'rematch'}",
        "{\"type\":\"rematch\",}",
        "{\"type\":\"rematch\"}}",
        "{\"type\":\"rematch\"} {}",
        "{\"type\":\"rematch\"}x",
        "/**/{\"type\":\"rematch\"}",
        "{\"type\":null}",
        "{\"type\":1}",
        "{\"type\":[\"rematch\"]}",
        "{\"type\":{}}",
        "{\"Type\":\"rematch\"}",
        "\xef\xbb\xbf{\"type\":\"rematch\"}",
        /* duplicates: no two readers agree on them */
        "{\"type\":\"rematch\",\"type\":\"rematch\"}",
        "{\"type\":\"rematch\",\"type\":\"ping\"}",
        "{\"type\":\"ping\",\"x\":{\"a\":1,\"a\":2}}",
        "{\"type\":\"ping\",\"t\\u0079pe\":\"rematch\"}",
        /* NUL, invalid UTF-8, control characters */
        "{\"type\":\"rematch\\u0000\"}",
        "{\"type\":\"join_game\",\"username\":\"a\\u0000b\"}",
        "{\"type\":\"join_game\",\"player_id\":\"a\\u0000b\"}",
        "{\"type\":\"ping\",\"x\":\"\\u0000\"}",
        "{\"type\":\"join_game\",\"username\":\"\xff\"}",
        "{\"type\":\"join_game\",\"player_id\":\"\xc0\x80\"}",
        "{\"type\":\"join_game\",\"player_id\":\"\xed\xa0\x80\"}",
        "{\"type\":\"join_game\",\"player_id\":\"\\ud800\"}",
        "{\"type\":\"ping\",\"\xf8\":1}",
        "{\"type\":\"ping\",\"x\":\"\n\"}",
        /* numbers that JSON does not have, or nobody can hold */
        "{\"type\":\"paddle_position\",\"position\":NaN}",
        "{\"type\":\"paddle_position\",\"position\":Infinity}",
        "{\"type\":\"paddle_position\",\"position\":-Infinity}",
        "{\"type\":\"paddle_position\",\"position\":nan}",
        "{\"type\":\"paddle_position\",\"position\":1e309}",
        "{\"type\":\"paddle_position\",\"position\":-1e309}",
        "{\"type\":\"paddle_position\",\"position\":9223372036854775808}",
        "{\"type\":\"paddle_position\",\"position\":0x10}",
        "{\"type\":\"paddle_position\",\"position\":+1}",
        "{\"type\":\"paddle_position\",\"position\":01}",
        "{\"type\":\"paddle_position\",\"position\":.5}",
        "{\"type\":\"paddle_position\",\"position\":1.}",
        "{\"type\":\"ping\",\"time\":1e999}",
        /* join_game */
        "{\"type\":\"join_game\",\"player_id\":true}",
        "{\"type\":\"join_game\",\"player_id\":1.5}",
        "{\"type\":\"join_game\",\"player_id\":[]}",
        "{\"type\":\"join_game\",\"player_id\":{}}",
        "{\"type\":\"join_game\",\"player_id\":\"" BYTES_64 "x\"}",
        "{\"type\":\"join_game\",\"username\":1}",
        "{\"type\":\"join_game\",\"username\":false}",
        "{\"type\":\"join_game\",\"username\":[\"a\"]}",
        "{\"type\":\"join_game\",\"username\":\"" NAME_31 "12\"}",
        "{\"type\":\"join_game\",\"username\":\"" PADDLES_32 "x\"}",
        "{\"type\":\"join_game\",\"username\":\" \"}",
        "{\"type\":\"join_game\",\"username\":\"a\\nb\"}",
        "{\"type\":\"join_game\",\"username\":\"a\\u001b\"}",
        "{\"type\":\"join_game\",\"username\":\"\\u202eabc\"}",
        /* paddle_position */
        "{\"type\":\"paddle_position\"}",
        "{\"type\":\"paddle_position\",\"position\":null}",
        "{\"type\":\"paddle_position\",\"position\":\"240\"}",
        "{\"type\":\"paddle_position\",\"position\":true}",
        "{\"type\":\"paddle_position\",\"position\":[1]}",
        "{\"type\":\"paddle_position\",\"position\":1,\"player_number\":\"1\"}",
        "{\"type\":\"paddle_position\",\"position\":1,\"player_number\":1.5}",
        "{\"type\":\"paddle_position\",\"position\":1,\"player_number\":true}",
        "{\"type\":\"paddle_position\",\"player_number\":1}",
        /* key_event */
        "{\"type\":\"key_event\"}",
        "{\"type\":\"key_event\",\"key\":\"up\"}",
        "{\"type\":\"key_event\",\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":1}",
        "{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":\"true\"}",
        "{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":null}",
        "{\"type\":\"key_event\",\"key\":\"left\",\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":\"\",\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":\"upp\",\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":38,\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":null,\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":true,\"player_number\":\"1\"}",
        /* ping, pong */
        "{\"type\":\"ping\",\"time\":\"1\"}",
        "{\"type\":\"ping\",\"time\":true}",
        "{\"type\":\"pong\",\"time\":[]}",
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct client_message message;
        int outcome = parse(table[i], strlen(table[i]), &message);
        if (outcome != MESSAGES_BAD)
            fail_msg("%d: %s", outcome, table[i]);
    }
}

static void test_unknown_types(void **state)
{
    (void)state;
    static const char *const table[] = {"{\"type\":\"\"}",           "{\"type\":\"JOIN_GAME\"}",
                                        "{\"type\":\"join_game \"}", "{\"type\":\"resync2\"}",
                                        "{\"type\":\"join\"}",       "{\"type\":\"game_state\"}",
                                        "{\"type\":\"join_gamee\"}"};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct client_message message;
        if (parse(table[i], strlen(table[i]), &message) != MESSAGES_UNKNOWN_TYPE)
            fail_msg("%s", table[i]);
    }
}

static void test_bytes_after_a_nul_count(void **state)
{
    (void)state;
    struct client_message message;
    static const char after[] = "{\"type\":\"rematch\"}\0";
    static const char within[] = "{\"type\":\"rematch\",\"x\":\"\0\"}";
    static const char before[] = "\0{\"type\":\"rematch\"}";
    assert_int_equal(parse(after, sizeof after - 2, &message), MESSAGES_OK);
    assert_int_equal(parse(after, sizeof after - 1, &message), MESSAGES_BAD);
    assert_int_equal(parse(within, sizeof within - 1, &message), MESSAGES_BAD);
    assert_int_equal(parse(before, sizeof before - 1, &message), MESSAGES_BAD);
}

static void test_size_limit_is_512_bytes(void **state)
{
    (void)state;
    struct client_message message;
    char text[MESSAGES_CLIENT_MAX + 1];
    int length = snprintf(text, sizeof text, "{\"type\":\"rematch\"}");
    memset(text + length, ' ', sizeof text - (size_t)length);
    assert_int_equal(MESSAGES_CLIENT_MAX, 512);
    assert_int_equal(parse(text, 512, &message), MESSAGES_OK);
    assert_int_equal(parse(text, 513, &message), MESSAGES_BAD);
}

/* A message of 512 bytes: `before`, as many of `unit` as there is room for, `after`. */
static int parse_filled(const char *before, char unit, const char *after)
{
    struct client_message message;
    char text[MESSAGES_CLIENT_MAX + 1];
    memset(text, unit, sizeof text);
    memcpy(text, before, strlen(before));
    memcpy(text + MESSAGES_CLIENT_MAX - strlen(after), after, strlen(after));
    return parse(text, MESSAGES_CLIENT_MAX, &message);
}

static void test_long_numbers_and_deep_nesting(void **state)
{
    (void)state;
    char deep[MESSAGES_CLIENT_MAX];
    struct client_message message;
    assert_int_equal(parse_filled("{\"type\":\"ping\",\"time\":", '9', "}"), MESSAGES_BAD);
    assert_int_equal(parse_filled("{\"type\":\"ping\",\"time\":", '9', ".0}"), MESSAGES_BAD);
    assert_int_equal(parse_filled("{\"type\":\"ping\",\"time\":0.", '9', "}"), MESSAGES_OK);
    assert_int_equal(parse_filled("{\"type\":\"ping\",\"time\":1e", '9', "}"), MESSAGES_BAD);
    assert_int_equal(parse_filled("{\"type\":\"ping\",\"time\":1e-", '9', "}"), MESSAGES_OK);
    assert_int_equal(parse_filled("{\"type\":\"ping\",\"time\":0", '0', "}"), MESSAGES_BAD);
    assert_int_equal(parse_filled("{\"type\":\"ping\",\"x\":[", '[', ""), MESSAGES_BAD);
    assert_int_equal(parse_filled("", '[', ""), MESSAGES_BAD);

    int head = snprintf(deep, sizeof deep, "{\"type\":\"rematch\",\"x\":");
    memset(deep + head, '[', 200);
    memset(deep + head + 200, ']', 200);
    deep[head + 400] = '}';
    assert_int_equal(parse(deep, (size_t)head + 401, &message), MESSAGES_OK);
}

/* Every beginning of good messages, and every message with one byte of it changed: something comes
 * of each, and nothing breaks. */
static void test_damaged_messages(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"type\":\"join_game\",\"player_id\":\"guest-1\",\"username\":\"Zo\xc3\xab\"}",
        "{\"type\":\"paddle_position\",\"player_number\":1,\"position\":-12.5e1}",
        "{\"type\":\"key_event\",\"key\":\"arrowup\",\"is_down\":true,\"player_number\":2}",
        "{\"type\":\"ping\",\"time\":1700000000123.25}",
    };
    struct client_message message;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[MESSAGES_CLIENT_MAX];
        size_t length = strlen(texts[i]);
        for (size_t at = 0; at < length; at++) {
            assert_int_not_equal(parse(texts[i], at, &message), MESSAGES_OK);
            for (int byte = 0; byte < 256; byte++) {
                memcpy(text, texts[i], length);
                text[at] = (char)byte;
                int outcome = parse(text, length, &message);
                assert_in_range(-outcome, 0, 2);
                if (outcome != MESSAGES_OK)
                    continue;
                assert_in_range(message.target, 0, PONG_PADDLE_Y_MAX);
                assert_in_range(message.player_number + 1, 0, 3);
                assert_true(memchr(message.player_id, 0, sizeof message.player_id) != NULL);
                assert_true(memchr(message.username, 0, sizeof message.username) != NULL);
            }
        }
    }
}

/* ---- reading back -------------------------------------------------------------------- */

static const struct game_rules rules = {.serve_steps = 180,
                                        .absence_ms = 30000,
                                        .absence_total_ms = 60000,
                                        .pause_ms = 60000,
                                        .pauses = 3,
                                        .unclaimed_ms = 30000,
                                        .waiting_room_ms = 120000,
                                        .rematch_ms = 60000,
                                        .match_ms = 1800000};

#define TOKEN "0123456789abcdef0123456789abcdef"

static const struct now noon = {.mono_ns = 5000000000, .mono_ms = 5000, .unix_ms = 1700000000000};

static void seat_player(struct game *game, const char *player_id, const char *username)
{
    struct game_player player;
    memset(&player, 0, sizeof player);
    snprintf(player.player_id, sizeof player.player_id, "%s", player_id);
    snprintf(player.username, sizeof player.username, "%s", username);
    player.token = digest_of(TOKEN, strlen(TOKEN));
    assert_int_not_equal(game_state_take_seat(game, &player, noon), 0);
}

static struct game empty_game(void)
{
    struct game game;
    game_state_open(&game, &rules, "A2345Z", "00000000-0000-4000-8000-000000000000", 7, 10, false,
                    noon);
    return game;
}

static struct game game_of(const char *name_1, const char *name_2)
{
    struct game game = empty_game();
    seat_player(&game, "guest-aaaaaaaa", name_1);
    seat_player(&game, "42", name_2);
    return game;
}

static json_t *read_back(const char *text, size_t length)
{
    json_error_t error;
    assert_true(length > 0 && length <= MESSAGES_SIZE);
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        fail_msg("%s: %.*s", error.text, (int)length, text);
    assert_true(json_is_object(object));
    return object;
}

/* No number of the text has more than two decimals, an exponent, or a zero that says nothing. */
static void assert_short_numbers(const char *text, size_t length)
{
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\' && in_string) {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (text[i] == '.' && !in_string) {
            size_t digits = strspn(text + i + 1, "0123456789");
            if (digits < 1 || digits > 2 || text[i + 1 + digits] == 'e' ||
                (digits == 2 && text[i + 2] == '0'))
                fail_msg("%.*s", (int)length, text);
        }
    }
}

static void assert_number(const json_t *object, const char *key, double want)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value) || fabs(json_number_value(value) - want) > 1e-9)
        fail_msg("%s is %f, not %f", key, json_number_value(value), want);
}

static void assert_text(const json_t *object, const char *key, const char *want)
{
    const json_t *value = json_object_get(object, key);
    if (want ? !json_is_string(value) || strcmp(json_string_value(value), want) != 0
             : !json_is_null(value))
        fail_msg("%s is %s, not %s", key, json_string_value(value), want ? want : "null");
}

static void assert_truth(const json_t *object, const char *key, bool want)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value) || json_is_true(value) != want)
        fail_msg("%s is not %s", key, want ? "true" : "false");
}

static void assert_is_null(const json_t *object, const char *key)
{
    if (!json_is_null(json_object_get(object, key)))
        fail_msg("%s is not null", key);
}

/* The object has these keys, separated by blanks, and no other. */
static void assert_keys(const json_t *object, const char *keys)
{
    size_t count = 0;
    while (*keys) {
        char key[64];
        size_t length = strcspn(keys, " ");
        snprintf(key, sizeof key, "%.*s", (int)length, keys);
        if (!json_object_get(object, key))
            fail_msg("no %s", key);
        count++;
        keys += length + strspn(keys + length, " ");
    }
    if (json_object_size(object) != count) {
        char *text = json_dumps(object, 0);
        fail_msg("%zu keys, not %zu: %s", json_object_size(object), count, text);
    }
}

#define STATE_KEYS                                                                         \
    "room_code status player_1_id player_2_id player_1_username player_2_username "        \
    "player_1_score player_2_score player_1_paddle_y player_2_paddle_y paddle_height "     \
    "paddle_width ball_x ball_y ball_size ball_speed_x ball_speed_y is_paused last_loser " \
    "winning_score timestamp"

/* ---- the full state ------------------------------------------------------------------ */

static json_t *state_of(const struct game *game, enum messages_state_form form)
{
    char text[MESSAGES_SIZE];
    struct game_view view;
    game_state_view(game, &view);
    size_t length = messages_state(game, &view, form, UNIX_MS, text, sizeof text);
    assert_short_numbers(text, length);
    return read_back(text, length);
}

static void test_state_of_a_room_nobody_is_in(void **state)
{
    (void)state;
    struct game game = empty_game();
    json_t *object = state_of(&game, MESSAGES_STATE_BARE);
    assert_keys(object, STATE_KEYS);
    assert_int_equal(json_object_size(object), 21);
    assert_text(object, "room_code", "A2345Z");
    assert_text(object, "status", "WAITING");
    assert_is_null(object, "player_1_id");
    assert_is_null(object, "player_2_id");
    assert_is_null(object, "player_1_username");
    assert_is_null(object, "player_2_username");
    assert_number(object, "player_1_score", 0);
    assert_number(object, "player_2_score", 0);
    assert_number(object, "player_1_paddle_y", 240);
    assert_number(object, "player_2_paddle_y", 240);
    assert_number(object, "paddle_height", 120);
    assert_number(object, "paddle_width", 12);
    assert_number(object, "ball_x", 400);
    assert_number(object, "ball_y", 300);
    assert_number(object, "ball_size", 20);
    assert_number(object, "ball_speed_x", 0);
    assert_number(object, "ball_speed_y", 0);
    assert_truth(object, "is_paused", true);
    assert_is_null(object, "last_loser");
    assert_number(object, "winning_score", 10);
    assert_number(object, "timestamp", (double)UNIX_MS);
    json_decref(object);
}

static void test_state_of_a_rally(void **state)
{
    (void)state;
    struct game game = game_of("Ada", "Bob");
    pong_set_phase(&game.pong, PONG_RALLY, PONG_STEPS_OPEN);
    game.pong.ball_x = 64 * 123 + 1; /* 123.015625 */
    game.pong.ball_y = 64 * 45 + 32; /* 45.5 */
    game.pong.ball_vx = -470;        /* -7.34375 */
    game.pong.ball_vy = -1;          /* -0.015625 */
    game.pong.paddle_y[0] = 64 * 9 + 63;
    game.pong.paddle_y[1] = 30720;
    game.pong.score[0] = 9;
    game.pong.score[1] = 21;
    game.last_loser = 1;
    json_t *object = state_of(&game, MESSAGES_STATE_FULL);
    assert_keys(object, "type is_full_state " STATE_KEYS);
    assert_text(object, "type", "game_state");
    assert_truth(object, "is_full_state", true);
    assert_text(object, "status", "ONGOING");
    assert_text(object, "player_1_id", "guest-aaaaaaaa");
    assert_text(object, "player_2_id", "42"); /* a number's text stays text */
    assert_text(object, "player_1_username", "Ada");
    assert_text(object, "player_2_username", "Bob");
    assert_number(object, "ball_x", 123.02);
    assert_number(object, "ball_y", 45.5);
    assert_number(object, "ball_speed_x", -7.34);
    assert_number(object, "ball_speed_y", -0.02);
    assert_number(object, "player_1_paddle_y", 9.98);
    assert_number(object, "player_2_paddle_y", 480);
    assert_number(object, "player_1_score", 9);
    assert_number(object, "player_2_score", 21);
    assert_truth(object, "is_paused", false);
    assert_number(object, "last_loser", 1);
    json_decref(object);

    object = state_of(&game, MESSAGES_STATE_JOINED);
    assert_keys(object, "type is_full_state " STATE_KEYS);
    assert_text(object, "type", "game_state_delta");
    assert_truth(object, "is_full_state", true);
    json_decref(object);

    pong_set_phase(&game.pong, PONG_FINISHED, PONG_STEPS_OPEN);
    object = state_of(&game, MESSAGES_STATE_BARE);
    assert_keys(object, STATE_KEYS);
    assert_text(object, "status", "FINISHED");
    assert_truth(object, "is_paused", true);
    json_decref(object);
}

/* Every position and speed there is comes back to within half a hundredth, in two decimals. */
static void test_every_number_survives(void **state)
{
    (void)state;
    struct game game = game_of("Ada", "Bob");
    pong_set_phase(&game.pong, PONG_RALLY, PONG_STEPS_OPEN);
    for (int32_t i = 0; i <= 51200; i += i < 300 ? 1 : 101) {
        game.pong.ball_x = i;
        game.pong.ball_vy = i % 2 ? -i % 2305 : i % 2305;
        json_t *object = state_of(&game, MESSAGES_STATE_BARE);
        double x = json_number_value(json_object_get(object, "ball_x"));
        double vy = json_number_value(json_object_get(object, "ball_speed_y"));
        if (fabs(x - i / 64.0) > 0.005 + 1e-9 || fabs(vy - game.pong.ball_vy / 64.0) > 0.005 + 1e-9)
            fail_msg("%d/64 px is %f, %d/64 is %f", (int)i, x, (int)game.pong.ball_vy, vy);
        json_decref(object);
    }
}

static const char *const awkward_names[] = {
    "\"",
    "\\",
    "\\\"\\\"",
    "a/b</script>",
    "tab\there",
    "\x01\x1f",
    "\b\f\n\r",
    "\x7f",
    "Zo\xc3\xab \xe7\x8e\xa9\xe5\xae\xb6",
    PADDLES,
    "\xf4\x8f\xbf\xbf", /* the last character there is */
    "{\"type\":\"game_over\"}",
    "%s%n",
    "null",
    " ",
};

static void test_awkward_names_come_back_as_they_were(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof awkward_names / sizeof *awkward_names; i++) {
        struct game game = game_of(awkward_names[i], "Bob");
        snprintf(game.seats[1].player.player_id, PLAYER_ID_SIZE, "%s", awkward_names[i]);
        json_t *object = state_of(&game, MESSAGES_STATE_FULL);
        assert_text(object, "player_1_username", awkward_names[i]);
        assert_text(object, "player_2_id", awkward_names[i]);
        assert_text(object, "player_2_username", "Bob");
        json_decref(object);
    }
}

/* The longest there is: 64 bytes of id and 128 of name, each byte an escape of six. */
static void test_longest_names_fit(void **state)
{
    (void)state;
    static const char fillers[] = {'\x01', '"', 'x'};
    for (size_t filler = 0; filler < sizeof fillers; filler++) {
        char text[MESSAGES_SIZE];
        struct game game = game_of("", "");
        struct game_view before, after;
        game_state_view(&game, &before);
        for (int i = 0; i < 2; i++) {
            struct game_player *player = &game.seats[i].player;
            memset(player->player_id, fillers[filler], PLAYER_ID_SIZE - 1);
            memset(player->username, fillers[filler], USERNAME_SIZE - 1);
            game.seats[i].id_version++;
            game.seats[i].name_version++;
        }
        json_t *object = state_of(&game, MESSAGES_STATE_JOINED);
        assert_text(object, "player_2_id", game.seats[1].player.player_id);
        assert_text(object, "player_1_username", game.seats[0].player.username);
        json_decref(object);

        game_state_view(&game, &after);
        size_t length = messages_delta(&game, &before, &after, UNIX_MS, text, sizeof text);
        object = read_back(text, length);
        assert_text(object, "player_2_username", game.seats[1].player.username);
        json_decref(object);

        const struct game_event events[] = {{.type = GAME_EVENT_JOINED, .player = 1},
                                            {.type = GAME_EVENT_LEFT, .player = 2},
                                            {.type = GAME_EVENT_GOAL, .player = 1},
                                            {.type = GAME_EVENT_OVER, .player = 1}};
        for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
            length = messages_event(&game, &events[i], UNIX_MS, text, sizeof text);
            object = read_back(text, length);
            assert_true(json_object_size(object) > 3);
            json_decref(object);
        }
        length = messages_welcome(2, game.seats[1].player.player_id, game.seats[1].player.username,
                                  TOKEN, UNIX_MS, text, sizeof text);
        object = read_back(text, length);
        assert_text(object, "username", game.seats[1].player.username);
        json_decref(object);
    }
}

/* ---- deltas -------------------------------------------------------------------------- */

static void test_delta_of_nothing_is_nothing(void **state)
{
    (void)state;
    char text[MESSAGES_SIZE];
    struct game game = game_of("Ada", "Bob");
    struct game_view before, after;
    game_state_view(&game, &before);
    game_state_view(&game, &after);
    assert_int_equal(messages_delta(&game, &before, &after, UNIX_MS, text, sizeof text), 0);
    game.pong.step += 100; /* what no client sees is no change */
    game.pong.target_y[0] = 0;
    game.seats[0].token_version++;
    game_state_view(&game, &after);
    assert_int_equal(messages_delta(&game, &before, &after, UNIX_MS, text, sizeof text), 0);
}

/* A copy of a view may differ in the bytes between its members: those are no change either. */
static void test_delta_looks_at_members_not_at_bytes(void **state)
{
    (void)state;
    char text[MESSAGES_SIZE];
    struct game game = game_of("Ada", "Bob");
    struct game_view before, view, after;
    game_state_view(&game, &before);
    game_state_view(&game, &view);
    memset(&after, 0xff, sizeof after);
    for (int i = 0; i < 2; i++) {
        after.paddle_y[i] = view.paddle_y[i];
        after.score[i] = view.score[i];
        after.id_version[i] = view.id_version[i];
        after.name_version[i] = view.name_version[i];
    }
    after.ball_x = view.ball_x;
    after.ball_y = view.ball_y;
    after.ball_speed_x = view.ball_speed_x;
    after.ball_speed_y = view.ball_speed_y;
    after.status = view.status;
    after.last_loser = view.last_loser;
    after.is_paused = view.is_paused;
    assert_int_equal(messages_delta(&game, &before, &after, UNIX_MS, text, sizeof text), 0);
}

static void test_delta_has_the_changed_keys_alone(void **state)
{
    (void)state;
    struct game game = game_of("Ada", "");
    struct game_view before;
    game_state_view(&game, &before);
    static const struct {
        const char *key;
        size_t offset, size; /* of the view's member */
        int32_t value;
        double number; /* NAN: not a number */
    } table[] = {
#define MEMBER(name) offsetof(struct game_view, name), sizeof(((struct game_view *)NULL)->name)
        {"ball_x", MEMBER(ball_x), 12345, 123.45},
        {"ball_y", MEMBER(ball_y), 5, 0.05},
        {"ball_speed_x", MEMBER(ball_speed_x), -700, -7},
        {"ball_speed_y", MEMBER(ball_speed_y), -50, -0.5},
        {"player_1_paddle_y", MEMBER(paddle_y[0]), 48000, 480},
        {"player_2_paddle_y", MEMBER(paddle_y[1]), 10, 0.1},
        {"player_1_score", MEMBER(score[0]), 21, 21},
        {"player_2_score", MEMBER(score[1]), 1, 1},
        {"status", MEMBER(status), GAME_STATUS_FINISHED, (double)NAN},
        {"is_paused", MEMBER(is_paused), 0, (double)NAN},
        {"last_loser", MEMBER(last_loser), 2, 2},
        {"player_1_id", MEMBER(id_version[0]), 9, (double)NAN},
        {"player_2_id", MEMBER(id_version[1]), 9, (double)NAN},
        {"player_1_username", MEMBER(name_version[0]), 9, (double)NAN},
        {"player_2_username", MEMBER(name_version[1]), 9, (double)NAN},
#undef MEMBER
    };
    enum {
        COUNT = sizeof table / sizeof *table
    };
    /* each alone, and then each two of them together */
    for (int first = 0; first < COUNT; first++) {
        for (int second = first; second < COUNT; second++) {
            char text[MESSAGES_SIZE], keys[256];
            struct game_view after = before;
            memcpy((char *)&after + table[first].offset, &table[first].value, table[first].size);
            memcpy((char *)&after + table[second].offset, &table[second].value, table[second].size);
            size_t length = messages_delta(&game, &before, &after, UNIX_MS, text, sizeof text);
            assert_short_numbers(text, length);
            json_t *object = read_back(text, length);
            snprintf(keys, sizeof keys, "type timestamp is_full_state %s %s", table[first].key,
                     second == first ? "" : table[second].key);
            assert_keys(object, keys);
            assert_text(object, "type", "game_state_delta");
            assert_truth(object, "is_full_state", false);
            assert_number(object, "timestamp", (double)UNIX_MS);
            if (!isnan(table[first].number))
                assert_number(object, table[first].key, table[first].number);
            json_decref(object);
        }
    }
}

static void test_delta_of_words_and_names(void **state)
{
    (void)state;
    char text[MESSAGES_SIZE];
    struct game game = game_of("A\"da", "");
    struct game_view before, after;
    memset(&before, 0, sizeof before);
    before.last_loser = 1;
    game_state_view(&game, &after);
    json_t *object =
        read_back(text, messages_delta(&game, &before, &after, UNIX_MS, text, sizeof text));
    assert_text(object, "status", "ONGOING");
    assert_truth(object, "is_paused", true);
    assert_is_null(object, "last_loser");
    assert_text(object, "player_1_id", "guest-aaaaaaaa");
    assert_text(object, "player_1_username", "A\"da");
    assert_text(object, "player_2_username", NULL);
    json_decref(object);

    after.is_paused = false;
    before = after;
    before.is_paused = true;
    object = read_back(text, messages_delta(&game, &before, &after, UNIX_MS, text, sizeof text));
    assert_truth(object, "is_paused", false);
    json_decref(object);
}

/* ---- events -------------------------------------------------------------------------- */

static json_t *event_of(const struct game *game, struct game_event event)
{
    char text[MESSAGES_SIZE];
    size_t length = messages_event(game, &event, UNIX_MS, text, sizeof text);
    assert_short_numbers(text, length);
    json_t *object = read_back(text, length);
    assert_number(object, "timestamp", (double)UNIX_MS);
    return object;
}

static void test_joined_and_left(void **state)
{
    (void)state;
    struct game game = game_of("Ada", "B\"ob");
    json_t *object = event_of(&game, (struct game_event){.type = GAME_EVENT_JOINED, .player = 2});
    assert_keys(object, "type player_number player_id username is_you timestamp");
    assert_text(object, "type", "player_joined");
    assert_number(object, "player_number", 2);
    assert_text(object, "player_id", "42");
    assert_text(object, "username", "B\"ob");
    assert_truth(object, "is_you", false);
    json_decref(object);

    object = event_of(&game, (struct game_event){.type = GAME_EVENT_LEFT, .player = 1});
    assert_keys(object, "type player_number player_id username timestamp");
    assert_text(object, "type", "player_left");
    assert_number(object, "player_number", 1);
    assert_text(object, "player_id", "guest-aaaaaaaa");
    assert_text(object, "username", "Ada");
    json_decref(object);
}

static void test_goal(void **state)
{
    (void)state;
    struct game game = game_of("Ada", "");
    json_t *object = event_of(
        &game, (struct game_event){.type = GAME_EVENT_GOAL, .player = 2, .score = {3, 21}});
    assert_keys(object, "type scorer player_1_score player_2_score player_1_username "
                        "player_2_username timestamp");
    assert_text(object, "type", "goal_scored");
    assert_number(object, "scorer", 2);
    assert_number(object, "player_1_score", 3);
    assert_number(object, "player_2_score", 21);
    assert_text(object, "player_1_username", "Ada");
    assert_is_null(object, "player_2_username");
    json_decref(object);
}

static void test_over(void **state)
{
    (void)state;
    static const char *const reasons[] = {
        [MATCH_END_SCORE] = "score",
        [MATCH_END_FORFEIT] = "forfeit",
        [MATCH_END_ABANDONED] = "abandoned",
    };
    struct game game = game_of("Ada", "Bob");
    for (uint8_t end = 0; end < 3; end++) {
        for (uint8_t winner = 0; winner <= 2; winner++) {
            json_t *object = event_of(&game, (struct game_event){.type = GAME_EVENT_OVER,
                                                                 .player = winner,
                                                                 .score = {10, 4},
                                                                 .end = end});
            assert_keys(object, "type winner reason player_1_score player_2_score "
                                "player_1_username player_2_username timestamp");
            assert_text(object, "type", "game_over");
            assert_text(object, "reason", reasons[end]);
            if (winner)
                assert_number(object, "winner", winner);
            else
                assert_is_null(object, "winner");
            assert_number(object, "player_1_score", 10);
            assert_number(object, "player_2_score", 4);
            assert_text(object, "player_2_username", "Bob");
            json_decref(object);
        }
    }
}

static void test_paused(void **state)
{
    (void)state;
    static const struct {
        enum game_pause pause;
        uint8_t player;
        const char *reason;
    } table[] = {{GAME_PAUSE_PLAYER, 1, "player"},
                 {GAME_PAUSE_ABSENCE, 2, "absence"},
                 {GAME_PAUSE_RESTART, 0, "restart"}};
    struct game game = game_of("Ada", "Bob");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        json_t *object = event_of(&game, (struct game_event){.type = GAME_EVENT_PAUSED,
                                                             .player = table[i].player,
                                                             .pause = (uint8_t)table[i].pause});
        assert_keys(object, "type player_number reason timestamp");
        assert_text(object, "type", "game_paused");
        assert_text(object, "reason", table[i].reason);
        if (table[i].player)
            assert_number(object, "player_number", table[i].player);
        else
            assert_is_null(object, "player_number");
        json_decref(object);
    }
}

static void test_resumed(void **state)
{
    (void)state;
    struct game game = game_of("Ada", "Bob");
    for (int speed = -2304; speed <= 2304; speed++) {
        json_t *object = event_of(&game, (struct game_event){.type = GAME_EVENT_RESUMED,
                                                             .vx = (int16_t)speed,
                                                             .vy = (int16_t)-speed});
        assert_keys(object, "type player_number ball_speed_x ball_speed_y timestamp");
        assert_text(object, "type", "game_resumed");
        assert_is_null(object, "player_number");
        double x = json_number_value(json_object_get(object, "ball_speed_x"));
        double y = json_number_value(json_object_get(object, "ball_speed_y"));
        if (fabs(x - speed / 64.0) > 0.005 + 1e-9 || fabs(x + y) > 1e-9)
            fail_msg("%d/64 is %f, and the other way %f", speed, x, y);
        json_decref(object);
    }
}

static void test_rematch_offered(void **state)
{
    (void)state;
    struct game game = game_of("Ada", "Bob");
    json_t *object =
        event_of(&game, (struct game_event){.type = GAME_EVENT_REMATCH_OFFERED, .player = 2});
    assert_keys(object, "type player_number timestamp");
    assert_text(object, "type", "rematch_offered");
    assert_number(object, "player_number", 2);
    json_decref(object);
}

static void test_events_carry_awkward_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof awkward_names / sizeof *awkward_names; i++) {
        struct game game = game_of(awkward_names[i], "Bob");
        json_t *object =
            event_of(&game, (struct game_event){.type = GAME_EVENT_JOINED, .player = 1});
        assert_text(object, "username", awkward_names[i]);
        json_decref(object);
        object = event_of(&game, (struct game_event){.type = GAME_EVENT_GOAL, .player = 1});
        assert_text(object, "player_1_username", awkward_names[i]);
        json_decref(object);
    }
}

/* ---- answers ------------------------------------------------------------------------- */

static void test_welcome(void **state)
{
    (void)state;
    char text[MESSAGES_SIZE];
    json_t *object = read_back(
        text, messages_welcome(1, "guest-aaaaaaaa", "Ada", "", UNIX_MS, text, sizeof text));
    assert_keys(object, "type player_number player_id username is_you timestamp");
    assert_text(object, "type", "player_joined");
    assert_number(object, "player_number", 1);
    assert_text(object, "player_id", "guest-aaaaaaaa");
    assert_text(object, "username", "Ada");
    assert_truth(object, "is_you", true);
    assert_number(object, "timestamp", (double)UNIX_MS);
    json_decref(object);

    object = read_back(text, messages_welcome(2, "42", "Bob", "0123456789abcdef0123456789abcdef",
                                              UNIX_MS, text, sizeof text));
    assert_keys(object, "type player_number player_id username is_you timestamp seat_token");
    assert_text(object, "seat_token", "0123456789abcdef0123456789abcdef");
    json_decref(object);

    /* a spectator */
    object = read_back(text, messages_welcome(0, "", "", "", UNIX_MS, text, sizeof text));
    assert_keys(object, "type player_number player_id username is_you timestamp");
    assert_is_null(object, "player_number");
    assert_is_null(object, "player_id");
    assert_is_null(object, "username");
    assert_truth(object, "is_you", true);
    json_decref(object);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        enum game_refusal refusal;
        const char *code;
    } table[] = {
        {GAME_NOT_YOUR_SERVE, "not_your_serve"}, {GAME_TOO_EARLY, "too_early"},
        {GAME_NOT_RUNNING, "not_running"},       {GAME_NO_PAUSES_LEFT, "no_pauses_left"},
        {GAME_NOT_YOUR_PAUSE, "not_your_pause"}, {GAME_NOT_A_PLAYER, "not_a_player"},
    };
    char text[MESSAGES_SIZE];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        json_t *object = read_back(text, messages_refusal(table[i].refusal, text, sizeof text));
        assert_keys(object, "type code message");
        assert_text(object, "type", "error");
        assert_text(object, "code", table[i].code);
        assert_true(json_string_length(json_object_get(object, "message")) > 10);
        json_decref(object);
    }
    json_t *object =
        read_back(text, messages_error("bad_message", "no \"such\" thing", text, sizeof text));
    assert_text(object, "code", "bad_message");
    assert_text(object, "message", "no \"such\" thing");
    json_decref(object);
}

/* The client's own time comes back as it was, whatever its unit. */
static void test_pong(void **state)
{
    (void)state;
    static const double times[] = {0,
                                   0.1 + 0.2,
                                   -1,
                                   12.5,
                                   1700000000123,
                                   1700000000123.25,
                                   1700000000123456,
                                   123456.7891234567,
                                   1e308,
                                   5e-324,
                                   9007199254740991};
    char text[MESSAGES_SIZE];
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        json_t *object =
            read_back(text, messages_pong(times[i], UINT32_MAX - 1, text, sizeof text));
        assert_keys(object, "type time step");
        assert_text(object, "type", "pong");
        assert_number(object, "step", 4294967294);
        double time = json_number_value(json_object_get(object, "time"));
        if (fabs(time - times[i]) > 0)
            fail_msg("%.17g became %.17g", times[i], time);
        json_decref(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed_messages),
        cmocka_unit_test(test_malformed_messages),
        cmocka_unit_test(test_unknown_types),
        cmocka_unit_test(test_bytes_after_a_nul_count),
        cmocka_unit_test(test_size_limit_is_512_bytes),
        cmocka_unit_test(test_long_numbers_and_deep_nesting),
        cmocka_unit_test(test_damaged_messages),
        cmocka_unit_test(test_state_of_a_room_nobody_is_in),
        cmocka_unit_test(test_state_of_a_rally),
        cmocka_unit_test(test_every_number_survives),
        cmocka_unit_test(test_awkward_names_come_back_as_they_were),
        cmocka_unit_test(test_longest_names_fit),
        cmocka_unit_test(test_delta_of_nothing_is_nothing),
        cmocka_unit_test(test_delta_looks_at_members_not_at_bytes),
        cmocka_unit_test(test_delta_has_the_changed_keys_alone),
        cmocka_unit_test(test_delta_of_words_and_names),
        cmocka_unit_test(test_joined_and_left),
        cmocka_unit_test(test_goal),
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_paused),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_rematch_offered),
        cmocka_unit_test(test_events_carry_awkward_names),
        cmocka_unit_test(test_welcome),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_pong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
