/*
 * control_endpoint: see control_endpoint.h.
 */
#include "gamed/control_endpoint.h"

#include <stdio.h>

#include "common/log.h"
#include "gamed/control_rooms.h"
#include "gamed/control_slots.h"

enum {
    URL_MAX = 1100
};

int control_endpoint_open(struct control_endpoint *control, const char *path,
                          struct ipc_endpoint *ordinary, struct game_history *history,
                          void (*wake)(void *arg), void *arg, char *error, size_t error_size)
{
    char url[URL_MAX];
    control->ordinary = ordinary;
    control->results.history = history;
    if (path[0] == '\0')
        return 0;
    if ((size_t)snprintf(url, sizeof url, "ipc://%s", path) >= sizeof url) {
        snprintf(error, error_size, "the control socket's path is too long");
        return -1;
    }
    control->server = ipc_server_open(url, wake, arg, error, error_size);
    return control->server ? 0 : -1;
}

/* ---- ops ----------------------------------------------------------------------------- */

static json_t *no_such_room(void)
{
    return ipc_reply_error("room_not_found", "Room not found");
}

static json_t *serve_rooms(struct control_endpoint *control, const struct ipc_request *request,
                           struct now now)
{
    return control_rooms_page(control->ordinary->manager, request->after, now);
}

static json_t *serve_room(struct control_endpoint *control, const struct ipc_request *request,
                          struct now now)
{
    const struct game_manager *manager = control->ordinary->manager;
    const struct room *room = game_manager_find(manager, request->room_code);
    int error;
    if (!room && game_manager_slot_error(manager, request->room_code, &error))
        return ipc_endpoint_failure(error);
    return room ? control_rooms_detail(room, now) : no_such_room();
}

static json_t *serve_drain(struct control_endpoint *control, const struct ipc_request *request,
                           struct now now)
{
    struct game_manager *manager = control->ordinary->manager;
    log_info("the operator has new rooms %s", request->is_on ? "refused" : "allowed");
    if (!control->owner)
        game_manager_refuse_rooms(manager, request->is_on);
    else if (request->is_on)
        slot_owner_drain(control->owner, now);
    else
        slot_owner_undrain(control->owner, now);
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "draining", json_boolean(game_manager_is_draining(manager)));
    if (control->owner)
        control_slots_add(reply, control->owner, control->ordinary->instance);
    return reply;
}

static json_t *kick_failure(int error)
{
    switch (error) {
    case GAME_MANAGER_SEAT_EMPTY:
        return ipc_reply_error("seat_empty", "Nobody has this seat");
    case GAME_MANAGER_SEAT_IS_BOT:
        return ipc_reply_error("seat_is_bot", "A bot cannot be kicked");
    case GAME_MANAGER_WRONG_SLOT:
    case GAME_MANAGER_SLOT_MOVING:
        return ipc_endpoint_failure(error);
    default:
        return no_such_room();
    }
}

static json_t *serve_kick(struct control_endpoint *control, const struct ipc_request *request,
                          struct now now)
{
    static const char *const words[] = {[GAME_MANAGER_KICK_FREED] = "freed",
                                        [GAME_MANAGER_KICK_FORFEITED] = "forfeited",
                                        [GAME_MANAGER_KICK_CLOSED] = "closed"};
    struct game_manager *manager = control->ordinary->manager;
    const struct room *room = game_manager_find(manager, request->room_code);
    enum game_manager_kick done;
    if (!room)
        return serve_room(control, request, now); /* which says why there is none */
    const struct game_player player = room->game.seats[request->seat - 1].player; /* as he was */
    int error = game_manager_kick(manager, request->room_code, request->seat, now, &done);
    if (error != GAME_MANAGER_OK)
        return kick_failure(error);
    log_info("the operator has kicked player %d of room %s", request->seat, request->room_code);
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "room_code", json_string(request->room_code));
    json_object_set_new(reply, "seat", json_integer(request->seat));
    json_object_set_new(reply, "player_id", json_string(player.player_id));
    json_object_set_new(reply, "username", json_string(player.username));
    json_object_set_new(reply, "effect", json_string(words[done]));
    return reply;
}

/* The ordinary socket's, and how the results are doing. */
static json_t *serve_stats(struct control_endpoint *control, const struct ipc_request *request,
                           struct now now)
{
    struct game_history_stats stats;
    json_t *reply = ipc_endpoint_op(control->ordinary, request, now);
    game_history_stats(control->results.history, &stats);
    json_t *results = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "pending", (json_int_t)stats.pending, "unsaved",
        (json_int_t)stats.unsaved, "failed", (json_int_t)stats.failed, "delivered",
        (json_int_t)stats.delivered, "attempts_failed", (json_int_t)stats.attempts_failed, "lost",
        (json_int_t)stats.lost, "oldest_pending_s", (double)stats.oldest_pending_ms / 1000);
    json_object_set_new(reply, "results", results);
    return reply;
}

static json_t *serve_health(struct control_endpoint *control, const struct ipc_request *request,
                            struct now now)
{
    static const char *const of_api_fcgi[] = {"instance", "slots", "frozen",
                                              "ws",       "load",  "waiting"};
    json_t *reply = ipc_endpoint_op(control->ordinary, request, now);
    for (size_t i = 0; i < sizeof of_api_fcgi / sizeof of_api_fcgi[0]; i++)
        json_object_del(reply, of_api_fcgi[i]);
    if (control->owner)
        control_slots_add(reply, control->owner, control->ordinary->instance);
    return reply;
}

/* ---- requests ------------------------------------------------------------------------ */

static json_t *serve(struct control_endpoint *control, const struct ipc_request *request,
                     struct now now)
{
    static json_t *(*const ops[IPC_OP_COUNT])(struct control_endpoint *, const struct ipc_request *,
                                              struct now) = {
        [IPC_ROOMS] = serve_rooms, [IPC_ROOM] = serve_room,   [IPC_DRAIN] = serve_drain,
        [IPC_KICK] = serve_kick,   [IPC_STATS] = serve_stats, [IPC_HEALTH] = serve_health,
    };
    if (!ops[request->op])
        return ipc_reply_error("forbidden", "This operation is not served on the control socket");
    return ops[request->op](control, request, now);
}

static void answer(struct control_endpoint *control, struct ipc_exchange *exchange, struct now now)
{
    struct ipc_request request;
    json_t *reply;
    size_t length;
    const char *text = ipc_exchange_text(exchange, &length);
    if (ipc_endpoint_read(text, length, now, &request, &reply)) {
        bool is_of_results = request.op == IPC_RESULTS || request.op == IPC_RETRY;
        if (is_of_results &&
            control_results_ask(&control->results, exchange, &request, now, &reply))
            return;
        if (!is_of_results)
            reply = serve(control, &request, now);
    }
    ipc_endpoint_reply(exchange, reply);
}

int64_t control_endpoint_serve(struct control_endpoint *control, struct now now)
{
    struct ipc_exchange *exchange;
    if (!control->server)
        return INT64_MAX;
    while ((exchange = ipc_server_next(control->server)) != NULL)
        answer(control, exchange, now);
    control_results_serve(&control->results, now);
    return control_results_deadline_ns(&control->results);
}

void control_endpoint_close(struct control_endpoint *control)
{
    control_results_drop(&control->results);
    ipc_server_close(control->server);
    control->server = NULL;
}
