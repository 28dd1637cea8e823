/*
 * result_delivery: see result_delivery.h. The outbox is the queue: of the results themselves only
 * those being posted are in here.
 */
#include "gamed/result_delivery.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "common/random.h"

/*
 * Attempts that occupy a place may all come first of all pending ones; behind them there must be
 * as many again to fill the places that are free.
 */
enum {
    LOOK_AHEAD = 2 * RESULT_DELIVERY_PARALLEL
};
_Static_assert((int)LOOK_AHEAD <= (int)OUTBOX_NEXT_MAX, "the outbox hands out that many at once");

int result_delivery_init(struct result_delivery *delivery, const struct result_target *target,
                         const struct retry_policy *policy, struct result_outbox *outbox)
{
    memset(delivery, 0, sizeof(*delivery));
    delivery->target = *target;
    delivery->policy = *policy;
    delivery->outbox = outbox;
    delivery->multi = curl_multi_init();
    return delivery->multi ? 0 : -1;
}

void result_delivery_free(struct result_delivery *delivery)
{
    if (delivery->multi)
        curl_multi_cleanup(delivery->multi);
    result_target_free(&delivery->target);
}

void result_delivery_set_authorization(struct result_delivery *delivery, char *header)
{
    result_target_set_authorization(&delivery->target, header);
}

static size_t count_phase(const struct result_delivery *delivery, enum result_attempt_phase phase)
{
    size_t count = 0;
    for (size_t i = 0; i < RESULT_DELIVERY_PARALLEL; i++)
        count += delivery->attempts[i].phase == phase;
    return count;
}

static struct result_attempt *find_idle(struct result_delivery *delivery)
{
    for (size_t i = 0; i < RESULT_DELIVERY_PARALLEL; i++) {
        if (delivery->attempts[i].phase == RESULT_ATTEMPT_IDLE)
            return &delivery->attempts[i];
    }
    return NULL;
}

static bool has_attempt(const struct result_delivery *delivery, const char *match_id)
{
    for (size_t i = 0; i < RESULT_DELIVERY_PARALLEL; i++) {
        const struct result_attempt *attempt = &delivery->attempts[i];
        if (attempt->phase != RESULT_ATTEMPT_IDLE && strcmp(attempt->entry.match_id, match_id) == 0)
            return true;
    }
    return false;
}

bool result_delivery_is_idle(const struct result_delivery *delivery)
{
    return count_phase(delivery, RESULT_ATTEMPT_IDLE) == RESULT_DELIVERY_PARALLEL;
}

/* Tells the outbox what an attempt brought; the attempt's place is free once it knows. */
static void tell(struct result_delivery *delivery, struct result_attempt *attempt, int64_t now_ms)
{
    const bool told = result_outbox_update(delivery->outbox, &attempt->entry);
    if (!told && attempt->phase != RESULT_ATTEMPT_UNTOLD)
        log_error("result %s: no memory to keep what came of it; trying again",
                  attempt->entry.match_id);
    attempt->phase = told ? RESULT_ATTEMPT_IDLE : RESULT_ATTEMPT_UNTOLD;
    if (told)
        delivery->look_at_ms = now_ms;
    else
        delivery->tell_at_ms = now_ms + delivery->policy.base_ms;
}

static void tell_untold(struct result_delivery *delivery, int64_t now_ms)
{
    for (size_t i = 0; now_ms >= delivery->tell_at_ms && i < RESULT_DELIVERY_PARALLEL; i++) {
        if (delivery->attempts[i].phase == RESULT_ATTEMPT_UNTOLD)
            tell(delivery, &delivery->attempts[i], now_ms);
    }
}

/* ---- attempts, started --------------------------------------------------------------- */

void result_delivery_look_again(struct result_delivery *delivery, int64_t now_ms)
{
    delivery->look_at_ms = now_ms;
}

/* Whether the attempt is now libcurl's; short memory is the only reason why not. */
static bool start(struct result_delivery *delivery, struct result_attempt *attempt,
                  const struct outbox_entry *entry)
{
    outbox_entry_copy(&attempt->entry, entry);
    FAILPOINT("post-before-begin");
    if (result_post_begin(&attempt->post, &delivery->target, attempt->entry.match_id,
                          attempt->entry.body, attempt->entry.body_size, attempt) != 0)
        return false;
    if (curl_multi_add_handle(delivery->multi, attempt->post.easy) != CURLM_OK) {
        result_post_end(&attempt->post);
        return false;
    }
    attempt->phase = RESULT_ATTEMPT_RUNNING;
    return true;
}

/*
 * When the entry may be tried. Kept from a time when the clock was far ahead, it might name a year to
 * come: no policy gives longer than the longest Retry-After, or than the time between refusals.
 */
static int64_t attempt_time(const struct result_delivery *delivery,
                            const struct outbox_entry *entry, int64_t now_ms)
{
    const struct retry_policy *policy = &delivery->policy;
    const int64_t longest = policy->after_max_ms > policy->refused_every_ms
                                ? policy->after_max_ms
                                : policy->refused_every_ms;
    const int64_t next_ms = entry->retry.next_attempt_ms;
    return next_ms - now_ms > longest + policy->max_ms ? now_ms : next_ms;
}

/*
 * Starts the entry or returns false when neither it nor any after it can be started now; when to
 * look again is then set, unless that is when an attempt has ended.
 */
static bool start_if_due(struct result_delivery *delivery, const struct outbox_entry *entry,
                         int64_t now_ms)
{
    int64_t not_before = attempt_time(delivery, entry, now_ms);
    struct result_attempt *attempt = find_idle(delivery);
    if (!attempt)
        return false;
    if (retry_gate_is_shut(&delivery->gate)) {
        if (count_phase(delivery, RESULT_ATTEMPT_RUNNING) > 0)
            return false;
        if (not_before < delivery->gate.next_ms)
            not_before = delivery->gate.next_ms;
    }
    if (now_ms < not_before) {
        delivery->look_at_ms = not_before;
        return false;
    }
    if (!start(delivery, attempt, entry)) {
        log_error("result %s: no memory for an attempt", entry->match_id);
        delivery->look_at_ms = now_ms + delivery->policy.base_ms;
        return false;
    }
    return true;
}

/* Asked afresh for each: it may have changed since the entry was read. */
static bool may_post(const struct result_delivery *delivery, const struct outbox_entry *entry)
{
    if (!delivery->may_post)
        return true;
    const char slot[] = {entry->slot, '\0'};
    return delivery->may_post(delivery->may_post_arg, entry->slot ? slot : entry->room_code);
}

void result_delivery_start_due(struct result_delivery *delivery, int64_t now_ms)
{
    struct outbox_entry entries[LOOK_AHEAD];

    tell_untold(delivery, now_ms);
    if (!delivery->target.url || now_ms < delivery->look_at_ms || !find_idle(delivery))
        return;
    const size_t count = result_outbox_next(delivery->outbox, now_ms, LOOK_AHEAD, entries);
    delivery->look_at_ms = RESULT_DELIVERY_NEVER;
    bool is_not_ours = false;
    for (size_t i = 0; i < count; i++) {
        if (has_attempt(delivery, entries[i].match_id))
            continue;
        if (!may_post(delivery, &entries[i]))
            is_not_ours = true;
        else if (!start_if_due(delivery, &entries[i], now_ms))
            break;
    }
    if (is_not_ours && now_ms + RESULT_DELIVERY_NOT_OURS_MS < delivery->look_at_ms)
        delivery->look_at_ms = now_ms + RESULT_DELIVERY_NOT_OURS_MS;
    const int64_t read_at_ms = result_outbox_read_at(delivery->outbox);
    if (read_at_ms < delivery->look_at_ms)
        delivery->look_at_ms = read_at_ms;
}

int64_t result_delivery_wake_at(const struct result_delivery *delivery)
{
    int64_t wake = RESULT_DELIVERY_NEVER;
    if (delivery->target.url && count_phase(delivery, RESULT_ATTEMPT_IDLE) > 0)
        wake = delivery->look_at_ms;
    if (count_phase(delivery, RESULT_ATTEMPT_UNTOLD) > 0 && delivery->tell_at_ms < wake)
        wake = delivery->tell_at_ms;
    return wake;
}

/* ---- attempts, ended ----------------------------------------------------------------- */

static void log_outcome(const struct outbox_entry *entry, enum retry_verdict verdict, CURLcode code,
                        int64_t now_ms)
{
    const struct retry_state *retry = &entry->retry;
    char answer[96];
    if (retry->last_status > 0)
        snprintf(answer, sizeof(answer), "status %d", retry->last_status);
    else
        snprintf(answer, sizeof(answer), "no answer (%s)", curl_easy_strerror(code));

    switch (verdict) {
    case RETRY_DELIVERED:
        log_info("result %s: delivered: %s, attempt %" PRIu32, entry->match_id, answer,
                 retry->attempts);
        break;
    case RETRY_LATER:
        log_warn("result %s: not delivered: %s, attempt %" PRIu32 ", next in %.1f s",
                 entry->match_id, answer, retry->attempts,
                 (double)(retry->next_attempt_ms - now_ms) / 1000);
        break;
    case RETRY_GIVE_UP:
        log_error("result %s: failed: %s, attempt %" PRIu32 ", kept: %.*s", entry->match_id, answer,
                  retry->attempts, (int)entry->body_size, entry->body);
        break;
    }
}

static void finish(struct result_delivery *delivery, struct result_attempt *attempt, CURLcode code,
                   int64_t now_ms)
{
    static const enum outbox_state states[] = {[RETRY_DELIVERED] = OUTBOX_DELIVERED,
                                               [RETRY_LATER] = OUTBOX_PENDING,
                                               [RETRY_GIVE_UP] = OUTBOX_FAILED};
    struct outbox_entry *entry = &attempt->entry;
    uint32_t random;
    curl_off_t took_us = 0;

    FAILPOINT("post-answered");
    const struct retry_answer answer = result_post_answer(&attempt->post);
    curl_easy_getinfo(attempt->post.easy, CURLINFO_TOTAL_TIME_T, &took_us);
    histogram_shared_observe(&delivery->attempt_times, &histogram_foreign, (int64_t)took_us * 1000);
    curl_multi_remove_handle(delivery->multi, attempt->post.easy);
    result_post_end(&attempt->post);

    random_bytes(&random, sizeof(random));
    const enum retry_verdict verdict =
        retry_decide(&delivery->policy, &entry->retry, &answer, now_ms, random);
    retry_gate_note(&delivery->gate, &delivery->policy, verdict, now_ms);
    entry->state = states[verdict];
    entry->settled_ms = verdict == RETRY_LATER ? 0 : now_ms;
    log_outcome(entry, verdict, code, now_ms);
    tell(delivery, attempt, now_ms);
    atomic_fetch_add(verdict == RETRY_DELIVERED ? &delivery->delivered : &delivery->attempts_failed,
                     1);
}

void result_delivery_work(struct result_delivery *delivery, int64_t now_ms)
{
    int running, left;
    const CURLMsg *message;
    curl_multi_perform(delivery->multi, &running);
    while ((message = curl_multi_info_read(delivery->multi, &left))) {
        /* Read out first: removing the handle ends the message's life. */
        const CURLcode code = message->data.result;
        char *owner = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
        finish(delivery, (struct result_attempt *)(void *)owner, code, now_ms);
    }
}

void result_delivery_wait(struct result_delivery *delivery, int wait_ms)
{
    /* It fails when memory is short; then sleep a little all the same, rather than spin. */
    if (curl_multi_poll(delivery->multi, NULL, 0, wait_ms, NULL) != CURLM_OK)
        poll(NULL, 0, 50);
}

void result_delivery_wake(struct result_delivery *delivery)
{
    curl_multi_wakeup(delivery->multi);
}

void result_delivery_cut_off(struct result_delivery *delivery)
{
    for (size_t i = 0; i < RESULT_DELIVERY_PARALLEL; i++) {
        struct result_attempt *attempt = &delivery->attempts[i];
        if (attempt->phase != RESULT_ATTEMPT_RUNNING)
            continue;
        log_warn("result %s: attempt cut off, as this process ends", attempt->entry.match_id);
        curl_multi_remove_handle(delivery->multi, attempt->post.easy);
        result_post_end(&attempt->post);
        attempt->phase = RESULT_ATTEMPT_IDLE;
    }
}
