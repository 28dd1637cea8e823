/*
 * room_mailbox: see room_mailbox.h. A checkpoint that does not fit before the ring's end goes on at its
 * beginning. How long one is, its first part says.
 */
#include "gamed/room_mailbox.h"

#include <stdlib.h>
#include <string.h>

enum {
    SIZE_MIN = 64 * 1024,
    SIZE_MAX_BYTES = 4 * 1024 * 1024, /* 5500 whole checkpoints, 27000 partial ones */
};

int room_mailbox_init(struct room_mailbox *mailbox, size_t rooms)
{
    memset(mailbox, 0, sizeof *mailbox);
    mailbox->size = SIZE_MIN;
    while (mailbox->size < rooms * sizeof(struct room_checkpoint) && mailbox->size < SIZE_MAX_BYTES)
        mailbox->size *= 2;
    mailbox->free_until = mailbox->size;
    mailbox->ring = aligned_alloc(ROOM_MAILBOX_LINE, mailbox->size);
    if (!mailbox->ring)
        return -1;
    memset(mailbox->ring, 0, mailbox->size); /* so that no put waits for a page */
    return 0;
}

void room_mailbox_free(struct room_mailbox *mailbox)
{
    free(mailbox->ring);
    mailbox->ring = NULL;
}

static size_t least(size_t a, uint64_t b)
{
    return a < b ? a : (size_t)b;
}

/* ---- who puts ------------------------------------------------------------------------ */

static void copy_in(struct room_mailbox *mailbox, uint64_t at, const void *bytes, size_t size)
{
    const uint64_t offset = at & (mailbox->size - 1);
    const size_t first = least(size, mailbox->size - offset);
    memcpy(mailbox->ring + offset, bytes, first);
    if (first < size)
        memcpy(mailbox->ring, (const char *)bytes + first, size - first);
}

uint64_t room_mailbox_put(struct room_mailbox *mailbox, const struct room_checkpoint *checkpoint)
{
    const uint64_t at = atomic_load_explicit(&mailbox->put_bytes, memory_order_relaxed);
    const uint64_t count = atomic_load_explicit(&mailbox->put_count, memory_order_relaxed) + 1;
    const size_t size = checkpoint_size(checkpoint);
    if (at + size > mailbox->free_until) {
        mailbox->free_until =
            atomic_load_explicit(&mailbox->taken_bytes, memory_order_acquire) + mailbox->size;
        if (at + size > mailbox->free_until)
            return 0;
    }
    copy_in(mailbox, at, checkpoint, size);
    atomic_store_explicit(&mailbox->put_bytes, at + size, memory_order_release);
    atomic_store(&mailbox->put_count, count);
    return count;
}

/* ---- who takes ----------------------------------------------------------------------- */

static void copy_out(const struct room_mailbox *mailbox, uint64_t at, void *bytes, size_t size)
{
    const uint64_t offset = at & (mailbox->size - 1);
    const size_t first = least(size, mailbox->size - offset);
    memcpy(bytes, mailbox->ring + offset, first);
    if (first < size)
        memcpy((char *)bytes + first, mailbox->ring, size - first);
}

bool room_mailbox_peek(struct room_mailbox *mailbox, struct room_checkpoint *checkpoint)
{
    const uint64_t at = mailbox->next_bytes;
    if (at == mailbox->known_bytes) {
        mailbox->known_bytes = atomic_load_explicit(&mailbox->put_bytes, memory_order_acquire);
        if (at == mailbox->known_bytes)
            return false;
    }
    copy_out(mailbox, at, checkpoint, CHECKPOINT_PARTIAL_SIZE);
    copy_out(mailbox, at + CHECKPOINT_PARTIAL_SIZE, (char *)checkpoint + CHECKPOINT_PARTIAL_SIZE,
             checkpoint_size(checkpoint) - CHECKPOINT_PARTIAL_SIZE);
    return true;
}

void room_mailbox_drop(struct room_mailbox *mailbox, const struct room_checkpoint *checkpoint)
{
    mailbox->next_bytes += checkpoint_size(checkpoint);
    mailbox->next_count++;
}

void room_mailbox_release(struct room_mailbox *mailbox)
{
    atomic_store(&mailbox->taken_count, mailbox->next_count);
    atomic_store_explicit(&mailbox->taken_bytes, mailbox->next_bytes, memory_order_release);
}

/* ---- anybody ------------------------------------------------------------------------- */

uint64_t room_mailbox_put_count(const struct room_mailbox *mailbox)
{
    return atomic_load(&mailbox->put_count);
}

uint64_t room_mailbox_taken_count(const struct room_mailbox *mailbox)
{
    return atomic_load(&mailbox->taken_count);
}
