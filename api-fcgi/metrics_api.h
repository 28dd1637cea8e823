/*
 * metrics_api: answers GET /metrics: asks every gamed for its numbers, adds api-fcgi's own, and makes
 * one exposition of all. Who may ask is nginx's affair.
 */
#ifndef PONG_API_METRICS_API_H
#define PONG_API_METRICS_API_H

#include "api-fcgi/instances.h"
#include "api-fcgi/metrics.h"
#include "api-fcgi/response.h"

enum {
    METRICS_GAMED_MAX = 32,
    METRICS_WAIT_MS = 4000 /* for all gamed together; a scraper waits for 10 s */
};

struct metrics_api {
    struct metrics *metrics;
    struct instances *instances; /* more than METRICS_GAMED_MAX of them are not asked */
};

/* Answers the request; never fails without an answer. A gamed that does not answer is a
 * pong_gamed_up of 0, and the rest is there. Any thread. */
void metrics_api_answer(const struct metrics_api *api, struct response *response);

#endif
