/*
 * latency: a histogram of fixed size for times between 1 µs and 70 s whose buckets are 3 % wide, so
 * that a quantile of millions of samples costs 3.5 kB. It must not know what was measured.
 */
#ifndef PONG_BENCH_LOAD_LATENCY_H
#define PONG_BENCH_LOAD_LATENCY_H

#include <stdint.h>

enum {
    LATENCY_SUB_BITS = 5, /* buckets of an octave: 2^5 */
    LATENCY_OCTAVES = 27,
    LATENCY_BUCKETS = LATENCY_OCTAVES << LATENCY_SUB_BITS
};

struct latency {
    uint64_t counts[LATENCY_BUCKETS]; /* all zero: empty */
    uint64_t count;
    int64_t max_ns;
};

/* Less than nothing is nothing. */
void latency_note(struct latency *latency, int64_t ns);

/* Adds what `other` has. */
void latency_add(struct latency *latency, const struct latency *other);

/*
 * The time, in ms, that `share` (0 … 1) of the samples do not exceed: the upper end of its bucket, the
 * longest sample at most. 0 when there are none.
 */
double latency_quantile_ms(const struct latency *latency, double share);

/* The upper end of a bucket, ms. */
double latency_bucket_ms(unsigned bucket);

#endif
