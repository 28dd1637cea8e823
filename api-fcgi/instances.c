/*
 * instances: see instances.h. One thread looks (instances_look.c); the others read what it put into the
 * table, under a lock that is held for no longer than that takes. An instance that is in the table no
 * more is closed by that thread, since that may wait, once nobody holds it.
 */
#include "api-fcgi/instances.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api-fcgi/instances_private.h"
#include "common/clock.h"
#include "common/random.h"
#include "common/thread.h"

/* Milliseconds. */
enum {
    REFRESH_WAIT_MS = 300,
    /* A slot is claimed this long before it has its first room, at least (slot_rules.h): who hears of one earlier guesses. */
    NOBODYS_MS = 200
};

/* ---- one instance -------------------------------------------------- */

const char *instance_ws(const struct instance *instance)
{
    const char *ws = atomic_load_explicit(&instance->ws, memory_order_acquire);

    return ws != NULL ? ws : "";
}

void instance_release(struct instance *instance)
{
    if (instance != NULL)
        atomic_fetch_sub_explicit(&instance->users, 1, memory_order_release);
}

struct ipc_client *instance_client(const struct instance *instance)
{
    return instance->client;
}

const char *instance_label(const struct instance *instance)
{
    return instance->ipc;
}

/* ---- the table ------------------------------------------------------------------------- */

/* The lock is held. `index` -1: nobody. */
static int take(struct instances *instances, int index, int otherwise, struct instance **instance)
{
    *instance = index >= 0 ? instances->at[index] : NULL;
    if (*instance == NULL)
        return otherwise;
    atomic_fetch_add_explicit(&(*instance)->users, 1, memory_order_relaxed);
    return INSTANCE_FOUND;
}

/* *is_certain: an earlier look is as good as one that is begun now. */
static int find_owner(struct instances *instances, int slot, struct instance **instance,
                      bool *is_certain)
{
    int outcome;

    pthread_mutex_lock(&instances->lock);
    outcome =
        take(instances, instance_table_owner(&instances->table, slot), INSTANCE_MOVING, instance);
    if (outcome != INSTANCE_FOUND && (instances->table.nobodys & (UINT32_C(1) << slot)))
        outcome = INSTANCE_NOBODYS;
    /* Of those that were named none gets another's slot. */
    *is_certain =
        outcome == INSTANCE_FOUND ||
        (outcome == INSTANCE_NOBODYS &&
         (instances->reader == NULL || clock_read().mono_ms - instances->looked_ms <= NOBODYS_MS));
    pthread_mutex_unlock(&instances->lock);
    return outcome;
}

int instances_by_code(struct instances *instances, const char *room_code,
                      struct instance **instance)
{
    int slot = slot_index(room_code[0]);
    bool is_certain;
    int outcome;

    if (!instances->is_learning)
        return take(instances, 0, INSTANCE_NONE, instance);
    *instance = NULL;
    if (slot < 0)
        return INSTANCE_NOBODYS;
    outcome = find_owner(instances, slot, instance, &is_certain);
    if (is_certain)
        return outcome;
    instances_refresh(instances);
    return find_owner(instances, slot, instance, &is_certain);
}

typedef int (*choice)(const struct instance_table *, int, uint32_t, uint32_t);

static int choose(struct instances *instances, choice choose_in, const struct instance *not_this,
                  struct instance **instance)
{
    int outcome, excluded = -1;

    pthread_mutex_lock(&instances->lock);
    for (size_t i = 0; not_this != NULL && i < instances->table.count; i++)
        if (instances->at[i] == not_this)
            excluded = (int)i;
    outcome = take(
        instances,
        choose_in(&instances->table, excluded, random_below(UINT32_MAX), random_below(UINT32_MAX)),
        INSTANCE_NONE, instance);
    pthread_mutex_unlock(&instances->lock);
    return outcome;
}

static int find_place(struct instances *instances, choice choose_in,
                      const struct instance *not_this, struct instance **instance)
{
    int outcome;

    *instance = NULL;
    if (!instances->is_learning)
        return not_this != NULL ? INSTANCE_NONE : take(instances, 0, INSTANCE_NONE, instance);
    outcome = choose(instances, choose_in, not_this, instance);
    if (outcome == INSTANCE_FOUND || not_this != NULL)
        return outcome;
    instances_refresh(instances);
    return choose(instances, choose_in, not_this, instance);
}

int instances_for_create(struct instances *instances, const struct instance *not_this,
                         struct instance **instance)
{
    return find_place(instances, instance_table_for_create, not_this, instance);
}

int instances_for_quick(struct instances *instances, const struct instance *not_this,
                        struct instance **instance)
{
    return find_place(instances, instance_table_for_quick, not_this, instance);
}

/* One that was started again may have two rows for a while. */
static bool is_among(struct instance *const *list, size_t count, const struct instance *instance)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == instance)
            return true;
    return false;
}

size_t instances_all(struct instances *instances, bool only_fresh, struct instance **list,
                     size_t max)
{
    size_t count = 0;

    pthread_mutex_lock(&instances->lock);
    for (size_t i = 0; i < instances->table.count && count < max; i++)
        if ((instances->table.view[i].is_fresh || !only_fresh) &&
            !is_among(list, count, instances->at[i]) &&
            take(instances, (int)i, INSTANCE_NONE, &list[count]) == INSTANCE_FOUND)
            count++;
    pthread_mutex_unlock(&instances->lock);
    return count;
}

bool instances_is_single(const struct instances *instances)
{
    return !instances->is_learning;
}

void instances_stats(struct instances *instances, struct instances_stats *stats)
{
    *stats = (struct instances_stats){.is_learning = instances->is_learning};
    pthread_mutex_lock(&instances->lock);
    stats->source_up = instances->source_up;
    stats->known = instances->table.count;
    for (size_t i = 0; i < instances->table.count; i++) {
        stats->fresh += instances->table.view[i].is_fresh;
        stats->draining += instances->table.view[i].is_fresh && instances->table.view[i].draining;
    }
    pthread_mutex_unlock(&instances->lock);
}

/* ---- looking anew -------- */

void instances_refresh(struct instances *instances)
{
    const int64_t until_ms = clock_read().mono_ms + REFRESH_WAIT_MS;
    uint64_t target;

    if (!instances->is_learning)
        return;
    pthread_mutex_lock(&instances->lock);
    target = instances->looks_begun + 1; /* the one under way may have begun too early */
    instances->is_wanted = true;
    pthread_cond_broadcast(&instances->changed);
    if (instances->waiting >= instances->max_waiting) { /* a crowd goes by what is known */
        pthread_mutex_unlock(&instances->lock);
        return;
    }
    instances->waiting++;
    /* What cannot be learnt is not waited for. */
    while (instances->looks_ended < target && !instances->is_stopping &&
           (instances->source_up || instances->looks_ended == 0) && clock_read().mono_ms < until_ms)
        instances_wait(instances, until_ms);
    instances->waiting--;
    pthread_mutex_unlock(&instances->lock);
}

/* ---- opening and closing --------------------------------------------------------------- */

static int add_named(struct instances *instances, const char *url, char *error, size_t error_size)
{
    size_t index = instances->draft.count;
    struct instance_view *view = &instances->draft.view[index];
    struct instance *instance =
        instances_new_one(url, "", instances->max_waiting, error, error_size);

    if (instance == NULL)
        return -1;
    snprintf(view->ipc, sizeof view->ipc, "%s", url);
    instance->next = instances->all;
    instances->all = instance;
    instance->is_listed = true;
    instances->at[index] = instances->draft_at[index] = instance;
    instances->draft.count++;
    return 0;
}

static int init_lock(struct instances *instances)
{
    pthread_condattr_t monotonic;
    int result = pthread_mutex_init(&instances->lock, NULL);

    if (result != 0)
        return result;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    result = pthread_cond_init(&instances->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (result != 0)
        pthread_mutex_destroy(&instances->lock);
    return result;
}

static void instances_free(struct instances *instances)
{
    instance_reader_free(instances->reader);
    while (instances->all != NULL) {
        struct instance *next = instances->all->next;

        instances_free_one(instances->all);
        instances->all = next;
    }
    pthread_cond_destroy(&instances->changed);
    pthread_mutex_destroy(&instances->lock);
    free(instances);
}

/* Returns 0, or -1 and a sentence in error[]. */
static int prepare(struct instances *instances, const struct instances_config *config, char *error,
                   size_t error_size)
{
    if (config->redis != NULL) {
        instances->reader = instance_reader_new(config->redis, error, error_size);
        return instances->reader != NULL ? 0 : -1;
    }
    for (size_t i = 0; i < config->gamed->count; i++)
        if (add_named(instances, config->gamed->value[i], error, error_size) != 0)
            return -1;
    instances->draft.view[0].is_fresh = config->gamed->count == 1; /* nobody is going to ask */
    instances->table = instances->draft;
    return 0;
}

/* Returns 0, or -1 and a sentence in error[]. */
static int start(struct instances *instances, const struct instances_config *config, char *error,
                 size_t error_size)
{
    int result;

    if (prepare(instances, config, error, error_size) != 0)
        return -1;
    if (instances->reader == NULL && config->gamed->count == 1)
        return 0;
    result = thread_start(&instances->thread, "instances", instances_run, instances);
    if (result != 0) {
        snprintf(error, error_size, "no thread can be started: %s", strerror(result));
        return -1;
    }
    instances->is_learning = true;
    return 0;
}

struct instances *instances_open(const struct instances_config *config, char *error,
                                 size_t error_size)
{
    struct instances *instances = calloc(1, sizeof *instances);

    if (instances == NULL || init_lock(instances) != 0) {
        snprintf(error, error_size, "out of memory");
        free(instances);
        return NULL;
    }
    instances->max_waiting = config->max_waiting;
    if (start(instances, config, error, error_size) == 0)
        return instances;
    instances_free(instances);
    return NULL;
}

void instances_close(struct instances *instances)
{
    if (instances == NULL)
        return;
    if (instances->is_learning) {
        pthread_mutex_lock(&instances->lock);
        instances->is_stopping = true;
        pthread_cond_broadcast(&instances->changed);
        pthread_mutex_unlock(&instances->lock);
        pthread_join(instances->thread, NULL);
    }
    instances_free(instances);
}
