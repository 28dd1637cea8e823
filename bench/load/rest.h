/*
 * rest: an HTTP/1.1 connection that is kept, one request at a time (POST or GET of small JSON bodies).
 * It must not know what is asked.
 */
#ifndef PONG_BENCH_LOAD_REST_H
#define PONG_BENCH_LOAD_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/target.h"

enum {
    REST_BUFFER = 8192
};

struct rest {
    int fd; /* -1: not connected */
    bool is_busy;
    uint64_t tag; /* epoll's data */
    size_t out_length, in_length;
    char out[1024];
    char in[REST_BUFFER];
};

struct rest_answer {
    int status;
    const char *body; /* in rest->in, until the next request */
    size_t length;
};

enum rest_outcome {
    REST_WAITS,
    REST_ANSWERED,
    REST_FAILED, /* no answer; the connection is closed */
};

void rest_init(struct rest *rest, uint64_t tag);

/* Sends a request; body NULL: a GET. What happens is told by rest_ready(). False: not sent. */
bool rest_ask(struct rest *rest, int epoll, const struct target *target, const char *path,
              const char *body);

/* Its socket is ready. */
enum rest_outcome rest_ready(struct rest *rest, struct rest_answer *answer);

void rest_close(struct rest *rest);

#endif
