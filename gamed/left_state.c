/*
 * left_state: see left_state.h.
 */
#include "gamed/left_state.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "gamed/slot_lock.h"
#include "gamed/store.h"

enum {
    PATH_SIZE = 1200,
};

static bool has_file(const char *state_dir, const char *name, char slot)
{
    char path[PATH_SIZE];
    const int length = snprintf(path, sizeof path, "%s/%s-%c.db", state_dir, name, slot);
    return length < (int)sizeof path && access(path, F_OK) == 0;
}

static void count_room(void *arg, const struct room_checkpoint *checkpoint)
{
    size_t *count = arg;
    (void)checkpoint;
    ++*count;
}

static int judge(struct store *store, const char *state_dir, char *error, size_t error_size)
{
    struct outbox_entry first;
    struct outbox_counts results;
    size_t rooms = 0, listed;
    if (store_outbox_list(store, OUTBOX_PENDING, 0, 1, &first, &listed) != STORE_OK ||
        store_rooms_load(store, count_room, &rooms) != STORE_OK) {
        snprintf(error, error_size,
                 "what was kept in %s without Redis cannot be read; mend it, or move it away",
                 state_dir);
        return -1;
    }
    store_outbox_count(store, &results);
    if (results.pending == 0 && rooms == 0)
        return 0;
    snprintf(
        error, error_size,
        "%zu undelivered results and %zu rooms were kept in %s without Redis, where they would "
        "be forgotten. Start once more without Redis and with USER_MANAGEMENT_URL, pongctl drain, "
        "wait for both to be 0, then start with it; or move the folder away",
        results.pending, rooms, state_dir);
    return -1;
}

int left_state_check(const char *state_dir, char slot, char *error, size_t error_size)
{
    struct store *store = NULL;
    if (!has_file(state_dir, "results", slot) && !has_file(state_dir, "rooms", slot))
        return 0;
    const int lock = slot_lock_take(state_dir, slot, error, error_size);
    if (lock < 0)
        return -1;
    int outcome = store_sqlite_open(state_dir, slot, &store, error, error_size) == STORE_OK
                      ? judge(store, state_dir, error, error_size)
                      : -1;
    store_close(store);
    close(lock);
    return outcome;
}
