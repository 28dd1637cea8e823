/*
 * control_rooms: rooms as the operator sees them: a page of all of them, or one in detail, as replies
 * of the control socket (docs/protocol.md §5). It only looks, and never shows a token. It must not
 * know sockets.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_CONTROL_ROOMS_H
#define PONG_GAMED_CONTROL_ROOMS_H

#include <jansson.h>

#include "gamed/game_manager.h"

enum {
    CONTROL_ROOMS_PAGE = 64, /* rooms; the longest that there can be stay under IPC_MESSAGE_MAX */
    CONTROL_SESSIONS_MAX = 200, /* of a room in detail; those that came first */
};

/*
 * The rooms whose codes follow `after` ("": the first), and `next`, the `after` of the next page, or
 * null. The reply is the caller's; NULL when out of memory.
 */
json_t *control_rooms_page(const struct game_manager *manager, const char *after, struct now now);

/* One room in detail. The reply is the caller's; NULL when out of memory. */
json_t *control_rooms_detail(const struct room *room, struct now now);

#endif
