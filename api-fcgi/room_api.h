/*
 * room_api: the handlers of /api/room/: checks what the caller sent, asks gamed, and makes the
 * answer of its reply. Holds no state of any room.
 */
#ifndef PONG_API_ROOM_API_H
#define PONG_API_ROOM_API_H

#include <stdbool.h>

#include "api-fcgi/instances.h"
#include "api-fcgi/metrics.h"
#include "api-fcgi/request.h"
#include "api-fcgi/response.h"
#include "api-fcgi/shared_identity.h"

struct room_api {
    struct instances *instances;
    struct metrics *metrics; /* its own numbers, for any thread */
    struct shared_identity *identity;
    bool allows_guests;
    const char *cookie_domain; /* "" for the host alone */
};

/* Answers one request; never fails without an answer. Any thread, many at once: room_api is only
 * read. */
void room_api_answer(const struct room_api *api, const struct request *request,
                     struct response *response);

#endif
