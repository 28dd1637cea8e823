/*
 * The memory of a pool: all zero, not the machine's before it is written to, and refused when it is too much.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/pool_memory.h"

enum {
    COUNT = 1000,
    SIZE = 4096
};

static void test_it_is_zero_and_costs_what_is_written(void **state)
{
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char resident[COUNT * SIZE / 4096] = {0};
    unsigned char *memory = pool_memory_take(COUNT, SIZE);
    assert_non_null(memory);
    assert_int_equal(mincore(memory, (size_t)COUNT * SIZE, resident), 0);
    for (size_t i = 0; i < (size_t)COUNT * SIZE / page; i++)
        assert_int_equal(resident[i] & 1, 0);
    for (size_t i = 0; i < (size_t)COUNT * SIZE; i += SIZE - 1)
        assert_int_equal(memory[i], 0);
    memset(memory, 1, (size_t)COUNT * SIZE);
    pool_memory_give(memory, COUNT, SIZE);
    pool_memory_give(NULL, COUNT, SIZE);
}

static void test_nothing_is_something_too(void **state)
{
    (void)state;
    void *memory = pool_memory_take(0, SIZE);
    assert_non_null(memory);
    pool_memory_give(memory, 0, SIZE);
}

static void test_too_much_is_refused(void **state)
{
    (void)state;
    assert_null(pool_memory_take(SIZE_MAX / 2 + 2, 2)); /* the product would be small again */
    assert_null(pool_memory_take(SIZE_MAX / 4, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_zero_and_costs_what_is_written),
        cmocka_unit_test(test_nothing_is_something_too),
        cmocka_unit_test(test_too_much_is_refused),
    };
    return cmocka_run_group_tests_name("pool_memory", tests, NULL, NULL);
}
