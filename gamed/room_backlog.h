/*
 * room_backlog: the newest checkpoint of each room that the store does not have yet; an older one of
 * the same room is replaced. Pure: no thread, no store, no clock, and no memory taken after
 * room_backlog_init.
 */
#ifndef PONG_GAMED_ROOM_BACKLOG_H
#define PONG_GAMED_ROOM_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/checkpoint.h"

struct room_backlog {
    struct room_checkpoint *list; /* `count` of them; no code twice */
    size_t count, size;
    uint32_t *index;   /* by room code: place in the list + 1, or 0 */
    size_t index_size; /* a power of two, at least twice `size` */
};

/* Makes place for `size` rooms. Returns 0, or -1 when memory is short. */
int room_backlog_init(struct room_backlog *backlog, size_t size);

/* Frees the memory; a zeroed backlog is fine. */
void room_backlog_free(struct room_backlog *backlog);

/* Takes a room in; false when it is not in it yet and there is no place. */
bool room_backlog_put(struct room_backlog *backlog, const struct room_checkpoint *checkpoint);

/* Empties it, as the store has it all. */
void room_backlog_clear(struct room_backlog *backlog);

/* Takes out the rooms that are gone, to make place for those that are not; returns how many. */
size_t room_backlog_drop_gone(struct room_backlog *backlog);

#endif
