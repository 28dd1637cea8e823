/*
 * game_history: see game_history.h.
 *
 * One turn of the results thread: take the mailbox into the outbox, answer the operator, commit,
 * start what is due, publish the numbers, sleep until something happens, let libcurl work.
 */
#include "gamed/game_history.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/log.h"
#include "common/clock.h"
#include "common/thread.h"
#include "gamed/result_body.h"
#include "gamed/result_delivery.h"
#include "gamed/result_mailbox.h"
#include "gamed/result_outbox.h"

enum {
    MAILBOX_MIN = 64,
    SLEEP_MAX_MS = 60 * 1000,
    HOUR_MS = 60 * 60 * 1000,
    MEMORY_RETRY_MS =
        1000, /* how long a result for which there was no memory is left where it is */
};

#define NEVER INT64_MAX

struct game_history {
    /* Constant while the thread runs. */
    bool post_bot_results, post_guest_results;
    void (*answered)(void *arg);
    void *answered_arg;
    int64_t epoch_ms; /* Unix less monotonic time at the start: a clock that is set moves nothing */
    pthread_t thread;

    /* Shared. */
    struct result_mailbox mailbox;
    struct result_queries queries;
    _Atomic int64_t stop_at_ms; /* NEVER: go on */
    /* A header that is to be used from now on, owned by whoever takes it out; NULL: none. */
    _Atomic(char *) next_authorization;
    atomic_bool is_look_due, is_rewrite_due;
    char no_authorization[1]; /* in its place: none is to be used */
    _Atomic size_t pending, failed, unsaved;
    _Atomic int64_t oldest_created_ms; /* 0: none */
    _Atomic int64_t busy_since_ms;     /* 0: the thread waits for something to do */
    _Atomic uint64_t lost;

    /* The results thread's. */
    struct result_outbox outbox;
    struct result_delivery delivery;
    int64_t take_at_ms;  /* the outbox had no place: the mailbox waits until then */
    int64_t purge_at_ms; /* when results that are delivered are looked through */
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

static bool is_to_be_posted(const struct game_history *history, const struct match_result *result)
{
    return (!result->has_bot || history->post_bot_results) &&
           (!result->has_guest || history->post_guest_results);
}

/* Makes the entry of a result; false when it cannot be written as JSON. */
static bool encode(const struct game_history *history, const struct match_result *result,
                   int64_t now, struct outbox_entry *entry)
{
    memset(entry, 0, offsetof(struct outbox_entry, body));
    memcpy(entry->match_id, result->match_id, sizeof(entry->match_id));
    memcpy(entry->room_code, result->room_code, sizeof(entry->room_code));
    entry->created_ms = now;
    entry->retry.next_attempt_ms = now;
    if (!is_to_be_posted(history, result)) {
        entry->state = OUTBOX_NOT_POSTED;
        entry->settled_ms = now;
    }
    return result_body_write(result, entry->body, sizeof(entry->body), &entry->body_size) == 0;
}

/* That a slot is to be forgotten comes as a result of no match, whose room is the slot's letter. */
static bool is_of_slot(const struct match_result *result)
{
    return result->match_id[0] == '\0';
}

/* Takes what is in the mailbox into the outbox. A result leaves its slot only when it is there. */
static void take_mailbox(struct game_history *history, int64_t now)
{
    struct outbox_entry entry;
    while (now >= history->take_at_ms && result_mailbox_count(&history->mailbox) > 0) {
        const struct match_result *result = result_mailbox_peek(&history->mailbox, 0);
        if (is_of_slot(result)) {
            result_outbox_forget_slot(&history->outbox, result->room_code[0]);
        } else if (!encode(history, result, now, &entry)) {
            lose(history, result, "it cannot be written as JSON");
        } else if (result_outbox_add(&history->outbox, &entry)) {
            /* Counted twice for a moment rather than not at all. */
            atomic_fetch_add(&history->pending, entry.state == OUTBOX_PENDING);
        } else {
            history->take_at_ms = now + MEMORY_RETRY_MS;
            break;
        }
        result_mailbox_drop(&history->mailbox, 1);
        result_delivery_look_again(&history->delivery, now);
    }
}

static void take_authorization(struct game_history *history)
{
    char *header = atomic_exchange(&history->next_authorization, NULL);
    if (header)
        result_delivery_set_authorization(&history->delivery,
                                          header == history->no_authorization ? NULL : header);
}

/* What other threads have said of the store. */
static void take_orders(struct game_history *history, int64_t now)
{
    if (atomic_exchange(&history->is_rewrite_due, false))
        result_outbox_rewrite(&history->outbox);
    if (atomic_exchange(&history->is_look_due, false))
        result_delivery_look_again(&history->delivery, now);
}

static void serve_queries(struct game_history *history, int64_t now)
{
    if (!result_queries_serve(&history->queries, &history->outbox, now))
        return;
    result_delivery_look_again(&history->delivery, now);
    if (history->answered)
        history->answered(history->answered_arg);
}

/* Old results a few at a time; one that cannot be forgotten now is met again in an hour. */
static void purge(struct game_history *history, int64_t now)
{
    if (now < history->purge_at_ms)
        return;
    const int64_t hours =
        history->outbox.keeps_copies ? GAME_HISTORY_KEEP_SHARED_HOURS : GAME_HISTORY_KEEP_HOURS;
    const bool has_more = result_outbox_purge(&history->outbox, now - hours * HOUR_MS);
    history->purge_at_ms = has_more ? now : now + (int64_t)GAME_HISTORY_PURGE_HOURS * HOUR_MS;
}

static void publish(struct game_history *history)
{
    struct outbox_counts counts;
    result_outbox_count(&history->outbox, &counts);
    atomic_store(&history->unsaved, history->outbox.item_count);
    atomic_store(&history->pending, counts.pending);
    atomic_store(&history->failed, counts.failed);
    atomic_store(&history->oldest_created_ms, counts.oldest_pending_ms);
}

/* How long there is nothing to do but to listen, ms. */
static int time_to_sleep(struct game_history *history, int64_t now)
{
    const bool is_mail_waiting = result_mailbox_count(&history->mailbox) > 0;
    int64_t wake[] = {atomic_load(&history->stop_at_ms), history->purge_at_ms,
                      result_delivery_wake_at(&history->delivery),
                      result_outbox_write_at(&history->outbox),
                      is_mail_waiting ? history->take_at_ms : NEVER};
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

/* What neither the store nor a receiver has at the end is at least in the log. */
static void lose_what_is_left(struct game_history *history)
{
    const struct outbox_entry *entry;
    while (result_mailbox_count(&history->mailbox) > 0) {
        const struct match_result *result = result_mailbox_peek(&history->mailbox, 0);
        if (!is_of_slot(result))
            lose(history, result, "there was no memory for it");
        result_mailbox_drop(&history->mailbox, 1);
    }
    while ((entry = result_outbox_first_new(&history->outbox))) {
        if (entry->state != OUTBOX_DELIVERED) {
            atomic_fetch_add(&history->lost, 1);
            log_error("result %s: lost, the outbox did not take it: %.*s", entry->match_id,
                      (int)entry->body_size, entry->body);
        }
        result_outbox_forget_new(&history->outbox);
    }
    if (!result_outbox_is_saved(&history->outbox))
        log_error("the outbox could not be told what came of %zu results",
                  history->outbox.item_count);
}

/* What may not be posted before it is stored may be due now. */
static void flush(struct game_history *history, int64_t now)
{
    const size_t new_before = history->outbox.new_count;
    result_outbox_flush(&history->outbox, now);
    if (history->outbox.keeps_copies && history->outbox.new_count < new_before)
        result_delivery_look_again(&history->delivery, now);
}

static void *run(void *argument)
{
    struct game_history *history = argument;
    int64_t now;
    for (;;) {
        now = now_ms(history);
        atomic_store(&history->busy_since_ms, now);
        take_authorization(history);
        take_orders(history, now);
        take_mailbox(history, now);
        serve_queries(history, now);
        flush(history, now);
        purge(history, now);
        result_delivery_start_due(&history->delivery, now);
        publish(history);
        if (has_ended(history, now))
            break;
        atomic_store(&history->busy_since_ms, 0);
        result_delivery_wait(&history->delivery, time_to_sleep(history, now));
        atomic_store(&history->busy_since_ms, now_ms(history));
        result_delivery_work(&history->delivery, now_ms(history));
    }
    result_delivery_cut_off(&history->delivery);
    history->take_at_ms = now; /* one last try */
    take_mailbox(history, now);
    result_outbox_flush_anyway(&history->outbox, now);
    lose_what_is_left(history);
    return NULL;
}

/* ---- the other threads' -------------------------------------------------------------- */

static int make_target(const struct game_history_config *config, struct result_target *target,
                       char *error, size_t error_size)
{
    return result_target_init(target, config->user_management_url, config->api_key,
                              config->user_management_ca, config->timeout_ms, error,
                              error_size) == 0
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

static void free_history(struct game_history *history)
{
    result_delivery_free(&history->delivery);
    result_outbox_free(&history->outbox);
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
    history->answered = config->answered;
    history->answered_arg = config->answered_arg;
    atomic_init(&history->stop_at_ms, NEVER);
    result_outbox_init(&history->outbox, store, config->stored, config->stored_arg);
    if (config->may_post)
        result_outbox_keep_copies(&history->outbox);
    const bool has_delivery =
        result_delivery_init(&history->delivery, &target, &config->retry, &history->outbox) == 0;
    history->delivery.may_post = config->may_post;
    history->delivery.may_post_arg = config->may_post_arg;
    if (!has_delivery ||
        result_mailbox_init(&history->mailbox,
                            mailbox_size > MAILBOX_MIN ? mailbox_size : MAILBOX_MIN) != 0 ||
        thread_start(&history->thread, "results", run, history) != 0) {
        free_history(history);
        snprintf(error, error_size, "there is not enough memory to deliver results");
        return GAME_HISTORY_NO_MEMORY;
    }
    *out = history;
    return GAME_HISTORY_OK;
}

int game_history_submit(struct game_history *history, const struct match_result *result)
{
    if (!result_mailbox_put(&history->mailbox, result)) {
        lose(history, result, "the mailbox is full");
        return GAME_HISTORY_FULL;
    }
    result_delivery_wake(&history->delivery);
    return GAME_HISTORY_OK;
}

/* One that was not even taken out is of no use any more. */
static void put_authorization(struct game_history *history, char *header)
{
    char *unused = atomic_exchange(&history->next_authorization, header);
    if (unused != history->no_authorization)
        free(unused);
}

int game_history_set_api_key(struct game_history *history, const char *api_key, char *error,
                             size_t error_size)
{
    char *header;
    if (result_authorization_make(api_key, &header, error, error_size) != 0)
        return GAME_HISTORY_BAD_CONFIG;
    put_authorization(history, header ? header : history->no_authorization);
    result_delivery_wake(&history->delivery);
    return GAME_HISTORY_OK;
}

int game_history_ask(struct game_history *history, const struct result_query *query)
{
    const int ticket = result_queries_ask(&history->queries, query);
    if (ticket < 0)
        return GAME_HISTORY_FULL;
    result_delivery_wake(&history->delivery);
    return ticket;
}

const struct result_answer *game_history_answer(const struct game_history *history, int ticket)
{
    return result_queries_answer(&history->queries, ticket);
}

void game_history_forget(struct game_history *history, int ticket)
{
    result_queries_forget(&history->queries, ticket);
}

void game_history_slots_changed(struct game_history *history)
{
    atomic_store(&history->is_look_due, true);
    result_delivery_wake(&history->delivery);
}

void game_history_rewrite(struct game_history *history)
{
    atomic_store(&history->is_rewrite_due, true);
    result_delivery_wake(&history->delivery);
}

bool game_history_forget_slot(struct game_history *history, char slot)
{
    const struct match_result marker = {.room_code = {slot}};
    if (!result_mailbox_put(&history->mailbox, &marker))
        return false;
    result_delivery_wake(&history->delivery);
    return true;
}

/* A call into the store that does not come back is no better than one that fails. */
static bool is_stalled(const struct game_history *history)
{
    const int64_t since_ms = atomic_load(&history->busy_since_ms);
    return since_ms > 0 && now_ms(history) - since_ms >= GAME_HISTORY_STALL_MS;
}

void game_history_stats(const struct game_history *history, struct game_history_stats *stats)
{
    const struct result_delivery *delivery = &history->delivery;
    const int64_t created_ms = atomic_load(&history->oldest_created_ms);
    /* The mailbox first: a result that moves on meanwhile is counted twice rather than not. */
    const size_t waiting = result_mailbox_count(&history->mailbox);
    *stats = (struct game_history_stats){
        .pending = waiting + atomic_load(&history->pending),
        .unsaved = waiting + atomic_load(&history->unsaved),
        .failed = atomic_load(&history->failed),
        .delivered = atomic_load(&delivery->delivered),
        .attempts_failed = atomic_load(&delivery->attempts_failed),
        .lost = atomic_load(&history->lost),
        .oldest_pending_ms = created_ms > 0 ? now_ms(history) - created_ms : 0,
        .store_broken = atomic_load(&history->outbox.write_failed) ||
                        atomic_load(&history->outbox.read_failed) || is_stalled(history),
    };
    histogram_shared_read(&delivery->attempt_times, &stats->attempts);
}

void game_history_stop(struct game_history *history, int64_t grace_ms)
{
    if (!history)
        return;
    atomic_store(&history->stop_at_ms, now_ms(history) + grace_ms);
    result_delivery_wake(&history->delivery);
    pthread_join(history->thread, NULL);
    put_authorization(history, NULL);
    free_history(history);
}
