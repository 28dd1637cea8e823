/*
 * report: what a level came to, for programs (JSON) or people, and whether that is well.
 */
#ifndef PONG_BENCH_LOAD_REPORT_H
#define PONG_BENCH_LOAD_REPORT_H

#include "bench/load/level.h"

/* Prints it. Returns whether the level is ok. */
bool report_level(const struct load *load, const struct level_result *result);

#endif
