/*
 * gamed_call: see gamed_call.h.
 */
#include "pongctl/gamed_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/unix_socket.h"

enum {
    LOOK_MS = 5, /* between two looks whether the connection is there */
    REQUEST_MAX = 1024,
    URL_MAX = 256
};

enum gamed_call_error gamed_call_open(struct gamed_call *call, const char *path)
{
    char reason[256], url[URL_MAX];
    memset(call, 0, sizeof *call);
    call->path = path;
    /* the client would try again and again, without a word why */
    if (unix_socket_try(path, reason, sizeof reason) != 0) {
        snprintf(
            call->error, sizeof call->error,
            "gamed cannot be reached: %s (--control or PONG_CONTROL says where its control socket is)",
            reason);
        return GAMED_CALL_UNREACHABLE;
    }
    snprintf(url, sizeof url, "ipc://%s", path);
    call->client = ipc_client_open(url, 1, reason, sizeof reason);
    if (call->client)
        return GAMED_CALL_OK;
    snprintf(call->error, sizeof call->error, "gamed cannot be reached: %s", reason);
    return GAMED_CALL_UNREACHABLE;
}

void gamed_call_close(struct gamed_call *call)
{
    ipc_client_close(call->client);
    call->client = NULL;
}

/* Sends it as soon as there is a connection. */
static long exchange(struct gamed_call *call, const char *text, size_t length, char *answer)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    const int64_t deadline_ms = clock_read().mono_ms + GAMED_CALL_WAIT_MS;
    for (;;) {
        const int64_t left_ms = deadline_ms - clock_read().mono_ms;
        if (left_ms <= 0)
            return IPC_CLIENT_TIMEOUT;
        const long got =
            ipc_client_call(call->client, text, length, (int)left_ms, answer, IPC_MESSAGE_MAX);
        if (got != IPC_CLIENT_UNAVAILABLE)
            return got;
        nanosleep(&pause, NULL);
    }
}

static enum gamed_call_error read_answer(struct gamed_call *call, const char *answer, long length,
                                         json_t **reply)
{
    if (ipc_reply_decode(answer, (size_t)length, reply) != IPC_OK) {
        snprintf(call->error, sizeof call->error, "the reply of gamed is not understood");
        return GAMED_CALL_REFUSED;
    }
    if (json_is_true(json_object_get(*reply, "ok"))) {
        json_object_del(*reply, "v");
        json_object_del(*reply, "ok");
        return GAMED_CALL_OK;
    }
    snprintf(call->code, sizeof call->code, "%s",
             json_string_value(json_object_get(*reply, "code")));
    snprintf(call->error, sizeof call->error, "%s (%s)",
             json_string_value(json_object_get(*reply, "error")), call->code);
    json_decref(*reply);
    return GAMED_CALL_REFUSED;
}

enum gamed_call_error gamed_call_ask(struct gamed_call *call, struct ipc_request *request,
                                     json_t **reply)
{
    static char answer[IPC_MESSAGE_MAX];
    char text[REQUEST_MAX];
    call->code[0] = call->error[0] = '\0';
    request->deadline_unix_ms = clock_read().unix_ms + GAMED_CALL_WAIT_MS;
    const long length = ipc_request_encode(request, text, sizeof text);
    const long got =
        length > 0 ? exchange(call, text, (size_t)length, answer) : (long)IPC_CLIENT_FAILED;
    if (got >= 0)
        return read_answer(call, answer, got, reply);
    if (got == IPC_CLIENT_TIMEOUT) {
        snprintf(call->error, sizeof call->error, "gamed does not answer within %d s at %s",
                 GAMED_CALL_WAIT_MS / 1000, call->path);
        return GAMED_CALL_UNREACHABLE;
    }
    snprintf(call->error, sizeof call->error, "the question could not be put to gamed");
    return GAMED_CALL_REFUSED;
}
