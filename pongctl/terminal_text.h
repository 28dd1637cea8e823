/*
 * terminal_text: text from elsewhere made fit for a terminal, and how many columns it takes there; ages
 * and times as people read them. It must not print.
 *
 * What is wide, or cannot be shown at all, is the locale's to say: setlocale() comes first.
 */
#ifndef PONG_PONGCTL_TERMINAL_TEXT_H
#define PONG_PONGCTL_TERMINAL_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum {
    TERMINAL_TIME_SIZE = 32
};

/*
 * A copy in which control characters, line separators, invisible ones, those that turn text around,
 * what the locale cannot show, and marks piled up on one character stand as \u{HEX}, and bytes that
 * are no UTF-8 as \x{HEX}. What takes more than `columns_max` columns (0: no limit) is cut and ends in
 * "...". The copy is the caller's; NULL when out of memory.
 */
char *terminal_text(const char *text, size_t columns_max);

/* How many columns the copy takes. */
size_t terminal_columns(const char *copy);

/* "12s", "3m12s", "2h05m", "4d03h". */
void terminal_age(int64_t seconds, char out[TERMINAL_TIME_SIZE]);

/* Local time, "2026-01-02 15:04:05"; "-" for 0. */
void terminal_time(double unix_s, char out[TERMINAL_TIME_SIZE]);

#endif
