/*
 * ipc_client: see ipc_client.h. One req socket with one connection, the link; each call has a context
 * of its own, which is closed when the call ends, so that nng cannot send a request again whose caller
 * has given up.
 *
 * nng 1.5 can lose a link for good: a receive that is lost when a connection is cut between a
 * message's head and its body blocks the one thread of nng that clears up, and no dialer dials again.
 * So a link that does nothing but fail gets a spare beside it, which takes its place as soon as it has
 * a connection. While gamed is away or stopped neither has one; when it is back, either may go on.
 */
#include "ipc/ipc_client.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "ipc/ipc_lane.h"
#include "ipc/ipc_message.h"
#include "ipc/ipc_socket.h"

enum {
    RECONNECT_MIN_MS = 10,
    RECONNECT_MAX_MS = 100,
    SPARE_AFTER_MS = 1000, /* of nothing but failures */
    RETIRING_MAX = 16      /* links that nng cannot close; past them no spare is opened */
};

struct ipc_link {
    nng_socket socket;
    atomic_int connections;
    int users; /* calls in progress; guarded by the client's lock */
};

struct ipc_client {
    char *url;
    struct ipc_lane *lanes[IPC_LANE_COUNT];
    int max_waiting;
    atomic_int waiting;
    pthread_mutex_t lock; /* guards what follows */
    struct ipc_link *link;
    struct ipc_link *spare; /* NULL: there is none */
    int64_t failing_since;  /* CLOCK_MONOTONIC, ms; 0: the last call did not fail */
};

static void on_pipe_event(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct ipc_link *link = arg;

    (void)pipe;
    atomic_fetch_add(&link->connections, event == NNG_PIPE_EV_ADD_PRE ? 1 : -1);
}

static int link_connect(struct ipc_link *link, const char *url)
{
    nng_dialer dialer;
    /* The two events that always come in pairs and in this order: one that is refused between them
     * never has an ADD_POST. */
    int result = nng_pipe_notify(link->socket, NNG_PIPE_EV_ADD_PRE, on_pipe_event, link);

    if (result == 0)
        result = nng_pipe_notify(link->socket, NNG_PIPE_EV_REM_POST, on_pipe_event, link);
    if (result == 0)
        result = nng_dialer_create(&dialer, link->socket, url);
    if (result == 0)
        result = nng_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ, IPC_WIRE_MAX);
    if (result == 0)
        result = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (result == 0)
        result = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    return result == 0 ? nng_dialer_start(dialer, NNG_FLAG_NONBLOCK) : result;
}

static void link_close(struct ipc_link *link)
{
    if (link == NULL)
        return;
    if (ipc_socket_close(link->socket))
        free(link);
    else
        log_warn("the IPC socket is left to be closed by the end of the process");
}

/* Returns NULL with a sentence in error[]. */
static struct ipc_link *link_open(const char *url, char *error, size_t error_size)
{
    struct ipc_link *link = calloc(1, sizeof *link);
    int result;

    if (link == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    result = nng_req0_open(&link->socket);
    if (result != 0) {
        snprintf(error, error_size, "cannot open an IPC socket: %s", nng_strerror(result));
        free(link);
        return NULL;
    }
    result = link_connect(link, url);
    if (result == 0)
        return link;
    snprintf(error, error_size, "cannot use %s as an IPC address: %s", url, nng_strerror(result));
    link_close(link);
    return NULL;
}

/* The lock is held; *retire is for ipc_socket_retire() once it is not. */
static void spare_promote(struct ipc_client *client, struct ipc_link **retire)
{
    if (client->spare == NULL || atomic_load(&client->spare->connections) <= 0)
        return;
    if (client->link->users == 0)
        *retire = client->link; /* else by its last user */
    client->link = client->spare;
    client->spare = NULL;
    client->failing_since = 0;
}

static struct ipc_link *link_take(struct ipc_client *client)
{
    struct ipc_link *retire = NULL;
    struct ipc_link *link;

    pthread_mutex_lock(&client->lock);
    spare_promote(client, &retire);
    link = client->link;
    link->users++;
    pthread_mutex_unlock(&client->lock);
    if (retire != NULL) {
        log_warn("calls to %s failed for a second or more; they go on over a new connection",
                 client->url);
        ipc_socket_retire(retire->socket, retire);
    }
    return link;
}

/* Tried again after another SPARE_AFTER_MS when it cannot be opened. The lock is held. */
static void spare_open(struct ipc_client *client, int64_t now)
{
    char error[128] = "nng is not done with earlier ones";

    client->failing_since = now;
    if (ipc_sockets_retiring() < RETIRING_MAX)
        client->spare = link_open(client->url, error, sizeof error);
    if (client->spare == NULL)
        log_warn("no second connection to %s can be opened: %s", client->url, error);
}

/* What a call on the client's own link says about it. The lock is held. */
static void link_judge(struct ipc_client *client, long result, struct ipc_link **retire)
{
    int64_t now = clock_read().mono_ms;

    if (result >= 0) {
        client->failing_since = 0;
        *retire = client->spare;
        client->spare = NULL;
    } else if (result == IPC_CLIENT_UNAVAILABLE || result == IPC_CLIENT_TIMEOUT) {
        if (client->failing_since == 0)
            client->failing_since = now;
        else if (client->spare == NULL && now - client->failing_since >= SPARE_AFTER_MS)
            spare_open(client, now);
    }
}

static void link_release(struct ipc_client *client, struct ipc_link *link, long result)
{
    struct ipc_link *retire = NULL;

    pthread_mutex_lock(&client->lock);
    link->users--;
    if (link == client->link)
        link_judge(client, result, &retire);
    else if (link->users == 0)
        retire = link;
    pthread_mutex_unlock(&client->lock);
    if (retire != NULL)
        ipc_socket_retire(retire->socket, retire);
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

static long exchange(struct ipc_link *link, nng_aio *aio, nng_msg *request, int timeout_ms,
                     char *reply, size_t reply_size)
{
    int64_t deadline = clock_read().mono_ms + timeout_ms;
    nng_ctx ctx;
    long result;

    if (nng_ctx_open(&ctx, link->socket) != 0) {
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

static long call(struct ipc_link *link, const char *request, size_t length, int timeout_ms,
                 char *reply, size_t reply_size)
{
    nng_msg *message;
    nng_aio *aio;
    long result = IPC_CLIENT_FAILED;

    if (nng_aio_alloc(&aio, NULL, NULL) != 0)
        return IPC_CLIENT_FAILED;
    if (nng_msg_alloc(&message, 0) == 0) {
        if (nng_msg_append(message, request, length) == 0)
            result = exchange(link, aio, message, timeout_ms, reply, reply_size);
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

/* Without a connection there is nothing to wait for. */
static long call_connected(struct ipc_client *client, const char *request, size_t length,
                           int timeout_ms, char *reply, size_t reply_size)
{
    struct ipc_link *link = link_take(client);
    long result = IPC_CLIENT_UNAVAILABLE;

    if (atomic_load(&link->connections) > 0)
        result = length <= IPC_MESSAGE_MAX
                     ? call(link, request, length, timeout_ms, reply, reply_size)
                     : IPC_CLIENT_FAILED;
    link_release(client, link, result);
    return result;
}

long ipc_client_call(struct ipc_client *client, const char *request, size_t length, int timeout_ms,
                     char *reply, size_t reply_size)
{
    long result;

    if (!take_place(client))
        return IPC_CLIENT_BUSY;
    result = call_connected(client, request, length, timeout_ms, reply, reply_size);
    atomic_fetch_sub(&client->waiting, 1);
    return result;
}

/* For a lane. */
static long carry(void *arg, const char *message, size_t length, int timeout_ms, char *answer,
                  size_t answer_size)
{
    return call_connected(arg, message, length, timeout_ms, answer, answer_size);
}

static bool is_connected(struct ipc_client *client)
{
    bool is;

    pthread_mutex_lock(&client->lock);
    is = atomic_load(&client->link->connections) > 0;
    pthread_mutex_unlock(&client->lock);
    return is;
}

long ipc_client_call_together(struct ipc_client *client, enum ipc_client_lane lane,
                              const char *request, size_t length, int timeout_ms, char *reply,
                              size_t reply_size)
{
    long result;

    if (!take_place(client))
        return IPC_CLIENT_BUSY;
    /* Without a connection nobody waits for another one's message. */
    if (is_connected(client))
        result = ipc_lane_call(client->lanes[lane], request, length, timeout_ms, reply, reply_size);
    else
        result = call_connected(client, request, length, timeout_ms, reply, reply_size);
    atomic_fetch_sub(&client->waiting, 1);
    return result;
}

struct ipc_client *ipc_client_open(const char *url, int max_waiting, char *error, size_t error_size)
{
    struct ipc_client *client = calloc(1, sizeof *client);
    bool is_complete = client != NULL;

    snprintf(error, error_size, "out of memory");
    if (client == NULL)
        return NULL;
    pthread_mutex_init(&client->lock, NULL);
    client->max_waiting = max_waiting;
    client->url = strdup(url);
    for (int i = 0; i < IPC_LANE_COUNT; i++) {
        client->lanes[i] = ipc_lane_new(carry, client);
        is_complete &= client->lanes[i] != NULL;
    }
    if (is_complete && client->url != NULL)
        client->link = link_open(url, error, error_size);
    if (client->link != NULL)
        return client;
    ipc_client_close(client);
    return NULL;
}

void ipc_client_close(struct ipc_client *client)
{
    if (client == NULL)
        return;
    link_close(client->link);
    link_close(client->spare);
    for (int i = 0; i < IPC_LANE_COUNT; i++)
        ipc_lane_free(client->lanes[i]);
    pthread_mutex_destroy(&client->lock);
    free(client->url);
    free(client);
}
