/*
 * Binary messages (gamed/updates.c): inputs from clients as they come, and what is written to clients,
 * which the mirror of the unit tests must read as it was meant.
 */
#include "tests/fuzz/fuzz.h"

#include "gamed/updates.h"
#include "tests/unit/mirror.h"

static void check_input(const uint8_t *data, size_t size)
{
    struct updates_input input = {0};
    bool is_input = updates_input_read(data, size, &input);
    assert(is_input == (size == UPDATES_INPUT_SIZE && data[0] == UPDATES_INPUT_TYPE));
    if (!is_input)
        return;
    const uint8_t again[UPDATES_INPUT_SIZE] = {
        UPDATES_INPUT_TYPE, (uint8_t)(input.step & 0xff), (uint8_t)(input.step >> 8),
        (uint8_t)(input.target & 0xff), (uint8_t)(input.target >> 8)};
    assert(memcmp(data, again, sizeof again) == 0);
}

static void check_step_near(struct fuzz_input *input)
{
    uint32_t near = (uint32_t)fuzz_take(input, 4);
    uint16_t low = (uint16_t)fuzz_take(input, 2);
    uint32_t step = updates_step_near(near, low);
    assert((step & 0xffff) == low);
    assert((int32_t)(step - near) >= INT16_MIN && (int32_t)(step - near) <= INT16_MAX);
}

/* Any state whose fields fit the wire. */
static struct pong take_state(struct fuzz_input *input, uint32_t step)
{
    struct pong pong = {.step = step,
                        .ball_x = (int32_t)fuzz_take(input, 2),
                        .ball_y = (int32_t)fuzz_take(input, 2),
                        .ball_vx = (int16_t)fuzz_take(input, 2),
                        .ball_vy = (int16_t)fuzz_take(input, 2),
                        .phase = (uint8_t)fuzz_take(input, 1),
                        .steps_left = (uint16_t)fuzz_take(input, 2)};
    for (int i = 0; i < 2; i++) {
        pong.target_y[i] = (int32_t)fuzz_take(input, 2);
        pong.paddle_y[i] = (int32_t)fuzz_take(input, 2);
        pong.score[i] = (uint8_t)fuzz_take(input, 1);
    }
    return pong;
}

/* Applies to `to` what an update tells. */
static void take_over(struct pong *to, unsigned fields, const struct pong *from)
{
    if (fields & UPDATES_BALL) {
        to->ball_x = from->ball_x, to->ball_y = from->ball_y;
        to->ball_vx = from->ball_vx, to->ball_vy = from->ball_vy;
    }
    if (fields & UPDATES_TARGET_1)
        to->target_y[0] = from->target_y[0];
    if (fields & UPDATES_TARGET_2)
        to->target_y[1] = from->target_y[1];
    if (fields & UPDATES_PHASE)
        to->phase = from->phase, to->steps_left = from->steps_left;
}

static void check_frames(struct fuzz_input *input)
{
    struct mirror mirror;
    uint32_t step = (uint32_t)fuzz_take(input, 4);
    int32_t distance = (int16_t)fuzz_take(input, 2);
    struct pong before = take_state(input, step);
    struct pong after = take_state(input, step + (uint32_t)distance);
    unsigned char *frame = malloc(UPDATES_SIZE);
    assert(frame);

    mirror_init(&mirror, 10);
    mirror.base.step = step;
    size_t length = updates_keyframe(&before, frame);
    assert(length <= UPDATES_SIZE);
    assert(mirror_frame(&mirror, frame, length) == 0 && mirror.is_set);
    assert(mirror.base.step == step && updates_difference(&mirror.base, &before) == 0);
    assert(memcmp(mirror.base.paddle_y, before.paddle_y, sizeof before.paddle_y) == 0);
    assert(memcmp(mirror.base.score, before.score, sizeof before.score) == 0);
    assert(updates_checksum(&mirror.base) == updates_checksum(&before));

    unsigned fields = updates_difference(&before, &after);
    if (fields != 0) {
        length = updates_event(fields, after.step, &after, frame);
        assert(length <= UPDATES_SIZE);
        struct mirror_update update = mirror_read(&mirror, frame, length);
        assert(update.fields == fields && update.step == after.step);
        struct pong taken = before;
        take_over(&taken, fields, &update.values);
        assert(updates_difference(&taken, &after) == 0);
    }

    length = updates_heartbeat(&before, frame);
    assert(mirror_frame(&mirror, frame, length) == 0 && mirror.mismatches == 0);
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .end = data + size};
    check_input(data, size);
    check_step_near(&input);
    check_frames(&input);
    return 0;
}
