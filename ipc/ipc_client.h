/*
 * ipc_client: api-fcgi's end of the IPC: asks one gamed instance and waits for its reply, from many
 * threads at once.
 */
#ifndef PONG_IPC_CLIENT_H
#define PONG_IPC_CLIENT_H

#include <stddef.h>

enum ipc_client_error {
    IPC_CLIENT_OK = 0,
    IPC_CLIENT_UNAVAILABLE = -1, /* no connection to gamed: answered at once, without waiting */
    IPC_CLIENT_BUSY = -2,        /* too many calls already wait on this instance */
    IPC_CLIENT_TIMEOUT = -3,     /* connected, but no reply before the deadline */
    IPC_CLIENT_FAILED = -4,      /* anything else: out of memory, a message over the limit */
};

struct ipc_client;

/*
 * A client of the gamed at `url`. Returns at once: the connection is made, and made again after a
 * loss (10–100 ms), in the background. NULL and a sentence in error[] when the url is no good.
 *
 * At most `max_waiting` calls are in progress at a time, so that a gamed that hangs holds no more
 * threads than that; any other call is IPC_CLIENT_BUSY at once. gamed takes IPC_SERVER_CONTEXTS at a
 * time.
 */
struct ipc_client *ipc_client_open(const char *url, int max_waiting, char *error,
                                   size_t error_size);

/*
 * Sends `length` bytes and waits up to `timeout_ms` for the reply, copied to `reply` (at most
 * IPC_MESSAGE_MAX). Returns its length, or a negative enum ipc_client_error. Any thread. A request
 * may reach gamed twice (nng sends again after a lost connection).
 */
long ipc_client_call(struct ipc_client *client, const char *request, size_t length, int timeout_ms,
                     char *reply, size_t reply_size);

/* What is asked often, by what it may have to wait for at the other end (ipc_lane.h). */
enum ipc_client_lane {
    IPC_LANE_LOOKS,  /* nothing */
    IPC_LANE_ADMITS, /* nothing, but with a time limit of its own */
    IPC_LANE_SEATS,  /* the store */
    IPC_LANE_COUNT
};

/*
 * As ipc_client_call(), for short requests with short replies, IPC_SEQUENCE_TEXT_MAX bytes at most: those
 * that are made while another of their lane is under way wait for it, and then travel in one message.
 */
long ipc_client_call_together(struct ipc_client *client, enum ipc_client_lane lane,
                              const char *request, size_t length, int timeout_ms, char *reply,
                              size_t reply_size);

/* Frees it; no call may be in progress. NULL is fine. */
void ipc_client_close(struct ipc_client *client);

#endif
