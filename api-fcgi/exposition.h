/*
 * exposition: the families of several processes, merged and written in Prometheus' text format 0.0.4.
 * Pure. What it is given came from other processes, perhaps of another version: what would make the
 * text illegal is left out and counted, so that the rest can still be read.
 */
#ifndef PONG_API_EXPOSITION_H
#define PONG_API_EXPOSITION_H

#include <jansson.h>
#include <stddef.h>

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Bytes of the text, and what one source may bring. */
enum {
    EXPOSITION_MAX = 4 * 1024 * 1024,
    EXPOSITION_FAMILIES_MAX = 256,
    EXPOSITION_SAMPLES_MAX = 512, /* of a family */
    EXPOSITION_BUCKETS_MAX = 64
};

/* What one process says; see ipc/metric_families.h. */
struct exposition_source {
    json_t *families; /* an array */
    json_t *labels; /* an object: labels for each of its samples, in the place of such as they have
                         themselves; NULL for none. Neither is changed */
};

/*
 * Writes all families, each once, with the samples of all sources under it; help and type are those
 * of the first source that has it. Returns the text (NUL-terminated, to be freed) with its length, or
 * NULL when it would be over EXPOSITION_MAX or memory is short. *refused says how many families and
 * samples were left out: bad names, labels or numbers, a type that differs, a series that is there
 * already. Any thread.
 */
char *exposition_write(const struct exposition_source *sources, size_t count, size_t *length,
                       size_t *refused);

#endif
