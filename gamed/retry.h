/*
 * retry: what an answer to a POST means for the result that was posted, and when it is tried again.
 * Pure: no clock, no random source, no network; all of them are arguments.
 *
 * Times are milliseconds of one clock of the caller's choice that outlives the process (Unix time),
 * so that they can be stored.
 */
#ifndef PONG_GAMED_RETRY_H
#define PONG_GAMED_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    int64_t base_ms;          /* ceiling of the first delay; it doubles with every attempt, ... */
    int64_t max_ms;           /* ... up to this */
    int64_t after_max_ms;     /* the longest Retry-After that is obeyed in full */
    int64_t refused_every_ms; /* delay after a 401, 403 or 404: key or URL wrong until mended */
    int64_t refused_for_ms;   /* refused for so long, a result is given up */
};

#define RETRY_POLICY_DEFAULT                                           \
    ((struct retry_policy){.base_ms = 1000,                            \
                           .max_ms = INT64_C(5) * 60 * 1000,           \
                           .after_max_ms = INT64_C(60) * 60 * 1000,    \
                           .refused_every_ms = INT64_C(5) * 60 * 1000, \
                           .refused_for_ms = INT64_C(24) * 60 * 60 * 1000})

enum retry_class {
    RETRY_CLASS_DELIVERED, /* any 2xx */
    RETRY_CLASS_BACKOFF,   /* no answer, 408, 409 (a first attempt still runs), 425, 429, 5xx */
    RETRY_CLASS_REFUSED,   /* 401, 403, 404: a matter of configuration */
    RETRY_CLASS_PERMANENT, /* any other 3xx and 4xx: the same bytes will never be taken */
};

/* What came back. */
struct retry_answer {
    int status;            /* of HTTP; 0: no answer */
    int64_t retry_after_s; /* seconds; 0 or less: none given */
};

/* What is remembered of a result's attempts; all zero before the first, but for next_attempt_ms. */
struct retry_state {
    uint32_t attempts;        /* made so far */
    int last_status;          /* 0: no answer, or no attempt yet */
    int64_t next_attempt_ms;  /* not before this */
    int64_t refused_since_ms; /* first of an unbroken row of 401, 403, 404; 0: not in one */
};

enum retry_verdict {
    RETRY_DELIVERED,
    RETRY_LATER,
    RETRY_GIVE_UP
};

/* Which class an HTTP status belongs to; 0 is no answer. */
enum retry_class retry_classify(int status);

/*
 * The delay before the next attempt after `attempts` (at least 1) failed ones, in 0 to min(max,
 * base * 2^(attempts - 1)) ms: full jitter,
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. `random` is uniform
 * over all of uint32_t.
 */
int64_t retry_backoff_ms(const struct retry_policy *policy, uint32_t attempts, uint32_t random);

/*
 * Counts one attempt that ended at `now_ms` with `answer`, and says what comes of the result. On
 * RETRY_LATER state->next_attempt_ms is set. A Retry-After takes the place of the backoff (and gets
 * up to base_ms of jitter on top).
 */
enum retry_verdict retry_decide(const struct retry_policy *policy, struct retry_state *state,
                                const struct retry_answer *answer, int64_t now_ms, uint32_t random);

/*
 * The gate stands before a receiver that takes nothing at all: after RETRY_GATE_FAILURES attempts
 * in a row, of whichever results, that are to be tried again, only one at a time is let through,
 * base_ms apart, until one is answered for good. A long outage thus costs one request and one log
 * line a second, however many results wait.
 */
enum {
    RETRY_GATE_FAILURES = 8
};

struct retry_gate {
    uint32_t failures; /* in a row; starts at 0 */
    int64_t next_ms;   /* no attempt before this while shut */
};

/* Tells the gate how an attempt that ended at `now_ms` went. */
void retry_gate_note(struct retry_gate *gate, const struct retry_policy *policy,
                     enum retry_verdict verdict, int64_t now_ms);

/* Whether only one attempt at a time may run now, and not before gate->next_ms. */
bool retry_gate_is_shut(const struct retry_gate *gate);

#endif
