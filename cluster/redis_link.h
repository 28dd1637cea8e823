/*
 * redis_link: one synchronous connection to Redis: a round is many commands in one write, then their
 * replies, under one deadline. hiredis writes and reads the protocol only; sockets and TLS are ours,
 * as Debian 12's hiredis has neither TLS nor a deadline for a whole exchange. It must not know keys,
 * nor what a script means.
 *
 * A link belongs to one thread at a time, and never blocks it longer than its deadlines. The process
 * has to ignore SIGPIPE.
 */
#ifndef PONG_CLUSTER_REDIS_LINK_H
#define PONG_CLUSTER_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum redis_link_error {
    REDIS_LINK_OK = 0,
    REDIS_LINK_DOWN = -1,    /* not open, refused, cut, over the deadline: it is closed now */
    REDIS_LINK_BAD_URL = -2, /* or a file of CAs that cannot be read */
    REDIS_LINK_NO_MEMORY = -3,
    REDIS_LINK_REFUSED =
        -4 /* a wrong password, name or certificate: redis_link_error() says which */
};

/* Milliseconds: for an opening, and what a round is usually given. Bytes of one reply, and of the
 * replies of one round together. */
enum {
    REDIS_LINK_OPEN_MS = 500,
    REDIS_LINK_ROUND_MS = 2000,
    REDIS_LINK_REPLY_MAX = 64 << 20,
    REDIS_LINK_ERROR_SIZE = 256
};

struct redis_link_config {
    const char *url; /* redis://[user:password@]host[:port][/db], rediss://…, unix:///path[?db=0] */
    const char *ca_file; /* for rediss://; "": the system's */
    const char *name;    /* CLIENT SETNAME: no blanks */
};

struct redis_link;
struct redisReply; /* of hiredis */

/* Whether the URL can be used: 0, or REDIS_LINK_BAD_URL with a sentence in error[], which never holds
 * the password. Pure. */
int redis_link_check(const char *url, char *error, size_t error_size);

/* Takes memory and connects nowhere; the config's strings are copied. 0, REDIS_LINK_BAD_URL or
 * REDIS_LINK_NO_MEMORY. */
int redis_link_new(const struct redis_link_config *config, struct redis_link **link);

/* Closes it. NULL is fine. */
void redis_link_free(struct redis_link *link);

/*
 * Opens it, unless it is open already or the pause after a failure is not over (100 ms, 250 ms from
 * the third failure in a row on): connects, TLS, AUTH, SELECT, CLIENT SETNAME, INFO server, SCRIPT LOAD
 * of all of redis_scripts.h, within REDIS_LINK_OPEN_MS. 0, REDIS_LINK_DOWN or REDIS_LINK_REFUSED.
 */
int redis_link_open(struct redis_link *link);

bool redis_link_is_open(const struct redis_link *link);

/* Counts openings: who remembers the number sees that there was a new connection. 0: never open. */
uint64_t redis_link_generation(const struct redis_link *link);

/* 40 hexadecimal digits, another after each start of the server; "": unknown. */
const char *redis_link_run_id(const struct redis_link *link);

/* A round: begin, any number of add, then run. begin makes the replies of the round before invalid. */
void redis_link_begin(struct redis_link *link);

/* Adds a command of `argc` words to the round and copies it. `sizes` NULL: the words are strings. When
 * there is no memory, `argc` is 0, or the round grows over REDIS_LINK_REPLY_MAX bytes, its run fails. */
void redis_link_add(struct redis_link *link, int argc, const char *const *argv,
                    const size_t *sizes);

/*
 * Sends the round and reads as many replies as commands were added, within deadline_ms for all of it.
 * 0: *replies are *count replies, owned by the link until the next begin. The error reply of a single
 * command stays in its place (so OOM does: renewals still work then); but NOSCRIPT, LOADING, READONLY,
 * MASTERDOWN and NOAUTH close the link.
 * REDIS_LINK_DOWN: it is closed, and which of the commands were executed is not known.
 * REDIS_LINK_NO_MEMORY: nothing was sent; the link stays open.
 */
int redis_link_run(struct redis_link *link, int deadline_ms, struct redisReply *const **replies,
                   size_t *count);

/* Why it last failed, a sentence without secrets; "": it never did. */
const char *redis_link_error(const struct redis_link *link);

/* What a reply is. NULL, and replies of another type, give the fallback, or NULL. The text ends in NUL;
 * `size` may be NULL. An error reply is no text. */
long long redis_reply_integer(const struct redisReply *reply, long long fallback);
const char *redis_reply_text(const struct redisReply *reply, size_t *size);

#endif
