/*
 * Full states and deltas go out 30 times a second per room, so they are written without jansson,
 * which allocates. The unit tests read back with jansson whatever comes out of here.
 */
#include "gamed/messages.h"

#include <assert.h>
#include <string.h>

struct writer {
    char *at, *end;
};

static void put_bytes(struct writer *writer, const char *bytes, size_t length)
{
    assert((size_t)(writer->end - writer->at) > length);
    memcpy(writer->at, bytes, length);
    writer->at += length;
}

static void put(struct writer *writer, const char *text)
{
    put_bytes(writer, text, strlen(text));
}

static void put_unsigned(struct writer *writer, uint64_t number)
{
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    put_bytes(writer, digits + i, sizeof digits - i);
}

/* Hundredths with as few decimals as it takes: 1250 is 12.5. */
static void put_hundredths(struct writer *writer, int32_t value)
{
    uint32_t size = value < 0 ? (uint32_t)-value : (uint32_t)value;
    if (value < 0)
        put(writer, "-");
    put_unsigned(writer, size / 100);
    uint32_t fraction = size % 100;
    if (fraction == 0)
        return;
    char decimals[3] = {'.', (char)('0' + fraction / 10), (char)('0' + fraction % 10)};
    put_bytes(writer, decimals, fraction % 10 ? 3 : 2);
}

/*
 * A string, or null for an empty one. The text is valid UTF-8, so only quotes, backslashes and
 * control characters need care.
 */
static void put_string(struct writer *writer, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    if (!text[0]) {
        put(writer, "null");
        return;
    }
    put(writer, "\"");
    for (const char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20) {
            char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
            put_bytes(writer, escape, sizeof escape);
            continue;
        }
        if (byte == '"' || byte == '\\')
            put(writer, "\\");
        put_bytes(writer, c, 1);
    }
    put(writer, "\"");
}

static const char *status_word(uint8_t status)
{
    static const char *const words[] = {"WAITING", "ONGOING", "FINISHED"};
    return words[status];
}

static void put_last_loser(struct writer *writer, uint8_t last_loser)
{
    if (last_loser)
        put_unsigned(writer, last_loser);
    else
        put(writer, "null");
}

static void put_names(struct writer *writer, const struct game *game)
{
    static const char *const id_keys[] = {",\"player_1_id\":", ",\"player_2_id\":"};
    static const char *const name_keys[] = {",\"player_1_username\":", ",\"player_2_username\":"};
    for (int i = 0; i < 2; i++) {
        put(writer, id_keys[i]);
        put_string(writer, game->seats[i].player.player_id);
    }
    for (int i = 0; i < 2; i++) {
        put(writer, name_keys[i]);
        put_string(writer, game->seats[i].player.username);
    }
}

static void put_number_key(struct writer *writer, const char *key, int32_t value)
{
    put(writer, key);
    put_hundredths(writer, value);
}

size_t messages_state(const struct game *game, const struct game_view *view,
                      enum messages_state_form form, int64_t unix_ms, char *out, size_t size)
{
    static const char *const openings[] = {
        [MESSAGES_STATE_BARE] = "{",
        [MESSAGES_STATE_FULL] = "{\"type\":\"game_state\",\"is_full_state\":true,",
        [MESSAGES_STATE_JOINED] = "{\"type\":\"game_state_delta\",\"is_full_state\":true,",
    };
    struct writer writer = {out, out + size};
    put(&writer, openings[form]);
    put(&writer, "\"room_code\":");
    put_string(&writer, game->room_code);
    put(&writer, ",\"status\":\"");
    put(&writer, status_word(view->status));
    put(&writer, "\"");
    put_names(&writer, game);
    put(&writer, ",\"player_1_score\":");
    put_unsigned(&writer, view->score[0]);
    put(&writer, ",\"player_2_score\":");
    put_unsigned(&writer, view->score[1]);
    put_number_key(&writer, ",\"player_1_paddle_y\":", view->paddle_y[0]);
    put_number_key(&writer, ",\"player_2_paddle_y\":", view->paddle_y[1]);
    put(&writer, ",\"paddle_height\":");
    put_unsigned(&writer, PONG_PADDLE_HEIGHT / PONG_UNITS_PER_PX);
    put(&writer, ",\"paddle_width\":");
    put_unsigned(&writer, PONG_PADDLE_WIDTH / PONG_UNITS_PER_PX);
    put_number_key(&writer, ",\"ball_x\":", view->ball_x);
    put_number_key(&writer, ",\"ball_y\":", view->ball_y);
    put(&writer, ",\"ball_size\":");
    put_unsigned(&writer, 2 * PONG_BALL_RADIUS / PONG_UNITS_PER_PX);
    put_number_key(&writer, ",\"ball_speed_x\":", view->ball_speed_x);
    put_number_key(&writer, ",\"ball_speed_y\":", view->ball_speed_y);
    put(&writer, view->is_paused ? ",\"is_paused\":true" : ",\"is_paused\":false");
    put(&writer, ",\"last_loser\":");
    put_last_loser(&writer, view->last_loser);
    put(&writer, ",\"winning_score\":");
    put_unsigned(&writer, game->pong.winning_score);
    put(&writer, ",\"timestamp\":");
    put_unsigned(&writer, (uint64_t)unix_ms);
    put(&writer, "}");
    return (size_t)(writer.at - out);
}

/* Names change seldom, so a change of either version writes just that key. */
static void put_changed_names(struct writer *writer, const struct game *game,
                              const struct game_view *before, const struct game_view *after)
{
    static const char *const keys[2][2] = {{",\"player_1_id\":", ",\"player_1_username\":"},
                                           {",\"player_2_id\":", ",\"player_2_username\":"}};
    for (int i = 0; i < 2; i++) {
        if (before->id_version[i] != after->id_version[i]) {
            put(writer, keys[i][0]);
            put_string(writer, game->seats[i].player.player_id);
        }
        if (before->name_version[i] != after->name_version[i]) {
            put(writer, keys[i][1]);
            put_string(writer, game->seats[i].player.username);
        }
    }
}

static void put_changed(struct writer *writer, const char *key, int32_t before, int32_t after)
{
    if (before != after)
        put_number_key(writer, key, after);
}

size_t messages_delta(const struct game *game, const struct game_view *before,
                      const struct game_view *after, int64_t unix_ms, char *out, size_t size)
{
    struct writer writer = {out, out + size};
    put(&writer, "{\"type\":\"game_state_delta\",\"timestamp\":");
    put_unsigned(&writer, (uint64_t)unix_ms);
    put(&writer, ",\"is_full_state\":false");
    const char *head_end = writer.at;
    put_changed(&writer, ",\"ball_x\":", before->ball_x, after->ball_x);
    put_changed(&writer, ",\"ball_y\":", before->ball_y, after->ball_y);
    put_changed(&writer, ",\"ball_speed_x\":", before->ball_speed_x, after->ball_speed_x);
    put_changed(&writer, ",\"ball_speed_y\":", before->ball_speed_y, after->ball_speed_y);
    put_changed(&writer, ",\"player_1_paddle_y\":", before->paddle_y[0], after->paddle_y[0]);
    put_changed(&writer, ",\"player_2_paddle_y\":", before->paddle_y[1], after->paddle_y[1]);
    put_changed(&writer, ",\"player_1_score\":", before->score[0] * 100, after->score[0] * 100);
    put_changed(&writer, ",\"player_2_score\":", before->score[1] * 100, after->score[1] * 100);
    if (before->status != after->status) {
        put(&writer, ",\"status\":\"");
        put(&writer, status_word(after->status));
        put(&writer, "\"");
    }
    if (before->is_paused != after->is_paused)
        put(&writer, after->is_paused ? ",\"is_paused\":true" : ",\"is_paused\":false");
    if (before->last_loser != after->last_loser) {
        put(&writer, ",\"last_loser\":");
        put_last_loser(&writer, after->last_loser);
    }
    put_changed_names(&writer, game, before, after);
    if (writer.at == head_end)
        return 0;
    put(&writer, "}");
    return (size_t)(writer.at - out);
}
