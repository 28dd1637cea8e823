/*
 * gamed_route: asks the gamed that a request is for: a room's owner, or one picked for it, and once more
 * when the answer shows that it was the wrong one. Must not know what is done with the answer.
 */
#ifndef PONG_API_GAMED_ROUTE_H
#define PONG_API_GAMED_ROUTE_H

#include <jansson.h>

#include "api-fcgi/instances.h"
#include "api-fcgi/metrics.h"
#include "ipc/ipc_message.h"

/* Besides enum ipc_client_error. */
enum gamed_route_error {
    IPC_CLIENT_MOVING = -10,  /* the room's slot is between two owners: slot_moving */
    IPC_CLIENT_NOBODYS = -11, /* there is no such room: room_not_found */
};

/*
 * Asks, and waits up to `timeout_ms` in all. Returns as gamed_question_ask, or a negative enum
 * gamed_route_error. A reply is what an instance said, never "wrong_slot" or "slot_moving". *answered
 * (which may be NULL) is who gave the reply, to be released; NULL where there is none. Any thread.
 */
long gamed_route_ask(struct instances *instances, struct metrics *metrics,
                     struct ipc_request *request, int timeout_ms, json_t **reply,
                     struct instance **answered);

#endif
