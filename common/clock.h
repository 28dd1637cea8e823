/*
 * clock: the two times everything goes by, read once per turn of a loop or of a request and passed
 * down as `now`.
 *
 * Durations and deadlines use mono_ms or mono_ns; unix_ms is only ever shown to people and other
 * programs.
 */
#ifndef PONG_COMMON_CLOCK_H
#define PONG_COMMON_CLOCK_H

#include <stdint.h>

struct now {
    int64_t mono_ns; /* CLOCK_MONOTONIC */
    int64_t mono_ms; /* the same in milliseconds */
    int64_t unix_ms; /* CLOCK_REALTIME */
};

/* Reads both clocks. Any thread: it has no state. */
struct now clock_read(void);

#endif
