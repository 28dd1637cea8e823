/*
 * The inside of the store in SQLite, for its three files only: store_sqlite.c (opening and closing),
 * store_sqlite_outbox.c (results) and store_sqlite_rooms.c (checkpoints).
 */
#ifndef PONG_GAMED_STORE_SQLITE_PRIVATE_H
#define PONG_GAMED_STORE_SQLITE_PRIVATE_H

#include "gamed/store.h"
#include "gamed/store_sqlite_file.h"

struct store_sqlite {
    struct store store;
    /* the outbox_ group's */
    struct sqlite_file results;
    struct outbox_counts counts;
    unsigned counted;   /* results.opened when the counts were taken */
    bool is_oldest_due; /* counts.oldest_pending_ms is not known */
    /* the rooms_ group's */
    struct sqlite_file rooms;
    char slot;
    int64_t refusal_told_ms; /* monotonic; when a room that was refused was last logged; 0: never */
    unsigned refusals_told;  /* rooms_refused then */
    /* anybody's */
    _Atomic unsigned rooms_unreadable, rooms_refused;
};

extern const struct sqlite_file_kind store_sqlite_results, store_sqlite_rooms;

/* The operations, by their names in struct store_operations. */
int store_sqlite_outbox_insert(struct store *store, const struct outbox_entry *entries,
                               size_t count, size_t *inserted);
int store_sqlite_outbox_next(struct store *store, const struct outbox_place *after, size_t max,
                             struct outbox_entry *entries, size_t *count);
int store_sqlite_outbox_update(struct store *store, const struct outbox_entry *entries,
                               size_t count);
int store_sqlite_outbox_find(struct store *store, const char *match_id, struct outbox_entry *entry);
int store_sqlite_outbox_list(struct store *store, enum outbox_state state, int64_t after,
                             size_t max, struct outbox_entry *entries, size_t *count);
int store_sqlite_outbox_purge(struct store *store, int64_t before_ms, size_t *purged);
void store_sqlite_outbox_count(struct store *store, struct outbox_counts *counts);
int store_sqlite_rooms_save(struct store *store, const struct room_checkpoint *const *list,
                            size_t count);
int store_sqlite_rooms_load(struct store *store,
                            void (*each)(void *arg, const struct room_checkpoint *checkpoint),
                            void *arg);

/*
 * The match ids of all checkpoints in the file at `path`, sorted, one after the other; *ids is
 * freed by the caller. On a connection of its own, which only reads: for the outbox_ group. Returns
 * STORE_OK, STORE_FULL or STORE_BROKEN.
 */
int store_sqlite_read_match_ids(const char *path, char (**ids)[UUID_SIZE], size_t *count);

/* Compares two of them, as qsort and bsearch have it. */
int store_sqlite_compare_ids(const void *a, const void *b);

#endif
