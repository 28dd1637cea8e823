/*
 * prediction: the game as one v2 client knows it (docs/protocol.md §2b): it steps the simulation by
 * itself and takes in the own inputs and the server's frames. Pure: no clock, no socket. It must not
 * look at what another client of the same process knows.
 */
#ifndef PONG_BENCH_LOAD_PREDICTION_H
#define PONG_BENCH_LOAD_PREDICTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/pong.h"

enum {
    PREDICTION_CHANGES = 64,
    PREDICTION_STEPS_MAX = 300 /* past the newest step heard of */
};

struct prediction {
    struct pong base; /* settled: no frame can change it any more */
    struct pong head; /* base and what is foreseen after it */
    uint32_t newest;  /* step that a frame has named */
    bool is_set;      /* a keyframe came; before it there is no state */
    uint8_t count;
    struct prediction_change {
        uint32_t step; /* before which the fields take these values */
        uint8_t fields;
        bool is_own;
        uint8_t phase;
        uint16_t steps_left;
        uint16_t x, y;
        int16_t vx, vy;
        uint16_t target[2];
    } changes[PREDICTION_CHANGES];
};

enum prediction_heard {
    PREDICTION_BAD, /* no frame, or one that cannot be; it changed nothing */
    PREDICTION_UPDATE,
    PREDICTION_HEARTBEAT,  /* with the checksum of the state that was foreseen */
    PREDICTION_MISMATCH,   /* … and of another state */
    PREDICTION_KEYFRAME,   /* and nothing was known before, or it is what was foreseen */
    PREDICTION_CORRECTION, /* a keyframe: the paddle of `own` is not where it was foreseen */
};

void prediction_init(struct prediction *prediction, uint8_t winning_score);

/* Takes one binary message. *change is what an update changes. */
enum prediction_heard prediction_receive(struct prediction *prediction, int own, const void *bytes,
                                         size_t length, struct prediction_change *change);

/* Notes an own input, as it is sent. False: it cannot be foreseen with and must not be sent. */
bool prediction_input(struct prediction *prediction, int own, uint32_t step, uint16_t target);

/* The state after a step that is not settled; NULL when it is too far away. */
const struct pong *prediction_at(struct prediction *prediction, uint32_t step);

#endif
