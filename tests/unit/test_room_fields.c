/* Unit tests of api-fcgi/room_fields: defaults, ranges, and errors that name their field. */
#include "api-fcgi/room_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct room_fields fields;
static char error[128];
static json_t *body;

static int read_fields(const char *text)
{
    json_decref(body);
    body = json_loads(text, 0, NULL);
    assert_non_null(body);
    return room_fields_read(body, &fields, error, sizeof error);
}

static int release(void **state)
{
    (void)state;
    json_decref(body);
    body = NULL;
    return 0;
}

static void nothing_means_the_defaults(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"room_code\":null,\"username\":null,\"seat_token\":null,\"visibility\":null,\"opponent\":null,\"level\":null,\"winning_score\":null}",
        "{\"timestamp\":[1],\"player_id\":{},\"Username\":7}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(read_fields(bodies[i]), 0);
        assert_string_equal(fields.room_code, "");
        assert_string_equal(fields.username, "");
        assert_string_equal(fields.seat_token, "");
        assert_false(fields.is_public);
        assert_false(fields.is_bot_opponent);
        assert_string_equal(fields.bot_level, "normal");
        assert_int_equal(fields.winning_score, 0);
    }
}

static void every_field_is_read(void **state)
{
    (void)state;
    assert_int_equal(
        read_fields("{\"room_code\":\"abc\",\"username\":\"Zoë\",\"seat_token\":\"" TOKEN
                    "\",\"visibility\":\"public\","
                    "\"opponent\":\"bot\",\"level\":\"hard\",\"winning_score\":21}"),
        0);
    assert_string_equal(fields.room_code, "abc");
    assert_string_equal(fields.username, "Zoë");
    assert_string_equal(fields.seat_token, TOKEN);
    assert_true(fields.is_public);
    assert_true(fields.is_bot_opponent);
    assert_string_equal(fields.bot_level, "hard");
    assert_int_equal(fields.winning_score, 21);
    assert_int_equal(
        read_fields(
            "{\"level\":\"easy\",\"opponent\":\"human\",\"visibility\":\"private\",\"winning_score\":1}"),
        0);
    assert_string_equal(fields.bot_level, "easy");
    assert_false(fields.is_bot_opponent);
    assert_int_equal(fields.winning_score, 1);
}

static void a_foreign_seat_token_is_none(void **state)
{
    (void)state;
    assert_int_equal(read_fields("{\"seat_token\":\"lost\"}"), 0);
    assert_string_equal(fields.seat_token, "");
}

static void a_wrong_field_is_named(void **state)
{
    static const struct {
        const char *field;
        const char *text;
    } bad[] = {
        {"room_code", "{\"room_code\":5}"},
        {"room_code", "{\"room_code\":[\"A1B2C3\"]}"},
        {"username", "{\"username\":5}"},
        {"username", "{\"username\":\"\"}"},
        {"username", "{\"username\":\" \"}"},
        {"username", "{\"username\":\"a\\nb\"}"},
        {"username", "{\"username\":\"012345678901234567890123456789012\"}"},
        {"seat_token", "{\"seat_token\":5}"},
        {"visibility", "{\"visibility\":\"secret\"}"},
        {"visibility", "{\"visibility\":\"\"}"},
        {"visibility", "{\"visibility\":\"private|public\"}"},
        {"visibility", "{\"visibility\":true}"},
        {"opponent", "{\"opponent\":\"robot\"}"},
        {"opponent", "{\"opponent\":7}"},
        {"level", "{\"opponent\":\"bot\",\"level\":\"impossible\"}"},
        {"level", "{\"level\":3}"},
        {"winning_score", "{\"winning_score\":0}"},
        {"winning_score", "{\"winning_score\":22}"},
        {"winning_score", "{\"winning_score\":-1}"},
        {"winning_score", "{\"winning_score\":1.5}"},
        {"winning_score", "{\"winning_score\":10.0}"},
        {"winning_score", "{\"winning_score\":\"10\"}"},
        {"winning_score", "{\"winning_score\":4294967306}"},
        {"winning_score", "{\"winning_score\":true}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_fields(bad[i].text) != -1)
            fail_msg("taken: %s", bad[i].text);
        assert_non_null(strstr(error, bad[i].field));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_means_the_defaults, release),
        cmocka_unit_test_teardown(every_field_is_read, release),
        cmocka_unit_test_teardown(a_foreign_seat_token_is_none, release),
        cmocka_unit_test_teardown(a_wrong_field_is_named, release),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
