/*
 * result_delivery: takes the results that are due out of the store's outbox, posts a few at a time
 * with libcurl, and tells the store what came of it. It must not know where results come from.
 *
 * Thread: all of it belongs to one (the results thread), but for result_delivery_wake and the
 * numbers. Times are Unix milliseconds that only go forward; nothing here reads a clock.
 */
#ifndef PONG_GAMED_RESULT_DELIVERY_H
#define PONG_GAMED_RESULT_DELIVERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "gamed/result_post.h"
#include "gamed/retry.h"
#include "gamed/store.h"

enum {
    RESULT_DELIVERY_PARALLEL = 8,          /* attempts running at once */
    RESULT_DELIVERY_STORE_RETRY_MS = 1000, /* how long a store that failed is left alone */
};

#define RESULT_DELIVERY_NEVER INT64_MAX

enum result_attempt_phase {
    RESULT_ATTEMPT_IDLE,
    RESULT_ATTEMPT_RUNNING, /* libcurl has it */
    RESULT_ATTEMPT_UNSAVED, /* answered, but the store does not know yet: not to be posted again */
};

struct result_attempt {
    enum result_attempt_phase phase;
    struct outbox_entry entry;
    struct result_post post;
};

struct result_delivery {
    struct result_target target;
    struct retry_policy policy;
    struct store *store;
    CURLM *multi;
    struct result_attempt attempts[RESULT_DELIVERY_PARALLEL];
    struct retry_gate gate;
    int64_t store_at_ms; /* the store failed: no call into it before this */
    int64_t look_at_ms;  /* when there may be something to start */
    /* Read by any thread. */
    _Atomic uint64_t delivered;       /* since the start */
    _Atomic uint64_t attempts_failed; /* since the start */
    _Atomic bool store_broken;        /* the last call into the store failed */
};

/*
 * Prepares deliveries to `target` (taken over: result_delivery_free frees it) out of `store` (the
 * caller's). libcurl is initialised. Returns 0, or -1 when memory is short; free it either way.
 */
int result_delivery_init(struct result_delivery *delivery, const struct result_target *target,
                         const struct retry_policy *policy, struct store *store);

/* Something may be due in the outbox that was not there before. */
void result_delivery_look_again(struct result_delivery *delivery, int64_t now_ms);

/* Saves what the store does not know yet and starts what is due, as far as there is room. */
void result_delivery_start_due(struct result_delivery *delivery, int64_t now_ms);

/* When start_due may have something to do again, if nothing happens until then. */
int64_t result_delivery_wake_at(const struct result_delivery *delivery);

/* Whether no attempt is running and none is unsaved. */
bool result_delivery_is_idle(const struct result_delivery *delivery);

/* Sleeps until the network has something, wait_ms (0 or more) have passed, or a wake-up. */
void result_delivery_wait(struct result_delivery *delivery, int wait_ms);

/* Lets libcurl work, and takes in the attempts that it is done with. */
void result_delivery_work(struct result_delivery *delivery, int64_t now_ms);

/* Ends result_delivery_wait now, or the next one. Any thread; never blocks. */
void result_delivery_wake(struct result_delivery *delivery);

/* Cuts off what is running (it stays pending in the store) and tries once more to save the rest. */
void result_delivery_cut_off(struct result_delivery *delivery, int64_t now_ms);

/* Frees everything but the store; no attempt is running. */
void result_delivery_free(struct result_delivery *delivery);

#endif
