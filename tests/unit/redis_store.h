/*
 * redis_store: the store in Redis on a real redis-server, with slots that are claimed as the slots
 * thread would. Tests only.
 */
#ifndef PONG_TESTS_REDIS_STORE_H
#define PONG_TESTS_REDIS_STORE_H

#include "gamed/slots.h"
#include "gamed/store_redis.h"
#include "tests/unit/redis_server.h"

struct redis_store {
    struct redis_server server;
    struct slots *slots;
    struct store *store;
    struct redis_link *link; /* another connection, for slot_load_read() */
};

/* Starts the server and opens the store; nothing is claimed yet. Fails the test when it cannot. */
void redis_store_start(struct redis_store *redis);
void redis_store_stop(struct redis_store *redis);

/* Empties Redis, and opens the store anew without claims. */
void redis_store_reset(struct redis_store *redis);

/* Claims a slot for good and makes it valid; the number makes the claim. */
void redis_store_claim(struct redis_store *redis, char slot, unsigned int number);

/* Writes in Redis alone that a claim of that number has the slot; 0: nobody. */
void redis_store_lease(struct redis_store *redis, char slot, unsigned int number);

/* What an integer answer to a command is; fails the test when it is none. */
long long redis_store_number(struct redis_store *redis, const char *command);

#endif
