/*
 * handshake: what a WebSocket upgrade request says about who is coming: room, seat tokens, origin,
 * ticket.
 * Pure.
 *
 * All functions: any thread.
 */
#ifndef PONG_GAMED_HANDSHAKE_H
#define PONG_GAMED_HANDSHAKE_H

#include <stdbool.h>

#include "gamed/game_manager.h"

enum {
    HANDSHAKE_VALUE_MAX = 512
};

/* The texts of the request; "" for what it does not have. */
struct handshake_request {
    char path[HANDSHAKE_VALUE_MAX];
    char token_argument[HANDSHAKE_VALUE_MAX]; /* of ?token=, decoded */
    char authorization[HANDSHAKE_VALUE_MAX];
    char cookie[2][SEAT_TOKEN_SIZE]; /* pong_seat_1 and pong_seat_2 */
    char origin[HANDSHAKE_VALUE_MAX];
    char host[HANDSHAKE_VALUE_MAX];
    char proto[HANDSHAKE_VALUE_MAX];  /* X-Forwarded-Proto: "https" where nginx has it by TLS */
    char ticket[HANDSHAKE_VALUE_MAX]; /* X-Pong-Ticket, which nginx alone can set */
};

enum handshake_error {
    HANDSHAKE_OK = 0,
    HANDSHAKE_NO_ROOM = -1,    /* the path names none */
    HANDSHAKE_BAD_TOKEN = -2,  /* an explicit token that cannot be a seat token */
    HANDSHAKE_BAD_ORIGIN = -3, /* a page of a foreign site */
};

/*
 * /ws/game/CODE/, with or without the last slash. Where there is a ticket no tokens are read: it says
 * all that they could.
 */
int handshake_read(const struct handshake_request *request, const char *allowed_origins,
                   struct game_handshake *handshake);

#endif
