/*
 * store_redis_record: a result in Redis as text: a line of what is known of it, then the bytes to POST:
 *
 *     SERIAL STATE NEXT SLOT CODE CREATED SETTLED ATTEMPTS LAST_STATUS REFUSED_SINCE\n
 *
 * Serial, state, time of the next attempt and slot are put there by the script "results"
 * (cluster/redis_scripts.c), the rest, the tail, by this. Pure; it must not know Redis.
 */
#ifndef PONG_GAMED_STORE_REDIS_RECORD_H
#define PONG_GAMED_STORE_REDIS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "gamed/store.h"

enum {
    STORE_REDIS_TAIL_SIZE = 128,
    STORE_REDIS_MEMBER_SIZE = 16 + 1 + UUID_SIZE
};

/* The tail, as a string. */
void store_redis_tail_write(const struct outbox_entry *entry, char out[STORE_REDIS_TAIL_SIZE]);

/* Reads a record, and never trusts it; false: it is none. */
bool store_redis_record_read(const char *text, size_t size, const char *match_id,
                             struct outbox_entry *entry);

/* A member of the sets of pending results: serial, blank, match id. False: it is none. */
bool store_redis_member_read(const char *text, size_t size, int64_t *serial,
                             char match_id[UUID_SIZE]);

#endif
