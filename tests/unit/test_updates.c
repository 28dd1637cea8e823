/*
 * updates: bytes of the binary messages, as docs/protocol.md §2b and §2c spell them.
 */
#include "gamed/updates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct pong sample = {
    .step = 0x12345,
    .ball_x = 0x1234,
    .ball_y = 0x5678,
    .ball_vx = -2304,
    .ball_vy = 448,
    .paddle_y = {0x0102, 30720},
    .target_y = {0, 0x0708},
    .score = {9, 21},
    .phase = PONG_PAUSED,
    .steps_left = PONG_STEPS_OPEN,
    .winning_score = 21,
    .serve_steps = 180,
};

static void test_keyframe(void **state)
{
    static const unsigned char expected[UPDATES_SIZE] = {
        0xff, 0x45, 0x23,                               /* mask, step */
        0x34, 0x12, 0x78, 0x56, 0x00, 0xf7, 0xc0, 0x01, /* ball */
        0x00, 0x00, 0x08, 0x07,                         /* targets */
        0x02, 0x01, 0x00, 0x78,                         /* paddles */
        9,    21,   3,    0xff, 0xff,                   /* score, phase */
    };
    unsigned char out[UPDATES_SIZE];
    (void)state;
    assert_int_equal(updates_keyframe(&sample, out), sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);
}

static void test_events(void **state)
{
    unsigned char out[UPDATES_SIZE];
    (void)state;
    static const unsigned char target[] = {0x04, 0xff, 0xff, 0x08, 0x07};
    assert_int_equal(updates_event(UPDATES_TARGET_2, 0xffff, &sample, out), sizeof target);
    assert_memory_equal(out, target, sizeof target);
    static const unsigned char one[] = {0x02, 0x00, 0x00, 0x39, 0x30};
    assert_int_equal(updates_target(1, 0x10000, 12345, out), sizeof one);
    assert_memory_equal(out, one, sizeof one);
    static const unsigned char two[] = {0x04, 0x01, 0x00, 0x39, 0x30};
    assert_int_equal(updates_target(2, 1, 12345, out), sizeof two);
    assert_memory_equal(out, two, sizeof two);
    static const unsigned char both[] = {0x41, 0x01, 0x00, 0x34, 0x12, 0x78, 0x56,
                                         0x00, 0xf7, 0xc0, 0x01, 3,    0xff, 0xff};
    assert_int_equal(updates_event(UPDATES_PHASE | UPDATES_BALL, 1, &sample, out), sizeof both);
    assert_memory_equal(out, both, sizeof both);
}

/* Against a second writing-down of the hash. */
static void test_heartbeat(void **state)
{
    unsigned char out[UPDATES_SIZE], keyframe[UPDATES_SIZE];
    uint32_t hash = 0x811c9dc5;
    (void)state;
    size_t length = updates_keyframe(&sample, keyframe);
    for (size_t i = 3; i < length; i++) {
        hash ^= keyframe[i];
        hash *= 0x01000193;
    }
    uint16_t sum = (uint16_t)((hash >> 16) ^ (hash & 0xffff));
    assert_int_equal(updates_checksum(&sample), sum);
    const unsigned char expected[] = {0, 0x45, 0x23, (unsigned char)(sum & 0xff),
                                      (unsigned char)(sum >> 8)};
    assert_int_equal(updates_heartbeat(&sample, out), sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);
    struct pong other = sample;
    other.step++; /* of the state alone */
    assert_int_equal(updates_checksum(&other), sum);
    other.paddle_y[0]++;
    assert_int_not_equal(updates_checksum(&other), sum);
}

static void test_difference(void **state)
{
    struct pong other = sample;
    (void)state;
    assert_int_equal(updates_difference(&sample, &other), 0);
    other.score[0]++;
    other.paddle_y[1]--;
    other.step++;
    assert_int_equal(updates_difference(&sample, &other), 0); /* foreseen, or a keyframe's */
    int32_t *const ball[] = {&other.ball_x, &other.ball_y, &other.ball_vx, &other.ball_vy};
    for (size_t i = 0; i < 4; i++) {
        ++*ball[i];
        assert_int_equal(updates_difference(&sample, &other), UPDATES_BALL);
        --*ball[i];
    }
    other.target_y[0]++;
    assert_int_equal(updates_difference(&sample, &other), UPDATES_TARGET_1);
    other.target_y[1]++;
    other.steps_left--;
    assert_int_equal(updates_difference(&sample, &other),
                     UPDATES_TARGET_1 | UPDATES_TARGET_2 | UPDATES_PHASE);
    other = sample;
    other.phase = PONG_RALLY;
    assert_int_equal(updates_difference(&sample, &other), UPDATES_PHASE);
}

static void test_input(void **state)
{
    static const unsigned char bytes[] = {1, 0x34, 0x12, 0xff, 0xff, 0};
    struct updates_input input;
    (void)state;
    assert_true(updates_input_read(bytes, 5, &input));
    assert_int_equal(input.step, 0x1234);
    assert_int_equal(input.target, 0xffff);
    assert_false(updates_input_read(bytes, 4, &input));
    assert_false(updates_input_read(bytes, 6, &input));
    assert_false(updates_input_read(bytes, 0, &input));
    assert_false(updates_input_read("\x02\0\0\0\0", 5, &input));
}

static void test_step_near(void **state)
{
    (void)state;
    assert_int_equal(updates_step_near(0x1fff0, 0x0010), 0x20010);
    assert_int_equal(updates_step_near(0x20010, 0xfff0), 0x1fff0);
    assert_int_equal(updates_step_near(100, 100), 100);
    assert_int_equal(updates_step_near(3, 0xffff), 0xffffffff);
    assert_int_equal(updates_step_near(0xffffffff, 3), 3);
    assert_int_equal(updates_step_near(0x10000, 0x7fff), 0x17fff);
    assert_int_equal(updates_step_near(0x10000, 0x8000), 0x8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyframe),  cmocka_unit_test(test_events),
        cmocka_unit_test(test_heartbeat), cmocka_unit_test(test_difference),
        cmocka_unit_test(test_input),     cmocka_unit_test(test_step_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
