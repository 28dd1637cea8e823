/* Unit tests of api-fcgi/cors: which origins can be named, and what a page of which origin is told. */
#include "api-fcgi/cors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct cors_config config;
static struct response response;
static char error[256];
static const char *method;
static const char *origin;
static const char *asked_method;

static const char *fake_param(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "REQUEST_METHOD") == 0)
        return method;
    if (strcmp(name, "HTTP_ORIGIN") == 0)
        return origin;
    return strcmp(name, "HTTP_ACCESS_CONTROL_REQUEST_METHOD") == 0 ? asked_method : NULL;
}

static struct request request_of(const char *its_method, const char *its_origin, const char *asks)
{
    static const struct request_source source = {fake_param, NULL, NULL};
    struct request request;

    method = its_method;
    origin = its_origin;
    asked_method = asks;
    request_init(&request, &source);
    response_init(&response);
    return request;
}

static bool says(const char *header)
{
    char head[RESPONSE_HEAD_MAX + 1];
    size_t length = response_write_head(&response, head);

    head[length] = '\0';
    return strstr(head, header) != NULL;
}

static void only_origins_can_be_named(void **state)
{
    static const char *const good[] = {"https://example.org", "http://a-b.example.org:8080",
                                       "http://127.0.0.1:1", "https://[::1]",
                                       "https://[2001:db8::1]:8443"};
    static const char *const bad[] = {"",
                                      "*",
                                      "null",
                                      "example.org",
                                      "https://",
                                      "https://example.org/",
                                      "https://Example.org",
                                      "https://example.org:",
                                      "https://example.org:123456",
                                      "https://example.org:80x",
                                      "https://a b",
                                      "https://[::1",
                                      "https://[]",
                                      "https://user@example.org",
                                      "ftp://example.org",
                                      "HTTPS://example.org",
                                      "https://example.org\r\nX: y"};
    char wide[CORS_ORIGIN_SIZE + 16];

    (void)state;
    memset(&config, 0, sizeof config);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (cors_add(&config, good[i], error, sizeof error) != 0)
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (cors_add(&config, bad[i], error, sizeof error) == 0)
            fail_msg("taken: %s", bad[i]);
    snprintf(wide, sizeof wide, "https://%0*d", CORS_ORIGIN_SIZE, 0);
    assert_int_equal(cors_add(&config, wide, error, sizeof error), -1);
    assert_int_equal(config.count, sizeof good / sizeof good[0]);
    while (config.count < CORS_ORIGINS_MAX)
        assert_int_equal(cors_add(&config, "https://example.org", error, sizeof error), 0);
    assert_int_equal(cors_add(&config, "https://example.org", error, sizeof error), -1);
}

static void without_origins_nothing_is_said(void **state)
{
    struct request request = request_of("OPTIONS", "https://example.org", "POST");

    (void)state;
    memset(&config, 0, sizeof config);
    assert_false(cors_preflight(&config, &request, "POST", &response));
    cors_apply(&config, &request, &response);
    assert_false(says("Access-Control"));
    assert_false(says("Vary"));
    request = request_of("GET", "", NULL);
    cors_apply(&config, &request, &response);
    assert_false(says("Access-Control"));
}

static void a_named_origin_may_read(void **state)
{
    struct request request = request_of("GET", "https://www.example.org", NULL);

    (void)state;
    cors_apply(&config, &request, &response);
    assert_true(says("Access-Control-Allow-Origin: https://www.example.org\r\n"));
    assert_true(says("Access-Control-Allow-Credentials: true\r\n"));
    assert_true(says("Vary: Origin\r\n"));
    assert_false(cors_preflight(&config, &request, "GET, HEAD", &response));
    request = request_of("OPTIONS", "https://www.example.org", "POST");
    assert_true(cors_preflight(&config, &request, "POST", &response));
    assert_int_equal(response.status, 200);
    assert_true(says("Access-Control-Allow-Methods: POST\r\n"));
    assert_true(says("Access-Control-Allow-Headers: Authorization, Content-Type\r\n"));
    assert_true(says("Access-Control-Max-Age: 600\r\n"));
    request = request_of("OPTIONS", "https://www.example.org", NULL); /* no preflight */
    assert_false(cors_preflight(&config, &request, "POST", &response));
}

static void any_other_may_not(void **state)
{
    static const char *const others[] = {"",
                                         "null",
                                         "https://example.org",
                                         "http://www.example.org",
                                         "https://www.example.org:8443",
                                         "https://www.example.org.evil.example",
                                         "https://www.example.or",
                                         "https://www.example.org "};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct request request = request_of("OPTIONS", others[i], "POST");

        assert_false(cors_preflight(&config, &request, "POST", &response));
        cors_apply(&config, &request, &response);
        assert_false(says("Access-Control"));
        assert_true(says("Vary: Origin\r\n"));
    }
}

static int configure(void **state)
{
    (void)state;
    memset(&config, 0, sizeof config);
    return cors_add(&config, "https://other.example", error, sizeof error) != 0 ||
           cors_add(&config, "https://www.example.org", error, sizeof error) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_origins_can_be_named),
        cmocka_unit_test(without_origins_nothing_is_said),
        cmocka_unit_test_setup(a_named_origin_may_read, configure),
        cmocka_unit_test_setup(any_other_may_not, configure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
