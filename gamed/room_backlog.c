/*
 * room_backlog: see room_backlog.h. A room keeps its slot while it is in it; the index is a hash table
 * with linear probing, half empty, whose gaps are closed when a room leaves.
 */
#include "gamed/room_backlog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct room_backlog_slot {
    struct room_checkpoint room;
    bool is_unsaved;
};

int room_backlog_init(struct room_backlog *backlog, size_t size)
{
    memset(backlog, 0, sizeof *backlog);
    backlog->size = size;
    backlog->index_size = 2;
    while (backlog->index_size < 2 * size)
        backlog->index_size *= 2;
    /* Not touched until it is needed, which for most of it is never. */
    backlog->slots = calloc(size, sizeof *backlog->slots);
    backlog->unsaved = calloc(size, sizeof(*backlog->unsaved));
    backlog->free_slots = calloc(size, sizeof *backlog->free_slots);
    backlog->index = calloc(backlog->index_size, sizeof *backlog->index);
    if (!backlog->slots || !backlog->unsaved || !backlog->free_slots || !backlog->index)
        return -1;
    for (size_t i = 0; i < size; i++)
        backlog->free_slots[i] = (uint32_t)(size - 1 - i);
    return 0;
}

void room_backlog_free(struct room_backlog *backlog)
{
    free(backlog->slots);
    free(backlog->unsaved);
    free(backlog->free_slots);
    free(backlog->index);
    memset(backlog, 0, sizeof *backlog);
}

/* ---- the index ------------------------------------------------------------------------- */

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t hash(const char *room_code)
{
    uint32_t value = 2166136261u;
    for (; *room_code; room_code++)
        value = (value ^ (unsigned char)*room_code) * 16777619u;
    return value ^ value >> 16;
}

static size_t next_to(const struct room_backlog *backlog, size_t at)
{
    return (at + 1) & (backlog->index_size - 1);
}

static const char *code_at(const struct room_backlog *backlog, size_t at)
{
    return backlog->slots[backlog->index[at] - 1].room.room_code;
}

static size_t home_of(const struct room_backlog *backlog, const char *room_code)
{
    return hash(room_code) & (backlog->index_size - 1);
}

/* Where the code is in the index, or where it belongs. */
static size_t find(const struct room_backlog *backlog, const char *room_code)
{
    size_t at = home_of(backlog, room_code);
    while (backlog->index[at] != 0 && strcmp(code_at(backlog, at), room_code) != 0)
        at = next_to(backlog, at);
    return at;
}

/* Empties a place and closes the gap: what stands behind it may be there only because it was taken. */
static void unlist(struct room_backlog *backlog, size_t gap)
{
    const size_t mask = backlog->index_size - 1;
    for (size_t at = next_to(backlog, gap); backlog->index[at] != 0; at = next_to(backlog, at)) {
        const size_t home = home_of(backlog, code_at(backlog, at));
        if (((at - home) & mask) < ((at - gap) & mask))
            continue; /* its home is behind the gap */
        backlog->index[gap] = backlog->index[at];
        gap = at;
    }
    backlog->index[gap] = 0;
}

static void forget(struct room_backlog *backlog, const struct room_checkpoint *room)
{
    const size_t at = find(backlog, room->room_code);
    const uint32_t slot = backlog->index[at] - 1;
    unlist(backlog, at);
    backlog->slots[slot].is_unsaved = false;
    backlog->count--;
    backlog->free_slots[backlog->size - backlog->count - 1] = slot;
}

/* ---- in use ---------------------------------------------------------------------------- */

bool room_backlog_put(struct room_backlog *backlog, const struct room_checkpoint *checkpoint)
{
    const size_t at = find(backlog, checkpoint->room_code);
    if (backlog->index[at] == 0) {
        assert(!checkpoint->is_partial);
        if (backlog->count == backlog->size)
            return false;
        backlog->index[at] = backlog->free_slots[backlog->size - backlog->count - 1] + 1;
        backlog->count++;
    }
    struct room_backlog_slot *slot = &backlog->slots[backlog->index[at] - 1];
    assert(!checkpoint->is_partial || !slot->room.is_gone);
    memcpy((char *)&slot->room, (const char *)checkpoint, checkpoint_size(checkpoint));
    slot->room.is_partial = false;
    if (!slot->is_unsaved)
        backlog->unsaved[backlog->unsaved_count++] = &slot->room;
    slot->is_unsaved = true;
    return true;
}

void room_backlog_saved(struct room_backlog *backlog)
{
    for (size_t i = 0; i < backlog->unsaved_count; i++) {
        const struct room_checkpoint *room = backlog->unsaved[i];
        if (room->is_gone)
            forget(backlog, room);
        else
            backlog->slots[backlog->index[find(backlog, room->room_code)] - 1].is_unsaved = false;
    }
    backlog->unsaved_count = 0;
}

void room_backlog_all_unsaved(struct room_backlog *backlog)
{
    for (size_t at = 0; at < backlog->index_size; at++) {
        if (backlog->index[at] == 0 || backlog->slots[backlog->index[at] - 1].is_unsaved)
            continue;
        struct room_backlog_slot *slot = &backlog->slots[backlog->index[at] - 1];
        slot->is_unsaved = true;
        backlog->unsaved[backlog->unsaved_count++] = &slot->room;
    }
}

void room_backlog_forget(struct room_backlog *backlog, char slot)
{
    const size_t before = backlog->unsaved_count;
    backlog->unsaved_count = 0;
    for (size_t i = 0; i < before; i++) {
        if (backlog->unsaved[i]->room_code[0] != slot)
            backlog->unsaved[backlog->unsaved_count++] = backlog->unsaved[i];
    }
    for (size_t at = 0; at < backlog->index_size;) {
        /* One that closes the gap comes from behind, so the same place is looked at again. */
        if (backlog->index[at] != 0 && code_at(backlog, at)[0] == slot)
            forget(backlog, &backlog->slots[backlog->index[at] - 1].room);
        else
            at++;
    }
}

size_t room_backlog_drop_gone(struct room_backlog *backlog)
{
    const size_t before = backlog->unsaved_count;
    backlog->unsaved_count = 0;
    for (size_t i = 0; i < before; i++) {
        const struct room_checkpoint *room = backlog->unsaved[i];
        if (room->is_gone)
            forget(backlog, room);
        else
            backlog->unsaved[backlog->unsaved_count++] = room;
    }
    return before - backlog->unsaved_count;
}
