/*
 * commands: see commands.h.
 */
#include "pongctl/commands.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    HANDOVER_LOOK_MS = 100,   /* between two looks at what is handed over, … */
    HANDOVER_LOOKS_MIN = 5,   /* … which has begun by then, … */
    HANDOVER_LOOKS_MAX = 100, /* … and is waited for so long */
};

static enum gamed_call_error out_of_memory(struct gamed_call *call)
{
    snprintf(call->error, sizeof call->error, "out of memory");
    return GAMED_CALL_REFUSED;
}

/* Moves what is in the page's list of that name to the end of the whole. False: short of memory. */
static bool append_page(json_t *whole, const json_t *page, const char *name)
{
    return json_array_extend(whole, json_object_get(page, name)) == 0;
}

/* ---- rooms --------------------------------------------------------------------------- */

/* Each page must lead on, or they would never end. */
static bool follow_code(const json_t *page, char after[ROOM_CODE_SIZE])
{
    const char *next = json_string_value(json_object_get(page, "next"));
    if (!next || strlen(next) != ROOM_CODE_LENGTH || strcmp(next, after) <= 0)
        return false;
    memcpy(after, next, ROOM_CODE_SIZE);
    return true;
}

static enum gamed_call_error run_rooms(const struct arguments *arguments, struct gamed_call *call,
                                       json_t *document)
{
    struct ipc_request request = {.op = IPC_ROOMS};
    json_t *rooms = json_array(), *page;
    bool more = true;
    (void)arguments;
    if (json_object_set_new(document, "rooms", rooms) != 0)
        return out_of_memory(call);
    while (more) {
        const enum gamed_call_error error = gamed_call_ask(call, &request, &page);
        if (error)
            return error;
        more = follow_code(page, request.after);
        const bool appended = append_page(rooms, page, "rooms");
        json_decref(page);
        if (!appended)
            return out_of_memory(call);
    }
    return GAMED_CALL_OK;
}

/* ---- results ------------------------------------------------------------------------- */

static bool follow_serial(const json_t *page, int64_t *after)
{
    const json_int_t next = json_integer_value(json_object_get(page, "next"));
    if (next <= *after)
        return false;
    *after = next;
    return true;
}

/* Puts all results in the state to the end of the list. */
static enum gamed_call_error list_results(struct gamed_call *call, enum ipc_result_state state,
                                          json_t *results, bool *incomplete)
{
    struct ipc_request request = {.op = IPC_RESULTS, .result_state = state};
    json_t *page;
    bool more = true;
    while (more) {
        const enum gamed_call_error error = gamed_call_ask(call, &request, &page);
        if (error)
            return error;
        more = follow_serial(page, &request.after_serial);
        *incomplete |= json_is_true(json_object_get(page, "incomplete"));
        const bool appended = append_page(results, page, "results");
        json_decref(page);
        if (!appended)
            return out_of_memory(call);
    }
    return GAMED_CALL_OK;
}

static enum gamed_call_error run_results(const struct arguments *arguments, struct gamed_call *call,
                                         json_t *document)
{
    json_t *results = json_array();
    bool incomplete = false;
    if (json_object_set_new(document, "results", results) != 0)
        return out_of_memory(call);
    for (int i = 0; i < IPC_RESULT_STATE_COUNT; i++) {
        const enum gamed_call_error error =
            arguments->states[i]
                ? list_results(call, (enum ipc_result_state)i, results, &incomplete)
                : GAMED_CALL_OK;
        if (error)
            return error;
    }
    return json_object_set_new(document, "incomplete", json_boolean(incomplete)) == 0
               ? GAMED_CALL_OK
               : out_of_memory(call);
}

/* Has one result tried again, and notes what came of it. */
static enum gamed_call_error retry_one(struct gamed_call *call, const char *match_id,
                                       json_t *retried, json_t *refused)
{
    struct ipc_request request = {.op = IPC_RETRY};
    json_t *reply;
    snprintf(request.match_id, sizeof request.match_id, "%s", match_id);
    const enum gamed_call_error error = gamed_call_ask(call, &request, &reply);
    if (error == GAMED_CALL_OK) {
        const int failed = json_array_append(retried, json_object_get(reply, "result"));
        json_decref(reply);
        return failed ? out_of_memory(call) : GAMED_CALL_OK;
    }
    if (error == GAMED_CALL_REFUSED && call->code[0] &&
        json_array_append_new(refused, json_pack("{s:s, s:s, s:s}", "match_id", match_id, "code",
                                                 call->code, "error", call->error)) != 0)
        return out_of_memory(call);
    return error;
}

static enum gamed_call_error retry_all(struct gamed_call *call, json_t *retried, json_t *refused)
{
    json_t *failed = json_array();
    bool incomplete = false;
    enum gamed_call_error error = list_results(call, IPC_RESULT_FAILED, failed, &incomplete);
    for (size_t i = 0; !error && i < json_array_size(failed); i++) {
        const char *match_id =
            json_string_value(json_object_get(json_array_get(failed, i), "match_id"));
        error = retry_one(call, match_id ? match_id : "", retried, refused);
        if (error == GAMED_CALL_REFUSED && call->code[0])
            error = GAMED_CALL_OK; /* the others may be taken */
    }
    json_decref(failed);
    if (error || (json_array_size(refused) == 0 && !incomplete))
        return error;
    if (incomplete)
        snprintf(call->error, sizeof call->error, "the store of results cannot be read");
    else
        snprintf(call->error, sizeof call->error, "%zu of the results were refused",
                 json_array_size(refused));
    return GAMED_CALL_REFUSED;
}

static enum gamed_call_error run_retry(const struct arguments *arguments, struct gamed_call *call,
                                       json_t *document)
{
    json_t *retried = json_array(), *refused = json_array();
    if (json_object_set_new(document, "retried", retried) != 0 ||
        json_object_set_new(document, "refused", refused) != 0)
        return out_of_memory(call);
    return arguments->all_failed ? retry_all(call, retried, refused)
                                 : retry_one(call, arguments->match_id, retried, refused);
}

/* ---- those of one question ----------------------------------------------------------- */

static bool is_under_way(const json_t *slots)
{
    for (size_t i = 0; i < json_array_size(slots); i++) {
        const char *state = json_string_value(json_object_get(json_array_get(slots, i), "state"));
        if (state && (strcmp(state, "handing") == 0 || strcmp(state, "loading") == 0))
            return true;
    }
    return false;
}

/* Until the last slot is another's. A gamed that is alone has none to hand over. */
static enum gamed_call_error wait_for_handovers(struct gamed_call *call, json_t *document)
{
    static const char *const fields[] = {"slots", "draining_done"};
    const struct timespec pause = {.tv_nsec = HANDOVER_LOOK_MS * 1000000L};
    for (int looks = 0; json_is_false(json_object_get(document, "draining_done")); looks++) {
        struct ipc_request request = {.op = IPC_HEALTH};
        json_t *reply;
        if (looks == HANDOVER_LOOKS_MAX ||
            (looks >= HANDOVER_LOOKS_MIN && !is_under_way(json_object_get(document, "slots")))) {
            snprintf(call->error, sizeof call->error,
                     "not every slot could be handed over; gamed's log says why");
            return GAMED_CALL_REFUSED;
        }
        nanosleep(&pause, NULL);
        const enum gamed_call_error error = gamed_call_ask(call, &request, &reply);
        if (error)
            return error;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            json_object_set(document, fields[i], json_object_get(reply, fields[i]));
        json_decref(reply);
    }
    return GAMED_CALL_OK;
}

static enum gamed_call_error run_single(const struct arguments *arguments, struct gamed_call *call,
                                        json_t *document)
{
    static const enum ipc_op ops[] = {[COMMAND_ROOM] = IPC_ROOM,
                                      [COMMAND_DRAIN] = IPC_DRAIN,
                                      [COMMAND_KICK] = IPC_KICK,
                                      [COMMAND_STATS] = IPC_STATS,
                                      [COMMAND_HEALTH] = IPC_HEALTH};
    struct ipc_request request = {
        .op = ops[arguments->command], .is_on = !arguments->off, .seat = arguments->seat};
    json_t *reply;
    memcpy(request.room_code, arguments->room_code, sizeof request.room_code);
    const enum gamed_call_error error = gamed_call_ask(call, &request, &reply);
    if (error)
        return error;
    const int failed = json_object_update(document, reply);
    json_decref(reply);
    if (failed)
        return out_of_memory(call);
    return arguments->wait ? wait_for_handovers(call, document) : GAMED_CALL_OK;
}

enum gamed_call_error commands_run(const struct arguments *arguments, struct gamed_call *call,
                                   json_t **document)
{
    static enum gamed_call_error (*const runs[])(const struct arguments *, struct gamed_call *,
                                                 json_t *) = {
        [COMMAND_ROOMS] = run_rooms,     [COMMAND_ROOM] = run_single,
        [COMMAND_RESULTS] = run_results, [COMMAND_RETRY] = run_retry,
        [COMMAND_DRAIN] = run_single,    [COMMAND_KICK] = run_single,
        [COMMAND_STATS] = run_single,    [COMMAND_HEALTH] = run_single,
    };
    *document = json_object();
    const enum gamed_call_error error = runs[arguments->command](arguments, call, *document);
    const bool is_partly_done =
        error == GAMED_CALL_REFUSED && arguments->all_failed && json_object_size(*document) > 0;
    if (error && !is_partly_done) {
        json_decref(*document);
        *document = NULL;
    }
    return error;
}
