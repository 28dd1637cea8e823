/*
 * Unit tests of gamed/pong: every rule of one step with numbers worked out by hand, and properties
 * over many random states. The expected values come from the protocol's text, never from the code;
 * whole rallies are tests/golden's.
 */
#include "gamed/pong.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/golden/golden.h"

enum {
    CENTRE = 19200, /* of a paddle at its start, and of the court */
    SINGLE_STEPS = 600000,
    RANDOM_MATCHES = 150,
    MATCH_STEPS = 3000
};

/* A rally in which paddles rest in the middle. */
static struct pong rally(int32_t x, int32_t y, int32_t vx, int32_t vy)
{
    struct pong pong;
    pong_init(&pong, 100, 10, PONG_SERVE_STEPS);
    pong_set_phase(&pong, PONG_RALLY, PONG_STEPS_OPEN);
    pong.ball_x = x;
    pong.ball_y = y;
    pong.ball_vx = vx;
    pong.ball_vy = vy;
    return pong;
}

static void put_paddle(struct pong *pong, int player, int32_t top)
{
    pong->paddle_y[player - 1] = pong->target_y[player - 1] = top;
}

#define assert_ball(pong, x, y, vx, vy)        \
    do {                                       \
        assert_int_equal((pong)->ball_x, x);   \
        assert_int_equal((pong)->ball_y, y);   \
        assert_int_equal((pong)->ball_vx, vx); \
        assert_int_equal((pong)->ball_vy, vy); \
    } while (0)

#define assert_phase(pong, expected_phase, expected_left)    \
    do {                                                     \
        assert_int_equal((pong)->phase, expected_phase);     \
        assert_int_equal((pong)->steps_left, expected_left); \
    } while (0)

/* ---- a court, phases, timers --------------------------------------------------------- */

static void test_a_fresh_court(void **state)
{
    struct pong pong;
    (void)state;
    memset(&pong, 0xa5, sizeof pong);
    pong_init(&pong, 77, 21, 90);
    assert_int_equal(pong.step, 77);
    assert_ball(&pong, 25600, 19200, 0, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pong.paddle_y[i], 15360);
        assert_int_equal(pong.target_y[i], 15360);
        assert_int_equal(pong.score[i], 0);
    }
    assert_phase(&pong, PONG_WAITING, 0xffff);
    assert_int_equal(pong.winning_score, 21);
    assert_int_equal(pong.serve_steps, 90);
    assert_false(pong_ball_moves(&pong));
}

static void test_setting_a_phase(void **state)
{
    (void)state;
    static const struct {
        enum pong_phase phase;
        bool rests; /* the ball goes to the middle and loses its velocity */
    } table[] = {{PONG_WAITING, true},
                 {PONG_SERVING, true},
                 {PONG_RALLY, false},
                 {PONG_PAUSED, false},
                 {PONG_FINISHED, false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct pong pong = rally(3000, 4000, -500, 60);
        pong_set_phase(&pong, table[i].phase, 123);
        assert_phase(&pong, table[i].phase, 123);
        if (table[i].rests)
            assert_ball(&pong, 25600, 19200, 0, 0);
        else
            assert_ball(&pong, 3000, 4000, -500, 60);
        assert_int_equal(pong_ball_moves(&pong), !table[i].rests);
        assert_int_equal(pong.step, 100);
    }
}

static void test_targets_are_cut(void **state)
{
    (void)state;
    assert_int_equal(pong_clamp_target(INT32_MIN), 0);
    assert_int_equal(pong_clamp_target(-1), 0);
    assert_int_equal(pong_clamp_target(0), 0);
    assert_int_equal(pong_clamp_target(12345), 12345);
    assert_int_equal(pong_clamp_target(30720), 30720);
    assert_int_equal(pong_clamp_target(30721), 30720);
    assert_int_equal(pong_clamp_target(INT32_MAX), 30720);
}

static void test_paddles_head_for_their_targets_except_in_pauses(void **state)
{
    (void)state;
    for (int phase = PONG_WAITING; phase <= PONG_FINISHED; phase++) {
        struct pong pong = rally(25600, 19200, 448, 0);
        pong.phase = (uint8_t)phase;
        pong.steps_left = PONG_STEPS_OPEN;
        pong.target_y[0] = 15360 + 961; /* one step and one unit away */
        pong.target_y[1] = 15360 - 2500;
        bool moves = phase != PONG_PAUSED;
        static const int32_t first[] = {16320, 16321, 16321, 16321};
        static const int32_t second[] = {14400, 13440, 12860, 12860};
        for (int i = 0; i < 4; i++) {
            pong_step(&pong);
            assert_int_equal(pong.paddle_y[0], moves ? first[i] : 15360);
            assert_int_equal(pong.paddle_y[1], moves ? second[i] : 15360);
        }
        assert_int_equal(pong.target_y[0], 16321);
        assert_int_equal(pong.step, 104);
    }
}

static void test_the_serve_s_countdown_ends_in_a_rally(void **state)
{
    (void)state;
    struct pong pong;
    pong_init(&pong, 0, 10, PONG_SERVE_STEPS);
    pong_set_phase(&pong, PONG_SERVING, 180);
    for (int left = 179; left >= 1; left--) {
        if (left == 29) {
            pong.ball_vx = 448;
            pong.ball_vy = -448;
        }
        assert_int_equal(pong_step(&pong), 0);
        assert_phase(&pong, PONG_SERVING, left);
        assert_int_equal(pong.ball_x, 25600); /* it has a velocity, but does not fly yet */
        assert_int_equal(pong.ball_y, 19200);
    }
    assert_int_equal(pong_step(&pong), PONG_EVENT_RALLY);
    assert_phase(&pong, PONG_RALLY, PONG_STEPS_OPEN);
    assert_ball(&pong, 25600, 19200, 448, -448);
    assert_int_equal(pong_step(&pong), 0);
    assert_ball(&pong, 26048, 18752, 448, -448);
    assert_int_equal(pong.step, 181);
}

static void test_a_pause_ends_in_a_rally_when_the_ball_has_velocity(void **state)
{
    (void)state;
    struct pong pong = rally(30000, 10000, -470, 35);
    pong_set_phase(&pong, PONG_PAUSED, 3780);
    for (int left = 3779; left >= 1; left--) {
        assert_int_equal(pong_step(&pong), 0);
        assert_phase(&pong, PONG_PAUSED, left);
    }
    assert_ball(&pong, 30000, 10000, -470, 35);
    assert_int_equal(pong_step(&pong), PONG_EVENT_RALLY);
    assert_phase(&pong, PONG_RALLY, PONG_STEPS_OPEN);
    assert_ball(&pong, 30000, 10000, -470, 35);
    pong_step(&pong);
    assert_ball(&pong, 29530, 10035, -470, 35);
}

static void test_a_pause_ends_in_a_serve_when_the_ball_has_none(void **state)
{
    (void)state;
    struct pong pong = rally(25600, 19200, 0, 0);
    pong.serve_steps = 90;
    pong_set_phase(&pong, PONG_PAUSED, 2);
    assert_int_equal(pong_step(&pong), 0);
    assert_phase(&pong, PONG_PAUSED, 1);
    assert_int_equal(pong_step(&pong), 0);
    assert_phase(&pong, PONG_SERVING, 90);
}

static void test_open_phases_do_not_end(void **state)
{
    (void)state;
    static const enum pong_phase phases[] = {PONG_WAITING, PONG_PAUSED, PONG_FINISHED};
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        struct pong pong = rally(1500, 10000, -470, 35);
        pong.phase = (uint8_t)phases[i];
        pong.steps_left = PONG_STEPS_OPEN;
        for (int step = 0; step < 70000; step++)
            assert_int_equal(pong_step(&pong), 0);
        assert_phase(&pong, phases[i], PONG_STEPS_OPEN);
        assert_ball(&pong, 1500, 10000, -470, 35);
        assert_int_equal(pong.step, 70100);
    }
}

/* ---- walls --------------------------------------------------------------------------- */

static void test_walls_mirror_the_ball(void **state)
{
    (void)state;
    static const struct {
        int32_t y, vy;
        int32_t next_y, next_vy;
    } table[] = {
        {1000, -448, 728, 448},      /* 552 is 88 too far */
        {1088, -448, 640, -448},     /* touching is not past */
        {1087, -448, 641, 448},      /* 639 */
        {640, -1, 641, 1},           /* from the wall itself */
        {640, -1728, 2368, 1728},    /* at full speed */
        {37312, 448, 37760, 448},    /* touching */
        {37313, 448, 37759, -448},   /* 37761 */
        {37600, 448, 37472, -448},   /* 38048 is 288 too far */
        {37760, 1728, 36032, -1728}, /* at full speed */
        {640, 5, 645, 5},            /* leaving a wall */
        {37760, -5, 37755, -5},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct pong pong = rally(20000, table[i].y, 448, table[i].vy);
        bool bounced = table[i].next_vy != table[i].vy;
        assert_int_equal(pong_step(&pong), bounced ? PONG_EVENT_WALL : 0);
        assert_ball(&pong, 20448, table[i].next_y, 448, table[i].next_vy);
        assert_phase(&pong, PONG_RALLY, PONG_STEPS_OPEN);
    }
}

/* ---- paddles ------------------------------------------------------------------------- */

/* One hit on the left; the same one mirrored on the right must mirror its outcome. */
struct hit {
    int32_t way; /* to the face */
    int32_t y, speed, vy;
    int32_t paddle; /* its top */
    int32_t next_y, next_speed, next_vy;
};

static void check_hit(const struct hit *hit)
{
    for (int player = 1; player <= 2; player++) {
        int side = player == 1 ? 1 : -1;
        int32_t face = player == 1 ? 1408 : 49792;
        struct pong pong = rally(face + side * hit->way, hit->y, -side * hit->speed, hit->vy);
        put_paddle(&pong, player, hit->paddle);
        assert_int_equal(pong_step(&pong), player == 1 ? PONG_EVENT_HIT_1 : PONG_EVENT_HIT_2);
        assert_ball(&pong, face, hit->next_y, side * hit->next_speed, hit->next_vy);
        assert_phase(&pong, PONG_RALLY, PONG_STEPS_OPEN);
        assert_int_equal(pong.paddle_y[player - 1], hit->paddle);
    }
}

static void test_a_hit_happens_where_the_ball_meets_the_paddle(void **state)
{
    (void)state;
    static const struct hit table[] = {
        /* 92 of 448: y −92; d = 708; v = 470.4; 3·470·708/15360 = 64.99 */
        {92, 20000, 448, -448, 15360, 19908, 470, 64},
        /* d = −1292; 3·470·(−1292)/15360 = −118.6: toward zero */
        {92, 18000, 448, -448, 15360, 17908, 470, -118},
        /* d = 719: 3·470·719/15360 = 66.002; products come before the division */
        {92, 20011, 448, -448, 15360, 19919, 470, 66},
        /* 333·92/1000 = 30.6, both ways toward zero; d = ±30; v = 1050; ±3150·30/15360 = 6.15 */
        {92, 19200, 1000, 333, 15360, 19230, 1050, 6},
        {92, 19200, 1000, -333, 15360, 19170, 1050, -6},
        /* the whole step is travelled: it touches exactly */
        {448, 19200, 448, 100, 15360, 19300, 470, 9},
        /* one unit before the face */
        {1, 19200, 2304, 1728, 15360, 19200, 2304, 0},
        /* off the upper wall on the way: −1000·1000/2000 = −500 → 400 → 880; d = −2960;
         * v = 2100; 6300·(−2960)/15360 = −1214.06. The velocity before the wall counts. */
        {1000, 900, 2000, -1000, 0, 880, 2100, -1214},
        /* and off the lower: 38000 → 37520; d = 2960 */
        {1000, 37500, 2000, 1000, 30720, 37520, 2100, 1214},
        /* y1 would be past the wall, the crossing is not: 1000 − 250 = 750 */
        {500, 1000, 2000, -1000, 0, 750, 2100, -1267},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        check_hit(&table[i]);
}

static void test_only_a_ball_that_comes_from_before_the_face_can_be_hit(void **state)
{
    (void)state;
    /* On the face, and past it: it flies on though the paddle is there. */
    for (int32_t way = 0; way >= -100; way -= 100) {
        struct pong left = rally(1408 + way, CENTRE, -448, 0);
        assert_int_equal(pong_step(&left), 0);
        assert_ball(&left, 960 + way, CENTRE, -448, 0);
        struct pong right = rally(49792 - way, CENTRE, 448, 0);
        assert_int_equal(pong_step(&right), 0);
        assert_ball(&right, 50240 - way, CENTRE, 448, 0);
    }
    /* One unit short of the face; then leaving one. */
    struct pong pong = rally(1408 + 449, CENTRE, -448, 0);
    assert_int_equal(pong_step(&pong), 0);
    assert_ball(&pong, 1409, CENTRE, -448, 0);
    pong = rally(49792 - 449, CENTRE, 448, 0);
    assert_int_equal(pong_step(&pong), 0);
    assert_ball(&pong, 49791, CENTRE, 448, 0);
    pong = rally(1408, CENTRE, 448, 0);
    assert_int_equal(pong_step(&pong), 0);
    pong = rally(49792, CENTRE, -448, 0);
    assert_int_equal(pong_step(&pong), 0);
}

static void test_a_paddle_moves_before_it_is_met(void **state)
{
    (void)state;
    struct pong pong = rally(1500, CENTRE, -448, 0);
    pong.target_y[0] = 30720;
    assert_int_equal(pong_step(&pong), PONG_EVENT_HIT_1);
    /* the paddle's middle is at 20160 now: d = −960; 3·470·(−960)/15360 = −88.1 */
    assert_ball(&pong, 1408, CENTRE, 470, -88);
}

static void test_a_paddle_reaches_4480_and_not_4481(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        /* cut to 3840: 3·470·3840/15360 = 352.5 */
        struct hit hit = {100,   CENTRE + sign * 4480, 448, 0,
                          15360, CENTRE + sign * 4480, 470, sign * 352};
        check_hit(&hit);
        struct pong left = rally(1508, CENTRE + sign * 4481, -448, 0);
        assert_int_equal(pong_step(&left), 0);
        assert_ball(&left, 1060, CENTRE + sign * 4481, -448, 0);
        struct pong right = rally(49692, CENTRE + sign * 4481, 448, 0);
        assert_int_equal(pong_step(&right), 0);
        assert_ball(&right, 50140, CENTRE + sign * 4481, 448, 0);
    }
}

static void test_a_missed_ball_still_bounces_off_the_wall(void **state)
{
    (void)state;
    struct pong pong = rally(2408, 900, -1100, -1000);
    put_paddle(&pong, 1, 30720);
    assert_int_equal(pong_step(&pong), PONG_EVENT_WALL);
    assert_ball(&pong, 1308, 1380, -1100, 1000);
}

static void test_the_angle_is_given_by_the_paddle_s_edge(void **state)
{
    (void)state;
    static const struct {
        int32_t d, vy;
    } table[] = {{0, 0},       {1, 0},       {2, 0},       {3, 1},      {1920, 864},
                 {3839, 1727}, {3840, 1728}, {3841, 1728}, {4480, 1728}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            struct hit hit = {100,   CENTRE + sign * table[i].d, 2304, 0,
                              15360, CENTRE + sign * table[i].d, 2304, sign * table[i].vy};
            check_hit(&hit);
        }
    }
}

static void test_speed_grows_and_less_for_who_leads_by_more_than_three(void **state)
{
    (void)state;
    static const struct {
        int own, other;
        int32_t speed, next;
    } table[] = {
        {0, 0, 448, 470},    /* 470.4 */
        {3, 0, 448, 470},    /* three is not more than three */
        {4, 0, 448, 460},    /* 470·98/100 = 460.6 */
        {9, 5, 448, 460},    /* it is the lead that counts */
        {9, 6, 448, 470},    /* … */
        {0, 4, 448, 470},    /* the hitter's, not the other's */
        {5, 9, 448, 470},    /* … */
        {0, 0, 470, 493},    /* 493.5 */
        {0, 0, 2194, 2303},  /* 2303.7 */
        {0, 0, 2195, 2304},  /* 2304.75 */
        {0, 0, 2250, 2304},  /* 2362 is too fast */
        {0, 0, 2304, 2304},  /* 2419 */
        {20, 0, 2200, 2263}, /* 2310·98/100 = 2263.8: the cap comes last */
        {20, 0, 2304, 2304}, /* 2370 */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int player = 1; player <= 2; player++) {
            int side = player == 1 ? 1 : -1;
            int32_t face = player == 1 ? 1408 : 49792;
            struct pong pong = rally(face + side * 10, CENTRE, -side * table[i].speed, 0);
            pong.winning_score = 21;
            pong.score[player - 1] = (uint8_t)table[i].own;
            pong.score[2 - player] = (uint8_t)table[i].other;
            pong_step(&pong);
            assert_ball(&pong, face, CENTRE, side * table[i].next, 0);
        }
    }
}

/* ---- points -------------------------------------------------------------------------- */

static void test_points_at_640_and_50560(void **state)
{
    (void)state;
    static const struct {
        int32_t x, vx;
        unsigned events;
    } table[] = {
        {1088, -448, PONG_EVENT_POINT_2},  /* 640 */
        {1089, -448, 0},                   /* 641 */
        {641, -2304, PONG_EVENT_POINT_2},  /* out of the court */
        {50112, 448, PONG_EVENT_POINT_1},  /* 50560 */
        {50111, 448, 0},                   /* 50559 */
        {50559, 2304, PONG_EVENT_POINT_1}, /* out of the court */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct pong pong = rally(table[i].x, 5000, table[i].vx, 7);
        pong.serve_steps = 170;
        pong.score[0] = 2;
        pong.score[1] = 5;
        pong.target_y[0] = 20000;
        pong.paddle_y[1] = pong.target_y[1] = 1234;
        assert_int_equal(pong_step(&pong), table[i].events);
        assert_int_equal(pong.score[0], 2 + (table[i].events == PONG_EVENT_POINT_1));
        assert_int_equal(pong.score[1], 5 + (table[i].events == PONG_EVENT_POINT_2));
        assert_int_equal(pong.paddle_y[0], 16320); /* paddles stay, and go on */
        assert_int_equal(pong.paddle_y[1], 1234);
        assert_int_equal(pong.target_y[0], 20000);
        if (table[i].events) {
            assert_ball(&pong, 25600, 19200, 0, 0);
            assert_phase(&pong, PONG_SERVING, 170);
        } else {
            assert_ball(&pong, table[i].x + table[i].vx, 5007, table[i].vx, 7);
            assert_phase(&pong, PONG_RALLY, PONG_STEPS_OPEN);
        }
    }
}

static void test_a_fast_ball_is_missed_and_out_in_one_step(void **state)
{
    (void)state;
    struct pong pong = rally(1409, 30000, -2304, 0);
    assert_int_equal(pong_step(&pong), PONG_EVENT_POINT_2);
    pong = rally(49791, 30000, 2304, 0);
    assert_int_equal(pong_step(&pong), PONG_EVENT_POINT_1);
    /* … and is hit when the paddle is there. */
    pong = rally(1409, CENTRE, -2304, 0);
    assert_int_equal(pong_step(&pong), PONG_EVENT_HIT_1);
    assert_ball(&pong, 1408, CENTRE, 2304, 0);
}

static void test_the_winning_point_ends_the_match(void **state)
{
    (void)state;
    static const uint8_t winning[] = {1, 10, 21};
    for (size_t i = 0; i < sizeof winning; i++) {
        for (int player = 1; player <= 2; player++) {
            struct pong pong = rally(player == 1 ? 50500 : 700, 30000, player == 1 ? 448 : -448, 9);
            pong.winning_score = winning[i];
            pong.score[player - 1] = (uint8_t)(winning[i] - 1);
            unsigned point = player == 1 ? PONG_EVENT_POINT_1 : PONG_EVENT_POINT_2;
            assert_int_equal(pong_step(&pong), point | PONG_EVENT_WON);
            assert_phase(&pong, PONG_FINISHED, PONG_STEPS_OPEN);
            assert_int_equal(pong.score[player - 1], winning[i]);
            assert_int_equal(pong.score[2 - player], 0);
            assert_ball(&pong, 25600, 19200, 0, 0);
            assert_int_equal(pong_step(&pong), 0);
            assert_phase(&pong, PONG_FINISHED, PONG_STEPS_OPEN);
        }
    }
    struct pong pong = rally(700, 30000, -448, 0);
    pong.score[1] = 8; /* one before the last */
    assert_int_equal(pong_step(&pong), PONG_EVENT_POINT_2);
    assert_phase(&pong, PONG_SERVING, 180);
}

/* ---- properties over many random states ---------------------------------------------- */

/* splitmix64; the seeds are fixed, so that a failure comes again. */
static uint64_t random_state;

static int32_t between(int32_t low, int32_t high)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return low + (int32_t)(z % ((uint64_t)(high - low) + 1));
}

/* Any state that a rally may be in; half of them just before a paddle. */
static struct pong random_rally(void)
{
    int32_t speed = between(448, 2304);
    int32_t steepest = speed * 3 / 4 > 448 ? speed * 3 / 4 : 448;
    bool goes_left = between(0, 1) == 0;
    struct pong pong = rally(between(641, 50559), between(640, 37760), goes_left ? -speed : speed,
                             between(-steepest, steepest));
    if (between(0, 1) == 0)
        pong.ball_x = goes_left ? 1408 + between(0, speed) : 49792 - between(0, speed);
    pong.winning_score = 21;
    for (int i = 0; i < 2; i++) {
        pong.paddle_y[i] = between(0, 30720);
        pong.target_y[i] = between(0, 30720);
        if (between(0, 1) == 0) /* near the ball, so that its edges are met */
            pong.paddle_y[i] = pong.target_y[i] =
                pong_clamp_target(pong.ball_y - 3840 + between(-5000, 5000));
        pong.score[i] = (uint8_t)between(0, 20);
    }
    return pong;
}

static void assert_within_bounds(const struct pong *pong)
{
    assert_in_range(pong->ball_y, 640, 37760);
    assert_in_range(pong->ball_x, 641, 50559);
    for (int i = 0; i < 2; i++) {
        assert_in_range(pong->paddle_y[i], 0, 30720);
        assert_in_range(pong->score[i], 0, pong->winning_score);
    }
    if (pong->ball_vx != 0)
        assert_in_range(abs(pong->ball_vx), 448, 2304);
    assert_in_range(abs(pong->ball_vy), 0, 1728);
}

enum meeting {
    PASSES,
    MUST_HIT,
    MUST_MISS,
    TOO_CLOSE_TO_TELL /* within one unit of the edge, where the rule's truncation decides */
};

/*
 * What must come of this step, from the exact path: the ball's straight line through both ends of
 * the step, cut with the face's line as a fraction, never rounded.
 */
static enum meeting exact_meeting(const struct pong *pong)
{
    int64_t x = pong->ball_x, y = pong->ball_y, vx = pong->ball_vx, vy = pong->ball_vy;
    int64_t face = vx < 0 ? 1408 : 49792;
    /* signs of "before the face" at both ends of the path */
    if ((vx < 0 && !(x > face && x + vx <= face)) || (vx > 0 && !(x < face && x + vx >= face)))
        return PASSES;
    /* crossing = numerator / denominator, denominator > 0 */
    int64_t denominator = vx < 0 ? -vx : vx;
    int64_t numerator = y * denominator + vy * (vx < 0 ? x - face : face - x);
    if (numerator < 640 * denominator)
        numerator = 2 * 640 * denominator - numerator;
    else if (numerator > 37760 * denominator)
        numerator = 2 * 37760 * denominator - numerator;
    int i = vx < 0 ? 0 : 1;
    int64_t top = pong->paddle_y[i], way = pong->target_y[i] - top;
    top += way > 960 ? 960 : way < -960 ? -960 : way;
    int64_t off = numerator - (top + 3840) * denominator;
    if (off < 0)
        off = -off;
    return off <= 4479 * denominator   ? MUST_HIT
           : off >= 4481 * denominator ? MUST_MISS
                                       : TOO_CLOSE_TO_TELL;
}

static void test_no_ball_passes_a_paddle_that_is_there(void **state)
{
    int hits = 0, misses = 0;
    (void)state;
    random_state = 1;
    for (int i = 0; i < SINGLE_STEPS; i++) {
        struct pong before = random_rally(), pong = before;
        enum meeting expected = exact_meeting(&before);
        unsigned events = pong_step(&pong);
        unsigned hit = before.ball_vx < 0 ? PONG_EVENT_HIT_1 : PONG_EVENT_HIT_2;
        if (expected == MUST_HIT)
            assert_int_equal(events, hit);
        else if (expected != TOO_CLOSE_TO_TELL)
            assert_int_equal(events & (PONG_EVENT_HIT_1 | PONG_EVENT_HIT_2), 0);
        if (events & hit) { /* back it goes, and never slower */
            assert_true((pong.ball_vx > 0) == (before.ball_vx < 0));
            assert_true(abs(pong.ball_vx) >= abs(before.ball_vx));
        }
        assert_within_bounds(&pong);
        hits += expected == MUST_HIT;
        misses += expected == MUST_MISS;
    }
    assert_true(hits > SINGLE_STEPS / 10); /* the states were worth looking at */
    assert_true(misses > SINGLE_STEPS / 10);
}

/* One match of two players who steer at random, from a seed. Returns the hash of all its states. */
static uint32_t play_at_random(uint64_t seed)
{
    struct pong pong;
    uint32_t hash = GOLDEN_HASH_START;
    random_state = seed;
    pong_init(&pong, (uint32_t)between(0, INT32_MAX), (uint8_t)between(1, 21), 60);
    pong_set_phase(&pong, PONG_SERVING, 60);
    for (int i = 0; i < MATCH_STEPS; i++) {
        if (pong.phase == PONG_SERVING && pong.steps_left == 30) {
            pong.ball_vx = between(0, 1) ? 448 : -448;
            pong.ball_vy = between(0, 1) ? 448 : -448;
        }
        for (int player = 0; player < 2; player++)
            if (between(0, 7) == 0)
                pong.target_y[player] =
                    pong_clamp_target(pong.ball_y - 3840 + between(-4800, 4800));
        if (pong.phase == PONG_RALLY && between(0, 999) == 0)
            pong_set_phase(&pong, PONG_PAUSED, (uint16_t)between(1, 100));
        uint32_t step = pong.step;
        pong_step(&pong);
        assert_int_equal(pong.step, step + 1);
        assert_within_bounds(&pong);
        assert_true(pong.phase != PONG_RALLY || pong_ball_moves(&pong));
        hash = golden_hash_state(hash, &pong);
    }
    return hash;
}

static void test_same_inputs_give_the_same_states_and_stay_in_bounds(void **state)
{
    (void)state;
    uint32_t before = 0;
    for (uint64_t seed = 1; seed <= RANDOM_MATCHES; seed++) {
        uint32_t hash = play_at_random(seed);
        assert_int_equal(hash, play_at_random(seed));
        assert_int_not_equal(hash, before);
        before = hash;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fresh_court),
        cmocka_unit_test(test_setting_a_phase),
        cmocka_unit_test(test_targets_are_cut),
        cmocka_unit_test(test_paddles_head_for_their_targets_except_in_pauses),
        cmocka_unit_test(test_the_serve_s_countdown_ends_in_a_rally),
        cmocka_unit_test(test_a_pause_ends_in_a_rally_when_the_ball_has_velocity),
        cmocka_unit_test(test_a_pause_ends_in_a_serve_when_the_ball_has_none),
        cmocka_unit_test(test_open_phases_do_not_end),
        cmocka_unit_test(test_walls_mirror_the_ball),
        cmocka_unit_test(test_a_hit_happens_where_the_ball_meets_the_paddle),
        cmocka_unit_test(test_only_a_ball_that_comes_from_before_the_face_can_be_hit),
        cmocka_unit_test(test_a_paddle_moves_before_it_is_met),
        cmocka_unit_test(test_a_paddle_reaches_4480_and_not_4481),
        cmocka_unit_test(test_a_missed_ball_still_bounces_off_the_wall),
        cmocka_unit_test(test_the_angle_is_given_by_the_paddle_s_edge),
        cmocka_unit_test(test_speed_grows_and_less_for_who_leads_by_more_than_three),
        cmocka_unit_test(test_points_at_640_and_50560),
        cmocka_unit_test(test_a_fast_ball_is_missed_and_out_in_one_step),
        cmocka_unit_test(test_the_winning_point_ends_the_match),
        cmocka_unit_test(test_no_ball_passes_a_paddle_that_is_there),
        cmocka_unit_test(test_same_inputs_give_the_same_states_and_stay_in_bounds),
    };
    return cmocka_run_group_tests_name("pong", tests, NULL, NULL);
}
