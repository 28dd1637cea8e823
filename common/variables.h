/*
 * variables: the environment variables PONG_… that some program or script here reads, so that one that
 * nobody reads, a misspelt one, is noticed. Must not know what any of them means.
 */
#ifndef PONG_COMMON_VARIABLES_H
#define PONG_COMMON_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether anything here reads the variable `name` (`length` bytes). Any thread. */
bool variables_are_read(const char *name, size_t length);

/* The name that is read and that this one differs from by a slip or two; NULL for none. Any thread. */
const char *variables_nearest(const char *name, size_t length);

/*
 * Logs a warning, which never has a value, for each variable of the environment that begins with PONG_
 * and that nothing reads. Call once at start.
 */
void variables_warn_of_strangers(void);

#endif
