/*
 * store_redis_outbox: the outbox of results in Redis, written: for each slot a script, which compares
 * its lease. Reading is store_redis_list.c's.
 */
#include "gamed/store_redis_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cluster/redis_scripts.h"
#include "common/failpoint.h"
#include "gamed/store_redis_record.h"

enum {
    ENTRIES_AT_ONCE = 64, /* in a script */
    HEAD_ARGS = 4,
    ENTRY_ARGS = 6
};

/* One script's arguments; the numbers are here, the rest is in the entries. */
struct batch {
    const char *args[HEAD_ARGS + ENTRY_ARGS * ENTRIES_AT_ONCE];
    size_t sizes[HEAD_ARGS + ENTRY_ARGS * ENTRIES_AT_ONCE];
    struct {
        char state[12], next[24], settled[24], tail[STORE_REDIS_TAIL_SIZE];
    } texts[ENTRIES_AT_ONCE];
    char number[24], slot[2];
    size_t count;
};

static void set(struct batch *batch, size_t at, const char *text)
{
    batch->args[at] = text;
    batch->sizes[at] = strlen(text);
}

static void take_entry(struct batch *batch, const struct outbox_entry *entry)
{
    const size_t at = HEAD_ARGS + ENTRY_ARGS * batch->count;
    char *state = batch->texts[batch->count].state, *next = batch->texts[batch->count].next;
    char *settled = batch->texts[batch->count].settled, *tail = batch->texts[batch->count].tail;
    assert(entry->body_size <= OUTBOX_BODY_MAX);
    snprintf(state, sizeof batch->texts[0].state, "%d", (int)entry->state);
    snprintf(next, sizeof batch->texts[0].next, "%" PRId64, entry->retry.next_attempt_ms);
    snprintf(settled, sizeof batch->texts[0].settled, "%" PRId64, entry->settled_ms);
    store_redis_tail_write(entry, tail);
    set(batch, at, entry->match_id);
    set(batch, at + 1, state);
    set(batch, at + 2, next);
    set(batch, at + 3, settled);
    set(batch, at + 4, tail);
    batch->args[at + 5] = entry->body;
    batch->sizes[at + 5] = entry->body_size;
    batch->count++;
}

static void add_batch(struct store_redis *redis, struct batch *batch, bool is_update, int slot,
                      const char *claim)
{
    const char *const keys[] = {slot_key(SLOT_KEY_LEASE, slot),
                                slot_key(SLOT_KEY_FENCE_RESULTS, slot),
                                REDIS_KEY_RESULTS,
                                REDIS_KEY_SERIAL,
                                REDIS_KEY_SETTLED,
                                REDIS_KEY_STATE_0,
                                REDIS_KEY_STATE_1,
                                REDIS_KEY_STATE_2,
                                REDIS_KEY_STATE_3};
    store_redis_next_batch(&redis->results, batch->number);
    batch->slot[0] = slot_letter(slot);
    batch->slot[1] = '\0';
    set(batch, 0, claim);
    set(batch, 1, batch->number);
    set(batch, 2, is_update ? "1" : "0");
    set(batch, 3, batch->slot);
    redis_script_add(redis->results.link, REDIS_SCRIPT_RESULTS, sizeof keys / sizeof keys[0], keys,
                     (int)(HEAD_ARGS + ENTRY_ARGS * batch->count), batch->args, batch->sizes);
    batch->count = 0;
}

/* Where an entry is written. */
enum place {
    NOWHERE = -1,  /* it is another's: nothing is to be done */
    UNDECIDED = -2 /* ours to write, but there is no slot to write it under */
};

/*
 * The operator has an entry tried again in whatever process was asked, which need not be that of its
 * slot: it is the one change of an entry that is not ours which counts, and makes it ours.
 */
static int place_of(const struct outbox_entry *entry, bool is_update,
                    const struct store_redis_claims *claims)
{
    const int slot = slot_index(outbox_entry_slot(entry));
    const bool is_operators =
        is_update && entry->state == OUTBOX_PENDING && entry->retry.attempts == 0;
    if (slot >= 0 && claims->claim[slot][0] != '\0')
        return slot;
    if (slot >= 0 && !is_operators)
        return NOWHERE;
    return claims->first >= 0 ? claims->first : UNDECIDED;
}

/* Adds the scripts of one slot's entries, and returns how many. */
static size_t add_slot(struct store_redis *redis, int slot, const int8_t *places,
                       const struct outbox_entry *entries, size_t count, bool is_update,
                       const char *claim)
{
    struct batch batch = {.count = 0};
    size_t added = 0;
    for (size_t i = 0; i < count; i++) {
        if (places[i] != slot)
            continue;
        take_entry(&batch, &entries[i]);
        if (batch.count == ENTRIES_AT_ONCE) {
            add_batch(redis, &batch, is_update, slot, claim);
            added++;
        }
    }
    if (batch.count == 0)
        return added;
    add_batch(redis, &batch, is_update, slot, claim);
    return added + 1;
}

/* At most ENTRIES_AT_ONCE of them. */
static int write_some(struct store_redis *redis, const struct outbox_entry *entries, size_t count,
                      bool is_update)
{
    struct store_redis_claims claims;
    struct redisReply *const *replies;
    int8_t places[ENTRIES_AT_ONCE];
    uint32_t slots = 0;
    size_t scripts = 0;
    int outcome = STORE_OK;
    store_redis_read_claims(redis, &claims);
    for (size_t i = 0; i < count; i++) {
        places[i] = (int8_t)place_of(&entries[i], is_update, &claims);
        if (places[i] == UNDECIDED)
            return STORE_BROKEN;
        if (places[i] >= 0)
            slots |= UINT32_C(1) << places[i];
    }
    if (slots == 0)
        return STORE_OK;
    if (store_redis_ready(&redis->results) != STORE_OK)
        return STORE_BROKEN;
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        if (slots >> slot & 1)
            scripts += add_slot(redis, slot, places, entries, count, is_update, claims.claim[slot]);
    }
    const size_t counts = store_redis_add_counts(redis, &claims);
    FAILPOINT(is_update ? "mark-before-commit" : "result-before-commit");
    if (store_redis_run(&redis->results, &replies) != STORE_OK)
        return STORE_BROKEN;
    FAILPOINT(is_update ? "mark-after-commit" : "result-after-commit");
    for (size_t i = 0; i < scripts; i++) {
        const int written = store_redis_outcome(redis, replies[i]);
        outcome = written == STORE_OK ? outcome : written;
    }
    store_redis_take_counts(redis, replies + scripts, counts);
    return outcome;
}

/* *done of them are written when it returns. */
static int write_entries(struct store_redis *redis, const struct outbox_entry *entries,
                         size_t count, bool is_update, size_t *done)
{
    *done = 0;
    while (*done < count) {
        size_t some = count - *done;
        if (some > ENTRIES_AT_ONCE)
            some = ENTRIES_AT_ONCE;
        const int outcome = write_some(redis, entries + *done, some, is_update);
        if (outcome != STORE_OK)
            return outcome;
        *done += some;
    }
    return STORE_OK;
}

int store_redis_outbox_insert(struct store *store, const struct outbox_entry *entries, size_t count,
                              size_t *inserted)
{
    struct store_redis *redis = store_redis_of(store);
    *inserted = 0;
    if (count == 0)
        return store_redis_prove(redis, &redis->results);
    return write_entries(redis, entries, count, false, inserted);
}

int store_redis_outbox_update(struct store *store, const struct outbox_entry *entries, size_t count)
{
    size_t done;
    return write_entries(store_redis_of(store), entries, count, true, &done);
}

int store_redis_outbox_purge(struct store *store, int64_t before_ms, size_t *purged)
{
    struct store_redis *redis = store_redis_of(store);
    struct store_redis_claims claims;
    struct redisReply *const *replies;
    char before[24], max[24];
    *purged = 0;
    store_redis_read_claims(redis, &claims);
    if (claims.first < 0)
        return STORE_OK; /* somebody has one, and does it */
    if (store_redis_ready(&redis->results) != STORE_OK)
        return STORE_BROKEN;
    snprintf(before, sizeof before, "%" PRId64, before_ms);
    snprintf(max, sizeof max, "%d", OUTBOX_PURGE_MAX);
    const char *const keys[] = {slot_key(SLOT_KEY_LEASE, claims.first), REDIS_KEY_RESULTS,
                                REDIS_KEY_SETTLED, REDIS_KEY_STATE_1, REDIS_KEY_STATE_3};
    const char *const args[] = {claims.claim[claims.first], before, max};
    redis_script_add(redis->results.link, REDIS_SCRIPT_PURGE, sizeof keys / sizeof keys[0], keys, 3,
                     args, NULL);
    if (store_redis_run(&redis->results, &replies) != STORE_OK)
        return STORE_BROKEN;
    const long long count = redis_reply_integer(replies[0], -1);
    if (count < 0 || count > OUTBOX_PURGE_MAX)
        return STORE_BROKEN;
    *purged = (size_t)count;
    return STORE_OK;
}
