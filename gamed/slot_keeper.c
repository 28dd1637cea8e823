/*
 * slot_keeper: see slot_keeper.h. Here is the thread, and what the loop and it say to each other: two
 * rings, and numbers. What is to be done slot_machine decides.
 */
#include "gamed/slot_keeper.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/thread.h"
#include "gamed/slot_keeper_private.h"
#include "gamed/slot_load.h"

int64_t slot_keeper_now_ms(void)
{
    return boottime_ns() / 1000000;
}

static void wake(struct slot_keeper *keeper)
{
    eventfd_write(keeper->wake_fd, 1);
}

/* ---- the slots thread's ------------------------------------------------------------------- */

void slot_keeper_put(struct slot_keeper *keeper, const struct slot_news *news)
{
    const unsigned put = atomic_load_explicit(&keeper->news_put, memory_order_relaxed);
    keeper->news_ring[put % SLOT_NEWS_MAX] = *news;
    atomic_store_explicit(&keeper->news_put, put + 1, memory_order_release);
    keeper->news(keeper->arg);
}

/* A loop that takes no news does not turn either: it is right that nothing is renewed for it. */
static bool has_place_for_news(const struct slot_keeper *keeper)
{
    return atomic_load(&keeper->news_put) - atomic_load(&keeper->news_taken) <=
           SLOT_NEWS_MAX - SLOT_NEWS_A_ROUND;
}

/* What a slot's successor is told that it weighs: we know our load as a whole only. */
static int load_of_a_slot(const struct slot_keeper *keeper)
{
    int owned = 0;
    for (int i = 0; i < SLOT_COUNT; i++)
        owned += keeper->machine.view.phase[i] == SLOT_OWNED;
    return atomic_load(&keeper->load) / (owned > 0 ? owned : 1);
}

static void take_wish(struct slot_keeper *keeper, const struct slot_wished *wished)
{
    struct slot_machine *machine = &keeper->machine;
    switch (wished->wish) {
    case SLOT_WISH_OPENED:
        slot_machine_opened(machine, wished->slot);
        break;
    case SLOT_WISH_HAND_OVER:
        slot_machine_hand_over(machine, wished->slot, load_of_a_slot(keeper), slot_keeper_now_ms());
        break;
    case SLOT_WISH_RELEASE:
        slot_machine_release(machine, wished->slot);
        break;
    case SLOT_WISH_FORGOTTEN:
        slot_machine_forgotten(machine, wished->slot);
        break;
    case SLOT_WISH_DRAIN:
        slot_machine_drain(machine, true);
        break;
    case SLOT_WISH_CLAIM:
        slot_machine_drain(machine, false);
        break;
    }
}

static void take_wishes(struct slot_keeper *keeper)
{
    unsigned taken = atomic_load_explicit(&keeper->wishes_taken, memory_order_relaxed);
    while (taken != atomic_load_explicit(&keeper->wishes_put, memory_order_acquire)) {
        take_wish(keeper, &keeper->wishes[taken % SLOT_WISHES_MAX]);
        atomic_store_explicit(&keeper->wishes_taken, ++taken, memory_order_release);
    }
}

static void rest(struct slot_keeper *keeper, int64_t until_ms)
{
    struct pollfd wake_up = {.fd = keeper->wake_fd, .events = POLLIN};
    const int64_t left_ms = until_ms - slot_keeper_now_ms();
    if (poll(&wake_up, 1, left_ms > 0 ? (int)left_ms : 0) > 0) {
        eventfd_t count;
        eventfd_read(keeper->wake_fd, &count);
    }
}

static void *run(void *argument)
{
    struct slot_keeper *keeper = argument;
    int64_t next_ms = 0;
    while (!atomic_load(&keeper->is_stopping)) {
        take_wishes(keeper);
        const bool is_due = slot_keeper_now_ms() >= next_ms || keeper->machine.is_hurried;
        const bool can = has_place_for_news(keeper);
        if (is_due)
            next_ms = slot_keeper_now_ms() + keeper->rules.round_ms;
        if (is_due && can)
            slot_keeper_round(keeper);
        if (!can || !keeper->machine.is_hurried || !redis_link_is_open(keeper->link))
            rest(keeper, next_ms);
    }
    slot_keeper_leave(keeper);
    return NULL;
}

/* ---- the other threads' --------------------------------------------------------------------- */

const char *slot_keeper_id(const struct slot_keeper *keeper)
{
    return keeper->id;
}

bool slot_keeper_next(struct slot_keeper *keeper, struct slot_news *news)
{
    const unsigned taken = atomic_load_explicit(&keeper->news_taken, memory_order_relaxed);
    if (taken == atomic_load_explicit(&keeper->news_put, memory_order_acquire))
        return false;
    *news = keeper->news_ring[taken % SLOT_NEWS_MAX];
    atomic_store_explicit(&keeper->news_taken, taken + 1, memory_order_release);
    return true;
}

int slot_keeper_ask(struct slot_keeper *keeper, enum slot_wish wish, int slot)
{
    const unsigned put = atomic_load_explicit(&keeper->wishes_put, memory_order_relaxed);
    if (put - atomic_load_explicit(&keeper->wishes_taken, memory_order_acquire) == SLOT_WISHES_MAX)
        return SLOT_KEEPER_FULL;
    keeper->wishes[put % SLOT_WISHES_MAX] = (struct slot_wished){.wish = wish, .slot = slot};
    atomic_store_explicit(&keeper->wishes_put, put + 1, memory_order_release);
    wake(keeper);
    return SLOT_KEEPER_OK;
}

void slot_keeper_tell(struct slot_keeper *keeper, int load, int waiting, bool draining)
{
    atomic_store(&keeper->load, load);
    atomic_store(&keeper->waiting, waiting);
    atomic_store(&keeper->is_draining, draining);
}

void slot_keeper_stats(const struct slot_keeper *keeper, struct slot_keeper_stats *stats)
{
    *stats = (struct slot_keeper_stats){
        .redis_up = atomic_load(&keeper->redis_up),
        .reconnects = atomic_load(&keeper->reconnects),
        .claims = atomic_load(&keeper->claims),
        .lost = atomic_load(&keeper->lost),
        .handed = atomic_load(&keeper->handed),
        .released = atomic_load(&keeper->released),
        .home = atomic_load(&keeper->home),
        .round_since_ms = atomic_load(&keeper->round_since_ms),
    };
    histogram_shared_read(&keeper->rounds, &stats->rounds);
    for (int i = 0; i < SLOT_COUNT; i++)
        stats->slots[i].phase = (enum slot_phase)atomic_load(&keeper->phases[i]);
}

static void free_keeper(struct slot_keeper *keeper)
{
    struct slot_news news;
    while (slot_keeper_next(keeper, &news))
        free(news.load);
    redis_link_free(keeper->link);
    if (keeper->wake_fd >= 0)
        close(keeper->wake_fd);
    free(keeper);
}

static int fail(struct slot_keeper *keeper, char *error, size_t error_size, const char *why)
{
    if (why)
        snprintf(error, error_size, "%s", why);
    if (keeper)
        free_keeper(keeper);
    return SLOT_KEEPER_NO_MEMORY;
}

static bool copy_address(char out[INSTANCE_ADDRESS_SIZE], const char *address)
{
    const size_t length = strlen(address);
    if (length >= INSTANCE_ADDRESS_SIZE)
        return false;
    memcpy(out, address, length + 1);
    return true;
}

int slot_keeper_start(const struct slot_keeper_config *config, struct slots *slots,
                      struct slot_keeper **out, char *error, size_t error_size)
{
    if (redis_link_check(config->redis.url, error, error_size) != REDIS_LINK_OK)
        return SLOT_KEEPER_NO_MEMORY;
    struct slot_keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper)
        return fail(NULL, error, error_size, "no memory for the keeper of slots");
    keeper->slots = slots;
    keeper->news = config->news;
    keeper->arg = config->arg;
    keeper->rules = config->rules;
    atomic_store(&keeper->home, -1);
    claim_draw(keeper->id);
    slot_machine_begin(&keeper->machine, keeper->id, &config->rules, slot_index(config->wish));
    keeper->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!copy_address(keeper->ipc, config->ipc) || !copy_address(keeper->ws, config->ws))
        return fail(keeper, error, error_size,
                    "an address that others are told is longer than 255 bytes");
    const int linked = redis_link_new(&config->redis, &keeper->link);
    if (linked == REDIS_LINK_BAD_URL)
        return fail(keeper, error, error_size, "the file of CAs for Redis cannot be read");
    if (linked != REDIS_LINK_OK || keeper->wake_fd < 0 ||
        thread_start(&keeper->thread, "slots", run, keeper) != 0)
        return fail(keeper, error, error_size, "the thread of the slots cannot be started");
    *out = keeper;
    return SLOT_KEEPER_OK;
}

void slot_keeper_stop(struct slot_keeper *keeper)
{
    if (!keeper)
        return;
    atomic_store(&keeper->is_stopping, true);
    wake(keeper);
    pthread_join(keeper->thread, NULL);
    free_keeper(keeper);
}
