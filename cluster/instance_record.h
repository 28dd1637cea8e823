/*
 * instance_record: what an instance of gamed says of itself in Redis, and what one look at Redis tells
 * of all slots and instances. Reads what others have written, and trusts none of it. Must not know how
 * a slot is chosen, nor decide anything. Any thread; nothing here blocks.
 */
#ifndef PONG_CLUSTER_INSTANCE_RECORD_H
#define PONG_CLUSTER_INSTANCE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/slot_keys.h"

struct redis_link;
struct redisReply;

/* Bytes: of an address with its NUL, and of a whole record in text with its NUL. */
enum {
    INSTANCE_ADDRESS_SIZE = 256,
    INSTANCE_RECORD_SIZE = 4096
};

/* In text: {"id", "ipc", "ws", "load", "waiting", "draining", "home": "A", "slots": {"A": claim}};
 * "home" is "" for none. Unknown keys are ignored. */
struct instance_record {
    char id[INSTANCE_ID_SIZE];
    char ipc[INSTANCE_ADDRESS_SIZE]; /* ipc:///PATH or tcp://HOST:PORT */
    char ws[INSTANCE_ADDRESS_SIZE];  /* unix:/PATH or HOST:PORT, as nginx has it */
    int load;                        /* connections + 2 × rooms */
    int waiting;                     /* public rooms with somebody to play */
    bool draining;
    char home; /* '\0': none, so it takes no new rooms */
    struct {
        char claim[CLAIM_SIZE]; /* "": not its own */
    } slots[SLOT_COUNT];
};

/* Writes the record's text and NUL. Its length, or -1: no place, no memory, or an address that is no
 * UTF-8. */
long instance_record_encode(const struct instance_record *record, char *out, size_t size);

/*
 * Reads one of `size` bytes. 0, or -1: it is none. Every member of a record that was read is in its
 * range; numbers below 0 and words of the wrong type make it none.
 */
int instance_record_decode(const char *text, size_t size, struct instance_record *record);

struct watched_slot {
    char claim[CLAIM_SIZE]; /* the lease's value; "": nobody has one */
    char last[CLAIM_SIZE];  /* "": never claimed, or forgotten; "-": released */
    int64_t ttl_ms;         /* of the lease; 0: none */
    long long
        leftovers; /* rooms and results that are to be posted; counted only where there is no lease */
    char to_id[INSTANCE_ID_SIZE], to_claim[CLAIM_SIZE]; /* a handover under way; "" none */
};

enum {
    INSTANCES_MAX = 64,
    INSTANCE_FRESH_MS = 2000,
    INSTANCE_AHEAD_MS = 100 /* a stamp further ahead is from before Redis' clock went back */
};

/* About 110 kB: not for a stack. */
struct watched {
    struct watched_slot slots[SLOT_COUNT];
    struct instance_record instances[INSTANCES_MAX]; /* in order of id */
    bool is_fresh[INSTANCES_MAX]; /* heard of within INSTANCE_FRESH_MS, by Redis' clock */
    size_t instance_count;
};

/* Adds the script `watch` to the link's round. It sets the record first; NULL, and a record that cannot be
 * encoded: reads only. */
void watch_add(struct redis_link *link, const struct instance_record *record);

/* Reads the script's reply. 0, or -1: not understood, and *watched then holds nothing of use. Records
 * that are none are left out; of more than INSTANCES_MAX those heard of longest ago. */
int watch_read(const struct redisReply *reply, struct watched *watched);

/* The instance whose record has the slot with the lease's claim; NULL: nobody. It need not be fresh: who has a
 * live lease is alive, also where Redis takes no more records. Points into *watched. */
const struct instance_record *watched_owner(const struct watched *watched, int slot);

/* Whether the slot certainly has no room: no lease, nothing left over, never claimed or released, and
 * in nobody's record. */
bool watched_is_nobodys(const struct watched *watched, int slot);

#endif
