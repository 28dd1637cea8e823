/*
 * service: one request: who answers it, and how long that took. Must not know what is asked.
 */
#ifndef PONG_API_SERVICE_H
#define PONG_API_SERVICE_H

#include "api-fcgi/admit_api.h"
#include "api-fcgi/cors.h"
#include "api-fcgi/metrics_api.h"
#include "api-fcgi/room_api.h"

struct service {
    struct room_api rooms;
    struct admit_api admit;
    struct metrics_api metrics_api;
    struct cors_config cors;
    struct shared_identity identity;
    struct metrics metrics; /* what all of them count in */
};

/* Answers one request; never fails without an answer. Any thread, many at once. */
void service_answer(struct service *service, const struct request *request,
                    struct response *response);

#endif
