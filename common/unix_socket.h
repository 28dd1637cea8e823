/*
 * unix_socket: a unix socket file to listen on: its path made free of what a dead process has left,
 * and never taken from a live one; no other file is ever removed. Must not know what is spoken there.
 */
#ifndef PONG_COMMON_UNIX_SOCKET_H
#define PONG_COMMON_UNIX_SOCKET_H

#include <stddef.h>

/* Each returns -1 and a sentence in error[] on failure. None blocks. Any thread. */

/* Whether a socket's name can be as long as the path, which is not looked at. Returns 0 or -1. */
int unix_socket_check(const char *path, char *error, size_t error_size);

/* Whether a process has a stream's socket there and lets this one connect. Returns 0, or -1. */
int unix_socket_try(const char *path, char *error, size_t error_size);

/*
 * Makes the path free to be bound: removes a socket file there on which nobody listens. Returns 0,
 * or -1 when the path is too long, a process listens there or may do so, or the file is no socket.
 */
int unix_socket_clear(const char *path, char *error, size_t error_size);

/*
 * Clears the path and listens on it with mode 0660; nobody can connect before the file has that
 * mode. Returns a blocking descriptor, or -1.
 */
int unix_socket_listen(const char *path, int backlog, char *error, size_t error_size);

#endif
