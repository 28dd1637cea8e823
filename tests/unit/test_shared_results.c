/*
 * Results when several processes share the store: nothing is posted that is not stored or not ours, and
 * what the store may have lost is given to it again.
 */
#include "gamed/game_history.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "gamed/result_outbox.h"
#include "tests/unit/http_receiver.h"

#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
#define BUSY    "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

enum {
    LONG_MS = 60 * 1000
};

#define AWAIT(condition)                                       \
    do {                                                       \
        for (int left_ = LONG_MS / 2; !(condition); left_--) { \
            assert_true(left_ > 0);                            \
            poll(NULL, 0, 2);                                  \
        }                                                      \
    } while (0)

/* A store in memory that can refuse writes, and lose everything. */
static struct shared_store {
    struct store store;
    struct store *real;
    atomic_bool refuses;
    atomic_int inserted;
    _Atomic int64_t purged_before_ms;
} shared;

static int shared_insert(struct store *store, const struct outbox_entry *entries, size_t count,
                         size_t *inserted)
{
    (void)store;
    *inserted = 0;
    if (atomic_load(&shared.refuses))
        return STORE_BROKEN;
    const int outcome = store_outbox_insert(shared.real, entries, count, inserted);
    atomic_fetch_add(&shared.inserted, (int)*inserted);
    return outcome;
}

static int shared_update(struct store *store, const struct outbox_entry *entries, size_t count)
{
    (void)store;
    return atomic_load(&shared.refuses) ? STORE_BROKEN
                                        : store_outbox_update(shared.real, entries, count);
}

static int shared_next(struct store *store, const struct outbox_place *after, size_t max,
                       struct outbox_entry *entries, size_t *count)
{
    (void)store;
    const int outcome = store_outbox_next(shared.real, after, max, entries, count);
    for (size_t i = 0; i < *count; i++) /* which a store in memory does not keep */
        memcpy(entries[i].room_code, "B00000", ROOM_CODE_SIZE);
    return outcome;
}

static int shared_find(struct store *store, const char *match_id, struct outbox_entry *entry)
{
    (void)store;
    return store_outbox_find(shared.real, match_id, entry);
}

static int shared_purge(struct store *store, int64_t before_ms, size_t *purged)
{
    (void)store;
    atomic_store(&shared.purged_before_ms, before_ms);
    return store_outbox_purge(shared.real, before_ms, purged);
}

static void shared_count(struct store *store, struct outbox_counts *counts)
{
    (void)store;
    store_outbox_count(shared.real, counts);
}

static const struct store_operations operations = {.outbox_insert = shared_insert,
                                                   .outbox_next = shared_next,
                                                   .outbox_update = shared_update,
                                                   .outbox_find = shared_find,
                                                   .outbox_purge = shared_purge,
                                                   .outbox_count = shared_count};

static void lose_everything(void)
{
    store_close(shared.real);
    assert_int_equal(store_memory_open(&STORE_MEMORY_LIMITS_DEFAULT, &shared.real), STORE_OK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&shared, 0, sizeof shared);
    shared.store.operations = &operations;
    return store_memory_open(&STORE_MEMORY_LIMITS_DEFAULT, &shared.real);
}

static int tear_down(void **state)
{
    (void)state;
    store_close(shared.real);
    return 0;
}

/* ---- the outbox -------------------------------------------------------------------------- */

static struct outbox_entry entry_of(char slot, unsigned int number)
{
    struct outbox_entry entry = {.created_ms = 5000 + number, .room_code = "A00000"};
    entry.room_code[0] = slot;
    snprintf(entry.match_id, sizeof entry.match_id, "00000000-0000-4000-8000-%012u", number);
    entry.body_size = (size_t)snprintf(entry.body, sizeof entry.body, "{\"n\":%u}", number);
    return entry;
}

static struct result_outbox outbox;

static void open_outbox(void)
{
    result_outbox_init(&outbox, &shared.store, NULL, NULL);
    result_outbox_keep_copies(&outbox);
}

static void add(char slot, unsigned int number)
{
    const struct outbox_entry entry = entry_of(slot, number);
    assert_true(result_outbox_add(&outbox, &entry));
}

static void update(unsigned int number, enum outbox_state state)
{
    struct outbox_entry entry = entry_of('A', number);
    entry.state = state;
    entry.retry.attempts = 3;
    assert_true(result_outbox_update(&outbox, &entry));
}

static size_t next(void)
{
    struct outbox_entry entries[OUTBOX_NEXT_MAX];
    return result_outbox_next(&outbox, 10000, OUTBOX_NEXT_MAX, entries);
}

static bool is_stored(unsigned int number)
{
    struct outbox_entry entry;
    return store_outbox_find(shared.real, entry_of('A', number).match_id, &entry) == STORE_OK;
}

static void test_nothing_is_next_before_it_is_stored(void **state)
{
    (void)state;
    open_outbox();
    shared.refuses = true;
    add('A', 1);
    result_outbox_flush_anyway(&outbox, 1);
    assert_int_equal(next(), 0);
    shared.refuses = false;
    result_outbox_flush_anyway(&outbox, 2);
    assert_int_equal(next(), 1);
    /* What came of an attempt is known, and stored is the result itself. */
    shared.refuses = true;
    update(1, OUTBOX_PENDING);
    result_outbox_flush_anyway(&outbox, 3);
    assert_int_equal(next(), 1);
    result_outbox_free(&outbox);
}

static void test_what_is_pending_is_given_again(void **state)
{
    (void)state;
    open_outbox();
    for (unsigned int i = 1; i <= 100; i++)
        add('A', i);
    result_outbox_flush_anyway(&outbox, 1);
    update(1, OUTBOX_DELIVERED);
    update(2, OUTBOX_FAILED);
    update(3, OUTBOX_PENDING);
    result_outbox_flush_anyway(&outbox, 1);
    lose_everything();
    assert_true(result_outbox_is_saved(&outbox));
    result_outbox_rewrite(&outbox);
    assert_false(result_outbox_is_saved(&outbox));
    assert_int_equal(result_outbox_write_at(&outbox), 0);

    shared.refuses = true; /* once it is back for good */
    result_outbox_flush_anyway(&outbox, 2);
    shared.refuses = false;
    shared.inserted = 0;
    result_outbox_flush_anyway(&outbox, 3);
    assert_int_equal(shared.inserted, 98);
    assert_true(result_outbox_is_saved(&outbox));
    assert_false(is_stored(1));
    assert_false(is_stored(2));
    for (unsigned int i = 3; i <= 100; i++)
        assert_true(is_stored(i));
    struct outbox_entry entry;
    assert_int_equal(store_outbox_find(shared.real, entry_of('A', 3).match_id, &entry), STORE_OK);
    assert_int_equal(entry.retry.attempts, 3);
    result_outbox_free(&outbox);
}

static void test_what_is_another_s_is_not_given_again(void **state)
{
    struct outbox_entry moved = entry_of('A', 3);
    (void)state;
    open_outbox();
    add('A', 1);
    add('B', 2);
    moved.slot = 'B';
    assert_true(result_outbox_add(&outbox, &moved));
    result_outbox_flush_anyway(&outbox, 1);
    lose_everything();
    result_outbox_rewrite(&outbox);
    result_outbox_forget_slot(&outbox, 'A'); /* in the middle of it: the first is dropped */
    result_outbox_flush_anyway(&outbox, 2);
    assert_false(is_stored(1));
    assert_true(is_stored(2));
    assert_true(is_stored(3));
    result_outbox_forget_slot(&outbox, 'B');
    lose_everything();
    result_outbox_rewrite(&outbox);
    assert_true(result_outbox_is_saved(&outbox));
    assert_int_equal(outbox.copies.count, 0);
    result_outbox_free(&outbox);
}

static void test_what_is_another_s_is_not_stored_later(void **state)
{
    (void)state;
    open_outbox();
    add('A', 1);
    result_outbox_flush_anyway(&outbox, 1);
    shared.refuses = true;
    update(1, OUTBOX_DELIVERED);
    add('A', 2);
    add('B', 3);
    result_outbox_flush_anyway(&outbox, 2);
    result_outbox_forget_slot(&outbox, 'A');
    add('A', 4); /* it is ours again */
    shared.refuses = false;
    result_outbox_flush_anyway(&outbox, 3);
    assert_true(result_outbox_is_saved(&outbox));
    struct outbox_entry entry;
    assert_int_equal(store_outbox_find(shared.real, entry_of('A', 1).match_id, &entry), STORE_OK);
    assert_int_equal(entry.state, OUTBOX_PENDING);
    assert_false(is_stored(2));
    assert_true(is_stored(3));
    assert_true(is_stored(4));
    result_outbox_free(&outbox);
}

static void test_copies_are_bounded(void **state)
{
    struct result_copies copies = {0};
    struct outbox_entry page[2];
    (void)state;
    for (unsigned int i = 0; i < RESULT_COPIES_MAX + 10; i++) {
        const struct outbox_entry entry = entry_of('A', i);
        result_copies_keep(&copies, &entry);
    }
    assert_int_equal(copies.count, RESULT_COPIES_MAX);
    assert_int_equal(result_copies_due(&copies, page, 2), 0);
    result_copies_rewrite(&copies);
    assert_int_equal(result_copies_due(&copies, page, 2), 2);
    assert_string_equal(page[0].match_id, entry_of('A', 10).match_id); /* the oldest there is */
    result_copies_done(&copies, 2);
    assert_int_equal(result_copies_due(&copies, page, 1), 1);
    assert_string_equal(page[0].match_id, entry_of('A', 12).match_id);
    result_copies_free(&copies);
}

/* ---- the history ------------------------------------------------------------------------- */

static atomic_bool is_ours;
static atomic_int asked, stored;

static bool may_post(void *arg, const char *room_code)
{
    assert_ptr_equal(arg, &is_ours);
    assert_int_equal(room_code[0], 'B');
    atomic_fetch_add(&asked, 1);
    return atomic_load(&is_ours);
}

static void on_stored(void *arg, const char *match_id)
{
    (void)arg;
    (void)match_id;
    atomic_fetch_add(&stored, 1);
}

static struct game_history *start_history(const char *url)
{
    struct game_history_config config = GAME_HISTORY_CONFIG_DEFAULT;
    struct game_history *history;
    char error[256];
    config.user_management_url = url;
    config.may_post = may_post;
    config.may_post_arg = &is_ours;
    config.stored = on_stored;
    config.retry.base_ms = config.retry.max_ms = 60 * 60 * 1000; /* one attempt, as tests go */
    atomic_store(&asked, 0);
    atomic_store(&stored, 0);
    assert_int_equal(game_history_start(&config, &shared.store, &history, error, sizeof error),
                     GAME_HISTORY_OK);
    return history;
}

static void submit(struct game_history *history, unsigned int number)
{
    struct match_result result = {.room_code = "B00000",
                                  .player_id = {"42", "43"},
                                  .score = {10, 7},
                                  .winner = 1,
                                  .duration_s = 93.1,
                                  .finished_at_unix = 1767323045.678};
    snprintf(result.match_id, sizeof result.match_id, "00000000-0000-4000-8000-%012u", number);
    assert_int_equal(game_history_submit(history, &result), GAME_HISTORY_OK);
}

static struct game_history_stats stats_of(const struct game_history *history)
{
    struct game_history_stats stats;
    game_history_stats(history, &stats);
    return stats;
}

static void test_another_s_slot_is_not_posted_for(void **state)
{
    struct http_receiver receiver;
    (void)state;
    http_receiver_open(&receiver, (const char *const[]){CREATED, NULL});
    http_receiver_up(&receiver);
    atomic_store(&is_ours, false);
    struct game_history *history = start_history(receiver.url);
    submit(history, 1);
    AWAIT(atomic_load(&stored) == 1);
    AWAIT(atomic_load(&asked) >= 1);
    assert_int_equal(stats_of(history).delivered, 0);
    atomic_store(&is_ours, true);
    game_history_slots_changed(history);
    AWAIT(stats_of(history).delivered == 1);
    /* Even if nobody says so, it is looked at again. */
    atomic_store(&is_ours, false);
    atomic_store(&asked, 0);
    submit(history, 2);
    AWAIT(atomic_load(&asked) >= 2);
    atomic_store(&is_ours, true);
    AWAIT(stats_of(history).delivered == 2);
    game_history_stop(history, 1000);
    http_receiver_close(&receiver);
    assert_int_equal(receiver.count, 2);
}

static void test_what_is_settled_stays_an_hour(void **state)
{
    (void)state;
    const int64_t before = clock_read().unix_ms;
    struct game_history *history = start_history("");
    AWAIT(atomic_load(&shared.purged_before_ms) != 0);
    const int64_t hour_ms = 60 * 60 * 1000, after = clock_read().unix_ms;
    assert_in_range(atomic_load(&shared.purged_before_ms), before - hour_ms, after - hour_ms);
    game_history_stop(history, 0);
}

static void test_nothing_is_posted_before_it_is_stored(void **state)
{
    struct http_receiver receiver;
    (void)state;
    http_receiver_open(&receiver, (const char *const[]){CREATED, NULL});
    http_receiver_up(&receiver);
    atomic_store(&is_ours, true);
    atomic_store(&shared.refuses, true);
    struct game_history *history = start_history(receiver.url);
    submit(history, 1);
    submit(history, 2);
    AWAIT(stats_of(history).unsaved == 2 && stats_of(history).store_broken);
    assert_int_equal(atomic_load(&asked), 0);
    atomic_store(&shared.refuses, false);
    AWAIT(stats_of(history).delivered == 2);
    game_history_stop(history, 1000);
    http_receiver_close(&receiver);
}

/* What is submitted before is dropped, and what is submitted after is not, however late the thread is. */
static void test_a_slot_is_forgotten_in_its_turn(void **state)
{
    (void)state;
    atomic_store(&shared.refuses, true);
    struct game_history *history = start_history("");
    submit(history, 1);
    AWAIT(stats_of(history).store_broken && stats_of(history).unsaved == 1);
    submit(history, 2);
    assert_true(game_history_forget_slot(history, 'B'));
    submit(history, 3);
    AWAIT(stats_of(history).unsaved == 1);
    atomic_store(&shared.refuses, false);
    AWAIT(stats_of(history).unsaved == 0);
    game_history_stop(history, 0);
    assert_false(is_stored(1));
    assert_false(is_stored(2));
    assert_true(is_stored(3));
}

static void test_a_rewrite_brings_back_what_a_store_lost(void **state)
{
    struct http_receiver receiver;
    (void)state;
    http_receiver_open(&receiver, (const char *const[]){BUSY, NULL});
    http_receiver_up(&receiver);
    atomic_store(&is_ours, true);
    struct game_history *history = start_history(receiver.url);
    submit(history, 1);
    submit(history, 2);
    AWAIT(stats_of(history).attempts_failed == 2 && stats_of(history).unsaved == 0);
    const int before = atomic_load(&shared.inserted);
    game_history_rewrite(history);
    AWAIT(atomic_load(&shared.inserted) == before + 2);
    AWAIT(stats_of(history).unsaved == 0);
    assert_true(game_history_forget_slot(history, 'B'));
    game_history_rewrite(history);
    submit(history, 3); /* behind both */
    AWAIT(atomic_load(&stored) == 3);
    game_history_stop(history, 1000);
    assert_int_equal(atomic_load(&shared.inserted), before + 3);
    http_receiver_close(&receiver);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_next_before_it_is_stored),
        TEST(test_what_is_pending_is_given_again),
        TEST(test_what_is_another_s_is_not_given_again),
        TEST(test_what_is_another_s_is_not_stored_later),
        TEST(test_copies_are_bounded),
        TEST(test_another_s_slot_is_not_posted_for),
        TEST(test_what_is_settled_stays_an_hour),
        TEST(test_nothing_is_posted_before_it_is_stored),
        TEST(test_a_slot_is_forgotten_in_its_turn),
        TEST(test_a_rewrite_brings_back_what_a_store_lost),
    };
    /* A proxy of the environment is not to be asked. */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
