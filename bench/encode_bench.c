/*
 * encode_bench: what it costs to write each kind of message to a client, and how long the messages are, for the
 * states of a match that is played: nanoseconds, instructions where they can be counted, and how many of them one
 * core writes in a second. Sockets and frames are no part of it. It must not judge: it prints numbers.
 * Usage: encode_bench
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro.h"
#include "bench/played_game.h"
#include "gamed/messages.h"
#include "gamed/updates.h"

enum {
    MOMENTS = 1024,        /* a power of 2 */
    STEPS_OF_AN_UPDATE = 2 /* 30 updates a second */
};

static struct bench {
    struct played_script script;
    struct played_game played; /* for what messages need beside the views */
    /* of every update of the match from its first rally on */
    struct moment {
        struct game_view before, after;
        struct pong pong, foreseen;
    } moments[MOMENTS];
    char out[MESSAGES_SIZE];
    uint64_t bytes, messages; /* written so far */
} bench;

static void collect(void)
{
    struct played_game *played = &bench.played;
    played_script_write(&bench.script);
    played_game_open(played, &bench.script, false);
    while (played->game.pong.phase != PONG_RALLY)
        played_game_step(played);
    for (unsigned i = 0; i < MOMENTS; i++) {
        struct moment *moment = &bench.moments[i];
        game_state_view(&played->game, &moment->before);
        moment->foreseen = played->game.pong;
        for (int k = 0; k < STEPS_OF_AN_UPDATE; k++) {
            played_game_step(played);
            pong_step(&moment->foreseen);
        }
        game_state_view(&played->game, &moment->after);
        moment->pong = played->game.pong;
    }
}

/* A message was written: the compiler must take it for sent. */
static void sent(size_t length)
{
    bench.bytes += length;
    bench.messages++;
    __asm__ volatile("" : : "r"(bench.out) : "memory");
}

/* ---- what is measured: each writes so many of one kind ------------------------------------------ */

static const struct moment *moment_at(const void *moments, unsigned i)
{
    return (const struct moment *)moments + i % MOMENTS;
}

static void write_delta(void *arg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct moment *moment = moment_at(arg, i);
        sent(messages_delta(&bench.played.game, &moment->before, &moment->after,
                            bench.played.now.unix_ms, bench.out, sizeof bench.out));
    }
}

static void write_full_state(void *arg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct moment *moment = moment_at(arg, i);
        sent(messages_state(&bench.played.game, &moment->after, MESSAGES_STATE_FULL,
                            bench.played.now.unix_ms, bench.out, sizeof bench.out));
    }
}

static void write_goal(void *arg, unsigned count)
{
    static const struct game_event goal = {.type = GAME_EVENT_GOAL, .player = 1, .score = {1, 0}};
    (void)arg;
    for (unsigned i = 0; i < count; i++)
        sent(messages_event(&bench.played.game, &goal, bench.played.now.unix_ms, bench.out,
                            sizeof bench.out));
}

static void write_target(void *arg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct moment *moment = moment_at(arg, i);
        sent(updates_target(1, moment->pong.step, moment->pong.target_y[0],
                            (unsigned char *)bench.out));
    }
}

static void write_serve(void *arg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct moment *moment = moment_at(arg, i);
        sent(updates_event(UPDATES_BALL | UPDATES_PHASE, moment->pong.step, &moment->pong,
                           (unsigned char *)bench.out));
    }
}

static void write_keyframe(void *arg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct moment *moment = moment_at(arg, i);
        sent(updates_keyframe(&moment->pong, (unsigned char *)bench.out));
    }
}

static void write_heartbeat(void *arg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct moment *moment = moment_at(arg, i);
        sent(updates_heartbeat(&moment->pong, (unsigned char *)bench.out));
    }
}

/* What comes before a message, or finds that there is none to write. */

static void make_view(void *arg, unsigned count)
{
    (void)arg;
    for (unsigned i = 0; i < count; i++) {
        game_state_view(&bench.played.game, (struct game_view *)bench.out);
        sent(0);
    }
}

static void find_difference(void *arg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct moment *moment = moment_at(arg, i);
        volatile unsigned fields = updates_difference(&moment->foreseen, &moment->pong);
        (void)fields;
        sent(0);
    }
}

int main(void)
{
    static const struct {
        const char *name;
        micro_work *work;
    } kinds[] = {
        {"v1 game_state_delta, as they come in a match", write_delta},
        {"v1 game_state, all 21 keys", write_full_state},
        {"v1 and v2 goal_scored (jansson)", write_goal},
        {"v2 event: a target", write_target},
        {"v2 event: a serve", write_serve},
        {"v2 keyframe", write_keyframe},
        {"v2 heartbeat, with its checksum", write_heartbeat},
        {"game_state_view, before each v1 update", make_view},
        {"updates_difference: what v2 did not foresee", find_difference},
    };
    micro_open();
    collect();
    printf("One message%s:\n",
           micro_counts_instructions() ? "" : " (instructions cannot be counted here)");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char rest[64];
        bench.bytes = bench.messages = 0;
        const struct micro_cost cost = micro_measure(kinds[i].work, bench.moments);
        snprintf(rest, sizeof rest, ", %6.1f M/s on a core, %5.1f bytes", 1e3 / cost.ns,
                 (double)bench.bytes / (double)bench.messages);
        micro_print(kinds[i].name, cost, rest);
    }
    micro_close();
    return 0;
}
