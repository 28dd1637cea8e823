/*
 * terminal_text: see terminal_text.h.
 */
#include "pongctl/terminal_text.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "common/text.h"

enum {
    MARKS_MAX = 2,   /* on one character: enough for every script */
    PIECE_SIZE = 16, /* the longest: "\u{10FFFF}" */
};

static const char ellipsis[] = "...";

static bool is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Columns of a character that can stand for itself; -1 for any other. */
static int columns_of(int32_t character)
{
    if (character >= 0x20 && character < 0x7f)
        return 1;
    if (!is_utf8() || text_is_unsafe(character) || text_is_blank(character))
        return -1;
    return wcwidth((wchar_t)character);
}

/*
 * Puts the next character, or what stands for it, into piece[], and moves on. Returns its columns.
 * `marks` counts those that came before it without a column of their own.
 */
static size_t next_piece(const unsigned char **at, const unsigned char *end, int *marks,
                         char piece[PIECE_SIZE])
{
    const unsigned char *begin = *at;
    const int32_t character = text_next_character(at, end);
    if (character < 0) {
        *marks = MARKS_MAX; /* nothing that could bear one */
        *at = begin + 1;
        return (size_t)snprintf(piece, PIECE_SIZE, "\\x{%02X}", *begin);
    }
    const int columns = columns_of(character);
    if (columns > 0 || (columns == 0 && *marks < MARKS_MAX)) {
        *marks = columns > 0 ? 0 : *marks + 1;
        memcpy(piece, begin, (size_t)(*at - begin));
        piece[*at - begin] = '\0';
        return (size_t)columns;
    }
    *marks = MARKS_MAX;
    return (size_t)snprintf(piece, PIECE_SIZE, "\\u{%04" PRIX32 "}", (uint32_t)character);
}

char *terminal_text(const char *text, size_t columns_max)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + strlen(text);
    char *copy = malloc(strlen(text) * PIECE_SIZE + sizeof ellipsis);
    char piece[PIECE_SIZE];
    size_t length = 0, columns = 0;
    size_t cut = 0; /* where the copy ends if it gets too long: room for the ellipsis */
    int marks = MARKS_MAX;
    while (copy && at < end) {
        columns += next_piece(&at, end, &marks, piece);
        if (columns_max && columns > columns_max) {
            length = cut;
            memcpy(piece, ellipsis, sizeof ellipsis);
            at = end;
        }
        memcpy(copy + length, piece, strlen(piece));
        length += strlen(piece);
        if (columns + sizeof ellipsis - 1 <= columns_max)
            cut = length;
    }
    if (copy)
        copy[length] = '\0';
    return copy;
}

size_t terminal_columns(const char *copy)
{
    const unsigned char *at = (const unsigned char *)copy, *end = at + strlen(copy);
    size_t columns = 0;
    while (at < end) {
        const int32_t character = text_next_character(&at, end);
        const int own = character < 0 ? -1 : columns_of(character);
        columns += own > 0 ? (size_t)own : 0;
        at += character < 0; /* cannot be: it is a copy */
    }
    return columns;
}

void terminal_age(int64_t seconds, char out[TERMINAL_TIME_SIZE])
{
    const int64_t s = seconds > 0 ? seconds : 0, minutes = s / 60, hours = minutes / 60;
    if (s < 60)
        snprintf(out, TERMINAL_TIME_SIZE, "%" PRId64 "s", s);
    else if (minutes < 60)
        snprintf(out, TERMINAL_TIME_SIZE, "%" PRId64 "m%02" PRId64 "s", minutes, s % 60);
    else if (hours < 24)
        snprintf(out, TERMINAL_TIME_SIZE, "%" PRId64 "h%02" PRId64 "m", hours, minutes % 60);
    else
        snprintf(out, TERMINAL_TIME_SIZE, "%" PRId64 "d%02" PRId64 "h", hours / 24, hours % 24);
}

void terminal_time(double unix_s, char out[TERMINAL_TIME_SIZE])
{
    const time_t seconds = (time_t)unix_s;
    struct tm local;
    if (unix_s <= 0 || !localtime_r(&seconds, &local) ||
        strftime(out, TERMINAL_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
        snprintf(out, TERMINAL_TIME_SIZE, "-");
}
