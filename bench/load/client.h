/*
 * client: one WebSocket of the load: connects, shakes hands, reads and writes frames. It must not know
 * what messages say: that is the wire's.
 */
#ifndef PONG_BENCH_LOAD_CLIENT_H
#define PONG_BENCH_LOAD_CLIENT_H

#include "bench/load/load.h"

enum client_outcome {
    CLIENT_WAITS,
    CLIENT_OPENED,
    CLIENT_FAILED /* it is absent now; the error is counted */
};

/* Begins to connect. CLIENT_WAITS with the stage still CLIENT_ABSENT: the listener is full, try again. */
enum client_outcome client_connect(struct load *load, struct client *client);

/* Its socket is ready: `events` are epoll's. */
enum client_outcome client_ready(struct load *load, struct client *client, uint32_t events);

/* Hangs up, without a word. */
void client_drop(struct load *load, struct client *client);

#endif
