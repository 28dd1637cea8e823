/*
 * admit_api: see admit_api.h.
 */
#include "api-fcgi/admit_api.h"

#include <string.h>
#include <time.h>

#include "api-fcgi/gamed_route.h"
#include "api-fcgi/query.h"
#include "common/clock.h"
#include "common/log.h"

enum {
    BUSY_PAUSE_MS = 2
};

static const char room_path[] = "/ws/game/";

/* One handshake being looked at. */
struct admission_request {
    struct admit_api *api;
    const struct request *request;
    struct response *response;
    struct ipc_request ask;
    struct instance *answered; /* who gave the reply; NULL: nobody did */
};

static void deny(struct response *response, const char *code, const char *sentence)
{
    response_error(response, 403, code, sentence);
    if (response_header(response, "X-Pong-Denied", code) != 0)
        log_error("admit: the reason cannot be said");
}

static bool read_room(struct admission_request *admission)
{
    const char *path = request_param(admission->request, "PONG_PATH");
    const char *code = path + sizeof room_path - 1;
    size_t length;

    if (strncmp(path, room_path, sizeof room_path - 1) != 0)
        return false;
    length = strlen(code);
    length -= length > 0 && code[length - 1] == '/';
    return text_room_code(code, length, admission->ask.room_code);
}

static void add_token(struct ipc_request *ask, const char *token, bool from_cookie)
{
    if (token[0] == '\0')
        return;
    memcpy(ask->tokens[ask->token_count].token, token, SEAT_TOKEN_SIZE);
    ask->tokens[ask->token_count++].from_cookie = from_cookie;
}

/* Finds out who is coming. Returns NULL, or a sentence that says what is wrong with his token. */
static const char *read_caller(struct admission_request *admission)
{
    const struct request *request = admission->request;
    struct ipc_request *ask = &admission->ask;
    char argument[IDENTITY_TOKEN_SIZE];
    struct identity identity;
    const char *refusal;
    long length =
        query_argument(request_param(request, "PONG_QUERY"), "token", argument, sizeof argument);

    if (length < 0 && length != QUERY_ABSENT)
        return "The token is neither a seat token nor a JSON Web Token";
    refusal = shared_identity_at_handshake(admission->api->identity, request, argument,
                                           clock_read().unix_ms / 1000, &identity);
    if (refusal != NULL)
        return refusal;
    memcpy(ask->user_id, identity.user_id, sizeof ask->user_id);
    memcpy(ask->username, identity.username, sizeof ask->username);
    add_token(ask, identity.seat_token, false);
    for (size_t seat = 0; seat < SEAT_COOKIES; seat++)
        add_token(ask, request->seat_cookies[seat], true);
    ask->guests_denied = !admission->api->allows_guests;
    return NULL;
}

/* nginx's $remote_addr, or, where it says nothing that could be one, no address. */
static bool read_address(struct admission_request *admission)
{
    const char *address = request_param(admission->request, "REMOTE_ADDR");

    if (!ipc_is_address(address))
        return false;
    memcpy(admission->ask.address, address, strlen(address) + 1);
    return true;
}

/* Asks gamed, unless as many as may do so already. */
static long try_to_ask(struct admission_request *admission, int timeout_ms, json_t **reply)
{
    struct admit_api *api = admission->api;
    long result = IPC_CLIENT_BUSY;

    if (atomic_fetch_add(&api->asking, 1) < api->max_asking)
        result = gamed_route_ask(api->instances, api->metrics, &admission->ask, timeout_ms, reply,
                                 &admission->answered);
    atomic_fetch_sub(&api->asking, 1);
    return result;
}

/* Asks gamed; while too many others do, waits for its turn. */
static long wait_to_ask(struct admission_request *admission, json_t **reply)
{
    const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000L};
    const int64_t until_ms = clock_read().mono_ms + admission->api->deadline_ms;
    int64_t left_ms = admission->api->deadline_ms;
    long result = try_to_ask(admission, admission->api->deadline_ms, reply);

    while (result == IPC_CLIENT_BUSY && left_ms > 0) {
        nanosleep(&pause, NULL);
        left_ms = until_ms - clock_read().mono_ms;
        if (left_ms > 0)
            result = try_to_ask(admission, (int)left_ms, reply);
    }
    return result;
}

/* Asks gamed, if fewer than may do so are at it already: nobody waits on the last threads. */
static long ask_gamed(struct admission_request *admission, json_t **reply)
{
    struct admit_api *api = admission->api;
    long result = IPC_CLIENT_BUSY;

    if (atomic_fetch_add(&api->admitting, 1) < api->max_admitting)
        result = wait_to_ask(admission, reply);
    atomic_fetch_sub(&api->admitting, 1);
    return result;
}

/* At whose WebSocket the ticket is good, where it is not the only one. */
static bool name_upstream(struct admission_request *admission)
{
    const char *ws = instance_ws(admission->answered);

    return ws[0] == '\0' || response_header(admission->response, "X-Pong-Upstream", ws) == 0;
}

static void answer_reply(struct admission_request *admission, const json_t *reply)
{
    const char *ticket = json_string_value(json_object_get(reply, "ticket"));
    const char *code = json_string_value(json_object_get(reply, "code"));
    const char *sentence = json_string_value(json_object_get(reply, "error"));
    json_t *body;

    if (json_is_false(json_object_get(reply, "ok"))) {
        deny(admission->response, code, sentence);
        return;
    }
    if (ticket == NULL || response_header(admission->response, "X-Pong-Ticket", ticket) != 0 ||
        !name_upstream(admission)) {
        log_error("admit: gamed's reply has no ticket, or its address cannot be said");
        deny(admission->response, "game_server_unavailable", "The game server is not available");
        return;
    }
    body = json_pack("{s:b}", "success", 1);
    response_json(admission->response, 200, body);
    json_decref(body);
}

void admit_api_answer(struct admit_api *api, const struct request *request,
                      struct response *response)
{
    struct admission_request admission = {
        .api = api, .request = request, .response = response, .ask = {.op = IPC_ADMIT}};
    const char *refusal;
    json_t *reply = NULL;
    long result;

    response_init(response);
    if (!read_room(&admission)) {
        deny(response, "room_not_found", "Room not found");
        return;
    }
    refusal = read_caller(&admission);
    if (refusal != NULL) {
        deny(response, "bad_token", refusal);
        return;
    }
    if (!read_address(&admission)) {
        log_error("admit: nginx does not say from which address the client comes");
        deny(response, "internal_error", "The client's address is not known");
        return;
    }
    result = ask_gamed(&admission, &reply);
    if (result == 0)
        answer_reply(&admission, reply);
    else if (result == IPC_CLIENT_MOVING)
        deny(response, "slot_moving", "The game is moving to another server");
    else if (result == IPC_CLIENT_NOBODYS)
        deny(response, "room_not_found", "Room not found");
    else if (result == IPC_CLIENT_TIMEOUT)
        deny(response, "game_server_timeout", "The game server did not answer in time");
    else
        deny(response, "game_server_unavailable", "The game server is not available");
    json_decref(reply);
    instance_release(admission.answered);
}
