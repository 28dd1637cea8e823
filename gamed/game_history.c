/*
 * game_history: see game_history.h.
 *
 * One turn of the results thread: commit the mailbox to the outbox, start what is due, publish the
 * numbers, sleep until something happens, let libcurl work.
 */
#include "gamed/game_history.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/log.h"
#include "common/clock.h"
#include "gamed/result_body.h"
#include "gamed/result_delivery.h"
#include "gamed/result_mailbox.h"

enum {
    COMMIT_MAX = 32, /* results committed to the store at once */
    MAILBOX_MIN = 64,
    STORE_RETRY_MS = 1000, /* how long a store that refused results is left alone */
    SLEEP_MAX_MS = 60 * 1000,
};

#define NEVER INT64_MAX

struct game_history {
    /* Constant while the thread runs. */
    bool post_bot_results, post_guest_results;
    struct store *store;
    int64_t epoch_ms; /* Unix less monotonic time at the start: a clock that is set moves nothing */
    pthread_t thread;

    /* Shared. */
    struct result_mailbox mailbox;
    _Atomic int64_t stop_at_ms; /* NEVER: go on */
    _Atomic size_t pending, failed;
    _Atomic int64_t oldest_created_ms; /* 0: none */
    _Atomic uint64_t lost;
    _Atomic bool store_refused; /* the last commit failed */

    /* The results thread's. */
    struct result_delivery delivery;
    int64_t commit_at_ms; /* the store refused: no commit before this */
    struct outbox_entry entries[COMMIT_MAX];
};

static int64_t now_ms(const struct game_history *history)
{
    return history->epoch_ms + clock_read().mono_ms;
}

/* The last resort: what the store never got is at least in the log. */
static void lose(struct game_history *history, const struct match_result *result, const char *why)
{
    atomic_fetch_add(&history->lost, 1);
    log_error("result %s: lost, %s: room %s, players %s and %s, %d:%d, winner %d, end %d, "
              "%.3f s, at %.3f",
              result->match_id, why, result->room_code, result->player_id[0], result->player_id[1],
              result->score[0], result->score[1], result->winner, (int)result->reason,
              result->duration_s, result->finished_at_unix);
}

/* ---- the results thread's ------------------------------------------------------------ */

/*
 * Makes entries of the first results in the mailbox; returns how many. One that cannot be encoded
 * ends the batch, and is logged and dropped when it comes first.
 */
static uint32_t encode_waiting(struct game_history *history, int64_t now)
{
    const uint32_t waiting = result_mailbox_count(&history->mailbox);
    uint32_t count = 0;
    while (count < COMMIT_MAX && count < waiting) {
        const struct match_result *result = result_mailbox_peek(&history->mailbox, count);
        struct outbox_entry *entry = &history->entries[count];
        *entry = (struct outbox_entry){.created_ms = now, .retry.next_attempt_ms = now};
        memcpy(entry->match_id, result->match_id, sizeof(entry->match_id));
        if (result_body_write(result, entry->body, sizeof(entry->body), &entry->body_size) != 0)
            break;
        count++;
    }
    if (count == 0 && waiting > 0) {
        lose(history, result_mailbox_peek(&history->mailbox, 0), "it cannot be written as JSON");
        result_mailbox_drop(&history->mailbox, 1);
    }
    return count;
}

static void note_commit(struct game_history *history, int outcome, int64_t now)
{
    const bool refused = outcome != STORE_OK;
    const bool was_refused = atomic_exchange(&history->store_refused, refused);
    if (refused)
        history->commit_at_ms = now + STORE_RETRY_MS;
    if (refused && !was_refused)
        log_error("the outbox of results %s; new results wait in memory",
                  outcome == STORE_FULL ? "is full" : "cannot be written");
    else if (!refused && was_refused)
        log_info("the outbox of results takes new results again");
}

/* Commits what is in the mailbox. A result leaves its slot only when the store has it. */
static void commit_mailbox(struct game_history *history, int64_t now)
{
    while (now >= history->commit_at_ms && result_mailbox_count(&history->mailbox) > 0) {
        const uint32_t count = encode_waiting(history, now);
        size_t inserted = 0;
        if (count == 0)
            continue;
        int outcome = store_outbox_insert(history->store, history->entries, count, &inserted);
        /* Counted twice for a moment rather than not at all. */
        atomic_fetch_add(&history->pending, inserted);
        result_mailbox_drop(&history->mailbox, (uint32_t)inserted);
        result_delivery_look_again(&history->delivery, now);
        note_commit(history, outcome, now);
    }
}

static void publish(struct game_history *history)
{
    struct outbox_counts counts;
    store_outbox_count(history->store, &counts);
    atomic_store(&history->pending, counts.pending);
    atomic_store(&history->failed, counts.failed);
    atomic_store(&history->oldest_created_ms, counts.oldest_pending_ms);
}

/* How long there is nothing to do but to listen, ms. */
static int time_to_sleep(struct game_history *history, int64_t now)
{
    int64_t wake[] = {atomic_load(&history->stop_at_ms),
                      result_delivery_wake_at(&history->delivery),
                      atomic_load(&history->store_refused) ? history->commit_at_ms : NEVER};
    int64_t first = now + SLEEP_MAX_MS;
    for (size_t i = 0; i < sizeof(wake) / sizeof(wake[0]); i++) {
        if (wake[i] < first)
            first = wake[i];
    }
    return first > now ? (int)(first - now) : 0;
}

/* Whether the thread is to end: asked to, and nothing is left to do or its time is up. */
static bool has_ended(struct game_history *history, int64_t now)
{
    const int64_t stop_at = atomic_load(&history->stop_at_ms);
    return stop_at != NEVER && (now >= stop_at || (result_delivery_is_idle(&history->delivery) &&
                                                   result_mailbox_count(&history->mailbox) == 0));
}

static void *run(void *argument)
{
    struct game_history *history = argument;
    int64_t now;
    for (;;) {
        now = now_ms(history);
        commit_mailbox(history, now);
        result_delivery_start_due(&history->delivery, now);
        publish(history);
        if (has_ended(history, now))
            break;
        result_delivery_wait(&history->delivery, time_to_sleep(history, now));
        result_delivery_work(&history->delivery, now_ms(history));
    }
    history->commit_at_ms = now; /* one last try */
    commit_mailbox(history, now);
    while (result_mailbox_count(&history->mailbox) > 0) {
        lose(history, result_mailbox_peek(&history->mailbox, 0), "the outbox did not take it");
        result_mailbox_drop(&history->mailbox, 1);
    }
    result_delivery_cut_off(&history->delivery, now);
    return NULL;
}

/* ---- the other threads' -------------------------------------------------------------- */

static int make_target(const struct game_history_config *config, struct result_target *target,
                       char *error, size_t error_size)
{
    return result_target_init(target, config->user_management_url, config->api_key,
                              config->timeout_ms, error, error_size) == 0
               ? GAME_HISTORY_OK
               : GAME_HISTORY_BAD_CONFIG;
}

int game_history_check(const struct game_history_config *config, char *error, size_t error_size)
{
    struct result_target target;
    int outcome = make_target(config, &target, error, error_size);
    if (outcome == GAME_HISTORY_OK)
        result_target_free(&target);
    return outcome;
}

/* Signals are for the main thread; a thread inherits the mask it is made under. */
static int start_thread(struct game_history *history)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int outcome = pthread_create(&history->thread, NULL, run, history);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (outcome == 0)
        pthread_setname_np(history->thread, "results");
    return outcome;
}

static void free_history(struct game_history *history)
{
    result_delivery_free(&history->delivery);
    result_mailbox_free(&history->mailbox);
    free(history);
    curl_global_cleanup();
}

int game_history_start(const struct game_history_config *config, struct store *store,
                       struct game_history **out, char *error, size_t error_size)
{
    struct result_target target;
    const struct now now = clock_read();
    const size_t mailbox_size = 2 * config->max_rooms;
    int outcome = make_target(config, &target, error, error_size);
    if (outcome != GAME_HISTORY_OK)
        return outcome;

    struct game_history *history = calloc(1, sizeof(*history));
    if (!history || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        result_target_free(&target);
        free(history);
        snprintf(error, error_size, "libcurl could not be started");
        return GAME_HISTORY_NO_MEMORY;
    }
    history->epoch_ms = now.unix_ms - now.mono_ms;
    history->post_bot_results = config->post_bot_results;
    history->post_guest_results = config->post_guest_results;
    history->store = store;
    atomic_init(&history->stop_at_ms, NEVER);
    if (result_delivery_init(&history->delivery, &target, &config->retry, store) != 0 ||
        result_mailbox_init(&history->mailbox,
                            mailbox_size > MAILBOX_MIN ? mailbox_size : MAILBOX_MIN) != 0 ||
        start_thread(history) != 0) {
        free_history(history);
        snprintf(error, error_size, "there is not enough memory to deliver results");
        return GAME_HISTORY_NO_MEMORY;
    }
    *out = history;
    return GAME_HISTORY_OK;
}

int game_history_submit(struct game_history *history, const struct match_result *result)
{
    if ((result->has_bot && !history->post_bot_results) ||
        (result->has_guest && !history->post_guest_results))
        return GAME_HISTORY_OK;
    if (!result_mailbox_put(&history->mailbox, result)) {
        lose(history, result, "the mailbox is full");
        return GAME_HISTORY_FULL;
    }
    result_delivery_wake(&history->delivery);
    return GAME_HISTORY_OK;
}

void game_history_stats(const struct game_history *history, struct game_history_stats *stats)
{
    const struct result_delivery *delivery = &history->delivery;
    const int64_t created_ms = atomic_load(&history->oldest_created_ms);
    /* The mailbox first: a result that moves on meanwhile is counted twice rather than not. */
    const size_t waiting = result_mailbox_count(&history->mailbox);
    *stats = (struct game_history_stats){
        .pending = waiting + atomic_load(&history->pending),
        .failed = atomic_load(&history->failed),
        .delivered = atomic_load(&delivery->delivered),
        .attempts_failed = atomic_load(&delivery->attempts_failed),
        .lost = atomic_load(&history->lost),
        .oldest_pending_ms = created_ms > 0 ? now_ms(history) - created_ms : 0,
        .store_broken =
            atomic_load(&history->store_refused) || atomic_load(&delivery->store_broken),
    };
}

void game_history_stop(struct game_history *history, int64_t grace_ms)
{
    if (!history)
        return;
    atomic_store(&history->stop_at_ms, now_ms(history) + grace_ms);
    result_delivery_wake(&history->delivery);
    pthread_join(history->thread, NULL);
    free_history(history);
}
