#include "tests/unit/mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "gamed/updates.h"

enum {
    BASE_BEHIND = 30 /* steps: no update names one that is further ahead of the server */
};

void mirror_init(struct mirror *mirror, uint8_t winning_score)
{
    memset(mirror, 0, sizeof *mirror);
    pong_init(&mirror->base, 0, winning_score, PONG_SERVE_STEPS);
}

static void set_fields(struct pong *pong, unsigned fields, const struct pong *values)
{
    if (fields & UPDATES_BALL) {
        pong->ball_x = values->ball_x;
        pong->ball_y = values->ball_y;
        pong->ball_vx = values->ball_vx;
        pong->ball_vy = values->ball_vy;
    }
    for (int i = 0; i < 2; i++) {
        if (fields & (i ? UPDATES_TARGET_2 : UPDATES_TARGET_1))
            pong->target_y[i] = values->target_y[i];
        if (fields & (i ? UPDATES_PADDLE_2 : UPDATES_PADDLE_1))
            pong->paddle_y[i] = values->paddle_y[i];
        if (fields & UPDATES_SCORE)
            pong->score[i] = values->score[i];
    }
    if (fields & UPDATES_PHASE) {
        pong->phase = values->phase;
        pong->steps_left = values->steps_left;
    }
}

/* Own inputs first: where the server speaks of the same paddle it has the last word. */
static void prepare(const struct mirror *mirror, struct pong *pong)
{
    for (int own = 1; own >= 0; own--)
        for (size_t i = 0; i < mirror->count; i++) {
            const struct mirror_update *update = &mirror->pending[i];
            if (update->step == pong->step + 1 && update->is_own == own)
                set_fields(pong, update->fields, &update->values);
        }
}

struct pong mirror_at(const struct mirror *mirror, uint32_t step, bool before_next)
{
    struct pong pong = mirror->base;
    assert_true((int32_t)(step - pong.step) >= 0);
    while (pong.step != step) {
        prepare(mirror, &pong);
        pong_step(&pong);
    }
    if (before_next)
        prepare(mirror, &pong);
    return pong;
}

static void forget(struct mirror *mirror, uint32_t up_to, bool all_but_own)
{
    size_t kept = 0;
    for (size_t i = 0; i < mirror->count; i++) {
        const struct mirror_update *update = &mirror->pending[i];
        if ((int32_t)(update->step - up_to) > 0 && (update->is_own || !all_but_own))
            mirror->pending[kept++] = *update;
    }
    mirror->count = kept;
}

static void roll(struct mirror *mirror, uint32_t step)
{
    if ((int32_t)(step - mirror->base.step) <= 0)
        return;
    mirror->base = mirror_at(mirror, step, false);
    forget(mirror, step, false);
}

static void put(struct mirror *mirror, const struct mirror_update *update)
{
    assert_true(mirror->count < MIRROR_PENDING_MAX);
    mirror->pending[mirror->count++] = *update;
}

static unsigned u16(const unsigned char **at)
{
    unsigned value = (unsigned)((*at)[0] | (*at)[1] << 8);
    *at += 2;
    return value;
}

struct mirror_update mirror_read(const struct mirror *mirror, const void *bytes, size_t length)
{
    const unsigned char *at = bytes, *end = at + length;
    struct mirror_update update = {.fields = at[0], .values = mirror->base};
    struct pong *values = &update.values;
    at++;
    update.step = updates_step_near(mirror->base.step, (uint16_t)u16(&at));
    if (update.fields & UPDATES_BALL) {
        values->ball_x = (int32_t)u16(&at);
        values->ball_y = (int32_t)u16(&at);
        values->ball_vx = (int16_t)u16(&at);
        values->ball_vy = (int16_t)u16(&at);
    }
    for (int i = 0; i < 2; i++)
        if (update.fields & (i ? UPDATES_TARGET_2 : UPDATES_TARGET_1))
            values->target_y[i] = (int32_t)u16(&at);
    for (int i = 0; i < 2; i++)
        if (update.fields & (i ? UPDATES_PADDLE_2 : UPDATES_PADDLE_1))
            values->paddle_y[i] = (int32_t)u16(&at);
    for (int i = 0; i < 2 && update.fields & UPDATES_SCORE; i++)
        values->score[i] = *at++;
    if (update.fields & UPDATES_PHASE) {
        values->phase = *at++;
        values->steps_left = (uint16_t)u16(&at);
    }
    assert_ptr_equal(at, end);
    return update;
}

static void take_keyframe(struct mirror *mirror, struct mirror_update *update)
{
    mirror->keyframes++;
    mirror->is_set = true;
    mirror->mismatches = 0;
    update->values.step = update->step;
    mirror->base = update->values;
    forget(mirror, update->step, true);
}

static void take_heartbeat(struct mirror *mirror, const unsigned char *bytes, size_t length)
{
    const unsigned char *at = bytes + 1;
    assert_int_equal(length, 5);
    roll(mirror, updates_step_near(mirror->base.step, (uint16_t)u16(&at)));
    mirror->heartbeats++;
    mirror->mismatches = updates_checksum(&mirror->base) == u16(&at) ? 0 : mirror->mismatches + 1;
}

unsigned mirror_frame(struct mirror *mirror, const void *bytes, size_t length)
{
    unsigned mask = *(const unsigned char *)bytes;
    if (mask == 0) {
        take_heartbeat(mirror, bytes, length);
        return 0;
    }
    struct mirror_update update = mirror_read(mirror, bytes, length);
    if (mask == UPDATES_ALL) {
        take_keyframe(mirror, &update);
        return 0;
    }
    assert_int_equal(mask & ~(unsigned)UPDATES_OF_EVENTS, 0);
    assert_true(mirror->is_set);
    mirror->events++;
    roll(mirror, update.step - BASE_BEHIND - 1);
    assert_true((int32_t)(update.step - mirror->base.step) > 0);
    put(mirror, &update);
    return mask;
}

void mirror_input(struct mirror *mirror, int seat, uint32_t step, int32_t target)
{
    struct mirror_update update = {.step = step,
                                   .fields = seat == 1 ? UPDATES_TARGET_1 : UPDATES_TARGET_2,
                                   .is_own = true,
                                   .values = mirror->base};
    update.values.target_y[seat - 1] = target;
    put(mirror, &update);
}
