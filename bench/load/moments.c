/*
 * moments: see moments.h.
 */
#include "bench/load/moments.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void moments_begin(struct moments *moments)
{
    *moments = (struct moments){.calm = MOMENTS_AFTER};
}

void moments_restart(struct moments *moments)
{
    *moments = (struct moments){.calm = moments->calm};
}

enum moments_verdict moments_end(struct moments *moments, bool was_disturbed)
{
    const bool had_waiting = moments->has_waiting;
    moments->all++;
    if (was_disturbed) {
        moments->calm = 0;
        moments->has_waiting = false;
        return MOMENTS_DROP;
    }
    if (moments->calm < MOMENTS_AFTER) {
        moments->calm++;
        return MOMENTS_SKIP;
    }
    moments->has_waiting = true;
    moments->counted += had_waiting;
    return had_waiting ? MOMENTS_COUNT_LAST : MOMENTS_WAIT;
}

bool moments_finish(struct moments *moments)
{
    const bool had_waiting = moments->has_waiting;
    moments->has_waiting = false;
    moments->counted += had_waiting;
    return had_waiting;
}

uint64_t moments_taken(void)
{
    enum {
        TEXT = 256
    };
    char text[TEXT];
    unsigned long long taken = 0;
    const int file = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    const ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = '\0';
    /* cpu user nice system idle iowait irq softirq steal */
    if (sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &taken) != 1)
        return 0;
    return taken;
}
