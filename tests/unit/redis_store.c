/*
 * redis_store: see redis_store.h.
 */
#include "tests/unit/redis_store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AN_HOUR_NS INT64_C(3600000000000)

static void open_store(struct redis_store *redis)
{
    const struct store_redis_config config = {.redis = {redis->server.url, "", "test"}};
    char error[256];
    redis->slots = slots_new();
    assert_non_null(redis->slots);
    assert_int_equal(store_redis_open(&config, redis->slots, &redis->store, error, sizeof error),
                     STORE_OK);
}

static void close_store(struct redis_store *redis)
{
    store_close(redis->store);
    slots_free(redis->slots);
}

void redis_store_start(struct redis_store *redis)
{
    signal(SIGPIPE, SIG_IGN);
    redis_server_start(&redis->server, NULL);
    const struct redis_link_config config = {redis->server.url, "", "test-load"};
    assert_int_equal(redis_link_new(&config, &redis->link), REDIS_LINK_OK);
    open_store(redis);
}

void redis_store_stop(struct redis_store *redis)
{
    close_store(redis);
    redis_link_free(redis->link);
    redis_server_stop(&redis->server);
}

void redis_store_reset(struct redis_store *redis)
{
    close_store(redis);
    redis_server_ask(&redis->server, "FLUSHALL");
    open_store(redis);
}

static void write_claim(unsigned int number, char claim[CLAIM_SIZE])
{
    snprintf(claim, CLAIM_SIZE, "%032x", number);
}

void redis_store_lease(struct redis_store *redis, char slot, unsigned int number)
{
    char claim[CLAIM_SIZE], command[160];
    write_claim(number, claim);
    if (number == 0)
        snprintf(command, sizeof command, "DEL {pong}:slot:%c", slot);
    else
        snprintf(command, sizeof command, "SET {pong}:slot:%c %s", slot, claim);
    redis_server_ask(&redis->server, command);
}

void redis_store_claim(struct redis_store *redis, char slot, unsigned int number)
{
    char claim[CLAIM_SIZE];
    write_claim(number, claim);
    redis_store_lease(redis, slot, number);
    slots_set(redis->slots, slot_index(slot), claim);
    slots_extend(redis->slots, slot_index(slot), boottime_ns() + AN_HOUR_NS);
}

long long redis_store_number(struct redis_store *redis, const char *command)
{
    const char *answer = redis_server_ask(&redis->server, command);
    assert_int_equal(answer[0], ':');
    return strtoll(answer + 1, NULL, 10);
}
