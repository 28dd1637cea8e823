/*
 * redis_scripts: the Lua scripts by which all writes are done: each compares the lease first, so that
 * who has lost a slot writes nothing into it. What their keys and arguments are stands above each in
 * redis_scripts.c. They answer 1: done, -1: not yours (another's lease, or none), and as said there.
 * Must not know a connection's state: redis_link loads them.
 */
#ifndef PONG_CLUSTER_REDIS_SCRIPTS_H
#define PONG_CLUSTER_REDIS_SCRIPTS_H

#include <stddef.h>

struct redis_link;

enum redis_script {
    REDIS_SCRIPT_RENEW,
    REDIS_SCRIPT_CLAIM,
    REDIS_SCRIPT_RELEASE,
    REDIS_SCRIPT_HAND,
    REDIS_SCRIPT_LOADED,
    REDIS_SCRIPT_WATCH,
    REDIS_SCRIPT_LEAVE,
    REDIS_SCRIPT_ROOMS,
    REDIS_SCRIPT_RESULTS,
    REDIS_SCRIPT_PURGE,
    REDIS_SCRIPT_ASIDE,
    REDIS_SCRIPT_COUNT
};

extern const char *const redis_script_text[REDIS_SCRIPT_COUNT];

/*
 * Adds EVALSHA of a script to the link's round; keys and args in the order that the script has.
 * `arg_sizes` NULL: the arguments are strings. What cannot be added makes redis_link_run() fail. As
 * the link: one thread.
 */
void redis_script_add(struct redis_link *link, enum redis_script script, int key_count,
                      const char *const *keys, int arg_count, const char *const *args,
                      const size_t *arg_sizes);

#endif
