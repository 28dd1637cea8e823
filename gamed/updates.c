/*
 * Bytes of updates: little-endian, field by field.
 */
#include "gamed/updates.h"

#include <assert.h>

enum {
    HEAD_SIZE = 3 /* mask and step */
};

static unsigned char *put_u8(unsigned char *at, unsigned value)
{
    *at = (unsigned char)value;
    return at + 1;
}

/* The low 16 bits; of a negative number its two's complement. */
static unsigned char *put_16(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)(value & 0xff);
    at[1] = (unsigned char)(value >> 8 & 0xff);
    return at + 2;
}

static unsigned char *put_head(unsigned char *at, unsigned mask, uint32_t step)
{
    return put_16(put_u8(at, mask), step);
}

static unsigned char *put_fields(unsigned char *at, unsigned fields, const struct pong *values)
{
    if (fields & UPDATES_BALL) {
        at = put_16(at, (uint32_t)values->ball_x);
        at = put_16(at, (uint32_t)values->ball_y);
        at = put_16(at, (uint32_t)values->ball_vx);
        at = put_16(at, (uint32_t)values->ball_vy);
    }
    if (fields & UPDATES_TARGET_1)
        at = put_16(at, (uint32_t)values->target_y[0]);
    if (fields & UPDATES_TARGET_2)
        at = put_16(at, (uint32_t)values->target_y[1]);
    if (fields & UPDATES_PADDLE_1)
        at = put_16(at, (uint32_t)values->paddle_y[0]);
    if (fields & UPDATES_PADDLE_2)
        at = put_16(at, (uint32_t)values->paddle_y[1]);
    if (fields & UPDATES_SCORE)
        at = put_u8(put_u8(at, values->score[0]), values->score[1]);
    if (fields & UPDATES_PHASE)
        at = put_16(put_u8(at, values->phase), values->steps_left);
    return at;
}

unsigned updates_difference(const struct pong *foreseen, const struct pong *actual)
{
    unsigned fields = 0;
    if (foreseen->ball_x != actual->ball_x || foreseen->ball_y != actual->ball_y ||
        foreseen->ball_vx != actual->ball_vx || foreseen->ball_vy != actual->ball_vy)
        fields |= UPDATES_BALL;
    if (foreseen->target_y[0] != actual->target_y[0])
        fields |= UPDATES_TARGET_1;
    if (foreseen->target_y[1] != actual->target_y[1])
        fields |= UPDATES_TARGET_2;
    if (foreseen->phase != actual->phase || foreseen->steps_left != actual->steps_left)
        fields |= UPDATES_PHASE;
    return fields;
}

size_t updates_event(unsigned fields, uint32_t step, const struct pong *values,
                     unsigned char out[UPDATES_SIZE])
{
    assert(fields != 0 && (fields & ~(unsigned)UPDATES_OF_EVENTS) == 0);
    return (size_t)(put_fields(put_head(out, fields, step), fields, values) - out);
}

size_t updates_target(int seat, uint32_t step, int32_t target, unsigned char out[UPDATES_SIZE])
{
    unsigned field = seat == 1 ? UPDATES_TARGET_1 : UPDATES_TARGET_2;
    return (size_t)(put_16(put_head(out, field, step), (uint32_t)target) - out);
}

size_t updates_keyframe(const struct pong *pong, unsigned char out[UPDATES_SIZE])
{
    return (size_t)(put_fields(put_head(out, UPDATES_ALL, pong->step), UPDATES_ALL, pong) - out);
}

size_t updates_heartbeat(const struct pong *pong, unsigned char out[UPDATES_SIZE])
{
    return (size_t)(put_16(put_head(out, 0, pong->step), updates_checksum(pong)) - out);
}

uint16_t updates_checksum(const struct pong *pong)
{
    /* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv: offset basis and prime of 32 bits */
    uint32_t hash = 2166136261u;
    unsigned char bytes[UPDATES_SIZE];
    size_t length = updates_keyframe(pong, bytes);
    for (size_t i = HEAD_SIZE; i < length; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return (uint16_t)((hash >> 16 ^ hash) & 0xffff);
}

bool updates_input_read(const void *bytes, size_t length, struct updates_input *input)
{
    const unsigned char *at = bytes;
    if (length != UPDATES_INPUT_SIZE || at[0] != UPDATES_INPUT_TYPE)
        return false;
    input->step = (uint16_t)(at[1] | at[2] << 8);
    input->target = (uint16_t)(at[3] | at[4] << 8);
    return true;
}

uint32_t updates_step_near(uint32_t near, uint16_t step)
{
    int32_t distance = (int16_t)(uint16_t)(step - (near & 0xffff));
    return near + (uint32_t)distance;
}
