/*
 * seat_cookies: which cookies of a header are taken, above all which are not: a name inside another
 * name or value, a value of another form.
 */
#include "common/seat_cookies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A "0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210"

static void headers_give_their_tokens(void **state)
{
    static const struct {
        const char *header;
        const char *first;
        const char *second;
    } cases[] = {
        {"", "", ""},
        {"pong_seat_1=" A, A, ""},
        {"pong_seat_2=" B, "", B},
        {"pong_seat_2=" B "; pong_seat_1=" A, A, B},
        {"a=b;pong_seat_1=" A ";;  pong_seat_2=" B ";", A, B},
        {"pong_seat_1=" A " ; a=b", A, ""},
        {"\tpong_seat_1=" A "\t", A, ""},
        /* of several the first */
        {"pong_seat_1=" A "; pong_seat_1=" B, A, ""},
        {"pong_seat_1=no; pong_seat_1=" B, B, ""},
        /* the name is a whole name */
        {"xpong_seat_1=" B "; pong_seat_1=" A, A, ""},
        {"xpong_seat_1=" A, "", ""},
        {"note=pong_seat_1=" B "; pong_seat_1=" A, A, ""},
        {"note=pong_seat_1=" A, "", ""},
        {"note=x pong_seat_1=" A, "", ""},
        {"note=\"pong_seat_1=" A "\"", "", ""},
        {"PONG_SEAT_1=" A, "", ""},
        {"pong_seat_0=" A "; pong_seat_3=" A "; pong_seat_=" A "; pong_seat_12=" A, "", ""},
        {"pong_seat_1 =" A "; pong_seat_2= " A, "", ""},
        /* the value is a seat token */
        {"pong_seat_1=; pong_seat_2", "", ""},
        {"pong_seat_1=" A "0; pong_seat_2=0123456789abcdef0123456789abcde", "", ""},
        {"pong_seat_1=0123456789ABCDEF0123456789ABCDEF", "", ""},
        {"pong_seat_1=\"" A "\"", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[SEAT_COOKIES][SEAT_TOKEN_SIZE] = {"before", "before"};

        seat_cookies_read(cases[i].header, out);
        assert_string_equal(out[0], cases[i].first);
        assert_string_equal(out[1], cases[i].second);
    }
}

static void any_header_is_read_within_its_bounds(void **state)
{
    (void)state;
    srandom(1);
    for (int round = 0; round < 20000; round++) {
        size_t length = (size_t)random() % 160;
        char *header = malloc(length + 1); /* of that very size, so that reading beyond is seen */
        char out[SEAT_COOKIES][SEAT_TOKEN_SIZE];

        assert_non_null(header);
        for (size_t i = 0; i < length; i++)
            header[i] = "pong_seat_12=; \t0af\xff"[random() % 20];
        header[length] = '\0';
        seat_cookies_read(header, out);
        for (int i = 0; i < SEAT_COOKIES; i++)
            assert_true(out[i][0] == '\0' || random_is_seat_token(out[i]));
        free(header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_give_their_tokens),
        cmocka_unit_test(any_header_is_read_within_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
