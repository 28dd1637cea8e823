/*
 * process_stats: what the kernel says of this process: processor time, memory, descriptors. It must
 * be cheap enough for a thread that may not be held up: a few system calls, however many descriptors
 * are open.
 */
#ifndef PONG_COMMON_PROCESS_STATS_H
#define PONG_COMMON_PROCESS_STATS_H

#include <stdint.h>

struct process_stats {
    double cpu_seconds; /* user and system */
    int64_t resident_bytes;
    int64_t virtual_bytes;
    int64_t open_fds;
    int64_t max_fds;           /* the soft limit */
    double start_unix_seconds; /* 0 when /proc cannot be read; so are the bytes */
};

/* Any thread. What cannot be known is 0. */
void process_stats_read(struct process_stats *stats);

/* How many descriptors below `max` are open, where the kernel does not say so itself. Any thread. */
int64_t process_stats_count_fds(int64_t max);

#endif
