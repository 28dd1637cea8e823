/*
 * redis_server: a real redis-server for unit tests, on a unix socket in a temporary directory, which
 * dies with the test. Tests only.
 */
#ifndef PONG_TESTS_REDIS_SERVER_H
#define PONG_TESTS_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct redis_link;

enum {
    /* What a test's program returns that has no redis-server to test with: automake's "skipped". */
    REDIS_SERVER_SKIPPED = 77,
    REDIS_SERVER_ARGS_MAX = 32
};

struct redis_server {
    pid_t pid; /* 0: not running */
    char directory[64];
    char socket[96];
    char url[112];                           /* unix://… */
    const char *args[REDIS_SERVER_ARGS_MAX]; /* further ones, kept for a restart */
};

/* Whether there is one on this machine; false, and a sentence on standard error, otherwise. */
bool redis_server_is_there(void);

/* Starts it without files (--save ''), with further arguments (NULL-ended and kept by pointer; NULL: none),
 * and waits until it answers. Fails the test when it does not. */
void redis_server_start(struct redis_server *server, const char *const *args);

/* A link to it that is open; to be freed with redis_link_free(). Fails the test when it cannot be opened. */
struct redis_link *redis_server_link(const struct redis_server *server);

/* Starts it again in its directory, after redis_server_kill(). */
void redis_server_restart(struct redis_server *server);

/* SIGKILL, SIGSTOP, SIGCONT. After pause it does certainly nothing. */
void redis_server_kill(struct redis_server *server);
void redis_server_pause(struct redis_server *server);
void redis_server_resume(struct redis_server *server);

/* Kills it and removes its directory. */
void redis_server_stop(struct redis_server *server);

/* A command by a connection of its own, as redis-cli would; words apart by blanks. The answer's protocol text, in
 * a static buffer. */
const char *redis_server_ask(const struct redis_server *server, const char *command);

#endif
