/*
 * processes: what the kernel says of other processes: processor time and memory, each with its
 * children, so that nginx is its master and its workers.
 */
#ifndef PONG_BENCH_LOAD_PROCESSES_H
#define PONG_BENCH_LOAD_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_use {
    double cpu_seconds; /* of all threads that live */
    int64_t rss_bytes;
};

/* Adds that of a process and its children. False when there is no such process. */
bool processes_add(pid_t pid, struct process_use *use);

#endif
