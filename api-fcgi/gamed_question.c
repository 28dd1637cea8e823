/*
 * gamed_question: see gamed_question.h.
 */
#include "api-fcgi/gamed_question.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"

/* Bytes. A request's fields are short: all of them together stay well under this. */
enum {
    REQUEST_TEXT_MAX = 4096
};

/* Calls gamed and reads its reply, for which `text` has IPC_MESSAGE_MAX bytes. */
static long call_gamed(struct ipc_client *gamed, enum ipc_op op, const char *request, size_t length,
                       int timeout_ms, char *text, json_t **reply)
{
    long got = ipc_client_call(gamed, request, length, timeout_ms, text, IPC_MESSAGE_MAX);
    int result;

    if (got < 0)
        return got;
    result = ipc_reply_decode(text, (size_t)got, reply);
    if (result == IPC_OK)
        return 0;
    log_error("%s: gamed's reply is not understood (%d)", ipc_op_name(op), result);
    return IPC_CLIENT_FAILED;
}

long gamed_question_ask(struct ipc_client *gamed, struct metrics *metrics,
                        struct ipc_request *request, int timeout_ms, json_t **reply)
{
    const struct now began = clock_read();
    char question[REQUEST_TEXT_MAX];
    char *text;
    long result;

    *reply = NULL;
    request->deadline_unix_ms = began.unix_ms + timeout_ms;
    result = ipc_request_encode(request, question, sizeof question);
    if (result < 0) {
        log_error("%s: the request to gamed could not be written (%ld)", ipc_op_name(request->op),
                  result);
        return IPC_CLIENT_FAILED;
    }
    text = malloc(IPC_MESSAGE_MAX);
    if (text == NULL)
        return IPC_CLIENT_FAILED;
    result = call_gamed(gamed, request->op, question, (size_t)result, timeout_ms, text, reply);
    metrics_question_ended(metrics, request->op, result,
                           json_is_true(json_object_get(*reply, "ok")),
                           clock_read().mono_ns - began.mono_ns);
    free(text);
    return result;
}
