/*
 * store_sqlite: the store in two SQLite files, one for each thread that writes, since a file has one
 * writer at a time.
 */
#include "gamed/store_sqlite_private.h"

#include <stdio.h>
#include <stdlib.h>

static void health(const struct store *store, struct store_health *out)
{
    const struct store_sqlite *sqlite = (const struct store_sqlite *)store;
    *out = (struct store_health){
        .files_set_aside = atomic_load(&sqlite->results.files_set_aside) +
                           atomic_load(&sqlite->rooms.files_set_aside),
        .rooms_set_aside = atomic_load(&sqlite->rooms.files_set_aside),
        .rooms_unreadable = atomic_load(&sqlite->rooms_unreadable),
        .rooms_refused = atomic_load(&sqlite->rooms_refused),
    };
}

static void close_sqlite(struct store *store)
{
    struct store_sqlite *sqlite = (struct store_sqlite *)store;
    sqlite_file_close(&sqlite->results);
    sqlite_file_close(&sqlite->rooms);
    free(sqlite);
}

static const struct store_operations operations = {
    .outbox_insert = store_sqlite_outbox_insert,
    .outbox_next = store_sqlite_outbox_next,
    .outbox_update = store_sqlite_outbox_update,
    .outbox_find = store_sqlite_outbox_find,
    .outbox_list = store_sqlite_outbox_list,
    .outbox_purge = store_sqlite_outbox_purge,
    .outbox_count = store_sqlite_outbox_count,
    .rooms_save = store_sqlite_rooms_save,
    .rooms_load = store_sqlite_rooms_load,
    .health = health,
    .close = close_sqlite,
};

/* Prepares a file and tries to open it. */
static int open_file(struct sqlite_file *file, const struct sqlite_file_kind *kind, const char *dir,
                     char slot, char *error, size_t error_size)
{
    if (sqlite_file_init(file, kind, dir, slot) != STORE_OK) {
        snprintf(error, error_size, "the path of the state directory is too long: %s", dir);
        return STORE_FULL;
    }
    if (sqlite_file_ready(file) != STORE_TOO_NEW)
        return STORE_OK;
    snprintf(error, error_size,
             "%s was written by a later version of this program; run that, or move the file away",
             file->path);
    return STORE_TOO_NEW;
}

int store_sqlite_open(const char *dir, char slot, struct store **store, char *error,
                      size_t error_size)
{
    struct store_sqlite *sqlite = calloc(1, sizeof *sqlite);
    if (!sqlite) {
        snprintf(error, error_size, "there is not enough memory for the store");
        return STORE_FULL;
    }
    sqlite->store.operations = &operations;
    sqlite->slot = slot;
    int outcome = open_file(&sqlite->results, &store_sqlite_results, dir, slot, error, error_size);
    if (outcome == STORE_OK)
        outcome = open_file(&sqlite->rooms, &store_sqlite_rooms, dir, slot, error, error_size);
    if (outcome != STORE_OK) {
        close_sqlite(&sqlite->store);
        return outcome;
    }
    *store = &sqlite->store;
    return STORE_OK;
}
