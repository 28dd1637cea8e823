/* Unit tests of api-fcgi/response: the header block and the body as they leave, and what may not
 * get into them. */
#include "api-fcgi/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct response response;
static char head[RESPONSE_HEAD_MAX];

static const char *write_head(void)
{
    size_t length = response_write_head(&response, head);

    assert_int_equal(length, strlen(head));
    assert_true(length > 4);
    assert_string_equal(head + length - 4, "\r\n\r\n");
    return head;
}

static int start(void **state)
{
    (void)state;
    response_init(&response);
    return 0;
}

static void an_answer_has_all_its_headers(void **state)
{
    json_t *body = json_pack("{s:b}", "success", 1);

    (void)state;
    response_json(&response, 201, body);
    json_decref(body);
    assert_int_equal(response_header(&response, "Retry-After", "1"), 0);
    assert_int_equal(response.body_length, 16);
    assert_memory_equal(response.body, "{\"success\":true}", 16);
    assert_string_equal(write_head(), "Status: 201 Created\r\n"
                                      "Content-Type: application/json; charset=utf-8\r\n"
                                      "Cache-Control: no-store\r\n"
                                      "Content-Length: 16\r\n"
                                      "Retry-After: 1\r\n"
                                      "\r\n");
}

static void a_body_may_be_a_long_text(void **state)
{
    const size_t length = 2 * RESPONSE_BODY_MAX;
    char *text = malloc(length);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', length);
    response_text(&response, 200, "text/plain", text, length);
    assert_ptr_equal(response_body(&response), text);
    assert_int_equal(response.body_length, length);
    assert_non_null(
        strstr(write_head(), "Content-Type: text/plain\r\nCache-Control: no-store\r\n"));
    response_free(&response);
    response_init(&response); /* the next one on the same thread */
    response_error(&response, 404, "x", "y");
    assert_ptr_equal(response_body(&response), response.body);
    assert_non_null(strstr(write_head(), "Content-Type: application/json; charset=utf-8\r\n"));
    response_free(&response);
}

static void an_error_has_its_shape(void **state)
{
    static const char expected[] =
        "{\"success\":false,\"error\":\"Room \\\"x\\\"\",\"code\":\"room_not_found\"}";

    (void)state;
    response_error(&response, 404, "room_not_found", "Room \"x\"");
    assert_int_equal(response.status, 404);
    assert_int_equal(response.body_length, sizeof expected - 1);
    assert_memory_equal(response.body, expected, sizeof expected - 1);
    assert_non_null(strstr(write_head(), "Status: 404 Not Found\r\n"));
}

static void every_status_that_is_answered_has_a_phrase(void **state)
{
    static const int statuses[] = {200, 201, 400, 401, 403, 404, 405, 409, 413, 415, 500, 503, 504};

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        response_init(&response);
        response_error(&response, statuses[i], "x", "y");
        assert_null(strstr(write_head(), "Unknown"));
    }
}

static void a_header_cannot_be_broken_out_of(void **state)
{
    static const char *const values[] = {"a\r\nSet-Cookie: x=y", "a\nb", "a\rb", "a\x7f", "a\x1b"};
    static const char *const names[] = {"", "A B", "A:", "A\r\nB", "\xc3\xa4"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_int_equal(response_header(&response, "X-Test", values[i]), -1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(response_header(&response, names[i], "x"), -1);
    assert_int_equal(response.headers_length, 0);
}

static void headers_are_bounded(void **state)
{
    char wide[200];
    size_t added = 0;

    (void)state;
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    while (response_header(&response, "X-Test", wide) == 0)
        added++;
    assert_int_equal(added, (RESPONSE_HEADERS_MAX - 1) / (strlen(wide) + strlen("X-Test: \r\n")));
    response_error(&response, 400, "x", "y");
    write_head();
}

static void a_cookie_has_its_attributes(void **state)
{
    struct seat_cookie cookie = {
        .seat = 2, .token = TOKEN, .path = "/ws/game/A1B2C3/", .domain = ""};

    (void)state;
    assert_int_equal(response_seat_cookie(&response, &cookie), 0);
    cookie.domain = "play.example.org";
    cookie.is_secure = true;
    cookie.seat = 1;
    cookie.path = "/api/room/";
    assert_int_equal(response_seat_cookie(&response, &cookie), 0);
    response_error(&response, 200, "x", "y");
    assert_non_null(strstr(
        write_head(), "\r\nSet-Cookie: pong_seat_2=" TOKEN
                      "; Path=/ws/game/A1B2C3/; Max-Age=86400; HttpOnly; SameSite=Strict\r\n"));
    assert_non_null(strstr(head, "\r\nSet-Cookie: pong_seat_1=" TOKEN
                                 "; Path=/api/room/; Max-Age=86400; HttpOnly; "
                                 "SameSite=Strict; Secure; Domain=play.example.org\r\n"));
}

static void a_cookie_cannot_be_changed_by_its_parts(void **state)
{
    const struct seat_cookie bad[] = {
        {.seat = 0, .token = TOKEN, .path = "/", .domain = ""},
        {.seat = 3, .token = TOKEN, .path = "/", .domain = ""},
        {.seat = 1, .token = "", .path = "/", .domain = ""},
        {.seat = 1, .token = TOKEN "; Path=/", .path = "/", .domain = ""},
        {.seat = 1, .token = TOKEN, .path = "", .domain = ""},
        {.seat = 1, .token = TOKEN, .path = "/; Domain=x", .domain = ""},
        {.seat = 1, .token = TOKEN, .path = "/\r\nX: y", .domain = ""},
        {.seat = 1, .token = TOKEN, .path = "/", .domain = "a;b"},
        {.seat = 1, .token = TOKEN, .path = "/", .domain = "a b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(response_seat_cookie(&response, &bad[i]), -1);
    assert_int_equal(response.headers_length, 0);
}

static void a_field_is_added_as_it_is(void **state)
{
    static const char expected[] = "{\"success\":true,\"game_state\":{\"x\": 1.50}}";
    static char wide[RESPONSE_BODY_MAX];
    json_t *body = json_pack("{s:b}", "success", 1);

    (void)state;
    response_json(&response, 201, body);
    response_json_add(&response, "game_state", "{\"x\": 1.50}");
    assert_int_equal(response.status, 201);
    assert_int_equal(response.body_length, sizeof expected - 1);
    assert_memory_equal(response_body(&response), expected, sizeof expected - 1);

    /* one byte more than there is place for, with the NUL that is not sent */
    response_json(&response, 201, body);
    memset(wide, '1', sizeof wide - 1);
    wide[RESPONSE_BODY_MAX - response.body_length - strlen(",\"n\":")] = '\0';
    response_json_add(&response, "n", wide);
    assert_int_equal(response.status, 500);
    response_json(&response, 201, body);
    wide[strlen(wide) - 1] = '\0';
    response_json_add(&response, "n", wide);
    assert_int_equal(response.status, 201);
    assert_int_equal(response.body_length, RESPONSE_BODY_MAX - 1);
    json_decref(body);
}

static void a_body_that_cannot_be_made_is_a_500(void **state)
{
    static char wide[RESPONSE_BODY_MAX];
    json_t *body = json_object();

    (void)state;
    memset(wide, 'x', sizeof wide - 1);
    json_object_set_new(body, "text", json_string(wide));
    response_header(&response, "X-Promise", "kept");
    response_json(&response, 200, body);
    json_decref(body);
    assert_int_equal(response.status, 500);
    assert_null(strstr(write_head(), "X-Promise"));
    assert_non_null(strstr(head, "Status: 500 Internal Server Error"));
    response_init(&response);
    response_json(&response, 200, NULL);
    assert_int_equal(response.status, 500);
    body = json_loadb(response.body, response.body_length, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(body, "code")), "internal_error");
    json_decref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_answer_has_all_its_headers, start),
        cmocka_unit_test_setup(a_body_may_be_a_long_text, start),
        cmocka_unit_test_setup(an_error_has_its_shape, start),
        cmocka_unit_test_setup(every_status_that_is_answered_has_a_phrase, start),
        cmocka_unit_test_setup(a_header_cannot_be_broken_out_of, start),
        cmocka_unit_test_setup(headers_are_bounded, start),
        cmocka_unit_test_setup(a_cookie_has_its_attributes, start),
        cmocka_unit_test_setup(a_cookie_cannot_be_changed_by_its_parts, start),
        cmocka_unit_test_setup(a_field_is_added_as_it_is, start),
        cmocka_unit_test_setup(a_body_that_cannot_be_made_is_a_500, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
