/*
 * room_backlog: see room_backlog.h. The list is dense, so that it goes to the store as it is; the
 * index is a hash table with linear probing that only ever grows until it is emptied.
 */
#include "gamed/room_backlog.h"

#include <stdlib.h>
#include <string.h>

int room_backlog_init(struct room_backlog *backlog, size_t size)
{
    memset(backlog, 0, sizeof *backlog);
    backlog->size = size;
    backlog->index_size = 2;
    while (backlog->index_size < 2 * size)
        backlog->index_size *= 2;
    /* Not touched until it is needed, which for most of it is never. */
    backlog->list = calloc(size, sizeof *backlog->list);
    backlog->index = calloc(backlog->index_size, sizeof *backlog->index);
    if (backlog->list && backlog->index)
        return 0;
    room_backlog_free(backlog);
    return -1;
}

void room_backlog_free(struct room_backlog *backlog)
{
    free(backlog->list);
    free(backlog->index);
    memset(backlog, 0, sizeof *backlog);
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t hash(const char *room_code)
{
    uint32_t value = 2166136261u;
    for (; *room_code; room_code++)
        value = (value ^ (unsigned char)*room_code) * 16777619u;
    return value ^ value >> 16;
}

/* Where the code is in the index, or where it belongs. */
static uint32_t *find(const struct room_backlog *backlog, const char *room_code)
{
    size_t at = hash(room_code) & (backlog->index_size - 1);
    while (backlog->index[at] != 0 &&
           strcmp(backlog->list[backlog->index[at] - 1].room_code, room_code) != 0)
        at = (at + 1) & (backlog->index_size - 1);
    return &backlog->index[at];
}

bool room_backlog_put(struct room_backlog *backlog, const struct room_checkpoint *checkpoint)
{
    uint32_t *place = find(backlog, checkpoint->room_code);
    if (*place == 0) {
        if (backlog->count == backlog->size)
            return false;
        *place = (uint32_t)++backlog->count;
    }
    backlog->list[*place - 1] = *checkpoint;
    return true;
}

static void clear_index(struct room_backlog *backlog)
{
    memset(backlog->index, 0, backlog->index_size * sizeof *backlog->index);
}

void room_backlog_clear(struct room_backlog *backlog)
{
    if (backlog->count > 0)
        clear_index(backlog);
    backlog->count = 0;
}

size_t room_backlog_drop_gone(struct room_backlog *backlog)
{
    const size_t before = backlog->count;
    clear_index(backlog);
    backlog->count = 0;
    for (size_t i = 0; i < before; i++) {
        if (backlog->list[i].is_gone)
            continue;
        const size_t to = backlog->count++;
        if (to != i)
            backlog->list[to] = backlog->list[i];
        *find(backlog, backlog->list[to].room_code) = (uint32_t)backlog->count;
    }
    return before - backlog->count;
}
