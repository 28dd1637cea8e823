/*
 * name_lookup: see name_lookup.h. The lookup belongs to its owner and to the thread; whoever is done
 * with it last frees it.
 */
#include "cluster/name_lookup.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/thread.h"

struct name_lookup {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    char host[256];
    char port[8];
    /* under the mutex */
    bool is_done;
    bool is_dropped;
    int error;
    struct addrinfo *addresses;
};

static void destroy(struct name_lookup *lookup)
{
    if (lookup->addresses)
        freeaddrinfo(lookup->addresses);
    pthread_cond_destroy(&lookup->changed);
    pthread_mutex_destroy(&lookup->mutex);
    free(lookup);
}

static void *ask(void *arg)
{
    struct name_lookup *lookup = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    int error = getaddrinfo(lookup->host, lookup->port, &hints, &addresses);
    bool is_dropped;

    pthread_mutex_lock(&lookup->mutex);
    lookup->error = error;
    lookup->addresses = error == 0 ? addresses : NULL;
    lookup->is_done = true;
    is_dropped = lookup->is_dropped;
    pthread_cond_signal(&lookup->changed);
    pthread_mutex_unlock(&lookup->mutex);
    if (is_dropped)
        destroy(lookup);
    return NULL;
}

struct name_lookup *name_lookup_start(const char *host, const char *port)
{
    struct name_lookup *lookup = calloc(1, sizeof *lookup);
    pthread_condattr_t monotonic;
    pthread_t thread;

    if (!lookup)
        return NULL;
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    snprintf(lookup->port, sizeof lookup->port, "%s", port);
    pthread_mutex_init(&lookup->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lookup->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (thread_start(&thread, "name_lookup", ask, lookup) != 0) {
        destroy(lookup);
        return NULL;
    }
    pthread_detach(thread);
    return lookup;
}

int name_lookup_wait(struct name_lookup *lookup, int wait_ms, const struct addrinfo **addresses)
{
    struct timespec until;
    int result = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&lookup->mutex);
    while (!lookup->is_done && result == 0)
        result = pthread_cond_timedwait(&lookup->changed, &lookup->mutex, &until);
    result = lookup->is_done ? lookup->error : 1;
    *addresses = lookup->addresses;
    pthread_mutex_unlock(&lookup->mutex);
    return result;
}

void name_lookup_free(struct name_lookup *lookup)
{
    bool is_done;

    if (!lookup)
        return;
    pthread_mutex_lock(&lookup->mutex);
    is_done = lookup->is_done;
    lookup->is_dropped = true;
    pthread_mutex_unlock(&lookup->mutex);
    if (is_done)
        destroy(lookup);
}
