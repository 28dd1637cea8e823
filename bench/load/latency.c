/*
 * Buckets: the first two octaves count single microseconds, each later one has 32.
 */
#include "bench/load/latency.h"

enum {
    NS_PER_US = 1000,
    SUB = 1 << LATENCY_SUB_BITS
};

static unsigned bucket_of(uint64_t us)
{
    if (us < SUB)
        return (unsigned)us;
    const unsigned octave = 63u - LATENCY_SUB_BITS - (unsigned)__builtin_clzll(us);
    const unsigned bucket = ((octave + 1) << LATENCY_SUB_BITS) + (unsigned)(us >> octave) - SUB;
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

double latency_bucket_ms(unsigned bucket)
{
    uint64_t us = bucket + 1;
    if (bucket >= SUB) {
        const unsigned octave = (bucket >> LATENCY_SUB_BITS) - 1;
        us = (uint64_t)((bucket & (SUB - 1)) + SUB + 1) << octave;
    }
    return (double)us / 1000.0;
}

void latency_note(struct latency *latency, int64_t ns)
{
    if (ns < 0)
        ns = 0;
    latency->counts[bucket_of((uint64_t)ns / NS_PER_US)]++;
    latency->count++;
    if (ns > latency->max_ns)
        latency->max_ns = ns;
}

void latency_add(struct latency *latency, const struct latency *other)
{
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
        latency->counts[i] += other->counts[i];
    latency->count += other->count;
    if (other->max_ns > latency->max_ns)
        latency->max_ns = other->max_ns;
}

double latency_quantile_ms(const struct latency *latency, double share)
{
    const double wanted = share * (double)latency->count;
    const double longest = (double)latency->max_ns / 1e6;
    uint64_t seen = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->counts[i];
        if (latency->counts[i] && (double)seen >= wanted) {
            const double ms = latency_bucket_ms(i);
            return ms < longest ? ms : longest;
        }
    }
    return longest;
}
