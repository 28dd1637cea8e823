/*
 * result_outbox: the outbox of results as the results thread sees it: the store, and in front of it,
 * in memory, what the store does not have yet: new results, and what came of attempts. Once a turn
 * that is committed, a batch at a time. With a store that works nothing stays in memory; with a
 * broken one results are posted from here, and the store is told when it works again. It must not
 * know the network.
 *
 * Thread: all of it belongs to one (the results thread), but for the atomics. Times are Unix
 * milliseconds that only go forward; nothing here reads a clock.
 */
#ifndef PONG_GAMED_RESULT_OUTBOX_H
#define PONG_GAMED_RESULT_OUTBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/result_copies.h"
#include "gamed/store.h"

enum {
    RESULT_OUTBOX_MEMORY_MAX = 65536,    /* results in memory, about 1 kB each */
    RESULT_OUTBOX_BATCH = 32,            /* entries committed at once */
    RESULT_OUTBOX_STORE_RETRY_MS = 1000, /* how long a store that failed is left alone */
};

#define RESULT_OUTBOX_NEVER INT64_MAX

struct result_outbox {
    struct store *store;
    /* A new result is committed. On the results thread. May be NULL. */
    void (*stored)(void *arg, const char *match_id);
    void *stored_arg;
    struct result_item *by_id; /* uthash */
    struct result_item *items; /* utlist, as they came */
    size_t item_count;
    int64_t last_number; /* of items, in their order */
    size_t new_count;    /* of them, how many the store has never had */
    int64_t write_at_ms; /* the store failed: no write before this, ... */
    int64_t read_at_ms;  /* ... or no read */
    bool is_proof_due;   /* at the start, and while the last write failed */
    bool keeps_copies;
    struct result_copies copies; /* of pending entries in the store, if so */
    struct outbox_place passed;  /* memory knows all of the store's pending entries up to here */
    struct outbox_entry batch[RESULT_OUTBOX_BATCH];
    /* Read by any thread. */
    atomic_bool write_failed, read_failed; /* the last call of the kind */
};

/* Prepares the outbox in front of `store` (the caller's). */
void result_outbox_init(struct result_outbox *outbox, struct store *store,
                        void (*stored)(void *arg, const char *match_id), void *stored_arg);

/*
 * The store is shared, and may lose what it took: from now on nothing comes next before it is stored,
 * and copies of the store's pending entries that came through here are kept. Before the first add.
 */
void result_outbox_keep_copies(struct result_outbox *outbox);

/* The copies are to be stored again, by the next flush. */
void result_outbox_rewrite(struct result_outbox *outbox);

/* What memory has of a slot's is dropped, stored or not: it is another process' now. */
void result_outbox_forget_slot(struct result_outbox *outbox, char slot);

/* Frees what is in memory. */
void result_outbox_free(struct result_outbox *outbox);

/*
 * Takes in a new result, in whatever state; one whose match id is here already changes nothing. False
 * when memory, or its bound, does not allow it.
 */
bool result_outbox_add(struct result_outbox *outbox, const struct outbox_entry *entry);

/*
 * Takes in what an attempt or the operator brought to an entry that result_outbox_next or _find gave
 * out. False when memory is short.
 */
bool result_outbox_update(struct result_outbox *outbox, const struct outbox_entry *entry);

/*
 * Commits what is in memory, unless the store is to be left alone. At the first call, and after a
 * failure, something is written even when there is nothing, so that write_failed is true.
 */
void result_outbox_flush(struct result_outbox *outbox, int64_t now_ms);

/* The same, once, even if the store is to be left alone. */
void result_outbox_flush_anyway(struct result_outbox *outbox, int64_t now_ms);

/*
 * Copies out pending entries, the next attempt first: every one of which the attempt is due, and the
 * first that is not, but at most `max` (at most OUTBOX_NEXT_MAX). Returns how many. Once memory is full
 * of what the store could not be told, those of the store wait.
 */
size_t result_outbox_next(struct result_outbox *outbox, int64_t now_ms, size_t max,
                          struct outbox_entry *entries);

/* Copies out the entry of a match. STORE_OK, STORE_UNKNOWN or STORE_BROKEN. */
int result_outbox_find(struct result_outbox *outbox, const char *match_id,
                       struct outbox_entry *entry);

/*
 * As store_outbox_list, with `max` at least 1; *next is `after` for the next page, or 0. What memory
 * knows better comes after what the store has. What is stored between two pages may be on neither.
 */
int result_outbox_list(struct result_outbox *outbox, enum outbox_state state, int64_t after,
                       size_t max, struct outbox_entry *entries, size_t *count, int64_t *next);

/* As store_outbox_count, of the store and memory together. */
void result_outbox_count(const struct result_outbox *outbox, struct outbox_counts *counts);

/* Forgets old entries of the store, as store_outbox_purge; true when there may be more. */
bool result_outbox_purge(struct result_outbox *outbox, int64_t before_ms);

/* When result_outbox_flush, and when _next, is to be called again because the store had failed. */
int64_t result_outbox_write_at(const struct result_outbox *outbox);
int64_t result_outbox_read_at(const struct result_outbox *outbox);

/* Whether everything is in the store. */
bool result_outbox_is_saved(const struct result_outbox *outbox);

/* The oldest new result that the store has never had, for the last words about it; NULL: none. It is
 * forgotten by result_outbox_forget_new. */
const struct outbox_entry *result_outbox_first_new(const struct result_outbox *outbox);
void result_outbox_forget_new(struct result_outbox *outbox);

#endif
