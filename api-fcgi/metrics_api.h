/*
 * metrics_api: answers GET /metrics: asks every gamed for its numbers, adds api-fcgi's own, and makes
 * one exposition of all. Who may ask is nginx's affair.
 */
#ifndef PONG_API_METRICS_API_H
#define PONG_API_METRICS_API_H

#include <stddef.h>

#include "api-fcgi/metrics.h"
#include "api-fcgi/response.h"
#include "ipc/ipc_client.h"

enum {
    METRICS_GAMED_MAX = 32,
    METRICS_WAIT_MS = 4000 /* for all gamed together; a scraper waits for 10 s */
};

struct metrics_gamed {
    const char *url; /* names it when it does not answer */
    struct ipc_client *client;
};

struct metrics_api {
    struct metrics *metrics;
    struct metrics_gamed gamed[METRICS_GAMED_MAX];
    size_t gamed_count;
};

/* Answers the request; never fails without an answer. A gamed that does not answer is a
 * pong_gamed_up of 0, and the rest is there. Any thread. */
void metrics_api_answer(const struct metrics_api *api, struct response *response);

#endif
