/*
 * The outbox as the results thread sees it: what memory has in front of a store that fails, and what
 * it makes of both together.
 */
#include "gamed/result_outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"

/* A store in memory of which writes and reads can be made to fail. */
static struct {
    struct store store;
    struct store *real;
    bool refuses_writes, refuses_reads;
    int writes, reads;
} flaky;

static int flaky_insert(struct store *store, const struct outbox_entry *entries, size_t count,
                        size_t *inserted)
{
    (void)store;
    flaky.writes++;
    *inserted = 0;
    return flaky.refuses_writes ? STORE_BROKEN
                                : store_outbox_insert(flaky.real, entries, count, inserted);
}

static int flaky_update(struct store *store, const struct outbox_entry *entries, size_t count)
{
    (void)store;
    flaky.writes++;
    return flaky.refuses_writes ? STORE_BROKEN : store_outbox_update(flaky.real, entries, count);
}

static int flaky_next(struct store *store, const struct outbox_place *after, size_t max,
                      struct outbox_entry *entries, size_t *count)
{
    (void)store;
    *count = 0;
    return flaky.refuses_reads ? STORE_BROKEN
                               : store_outbox_next(flaky.real, after, max, entries, count);
}

static int flaky_find(struct store *store, const char *match_id, struct outbox_entry *entry)
{
    (void)store;
    return flaky.refuses_reads ? STORE_BROKEN : store_outbox_find(flaky.real, match_id, entry);
}

static int flaky_list(struct store *store, enum outbox_state state, int64_t after, size_t max,
                      struct outbox_entry *entries, size_t *count)
{
    (void)store;
    *count = 0;
    return flaky.refuses_reads ? STORE_BROKEN
                               : store_outbox_list(flaky.real, state, after, max, entries, count);
}

static void flaky_count(struct store *store, struct outbox_counts *counts)
{
    (void)store;
    store_outbox_count(flaky.real, counts);
}

static const struct store_operations operations = {.outbox_insert = flaky_insert,
                                                   .outbox_update = flaky_update,
                                                   .outbox_next = flaky_next,
                                                   .outbox_find = flaky_find,
                                                   .outbox_list = flaky_list,
                                                   .outbox_count = flaky_count};

static struct result_outbox outbox;
static int told;

static void count_told(void *arg, const char *match_id)
{
    (void)arg;
    assert_int_equal(strlen(match_id), UUID_SIZE - 1);
    told++;
}

static int set_up(void **state)
{
    (void)state;
    memset(&flaky, 0, sizeof(flaky));
    flaky.store.operations = &operations;
    told = 0;
    result_outbox_init(&outbox, &flaky.store, count_told, NULL);
    return store_memory_open(&STORE_MEMORY_LIMITS_DEFAULT, &flaky.real);
}

static int tear_down(void **state)
{
    (void)state;
    result_outbox_free(&outbox);
    store_close(flaky.real);
    return 0;
}

static struct outbox_entry entry_of(unsigned int number, int64_t next_attempt_ms)
{
    struct outbox_entry entry = {.created_ms = 5000 + number,
                                 .retry.next_attempt_ms = next_attempt_ms};
    snprintf(entry.match_id, sizeof(entry.match_id), "00000000-0000-4000-8000-%012u", number);
    entry.body_size = (size_t)snprintf(entry.body, sizeof(entry.body), "{\"n\":%u}", number);
    return entry;
}

static void add(unsigned int number, int64_t next_attempt_ms)
{
    const struct outbox_entry entry = entry_of(number, next_attempt_ms);
    assert_true(result_outbox_add(&outbox, &entry));
}

static void update(unsigned int number, enum outbox_state state, int64_t next_attempt_ms)
{
    struct outbox_entry entry = entry_of(number, next_attempt_ms);
    entry.state = state;
    assert_true(result_outbox_update(&outbox, &entry));
}

static void assert_next(int64_t now_ms, size_t max, const unsigned int *numbers, size_t count)
{
    struct outbox_entry entries[OUTBOX_NEXT_MAX];
    assert_int_equal(result_outbox_next(&outbox, now_ms, max, entries), count);
    for (size_t i = 0; i < count; i++) {
        const struct outbox_entry expected = entry_of(numbers[i], 0);
        assert_string_equal(entries[i].match_id, expected.match_id);
        assert_int_equal(entries[i].body_size, expected.body_size);
        assert_memory_equal(entries[i].body, expected.body, expected.body_size);
    }
}

#define NUMBERS(...)                     \
    (const unsigned int[]){__VA_ARGS__}, \
        sizeof((unsigned int[]){__VA_ARGS__}) / sizeof(unsigned int)

static struct outbox_counts counts_of(void)
{
    struct outbox_counts counts;
    result_outbox_count(&outbox, &counts);
    return counts;
}

static void test_nothing_stays_in_memory_when_the_store_works(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 100; i++)
        add(i, i);
    assert_false(result_outbox_is_saved(&outbox));
    assert_int_equal(told, 0);
    result_outbox_flush(&outbox, 1);
    assert_true(result_outbox_is_saved(&outbox));
    assert_int_equal(told, 100);
    assert_int_equal(flaky.writes, (100 + RESULT_OUTBOX_BATCH - 1) / RESULT_OUTBOX_BATCH);
    for (unsigned int i = 0; i < 100; i++)
        update(i, OUTBOX_DELIVERED, 0);
    result_outbox_flush(&outbox, 1);
    assert_int_equal(told, 100); /* once */
    assert_int_equal(counts_of().pending, 0);
    assert_int_equal(result_outbox_write_at(&outbox), RESULT_OUTBOX_NEVER);
}

static void test_a_store_that_fails_is_left_alone_for_a_while(void **state)
{
    (void)state;
    flaky.refuses_writes = true;
    add(1, 10);
    result_outbox_flush(&outbox, 1000);
    assert_true(atomic_load(&outbox.write_failed));
    assert_int_equal(result_outbox_write_at(&outbox), 1000 + RESULT_OUTBOX_STORE_RETRY_MS);
    result_outbox_flush(&outbox, 1999);
    assert_int_equal(flaky.writes, 1);
    flaky.refuses_writes = false;
    result_outbox_flush(&outbox, 2000);
    assert_int_equal(flaky.writes, 2);
    assert_true(result_outbox_is_saved(&outbox));
    assert_false(atomic_load(&outbox.write_failed));

    flaky.refuses_reads = true;
    assert_next(3000, 5, NULL, 0);
    assert_int_equal(result_outbox_read_at(&outbox), 4000);
    flaky.refuses_reads = false;
    assert_next(3999, 5, NULL, 0);
    assert_next(4000, 5, NUMBERS(1));
    assert_int_equal(result_outbox_read_at(&outbox), RESULT_OUTBOX_NEVER);
}

static void test_what_is_next_comes_from_both(void **state)
{
    (void)state;
    add(1, 100);
    add(2, 300);
    add(3, 500);
    add(4, 700);
    result_outbox_flush(&outbox, 1);
    flaky.refuses_writes = true;
    add(5, 200);
    add(6, 400);
    add(7, 900); /* not due, nor the first that is not */
    add(8, 650);
    assert_next(550, 10, NUMBERS(1, 5, 2, 6, 3, 8, 4));
    assert_next(550, 4, NUMBERS(1, 5, 2, 6));
    assert_next(550, 1, NUMBERS(1));
    /* What memory knows of an entry is newer than what the store does. */
    update(1, OUTBOX_DELIVERED, 0);
    update(3, OUTBOX_PENDING, 50);
    update(6, OUTBOX_FAILED, 0);
    assert_next(550, 10, NUMBERS(3, 5, 2, 8, 4));
    flaky.refuses_reads = true;
    assert_next(550, 10, NUMBERS(3, 5, 8));
    flaky.refuses_reads = flaky.refuses_writes = false;
    result_outbox_flush(&outbox, 5000);
    assert_next(5000, 10, NUMBERS(3, 5, 2, 8, 4, 7));
    assert_int_equal(told, 8);
}

/* What was posted out of a store that cannot be told so is not in the way of what comes behind it. */
static void test_what_the_store_cannot_be_told_hides_nothing(void **state)
{
    enum {
        MANY = 300,
        PAGE = 16
    };
    struct outbox_entry entries[OUTBOX_NEXT_MAX];
    unsigned int posted = 0;
    (void)state;
    for (unsigned int i = 0; i < MANY; i++)
        add(i, i);
    result_outbox_flush(&outbox, 1);
    flaky.refuses_writes = true;
    /* The first is slow: it stays at the head of the store. */
    for (size_t count; (count = result_outbox_next(&outbox, 1000, PAGE, entries)) > 1;) {
        assert_int_equal(count, MANY - posted < PAGE ? MANY - posted : PAGE);
        assert_string_equal(entries[0].match_id, entry_of(0, 0).match_id);
        for (size_t i = 1; i < count; i++) {
            assert_string_equal(entries[i].match_id, entry_of(++posted, 0).match_id);
            update(posted, OUTBOX_DELIVERED, 0);
        }
    }
    assert_next(1000, PAGE, NUMBERS(0));
    update(0, OUTBOX_DELIVERED, 0);
    assert_next(1000, PAGE, NULL, 0);
    const int reads = flaky.reads;
    assert_next(1000, PAGE, NULL, 0);
    assert_true(flaky.reads <= reads + 1); /* what is known of is passed by for good, ... */
    flaky.refuses_writes = false;
    result_outbox_flush(&outbox, 5000);
    assert_true(result_outbox_is_saved(&outbox));
    add(MANY, 0); /* ... until the store is written again */
    result_outbox_flush(&outbox, 5000);
    assert_next(5000, PAGE, NUMBERS(MANY));
    assert_int_equal(posted, MANY - 1);
}

static void test_counts_are_of_both(void **state)
{
    (void)state;
    flaky.refuses_writes = true;
    add(3, 1);
    assert_int_equal(counts_of().oldest_pending_ms, 5003);
    flaky.refuses_writes = false;
    add(4, 1);
    result_outbox_flush(&outbox, 1);
    flaky.refuses_writes = true;
    add(5, 1);
    add(6, 1);
    assert_int_equal(counts_of().pending, 4);
    assert_int_equal(counts_of().oldest_pending_ms, 5003);
    update(5, OUTBOX_FAILED, 0); /* never was in the store */
    update(3, OUTBOX_DELIVERED, 0);
    assert_int_equal(counts_of().pending, 2);
    assert_int_equal(counts_of().failed, 1);
    flaky.refuses_writes = false;
    result_outbox_flush(&outbox, 5000);
    assert_int_equal(counts_of().pending, 2);
    assert_int_equal(counts_of().failed, 1);
    assert_int_equal(counts_of().oldest_pending_ms, 5004);
}

static void test_lists_and_searches_are_of_both(void **state)
{
    struct outbox_entry page[3];
    size_t count;
    int64_t next;
    (void)state;
    for (unsigned int i = 1; i <= 4; i++)
        add(i, 1);
    result_outbox_flush(&outbox, 1);
    flaky.refuses_writes = true;
    update(2, OUTBOX_FAILED, 0);
    add(5, 1);
    assert_int_equal(result_outbox_list(&outbox, OUTBOX_PENDING, 0, 3, page, &count, &next),
                     STORE_OK);
    assert_int_equal(count, 2); /* 1 and 3: 2 is not pending any more */
    assert_string_equal(page[1].match_id, entry_of(3, 0).match_id);
    assert_int_equal(next, page[1].serial);
    assert_int_equal(result_outbox_list(&outbox, OUTBOX_PENDING, next, 3, page, &count, &next),
                     STORE_OK);
    assert_int_equal(count, 2);
    assert_string_equal(page[0].match_id, entry_of(4, 0).match_id);
    assert_string_equal(page[1].match_id, entry_of(5, 0).match_id);
    assert_int_equal(next, 0);
    result_outbox_list(&outbox, OUTBOX_FAILED, 0, 3, page, &count, &next);
    assert_int_equal(count, 1);
    assert_string_equal(page[0].match_id, entry_of(2, 0).match_id);
    assert_int_equal(result_outbox_find(&outbox, entry_of(2, 0).match_id, page), STORE_OK);
    assert_int_equal(page[0].state, OUTBOX_FAILED);
    assert_int_equal(result_outbox_find(&outbox, entry_of(1, 0).match_id, page), STORE_OK);
    assert_int_equal(result_outbox_find(&outbox, entry_of(6, 0).match_id, page), STORE_UNKNOWN);
}

/* All that failed is found page by page, though none of it is in the store, and each is changed as it
 * is found. */
static void test_what_only_memory_has_is_listed_in_pages(void **state)
{
    enum {
        MANY = 10
    };
    struct outbox_entry page[3];
    int seen[MANY + 1] = {0};
    size_t count, pages = 0;
    int64_t after = 0, next;
    (void)state;
    flaky.refuses_writes = true;
    for (unsigned int i = 1; i <= MANY; i++) {
        add(i, 1);
        update(i, OUTBOX_FAILED, 0);
    }
    do {
        assert_int_equal(result_outbox_list(&outbox, OUTBOX_FAILED, after, 3, page, &count, &next),
                         STORE_OK);
        for (size_t i = 0; i < count; i++) {
            const int number = atoi(page[i].match_id + 24);
            seen[number]++;
            update((unsigned int)number, OUTBOX_PENDING, 0);
        }
        assert_true(next == 0 || next > after);
        after = next;
    } while (next != 0 && ++pages < MANY);
    for (int i = 1; i <= MANY; i++)
        assert_int_equal(seen[i], 1);
}

static void test_memory_is_bounded(void **state)
{
    struct outbox_entry entry;
    (void)state;
    flaky.refuses_writes = true;
    for (unsigned int i = 0; i < RESULT_OUTBOX_MEMORY_MAX; i++)
        add(i, 1);
    entry = entry_of(RESULT_OUTBOX_MEMORY_MAX, 1);
    assert_false(result_outbox_add(&outbox, &entry));
    add(7, 1);                      /* known already */
    update(7, OUTBOX_DELIVERED, 0); /* what comes of it has a place */
    entry = entry_of(0, 0);
    const struct outbox_entry *first = result_outbox_first_new(&outbox);
    assert_string_equal(first->match_id, entry.match_id);
    result_outbox_forget_new(&outbox);
    entry = entry_of(RESULT_OUTBOX_MEMORY_MAX, 1);
    assert_true(result_outbox_add(&outbox, &entry));
}

/* What comes of the store's own results has its bound as well: they wait rather than to fill it. */
static void test_what_came_of_results_is_bounded(void **state)
{
    const unsigned int many = RESULT_OUTBOX_MEMORY_MAX;
    struct outbox_entry entries[OUTBOX_NEXT_MAX];
    (void)state;
    add(many, 500);
    result_outbox_flush(&outbox, 1);
    flaky.refuses_writes = true;
    for (unsigned int i = 0; i < many; i++)
        add(i, INT64_MAX);
    assert_int_equal(result_outbox_next(&outbox, 1000, 16, entries), 1);
    assert_string_equal(entries[0].match_id, entry_of(0, 0).match_id);
    flaky.refuses_writes = false;
    result_outbox_flush(&outbox, 1000);
    assert_int_equal(result_outbox_next(&outbox, 1000, 16, entries), 16);
    assert_string_equal(entries[0].match_id, entry_of(many, 0).match_id);
}

/* With nothing to write, too, it is known whether that could be done. */
static void test_a_store_that_refuses_is_known_before_there_is_anything(void **state)
{
    (void)state;
    flaky.refuses_writes = true;
    result_outbox_flush(&outbox, 1000);
    assert_true(atomic_load(&outbox.write_failed));
    assert_int_equal(result_outbox_write_at(&outbox), 1000 + RESULT_OUTBOX_STORE_RETRY_MS);
    flaky.refuses_writes = false;
    result_outbox_flush(&outbox, 2000);
    assert_false(atomic_load(&outbox.write_failed));
    assert_int_equal(result_outbox_write_at(&outbox), RESULT_OUTBOX_NEVER);
    result_outbox_flush(&outbox, 9000);
    assert_int_equal(flaky.writes, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_stays_in_memory_when_the_store_works),
        TEST(test_a_store_that_fails_is_left_alone_for_a_while),
        TEST(test_what_is_next_comes_from_both),
        TEST(test_counts_are_of_both),
        TEST(test_lists_and_searches_are_of_both),
        TEST(test_what_only_memory_has_is_listed_in_pages),
        TEST(test_memory_is_bounded),
        TEST(test_what_came_of_results_is_bounded),
        TEST(test_what_the_store_cannot_be_told_hides_nothing),
        TEST(test_a_store_that_refuses_is_known_before_there_is_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
