/*
 * pace: how many updates a second a connection gets, by the time from each to the next, in the moments
 * that count (moments.h). Pure: every time is passed in.
 */
#ifndef PONG_BENCH_LOAD_PACE_H
#define PONG_BENCH_LOAD_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/moments.h"

/* Updates, and the time from the one before to each. */
struct pace_part {
    uint32_t updates;
    int64_t ns;
};

/* All zero: nothing came yet. */
struct pace {
    struct pace_part moment, waiting,
        counted; /* in this moment, in the last, in those that count */
};

/* An update came so long after the one before. */
void pace_note(struct pace *pace, int64_t since_ns);

/* A moment is over, of which moments_end() said this. */
void pace_end(struct pace *pace, enum moments_verdict verdict);

/* The measurement is over; `counts`: what moments_finish() said. */
void pace_finish(struct pace *pace, bool counts);

/* Updates a second. `overdue_ns`: how long one is awaited that should have come, or 0. 0 for none at all. */
double pace_rate(const struct pace *pace, int64_t overdue_ns);

#endif
