/*
 * result_mailbox: see result_mailbox.h. A slot is written before `tail` is released past it, and
 * read before `head` is: each side's acquire of the other's counter makes the slot its own.
 */
#include "gamed/result_mailbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int result_mailbox_init(struct result_mailbox *mailbox, size_t size)
{
    assert(size > 0 && size <= (size_t)1 << 30);
    mailbox->size = 1;
    while (mailbox->size < size)
        mailbox->size *= 2;
    atomic_init(&mailbox->head, 0);
    atomic_init(&mailbox->tail, 0);
    /*
     * So many are wanted in a long failure of the store only, but then no put shall wait for a page,
     * and until then the process not seem to grow with each result. So they are touched now; after
     * a calloc() the compiler would leave that out.
     */
    const size_t bytes = mailbox->size * sizeof *mailbox->slots;
    mailbox->slots = aligned_alloc(_Alignof(struct match_result), bytes);
    if (!mailbox->slots)
        return -1;
    memset(mailbox->slots, 0, bytes);
    return 0;
}

void result_mailbox_free(struct result_mailbox *mailbox)
{
    free(mailbox->slots);
    mailbox->slots = NULL;
}

bool result_mailbox_put(struct result_mailbox *mailbox, const struct match_result *result)
{
    const uint32_t tail = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);
    const uint32_t head = atomic_load_explicit(&mailbox->head, memory_order_acquire);
    if (tail - head == mailbox->size)
        return false;
    mailbox->slots[tail & (mailbox->size - 1)] = *result;
    atomic_store_explicit(&mailbox->tail, tail + 1, memory_order_release);
    return true;
}

uint32_t result_mailbox_count(const struct result_mailbox *mailbox)
{
    /* head first: it is then never past the tail that is read after it. */
    const uint32_t head = atomic_load_explicit(&mailbox->head, memory_order_acquire);
    return atomic_load_explicit(&mailbox->tail, memory_order_acquire) - head;
}

const struct match_result *result_mailbox_peek(const struct result_mailbox *mailbox, uint32_t index)
{
    const uint32_t head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);
    return &mailbox->slots[(head + index) & (mailbox->size - 1)];
}

void result_mailbox_drop(struct result_mailbox *mailbox, uint32_t count)
{
    const uint32_t head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);
    atomic_store_explicit(&mailbox->head, head + count, memory_order_release);
}
