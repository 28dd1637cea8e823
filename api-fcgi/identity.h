/*
 * identity: who is calling: a user whom a JWT or the site's own nginx names, the holder of a seat
 * token, or a guest. Pure; the time is passed in. Must not know rooms, and never says more of a
 * token than that it is no good.
 */
#ifndef PONG_API_IDENTITY_H
#define PONG_API_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api-fcgi/request.h"
#include "common/random.h"
#include "common/text.h"

/* Keys at a time, the new and the old ones while they are changed; bytes of a key; bytes of a
 * header's name as FastCGI spells it. */
enum {
    IDENTITY_KEYS_MAX = 8,
    IDENTITY_KEY_SIZE = 513,
    IDENTITY_KEYS_SIZE = IDENTITY_KEYS_MAX * IDENTITY_KEY_SIZE, /* all of them, with commas */
    IDENTITY_PARAM_SIZE = 80,
    IDENTITY_LEEWAY_SECONDS = 30
};

/* Bytes of a token, and NUL. nginx takes no longer header. */
enum {
    IDENTITY_TOKEN_SIZE = 4096
};

/* RFC 7518: a key of HS256 has at least the size of the hash. */
enum {
    IDENTITY_KEY_BYTES_ADVISED = 32
};

struct identity_config {
    size_t key_count; /* 0: no JWT is accepted */
    char keys[IDENTITY_KEYS_MAX][IDENTITY_KEY_SIZE];
    char header_param[IDENTITY_PARAM_SIZE]; /* HTTP_X_USER for --identity-header X-User; "" for none
                                             */
};

struct identity {
    char user_id[PLAYER_ID_SIZE];     /* "" for a guest */
    char username[USERNAME_SIZE];     /* what the user is called where he gives no other name; ""
                                         unknown */
    char seat_token[SEAT_TOKEN_SIZE]; /* shown as Bearer; "" for none */
};

/*
 * Reads the keys (separated by commas, blanks around them ignored) and the name of the trusted
 * header; both may be "". Returns 0, or -1 and a sentence in error[] that quotes no key.
 */
int identity_configure(struct identity_config *config, const char *keys, const char *header,
                       char *error, size_t error_size);

/*
 * Finds out who wants to open a WebSocket, by what his request for it shows: the token in `argument`
 * ("" for none; a '$' before it is not part of it), else a Bearer, else the cookie "access_token". The
 * header of the site's nginx names whom no JWT does. Returns as identity_identify.
 *
 * Without keys a JWT in `argument` and the cookie are passed over: clients send what the site's login
 * gave them, whether or not it is of use here. Beside a seat cookie a cookie that is no good, and an
 * `argument` that was good until it expired, are no worse than none: the seat outlives them by far, a
 * page connects again with the address it had, and a player must find his way back.
 */
const char *identity_at_handshake(const struct identity_config *config,
                                  const struct request *request, const char *argument, int64_t now,
                                  struct identity *identity);

/*
 * Finds out who sent the request; `now` is Unix seconds. Returns NULL, or a sentence that says why
 * the Bearer or the header is no good (401 bad_token). Any thread.
 */
const char *identity_identify(const struct identity_config *config, const struct request *request,
                              int64_t now, struct identity *identity);

#endif
