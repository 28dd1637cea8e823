/*
 * slot_keys: the 32 slots (a room's slot is the first letter of its code), claims, and the names of
 * everything in Redis. All names have one hash tag, so that a cluster of Redis keeps them together.
 * Pure, but for the kernel's randomness.
 */
#ifndef PONG_CLUSTER_SLOT_KEYS_H
#define PONG_CLUSTER_SLOT_KEYS_H

#include "common/random.h"

/* A claim is 128 bits as 32 lower-case hexadecimal digits, drawn each time that a slot is claimed; it
 * is the lease's value. The id of an instance is drawn in the same way, once a process. */
enum {
    SLOT_COUNT = 32,
    CLAIM_LENGTH = 32,
    CLAIM_SIZE,
    INSTANCE_ID_SIZE = CLAIM_SIZE,
    SLOT_KEY_SIZE = 40
};

/* 0…31, the place in ROOM_CODE_ALPHABET, or -1: no slot has this letter. Any thread. */
int slot_index(char slot);

/* The letter of a slot 0…31. Any thread. */
char slot_letter(int index);

enum slot_key {
    SLOT_KEY_LEASE, /* string with expiry: the owner's claim */
    SLOT_KEY_LAST, /* string: the claim that had the lease last; "-": released, and nothing follows */
    SLOT_KEY_FENCE_ROOMS,   /* string: number of the last batch of rooms under this claim */
    SLOT_KEY_FENCE_RESULTS, /* string: of the last batch of results */
    SLOT_KEY_ROOMS,         /* hash: room code -> checkpoint row */
    SLOT_KEY_PENDING,       /* sorted set: results that the slot's owner has to post, by when */
    SLOT_KEY_COUNT
};

/* The name of a key of slot 0…31, shorter than SLOT_KEY_SIZE; never freed. Any thread. */
const char *slot_key(enum slot_key key, int index);

#define REDIS_KEY_INSTANCES "{pong}:instances" /* hash: instance id -> Unix ms, blank, record */
#define REDIS_KEY_HANDOVERS \
    "{pong}:handovers"                     /* hash: slot -> id of the successor, blank, its claim */
#define REDIS_KEY_RESULTS "{pong}:results" /* hash: match id -> state and body */
#define REDIS_KEY_SERIAL  "{pong}:serial"  /* counter */
#define REDIS_KEY_SETTLED "{pong}:settled" /* sorted set: match ids, by when they were settled */
#define REDIS_KEY_STATE_0 "{pong}:state:0" /* sorted sets: match ids by serial */
#define REDIS_KEY_STATE_1 "{pong}:state:1"
#define REDIS_KEY_STATE_2 "{pong}:state:2"
#define REDIS_KEY_STATE_3 "{pong}:state:3"

/* Draws a claim, or an instance's id. Any thread. */
void claim_draw(char out[CLAIM_SIZE]);

#endif
