/* Unit tests of gamed/slots: validity ends by the clock alone, claims and validity are two things. */
#include "gamed/slots.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define CLAIM_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CLAIM_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

enum {
    SECOND_NS = 1000000000,
    TIMES = 20000
};

static int make(void **state)
{
    *state = slots_new();
    return *state ? 0 : -1;
}

static int unmake(void **state)
{
    slots_free(*state);
    return 0;
}

static void nothing_is_ours_at_first(void **state)
{
    char claim[CLAIM_SIZE] = CLAIM_A;
    for (int i = -1; i <= SLOT_COUNT; i++) {
        assert_false(slots_is_valid(*state, i));
        assert_false(slots_claim(*state, i, claim));
        assert_string_equal(claim, "");
    }
}

static void a_claim_is_not_validity(void **state)
{
    char claim[CLAIM_SIZE];
    slots_set(*state, 3, CLAIM_A);
    assert_true(slots_claim(*state, 3, claim));
    assert_string_equal(claim, CLAIM_A);
    assert_false(slots_is_valid(*state, 3));
    slots_extend(*state, 3, boottime_ns() + SECOND_NS);
    assert_true(slots_is_valid(*state, 3));
    assert_false(slots_is_valid(*state, 4));
    slots_suspend(*state, 3);
    assert_false(slots_is_valid(*state, 3));
    assert_true(slots_claim(*state, 3, claim));
    slots_clear(*state, 3);
    assert_false(slots_claim(*state, 3, claim));
}

static void a_new_claim_is_not_valid_by_the_old_one(void **state)
{
    slots_set(*state, 0, CLAIM_A);
    slots_extend(*state, 0, boottime_ns() + SECOND_NS);
    slots_set(*state, 0, CLAIM_B);
    assert_false(slots_is_valid(*state, 0));
}

static void validity_ends_by_itself_and_never_moves_backwards(void **state)
{
    slots_set(*state, 31, CLAIM_A);
    const int64_t until_ns = boottime_ns() + SECOND_NS / 20;
    slots_extend(*state, 31, until_ns);
    slots_extend(*state, 31, until_ns - SECOND_NS);
    assert_true(slots_is_valid(*state, 31) || boottime_ns() >= until_ns);
    while (boottime_ns() < until_ns)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_false(slots_is_valid(*state, 31));
}

static void rest_is_for_a_while(void **state)
{
    assert_false(slots_is_at_rest(*state));
    slots_at_rest(*state);
    assert_true(slots_is_at_rest(*state));
    const uint64_t turns = slots_turns(*state);
    slots_turn(*state);
    assert_int_equal(slots_turns(*state), turns + 1);
}

static void *write_claims(void *arg)
{
    for (int i = 0; i < TIMES; i++) {
        slots_set(arg, 7, i % 2 ? CLAIM_A : CLAIM_B);
        slots_extend(arg, 7, boottime_ns() + SECOND_NS);
    }
    return NULL;
}

/* With ThreadSanitizer this is also a test of what is shared. */
static void claims_are_read_whole(void **state)
{
    pthread_t writer;
    char claim[CLAIM_SIZE];
    assert_int_equal(pthread_create(&writer, NULL, write_claims, *state), 0);
    for (int i = 0; i < TIMES; i++) {
        slots_turn(*state);
        slots_is_valid(*state, 7);
        if (slots_claim(*state, 7, claim))
            assert_true(strcmp(claim, CLAIM_A) == 0 || strcmp(claim, CLAIM_B) == 0);
    }
    pthread_join(writer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_ours_at_first, make, unmake),
        cmocka_unit_test_setup_teardown(a_claim_is_not_validity, make, unmake),
        cmocka_unit_test_setup_teardown(a_new_claim_is_not_valid_by_the_old_one, make, unmake),
        cmocka_unit_test_setup_teardown(validity_ends_by_itself_and_never_moves_backwards, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(rest_is_for_a_while, make, unmake),
        cmocka_unit_test_setup_teardown(claims_are_read_whole, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
