/*
 * seat_cookies: see seat_cookies.h.
 */
#include "common/seat_cookies.h"

#include <string.h>

/* Takes a cookie pong_seat_N whose value has the form of a seat token. */
static void take_cookie(const char *text, size_t length, char out[SEAT_COOKIES][SEAT_TOKEN_SIZE])
{
    static const char prefix[] = "pong_seat_";
    size_t prefix_length = sizeof prefix - 1;
    size_t seat;

    if (length != prefix_length + 2 + SEAT_TOKEN_LENGTH ||
        memcmp(text, prefix, prefix_length) != 0 || text[prefix_length + 1] != '=')
        return;
    seat = (size_t)(unsigned char)text[prefix_length] - '1'; /* below '1' it becomes huge */
    if (seat >= SEAT_COOKIES || out[seat][0] != '\0')
        return;
    memcpy(out[seat], text + prefix_length + 2, SEAT_TOKEN_LENGTH);
    out[seat][SEAT_TOKEN_LENGTH] = '\0';
    if (!random_is_seat_token(out[seat]))
        out[seat][0] = '\0';
}

void seat_cookies_read(const char *header, char out[SEAT_COOKIES][SEAT_TOKEN_SIZE])
{
    for (int i = 0; i < SEAT_COOKIES; i++)
        out[i][0] = '\0';
    while (*header != '\0') {
        size_t length = strcspn(header, ";");
        const char *text = header + strspn(header, " \t");
        const char *end = header + length;

        while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
        if (end > text)
            take_cookie(text, (size_t)(end - text), out);
        header += length + (header[length] == ';');
    }
}
