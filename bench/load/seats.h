/*
 * seats: fills rooms: asks for their two seats over REST, several rooms at a time, then has their
 * clients connect, some at a time. It must not know what a level is.
 */
#ifndef PONG_BENCH_LOAD_SEATS_H
#define PONG_BENCH_LOAD_SEATS_H

#include "bench/load/load.h"
#include "bench/load/rest.h"

enum {
    SEATS_AT_ONCE_MAX = 256,
    SEATS_EPOLL_TAG = 1 /* in the upper half of epoll's data; clients have 0 there */
};

struct seats {
    struct load *load;
    unsigned wanted; /* rooms */
    unsigned asked;  /* rooms below it have seats, or are being asked for */
    unsigned seated; /* rooms that have both */
    unsigned *ready; /* rooms that have both, in this order */
    unsigned connecting_room, connecting_client; /* next to connect: of `ready` */
    unsigned shaking;                            /* clients between connect() and the upgrade */
    unsigned failed;                             /* clients and requests that came to nothing */
    struct seats_job {
        struct rest rest;
        struct load_room *room; /* NULL: idle */
        int number;             /* seat being asked for */
        int64_t again_ns;       /* the request failed: once more then */
    } jobs[SEATS_AT_ONCE_MAX];
    int64_t progress_ns; /* when something was last achieved */
};

void seats_init(struct seats *seats, struct load *load);

/* There are to be so many rooms; what is missing is made by the turns that follow. */
void seats_want(struct seats *seats, unsigned rooms);

/* Starts what can be started now. */
void seats_turn(struct seats *seats);

/* A REST connection is ready. */
void seats_ready(struct seats *seats, unsigned job);

/* A client came to an outcome of its handshake. */
void seats_client(struct seats *seats, struct client *client, bool is_open);

/* Whether everybody is there who is wanted and did not fail. */
bool seats_are_taken(const struct seats *seats);

#endif
