/*
 * Requests of api-fcgi, answered. Every request gets an answer, whatever it is; those that came in one
 * message are answered in one.
 */
#include "gamed/ipc_endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "gamed/messages.h"
#include "ipc/ipc_message.h"
#include "ipc/ipc_sequence.h"

enum {
    DEGRADED_MAX = 8,
    HOLD_MS = 200, /* longest that an answer waits for the store */
    SERVED_AT_ONCE =
        8 /* messages: two milliseconds of full ones; updates of rooms come in between */
};

/* ---- requests and replies ------------------------------------------------------------ */

static void caller_from_request(const struct ipc_request *request, struct game_caller *caller)
{
    memset(caller, 0, sizeof *caller);
    caller->user_id = request->user_id;
    caller->username = request->username;
    caller->address = request->address;
    caller->new_token = request->new_token;
    for (size_t i = 0; i < request->token_count && i < GAME_CALLER_TOKENS_MAX; i++) {
        caller->tokens[i].token = request->tokens[i].token;
        caller->tokens[i].from_cookie = request->tokens[i].from_cookie;
        caller->token_count++;
    }
}

json_t *ipc_endpoint_failure(int error)
{
    switch (error) {
    case GAME_MANAGER_ROOM_NOT_FOUND:
        return ipc_reply_error("room_not_found", "Room not found");
    case GAME_MANAGER_ROOM_FULL:
        return ipc_reply_error("room_full", "Room is full");
    case GAME_MANAGER_GAME_OVER:
        return ipc_reply_error("game_over", "Game has already ended");
    case GAME_MANAGER_NOT_CREATOR:
        return ipc_reply_error("not_creator", "Only the room creator can cancel the room");
    case GAME_MANAGER_ALREADY_STARTED:
        return ipc_reply_error("already_started",
                               "Cannot cancel: game already in progress or has both players");
    case GAME_MANAGER_BAD_TOKEN:
        return ipc_reply_error("bad_token", "The token is not valid");
    case GAME_MANAGER_SERVER_FULL:
        return ipc_reply_error("server_full",
                               "The server has no room for another game at the moment");
    case GAME_MANAGER_TOO_MANY_ROOMS:
        return ipc_reply_error("too_many_rooms",
                               "You have as many rooms open as you may; finish or cancel one");
    case GAME_MANAGER_WRONG_SLOT:
        return ipc_reply_error("wrong_slot", "This game is on another server");
    case GAME_MANAGER_SLOT_MOVING:
        return ipc_reply_error("slot_moving",
                               "The game is moving to another server; try again in a moment");
    default:
        return ipc_reply_error("draining", "The server is about to restart; try again in a moment");
    }
}

/*
 * JSON that goes with the reply that is being made, as it is, until that is encoded; none while its
 * length is 0. The loop thread's.
 */
static struct {
    size_t length;
    char text[MESSAGES_SIZE];
} attachment;

/* The 21 keys: attached, or, for an api-fcgi that does not know of attachments, a field. */
static void add_state(json_t *reply, const struct room *room, const struct ipc_request *request,
                      struct now now)
{
    struct game_view view;
    game_manager_view(room, &view);
    attachment.length = messages_state(&room->game, &view, MESSAGES_STATE_BARE, now.unix_ms,
                                       attachment.text, sizeof attachment.text);
    if (request->takes_attachment)
        return;
    json_object_set_new(reply, "game_state",
                        json_loadb(attachment.text, attachment.length, 0, NULL));
    attachment.length = 0;
}

static json_t *reply_placement(const struct game_placement *placement,
                               const struct ipc_request *request, struct now now)
{
    const struct game *game = &placement->room->game;
    const struct game_player *player = &game->seats[placement->seat - 1].player;
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "room_code", json_string(game->room_code));
    json_object_set_new(reply, "player_number", json_integer(placement->seat));
    json_object_set_new(reply, "player_id", json_string(player->player_id));
    json_object_set_new(reply, "username", json_string(player->username));
    json_object_set_new(reply, "seat_token", json_string(placement->token));
    json_object_set_new(reply, "created", json_boolean(placement->created));
    if (placement->reconnecting)
        json_object_set_new(reply, "reconnecting", json_true());
    add_state(reply, placement->room, request, now);
    return reply;
}

static const char *status_word(const struct game_view *view)
{
    static const char *const words[] = {"WAITING", "ONGOING", "FINISHED"};
    return words[view->status];
}

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

/* ---- ops ----------------------------------------------------------------------------- */

static json_t *serve_create(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                            struct now now)
{
    struct game_caller caller;
    struct game_placement placement;
    struct game_options options = {.is_public = request->is_public,
                                   .winning_score = request->winning_score,
                                   .bot_level = request->bot_level};
    caller_from_request(request, &caller);
    int error = game_manager_create(endpoint->manager, &caller, &options, now, &placement);
    return error ? ipc_endpoint_failure(error) : reply_placement(&placement, request, now);
}

static json_t *serve_join(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                          struct now now)
{
    struct game_caller caller;
    struct game_placement placement;
    caller_from_request(request, &caller);
    int error = game_manager_join(endpoint->manager, request->room_code, &caller, now, &placement);
    return error ? ipc_endpoint_failure(error) : reply_placement(&placement, request, now);
}

static json_t *serve_quick(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                           struct now now)
{
    struct game_caller caller;
    struct game_placement placement;
    caller_from_request(request, &caller);
    int error = game_manager_quick(endpoint->manager, &caller, now, &placement);
    return error ? ipc_endpoint_failure(error) : reply_placement(&placement, request, now);
}

static json_t *serve_check(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                           struct now now)
{
    struct game_caller caller;
    const struct room *room;
    caller_from_request(request, &caller);
    int error = game_manager_check(endpoint->manager, request->room_code, &caller, now, &room);
    if (error)
        return ipc_endpoint_failure(error);
    const struct game *game = &room->game;
    struct game_view view;
    game_manager_view(room, &view);
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "room_code", json_string(game->room_code));
    json_object_set_new(reply, "status", json_string(status_word(&view)));
    json_object_set_new(reply, "player_count", json_integer(game_state_player_count(game)));
    json_object_set_new(reply, "active_sessions", json_integer(game_manager_active_sessions(room)));
    json_object_set_new(reply, "spectators", json_integer(room->spectator_count));
    json_object_set_new(reply, "player_1_id", text_or_null(game->seats[0].player.player_id));
    json_object_set_new(reply, "player_2_id", text_or_null(game->seats[1].player.player_id));
    json_object_set_new(reply, "is_paused", json_boolean(view.is_paused));
    json_object_set_new(reply, "created_at", json_real((double)game->created_unix_ms / 1000));
    return reply;
}

/* A ticket for the handshake that nginx will make in the client's name, once he may come in. */
static json_t *serve_admit(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                           struct now now)
{
    struct game_handshake handshake = {.guests_denied = request->guests_denied};
    struct admission admission;
    char name[TICKET_SIZE];
    memcpy(handshake.room_code, request->room_code, sizeof handshake.room_code);
    memcpy(handshake.user_id, request->user_id, sizeof handshake.user_id);
    memcpy(handshake.username, request->username, sizeof handshake.username);
    memcpy(handshake.address, request->address, sizeof handshake.address);
    for (size_t i = 0, cookies = 0; i < request->token_count; i++) {
        const struct ipc_token *token = &request->tokens[i];
        if (!token->from_cookie)
            memcpy(handshake.token, token->token, sizeof handshake.token);
        else if (cookies < 2)
            memcpy(handshake.cookie[cookies++], token->token, sizeof token->token);
    }
    int error = game_manager_examine(endpoint->manager, &handshake, now, &admission);
    if (error)
        return ipc_endpoint_failure(error);
    if (tickets_issue(endpoint->tickets, &admission, now, name) != TICKETS_OK)
        return ipc_reply_error("tickets_full", "Too many are connecting at the moment");
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "ticket", json_string(name));
    return reply;
}

static json_t *serve_cancel(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                            struct now now)
{
    struct game_caller caller;
    caller_from_request(request, &caller);
    int error = game_manager_cancel(endpoint->manager, request->room_code, &caller, now);
    if (error)
        return ipc_endpoint_failure(error);
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "message", json_string("Room cancelled"));
    return reply;
}

static json_t *serve_list(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                          struct now now)
{
    const struct room *rooms[GAME_MANAGER_LIST_MAX];
    size_t count = game_manager_list(endpoint->manager, now, rooms, GAME_MANAGER_LIST_MAX);
    json_t *list = json_array();
    (void)request;
    for (size_t i = 0; i < count; i++) {
        const struct game *game = &rooms[i]->game;
        struct game_view view;
        game_manager_view(rooms[i], &view);
        json_t *usernames = json_array(), *scores = json_array();
        for (int seat = 0; seat < 2; seat++) {
            json_array_append_new(usernames, text_or_null(game->seats[seat].player.username));
            json_array_append_new(scores, json_integer(view.score[seat]));
        }
        json_t *entry = json_object();
        json_object_set_new(entry, "room_code", json_string(game->room_code));
        json_object_set_new(entry, "status", json_string(status_word(&view)));
        json_object_set_new(entry, "usernames", usernames);
        json_object_set_new(entry, "scores", scores);
        json_object_set_new(entry, "spectators", json_integer(rooms[i]->spectator_count));
        json_array_append_new(list, entry);
    }
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "rooms", list);
    return reply;
}

/* Slots come and go: which are here, and whether one of them is certain. */
static void add_slots(const struct ipc_endpoint *endpoint, json_t *reply)
{
    struct slot_owner_stats stats;
    char letters[SLOT_COUNT + 1];
    size_t count = 0;
    slot_owner_stats(endpoint->owner, &stats);
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (stats.slots[slot] != SLOT_OWNER_NONE)
            letters[count++] = slot_letter(slot);
    letters[count] = '\0';
    json_object_set_new(reply, "instance", json_string(endpoint->instance));
    json_object_set_new(reply, "slots", json_string(letters));
    if (stats.valid == 0)
        json_object_set_new(reply, "frozen", json_true());
}

static json_t *serve_stats(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                           struct now now)
{
    struct game_manager_stats stats;
    (void)request, (void)now;
    game_manager_stats(endpoint->manager, &stats);
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "rooms", json_integer(stats.rooms));
    json_object_set_new(reply, "rooms_waiting", json_integer(stats.rooms_waiting));
    json_object_set_new(reply, "rooms_ongoing", json_integer(stats.rooms_ongoing));
    json_object_set_new(reply, "rooms_finished", json_integer(stats.rooms_finished));
    json_object_set_new(reply, "connections", json_integer(stats.connections));
    json_object_set_new(reply, "spectators", json_integer(stats.spectators));
    json_object_set_new(reply, "rooms_created", json_integer((json_int_t)stats.rooms_created));
    json_object_set_new(reply, "matches_finished",
                        json_integer((json_int_t)stats.matches_finished));
    json_object_set_new(reply, "updates", json_integer((json_int_t)stats.updates));
    json_object_set_new(reply, "updates_skipped", json_integer((json_int_t)stats.updates_skipped));
    if (endpoint->owner)
        add_slots(endpoint, reply);
    return reply;
}

/* What api-fcgi goes by where there are several gamed: whose rooms these are, where, and how many. */
static void add_place(const struct ipc_endpoint *endpoint, json_t *reply, struct now now)
{
    struct game_manager_stats stats;
    game_manager_stats(endpoint->manager, &stats);
    if (endpoint->owner)
        add_slots(endpoint, reply);
    else
        json_object_set_new(reply, "slots", json_string(endpoint->slots));
    json_object_set_new(reply, "ws", json_string(endpoint->ws));
    json_object_set_new(reply, "load",
                        json_integer(stats.connections + 2 * (json_int_t)stats.rooms));
    json_object_set_new(reply, "waiting",
                        json_integer(game_manager_waiting(endpoint->manager, now)));
}

static json_t *serve_health(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                            struct now now)
{
    const char *words[DEGRADED_MAX];
    (void)request;
    size_t count = endpoint->degraded(endpoint->arg, words, DEGRADED_MAX);
    json_t *reply = ipc_reply_ok();
    json_object_set_new(reply, "status", json_string(count ? "degraded" : "ok"));
    json_object_set_new(reply, "draining",
                        json_boolean(game_manager_is_draining(endpoint->manager)));
    if (count) {
        json_t *degraded = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(degraded, json_string(words[i]));
        json_object_set_new(reply, "degraded", degraded);
    }
    add_place(endpoint, reply, now);
    return reply;
}

static json_t *serve_metrics(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                             struct now now)
{
    json_t *reply = ipc_reply_ok();
    (void)request, (void)now;
    if (endpoint->metrics(endpoint->arg, reply))
        return reply;
    json_decref(reply);
    return NULL;
}

json_t *ipc_endpoint_op(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                        struct now now)
{
    static json_t *(*const ops[IPC_OP_COUNT])(struct ipc_endpoint *, const struct ipc_request *,
                                              struct now) = {
        [IPC_CREATE] = serve_create, [IPC_JOIN] = serve_join,     [IPC_CHECK] = serve_check,
        [IPC_CANCEL] = serve_cancel, [IPC_QUICK] = serve_quick,   [IPC_LIST] = serve_list,
        [IPC_STATS] = serve_stats,   [IPC_HEALTH] = serve_health, [IPC_METRICS] = serve_metrics,
        [IPC_ADMIT] = serve_admit,
    };
    if (!ops[request->op])
        return ipc_reply_error("forbidden", "This operation is served on the control socket alone");
    return ops[request->op](endpoint, request, now);
}

bool ipc_endpoint_read(const char *text, size_t length, struct now now, struct ipc_request *request,
                       json_t **refusal)
{
    int outcome = ipc_request_decode(text, length, request);
    if (outcome != IPC_OK)
        request->op = IPC_OP_COUNT;
    switch (outcome) {
    case IPC_OK:
        break;
    case IPC_BAD_VERSION:
        *refusal = ipc_reply_error("bad_version", "This gamed speaks version 1 of the IPC");
        return false;
    case IPC_UNKNOWN_OP:
        *refusal = ipc_reply_error("unknown_op", "There is no such operation");
        return false;
    default:
        *refusal = ipc_reply_error("bad_message", "The request is not well formed");
        return false;
    }
    if (request->deadline_unix_ms == 0 || now.unix_ms <= request->deadline_unix_ms)
        return true;
    *refusal = ipc_reply_error("deadline", "The request came too late");
    return false;
}

/*
 * create, join and quick give a seat away: that is answered only once the store has it, so that a
 * death right after does not take it back. With a broken store after HOLD_MS all the same.
 */
static bool hold(struct ipc_endpoint *endpoint, struct ipc_exchange *exchange, const char *text,
                 size_t length, struct now now)
{
    uint64_t promised = endpoint->promised(endpoint->arg);
    if (endpoint->kept(endpoint->arg) >= promised || endpoint->held_count == IPC_ENDPOINT_HELD_MAX)
        return false;
    struct ipc_held *held = &endpoint->held[endpoint->held_count];
    held->text = malloc(length);
    if (!held->text)
        return false;
    memcpy(held->text, text, length);
    held->exchange = exchange;
    held->length = length;
    held->promised = promised;
    held->until_ms = now.mono_ms + HOLD_MS;
    endpoint->held_count++;
    return true;
}

static void release_held(struct ipc_endpoint *endpoint, struct now now)
{
    uint64_t kept = endpoint->kept(endpoint->arg);
    for (size_t i = 0; i < endpoint->held_count;) {
        struct ipc_held *held = &endpoint->held[i];
        if (kept < held->promised && now.mono_ms < held->until_ms) {
            i++;
            continue;
        }
        ipc_exchange_reply(held->exchange, held->text, held->length);
        free(held->text);
        *held = endpoint->held[--endpoint->held_count];
    }
}

/*
 * Writes the reply, which is the callee's from now on, and what is attached, or the failure that stands
 * for it.
 */
static size_t encode(json_t *reply, char *text, size_t size)
{
    static const char failure[] = "{\"v\":1,\"ok\":false,\"code\":\"internal\","
                                  "\"error\":\"The reply could not be made\"}";
    long written = reply ? ipc_reply_encode(reply, text, size) : IPC_NO_MEMORY;
    json_decref(reply);
    if (written >= 0 && attachment.length > 0)
        written = ipc_reply_attach(text, (size_t)written, size, attachment.text, attachment.length);
    attachment.length = 0;
    if (written >= 0)
        return (size_t)written;
    log_error("an IPC reply could not be encoded (%ld)", written);
    memcpy(text, failure, sizeof failure - 1);
    return sizeof failure - 1;
}

static char reply_text[IPC_MESSAGE_MAX]; /* the loop thread's */

void ipc_endpoint_reply(struct ipc_exchange *exchange, json_t *reply)
{
    size_t length = encode(reply, reply_text, sizeof reply_text);
    ipc_exchange_reply(exchange, reply_text, length);
}

/* Answers one request. Returns the length of what it has written to `out`. */
static size_t answer_text(struct ipc_endpoint *endpoint, const struct ipc_text *text,
                          struct now now, char *out, size_t size, bool *gives_a_seat)
{
    struct ipc_request request;
    json_t *reply;
    bool is_good = ipc_endpoint_read(text->bytes, text->length, now, &request, &reply);
    endpoint->serving = request.op;
    if (is_good)
        reply = ipc_endpoint_op(endpoint, &request, now);
    *gives_a_seat |=
        is_good &&
        (request.op == IPC_CREATE || request.op == IPC_JOIN || request.op == IPC_QUICK) &&
        json_is_true(json_object_get(reply, "ok"));
    return encode(reply, out, size);
}

/* The turn's time may be old by now, so what an answer takes is measured by two of its own. */
static size_t answer_measured(struct ipc_endpoint *endpoint, const struct ipc_text *text,
                              struct now now, char *out, size_t size, bool *gives_a_seat)
{
    const int64_t began_ns = clock_read().mono_ns;
    endpoint->serving = IPC_OP_COUNT;
    size_t length = answer_text(endpoint, text, now, out, size, gives_a_seat);
    if (endpoint->serving == IPC_OP_COUNT)
        endpoint->stats.malformed++;
    else
        histogram_observe(&endpoint->stats.handling[endpoint->serving], &histogram_work,
                          clock_read().mono_ns - began_ns);
    return length;
}

/* Answers each of the texts, in their order. Returns the length of the sequence in reply_text. */
static size_t answer_sequence(struct ipc_endpoint *endpoint, const struct ipc_text *texts,
                              size_t count, struct now now, bool *gives_a_seat)
{
    char text[IPC_SEQUENCE_TEXT_MAX];
    char *end = reply_text;
    for (size_t i = 0; i < count; i++) {
        size_t length = answer_measured(endpoint, &texts[i], now, text, sizeof text, gives_a_seat);
        end = ipc_sequence_add(end, text, length);
    }
    return (size_t)(end - reply_text);
}

/* What is no sequence, or too long a one, is one text. */
static void answer(struct ipc_endpoint *endpoint, struct ipc_exchange *exchange, struct now now)
{
    struct ipc_text texts[IPC_SEQUENCE_MAX];
    struct ipc_text message;
    bool gives_a_seat = false;
    message.bytes = ipc_exchange_text(exchange, &message.length);
    size_t count = ipc_sequence_split(message.bytes, message.length, texts, IPC_SEQUENCE_MAX);
    size_t length = count > 0 ? answer_sequence(endpoint, texts, count, now, &gives_a_seat)
                              : answer_measured(endpoint, &message, now, reply_text,
                                                sizeof reply_text, &gives_a_seat);
    if (!gives_a_seat || !hold(endpoint, exchange, reply_text, length, now))
        ipc_exchange_reply(exchange, reply_text, length);
}

bool ipc_endpoint_serve(struct ipc_endpoint *endpoint, struct now now)
{
    const size_t held = endpoint->held_count;
    bool is_all = false;
    for (int i = 0; i < SERVED_AT_ONCE && !is_all; i++) {
        struct ipc_exchange *exchange = ipc_server_next(endpoint->server);
        is_all = !exchange;
        if (exchange)
            answer(endpoint, exchange, now);
    }
    if (endpoint->held_count > held)
        endpoint->hurry(endpoint->arg);
    release_held(endpoint, now);
    return !is_all;
}

void ipc_endpoint_drop_held(struct ipc_endpoint *endpoint)
{
    while (endpoint->held_count > 0)
        free(endpoint->held[--endpoint->held_count].text);
}
