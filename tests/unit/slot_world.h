/*
 * slot_world: a Redis of which only the slots are there, and several processes that run slot_machine
 * against it, in a time that a test makes pass. It can stall, forget its last second, lose a lease or
 * everything; processes can be stopped, cut off, killed and started again. What it asks at each moment
 * is whether two processes think a slot theirs.
 */
#ifndef PONG_TESTS_SLOT_WORLD_H
#define PONG_TESTS_SLOT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "gamed/slot_machine.h"

enum {
    WORLD_PROCESSES = 3,
    WORLD_HISTORY = 100, /* states of Redis, one each WORLD_HISTORY_EVERY_MS */
    WORLD_HISTORY_EVERY_MS = 10,
    WORLD_LATE_MAX = 16
};

/* What Redis holds. A record is of the instance's last round. */
struct world_state {
    struct {
        char lease[CLAIM_SIZE], last[CLAIM_SIZE];
        int64_t ends_ms;
        long long leftovers;
        char to_id[INSTANCE_ID_SIZE], to_claim[CLAIM_SIZE];
    } slots[SLOT_COUNT];
    struct {
        int64_t heard_ms; /* 0: no record */
        struct instance_record record;
    } records[WORLD_PROCESSES];
};

/* One that is under way. */
struct world_round {
    bool is_flying, is_executed, is_lost;
    int process; /* -1: of one that does not wait for it any more */
    struct slot_plan plan;
    struct instance_record record;
    int64_t arrives_ms, answers_ms;
    long long answers[SLOT_OPS_MAX];
    struct watched *watched;
};

struct world_process {
    bool is_alive, is_connected;
    int run; /* of the Redis that it is connected to */
    int64_t stopped_until_ms, cut_until_ms, next_ms, opened_ms, sent_ms;
    char server[SERVER_RUN_SIZE];
    struct slot_machine machine;
    struct world_round round;
    int64_t valid_until_ms[SLOT_COUNT];
    int64_t opens_ms[SLOT_COUNT]; /* when the loop will have restored it; 0: nothing to restore */
};

struct world {
    int64_t now_ms;
    bool is_rough; /* now and then a question is late, rooms cannot be read, the loop hangs */
    struct slot_rules rules;
    struct world_state redis, history[WORLD_HISTORY];
    int64_t stalled_until_ms;
    int run; /* counts its starts */
    struct world_process processes[WORLD_PROCESSES];
    struct world_round late[WORLD_LATE_MAX]; /* sent by somebody who gave up */
    uint64_t random;
    /* What came of it. */
    uint64_t rounds, both_valid, claims, drops, resets, handed;
    int64_t valid_ms[SLOT_COUNT]; /* for how long somebody had it */
};

/* A world of its own for each seed. NULL: no memory. */
struct world *world_new(uint64_t seed, const struct slot_rules *rules);
void world_free(struct world *world);

uint64_t world_random(struct world *world, uint64_t below);

/* A process starts, with another id each time; it wishes for the slot of its number. */
void world_start(struct world *world, int process);
void world_kill(struct world *world, int process);

/* A millisecond passes. */
void world_step(struct world *world);
void world_run(struct world *world, int64_t ms);

/* Redis was killed and comes back as it was `lost_ms` ago. */
void world_restart_redis(struct world *world, int64_t lost_ms);

/* Who has the slot: the number of a process, -1: nobody, -2: two have. */
int world_owner(const struct world *world, int slot);

#endif
