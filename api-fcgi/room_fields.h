/*
 * room_fields: the fields of a request's JSON body, checked. Pure. Fields that are not known here
 * are nobody's error.
 */
#ifndef PONG_API_ROOM_FIELDS_H
#define PONG_API_ROOM_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/random.h"
#include "common/room_options.h"
#include "common/text.h"

struct room_fields {
    const char *room_code;        /* as it was written, "" without one; lives as long as the body */
    char username[USERNAME_SIZE]; /* "" without one */
    char seat_token[SEAT_TOKEN_SIZE]; /* "" without one, or one that can be no seat's */
    bool is_public;
    bool is_bot_opponent;
    char bot_level[BOT_LEVEL_SIZE]; /* one of bot_level_words */
    int winning_score;              /* WINNING_SCORE_MIN…MAX; 0 without one */
};

/*
 * Reads the body (an object); null counts as absent. Returns 0, or -1 and a sentence in error[]
 * that names the first field with a wrong type or range. Any thread.
 */
int room_fields_read(const json_t *body, struct room_fields *fields, char *error,
                     size_t error_size);

#endif
