/*
 * digest: SHA-256 of short secrets, so that they are kept and compared without being known.
 */
#ifndef PONG_COMMON_DIGEST_H
#define PONG_COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DIGEST_SIZE = 32,
    DIGEST_HEX_SIZE = 2 * DIGEST_SIZE + 1
};

struct digest {
    uint8_t byte[DIGEST_SIZE]; /* all zero: of nothing; equals no digest */
};

/* The digest of `size` bytes. Any thread. */
struct digest digest_of(const void *bytes, size_t size);

/* Whether two digests are the same and of something; in a time that does not depend on them. Any thread. */
bool digest_equal(const struct digest *a, const struct digest *b);

/* Whether it is of nothing. Any thread. */
bool digest_is_nothing(const struct digest *digest);

/* As lower-case hexadecimal digits, and back; digest_from_hex returns false for anything else. Any thread. */
void digest_to_hex(const struct digest *digest, char out[DIGEST_HEX_SIZE]);
bool digest_from_hex(const char *hex, struct digest *digest);

#endif
