/*
 * metrics: see metrics.h. Of the many pairs of a route and a status, or an op and an outcome, only
 * those are reported that have happened.
 */
#include "api-fcgi/metrics.h"

#include "common/process_stats.h"
#include "ipc/ipc_client.h"
#include "ipc/metric_families.h"

void metrics_request_begins(struct metrics *metrics)
{
    atomic_fetch_add_explicit(&metrics->threads_busy, 1, memory_order_relaxed);
}

void metrics_request_ended(struct metrics *metrics, enum route route, int status, int64_t ns)
{
    int first_digit = status / 100;

    if (first_digit >= 1 && first_digit <= METRICS_STATUS_CLASSES)
        histogram_shared_observe(&metrics->requests[route][first_digit - 1], &histogram_exchange,
                                 ns);
    atomic_fetch_sub_explicit(&metrics->threads_busy, 1, memory_order_relaxed);
}

static enum metrics_outcome outcome_of(long result, bool is_ok)
{
    switch (result) {
    case IPC_CLIENT_OK:
        return is_ok ? METRICS_OK : METRICS_REFUSED;
    case IPC_CLIENT_UNAVAILABLE:
        return METRICS_UNAVAILABLE;
    case IPC_CLIENT_BUSY:
        return METRICS_BUSY;
    case IPC_CLIENT_TIMEOUT:
        return METRICS_TIMEOUT;
    default:
        return METRICS_FAILED;
    }
}

void metrics_question_ended(struct metrics *metrics, enum ipc_op op, long result, bool is_ok,
                            int64_t ns)
{
    histogram_shared_observe(&metrics->questions[op][outcome_of(result, is_ok)],
                             &histogram_exchange, ns);
}

void metrics_rerouted(struct metrics *metrics, enum metrics_reroute why)
{
    atomic_fetch_add_explicit(&metrics->rerouted[why], 1, memory_order_relaxed);
}

void metrics_slot_moving(struct metrics *metrics)
{
    atomic_fetch_add_explicit(&metrics->slot_moving, 1, memory_order_relaxed);
}

/* ---- report -------------------------------------------------------------------------- */

static void report_requests(const struct metrics *metrics, json_t *families)
{
    static const char *const classes[METRICS_STATUS_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    json_t *family = metric_families_add(families, "pong_http_request_duration_seconds",
                                         METRIC_HISTOGRAM, "Requests answered, by route.");
    struct histogram histogram;

    for (int route = 0; route < ROUTE_COUNT; route++)
        for (int i = 0; i < METRICS_STATUS_CLASSES; i++) {
            histogram_shared_read(&metrics->requests[route][i], &histogram);
            if (histogram_count(&histogram) > 0)
                metric_family_histogram(family, &histogram_exchange, &histogram, "route",
                                        router_name((enum route)route), "status", classes[i], NULL);
        }
}

static void report_questions(const struct metrics *metrics, json_t *families)
{
    static const char *const outcomes[METRICS_OUTCOMES] = {
        [METRICS_OK] = "ok",           [METRICS_REFUSED] = "refused",
        [METRICS_BUSY] = "busy",       [METRICS_UNAVAILABLE] = "unavailable",
        [METRICS_TIMEOUT] = "timeout", [METRICS_FAILED] = "failed",
    };
    json_t *family =
        metric_families_add(families, "pong_ipc_request_duration_seconds", METRIC_HISTOGRAM,
                            "Questions to gamed, by operation and how they ended.");
    struct histogram histogram;

    for (int op = 0; op < IPC_OP_COUNT; op++)
        for (int i = 0; i < METRICS_OUTCOMES; i++) {
            histogram_shared_read(&metrics->questions[op][i], &histogram);
            if (histogram_count(&histogram) > 0)
                metric_family_histogram(family, &histogram_exchange, &histogram, "op",
                                        ipc_op_name((enum ipc_op)op), "outcome", outcomes[i], NULL);
        }
}

void metrics_report_routing(const struct metrics *metrics, json_t *families)
{
    static const char *const reasons[METRICS_REROUTES] = {
        [METRICS_REROUTE_WRONG_SLOT] = "wrong_slot",
        [METRICS_REROUTE_UNAVAILABLE] = "unavailable",
        [METRICS_REROUTE_REFUSED] = "refused",
    };
    json_t *family = metric_families_add(families, "pong_api_rerouted_total", METRIC_COUNTER,
                                         "Requests that another gamed was asked for, by why.");

    for (int i = 0; i < METRICS_REROUTES; i++)
        metric_family_count(family,
                            atomic_load_explicit(&metrics->rerouted[i], memory_order_relaxed),
                            "reason", reasons[i], NULL);
    metric_families_count(families, "pong_api_slot_moving_total", METRIC_COUNTER,
                          "Requests for a room whose slot had no owner.",
                          atomic_load_explicit(&metrics->slot_moving, memory_order_relaxed));
}

json_t *metrics_report(const struct metrics *metrics)
{
    json_t *families = json_array();
    struct process_stats process;

    process_stats_read(&process);
    metric_families_process(families, "api-fcgi", metrics->version, &process);
    metric_families_count(families, "pong_api_threads", METRIC_GAUGE,
                          "Threads that answer requests.", (uint64_t)metrics->threads);
    metric_families_count(
        families, "pong_api_threads_busy", METRIC_GAUGE, "Threads that are answering a request.",
        (uint64_t)atomic_load_explicit(&metrics->threads_busy, memory_order_relaxed));
    report_requests(metrics, families);
    report_questions(metrics, families);
    return families;
}
