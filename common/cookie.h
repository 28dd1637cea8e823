/*
 * cookie: the names and values in a Cookie header (RFC 6265), one after another. Pure. Nothing of them
 * is decoded, and it must not know what a name means.
 */
#ifndef PONG_COMMON_COOKIE_H
#define PONG_COMMON_COOKIE_H

#include <stdbool.h>
#include <stddef.h>

struct cookie {
    const char *name; /* in the header, not ended by NUL */
    size_t name_length;
    const char *value; /* likewise */
    size_t value_length;
};

/*
 * Takes the next cookie off *header, which ends in NUL. Returns false at its end. What has no '=' is no
 * cookie and is passed over. Any thread.
 */
bool cookie_next(const char **header, struct cookie *cookie);

/*
 * The first cookie of this whole name in `header`, copied to `out` where it fits `size` bytes with its
 * NUL. Returns its length, of which there may be more than fits; 0 for none, and for an empty one; out[]
 * is "" then, as it is for one that does not fit. Any thread.
 */
size_t cookie_find(const char *header, const char *name, char *out, size_t size);

#endif
