/*
 * metric_families: metrics as JSON, the way gamed hands them over and api-fcgi takes them, its own
 * included. Pure: jansson only, no socket, no clock. What they look like in the end is
 * api-fcgi/exposition's affair.
 *
 * A family is {"name", "type": "counter" | "gauge" | "histogram", "help", "samples": […]}; a sample
 * is {"labels": {name: value}, "value": number}. A histogram's family has "bounds" (seconds,
 * ascending), its samples {"labels", "counts", "sum"}: a count of each bucket by itself, the last one
 * of what is over all bounds, and the sum in seconds. Names follow Prometheus: base units, _total,
 * _seconds, _bytes.
 *
 * Where memory is short, what does not fit is left out. Every function takes NULL for a family and
 * then does nothing. Any thread; an object belongs to one at a time.
 */
#ifndef PONG_IPC_METRIC_FAMILIES_H
#define PONG_IPC_METRIC_FAMILIES_H

#include <jansson.h>
#include <stdint.h>

#include "common/histogram.h"
#include "common/process_stats.h"

enum metric_type {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
    METRIC_TYPES
};

/* The word of a type, e.g. "counter". */
const char *metric_type_name(enum metric_type type);

/*
 * Adds a family without samples to the array `families`, which it then belongs to; NULL when memory
 * is short. `name` and `help` are ours: a legal name, one line.
 */
json_t *metric_families_add(json_t *families, const char *name, enum metric_type type,
                            const char *help);

/*
 * Each adds one sample. Behind the value stand its labels, a name and a value each, and a NULL at
 * the end; no two samples of a family have the same.
 */
void metric_family_count(json_t *family, uint64_t value, ...) __attribute__((sentinel));
void metric_family_real(json_t *family, double value, ...) __attribute__((sentinel));
void metric_family_histogram(json_t *family, const struct histogram_scale *scale,
                             const struct histogram *histogram, ...) __attribute__((sentinel));

/* The same for a family of one sample without labels. */
void metric_families_count(json_t *families, const char *name, enum metric_type type,
                           const char *help, uint64_t value);
void metric_families_real(json_t *families, const char *name, enum metric_type type,
                          const char *help, double value);

/*
 * What every process has to say: pong_build_info and the standard process_* families, told apart by
 * the label `process`, the program's name.
 */
void metric_families_process(json_t *families, const char *program, const char *version,
                             const struct process_stats *stats);

#endif
