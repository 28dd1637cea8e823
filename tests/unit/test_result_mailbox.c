/*
 * The mailbox between the loop thread and the results thread.
 */
#include "gamed/result_mailbox.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_the_mailbox_keeps_order_and_says_when_it_is_full(void **state)
{
    struct result_mailbox mailbox;
    struct match_result result = {.room_code = "A1B2C3"};
    (void)state;
    assert_int_equal(result_mailbox_init(&mailbox, 4), 0);
    assert_int_equal(result_mailbox_count(&mailbox), 0);
    for (int i = 0; i < 4; i++) {
        result.score[0] = (uint8_t)i;
        assert_true(result_mailbox_put(&mailbox, &result));
    }
    assert_false(result_mailbox_put(&mailbox, &result));
    /* Looking takes nothing away. */
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(result_mailbox_peek(&mailbox, i)->score[0], i);
    assert_int_equal(result_mailbox_count(&mailbox), 4);
    result_mailbox_drop(&mailbox, 3);
    assert_int_equal(result_mailbox_peek(&mailbox, 0)->score[0], 3);
    assert_true(result_mailbox_put(&mailbox, &result));
    assert_int_equal(result_mailbox_count(&mailbox), 2);
    result_mailbox_free(&mailbox);
}

enum {
    MAILED = 200000
};

static void *write_mailbox(void *argument)
{
    struct result_mailbox *mailbox = argument;
    struct match_result result = {.room_code = "A1B2C3"};
    for (unsigned int i = 0; i < MAILED; i++) {
        result.duration_s = i;
        result.finished_at_unix = -(double)i;
        while (!result_mailbox_put(mailbox, &result))
            sched_yield();
    }
    return NULL;
}

static void test_the_mailbox_between_two_threads(void **state)
{
    struct result_mailbox mailbox;
    pthread_t writer;
    unsigned int expected = 0;
    (void)state;
    assert_int_equal(result_mailbox_init(&mailbox, 5), 0);
    assert_int_equal(mailbox.size, 8);
    /* Also when the counters wrap. */
    atomic_store(&mailbox.head, UINT32_MAX - 1000);
    atomic_store(&mailbox.tail, UINT32_MAX - 1000);
    assert_int_equal(pthread_create(&writer, NULL, write_mailbox, &mailbox), 0);
    while (expected < MAILED) {
        const uint32_t count = result_mailbox_count(&mailbox);
        assert_true(count <= 8);
        for (uint32_t i = 0; i < count; i++, expected++) {
            assert_true(result_mailbox_peek(&mailbox, i)->duration_s == expected);
            assert_true(result_mailbox_peek(&mailbox, i)->finished_at_unix == -(double)expected);
        }
        result_mailbox_drop(&mailbox, count);
        if (count == 0)
            sched_yield();
    }
    pthread_join(writer, NULL);
    result_mailbox_free(&mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_mailbox_keeps_order_and_says_when_it_is_full),
        cmocka_unit_test(test_the_mailbox_between_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
