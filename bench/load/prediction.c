/*
 * The base is rolled forward seldom, the head from one question to the next; a frame that comes for a
 * step before the head has it computed again from the base.
 */
#include "bench/load/prediction.h"

#include <string.h>

#include "gamed/updates.h"

enum {
    AHEAD_MAX = 30, /* an input is told at most so many steps ahead, so older steps are settled */
    SETTLE_EVERY = 16, /* steps */
    FUTURE_MAX = 600,  /* a frame that names a step farther away is nonsense */
    HEAD_SIZE = 3,
    HEARTBEAT_SIZE = 5
};

static int32_t distance(uint32_t from, uint32_t to)
{
    return (int32_t)(to - from);
}

void prediction_init(struct prediction *prediction, uint8_t winning_score)
{
    memset(prediction, 0, sizeof *prediction);
    pong_init(&prediction->base, 0, winning_score, PONG_SERVE_STEPS);
}

static void apply(struct pong *pong, const struct prediction_change *change)
{
    if (change->fields & UPDATES_BALL) {
        pong->ball_x = change->x;
        pong->ball_y = change->y;
        pong->ball_vx = change->vx;
        pong->ball_vy = change->vy;
    }
    if (change->fields & UPDATES_TARGET_1)
        pong->target_y[0] = change->target[0];
    if (change->fields & UPDATES_TARGET_2)
        pong->target_y[1] = change->target[1];
    if (change->fields & UPDATES_PHASE) {
        pong->phase = change->phase;
        pong->steps_left = change->steps_left;
    }
}

/* Own inputs first: where the server speaks of the same paddle it has the last word. */
static void apply_all(const struct prediction *prediction, struct pong *pong)
{
    for (int own = 1; own >= 0; own--)
        for (unsigned i = 0; i < prediction->count; i++) {
            const struct prediction_change *change = &prediction->changes[i];
            if (change->step == pong->step + 1 && change->is_own == (own != 0))
                apply(pong, change);
        }
}

/* The first step after that of `pong` that something is changed before; `limit` when none is. */
static uint32_t next_change(const struct prediction *prediction, const struct pong *pong,
                            uint32_t limit)
{
    uint32_t next = limit;
    for (unsigned i = 0; i < prediction->count; i++) {
        const uint32_t step = prediction->changes[i].step;
        if (distance(pong->step, step) > 0 && distance(step, next) > 0)
            next = step;
    }
    return next;
}

static void advance(const struct prediction *prediction, struct pong *pong, uint32_t to)
{
    while (distance(pong->step, to) > 0) {
        const uint32_t next = next_change(prediction, pong, to + 1);
        while (pong->step + 1 != next)
            pong_step(pong);
        if (next == to + 1)
            return;
        apply_all(prediction, pong);
        pong_step(pong);
    }
}

static void forget(struct prediction *prediction, uint32_t up_to, bool all_but_own)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < prediction->count; i++) {
        const struct prediction_change *change = &prediction->changes[i];
        if (distance(up_to, change->step) > 0 && (change->is_own || !all_but_own))
            prediction->changes[kept++] = *change;
    }
    prediction->count = (uint8_t)kept;
}

static void settle(struct prediction *prediction, uint32_t step)
{
    if (distance(prediction->base.step, step) <= 0)
        return;
    advance(prediction, &prediction->base, step);
    forget(prediction, step, false);
    if (distance(prediction->head.step, step) > 0)
        prediction->head = prediction->base;
}

static bool put(struct prediction *prediction, const struct prediction_change *change)
{
    if (prediction->count == PREDICTION_CHANGES)
        return false;
    prediction->changes[prediction->count++] = *change;
    if (distance(prediction->head.step, change->step) <= 0)
        prediction->head = prediction->base;
    return true;
}

static unsigned u16(const unsigned char **at)
{
    const unsigned value = (unsigned)((*at)[0] | (*at)[1] << 8);
    *at += 2;
    return value;
}

static size_t size_of(unsigned fields)
{
    static const uint8_t sizes[] = {8, 2, 2, 2, 2, 2, 3, 0};
    size_t size = HEAD_SIZE;
    for (unsigned i = 0; i < sizeof sizes; i++)
        if (fields & 1U << i)
            size += sizes[i];
    return size;
}

/* What is left of the frame after its head, an event's or a keyframe's; the latter's paddles and score go to `pong`. */
static void read_fields(const unsigned char *at, struct prediction_change *change,
                        struct pong *pong)
{
    if (change->fields & UPDATES_BALL) {
        change->x = (uint16_t)u16(&at);
        change->y = (uint16_t)u16(&at);
        change->vx = (int16_t)u16(&at);
        change->vy = (int16_t)u16(&at);
    }
    for (int i = 0; i < 2; i++)
        if (change->fields & (i ? UPDATES_TARGET_2 : UPDATES_TARGET_1))
            change->target[i] = (uint16_t)u16(&at);
    if (change->fields & UPDATES_KEYFRAME) {
        for (int i = 0; i < 2; i++)
            pong->paddle_y[i] = (int32_t)u16(&at);
        for (int i = 0; i < 2; i++)
            pong->score[i] = *at++;
    }
    if (change->fields & UPDATES_PHASE) {
        change->phase = *at++;
        change->steps_left = (uint16_t)u16(&at);
    }
}

static enum prediction_heard take_keyframe(struct prediction *prediction, int own,
                                           const unsigned char *bytes, uint32_t step)
{
    struct prediction_change change = {.fields = UPDATES_ALL};
    struct pong state = prediction->base;
    read_fields(bytes + HEAD_SIZE, &change, &state);
    apply(&state, &change);
    state.step = step;
    bool differs = false;
    if (prediction->is_set && distance(prediction->base.step, step) >= 0) {
        const struct pong *foreseen = prediction_at(prediction, step);
        differs = foreseen && (foreseen->paddle_y[own] != state.paddle_y[own] ||
                               foreseen->target_y[own] != state.target_y[own]);
    }
    prediction->is_set = true;
    prediction->base = prediction->head = state;
    prediction->newest = step;
    forget(prediction, step, true);
    return differs ? PREDICTION_CORRECTION : PREDICTION_KEYFRAME;
}

static enum prediction_heard take_heartbeat(struct prediction *prediction,
                                            const unsigned char *bytes, uint32_t step)
{
    const unsigned char *at = bytes + HEAD_SIZE;
    if (distance(prediction->base.step, step) < 0)
        return PREDICTION_BAD;
    if (distance(prediction->newest, step) > 0)
        prediction->newest = step;
    settle(prediction, step);
    return updates_checksum(&prediction->base) == u16(&at) ? PREDICTION_HEARTBEAT
                                                           : PREDICTION_MISMATCH;
}

static enum prediction_heard take_update(struct prediction *prediction, const unsigned char *bytes,
                                         struct prediction_change *change)
{
    struct pong none = {0};
    if (distance(prediction->base.step, change->step) <= 0)
        return PREDICTION_BAD;
    read_fields(bytes + HEAD_SIZE, change, &none);
    if (distance(prediction->newest, change->step) > 0)
        prediction->newest = change->step;
    if (distance(prediction->base.step, prediction->newest) > AHEAD_MAX + SETTLE_EVERY)
        settle(prediction, prediction->newest - AHEAD_MAX - 1);
    return put(prediction, change) ? PREDICTION_UPDATE : PREDICTION_BAD;
}

enum prediction_heard prediction_receive(struct prediction *prediction, int own, const void *bytes,
                                         size_t length, struct prediction_change *change)
{
    const unsigned char *at = bytes;
    if (length < HEAD_SIZE)
        return PREDICTION_BAD;
    *change = (struct prediction_change){.fields = *at++};
    const uint16_t low = (uint16_t)u16(&at);
    change->step = prediction->is_set ? updates_step_near(prediction->newest, low) : low;
    if (change->fields == UPDATES_ALL)
        return length == size_of(UPDATES_ALL) ? take_keyframe(prediction, own, bytes, change->step)
                                              : PREDICTION_BAD;
    if (!prediction->is_set || distance(prediction->newest, change->step) > FUTURE_MAX)
        return PREDICTION_BAD;
    if (change->fields == 0)
        return length == HEARTBEAT_SIZE ? take_heartbeat(prediction, bytes, change->step)
                                        : PREDICTION_BAD;
    if (change->fields & ~(unsigned)UPDATES_OF_EVENTS || length != size_of(change->fields))
        return PREDICTION_BAD;
    return take_update(prediction, bytes, change);
}

bool prediction_input(struct prediction *prediction, int own, uint32_t step, uint16_t target)
{
    struct prediction_change change = {
        .step = step, .fields = own == 0 ? UPDATES_TARGET_1 : UPDATES_TARGET_2, .is_own = true};
    change.target[own] = target;
    return distance(prediction->base.step, step) > 0 && put(prediction, &change);
}

const struct pong *prediction_at(struct prediction *prediction, uint32_t step)
{
    if (distance(prediction->base.step, step) < 0 ||
        distance(prediction->newest, step) > PREDICTION_STEPS_MAX)
        return NULL;
    if (distance(prediction->head.step, step) < 0)
        prediction->head = prediction->base;
    advance(prediction, &prediction->head, step);
    return &prediction->head;
}
