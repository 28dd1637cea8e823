/*
 * result_copies: see result_copies.h.
 */
#include "gamed/result_copies.h"

#include <assert.h>
#include <stdlib.h>

/* When memory is short, an item is not added, instead of an end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct result_copy {
    UT_hash_handle hh;
    struct result_copy *prev, *next;
    struct outbox_entry entry; /* last: only as much of the body as there is, is there */
};

static struct result_copy *find(const struct result_copies *copies, const char *match_id)
{
    struct result_copy *copy;
    HASH_FIND_STR(copies->by_id, match_id, copy);
    return copy;
}

static void drop(struct result_copies *copies, struct result_copy *copy)
{
    assert(copies->by_id); /* as it has this one */
    if (copies->next_due == copy)
        copies->next_due = copy->next;
    HASH_DEL(copies->by_id, copy);
    DL_DELETE(copies->items, copy);
    copies->count--;
    free(copy);
}

void result_copies_free(struct result_copies *copies)
{
    while (copies->items)
        drop(copies, copies->items);
}

void result_copies_keep(struct result_copies *copies, const struct outbox_entry *entry)
{
    result_copies_drop(copies, entry->match_id);
    struct result_copy *copy = malloc(offsetof(struct result_copy, entry.body) + entry->body_size);
    if (!copy)
        return;
    outbox_entry_copy(&copy->entry, entry);
    copy->hh.tbl = NULL;
    HASH_ADD_STR(copies->by_id, entry.match_id, copy);
    if (!copy->hh.tbl) {
        free(copy);
        return;
    }
    DL_APPEND(copies->items, copy);
    if (++copies->count > RESULT_COPIES_MAX)
        drop(copies, copies->items);
}

void result_copies_drop(struct result_copies *copies, const char *match_id)
{
    struct result_copy *copy = find(copies, match_id);
    if (copy)
        drop(copies, copy);
}

void result_copies_forget_slot(struct result_copies *copies, char slot)
{
    struct result_copy *copy, *next;
    DL_FOREACH_SAFE (copies->items, copy, next) {
        if (outbox_entry_slot(&copy->entry) == slot)
            drop(copies, copy);
    }
}

void result_copies_rewrite(struct result_copies *copies)
{
    copies->next_due = copies->items;
}

size_t result_copies_due(const struct result_copies *copies, struct outbox_entry *entries,
                         size_t max)
{
    size_t count = 0;
    for (const struct result_copy *copy = copies->next_due; copy && count < max; copy = copy->next)
        outbox_entry_copy(&entries[count++], &copy->entry);
    return count;
}

void result_copies_done(struct result_copies *copies, size_t count)
{
    for (; count > 0 && copies->next_due; count--)
        copies->next_due = copies->next_due->next;
}
