/*
 * A pool: its memory is not the machine's before a thing is taken, refused when it is too much; things do
 * not overlap, and what was given back is taken again first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/pool.h"

enum {
    COUNT = 1000,
    SIZE = 4096
};

static void test_it_costs_what_is_taken(void **state)
{
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char resident[COUNT * SIZE / 4096] = {0};
    struct pool pool;
    assert_int_equal(pool_init(&pool, COUNT, SIZE, POOL_SMALL_PAGES), 0);
    for (size_t taken = 0; taken <= 3; taken++) {
        if (taken > 0)
            memset(pool_take(&pool), 1, SIZE);
        assert_int_equal(mincore(pool.memory, (size_t)COUNT * SIZE, resident), 0);
        for (size_t i = 0; i < (size_t)COUNT * SIZE / page; i++)
            assert_int_equal(resident[i] & 1, i < (taken * SIZE + page - 1) / page);
    }
    pool_free(&pool);
    pool_free(&pool);
}

static void test_all_are_there_and_none_is_another(void **state)
{
    (void)state;
    static unsigned char *taken[COUNT];
    struct pool pool;
    assert_int_equal(pool_init(&pool, COUNT, SIZE, POOL_LARGE_PAGES), 0);
    for (size_t i = 0; i < COUNT; i++) {
        taken[i] = pool_take(&pool);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % _Alignof(void *), 0);
        memset(taken[i], (int)(i % 251), SIZE);
    }
    assert_null(pool_take(&pool));
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(taken[i][0], i % 251);
        assert_int_equal(taken[i][SIZE - 1], i % 251);
    }
    pool_free(&pool);
}

static void test_what_was_given_back_is_taken_first(void **state)
{
    (void)state;
    struct pool pool;
    assert_int_equal(pool_init(&pool, 4, SIZE, POOL_SMALL_PAGES), 0);
    void *a = pool_take(&pool), *b = pool_take(&pool), *c = pool_take(&pool);
    pool_give(&pool, a);
    pool_give(&pool, c);
    assert_ptr_equal(pool_take(&pool), c);
    assert_ptr_equal(pool_take(&pool), a);
    void *d = pool_take(&pool);
    assert_non_null(d);
    assert_true(d != a && d != b && d != c);
    assert_null(pool_take(&pool));
    pool_give(&pool, b);
    assert_ptr_equal(pool_take(&pool), b);
    assert_null(pool_take(&pool));
    pool_free(&pool);
}

static void test_nothing_is_something_too(void **state)
{
    (void)state;
    struct pool pool;
    assert_int_equal(pool_init(&pool, 0, SIZE, POOL_SMALL_PAGES), 0);
    assert_null(pool_take(&pool));
    pool_free(&pool);
}

static void test_too_much_is_refused(void **state)
{
    (void)state;
    struct pool pool;
    assert_int_equal(pool_init(&pool, SIZE_MAX / 16 + 2, 16, POOL_SMALL_PAGES),
                     -1); /* the product would be small again */
    assert_int_equal(pool_init(&pool, SIZE_MAX / 32, 8, POOL_SMALL_PAGES), -1);
    assert_null(pool_take(&pool));
    pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_costs_what_is_taken),
        cmocka_unit_test(test_all_are_there_and_none_is_another),
        cmocka_unit_test(test_what_was_given_back_is_taken_first),
        cmocka_unit_test(test_nothing_is_something_too),
        cmocka_unit_test(test_too_much_is_refused),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
