/*
 * colyseus_patch: the bytes here were sent by bench/peers/colyseus, and what is no such bytes is told
 * from them wherever it is cut.
 */
#include "bench/load/colyseus_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char STATE[] = {0x80, 0x00, 0x64, 0x81, 0x00, 0x4b, 0x82,
                                      0x00, 0x3c, 0x83, 0x00, 0x3c, 0x84, 0x00,
                                      0x85, 0x00, 0x86, 0x00, 0x87, 0xff, 0xff};
static const unsigned char PATCH[] = {0x80, 0x40, 0x66, 0x81, 0x40, 0x49, 0x84, 0x07, 0x86, 0x02};

/* On the heap, so that a sanitizer sees a byte read too far. */
static bool read_patch(struct colyseus_court *court, const unsigned char *bytes, size_t length,
                       unsigned *changed)
{
    unsigned char *copy = malloc(length > 0 ? length : 1);
    memcpy(copy, bytes, length);
    const bool is_read = colyseus_patch_read(court, copy, length, changed);
    free(copy);
    return is_read;
}

static void a_state_and_what_changes_of_it_are_read(void **state)
{
    static const struct colyseus_court first = {{25600, 19200, 15360, 15360, 0, 0, 0, 65535}};
    static const struct colyseus_court second = {{26176, 18752, 15360, 15360, 7, 0, 2, 65535}};
    struct colyseus_court court = {{0}};
    unsigned changed = 0;
    (void)state;
    assert_true(read_patch(&court, STATE, sizeof STATE, &changed));
    assert_int_equal(changed, 0xff);
    assert_memory_equal(&court, &first, sizeof court);
    assert_true(read_patch(&court, PATCH, sizeof PATCH, &changed));
    assert_int_equal(changed, 1u << COLYSEUS_BALL_X | 1u << COLYSEUS_BALL_Y |
                                  1u << COLYSEUS_SCORE_1 | 1u << COLYSEUS_PHASE);
    assert_memory_equal(&court, &second, sizeof court);
    assert_true(read_patch(&court, PATCH, 0, &changed));
    assert_int_equal(changed, 0);
}

static void what_is_cut_or_foreign_is_refused(void **state)
{
    static const unsigned char foreign[][3] = {
        {0x88, 0x00, 0x00}, /* a field too many */
        {0x40, 0x00, 0x00}, /* another operation */
        {0xff, 0x01, 0x80}, /* another structure */
    };
    struct colyseus_court court = {{0}};
    unsigned changed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_false(read_patch(&court, foreign[i], sizeof foreign[i], &changed));
    for (size_t length = 0; length <= sizeof PATCH; length++) {
        const bool is_whole =
            length == 0 || length == 3 || length == 6 || length == 8 || length == sizeof PATCH;
        assert_int_equal(read_patch(&court, PATCH, length, &changed), is_whole);
    }
}

static void an_input_is_the_rooms_message(void **state)
{
    unsigned char input[COLYSEUS_INPUT_SIZE];
    (void)state;
    colyseus_patch_input(0x1234, input);
    assert_memory_equal(input, "\x0d\xa6paddle\x81\xa1y\xcd\x12\x34", sizeof input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_and_what_changes_of_it_are_read),
        cmocka_unit_test(what_is_cut_or_foreign_is_refused),
        cmocka_unit_test(an_input_is_the_rooms_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
