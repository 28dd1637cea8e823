/*
 * pong: the simulation. Same state + same inputs = same next state, on every machine and in every
 * language.
 *
 * Integers only; no clock, no heap, no I/O, no randomness. It must not know players, connections or
 * why a phase was set: whatever it could not foresee (a target, a serve's velocity, a pause) is
 * written into the state by its owner, game_state, between two steps. docs/protocol.md §3 is the law;
 * every rule of one step stands in pong.c, in the order of the text.
 *
 * Units: positions in 1/64 px, velocities in 1/64 px per step, 60 steps a second; origin top left,
 * y down. Every division truncates toward zero, products come first; no product exceeds 32 bits.
 *
 * All functions: any thread, on a state that no other thread uses; none can fail.
 */
#ifndef PONG_GAMED_PONG_H
#define PONG_GAMED_PONG_H

#include <stdint.h>

enum {
    PONG_STEPS_PER_SECOND = 60,
    PONG_UNITS_PER_PX = 64,

    PONG_COURT_WIDTH = 51200,
    PONG_COURT_HEIGHT = 38400,

    PONG_PADDLE_WIDTH = 768,
    PONG_PADDLE_HEIGHT = 7680,
    PONG_PADDLE_SPEED = 960,
    PONG_PADDLE_Y_MAX = 30720, /* of its top edge; the minimum is 0 */
    PONG_PADDLE_Y_START = 15360,

    PONG_BALL_RADIUS = 640,
    PONG_BALL_X_START = 25600,
    PONG_BALL_Y_START = 19200,
    PONG_BALL_Y_MIN = 640, /* of its centre, at the upper wall */
    PONG_BALL_Y_MAX = 37760,
    PONG_FACE_LEFT = 1408, /* the ball's centre x when it touches paddle 1 */
    PONG_FACE_RIGHT = 49792,
    PONG_OUT_LEFT = 640, /* at or beyond: a point */
    PONG_OUT_RIGHT = 50560,

    PONG_HIT_REACH = 4480, /* |ball − paddle's centre| of a hit: half a paddle, a ball's radius */
    PONG_SERVE_SPEED = 448, /* |vx| and |vy| of a serve */
    PONG_SPEED_MAX = 2304,  /* |vx| after any number of hits */

    PONG_SERVE_STEPS = 180,       /* the usual countdown of a serve */
    PONG_SERVE_LAUNCH_STEPS = 30, /* the serve's velocity is set when this many steps are left */
    PONG_STEPS_OPEN = 0xffff,     /* steps_left of a phase that only people end */
};

/* The numbers are the wire's. */
enum pong_phase {
    PONG_WAITING = 0,
    PONG_SERVING = 1,
    PONG_RALLY = 2,
    PONG_PAUSED = 3,
    PONG_FINISHED = 4,
};

/* What a step brought about; bits of pong_step()'s return value. */
enum pong_event {
    PONG_EVENT_WALL = 1,
    PONG_EVENT_HIT_1 = 2,
    PONG_EVENT_HIT_2 = 4,
    PONG_EVENT_POINT_1 = 8,  /* player 1 scored */
    PONG_EVENT_POINT_2 = 16, /* player 2 scored */
    PONG_EVENT_RALLY = 32,   /* a rally began, or goes on after a pause */
    PONG_EVENT_WON = 64,     /* the point was the match's last */
};

/* Index 0 is player 1, the left paddle. In this order it has no gaps: states are compared as bytes. */
struct pong {
    uint32_t step; /* this is the state after that step */
    int32_t ball_x, ball_y;
    int32_t ball_vx, ball_vy;
    int32_t paddle_y[2]; /* top edge */
    int32_t target_y[2]; /* where its top edge heads for */
    uint8_t score[2];
    uint8_t phase;         /* enum pong_phase */
    uint8_t winning_score; /* constant while the match lasts, as is serve_steps */
    uint16_t steps_left;   /* of the phase; PONG_STEPS_OPEN: until somebody ends it */
    uint16_t serve_steps;
};

/*
 * A court before its match: scores 0, paddles in the middle, phase waiting. `step` is where the
 * game's clock starts.
 */
void pong_init(struct pong *pong, uint32_t step, uint8_t winning_score, uint16_t serve_steps);

/* Computes the next step. Returns the pong_event bits of what happened in it. */
unsigned pong_step(struct pong *pong);

/* Enters a phase with so many steps left; serving and waiting put the ball to rest in the middle.
 */
void pong_set_phase(struct pong *pong, enum pong_phase phase, uint16_t steps_left);

/* Whether the ball has a velocity (it keeps it through a pause). */
int pong_ball_moves(const struct pong *pong);

/* `y` as a target: cut to what a paddle can reach. */
int32_t pong_clamp_target(int32_t y);

#endif
