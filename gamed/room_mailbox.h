/*
 * room_mailbox: checkpoints on their way from the loop thread to the rooms thread, in order: a ring of
 * bytes, in which a partial checkpoint takes the few that it has. It must not know what is done with
 * them.
 *
 * Threads: one puts, one takes; the two counts are for any thread. Nothing here locks or blocks.
 */
#ifndef PONG_GAMED_ROOM_MAILBOX_H
#define PONG_GAMED_ROOM_MAILBOX_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/checkpoint.h"

enum {
    ROOM_MAILBOX_LINE = 64 /* bytes of a cache line */
};

/*
 * What one thread writes is on cache lines of its own, and the other looks at it no more often than it
 * must: a burst of puts is to cost the loop thread the copies and nothing else. All only count up.
 */
struct room_mailbox {
    /* constant */
    char *ring;
    uint64_t size; /* a power of two */
    /* who puts */
    alignas(ROOM_MAILBOX_LINE) _Atomic uint64_t put_bytes;
    _Atomic uint64_t put_count;
    uint64_t free_until; /* put_bytes may become so much, as far as is known */
    /* who takes */
    alignas(ROOM_MAILBOX_LINE) _Atomic uint64_t taken_bytes;
    _Atomic uint64_t taken_count;
    uint64_t next_bytes, next_count; /* what these will be */
    uint64_t known_bytes;            /* put_bytes is at least so much */
};

/* For about `rooms` whole checkpoints, but not for very many. Returns 0, or -1 when memory is short. */
int room_mailbox_init(struct room_mailbox *mailbox, size_t rooms);
void room_mailbox_free(struct room_mailbox *mailbox);

/* How many were put so far, this one included; 0 when there is no place for it. Who puts. */
uint64_t room_mailbox_put(struct room_mailbox *mailbox, const struct room_checkpoint *checkpoint);

/*
 * Copies out the next one, or returns false when there is none; room_mailbox_drop takes it out. Its
 * place is free, and it counts as taken, by the next room_mailbox_release. Who takes.
 */
bool room_mailbox_peek(struct room_mailbox *mailbox, struct room_checkpoint *checkpoint);
void room_mailbox_drop(struct room_mailbox *mailbox, const struct room_checkpoint *checkpoint);
void room_mailbox_release(struct room_mailbox *mailbox);

/* How many were put, and how many were taken. Read the latter first. */
uint64_t room_mailbox_put_count(const struct room_mailbox *mailbox);
uint64_t room_mailbox_taken_count(const struct room_mailbox *mailbox);

#endif
