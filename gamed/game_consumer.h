/*
 * GameConsumer: the WebSocket end of a game (libwebsockets): handshake, receive, writable. It turns
 * messages into calls of the GameManager and what the manager has for a room into frames. It must
 * not know rules.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_GAME_CONSUMER_H
#define PONG_GAMED_GAME_CONSUMER_H

#include <stdint.h>

#include "gamed/game_input.h"
#include "gamed/game_manager.h"
#include "gamed/game_output.h"

struct game_consumer;
struct lws_protocols;

struct game_consumer_config {
    int max_connections;
    int max_handshakes;        /* sockets that are in their handshake at a time */
    int handshakes_per_second; /* answered; twice as many at once */
    int handshake_seconds;     /* the time limit that the loop has for one */
    int messages_per_second;
    int max_message_bytes; /* MESSAGES_CLIENT_MAX at most */
    int send_buffer_bytes; /* SO_SNDBUF of every socket; 0: the system's */
    const char
        *allowed_origins;  /* other origins than the site's own, separated by spaces; "" for none */
    bool tickets_required; /* nobody comes in without one */
    struct tickets *tickets; /* shared with who issues them */
};

/*
 * What it has to do with others. `now` gives the turn's time. The manager comes later, because each
 * needs the other: game_consumer_set_manager() before the loop runs. NULL when out of memory.
 */
struct game_consumer *game_consumer_new(const struct game_consumer_config *config,
                                        struct now (*now)(void));
void game_consumer_set_manager(struct game_consumer *consumer, struct game_manager *manager);
void game_consumer_free(struct game_consumer *consumer);

/* For loop_on_turn(): looks now and then for clients that send too much, and goes on with those that did. */
void game_consumer_turn(struct game_consumer *consumer);

/* For loop_open(): its protocols; their protocol_arg is the consumer. */
const struct lws_protocols *game_consumer_protocols(void);

/* Limits that can be run into here, beside those of the manager. */
enum game_consumer_limit {
    GAME_CONSUMER_SOCKETS,        /* at max_connections and a reserve: closed without a word */
    GAME_CONSUMER_HANDSHAKES,     /* at max_handshakes: closed without a word */
    GAME_CONSUMER_HANDSHAKE_RATE, /* handshakes answered 503 */
    GAME_CONSUMER_HANDSHAKE_TIME, /* sockets closed, as their handshake took too long */
    GAME_CONSUMER_FLOOD,          /* pauses in reading from a socket */
    GAME_CONSUMER_LIMITS
};

struct game_consumer_stats {
    struct game_output_stats output;
    struct game_input_stats input;
    int sockets;    /* open, those in their handshake included */
    int handshakes; /* under way */
    size_t paused;  /* sockets that are not read from at the moment */
    uint64_t limits[GAME_CONSUMER_LIMITS];
    uint64_t ticket_refusals; /* handshakes answered 412: a ticket that is no good, or missing */
};

void game_consumer_stats(const struct game_consumer *consumer, struct game_consumer_stats *stats);

/* Fills the manager's hooks, match_over excepted; their arg is the consumer. */
void game_consumer_fill_hooks(struct game_consumer *consumer, struct game_manager_hooks *hooks);

#endif
