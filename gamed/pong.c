/*
 * One step, rule by rule. The JavaScript twin has the same functions in the same order; golden
 * vectors hold both to this file.
 */
#include "gamed/pong.h"

#include <string.h>

static int32_t absolute(int32_t value)
{
    return value < 0 ? -value : value;
}

static int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

int32_t pong_clamp_target(int32_t y)
{
    return clamp(y, 0, PONG_PADDLE_Y_MAX);
}

int pong_ball_moves(const struct pong *pong)
{
    return pong->ball_vx != 0;
}

static void ball_to_rest(struct pong *pong)
{
    pong->ball_x = PONG_BALL_X_START;
    pong->ball_y = PONG_BALL_Y_START;
    pong->ball_vx = 0;
    pong->ball_vy = 0;
}

void pong_init(struct pong *pong, uint32_t step, uint8_t winning_score, uint16_t serve_steps)
{
    memset(pong, 0, sizeof *pong);
    pong->step = step;
    pong->winning_score = winning_score;
    pong->serve_steps = serve_steps;
    for (int i = 0; i < 2; i++)
        pong->paddle_y[i] = pong->target_y[i] = PONG_PADDLE_Y_START;
    pong_set_phase(pong, PONG_WAITING, PONG_STEPS_OPEN);
}

void pong_set_phase(struct pong *pong, enum pong_phase phase, uint16_t steps_left)
{
    if (phase == PONG_WAITING || phase == PONG_SERVING)
        ball_to_rest(pong);
    pong->phase = (uint8_t)phase;
    pong->steps_left = steps_left;
}

/* Rule 1: each paddle goes towards its target by at most its speed. */
static void move_paddles(struct pong *pong)
{
    for (int i = 0; i < 2; i++) {
        int32_t way = pong->target_y[i] - pong->paddle_y[i];
        pong->paddle_y[i] += clamp(way, -PONG_PADDLE_SPEED, PONG_PADDLE_SPEED);
    }
}

static int32_t mirror_at_walls(int32_t y)
{
    if (y < PONG_BALL_Y_MIN)
        return 2 * PONG_BALL_Y_MIN - y;
    if (y > PONG_BALL_Y_MAX)
        return 2 * PONG_BALL_Y_MAX - y;
    return y;
}

/*
 * Rule 3's hit: the faster the rally, the faster the ball; who leads by more than 3 gains less. The
 * edge gives the angle.
 */
static void bounce_off_paddle(struct pong *pong, int hitter, int32_t crossing_y, int32_t d)
{
    int32_t v = absolute(pong->ball_vx) * 105 / 100;
    if (pong->score[hitter] > pong->score[1 - hitter] + 3)
        v = v * 98 / 100;
    if (v > PONG_SPEED_MAX)
        v = PONG_SPEED_MAX;
    d = clamp(d, -PONG_PADDLE_HEIGHT / 2, PONG_PADDLE_HEIGHT / 2);
    pong->ball_x = hitter == 0 ? PONG_FACE_LEFT : PONG_FACE_RIGHT;
    pong->ball_y = crossing_y;
    pong->ball_vx = hitter == 0 ? v : -v;
    pong->ball_vy = 3 * v * d / (2 * PONG_PADDLE_HEIGHT);
}

/*
 * Rules 2 and 3: the ball's way in one step. Rule 4 is for the caller, who sees whether there was a
 * hit.
 */
static unsigned move_ball(struct pong *pong)
{
    int32_t x = pong->ball_x, vx = pong->ball_vx, vy = pong->ball_vy;
    int32_t x1 = x + vx;
    int32_t y1 = pong->ball_y + vy;
    unsigned events = 0;

    int hitter = -1;
    int32_t face = 0;
    if (vx < 0 && x > PONG_FACE_LEFT && x1 <= PONG_FACE_LEFT) {
        hitter = 0;
        face = PONG_FACE_LEFT;
    } else if (vx > 0 && x < PONG_FACE_RIGHT && x1 >= PONG_FACE_RIGHT) {
        hitter = 1;
        face = PONG_FACE_RIGHT;
    }
    if (hitter >= 0) {
        int32_t crossing_y = mirror_at_walls(pong->ball_y + vy * absolute(face - x) / absolute(vx));
        int32_t d = crossing_y - (pong->paddle_y[hitter] + PONG_PADDLE_HEIGHT / 2);
        if (absolute(d) <= PONG_HIT_REACH) {
            bounce_off_paddle(pong, hitter, crossing_y, d);
            return hitter == 0 ? PONG_EVENT_HIT_1 : PONG_EVENT_HIT_2;
        }
    }

    if (y1 < PONG_BALL_Y_MIN || y1 > PONG_BALL_Y_MAX) {
        y1 = mirror_at_walls(y1);
        pong->ball_vy = -vy;
        events |= PONG_EVENT_WALL;
    }
    pong->ball_x = x1;
    pong->ball_y = y1;
    return events;
}

/* Rule 4: past a side of the court, the other player has a point, and perhaps the match. */
static unsigned count_point(struct pong *pong)
{
    int scorer;
    if (pong->ball_x <= PONG_OUT_LEFT)
        scorer = 1;
    else if (pong->ball_x >= PONG_OUT_RIGHT)
        scorer = 0;
    else
        return 0;
    unsigned events = scorer == 0 ? PONG_EVENT_POINT_1 : PONG_EVENT_POINT_2;
    pong->score[scorer]++;
    ball_to_rest(pong);
    if (pong->score[scorer] >= pong->winning_score) {
        pong_set_phase(pong, PONG_FINISHED, PONG_STEPS_OPEN);
        return events | PONG_EVENT_WON;
    }
    pong_set_phase(pong, PONG_SERVING, pong->serve_steps);
    return events;
}

/*
 * The countdown of a serve or a pause. What follows it is foreseen by everybody, so it belongs to
 * the step.
 */
static unsigned run_timer(struct pong *pong)
{
    if (pong->steps_left == PONG_STEPS_OPEN)
        return 0;
    if (pong->steps_left > 0)
        pong->steps_left--;
    if (pong->steps_left > 0)
        return 0;
    if (pong->phase == PONG_PAUSED && !pong_ball_moves(pong)) {
        pong_set_phase(pong, PONG_SERVING, pong->serve_steps);
        return 0;
    }
    pong_set_phase(pong, PONG_RALLY, PONG_STEPS_OPEN);
    return PONG_EVENT_RALLY;
}

unsigned pong_step(struct pong *pong)
{
    pong->step++;
    switch (pong->phase) {
    case PONG_RALLY: {
        move_paddles(pong);
        unsigned events = move_ball(pong);
        if ((events & (PONG_EVENT_HIT_1 | PONG_EVENT_HIT_2)) == 0)
            events |= count_point(pong);
        return events;
    }
    case PONG_SERVING:
        move_paddles(pong);
        return run_timer(pong);
    case PONG_PAUSED:
        return run_timer(pong);
    default: /* waiting, finished: people may still move their paddles */
        move_paddles(pong);
        return 0;
    }
}
