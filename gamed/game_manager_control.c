/*
 * What the operator asks for about rooms; sending a player away is in game_manager_sessions.c.
 */
#include "gamed/game_manager_private.h"

#include <string.h>

const struct room *game_manager_find(const struct game_manager *manager, const char *code)
{
    struct room *room;
    HASH_FIND_STR(manager->rooms_by_code, code, room);
    return room;
}

/* Puts the room in its place by code; what there is no place for falls off the end. */
static void insert_sorted(const struct room **rooms, size_t *count, size_t max,
                          const struct room *room)
{
    size_t at = *count;
    while (at > 0 && strcmp(rooms[at - 1]->game.room_code, room->game.room_code) > 0)
        at--;
    if (at == max)
        return;
    if (*count < max)
        ++*count;
    memmove(&rooms[at + 1], &rooms[at], (*count - at - 1) * sizeof *rooms);
    rooms[at] = room;
}

size_t game_manager_rooms_after(const struct game_manager *manager, const char *after,
                                const struct room **rooms, size_t max)
{
    size_t count = 0;
    const struct room *room, *next;
    HASH_ITER(hh, manager->rooms_by_code, room, next)
    if (strcmp(room->game.room_code, after) > 0)
        insert_sorted(rooms, &count, max, room);
    return count;
}

void game_manager_refuse_rooms(struct game_manager *manager, bool refuse)
{
    manager->refuses_rooms = refuse;
}
