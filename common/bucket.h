/*
 * bucket: a token bucket: so much a second, and so much at once after a quiet time. Pure.
 *
 * All functions: any thread; a bucket belongs to one at a time.
 */
#ifndef PONG_COMMON_BUCKET_H
#define PONG_COMMON_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    int64_t credit; /* in thousandths */
    int64_t at_ms;
};

/* A full one: `burst` at once. `now_ms`: monotonic milliseconds, here and below. */
void bucket_init(struct bucket *bucket, int burst, int64_t now_ms);

/* Takes one, if there is one. `per_second` and `burst` are 1 or more. */
bool bucket_take(struct bucket *bucket, int per_second, int burst, int64_t now_ms);

#endif
