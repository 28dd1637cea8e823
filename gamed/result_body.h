/*
 * result_body: a match's result as the bytes that are posted, and back. Pure. Must not know where
 * they go.
 */
#ifndef PONG_GAMED_RESULT_BODY_H
#define PONG_GAMED_RESULT_BODY_H

#include <stddef.h>

#include "gamed/match_result.h"

/*
 * Writes the JSON object of `result` (docs: POST /api/games/) to `out`, not ended by NUL, and its
 * length. The same result gives the same bytes. Returns 0, or -1 when it cannot be written: a text
 * is not UTF-8, a number is not finite, or `size` is too small (2048 never is).
 */
int result_body_write(const struct match_result *result, char *out, size_t size, size_t *length);

/*
 * Reads such bytes again, as they may have been kept for long. Returns 0, or -1 when they are no
 * result. What the bytes do not tell is false: has_bot and has_guest.
 */
int result_body_read(const char *body, size_t length, struct match_result *result);

#endif
