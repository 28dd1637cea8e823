/*
 * level: has so many rooms play, lets them warm up, measures them. It must not print anything but
 * progress.
 */
#ifndef PONG_BENCH_LOAD_LEVEL_H
#define PONG_BENCH_LOAD_LEVEL_H

#include "bench/load/load.h"
#include "bench/load/processes.h"
#include "bench/load/seats.h"

/* Of one level. */
struct level_result {
    unsigned rooms, connections; /* open at the end */
    bool is_complete;            /* everybody wanted is there, at the end, too */
    double seconds;
    double load_cpu_share;
    struct moments moments;
    unsigned moments_wanted;          /* that were to count */
    double messages_min, updates_min; /* a second (of play), of the player who got least */
    double messages_mean, updates_mean, payload_mean, wire_mean, ip_mean;
    bool has_ip;
    uint64_t spectator_messages;
    struct process_use
        used[OPTIONS_PIDS_MAX]; /* by options.pids: CPU in the level, memory after it */
    struct process_use before[OPTIONS_PIDS_MAX]; /* when pong-load began */
};

/* Takes memory for the largest level. False, with a sentence on stderr, when there is none. */
bool level_init(struct load *load, struct seats *seats);

/* Makes `rooms` of them play and measures. Totals are in load->totals. False: it was stopped before. */
bool level_run(struct load *load, struct seats *seats, unsigned rooms, struct level_result *result);

/* The use of options->pids, one by one. */
void level_look_at_processes(const struct options *options, struct process_use *use);

double level_own_cpu_seconds(void);

/* Somebody asked us to end (SIGTERM, SIGINT): what is measured ends now. */
bool level_is_stopped(void);
void level_stop(void);

#endif
