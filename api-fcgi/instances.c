/*
 * instances: see instances.h. One thread looks, by instance_source; the others read what it put into the
 * table, under a lock that is held for no longer than that takes. An instance that is in the table no
 * more is closed by that thread, since that may wait, once nobody holds it.
 */
#include "api-fcgi/instances.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api-fcgi/instance_source.h"
#include "api-fcgi/instance_table.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/thread.h"

/* Milliseconds. */
enum {
    ASK_EVERY_MS = 1000,
    ASK_EVERY_AT_START_MS = 100, /* until all have answered, or the start is over */
    START_MS = 5000,
    ASK_TIMEOUT_MS = 300,
    LOOK_PAUSE_MS = 50, /* between two looks, however many want one */
    REFRESH_WAIT_MS = 300,
};

/* Where its WebSocket is. Never changed, for somebody may be reading it: a new one is put before it. */
struct place {
    struct place *older;
    char text[];
};

struct instance {
    struct instance *next;
    char *ipc;
    struct ipc_client *client;
    _Atomic(struct place *) place; /* NULL: not known */
    atomic_int users;              /* that have to release it */
    bool is_listed;                /* in the table; the thread's alone */
};

struct instances {
    bool is_learning;
    int max_waiting;
    pthread_t thread;
    struct instance *all; /* the thread's alone, as the draft is */
    struct instance_table draft;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct instance_table table;
    struct instance *at[INSTANCE_TABLE_MAX]; /* by the table's index; NULL: cannot be reached */
    uint64_t looks_begun, looks_ended;
    bool is_wanted, is_stopping, source_up;
};

/* ---- one instance ---------------------------------------------------------------------- */

static void instance_free(struct instance *instance)
{
    struct place *place = atomic_load(&instance->place);

    while (place != NULL) {
        struct place *older = place->older;

        free(place);
        place = older;
    }
    ipc_client_close(instance->client);
    free(instance->ipc);
    free(instance);
}

/* NULL and a sentence in error[]. */
static struct instance *instance_new(const char *ipc, int max_waiting, char *error,
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
        instance_free(instance);
        return NULL;
    }
    return instance;
}

const char *instance_ws(const struct instance *instance)
{
    const struct place *place = atomic_load_explicit(&instance->place, memory_order_acquire);

    return place != NULL ? place->text : "";
}

static void set_ws(struct instance *instance, const char *ws)
{
    size_t size = strlen(ws) + 1;
    struct place *place;

    if (strcmp(instance_ws(instance), ws) == 0)
        return;
    place = malloc(sizeof *place + size);
    if (place == NULL)
        return; /* the next look tries again */
    memcpy(place->text, ws, size);
    place->older = atomic_load(&instance->place);
    atomic_store_explicit(&instance->place, place, memory_order_release);
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

static int find_owner(struct instances *instances, int slot, struct instance **instance)
{
    int outcome;

    pthread_mutex_lock(&instances->lock);
    outcome =
        take(instances, instance_table_owner(&instances->table, slot), INSTANCE_MOVING, instance);
    if (outcome != INSTANCE_FOUND && (instances->table.nobodys & (UINT32_C(1) << slot)))
        outcome = INSTANCE_NOBODYS;
    pthread_mutex_unlock(&instances->lock);
    return outcome;
}

int instances_by_code(struct instances *instances, const char *room_code,
                      struct instance **instance)
{
    int slot = slot_index(room_code[0]);
    int outcome;

    if (!instances->is_learning)
        return take(instances, 0, INSTANCE_NONE, instance);
    *instance = NULL;
    if (slot < 0)
        return INSTANCE_NOBODYS;
    outcome = find_owner(instances, slot, instance);
    if (outcome == INSTANCE_FOUND)
        return outcome;
    instances_refresh(instances);
    return find_owner(instances, slot, instance);
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

size_t instances_all(struct instances *instances, bool only_fresh, struct instance **list,
                     size_t max)
{
    size_t count = 0;

    pthread_mutex_lock(&instances->lock);
    for (size_t i = 0; i < instances->table.count && count < max; i++)
        if ((instances->table.view[i].is_fresh || !only_fresh) &&
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

/* ---- looking --------------------------------------------------------------------------- */

/* Asks every gamed that was named. Returns whether any of them answered. */
static bool look_at_named(struct instances *instances)
{
    struct instance_table *draft = &instances->draft;
    bool is_any = false;

    for (size_t i = 0; i < draft->count; i++) {
        if (!instance_source_ask(instances->at[i]->client, &draft->view[i], ASK_TIMEOUT_MS))
            continue;
        is_any = true;
        set_ws(instances->at[i], draft->view[i].ws);
    }
    instance_source_conclude(draft);
    return is_any;
}

/* Milliseconds until the next look. The lock is held. */
static int64_t pause_of(const struct instances *instances, int64_t since_start_ms)
{
    if (since_start_ms >= START_MS)
        return ASK_EVERY_MS;
    for (size_t i = 0; i < instances->table.count; i++)
        if (!instances->table.view[i].is_known)
            return ASK_EVERY_AT_START_MS;
    return ASK_EVERY_MS;
}

static void wait_until(struct instances *instances, int64_t mono_ms)
{
    struct timespec until = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};

    pthread_cond_timedwait(&instances->changed, &instances->lock, &until);
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
        wait_until(instances, last_ms + pause_ms);
    }
    goes_on = !instances->is_stopping;
    instances->is_wanted = false;
    instances->looks_begun++;
    pthread_mutex_unlock(&instances->lock);
    return goes_on;
}

static void look(struct instances *instances)
{
    bool is_up = look_at_named(instances);

    pthread_mutex_lock(&instances->lock);
    instances->table = instances->draft;
    instances->source_up = is_up;
    instances->looks_ended = instances->looks_begun;
    pthread_cond_broadcast(&instances->changed);
    pthread_mutex_unlock(&instances->lock);
}

static void *run(void *arg)
{
    struct instances *instances = arg;
    const int64_t start_ms = clock_read().mono_ms;
    int64_t last_ms = start_ms - ASK_EVERY_MS;
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
    }
    return NULL;
}

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
    /* What cannot be learnt is not waited for. */
    while (instances->looks_ended < target && !instances->is_stopping &&
           (instances->source_up || instances->looks_ended == 0) && clock_read().mono_ms < until_ms)
        wait_until(instances, until_ms);
    pthread_mutex_unlock(&instances->lock);
}

/* ---- opening and closing --------------------------------------------------------------- */

static int add_named(struct instances *instances, const char *url, char *error, size_t error_size)
{
    struct instance_view *view = &instances->draft.view[instances->draft.count];
    struct instance *instance = instance_new(url, instances->max_waiting, error, error_size);

    if (instance == NULL)
        return -1;
    snprintf(view->ipc, sizeof view->ipc, "%s", url);
    instance->next = instances->all;
    instances->all = instance;
    instances->at[instances->draft.count++] = instance;
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
    while (instances->all != NULL) {
        struct instance *next = instances->all->next;

        instance_free(instances->all);
        instances->all = next;
    }
    pthread_cond_destroy(&instances->changed);
    pthread_mutex_destroy(&instances->lock);
    free(instances);
}

/* Returns 0, or -1 and a sentence in error[]. */
static int start(struct instances *instances, const struct instances_config *config, char *error,
                 size_t error_size)
{
    int result;

    for (size_t i = 0; i < config->gamed->count; i++)
        if (add_named(instances, config->gamed->value[i], error, error_size) != 0)
            return -1;
    instances->draft.view[0].is_fresh = config->gamed->count == 1; /* nobody is going to ask */
    instances->table = instances->draft;
    if (config->gamed->count == 1)
        return 0;
    result = thread_start(&instances->thread, "instances", run, instances);
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
