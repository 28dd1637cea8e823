/*
 * slot_load: all that is in Redis of one slot, as the process that has claimed it takes it up: its
 * rooms, and of each whose match is over the result. By value, so that it can go from the slots thread
 * to the loop. It must not know games.
 *
 * Implemented by store_redis_load.c.
 */
#ifndef PONG_GAMED_SLOT_LOAD_H
#define PONG_GAMED_SLOT_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "gamed/checkpoint.h"
#include "gamed/match_result.h"

struct redis_link;

struct slot_load_room {
    struct room_checkpoint checkpoint; /* whole, neither partial nor gone */
    bool has_result;                   /* the match is over and recorded: it beats the checkpoint */
    struct match_result result;
};

/* One piece of memory: free() it. */
struct slot_load {
    int slot; /* 0…31 */
    size_t count;
    struct slot_load_room rooms[];
};

/*
 * Reads a slot that this process has claimed with that claim, results after rooms; a few rounds on the link, whose
 * thread it blocks for as long as these take. What is no checkpoint is logged and moved to the list
 * {pong}:unreadable, so that the slot can become empty. STORE_OK with *load, which the caller frees;
 * STORE_BROKEN: Redis is away, or answers what cannot be; STORE_FULL: memory is short (enum
 * store_error).
 */
int slot_load_read(struct redis_link *link, int slot, const char *claim, struct slot_load **load);

#endif
