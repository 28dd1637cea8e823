/*
 * tickets: what nginx shows at a handshake in the name of a client whom api-fcgi has looked at: who he
 * is, what he may have, and from which address he comes. A ticket is a random name for that, good once
 * and for ten seconds. Pure; must not know how anybody was identified, nor what a room is.
 *
 * All memory is taken at start. Issuing and redeeming take constant time and no memory.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_TICKETS_H
#define PONG_GAMED_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/random.h"
#include "common/text.h"

enum {
    TICKETS_MAX = 65536, /* outstanding */
    TICKET_LIFE_MS = 10000,
    TICKET_PLACE_DIGITS = 4, /* hexadecimal: where in the table it is */
    TICKET_SECRET_BYTES = 16,
    TICKET_LENGTH = TICKET_PLACE_DIGITS + 2 * TICKET_SECRET_BYTES,
    TICKET_SIZE = TICKET_LENGTH + 1,
    CLIENT_ADDRESS_SIZE = 46, /* the longest text of an IPv6 address, and NUL */
};

/* What a ticket says of its bearer. */
struct admission {
    char room_code[ROOM_CODE_SIZE];
    uint32_t room_serial;              /* the room that had this code then */
    uint8_t proven;                    /* bit 1 << seat: he may have this seat, … */
    uint16_t claim[2];                 /* … while its token has this version */
    bool may_sit;                      /* he may take a free seat */
    char user_id[PLAYER_ID_SIZE];      /* "" for a guest */
    char username[USERNAME_SIZE];      /* his name where he gives no other; "" unknown */
    char address[CLIENT_ADDRESS_SIZE]; /* as nginx sees it; "" where there was no ticket */
};

enum tickets_error {
    TICKETS_OK = 0,
    TICKETS_FULL = -1,    /* as many are outstanding as may be */
    TICKETS_UNKNOWN = -2, /* never issued, or used */
    TICKETS_EXPIRED = -3,
};

struct tickets_stats {
    size_t outstanding; /* may count some that have expired */
    uint64_t issued, redeemed, expired, refused_full, refused_unknown, refused_expired;
};

struct tickets;

/* For at most `max` outstanding ones, 1…TICKETS_MAX. NULL when out of memory. */
struct tickets *tickets_new(size_t max);
void tickets_free(struct tickets *tickets);

/* Issues one: `out` is its name, digits and letters only. Returns TICKETS_OK or TICKETS_FULL. */
int tickets_issue(struct tickets *tickets, const struct admission *admission, struct now now,
                  char out[TICKET_SIZE]);

/*
 * Takes one back, whatever `text` is. Returns TICKETS_OK, and what it says in *admission, at most once for
 * each that was issued; else TICKETS_UNKNOWN or TICKETS_EXPIRED. The secret is compared in constant
 * time.
 */
int tickets_redeem(struct tickets *tickets, const char *text, struct now now,
                   struct admission *admission);

void tickets_stats(const struct tickets *tickets, struct tickets_stats *stats);

#endif
