/*
 * pace: see pace.h.
 */
#include "bench/load/pace.h"

static void count_waiting(struct pace *pace)
{
    pace->counted.updates += pace->waiting.updates;
    pace->counted.ns += pace->waiting.ns;
}

void pace_note(struct pace *pace, int64_t since_ns)
{
    pace->moment.updates++;
    pace->moment.ns += since_ns;
}

void pace_end(struct pace *pace, enum moments_verdict verdict)
{
    if (verdict == MOMENTS_COUNT_LAST)
        count_waiting(pace);
    pace->waiting = pace->moment;
    pace->moment = (struct pace_part){0};
}

void pace_finish(struct pace *pace, bool counts)
{
    if (counts)
        count_waiting(pace);
}

double pace_rate(const struct pace *pace, int64_t overdue_ns)
{
    const int64_t ns = pace->counted.ns + overdue_ns;
    return ns > 0 ? pace->counted.updates * 1e9 / (double)ns : 0;
}
