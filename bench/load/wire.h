/*
 * wire: what one kind of server speaks: how seats are asked for, what its WebSocket says, what its
 * players do. One file for each --protocol; the rest of pong-load knows none of them. A new one is a
 * file wire_NAME.c, a declaration below, a row in wire.c and a line in Makefile.am.
 *
 * A wire is called from the one thread, never waits, and takes no memory: what it keeps of a client
 * is client->state, wire->state_size bytes that are zero when the connection opens. Time is passed in
 * (CLOCK_MONOTONIC, ns); load_clock() reads it where a moment in the middle of a turn counts.
 */
#ifndef PONG_BENCH_LOAD_WIRE_H
#define PONG_BENCH_LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct load;
struct load_room;
struct seat;

enum {
    WIRE_TEXT = 1, /* opcodes of WebSocket messages */
    WIRE_BINARY = 2
};

/* One HTTP request for a seat; texts belong to whoever fills it in. */
struct wire_request {
    char path[256];
    char body[256];
};

struct wire {
    const char *name;
    const char *subprotocol; /* NULL: none is offered */
    size_t state_size;       /* of client->state */
    bool is_for_two;         /* there are no spectators */

    /*
     * Asks --rest for seat `number` (1, then 2) of the room: POST path, with the body as JSON. By the
     * time the second is asked for, the first one's answer was taken. NULL: seats are not asked for.
     */
    void (*ask)(const struct load_room *room, int number, struct wire_request *request);

    /*
     * Takes the answer: fills in the seat (and the room's code). False when that is no seat: an error
     * is counted, and asked again.
     */
    bool (*answer)(struct load_room *room, int number, int status, const char *body, size_t length);

    /* The target of the WebSocket's GET, query and all; seat NULL: a spectator's. */
    void (*target)(const struct load_room *room, const struct seat *seat, char *out, size_t size);

    /* The WebSocket is open. Spectators (client->number 0) come here, too, and in the two below. */
    void (*opened)(struct load *load, struct client *client, int64_t now);

    /* One message, already counted; payload is for reading now. */
    void (*message)(struct load *load, struct client *client, int opcode,
                    const unsigned char *payload, size_t length, int64_t now);

    /* A moment came that was set by client_wake_at(). */
    void (*due)(struct load *load, struct client *client, int64_t now);
};

extern const struct wire wire_v1; /* pong.v1.json of gamed */
extern const struct wire wire_v2; /* pong.v2.bin of gamed */
extern const struct wire
    wire_plain; /* v1's load at a server that has no rules: pong-floor, plain ws */
extern const struct wire wire_relay;    /* v2's inputs at pong-floor --relay */
extern const struct wire wire_colyseus; /* bench/peers/colyseus */

/* The wire of that name; NULL when there is none. */
const struct wire *wire_find(const char *name);

#endif
