/*
 * seat_cookies: see seat_cookies.h.
 */
#include "common/seat_cookies.h"

#include <string.h>

#include "common/cookie.h"

/* Takes a cookie pong_seat_N whose value has the form of a seat token. */
static void take_cookie(const struct cookie *cookie, char out[SEAT_COOKIES][SEAT_TOKEN_SIZE])
{
    static const char prefix[] = "pong_seat_";
    size_t prefix_length = sizeof prefix - 1;
    size_t seat;

    if (cookie->name_length != prefix_length + 1 || cookie->value_length != SEAT_TOKEN_LENGTH ||
        memcmp(cookie->name, prefix, prefix_length) != 0)
        return;
    seat = (size_t)(unsigned char)cookie->name[prefix_length] - '1'; /* below '1' it becomes huge */
    if (seat >= SEAT_COOKIES || out[seat][0] != '\0')
        return;
    memcpy(out[seat], cookie->value, SEAT_TOKEN_LENGTH);
    out[seat][SEAT_TOKEN_LENGTH] = '\0';
    if (!random_is_seat_token(out[seat]))
        out[seat][0] = '\0';
}

void seat_cookies_read(const char *header, char out[SEAT_COOKIES][SEAT_TOKEN_SIZE])
{
    struct cookie cookie;

    for (int i = 0; i < SEAT_COOKIES; i++)
        out[i][0] = '\0';
    while (cookie_next(&header, &cookie))
        take_cookie(&cookie, out);
}
