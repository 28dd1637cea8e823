/*
 * random: see random.h. The kernel is asked each time: the names are few, and a pool of our own
 * would have to be kept secret.
 */
#include "common/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

enum {
    SEAT_TOKEN_BYTES = SEAT_TOKEN_LENGTH / 2,
    UUID_BYTES = 16,
    TEXT_AT_ONCE = 8
};

static const char hex_digits[] = "0123456789abcdef";

static void hex_write(const unsigned char *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = hex_digits[bytes[i] >> 4];
        out[2 * i + 1] = hex_digits[bytes[i] & 0x0f];
    }
}

void random_bytes(void *out, size_t size)
{
    unsigned char *next = out;

    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);

        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort(); /* a guessable token would be worse than no service */
        }
        next += got;
        size -= (size_t)got;
    }
}

/* The lowest (2^32 mod bound) values are refused, so that what is left divides evenly by bound. */
static uint32_t refused_below(uint32_t bound)
{
    return (uint32_t)(0U - bound) % bound;
}

uint32_t random_below(uint32_t bound)
{
    uint32_t refused = refused_below(bound);
    uint32_t value;

    do
        random_bytes(&value, sizeof value);
    while (value < refused);
    return value % bound;
}

void random_text(char *out, size_t length, const char *alphabet, uint32_t count)
{
    const uint32_t refused = refused_below(count);
    uint32_t values[TEXT_AT_ONCE]; /* the kernel is asked once for all of them */

    while (length > 0) {
        const size_t portion = length < TEXT_AT_ONCE ? length : TEXT_AT_ONCE;

        random_bytes(values, portion * sizeof values[0]);
        for (size_t i = 0; i < portion; i++)
            *out++ = alphabet[values[i] < refused ? random_below(count) : values[i] % count];
        length -= portion;
    }
}

void random_seat_token(char out[SEAT_TOKEN_SIZE])
{
    unsigned char bytes[SEAT_TOKEN_BYTES];

    random_bytes(bytes, sizeof bytes);
    hex_write(bytes, sizeof bytes, out);
    out[SEAT_TOKEN_LENGTH] = '\0';
}

bool random_is_seat_token(const char *text)
{
    return strspn(text, hex_digits) == SEAT_TOKEN_LENGTH && text[SEAT_TOKEN_LENGTH] == '\0';
}

void random_uuid(char out[UUID_SIZE])
{
    static const size_t group_bytes[] = {4, 2, 2, 2, 6};
    unsigned char bytes[UUID_BYTES];
    const unsigned char *next = bytes;
    char *end = out;

    random_bytes(bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* version 4: random */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
    for (size_t i = 0; i < sizeof group_bytes / sizeof group_bytes[0]; i++) {
        if (i > 0)
            *end++ = '-';
        hex_write(next, group_bytes[i], end);
        next += group_bytes[i];
        end += 2 * group_bytes[i];
    }
    *end = '\0';
}

bool random_is_uuid(const char *text)
{
    static const size_t group_digits[] = {8, 4, 4, 4, 12};

    for (size_t i = 0; i < sizeof group_digits / sizeof group_digits[0]; i++) {
        if (i > 0 && *text++ != '-')
            return false;
        if (strspn(text, hex_digits) != group_digits[i])
            return false;
        text += group_digits[i];
    }
    return *text == '\0';
}
