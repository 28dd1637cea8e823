/*
 * store_redis_rooms: checkpoints of rooms in Redis: a hash of each slot, written by the slot's owner
 * alone, and read by who has claimed it.
 */
#include "gamed/store_redis_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/redis_scripts.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "gamed/checkpoint_json.h"
#include "gamed/slot_load.h"

enum {
    ROWS_AT_ONCE = 256, /* in a script, which holds Redis up meanwhile: about 1 ms */
    HEAD_ARGS = 3,
    REFUSALS_TOLD_EVERY_MS = 60 * 1000
};

/* One script's arguments. Codes point into the checkpoints, which outlive it. */
struct store_redis_rows {
    const char *args[HEAD_ARGS + 2 * ROWS_AT_ONCE];
    size_t sizes[HEAD_ARGS + 2 * ROWS_AT_ONCE];
    const char *gone[ROWS_AT_ONCE];
    size_t row_count, gone_count;
    char text[ROWS_AT_ONCE][CHECKPOINT_JSON_MAX];
};

struct store_redis_rows *store_redis_rows_new(void)
{
    return malloc(sizeof(struct store_redis_rows));
}

void store_redis_rows_free(struct store_redis_rows *rows)
{
    free(rows);
}

/* ---- saving -------------------------------------------------------------------------- */

/* Such a room is met at each save: a line a minute is enough. */
static void tell_refused(struct store_redis *redis, const char *room_code, const char *problem)
{
    const unsigned refused = atomic_fetch_add(&redis->rooms_refused, 1) + 1;
    const int64_t now_ms = clock_read().mono_ms;
    if (redis->refusal_told_ms && now_ms - redis->refusal_told_ms < REFUSALS_TOLD_EVERY_MS)
        return;
    log_error("room %.6s: its state is not saved, as it is not possible: %s (%u such states since "
              "the last time this was said)",
              room_code, problem, refused - redis->refusals_told);
    redis->refusal_told_ms = now_ms;
    redis->refusals_told = refused;
}

static void take_room(struct store_redis *redis, const struct room_checkpoint *room)
{
    struct store_redis_rows *rows = redis->rows;
    if (room->is_gone) {
        rows->gone[rows->gone_count++] = room->room_code;
        return;
    }
    const char *problem = checkpoint_problem(room);
    if (problem) {
        tell_refused(redis, room->room_code, problem);
        return;
    }
    if (room->pong.phase == PONG_FINISHED)
        FAILPOINT("room-over-saved");
    const size_t at = HEAD_ARGS + 2 * rows->row_count;
    rows->args[at] = room->room_code;
    rows->sizes[at] = strlen(room->room_code);
    rows->args[at + 1] = rows->text[rows->row_count];
    rows->sizes[at + 1] = checkpoint_json_write(room, rows->text[rows->row_count]);
    rows->row_count++;
}

/* Adds the script that writes what was taken. */
static void add_rows(struct store_redis *redis, int slot, const char *claim)
{
    struct store_redis_rows *rows = redis->rows;
    const char *const keys[] = {slot_key(SLOT_KEY_LEASE, slot),
                                slot_key(SLOT_KEY_FENCE_ROOMS, slot),
                                slot_key(SLOT_KEY_ROOMS, slot)};
    char batch[24], row_count[24];
    size_t count = HEAD_ARGS + 2 * rows->row_count;
    store_redis_next_batch(&redis->rooms, batch);
    snprintf(row_count, sizeof row_count, "%zu", rows->row_count);
    rows->args[0] = claim;
    rows->args[1] = batch;
    rows->args[2] = row_count;
    for (size_t i = 0; i < HEAD_ARGS; i++)
        rows->sizes[i] = strlen(rows->args[i]);
    for (size_t i = 0; i < rows->gone_count; i++, count++) {
        rows->args[count] = rows->gone[i];
        rows->sizes[count] = strlen(rows->gone[i]);
    }
    redis_script_add(redis->rooms.link, REDIS_SCRIPT_ROOMS, 3, keys, (int)count, rows->args,
                     rows->sizes);
}

/* Adds the scripts of one slot's rooms, and returns how many. */
static size_t add_slot(struct store_redis *redis, int slot, const char *claim,
                       const struct room_checkpoint *const *list, size_t count)
{
    struct store_redis_rows *rows = redis->rows;
    const char letter = slot_letter(slot);
    size_t added = 0;
    rows->row_count = rows->gone_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i]->room_code[0] != letter)
            continue;
        take_room(redis, list[i]);
        if (rows->row_count + rows->gone_count == ROWS_AT_ONCE) {
            add_rows(redis, slot, claim);
            added++;
            rows->row_count = rows->gone_count = 0;
        }
    }
    if (rows->row_count + rows->gone_count == 0)
        return added;
    add_rows(redis, slot, claim);
    return added + 1;
}

/* Which slots have rooms in the list: a bit each. */
static uint32_t slots_of(const struct room_checkpoint *const *list, size_t count)
{
    uint32_t slots = 0;
    for (size_t i = 0; i < count; i++) {
        const int slot = slot_index(list[i]->room_code[0]);
        if (slot >= 0)
            slots |= UINT32_C(1) << slot;
    }
    return slots;
}

int store_redis_rooms_save(struct store *store, const struct room_checkpoint *const *list,
                           size_t count)
{
    struct store_redis *redis = store_redis_of(store);
    struct store_redis_claims claims;
    struct redisReply *const *replies;
    size_t scripts = 0;
    int outcome = STORE_OK;
    if (count == 0)
        return store_redis_prove(redis, &redis->rooms);
    store_redis_read_claims(redis, &claims);
    const uint32_t slots = slots_of(list, count);
    if (store_redis_ready(&redis->rooms) != STORE_OK)
        return STORE_BROKEN;
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        if ((slots >> slot & 1) && claims.claim[slot][0] != '\0')
            scripts += add_slot(redis, slot, claims.claim[slot], list, count);
    }
    if (scripts == 0)
        return STORE_OK;
    FAILPOINT("rooms-before-commit");
    if (store_redis_run(&redis->rooms, &replies) != STORE_OK)
        return STORE_BROKEN;
    FAILPOINT("rooms-after-commit");
    for (size_t i = 0; i < scripts; i++) {
        const int written = store_redis_outcome(redis, replies[i]);
        outcome = written == STORE_OK ? outcome : written;
    }
    return outcome;
}

/* ---- loading ------------------------------------------------------------------------- */

int store_redis_rooms_load(struct store *store,
                           void (*each)(void *arg, const struct room_checkpoint *checkpoint),
                           void *arg)
{
    struct store_redis *redis = store_redis_of(store);
    struct store_redis_claims claims;
    store_redis_read_claims(redis, &claims);
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        struct slot_load *load;
        if (claims.claim[slot][0] == '\0')
            continue;
        if (slot_load_read(redis->rooms.link, slot, claims.claim[slot], &load) != STORE_OK)
            return STORE_BROKEN;
        for (size_t i = 0; i < load->count; i++)
            each(arg, &load->rooms[i].checkpoint);
        free(load);
    }
    return STORE_OK;
}
