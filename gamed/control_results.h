/*
 * control_results: what the operator asks about results. The answer comes from the results thread, so
 * the exchange is held meanwhile; the loop never waits. Bounded in number and time.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_CONTROL_RESULTS_H
#define PONG_GAMED_CONTROL_RESULTS_H

#include <jansson.h>

#include "common/clock.h"
#include "gamed/game_history.h"
#include "ipc/ipc_message.h"
#include "ipc/ipc_server.h"

enum {
    CONTROL_RESULTS_PATIENCE_MS = 1500 /* how long an exchange is held: less than its asker waits */
};

/* Zeroed, but for `history`, before use. */
struct control_results {
    struct game_history *history;
    struct control_question {
        struct ipc_exchange *exchange;
        int ticket;
        enum ipc_op op;
        int64_t until_ms;
    } held[RESULT_QUERIES_MAX];
    size_t held_count;
};

/*
 * Puts the question of a `results` or `retry`. True: the exchange is held and will be replied to.
 * False: *refusal is the reply (NULL when out of memory).
 */
bool control_results_ask(struct control_results *results, struct ipc_exchange *exchange,
                         const struct ipc_request *request, struct now now, json_t **refusal);

/* Replies to those whose answers are there, or whose time is up. */
void control_results_serve(struct control_results *results, struct now now);

/* When the first of those held has waited long enough, CLOCK_MONOTONIC in ns; INT64_MAX: none is held. */
int64_t control_results_deadline_ns(const struct control_results *results);

/* Before the history stops: gives all tickets back; who waits gets no reply any more. */
void control_results_drop(struct control_results *results);

#endif
