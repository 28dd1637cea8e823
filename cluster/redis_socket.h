/*
 * redis_socket: a stream to a Redis, TCP or unix, plain or TLS, that never blocks but in
 * redis_socket_wait(). Must not know what is spoken there. One thread at a time.
 */
#ifndef PONG_CLUSTER_REDIS_SOCKET_H
#define PONG_CLUSTER_REDIS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct redis_url;
struct redis_dialer; /* connects to one URL, again and again */
struct redis_socket;

enum redis_socket_error {
    REDIS_SOCKET_DOWN = -1,
    REDIS_SOCKET_REFUSED = -2, /* the certificate is not what it must be */
    REDIS_SOCKET_NO_MEMORY = -3
};

/* CLOCK_MONOTONIC in milliseconds: what deadlines here are told in. */
int64_t redis_socket_now_ms(void);

/* A dialer for the URL, which is copied. `ca_file`: "" for the system's. 0, REDIS_SOCKET_REFUSED where the
 * file of CAs cannot be used, with a sentence in error[], or REDIS_SOCKET_NO_MEMORY. */
int redis_dialer_new(const struct redis_url *url, const char *ca_file, struct redis_dialer **dialer,
                     char *error, size_t error_size);
void redis_dialer_free(struct redis_dialer *dialer); /* NULL is fine */

/* Connects, with TLS where the URL says so, until deadline_ms at most. 0, or an error with a sentence
 * in error[]. A name is asked for in a thread; a later call takes the answer that came too late. */
int redis_dialer_connect(struct redis_dialer *dialer, int64_t deadline_ms,
                         struct redis_socket **stream, char *error, size_t error_size);

void redis_socket_close(struct redis_socket *stream); /* NULL is fine */

/* How many bytes were taken, or came; 0: none now, so wait; -1: it is over. */
ssize_t redis_socket_write(struct redis_socket *stream, const void *bytes, size_t size);
ssize_t redis_socket_read(struct redis_socket *stream, void *out, size_t size);

/* Waits until it can be read, or, with has_more, written. False: not by then. Looks once at least, also when
 * the deadline is over. */
bool redis_socket_wait(struct redis_socket *stream, bool has_more, int64_t deadline_ms);

#endif
