/*
 * room_keeper: see room_keeper.h. From the loop thread a state goes into a mailbox; from there the rooms thread takes it into the backlog, from which what is new is
 * committed.
 */
#include "gamed/room_keeper.h"

#include <pthread.h>
#include <poll.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/clock.h"
#include "common/thread.h"
#include "gamed/room_backlog.h"
#include "gamed/room_mailbox.h"

enum {
    TAKE_AT_ONCE = 256,
    BACKLOG_MIN = 64,
};

struct room_keeper {
    /* Constant while the thread runs. */
    struct room_keeper_config config;
    struct store *store;
    pthread_t thread;
    int wake_fd;

    /* Shared. The n-th that is put has ticket n. */
    struct room_mailbox mailbox;
    _Atomic uint64_t saved;   /* every ticket up to this one */
    atomic_bool is_idle;      /* the thread sleeps until it is woken */
    atomic_bool is_resting;   /* it sleeps, so or until the next commit's time */
    atomic_bool is_hurried;   /* room_keeper_flush() waits for commits */
    _Atomic uint64_t awaited; /* somebody waits for this ticket and those before it */
    atomic_bool is_stopping;
    atomic_bool is_rewrite_due;
    _Atomic size_t backlog_count;
    _Atomic uint64_t states_saved, commits_failed, forgotten;
    _Atomic int64_t last_commit_ms;      /* monotonic; 0: none */
    _Atomic int64_t committing_since_ms; /* monotonic; 0: the thread is not in a commit */
    atomic_bool store_broken;
    pthread_mutex_t lock; /* for room_keeper_flush alone; the loop thread takes it only there */
    pthread_cond_t committed;

    /* Of who puts. */
    bool gathers;
    bool owes_wake; /* to what was put meanwhile */

    /* The rooms thread's. */
    struct room_backlog backlog;
    int64_t commit_at_ms; /* monotonic; no commit before this */
    bool is_proof_due; /* at the start, and while the last commit failed: one is due in any case */
};

static void wake(struct room_keeper *keeper)
{
    eventfd_write(keeper->wake_fd, 1);
}

/* ---- the rooms thread's ---------------------------------------------------------------- */

/* Rooms come first: one that is gone and comes back closes again by itself. */
static void make_place(struct room_keeper *keeper)
{
    const size_t dropped = room_backlog_drop_gone(&keeper->backlog);
    if (dropped == 0)
        return;
    atomic_fetch_add(&keeper->forgotten, dropped);
    log_error("%zu rooms that are closed may come back at the next start: the store cannot be told "
              "so and there is no place to keep it",
              dropped);
}

/* Counted here before it leaves there: twice for a moment rather than not at all. */
static void tell_taken(struct room_keeper *keeper)
{
    atomic_store(&keeper->backlog_count, keeper->backlog.unsaved_count);
    room_mailbox_release(&keeper->mailbox);
}

/* That a slot is to be forgotten comes as a room that is gone, whose code is the slot's letter. */
static bool is_of_slot(const struct room_checkpoint *checkpoint)
{
    return checkpoint->is_gone && checkpoint->room_code[1] == '\0';
}

static void forget_slot(struct room_keeper *keeper, char slot)
{
    room_backlog_forget(&keeper->backlog, slot);
    keeper->is_proof_due = true; /* a commit, so that this ticket counts as saved as well */
}

static bool take_one(struct room_keeper *keeper, const struct room_checkpoint *next)
{
    if (is_of_slot(next)) {
        forget_slot(keeper, next->room_code[0]);
        return true;
    }
    if (room_backlog_put(&keeper->backlog, next))
        return true;
    make_place(keeper);
    return room_backlog_put(&keeper->backlog, next);
}

/* Takes in what is in the mailbox, as far as there is place. */
static void take_in(struct room_keeper *keeper)
{
    struct room_checkpoint next;
    if (atomic_exchange(&keeper->is_rewrite_due, false))
        room_backlog_all_unsaved(&keeper->backlog);
    for (unsigned taken = 1; room_mailbox_peek(&keeper->mailbox, &next); taken++) {
        if (!take_one(keeper, &next))
            break;
        room_mailbox_drop(&keeper->mailbox, &next);
        if (taken % TAKE_AT_ONCE == 0)
            tell_taken(keeper);
    }
    tell_taken(keeper);
}

static void note_outcome(struct room_keeper *keeper, int outcome)
{
    const bool failed = outcome != STORE_OK;
    const bool had_failed = atomic_exchange(&keeper->store_broken, failed);
    if (failed && !had_failed)
        log_error("checkpoints of rooms cannot be saved%s; they wait in memory",
                  outcome == STORE_FULL ? ", there is no space" : "");
    else if (!failed && had_failed)
        log_info("checkpoints of rooms are saved again");
}

static void tell_waiter(struct room_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    pthread_cond_broadcast(&keeper->committed);
    pthread_mutex_unlock(&keeper->lock);
}

static void commit(struct room_keeper *keeper)
{
    struct room_backlog *backlog = &keeper->backlog;
    atomic_store(&keeper->committing_since_ms, clock_read().mono_ms);
    const int outcome = store_rooms_save(keeper->store, backlog->unsaved, backlog->unsaved_count);
    atomic_store(&keeper->committing_since_ms, 0);
    const int64_t now = clock_read().mono_ms;
    note_outcome(keeper, outcome);
    keeper->is_proof_due = outcome != STORE_OK;
    if (outcome != STORE_OK) {
        atomic_fetch_add(&keeper->commits_failed, 1);
        keeper->commit_at_ms = now + ROOM_KEEPER_RETRY_MS;
        return;
    }
    atomic_fetch_add(&keeper->states_saved, backlog->unsaved_count);
    room_backlog_saved(backlog);
    atomic_store(&keeper->backlog_count, 0);
    atomic_store(&keeper->last_commit_ms, now);
    atomic_store(&keeper->saved, room_mailbox_taken_count(&keeper->mailbox));
    keeper->commit_at_ms = now + ROOM_KEEPER_COMMIT_EVERY_MS;
    tell_waiter(keeper);
    if (keeper->config.saved)
        keeper->config.saved(keeper->config.arg);
}

static bool has_work(const struct room_keeper *keeper)
{
    return keeper->backlog.unsaved_count > 0 || keeper->is_proof_due;
}

static bool has_more(const struct room_keeper *keeper)
{
    return room_mailbox_put_count(&keeper->mailbox) != room_mailbox_taken_count(&keeper->mailbox);
}

/* Whether a commit need not wait for its time. */
static bool is_hurried(const struct room_keeper *keeper)
{
    return (atomic_load(&keeper->is_hurried) ||
            atomic_load(&keeper->awaited) > atomic_load(&keeper->saved)) &&
           !atomic_load(&keeper->store_broken);
}

/* Sleeps until there is something to do. */
static void rest(struct room_keeper *keeper)
{
    struct pollfd wake_up = {.fd = keeper->wake_fd, .events = POLLIN};
    int wait_ms = -1;
    /* This and the next are said before the last look: whoever brings something after it wakes. */
    atomic_store(&keeper->is_resting, true);
    if (has_work(keeper)) {
        /* The mailbox is looked at all the same while the store is left alone. */
        const int64_t left = keeper->commit_at_ms - clock_read().mono_ms;
        wait_ms = left <= 0 || is_hurried(keeper)      ? 0
                  : left < ROOM_KEEPER_COMMIT_EVERY_MS ? (int)left
                                                       : ROOM_KEEPER_COMMIT_EVERY_MS;
    } else {
        atomic_store(&keeper->is_idle, true);
        if (has_more(keeper) || atomic_load(&keeper->is_rewrite_due))
            wait_ms = 0;
    }
    if (poll(&wake_up, 1, wait_ms) > 0) {
        eventfd_t count;
        eventfd_read(keeper->wake_fd, &count);
    }
    atomic_store(&keeper->is_idle, false);
    atomic_store(&keeper->is_resting, false);
}

static void *run(void *argument)
{
    struct room_keeper *keeper = argument;
    while (!atomic_load(&keeper->is_stopping)) {
        take_in(keeper);
        const bool is_due = clock_read().mono_ms >= keeper->commit_at_ms || is_hurried(keeper);
        if (has_work(keeper) && is_due)
            commit(keeper);
        else
            rest(keeper);
    }
    do { /* more than once only when the backlog was too small for all that is in the mailbox */
        take_in(keeper);
        if (keeper->backlog.unsaved_count > 0)
            commit(keeper);
    } while (keeper->backlog.unsaved_count == 0 && has_more(keeper));
    if (keeper->backlog.unsaved_count > 0)
        log_error("the last states of %zu rooms could not be saved", keeper->backlog.unsaved_count);
    return NULL;
}

/* ---- the other threads' ---------------------------------------------------------------- */

static void wake_idle(struct room_keeper *keeper)
{
    if (!atomic_load(&keeper->is_idle) || !atomic_exchange(&keeper->is_idle, false))
        return;
    atomic_store(&keeper->is_resting, false);
    wake(keeper);
}

uint64_t room_keeper_put(struct room_keeper *keeper, const struct room_checkpoint *checkpoint)
{
    const uint64_t ticket = room_mailbox_put(&keeper->mailbox, checkpoint);
    if (ticket && keeper->gathers)
        keeper->owes_wake = true;
    else if (ticket)
        wake_idle(keeper);
    return ticket;
}

void room_keeper_gather(struct room_keeper *keeper)
{
    keeper->gathers = true;
}

void room_keeper_gathered(struct room_keeper *keeper)
{
    keeper->gathers = false;
    if (keeper->owes_wake)
        wake_idle(keeper);
    keeper->owes_wake = false;
}

bool room_keeper_forget_slot(struct room_keeper *keeper, char slot)
{
    struct room_checkpoint marker = {.is_gone = true};
    marker.room_code[0] = slot;
    return room_keeper_put(keeper, &marker) != 0;
}

void room_keeper_rewrite(struct room_keeper *keeper)
{
    atomic_store(&keeper->is_rewrite_due, true);
    wake(keeper);
}

uint64_t room_keeper_saved(const struct room_keeper *keeper)
{
    return atomic_load(&keeper->saved);
}

void room_keeper_hurry(struct room_keeper *keeper)
{
    atomic_store(&keeper->awaited, room_mailbox_put_count(&keeper->mailbox));
    if (!atomic_exchange(&keeper->is_resting, false))
        return;
    atomic_store(&keeper->is_idle, false);
    wake(keeper);
}

static struct timespec after(int timeout_ms)
{
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += timeout_ms / 1000;
    when.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    return when;
}

int room_keeper_flush(struct room_keeper *keeper, int timeout_ms)
{
    const uint64_t wanted = room_mailbox_put_count(&keeper->mailbox);
    const struct timespec deadline = after(timeout_ms);
    int error = 0;
    atomic_store(&keeper->is_hurried, true);
    wake(keeper);
    pthread_mutex_lock(&keeper->lock);
    while (error == 0 && atomic_load(&keeper->saved) < wanted)
        error =
            pthread_cond_clockwait(&keeper->committed, &keeper->lock, CLOCK_MONOTONIC, &deadline);
    pthread_mutex_unlock(&keeper->lock);
    atomic_store(&keeper->is_hurried, false);
    return atomic_load(&keeper->saved) >= wanted ? ROOM_KEEPER_OK : ROOM_KEEPER_TIMEOUT;
}

void room_keeper_stats(const struct room_keeper *keeper, struct room_keeper_stats *stats)
{
    const int64_t last = atomic_load(&keeper->last_commit_ms);
    const int64_t since = atomic_load(&keeper->committing_since_ms);
    const bool is_stalled = since && clock_read().mono_ms - since >= ROOM_KEEPER_STALL_MS;
    const uint64_t taken = room_mailbox_taken_count(&keeper->mailbox);
    *stats = (struct room_keeper_stats){
        .pending = (size_t)(room_mailbox_put_count(&keeper->mailbox) - taken) +
                   atomic_load(&keeper->backlog_count),
        .saved = atomic_load(&keeper->states_saved),
        .commits_failed = atomic_load(&keeper->commits_failed),
        .forgotten = atomic_load(&keeper->forgotten),
        .last_commit_age_ms = last ? clock_read().mono_ms - last : -1,
        .store_broken = atomic_load(&keeper->store_broken) || is_stalled,
    };
}

static void free_keeper(struct room_keeper *keeper)
{
    room_backlog_free(&keeper->backlog);
    room_mailbox_free(&keeper->mailbox);
    if (keeper->wake_fd >= 0)
        close(keeper->wake_fd);
    pthread_cond_destroy(&keeper->committed);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

int room_keeper_start(const struct room_keeper_config *config, struct store *store,
                      struct room_keeper **out)
{
    struct room_keeper *keeper = aligned_alloc(alignof(struct room_keeper), sizeof *keeper);
    if (!keeper)
        return ROOM_KEEPER_NO_MEMORY;
    memset(keeper, 0, sizeof *keeper);
    keeper->config = *config;
    keeper->store = store;
    keeper->is_proof_due = true;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->committed, NULL);
    keeper->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    /* Twice as many: those that are gone, but were saved before, have to be forgotten as well. */
    if (keeper->wake_fd < 0 || room_mailbox_init(&keeper->mailbox, config->max_rooms) != 0 ||
        room_backlog_init(&keeper->backlog, 2 * config->max_rooms + BACKLOG_MIN) != 0 ||
        thread_start(&keeper->thread, "rooms", run, keeper) != 0) {
        free_keeper(keeper);
        return ROOM_KEEPER_NO_MEMORY;
    }
    *out = keeper;
    return ROOM_KEEPER_OK;
}

void room_keeper_stop(struct room_keeper *keeper)
{
    if (!keeper)
        return;
    atomic_store(&keeper->is_stopping, true);
    wake(keeper);
    pthread_join(keeper->thread, NULL);
    free_keeper(keeper);
}
