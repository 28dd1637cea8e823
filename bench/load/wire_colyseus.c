/*
 * wire_colyseus: players of bench/peers/colyseus, as its own client would speak for them: seats from the
 * matchmaker, the handshake, patches of the state, and their paddle's position ten times a second.
 *
 * A room has two seats and no spectators.
 */
#include "bench/load/wire.h"

#include <stdio.h>
#include <string.h>

#include "bench/load/colyseus_patch.h"
#include "bench/load/load.h"
#include "bench/load/player.h"
#include "bench/load/scan.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

enum {
    HTTP_OK = 200,
    POSITIONS_EVERY_MS = 100,
    STEPS_AN_UPDATE = 2
};

struct colyseus {
    struct player player;
    struct colyseus_court court;
    struct pong seen; /* of the court, what a player goes by */
    int64_t next_ns, decide_ns;
    int64_t moved_ns; /* when a position was sent to a paddle at rest; 0: its effect was seen */
    int32_t goal;
    bool is_joined;
};

static struct colyseus *state_of(const struct client *client)
{
    return client->state;
}

/* ---- seats --------------------------------------------------------------------------------- */

static void ask(const struct load_room *room, int number, struct wire_request *request)
{
    if (number == 1)
        snprintf(request->path, sizeof request->path, "/matchmake/create/pong");
    else
        snprintf(request->path, sizeof request->path, "/matchmake/joinById/%s", room->code);
    snprintf(request->body, sizeof request->body, "{}");
}

/* The process is part of the WebSocket's target, the session opens it. */
static bool answer(struct load_room *room, int number, int status, const char *body, size_t length)
{
    struct seat *seat = &room->seats[number - 1];
    return status == HTTP_OK &&
           scan_string(body, length, "roomId", room->code, sizeof room->code) &&
           scan_string(body, length, "sessionId", seat->token, sizeof seat->token) &&
           scan_string(body, length, "processId", seat->id, sizeof seat->id);
}

static void target(const struct load_room *room, const struct seat *seat, char *out, size_t size)
{
    snprintf(out, size, "/%s/%s?sessionId=%s", seat ? seat->id : "process", room->code,
             seat ? seat->token : "");
}

/* ---- positions ----------------------------------------------------------------------------- */

static int64_t period_of(const struct load *load)
{
    const int ms = load->options.inputs_every_ms;
    return (ms ? ms : POSITIONS_EVERY_MS) * NS_PER_MS;
}

static void opened(struct load *load, struct client *client, int64_t now)
{
    (void)load;
    (void)now;
    pong_init(&state_of(client)->seen, 0, 0, PONG_SERVE_STEPS);
}

/* What the server waits for before it sends anything. */
static void join(struct load *load, struct client *client, int64_t now)
{
    static const unsigned char joined[] = {COLYSEUS_JOIN_ROOM};
    struct colyseus *colyseus = state_of(client);
    client_send(load, client, WIRE_BINARY, joined, sizeof joined);
    if (colyseus->is_joined || client->number == 0 || load->options.moves <= 0)
        return;
    colyseus->is_joined = true;
    colyseus->next_ns = now + client_random(client) % period_of(load);
    client_wake_at(load, client, colyseus->next_ns);
}

/* While the ball comes a player corrects himself each time, else he decides --moves times a second. */
static int32_t next_goal(const struct load *load, struct client *client, int64_t now)
{
    struct colyseus *colyseus = state_of(client);
    struct player player = colyseus->player;
    const int32_t goal =
        player_goal(&player, &colyseus->seen, client->number - 1, client_random(client));
    if (now >= colyseus->decide_ns || player.is_coming ||
        player.is_coming != colyseus->player.is_coming) {
        colyseus->player = player;
        colyseus->goal = goal;
        colyseus->decide_ns = now + (int64_t)((double)NS_PER_S / load->options.moves);
    }
    return colyseus->goal;
}

static void due(struct load *load, struct client *client, int64_t now)
{
    struct colyseus *colyseus = state_of(client);
    unsigned char input[COLYSEUS_INPUT_SIZE];
    const bool rests = colyseus->goal == colyseus->seen.paddle_y[client->number - 1];
    const int32_t before = colyseus->goal, goal = next_goal(load, client, now);
    colyseus->moved_ns = rests && goal != before ? load_clock() : 0;
    colyseus_patch_input((uint16_t)goal, input);
    client_send(load, client, WIRE_BINARY, input, sizeof input);
    colyseus->next_ns += period_of(load);
    if (colyseus->next_ns <= now)
        colyseus->next_ns = now + period_of(load);
    client_wake_at(load, client, colyseus->next_ns);
}

/* ---- what comes ---------------------------------------------------------------------------- */

/* The state says where the ball is; how fast it flies is seen from one update to the next. */
static void look(struct colyseus *colyseus)
{
    const uint16_t *values = colyseus->court.values;
    struct pong *seen = &colyseus->seen;
    const bool flew = seen->phase == PONG_RALLY && values[COLYSEUS_PHASE] == PONG_RALLY;
    seen->ball_vx = flew ? (values[COLYSEUS_BALL_X] - seen->ball_x) / STEPS_AN_UPDATE : 0;
    seen->ball_vy = flew ? (values[COLYSEUS_BALL_Y] - seen->ball_y) / STEPS_AN_UPDATE : 0;
    seen->ball_x = values[COLYSEUS_BALL_X];
    seen->ball_y = values[COLYSEUS_BALL_Y];
    seen->paddle_y[0] = values[COLYSEUS_PADDLE_1];
    seen->paddle_y[1] = values[COLYSEUS_PADDLE_2];
    seen->phase = (uint8_t)values[COLYSEUS_PHASE];
}

static void note_effect(struct load *load, const struct client *client, unsigned changed,
                        int64_t now)
{
    const unsigned others = client->number == 1 ? COLYSEUS_PADDLE_2 : COLYSEUS_PADDLE_1;
    if (!client->peer || !(changed & 1u << others))
        return;
    struct colyseus *author = state_of(client->peer);
    if (!author->moved_ns)
        return;
    load_note_relay(load, now - author->moved_ns);
    load_note_effect(load, now - author->moved_ns);
    author->moved_ns = 0;
}

static void take_state(struct load *load, struct client *client, const unsigned char *payload,
                       size_t length, int64_t now)
{
    struct colyseus *colyseus = state_of(client);
    unsigned changed = 0;
    if (!colyseus_patch_read(&colyseus->court, payload + 1, length - 1, &changed)) {
        load_note_error(load, LOAD_BAD_FRAME);
        return;
    }
    look(colyseus);
    if (payload[0] != COLYSEUS_ROOM_STATE_PATCH)
        return;
    note_effect(load, client, changed, now);
    load_note_update(load, client);
    load_note_cadence(load, client, now);
}

static void message(struct load *load, struct client *client, int opcode,
                    const unsigned char *payload, size_t length, int64_t now)
{
    const int code = opcode == WIRE_BINARY && length > 0 ? payload[0] : 0;
    switch (code) {
    case COLYSEUS_JOIN_ROOM:
        join(load, client, now);
        break;
    case COLYSEUS_ROOM_STATE:
    case COLYSEUS_ROOM_STATE_PATCH:
        take_state(load, client, payload, length, now);
        break;
    case COLYSEUS_ERROR:
        load_note_error(load, LOAD_REFUSED);
        break;
    default:
        load_note_error(load, LOAD_BAD_FRAME);
        break;
    }
}

const struct wire wire_colyseus = {
    .name = "colyseus",
    .state_size = sizeof(struct colyseus),
    .is_for_two = true,
    .ask = ask,
    .answer = answer,
    .target = target,
    .opened = opened,
    .message = message,
    .due = due,
};
