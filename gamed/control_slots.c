/*
 * control_slots: see control_slots.h.
 */
#include "gamed/control_slots.h"

void control_slots_add(json_t *reply, const struct slot_owner *owner, const char *instance)
{
    struct slot_owner_stats stats;
    json_t *list = json_array();
    slot_owner_stats(owner, &stats);
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        const char letter[2] = {slot_letter(slot), '\0'};
        if (stats.slots[slot] == SLOT_OWNER_NONE)
            continue;
        json_t *entry = json_pack("{s:s, s:s, s:i}", "slot", letter, "state",
                                  slot_owner_word(stats.slots[slot]), "rooms", stats.rooms[slot]);
        if (slot == stats.home)
            json_object_set_new(entry, "home", json_true());
        json_array_append_new(list, entry);
    }
    json_object_set_new(reply, "instance", json_string(instance));
    json_object_set_new(reply, "slots", list);
    json_object_set_new(reply, "draining_done", json_boolean(stats.is_drained));
}
