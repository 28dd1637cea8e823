/*
 * Client messages in JSON (gamed/messages_parse.c). Whatever is accepted is within its bounds, and
 * the same message written anew is read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <math.h>

#include "common/text.h"
#include "gamed/messages.h"
#include "gamed/messages_cache.h"

static const char *const type_words[] = {
    [CLIENT_JOIN_GAME] = "join_game",
    [CLIENT_PADDLE_POSITION] = "paddle_position",
    [CLIENT_KEY_EVENT] = "key_event",
    [CLIENT_RESUME_GAME] = "resume_game",
    [CLIENT_PAUSE_GAME] = "pause_game",
    [CLIENT_REMATCH] = "rematch",
    [CLIENT_PING] = "ping",
    [CLIENT_PONG] = "pong",
    [CLIENT_RESYNC] = "resync",
};

static void check_bounds(const struct client_message *message)
{
    assert(message->type <= CLIENT_RESYNC);
    assert(memchr(message->player_id, '\0', sizeof message->player_id));
    assert(memchr(message->username, '\0', sizeof message->username));
    assert(!message->username[0] || text_is_username(message->username, strlen(message->username)));
    assert(message->player_number >= -1 && message->player_number <= 2);
    assert(message->target >= 0 && message->target <= PONG_PADDLE_Y_MAX);
    assert(isfinite(message->time));
}

/* Of what a reader ignores nothing is left. */
static json_t *written(const struct client_message *message)
{
    json_t *object = json_pack("{s:s}", "type", type_words[message->type]);
    if (message->player_number != 0) /* 3 is as much nobody's as any other */
        json_object_set_new(object, "player_number",
                            json_integer(message->player_number < 0 ? 3 : message->player_number));
    switch (message->type) {
    case CLIENT_JOIN_GAME:
        json_object_set_new(object, "player_id", json_string(message->player_id));
        json_object_set_new(object, "username", json_string(message->username));
        break;
    case CLIENT_PADDLE_POSITION:
        json_object_set_new(object, "position",
                            json_real((double)message->target / PONG_UNITS_PER_PX));
        break;
    case CLIENT_KEY_EVENT:
        json_object_set_new(object, "key", json_string(message->key_is_up ? "w" : "s"));
        json_object_set_new(object, "is_down", json_boolean(message->is_down));
        break;
    case CLIENT_PING:
    case CLIENT_PONG:
        json_object_set_new(object, "time", json_real(message->time));
        break;
    default:
        break;
    }
    return object;
}

/* What is sent back of a message must be JSON again. */
static void check_answers(const struct client_message *message)
{
    char out[MESSAGES_SIZE];
    size_t length = messages_pong(message->time, 1, out, sizeof out);
    json_t *answer = json_loadb(out, length, JSON_REJECT_DUPLICATES, NULL);
    assert(json_number_value(json_object_get(answer, "time")) == message->time);
    json_decref(answer);

    length = messages_welcome(0, message->player_id, message->username, "", 0, out, sizeof out);
    answer = json_loadb(out, length, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(answer, "username"));
    assert(answer && strcmp(name ? name : "", message->username) == 0);
    json_decref(answer);
}

/* It means the same to the cache, new and known, whatever that was asked before. */
static void check_cached(const char *text, size_t size, const struct client_message *message)
{
    static struct messages_cache cache;
    struct client_message cached;
    const char *why;
    for (int times = 0; times < 2; times++) {
        assert(messages_cache_parse(&cache, text, size, &cached, &why) == MESSAGES_OK);
        assert(memcmp(message, &cached, sizeof cached) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client_message message, again;
    const char *why = NULL;
    int outcome = messages_parse((const char *)data, size, &message, &why);
    if (outcome != MESSAGES_OK) {
        assert(outcome == MESSAGES_BAD || outcome == MESSAGES_UNKNOWN_TYPE);
        assert(why && why[0]);
        return 0;
    }
    assert(size <= MESSAGES_CLIENT_MAX);
    check_cached((const char *)data, size, &message);
    check_bounds(&message);
    check_answers(&message);

    json_t *object = written(&message);
    char *text = json_dumps(object, JSON_COMPACT);
    assert(text);
    if (strlen(text) <= MESSAGES_CLIENT_MAX) { /* written without its escapes it may have grown */
        assert(messages_parse(text, strlen(text), &again, &why) == MESSAGES_OK);
        assert(memcmp(&message, &again, sizeof message) == 0);
    }
    free(text);
    json_decref(object);
    return 0;
}
