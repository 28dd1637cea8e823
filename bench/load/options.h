/*
 * options: the command line of pong-load. It must not know what is done with it.
 */
#ifndef PONG_BENCH_LOAD_OPTIONS_H
#define PONG_BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/load/target.h"

struct wire;

enum {
    OPTIONS_LEVELS_MAX = 256,
    OPTIONS_PIDS_MAX = 32,
    OPTIONS_NAME_MAX = 32
};

enum rest_only {
    REST_ONLY_NO,
    REST_ONLY_CHECK,
    REST_ONLY_CREATE_JOIN
};

/* What a level must keep to; 0: not asked for. */
struct until {
    double p99_late_ms, p99_interval_ms, p99_relay_ms, min_rate;
};

struct options {
    struct target rest, ws;
    bool has_rest;
    enum rest_only rest_only;
    const struct wire *wire;
    unsigned levels[OPTIONS_LEVELS_MAX]; /* rooms */
    size_t level_count;
    int spectators; /* of each room */
    double warm_up, seconds;
    double moves; /* direction changes a second and player */
    int inputs_every_ms;
    int at_once; /* REST requests, and handshakes, under way */
    struct until until;
    struct {
        char name[OPTIONS_NAME_MAX];
        pid_t pid;
    } pids[OPTIONS_PIDS_MAX];
    size_t pid_count;
    uint64_t seed;
    unsigned give_up; /* levels running that failed, after which no more is tried */
    bool all_moments; /* also those in which processors were taken from the machine */
    bool json;
};

enum options_outcome {
    LOAD_OPTIONS_RUN,
    LOAD_OPTIONS_DONE, /* --help was printed */
    LOAD_OPTIONS_BAD   /* error says why */
};

enum options_outcome load_options_parse(struct options *options, int argc, char **argv, char *error,
                                        size_t error_size);

#endif
