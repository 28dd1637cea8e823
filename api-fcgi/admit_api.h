/*
 * admit_api: answers nginx, which asks on behalf of each WebSocket handshake (auth_request) who is
 * coming and has gamed give out a ticket for him. Must not wait long.
 */
#ifndef PONG_API_ADMIT_API_H
#define PONG_API_ADMIT_API_H

#include <stdatomic.h>
#include <stdbool.h>

#include "api-fcgi/instances.h"
#include "api-fcgi/metrics.h"
#include "api-fcgi/request.h"
#include "api-fcgi/response.h"
#include "api-fcgi/shared_identity.h"

/* Bounds of deadline_ms: nginx waits 2 s for the whole answer (location /_admit). */
enum {
    ADMIT_DEADLINE_MIN_MS = 50,
    ADMIT_DEADLINE_MAX_MS = 1500
};

struct admit_api {
    struct instances *instances;
    int deadline_ms;   /* that gamed has for an answer */
    int max_asking;    /* threads that may ask gamed at a time */
    int max_admitting; /* those, and the ones that wait for their turn: the others are left to REST */
    atomic_int asking, admitting;
    struct metrics *metrics;
    struct shared_identity *identity;
    bool allows_guests;
};

/*
 * Answers 200 with the ticket in X-Pong-Ticket, and in X-Pong-Upstream, where there are several, at which
 * upstream it is good; or 403, since nginx passes on no other, with the reason
 * in X-Pong-Denied: bad_token, room_not_found, game_over; any other: come back in a moment. Besides what
 * every request has, nginx says in PONG_PATH and PONG_QUERY what the client asked for. Any thread.
 */
void admit_api_answer(struct admit_api *api, const struct request *request,
                      struct response *response);

#endif
