/*
 * store: what must outlive the process, as an interface; each back-end is a file or a few
 * (store_memory.c, store_sqlite.c, store_redis.c), chosen once at start. It keeps bytes and orders them by
 * time; it must not know HTTP, the rules of the game or when anything is posted.
 *
 * Threads: the functions are in groups; one thread at a time uses a group, and groups share nothing
 * that is not guarded by the back-end. The outbox_ group belongs to the results thread, the rooms_
 * group to the rooms thread; before these start and after they have ended both are main's, and so
 * are opening and closing. store_health is for any thread. Every other function may block (on a
 * disk, on a network): none is for the loop thread.
 *
 * Times are Unix milliseconds, as passed in; a store reads no clock to judge by.
 */
#ifndef PONG_GAMED_STORE_H
#define PONG_GAMED_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/random.h"
#include "gamed/checkpoint.h"
#include "gamed/retry.h"

enum store_error {
    STORE_OK = 0,
    STORE_FULL = -1,    /* no room (on the disk, in memory) for more; later there may be */
    STORE_BROKEN = -2,  /* the back-end cannot read or write now; later it may */
    STORE_UNKNOWN = -3, /* no such entry */
    STORE_TOO_NEW = -4, /* written by a later version of this program: not to be touched */
};

enum {
    OUTBOX_BODY_MAX = 2048, /* bytes */
    OUTBOX_NEXT_MAX = 64,   /* entries asked for at once */
    OUTBOX_PURGE_MAX = 512, /* entries purged at once */
};

/* The numbers are kept on disks. */
enum outbox_state {
    OUTBOX_PENDING = 0,
    OUTBOX_DELIVERED = 1,
    OUTBOX_FAILED = 2,     /* given up; kept for the operator */
    OUTBOX_NOT_POSTED = 3, /* kept like a delivered one, but nobody wants to have it */
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
    int64_t
        settled_ms; /* when it was delivered, given up or found not to be posted; 0 while pending */
    int64_t serial; /* set by the store: later ones have higher ones */
    /* Whose it is to post where several processes share a store: the slot of its room, unless `slot`
     * names another. A store of one process alone keeps neither. */
    char room_code[ROOM_CODE_SIZE]; /* "": not known */
    char slot;                      /* '\0': that of room_code */
    size_t body_size;
    char body[OUTBOX_BODY_MAX]; /* not ended by NUL */
};

struct outbox_counts {
    size_t pending;
    size_t failed;             /* kept for the operator */
    int64_t oldest_pending_ms; /* created_ms of the oldest pending entry; 0 when there is none */
};

/* What went wrong since the store was opened, for health, metrics and the operator. */
struct store_health {
    unsigned files_set_aside;  /* found corrupt or taken away, and replaced by fresh ones */
    unsigned rooms_set_aside;  /* of them, those of rooms: what was saved before may be missing */
    unsigned rooms_unreadable; /* rows that are no checkpoints; kept aside */
    unsigned rooms_refused;    /* checkpoints not saved, as no game can be in such a state */
};

/* Where a pending entry stands in the order of attempts. */
struct outbox_place {
    int64_t next_attempt_ms;
    int64_t serial;
};

struct store;

/* What a back-end brings; see the functions of the same names below for the contracts. */
struct store_operations {
    int (*outbox_insert)(struct store *store, const struct outbox_entry *entries, size_t count,
                         size_t *inserted);
    int (*outbox_next)(struct store *store, const struct outbox_place *after, size_t max,
                       struct outbox_entry *entries, size_t *count);
    int (*outbox_update)(struct store *store, const struct outbox_entry *entries, size_t count);
    int (*outbox_find)(struct store *store, const char *match_id, struct outbox_entry *entry);
    int (*outbox_list)(struct store *store, enum outbox_state state, int64_t after, size_t max,
                       struct outbox_entry *entries, size_t *count);
    int (*outbox_purge)(struct store *store, int64_t before_ms, size_t *purged);
    void (*outbox_count)(struct store *store, struct outbox_counts *counts);
    int (*rooms_save)(struct store *store, const struct room_checkpoint *const *list, size_t count);
    int (*rooms_load)(struct store *store,
                      void (*each)(void *arg, const struct room_checkpoint *checkpoint), void *arg);
    void (*health)(const struct store *store, struct store_health *health);
    void (*close)(struct store *store);
};

/* The head of a back-end's own struct. */
struct store {
    const struct store_operations *operations;
};

/* ---- the outbox of results ----------------------------------------------------------- */

/*
 * Commits entries in order, as one commit where the back-end has such; *inserted says how many of
 * them, from the first on, are safe when it returns, which on STORE_OK is all. An entry whose match
 * id is there already, in whatever state, counts as inserted and changes nothing. Else STORE_FULL
 * or STORE_BROKEN; the caller keeps the rest and tries again. With a count of 0 something is written
 * all the same where there is a disk: what is returned says whether that can be done.
 */
static inline int store_outbox_insert(struct store *store, const struct outbox_entry *entries,
                                      size_t count, size_t *inserted)
{
    return store->operations->outbox_insert(store, entries, count, inserted);
}

/*
 * Copies out the up to `max` (at most OUTBOX_NEXT_MAX) pending entries whose next attempts come
 * first, or first after that place (NULL: none), by time and then by serial, whether due yet or not.
 * Fewer than `max` are all there are. Returns STORE_OK or STORE_BROKEN (with *count 0). From the
 * beginning, the cost must not grow with the number of entries by more than a log.
 */
static inline int store_outbox_next(struct store *store, const struct outbox_place *after,
                                    size_t max, struct outbox_entry *entries, size_t *count)
{
    return store->operations->outbox_next(store, after, max, entries, count);
}

/*
 * Commits what attempts or the operator brought: state, retry and settled_ms of the entries with
 * these match ids, all of them or none. An entry that is not there (its file was set aside) is
 * inserted whole. A failed entry is kept, within the back-end's stated bound. Returns STORE_OK, or
 * STORE_FULL or STORE_BROKEN, when nothing has changed.
 */
static inline int store_outbox_update(struct store *store, const struct outbox_entry *entries,
                                      size_t count)
{
    return store->operations->outbox_update(store, entries, count);
}

/* Copies out the entry of a match, in whatever state. STORE_OK, STORE_UNKNOWN or STORE_BROKEN. */
static inline int store_outbox_find(struct store *store, const char *match_id,
                                    struct outbox_entry *entry)
{
    return store->operations->outbox_find(store, match_id, entry);
}

/*
 * A page of the entries in one state, the oldest first: up to `max` (at most OUTBOX_NEXT_MAX) whose
 * serial is higher than `after` (0 begins). Returns STORE_OK or STORE_BROKEN (with *count 0).
 */
static inline int store_outbox_list(struct store *store, enum outbox_state state, int64_t after,
                                    size_t max, struct outbox_entry *entries, size_t *count)
{
    return store->operations->outbox_list(store, state, after, max, entries, count);
}

/*
 * Forgets entries that were delivered, or found not to be posted, before `before_ms`, unless there is
 * a checkpoint of their match, which they must beat when it is loaded. At most OUTBOX_PURGE_MAX of
 * them; *purged says how many, and when it is that many there may be more. Returns STORE_OK or
 * STORE_BROKEN (with *purged 0; the rest of the outbox may work all the same).
 */
static inline int store_outbox_purge(struct store *store, int64_t before_ms, size_t *purged)
{
    return store->operations->outbox_purge(store, before_ms, purged);
}

/*
 * How much is in the outbox. Called once per turn of the results thread: constant time, or a log.
 * Never fails: a broken store says what it last knew.
 */
static inline void store_outbox_count(struct store *store, struct outbox_counts *counts)
{
    store->operations->outbox_count(store, counts);
}

/* ---- checkpoints of rooms ------------------------------------------------------------ */

/*
 * Saves each room of the list, in the place of what there was of it, and forgets those that are
 * gone; as one commit. No code is twice in the list, and no checkpoint in it is a partial one. A state
 * that no game can be in is logged and left out. Returns STORE_OK, or STORE_FULL or STORE_BROKEN, when
 * nothing has changed. An empty list is written as store_outbox_insert writes one.
 */
static inline int store_rooms_save(struct store *store, const struct room_checkpoint *const *list,
                                   size_t count)
{
    return store->operations->rooms_save(store, list, count);
}

/*
 * Calls `each` with every room there is, in no certain order, on this thread; it may use the outbox
 * group. Rows that are no checkpoints are logged, counted and kept aside. Returns STORE_OK, or
 * STORE_BROKEN when not all could be read.
 */
static inline int store_rooms_load(struct store *store,
                                   void (*each)(void *arg,
                                                const struct room_checkpoint *checkpoint),
                                   void *arg)
{
    return store->operations->rooms_load(store, each, arg);
}

/* ---- all of it ----------------------------------------------------------------------- */

/* What went wrong so far. Any thread; takes no lock. */
static inline void store_health(const struct store *store, struct store_health *health)
{
    store->operations->health(store, health);
}

/* Releases all of it; NULL is fine. What a volatile back-end loses by this it says in the log. */
static inline void store_close(struct store *store)
{
    if (store)
        store->operations->close(store);
}

/* Copies an entry with no more of the body than there is. */
static inline void outbox_entry_copy(struct outbox_entry *to, const struct outbox_entry *from)
{
    memcpy((char *)to, (const char *)from, offsetof(struct outbox_entry, body) + from->body_size);
}

/* The letter of the slot whose it is to post; '\0': not known. */
static inline char outbox_entry_slot(const struct outbox_entry *entry)
{
    return entry->slot ? entry->slot : entry->room_code[0];
}

/* ---- back-ends: these two, and gamed/store_redis.h's ------------------------------------- */

/*
 * In memory: nothing survives the process. A delivered entry, and one that is not to be posted,
 * leaves at once, so its match id is not known any more; checkpoints are taken and forgotten. Takes
 * at most `pending_max` pending entries (then STORE_FULL), and keeps the last `failed_max` failed
 * ones: the oldest is dropped with its body in an error log. About 600 bytes an entry. Returns
 * STORE_OK and *store (which the caller closes), or STORE_FULL.
 */
struct store_memory_limits {
    size_t pending_max;
    size_t failed_max;
};
#define STORE_MEMORY_LIMITS_DEFAULT \
    ((struct store_memory_limits){.pending_max = 65536, .failed_max = 1024})

int store_memory_open(const struct store_memory_limits *limits, struct store **store);

/*
 * In two SQLite files below `dir`, which is there: results-SLOT.db, where a commit is on the disk
 * when it returns (synchronous=FULL), and rooms-SLOT.db, where it survives the process at once and
 * the machine a little later (synchronous=NORMAL). Both have a write-ahead log beside them, and while
 * they are open no other process can use them.
 *
 * A file that is corrupt, when it is opened or later, is moved to NAME.corrupt-UNIXTIME, with its
 * log; a fresh one is begun with the rows that can still be read. A file that is removed or replaced
 * under a running process is begun anew as well. A file that cannot be used otherwise is tried again
 * at each call, and until then the group's functions return STORE_BROKEN or STORE_FULL: neither is a
 * reason not to start. Each is logged, once until it is over.
 * Returns STORE_OK and *store (which the caller closes), STORE_TOO_NEW when a file is of a later
 * version, or STORE_FULL when memory is short; then with a sentence in error[].
 */
int store_sqlite_open(const char *dir, char slot, struct store **store, char *error,
                      size_t error_size);

#endif
