/*
 * report: what a level came to, for programs (JSON) or people, and whether that is well.
 */
#ifndef PONG_BENCH_LOAD_REPORT_H
#define PONG_BENCH_LOAD_REPORT_H

#include "bench/load/level.h"

/*
 * Whether enough moments counted to say that a level is ok, or not: half of those that were to. One that is
 * not known is not ok, but has not failed either.
 */
bool report_is_known(const struct level_result *result);

/* Prints it. Returns whether the level is ok. */
bool report_level(const struct load *load, const struct level_result *result);

/* Pieces of a report's JSON, each after a comma. Updates, or requests, are what CPU is divided by. */
void report_latency(const char *name, const struct latency *latency);
void report_own_share(const struct level_result *result);
void report_processes(const struct options *options, const struct level_result *result,
                      double updates);

/* The last of them for people. */
void report_processes_text(const struct options *options, const struct level_result *result,
                           double updates);

#endif
