/*
 * instance_reader: see instance_reader.h.
 */
#include "api-fcgi/instance_reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

static_assert((int)INSTANCE_TABLE_MAX >= (int)INSTANCES_MAX, "a row for each");
static_assert((int)INSTANCE_PLACE_SIZE >= (int)INSTANCE_ADDRESS_SIZE, "an address fits");

enum {
    READ_DEADLINE_MS = 1000,
    FORGOTTEN_MS = 3000 /* longer than an owner takes to set its lease again, or loses it */
};

struct instance_reader {
    struct redis_link *link;
    uint64_t generation; /* of the link, when last read */
    struct instance_traces traces;
    struct watched watched;
};

struct instance_reader *instance_reader_new(const struct redis_link_config *config, char *error,
                                            size_t error_size)
{
    struct instance_reader *reader;

    if (redis_link_check(config->url, error, error_size) != 0)
        return NULL;
    reader = calloc(1, sizeof *reader);
    if (reader != NULL && redis_link_new(config, &reader->link) == REDIS_LINK_OK)
        return reader;
    snprintf(error, error_size, "the connection to Redis cannot be prepared: %s",
             reader != NULL ? "is --redis-ca a file of certificates?" : "out of memory");
    free(reader);
    return NULL;
}

void instance_reader_free(struct instance_reader *reader)
{
    if (reader != NULL)
        redis_link_free(reader->link);
    free(reader);
}

const char *instance_reader_error(const struct instance_reader *reader)
{
    return redis_link_error(reader->link);
}

void instance_traces_begin(struct instance_traces *traces, int64_t now_ms)
{
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        traces->seen_ms[slot] = now_ms;
}

/* Whether another has the address of this one, which is not fresh. */
static bool is_replaced(const struct watched *watched, size_t index)
{
    for (size_t i = 0; !watched->is_fresh[index] && i < watched->instance_count; i++)
        if ((watched->is_fresh[i] || i < index) &&
            strcmp(watched->instances[i].ipc, watched->instances[index].ipc) == 0)
            return true;
    return false;
}

static uint32_t slots_of(const struct watched *watched, const struct instance_record *record)
{
    uint32_t slots = 0;

    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (watched_owner(watched, slot) == record)
            slots |= UINT32_C(1) << slot;
    return slots;
}

static void fill_view(const struct watched *watched, size_t index, struct instance_view *view)
{
    const struct instance_record *record = &watched->instances[index];

    *view = (struct instance_view){.slots = slots_of(watched, record),
                                   .load = record->load,
                                   .waiting = record->waiting,
                                   .is_fresh = watched->is_fresh[index],
                                   .is_known = true,
                                   .draining = record->draining,
                                   .has_home = record->home != '\0'};
    memcpy(view->id, record->id, sizeof record->id);
    memcpy(view->ipc, record->ipc, sizeof record->ipc);
    memcpy(view->ws, record->ws, sizeof record->ws);
}

/* Whether a slot has no trace. One that was released says so itself. */
static bool is_nobodys(const struct watched *watched, struct instance_traces *traces, int slot,
                       int64_t now_ms)
{
    if (!watched_is_nobodys(watched, slot)) {
        traces->seen_ms[slot] = now_ms;
        return false;
    }
    return strcmp(watched->slots[slot].last, "-") == 0 ||
           now_ms - traces->seen_ms[slot] >= FORGOTTEN_MS;
}

void instance_reader_fill(const struct watched *watched, struct instance_traces *traces,
                          int64_t now_ms, struct instance_table *table)
{
    table->count = 0;
    for (size_t i = 0; i < watched->instance_count; i++)
        if (!is_replaced(watched, i))
            fill_view(watched, i, &table->view[table->count++]);
    table->nobodys = 0;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (is_nobodys(watched, traces, slot, now_ms))
            table->nobodys |= UINT32_C(1) << slot;
}

bool instance_reader_look(struct instance_reader *reader, struct instance_table *table)
{
    struct redisReply *const *replies;
    size_t count;
    int64_t now_ms;

    if (redis_link_open(reader->link) != REDIS_LINK_OK)
        return false;
    redis_link_begin(reader->link);
    watch_add(reader->link, NULL);
    if (redis_link_run(reader->link, READ_DEADLINE_MS, &replies, &count) != REDIS_LINK_OK ||
        count != 1 || watch_read(replies[0], &reader->watched) != 0)
        return false;
    now_ms = clock_read().mono_ms;
    if (redis_link_generation(reader->link) != reader->generation)
        instance_traces_begin(&reader->traces, now_ms);
    reader->generation = redis_link_generation(reader->link);
    instance_reader_fill(&reader->watched, &reader->traces, now_ms, table);
    return true;
}
