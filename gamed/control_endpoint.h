/*
 * control_endpoint: gamed's end of the control socket, where the operator looks inside and intervenes:
 * one request → one call → one reply (docs/protocol.md §5). Who may connect is a matter of the socket
 * file's mode (0660) and group. It must not know rules.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_CONTROL_ENDPOINT_H
#define PONG_GAMED_CONTROL_ENDPOINT_H

#include "gamed/control_results.h"
#include "gamed/game_manager.h"
#include "gamed/ipc_endpoint.h"

/* Zeroed before use. */
struct control_endpoint {
    struct ipc_endpoint *ordinary; /* serves what both sockets have */
    struct ipc_server *server;     /* NULL: there is no control socket */
    struct control_results results;
    struct slot_owner
        *owner; /* of slots that come and go; NULL: there are none such. Set by who opens it */
};

/*
 * Listens at `path` ("": there is to be no control socket). `ordinary` and `history` are the caller's
 * and outlive it; `wake` is called on another thread when control_endpoint_serve has something to do.
 * Returns 0, or -1 and a sentence in error[].
 */
int control_endpoint_open(struct control_endpoint *control, const char *path,
                          struct ipc_endpoint *ordinary, struct game_history *history,
                          void (*wake)(void *arg), void *arg, char *error, size_t error_size);

/*
 * Answers what can be answered. To be called when woken, and again at the time that it returns
 * (CLOCK_MONOTONIC, ns; INT64_MAX: when woken).
 */
int64_t control_endpoint_serve(struct control_endpoint *control, struct now now);

/* Before the history stops. Harmless on one that was not opened. */
void control_endpoint_close(struct control_endpoint *control);

#endif
