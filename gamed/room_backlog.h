/*
 * room_backlog: the newest checkpoint of each room, and which of them the store does not have yet. The
 * others stay, so that a partial checkpoint is made whole by what is known of its room. It must not
 * know threads or the store.
 *
 * All functions: one thread at a time. Memory is taken at start only.
 */
#ifndef PONG_GAMED_ROOM_BACKLOG_H
#define PONG_GAMED_ROOM_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/checkpoint.h"

struct room_backlog_slot;

struct room_backlog {
    const struct room_checkpoint **unsaved; /* what the store does not have; the oldest first */
    size_t unsaved_count;
    size_t count, size; /* rooms */
    struct room_backlog_slot *slots;
    uint32_t *free_slots; /* a stack of size - count */
    uint32_t *index;      /* open hash table of slot + 1; 0: free */
    size_t index_size;    /* a power of two */
};

/* For up to `size` rooms. Returns 0, or -1 when memory is short; free it either way. */
int room_backlog_init(struct room_backlog *backlog, size_t size);
void room_backlog_free(struct room_backlog *backlog);

/*
 * Takes the room's checkpoint, in the place of what there is of it. Of a room that is not in it, the
 * first one is no partial one. False when the room is not in it yet and there is no place.
 */
bool room_backlog_put(struct room_backlog *backlog, const struct room_checkpoint *checkpoint);

/* The store has it all now: nothing is unsaved, and rooms that are gone are forgotten. */
void room_backlog_saved(struct room_backlog *backlog);

/* The store may have lost anything: all that is in it is unsaved again. */
void room_backlog_all_unsaved(struct room_backlog *backlog);

/* Forgets the rooms of a slot, saved or not: they are another process' now. */
void room_backlog_forget(struct room_backlog *backlog, char slot);

/* Forgets the rooms that are gone, to make place for those that are not; returns how many. */
size_t room_backlog_drop_gone(struct room_backlog *backlog);

#endif
