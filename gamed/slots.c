/*
 * slots: see slots.h. Validity is one atomic number a slot; claims, which are longer, stand under a lock.
 */
#include "gamed/slots.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    NS_PER_MS = 1000000
};

struct slots {
    _Atomic int64_t valid_until_ns[SLOT_COUNT]; /* CLOCK_BOOTTIME; 0: not valid */
    _Atomic uint64_t turns;
    _Atomic int64_t rest_until_ns; /* 0: the loop turns */
    pthread_mutex_t lock;
    char claims[SLOT_COUNT][CLAIM_SIZE]; /* under the lock; "": not ours */
};

int64_t boottime_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (int64_t)time.tv_sec * 1000 * NS_PER_MS + time.tv_nsec;
}

struct slots *slots_new(void)
{
    struct slots *slots = calloc(1, sizeof *slots);
    if (slots)
        pthread_mutex_init(&slots->lock, NULL);
    return slots;
}

void slots_free(struct slots *slots)
{
    if (!slots)
        return;
    pthread_mutex_destroy(&slots->lock);
    free(slots);
}

bool slots_is_valid(const struct slots *slots, int index)
{
    if (index < 0 || index >= SLOT_COUNT)
        return false;
    /* The clock comes second: a process that is stopped between the two then reads the later time. */
    const int64_t until_ns = atomic_load(&slots->valid_until_ns[index]);
    return until_ns != 0 && boottime_ns() < until_ns;
}

void slots_turn(struct slots *slots)
{
    atomic_fetch_add_explicit(&slots->turns, 1, memory_order_relaxed);
}

uint64_t slots_turns(const struct slots *slots)
{
    return atomic_load_explicit(&slots->turns, memory_order_relaxed);
}

void slots_at_rest(struct slots *slots)
{
    atomic_store(&slots->rest_until_ns, boottime_ns() + (int64_t)SLOTS_REST_MS * NS_PER_MS);
}

bool slots_is_at_rest(const struct slots *slots)
{
    const int64_t until_ns = atomic_load(&slots->rest_until_ns);
    return until_ns != 0 && boottime_ns() < until_ns;
}

bool slots_claim(struct slots *slots, int index, char claim[CLAIM_SIZE])
{
    claim[0] = '\0';
    if (index < 0 || index >= SLOT_COUNT)
        return false;
    pthread_mutex_lock(&slots->lock);
    memcpy(claim, slots->claims[index], CLAIM_SIZE);
    pthread_mutex_unlock(&slots->lock);
    return claim[0] != '\0';
}

/* Of at most CLAIM_LENGTH characters. */
static void set_claim(struct slots *slots, int index, const char *claim)
{
    char copy[CLAIM_SIZE] = "";
    memcpy(copy, claim, strnlen(claim, CLAIM_LENGTH));
    pthread_mutex_lock(&slots->lock);
    memcpy(slots->claims[index], copy, CLAIM_SIZE);
    pthread_mutex_unlock(&slots->lock);
}

void slots_set(struct slots *slots, int index, const char *claim)
{
    slots_suspend(slots, index);
    set_claim(slots, index, claim);
}

void slots_extend(struct slots *slots, int index, int64_t until_ns)
{
    if (until_ns > atomic_load(&slots->valid_until_ns[index]))
        atomic_store(&slots->valid_until_ns[index], until_ns);
}

void slots_suspend(struct slots *slots, int index)
{
    atomic_store(&slots->valid_until_ns[index], 0);
}

void slots_clear(struct slots *slots, int index)
{
    slots_suspend(slots, index);
    set_claim(slots, index, "");
}
