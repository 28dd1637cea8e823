/*
 * gamed_question: see gamed_question.h.
 */
#include "api-fcgi/gamed_question.h"

#include "common/clock.h"
#include "common/log.h"

/* Bytes. A request's fields are short: all of them together stay well under this. */
enum {
    REQUEST_TEXT_MAX = 4096
};

/* What many ask at the same time travels together; *lane gets where. */
static bool travels_together(enum ipc_op op, enum ipc_client_lane *lane)
{
    switch (op) {
    case IPC_CHECK:
    case IPC_CANCEL:
        *lane = IPC_LANE_LOOKS;
        return true;
    case IPC_ADMIT:
        *lane = IPC_LANE_ADMITS;
        return true;
    case IPC_CREATE:
    case IPC_JOIN:
    case IPC_QUICK:
        *lane = IPC_LANE_SEATS;
        return true;
    default:
        return false;
    }
}

/* Calls gamed and reads its reply. */
static long call_gamed(struct ipc_client *gamed, enum ipc_op op, const char *request, size_t length,
                       int timeout_ms, json_t **reply)
{
    /* Too large for a stack, too often needed for the heap. */
    static _Thread_local char text[IPC_MESSAGE_MAX];
    enum ipc_client_lane lane;
    long got =
        travels_together(op, &lane)
            ? ipc_client_call_together(gamed, lane, request, length, timeout_ms, text, sizeof text)
            : ipc_client_call(gamed, request, length, timeout_ms, text, sizeof text);
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
    long result;

    *reply = NULL;
    request->deadline_unix_ms = began.unix_ms + timeout_ms;
    result = ipc_request_encode(request, question, sizeof question);
    if (result < 0) {
        log_error("%s: the request to gamed could not be written (%ld)", ipc_op_name(request->op),
                  result);
        return IPC_CLIENT_FAILED;
    }
    result = call_gamed(gamed, request->op, question, (size_t)result, timeout_ms, reply);
    metrics_question_ended(metrics, request->op, result,
                           json_is_true(json_object_get(*reply, "ok")),
                           clock_read().mono_ns - began.mono_ns);
    return result;
}
