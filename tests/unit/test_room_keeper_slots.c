/*
 * What the keeper of rooms does when a slot becomes another process', and when the store may have lost
 * what it took. What is waited for is an event, with a minute's patience.
 */
#include "gamed/room_keeper.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gamed/room_backlog.h"
#include "tests/unit/sample_rooms.h"

enum {
    LONG_MS = 60 * 1000,
    ROOMS = 64 /* of each slot */
};

#define AWAIT(condition)                                       \
    do {                                                       \
        for (int left_ = LONG_MS / 2; !(condition); left_--) { \
            assert_true(left_ > 0);                            \
            poll(NULL, 0, 2);                                  \
        }                                                      \
    } while (0)

static struct room_checkpoint room_of(char slot, unsigned int number, uint32_t step)
{
    struct room_checkpoint room = step ? sample_room(number) : sample_room_gone(number);
    room.room_code[0] = slot;
    room.pong.step = step;
    return room;
}

/* ---- the backlog ------------------------------------------------------------------------- */

static bool put(struct room_backlog *backlog, char slot, unsigned int number, uint32_t step)
{
    const struct room_checkpoint room = room_of(slot, number, step);
    return room_backlog_put(backlog, &room);
}

static size_t unsaved_of(const struct room_backlog *backlog, char slot)
{
    size_t count = 0;
    for (size_t i = 0; i < backlog->unsaved_count; i++)
        count += backlog->unsaved[i]->room_code[0] == slot;
    return count;
}

static void test_all_known_rooms_become_unsaved_again(void **state)
{
    struct room_backlog backlog;
    (void)state;
    assert_int_equal(room_backlog_init(&backlog, 4), 0);
    put(&backlog, 'A', 1, 10);
    put(&backlog, 'A', 2, 20);
    put(&backlog, 'A', 3, 30);
    put(&backlog, 'A', 3, 0);
    room_backlog_saved(&backlog); /* the third is not known any more */
    put(&backlog, 'A', 2, 21);
    assert_int_equal(backlog.unsaved_count, 1);
    room_backlog_all_unsaved(&backlog);
    room_backlog_all_unsaved(&backlog);
    assert_int_equal(backlog.unsaved_count, 2); /* each once */
    assert_int_equal(backlog.unsaved[0]->pong.step, 21);
    assert_int_equal(backlog.unsaved[1]->pong.step, 10);
    room_backlog_saved(&backlog);
    assert_int_equal(backlog.unsaved_count, 0);
    room_backlog_free(&backlog);
}

/* A full table, so that many codes stand where others belong; half of it goes, in each order. */
static void test_a_slot_that_is_forgotten_takes_no_other_room_along(void **state)
{
    struct room_backlog backlog;
    unsigned int seed = 3;
    (void)state;
    assert_int_equal(room_backlog_init(&backlog, 2 * ROOMS), 0);
    for (uint32_t round = 1; round <= 200; round++) {
        size_t fresh[2] = {0, 0};
        for (unsigned int i = 0; i < ROOMS; i++) {
            assert_true(put(&backlog, 'A', (unsigned int)rand_r(&seed) % 100000, round + 1));
            assert_true(put(&backlog, 'B', i, round + 1));
        }
        if (round % 2)
            room_backlog_saved(&backlog);
        for (unsigned int i = 0; i < ROOMS; i += 3) {
            put(&backlog, 'B', i, round + 2);
            fresh[1]++;
        }
        room_backlog_forget(&backlog, 'A');
        assert_int_equal(backlog.count, ROOMS);
        assert_int_equal(unsaved_of(&backlog, 'A'), 0);
        assert_int_equal(backlog.unsaved_count, round % 2 ? fresh[1] : ROOMS);
        for (unsigned int i = 0; i < ROOMS; i++) /* in its old place: there is none for others */
            assert_true(put(&backlog, 'B', i, round + 3));
        assert_int_equal(backlog.count, ROOMS);
        room_backlog_saved(&backlog);
    }
    room_backlog_forget(&backlog, 'B');
    assert_int_equal(backlog.count, 0);
    room_backlog_free(&backlog);
}

/* ---- the keeper -------------------------------------------------------------------------- */

/* A store that keeps steps by slot, and can be told to fail. */
static struct fake_store {
    struct store store;
    atomic_bool refuses;
    atomic_int calls, saved_of[2]; /* states of slot A, of slot B */
    _Atomic uint32_t step[2][ROOMS];
} fake;

static int fake_save(struct store *store, const struct room_checkpoint *const *list, size_t count)
{
    (void)store;
    atomic_fetch_add(&fake.calls, 1);
    if (atomic_load(&fake.refuses))
        return STORE_BROKEN;
    for (size_t i = 0; i < count; i++) {
        const int slot = list[i]->room_code[0] - 'A';
        const long number = strtol(list[i]->match_id + 24, NULL, 10);
        assert_true(slot >= 0 && slot < 2 && number >= 0 && number < ROOMS);
        atomic_fetch_add(&fake.saved_of[slot], 1);
        atomic_store(&fake.step[slot][number], list[i]->pong.step);
    }
    return STORE_OK;
}

static const struct store_operations fake_operations = {.rooms_save = fake_save};
static struct room_keeper *keeper;

static void start(void)
{
    const struct room_keeper_config config = {.max_rooms = 2 * ROOMS};
    memset(&fake, 0, sizeof fake);
    fake.store.operations = &fake_operations;
    assert_int_equal(room_keeper_start(&config, &fake.store, &keeper), ROOM_KEEPER_OK);
}

static uint64_t keep(char slot, unsigned int number, uint32_t step)
{
    const struct room_checkpoint room = room_of(slot, number, step);
    const uint64_t ticket = room_keeper_put(keeper, &room);
    assert_true(ticket > 0);
    return ticket;
}

static void test_a_rewrite_saves_every_room_once_more(void **state)
{
    (void)state;
    start();
    for (unsigned int i = 0; i < 10; i++)
        keep('A', i, 7 + i);
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_int_equal(fake.saved_of[0], 10);
    atomic_store(&fake.step[0][9], 0); /* it has lost one */
    room_keeper_rewrite(keeper);       /* also when the thread sleeps */
    AWAIT(atomic_load(&fake.saved_of[0]) == 20);
    AWAIT(atomic_load(&fake.step[0][9]) == 16);
    room_keeper_stop(keeper);
}

static void test_a_slot_that_is_another_s_is_not_saved_any_more(void **state)
{
    (void)state;
    start();
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    atomic_store(&fake.refuses, true);
    keep('A', 1, 10);
    keep('B', 1, 11);
    AWAIT(atomic_load(&fake.calls) > 0);
    assert_true(room_keeper_forget_slot(keeper, 'A'));
    keep('B', 2, 12);
    atomic_store(&fake.refuses, false);
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_int_equal(fake.saved_of[0], 0);
    assert_int_equal(fake.saved_of[1], 2);

    /* Nor does it come back by a rewrite; but what is put of it from now on counts. */
    room_keeper_rewrite(keeper);
    AWAIT(atomic_load(&fake.saved_of[1]) == 4);
    assert_int_equal(fake.saved_of[0], 0);
    keep('A', 3, 13);
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_int_equal(fake.saved_of[0], 1);
    assert_int_equal(fake.step[0][3], 13);
    room_keeper_stop(keeper);
}

static void test_forgetting_counts_as_saved(void **state)
{
    (void)state;
    start();
    const uint64_t ticket = keep('A', 1, 10);
    AWAIT(room_keeper_saved(keeper) >= ticket);
    assert_true(room_keeper_forget_slot(keeper, 'A')); /* and nothing is put after it */
    assert_int_equal(room_keeper_flush(keeper, LONG_MS), ROOM_KEEPER_OK);
    assert_true(room_keeper_saved(keeper) > ticket);
    room_keeper_stop(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_known_rooms_become_unsaved_again),
        cmocka_unit_test(test_a_slot_that_is_forgotten_takes_no_other_room_along),
        cmocka_unit_test(test_a_rewrite_saves_every_room_once_more),
        cmocka_unit_test(test_a_slot_that_is_another_s_is_not_saved_any_more),
        cmocka_unit_test(test_forgetting_counts_as_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
