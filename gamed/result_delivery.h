/*
 * result_delivery: takes the results that are due out of the outbox, posts a few at a time with
 * libcurl, and tells the outbox what came of it. It must not know where results come from, nor
 * whether there is a disk.
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

#include "common/histogram.h"
#include "gamed/result_post.h"
#include "gamed/result_outbox.h"
#include "gamed/retry.h"
#include "gamed/store.h"

enum {
    RESULT_DELIVERY_PARALLEL = 8, /* attempts running at once */
    RESULT_DELIVERY_NOT_OURS_MS =
        1000, /* when to look again for one that is due, but not ours to post */
};

#define RESULT_DELIVERY_NEVER INT64_MAX

enum result_attempt_phase {
    RESULT_ATTEMPT_IDLE,
    RESULT_ATTEMPT_RUNNING, /* libcurl has it */
    RESULT_ATTEMPT_UNTOLD,  /* answered, but no memory to tell the outbox: not to be posted again */
};

struct result_attempt {
    enum result_attempt_phase phase;
    struct outbox_entry entry;
    struct result_post post;
};

struct result_delivery {
    struct result_target target;
    struct retry_policy policy;
    struct result_outbox *outbox;
    /* Whether the results of a room (of whose code only the first character may be there) are ours to
     * post at the moment; NULL: always. Set before the first start. */
    bool (*may_post)(void *arg, const char *room_code);
    void *may_post_arg;
    CURLM *multi;
    struct result_attempt attempts[RESULT_DELIVERY_PARALLEL];
    struct retry_gate gate;
    int64_t look_at_ms; /* when there may be something to start */
    int64_t tell_at_ms; /* when what is untold is tried again */
    /* Read by any thread. */
    _Atomic uint64_t delivered;            /* since the start */
    _Atomic uint64_t attempts_failed;      /* since the start */
    struct histogram_shared attempt_times; /* how long each took, on the scale histogram_foreign */
};

/*
 * Prepares deliveries to `target` (taken over: result_delivery_free frees it) out of `outbox` (the
 * caller's). libcurl is initialised. Returns 0, or -1 when memory is short; free it either way.
 */
int result_delivery_init(struct result_delivery *delivery, const struct result_target *target,
                         const struct retry_policy *policy, struct result_outbox *outbox);

/* The header (NULL for none) of every attempt that starts from now on; taken over. */
void result_delivery_set_authorization(struct result_delivery *delivery, char *header);

/* Something may be due in the outbox that was not there before. */
void result_delivery_look_again(struct result_delivery *delivery, int64_t now_ms);

/* Starts what is due, as far as there is room. */
void result_delivery_start_due(struct result_delivery *delivery, int64_t now_ms);

/* When start_due may have something to do again, if nothing happens until then. */
int64_t result_delivery_wake_at(const struct result_delivery *delivery);

/* Whether no attempt is running and the outbox knows of all that have ended. */
bool result_delivery_is_idle(const struct result_delivery *delivery);

/* Sleeps until the network has something, wait_ms (0 or more) have passed, or a wake-up. */
void result_delivery_wait(struct result_delivery *delivery, int wait_ms);

/* Lets libcurl work, and tells the outbox of the attempts that it is done with. */
void result_delivery_work(struct result_delivery *delivery, int64_t now_ms);

/* Ends result_delivery_wait now, or the next one. Any thread; never blocks. */
void result_delivery_wake(struct result_delivery *delivery);

/* Cuts off what is running: as far as the outbox knows, it was not tried. */
void result_delivery_cut_off(struct result_delivery *delivery);

/* Frees everything but the outbox; no attempt is running. */
void result_delivery_free(struct result_delivery *delivery);

#endif
