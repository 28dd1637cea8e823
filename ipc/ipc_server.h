/*
 * ipc_server: gamed's end of the IPC: an nng reply socket whose requests wait in a queue until the
 * loop thread takes them.
 *
 * nng's threads run none of our code but "queue and wake" (adopting NNG_OPT_RECVFD
 * loses replies). Must not know ops or rules.
 */
#ifndef PONG_IPC_SERVER_H
#define PONG_IPC_SERVER_H

#include <stddef.h>

enum {
    IPC_SERVER_CONTEXTS = 64
}; /* requests in progress at once; more wait in nng's pipes */

struct ipc_server;
struct ipc_exchange; /* one request that waits for its reply */

/*
 * Listens on `url` (ipc:///path or tcp://…); an ipc socket file gets mode 0660. `wake(arg)` is
 * called on an nng thread whenever a request was queued; it must only wake the loop. Returns NULL
 * and a sentence in error[] on failure, e.g. when a live process has the address. A socket file
 * that nobody listens on is replaced, any other file is not.
 */
struct ipc_server *ipc_server_open(const char *url, void (*wake)(void *arg), void *arg, char *error,
                                   size_t error_size);

/* Loop thread. The next waiting request, or NULL; its bytes stay valid until the reply. Every
 * exchange must be replied to once. */
struct ipc_exchange *ipc_server_next(struct ipc_server *server);
const char *ipc_exchange_text(const struct ipc_exchange *exchange, size_t *length);

/*
 * Loop thread. Sends the reply (copied) and readies the context for its next request; the exchange
 * is gone. Never blocks; a reply that the asker does not take within IPC_DEADLINE_MS is dropped. A reply over IPC_MESSAGE_MAX bytes becomes the failure "too_large": the
 * asker is never left without an answer.
 */
void ipc_exchange_reply(struct ipc_exchange *exchange, const char *text, size_t length);

/* Stops taking requests and frees everything; unanswered exchanges are void. Loop thread, after it
 * has stopped turning. NULL is fine. */
void ipc_server_close(struct ipc_server *server);

#endif
