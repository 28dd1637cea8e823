/*
 * Tests of ipc_sequence, and of ipc_lane with a carrier that answers as it is told to. What is waited for
 * is an event, with a patience that no machine needs.
 */
#include "ipc/ipc_lane.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/ipc_client.h"
#include "ipc/ipc_sequence.h"

enum {
    PATIENCE_MS = 60 * 1000,
    TEXT_SIZE = 64
};

#define AWAIT(condition)                                       \
    do {                                                       \
        for (int left_ = PATIENCE_MS; !(condition); left_--) { \
            assert_true(left_ > 0);                            \
            poll(NULL, 0, 1);                                  \
        }                                                      \
    } while (0)

/* ---- sequences ------------------------------------------------------------------------- */

static void assert_text(const struct ipc_text *text, const char *expected)
{
    assert_int_equal(text->length, strlen(expected));
    assert_memory_equal(text->bytes, expected, text->length);
}

static void test_texts_come_out_as_they_went_in(void **state)
{
    struct ipc_text texts[IPC_SEQUENCE_MAX];
    char message[64];
    char *end = message;
    (void)state;
    end = ipc_sequence_add(end, "{\"a\":1}", 7);
    end = ipc_sequence_add(end, "", 0);
    end = ipc_sequence_add(end, "[]", 2);
    assert_true(ipc_sequence_is(message, (size_t)(end - message)));
    assert_int_equal(ipc_sequence_split(message, (size_t)(end - message), texts, 3), 3);
    assert_text(&texts[0], "{\"a\":1}");
    assert_text(&texts[1], "");
    assert_text(&texts[2], "[]");
    assert_int_equal(ipc_sequence_split(message, (size_t)(end - message), texts, 2), 0);
}

static void test_what_is_no_sequence_is_none(void **state)
{
    struct ipc_text texts[2];
    (void)state;
    assert_false(ipc_sequence_is("", 0));
    assert_false(ipc_sequence_is("{}\x1e", 3));
    assert_int_equal(ipc_sequence_split("", 0, texts, 2), 0);
    assert_int_equal(ipc_sequence_split("{}\n{}", 5, texts, 2), 0);
    /* no line end is needed, and only one is taken off */
    assert_int_equal(ipc_sequence_split("\x1e{}", 3, texts, 2), 1);
    assert_text(&texts[0], "{}");
    assert_int_equal(ipc_sequence_split("\x1e", 1, texts, 2), 1);
    assert_text(&texts[0], "");
    assert_int_equal(ipc_sequence_split("\x1e\n\n\x1e", 4, texts, 2), 2);
    assert_text(&texts[0], "\n");
    assert_text(&texts[1], "");
}

static void test_as_many_as_there_may_be_fit_a_message(void **state)
{
    static char text[IPC_SEQUENCE_TEXT_MAX], message[IPC_MESSAGE_MAX];
    struct ipc_text texts[IPC_SEQUENCE_MAX];
    char *end = message;
    (void)state;
    memset(text, 'x', sizeof text);
    for (int i = 0; i < IPC_SEQUENCE_MAX; i++)
        end = ipc_sequence_add(end, text, sizeof text);
    assert_true(end <= message + sizeof message);
    assert_int_equal(ipc_sequence_split(message, (size_t)(end - message), texts, IPC_SEQUENCE_MAX),
                     IPC_SEQUENCE_MAX);
    assert_int_equal(texts[IPC_SEQUENCE_MAX - 1].length, sizeof text);
}

/* ---- lanes ----------------------------------------------------------------------------- */

/* Gives everything back as it came, once it may. */
static struct carrier {
    atomic_bool is_stalled;
    atomic_int passes; /* messages let through while it is stalled */
    atomic_int under_way, carried;
    atomic_int largest;    /* texts in one message */
    atomic_int texts_seen; /* of messages of more than one */
    long result;           /* negative: what becomes of each message */
    const char *answer;    /* NULL: the message itself */
} carrier;
static struct ipc_lane *lane;

static long carry(void *arg, const char *message, size_t length, int timeout_ms, char *answer,
                  size_t answer_size)
{
    struct ipc_text texts[IPC_SEQUENCE_MAX];
    const size_t count = ipc_sequence_split(message, length, texts, IPC_SEQUENCE_MAX);
    (void)timeout_ms;
    assert_ptr_equal(arg, &carrier);
    atomic_fetch_add(&carrier.texts_seen, (int)count);
    atomic_fetch_add(&carrier.under_way, 1);
    while (atomic_load(&carrier.is_stalled) && atomic_load(&carrier.passes) == 0)
        poll(NULL, 0, 1);
    if (atomic_load(&carrier.passes) > 0)
        atomic_fetch_sub(&carrier.passes, 1);
    atomic_fetch_sub(&carrier.under_way, 1);
    atomic_fetch_add(&carrier.carried, 1);
    if ((int)count > atomic_load(&carrier.largest))
        atomic_store(&carrier.largest, (int)count);
    if (carrier.result < 0)
        return carrier.result;
    if (carrier.answer && count > 1) {
        message = carrier.answer;
        length = strlen(message);
    }
    if (length > answer_size)
        return IPC_CLIENT_FAILED;
    memcpy(answer, message, length);
    return (long)length;
}

static int open_lane(void **state)
{
    (void)state;
    memset(&carrier, 0, sizeof carrier);
    lane = ipc_lane_new(carry, &carrier);
    return lane ? 0 : -1;
}

static int close_lane(void **state)
{
    (void)state;
    ipc_lane_free(lane);
    ipc_lane_free(NULL);
    return 0;
}

struct caller {
    pthread_t thread;
    int number, timeout_ms;
    size_t reply_size;
    long result;
    bool is_right; /* it got its own text back */
    atomic_bool has_begun, has_ended;
};

static void *run_caller(void *arg)
{
    struct caller *caller = arg;
    char text[TEXT_SIZE], reply[TEXT_SIZE];
    int length = snprintf(text, sizeof text, "caller %d", caller->number);
    atomic_store(&caller->has_begun, true);
    caller->result =
        ipc_lane_call(lane, text, (size_t)length, caller->timeout_ms, reply, caller->reply_size);
    caller->is_right = caller->result == length && memcmp(text, reply, (size_t)length) == 0;
    atomic_store(&caller->has_ended, true);
    return NULL;
}

static void start(struct caller *caller, int number, int timeout_ms)
{
    *caller = (struct caller){.number = number, .timeout_ms = timeout_ms, .reply_size = TEXT_SIZE};
    assert_int_equal(pthread_create(&caller->thread, NULL, run_caller, caller), 0);
}

static void join(struct caller *callers, int count)
{
    for (int i = 0; i < count; i++)
        pthread_join(callers[i].thread, NULL);
}

static void stall_with(struct caller *first)
{
    atomic_store(&carrier.is_stalled, true);
    start(first, 0, PATIENCE_MS);
    AWAIT(atomic_load(&carrier.under_way) == 1);
}

static void test_one_goes_at_once_and_by_itself(void **state)
{
    char reply[TEXT_SIZE];
    (void)state;
    assert_int_equal(ipc_lane_call(lane, "hello", 5, PATIENCE_MS, reply, sizeof reply), 5);
    assert_memory_equal(reply, "hello", 5);
    assert_int_equal(atomic_load(&carrier.texts_seen), 0);
    assert_int_equal(ipc_lane_call(lane, "hello", 5, PATIENCE_MS, reply, 4), IPC_CLIENT_FAILED);
}

/* Starts `count` more while a message is under way, until two of them at least have met in the next. */
static void travel(struct caller *callers, int count)
{
    for (int attempt = 0; atomic_load(&carrier.largest) < 2; attempt++) {
        assert_in_range(attempt, 0, 1000);
        stall_with(&callers[0]);
        for (int i = 1; i < count; i++)
            start(&callers[i], i, PATIENCE_MS);
        poll(NULL, 0, 1 + attempt);
        atomic_store(&carrier.is_stalled, false);
        join(callers, count);
    }
}

static void test_who_comes_meanwhile_travels_together(void **state)
{
    enum {
        CALLERS = 8
    };
    struct caller callers[CALLERS];
    (void)state;
    travel(callers, CALLERS);
    for (int i = 0; i < CALLERS; i++)
        assert_true(callers[i].is_right);
}

static void test_more_than_fit_go_in_two(void **state)
{
    enum {
        CALLERS = 3 * IPC_SEQUENCE_MAX
    };
    struct caller callers[CALLERS];
    (void)state;
    for (int attempt = 0; atomic_load(&carrier.largest) < IPC_SEQUENCE_MAX; attempt++) {
        assert_in_range(attempt, 0, 1000);
        atomic_store(&carrier.largest, 0);
        travel(callers, CALLERS);
        for (int i = 0; i < CALLERS; i++)
            assert_true(callers[i].is_right);
    }
}

/* A slow end is asked by several messages at a time: all of so many callers are under way. */
static void test_a_full_message_does_not_wait(void **state)
{
    enum {
        MESSAGES = 4,
        CALLERS = 1 + (MESSAGES - 1) * IPC_SEQUENCE_MAX
    };
    static struct caller callers[CALLERS + 1];
    (void)state;
    stall_with(&callers[0]);
    for (int i = 1; i < CALLERS; i++)
        start(&callers[i], i, PATIENCE_MS);
    AWAIT(atomic_load(&carrier.texts_seen) == CALLERS - 1);
    assert_int_equal(atomic_load(&carrier.under_way), MESSAGES);
    start(&callers[CALLERS], CALLERS, 20); /* no more than these */
    join(&callers[CALLERS], 1);
    assert_int_equal(callers[CALLERS].result, IPC_CLIENT_TIMEOUT);
    assert_int_equal(atomic_load(&carrier.under_way), MESSAGES);
    atomic_store(&carrier.is_stalled, false);
    join(callers, CALLERS);
    for (int i = 0; i < CALLERS; i++)
        assert_true(callers[i].is_right);
}

static void test_a_failure_is_that_of_all(void **state)
{
    struct caller callers[4];
    (void)state;
    carrier.result = IPC_CLIENT_UNAVAILABLE;
    travel(callers, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(callers[i].result, IPC_CLIENT_UNAVAILABLE);
}

static void test_who_waits_in_vain_gives_up(void **state)
{
    struct caller first, second, third;
    (void)state;
    stall_with(&first);
    start(&second, 2, 20);
    start(&third, 3, PATIENCE_MS);
    join(&second, 1); /* the first is under way still */
    assert_int_equal(second.result, IPC_CLIENT_TIMEOUT);
    assert_false(atomic_load(&first.has_ended));
    atomic_store(&carrier.is_stalled, false);
    join(&first, 1);
    join(&third, 1);
    assert_true(first.is_right);
    assert_true(third.is_right);
}

static void test_who_travels_in_vain_gives_up(void **state)
{
    struct caller callers[4];
    (void)state;
    stall_with(&callers[0]);
    /* one after the other, as the last one leads, which must not be the impatient one */
    for (int i = 1; i < 4; i++) {
        start(&callers[i], i, i == 2 ? 500 : PATIENCE_MS);
        AWAIT(atomic_load(&callers[i].has_begun));
        poll(NULL, 0, 50);
    }
    atomic_store(&carrier.passes, 1);
    AWAIT(atomic_load(&carrier.under_way) == 1 && atomic_load(&carrier.carried) == 1);
    AWAIT(atomic_load(&callers[2].has_ended));
    assert_int_equal(callers[2].result, IPC_CLIENT_TIMEOUT);
    atomic_store(&carrier.is_stalled, false);
    join(callers, 4);
    assert_true(callers[0].is_right && callers[1].is_right && callers[3].is_right);
}

/* As a gamed of an earlier version does. */
static void test_who_is_not_understood_together_goes_by_himself(void **state)
{
    struct caller callers[6];
    int together;
    (void)state;
    carrier.answer = "{\"v\":1,\"ok\":false,\"code\":\"bad_message\",\"error\":\"?\"}";
    travel(callers, 6);
    for (int i = 0; i < 6; i++)
        assert_true(callers[i].is_right);
    together = atomic_load(&carrier.texts_seen);
    stall_with(&callers[0]);
    for (int i = 1; i < 6; i++)
        start(&callers[i], i, PATIENCE_MS);
    AWAIT(atomic_load(&carrier.under_way) == 6); /* nobody waits for another one */
    atomic_store(&carrier.is_stalled, false);
    join(callers, 6);
    assert_int_equal(atomic_load(&carrier.texts_seen), together);
}

static void test_an_answer_that_lacks_one_is_nobodys(void **state)
{
    struct caller callers[6];
    (void)state;
    carrier.answer = "\x1e{}\n";
    travel(callers, 6);
    for (int i = 0; i < 6; i++)
        assert_true(callers[i].is_right || callers[i].result == IPC_CLIENT_FAILED);
}

static void test_a_reply_that_is_too_long_is_one_ones_failure(void **state)
{
    struct caller callers[3];
    (void)state;
    while (atomic_load(&carrier.largest) < 2) {
        stall_with(&callers[0]);
        start(&callers[1], 1, PATIENCE_MS);
        callers[2] = (struct caller){.number = 2, .timeout_ms = PATIENCE_MS, .reply_size = 3};
        assert_int_equal(pthread_create(&callers[2].thread, NULL, run_caller, &callers[2]), 0);
        poll(NULL, 0, 20);
        atomic_store(&carrier.is_stalled, false);
        join(callers, 3);
        assert_true(callers[0].is_right && callers[1].is_right);
        assert_int_equal(callers[2].result, IPC_CLIENT_FAILED);
    }
}

static void test_a_long_request_goes_by_itself(void **state)
{
    static char wide[IPC_SEQUENCE_TEXT_MAX + 1], reply[IPC_SEQUENCE_TEXT_MAX + 1];
    struct caller first;
    (void)state;
    stall_with(&first);
    atomic_store(&carrier.passes, 2); /* of which it takes one, whoever gets it */
    memset(wide, 'x', sizeof wide);
    assert_int_equal(ipc_lane_call(lane, wide, sizeof wide, PATIENCE_MS, reply, sizeof reply),
                     sizeof wide);
    assert_memory_equal(reply, wide, sizeof wide);
    atomic_store(&carrier.is_stalled, false);
    join(&first, 1);
}

static void *run_restless(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < 300; i++) {
        struct caller caller = {
            .number = i, .timeout_ms = rand_r(&seed) % 6, .reply_size = TEXT_SIZE};
        if (rand_r(&seed) % 2)
            caller.timeout_ms = PATIENCE_MS;
        run_caller(&caller);
        if (!caller.is_right && (caller.result != IPC_CLIENT_TIMEOUT || caller.timeout_ms > 6))
            return arg;
    }
    return NULL;
}

/* For the sanitizers: callers who come, travel and give up in any order. */
static void test_a_restless_crowd(void **state)
{
    enum {
        CROWD = 12
    };
    pthread_t crowd[CROWD];
    void *failed;
    (void)state;
    atomic_store(&carrier.is_stalled, true);
    for (uintptr_t i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&crowd[i], NULL, run_restless, (void *)(i + 1)), 0);
    for (int i = 0; i < 100; i++) {
        atomic_fetch_add(&carrier.passes, 1);
        poll(NULL, 0, i % 5);
    }
    atomic_store(&carrier.is_stalled, false);
    for (int i = 0; i < CROWD; i++) {
        pthread_join(crowd[i], &failed);
        assert_null(failed);
    }
}

#define LANE_TEST(name) cmocka_unit_test_setup_teardown(name, open_lane, close_lane)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_come_out_as_they_went_in),
        cmocka_unit_test(test_what_is_no_sequence_is_none),
        cmocka_unit_test(test_as_many_as_there_may_be_fit_a_message),
        LANE_TEST(test_one_goes_at_once_and_by_itself),
        LANE_TEST(test_who_comes_meanwhile_travels_together),
        LANE_TEST(test_more_than_fit_go_in_two),
        LANE_TEST(test_a_full_message_does_not_wait),
        LANE_TEST(test_a_failure_is_that_of_all),
        LANE_TEST(test_who_waits_in_vain_gives_up),
        LANE_TEST(test_who_travels_in_vain_gives_up),
        LANE_TEST(test_who_is_not_understood_together_goes_by_himself),
        LANE_TEST(test_an_answer_that_lacks_one_is_nobodys),
        LANE_TEST(test_a_reply_that_is_too_long_is_one_ones_failure),
        LANE_TEST(test_a_long_request_goes_by_itself),
        LANE_TEST(test_a_restless_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
