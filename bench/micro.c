#include "bench/micro.h"

#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 31,
    ROUND_NS = 5000000, /* about; long against reading the clock */
    COUNT_MAX = 1 << 24,
};

static int counter = -1; /* a descriptor; -1: there is none */

void micro_open(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_HARDWARE,
                                         .size = sizeof attributes,
                                         .config = PERF_COUNT_HW_INSTRUCTIONS,
                                         .exclude_kernel = 1,
                                         .exclude_hv = 1};
    counter = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

bool micro_counts_instructions(void)
{
    return counter >= 0;
}

void micro_close(void)
{
    if (counter >= 0)
        close(counter);
    counter = -1;
}

static int64_t read_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static uint64_t read_instructions(void)
{
    uint64_t count = 0;
    if (counter >= 0 && read(counter, &count, sizeof count) != sizeof count) {
        fprintf(stderr, "the counter of instructions cannot be read\n");
        exit(1);
    }
    return count;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double numbers[ROUNDS])
{
    qsort(numbers, ROUNDS, sizeof numbers[0], compare);
    return numbers[ROUNDS / 2];
}

/* How many of them take a round's time. */
static unsigned calibrate(micro_work *work, void *arg)
{
    unsigned count = 1;
    int64_t ns = 0;
    while (ns < ROUND_NS && count < COUNT_MAX) {
        count *= 2;
        const int64_t began_ns = read_ns();
        work(arg, count);
        ns = read_ns() - began_ns;
    }
    return count;
}

struct micro_cost micro_measure(micro_work *work, void *arg)
{
    double ns[ROUNDS], instructions[ROUNDS];
    const unsigned count = calibrate(work, arg);
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t before = read_instructions();
        const int64_t began_ns = read_ns();
        work(arg, count);
        ns[i] = (double)(read_ns() - began_ns) / count;
        instructions[i] = (double)(read_instructions() - before) / count;
    }
    return (struct micro_cost){.ns = median(ns), .instructions = median(instructions)};
}

void micro_print(const char *what, struct micro_cost cost, const char *rest)
{
    printf("%-52s %8.1f ns", what, cost.ns);
    if (micro_counts_instructions())
        printf(", %6.0f instructions", cost.instructions);
    printf("%s\n", rest);
}
