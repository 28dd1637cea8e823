/*
 * room_api: see room_api.h.
 */
#include "api-fcgi/room_api.h"

#include <stdio.h>
#include <string.h>

#include "api-fcgi/gamed_route.h"
#include "api-fcgi/gamed_survey.h"
#include "api-fcgi/room_fields.h"
#include "api-fcgi/router.h"
#include "common/clock.h"
#include "common/log.h"
#include "ipc/ipc_message.h"

/* Bytes. */
enum {
    SEAT_PATH_SIZE = 64
};

/* gamed's failures that the caller can do something about, and their HTTP status. */
static const struct {
    const char *code;
    int status;
} failures[] = {
    {"room_not_found", 404},  {"room_full", 409},   {"game_over", 409}, {"not_creator", 403},
    {"already_started", 409}, {"server_full", 503}, {"draining", 503},  {"too_many_rooms", 429},
};

/* One request being worked on. */
struct exchange {
    const struct room_api *api;
    const struct request *request;
    struct response *response;
    struct route_match match;
    struct identity identity;
    json_t *body; /* of a POST */
    struct ipc_request ask;
};

static void answer_error(struct exchange *exchange, int status, const char *code,
                         const char *sentence)
{
    response_error(exchange->response, status, code, sentence);
    if (status == 503 || status == 429)
        response_header(exchange->response, "Retry-After", "1");
    if (status == 401)
        response_header(exchange->response, "WWW-Authenticate", "Bearer");
}

/* What to say when gamed gave no reply. */
static void answer_no_reply(struct exchange *exchange, long error)
{
    switch (error) {
    case IPC_CLIENT_TIMEOUT:
        answer_error(exchange, 504, "game_server_timeout",
                     "The game server did not answer in time");
        break;
    case IPC_CLIENT_MOVING:
        answer_error(exchange, 503, "slot_moving",
                     "The game is moving to another server; try again in a moment");
        break;
    case IPC_CLIENT_NOBODYS:
        answer_error(exchange, 404, "room_not_found", "Room not found");
        break;
    default:
        answer_error(exchange, 503, "game_server_unavailable", "The game server is not available");
        break;
    }
}

static long ask_gamed(struct exchange *exchange, json_t **reply)
{
    const struct room_api *api = exchange->api;

    if (exchange->ask.op == IPC_LIST)
        return gamed_survey_list(api->instances, api->metrics, reply);
    return gamed_route_ask(api->instances, api->metrics, &exchange->ask, IPC_DEADLINE_MS, reply,
                           NULL);
}

static void answer_failure(struct exchange *exchange, const json_t *reply)
{
    const char *code = json_string_value(json_object_get(reply, "code"));
    const char *sentence = json_string_value(json_object_get(reply, "error"));

    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (strcmp(code, failures[i].code) == 0) {
            answer_error(exchange, failures[i].status, code, sentence);
            return;
        }
    if (strcmp(code, "deadline") == 0) {
        answer_no_reply(exchange, IPC_CLIENT_TIMEOUT);
        return;
    }
    /* Any other is between the two programs, e.g. of different versions, and no affair of the
     * caller's. */
    log_error("%s: gamed refuses the request: %s: %s", ipc_op_name(exchange->ask.op), code,
              sentence);
    answer_no_reply(exchange, IPC_CLIENT_FAILED);
}

/* The reply's fields without those of the IPC, with "success" before them; owned by the caller,
 * NULL when out of memory. */
static json_t *public_fields(json_t *reply)
{
    json_t *fields = json_pack("{s:b}", "success", 1);

    if (fields == NULL)
        return NULL;
    json_object_del(reply, "v");
    json_object_del(reply, "ok");
    json_object_del(reply, "created");
    json_object_del(reply, "attachment");
    if (json_object_update(fields, reply) != 0) {
        json_decref(fields);
        return NULL;
    }
    return fields;
}

/* Sets the seat's cookie twice: for the room's WebSocket, so that two rooms stay apart, and for
 * REST, where the latest counts. */
static void set_cookies(struct exchange *exchange, const json_t *reply)
{
    const char *code = json_string_value(json_object_get(reply, "room_code"));
    const char *token = json_string_value(json_object_get(reply, "seat_token"));
    json_int_t seat = json_integer_value(json_object_get(reply, "player_number"));
    char path[SEAT_PATH_SIZE];
    struct seat_cookie cookie = {.seat = (int)seat,
                                 .token = token,
                                 .path = "/api/room/",
                                 .domain = exchange->api->cookie_domain,
                                 .is_secure = exchange->request->is_tls};

    if (code == NULL || token == NULL || seat < 1 || seat > SEAT_COOKIES) {
        log_error("%s: gamed's reply names no seat", ipc_op_name(exchange->ask.op));
        return;
    }
    snprintf(path, sizeof path, "/ws/game/%s/", code);
    if (response_seat_cookie(exchange->response, &cookie) != 0)
        log_error("%s: the cookie for REST cannot be set", ipc_op_name(exchange->ask.op));
    cookie.path = path;
    if (response_seat_cookie(exchange->response, &cookie) != 0)
        log_error("%s: the cookie for the room cannot be set", ipc_op_name(exchange->ask.op));
}

/* Asks gamed and makes its reply the answer. */
static void forward(struct exchange *exchange)
{
    json_t *reply = NULL;
    json_t *fields;
    json_t *attachment;
    long result = ask_gamed(exchange, &reply);
    int status;

    if (result != 0) {
        answer_no_reply(exchange, result);
        return;
    }
    if (json_is_false(json_object_get(reply, "ok"))) {
        answer_failure(exchange, reply);
        json_decref(reply);
        return;
    }
    status = json_is_true(json_object_get(reply, "created")) ? 201 : 200;
    attachment = json_incref(json_object_get(reply, "attachment"));
    fields = public_fields(reply);
    response_json(exchange->response, status, fields);
    if (exchange->response->status == status && json_is_string(attachment))
        response_json_add(exchange->response, "game_state", json_string_value(attachment));
    if (exchange->response->status == status && exchange->ask.new_token[0] != '\0')
        set_cookies(exchange, reply);
    json_decref(attachment);
    json_decref(fields);
    json_decref(reply);
}

/* health/ says what is down rather than that it could not ask. */
static void answer_health(struct exchange *exchange)
{
    json_t *reply = NULL;
    json_t *fields = NULL;
    long result = gamed_survey_health(exchange->api->instances, exchange->api->metrics, &reply);
    int status = 503;

    if (result == IPC_CLIENT_TIMEOUT)
        fields = json_pack("{s:b, s:s, s:[s], s:s, s:s}", "success", 0, "status", "down", "down",
                           "gamed", "error", "The game server did not answer in time", "code",
                           "game_server_timeout");
    else if (result != 0)
        fields = json_pack("{s:b, s:s, s:[s], s:s, s:s}", "success", 0, "status", "down", "down",
                           "gamed", "error", "The game server is not available", "code",
                           "game_server_unavailable");
    else if (json_is_true(json_object_get(reply, "draining")))
        fields = json_pack("{s:b, s:s, s:s, s:s}", "success", 0, "status", "draining", "error",
                           "The game server takes no new games", "code", "draining");
    else {
        status = 200;
        fields = public_fields(reply);
    }
    response_json(exchange->response, status, fields);
    if (status == 503)
        response_header(exchange->response, "Retry-After", "1");
    json_decref(fields);
    json_decref(reply);
}

/* Adds a seat token that the caller has shown; there is room for a Bearer, one in the body and the
 * cookies. */
static void add_token(struct ipc_request *ask, const char *token, bool from_cookie)
{
    struct ipc_token *entry = &ask->tokens[ask->token_count];

    if (token[0] == '\0' || ask->token_count == IPC_TOKENS_MAX)
        return;
    memcpy(entry->token, token, SEAT_TOKEN_SIZE);
    entry->from_cookie = from_cookie;
    ask->token_count++;
}

/* Finds out who is asking. Returns false when it was answered: 401. */
static bool identify(struct exchange *exchange)
{
    const char *refusal =
        shared_identity_identify(exchange->api->identity, exchange->request,
                                 clock_read().unix_ms / 1000, &exchange->identity);

    if (refusal != NULL) {
        answer_error(exchange, 401, "bad_token", refusal);
        return false;
    }
    memcpy(exchange->ask.user_id, exchange->identity.user_id, sizeof exchange->ask.user_id);
    memcpy(exchange->ask.username, exchange->identity.username, sizeof exchange->ask.username);
    return true;
}

static void add_tokens(struct exchange *exchange, const char *from_body)
{
    add_token(&exchange->ask, exchange->identity.seat_token, false);
    add_token(&exchange->ask, from_body, false);
    for (size_t seat = 0; seat < SEAT_COOKIES; seat++)
        add_token(&exchange->ask, exchange->request->seat_cookies[seat], true);
}

/* Reads the body of a POST. Returns false when it was answered. */
static bool read_body(struct exchange *exchange)
{
    switch (request_read_json(exchange->request, &exchange->body)) {
    case REQUEST_OK:
        return true;
    case REQUEST_TOO_LARGE:
        answer_error(exchange, 413, "body_too_large", "The body is over 4096 bytes");
        return false;
    case REQUEST_BAD_MEDIA_TYPE:
        answer_error(exchange, 415, "unsupported_media_type",
                     "The body must be JSON, with the header Content-Type: application/json");
        return false;
    case REQUEST_BAD_LENGTH:
        answer_error(exchange, 400, "bad_request",
                     "The body is not as long as Content-Length says");
        return false;
    default:
        answer_error(exchange, 400, "bad_json", "The body must be one JSON object");
        return false;
    }
}

/* Reads the fields of a POST. Returns false when it was answered. */
static bool read_fields(struct exchange *exchange)
{
    struct room_fields fields;
    char sentence[128];

    if (room_fields_read(exchange->body, &fields, sentence, sizeof sentence) != 0) {
        answer_error(exchange, 400, "bad_field", sentence);
        return false;
    }
    if (exchange->ask.op == IPC_JOIN || exchange->ask.op == IPC_CANCEL) {
        if (fields.room_code[0] == '\0') {
            answer_error(exchange, 400, "room_code_required", "Room code is required");
            return false;
        }
        if (!text_room_code(fields.room_code, strlen(fields.room_code), exchange->ask.room_code)) {
            answer_error(exchange, 404, "room_not_found", "Room not found");
            return false;
        }
    }
    if (fields.username[0] != '\0')
        memcpy(exchange->ask.username, fields.username, sizeof exchange->ask.username);
    if (exchange->ask.op == IPC_CREATE) {
        exchange->ask.is_public = fields.is_public;
        exchange->ask.winning_score = fields.winning_score;
        if (fields.is_bot_opponent)
            memcpy(exchange->ask.bot_level, fields.bot_level, sizeof exchange->ask.bot_level);
    }
    add_tokens(exchange, fields.seat_token);
    return true;
}

/* Whose rooms a guest's are counted as. What is no address is nobody's. */
static void name_address(struct exchange *exchange)
{
    const char *address = request_param(exchange->request, "REMOTE_ADDR");

    if (ipc_is_address(address))
        memcpy(exchange->ask.address, address, strlen(address) + 1);
}

/* create, join, quick and cancel. */
static void answer_post(struct exchange *exchange)
{
    bool takes_seat = exchange->ask.op != IPC_CANCEL;

    if (!read_body(exchange) || !identify(exchange))
        return;
    if (takes_seat && !exchange->api->allows_guests && exchange->ask.user_id[0] == '\0') {
        answer_error(exchange, 403, "guests_not_allowed",
                     "Guests may not play here: please log in");
        return;
    }
    if (!read_fields(exchange))
        return;
    if (takes_seat) {
        random_seat_token(exchange->ask.new_token);
        exchange->ask.takes_attachment = true;
        name_address(exchange);
    }
    forward(exchange);
}

static void answer_check(struct exchange *exchange)
{
    if (!identify(exchange))
        return;
    if (!text_room_code(exchange->match.argument, exchange->match.argument_length,
                        exchange->ask.room_code)) {
        answer_error(exchange, 404, "room_not_found", "Room not found");
        return;
    }
    add_tokens(exchange, "");
    forward(exchange);
}

static void answer_route(struct exchange *exchange)
{
    static const enum ipc_op ops[] = {
        [ROUTE_CREATE] = IPC_CREATE, [ROUTE_JOIN] = IPC_JOIN,   [ROUTE_CHECK] = IPC_CHECK,
        [ROUTE_CANCEL] = IPC_CANCEL, [ROUTE_QUICK] = IPC_QUICK, [ROUTE_LIST] = IPC_LIST,
        [ROUTE_HEALTH] = IPC_HEALTH,
    };

    switch (exchange->match.route) {
    case ROUTE_NOT_FOUND:
        answer_error(exchange, 404, "not_found", "There is nothing at this address");
        return;
    case ROUTE_METHOD_NOT_ALLOWED:
        answer_error(exchange, 405, "method_not_allowed", "This address does not have that method");
        response_header(exchange->response, "Allow", exchange->match.allow);
        return;
    default:
        exchange->ask.op = ops[exchange->match.route];
    }
    switch (exchange->match.route) {
    case ROUTE_CHECK:
        answer_check(exchange);
        break;
    case ROUTE_LIST:
        forward(exchange);
        break;
    case ROUTE_HEALTH:
        answer_health(exchange);
        break;
    default:
        answer_post(exchange);
        break;
    }
}

void room_api_answer(const struct room_api *api, const struct request *request,
                     struct response *response)
{
    struct exchange exchange = {.api = api, .request = request, .response = response};

    response_init(response);
    exchange.match = router_match(request->method, request->path);
    answer_route(&exchange);
    if (response->status == 500)
        log_error("an answer could not be made: out of memory, or gamed's reply is too large");
    json_decref(exchange.body);
}
