/*
 * router: see router.h.
 */
#include "api-fcgi/router.h"

#include <string.h>

static const char prefix[] = "/api/room/";
static const char metrics_path[] = "/metrics";
static const char admit_path[] = "/_admit";

static const struct {
    const char *name;
    enum route route;
    enum http_method method;
    bool has_argument;
} paths[] = {
    {"create", ROUTE_CREATE, HTTP_POST, false}, {"join", ROUTE_JOIN, HTTP_POST, false},
    {"check", ROUTE_CHECK, HTTP_GET, true},     {"cancel", ROUTE_CANCEL, HTTP_POST, false},
    {"quick", ROUTE_QUICK, HTTP_POST, false},   {"list", ROUTE_LIST, HTTP_GET, false},
    {"health", ROUTE_HEALTH, HTTP_GET, false},
};

/* Takes one segment and the slash after it off *path. Returns its length, which is 0 at the end. */
static size_t take_segment(const char **path)
{
    size_t length = strcspn(*path, "/");

    *path += length;
    if (**path == '/')
        ++*path;
    return length;
}

struct route_match router_match(enum http_method method, const char *path)
{
    struct route_match match = {.route = ROUTE_NOT_FOUND};
    const char *name = path + sizeof prefix - 1;
    const char *rest = name;
    size_t length;

    if (method == HTTP_HEAD)
        method = HTTP_GET;
    if (strcmp(path, metrics_path) == 0 || strcmp(path, admit_path) == 0) {
        match.allow = "GET, HEAD";
        match.route = method != HTTP_GET                ? ROUTE_METHOD_NOT_ALLOWED
                      : strcmp(path, metrics_path) == 0 ? ROUTE_METRICS
                                                        : ROUTE_ADMIT;
        return match;
    }
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return match;
    length = take_segment(&rest);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strlen(paths[i].name) != length || memcmp(paths[i].name, name, length) != 0)
            continue;
        if (paths[i].has_argument) {
            match.argument = rest;
            match.argument_length = take_segment(&rest);
            if (match.argument_length == 0)
                return match;
        }
        if (*rest != '\0')
            return match;
        match.allow = paths[i].method == HTTP_GET ? "GET, HEAD" : "POST";
        match.route = paths[i].method == method ? paths[i].route : ROUTE_METHOD_NOT_ALLOWED;
        return match;
    }
    return match;
}

const char *router_name(enum route route)
{
    switch (route) {
    case ROUTE_NOT_FOUND:
        return "not_found";
    case ROUTE_METHOD_NOT_ALLOWED:
        return "method_not_allowed";
    case ROUTE_METRICS:
        return "metrics";
    case ROUTE_ADMIT:
        return "admit";
    default:
        break;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (paths[i].route == route)
            return paths[i].name;
    return "unknown";
}
