/*
 * server: pong-floor's connections: who is in which room, one frame to each at its room's phase, and
 * a client's input to the others of its room. One thread; system calls and little else. It must not
 * know the game: that is the point of it.
 */
#ifndef PONG_BENCH_FLOOR_SERVER_H
#define PONG_BENCH_FLOOR_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SERVER_PHASES_MAX = 100
};

struct server_config {
    int listener;         /* non-blocking */
    int epoll_fd;         /* the listener is not in it yet */
    int phases;           /* rooms are spread over so many */
    bool relays;          /* a client's message goes to the others of its room at once */
    const uint8_t *frame; /* what everybody gets at each phase, head and all; it must stay */
    size_t frame_length;
};

struct server_stats {
    uint64_t connections; /* accepted, ever */
    uint64_t frames_sent;
    uint64_t frames_skipped; /* the socket was full */
    uint64_t inputs;
};

/* Returns NULL, with errno set, when there is no memory or the listener cannot be watched. */
struct server *server_open(const struct server_config *config);

/* Whatever epoll says of a descriptor that is the listener or a connection. */
void server_handle(struct server *server, int fd, uint32_t events);

/* Sends the frame to everybody whose room is in that phase. */
void server_send_phase(struct server *server, int phase);

const struct server_stats *server_stats(const struct server *server);

/* Closes the connections; listener and epoll are the caller's. */
void server_close(struct server *server);

#endif
