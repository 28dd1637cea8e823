/*
 * load: what the whole of pong-load shares: rooms, clients, the loop's time, and what was counted in
 * the level that is being measured. What wires may call of it is here.
 */
#ifndef PONG_BENCH_LOAD_LOAD_H
#define PONG_BENCH_LOAD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/cadence.h"
#include "bench/load/latency.h"
#include "bench/load/moments.h"
#include "bench/load/options.h"
#include "bench/load/pace.h"
#include "bench/load/speed.h"
#include "bench/load/timers.h"
#include "bench/load/wire.h"

enum {
    SEAT_TEXT = 64,
    CLIENT_TRIES_MAX = 8, /* handshakes that fail, of one client */
    CLIENT_KEPT = 4096 /* bytes of a message that has not come whole: the longest that is taken */
};

struct seat {
    char token[SEAT_TEXT]; /* what opens the WebSocket */
    char id[SEAT_TEXT];    /* the player's, where there is one */
};

struct load_room {
    char code[SEAT_TEXT];
    uint32_t index;
    struct seat seats[2];
    struct client *players[2];
};

enum client_stage {
    CLIENT_ABSENT,     /* no socket */
    CLIENT_CONNECTING, /* the socket is not connected yet */
    CLIENT_SHAKING,    /* the upgrade was asked for */
    CLIENT_OPEN
};

/* A connection. What is read and written for each message stands first. */
struct client {
    int fd;
    uint8_t stage;  /* enum client_stage */
    uint8_t number; /* of its seat: 1 or 2; 0 watches */
    uint8_t tries;  /* of its handshake that failed */
    uint16_t kept_length;
    struct client *peer; /* who has the other seat; NULL for spectators */
    void *state;         /* the wire's */
    unsigned char *kept; /* CLIENT_KEPT bytes: the beginning of a message */
    struct timer timer;
    uint64_t random;
    uint32_t messages, updates; /* in this level */
    uint64_t payload_bytes, wire_bytes;
    struct cadence cadence;
    struct load_room *room;
    int64_t asked_ns; /* when it began to connect */
    uint32_t index;
};

/* What can go wrong; each is counted and named in the report. */
enum load_error {
    LOAD_REST_FAILED,      /* no answer, or not one with a seat */
    LOAD_CONNECT_FAILED,   /* a socket was not accepted */
    LOAD_HANDSHAKE_FAILED, /* an upgrade was refused, or took too long */
    LOAD_CONNECTION_LOST,  /* closed by the server without a close frame */
    LOAD_CLOSED,           /* closed by the server with one */
    LOAD_BAD_FRAME,        /* what came was no WebSocket frame, or none of this protocol */
    LOAD_REFUSED,          /* the server sent an error message */
    LOAD_UNSENT,           /* a message that the socket did not take */
    LOAD_LATE_INPUT,       /* v2: the server did not apply an input when it was to */
    LOAD_KEYFRAME,         /* v2: a keyframe that was not asked for, of a state that was foreseen */
    LOAD_CHECKSUM,      /* v2: the checksums of two heartbeats running are not the prediction's */
    LOAD_UNKNOWN_RELAY, /* v2: a target of the opponent that he has not sent */
    LOAD_ERRORS
};

extern const char *const load_error_names[LOAD_ERRORS];

/*
 * What is counted while a level is measured: messages and what goes wrong with connections at all times,
 * times and what goes wrong with a prediction in the moments that count (moments.h).
 */
struct totals {
    uint64_t errors[LOAD_ERRORS];
    uint64_t received, sent, updates;
    struct latency late, interval, relay, effect, round_trip;
};

struct load {
    struct options options;
    const struct wire *wire;
    int epoll;
    bool is_measuring;
    bool is_learning; /* the second before that: the connections' grids are learnt */
    int64_t now_ns;
    struct timers timers;
    struct totals totals;
    struct totals moment, waiting; /* that goes on; and the one before it */
    uint64_t counted_sent;         /* messages, in the moments that count */
    struct moments moments;
    int64_t moment_ends_ns;
    uint64_t taken; /* at its beginning */
    struct speed speed;
    int64_t speed_look_ns; /* when it is looked at again */

    struct load_room *rooms;
    struct client *clients;
    struct pace *paces;    /* of clients, by their index */
    bool has_paces;        /* the wire has a cadence */
    unsigned client_count; /* that this level has */
    unsigned room_max, client_max;
    unsigned open; /* clients in CLIENT_OPEN */
};

/* CLOCK_MONOTONIC, now. */
int64_t load_clock(void);

void load_note_error(struct load *load, enum load_error error);

/* An update of the game came: what is counted beside messages. */
void load_note_update(struct load *load, struct client *client);

/* It is one of the server's 30 a second: its lateness is measured. */
void load_note_cadence(struct load *load, struct client *client, int64_t now);

/* From an input's write to the moment its news was read by the opponent's socket. */
void load_note_relay(struct load *load, int64_t ns);

/* From an input's write to its effect on the opponent's screen. */
void load_note_effect(struct load *load, int64_t ns);

/* From an input's or a ping's write to its answer at the sender. */
void load_note_round_trip(struct load *load, int64_t ns);

/* Sends one message. What the socket does not take at once is lost and counted. */
void client_send(struct load *load, struct client *client, int opcode, const void *payload,
                 size_t length);

/* wire->due() is called then; there is one such moment for each client, the newest set. */
void client_wake_at(struct load *load, struct client *client, int64_t due_ns);

/* A number of the client's own sequence, which --seed and its index determine. */
uint32_t client_random(struct client *client);

#endif
