/*
 * What instances.c, which answers, and instances_look.c, which learns, have in common. For these two alone.
 */
#ifndef PONG_API_INSTANCES_PRIVATE_H
#define PONG_API_INSTANCES_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "api-fcgi/instance_reader.h"
#include "api-fcgi/instance_table.h"
#include "api-fcgi/instances.h"

struct instance {
    struct instance *next;
    char *ipc;
    struct ipc_client *client;
    _Atomic(char *) ws; /* set once, before which it is not known: NULL */
    atomic_int users;   /* that have to release it */
    bool is_listed;     /* in the table; the thread's alone */
};

struct instances {
    bool is_learning;
    int max_waiting;
    pthread_t thread;
    struct instance_reader *reader; /* NULL: the gamed that were named are asked */
    /* the thread's alone */
    struct instance *all;
    struct instance_table draft;
    struct instance *draft_at[INSTANCE_TABLE_MAX]; /* by its index; NULL: cannot be reached */
    pthread_mutex_t lock;                          /* guards what follows */
    pthread_cond_t changed;
    struct instance_table table;
    struct instance *at[INSTANCE_TABLE_MAX];
    uint64_t looks_begun, looks_ended;
    int64_t looked_ms; /* CLOCK_MONOTONIC, when the look that the table comes from began */
    int waiting;       /* threads, in instances_refresh() */
    bool is_wanted, is_stopping, source_up;
};

/* A new instance that nobody holds; `ws` may be "". NULL and a sentence in error[]. */
struct instance *instances_new_one(const char *ipc, const char *ws, int max_waiting, char *error,
                                   size_t error_size);
void instances_free_one(struct instance *instance);

/* Waits for `changed` until then. The lock is held. */
void instances_wait(struct instances *instances, int64_t mono_ms);

/* The thread: looks until the end. */
void *instances_run(void *instances);

#endif
