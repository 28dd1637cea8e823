/*
 * ipc_server: see ipc_server.h. A context is always in exactly one place: receiving (nng has it),
 * waiting (in the queue), held (the loop thread has it), replying (nng has it) or resting after a
 * failure (nng has it). Whoever has it is the only one to touch it; the queue has a mutex.
 */
#include "ipc/ipc_server.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/unix_socket.h"
#include "ipc/ipc_message.h"
#include "ipc/ipc_socket.h"

enum {
    SOCKET_MODE = 0660,
    REST_MS = 100 /* after a failure, so that one that lasts does not keep a core busy */
};

static const char ipc_scheme[] = "ipc://";

/* The operation an aio is in. */
enum stage {
    RECEIVING,
    REPLYING,
    RESTING
};

struct ipc_exchange {
    struct ipc_server *server;
    struct ipc_exchange *next; /* in the queue */
    nng_ctx ctx;
    nng_aio *aio;
    nng_msg *request; /* while waiting or held */
    bool is_open;     /* ctx is */
    enum stage stage;
};

struct ipc_server {
    nng_socket socket;
    void (*wake)(void *arg);
    void *wake_arg;
    atomic_bool is_closing;
    pthread_mutex_t lock; /* guards the queue */
    struct ipc_exchange *first;
    struct ipc_exchange *last;
    struct ipc_exchange exchanges[IPC_SERVER_CONTEXTS];
};

static void receive(struct ipc_exchange *exchange)
{
    exchange->stage = RECEIVING;
    nng_aio_set_timeout(exchange->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(exchange->ctx, exchange->aio);
}

static void rest(struct ipc_exchange *exchange)
{
    exchange->stage = RESTING;
    nng_aio_set_timeout(exchange->aio, NNG_DURATION_INFINITE);
    nng_sleep_aio(REST_MS, exchange->aio);
}

static void enqueue(struct ipc_exchange *exchange)
{
    struct ipc_server *server = exchange->server;

    exchange->next = NULL;
    pthread_mutex_lock(&server->lock);
    if (server->last != NULL)
        server->last->next = exchange;
    else
        server->first = exchange;
    server->last = exchange;
    pthread_mutex_unlock(&server->lock);
    server->wake(server->wake_arg);
}

/* An nng thread: what the context was at has ended. */
static void on_aio_done(void *arg)
{
    struct ipc_exchange *exchange = arg;
    int result = nng_aio_result(exchange->aio);
    bool is_request = result == 0 && exchange->stage == RECEIVING;

    if (is_request)
        exchange->request = nng_aio_get_msg(exchange->aio);
    else if (result != 0 && exchange->stage == REPLYING)
        nng_msg_free(nng_aio_get_msg(exchange->aio)); /* a reply that was not sent is still ours */
    if (result == NNG_ECLOSED || atomic_load(&exchange->server->is_closing))
        return;
    if (is_request)
        enqueue(exchange);
    else if (result == 0)
        receive(exchange);
    else
        rest(exchange);
}

/* Returns 0, or -1 and a sentence in error[]. */
static int listen_on(struct ipc_server *server, const char *url, char *error, size_t error_size)
{
    bool is_file = strncmp(url, ipc_scheme, sizeof ipc_scheme - 1) == 0;
    nng_listener listener;
    int result;

    /* nng itself would remove any file that is no live socket. */
    if (is_file && unix_socket_clear(url + sizeof ipc_scheme - 1, error, error_size) != 0)
        return -1;
    result = nng_listener_create(&listener, server->socket, url);
    if (result == 0)
        result = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, IPC_WIRE_MAX);
    if (result == 0 && is_file)
        result = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, SOCKET_MODE);
    if (result == 0)
        result = nng_listener_start(listener, 0);
    if (result == 0)
        return 0;
    snprintf(error, error_size, "cannot listen on %s: %s", url, nng_strerror(result));
    return -1;
}

static int open_contexts(struct ipc_server *server)
{
    for (size_t i = 0; i < IPC_SERVER_CONTEXTS; i++) {
        struct ipc_exchange *exchange = &server->exchanges[i];
        int result;

        exchange->server = server;
        result = nng_aio_alloc(&exchange->aio, on_aio_done, exchange);
        if (result == 0)
            result = nng_ctx_open(&exchange->ctx, server->socket);
        if (result != 0)
            return result;
        exchange->is_open = true;
    }
    for (size_t i = 0; i < IPC_SERVER_CONTEXTS; i++)
        receive(&server->exchanges[i]);
    return 0;
}

struct ipc_server *ipc_server_open(const char *url, void (*wake)(void *arg), void *arg, char *error,
                                   size_t error_size)
{
    struct ipc_server *server = calloc(1, sizeof *server);
    int result;

    if (server == NULL) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    server->wake = wake;
    server->wake_arg = arg;
    pthread_mutex_init(&server->lock, NULL);
    result = nng_rep0_open(&server->socket);
    if (result != 0) {
        snprintf(error, error_size, "cannot open an IPC socket: %s", nng_strerror(result));
        pthread_mutex_destroy(&server->lock);
        free(server);
        return NULL;
    }
    result = open_contexts(server);
    if (result != 0)
        snprintf(error, error_size, "cannot serve IPC: %s", nng_strerror(result));
    else if (listen_on(server, url, error, error_size) == 0)
        return server;
    ipc_server_close(server);
    return NULL;
}

struct ipc_exchange *ipc_server_next(struct ipc_server *server)
{
    struct ipc_exchange *exchange;

    pthread_mutex_lock(&server->lock);
    exchange = server->first;
    if (exchange != NULL) {
        server->first = exchange->next;
        if (server->first == NULL)
            server->last = NULL;
    }
    pthread_mutex_unlock(&server->lock);
    return exchange;
}

const char *ipc_exchange_text(const struct ipc_exchange *exchange, size_t *length)
{
    *length = nng_msg_len(exchange->request);
    return nng_msg_body(exchange->request);
}

/* Puts the failure that stands for a reply over the limit into out. Returns its length, or 0 when
 * out of memory. */
static size_t too_large(char *out, size_t size)
{
    json_t *failure = ipc_reply_error("too_large", "The reply is over the size limit");
    long length = failure != NULL ? ipc_reply_encode(failure, out, size) : 0;

    json_decref(failure);
    return length > 0 ? (size_t)length : 0;
}

void ipc_exchange_reply(struct ipc_exchange *exchange, const char *text, size_t length)
{
    char failure[256];
    nng_msg *message = exchange->request;

    exchange->request = NULL;
    if (length > IPC_MESSAGE_MAX) {
        length = too_large(failure, sizeof failure);
        text = failure;
    }
    nng_msg_clear(message);
    if (length == 0 || nng_msg_append(message, text, length) != 0) {
        nng_msg_free(message);
        receive(exchange); /* out of memory: the asker's deadline ends his wait */
        return;
    }
    exchange->stage = REPLYING;
    /* A peer that takes no replies must not keep the contexts from the others. */
    nng_aio_set_timeout(exchange->aio, IPC_DEADLINE_MS);
    nng_aio_set_msg(exchange->aio, message);
    nng_ctx_send(exchange->ctx, exchange->aio);
}

void ipc_server_close(struct ipc_server *server)
{
    if (server == NULL)
        return;
    atomic_store(&server->is_closing, true);
    /* First the contexts: without one that receives, a connection soon reads nothing more, which is
     * the best moment to close it. */
    for (size_t i = 0; i < IPC_SERVER_CONTEXTS; i++)
        if (server->exchanges[i].aio != NULL)
            nng_aio_stop(server->exchanges[i].aio); /* no callback runs after this */
    for (size_t i = 0; i < IPC_SERVER_CONTEXTS; i++) {
        struct ipc_exchange *exchange = &server->exchanges[i];

        if (exchange->is_open)
            nng_ctx_close(exchange->ctx);
        if (exchange->aio != NULL)
            nng_aio_free(exchange->aio);
        if (exchange->request != NULL)
            nng_msg_free(exchange->request);
    }
    /* Nothing of ours is registered with the socket itself, so what is left of it does not matter. */
    if (!ipc_socket_close(server->socket))
        log_warn("the IPC socket is left to be closed by the end of the process");
    pthread_mutex_destroy(&server->lock);
    free(server);
}
