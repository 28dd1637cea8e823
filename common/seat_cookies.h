/*
 * seat_cookies: the seat tokens in a Cookie header (RFC 6265). Pure. Only pong_seat_1 and
 * pong_seat_2 are read, by their whole names.
 */
#ifndef PONG_COMMON_SEAT_COOKIES_H
#define PONG_COMMON_SEAT_COOKIES_H

#include "common/random.h"

/* Seats of a room, each of which has a cookie of its own. */
enum {
    SEAT_COOKIES = 2
};

/*
 * Reads the header's value ("" for none): out[0] is the token in pong_seat_1, out[1] the one in
 * pong_seat_2, "" where there is none in the form of a seat token. Of several well-formed ones of
 * a name the first counts: a browser sends the one with the longer path first. Any thread.
 */
void seat_cookies_read(const char *header, char out[SEAT_COOKIES][SEAT_TOKEN_SIZE]);

#endif
