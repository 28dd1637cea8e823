/* Unit tests of api-fcgi/query: which argument is found, and what its value is. */
#include "api-fcgi/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void values_are_found_and_decoded(void **state)
{
    static const struct {
        const char *query;
        long result;
        const char *value;
    } cases[] = {
        {"", QUERY_ABSENT, ""},
        {"token", QUERY_ABSENT, ""},
        {"token&token=x", 1, "x"},
        {"token=", 0, ""},
        {"token=abc", 3, "abc"},
        {"a=1&token=abc&b=2", 3, "abc"},
        {"token=abc&token=def", 3, "abc"},
        {"&&&token=abc", 3, "abc"},
        {"xtoken=no&token=abc", 3, "abc"},
        {"tokenx=no&token=abc", 3, "abc"},
        {"TOKEN=no", QUERY_ABSENT, ""},
        {"a=token=no&token=abc", 3, "abc"},
        {"%74oken=abc", QUERY_ABSENT, ""},
        {"token=a=b", 3, "a=b"},
        {"token=%24abc", 4, "$abc"},
        {"token=%2f%2F", 2, "//"},
        {"token=a+b", 3, "a+b"},
        {"token=%ff", 1, "\xff"},
        {"token=%0d%0a", 2, "\r\n"},
        {"token=%00", QUERY_BAD, ""},
        {"token=a%", QUERY_BAD, ""},
        {"token=a%2", QUERY_BAD, ""},
        {"token=a%&b=24", QUERY_BAD, ""},
        {"token=%2g", QUERY_BAD, ""},
        {"token=%-1", QUERY_BAD, ""},
        {"token=1234567", 7, "1234567"},
        {"token=12345678", QUERY_TOO_LONG, ""},
        {"token=123456%37", 7, "1234567"},
        {"token=123456%378", QUERY_TOO_LONG, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[8];
        /* as long as it is, so that the sanitizer sees a read past it */
        char *query = strdup(cases[i].query);
        long result = query_argument(query, "token", out, sizeof out);

        if (result != cases[i].result || strcmp(out, cases[i].value) != 0)
            fail_msg("%s: %ld, %s", cases[i].query, result, out);
        free(query);
    }
}

static void any_bytes_do_no_harm(void **state)
{
    (void)state;
    srandom(20260102);
    for (int round = 0; round < 20000; round++) {
        char text[64];
        char out[16];
        size_t length = (size_t)random() % (sizeof text - 1);
        char *query;

        for (size_t i = 0; i < length; i++)
            text[i] = "token=%24a&\xff"[random() % 12];
        text[length] = '\0';
        query = strdup(text);
        assert_true(query_argument(query, "token", out, sizeof out) < (long)sizeof out);
        free(query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_and_decoded),
        cmocka_unit_test(any_bytes_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
