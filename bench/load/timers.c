/*
 * The wheel: a list for each millisecond of the next eight seconds.
 */
#include "bench/load/timers.h"

#include <stddef.h>
#include <string.h>

enum {
    NS_PER_MS = 1000000
};

void timers_init(struct timers *timers, int64_t now_ns)
{
    memset(timers, 0, sizeof *timers);
    timers->now_ms = now_ns / NS_PER_MS;
}

static struct timer **slot_of(struct timers *timers, int64_t ms)
{
    return &timers->slots[ms & (TIMERS_SLOTS - 1)];
}

void timers_clear(struct timer *timer)
{
    if (!timer->back)
        return;
    *timer->back = timer->next;
    if (timer->next)
        timer->next->back = timer->back;
    timer->back = NULL;
    timer->next = NULL;
}

void timers_set(struct timers *timers, struct timer *timer, int64_t due_ns)
{
    int64_t due_ms = (due_ns + NS_PER_MS - 1) / NS_PER_MS;
    if (due_ms <= timers->now_ms)
        due_ms = timers->now_ms + 1;
    timers_clear(timer);
    struct timer **slot = slot_of(timers, due_ms);
    timer->due_ms = due_ms;
    timer->next = *slot;
    timer->back = slot;
    if (*slot)
        (*slot)->back = &timer->next;
    *slot = timer;
}

struct timer *timers_take(struct timers *timers, int64_t now_ns)
{
    const int64_t until = now_ns / NS_PER_MS;
    while (timers->now_ms < until) {
        const int64_t ms = timers->now_ms + 1;
        for (struct timer *timer = *slot_of(timers, ms); timer; timer = timer->next)
            if (timer->due_ms <= ms) {
                timers_clear(timer);
                return timer;
            }
        timers->now_ms = ms;
    }
    return NULL;
}
