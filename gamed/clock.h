/*
 * clock: the two times everything goes by, read once per turn of the loop and passed down as `now`.
 *
 * Durations and deadlines use mono_ms or mono_ns; unix_ms is only ever shown to people and other
 * programs.
 */
#ifndef PONG_GAMED_CLOCK_H
#define PONG_GAMED_CLOCK_H

#include <stdint.h>

struct now {
    int64_t mono_ns; /* CLOCK_MONOTONIC */
    int64_t mono_ms; /* the same in milliseconds */
    int64_t unix_ms; /* CLOCK_REALTIME */
};

/* Reads both clocks. Loop thread (others may: it has no state), once per turn. */
struct now clock_read(void);

#endif
