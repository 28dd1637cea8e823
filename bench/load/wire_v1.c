/*
 * wire_v1: players of pong.v1.json as deployed pages are: they send paddle_position ten times a second
 * and draw what comes. Also `ws`, the same load at a server that relays frames and knows no rules.
 *
 * An update is left out where nothing changes. So that each client is sent all 30 a second, players
 * stroll from end to end while the ball rests.
 */
#include "bench/load/wire.h"

#include <stdio.h>
#include <string.h>

#include "bench/load/gamed_seats.h"
#include "bench/load/player.h"
#include "bench/load/scan.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

enum {
    POSITIONS_EVERY_MS = 100,
    END_PX = (PONG_PADDLE_Y_MAX / PONG_UNITS_PER_PX),
    TURN_PX = 160, /* so far before an end one turns: the way until the next position, and more */
    CODE_CHARACTERS = 5,
    ROOM_PHASE_NS = 37700001 /* from room to room, so that they are spread */
};

struct v1 {
    struct player player;
    struct pong seen;
    int64_t decide_ns;
    int64_t moved_ns; /* when a position was sent to a paddle at rest; 0: its effect was seen */
    int32_t goal;
    int32_t sent_px; /* the newest position */
    bool is_down;
};

static struct v1 *state_of(const struct client *client)
{
    return client->state;
}

static int64_t period_of(const struct load *load)
{
    const int ms = load->options.inputs_every_ms;
    return (ms ? ms : POSITIONS_EVERY_MS) * NS_PER_MS;
}

/*
 * When its next position is due. The two of a room take turns: a paddle that turns back within an update
 * has not moved, and if both did so at once there were nothing to tell.
 */
static int64_t next_turn(const struct load *load, const struct client *client, int64_t now)
{
    const int64_t period = period_of(load);
    const int64_t phase =
        ((int64_t)client->room->index * ROOM_PHASE_NS + (client->number == 2 ? period / 2 : 0)) %
        period;
    return now + period - (now - phase) % period;
}

static void opened(struct load *load, struct client *client, int64_t now)
{
    struct v1 *v1 = state_of(client);
    pong_init(&v1->seen, 0, GAMED_WINNING_SCORE, PONG_SERVE_STEPS);
    v1->sent_px = -1;
    if (client->number == 0 || load->options.moves <= 0)
        return;
    client_wake_at(load, client, next_turn(load, client, now));
}

/* ---- positions ----------------------------------------------------------------------------- */

static int32_t px(int32_t units)
{
    return units / PONG_UNITS_PER_PX;
}

static int32_t stroll(struct v1 *v1, int32_t y)
{
    if (v1->is_down && y > END_PX - TURN_PX)
        v1->is_down = false;
    else if (!v1->is_down && y < TURN_PX)
        v1->is_down = true;
    return v1->is_down ? END_PX : 0;
}

static int32_t next_position(struct load *load, struct client *client, int64_t now)
{
    struct v1 *v1 = state_of(client);
    const int own = client->number - 1;
    if (v1->seen.phase != PONG_RALLY)
        return stroll(v1, px(v1->seen.paddle_y[own]));
    const bool was_coming = v1->player.is_coming;
    struct player player = v1->player;
    const int32_t goal = player_goal(&player, &v1->seen, own, client_random(client));
    if (now >= v1->decide_ns || player.is_coming != was_coming || player.is_coming) {
        v1->player = player;
        v1->goal = goal;
        v1->decide_ns = now + (int64_t)((double)NS_PER_S / load->options.moves);
    }
    return px(v1->goal);
}

static void send_position(struct load *load, struct client *client, int32_t position)
{
    char text[96];
    const int length = snprintf(
        text, sizeof text, "{\"type\":\"paddle_position\",\"player_number\":%d,\"position\":%d}",
        (int)client->number, (int)position);
    client_send(load, client, WIRE_TEXT, text, (size_t)length);
}

static void due(struct load *load, struct client *client, int64_t now)
{
    struct v1 *v1 = state_of(client);
    const int32_t position = next_position(load, client, now);
    const bool rests = v1->sent_px == px(v1->seen.paddle_y[client->number - 1]);
    v1->moved_ns = rests && position != v1->sent_px ? load_clock() : 0;
    v1->sent_px = position;
    send_position(load, client, position);
    client_wake_at(load, client, next_turn(load, client, now));
}

/* ---- what comes ---------------------------------------------------------------------------- */

static bool take_number(const char *text, size_t length, const char *key, int32_t *units)
{
    double number = 0;
    if (!scan_number(text, length, key, &number))
        return false;
    *units = (int32_t)(number * PONG_UNITS_PER_PX);
    return true;
}

static void take_phase(struct pong *seen, const char *text, size_t length)
{
    if (scan_find(text, length, "is_paused"))
        seen->phase = scan_is_true(text, length, "is_paused") ? PONG_SERVING : PONG_RALLY;
}

static void take_state(struct load *load, struct client *client, const char *text, size_t length,
                       int64_t now)
{
    static const char *const paddles[] = {"player_1_paddle_y", "player_2_paddle_y"};
    struct v1 *v1 = state_of(client);
    struct pong *seen = &v1->seen;
    take_phase(seen, text, length);
    if (take_number(text, length, "ball_x", &seen->ball_x))
        take_number(text, length, "ball_y", &seen->ball_y);
    if (scan_find(text, length, "ball_speed_x") || scan_find(text, length, "ball_speed_y")) {
        take_number(text, length, "ball_speed_x", &seen->ball_vx);
        take_number(text, length, "ball_speed_y", &seen->ball_vy);
    }
    for (int i = 0; i < 2; i++) {
        if (!take_number(text, length, paddles[i], &seen->paddle_y[i]) || !client->peer ||
            i == client->number - 1)
            continue;
        struct v1 *author = state_of(client->peer);
        if (author->moved_ns) {
            load_note_relay(load, now - author->moved_ns);
            load_note_effect(load, now - author->moved_ns);
            author->moved_ns = 0;
        }
    }
}

static void message(struct load *load, struct client *client, int opcode,
                    const unsigned char *payload, size_t length, int64_t now)
{
    static const char head[] = "{\"type\":\"game_state";
    static const char partial[] = "\"is_full_state\":false";
    enum {
        HEAD = sizeof head - 1
    };
    const char *text = (const char *)payload;
    if (opcode != WIRE_TEXT) {
        load_note_error(load, LOAD_BAD_FRAME);
        return;
    }
    if (length < HEAD || memcmp(text, head, HEAD) != 0) {
        if (gamed_seats_text(load, client, text, length) != GAMED_TEXT_OTHER ||
            scan_find(text, length, "scorer"))
            cadence_break(&client->cadence, now); /* nothing moves until somebody does */
        return;
    }
    take_state(load, client, text, length, now);
    if (!memmem(text, length, partial, sizeof partial - 1))
        return;
    load_note_update(load, client);
    load_note_cadence(load, client, now);
}

const struct wire wire_v1 = {
    .name = "v1",
    .subprotocol = "pong.v1.json",
    .state_size = sizeof(struct v1),
    .ask = gamed_seats_ask,
    .answer = gamed_seats_answer,
    .target = gamed_seats_target,
    .opened = opened,
    .message = message,
    .due = due,
};

/* ---- a server without rules ---------------------------------------------------------------- */

struct plain {
    bool is_down;
};

static void plain_target(const struct load_room *room, const struct seat *seat, char *out,
                         size_t size)
{
    (void)seat;
    snprintf(out, size, "/ws/game/P%0*u/", (int)CODE_CHARACTERS, room->index);
}

static void plain_opened(struct load *load, struct client *client, int64_t now)
{
    if (client->number == 0 || load->options.moves <= 0)
        return;
    client_wake_at(load, client, next_turn(load, client, now));
}

static void plain_due(struct load *load, struct client *client, int64_t now)
{
    struct plain *plain = client->state;
    plain->is_down = !plain->is_down;
    send_position(load, client, plain->is_down ? END_PX : 0);
    client_wake_at(load, client, next_turn(load, client, now));
}

static void plain_message(struct load *load, struct client *client, int opcode,
                          const unsigned char *payload, size_t length, int64_t now)
{
    (void)opcode;
    (void)payload;
    (void)length;
    load_note_update(load, client);
    load_note_cadence(load, client, now);
}

const struct wire wire_plain = {
    .name = "ws",
    .state_size = sizeof(struct plain),
    .target = plain_target,
    .opened = plain_opened,
    .message = plain_message,
    .due = plain_due,
};
