/*
 * Random rallies: games too long to list input by input. What is put into them comes from a small
 * random generator, so that a reader in another language draws the same; README.md describes it. It
 * must call nothing but the simulation.
 */
#ifndef PONG_TESTS_RANDOM_RALLY_H
#define PONG_TESTS_RANDOM_RALLY_H

#include "tests/golden/golden.h"

enum {
    RANDOM_RALLY_STEPS = 100000,
    RANDOM_RALLY_EVERY = 500, /* steps between two hashes */
    RANDOM_RALLY_COUNT = 12
};

struct random_rally {
    struct pong pong;
    uint32_t random; /* xorshift32 */
    uint32_t chain;
};

/* Marsaglia 2003. */
static inline int32_t random_rally_draw(struct random_rally *rally, uint32_t below)
{
    uint32_t x = rally->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    rally->random = x;
    return (int32_t)(x % below);
}

static inline void random_rally_begin(struct random_rally *rally, uint32_t number)
{
    rally->random = 2463534242u + number * 2654435761u;
    rally->chain = GOLDEN_HASH_START;
    int32_t winning_score = 1 + random_rally_draw(rally, 21);
    int32_t serve_steps = 1 + random_rally_draw(rally, 240);
    pong_init(&rally->pong, number * 20000, (uint8_t)winning_score, (uint16_t)serve_steps);
}

static inline void random_rally_put_ball(struct random_rally *rally, int32_t speed_max)
{
    struct pong *pong = &rally->pong;
    pong->ball_x = PONG_OUT_LEFT + 1 + random_rally_draw(rally, PONG_OUT_RIGHT - PONG_OUT_LEFT - 1);
    pong->ball_y =
        PONG_BALL_Y_MIN + random_rally_draw(rally, PONG_BALL_Y_MAX - PONG_BALL_Y_MIN + 1);
    int32_t vx = 1 + random_rally_draw(rally, (uint32_t)speed_max);
    pong->ball_vx = random_rally_draw(rally, 2) ? vx : -vx;
    pong->ball_vy = random_rally_draw(rally, 3457) - 1728;
}

/* The ball's way in a straight line, folded at the walls, says where a player should be. */
static inline int32_t random_rally_foresee(const struct pong *pong, int player)
{
    int32_t face = player == 0 ? PONG_FACE_LEFT : PONG_FACE_RIGHT;
    int32_t way = face - pong->ball_x;
    if (pong->ball_vx == 0 || (way < 0) != (pong->ball_vx < 0))
        return PONG_BALL_Y_START;
    int32_t steps = way / pong->ball_vx;
    int32_t high = PONG_BALL_Y_MAX - PONG_BALL_Y_MIN;
    int32_t y = (pong->ball_y - PONG_BALL_Y_MIN + pong->ball_vy * (steps % 1000)) % (2 * high);
    if (y < 0)
        y += 2 * high;
    return PONG_BALL_Y_MIN + (y > high ? 2 * high - y : y);
}

/* What is put into the game before its next step. */
static inline void random_rally_input(struct random_rally *rally)
{
    struct pong *pong = &rally->pong;
    for (int player = 0; player < 2; player++) {
        int32_t what = random_rally_draw(rally, 40);
        if (what == 0)
            pong->target_y[player] = random_rally_draw(rally, PONG_PADDLE_Y_MAX + 1);
        else if (what <= 6)
            pong->target_y[player] =
                pong_clamp_target(random_rally_foresee(pong, player) - PONG_PADDLE_HEIGHT / 2 +
                                  random_rally_draw(rally, 8001) - 4000);
    }
    if (pong->phase == PONG_SERVING && pong->steps_left <= PONG_SERVE_LAUNCH_STEPS &&
        !pong_ball_moves(pong)) {
        pong->ball_vx = random_rally_draw(rally, 2) ? PONG_SERVE_SPEED : -PONG_SERVE_SPEED;
        pong->ball_vy = random_rally_draw(rally, 2) ? PONG_SERVE_SPEED : -PONG_SERVE_SPEED;
    }
    switch (random_rally_draw(rally, 1000)) {
    case 0:
        pong_set_phase(pong, PONG_PAUSED, (uint16_t)(1 + random_rally_draw(rally, 300)));
        break;
    case 1:
        pong_set_phase(pong, PONG_PAUSED, PONG_STEPS_OPEN);
        break;
    case 2:
        pong_set_phase(pong, PONG_SERVING, (uint16_t)(1 + random_rally_draw(rally, 180)));
        break;
    case 3:
        pong->score[0] = (uint8_t)random_rally_draw(rally, pong->winning_score);
        pong->score[1] = (uint8_t)random_rally_draw(rally, pong->winning_score);
        break;
    case 4:
        random_rally_put_ball(rally, PONG_SPEED_MAX);
        break;
    case 5: /* faster than the rules ever let it be */
        random_rally_put_ball(rally, 8000);
        break;
    case 6:
    case 7:
        pong_set_phase(pong, PONG_RALLY, PONG_STEPS_OPEN);
        break;
    case 8:
        pong_set_phase(pong, random_rally_draw(rally, 2) ? PONG_WAITING : PONG_FINISHED,
                       PONG_STEPS_OPEN);
        break;
    default:
        break;
    }
    /* What only people would end, they end. */
    if (pong->steps_left == PONG_STEPS_OPEN && pong->phase != PONG_RALLY &&
        random_rally_draw(rally, 60) == 0)
        pong_set_phase(pong, PONG_SERVING, (uint16_t)(1 + random_rally_draw(rally, 60)));
}

static inline void random_rally_advance(struct random_rally *rally, int steps)
{
    for (int i = 0; i < steps; i++) {
        random_rally_input(rally);
        pong_step(&rally->pong);
        rally->chain = golden_hash_state(rally->chain, &rally->pong);
    }
}

#endif
