/*
 * ipc_endpoint: one IPC request → one GameManager call → one reply (docs/protocol.md §5). It must not
 * know sockets or rules.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_IPC_ENDPOINT_H
#define PONG_GAMED_IPC_ENDPOINT_H

#include "common/histogram.h"
#include "gamed/game_manager.h"
#include "gamed/slot_owner.h"
#include "gamed/tickets.h"
#include "ipc/ipc_message.h"
#include "ipc/ipc_server.h"

enum {
    IPC_ENDPOINT_HELD_MAX = IPC_SERVER_CONTEXTS
};

struct ipc_endpoint_stats {
    struct histogram handling[IPC_OP_COUNT]; /* on the scale histogram_work */
    uint64_t malformed;                      /* requests that could not be read */
};

/*
 * What it asks others about. `degraded` names what does not work, e.g. "store"; it returns how many
 * of `max` it named. `promised` is a number that grows with each room's state handed to the store,
 * `kept` the number up to which the store has them; `hurry` asks that they be stored soon, as an answer
 * waits for it. `metrics` adds the answer to the op of that name to the reply; false when memory is
 * short.
 */

struct ipc_endpoint {
    struct game_manager *manager;
    struct tickets *tickets; /* issued by admit */
    struct ipc_server *server;
    char slots[2];  /* letter of the slot whose rooms these are; not used with an owner */
    const char *ws; /* where players connect, as nginx is told */
    const struct slot_owner *owner; /* of slots that come and go; NULL: there are none such … */
    const char *instance;           /* … and the name of this process among others */
    size_t (*degraded)(void *arg, const char **words, size_t max);
    uint64_t (*promised)(void *arg);
    uint64_t (*kept)(void *arg);
    void (*hurry)(void *arg);
    bool (*metrics)(void *arg, json_t *reply);
    void *arg;
    /* answers that wait until the room they speak of is with the store */
    struct ipc_held {
        struct ipc_exchange *exchange;
        char *text;
        size_t length;
        uint64_t promised;
        int64_t until_ms;
    } held[IPC_ENDPOINT_HELD_MAX];
    size_t held_count;
    enum ipc_op
        serving; /* the op of the request being answered; IPC_OP_COUNT: none that is known */
    struct ipc_endpoint_stats stats;
};

/*
 * Answers the requests that wait, and sends the held answers whose time has come: the store has their
 * room, or has taken too long. To be called when woken and at least every 100 ms; and soon again when it
 * returns true: more may wait.
 */
bool ipc_endpoint_serve(struct ipc_endpoint *endpoint, struct now now);

/* Before the server is closed: frees the answers that still wait. */
void ipc_endpoint_drop_held(struct ipc_endpoint *endpoint);

/* ---- what the control socket's end has in common with this one ---- */

/* The reply to a question that ended in an enum game_manager_error; NULL when out of memory. */
json_t *ipc_endpoint_failure(int error);

/* Reads a request. False: it cannot be served; *refusal is the reply (NULL when out of memory). */
bool ipc_endpoint_read(const char *text, size_t length, struct now now, struct ipc_request *request,
                       json_t **refusal);

/* Does one operation; the reply is the caller's (NULL when out of memory). */
json_t *ipc_endpoint_op(struct ipc_endpoint *endpoint, const struct ipc_request *request,
                        struct now now);

/* Sends a reply, which it takes over; NULL, or one that is too long, becomes the failure "internal". */
void ipc_endpoint_reply(struct ipc_exchange *exchange, json_t *reply);

#endif
