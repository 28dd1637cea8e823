/*
 * store_redis: see store_redis.h. This file opens, closes, and does what both groups' rounds need.
 */
#include "gamed/store_redis_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "cluster/redis_scripts.h"
#include "common/log.h"

enum {
    NAME_SIZE = 64
};

/* ---- rounds ---------------------------------------------------------------------------- */

/* Once when it goes away, and once when it is back. */
static int note(struct store_redis_group *group, int link_outcome)
{
    const bool is_down = link_outcome != REDIS_LINK_OK;
    if (is_down && !group->is_down)
        log_warn("%s: Redis is away: %s", group->what, redis_link_error(group->link));
    else if (!is_down && group->is_down)
        log_info("%s: Redis is back", group->what);
    group->is_down = is_down;
    return is_down ? STORE_BROKEN : STORE_OK;
}

int store_redis_ready(struct store_redis_group *group)
{
    if (redis_link_open(group->link) != REDIS_LINK_OK)
        return note(group, REDIS_LINK_DOWN);
    redis_link_begin(group->link);
    return STORE_OK;
}

int store_redis_run(struct store_redis_group *group, struct redisReply *const **replies)
{
    size_t count;
    return note(group, redis_link_run(group->link, REDIS_LINK_ROUND_MS, replies, &count));
}

int store_redis_outcome(struct store_redis *redis, const struct redisReply *reply)
{
    const long long answer = redis_reply_integer(reply, -1);
    if (reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "OOM "))
        return STORE_FULL;
    if (answer == 0)
        atomic_fetch_add(&redis->stale, 1);
    return answer == 1 ? STORE_OK : STORE_BROKEN;
}

void store_redis_next_batch(struct store_redis_group *group, char out[24])
{
    snprintf(out, 24, "%" PRIu64, ++group->batch);
}

void store_redis_read_claims(const struct store_redis *redis, struct store_redis_claims *claims)
{
    claims->first = -1;
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        if (!slots_claim(redis->slots, slot, claims->claim[slot]))
            claims->claim[slot][0] = '\0';
        else if (claims->first < 0)
            claims->first = slot;
    }
}

static void add_ping(struct redis_link *link)
{
    redis_link_add(link, 1, (const char *const[]){"PING"}, NULL);
}

int store_redis_prove(struct store_redis *redis, struct store_redis_group *group)
{
    const bool is_rooms = group == &redis->rooms;
    struct store_redis_claims claims;
    struct redisReply *const *replies;
    char batch[24];
    store_redis_read_claims(redis, &claims);
    if (store_redis_ready(group) != STORE_OK)
        return STORE_BROKEN;
    if (claims.first < 0) {
        add_ping(group->link);
        return store_redis_run(group, &replies);
    }
    store_redis_next_batch(group, batch);
    const char *const keys[] = {
        slot_key(SLOT_KEY_LEASE, claims.first),
        slot_key(is_rooms ? SLOT_KEY_FENCE_ROOMS : SLOT_KEY_FENCE_RESULTS, claims.first),
        slot_key(SLOT_KEY_ROOMS, claims.first)};
    const char *const args[] = {claims.claim[claims.first], batch, "0"};
    redis_script_add(group->link, is_rooms ? REDIS_SCRIPT_ROOMS : REDIS_SCRIPT_RESULTS, 3, keys, 3,
                     args, NULL);
    if (store_redis_run(group, &replies) != STORE_OK)
        return STORE_BROKEN;
    return store_redis_outcome(redis, replies[0]);
}

/* ---- all of it ------------------------------------------------------------------------- */

static void health(const struct store *store, struct store_health *health)
{
    const struct store_redis *redis = (const struct store_redis *)store;
    *health = (struct store_health){.rooms_unreadable = store_redis_rooms_unreadable(),
                                    .rooms_refused = atomic_load(&redis->rooms_refused)};
}

void store_redis_stale(const struct store *store, uint64_t *batches)
{
    *batches = atomic_load(&((const struct store_redis *)store)->stale);
}

static void close_store(struct store *store)
{
    struct store_redis *redis = store_redis_of(store);
    redis_link_free(redis->results.link);
    redis_link_free(redis->rooms.link);
    store_redis_rows_free(redis->rows);
    free(redis);
}

static const struct store_operations operations = {
    .outbox_insert = store_redis_outbox_insert,
    .outbox_next = store_redis_outbox_next,
    .outbox_update = store_redis_outbox_update,
    .outbox_find = store_redis_outbox_find,
    .outbox_list = store_redis_outbox_list,
    .outbox_purge = store_redis_outbox_purge,
    .outbox_count = store_redis_outbox_count,
    .rooms_save = store_redis_rooms_save,
    .rooms_load = store_redis_rooms_load,
    .health = health,
    .close = close_store,
};

static int open_link(const struct store_redis_config *config, const char *suffix,
                     struct redis_link **link)
{
    char name[NAME_SIZE];
    struct redis_link_config redis = config->redis;
    snprintf(name, sizeof name, "%.40s-%s", redis.name && *redis.name ? redis.name : "gamed",
             suffix);
    redis.name = name;
    return redis_link_new(&redis, link);
}

int store_redis_open(const struct store_redis_config *config, struct slots *slots,
                     struct store **store, char *error, size_t error_size)
{
    if (redis_link_check(config->redis.url, error, error_size) != REDIS_LINK_OK)
        return STORE_BROKEN;
    struct store_redis *redis = calloc(1, sizeof *redis);
    if (redis) {
        redis->store.operations = &operations;
        redis->slots = slots;
        redis->rooms.what = "rooms";
        redis->results.what = "results";
        redis->rows = store_redis_rows_new();
    }
    if (!redis || !redis->rows || open_link(config, "rooms", &redis->rooms.link) != REDIS_LINK_OK ||
        open_link(config, "results", &redis->results.link) != REDIS_LINK_OK) {
        snprintf(error, error_size, "the connections to Redis cannot be prepared");
        if (redis)
            close_store(&redis->store);
        return STORE_FULL;
    }
    *store = &redis->store;
    return STORE_OK;
}
