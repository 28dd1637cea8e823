/*
 * The contract of store.h's outbox, tested on each back-end, and the bounds of the store in memory.
 */
#include "gamed/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "tests/unit/redis_store.h"

static enum back_end {
    MEMORY,
    SQLITE,
    REDIS
} back_end; /* under test */
static struct redis_store redis;
static char directory[] = "/tmp/test_store.XXXXXX";

static struct outbox_entry entry_of(unsigned int number, int64_t next_attempt_ms)
{
    struct outbox_entry entry = {.state = OUTBOX_PENDING,
                                 .created_ms = 5000 + number,
                                 .retry.next_attempt_ms = next_attempt_ms,
                                 .room_code = "A00000"};
    snprintf(entry.match_id, sizeof(entry.match_id), "00000000-0000-4000-8000-%012u", number);
    entry.body_size = (size_t)snprintf(entry.body, sizeof(entry.body), "{\"n\":%u}", number);
    return entry;
}

static struct store *open_memory(size_t pending_max, size_t failed_max)
{
    const struct store_memory_limits limits = {.pending_max = pending_max,
                                               .failed_max = failed_max};
    struct store *store;
    assert_int_equal(store_memory_open(&limits, &store), STORE_OK);
    return store;
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    unlink(path);
}

/* What is below the store under test is closed with it, but for a server. */
static struct store *open_redis(void)
{
    redis_store_reset(&redis);
    redis_store_claim(&redis, 'A', 1);
    return redis.store;
}

/* An empty store of the back-end under test. */
static struct store *open_store(void)
{
    char error[256];
    struct store *store;
    if (back_end == MEMORY)
        return open_memory(1000, 10);
    if (back_end == REDIS)
        return open_redis();
    remove_file("results-A.db");
    remove_file("results-A.db-wal");
    remove_file("results-A.db-shm");
    assert_int_equal(store_sqlite_open(directory, 'A', &store, error, sizeof(error)), STORE_OK);
    return store;
}

/* That of Redis stays for the next test to reset. */
static void close_store(struct store *store)
{
    if (back_end != REDIS)
        store_close(store);
}

static int insert(struct store *store, unsigned int number, int64_t next_attempt_ms)
{
    struct outbox_entry entry = entry_of(number, next_attempt_ms);
    size_t inserted;
    int outcome = store_outbox_insert(store, &entry, 1, &inserted);
    assert_int_equal(inserted, outcome == STORE_OK ? 1 : 0);
    return outcome;
}

static int update(struct store *store, unsigned int number, enum outbox_state state,
                  int64_t next_attempt_ms)
{
    struct outbox_entry entry = entry_of(number, next_attempt_ms);
    entry.state = state;
    entry.retry.attempts = 7;
    entry.retry.last_status = 503;
    entry.settled_ms = state == OUTBOX_PENDING ? 0 : 6000 + number;
    return store_outbox_update(store, &entry, 1);
}

static void assert_counts(struct store *store, size_t pending, size_t failed, int64_t oldest_ms)
{
    struct outbox_counts counts;
    store_outbox_count(store, &counts);
    assert_int_equal(counts.pending, pending);
    assert_int_equal(counts.failed, failed);
    assert_int_equal(counts.oldest_pending_ms, oldest_ms);
}

static void assert_next(struct store *store, const unsigned int *numbers, size_t count)
{
    struct outbox_entry entries[OUTBOX_NEXT_MAX];
    size_t found;
    assert_int_equal(store_outbox_next(store, NULL, OUTBOX_NEXT_MAX, entries, &found), STORE_OK);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        const struct outbox_entry expected = entry_of(numbers[i], 0);
        assert_string_equal(entries[i].match_id, expected.match_id);
        assert_int_equal(entries[i].state, OUTBOX_PENDING);
        assert_int_equal(entries[i].created_ms, expected.created_ms);
        assert_int_equal(entries[i].body_size, expected.body_size);
        assert_memory_equal(entries[i].body, expected.body, expected.body_size);
    }
}

static void test_an_empty_outbox(void **state)
{
    struct store *store = open_store();
    struct outbox_entry entry;
    struct store_health health;
    size_t count = 7;
    (void)state;
    assert_next(store, NULL, 0);
    assert_counts(store, 0, 0, 0);
    assert_int_equal(store_outbox_find(store, entry_of(1, 0).match_id, &entry), STORE_UNKNOWN);
    assert_int_equal(store_outbox_list(store, OUTBOX_FAILED, 0, 5, &entry, &count), STORE_OK);
    assert_int_equal(count, 0);
    store_health(store, &health);
    assert_int_equal(health.files_set_aside + health.rooms_unreadable + health.rooms_refused, 0);
    close_store(store);
    store_close(NULL);
}

static void test_a_match_is_inserted_once(void **state)
{
    struct store *store = open_store();
    (void)state;
    assert_int_equal(insert(store, 1, 100), STORE_OK);
    struct outbox_entry again = entry_of(1, 50);
    again.body_size = (size_t)sprintf(again.body, "other");
    size_t inserted;
    assert_int_equal(store_outbox_insert(store, &again, 1, &inserted), STORE_OK);
    assert_int_equal(inserted, 1);
    assert_counts(store, 1, 0, 5001);
    assert_next(store, (unsigned int[]){1}, 1); /* the first one's bytes */

    /* Nor is one that failed taken up again. */
    assert_int_equal(update(store, 1, OUTBOX_FAILED, 0), STORE_OK);
    assert_int_equal(insert(store, 1, 100), STORE_OK);
    assert_counts(store, 0, 1, 0);
    close_store(store);
}

static void test_next_comes_in_order_of_time_then_of_insertion(void **state)
{
    struct store *store = open_store();
    struct outbox_entry entries[2];
    size_t count;
    (void)state;
    insert(store, 1, 300);
    insert(store, 2, 100);
    insert(store, 3, 200);
    insert(store, 4, 100);
    assert_next(store, (unsigned int[]){2, 4, 3, 1}, 4);
    assert_int_equal(store_outbox_next(store, NULL, 2, entries, &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_string_equal(entries[1].match_id, entry_of(4, 0).match_id);

    /* On from the last of a page, in the middle of those of one time. */
    struct outbox_place after = {entries[0].retry.next_attempt_ms, entries[0].serial};
    assert_int_equal(store_outbox_next(store, &after, 2, entries, &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_string_equal(entries[0].match_id, entry_of(4, 0).match_id);
    assert_string_equal(entries[1].match_id, entry_of(3, 0).match_id);
    after = (struct outbox_place){entries[1].retry.next_attempt_ms, entries[1].serial};
    assert_int_equal(store_outbox_next(store, &after, 2, entries, &count), STORE_OK);
    assert_int_equal(count, 1);
    after = (struct outbox_place){entries[0].retry.next_attempt_ms, entries[0].serial};
    assert_int_equal(store_outbox_next(store, &after, 2, entries, &count), STORE_OK);
    assert_int_equal(count, 0);

    /* Looking changes nothing; a later attempt does. */
    assert_int_equal(update(store, 2, OUTBOX_PENDING, 250), STORE_OK);
    assert_next(store, (unsigned int[]){4, 3, 2, 1}, 4);
    assert_int_equal(update(store, 1, OUTBOX_PENDING, 50), STORE_OK);
    assert_next(store, (unsigned int[]){1, 4, 3, 2}, 4);
    assert_int_equal(store_outbox_next(store, NULL, 1, entries, &count), STORE_OK);
    assert_int_equal(entries[0].retry.attempts, 7);
    assert_int_equal(entries[0].retry.last_status, 503);
    assert_int_equal(entries[0].retry.next_attempt_ms, 50);
    close_store(store);
}

static void test_a_delivered_result_is_not_next(void **state)
{
    struct store *store = open_store();
    (void)state;
    insert(store, 1, 100);
    insert(store, 2, 200);
    insert(store, 3, 300);
    assert_int_equal(update(store, 1, OUTBOX_DELIVERED, 0), STORE_OK);
    assert_next(store, (unsigned int[]){2, 3}, 2);
    assert_counts(store, 2, 0, 5002);
    assert_int_equal(update(store, 3, OUTBOX_DELIVERED, 0), STORE_OK);
    assert_int_equal(update(store, 2, OUTBOX_NOT_POSTED, 0), STORE_OK);
    assert_counts(store, 0, 0, 0);
    assert_next(store, NULL, 0);
    close_store(store);
}

static void test_entries_come_in_any_state(void **state)
{
    static const enum outbox_state states[] = {OUTBOX_DELIVERED, OUTBOX_FAILED, OUTBOX_NOT_POSTED,
                                               OUTBOX_PENDING};
    struct store *store = open_store();
    struct outbox_entry entries[4], found;
    size_t inserted;
    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        entries[i] = entry_of(i, 100);
        entries[i].state = states[i];
    }
    assert_int_equal(store_outbox_insert(store, entries, 4, &inserted), STORE_OK);
    assert_int_equal(inserted, 4);
    assert_counts(store, 1, 1, 5003);
    assert_next(store, (unsigned int[]){3}, 1);
    assert_int_equal(store_outbox_find(store, entries[1].match_id, &found), STORE_OK);
    assert_int_equal(found.state, OUTBOX_FAILED);
    close_store(store);
}

static void test_an_update_is_of_many_and_inserts_what_is_not_there(void **state)
{
    struct store *store = open_store();
    struct outbox_entry entries[3] = {entry_of(1, 300), entry_of(2, 200), entry_of(3, 100)};
    struct outbox_entry found;
    (void)state;
    insert(store, 1, 10);
    insert(store, 2, 20);
    entries[1].state = OUTBOX_FAILED;
    entries[1].settled_ms = 77;
    entries[1].retry = (struct retry_state){4, 422, 9, 8};
    entries[1].body_size = 0; /* is not looked at: the first bytes stay */
    assert_int_equal(store_outbox_update(store, entries, 3), STORE_OK);
    assert_next(store, (unsigned int[]){3, 1}, 2);
    assert_counts(store, 2, 1, 5001);
    assert_int_equal(store_outbox_find(store, entries[1].match_id, &found), STORE_OK);
    assert_int_equal(found.state, OUTBOX_FAILED);
    assert_int_equal(found.settled_ms, 77);
    assert_int_equal(found.created_ms, 5002);
    assert_int_equal(found.retry.attempts, 4);
    assert_int_equal(found.retry.last_status, 422);
    assert_int_equal(found.retry.next_attempt_ms, 9);
    assert_int_equal(found.retry.refused_since_ms, 8);
    assert_int_equal(found.body_size, entry_of(2, 0).body_size);
    assert_memory_equal(found.body, entry_of(2, 0).body, found.body_size);

    /* And back again, as the operator has it. */
    assert_int_equal(update(store, 2, OUTBOX_PENDING, 50), STORE_OK);
    assert_next(store, (unsigned int[]){2, 3, 1}, 3);
    assert_counts(store, 3, 0, 5001);
    close_store(store);
}

static void test_pages_of_a_list(void **state)
{
    struct store *store = open_store();
    struct outbox_entry page[2];
    size_t count;
    int64_t after = 0;
    (void)state;
    for (unsigned int i = 0; i < 7; i++) {
        insert(store, i, 100 - i);
        if (i != 3)
            update(store, i, OUTBOX_FAILED, 0);
    }
    for (unsigned int i = 0; i < 6; i += 2) {
        assert_int_equal(store_outbox_list(store, OUTBOX_FAILED, after, 2, page, &count), STORE_OK);
        assert_int_equal(count, 2);
        assert_string_equal(page[0].match_id, entry_of(i < 3 ? i : i + 1, 0).match_id);
        assert_string_equal(page[1].match_id, entry_of(i + 1 < 3 ? i + 1 : i + 2, 0).match_id);
        assert_int_equal(page[1].state, OUTBOX_FAILED);
        after = page[1].serial;
    }
    assert_int_equal(store_outbox_list(store, OUTBOX_FAILED, after, 2, page, &count), STORE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_outbox_list(store, OUTBOX_PENDING, 0, 2, page, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(page[0].match_id, entry_of(3, 0).match_id);
    close_store(store);
}

/* ---- the store in memory alone --------------------------------------------------------- */

static void test_memory_forgets_what_is_delivered(void **state)
{
    struct store *store = open_memory(10, 10);
    struct outbox_entry entry;
    size_t purged = 1;
    (void)state;
    insert(store, 1, 100);
    update(store, 1, OUTBOX_DELIVERED, 0);
    assert_int_equal(store_outbox_find(store, entry_of(1, 0).match_id, &entry), STORE_UNKNOWN);
    assert_int_equal(store_outbox_purge(store, 1, &purged), STORE_OK);
    assert_int_equal(purged, 0);
    store_close(store);
}

static void test_memory_keeps_failed_results_within_a_bound(void **state)
{
    struct store *store = open_memory(10, 2);
    (void)state;
    for (unsigned int i = 1; i <= 3; i++) {
        insert(store, i, 100);
        assert_int_equal(update(store, i, OUTBOX_FAILED, 0), STORE_OK);
    }
    assert_counts(store, 0, 2, 0);
    /* The two newest are still known, the oldest is not. */
    insert(store, 2, 100);
    insert(store, 3, 100);
    assert_counts(store, 0, 2, 0);
    insert(store, 1, 100);
    assert_counts(store, 1, 2, 5001);
    store_close(store);
}

static void test_full_memory_takes_the_first_and_says_so(void **state)
{
    struct store *store = open_memory(3, 2);
    struct outbox_entry batch[4] = {entry_of(1, 100), entry_of(2, 100), entry_of(1, 100),
                                    entry_of(3, 100)};
    size_t inserted;
    (void)state;
    assert_int_equal(store_outbox_insert(store, batch, 4, &inserted), STORE_OK);
    assert_int_equal(inserted, 4);
    batch[1] = entry_of(4, 100);
    assert_int_equal(store_outbox_insert(store, batch, 4, &inserted), STORE_FULL);
    assert_int_equal(inserted, 1); /* number 1, which was there */
    assert_counts(store, 3, 0, 5001);
    update(store, 2, OUTBOX_FAILED, 0);
    assert_int_equal(insert(store, 4, 100), STORE_OK);
    assert_int_equal(insert(store, 5, 100), STORE_FULL);
    assert_int_equal(update(store, 2, OUTBOX_PENDING, 0), STORE_FULL);
    assert_counts(store, 3, 1, 5001);
    store_close(store);
}

static void count_room(void *arg, const struct room_checkpoint *checkpoint)
{
    (void)checkpoint;
    ++*(int *)arg;
}

static void test_memory_takes_checkpoints_and_has_none(void **state)
{
    struct store *store = open_memory(3, 2);
    struct room_checkpoint checkpoint;
    int rooms = 0;
    (void)state;
    memset(&checkpoint, 0, sizeof checkpoint);
    const struct room_checkpoint *list = &checkpoint;
    assert_int_equal(store_rooms_save(store, &list, 1), STORE_OK);
    assert_int_equal(store_rooms_load(store, count_room, &rooms), STORE_OK);
    assert_int_equal(rooms, 0);
    store_close(store);
}

/* The order of attempts against a plain array, over many random operations. */
static void test_many_operations_against_a_model(void **state)
{
    enum {
        NUMBERS = 300
    };
    static int64_t next[NUMBERS]; /* -1: not pending */
    const int operations = back_end == MEMORY ? 20000 : 2000;
    struct store *store = open_store();
    unsigned int seed = 1;
    (void)state;
    for (size_t i = 0; i < NUMBERS; i++)
        next[i] = -1;
    for (int operation = 0; operation < operations; operation++) {
        const unsigned int number = (unsigned int)rand_r(&seed) % NUMBERS;
        const int64_t when = rand_r(&seed) % 1000;
        if (next[number] < 0) {
            /* one that was there already is made pending as the operator does it */
            assert_int_equal(insert(store, number, when), STORE_OK);
            assert_int_equal(update(store, number, OUTBOX_PENDING, when), STORE_OK);
            next[number] = when;
        } else if (rand_r(&seed) % 2) {
            assert_int_equal(update(store, number, OUTBOX_PENDING, when), STORE_OK);
            next[number] = when;
        } else {
            assert_int_equal(update(store, number, OUTBOX_DELIVERED, 0), STORE_OK);
            next[number] = -1;
        }
        struct outbox_entry entries[8];
        size_t count, pending = 0, before = 0;
        assert_int_equal(store_outbox_next(store, NULL, 8, entries, &count), STORE_OK);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(next[atoi(entries[i].match_id + 24)],
                             entries[i].retry.next_attempt_ms);
            assert_true(i == 0 ||
                        entries[i - 1].retry.next_attempt_ms <= entries[i].retry.next_attempt_ms);
        }
        for (size_t i = 0; i < NUMBERS; i++) {
            pending += next[i] >= 0;
            before +=
                count > 0 && next[i] >= 0 && next[i] < entries[count - 1].retry.next_attempt_ms;
        }
        assert_int_equal(count, pending < 8 ? pending : 8);
        assert_true(before < 8);
    }
    close_store(store);
}

static int use_memory(void **state)
{
    (void)state;
    back_end = MEMORY;
    return 0;
}

static int use_sqlite(void **state)
{
    (void)state;
    back_end = SQLITE;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"results-A.db", "results-A.db-wal", "results-A.db-shm",
                                        "rooms-A.db",   "rooms-A.db-wal",   "rooms-A.db-shm"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        remove_file(names[i]);
    return rmdir(directory);
}

static int use_redis(void **state)
{
    (void)state;
    back_end = REDIS;
    redis_store_start(&redis);
    return 0;
}

static int stop_redis(void **state)
{
    (void)state;
    redis_store_stop(&redis);
    return 0;
}

int main(void)
{
    const struct CMUnitTest contract[] = {
        cmocka_unit_test(test_an_empty_outbox),
        cmocka_unit_test(test_a_match_is_inserted_once),
        cmocka_unit_test(test_next_comes_in_order_of_time_then_of_insertion),
        cmocka_unit_test(test_a_delivered_result_is_not_next),
        cmocka_unit_test(test_entries_come_in_any_state),
        cmocka_unit_test(test_an_update_is_of_many_and_inserts_what_is_not_there),
        cmocka_unit_test(test_pages_of_a_list),
        cmocka_unit_test(test_many_operations_against_a_model),
    };
    const struct CMUnitTest memory[] = {
        cmocka_unit_test(test_memory_forgets_what_is_delivered),
        cmocka_unit_test(test_memory_keeps_failed_results_within_a_bound),
        cmocka_unit_test(test_full_memory_takes_the_first_and_says_so),
        cmocka_unit_test(test_memory_takes_checkpoints_and_has_none),
    };
    log_init("test_store", LOG_LEVEL_ERROR);
    int failed = cmocka_run_group_tests_name("store_memory", contract, use_memory, NULL);
    failed += cmocka_run_group_tests_name("store_sqlite", contract, use_sqlite, remove_directory);
    failed += cmocka_run_group_tests_name("memory's own", memory, use_memory, NULL);
    if (redis_server_is_there())
        failed += cmocka_run_group_tests_name("store_redis", contract, use_redis, stop_redis);
    return failed;
}
