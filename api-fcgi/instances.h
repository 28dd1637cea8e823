/*
 * instances: the gamed instances of this site: which live, which slots each owns, how loaded they are.
 * Learnt from Redis (cluster/instance_record.h), or, without it, from the gamed that were named. It must
 * not know what they are asked.
 *
 * With one gamed and no Redis there is nothing to learn: no thread is started, and every question goes
 * to that one.
 */
#ifndef PONG_API_INSTANCES_H
#define PONG_API_INSTANCES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/options.h"
#include "ipc/ipc_client.h"

struct instances;
struct instance; /* one gamed with its IPC client; references are counted */
struct redis_link_config;

struct instances_config {
    const struct redis_link_config *redis; /* copied; NULL: static, the instances are `gamed` */
    const struct option_list *gamed;       /* URLs, at least one; with Redis not looked at */
    int max_waiting; /* calls in progress on each of them, see ipc_client_open */
};

enum instance_outcome {
    INSTANCE_FOUND = 0,
    INSTANCE_MOVING = -1,  /* nobody has the slot just now */
    INSTANCE_NOBODYS = -2, /* nobody has it, and nothing is left in it: there is no such room */
    INSTANCE_NONE = -3     /* there is no instance that could be asked */
};

/* What has happened, for metrics. */
struct instances_stats {
    size_t known, fresh, draining; /* instances: in the table; heard of lately; taking no rooms */
    bool source_up;                /* the last look at Redis, or at any gamed, gave an answer */
    bool is_learning;              /* there is a table at all, i.e. it is not the single one */
};

/*
 * Starts the thread that learns of instances, unless there is but one. Neither Redis nor any gamed need
 * be there. NULL and a sentence in error[] (without a password) on failure. Signals must be blocked in
 * the caller's thread.
 */
struct instances *instances_open(const struct instances_config *config, char *error,
                                 size_t error_size);

/* Ends the thread and frees all; no instance may be held any more, no other call be in progress. NULL
 * is fine. */
void instances_close(struct instances *instances);

/*
 * The owner of the room's slot. When nobody has it the table is refreshed first (300 ms at most).
 * INSTANCE_FOUND: *instance is to be released. `room_code` is canonical. Any thread, as all that follow.
 */
int instances_by_code(struct instances *instances, const char *room_code,
                      struct instance **instance);

/* Where a room is opened: the less loaded of two picked at random, never `not_this` (NULL: any).
 * INSTANCE_FOUND or INSTANCE_NONE. */
int instances_for_create(struct instances *instances, const struct instance *not_this,
                         struct instance **instance);

/* Where somebody looks for an opponent: where most wait for one; likewise. */
int instances_for_quick(struct instances *instances, const struct instance *not_this,
                        struct instance **instance);

/* Those that were heard of lately, or all that are known, at most `max`; each is to be released. Returns
 * how many. */
size_t instances_all(struct instances *instances, bool only_fresh, struct instance **list,
                     size_t max);

/* Has the table learnt anew now, at most once in 50 ms, and waits for that, 300 ms at most; not at all when
 * max_waiting threads wait for it already. */
void instances_refresh(struct instances *instances);

bool instances_is_single(const struct instances *instances);
void instances_stats(struct instances *instances, struct instances_stats *stats);

/* NULL is fine. */
void instance_release(struct instance *instance);
struct ipc_client *instance_client(const struct instance *instance);
/* Where its WebSocket is, as in nginx's configuration: unix:/PATH or HOST:PORT; "" for the single one. */
const char *instance_ws(const struct instance *instance);
/* Its IPC URL. */
const char *instance_label(const struct instance *instance);

#endif
