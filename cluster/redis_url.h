/*
 * redis_url: where a Redis is and who we are there, from a URL:
 *     redis://[USER:PASSWORD@]HOST[:PORT][/DB]      rediss://… the same with TLS
 *     unix://[USER:PASSWORD@]/PATH[?db=DB]
 * USER may be empty; both may be percent-encoded. Pure. Must not put a URL's text into an error.
 */
#ifndef PONG_CLUSTER_REDIS_URL_H
#define PONG_CLUSTER_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes with NUL. A socket's path is as long as struct sockaddr_un lets it be. */
enum {
    REDIS_URL_HOST_SIZE = 256,
    REDIS_URL_PATH_SIZE = 108,
    REDIS_URL_SECRET_SIZE = 513
};

struct redis_url {
    bool has_tls;
    char path[REDIS_URL_PATH_SIZE]; /* of a unix socket; "": host and port hold */
    char host[REDIS_URL_HOST_SIZE]; /* without the brackets of an IPv6 address */
    char port[6];
    char user[REDIS_URL_SECRET_SIZE];     /* "": the default user */
    char password[REDIS_URL_SECRET_SIZE]; /* "": none, so no AUTH */
    int db;                               /* 0: no SELECT */
};

/* Reads a URL. 0, or -1 with a sentence in error[]. Any thread. */
int redis_url_read(const char *text, struct redis_url *url, char *error, size_t error_size);

#endif
