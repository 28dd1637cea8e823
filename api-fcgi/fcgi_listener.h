/*
 * fcgi_listener: the socket on which nginx hands over requests: one that a parent has opened
 * (descriptor 0), a unix socket or TCP. libfcgi's own FCGX_OpenSocket is not used: it takes a
 * socket from a live process and ends ours when it cannot bind.
 */
#ifndef PONG_API_FCGI_LISTENER_H
#define PONG_API_FCGI_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a parent (systemd, spawn-fcgi) has left a listening socket on descriptor 0. */
bool fcgi_listener_is_inherited(void);

/* Whether the address is unix:PATH or ADDR:PORT (an IPv6 address in brackets). Returns 0, or -1 and
 * a sentence in error[]. */
int fcgi_listener_check(const char *address, char *error, size_t error_size);

/*
 * Listens on the address; a unix socket gets mode 0660. A socket file that nobody listens on is
 * replaced, a live one is not. Returns a descriptor, or -1 and a sentence in error[].
 */
int fcgi_listener_open(const char *address, char *error, size_t error_size);

/* Closes the descriptor and removes the socket file of the address. */
void fcgi_listener_close(int descriptor, const char *address);

#endif
