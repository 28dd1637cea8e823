/*
 * ipc_client: see ipc_client.h. One req socket with one connection; each call has a context of its
 * own, which is closed when the call ends, so that nng cannot send a request again whose caller has
 * given up.
 */
#include "ipc/ipc_client.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "ipc/ipc_message.h"
#include "ipc/ipc_socket.h"

enum {
    RECONNECT_MIN_MS = 10,
    RECONNECT_MAX_MS = 100
};

struct ipc_client {
    nng_socket socket;
    atomic_int connections;
    int max_waiting;
    atomic_int waiting;
};

static void on_pipe_event(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct ipc_client *client = arg;

    (void)pipe;
    atomic_fetch_add(&client->connections, event == NNG_PIPE_EV_ADD_PRE ? 1 : -1);
}

static int connect_to(struct ipc_client *client, const char *url)
{
    nng_dialer dialer;
    /* The two events that always come in pairs and in this order: one that is refused between them
     * never has an ADD_POST. */
    int result = nng_pipe_notify(client->socket, NNG_PIPE_EV_ADD_PRE, on_pipe_event, client);

    if (result == 0)
        result = nng_pipe_notify(client->socket, NNG_PIPE_EV_REM_POST, on_pipe_event, client);
    if (result == 0)
        result = nng_dialer_create(&dialer, client->socket, url);
    if (result == 0)
        result = nng_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ, IPC_WIRE_MAX);
    if (result == 0)
        result = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (result == 0)
        result = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    return result == 0 ? nng_dialer_start(dialer, NNG_FLAG_NONBLOCK) : result;
}

struct ipc_client *ipc_client_open(const char *url, int max_waiting, char *error, size_t error_size)
{
    struct ipc_client *client = calloc(1, sizeof *client);
    int result;

    if (client == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    client->max_waiting = max_waiting;
    result = nng_req0_open(&client->socket);
    if (result != 0) {
        snprintf(error, error_size, "cannot open an IPC socket: %s", nng_strerror(result));
        free(client);
        return NULL;
    }
    result = connect_to(client, url);
    if (result != 0) {
        snprintf(error, error_size, "cannot use %s as an IPC address: %s", url,
                 nng_strerror(result));
        ipc_client_close(client);
        return NULL;
    }
    return client;
}

static int error_of(int nng_result)
{
    return nng_result == NNG_ETIMEDOUT ? IPC_CLIENT_TIMEOUT : IPC_CLIENT_FAILED;
}

/* Takes the message over when it returns IPC_CLIENT_OK. */
static int send_request(nng_ctx ctx, nng_aio *aio, nng_msg *request, int timeout_ms)
{
    int result;

    nng_aio_set_timeout(aio, timeout_ms);
    nng_aio_set_msg(aio, request);
    nng_ctx_send(ctx, aio);
    nng_aio_wait(aio);
    result = nng_aio_result(aio);
    return result == 0 ? IPC_CLIENT_OK : error_of(result);
}

static long receive_reply(nng_ctx ctx, nng_aio *aio, int timeout_ms, char *reply, size_t reply_size)
{
    nng_msg *message;
    size_t length;
    int result;

    nng_aio_set_timeout(aio, timeout_ms);
    nng_ctx_recv(ctx, aio);
    nng_aio_wait(aio);
    result = nng_aio_result(aio);
    if (result != 0)
        return error_of(result);
    message = nng_aio_get_msg(aio);
    length = nng_msg_len(message);
    if (length <= reply_size)
        memcpy(reply, nng_msg_body(message), length);
    nng_msg_free(message);
    return length <= reply_size ? (long)length : IPC_CLIENT_FAILED;
}

static long exchange(struct ipc_client *client, nng_aio *aio, nng_msg *request, int timeout_ms,
                     char *reply, size_t reply_size)
{
    int64_t deadline = clock_read().mono_ms + timeout_ms;
    nng_ctx ctx;
    long result;

    if (nng_ctx_open(&ctx, client->socket) != 0) {
        nng_msg_free(request);
        return IPC_CLIENT_FAILED;
    }
    result = send_request(ctx, aio, request, timeout_ms);
    if (result == IPC_CLIENT_OK) {
        int64_t left = deadline - clock_read().mono_ms;

        result =
            left > 0 ? receive_reply(ctx, aio, (int)left, reply, reply_size) : IPC_CLIENT_TIMEOUT;
    } else {
        nng_msg_free(request);
    }
    nng_ctx_close(ctx);
    return result;
}

static long call(struct ipc_client *client, const char *request, size_t length, int timeout_ms,
                 char *reply, size_t reply_size)
{
    nng_msg *message;
    nng_aio *aio;
    long result = IPC_CLIENT_FAILED;

    if (nng_aio_alloc(&aio, NULL, NULL) != 0)
        return IPC_CLIENT_FAILED;
    if (nng_msg_alloc(&message, 0) == 0) {
        if (nng_msg_append(message, request, length) == 0)
            result = exchange(client, aio, message, timeout_ms, reply, reply_size);
        else
            nng_msg_free(message);
    }
    nng_aio_free(aio);
    return result;
}

/* Takes one of the places of those who may wait for a reply. Returns whether there was one. */
static bool take_place(struct ipc_client *client)
{
    int waiting = atomic_load(&client->waiting);

    while (waiting < client->max_waiting)
        if (atomic_compare_exchange_weak(&client->waiting, &waiting, waiting + 1))
            return true;
    return false;
}

long ipc_client_call(struct ipc_client *client, const char *request, size_t length, int timeout_ms,
                     char *reply, size_t reply_size)
{
    long result;

    if (atomic_load(&client->connections) <= 0)
        return IPC_CLIENT_UNAVAILABLE;
    if (length > IPC_MESSAGE_MAX)
        return IPC_CLIENT_FAILED;
    if (!take_place(client))
        return IPC_CLIENT_BUSY;
    result = call(client, request, length, timeout_ms, reply, reply_size);
    atomic_fetch_sub(&client->waiting, 1);
    return result;
}

void ipc_client_close(struct ipc_client *client)
{
    if (client == NULL)
        return;
    if (ipc_socket_close(client->socket))
        free(client);
    else
        log_warn("the IPC socket is left to be closed by the end of the process");
}
