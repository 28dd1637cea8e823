/* Unit tests of gamed/tally: whom an address stands for, limits, and that a table that is as full as it
 * may get counts as a list would. */
#include "gamed/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/random.h"

enum {
    MAX = 50,
    KEYS = 20,
    ROUNDS = 200000
};

static bool same(const char *one, const char *other)
{
    struct tally_key a = tally_key_of_address(one), b = tally_key_of_address(other);
    return memcmp(&a, &b, sizeof a) == 0;
}

static void an_address_is_an_ipv4_address_or_the_64_of_an_ipv6_address(void **state)
{
    (void)state;
    assert_true(same("192.0.2.1", "192.0.2.1"));
    assert_false(same("192.0.2.1", "192.0.2.2"));
    assert_true(same("192.0.2.1", "::ffff:192.0.2.1"));
    assert_true(same("::ffff:c000:201", "192.0.2.1"));
    assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_false(same("::1", "0.0.0.1"));
    /* the bytes of one in the place of the other's */
    assert_false(same("1.2.3.4", "102:304::"));
}

static void who_is_not_known_is_not_counted(void **state)
{
    static const char *const texts[] = {"",          "unix:", "localhost", "1.2.3",
                                        "1.2.3.4.5", "::g",   "1.2.3.4 "};
    struct tally *tally = tally_new(1);
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tally_key key = tally_key_of_address(texts[i]);
        for (int n = 0; n < 3; n++)
            assert_true(tally_take(tally, &key, 1));
        assert_int_equal(tally_count(tally, &key), 0);
        tally_drop(tally, &key);
    }
    struct tally_key nobody = tally_key_of_user("");
    assert_true(tally_take(tally, &nobody, 1) && tally_take(tally, &nobody, 1));
    assert_int_equal(tally_keys(tally), 0);
    tally_free(tally);
}

static void a_limit_is_per_key_and_ends_with_a_drop(void **state)
{
    struct tally *tally = tally_new(10);
    struct tally_key ann = tally_key_of_user("ann"), bob = tally_key_of_user("bob");
    (void)state;
    assert_true(tally_take(tally, &ann, 2) && tally_take(tally, &ann, 2));
    assert_false(tally_take(tally, &ann, 2));
    assert_int_equal(tally_count(tally, &ann), 2);
    assert_true(tally_take(tally, &bob, 2));
    assert_int_equal(tally_keys(tally), 2);
    tally_drop(tally, &ann);
    assert_true(tally_take(tally, &ann, 2));
    assert_true(tally_take(tally, &ann, 0)); /* no limit */
    assert_int_equal(tally_count(tally, &ann), 3);
    tally_free(tally);
}

static void a_user_is_no_address(void **state)
{
    struct tally_key user = tally_key_of_user("192.0.2.1");
    struct tally_key address = tally_key_of_address("192.0.2.1");
    (void)state;
    assert_memory_not_equal(&user, &address, sizeof user);
}

/* Few places and much coming and going: keys give way to each other, and gaps are closed, all the time. */
static void a_full_table_counts_as_a_list_would(void **state)
{
    struct tally *tally = tally_new(MAX);
    struct tally_key keys[KEYS * 3];
    int counts[KEYS * 3] = {0}, total = 0;
    (void)state;
    for (int i = 0; i < KEYS * 3; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.0.0.%d", i);
        keys[i] = tally_key_of_address(address);
    }
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t i = random_below(KEYS * 3);
        if (counts[i] > 0 && (total == MAX || random_below(2))) {
            tally_drop(tally, &keys[i]);
            counts[i]--, total--;
        } else if (total < MAX) {
            bool is_taken = tally_take(tally, &keys[i], 3);
            assert_int_equal(is_taken, counts[i] < 3);
            counts[i] += is_taken, total += is_taken;
        }
        uint32_t j = random_below(KEYS * 3);
        assert_int_equal(tally_count(tally, &keys[j]), counts[j]);
    }
    size_t with_any = 0;
    for (int i = 0; i < KEYS * 3; i++) {
        assert_int_equal(tally_count(tally, &keys[i]), counts[i]);
        with_any += counts[i] > 0;
    }
    assert_int_equal(tally_keys(tally), with_any);
    tally_free(tally);
}

/* Who counts first and is refused a place afterwards, in a house that is full of different ones. */
static void one_more_than_the_house_holds_is_counted(void **state)
{
    (void)state;
    for (size_t max = 1; max <= 17; max++) {
        struct tally *tally = tally_new(max);
        char user[32];
        for (size_t i = 0; i <= max; i++) {
            snprintf(user, sizeof user, "user %zu", i);
            struct tally_key key = tally_key_of_user(user);
            assert_true(tally_take(tally, &key, 1));
        }
        struct tally_key last = tally_key_of_user(user);
        assert_int_equal(tally_keys(tally), max + 1);
        tally_drop(tally, &last);
        assert_int_equal(tally_keys(tally), max);
        assert_int_equal(tally_count(tally, &last), 0);
        tally_free(tally);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_an_ipv4_address_or_the_64_of_an_ipv6_address),
        cmocka_unit_test(who_is_not_known_is_not_counted),
        cmocka_unit_test(a_limit_is_per_key_and_ends_with_a_drop),
        cmocka_unit_test(a_user_is_no_address),
        cmocka_unit_test(a_full_table_counts_as_a_list_would),
        cmocka_unit_test(one_more_than_the_house_holds_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
