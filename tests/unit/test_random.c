/* Unit tests of common/random: the form of what it makes, and that it is spread as it should be. */
#include "common/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void seat_tokens_have_their_form_and_differ(void **state)
{
    enum {
        TOKENS = 500
    };
    static char tokens[TOKENS][SEAT_TOKEN_SIZE];

    (void)state;
    for (int i = 0; i < TOKENS; i++) {
        random_seat_token(tokens[i]);
        assert_true(random_is_seat_token(tokens[i]));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(tokens[i], tokens[j]);
    }
}

static void only_32_lower_case_hex_digits_are_a_seat_token(void **state)
{
    (void)state;
    assert_true(random_is_seat_token("0123456789abcdef0123456789abcdef"));
    assert_false(random_is_seat_token(""));
    assert_false(random_is_seat_token("0123456789abcdef0123456789abcde"));
    assert_false(random_is_seat_token("0123456789abcdef0123456789abcdef0"));
    assert_false(random_is_seat_token("0123456789ABCDEF0123456789abcdef"));
    assert_false(random_is_seat_token("0123456789abcdef0123456789abcdeg"));
    assert_false(random_is_seat_token("$123456789abcdef0123456789abcdef"));
    assert_false(random_is_seat_token("0123456789abcdef0123456789abcdef\r\nSet-Cookie: x"));
}

static void every_value_below_the_bound_comes_about_equally_often(void **state)
{
    enum {
        BOUND = 10,
        DRAWS = 20000
    };
    int seen[BOUND] = {0};

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t value = random_below(BOUND);

        assert_true(value < BOUND);
        seen[value]++;
    }
    /* 2000 expected, standard deviation 42: twelve of them away is no accident. */
    for (int i = 0; i < BOUND; i++)
        assert_in_range(seen[i], 1500, 2500);
    assert_int_equal(random_below(1), 0);
    assert_true(random_below(UINT32_MAX) < UINT32_MAX);
}

static void uuids_are_version_4(void **state)
{
    char first[UUID_SIZE];
    char uuid[UUID_SIZE];

    (void)state;
    random_uuid(first);
    for (int i = 0; i < 200; i++) {
        random_uuid(uuid);
        assert_int_equal(strlen(uuid), UUID_SIZE - 1);
        assert_int_equal(strspn(uuid, "0123456789abcdef-"), UUID_SIZE - 1);
        assert_int_equal(uuid[8], '-');
        assert_int_equal(uuid[13], '-');
        assert_int_equal(uuid[14], '4');
        assert_int_equal(uuid[18], '-');
        assert_non_null(strchr("89ab", uuid[19]));
        assert_int_equal(uuid[23], '-');
        assert_string_not_equal(uuid, first);
        assert_true(random_is_uuid(uuid));
    }
}

static void only_five_groups_of_lower_case_hex_digits_are_a_uuid(void **state)
{
    static const char *const bad[] = {
        "",
        "-",
        "0190163d",
        "0190163d-8694-4739-aea5-966c26f8ad9",
        "0190163d-8694-4739-aea5-966c26f8ad911",
        "0190163d-8694-4739-aea5-966c26f8ad91-",
        "0190163D-8694-4739-aea5-966c26f8ad91",
        "0190163d-8694-4739-aea5-966c26f8ad9g",
        "0190163d86944739aea5966c26f8ad91",
        "0190163-d8694-4739-aea5-966c26f8ad91",
        "0190163d-8694-4739-aea5_966c26f8ad91",
    };

    (void)state;
    assert_true(random_is_uuid("0190163d-8694-4739-aea5-966c26f8ad91"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (random_is_uuid(bad[i]))
            fail_msg("taken: %s", bad[i]);
}

static void bytes_are_filled_to_the_end_and_no_further(void **state)
{
    unsigned char seen[300] = {0};

    (void)state;
    for (int round = 0; round < 64; round++) {
        unsigned char bytes[302] = {0};

        random_bytes(bytes + 1, sizeof seen);
        assert_int_equal(bytes[0], 0);
        assert_int_equal(bytes[sizeof bytes - 1], 0);
        for (size_t i = 0; i < sizeof seen; i++)
            seen[i] |= bytes[i + 1];
    }
    for (size_t i = 0; i < sizeof seen; i++)
        assert_int_not_equal(seen[i], 0);
}

static void a_text_has_letters_of_its_alphabet(void **state)
{
    char text[402];

    (void)state;
    for (size_t length = 0; length <= 400; length += length < 20 ? 1 : 38) {
        memset(text, '#', sizeof text);
        random_text(text, length, "abc", 3);
        assert_int_equal(text[length], '#');
        text[length + 1] = '\0';
        assert_int_equal(strspn(text, "abc"), length);
    }
    for (const char *letter = "abc"; *letter != '\0'; letter++)
        assert_non_null(strchr(text, *letter));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seat_tokens_have_their_form_and_differ),
        cmocka_unit_test(only_32_lower_case_hex_digits_are_a_seat_token),
        cmocka_unit_test(every_value_below_the_bound_comes_about_equally_often),
        cmocka_unit_test(a_text_has_letters_of_its_alphabet),
        cmocka_unit_test(uuids_are_version_4),
        cmocka_unit_test(only_five_groups_of_lower_case_hex_digits_are_a_uuid),
        cmocka_unit_test(bytes_are_filled_to_the_end_and_no_further),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
