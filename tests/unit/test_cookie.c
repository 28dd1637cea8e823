/*
 * cookie: which cookies a header has, above all that a name inside another name or value is none.
 */
#include "common/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void names_are_whole_names(void **state)
{
    static const struct {
        const char *header;
        size_t length;
        const char *value;
    } cases[] = {
        {"", 0, ""},
        {"id=abc", 3, "abc"},
        {"  id=abc  ", 3, "abc"},
        {"\tid=abc\t;x=y", 3, "abc"},
        {"a=b; id=abc", 3, "abc"},
        {"a=b;;; id=abc;", 3, "abc"},
        {"id=abc; id=def", 3, "abc"},
        {"id=; id=def", 0, ""},
        {"id; id=def", 3, "def"},
        {"xid=no; idx=no; ID=no", 0, ""},
        {"a=id=no", 0, ""},
        {"=id", 0, ""},
        {"id=a=b", 3, "a=b"},
        {"id= a", 2, " a"},
        {"id=1234567", 7, "1234567"},
        {"id=12345678", 8, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[8];
        char *header = strdup(cases[i].header);
        size_t length = cookie_find(header, "id", out, sizeof out);

        if (length != cases[i].length || strcmp(out, cases[i].value) != 0)
            fail_msg("\"%s\": %zu, %s", cases[i].header, length, out);
        free(header);
    }
}

static void each_is_taken_once(void **state)
{
    const char *header = "a=1; none ;b=2;";
    struct cookie cookie;

    (void)state;
    assert_true(cookie_next(&header, &cookie));
    assert_memory_equal(cookie.name, "a", cookie.name_length);
    assert_true(cookie_next(&header, &cookie));
    assert_int_equal(cookie.name_length, 1);
    assert_memory_equal(cookie.name, "b", 1);
    assert_int_equal(cookie.value_length, 1);
    assert_memory_equal(cookie.value, "2", 1);
    assert_false(cookie_next(&header, &cookie));
    assert_false(cookie_next(&header, &cookie));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_whole_names),
        cmocka_unit_test(each_is_taken_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
