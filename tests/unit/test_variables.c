/* Unit tests of common/variables: what is a known name, and which one was meant. */
#include "common/variables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void known_names_are_whole_names(void **state)
{
    static const char *const strangers[] = {"PONG_",  "PONG_GUEST", "PONG_GUESTSX", "PONG_guests",
                                            "GUESTS", "PONG_TEST",  "PONG_HELP"};

    (void)state;
    assert_true(variables_are_read("PONG_GUESTS", strlen("PONG_GUESTS")));
    assert_true(variables_are_read("PONG_GUESTS=x", strlen("PONG_GUESTS")));
    assert_true(variables_are_read("PONG_TEST_ANYTHING", strlen("PONG_TEST_ANYTHING")));
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
        if (variables_are_read(strangers[i], strlen(strangers[i])))
            fail_msg("known: %s", strangers[i]);
}

static void a_slip_or_two_are_forgiven(void **state)
{
    static const struct {
        const char *name;
        const char *nearest;
    } cases[] = {
        {"PONG_GEUSTS", "PONG_GUESTS"},
        {"PONG_GUEST", "PONG_GUESTS"},
        {"PONG_UPDATEHZ", "PONG_UPDATE_HZ"},
        {"PONG_JWT_SECRETKEY", "PONG_JWT_SECRET_KEY"},
        {"PONG_MAX_ROOM", "PONG_MAX_ROOMS"},
        {"PONG_BANANAS", NULL},
        {"PONG_", NULL},
    };
    char wide[200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = variables_nearest(cases[i].name, strlen(cases[i].name));

        if ((nearest == NULL) != (cases[i].nearest == NULL) ||
            (nearest != NULL && strcmp(nearest, cases[i].nearest) != 0))
            fail_msg("%s: %s", cases[i].name, nearest != NULL ? nearest : "none");
    }
    memset(wide, 'A', sizeof wide);
    assert_null(variables_nearest(wide, sizeof wide));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_names_are_whole_names),
        cmocka_unit_test(a_slip_or_two_are_forgiven),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
