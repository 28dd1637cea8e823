/*
 * room_fields: see room_fields.h.
 */
#include "api-fcgi/room_fields.h"

#include <stdio.h>
#include <string.h>

static const char default_bot_level[] = "normal";

/* The field, or NULL where it is absent or null. */
static const json_t *get_field(const json_t *body, const char *name)
{
    const json_t *value = json_object_get(body, name);

    return json_is_null(value) ? NULL : value;
}

/* Whether the optional field is one of the words, which '|' separates; *word gets it, or else the
 * first of them. */
static bool get_word(const json_t *body, const char *name, const char *words, char *word,
                     size_t size)
{
    const json_t *value = get_field(body, name);
    size_t first = strcspn(words, "|");

    if (value == NULL) {
        snprintf(word, size, "%.*s", (int)first, words);
        return true;
    }
    for (;;) {
        size_t length = strcspn(words, "|");

        if (json_is_string(value) && json_string_length(value) == length &&
            memcmp(json_string_value(value), words, length) == 0) {
            snprintf(word, size, "%.*s", (int)length, words);
            return true;
        }
        if (words[length] == '\0')
            return false;
        words += length + 1;
    }
}

static bool get_username(const json_t *body, struct room_fields *fields)
{
    const json_t *value = get_field(body, "username");

    if (value == NULL)
        return true;
    if (!json_is_string(value) ||
        !text_is_username(json_string_value(value), json_string_length(value)))
        return false;
    memcpy(fields->username, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool get_room_code(const json_t *body, struct room_fields *fields)
{
    const json_t *value = get_field(body, "room_code");

    fields->room_code = value != NULL ? json_string_value(value) : "";
    return fields->room_code != NULL;
}

static bool get_seat_token(const json_t *body, struct room_fields *fields)
{
    const json_t *value = get_field(body, "seat_token");

    if (value == NULL)
        return true;
    if (!json_is_string(value))
        return false;
    /* Any other string is a token that is lost or foreign: its bearer is as one without. */
    if (random_is_seat_token(json_string_value(value)))
        memcpy(fields->seat_token, json_string_value(value), sizeof fields->seat_token);
    return true;
}

static bool get_bot_level(const json_t *body, struct room_fields *fields)
{
    const json_t *value = get_field(body, "level");
    const char *level = value != NULL ? json_string_value(value) : default_bot_level;

    if (level == NULL || bot_level_index(level) < 0)
        return false;
    memcpy(fields->bot_level, level, strlen(level) + 1);
    return true;
}

static bool get_winning_score(const json_t *body, struct room_fields *fields)
{
    const json_t *value = get_field(body, "winning_score");

    if (value == NULL)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < WINNING_SCORE_MIN ||
        json_integer_value(value) > WINNING_SCORE_MAX)
        return false;
    fields->winning_score = (int)json_integer_value(value);
    return true;
}

/* The sentence about the first field that is wrong, or NULL. */
static const char *read_fields(const json_t *body, struct room_fields *fields)
{
    char visibility[8];
    char opponent[8];

    if (!get_room_code(body, fields))
        return "room_code must be a string";
    if (!get_username(body, fields))
        return "username must be a string of 1 to 32 printable characters";
    if (!get_seat_token(body, fields))
        return "seat_token must be a string";
    if (!get_word(body, "visibility", "private|public", visibility, sizeof visibility))
        return "visibility must be \"private\" or \"public\"";
    if (!get_word(body, "opponent", "human|bot", opponent, sizeof opponent))
        return "opponent must be \"human\" or \"bot\"";
    if (!get_bot_level(body, fields))
        return "level must be \"easy\", \"normal\" or \"hard\"";
    if (!get_winning_score(body, fields))
        return "winning_score must be a whole number from 1 to 21";
    fields->is_public = strcmp(visibility, "public") == 0;
    fields->is_bot_opponent = strcmp(opponent, "bot") == 0;
    return NULL;
}

int room_fields_read(const json_t *body, struct room_fields *fields, char *error, size_t error_size)
{
    const char *wrong;

    memset(fields, 0, sizeof *fields);
    wrong = read_fields(body, fields);
    if (wrong == NULL)
        return 0;
    snprintf(error, error_size, "%s", wrong);
    return -1;
}
