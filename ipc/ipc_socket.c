/*
 * ipc_socket: see ipc_socket.h.
 */
#include "ipc/ipc_socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/thread.h"

enum {
    CLOSE_WAIT_SECONDS = 1
};

struct closing {
    nng_socket socket;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t ended;
    bool is_closed;
    bool is_abandoned; /* the caller waits no longer: the thread frees this */
};

struct retired {
    nng_socket socket;
    void *memory;
};

static atomic_int retiring;

/*
 * The C library's sendmsg(2), for libnng, which finds this one first; anybody else may use it too. A
 * peer that is gone is told as ECONNRESET instead of EPIPE. nng up to 1.5.2 takes EPIPE for "this end
 * was closed": one peer that goes before its handshake, and a listener never accepts, a dialer never
 * dials again (https://github.com/nanomsg/nng/issues/1518).
 */
ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    ssize_t sent = syscall(SYS_sendmsg, descriptor, message, flags);

    if (sent < 0 && errno == EPIPE)
        errno = ECONNRESET;
    return sent;
}

static void closing_free(struct closing *closing)
{
    pthread_cond_destroy(&closing->ended);
    pthread_mutex_destroy(&closing->lock);
    free(closing);
}

static void *run_close(void *arg)
{
    struct closing *closing = arg;
    bool is_abandoned;

    nng_close(closing->socket);
    pthread_mutex_lock(&closing->lock);
    closing->is_closed = true;
    is_abandoned = closing->is_abandoned;
    pthread_cond_signal(&closing->ended);
    pthread_mutex_unlock(&closing->lock);
    if (is_abandoned)
        closing_free(closing);
    return NULL;
}

static bool await_end(struct closing *closing)
{
    struct timespec limit;
    bool is_closed;
    int result = 0;

    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += CLOSE_WAIT_SECONDS;
    pthread_mutex_lock(&closing->lock);
    while (!closing->is_closed && result == 0)
        result = pthread_cond_timedwait(&closing->ended, &closing->lock, &limit);
    is_closed = closing->is_closed;
    closing->is_abandoned = !is_closed;
    pthread_mutex_unlock(&closing->lock);
    return is_closed;
}

bool ipc_socket_close(nng_socket socket)
{
    struct closing *closing = calloc(1, sizeof *closing);
    pthread_condattr_t monotonic;
    pthread_t thread;

    if (closing == NULL)
        return false; /* the exit of the process closes it */
    closing->socket = socket;
    pthread_mutex_init(&closing->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&closing->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (thread_start(&thread, "ipc-close", run_close, closing) != 0) {
        closing_free(closing);
        return false;
    }
    if (!await_end(closing)) {
        pthread_detach(thread);
        return false;
    }
    pthread_join(thread, NULL);
    closing_free(closing);
    return true;
}

static void *run_retire(void *arg)
{
    struct retired *retired = arg;

    nng_close(retired->socket);
    free(retired->memory);
    free(retired);
    atomic_fetch_sub(&retiring, 1);
    return NULL;
}

void ipc_socket_retire(nng_socket socket, void *memory)
{
    struct retired *retired = malloc(sizeof *retired);
    pthread_t thread;

    atomic_fetch_add(&retiring, 1);
    if (retired == NULL)
        return; /* the exit of the process closes it */
    *retired = (struct retired){.socket = socket, .memory = memory};
    if (thread_start(&thread, "ipc-retire", run_retire, retired) != 0) {
        free(retired);
        return;
    }
    pthread_detach(thread);
}

int ipc_sockets_retiring(void)
{
    return atomic_load(&retiring);
}
