/*
 * clock: see clock.h.
 */
#include "common/clock.h"

#include <time.h>

struct now clock_read(void)
{
    struct timespec mono;
    struct timespec real;
    struct now now;

    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &real);
    now.mono_ns = (int64_t)mono.tv_sec * 1000000000 + mono.tv_nsec;
    now.mono_ms = now.mono_ns / 1000000;
    now.unix_ms = (int64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000;
    return now;
}
