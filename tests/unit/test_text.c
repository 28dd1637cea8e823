/* Unit tests of common/text: user names, room codes, comparison. */
#include "common/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_username(const char *text)
{
    return text_is_username(text, strlen(text));
}

static void usernames_of_many_languages_are_taken(void **state)
{
    (void)state;
    assert_true(is_username("a"));
    assert_true(is_username("Ada Lovelace"));
    assert_true(is_username("Zoë"));
    assert_true(is_username("Владимир"));
    assert_true(is_username("玩家一号"));
    assert_true(is_username("🏓"));
    assert_true(is_username("<b>not html</b>"));
}

static void usernames_have_1_to_32_characters(void **state)
{
    char wide[4 * 33 + 1] = "";

    (void)state;
    assert_false(is_username(""));
    assert_true(is_username("01234567890123456789012345678901"));
    assert_false(is_username("012345678901234567890123456789012"));
    for (int i = 0; i < 32; i++)
        strcat(wide, "🏓");
    assert_int_equal(strlen(wide), USERNAME_SIZE - 1);
    assert_true(is_username(wide));
    strcat(wide, "🏓");
    assert_false(is_username(wide));
}

static void usernames_carry_nothing_unsafe(void **state)
{
    (void)state;
    assert_false(is_username("a\nb"));
    assert_false(is_username("a\x1b[31m"));
    assert_false(is_username("a\x7f"));
    assert_false(is_username("a\xc2\x85"));     /* U+0085, C1 */
    assert_false(is_username("a\xe2\x80\xa8")); /* U+2028, line separator */
    assert_false(is_username("a\xe2\x80\xae")); /* U+202E, right-to-left override */
    assert_false(is_username("a\xe2\x81\xa7")); /* U+2067, right-to-left isolate */
    assert_false(text_is_username("a\0b", 3));
}

static void usernames_can_be_seen(void **state)
{
    (void)state;
    assert_false(is_username(" "));
    assert_false(is_username("\xc2\xa0\xe3\x80\x80"));     /* U+00A0 U+3000 */
    assert_false(is_username("\xe2\x80\x8b\xef\xbb\xbf")); /* U+200B U+FEFF */
    assert_false(is_username("\xe3\x85\xa4"));             /* U+3164, a letter that shows nothing */
    assert_true(is_username("\xe2\x80\x8b.\xe2\x80\x8b"));
}

static void usernames_are_valid_utf8(void **state)
{
    (void)state;
    assert_false(is_username("\x80"));
    assert_false(is_username("\xc0\xaf"));         /* overlong */
    assert_false(is_username("\xe0\x80\xaf"));     /* overlong */
    assert_false(is_username("\xf0\x80\x80\xaf")); /* overlong */
    assert_false(is_username("\xed\xa0\x80"));     /* a surrogate */
    assert_false(is_username("\xf4\x90\x80\x80")); /* over U+10FFFF */
    assert_false(is_username("\xf5\x80\x80\x80"));
    assert_false(is_username("\xe2\x82")); /* cut */
    assert_false(text_is_username("\xe2\x82\xac", 2));
    assert_false(is_username("\xe2\x28\xa1"));
}

static void usernames_of_any_bytes_are_judged_without_harm(void **state)
{
    (void)state;
    srandom(20260102);
    for (int round = 0; round < 200000; round++) {
        size_t length = (size_t)random() % 140;
        char *bytes =
            malloc(length + 1); /* its own size, so that the sanitizer sees a read past it */

        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)random();
        text_is_username(bytes, length);
        free(bytes);
    }
}

static void player_ids_are_short_and_printable(void **state)
{
    char wide[PLAYER_ID_SIZE + 1];

    (void)state;
    memset(wide, 'x', sizeof wide);
    assert_true(text_is_player_id("7", 1));
    assert_true(text_is_player_id("Zoë@example.org", strlen("Zoë@example.org")));
    assert_true(text_is_player_id(wide, PLAYER_ID_SIZE - 1));
    assert_false(text_is_player_id(wide, PLAYER_ID_SIZE));
    assert_false(text_is_player_id("", 0));
    assert_false(text_is_player_id("a\nb", 3));
    assert_false(text_is_player_id("a\0b", 3));
    assert_false(text_is_player_id("\xff", 1));
}

static void room_codes_are_read_as_people_write_them(void **state)
{
    char code[ROOM_CODE_SIZE];

    (void)state;
    assert_true(text_room_code("A1B2C3", 6, code));
    assert_string_equal(code, "A1B2C3");
    assert_true(text_room_code("a1b2c3", 6, code));
    assert_string_equal(code, "A1B2C3");
    assert_true(text_room_code("oOiIlL", 6, code));
    assert_string_equal(code, "001111");
    assert_true(text_room_code("zz9xyzREST", 6, code));
    assert_string_equal(code, "ZZ9XYZ");
}

static void what_is_no_room_code_is_refused(void **state)
{
    static const char *const bad[] = {"",          "A",      "A1B2C",  "A1B2C33",
                                      "A1B2C/",    " A1B2C", "A1B2C ", "U1B2C3",
                                      "A1B2C\xc3", "A-B2C3", "../../"};
    char code[ROOM_CODE_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(text_room_code(bad[i], strlen(bad[i]), code));
        assert_string_equal(code, "");
    }
    assert_false(text_room_code("A1B2C\0", 6, code));
}

static void comparison_sees_every_byte(void **state)
{
    char a[32];
    char b[32];

    (void)state;
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    assert_true(text_equal_constant_time(a, b, sizeof a));
    assert_true(text_equal_constant_time(a, b, 0));
    for (size_t i = 0; i < sizeof b; i++) {
        b[i] = (char)(b[i] ^ (1 << (i % 8)));
        assert_false(text_equal_constant_time(a, b, sizeof a));
        b[i] = a[i];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usernames_of_many_languages_are_taken),
        cmocka_unit_test(usernames_have_1_to_32_characters),
        cmocka_unit_test(usernames_carry_nothing_unsafe),
        cmocka_unit_test(usernames_can_be_seen),
        cmocka_unit_test(usernames_are_valid_utf8),
        cmocka_unit_test(usernames_of_any_bytes_are_judged_without_harm),
        cmocka_unit_test(player_ids_are_short_and_printable),
        cmocka_unit_test(room_codes_are_read_as_people_write_them),
        cmocka_unit_test(what_is_no_room_code_is_refused),
        cmocka_unit_test(comparison_sees_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
