/*
 * text: see text.h. Must not read past the given length: what it judges comes from strangers and
 * need not end in NUL.
 */
#include "common/text.h"

#include <stdint.h>

int32_t text_next_character(const unsigned char **text, const unsigned char *end)
{
    const unsigned char *at = *text;
    int32_t character = *at++;
    int32_t smallest;
    int more;

    if (character < 0x80) {
        *text = at;
        return character;
    }
    if (character >= 0xc2 && character <= 0xdf) {
        more = 1;
        smallest = 0x80;
        character &= 0x1f;
    } else if (character >= 0xe0 && character <= 0xef) {
        more = 2;
        smallest = 0x800;
        character &= 0x0f;
    } else if (character >= 0xf0 && character <= 0xf4) {
        more = 3;
        smallest = 0x10000;
        character &= 0x07;
    } else {
        return -1;
    }
    for (; more > 0; more--) {
        if (at == end || (*at & 0xc0) != 0x80)
            return -1;
        character = (character << 6) | (*at++ & 0x3f);
    }
    if (character < smallest || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return -1;
    *text = at;
    return character;
}

bool text_is_unsafe(int32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool text_is_blank(int32_t c)
{
    return c == 0x20 || c == 0xa0 || c == 0xad || c == 0x034f || c == 0x061c || c == 0x115f ||
           c == 0x1160 || c == 0x1680 || (c >= 0x2000 && c <= 0x200f) || c == 0x202f ||
           (c >= 0x205f && c <= 0x2064) || c == 0x2800 || c == 0x3000 || c == 0x3164 ||
           (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || c == 0xffa0;
}

bool text_is_username(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + length;
    int characters = 0;
    bool visible = false;

    while (at < end) {
        int32_t c = text_next_character(&at, end);

        if (c < 0 || text_is_unsafe(c) || ++characters > USERNAME_CHARACTERS_MAX)
            return false;
        if (!text_is_blank(c))
            visible = true;
    }
    return visible;
}

bool text_is_player_id(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + length;

    if (length == 0 || length >= PLAYER_ID_SIZE)
        return false;
    while (at < end) {
        int32_t c = text_next_character(&at, end);

        if (c < 0 || text_is_unsafe(c))
            return false;
    }
    return true;
}

/* The digit of ROOM_CODE_ALPHABET that is meant, or NUL. */
static char room_code_digit(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        return '0';
    if (c == 'I' || c == 'L')
        return '1';
    for (const char *digit = ROOM_CODE_ALPHABET; *digit != '\0'; digit++)
        if (*digit == c)
            return c;
    return '\0';
}

bool text_room_code(const char *text, size_t length, char out[ROOM_CODE_SIZE])
{
    char code[ROOM_CODE_SIZE] = "";

    out[0] = '\0';
    if (length != ROOM_CODE_LENGTH)
        return false;
    for (size_t i = 0; i < ROOM_CODE_LENGTH; i++) {
        code[i] = room_code_digit(text[i]);
        if (code[i] == '\0')
            return false;
    }
    for (size_t i = 0; i < ROOM_CODE_SIZE; i++)
        out[i] = code[i];
    return true;
}

bool text_equal_constant_time(const void *a, const void *b, size_t size)
{
    const volatile unsigned char *left = a;
    const volatile unsigned char *right = b;
    unsigned char difference = 0;

    for (size_t i = 0; i < size; i++)
        difference = (unsigned char)(difference | (left[i] ^ right[i]));
    return difference == 0;
}
