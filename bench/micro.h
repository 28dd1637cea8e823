/*
 * micro: what one run of a small piece of code costs: nanoseconds of this thread's CPU time and, where the
 * kernel lets us count them, instructions; the medians of many short rounds, so that what else the machine
 * does counts for little. It must not know what is measured. One thread.
 */
#ifndef PONG_BENCH_MICRO_H
#define PONG_BENCH_MICRO_H

#include <stdbool.h>

struct micro_cost {
    double ns;
    double instructions; /* valid when micro_counts_instructions() */
};

/* Does the work `count` times. */
typedef void micro_work(void *arg, unsigned count);

/* Makes ready to count; without the right to, or in a machine that has no such counter, times alone. */
void micro_open(void);
bool micro_counts_instructions(void);
void micro_close(void);

/* What one of the works that `work` does costs. */
struct micro_cost micro_measure(micro_work *work, void *arg);

/* Prints "a: 12.3 ns, 45 instructions", and after it what `rest` says. */
void micro_print(const char *what, struct micro_cost cost, const char *rest);

#endif
