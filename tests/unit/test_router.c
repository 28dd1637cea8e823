/* Unit tests of api-fcgi/router: paths and methods. */
#include "api-fcgi/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *path;
    enum route route;
    enum http_method method;
} known[] = {
    {"/api/room/create", ROUTE_CREATE, HTTP_POST},     {"/api/room/join", ROUTE_JOIN, HTTP_POST},
    {"/api/room/cancel", ROUTE_CANCEL, HTTP_POST},     {"/api/room/quick", ROUTE_QUICK, HTTP_POST},
    {"/api/room/check/A1B2C3", ROUTE_CHECK, HTTP_GET}, {"/api/room/list", ROUTE_LIST, HTTP_GET},
    {"/api/room/health", ROUTE_HEALTH, HTTP_GET},
};

static void every_path_is_found_with_and_without_its_slash(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char with_slash[64];

        snprintf(with_slash, sizeof with_slash, "%s/", known[i].path);
        assert_int_equal(router_match(known[i].method, known[i].path).route, known[i].route);
        assert_int_equal(router_match(known[i].method, with_slash).route, known[i].route);
    }
}

static void another_method_is_refused_and_told_what_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        for (int method = HTTP_GET; method <= HTTP_OTHER_METHOD; method++) {
            struct route_match match = router_match((enum http_method)method, known[i].path);
            int as_if = method == HTTP_HEAD ? HTTP_GET : method;

            assert_string_equal(match.allow, known[i].method == HTTP_GET ? "GET, HEAD" : "POST");
            assert_int_equal(match.route, as_if == (int)known[i].method ? known[i].route
                                                                        : ROUTE_METHOD_NOT_ALLOWED);
        }
}

static void admit_has_one_path(void **state)
{
    (void)state;
    assert_int_equal(router_match(HTTP_GET, "/_admit").route, ROUTE_ADMIT);
    assert_int_equal(router_match(HTTP_POST, "/_admit").route, ROUTE_METHOD_NOT_ALLOWED);
    assert_int_equal(router_match(HTTP_GET, "/_admit/").route, ROUTE_NOT_FOUND);
    assert_int_equal(router_match(HTTP_GET, "/api/room/_admit").route, ROUTE_NOT_FOUND);
    assert_int_equal(router_match(HTTP_GET, "/api/room/../../_admit").route, ROUTE_NOT_FOUND);
}

static void metrics_have_one_path(void **state)
{
    (void)state;
    assert_int_equal(router_match(HTTP_GET, "/metrics").route, ROUTE_METRICS);
    assert_int_equal(router_match(HTTP_HEAD, "/metrics").route, ROUTE_METRICS);
    assert_int_equal(router_match(HTTP_POST, "/metrics").route, ROUTE_METHOD_NOT_ALLOWED);
    assert_string_equal(router_match(HTTP_POST, "/metrics").allow, "GET, HEAD");
    assert_int_equal(router_match(HTTP_GET, "/metrics/").route, ROUTE_NOT_FOUND);
    assert_int_equal(router_match(HTTP_GET, "/metrics2").route, ROUTE_NOT_FOUND);
    assert_int_equal(router_match(HTTP_GET, "/api/room/metrics").route, ROUTE_NOT_FOUND);
}

static void every_route_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ROUTE_COUNT; i++) {
        assert_string_not_equal(router_name((enum route)i), "unknown");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(router_name((enum route)i), router_name((enum route)k));
    }
    assert_string_equal(router_name(ROUTE_CHECK), "check");
}

static void the_code_is_handed_on_as_it_is(void **state)
{
    struct route_match match = router_match(HTTP_GET, "/api/room/check/o1-x%/");

    (void)state;
    assert_int_equal(match.route, ROUTE_CHECK);
    assert_int_equal(match.argument_length, 5);
    assert_memory_equal(match.argument, "o1-x%", 5);
}

static void other_paths_are_not_found(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "/api",
        "/api/room",
        "/api/room/",
        "/api/room//",
        "/api/room/nope",
        "/api/room/creat",
        "/api/room/creates",
        "/api/room/Create/",
        "/api/room/create//",
        "/api/room/create/more/",
        "/api/room//create/",
        "/api/room/check",
        "/api/room/check/",
        "/api/room/check//",
        "/api/room/check//A1B2C3",
        "/api/room/check/A1B2C3/more",
        "/api/room/check/A1B2C3//",
        "/api/rooms/create/",
        "/x/api/room/create/",
        "api/room/create/",
        "/api/room/list/A1B2C3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        for (int method = HTTP_GET; method <= HTTP_OTHER_METHOD; method++)
            if (router_match((enum http_method)method, paths[i]).route != ROUTE_NOT_FOUND)
                fail_msg("found: %s", paths[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_found_with_and_without_its_slash),
        cmocka_unit_test(another_method_is_refused_and_told_what_is_allowed),
        cmocka_unit_test(metrics_have_one_path),
        cmocka_unit_test(admit_has_one_path),
        cmocka_unit_test(every_route_has_a_word_of_its_own),
        cmocka_unit_test(the_code_is_handed_on_as_it_is),
        cmocka_unit_test(other_paths_are_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
