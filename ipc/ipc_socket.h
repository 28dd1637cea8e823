/*
 * ipc_socket: closes an nng socket without waiting for ever. For ipc_client and ipc_server alone.
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

#endif
