/*
 * Messages from clients. What comes in here may be anything.
 */
#include "gamed/messages.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool read_player_number(const json_t *root, struct client_message *message, const char **why)
{
    const json_t *value = json_object_get(root, "player_number");
    if (!value || json_is_null(value))
        return true;
    *why = "player_number must be 1 or 2";
    double number = json_number_value(value);
    if (!json_is_number(value) || number != floor(number))
        return false;
    message->player_number = number == 1 || number == 2 ? (int)number : -1;
    return true;
}

/* A player id is text, but deployed clients also send the number that their site knows the user by.
 */
static bool read_join_game(const json_t *root, struct client_message *message, const char **why)
{
    const json_t *id = json_object_get(root, "player_id");
    *why = "player_id must be a string of at most 64 bytes";
    if (json_is_string(id)) {
        if (json_string_length(id) >= sizeof message->player_id)
            return false;
        memcpy(message->player_id, json_string_value(id), json_string_length(id) + 1);
    } else if (json_is_integer(id)) {
        snprintf(message->player_id, sizeof message->player_id, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(id));
    } else if (id && !json_is_null(id)) {
        return false;
    }

    const json_t *name = json_object_get(root, "username");
    *why = "username must be 1 to 32 characters, none of them a control character";
    if (json_is_string(name) && json_string_length(name) > 0) {
        if (!text_is_username(json_string_value(name), json_string_length(name)))
            return false;
        memcpy(message->username, json_string_value(name), json_string_length(name) + 1);
    } else if (name && !json_is_null(name) && !json_is_string(name)) {
        return false;
    }
    return true;
}

static bool read_paddle_position(const json_t *root, struct client_message *message,
                                 const char **why)
{
    const json_t *position = json_object_get(root, "position");
    *why = "position must be a number";
    if (!json_is_number(position))
        return false;
    /* cut before it is made an integer: any double is allowed here */
    double units = json_number_value(position) * PONG_UNITS_PER_PX;
    message->target = units <= 0                   ? 0
                      : units >= PONG_PADDLE_Y_MAX ? PONG_PADDLE_Y_MAX
                                                   : (int32_t)lround(units);
    return read_player_number(root, message, why);
}

static bool read_key_event(const json_t *root, struct client_message *message, const char **why)
{
    static const struct {
        const char *word;
        bool is_up;
    } keys[] = {{"up", true}, {"down", false},   {"w", true},
                {"s", false}, {"arrowup", true}, {"arrowdown", false}};
    const char *word = json_string_value(json_object_get(root, "key"));
    const json_t *is_down = json_object_get(root, "is_down");
    *why = "is_down must be true or false";
    if (!json_is_boolean(is_down))
        return false;
    message->is_down = json_is_true(is_down);
    *why = "key must be up, down, w, s, arrowup or arrowdown";
    for (size_t i = 0; word && i < sizeof keys / sizeof *keys; i++) {
        if (strcasecmp(word, keys[i].word) == 0) {
            message->key_is_up = keys[i].is_up;
            return read_player_number(root, message, why);
        }
    }
    return false;
}

static bool read_time(const json_t *root, struct client_message *message, const char **why)
{
    const json_t *time = json_object_get(root, "time");
    *why = "time must be a number";
    if (time && !json_is_number(time) && !json_is_null(time))
        return false;
    message->time = json_number_value(time);
    return true;
}

static bool read_nothing(const json_t *root, struct client_message *message, const char **why)
{
    (void)root, (void)message, (void)why;
    return true;
}

static const struct {
    const char *name;
    bool (*read)(const json_t *root, struct client_message *message, const char **why);
} client_types[] = {
    [CLIENT_JOIN_GAME] = {"join_game", read_join_game},
    [CLIENT_PADDLE_POSITION] = {"paddle_position", read_paddle_position},
    [CLIENT_KEY_EVENT] = {"key_event", read_key_event},
    [CLIENT_RESUME_GAME] = {"resume_game", read_nothing},
    [CLIENT_PAUSE_GAME] = {"pause_game", read_nothing},
    [CLIENT_REMATCH] = {"rematch", read_nothing},
    [CLIENT_RESYNC] = {"resync", read_nothing},
    [CLIENT_PING] = {"ping", read_time},
    [CLIENT_PONG] = {"pong", read_time},
};

static int read_message(const json_t *root, struct client_message *message, const char **why)
{
    *why = "a message must be a JSON object with a type";
    const char *type = json_string_value(json_object_get(root, "type"));
    if (!type)
        return MESSAGES_BAD;
    for (size_t i = 0; i < sizeof client_types / sizeof *client_types; i++) {
        if (strcmp(type, client_types[i].name) == 0) {
            message->type = (enum client_message_type)i;
            return client_types[i].read(root, message, why) ? MESSAGES_OK : MESSAGES_BAD;
        }
    }
    *why = "no such message type";
    return MESSAGES_UNKNOWN_TYPE;
}

int messages_parse(const char *text, size_t length, struct client_message *message,
                   const char **why)
{
    memset(message, 0, sizeof *message);
    *why = "a message must be a JSON object with a type";
    if (length > MESSAGES_CLIENT_MAX)
        return MESSAGES_BAD;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        return MESSAGES_BAD;
    int outcome = read_message(root, message, why);
    json_decref(root);
    return outcome;
}
