/*
 * slot_keeper's insides, for its two files: slot_keeper.c has the thread and what others ask of it,
 * slot_keeper_round.c what is said to Redis.
 */
#ifndef PONG_GAMED_SLOT_KEEPER_PRIVATE_H
#define PONG_GAMED_SLOT_KEEPER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gamed/slot_keeper.h"
#include "gamed/slot_machine.h"

enum {
    SLOT_NEWS_MAX = 256,    /* a power of 2 */
    SLOT_NEWS_A_ROUND = 97, /* at most: of each slot three, and one of none */
    SLOT_WISHES_MAX = 64,   /* a power of 2 */
    SLOT_LOAD_TRIES = 2,
    SLOT_HANDED_LIFE_MS =
        2000, /* of a lease longer, when it is given away: its new owner has to see it first */
    SLOT_LEAVE_MS = 1000
};

struct slot_wished {
    enum slot_wish wish;
    int slot;
};

struct slot_keeper {
    /* Constant while the thread runs. */
    struct slots *slots;
    void (*news)(void *arg);
    void *arg;
    char id[INSTANCE_ID_SIZE];
    char ipc[INSTANCE_ADDRESS_SIZE], ws[INSTANCE_ADDRESS_SIZE];
    struct slot_rules rules;
    pthread_t thread;
    int wake_fd;

    /* Shared. Each ring has one that puts and one that takes. */
    struct slot_news news_ring[SLOT_NEWS_MAX];
    _Atomic unsigned news_put, news_taken;
    struct slot_wished wishes[SLOT_WISHES_MAX];
    _Atomic unsigned wishes_put, wishes_taken;
    atomic_int load, waiting;
    atomic_bool is_draining, is_stopping;
    atomic_bool redis_up;
    _Atomic uint64_t reconnects, claims, lost, handed, released;
    struct histogram_shared rounds;
    atomic_int phases[SLOT_COUNT];
    atomic_int home;
    _Atomic int64_t round_since_ms;

    /* The slots thread's. */
    struct redis_link *link;
    struct slot_machine machine;
    struct slot_plan plan;
    struct slot_turns turns;
    struct watched watched;
    struct instance_record record;
    long long answers[SLOT_OPS_MAX];
    bool is_to_load[SLOT_COUNT];
    int load_tries[SLOT_COUNT];
    uint64_t turns_seen; /* the loop's, when renewals were sent last */
    uint64_t generation; /* of the connection; 0: none yet */
    int64_t opened_ms;
    bool is_down_told;    /* in the log */
    bool is_refusal_told; /* likewise */
};

/* CLOCK_BOOTTIME in ms. */
int64_t slot_keeper_now_ms(void);

/* One round with Redis, if it can be reached; and the rooms of one slot that is to be loaded. Slots thread. */
void slot_keeper_round(struct slot_keeper *keeper);

/* The last round: everything is released, and the registry left. Slots thread. */
void slot_keeper_leave(struct slot_keeper *keeper);

/* Puts news for the loop; there is place for a round's. Slots thread. */
void slot_keeper_put(struct slot_keeper *keeper, const struct slot_news *news);

#endif
