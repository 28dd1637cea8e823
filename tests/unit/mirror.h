/*
 * mirror: what a client of pong.v2.bin knows (docs/protocol.md §2b), for tests: it steps the simulation
 * by itself and takes in what the server tells. It must not look at the server's memory.
 */
#ifndef PONG_TESTS_MIRROR_H
#define PONG_TESTS_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/pong.h"

enum {
    MIRROR_PENDING_MAX = 512
};

struct mirror {
    bool is_set; /* a keyframe came */
    struct pong base;
    struct mirror_update {
        uint32_t step;
        unsigned fields;
        bool is_own;
        struct pong values;
    } pending[MIRROR_PENDING_MAX]; /* as they came */
    size_t count;
    unsigned heartbeats, keyframes, events;
    unsigned mismatches; /* heartbeats running whose checksums were others */
};

/* A client that knows nothing but the match's options. */
void mirror_init(struct mirror *mirror, uint8_t winning_score);

/* Takes in a frame; asserts that it is one. Returns the fields of an event, 0 for others. */
unsigned mirror_frame(struct mirror *mirror, const void *bytes, size_t length);

/* What the client itself sends. */
void mirror_input(struct mirror *mirror, int seat, uint32_t step, int32_t target);

/* The state after that step, or, before_next, what the step after it begins from. */
struct pong mirror_at(const struct mirror *mirror, uint32_t step, bool before_next);

/* Reads the event frame without taking it in. */
struct mirror_update mirror_read(const struct mirror *mirror, const void *bytes, size_t length);

#endif
