/*
 * wire_v2: players of pong.v2.bin as docs/protocol.md §2c wants them: a clock by ping/pong, inputs
 * named ahead of the server's step, a simulation of their own, with which every heartbeat's checksum is
 * compared.
 *
 * A player presses a key and releases it where he wants his paddle: two inputs. So `--moves 4` is two
 * presses a second. With --inputs-every he points instead: a new target each time.
 */
#include "bench/load/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/gamed_seats.h"
#include "bench/load/player.h"
#include "bench/load/prediction.h"
#include "bench/load/scan.h"
#include "bench/load/step_clock.h"
#include "gamed/updates.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

enum {
    SENT_KEPT = 16,
    AHEAD_MAX = 24, /* steps before what is now for the player; the server takes 30 */
    NUDGE = 2 * PONG_PADDLE_SPEED,
    POINT_JITTER = 1280,
    RETRY_MS = 100,
    MISMATCHES_MAX = 2
};

struct v2 {
    struct prediction prediction;
    struct step_clock clock;
    struct player player;
    bool is_pressing;     /* a key is down until next_input_ns */
    bool awaits_keyframe; /* a match begins, or one was asked for */
    uint8_t mismatches;
    uint8_t sent_next;
    int64_t next_press_ns, next_input_ns;
    uint32_t last_input; /* its step */
    uint32_t heard;      /* of a keyframe or heartbeat */
    struct v2_sent {
        int64_t at_ns; /* 0: none */
        bool is_told;  /* its relay came */
        uint32_t step;
        uint16_t target;
    } sent[SENT_KEPT];
};

static struct v2 *state_of(const struct client *client)
{
    return client->state;
}

static void schedule(struct load *load, struct client *client)
{
    const struct v2 *v2 = state_of(client);
    int64_t due = v2->clock.next_ping_ns;
    if (v2->next_input_ns && v2->next_input_ns < due)
        due = v2->next_input_ns;
    client_wake_at(load, client, due);
}

/* Between two presses. */
static int64_t period_of(const struct load *load)
{
    if (load->options.inputs_every_ms)
        return load->options.inputs_every_ms * NS_PER_MS;
    return load->options.moves > 0 ? (int64_t)(2 * (double)NS_PER_S / load->options.moves) : 0;
}

static void opened(struct load *load, struct client *client, int64_t now)
{
    struct v2 *v2 = state_of(client);
    const int64_t period = period_of(load);
    prediction_init(&v2->prediction, GAMED_WINNING_SCORE);
    step_clock_init(&v2->clock, now);
    if (client->number && period) {
        v2->next_press_ns = now + NS_PER_S + client_random(client) % period;
        v2->next_input_ns = v2->next_press_ns;
    }
    schedule(load, client);
}

static void send_ping(struct load *load, struct client *client)
{
    char text[64];
    const int length = snprintf(text, sizeof text, "{\"type\":\"ping\",\"time\":%lld}",
                                (long long)(load_clock() / NS_PER_US));
    client_send(load, client, WIRE_TEXT, text, (size_t)length);
}

static void send_resync(struct load *load, struct client *client)
{
    static const char text[] = "{\"type\":\"resync\"}";
    state_of(client)->awaits_keyframe = true;
    client_send(load, client, WIRE_TEXT, text, sizeof text - 1);
}

/* ---- inputs -------------------------------------------------------------------------------- */

/*
 * The step that an input names which is sent now; 0 when none can be: nothing is known yet, or the
 * player is too far ahead of what is now.
 */
static uint32_t input_step(struct v2 *v2, int64_t now)
{
    if (!v2->prediction.is_set || v2->clock.count == 0 || v2->clock.is_doubted ||
        v2->awaits_keyframe)
        return 0;
    const uint32_t present = (uint32_t)(int64_t)step_clock_play_at(&v2->clock, now);
    /* The wire's steps are 16 bits wide; what is known of the others is the prediction's. */
    const uint32_t near = updates_step_near(v2->prediction.newest, (uint16_t)(present & 0xffff));
    uint32_t step = near + 1;
    if ((int32_t)(v2->last_input + 1 - step) > 0)
        step = v2->last_input + 1;
    if ((int32_t)(v2->heard + 1 - step) > 0)
        step = v2->heard + 1;
    return (int32_t)(step - near) > AHEAD_MAX ? 0 : step;
}

static bool send_input(struct load *load, struct client *client, uint32_t step, int32_t target)
{
    struct v2 *v2 = state_of(client);
    const uint16_t value = (uint16_t)pong_clamp_target(target);
    const unsigned char bytes[UPDATES_INPUT_SIZE] = {
        UPDATES_INPUT_TYPE, (unsigned char)(step & 0xff), (unsigned char)(step >> 8 & 0xff),
        (unsigned char)(value & 0xff), (unsigned char)(value >> 8)};
    if (!prediction_input(&v2->prediction, client->number - 1, step, value))
        return false;
    v2->last_input = step;
    v2->sent[v2->sent_next] =
        (struct v2_sent){.at_ns = load_clock(), .step = step, .target = value};
    v2->sent_next = (uint8_t)((v2->sent_next + 1U) % SENT_KEPT);
    client_send(load, client, WIRE_BINARY, bytes, sizeof bytes);
    return true;
}

/* The paddle before an input is applied, and what its player wants. */
static bool look(struct client *client, uint32_t step, int32_t *goal, struct pong *seen)
{
    struct v2 *v2 = state_of(client);
    const struct pong *foreseen = prediction_at(&v2->prediction, step - 1);
    if (!foreseen)
        return false;
    *seen = *foreseen;
    *goal = player_goal(&v2->player, seen, client->number - 1, client_random(client));
    return true;
}

static void point(struct load *load, struct client *client, int64_t now)
{
    struct v2 *v2 = state_of(client);
    struct pong seen;
    int32_t goal = 0;
    const uint32_t step = input_step(v2, now);
    v2->next_input_ns += period_of(load);
    if (!step || !look(client, step, &goal, &seen))
        return;
    goal = pong_clamp_target(goal + (int32_t)(client_random(client) % POINT_JITTER) -
                             POINT_JITTER / 2);
    /* A target that changes nothing is not news. */
    if (goal == seen.target_y[client->number - 1])
        goal += goal ? -1 : 1;
    send_input(load, client, step, goal);
}

/* Presses up or down, and plans the release. */
static void press(struct load *load, struct client *client, int64_t now)
{
    struct v2 *v2 = state_of(client);
    struct pong seen;
    int32_t goal = 0;
    const int own = client->number - 1;
    const int64_t period = period_of(load);
    const uint32_t step = input_step(v2, now);
    while (v2->next_press_ns <= now)
        v2->next_press_ns += period;
    v2->next_input_ns = v2->next_press_ns;
    if (!step || !look(client, step, &goal, &seen))
        return;
    const int32_t y = seen.paddle_y[own];
    int32_t way = goal - y;
    /* He is there already: he steps aside a little, towards the ball's middle. */
    if (abs(way) < NUDGE)
        way = v2->player.off > 0 ? -NUDGE : NUDGE;
    if (y + way < 0 || y + way > PONG_PADDLE_Y_MAX)
        way = -way;
    int32_t target = way < 0 ? 0 : PONG_PADDLE_Y_MAX;
    if (target == seen.target_y[own])
        target += target ? -1 : 1;
    if (!send_input(load, client, step, target))
        return;
    const double steps = (double)abs(way) / PONG_PADDLE_SPEED;
    const int64_t until = step_clock_after(now, steps);
    const int64_t latest = v2->next_press_ns - period / 8;
    v2->is_pressing = true;
    v2->next_input_ns = until < latest ? until : latest;
}

static void release(struct load *load, struct client *client, int64_t now)
{
    struct v2 *v2 = state_of(client);
    const int own = client->number - 1;
    const uint32_t step = input_step(v2, now);
    v2->is_pressing = false;
    v2->next_input_ns = v2->next_press_ns;
    const struct pong *seen = step ? prediction_at(&v2->prediction, step - 1) : NULL;
    if (!seen)
        return;
    int32_t target = seen->paddle_y[own];
    if (target == seen->target_y[own])
        target += target ? -PONG_PADDLE_SPEED : PONG_PADDLE_SPEED;
    send_input(load, client, step, target);
}

static void due(struct load *load, struct client *client, int64_t now)
{
    struct v2 *v2 = state_of(client);
    if (step_clock_take_ping(&v2->clock, now))
        send_ping(load, client);
    if (v2->next_input_ns && now >= v2->next_input_ns) {
        if (load->options.inputs_every_ms)
            point(load, client, now);
        else if (v2->is_pressing)
            release(load, client, now);
        else
            press(load, client, now);
        if (v2->next_input_ns <= now)
            v2->next_input_ns = now + RETRY_MS * NS_PER_MS;
    }
    schedule(load, client);
}

/* ---- what comes ---------------------------------------------------------------------------- */

/*
 * Finds the input that the opponent's client sent for this: the relay of one that was in time names
 * its step, that of a late one a later step.
 */
static struct v2_sent *find_sent(struct v2 *v2, uint32_t step, uint16_t target)
{
    for (unsigned i = 1; i <= SENT_KEPT; i++) {
        struct v2_sent *sent = &v2->sent[(v2->sent_next + SENT_KEPT - i) % SENT_KEPT];
        if (sent->at_ns && sent->target == target && (int16_t)(step - sent->step) >= 0)
            return sent;
    }
    return NULL;
}

/*
 * The opponent sees an input at the step that it names, where that is still to come for him, or when
 * its news comes.
 */
static void note_effect(struct load *load, const struct v2 *v2, int64_t sent, uint32_t step,
                        int64_t now)
{
    const double present = step_clock_play_at(&v2->clock, now);
    const uint32_t whole = (uint32_t)(int64_t)present;
    const double early = (int16_t)(uint16_t)(step - whole) - (present - (double)whole);
    load_note_effect(load, (early > 0 ? step_clock_after(now, early) : now) - sent);
}

static void take_update(struct load *load, struct client *client,
                        const struct prediction_change *change, int64_t now)
{
    struct v2 *v2 = state_of(client);
    load_note_update(load, client);
    for (int i = 0; i < 2 && client->peer; i++) {
        if (!(change->fields & (i ? UPDATES_TARGET_2 : UPDATES_TARGET_1)) ||
            i == client->number - 1)
            continue;
        struct v2_sent *sent = find_sent(state_of(client->peer), change->step, change->target[i]);
        if (!sent) {
            load_note_error(load, LOAD_UNKNOWN_RELAY);
            continue;
        }
        if (sent->is_told)
            continue; /* behind a keyframe what is still to come is told once more */
        sent->is_told = true;
        load_note_relay(load, now - sent->at_ns);
        if (v2->clock.count)
            note_effect(load, v2, sent->at_ns, change->step, now);
    }
}

/* The base is what the server had last computed. */
static void hear(struct load *load, struct client *client, int64_t now)
{
    struct v2 *v2 = state_of(client);
    v2->heard = v2->prediction.base.step;
    v2->mismatches = 0;
    const int64_t ping_ns = v2->clock.next_ping_ns;
    step_clock_hear(&v2->clock, (uint16_t)(v2->heard & 0xffff), now);
    if (v2->clock.next_ping_ns != ping_ns)
        schedule(load, client);
}

static void take_keyframe(struct load *load, struct client *client, bool differs, int64_t now)
{
    struct v2 *v2 = state_of(client);
    hear(load, client, now);
    if (v2->awaits_keyframe || v2->last_input == 0) {
        v2->awaits_keyframe = false;
        return;
    }
    if (!differs) {
        load_note_error(load, LOAD_KEYFRAME);
        return;
    }
    load_note_error(load, LOAD_LATE_INPUT);
    step_clock_late(&v2->clock, now);
    schedule(load, client);
}

static void take_binary(struct load *load, struct client *client, const unsigned char *payload,
                        size_t length, int64_t now)
{
    struct v2 *v2 = state_of(client);
    struct prediction_change change;
    const int own = client->number == 2 ? 1 : 0;
    unsigned mismatches = 0;
    switch (prediction_receive(&v2->prediction, own, payload, length, &change)) {
    case PREDICTION_BAD:
        load_note_error(load, LOAD_BAD_FRAME);
        break;
    case PREDICTION_UPDATE:
        take_update(load, client, &change, now);
        break;
    case PREDICTION_KEYFRAME:
        take_keyframe(load, client, false, now);
        break;
    case PREDICTION_CORRECTION:
        take_keyframe(load, client, client->number != 0, now);
        break;
    case PREDICTION_MISMATCH:
        /* One alone may have met an input on its way that comes too late: a keyframe follows then. */
        mismatches = v2->mismatches + 1U;
        hear(load, client, now);
        v2->mismatches = (uint8_t)mismatches;
        if (mismatches == MISMATCHES_MAX) {
            load_note_error(load, LOAD_CHECKSUM);
            send_resync(load, client);
        }
        break;
    case PREDICTION_HEARTBEAT:
        hear(load, client, now);
        break;
    }
}

static void take_pong(struct load *load, struct client *client, const char *text, size_t length,
                      int64_t now)
{
    struct v2 *v2 = state_of(client);
    double time = 0;
    double step = 0;
    if (!scan_number(text, length, "time", &time) || !scan_number(text, length, "step", &step)) {
        load_note_error(load, LOAD_BAD_FRAME);
        return;
    }
    const int64_t sent = (int64_t)time * NS_PER_US;
    step_clock_sample(&v2->clock, sent, now, step);
    load_note_round_trip(load, now - sent);
}

/* An input was too far ahead: the server's steps are behind what they should be. A keyframe follows. */
static void take_refusal(struct load *load, struct client *client, int64_t now)
{
    struct v2 *v2 = state_of(client);
    v2->awaits_keyframe = true;
    step_clock_doubt(&v2->clock, now);
    schedule(load, client);
}

static void message(struct load *load, struct client *client, int opcode,
                    const unsigned char *payload, size_t length, int64_t now)
{
    static const char pong_head[] = "{\"type\":\"pong\"";
    static const char state_head[] = "{\"type\":\"game_state\"";
    const char *text = (const char *)payload;
    if (opcode == WIRE_BINARY) {
        take_binary(load, client, payload, length, now);
        return;
    }
    if (length > sizeof pong_head && memcmp(text, pong_head, sizeof pong_head - 1) == 0)
        take_pong(load, client, text, length, now);
    else if (length > sizeof state_head && memcmp(text, state_head, sizeof state_head - 1) == 0)
        state_of(client)->awaits_keyframe = true; /* on connect, and where a match begins */
    else if (gamed_seats_text(load, client, text, length) == GAMED_TEXT_REFUSAL)
        take_refusal(load, client, now);
}

const struct wire wire_v2 = {
    .name = "v2",
    .subprotocol = "pong.v2.bin",
    .state_size = sizeof(struct v2),
    .ask = gamed_seats_ask,
    .answer = gamed_seats_answer,
    .target = gamed_seats_target,
    .opened = opened,
    .message = message,
    .due = due,
};
