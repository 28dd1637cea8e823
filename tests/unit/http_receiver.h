/*
 * http_receiver: a real HTTP server on 127.0.0.1 for unit tests: a thread that speaks just enough
 * HTTP/1.1 to take requests (a body by its Content-Length), keeps them, and answers as a script
 * says. One request per connection. Tests only.
 */
#ifndef PONG_TESTS_HTTP_RECEIVER_H
#define PONG_TESTS_HTTP_RECEIVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_RECEIVER_REQUESTS = 512,
    HTTP_RECEIVER_CONNECTIONS = 64
};

struct http_request {
    char text[4096]; /* head and body, ended by NUL */
    const char *body;
    int64_t arrived_ms, answered_ms; /* monotonic */
    bool hung_up;                    /* the client was gone before it had the whole answer */
};

struct http_connection {
    int fd;
    size_t request; /* index + 1 once it is complete */
    char text[4096];
    size_t size;
};

struct http_receiver {
    int listener;
    char url[64]; /* http://127.0.0.1:PORT */
    const char *const *script;
    atomic_bool hold; /* complete requests stay without an answer while set */
    atomic_bool quit;
    bool running;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    struct http_request requests[HTTP_RECEIVER_REQUESTS];
    size_t count, most_open;
    struct http_connection connections[HTTP_RECEIVER_CONNECTIONS]; /* the thread's alone */
};

/* An answer that is none: the connection is closed instead. */
#define HTTP_CUT "cut"

/*
 * Takes a port, on which connections are refused until http_receiver_up. The n-th request gets the
 * n-th answer of the script (whole answers; ended by NULL), later ones the last.
 */
void http_receiver_open(struct http_receiver *receiver, const char *const *script);
void http_receiver_up(struct http_receiver *receiver);

/* Blocks until so many requests have come in whole; fails the test after a minute. */
void http_receiver_await(struct http_receiver *receiver, size_t count);
size_t http_receiver_count(struct http_receiver *receiver);
void http_receiver_close(struct http_receiver *receiver);

#endif
