/*
 * histogram: see histogram.h.
 */
#include "common/histogram.h"

#define US(number) ((int64_t)(number)*1000)
#define MS(number) ((int64_t)(number)*1000000)

const struct histogram_scale histogram_lateness = {
    11,
    {US(500), MS(1), MS(2), MS(5), MS(10), MS(20), MS(50), MS(100), MS(200), MS(500), MS(1000)}};

const struct histogram_scale histogram_work = {13,
                                               {US(10), US(20), US(50), US(100), US(200), US(500),
                                                MS(1), MS(2), MS(5), MS(10), MS(20), MS(50),
                                                MS(100)}};

const struct histogram_scale histogram_exchange = {12,
                                                   {US(500), MS(1), US(2500), MS(5), MS(10), MS(25),
                                                    MS(50), MS(100), MS(250), MS(500), MS(1000),
                                                    MS(2500)}};

const struct histogram_scale histogram_foreign = {11,
                                                  {MS(5), MS(10), MS(25), MS(50), MS(100), MS(250),
                                                   MS(500), MS(1000), MS(2500), MS(5000),
                                                   MS(10000)}};

static size_t bucket_of(const struct histogram_scale *scale, int64_t ns)
{
    size_t bucket = 0;

    while (bucket < scale->count && ns > scale->bounds_ns[bucket])
        bucket++;
    return bucket;
}

void histogram_observe(struct histogram *histogram, const struct histogram_scale *scale, int64_t ns)
{
    histogram->counts[bucket_of(scale, ns)]++;
    if (ns > 0)
        histogram->sum_ns += (uint64_t)ns;
}

void histogram_shared_observe(struct histogram_shared *shared, const struct histogram_scale *scale,
                              int64_t ns)
{
    atomic_fetch_add_explicit(&shared->counts[bucket_of(scale, ns)], 1, memory_order_relaxed);
    if (ns > 0)
        atomic_fetch_add_explicit(&shared->sum_ns, (uint64_t)ns, memory_order_relaxed);
}

void histogram_shared_read(const struct histogram_shared *shared, struct histogram *histogram)
{
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
        histogram->counts[i] = atomic_load_explicit(&shared->counts[i], memory_order_relaxed);
    histogram->sum_ns = atomic_load_explicit(&shared->sum_ns, memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
        count += histogram->counts[i];
    return count;
}
