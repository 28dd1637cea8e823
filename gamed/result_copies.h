/*
 * result_copies: what the store was given and nobody has had yet, kept in memory for a store that may
 * lose what it took (Redis, restarted or failed over): then it is given again. It must not know when.
 *
 * Thread: all of it belongs to one (the results thread).
 */
#ifndef PONG_GAMED_RESULT_COPIES_H
#define PONG_GAMED_RESULT_COPIES_H

#include <stdbool.h>
#include <stddef.h>

#include "gamed/store.h"

enum {
    RESULT_COPIES_MAX = 65536 /* about 1 kB each; above that the oldest are dropped */
};

/* All zero at first. */
struct result_copies {
    struct result_copy *by_id;    /* uthash */
    struct result_copy *items;    /* utlist, as they came */
    struct result_copy *next_due; /* this one and those behind it are to be given again */
    size_t count;
};

/* Frees them all. */
void result_copies_free(struct result_copies *copies);

/* Keeps a copy, in the place of one of the same match. When memory is short there is none. */
void result_copies_keep(struct result_copies *copies, const struct outbox_entry *entry);

/* Drops that of a match, if there is one; or those of a slot. */
void result_copies_drop(struct result_copies *copies, const char *match_id);
void result_copies_forget_slot(struct result_copies *copies, char slot);

/* All that are there now are due. */
void result_copies_rewrite(struct result_copies *copies);

/* Copies out the first `max` that are due, and returns how many; they are so until the first `count`
 * are done. No other function is called in between. */
size_t result_copies_due(const struct result_copies *copies, struct outbox_entry *entries,
                         size_t max);
void result_copies_done(struct result_copies *copies, size_t count);

#endif
