/*
 * instance_table: what one look told of all instances, and who of them is to be asked. Pure. Must not
 * know where it was learnt, nor hold a connection.
 */
#ifndef PONG_API_INSTANCE_TABLE_H
#define PONG_API_INSTANCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/slot_keys.h"

enum {
    INSTANCE_TABLE_MAX = 64,
    INSTANCE_PLACE_SIZE = 512 /* bytes of an address, with NUL */
};

struct instance_view {
    char id[INSTANCE_ID_SIZE];     /* "" without Redis */
    char ipc[INSTANCE_PLACE_SIZE]; /* URL */
    char ws[INSTANCE_PLACE_SIZE];  /* as nginx has it; "" not known */
    uint32_t slots;                /* bit S: it has the slot of index S for certain */
    int load, waiting;             /* see struct instance_record */
    bool is_fresh;                 /* heard of lately */
    bool is_known;                 /* heard of ever */
    bool draining;
    bool has_home; /* it could open a room */
};

struct instance_table {
    struct instance_view view[INSTANCE_TABLE_MAX]; /* in order of id, or as they were named */
    size_t count;
    uint32_t nobodys; /* bit S: there is certainly no room in this slot */
};

/* Index of the slot's owner, or -1. */
int instance_table_owner(const struct instance_table *table, int slot);

/* Whether two have the same slot: then the first of them counts. *slot is one. */
bool instance_table_collides(const struct instance_table *table, int *slot);

/* Whether two that were heard of lately have one IPC or WebSocket address: index of the second of them, or -1. */
int instance_table_twin(const struct instance_table *table);

/*
 * Where to open a room: the less loaded of two that take rooms, by two random numbers. `not_this` is an
 * index that is out of the question, -1 for none. Where nobody takes rooms somebody who will say so; -1:
 * there is nobody.
 */
int instance_table_for_create(const struct instance_table *table, int not_this, uint32_t random_a,
                              uint32_t random_b);

/*
 * Where to look for an opponent: where most wait; else the first that is not much more loaded than the
 * least loaded, so that those who come now find each other. Else as instance_table_for_create.
 */
int instance_table_for_quick(const struct instance_table *table, int not_this, uint32_t random_a,
                             uint32_t random_b);

#endif
