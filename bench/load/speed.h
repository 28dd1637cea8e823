/*
 * speed: whether the processor is slowed down from outside. A machine's host may lower the clock of all its
 * processors to a twelfth for some hundredths of a second, of which the kernel tells nothing; so a small
 * fixed piece of work, which touches no memory, is timed again and again, and beside the fastest that it
 * ever was. It must not know what is measured.
 */
#ifndef PONG_BENCH_LOAD_SPEED_H
#define PONG_BENCH_LOAD_SPEED_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SPEED_LOOK_MS = 5,
    SPEED_SLOW = 2 /* times the fastest: slower than what shares a core with another makes it */
};

/* All zero: nothing is known. */
struct speed {
    int64_t fastest_ns;
    bool was_slow; /* since somebody set it to false */
};

/*
 * Does the work, 2 us of it, a few times if it is slow (an interrupt is no slow processor), and notes
 * how long it took at the least.
 */
void speed_look(struct speed *speed);

/* Notes a look that took so long. */
void speed_note(struct speed *speed, int64_t ns);

#endif
