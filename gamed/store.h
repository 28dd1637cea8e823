/*
 * store: what must outlive the process, as an interface; each back-end is a file (store_memory.c,
 * ...), chosen once at start. It keeps bytes and orders them by time; it must not know HTTP, the
 * rules of the game or when anything is posted.
 *
 * Threads: the functions are in groups; one thread at a time uses a group, and groups share nothing
 * that is not guarded by the back-end. The outbox_ group belongs to the results thread. Opening and
 * closing is done by main, before that thread starts and after it has ended. Every function may
 * block (on a disk, on a network): none is for the loop thread.
 *
 * Times are Unix milliseconds, as passed in; a store reads no clock.
 */
#ifndef PONG_GAMED_STORE_H
#define PONG_GAMED_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "common/random.h"
#include "gamed/retry.h"

enum store_error {
    STORE_OK = 0,
    STORE_FULL = -1,    /* no room (or no memory) for more; later there may be */
    STORE_BROKEN = -2,  /* the back-end cannot read or write now; later it may */
    STORE_UNKNOWN = -3, /* no such entry */
};

enum {
    OUTBOX_BODY_MAX = 2048, /* bytes */
    OUTBOX_NEXT_MAX = 64,   /* entries asked for at once */
};

enum outbox_state {
    OUTBOX_PENDING,
    OUTBOX_DELIVERED,
    OUTBOX_FAILED
};

/*
 * One match's result on its way. The body is the exact bytes to POST, made once: each attempt sends
 * the same.
 */
struct outbox_entry {
    char match_id[UUID_SIZE]; /* the key */
    enum outbox_state state;
    struct retry_state retry;
    int64_t created_ms;
    size_t body_size;
    char body[OUTBOX_BODY_MAX]; /* not ended by NUL */
};

struct outbox_counts {
    size_t pending;
    size_t failed;             /* kept for the operator */
    int64_t oldest_pending_ms; /* created_ms of the oldest pending entry; 0 when there is none */
};

struct store;

/* What a back-end brings; see the functions of the same names below for the contracts. */
struct store_operations {
    int (*outbox_insert)(struct store *store, const struct outbox_entry *entries, size_t count,
                         size_t *inserted);
    int (*outbox_next)(struct store *store, size_t max, struct outbox_entry *entries,
                       size_t *count);
    int (*outbox_update)(struct store *store, const struct outbox_entry *entry);
    void (*outbox_count)(struct store *store, struct outbox_counts *counts);
    void (*close)(struct store *store);
};

/* The head of a back-end's own struct. */
struct store {
    const struct store_operations *operations;
};

/*
 * Commits entries (pending ones) in order, as one commit where the back-end has such; *inserted
 * says how many of them, from the first on, are safe when it returns, which on STORE_OK is all. An
 * entry whose match id is there already, in whatever state, counts as inserted and changes nothing.
 * Else STORE_FULL or STORE_BROKEN; the caller keeps the rest and tries again.
 */
static inline int store_outbox_insert(struct store *store, const struct outbox_entry *entries,
                                      size_t count, size_t *inserted)
{
    return store->operations->outbox_insert(store, entries, count, inserted);
}

/*
 * Copies out the up to `max` (at most OUTBOX_NEXT_MAX) pending entries whose next attempts come
 * first, in that order, whether due yet or not. Returns STORE_OK or STORE_BROKEN (with *count 0).
 * The cost must not grow with the number of entries by more than a log.
 */
static inline int store_outbox_next(struct store *store, size_t max, struct outbox_entry *entries,
                                    size_t *count)
{
    return store->operations->outbox_next(store, max, entries, count);
}

/*
 * Commits what an attempt brought: state and retry of the entry with this match id; the rest of
 * *entry is not looked at. A delivered entry may leave the store at once or later, a failed one is
 * kept, within the back-end's stated bound. Returns STORE_OK, STORE_BROKEN (nothing changed), or
 * STORE_UNKNOWN.
 */
static inline int store_outbox_update(struct store *store, const struct outbox_entry *entry)
{
    return store->operations->outbox_update(store, entry);
}

/*
 * How much is in the outbox. Called once per turn of the results thread: constant time. Never
 * fails: a broken store says what it last knew.
 */
static inline void store_outbox_count(struct store *store, struct outbox_counts *counts)
{
    store->operations->outbox_count(store, counts);
}

/* Releases all of it; NULL is fine. What a volatile back-end loses by this it says in the log. */
static inline void store_close(struct store *store)
{
    if (store)
        store->operations->close(store);
}

/*
 * In memory: nothing survives the process. A delivered entry leaves at once, so its match id is not
 * known any more. Takes at most `pending_max` pending entries (then STORE_FULL), and keeps the last
 * `failed_max` failed ones: the oldest is dropped with its body in an error log. About 600 bytes an
 * entry. Returns STORE_OK and *store (which the caller closes), or STORE_FULL.
 */
struct store_memory_limits {
    size_t pending_max;
    size_t failed_max;
};
#define STORE_MEMORY_LIMITS_DEFAULT \
    ((struct store_memory_limits){.pending_max = 65536, .failed_max = 1024})

int store_memory_open(const struct store_memory_limits *limits, struct store **store);

#endif
