/*
 * random: unguessable names from getrandom(2): seat tokens, match ids, room codes. Not for the
 * game's own random state.
 */
#ifndef PONG_COMMON_RANDOM_H
#define PONG_COMMON_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A seat token in text: 128 bits as 32 lower-case hexadecimal digits. */
enum {
    SEAT_TOKEN_LENGTH = 32,
    SEAT_TOKEN_SIZE = SEAT_TOKEN_LENGTH + 1,
    UUID_SIZE = 37
};

/* Crockford's base32 without I L O U, the alphabet of room codes.
 * https://www.crockford.com/base32.html */
#define ROOM_CODE_ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
enum {
    ROOM_CODE_LENGTH = 6,
    ROOM_CODE_SIZE = ROOM_CODE_LENGTH + 1
};

/* Fills `size` bytes; aborts when the kernel has no randomness to give (it then never will). Any
 * thread. */
void random_bytes(void *out, size_t size);

/* A uniformly distributed number in 0…bound-1; bound > 0. Any thread. */
uint32_t random_below(uint32_t bound);

/* `length` characters, each drawn from the `count` of the alphabet, without a NUL behind them. Any thread. */
void random_text(char *out, size_t length, const char *alphabet, uint32_t count);

/* A new seat token. Any thread. */
void random_seat_token(char out[SEAT_TOKEN_SIZE]);

/* Whether the text has the form of a seat token. */
bool random_is_seat_token(const char *text);

/* A version 4 UUID (RFC 9562), lower case. Any thread. */
void random_uuid(char out[UUID_SIZE]);

/* Whether the text has the form of one, in lower case. Any thread. */
bool random_is_uuid(const char *text);

#endif
