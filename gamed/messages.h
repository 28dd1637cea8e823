/*
 * messages: the JSON text messages of `pong.v1.json`, both ways (docs/protocol.md §2a), and the game
 * state of the REST answers (§1). Pure.
 *
 * Encoders write into the caller's buffer and return the length. Those of the hot path (full state,
 * delta) allocate nothing; the others use jansson. A MESSAGES_SIZE buffer is enough for any
 * message; this is asserted.
 *
 * All functions: any thread.
 */
#ifndef PONG_GAMED_MESSAGES_H
#define PONG_GAMED_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/game_state.h"
#include "gamed/pong.h"

enum {
    MESSAGES_SIZE = 4096, /* bytes; the longest is a full state whose four names all need escapes */
    MESSAGES_CLIENT_MAX = 512, /* bytes of a client's message */
};

/* ---- from clients ---- */

enum client_message_type {
    CLIENT_JOIN_GAME,
    CLIENT_PADDLE_POSITION,
    CLIENT_KEY_EVENT,
    CLIENT_RESUME_GAME,
    CLIENT_PAUSE_GAME,
    CLIENT_REMATCH,
    CLIENT_PING,
    CLIENT_PONG,
    CLIENT_RESYNC, /* of pong.v2.bin */
};

struct client_message {
    enum client_message_type type;
    char player_id[PLAYER_ID_SIZE]; /* join_game; "" for none */
    char username[USERNAME_SIZE]; /* join_game; "" for none, else it has passed text_is_username */
    int player_number;            /* 1, 2; 0 when not given; anything else is nobody's */
    int32_t target;               /* paddle_position, 1/64 px, cut to 0…PONG_PADDLE_Y_MAX */
    bool key_is_up;               /* key_event: up, else down */
    bool is_down;                 /* key_event: pressed, else released */
    double time;                  /* ping, pong: the client's own, any unit */
};

enum messages_error {
    MESSAGES_OK = 0,
    MESSAGES_BAD =
        -1, /* not an object in JSON, a required field missing, of a wrong type or value */
    MESSAGES_UNKNOWN_TYPE = -2,
};

/* Reads one message. On failure *why is one sentence (static) for the `error` message. */
int messages_parse(const char *text, size_t length, struct client_message *message,
                   const char **why);

/* ---- to clients ---- */

enum messages_state_form {
    MESSAGES_STATE_BARE,  /* the 21 keys alone, for REST */
    MESSAGES_STATE_FULL,  /* type game_state, is_full_state true */
    MESSAGES_STATE_JOINED /* type game_state_delta, is_full_state true: after player_joined */
};

/* The 21 keys, of what `view` shows; names are taken from `game`. Allocates nothing. */
size_t messages_state(const struct game *game, const struct game_view *view,
                      enum messages_state_form form, int64_t unix_ms, char *out, size_t size);

/*
 * What `after` shows otherwise than `before`; names are taken from `game`. Returns 0 when nothing
 * changed. Allocates nothing.
 */
size_t messages_delta(const struct game *game, const struct game_view *before,
                      const struct game_view *after, int64_t unix_ms, char *out, size_t size);

/*
 * Any game event but GAME_EVENT_NEW_MATCH (which is a full state). A join is told to the others
 * here: is_you false.
 */
size_t messages_event(const struct game *game, const struct game_event *event, int64_t unix_ms,
                      char *out, size_t size);

/*
 * player_joined to the joiner himself. seat 0: a spectator, of whom only what he said himself is
 * known ("" becomes null). seat_token: the token that join_game gave him; "" for none.
 */
size_t messages_welcome(int seat, const char *player_id, const char *username,
                        const char *seat_token, int64_t unix_ms, char *out, size_t size);

size_t messages_error(const char *code, const char *sentence, char *out, size_t size);
size_t messages_refusal(enum game_refusal refusal, char *out, size_t size);
size_t messages_pong(double time, uint32_t step, char *out, size_t size);

/* The words of an enum match_end and of an enum game_pause ("" for none). */
const char *messages_end_word(uint8_t end);
const char *messages_pause_word(uint8_t pause);

#endif
