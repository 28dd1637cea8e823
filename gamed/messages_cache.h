/*
 * messages_cache: what messages of clients mean that were read before. Those that play with
 * `pong.v1.json` say the same few sentences again and again: a paddle has some 500 places, and
 * each player says ten times a second at which his is. The same bytes mean the same, so they are
 * read as JSON once. What is kept are whole texts, compared byte by byte, so whatever a stranger sends
 * can make the cache useless and nothing worse.
 *
 * All functions: one thread at a time. Nothing is allocated.
 */
#ifndef PONG_GAMED_MESSAGES_CACHE_H
#define PONG_GAMED_MESSAGES_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/messages.h"

enum {
    MESSAGES_CACHE_SETS = 2048, /* a power of two; 512 KiB */
    MESSAGES_CACHE_WAYS = 2,    /* what was asked for last comes first */
    MESSAGES_CACHE_TEXT = 118,  /* bytes; pong-load's messages have 60 */
};

struct messages_cache_entry {
    int32_t target;
    int16_t player_number;
    uint8_t length; /* 0: nothing is here */
    uint8_t type;   /* enum client_message_type */
    bool key_is_up, is_down;
    char text[MESSAGES_CACHE_TEXT];
};

/* All zero is an empty one. */
struct messages_cache {
    struct messages_cache_entry entries[MESSAGES_CACHE_SETS][MESSAGES_CACHE_WAYS];
};

/* As messages_parse(), which is asked what is not known yet; *why is set on failure only. */
int messages_cache_parse(struct messages_cache *cache, const char *text, size_t length,
                         struct client_message *message, const char **why);

#endif
