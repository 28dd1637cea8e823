/*
 * Which wires there are.
 */
#include "bench/load/wire.h"

#include <string.h>

const struct wire *wire_find(const char *name)
{
    static const struct wire *const wires[] = {&wire_v1, &wire_v2, &wire_plain, &wire_relay,
                                               &wire_colyseus};
    for (size_t i = 0; i < sizeof wires / sizeof *wires; i++)
        if (strcmp(wires[i]->name, name) == 0)
            return wires[i];
    return NULL;
}
