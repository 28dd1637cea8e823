/*
 * The grid is found where most updates arrive in a thirtieth of a second, then moved to the earliest
 * of them: no server is early. One that seems to be may be late by nearly a whole period, so it takes
 * three of a few, while the machine is calm.
 */
#include "bench/load/cadence.h"

#include <stdlib.h>
#include <string.h>

#define PERIOD_NS INT64_C(33333333)

enum {
    /* An arrival up to so much before the origin is early, one that is more before it is late. */
    EARLY_PARTS = 4,
    EARLY_ENOUGH = 3,
    EARLY_AMONG = 8
};

static int64_t phase_of(int64_t ns)
{
    return ns % PERIOD_NS;
}

void cadence_learn(struct cadence *cadence, int64_t arrival_ns)
{
    const int64_t bin = phase_of(arrival_ns) * CADENCE_BINS / PERIOD_NS;
    if (cadence->bins[bin] < UINT16_MAX)
        cadence->bins[bin]++;
    cadence->last_ns = arrival_ns;
}

void cadence_settle(struct cadence *cadence)
{
    unsigned best = 0;
    unsigned most = 0;
    for (unsigned i = 0; i < CADENCE_BINS; i++) {
        /* Two neighbours: the arrivals may lie about the border of two bins. */
        const unsigned sum = cadence->bins[i] + cadence->bins[(i + 1) % CADENCE_BINS];
        if (sum > most) {
            most = sum;
            best = i;
        }
    }
    /* At the end of the two: the earliest updates that come move it to where it belongs. */
    cadence->origin_ns = most ? PERIOD_NS + (int64_t)(best + 2) * PERIOD_NS / CADENCE_BINS : 0;
    cadence->slot = 0;
    cadence->early_count = 0;
    cadence->broken_at = cadence->broken_ns = 0;
    memset(cadence->bins, 0, sizeof cadence->bins);
}

/* An update came so long before its time. The grid is moved when a few do, not far from each other. */
static void note_early(struct cadence *cadence, int64_t early_ns)
{
    if (cadence->early_count == 0) {
        cadence->early_left = EARLY_AMONG;
        cadence->early_ns = early_ns;
    }
    if (early_ns < cadence->early_ns)
        cadence->early_ns = early_ns;
    if (++cadence->early_count < EARLY_ENOUGH)
        return;
    cadence->origin_ns -= cadence->early_ns;
    cadence->early_count = 0;
}

static void note_in_time(struct cadence *cadence)
{
    if (cadence->early_count > 0 && --cadence->early_left == 0)
        cadence->early_count = 0;
}

struct cadence_sample cadence_measure(struct cadence *cadence, int64_t arrival_ns, bool is_calm)
{
    struct cadence_sample sample = {-1, -1, -1};
    if (cadence->last_ns) {
        sample.since_ns = arrival_ns - cadence->last_ns;
        sample.interval_ns = llabs(sample.since_ns - PERIOD_NS);
    }
    if (cadence->broken_at)
        cadence->broken_ns += arrival_ns - cadence->broken_at;
    cadence->broken_at = 0;
    cadence->last_ns = arrival_ns;
    if (!cadence->origin_ns)
        return sample;
    const int64_t since = arrival_ns - cadence->origin_ns + PERIOD_NS / EARLY_PARTS;
    const int64_t slot = since / PERIOD_NS;
    int64_t late = since % PERIOD_NS - PERIOD_NS / EARLY_PARTS;
    if (late < 0) {
        if (is_calm)
            note_early(cadence, -late);
        late = 0;
    } else {
        note_in_time(cadence);
    }
    /* Of several in one slot all but one belong to slots before it. */
    cadence->same = slot == cadence->slot ? cadence->same + 1 : 0;
    cadence->slot = slot;
    sample.late_ns = late + cadence->same * PERIOD_NS;
    return sample;
}

void cadence_break(struct cadence *cadence, int64_t now)
{
    cadence->last_ns = 0;
    cadence->broken_at = now;
}
