/*
 * ipc_socket: what nng 1.5, which Debian 12 has, needs to be dependable: closing a socket without
 * waiting for ever, and a sendmsg(2) of our own (see ipc_socket.c). For ipc_client and ipc_server
 * alone.
 */
#ifndef PONG_IPC_SOCKET_H
#define PONG_IPC_SOCKET_H

#include <nng/nng.h>
#include <stdbool.h>

/*
 * Closes the socket and waits up to a second for nng to be done with it. Returns whether it is; if
 * not, nng may still call what was registered with the socket, whose memory must then be left
 * alone. Any thread but nng's own.
 *
 * nng 1.5 can lose a receive when a connection is closed between a message's head and its body, and
 * then waits for it in nng_close without end. The process is about to exit wherever this happens,
 * so a thread is left behind rather than the exit held up.
 */
bool ipc_socket_close(nng_socket socket);

/*
 * Closes the socket on a thread of its own, then frees `memory`, from malloc, which what was
 * registered with the socket may use until then. Returns at once. Any thread.
 */
void ipc_socket_retire(nng_socket socket, void *memory);

/* How many retired sockets nng is not yet done with. Any thread. */
int ipc_sockets_retiring(void);

#endif
