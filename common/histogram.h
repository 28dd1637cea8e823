/*
 * histogram: how long things took, counted in buckets with fixed bounds. A plain one belongs to one
 * thread; a shared one may be written and read by any, without a lock. It takes no memory and reads
 * no clock, and must not know what is counted.
 */
#ifndef PONG_COMMON_HISTOGRAM_H
#define PONG_COMMON_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_BOUNDS_MAX = 15
};

/* Upper bounds of the buckets, ascending, each inclusive; one more bucket takes what is longer. */
struct histogram_scale {
    size_t count;
    int64_t bounds_ns[HISTOGRAM_BOUNDS_MAX];
};

/* 0.5 ms … 1 s: how late a turn came. */
extern const struct histogram_scale histogram_lateness;
/* 10 µs … 100 ms: work on a thread that must not be held up. */
extern const struct histogram_scale histogram_work;
/* 0.5 ms … 2.5 s: an exchange between our programs, or with a client. */
extern const struct histogram_scale histogram_exchange;
/* 5 ms … 10 s: an exchange with somebody else's service. */
extern const struct histogram_scale histogram_foreign;

/* Counts are of each bucket by itself, not cumulative. All zero is an empty one. */
struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
    uint64_t sum_ns;
};

struct histogram_shared {
    _Atomic uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
    _Atomic uint64_t sum_ns;
};

/* Counts one that took `ns`; less than nothing is nothing. The owner's thread. */
void histogram_observe(struct histogram *histogram, const struct histogram_scale *scale,
                       int64_t ns);

/* The same. Any thread. */
void histogram_shared_observe(struct histogram_shared *shared, const struct histogram_scale *scale,
                              int64_t ns);

/*
 * Copies what was counted so far. Any thread; with others counting meanwhile the sum may be that of
 * a few more or a few less.
 */
void histogram_shared_read(const struct histogram_shared *shared, struct histogram *histogram);

/* How many there are in all. */
uint64_t histogram_count(const struct histogram *histogram);

#endif
