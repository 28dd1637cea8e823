/*
 * control_slots: slots as the operator sees them, in replies of the control socket (docs/protocol.md §5).
 * It only looks.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_CONTROL_SLOTS_H
#define PONG_GAMED_CONTROL_SLOTS_H

#include <jansson.h>

#include "gamed/slot_owner.h"

/*
 * Sets in the reply: "instance", the name of this process; "slots", an array of objects with "slot" (a
 * letter), "state" (slot_owner_word()), "rooms" and, of one, "home"; "draining_done".
 */
void control_slots_add(json_t *reply, const struct slot_owner *owner, const char *instance);

#endif
