/*
 * metrics_api: see metrics_api.h.
 */
#include "api-fcgi/metrics_api.h"

#include <stdbool.h>
#include <stdlib.h>

#include "api-fcgi/exposition.h"
#include "common/clock.h"
#include "common/log.h"
#include "ipc/ipc_message.h"
#include "ipc/metric_families.h"

enum {
    QUESTION_SIZE = 256,
    INSTANCE_DIGITS = 8 /* of an id */
};

/* Asks one gamed. Returns 0 and its reply, which the caller owns, or a negative enum
 * ipc_client_error. `text` has IPC_MESSAGE_MAX bytes. */
static long ask(const struct instance *gamed, int timeout_ms, char *text, json_t **reply)
{
    struct ipc_request question = {.op = IPC_METRICS,
                                   .deadline_unix_ms = clock_read().unix_ms + timeout_ms};
    char bytes[QUESTION_SIZE];
    long length = ipc_request_encode(&question, bytes, sizeof bytes);

    if (length < 0)
        return IPC_CLIENT_FAILED;
    length = ipc_client_call(instance_client(gamed), bytes, (size_t)length, timeout_ms, text,
                             IPC_MESSAGE_MAX);
    if (length < 0)
        return length;
    return ipc_reply_decode(text, (size_t)length, reply) == IPC_OK ? IPC_CLIENT_OK
                                                                   : IPC_CLIENT_FAILED;
}

/* The reply of one gamed with its numbers, owned by the caller; NULL when it gave none. */
static json_t *question(const struct metrics_api *api, const struct instance *gamed, int timeout_ms,
                        char *text)
{
    int64_t began_ns = clock_read().mono_ns;
    json_t *reply = NULL;
    long result =
        ask(gamed, timeout_ms < IPC_DEADLINE_MS ? timeout_ms : IPC_DEADLINE_MS, text, &reply);
    bool is_ok = json_is_true(json_object_get(reply, "ok"));

    metrics_question_ended(api->metrics, IPC_METRICS, result, is_ok,
                           clock_read().mono_ns - began_ns);
    if (is_ok)
        return reply;
    json_decref(reply);
    return NULL;
}

/* Asks all of them, one after the other; says in `families` who answered. Returns how many there are. */
static size_t question_all(const struct metrics_api *api, json_t *replies[METRICS_GAMED_MAX],
                           json_t *families)
{
    struct instance *gamed[METRICS_GAMED_MAX];
    size_t count = instances_all(api->instances, false, gamed, METRICS_GAMED_MAX);
    json_t *up = metric_families_add(families, "pong_gamed_up", METRIC_GAUGE,
                                     "Whether the gamed at this address gave its numbers.");
    char *text = malloc(IPC_MESSAGE_MAX);

    for (size_t i = 0; i < count; i++) {
        replies[i] =
            text != NULL ? question(api, gamed[i], METRICS_WAIT_MS / (int)count, text) : NULL;
        metric_family_count(up, replies[i] != NULL, "url", instance_label(gamed[i]), NULL);
        instance_release(gamed[i]);
    }
    free(text);
    return count;
}

/* What is to be told only where there are several. */
static void report_instances(const struct metrics_api *api, json_t *families)
{
    struct instances_stats stats;
    json_t *family;

    instances_stats(api->instances, &stats);
    if (!stats.is_learning)
        return;
    family = metric_families_add(families, "pong_instances", METRIC_GAUGE,
                                 "Instances of gamed, by whether they take new rooms.");
    metric_family_count(family, stats.fresh - stats.draining, "state", "serving", NULL);
    metric_family_count(family, stats.draining, "state", "draining", NULL);
    metric_family_count(family, stats.known - stats.fresh, "state", "silent", NULL);
    metrics_report_routing(api->metrics, families);
}

/* The labels that tell a gamed's series from another's: of instances whose slots come and go the first
 * digits of the id; owned by the caller. */
static json_t *labels_of(const json_t *reply)
{
    const json_t *instance = json_object_get(reply, "instance");

    if (json_string_length(instance) >= INSTANCE_DIGITS)
        return json_pack("{s:s#}", "instance", json_string_value(instance), INSTANCE_DIGITS);
    return json_pack("{s:O}", "slot", json_object_get(reply, "slot"));
}

void metrics_api_answer(const struct metrics_api *api, struct response *response)
{
    struct exposition_source sources[1 + METRICS_GAMED_MAX] = {{0}};
    json_t *replies[METRICS_GAMED_MAX];
    json_t *families = json_array();
    size_t count, length, refused;
    char *text;

    response_init(response);
    count = question_all(api, replies, families);
    report_instances(api, families);
    sources[0].families = metrics_report(api->metrics);
    json_array_extend(sources[0].families, families);
    for (size_t i = 0; i < count; i++) {
        sources[1 + i].families = json_object_get(replies[i], "families");
        sources[1 + i].labels = labels_of(replies[i]);
    }
    text = exposition_write(sources, 1 + count, &length, &refused);
    if (text != NULL)
        response_text(response, 200, EXPOSITION_CONTENT_TYPE, text, length);
    else
        response_error(response, 500, "internal_error", "The answer could not be made");
    if (refused > 0)
        log_warn("metrics: %zu families or series of gamed cannot be shown", refused);
    for (size_t i = 0; i < count; i++) {
        json_decref(sources[1 + i].labels);
        json_decref(replies[i]);
    }
    json_decref(sources[0].families);
    json_decref(families);
}
