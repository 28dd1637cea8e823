/*
 * ipc_endpoint: one IPC request → one GameManager call → one reply (docs/protocol.md §5). It must not
 * know sockets or rules.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_IPC_ENDPOINT_H
#define PONG_GAMED_IPC_ENDPOINT_H

#include "gamed/game_manager.h"
#include "ipc/ipc_server.h"

/*
 * What `health` asks about besides the manager: words for what does not work, e.g. "store". Returns
 * how many of `max` it named.
 */
struct ipc_endpoint {
    struct game_manager *manager;
    struct ipc_server *server;
    size_t (*degraded)(void *arg, const char **words, size_t max);
    void *degraded_arg;
};

/* Answers every request that waits. */
void ipc_endpoint_serve(struct ipc_endpoint *endpoint, struct now now);

#endif
