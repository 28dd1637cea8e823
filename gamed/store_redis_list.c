/*
 * store_redis_list: the outbox of results in Redis, read: what is next in the slots that are ours, what
 * the site has, and how much. Plain commands, which need no lease: what they say may be older than the
 * answer.
 */
#include "gamed/store_redis_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/log.h"
#include "gamed/store_redis_record.h"

static const char *const state_keys[] = {
    [OUTBOX_PENDING] = REDIS_KEY_STATE_0,
    [OUTBOX_DELIVERED] = REDIS_KEY_STATE_1,
    [OUTBOX_FAILED] = REDIS_KEY_STATE_2,
    [OUTBOX_NOT_POSTED] = REDIS_KEY_STATE_3,
};

/* What a set says of an entry: where it stands. */
struct reference {
    struct outbox_place place; /* by time and serial, or by serial alone */
    char match_id[UUID_SIZE];
};

/* ---- records ----------------------------------------------------------------------------- */

static bool read_record(const redisReply *record, const char *match_id, struct outbox_entry *entry)
{
    if (record->type == REDIS_REPLY_STRING &&
        store_redis_record_read(record->str, record->len, match_id, entry))
        return true;
    if (record->type != REDIS_REPLY_NIL)
        log_error("result %.36s: what is kept of it in Redis cannot be read", match_id);
    return false;
}

/*
 * Appends the entries that these are of; one that is not there, in another state or unreadable is left
 * out. Begins a round.
 */
static int fetch(struct store_redis_group *group, const struct reference *references, size_t count,
                 enum outbox_state state, struct outbox_entry *entries, size_t *found)
{
    const char *args[2 + OUTBOX_NEXT_MAX] = {"HMGET", REDIS_KEY_RESULTS};
    struct redisReply *const *replies;
    if (count == 0)
        return STORE_OK;
    for (size_t i = 0; i < count; i++)
        args[2 + i] = references[i].match_id;
    redis_link_begin(group->link);
    redis_link_add(group->link, (int)(2 + count), args, NULL);
    if (store_redis_run(group, &replies) != STORE_OK)
        return STORE_BROKEN;
    const redisReply *records = replies[0];
    if (records->type != REDIS_REPLY_ARRAY || records->elements != count)
        return STORE_BROKEN;
    for (size_t i = 0; i < count; i++) {
        struct outbox_entry *entry = &entries[*found];
        if (read_record(records->element[i], references[i].match_id, entry) &&
            entry->state == state)
            ++*found;
    }
    return STORE_OK;
}

/* ---- what is next ------------------------------------------------------------------------ */

static int compare(const struct outbox_place *a, const struct outbox_place *b)
{
    if (a->next_attempt_ms != b->next_attempt_ms)
        return a->next_attempt_ms < b->next_attempt_ms ? -1 : 1;
    return (a->serial > b->serial) - (a->serial < b->serial);
}

/* The first so many after a place, of all slots. */
struct page {
    struct outbox_place after;
    size_t max, count;
    struct reference references[OUTBOX_NEXT_MAX];
};

static void insert_sorted(struct page *page, const struct reference *reference)
{
    size_t at = page->count;
    while (at > 0 && compare(&page->references[at - 1].place, &reference->place) > 0)
        at--;
    if (at == page->max)
        return;
    if (page->count < page->max)
        page->count++;
    memmove(&page->references[at + 1], &page->references[at],
            (page->count - at - 1) * sizeof page->references[0]);
    page->references[at] = *reference;
}

/* One slot's set on its way into the page. */
struct cursor {
    int slot;
    size_t offset; /* how many of it were looked at, from the time of `after` on */
    size_t taken;
    bool is_done;
};

static void ask_slot(struct store_redis_group *group, const struct page *page,
                     const struct cursor *cursor)
{
    char from[24], offset[24], max[24];
    snprintf(from, sizeof from, "%" PRId64, page->after.next_attempt_ms);
    snprintf(offset, sizeof offset, "%zu", cursor->offset);
    snprintf(max, sizeof max, "%zu", page->max);
    redis_link_add(group->link, 8,
                   (const char *const[]){"ZRANGEBYSCORE", slot_key(SLOT_KEY_PENDING, cursor->slot),
                                         page->after.next_attempt_ms == INT64_MIN ? "-inf" : from,
                                         "+inf", "WITHSCORES", "LIMIT", offset, max},
                   NULL);
}

/* Those of one time are in the order of their serials, so those that are not after the place come first. */
static bool take_slot(const redisReply *members, struct page *page, struct cursor *cursor)
{
    if (members->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i + 1 < members->elements; i += 2) {
        const redisReply *member = members->element[i], *score = members->element[i + 1];
        struct reference reference;
        if (member->type != REDIS_REPLY_STRING || score->type != REDIS_REPLY_STRING ||
            !store_redis_member_read(member->str, member->len, &reference.place.serial,
                                     reference.match_id))
            continue;
        reference.place.next_attempt_ms = (int64_t)strtod(score->str, NULL);
        if (compare(&reference.place, &page->after) <= 0)
            continue;
        insert_sorted(page, &reference);
        cursor->taken++;
    }
    cursor->offset += members->elements / 2;
    cursor->is_done = members->elements / 2 < page->max || cursor->taken >= page->max;
    return true;
}

static size_t take_valid_slots(const struct store_redis *redis, struct cursor cursors[SLOT_COUNT])
{
    size_t count = 0;
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        if (slots_is_valid(redis->slots, slot))
            cursors[count++] = (struct cursor){.slot = slot};
    }
    return count;
}

/* Fills the page. One round, unless very many are due at the very time of `after`. */
static int find_page(struct store_redis *redis, struct page *page)
{
    struct store_redis_group *group = &redis->results;
    struct store_redis_claims claims;
    struct cursor cursors[SLOT_COUNT];
    const size_t count = take_valid_slots(redis, cursors);
    struct redisReply *const *replies;
    size_t left = count;
    store_redis_read_claims(redis, &claims);
    page->count = 0;
    do {
        size_t at = 0;
        if (store_redis_ready(group) != STORE_OK)
            return STORE_BROKEN;
        for (size_t i = 0; i < count; i++) {
            if (!cursors[i].is_done)
                ask_slot(group, page, &cursors[i]);
        }
        const size_t counts = store_redis_add_counts(redis, &claims);
        if (store_redis_run(group, &replies) != STORE_OK)
            return STORE_BROKEN;
        for (size_t i = 0; i < count; i++) {
            if (cursors[i].is_done)
                continue;
            if (!take_slot(replies[at++], page, &cursors[i]))
                return STORE_BROKEN;
            left -= cursors[i].is_done;
        }
        store_redis_take_counts(redis, replies + at, counts);
    } while (left > 0);
    return STORE_OK;
}

int store_redis_outbox_next(struct store *store, const struct outbox_place *after, size_t max,
                            struct outbox_entry *entries, size_t *count)
{
    struct store_redis *redis = store_redis_of(store);
    struct page page = {.after = {INT64_MIN, INT64_MIN}};
    assert(max <= OUTBOX_NEXT_MAX);
    *count = 0;
    if (after)
        page.after = *after;
    while (*count < max) {
        page.max = max - *count;
        if (find_page(redis, &page) != STORE_OK ||
            fetch(&redis->results, page.references, page.count, OUTBOX_PENDING, entries, count) !=
                STORE_OK) {
            *count = 0;
            return STORE_BROKEN;
        }
        if (page.count < page.max)
            break;
        page.after = page.references[page.count - 1].place;
    }
    return STORE_OK;
}

/* ---- the site's -------------------------------------------------------------------------- */

int store_redis_outbox_find(struct store *store, const char *match_id, struct outbox_entry *entry)
{
    struct store_redis_group *group = &store_redis_of(store)->results;
    struct redisReply *const *replies;
    if (store_redis_ready(group) != STORE_OK)
        return STORE_BROKEN;
    redis_link_add(group->link, 3, (const char *const[]){"HGET", REDIS_KEY_RESULTS, match_id},
                   NULL);
    if (store_redis_run(group, &replies) != STORE_OK)
        return STORE_BROKEN;
    return read_record(replies[0], match_id, entry) ? STORE_OK : STORE_UNKNOWN;
}

/* The ids of those in a state after a serial. Begins a round. */
static int find_in_state(struct store_redis_group *group, enum outbox_state state, int64_t after,
                         size_t max, struct reference *references, size_t *count)
{
    struct redisReply *const *replies;
    char from[24], limit[24];
    *count = 0;
    snprintf(from, sizeof from, "(%" PRId64, after);
    snprintf(limit, sizeof limit, "%zu", max);
    redis_link_add(group->link, 8,
                   (const char *const[]){"ZRANGEBYSCORE", state_keys[state], from, "+inf",
                                         "WITHSCORES", "LIMIT", "0", limit},
                   NULL);
    if (store_redis_run(group, &replies) != STORE_OK || replies[0]->type != REDIS_REPLY_ARRAY ||
        replies[0]->elements > 2 * max)
        return STORE_BROKEN;
    for (size_t i = 0; i + 1 < replies[0]->elements; i += 2) {
        const redisReply *id = replies[0]->element[i], *score = replies[0]->element[i + 1];
        struct reference *reference = &references[*count];
        if (id->type != REDIS_REPLY_STRING || score->type != REDIS_REPLY_STRING)
            return STORE_BROKEN;
        snprintf(reference->match_id, sizeof reference->match_id, "%.36s", id->str);
        reference->place = (struct outbox_place){0, (int64_t)strtod(score->str, NULL)};
        ++*count;
    }
    return STORE_OK;
}

int store_redis_outbox_list(struct store *store, enum outbox_state state, int64_t after, size_t max,
                            struct outbox_entry *entries, size_t *count)
{
    struct store_redis_group *group = &store_redis_of(store)->results;
    struct reference references[OUTBOX_NEXT_MAX];
    assert(max <= OUTBOX_NEXT_MAX);
    *count = 0;
    while (*count < max) {
        const size_t wanted = max - *count;
        size_t found;
        if (store_redis_ready(group) != STORE_OK ||
            find_in_state(group, state, after, wanted, references, &found) != STORE_OK ||
            fetch(group, references, found, state, entries, count) != STORE_OK) {
            *count = 0;
            return STORE_BROKEN;
        }
        if (found < wanted)
            break;
        after = references[found - 1].place.serial;
    }
    return STORE_OK;
}

/* ---- the numbers ------------------------------------------------------------------------- */

static void add_size(struct redis_link *link, const char *set)
{
    redis_link_add(link, 2, (const char *const[]){"ZCARD", set}, NULL);
}

size_t store_redis_add_counts(struct store_redis *redis, const struct store_redis_claims *claims)
{
    struct redis_link *link = redis->results.link;
    size_t count = 2;
    add_size(link, REDIS_KEY_STATE_2);
    redis_link_add(link, 4, (const char *const[]){"ZRANGE", REDIS_KEY_STATE_0, "0", "0"}, NULL);
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        if (claims->claim[slot][0] == '\0')
            continue;
        add_size(link, slot_key(SLOT_KEY_PENDING, slot));
        count++;
    }
    return count;
}

static size_t size_of(const redisReply *reply)
{
    const long long size = redis_reply_integer(reply, 0);
    return size > 0 ? (size_t)size : 0;
}

/* Which entry is the oldest is known at once, since when only if it is the same as before. */
static void take_oldest(struct store_redis *redis, const redisReply *ids)
{
    const bool has_one = ids->type == REDIS_REPLY_ARRAY && ids->elements > 0 &&
                         ids->element[0]->type == REDIS_REPLY_STRING;
    const char *id = has_one ? ids->element[0]->str : "";
    if (strncmp(redis->oldest_id, id, sizeof redis->oldest_id) == 0)
        return;
    snprintf(redis->oldest_id, sizeof redis->oldest_id, "%.36s", id);
    redis->is_oldest_due = has_one;
    if (!has_one)
        redis->counts.oldest_pending_ms = 0;
}

void store_redis_take_counts(struct store_redis *redis, struct redisReply *const *replies,
                             size_t count)
{
    redis->counts.failed = size_of(replies[0]);
    take_oldest(redis, replies[1]);
    redis->counts.pending = 0;
    for (size_t i = 2; i < count; i++)
        redis->counts.pending += size_of(replies[i]);
}

void store_redis_outbox_count(struct store *store, struct outbox_counts *counts)
{
    struct store_redis *redis = store_redis_of(store);
    struct outbox_entry entry = {.created_ms = 0};
    /* A link that is down is not opened for this: whoever needs it does that. */
    if (redis->is_oldest_due && redis_link_is_open(redis->results.link) &&
        store_redis_outbox_find(store, redis->oldest_id, &entry) != STORE_BROKEN) {
        redis->counts.oldest_pending_ms = entry.created_ms;
        redis->is_oldest_due = false;
    }
    *counts = redis->counts;
}
