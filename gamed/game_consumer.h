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
    int messages_per_second;
    const char
        *allowed_origins; /* other origins than the site's own, separated by spaces; "" for none */
};

/*
 * What it has to do with others. `now` gives the turn's time. The manager comes later, because each
 * needs the other: game_consumer_set_manager() before the loop runs. NULL when out of memory.
 */
struct game_consumer *game_consumer_new(const struct game_consumer_config *config,
                                        struct now (*now)(void));
void game_consumer_set_manager(struct game_consumer *consumer, struct game_manager *manager);
void game_consumer_free(struct game_consumer *consumer);

/* For loop_open(): its protocols; their protocol_arg is the consumer. */
const struct lws_protocols *game_consumer_protocols(void);

struct game_consumer_stats {
    struct game_output_stats output;
    struct game_input_stats input;
    int sockets;              /* open, those in their handshake included */
    uint64_t sockets_refused; /* at max_connections and a reserve: closed without a word */
    uint64_t full_refusals;   /* handshakes answered 503, as no connection was free */
};

void game_consumer_stats(const struct game_consumer *consumer, struct game_consumer_stats *stats);

/* Fills the manager's hooks, match_over excepted; their arg is the consumer. */
void game_consumer_fill_hooks(struct game_consumer *consumer, struct game_manager_hooks *hooks);

#endif
