/*
 * text: what people type: user names and room codes. Pure.
 */
#ifndef PONG_COMMON_TEXT_H
#define PONG_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/random.h"

/* A user name is 1–32 Unicode characters, so at most 128 bytes of UTF-8. A player id is at most 64
 * bytes. */
enum {
    USERNAME_CHARACTERS_MAX = 32,
    USERNAME_SIZE = 129,
    PLAYER_ID_SIZE = 65
};

/*
 * Whether `text` (`length` bytes) is a user name: valid UTF-8, 1–32 characters, no control
 * characters (C0, C1, DEL, line separators), no bidirectional overrides (they would turn other
 * players' text around), not white space or invisible ones alone.
 */
bool text_is_username(const char *text, size_t length);

/* Whether `text` (`length` bytes) can be a player id: 1–64 bytes of valid UTF-8 without the
 * characters a user name may not have. */
bool text_is_player_id(const char *text, size_t length);

/*
 * Reads a room code as people write it: any case, O for 0, I and L for 1, a trailing '/' or
 * surrounding blanks not accepted. Returns whether it is one; `out` then holds its canonical form.
 * `text` need not end in NUL.
 */
bool text_room_code(const char *text, size_t length, char out[ROOM_CODE_SIZE]);

/*
 * Takes one character off *text, which is before `end`. Returns it, or -1 where the bytes are not
 * UTF-8 (overlong forms and surrogates are not); then *text stays.
 */
int32_t text_next_character(const unsigned char **text, const unsigned char *end);

/* Controls, line separators and bidirectional overrides: what would break out of the place where
 * the text is shown. */
bool text_is_unsafe(int32_t character);

/* White space and characters that show nothing: a name of these alone could not be seen. */
bool text_is_blank(int32_t character);

/* Compares two strings of `size` bytes in a time that does not depend on their content. */
bool text_equal_constant_time(const void *a, const void *b, size_t size);

#endif
