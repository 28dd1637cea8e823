/* Unit tests of api-fcgi/request: what FastCGI hands over, well formed and not. */
#include "api-fcgi/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN_A "0123456789abcdef0123456789abcdef"
#define TOKEN_B "fedcba9876543210fedcba9876543210"

struct param {
    const char *name;
    const char *value;
};

/* A request of the test's own: parameters, and a body that may be shorter than announced. */
struct fake {
    const struct param *params; /* the last has no name */
    const char *body;
    size_t body_length;
    size_t read;
};

static const char *fake_param(void *arg, const char *name)
{
    const struct fake *fake = arg;

    for (const struct param *param = fake->params; param->name != NULL; param++)
        if (strcmp(param->name, name) == 0)
            return param->value;
    return NULL;
}

static size_t fake_read(void *arg, char *out, size_t size)
{
    struct fake *fake = arg;
    size_t length = fake->body_length < size ? fake->body_length : size;

    if (length > 0)
        memcpy(out, fake->body, length);
    fake->read += length;
    return length;
}

static struct fake fake;
static struct request_source source = {fake_param, fake_read, &fake};
static struct request request;

static void start(const struct param *params)
{
    fake = (struct fake){.params = params, .body = "", .body_length = 0};
    request_init(&request, &source);
}

#define START(...) start((const struct param[]){__VA_ARGS__, {NULL, NULL}})

/* Reads `body` with the given type and announced length (NULL: none). *object is freed by the
 * caller. */
static int read_as(const char *type, const char *announced, const char *body, size_t length,
                   json_t **object)
{
    const struct param params[] = {
        {"CONTENT_TYPE", type}, {"CONTENT_LENGTH", announced}, {NULL, NULL}};
    char *exact = malloc(length + 1);
    int result;

    start(params);
    memcpy(exact, body, length);
    fake.body = exact;
    fake.body_length = length;
    *object = NULL;
    result = request_read_json(&request, object);
    free(exact);
    return result;
}

static int read_text(const char *body)
{
    char announced[32];
    json_t *object;
    int result;

    snprintf(announced, sizeof announced, "%zu", strlen(body));
    result = read_as("application/json", announced, body, strlen(body), &object);
    assert_true((result == REQUEST_OK) == json_is_object(object));
    json_decref(object);
    return result;
}

static void nothing_at_all_is_still_a_request(void **state)
{
    json_t *object;

    (void)state;
    START({NULL, NULL});
    assert_int_equal(request.method, HTTP_OTHER_METHOD);
    assert_string_equal(request.path, "");
    assert_false(request.is_tls);
    assert_false(request.has_bearer);
    assert_string_equal(request.bearer, "");
    assert_string_equal(request.seat_cookies[0], "");
    assert_int_equal(request_read_json(&request, &object), REQUEST_OK);
    assert_int_equal(json_object_size(object), 0);
    json_decref(object);
}

static void methods_are_told_apart(void **state)
{
    (void)state;
    START({"REQUEST_METHOD", "GET"});
    assert_int_equal(request.method, HTTP_GET);
    START({"REQUEST_METHOD", "HEAD"});
    assert_int_equal(request.method, HTTP_HEAD);
    START({"REQUEST_METHOD", "POST"});
    assert_int_equal(request.method, HTTP_POST);
    START({"REQUEST_METHOD", "OPTIONS"});
    assert_int_equal(request.method, HTTP_OPTIONS);
    START({"REQUEST_METHOD", "get"});
    assert_int_equal(request.method, HTTP_OTHER_METHOD);
    START({"REQUEST_METHOD", "DELETE"});
    assert_int_equal(request.method, HTTP_OTHER_METHOD);
}

static void tls_is_noticed(void **state)
{
    (void)state;
    START({"HTTPS", "on"});
    assert_true(request.is_tls);
    START({"HTTPS", ""}, {"REQUEST_SCHEME", "https"});
    assert_true(request.is_tls);
    START({"HTTPS", "off"}, {"REQUEST_SCHEME", "http"});
    assert_false(request.is_tls);
}

static void a_bearer_is_taken_and_other_schemes_are_not(void **state)
{
    (void)state;
    START({"HTTP_AUTHORIZATION", "Bearer abc"});
    assert_true(request.has_bearer);
    assert_string_equal(request.bearer, "abc");
    START({"HTTP_AUTHORIZATION", "bEARER \t abc"});
    assert_string_equal(request.bearer, "abc");
    START({"HTTP_AUTHORIZATION", "Bearer"});
    assert_true(request.has_bearer);
    assert_string_equal(request.bearer, "");
    START({"HTTP_AUTHORIZATION", "Basic YTpi"});
    assert_false(request.has_bearer);
    START({"HTTP_AUTHORIZATION", "Bearertoken"});
    assert_false(request.has_bearer);
    START({"HTTP_AUTHORIZATION", "Bear"});
    assert_false(request.has_bearer);
    START({"HTTP_AUTHORIZATION", ""});
    assert_false(request.has_bearer);
}

static void seat_cookies_are_found_among_others(void **state)
{
    (void)state;
    START({"HTTP_COOKIE", "a=b; pong_seat_2=" TOKEN_B ";pong_seat_1=" TOKEN_A "; c"});
    assert_string_equal(request.seat_cookies[0], TOKEN_A);
    assert_string_equal(request.seat_cookies[1], TOKEN_B);
    START({"HTTP_COOKIE", "pong_seat_1=" TOKEN_A "; pong_seat_1=" TOKEN_B});
    assert_string_equal(request.seat_cookies[0], TOKEN_A);
}

static void malformed_cookies_are_passed_over(void **state)
{
    static const char *const bad[] = {
        "pong_seat_1",
        "pong_seat_1=",
        "pong_seat_1=short",
        "pong_seat_1=" TOKEN_A "0",
        "pong_seat_0=" TOKEN_A,
        "pong_seat_3=" TOKEN_A,
        "pong_seat_/=" TOKEN_A,
        "pong_seat_1:" TOKEN_A,
        "xpong_seat_1=" TOKEN_A,
        "pong_seat_1=0123456789ABCDEF0123456789ABCDEF",
        "pong_seat_1=\"" TOKEN_A "\"",
        ";;; ; =;",
        " \t;",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        START({"HTTP_COOKIE", bad[i]});
        assert_string_equal(request.seat_cookies[0], "");
        assert_string_equal(request.seat_cookies[1], "");
    }
    /* One that is no token does not stand in the way of one that is. */
    START({"HTTP_COOKIE", "pong_seat_1=0123456789ABCDEF0123456789ABCDEF; pong_seat_1=" TOKEN_A});
    assert_string_equal(request.seat_cookies[0], TOKEN_A);
}

static void a_json_object_is_read(void **state)
{
    static const char body[] = "{\"username\": \"Zoë\", \"n\": [1, {\"x\": null}]}";
    char announced[32];
    json_t *object;

    (void)state;
    snprintf(announced, sizeof announced, "%zu", sizeof body - 1);
    assert_int_equal(read_as("application/json", announced, body, sizeof body - 1, &object),
                     REQUEST_OK);
    assert_string_equal(json_string_value(json_object_get(object, "username")), "Zoë");
    json_decref(object);
}

static void an_empty_body_is_an_empty_object(void **state)
{
    static const char *const lengths[] = {NULL, "", "0", "000"};
    json_t *object;

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(read_as(NULL, lengths[i], "", 0, &object), REQUEST_OK);
        assert_true(json_is_object(object));
        json_decref(object);
    }
}

static void what_is_not_one_object_is_bad_json(void **state)
{
    static const char *const bad[] = {
        " ",
        "{",
        "}",
        "[]",
        "null",
        "1",
        "\"x\"",
        "{}{}",
        "{\"a\":1}x",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":1e999}",
        "\xef\xbb\xbf{}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (read_text(bad[i]) != REQUEST_BAD_JSON)
            fail_msg("taken: %s", bad[i]);
}

static void deep_nesting_does_no_harm(void **state)
{
    char body[REQUEST_BODY_MAX + 1];

    (void)state;
    memset(body, '[', REQUEST_BODY_MAX);
    body[REQUEST_BODY_MAX] = '\0';
    assert_int_equal(read_text(body), REQUEST_BAD_JSON);
}

static void a_body_has_4096_bytes_at_most(void **state)
{
    static char body[REQUEST_BODY_MAX + 2];
    json_t *object;

    (void)state;
    memset(body, ' ', sizeof body - 1);
    memcpy(body, "{}", 2);
    body[REQUEST_BODY_MAX] = '\0';
    assert_int_equal(read_text(body), REQUEST_OK);
    body[REQUEST_BODY_MAX] = ' ';
    assert_int_equal(read_text(body), REQUEST_TOO_LARGE);
    assert_int_equal(fake.read, 0);
    assert_int_equal(read_as(NULL, "99999999999999999999999999", "", 0, &object),
                     REQUEST_TOO_LARGE);
    assert_int_equal(read_as(NULL, "18446744073709551617", "", 0, &object),
                     REQUEST_TOO_LARGE); /* 2^64 + 1 */
}

static void lengths_that_are_wrong_are_told(void **state)
{
    static const char *const bad[] = {"-1", "+2", "2x", " 2", "0x2", "2.0"};
    json_t *object;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(read_as(NULL, bad[i], "{}", 2, &object), REQUEST_BAD_LENGTH);
    assert_int_equal(read_as(NULL, "3", "{}", 2, &object), REQUEST_BAD_LENGTH);
    assert_int_equal(read_as(NULL, "2", "{}", 2, &object), REQUEST_OK);
    json_decref(object);
}

static void the_media_type_is_json_or_none(void **state)
{
    static const char *const good[] = {NULL,
                                       "",
                                       "application/json",
                                       "APPLICATION/Json",
                                       "application/json;charset=utf-8",
                                       " application/json ; charset=utf-8"};
    static const char *const bad[] = {"text/plain",
                                      "application/jsonx",
                                      "application/json+x",
                                      "application/jso",
                                      "application/x-www-form-urlencoded",
                                      "multipart/form-data; boundary=x",
                                      "text/plain; application/json",
                                      ";"};
    json_t *object;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(read_as(good[i], "2", "{}", 2, &object), REQUEST_OK);
        json_decref(object);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_as(bad[i], "2", "{}", 2, &object), REQUEST_BAD_MEDIA_TYPE);
        assert_int_equal(fake.read, 0);
    }
}

static void any_bytes_do_no_harm(void **state)
{
    (void)state;
    srandom(20260102);
    for (int round = 0; round < 20000; round++) {
        char announced[32];
        char cookie[200];
        char body[64];
        size_t length = (size_t)random() % sizeof body;
        size_t cookie_length = (size_t)random() % (sizeof cookie - 1);
        json_t *object;

        for (size_t i = 0; i < length; i++)
            body[i] = "{}[]\",:0a \xff\\"[random() % 12];
        for (size_t i = 0; i < cookie_length; i++)
            cookie[i] = "pong_seat_12=; 0af\xff"[random() % 19];
        cookie[cookie_length] = '\0';
        snprintf(announced, sizeof announced, "%zu", length);
        if (read_as(NULL, announced, body, length, &object) == REQUEST_OK)
            json_decref(object);
        START({"HTTP_COOKIE", cookie}, {"HTTP_AUTHORIZATION", cookie});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_at_all_is_still_a_request),
        cmocka_unit_test(methods_are_told_apart),
        cmocka_unit_test(tls_is_noticed),
        cmocka_unit_test(a_bearer_is_taken_and_other_schemes_are_not),
        cmocka_unit_test(seat_cookies_are_found_among_others),
        cmocka_unit_test(malformed_cookies_are_passed_over),
        cmocka_unit_test(a_json_object_is_read),
        cmocka_unit_test(an_empty_body_is_an_empty_object),
        cmocka_unit_test(what_is_not_one_object_is_bad_json),
        cmocka_unit_test(deep_nesting_does_no_harm),
        cmocka_unit_test(a_body_has_4096_bytes_at_most),
        cmocka_unit_test(lengths_that_are_wrong_are_told),
        cmocka_unit_test(the_media_type_is_json_or_none),
        cmocka_unit_test(any_bytes_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
