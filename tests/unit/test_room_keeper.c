/*
 * Checkpoints on their way from the loop thread to a store that fails, stalls or works, and to a real
 * one. What is waited for is an event, with a minute's patience.
 */
#include "gamed/room_keeper.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"
#include "gamed/room_backlog.h"
#include "gamed/room_mailbox.h"
#include "tests/unit/sample_rooms.h"

enum {
    LONG_MS = 60 * 1000,
    ROOMS = 600
};

#define AWAIT(condition)                                       \
    do {                                                       \
        for (int left_ = LONG_MS / 2; !(condition); left_--) { \
            assert_true(left_ > 0);                            \
            poll(NULL, 0, 2);                                  \
        }                                                      \
    } while (0)

/* ---- the backlog ------------------------------------------------------------------------- */

static unsigned int number_of(const char *code)
{
    unsigned int number = 0;
    for (int i = 1; i < ROOM_CODE_LENGTH; i++)
        number =
            32 * number + (unsigned int)(strchr(ROOM_CODE_ALPHABET, code[i]) - ROOM_CODE_ALPHABET);
    return number;
}

static struct room_checkpoint room_at(unsigned int number, uint32_t step)
{
    struct room_checkpoint room = sample_room(number);
    room.pong.step = step;
    return room;
}

/* As room_at(), with nothing set that a partial one does not have. */
static struct room_checkpoint partial_room(unsigned int number, uint32_t step)
{
    struct room_checkpoint room = room_at(number, step);
    memset((char *)&room + CHECKPOINT_PARTIAL_SIZE, 0xa5, sizeof room - CHECKPOINT_PARTIAL_SIZE);
    room.is_partial = true;
    return room;
}

/* The n-th of a mixture. */
static struct room_checkpoint sample_of(uint32_t n)
{
    return n % 7 == 0   ? sample_room_gone(n % ROOMS)
           : n % 3 == 0 ? room_at(n % ROOMS, n)
                        : partial_room(n % ROOMS, n);
}

static bool put_room(struct room_backlog *backlog, unsigned int number, uint32_t step)
{
    const struct room_checkpoint room = step ? room_at(number, step) : sample_room_gone(number);
    return room_backlog_put(backlog, &room);
}

static bool put_partial(struct room_backlog *backlog, unsigned int number, uint32_t step)
{
    const struct room_checkpoint room = partial_room(number, step);
    return room_backlog_put(backlog, &room);
}

static void test_the_backlog_has_the_newest_of_each_room(void **state)
{
    struct room_backlog backlog;
    (void)state;
    assert_int_equal(room_backlog_init(&backlog, 3), 0);
    assert_true(put_room(&backlog, 1, 10));
    assert_true(put_room(&backlog, 2, 20));
    assert_true(put_room(&backlog, 1, 11));
    assert_int_equal(backlog.unsaved_count, 2);
    assert_int_equal(backlog.unsaved[0]->pong.step, 11);
    assert_true(put_room(&backlog, 3, 30));
    assert_false(put_room(&backlog, 4, 40));
    assert_true(put_room(&backlog, 3, 0)); /* the same room: it is gone */
    assert_true(put_room(&backlog, 1, 12));
    assert_int_equal(room_backlog_drop_gone(&backlog), 1);
    assert_true(put_room(&backlog, 4, 40));
    assert_true(put_room(&backlog, 1, 13));
    assert_int_equal(backlog.unsaved_count, 3);
    assert_int_equal(backlog.unsaved[0]->pong.step, 13);
    assert_int_equal(backlog.unsaved[2]->pong.step, 40);
    assert_int_equal(room_backlog_drop_gone(&backlog), 0);
    room_backlog_saved(&backlog);
    assert_int_equal(backlog.unsaved_count, 0);
    assert_int_equal(backlog.count, 3); /* they are known still */
    assert_false(put_room(&backlog, 9, 1));
    assert_true(put_room(&backlog, 2, 0));
    assert_int_equal(backlog.unsaved_count, 1);
    room_backlog_saved(&backlog);
    assert_true(put_room(&backlog, 9, 1));
    assert_int_equal(backlog.unsaved_count, 1);
    room_backlog_free(&backlog);
}

static void test_a_partial_state_is_made_whole(void **state)
{
    struct room_backlog backlog;
    struct room_checkpoint expected = room_at(1, 12);
    (void)state;
    assert_int_equal(room_backlog_init(&backlog, 3), 0);
    assert_true(put_room(&backlog, 1, 10));
    assert_true(put_partial(&backlog, 1, 11)); /* before the whole one is saved */
    assert_int_equal(backlog.unsaved_count, 1);
    room_backlog_saved(&backlog);
    assert_true(put_partial(&backlog, 1, 12)); /* and after */
    assert_int_equal(backlog.unsaved_count, 1);
    assert_memory_equal(backlog.unsaved[0], &expected, sizeof expected);
    strcpy(expected.seats[0].username, "Zed");
    expected.pong.step = 13;
    assert_true(room_backlog_put(&backlog, &expected));
    assert_true(put_partial(&backlog, 1, 14));
    expected.pong.step = 14;
    assert_memory_equal(backlog.unsaved[0], &expected, sizeof expected);
    room_backlog_free(&backlog);
}

/* What there is of a room, in the test's own words. */
static struct known {
    uint32_t step; /* 0: it is not in it, 1: gone */
    bool is_unsaved;
} model[ROOMS];

static size_t drop_gone_of_model(void)
{
    size_t dropped = 0;
    for (size_t i = 0; i < ROOMS; i++) {
        dropped += model[i].step == 1;
        if (model[i].step == 1)
            model[i] = (struct known){0, false};
    }
    return dropped;
}

static void assert_is_the_model(const struct room_backlog *backlog)
{
    size_t unsaved = 0;
    for (size_t i = 0; i < ROOMS; i++)
        unsaved += model[i].is_unsaved;
    assert_int_equal(backlog->unsaved_count, unsaved);
    for (size_t i = 0; i < unsaved; i++) {
        const struct room_checkpoint *room = backlog->unsaved[i];
        struct known *known = &model[number_of(room->room_code)];
        assert_true(known->is_unsaved);
        assert_int_equal(room->is_gone ? 1 : room->pong.step, known->step);
        if (room->is_gone)
            continue;
        const struct room_checkpoint whole = room_at(number_of(room->room_code), known->step);
        assert_memory_equal(room, &whole, sizeof whole);
    }
}

static void test_the_backlog_against_a_model(void **state)
{
    struct room_backlog backlog;
    unsigned int seed = 5;
    size_t in_it = 0;
    (void)state;
    memset(model, 0, sizeof model);
    assert_int_equal(room_backlog_init(&backlog, ROOMS / 2), 0);
    for (uint32_t step = 2; step < 60000; step++) {
        const unsigned int number = (unsigned int)rand_r(&seed) % ROOMS;
        struct known *known = &model[number];
        const bool has_place = known->step != 0 || in_it < ROOMS / 2;
        if (known->step > 1 && rand_r(&seed) % 2) {
            assert_true(put_partial(&backlog, number, step));
            *known = (struct known){step, true};
            continue;
        }
        const bool gone = rand_r(&seed) % 8 == 0;
        assert_int_equal(put_room(&backlog, number, gone ? 0 : step), has_place);
        if (has_place) {
            in_it += known->step == 0;
            *known = (struct known){gone ? 1 : step, true};
        } else if (rand_r(&seed) % 8 == 0) {
            assert_is_the_model(&backlog);
            room_backlog_saved(&backlog);
            in_it -= drop_gone_of_model();
            for (size_t i = 0; i < ROOMS; i++)
                model[i].is_unsaved = false;
        } else if (rand_r(&seed) % 8 == 0) {
            const size_t dropped = drop_gone_of_model();
            in_it -= dropped;
            assert_int_equal(room_backlog_drop_gone(&backlog), dropped);
        }
        assert_int_equal(backlog.count, in_it);
    }
    assert_is_the_model(&backlog);
    room_backlog_free(&backlog);
}

/* ---- the mailbox ------------------------------------------------------------------------- */

/* Whole, partial and gone ones in turns, through a ring that is full most of the time. */
static void test_the_mailbox_keeps_order_and_bytes(void **state)
{
    static struct room_mailbox mailbox;
    unsigned int seed = 8;
    uint32_t put = 0, taken = 0, refused = 0;
    (void)state;
    assert_int_equal(room_mailbox_init(&mailbox, 1), 0);
    while (taken < 20000) {
        struct room_checkpoint room;
        for (int i = rand_r(&seed) % 300; i > 0; i--) {
            room = sample_of(put);
            const uint64_t count = room_mailbox_put(&mailbox, &room);
            refused += count == 0;
            if (count == 0)
                break;
            assert_int_equal(count, ++put);
        }
        assert_int_equal(room_mailbox_put_count(&mailbox), put);
        for (int i = rand_r(&seed) % 300; i > 0; i--) {
            memset(&room, 0xa5, sizeof room);
            const bool found = room_mailbox_peek(&mailbox, &room);
            assert_int_equal(found, taken < put);
            if (!found)
                break;
            const struct room_checkpoint expected = sample_of(taken);
            assert_memory_equal(&room, &expected, checkpoint_size(&expected));
            room_mailbox_drop(&mailbox, &room);
            taken++;
        }
        room_mailbox_release(&mailbox);
        assert_int_equal(room_mailbox_taken_count(&mailbox), taken);
    }
    assert_true(refused > 10);
    room_mailbox_free(&mailbox);
}

/* ---- the keeper -------------------------------------------------------------------------- */

/* A store that keeps steps, and can be told to fail or to stall. */
static struct fake_store {
    struct store store;
    atomic_int failures; /* calls still to fail; negative: all */
    atomic_bool is_stalled;
    atomic_int passes; /* calls let through while it is stalled */
    atomic_int calls, waiting;
    /* read by the test only while the thread is known to be idle, or ended */
    uint32_t steps[ROOMS]; /* 0: not there */
    size_t largest;
    bool are_whole; /* all that were saved */
} fake;

static int fake_save(struct store *store, const struct room_checkpoint *const *list, size_t count)
{
    (void)store;
    atomic_fetch_add(&fake.waiting, 1);
    while (atomic_load(&fake.is_stalled) && atomic_load(&fake.passes) == 0)
        poll(NULL, 0, 1);
    if (atomic_load(&fake.passes) > 0)
        atomic_fetch_sub(&fake.passes, 1);
    atomic_fetch_sub(&fake.waiting, 1);
    atomic_fetch_add(&fake.calls, 1);
    const int failures = atomic_load(&fake.failures);
    if (failures > 0)
        atomic_fetch_sub(&fake.failures, 1);
    if (failures != 0)
        return failures % 2 ? STORE_BROKEN : STORE_FULL;
    for (size_t i = 0; i < count; i++) {
        const struct room_checkpoint *room = list[i];
        fake.are_whole &= room->is_gone || !checkpoint_problem(room);
        fake.steps[number_of(room->room_code)] = room->is_gone ? 0 : room->pong.step;
    }
    if (count > fake.largest)
        fake.largest = count;
    return STORE_OK;
}

static const struct store_operations fake_operations = {.rooms_save = fake_save};
static struct room_keeper *keeper;
static atomic_int told;

static void count_told(void *arg)
{
    assert_ptr_equal(arg, &told);
    atomic_fetch_add(&told, 1);
}

static struct room_keeper_stats stats_of(void)
{
    struct room_keeper_stats stats;
    room_keeper_stats(keeper, &stats);
    return stats;
}

/* With a store that refuses the first `failures` commits; that it can be written is proved first. */
static void start_with(size_t max_rooms, int failures)
{
    const struct room_keeper_config config = {max_rooms, count_told, &told};
    memset(&fake, 0, sizeof fake);
    fake.are_whole = true;
    atomic_store(&fake.failures, failures);
    atomic_store(&told, 0);
    fake.store.operations = &fake_operations;
    assert_int_equal(room_keeper_start(&config, &fake.store, &keeper), ROOM_KEEPER_OK);
}

static void start(size_t max_rooms)
{
    start_with(max_rooms, 0);
    AWAIT(atomic_load(&told) == 1);
    atomic_store(&fake.calls, 0);
}

static uint64_t put(unsigned int number, uint32_t step)
{
    const struct room_checkpoint room = step ? room_at(number, step) : sample_room_gone(number);
    return room_keeper_put(keeper, &room);
}

static void test_what_is_put_is_saved(void **state)
{
    (void)state;
    start(100);
    struct room_keeper_stats stats = stats_of();
    assert_int_equal(stats.pending, 0);
    assert_true(stats.last_commit_age_ms >= 0);
    assert_int_equal(room_keeper_saved(keeper), 0);
    const uint64_t first = put(1, 10);
    assert_true(first > 0);
    AWAIT(room_keeper_saved(keeper) >= first); /* nobody has to ask for it */
    const uint64_t second = put(2, 20);
    assert_true(second > first);
    put(1, 0);
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_true(room_keeper_saved(keeper) >= second + 1);
    assert_int_equal(fake.steps[1], 0);
    assert_int_equal(fake.steps[2], 20);
    stats = stats_of();
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.saved, 3);
    assert_int_equal(stats.commits_failed, 0);
    assert_true(stats.last_commit_age_ms >= 0);
    assert_false(stats.store_broken);
    assert_true(atomic_load(&told) >= 1);
    room_keeper_stop(keeper);
    room_keeper_stop(NULL);
}

static void test_what_comes_together_is_one_commit(void **state)
{
    (void)state;
    start(ROOMS);
    atomic_store(&fake.is_stalled, true);
    put(0, 1);
    AWAIT(atomic_load(&fake.waiting) == 1);
    for (unsigned int i = 1; i < 200; i++)
        put(i, 5);
    for (unsigned int i = 1; i < 200; i++)
        put(i, 6); /* newer: the older ones are never saved */
    assert_int_equal(stats_of().pending, 1 + 2 * 199);
    atomic_store(&fake.is_stalled, false);
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_int_equal(atomic_load(&fake.calls), 2);
    assert_int_equal(fake.largest, 199);
    assert_int_equal(fake.steps[199], 6);
    assert_int_equal(stats_of().saved, 200);
    room_keeper_stop(keeper);
}

/* Were each to wait for the next commit's time, all would take far longer than the patience. */
static void test_what_somebody_waits_for_is_saved_at_once(void **state)
{
    enum {
        TIMES = 2 * LONG_MS / ROOM_KEEPER_COMMIT_EVERY_MS
    };
    const int64_t until_ms = clock_read().mono_ms + LONG_MS;
    (void)state;
    start(100);
    for (uint32_t i = 1; i <= TIMES; i++) {
        const uint64_t ticket = put(i % 50, i);
        room_keeper_hurry(keeper);
        while (room_keeper_saved(keeper) < ticket) {
            assert_true(clock_read().mono_ms < until_ms);
            poll(NULL, 0, 0);
        }
    }
    room_keeper_stop(keeper);
}

static void test_what_is_gathered_is_one_commit(void **state)
{
    (void)state;
    start(ROOMS);
    for (int round = 0; round < 2; round++) {
        room_keeper_gather(keeper);
        for (unsigned int i = 0; i < 100; i++)
            put(i, 1 + (uint32_t)round);
        poll(NULL, 0, 5);
        assert_int_equal(atomic_load(&fake.calls), round);
        if (round == 1)
            room_keeper_hurry(keeper);
        room_keeper_gathered(keeper);
        AWAIT(room_keeper_saved(keeper) == 100 * (uint64_t)(round + 1)); /* nobody has to ask */
        assert_int_equal(atomic_load(&fake.calls), round + 1);
    }
    room_keeper_stop(keeper);
}

static void test_nothing_is_called_saved_before_its_commit(void **state)
{
    (void)state;
    start(100);
    atomic_store(&fake.is_stalled, true);
    const uint64_t first = put(1, 10);
    AWAIT(atomic_load(&fake.waiting) == 1);
    const uint64_t second = put(2, 20); /* while the first is being committed */
    assert_true(room_keeper_saved(keeper) < first);
    atomic_store(&fake.passes, 1);
    AWAIT(atomic_load(&fake.calls) == 1 && atomic_load(&fake.waiting) == 1);
    assert_true(room_keeper_saved(keeper) >= first);
    assert_true(room_keeper_saved(keeper) < second);
    atomic_store(&fake.is_stalled, false);
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_true(room_keeper_saved(keeper) >= second);
    room_keeper_stop(keeper);
}

static void test_a_failed_commit_loses_nothing(void **state)
{
    (void)state;
    start(100);
    atomic_store(&fake.failures, 2);
    put(1, 10);
    put(2, 20);
    AWAIT(stats_of().store_broken);
    const uint64_t ticket = put(1, 11); /* newer than what failed */
    put(3, 30);
    assert_int_equal(room_keeper_flush(keeper, 1), ROOM_KEEPER_TIMEOUT);
    assert_true(room_keeper_saved(keeper) < ticket);
    AWAIT(room_keeper_saved(keeper) >= ticket + 1);
    assert_int_equal(fake.steps[1], 11);
    assert_int_equal(fake.steps[2], 20);
    assert_int_equal(fake.steps[3], 30);
    const struct room_keeper_stats stats = stats_of();
    assert_int_equal(stats.commits_failed, 2);
    assert_false(stats.store_broken);
    assert_int_equal(stats.pending, 0);
    room_keeper_stop(keeper);
}

static void test_a_store_that_refuses_is_known_before_there_is_anything(void **state)
{
    (void)state;
    start_with(100, 2);
    AWAIT(stats_of().store_broken);
    AWAIT(!stats_of().store_broken); /* tried again without being asked */
    assert_int_equal(stats_of().commits_failed, 2);
    assert_int_equal(stats_of().saved, 0);
    room_keeper_stop(keeper);
}

static void test_a_stalled_store_stops_nobody(void **state)
{
    unsigned int refused = 0, taken = 0;
    (void)state;
    start(64);
    atomic_store(&fake.is_stalled, true);
    put(0, 1);
    AWAIT(atomic_load(&fake.waiting) == 1);
    for (unsigned int i = 0; i < 500; i++) {
        if (put(i % 64, 100 + i)) {
            taken++;
            assert_int_equal(refused, 0);
        } else {
            refused++;
        }
    }
    assert_in_range(taken, 64, 250); /* the mailbox */
    assert_int_equal(refused, 500 - taken);
    const unsigned int newest_of_0 = (taken - 1) / 64 * 64;
    assert_int_equal(room_keeper_flush(keeper, 5), ROOM_KEEPER_TIMEOUT);
    atomic_store(&fake.is_stalled, false);
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_true(put(63, 999) > 0); /* as the caller's next update does it */
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_int_equal(fake.steps[63], 999);
    assert_int_equal(fake.steps[0], 100 + newest_of_0);
    room_keeper_stop(keeper);
}

/* Rooms come and go while the store is broken: those that are there are kept, come what may. */
static void test_a_long_outage_keeps_the_rooms_there_are(void **state)
{
    (void)state;
    start(10);
    atomic_store(&fake.failures, -1);
    for (unsigned int i = 0; i < 400; i++) {
        AWAIT(put(i, i + 1) > 0);
        if (i >= 10)
            AWAIT(put(i - 10, 0) > 0);
    }
    AWAIT(stats_of().forgotten > 0);
    atomic_store(&fake.failures, 0);
    AWAIT(stats_of().pending == 0);
    for (unsigned int i = 390; i < 400; i++)
        assert_int_equal(fake.steps[i], i + 1);
    for (unsigned int i = 0; i < 390; i++)
        assert_int_equal(fake.steps[i], 0);
    assert_false(stats_of().store_broken);
    room_keeper_stop(keeper);
}

static void test_stop_saves_what_is_there(void **state)
{
    (void)state;
    start(ROOMS);
    for (unsigned int i = 0; i < ROOMS; i++)
        assert_true(put(i, i + 7) > 0);
    room_keeper_stop(keeper);
    for (unsigned int i = 0; i < ROOMS; i++)
        assert_int_equal(fake.steps[i], i + 7);
    /* Also what could not be saved before, ... */
    start(100);
    atomic_store(&fake.failures, 1);
    put(1, 10);
    AWAIT(stats_of().store_broken);
    put(2, 20);
    room_keeper_stop(keeper);
    assert_int_equal(fake.steps[1], 10);
    assert_int_equal(fake.steps[2], 20);
    /* ... and it ends even when nothing can be saved. */
    start(100);
    atomic_store(&fake.failures, -1);
    put(1, 10);
    room_keeper_stop(keeper);
    assert_int_equal(fake.steps[1], 0);
}

/* A loop thread in a hurry against a store that fails now and then. */
static void test_the_newest_state_of_each_room_is_what_stays(void **state)
{
    static uint32_t newest[ROOMS];
    unsigned int seed = 9;
    uint32_t step = 1;
    uint64_t last = 0;
    (void)state;
    memset(newest, 0, sizeof newest);
    start(ROOMS);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 500; i++) {
            const unsigned int number = (unsigned int)rand_r(&seed) % ROOMS;
            const bool gone = rand_r(&seed) % 10 == 0;
            const bool is_partial = newest[number] != 0 && rand_r(&seed) % 2;
            const struct room_checkpoint partial = partial_room(number, step + 1);
            const uint64_t ticket = gone         ? put(number, 0)
                                    : is_partial ? room_keeper_put(keeper, &partial)
                                                 : put(number, step + 1);
            step++;
            if (ticket == 0) {
                poll(NULL, 0, 1);
                continue;
            }
            assert_true(ticket > last);
            assert_true(room_keeper_saved(keeper) <= ticket);
            last = ticket;
            newest[number] = gone ? 0 : step;
        }
        if (round == 20)
            atomic_store(&fake.failures, 1);
    }
    room_keeper_stop(keeper);
    assert_memory_equal(fake.steps, newest, sizeof newest);
    assert_true(fake.are_whole);
}

/* ---- with a real store ------------------------------------------------------------------- */

static void count_room(void *arg, const struct room_checkpoint *room)
{
    uint32_t *steps = arg;
    steps[number_of(room->room_code)] = room->pong.step;
}

static void test_rooms_come_back_from_a_disk(void **state)
{
    static uint32_t steps[ROOMS];
    char directory[] = "/tmp/test_room_keeper.XXXXXX", error[256], command[64];
    const struct room_keeper_config config = {.max_rooms = ROOMS};
    struct store *store;
    (void)state;
    memset(steps, 0, sizeof steps);
    assert_non_null(mkdtemp(directory));
    assert_int_equal(store_sqlite_open(directory, 'A', &store, error, sizeof error), STORE_OK);
    assert_int_equal(room_keeper_start(&config, store, &keeper), ROOM_KEEPER_OK);
    for (unsigned int i = 0; i < ROOMS; i++)
        assert_true(put(i, i + 1) > 0);
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    put(7, 0);
    put(8, 4711);
    room_keeper_stop(keeper);
    store_close(store);
    assert_int_equal(store_sqlite_open(directory, 'A', &store, error, sizeof error), STORE_OK);
    assert_int_equal(store_rooms_load(store, count_room, steps), STORE_OK);
    store_close(store);
    for (unsigned int i = 0; i < ROOMS; i++)
        assert_int_equal(steps[i], i == 7 ? 0 : i == 8 ? 4711 : i + 1);
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_backlog_has_the_newest_of_each_room),
        cmocka_unit_test(test_a_partial_state_is_made_whole),
        cmocka_unit_test(test_the_backlog_against_a_model),
        cmocka_unit_test(test_the_mailbox_keeps_order_and_bytes),
        cmocka_unit_test(test_what_is_put_is_saved),
        cmocka_unit_test(test_what_comes_together_is_one_commit),
        cmocka_unit_test(test_what_somebody_waits_for_is_saved_at_once),
        cmocka_unit_test(test_what_is_gathered_is_one_commit),
        cmocka_unit_test(test_nothing_is_called_saved_before_its_commit),
        cmocka_unit_test(test_a_failed_commit_loses_nothing),
        cmocka_unit_test(test_a_store_that_refuses_is_known_before_there_is_anything),
        cmocka_unit_test(test_a_stalled_store_stops_nobody),
        cmocka_unit_test(test_a_long_outage_keeps_the_rooms_there_are),
        cmocka_unit_test(test_stop_saves_what_is_there),
        cmocka_unit_test(test_the_newest_state_of_each_room_is_what_stays),
        cmocka_unit_test(test_rooms_come_back_from_a_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
