/*
 * instances_look: the thread of instances that learns who there is, by instance_source or
 * instance_reader, and puts it into the table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api-fcgi/instance_source.h"
#include "api-fcgi/instances_private.h"
#include "common/clock.h"
#include "common/log.h"

/* Milliseconds. */
enum {
    ASK_EVERY_MS = 1000,
    ASK_EVERY_AT_START_MS = 100, /* until all have answered, or the start is over */
    START_MS = 5000,
    ASK_TIMEOUT_MS = 300,
    READ_EVERY_MS = 250,
    TWINS_MS = 5000,
    LOOK_PAUSE_MS = 50, /* between two looks, however many want one */
};

/* ---- one instance ---------------------------------------------------------------------- */

void instances_free_one(struct instance *instance)
{
    ipc_client_close(instance->client);
    free(atomic_load(&instance->ws));
    free(instance->ipc);
    free(instance);
}

/* Whether it is there, now that it is known. */
static bool set_ws(struct instance *instance, const char *ws)
{
    char *copy;

    if (instance_ws(instance)[0] != '\0')
        return strcmp(instance_ws(instance), ws) == 0;
    copy = ws[0] != '\0' ? strdup(ws) : NULL; /* without memory the next look tries again */
    atomic_store_explicit(&instance->ws, copy, memory_order_release);
    return true;
}

struct instance *instances_new_one(const char *ipc, const char *ws, int max_waiting, char *error,
                                   size_t error_size)
{
    struct instance *instance = calloc(1, sizeof *instance);

    snprintf(error, error_size, "out of memory");
    if (instance == NULL)
        return NULL;
    instance->ipc = strdup(ipc);
    if (instance->ipc != NULL)
        instance->client = ipc_client_open(ipc, max_waiting, error, error_size);
    if (instance->client == NULL) {
        instances_free_one(instance);
        return NULL;
    }
    set_ws(instance, ws);
    return instance;
}

void instances_wait(struct instances *instances, int64_t mono_ms)
{
    struct timespec until = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};

    pthread_cond_timedwait(&instances->changed, &instances->lock, &until);
}

/* ---- looking --------------------------------------------------------------------------- */

/* The instance at these addresses; a new one where there is none yet; NULL: there can be none. */
static struct instance *obtain(struct instances *instances, const struct instance_view *view)
{
    struct instance *instance = instances->all;
    char error[256];

    while (instance != NULL &&
           (strcmp(instance->ipc, view->ipc) != 0 || strcmp(instance_ws(instance), view->ws) != 0))
        instance = instance->next;
    if (instance != NULL)
        return instance;
    instance = instances_new_one(view->ipc, view->ws, instances->max_waiting, error, sizeof error);
    if (instance == NULL) {
        log_warn("an instance cannot be asked: %s", error);
        return NULL;
    }
    instance->next = instances->all;
    instances->all = instance;
    return instance;
}

/* Asks every gamed that was named. Returns whether any of them answered. */
static bool look_at_named(struct instances *instances)
{
    struct instance_table *draft = &instances->draft;
    bool is_any = false;

    for (size_t i = 0; i < draft->count; i++) {
        struct instance *instance = instances->draft_at[i];
        struct instance *elsewhere;

        if (!instance_source_ask(instance->client, &draft->view[i], ASK_TIMEOUT_MS))
            continue;
        is_any = true;
        if (set_ws(instance, draft->view[i].ws))
            continue;
        elsewhere = obtain(instances, &draft->view[i]); /* started again with another --listen */
        if (elsewhere == NULL)
            continue;
        instance->is_listed = false;
        elsewhere->is_listed = true;
        instances->draft_at[i] = elsewhere;
    }
    instance_source_conclude(draft);
    return is_any;
}

/* Reads what all say of themselves. Returns whether it could be read. */
static bool look_at_redis(struct instances *instances)
{
    struct instance_table *draft = &instances->draft;

    if (!instance_reader_look(instances->reader, draft))
        return false;
    for (struct instance *instance = instances->all; instance != NULL; instance = instance->next)
        instance->is_listed = false;
    for (size_t i = 0; i < draft->count; i++) {
        struct instance *instance = obtain(instances, &draft->view[i]);

        instances->draft_at[i] = instance;
        if (instance != NULL)
            instance->is_listed = true;
    }
    return true;
}

/* Closes those that are in the table no more and that nobody holds. */
static void sweep(struct instances *instances)
{
    struct instance **link = &instances->all;

    while (*link != NULL) {
        struct instance *instance = *link;

        if (instance->is_listed ||
            atomic_load_explicit(&instance->users, memory_order_acquire) > 0) {
            link = &instance->next;
            continue;
        }
        *link = instance->next;
        instances_free_one(instance);
    }
}

/* Milliseconds until the next look. The lock is held. */
static int64_t pause_of(const struct instances *instances, int64_t since_start_ms)
{
    if (instances->reader != NULL)
        return READ_EVERY_MS;
    if (since_start_ms >= START_MS)
        return ASK_EVERY_MS;
    for (size_t i = 0; i < instances->table.count; i++)
        if (!instances->table.view[i].is_known)
            return ASK_EVERY_AT_START_MS;
    return ASK_EVERY_MS;
}

/* Waits until it is time for a look. False: there is to be none any more. */
static bool await_look(struct instances *instances, int64_t last_ms, int64_t start_ms)
{
    bool goes_on;

    pthread_mutex_lock(&instances->lock);
    while (!instances->is_stopping) {
        int64_t pause_ms =
            instances->is_wanted ? LOOK_PAUSE_MS : pause_of(instances, last_ms - start_ms);

        if (clock_read().mono_ms >= last_ms + pause_ms)
            break;
        instances_wait(instances, last_ms + pause_ms);
    }
    goes_on = !instances->is_stopping;
    instances->is_wanted = false;
    instances->looks_begun++;
    pthread_mutex_unlock(&instances->lock);
    return goes_on;
}

static void tell_of_redis(const struct instances *instances, bool is_up, bool is_first)
{
    if (is_up && !is_first)
        log_info("Redis tells of the instances again");
    if (!is_up)
        log_warn("Redis does not tell of the instances, which are taken to be as before: %s",
                 instance_reader_error(instances->reader));
}

static void look(struct instances *instances)
{
    int64_t begun_ms = clock_read().mono_ms;
    bool is_first = instances->looks_ended == 0;
    bool was_up = instances->source_up || is_first; /* which this thread alone changes */
    bool is_up = instances->reader != NULL ? look_at_redis(instances) : look_at_named(instances);

    if (instances->reader != NULL && is_up != was_up)
        tell_of_redis(instances, is_up, is_first);
    pthread_mutex_lock(&instances->lock);
    instances->table = instances->draft;
    memcpy(instances->at, instances->draft_at, sizeof instances->at);
    if (is_up)
        instances->looked_ms = begun_ms;
    instances->source_up = is_up;
    instances->looks_ended = instances->looks_begun;
    pthread_cond_broadcast(&instances->changed);
    pthread_mutex_unlock(&instances->lock);
    sweep(instances);
}

/* Tells once of two with one address, when it is more than one that was started again: two hosts may have one path. */
static void tell_of_twins(const struct instances *instances, int64_t now_ms, int64_t *since_ms)
{
    int twin = instance_table_twin(&instances->draft);

    if (twin < 0) {
        *since_ms = 0;
    } else if (*since_ms == 0) {
        *since_ms = now_ms;
    } else if (*since_ms > 0 && now_ms - *since_ms >= TWINS_MS) {
        log_warn(
            "two gamed say that they are at %s, or at %s: each needs addresses of its own (--advertise-ipc, "
            "--advertise-listen)",
            instances->draft.view[twin].ipc, instances->draft.view[twin].ws);
        *since_ms = -1;
    }
}

void *instances_run(void *arg)
{
    struct instances *instances = arg;
    const int64_t start_ms = clock_read().mono_ms;
    int64_t last_ms = start_ms - ASK_EVERY_MS;
    int64_t twins_since_ms = 0;
    int slot, told = -1;

    while (await_look(instances, last_ms, start_ms)) {
        last_ms = clock_read().mono_ms;
        look(instances);
        if (!instance_table_collides(&instances->draft, &slot))
            slot = -1;
        if (slot != told && slot >= 0)
            log_warn("two gamed have the slot %c: only the first of them is asked for its rooms",
                     slot_letter(slot));
        told = slot;
        tell_of_twins(instances, last_ms, &twins_since_ms);
    }
    return NULL;
}
