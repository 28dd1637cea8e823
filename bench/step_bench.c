/*
 * step_bench: what one step of the simulation costs, by what happens in it, and what one of a game costs with all
 * the rules around it: nanoseconds, and instructions where they can be counted. The states are those of a match
 * that is played. And what it costs to note for /metrics how late a group of rooms was. It must not judge: it prints numbers. Usage: step_bench
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro.h"
#include "bench/played_game.h"
#include "common/histogram.h"
#include "gamed/pong.h"

enum {
    STATES = 1024, /* of a kind; a power of 2. 48 kB, which the second cache takes */
    GAMES = 2000,  /* as many as a process may well have: their states are not in the caches */
};

enum kind {
    KIND_COPY, /* not a step: what it takes to bring the states that the others begin from */
    KIND_ALL,
    KIND_FLIGHT,
    KIND_WALL,
    KIND_CONTACT,
    KIND_POINT,
    KIND_SERVE,
    KIND_PAUSE,
    KIND_COUNT
};

static const char *const kind_names[KIND_COUNT] = {
    [KIND_COPY] = "copy of a state, which is part of each below",
    [KIND_ALL] = "pong_step, as they come in a match",
    [KIND_FLIGHT] = "pong_step, rally: ball in flight",
    [KIND_WALL] = "pong_step, rally: ball meets a wall",
    [KIND_CONTACT] = "pong_step, rally: ball meets a paddle",
    [KIND_POINT] = "pong_step, rally: a point",
    [KIND_SERVE] = "pong_step, countdown of a serve",
    [KIND_PAUSE] = "pong_step, paused",
};

/* States just before a step of that kind. */
static struct states {
    enum kind kind;
    unsigned count;
    struct pong list[STATES];
} states[KIND_COUNT];

static struct played_script script;
static struct played_game games[GAMES];

static enum kind kind_of(const struct pong *before)
{
    struct pong after = *before;
    const unsigned events = pong_step(&after);
    if (before->phase == PONG_SERVING)
        return KIND_SERVE;
    if (events & (PONG_EVENT_POINT_1 | PONG_EVENT_POINT_2))
        return KIND_POINT;
    if (events & (PONG_EVENT_HIT_1 | PONG_EVENT_HIT_2))
        return KIND_CONTACT;
    return events & PONG_EVENT_WALL ? KIND_WALL : KIND_FLIGHT;
}

static void add(enum kind kind, const struct pong *pong)
{
    if (states[kind].count < STATES)
        states[kind].list[states[kind].count++] = *pong;
}

/* Fills the lists from one match; where a kind is rare, its states are repeated. */
static void collect(void)
{
    struct played_game *played = &games[0];
    played_game_open(played, &script, false);
    for (unsigned i = 0; i < PLAYED_STEPS; i++) {
        struct pong pong = played->game.pong;
        add(KIND_COPY, &pong);
        add(KIND_ALL, &pong);
        if (pong.phase == PONG_SERVING || pong.phase == PONG_RALLY)
            add(kind_of(&pong), &pong);
        pong_set_phase(&pong, PONG_PAUSED, PONG_STEPS_OPEN);
        add(KIND_PAUSE, &pong);
        played_game_step(played);
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct states *some = &states[kind];
        some->kind = (enum kind)kind;
        if (some->count == 0) {
            fprintf(stderr, "step_bench: no state for: %s\n", kind_names[kind]);
            exit(1);
        }
        for (unsigned i = some->count; i < STATES; i++)
            some->list[i] = some->list[i - some->count];
    }
}

/* The compiler must take what is there for used. */
static void keep(const struct pong *pong)
{
    __asm__ volatile("" : : "r"(pong) : "memory");
}

static void copy_states(void *arg, unsigned count)
{
    const struct states *some = arg;
    for (unsigned i = 0; i < count; i++) {
        struct pong pong = some->list[i % STATES];
        keep(&pong);
    }
}

static void step_states(void *arg, unsigned count)
{
    const struct states *some = arg;
    for (unsigned i = 0; i < count; i++) {
        struct pong pong = some->list[i % STATES];
        keep(&pong);
        pong_step(&pong);
        keep(&pong);
    }
}

static void step_game(void *arg, unsigned count)
{
    struct played_game *played = arg;
    for (unsigned i = 0; i < count; i++)
        played_game_step(played);
}

static void step_games(void *arg, unsigned count)
{
    unsigned *next = arg;
    for (unsigned i = 0; i < count; i++) {
        played_game_step(&games[*next]);
        *next = (*next + 1) % GAMES;
    }
}

/* Lateness from microseconds to a tenth of a second. */
static void note_lateness(void *arg, unsigned count)
{
    struct histogram *lateness = arg;
    for (unsigned i = 0; i < count; i++)
        histogram_observe(lateness, &histogram_lateness, (int64_t)1000 << (i % 17));
}

static void measure_games(bool is_v2)
{
    char what[64];
    unsigned next = 0;
    for (unsigned i = 0; i < GAMES; i++)
        played_game_open(&games[i], &script, is_v2);
    snprintf(what, sizeof what, "game_state, one game, inputs of %s", is_v2 ? "v2" : "v1");
    micro_print(what, micro_measure(step_game, &games[0]), "");
    played_game_open(&games[0], &script, is_v2);
    snprintf(what, sizeof what, "game_state, %d games in turn, inputs of %s", GAMES,
             is_v2 ? "v2" : "v1");
    micro_print(what, micro_measure(step_games, &next), "");
}

int main(void)
{
    micro_open();
    played_script_write(&script);
    collect();
    printf("One step, 60 a second and room%s; a game is %zu bytes:\n",
           micro_counts_instructions() ? "" : " (instructions cannot be counted here)",
           sizeof(struct game));
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct states *some = &states[kind];
        micro_print(kind_names[kind],
                    micro_measure(kind == KIND_COPY ? copy_states : step_states, some), "");
    }
    measure_games(false);
    measure_games(true);
    struct histogram lateness = {0};
    micro_print("histogram_observe, 990 a second and process",
                micro_measure(note_lateness, &lateness), "");
    micro_close();
    return 0;
}
