/*
 * Several slots in one process, each its own only while that is certain: rooms stand still meanwhile,
 * go on, or are dropped. Which slots, and until when, is others' knowledge (hook slot_is_valid).
 */
#include "gamed/game_manager_private.h"

#include <utlist.h>

bool manager_slot_runs(const struct game_manager *manager, int slot)
{
    if (!manager->config.has_slots)
        return true;
    return manager->slots[slot].state == GAME_SLOT_OPEN &&
           (!manager->hooks.slot_is_valid ||
            manager->hooks.slot_is_valid(manager->hooks.durable_arg, slot));
}

bool game_manager_room_runs(const struct game_manager *manager, const struct room *room)
{
    return !manager->config.has_slots ||
           (!room->frozen_since_ms && manager_slot_runs(manager, room->slot));
}

bool game_manager_slot_error(const struct game_manager *manager, const char *code, int *error)
{
    const int slot = slot_index(code[0]);
    if (!manager->config.has_slots || slot < 0 ||
        (manager_slot_runs(manager, slot) &&
         (!manager->slots[slot].lacks_rooms || game_manager_find(manager, code))))
        return false;
    *error = manager->slots[slot].state == GAME_SLOT_NONE ? GAME_MANAGER_WRONG_SLOT
                                                          : GAME_MANAGER_SLOT_MOVING;
    return true;
}

void game_manager_slot_set(struct game_manager *manager, int slot, enum game_slot state)
{
    manager->slots[slot].state = state;
    manager->slots[slot].lacks_rooms &= state != GAME_SLOT_NONE;
}

void game_manager_slot_lacks(struct game_manager *manager, int slot, bool lacks_rooms)
{
    manager->slots[slot].lacks_rooms = lacks_rooms;
}

enum game_slot game_manager_slot(const struct game_manager *manager, int slot)
{
    return manager->slots[slot].state;
}

void game_manager_set_home(struct game_manager *manager, int slot)
{
    manager->home = slot;
}

int game_manager_home(const struct game_manager *manager)
{
    return manager->home;
}

int game_manager_slot_rooms(const struct game_manager *manager, int slot)
{
    return manager->slots[slot].room_count + manager_count_unsafe(manager, slot, true) +
           manager_count_gone(manager, slot);
}

int game_manager_slot_unsafe(const struct game_manager *manager, int slot)
{
    return manager_count_unsafe(manager, slot, false);
}

/* ---- standing still ------------------------------------------------------------------ */

static void freeze(struct game_manager *manager, struct room *room, struct now now)
{
    if (room->frozen_since_ms)
        return;
    room->frozen_since_ms = now.mono_ms;
    manager->totals.freezes++;
}

/* Everybody in it gets the whole state: they have seen nothing of what came meanwhile. */
static void thaw(struct game_manager *manager, struct room *room, struct now now)
{
    const int64_t since_ms = room->frozen_since_ms;
    struct game_events events = {0};
    struct player_session *session;
    room->frozen_since_ms = 0;
    manager->totals.thaws++;
    game_state_thaw(&room->game, since_ms, now, &events);
    if (room->held_since_ms)
        room->held_since_ms = game_state_moved(room->held_since_ms, since_ms, now);
    DL_FOREACH (room->sessions, session) {
        session->opened_ms = game_state_moved(session->opened_ms, since_ms, now);
        session->heard_ms = game_state_moved(session->heard_ms, since_ms, now);
        session->sent_ms = game_state_moved(session->sent_ms, since_ms, now);
        session->owed_full |= !session->is_bot && !session->is_binary;
    }
    manager_owe_keyframes(room);
    manager_publish(manager, room, &events, now);
}

bool manager_stands_still(struct game_manager *manager, struct room *room, struct now now)
{
    if (!manager_slot_runs(manager, room->slot)) {
        freeze(manager, room, now);
        return true;
    }
    if (room->frozen_since_ms)
        thaw(manager, room, now);
    return false;
}

bool manager_may_not_send(struct game_manager *manager, struct room *room, struct now now)
{
    if (!manager_slot_runs(manager, room->slot))
        freeze(manager, room, now);
    return room->frozen_since_ms != 0;
}

/* ---- a slot goes --------------------------------------------------------------------- */

int game_manager_checkpoint_slot(struct game_manager *manager, int slot, struct now now)
{
    int missed = 0;
    manager_tell_gone(manager);
    for (int i = 0; i < GAME_MANAGER_PHASES; i++) {
        struct room *room;
        DL_FOREACH (manager->phases[i].rooms, room) {
            missed += room->slot == slot && !manager_save(manager, room, now);
        }
    }
    return missed + manager_count_gone(manager, slot);
}

void game_manager_drop_slot(struct game_manager *manager, int slot, enum session_close code,
                            struct now now)
{
    (void)now;
    manager_drop_unsafe(manager, slot); /* first: then no room points to one */
    manager_drop_gone(manager, slot);
    for (int i = 0; i < GAME_MANAGER_PHASES; i++) {
        struct room *room, *after;
        DL_FOREACH_SAFE (manager->phases[i].rooms, room, after) {
            if (room->slot == slot)
                manager_remove_room(manager, room, code);
        }
    }
}
