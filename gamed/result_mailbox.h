/*
 * result_mailbox: results on their way from one thread to one other, by value, in a ring of fixed
 * size. No lock and no system call, so neither side ever waits. It must not know what either does.
 */
#ifndef PONG_GAMED_RESULT_MAILBOX_H
#define PONG_GAMED_RESULT_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/match_result.h"

struct result_mailbox {
    struct match_result *slots;
    uint32_t size;         /* a power of two */
    _Atomic uint32_t head; /* the reader's; both count on and wrap */
    _Atomic uint32_t tail; /* the writer's */
};

/* Makes room for at least `size` (1 to 2^30) results. Returns 0, or -1 when memory is short. */
int result_mailbox_init(struct result_mailbox *mailbox, size_t size);

/* Frees the slots; a zeroed mailbox is fine. No other thread may use it any more. */
void result_mailbox_free(struct result_mailbox *mailbox);

/* Copies a result in; false when the mailbox is full. The writer's thread. */
bool result_mailbox_put(struct result_mailbox *mailbox, const struct match_result *result);

/* How many results wait. Any thread; for the reader there are at least so many. */
uint32_t result_mailbox_count(const struct result_mailbox *mailbox);

/*
 * The index-th result waiting, the oldest first; index is less than the count. It stays where it
 * is until it is dropped, so a reader that fails loses nothing. The reader's thread.
 */
const struct match_result *result_mailbox_peek(const struct result_mailbox *mailbox,
                                               uint32_t index);

/* Drops the oldest `count` results, which are there. The reader's thread. */
void result_mailbox_drop(struct result_mailbox *mailbox, uint32_t count);

#endif
