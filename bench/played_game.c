#include "bench/played_game.h"

#include <stdio.h>
#include <string.h>

#include "gamed/bot.h"

enum {
    LEAD_STEPS = 6, /* by which a player of pong.v2.bin names steps ahead */
    WINNING_SCORE = 21
};

static const uint64_t SEED = 7;
static const int64_t STEP_NS = 1000000000 / PONG_STEPS_PER_SECOND, NS_PER_MS = 1000000;
static const int64_t MONO_START_MS = 1000000, UNIX_START_MS = INT64_C(1700000000000);

static const struct game_rules rules = {.serve_steps = PONG_SERVE_STEPS,
                                        .absence_ms = 30000,
                                        .absence_total_ms = 60000,
                                        .pause_ms = 60000,
                                        .pauses = 3,
                                        .unclaimed_ms = 30000,
                                        .waiting_room_ms = 120000,
                                        .rematch_ms = 60000,
                                        .match_ms = 1800000};

static void set_time(struct played_game *played, int64_t since_begin_ns)
{
    const int64_t ms = since_begin_ns / NS_PER_MS;
    played->now = (struct now){.mono_ns = MONO_START_MS * NS_PER_MS + since_begin_ns,
                               .mono_ms = MONO_START_MS + ms,
                               .unix_ms = UNIX_START_MS + ms};
}

void played_game_open(struct played_game *played, const struct played_script *script, bool is_v2)
{
    memset(played, 0, sizeof *played);
    played->script = script;
    played->is_v2 = is_v2;
    set_time(played, 0);
    game_state_open(&played->game, &rules, "A00000", "00000000-0000-4000-8000-000000000000", SEED,
                    WINNING_SCORE, false, played->now);
    for (int seat = 1; seat <= 2; seat++) {
        struct game_player player = {.is_guest = true};
        snprintf(player.player_id, sizeof player.player_id, "guest-0000000%d", seat);
        snprintf(player.username, sizeof player.username, "Guest-000%d", seat);
        game_state_take_seat(&played->game, &player, played->now);
        game_state_connect(&played->game, seat, played->now);
    }
}

static void choose(struct played_game *played, int seat, int32_t target)
{
    struct game *game = &played->game;
    if (target == GAME_TARGET_NONE)
        return;
    if (played->is_v2)
        game_state_input(game, seat, game->pong.step + LEAD_STEPS, target);
    else
        game_state_steer(game, seat, target);
}

void played_game_step(struct played_game *played)
{
    struct game_events events = {0};
    if (played->at == PLAYED_STEPS)
        played_game_open(played, played->script, played->is_v2);
    for (int seat = 1; seat <= 2; seat++)
        choose(played, seat, played->script->targets[played->at][seat - 1]);
    played->at++;
    set_time(played, (int64_t)played->at * STEP_NS);
    game_state_prepare(&played->game);
    game_state_step(&played->game, played->now, &events);
}

void played_script_write(struct played_script *script)
{
    struct played_game played;
    struct bot bots[2];
    played_game_open(&played, script, false);
    for (int seat = 1; seat <= 2; seat++)
        bot_init(&bots[seat - 1], BOT_HARD, seat, SEED + (uint64_t)seat);
    for (unsigned i = 0; i < PLAYED_STEPS; i++) {
        for (int seat = 1; seat <= 2; seat++) {
            int32_t *target = &script->targets[i][seat - 1];
            if (!bot_look(&bots[seat - 1], &played.game.pong, target))
                *target = GAME_TARGET_NONE;
        }
        played_game_step(&played);
    }
}
