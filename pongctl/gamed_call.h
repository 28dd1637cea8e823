/*
 * gamed_call: one question to gamed over its control socket, one reply. Every wait is bounded. It must
 * not know what is asked.
 */
#ifndef PONG_PONGCTL_GAMED_CALL_H
#define PONG_PONGCTL_GAMED_CALL_H

#include <jansson.h>

#include "ipc/ipc_client.h"
#include "ipc/ipc_message.h"

enum {
    GAMED_CALL_WAIT_MS = 3000 /* for a connection and a reply, of each call */
};

/* The numbers are the exit status. */
enum gamed_call_error {
    GAMED_CALL_OK = 0,
    GAMED_CALL_REFUSED = 1,     /* gamed said no, or something that is not understood */
    GAMED_CALL_UNREACHABLE = 3, /* there is no gamed, or it does not answer */
};

struct gamed_call {
    const char *path;
    struct ipc_client *client;
    char code[64];   /* of a refusal by gamed */
    char error[512]; /* what went wrong last, as a sentence */
};

/* `path` is kept. Returns GAMED_CALL_OK or _UNREACHABLE; gamed_call_close follows all the same. */
enum gamed_call_error gamed_call_open(struct gamed_call *call, const char *path);
void gamed_call_close(struct gamed_call *call);

/*
 * Asks and waits. On GAMED_CALL_OK *reply is the caller's, without the fields of the IPC itself; else
 * call->error says what is wrong.
 */
enum gamed_call_error gamed_call_ask(struct gamed_call *call, struct ipc_request *request,
                                     json_t **reply);

#endif
