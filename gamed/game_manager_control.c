/*
 * What the operator asks for about rooms; sending a player away is in game_manager_sessions.c. The
 * rooms are kept in order, so that a page of ten thousand costs no more than one of a hundred.
 */
#include "gamed/game_manager_private.h"

#include <string.h>

const struct room *game_manager_find(const struct game_manager *manager, const char *code)
{
    struct room *room;
    HASH_FIND_STR(manager->rooms_by_code, code, room);
    return room;
}

/* How many rooms have codes before this one, or, if `and_itself`, it and those before. */
static size_t rank(const struct game_manager *manager, const char *code, bool and_itself)
{
    size_t low = 0, high = manager->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(manager->sorted[middle]->game.room_code, code);
        if (order < 0 || (order == 0 && and_itself))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void manager_sort_in(struct game_manager *manager, struct room *room)
{
    size_t at = rank(manager, room->game.room_code, false);
    memmove(&manager->sorted[at + 1], &manager->sorted[at],
            (manager->sorted_count++ - at) * sizeof *manager->sorted);
    manager->sorted[at] = room;
}

void manager_sort_out(struct game_manager *manager, const struct room *room)
{
    size_t at = rank(manager, room->game.room_code, false);
    memmove(&manager->sorted[at], &manager->sorted[at + 1],
            (--manager->sorted_count - at) * sizeof *manager->sorted);
}

size_t game_manager_rooms_after(const struct game_manager *manager, const char *after,
                                const struct room **rooms, size_t max)
{
    size_t first = rank(manager, after, true), count = manager->sorted_count - first;
    if (count > max)
        count = max;
    for (size_t i = 0; i < count; i++)
        rooms[i] = manager->sorted[first + i];
    return count;
}

void game_manager_refuse_rooms(struct game_manager *manager, bool refuse)
{
    manager->refuses_rooms = refuse;
}
