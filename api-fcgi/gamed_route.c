/*
 * gamed_route: see gamed_route.h.
 */
#include "api-fcgi/gamed_route.h"

#include <string.h>

#include "api-fcgi/gamed_question.h"
#include "common/clock.h"

/* One request on its way; who was asked last is held. */
struct journey {
    struct instances *instances;
    struct metrics *metrics;
    struct ipc_request *request;
    int64_t until_ms;
    struct instance *instance;
    json_t *reply;
};

/* Asks `instance`, which is the journey's from now on, with what is left of the time. */
static long ask(struct journey *journey, struct instance *instance)
{
    int64_t left_ms = journey->until_ms - clock_read().mono_ms;

    json_decref(journey->reply);
    instance_release(journey->instance);
    journey->instance = instance;
    journey->reply = NULL;
    if (left_ms <= 0)
        return IPC_CLIENT_TIMEOUT;
    return gamed_question_ask(instance_client(instance), journey->metrics, journey->request,
                              (int)left_ms, &journey->reply);
}

static bool refuses_with(const struct journey *journey, const char *code)
{
    const char *got = json_string_value(json_object_get(journey->reply, "code"));

    return got != NULL && strcmp(got, code) == 0;
}

/* ---- a room that is anywhere ----------------------------------------------------------- */

/* Whether nothing has come of it there, and another might do it; *why is for the metrics. */
static bool wants_another(const struct journey *journey, long result, enum metrics_reroute *why)
{
    if (result == IPC_CLIENT_UNAVAILABLE) {
        *why = METRICS_REROUTE_UNAVAILABLE;
        return true;
    }
    *why = METRICS_REROUTE_REFUSED;
    return result == 0 &&
           (refuses_with(journey, "draining") || refuses_with(journey, "server_full") ||
            refuses_with(journey, "slot_moving"));
}

static long place(struct journey *journey)
{
    int (*find)(struct instances *, const struct instance *, struct instance **) =
        journey->request->op == IPC_QUICK ? instances_for_quick : instances_for_create;
    struct instance *instance;
    enum metrics_reroute why;
    long result;

    if (find(journey->instances, NULL, &instance) != INSTANCE_FOUND)
        return IPC_CLIENT_UNAVAILABLE;
    result = ask(journey, instance);
    if (!instances_is_single(journey->instances) && wants_another(journey, result, &why) &&
        find(journey->instances, journey->instance, &instance) == INSTANCE_FOUND) {
        metrics_rerouted(journey->metrics, why);
        result = ask(journey, instance);
    }
    return result == 0 && refuses_with(journey, "slot_moving") ? IPC_CLIENT_MOVING : result;
}

/* ---- a certain room -------------------------------------------------------------------- */

/* Asks the owner of the room's slot. */
static long ask_owner(struct journey *journey)
{
    struct instance *instance;
    long result;

    switch (instances_by_code(journey->instances, journey->request->room_code, &instance)) {
    case INSTANCE_FOUND:
        break;
    case INSTANCE_NOBODYS:
        return IPC_CLIENT_NOBODYS;
    case INSTANCE_MOVING:
        return IPC_CLIENT_MOVING;
    default:
        return IPC_CLIENT_UNAVAILABLE;
    }
    result = ask(journey, instance);
    if (result == IPC_CLIENT_UNAVAILABLE && !instances_is_single(journey->instances))
        return IPC_CLIENT_MOVING;
    return result == 0 && refuses_with(journey, "slot_moving") ? IPC_CLIENT_MOVING : result;
}

static long find_room(struct journey *journey)
{
    long result = ask_owner(journey);

    if (result != 0 || instances_is_single(journey->instances) ||
        !refuses_with(journey, "wrong_slot"))
        return result;
    metrics_rerouted(journey->metrics, METRICS_REROUTE_WRONG_SLOT);
    instances_refresh(journey->instances);
    result = ask_owner(journey);
    return result == 0 && refuses_with(journey, "wrong_slot") ? IPC_CLIENT_MOVING : result;
}

long gamed_route_ask(struct instances *instances, struct metrics *metrics,
                     struct ipc_request *request, int timeout_ms, json_t **reply,
                     struct instance **answered)
{
    struct journey journey = {.instances = instances,
                              .metrics = metrics,
                              .request = request,
                              .until_ms = clock_read().mono_ms + timeout_ms};
    bool is_anywhere = request->op == IPC_CREATE || request->op == IPC_QUICK;
    long result = is_anywhere ? place(&journey) : find_room(&journey);

    if (result == IPC_CLIENT_MOVING)
        metrics_slot_moving(metrics);
    if (result != 0) {
        json_decref(journey.reply);
        journey.reply = NULL;
    }
    if (result != 0 || answered == NULL) {
        instance_release(journey.instance);
        journey.instance = NULL;
    }
    *reply = journey.reply;
    if (answered != NULL)
        *answered = journey.instance;
    return result;
}
