/*
 * The inside of the store in Redis, for its files only: store_redis.c (opening, closing, rounds),
 * store_redis_outbox.c and store_redis_list.c (results, written and read), store_redis_rooms.c
 * (checkpoints).
 */
#ifndef PONG_GAMED_STORE_REDIS_PRIVATE_H
#define PONG_GAMED_STORE_REDIS_PRIVATE_H

#include <stdatomic.h>

#include "cluster/redis_link.h"
#include "cluster/slot_keys.h"
#include "gamed/slots.h"
#include "gamed/store_redis.h"

/* What rows are moved to that are no checkpoints: a list of texts CODE, blank, row; the newest first. */
#define STORE_REDIS_KEY_UNREADABLE "{pong}:unreadable"

/* A group of functions, which is one thread's: its connection. */
struct store_redis_group {
    const char *what; /* for the log */
    struct redis_link *link;
    uint64_t batch; /* number of the last one that was written */
    bool is_down;   /* as it was last told */
};

struct store_redis {
    struct store store;
    struct slots *slots;
    /* the outbox_ group's */
    struct store_redis_group results;
    struct outbox_counts counts;
    char oldest_id[UUID_SIZE]; /* the entry that counts.oldest_pending_ms is of; "": none */
    bool is_oldest_due;        /* and that time is not known yet */
    /* the rooms_ group's */
    struct store_redis_group rooms;
    struct store_redis_rows *rows;
    int64_t refusal_told_ms; /* monotonic; when a room that was refused was last logged; 0: never */
    unsigned refusals_told;  /* rooms_refused then */
    /* anybody's */
    _Atomic uint64_t stale;
    _Atomic unsigned rooms_refused;
};

static inline struct store_redis *store_redis_of(struct store *store)
{
    return (struct store_redis *)store;
}

/* What this process has claimed, as of one moment. */
struct store_redis_claims {
    char claim[SLOT_COUNT][CLAIM_SIZE]; /* "": not ours */
    int first;                          /* -1: there is none */
};

void store_redis_read_claims(const struct store_redis *redis, struct store_redis_claims *claims);

/* A round of one group: ready opens the connection if need be and begins; run sends, and gives the
 * replies. Both tell in the log when Redis goes away and comes back, and give STORE_OK or STORE_BROKEN. */
int store_redis_ready(struct store_redis_group *group);
int store_redis_run(struct store_redis_group *group, struct redisReply *const **replies);

/* What a writing script answered: STORE_OK, or, when it did nothing, STORE_FULL (Redis' memory) or
 * STORE_BROKEN. Counts late batches. */
int store_redis_outcome(struct store_redis *redis, const struct redisReply *reply);

/* The number of the next batch, as text. */
void store_redis_next_batch(struct store_redis_group *group, char out[24]);

/* A round that writes nothing but the number of a batch, or, when nothing is ours, only asks. */
int store_redis_prove(struct store_redis *redis, struct store_redis_group *group);

/* The commands that count what is in the outbox; they are the last of a round, and are `count` of them
 * (STORE_REDIS_COUNTS_MAX at most). What they say is taken in by _take. */
enum {
    STORE_REDIS_COUNTS_MAX = SLOT_COUNT + 2
};
size_t store_redis_add_counts(struct store_redis *redis, const struct store_redis_claims *claims);
void store_redis_take_counts(struct store_redis *redis, struct redisReply *const *replies,
                             size_t count);

/* Rows of checkpoints on their way into a script. NULL: no memory. */
struct store_redis_rows *store_redis_rows_new(void);
void store_redis_rows_free(struct store_redis_rows *rows);

/* How many rows any loading of a slot could not read so far. */
unsigned store_redis_rooms_unreadable(void);

/* The operations, by their names in struct store_operations. */
int store_redis_outbox_insert(struct store *store, const struct outbox_entry *entries, size_t count,
                              size_t *inserted);
int store_redis_outbox_next(struct store *store, const struct outbox_place *after, size_t max,
                            struct outbox_entry *entries, size_t *count);
int store_redis_outbox_update(struct store *store, const struct outbox_entry *entries,
                              size_t count);
int store_redis_outbox_find(struct store *store, const char *match_id, struct outbox_entry *entry);
int store_redis_outbox_list(struct store *store, enum outbox_state state, int64_t after, size_t max,
                            struct outbox_entry *entries, size_t *count);
int store_redis_outbox_purge(struct store *store, int64_t before_ms, size_t *purged);
void store_redis_outbox_count(struct store *store, struct outbox_counts *counts);
int store_redis_rooms_save(struct store *store, const struct room_checkpoint *const *list,
                           size_t count);
int store_redis_rooms_load(struct store *store,
                           void (*each)(void *arg, const struct room_checkpoint *checkpoint),
                           void *arg);

#endif
