/*
 * speed: see speed.h.
 */
#include "bench/load/speed.h"

#include <time.h>

enum {
    WORK = 1000, /* steps, each of which waits for the one before */
    TRIES = 3
};

static int64_t work_ns(void)
{
    struct timespec from, to;
    static volatile uint64_t kept = 88172645463325252U; /* so that nothing is computed beforehand */
    clock_gettime(CLOCK_MONOTONIC, &from);
    uint64_t number = kept;
    for (int i = 0; i < WORK; i++) { /* xorshift64, George Marsaglia 2003 */
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
    }
    kept = number;
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) * INT64_C(1000000000) + to.tv_nsec - from.tv_nsec;
}

static bool is_slow(const struct speed *speed, int64_t ns)
{
    return speed->fastest_ns && ns >= SPEED_SLOW * speed->fastest_ns;
}

void speed_note(struct speed *speed, int64_t ns)
{
    speed->was_slow |= is_slow(speed, ns);
    if (speed->fastest_ns == 0 || ns < speed->fastest_ns)
        speed->fastest_ns = ns;
}

void speed_look(struct speed *speed)
{
    int64_t least = work_ns();
    for (int i = 1; i < TRIES && (speed->fastest_ns == 0 || is_slow(speed, least)); i++) {
        const int64_t again = work_ns();
        least = again < least ? again : least;
    }
    speed_note(speed, least);
}
