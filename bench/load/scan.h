/*
 * scan: single values out of a JSON text that is trusted to be one, by the name of their key, wherever
 * it stands. No parser: a load generator reads 100,000 messages a second and wants two numbers of each.
 * Pure.
 */
#ifndef PONG_BENCH_LOAD_SCAN_H
#define PONG_BENCH_LOAD_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* The value of the first such key, at its first character; NULL when there is none. */
const char *scan_find(const char *text, size_t length, const char *key);

/* A number. False when there is none of that key. */
bool scan_number(const char *text, size_t length, const char *key, double *number);

/* A string without escapes that fits. False otherwise. */
bool scan_string(const char *text, size_t length, const char *key, char *out, size_t size);

/* Whether the key's value is `true`. */
bool scan_is_true(const char *text, size_t length, const char *key);

#endif
