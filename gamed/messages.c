/*
 * The messages that are rare enough for jansson: events, errors, answers.
 */
#include "gamed/messages.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/* Significant digits: a speed of 7.34 stays "7.34"; a time that a client sent comes back exactly. */
enum {
    DIGITS = 15,
    DIGITS_EXACT = 17
};

/*
 * Writes and releases an object. One that could not be built (out of memory) becomes the empty
 * object rather than nothing.
 */
static size_t dump(json_t *object, size_t digits, char *out, size_t size)
{
    size_t length =
        object ? json_dumpb(object, out, size, JSON_COMPACT | JSON_REAL_PRECISION(digits)) : 0;
    json_decref(object);
    if (length == 0 || length > size) {
        assert(length <= size);
        memcpy(out, "{}", 2);
        length = 2;
    }
    return length;
}

/* 1/64 px per step as px per step with two decimals, as everywhere on this wire. */
static double speed(int16_t units)
{
    return round(units * 100.0 / PONG_UNITS_PER_PX) / 100;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

/* Numbers 1 and 2; nobody is null. */
static json_t *player_or_null(int number)
{
    return number ? json_integer(number) : json_null();
}

const char *messages_end_word(uint8_t end)
{
    static const char *const words[] = {"score", "forfeit", "abandoned"};
    return words[end];
}

const char *messages_pause_word(uint8_t pause)
{
    static const char *const words[] = {"", "player", "absence", "restart"};
    return words[pause];
}

static json_t *scored(const struct game *game, const char *type, const struct game_event *event,
                      int64_t unix_ms)
{
    return json_pack("{s:s, s:i, s:i, s:s?, s:s?, s:I}", "type", type, "player_1_score",
                     event->score[0], "player_2_score", event->score[1], "player_1_username",
                     or_null(game->seats[0].player.username), "player_2_username",
                     or_null(game->seats[1].player.username), "timestamp", (json_int_t)unix_ms);
}

static json_t *event_object(const struct game *game, const struct game_event *event,
                            int64_t unix_ms)
{
    json_int_t timestamp = (json_int_t)unix_ms;
    const struct game_player *player =
        event->player ? &game->seats[event->player - 1].player : NULL;
    json_t *object;
    switch ((enum game_event_type)event->type) {
    case GAME_EVENT_JOINED:
        assert(player); /* somebody joins or leaves */
        return json_pack("{s:s, s:i, s:s?, s:s?, s:b, s:I}", "type", "player_joined",
                         "player_number", event->player, "player_id", or_null(player->player_id),
                         "username", or_null(player->username), "is_you", 0, "timestamp",
                         timestamp);
    case GAME_EVENT_LEFT:
        assert(player);
        return json_pack("{s:s, s:i, s:s?, s:s?, s:I}", "type", "player_left", "player_number",
                         event->player, "player_id", or_null(player->player_id), "username",
                         or_null(player->username), "timestamp", timestamp);
    case GAME_EVENT_GOAL:
        object = scored(game, "goal_scored", event, unix_ms);
        json_object_set_new(object, "scorer", json_integer(event->player));
        return object;
    case GAME_EVENT_OVER:
        object = scored(game, "game_over", event, unix_ms);
        json_object_set_new(object, "winner", player_or_null(event->player));
        json_object_set_new(object, "reason", json_string(messages_end_word(event->end)));
        return object;
    case GAME_EVENT_PAUSED:
        return json_pack("{s:s, s:o, s:s, s:I}", "type", "game_paused", "player_number",
                         player_or_null(event->player), "reason", messages_pause_word(event->pause),
                         "timestamp", timestamp);
    case GAME_EVENT_RESUMED:
        return json_pack("{s:s, s:o, s:f, s:f, s:I}", "type", "game_resumed", "player_number",
                         player_or_null(event->player), "ball_speed_x", speed(event->vx),
                         "ball_speed_y", speed(event->vy), "timestamp", timestamp);
    case GAME_EVENT_REMATCH_OFFERED:
        return json_pack("{s:s, s:i, s:I}", "type", "rematch_offered", "player_number",
                         event->player, "timestamp", timestamp);
    case GAME_EVENT_NEW_MATCH:
        break;
    }
    assert(!"a new match is announced by a full state");
    return NULL;
}

size_t messages_event(const struct game *game, const struct game_event *event, int64_t unix_ms,
                      char *out, size_t size)
{
    return dump(event_object(game, event, unix_ms), DIGITS, out, size);
}

size_t messages_welcome(int seat, const char *player_id, const char *username,
                        const char *seat_token, int64_t unix_ms, char *out, size_t size)
{
    json_t *object =
        json_pack("{s:s, s:o, s:s?, s:s?, s:b, s:I}", "type", "player_joined", "player_number",
                  player_or_null(seat), "player_id", or_null(player_id), "username",
                  or_null(username), "is_you", 1, "timestamp", (json_int_t)unix_ms);
    if (seat_token[0])
        json_object_set_new(object, "seat_token", json_string(seat_token));
    return dump(object, DIGITS, out, size);
}

size_t messages_error(const char *code, const char *sentence, char *out, size_t size)
{
    return dump(json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", sentence),
                DIGITS, out, size);
}

size_t messages_refusal(enum game_refusal refusal, char *out, size_t size)
{
    switch (refusal) {
    case GAME_NOT_YOUR_SERVE:
        return messages_error("not_your_serve", "The player who lost the last point serves", out,
                              size);
    case GAME_TOO_EARLY:
        return messages_error("too_early", "The serve can be brought forward after one second", out,
                              size);
    case GAME_NOT_RUNNING:
        return messages_error("not_running", "That is not possible in this phase of the game", out,
                              size);
    case GAME_NO_PAUSES_LEFT:
        return messages_error("no_pauses_left", "You have no pauses left in this match", out, size);
    case GAME_NOT_YOUR_PAUSE:
        return messages_error("not_your_pause", "This pause is not yours to end", out, size);
    case GAME_NOT_A_PLAYER:
        return messages_error("not_a_player", "Only a player can do that", out, size);
    case GAME_OK:
        break;
    }
    assert(!"not a refusal");
    return 0;
}

size_t messages_pong(double time, uint32_t step, char *out, size_t size)
{
    return dump(
        json_pack("{s:s, s:f, s:I}", "type", "pong", "time", time, "step", (json_int_t)step),
        DIGITS_EXACT, out, size);
}
