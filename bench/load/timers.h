/*
 * timers: one deadline for each of many clients: a wheel of milliseconds, so that setting, moving and
 * taking one is a few stores, however many there are. It reads no clock and takes no memory after
 * timers_init(); it must not know what a deadline is for.
 *
 * A deadline is met at the first millisecond that is not before it.
 */
#ifndef PONG_BENCH_LOAD_TIMERS_H
#define PONG_BENCH_LOAD_TIMERS_H

#include <stdint.h>

enum {
    TIMERS_SLOTS = 8192 /* ms; a deadline that is farther away goes around once more */
};

struct timer {
    struct timer *next, **back; /* back == NULL: not set */
    int64_t due_ms;
};

struct timers {
    struct timer *slots[TIMERS_SLOTS];
    int64_t now_ms; /* everything up to it was taken */
};

/* No timer is set; time begins at now_ns. */
void timers_init(struct timers *timers, int64_t now_ns);

/* Sets or moves it. A deadline in the past is met at the next millisecond. */
void timers_set(struct timers *timers, struct timer *timer, int64_t due_ns);

void timers_clear(struct timer *timer);

/* One whose deadline is not after now_ns, no longer set; NULL when there is none (any more). */
struct timer *timers_take(struct timers *timers, int64_t now_ns);

#endif
