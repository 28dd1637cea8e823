/*
 * control_results: see control_results.h.
 */
#include "gamed/control_results.h"

#include <string.h>

#include "gamed/ipc_endpoint.h"
#include "gamed/messages.h"

static enum outbox_state state_asked(enum ipc_result_state state)
{
    static const enum outbox_state states[] = {
        [IPC_RESULT_PENDING] = OUTBOX_PENDING,
        [IPC_RESULT_FAILED] = OUTBOX_FAILED,
        [IPC_RESULT_DELIVERED] = OUTBOX_DELIVERED,
        [IPC_RESULT_NOT_POSTED] = OUTBOX_NOT_POSTED,
    };
    return states[state];
}

static const char *state_word(enum outbox_state state)
{
    for (int i = 0; i < IPC_RESULT_STATE_COUNT; i++)
        if (state_asked((enum ipc_result_state)i) == state)
            return ipc_result_state_words[i];
    return "unknown"; /* of a damaged store */
}

/* ---- questions ----------------------------------------------------------------------- */

bool control_results_ask(struct control_results *results, struct ipc_exchange *exchange,
                         const struct ipc_request *request, struct now now, json_t **refusal)
{
    struct result_query query = {.kind = RESULT_QUERY_LIST,
                                 .state = state_asked(request->result_state),
                                 .after = request->after_serial,
                                 .max = RESULT_QUERY_ROWS_MAX};
    if (request->op == IPC_RETRY) {
        query.kind = RESULT_QUERY_RETRY;
        memcpy(query.match_id, request->match_id, sizeof query.match_id);
    }
    int ticket = results->held_count < RESULT_QUERIES_MAX
                     ? game_history_ask(results->history, &query)
                     : GAME_HISTORY_FULL;
    if (ticket < 0) {
        *refusal = ipc_reply_error("busy", "Too many questions about results are under way");
        return false;
    }
    results->held[results->held_count++] =
        (struct control_question){.exchange = exchange,
                                  .ticket = ticket,
                                  .op = request->op,
                                  .until_ms = now.mono_ms + CONTROL_RESULTS_PATIENCE_MS};
    return true;
}

/* ---- answers ------------------------------------------------------------------------- */

/* Unix seconds; null where there is no such time. */
static json_t *seconds_or_null(int64_t unix_ms)
{
    return unix_ms ? json_real((double)unix_ms / 1000) : json_null();
}

static json_t *row_object(const struct result_row *row)
{
    const struct match_result *result = &row->result;
    bool is_pending = row->state == OUTBOX_PENDING;
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "match_id", row->match_id, "state",
        state_word(row->state), "attempts", (json_int_t)row->retry.attempts, "last_status",
        row->retry.last_status ? json_integer(row->retry.last_status) : json_null(), "created_at",
        seconds_or_null(row->created_ms), "settled_at", seconds_or_null(row->settled_ms),
        "next_attempt_at", seconds_or_null(is_pending ? row->retry.next_attempt_ms : 0));
    if (!object || !row->is_readable)
        return object;
    json_t *match =
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:o, s:s, s:f, s:f}", "room_code", result->room_code,
                  "player_1_id", result->player_id[0], "player_2_id", result->player_id[1],
                  "player_1_score", (int)result->score[0], "player_2_score", (int)result->score[1],
                  "winner", result->winner ? json_integer(result->winner) : json_null(), "reason",
                  messages_end_word((uint8_t)result->reason), "duration", result->duration_s,
                  "finished_at", result->finished_at_unix);
    if (json_object_update(object, match) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(match);
    return object;
}

static json_t *list_reply(const struct result_answer *answer)
{
    json_t *reply = ipc_reply_ok();
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; i < answer->count; i++)
        failed |= json_array_append_new(list, row_object(&answer->rows[i]));
    failed |= json_object_set_new(reply, "results", list);
    failed |=
        json_object_set_new(reply, "next", answer->next ? json_integer(answer->next) : json_null());
    /* what memory has is shown all the same */
    failed |=
        json_object_set_new(reply, "incomplete", json_boolean(answer->outcome != RESULT_QUERY_OK));
    if (!failed)
        return reply;
    json_decref(reply);
    return NULL;
}

static json_t *retry_reply(const struct result_answer *answer)
{
    switch (answer->outcome) {
    case RESULT_QUERY_OK:
        break;
    case RESULT_QUERY_UNKNOWN:
        return ipc_reply_error("result_not_found", "There is no result of this match");
    case RESULT_QUERY_REFUSED:
        return answer->rows[0].state == OUTBOX_DELIVERED
                   ? ipc_reply_error("already_delivered", "The result is delivered")
                   : ipc_reply_error("not_to_be_posted",
                                     "Results of this kind of match are not posted");
    case RESULT_QUERY_BROKEN:
        return ipc_reply_error("store_broken", "The store of results cannot be read");
    case RESULT_QUERY_NO_MEMORY:
        return ipc_reply_error("internal", "There is not enough memory");
    }
    json_t *reply = ipc_reply_ok();
    if (json_object_set_new(reply, "result", row_object(&answer->rows[0])) == 0)
        return reply;
    json_decref(reply);
    return NULL;
}

/* Whether the question has been dealt with. */
static bool settle(struct control_results *results, struct control_question *question,
                   struct now now)
{
    const struct result_answer *answer = game_history_answer(results->history, question->ticket);
    json_t *reply;
    if (answer)
        reply = question->op == IPC_RETRY ? retry_reply(answer) : list_reply(answer);
    else if (now.mono_ms >= question->until_ms)
        reply = ipc_reply_error("timeout", "The store of results did not answer in time");
    else
        return false;
    game_history_forget(results->history, question->ticket);
    ipc_endpoint_reply(question->exchange, reply);
    return true;
}

void control_results_serve(struct control_results *results, struct now now)
{
    for (size_t i = 0; i < results->held_count;) {
        if (settle(results, &results->held[i], now))
            results->held[i] = results->held[--results->held_count];
        else
            i++;
    }
}

int64_t control_results_deadline_ns(const struct control_results *results)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < results->held_count; i++) {
        int64_t until_ns = results->held[i].until_ms * 1000000;
        if (until_ns < first)
            first = until_ns;
    }
    return first;
}

void control_results_drop(struct control_results *results)
{
    while (results->held_count > 0)
        game_history_forget(results->history, results->held[--results->held_count].ticket);
}
