/* Unit tests of common/histogram: which bucket takes what, and that many may count at once. */
#include "common/histogram.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct histogram_scale scale = {3, {10, 20, 30}};

static void a_bound_is_in_its_bucket(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    histogram_observe(&histogram, &scale, 10);
    histogram_observe(&histogram, &scale, 11);
    histogram_observe(&histogram, &scale, 20);
    histogram_observe(&histogram, &scale, 30);
    histogram_observe(&histogram, &scale, 31);
    histogram_observe(&histogram, &scale, INT64_MAX / 2);
    assert_int_equal(histogram.counts[0], 1);
    assert_int_equal(histogram.counts[1], 2);
    assert_int_equal(histogram.counts[2], 1);
    assert_int_equal(histogram.counts[3], 2);
    assert_int_equal(histogram.sum_ns, 102 + INT64_MAX / 2);
    assert_int_equal(histogram_count(&histogram), 6);
}

static void less_than_nothing_is_nothing(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    histogram_observe(&histogram, &scale, -5);
    histogram_observe(&histogram, &scale, INT64_MIN);
    assert_int_equal(histogram.counts[0], 2);
    assert_int_equal(histogram.sum_ns, 0);
}

static void all_scales_ascend(void **state)
{
    const struct histogram_scale *all[] = {&histogram_lateness, &histogram_work,
                                           &histogram_exchange, &histogram_foreign};

    (void)state;
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        assert_in_range(all[k]->count, 1, HISTOGRAM_BOUNDS_MAX);
        for (size_t i = 0; i < all[k]->count; i++)
            assert_true(all[k]->bounds_ns[i] > (i > 0 ? all[k]->bounds_ns[i - 1] : 0));
    }
}

enum {
    THREADS = 4,
    EACH = 10000
};

static void *count_many(void *shared)
{
    for (int i = 0; i < EACH; i++)
        histogram_shared_observe(shared, &scale, 10 * (i % 4 + 1));
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    static struct histogram_shared shared;
    struct histogram histogram;
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    histogram_shared_read(&shared, &histogram);
    for (int i = 0; i < 4; i++)
        assert_int_equal(histogram.counts[i], THREADS * EACH / 4);
    assert_int_equal(histogram_count(&histogram), THREADS * EACH);
    assert_int_equal(histogram.sum_ns, THREADS * EACH * 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_is_in_its_bucket),
        cmocka_unit_test(less_than_nothing_is_nothing),
        cmocka_unit_test(all_scales_ascend),
        cmocka_unit_test(many_threads_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
