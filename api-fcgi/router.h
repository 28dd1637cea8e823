/*
 * router: which handler a method and a path mean. Pure. Must not know what a handler does.
 */
#ifndef PONG_API_ROUTER_H
#define PONG_API_ROUTER_H

#include <stddef.h>

#include "api-fcgi/request.h"

enum route {
    ROUTE_CREATE,
    ROUTE_JOIN,
    ROUTE_CHECK,
    ROUTE_CANCEL,
    ROUTE_QUICK,
    ROUTE_LIST,
    ROUTE_HEALTH,
    ROUTE_NOT_FOUND,
    ROUTE_METHOD_NOT_ALLOWED,
    ROUTE_METRICS,
    ROUTE_ADMIT, /* nginx alone can ask for it */
    ROUTE_COUNT
};

struct route_match {
    enum route route;
    const char *allow; /* the methods the path has, as the header Allow lists them; NULL where there
                          is no such path */
    const char *argument;   /* ROUTE_CHECK: the room code as it was written, not NUL-terminated */
    size_t argument_length; /* bytes */
};

/* Matches; a path without its trailing slash is the same path, HEAD is GET. Any thread. */
struct route_match router_match(enum http_method method, const char *path);

/* The word for a route, e.g. "create". Any thread. */
const char *router_name(enum route route);

#endif
