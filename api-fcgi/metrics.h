/*
 * metrics: what api-fcgi counts of itself: requests by route, questions to gamed by op, threads at
 * work. Any thread may count, without a lock; nothing here takes memory but the report.
 */
#ifndef PONG_API_METRICS_H
#define PONG_API_METRICS_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>

#include "api-fcgi/router.h"
#include "common/histogram.h"
#include "ipc/ipc_message.h"

/* How a question to gamed ended. */
enum metrics_outcome {
    METRICS_OK,
    METRICS_REFUSED,     /* gamed said no, with a reason */
    METRICS_UNAVAILABLE, /* no connection */
    METRICS_BUSY,        /* too many others wait already */
    METRICS_TIMEOUT,
    METRICS_FAILED,
    METRICS_OUTCOMES
};

/* First digit of an HTTP status, less one. */
enum {
    METRICS_STATUS_CLASSES = 5
};

/* Why a question was asked of another instance. */
enum metrics_reroute {
    METRICS_REROUTE_WRONG_SLOT,
    METRICS_REROUTE_UNAVAILABLE,
    METRICS_REROUTE_REFUSED, /* it opens no rooms just now */
    METRICS_REROUTES
};

struct metrics {
    int threads;         /* set before the first request */
    const char *version; /* the program's; likewise */
    atomic_int threads_busy;
    struct histogram_shared requests[ROUTE_COUNT][METRICS_STATUS_CLASSES];
    struct histogram_shared questions[IPC_OP_COUNT][METRICS_OUTCOMES];
    atomic_uint_fast64_t rerouted[METRICS_REROUTES];
    atomic_uint_fast64_t slot_moving;
};

/* A thread has got a request; it has answered it. */
void metrics_request_begins(struct metrics *metrics);
void metrics_request_ended(struct metrics *metrics, enum route route, int status, int64_t ns);

/*
 * A question to gamed has ended. `result` is 0 for a well-formed reply, else a negative enum
 * ipc_client_error; `is_ok` is what the reply says.
 */
void metrics_question_ended(struct metrics *metrics, enum ipc_op op, long result, bool is_ok,
                            int64_t ns);

/* A question goes to another instance; a room's slot is between two owners. */
void metrics_rerouted(struct metrics *metrics, enum metrics_reroute why);
void metrics_slot_moving(struct metrics *metrics);

/* Adds the families of what there is to count only where there are several instances. */
void metrics_report_routing(const struct metrics *metrics, json_t *families);

/* All the rest of it as families (ipc/metric_families.h), owned by the caller; what memory is too short for
 * is missing. Any thread. */
json_t *metrics_report(const struct metrics *metrics);

#endif
