/*
 * make_golden: writes the golden rallies, files of inputs and of the states that must come out of
 * them. README.md beside this file is the format's description.
 *
 * It plays each rally with the simulation of gamed/pong.c, so run it only when the rules have
 * changed on purpose. It must depend on nothing else: the same source always writes the same bytes.
 *
 * Usage: make_golden DIRECTORY
 */
#include "tests/golden/golden.h"
#include "tests/golden/random_rally.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "gamed/pong.h"

enum {
    STATE_EVERY = 300,
    CHAIN_EVERY = 60
};

struct script {
    FILE *out;
    struct pong pong;
    uint32_t chain;
    uint32_t random; /* xorshift32 */
    int towards;     /* +1 or -1: the next serve's direction */
    int32_t aim[2];  /* where a player means to meet the ball, from his paddle's middle */
    int32_t aim_max; /* … at most */
    int reaction;    /* steps between two targets of a player */
    bool is_idle[2]; /* plays nothing at all */
};

static const char *path_of(const char *directory, const char *name)
{
    static char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s.txt", directory, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        fprintf(stderr, "make_golden: the path of %s is too long\n", name);
        exit(1);
    }
    return path;
}

static void record(struct script *script, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(script->out, format, arguments);
    va_end(arguments);
    fputc('\n', script->out);
}

/* Marsaglia 2003. */
static uint32_t draw(struct script *script)
{
    uint32_t x = script->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return script->random = x;
}

static int32_t between(struct script *script, int32_t low, int32_t high)
{
    return low + (int32_t)(draw(script) % (uint32_t)(high - low + 1));
}

/* ---- inputs -------------------------------------------------------------------------- */

static uint32_t next_step(const struct script *script)
{
    return script->pong.step + 1;
}

static void put_ball(struct script *script, int32_t x, int32_t y, int32_t vx, int32_t vy)
{
    script->pong.ball_x = x;
    script->pong.ball_y = y;
    script->pong.ball_vx = vx;
    script->pong.ball_vy = vy;
    record(script, "ball %u %d %d %d %d", next_step(script), x, y, vx, vy);
}

static void put_target(struct script *script, int player, int32_t y)
{
    y = pong_clamp_target(y);
    if (script->pong.target_y[player - 1] == y)
        return;
    script->pong.target_y[player - 1] = y;
    record(script, "target %u %d %d", next_step(script), player, y);
}

static void put_paddle(struct script *script, int player, int32_t y)
{
    script->pong.paddle_y[player - 1] = y;
    record(script, "paddle %u %d %d", next_step(script), player, y);
}

static void put_score(struct script *script, int score_1, int score_2)
{
    script->pong.score[0] = (uint8_t)score_1;
    script->pong.score[1] = (uint8_t)score_2;
    record(script, "score %u %d %d", next_step(script), score_1, score_2);
}

static void put_phase(struct script *script, enum pong_phase phase, unsigned steps_left)
{
    script->pong.phase = (uint8_t)phase;
    script->pong.steps_left = (uint16_t)steps_left;
    record(script, "phase %u %d %u", next_step(script), (int)phase, steps_left);
}

/* ---- steps --------------------------------------------------------------------------- */

static void write_state(struct script *script)
{
    const struct pong *pong = &script->pong;
    record(script, "state %u %d %d %d %d %d %d %d %d %d %d %d %d %08x", pong->step, pong->ball_x,
           pong->ball_y, pong->ball_vx, pong->ball_vy, pong->target_y[0], pong->target_y[1],
           pong->paddle_y[0], pong->paddle_y[1], pong->score[0], pong->score[1], pong->phase,
           pong->steps_left, golden_hash_state(GOLDEN_HASH_START, pong));
}

static unsigned advance(struct script *script)
{
    uint8_t phase = script->pong.phase;
    unsigned events = pong_step(&script->pong);
    script->chain = golden_hash_state(script->chain, &script->pong);
    if (events & (PONG_EVENT_POINT_1 | PONG_EVENT_POINT_2))
        script->towards = events & PONG_EVENT_POINT_1 ? 1 : -1;
    if (events || phase != script->pong.phase || script->pong.step % STATE_EVERY == 0)
        write_state(script);
    if (script->pong.step % CHAIN_EVERY == 0)
        record(script, "chain %u %08x", script->pong.step, script->chain);
    return events;
}

static void serve_when_due(struct script *script)
{
    const struct pong *pong = &script->pong;
    if (pong->phase != PONG_SERVING || pong->steps_left > PONG_SERVE_LAUNCH_STEPS ||
        pong_ball_moves(pong))
        return;
    put_ball(script, pong->ball_x, pong->ball_y, script->towards * PONG_SERVE_SPEED,
             draw(script) & 0x8000 ? PONG_SERVE_SPEED : -PONG_SERVE_SPEED);
}

/* A player follows the ball with the spot of his paddle that he has chosen for this approach. */
static void follow_ball(struct script *script, int player)
{
    const struct pong *pong = &script->pong;
    bool approaches = player == 1 ? pong->ball_vx < 0 : pong->ball_vx > 0;
    if (script->is_idle[player - 1])
        return;
    if (!approaches)
        script->aim[player - 1] = between(script, -script->aim_max, script->aim_max);
    else if ((int)(pong->step % (uint32_t)script->reaction) == 0)
        put_target(script, player, pong->ball_y - PONG_PADDLE_HEIGHT / 2 + script->aim[player - 1]);
}

static void play(struct script *script, int steps)
{
    for (int i = 0; i < steps && script->pong.phase != PONG_FINISHED; i++) {
        serve_when_due(script);
        for (int player = 1; player <= 2; player++)
            follow_ball(script, player);
        advance(script);
    }
}

static struct script begin(const char *directory, const char *name, const char *about,
                           uint32_t step, uint8_t winning_score, uint16_t serve_steps)
{
    struct script script = {.chain = GOLDEN_HASH_START,
                            .random = 2463534242u,
                            .towards = 1,
                            .aim_max = 3000,
                            .reaction = 4};
    const char *path = path_of(directory, name);
    script.out = fopen(path, "w");
    if (!script.out) {
        perror(path);
        exit(1);
    }
    pong_init(&script.pong, step, winning_score, serve_steps);
    fprintf(script.out, "# %s\n# Written by make_golden; README.md describes the format.\n", about);
    record(&script, "start %u %u %u", step, (unsigned)winning_score, (unsigned)serve_steps);
    return script;
}

static void end(struct script *script)
{
    write_state(script);
    record(script, "chain %u %08x", script->pong.step, script->chain);
    record(script, "end %u", script->pong.step);
    bool has_failed = ferror(script->out) != 0;
    if (fclose(script->out) != 0 || has_failed) {
        perror("make_golden");
        exit(1);
    }
}

/* ---- the rallies --------------------------------------------------------------------- */

static void write_match(const char *directory)
{
    struct script script = begin(directory, "match", "A whole match to 3 by two players who miss.",
                                 0, 3, PONG_SERVE_STEPS);
    script.aim_max = 5200;
    put_phase(&script, PONG_SERVING, PONG_SERVE_STEPS);
    play(&script, 60 * 300);
    for (int i = 0; i < 120; i++) { /* over, but the paddles may still move */
        if (i % 40 == 0)
            put_target(&script, 1 + i / 40 % 2, i * 200);
        advance(&script);
    }
    end(&script);
}

static void write_fast(const char *directory)
{
    struct script script =
        begin(directory, "fast", "A long rally that reaches the highest speed.", 1000, 21, 60);
    script.aim_max = 1500;
    script.reaction = 2;
    put_phase(&script, PONG_SERVING, 60);
    play(&script, 60 * 45);
    end(&script);
}

static void write_leader(const char *directory)
{
    struct script script =
        begin(directory, "leader",
              "Player 1 leads by 3, then 4, then plays on: his hits gain less.", 60, 10, 90);
    script.is_idle[1] = true;
    put_target(&script, 2, 0);
    put_score(&script, 3, 0);
    put_phase(&script, PONG_SERVING, 90);
    while (script.pong.score[0] < 4)
        play(&script, 1);
    script.is_idle[1] = false;
    play(&script, 60 * 30);
    end(&script);
}

static void write_pauses(const char *directory)
{
    struct script script = begin(directory, "pauses",
                                 "Pauses of all kinds: with and without a served ball, open, cut.",
                                 7, 10, PONG_SERVE_STEPS);
    for (int i = 0; i < 30; i++) { /* waiting: paddles move, nothing else does */
        put_target(&script, 1 + i % 2, i * 1000);
        advance(&script);
    }
    put_phase(&script, PONG_SERVING, PONG_SERVE_STEPS);
    play(&script, 100);
    put_phase(&script, PONG_PAUSED, 240); /* before the launch: serving again afterwards */
    play(&script, 240 + 155);
    put_phase(&script, PONG_PAUSED, 3780); /* after the launch: a rally afterwards */
    play(&script, 50);
    put_phase(&script, PONG_PAUSED, 180);
    play(&script, 180 + 100);
    put_phase(&script, PONG_PAUSED, PONG_STEPS_OPEN); /* in a rally, open; targets move on */
    for (int i = 0; i < 90; i++) {
        if (i % 30 == 0)
            put_target(&script, 1 + i / 30 % 2, 30720 - i * 300);
        advance(&script);
    }
    put_phase(&script, PONG_PAUSED, 180);
    play(&script, 180 + 200);
    put_phase(&script, PONG_PAUSED, 1);
    play(&script, 300);
    put_phase(&script, PONG_FINISHED, PONG_STEPS_OPEN); /* in mid-flight, as at a forfeit */
    for (int i = 0; i < 60; i++)
        advance(&script);
    end(&script);
}

static void write_wrap(const char *directory)
{
    struct script script =
        begin(directory, "wrap", "A rally across step 65536, where the wire's step starts anew.",
              65536 - 400, 10, PONG_SERVE_STEPS);
    put_phase(&script, PONG_SERVING, PONG_SERVE_STEPS);
    play(&script, 60 * 15);
    end(&script);
}

/* One ball just before a paddle, a wall or both, aimed to come within a few units of the paddle's
 * reach. */
static void put_close_call(struct script *script)
{
    int32_t speed = between(script, PONG_SERVE_SPEED, PONG_SPEED_MAX);
    bool is_left = between(script, 0, 1) == 0;
    int32_t way = between(script, 1, speed + 300);
    int32_t y = between(script, PONG_BALL_Y_MIN, PONG_BALL_Y_MAX);
    int32_t vy = between(script, -3 * speed / 4, 3 * speed / 4);
    if (between(script, 0, 2) == 0) /* off the wall on its way */
        y = vy < 0 ? PONG_BALL_Y_MIN + between(script, 0, -vy)
                   : PONG_BALL_Y_MAX - between(script, 0, vy);
    int32_t meets = y + vy * way / speed;
    if (meets < PONG_BALL_Y_MIN)
        meets = 2 * PONG_BALL_Y_MIN - meets;
    if (meets > PONG_BALL_Y_MAX)
        meets = 2 * PONG_BALL_Y_MAX - meets;
    int32_t off = between(script, PONG_HIT_REACH - 2, PONG_HIT_REACH + 2);
    int32_t top = meets - PONG_PADDLE_HEIGHT / 2 + (between(script, 0, 1) ? off : -off);
    if (between(script, 0, 3) == 0)
        top = meets - PONG_PADDLE_HEIGHT / 2 + between(script, -3900, 3900);
    top = pong_clamp_target(top);

    put_score(script, between(script, 0, 9), between(script, 0, 9));
    put_phase(script, PONG_RALLY, PONG_STEPS_OPEN);
    put_ball(script, is_left ? PONG_FACE_LEFT + way : PONG_FACE_RIGHT - way, y,
             is_left ? -speed : speed, vy);
    for (int player = 1; player <= 2; player++) {
        put_target(script, player, top);
        put_paddle(script, player, top);
    }
}

static void write_edges(const char *directory)
{
    struct script script =
        begin(directory, "edges",
              "Balls that come within two units of a paddle's reach, and balls off a wall.", 0, 10,
              PONG_SERVE_STEPS);
    for (int i = 0; i < 200; i++) {
        put_close_call(&script);
        advance(&script);
        advance(&script);
    }
    end(&script);
}

static void write_random(const char *directory)
{
    const char *path = path_of(directory, "random");
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        exit(1);
    }
    fprintf(out,
            "# Random rallies: the hash of all states so far, every %d steps.\n"
            "# Written by make_golden; README.md describes the format.\n",
            RANDOM_RALLY_EVERY);
    for (uint32_t number = 0; number < RANDOM_RALLY_COUNT; number++) {
        struct random_rally rally;
        random_rally_begin(&rally, number);
        fprintf(out, "rally %u %u %u %u\n", number, rally.pong.step,
                (unsigned)rally.pong.winning_score, (unsigned)rally.pong.serve_steps);
        for (int step = 0; step < RANDOM_RALLY_STEPS; step += RANDOM_RALLY_EVERY) {
            random_rally_advance(&rally, RANDOM_RALLY_EVERY);
            fprintf(out, "chain %u %08x\n", rally.pong.step, rally.chain);
        }
    }
    bool has_failed = ferror(out) != 0;
    if (fclose(out) != 0 || has_failed) {
        perror("make_golden");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "Usage: make_golden DIRECTORY\n");
        return 2;
    }
    write_match(argv[1]);
    write_fast(argv[1]);
    write_leader(argv[1]);
    write_pauses(argv[1]);
    write_wrap(argv[1]);
    write_edges(argv[1]);
    write_random(argv[1]);
    return 0;
}
