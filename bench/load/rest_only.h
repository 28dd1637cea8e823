/*
 * rest_only: how many REST requests a second nginx, api-fcgi and gamed answer to so many clients that
 * keep their connections and ask one after the other. It must not open a WebSocket.
 */
#ifndef PONG_BENCH_LOAD_REST_ONLY_H
#define PONG_BENCH_LOAD_REST_ONLY_H

#include <stdbool.h>

#include "bench/load/options.h"

/* Runs and prints. False, with a sentence on stderr, when nothing could be asked. */
bool rest_only_run(const struct options *options);

#endif
