/*
 * Goals of the script.
 */
#include "bench/load/player.h"

#include <stdlib.h>

enum {
    MISS_ONE_IN = 8,
    OFF_MAX = 2500,  /* of a hit; the reach is 4480, keys are exact to a step or two of 960 */
    OFF_MISS = 6600, /* certainly beside it */
    EDGE = 960,      /* goals keep so far from the ends: a key released there stops a paddle */
    AWAY_LOW = 8000, /* where paddles stroll while the ball is away */
    AWAY_SPAN = 14000
};

/* Where the ball's centre will cross the paddle's face. */
static int32_t crossing_y(const struct pong *seen, int own)
{
    const int32_t way = own == 0 ? seen->ball_x - PONG_FACE_LEFT : PONG_FACE_RIGHT - seen->ball_x;
    const int64_t vx = abs(seen->ball_vx);
    const int64_t span = PONG_BALL_Y_MAX - PONG_BALL_Y_MIN;
    int64_t y = seen->ball_y - PONG_BALL_Y_MIN + (way > 0 ? seen->ball_vy * (int64_t)way / vx : 0);
    y %= 2 * span;
    if (y < 0)
        y += 2 * span;
    if (y > span)
        y = 2 * span - y;
    return (int32_t)y + PONG_BALL_Y_MIN;
}

static int32_t clamp(int32_t y)
{
    if (y < EDGE)
        return EDGE;
    return y > PONG_PADDLE_Y_MAX - EDGE ? PONG_PADDLE_Y_MAX - EDGE : y;
}

int32_t player_goal(struct player *player, const struct pong *seen, int own, uint32_t random)
{
    const bool is_coming =
        seen->phase == PONG_RALLY && (own == 0 ? seen->ball_vx < 0 : seen->ball_vx > 0);
    const uint32_t high = random >> 16;
    if (!is_coming) {
        player->is_coming = false;
        return AWAY_LOW + (int32_t)(high % AWAY_SPAN);
    }
    const int32_t middle = crossing_y(seen, own) - PONG_PADDLE_HEIGHT / 2;
    if (!player->is_coming) {
        player->is_coming = true;
        player->is_miss = (random & 0xff) % MISS_ONE_IN == 0;
        player->off = (int32_t)(high % (2 * OFF_MAX)) - OFF_MAX;
    }
    if (!player->is_miss)
        return clamp(middle + player->off);
    return clamp(middle > PONG_PADDLE_Y_MAX / 2 ? middle - OFF_MISS : middle + OFF_MISS);
}
