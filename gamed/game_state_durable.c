/*
 * A game across a restart or a freeze: what is kept of it, and how it goes on.
 */
#include "gamed/game_state.h"

#include <assert.h>
#include <string.h>

static void save_seat(const struct game_seat *seat, struct seat_checkpoint *out)
{
    const struct game_player *player = &seat->player;
    if (!seat->held)
        return; /* nothing of it means anything to who sits down next */
    out->held = true;
    memcpy(out->player_id, player->player_id, sizeof out->player_id);
    memcpy(out->username, player->username, sizeof out->username);
    out->token = player->token;
    out->is_guest = player->is_guest;
    out->is_bot = player->is_bot;
    out->bot_level = (int16_t)player->bot_level;
    out->pauses_left = (int16_t)seat->pauses_left;
    out->wants_rematch = seat->wants_rematch;
}

/* Sets everything of the first part. */
static void save_first_part(const struct game *game, struct now now,
                            struct room_checkpoint *checkpoint)
{
    memcpy(checkpoint->room_code, game->room_code, sizeof checkpoint->room_code);
    checkpoint->served = game->served;
    checkpoint->last_loser = game->last_loser;
    checkpoint->pong = game->pong;
    checkpoint->random_state = game->random_state;
    checkpoint->match_used_ms = now.mono_ms - game->begun_ms;
    if (game_state_is_under_way(game))
        checkpoint->match_left_ms = game->match_deadline_ms - now.mono_ms;
    for (int i = 0; i < 2; i++) {
        if (game->seats[i].held)
            checkpoint->away_used_ms[i] = game_state_away_ms(&game->seats[i], now);
    }
}

void game_state_save_partial(const struct game *game, struct now now,
                             struct room_checkpoint *checkpoint)
{
    memset((char *)checkpoint, 0, CHECKPOINT_PARTIAL_SIZE);
    save_first_part(game, now, checkpoint);
    checkpoint->is_partial = true;
}

void game_state_save(const struct game *game, struct now now, struct room_checkpoint *checkpoint)
{
    memset(checkpoint, 0, sizeof *checkpoint);
    save_first_part(game, now, checkpoint);
    memcpy(checkpoint->match_id, game->match_id, sizeof checkpoint->match_id);
    checkpoint->is_public = game->is_public;
    checkpoint->created_unix_ms = game->created_unix_ms;
    for (int i = 0; i < 2; i++)
        save_seat(&game->seats[i], &checkpoint->seats[i]);
    if (game->pong.phase != PONG_FINISHED)
        return;
    checkpoint->winner = game->winner;
    checkpoint->end = game->end;
    checkpoint->rematch_left_ms = game->rules->rematch_ms - (now.mono_ms - game->ended_ms);
    checkpoint->duration_ms = game->ended_ms - game->begun_ms;
    checkpoint->ended_unix_ms = game->ended_unix_ms;
}

/* `pauses` is what whoever takes an empty seat gets. */
static void load_seat(struct game_seat *seat, const struct seat_checkpoint *from, int pauses,
                      struct now now)
{
    struct game_player *player = &seat->player;
    memcpy(player->player_id, from->player_id, sizeof player->player_id);
    memcpy(player->username, from->username, sizeof player->username);
    player->token = from->token;
    player->is_guest = from->is_guest;
    player->is_bot = from->is_bot;
    player->bot_level = from->bot_level;
    seat->held = from->held;
    seat->connected = from->held && from->is_bot;
    seat->seen_ms = now.mono_ms;
    seat->pending_target = GAME_TARGET_NONE;
    seat->pauses_left = from->held ? from->pauses_left : pauses;
    seat->wants_rematch = from->wants_rematch && from->is_bot;
}

void game_state_load(struct game *game, const struct game_rules *rules,
                     const struct room_checkpoint *checkpoint, struct now now)
{
    /* The operator may have made it shorter since. */
    const int64_t rematch_left_ms = checkpoint->rematch_left_ms < rules->rematch_ms
                                        ? checkpoint->rematch_left_ms
                                        : rules->rematch_ms;
    memset(game, 0, sizeof *game);
    game->rules = rules;
    memcpy(game->room_code, checkpoint->room_code, sizeof game->room_code);
    memcpy(game->match_id, checkpoint->match_id, sizeof game->match_id);
    game->is_public = checkpoint->is_public;
    game->created_unix_ms = checkpoint->created_unix_ms;
    game->lonely_since_ms = now.mono_ms;
    game->pong = checkpoint->pong;
    game->pong.serve_steps = (uint16_t)rules->serve_steps;
    for (int i = 0; i < 2; i++) {
        load_seat(&game->seats[i], &checkpoint->seats[i], rules->pauses, now);
        game->seats[i].away_used_ms = checkpoint->away_used_ms[i];
    }
    game->random_state = checkpoint->random_state;
    game->begun_ms = now.mono_ms - checkpoint->match_used_ms;
    game->match_deadline_ms = now.mono_ms + checkpoint->match_left_ms;
    game->served = checkpoint->served;
    game->last_loser = checkpoint->last_loser;
    game->winner = checkpoint->winner;
    game->end = checkpoint->end;
    game->ended_ms = now.mono_ms + rematch_left_ms - rules->rematch_ms;
    game->ended_unix_ms = checkpoint->ended_unix_ms;
    if (game->pong.phase == PONG_FINISHED) /* its result must come out the same */
        game->begun_ms = game->ended_ms - checkpoint->duration_ms;
    if (!game_state_is_under_way(game))
        return;
    pong_set_phase(&game->pong, PONG_PAUSED, PONG_STEPS_OPEN);
    game->pause = GAME_PAUSE_RESTART;
    for (int i = 0; i < 2; i++) {
        game->seats[i].away = !game->seats[i].connected;
        game->seats[i].away_excused = true;
        game->seats[i].away_since_ms = now.mono_ms;
    }
}

void game_state_settle(struct game *game, const struct match_result *result, struct now now)
{
    memcpy(game->pong.score, result->score, sizeof game->pong.score);
    game->winner = result->winner;
    game->end = (uint8_t)result->reason;
    game->ended_unix_ms = (int64_t)(result->finished_at_unix * 1000 + 0.5);
    if (game->pong.phase != PONG_FINISHED)
        game->ended_ms = now.mono_ms; /* the rematch window begins anew: nobody could use it */
    game->begun_ms = game->ended_ms - (int64_t)(result->duration_s * 1000 + 0.5);
    if (result->reason == MATCH_END_SCORE)
        game->last_loser = (uint8_t)(3 - result->winner);
    game->pause = GAME_PAUSE_NONE;
    game->seats[0].away = game->seats[1].away = false;
    pong_set_phase(&game->pong, PONG_WAITING, PONG_STEPS_OPEN); /* the ball comes to rest */
    pong_set_phase(&game->pong, PONG_FINISHED, PONG_STEPS_OPEN);
}

bool game_state_standing(const struct game *game, struct game_event *event)
{
    memset(event, 0, sizeof *event);
    if (game->pong.phase == PONG_FINISHED) {
        event->type = GAME_EVENT_OVER;
        event->player = game->winner;
        memcpy(event->score, game->pong.score, sizeof event->score);
        event->end = game->end;
        return true;
    }
    if (game->pong.phase != PONG_PAUSED)
        return false;
    event->type = GAME_EVENT_PAUSED;
    event->pause = game->pause;
    event->player = game->pause_owner;
    if (game->pause == GAME_PAUSE_ABSENCE && game->seats[0].away != game->seats[1].away)
        event->player = game->seats[0].away ? 1 : 2;
    return true;
}

/* ---- across a freeze ----------------------------------------------------------------- */

int64_t game_state_moved(int64_t at_ms, int64_t since_ms, struct now now)
{
    return at_ms + (now.mono_ms - (at_ms > since_ms ? at_ms : since_ms));
}

void game_state_thaw(struct game *game, int64_t since_ms, struct now now,
                     struct game_events *events)
{
    game->lonely_since_ms = game_state_moved(game->lonely_since_ms, since_ms, now);
    game->match_deadline_ms += now.mono_ms - since_ms;
    game->begun_ms = game_state_moved(game->begun_ms, since_ms, now);
    game->ended_ms = game_state_moved(game->ended_ms, since_ms, now);
    for (int i = 0; i < 2; i++) {
        struct game_seat *seat = &game->seats[i];
        seat->seen_ms = game_state_moved(seat->seen_ms, since_ms, now);
        if (seat->polled_ms)
            seat->polled_ms = game_state_moved(seat->polled_ms, since_ms, now);
        seat->away_since_ms = game_state_moved(seat->away_since_ms, since_ms, now);
        if (seat->pending_target != GAME_TARGET_STOP)
            seat->pending_target = GAME_TARGET_NONE;
        seat->inputs.count = 0;
    }
    if (game->pong.phase != PONG_SERVING && game->pong.phase != PONG_RALLY)
        return;
    pong_set_phase(&game->pong, PONG_PAUSED, (uint16_t)game->rules->serve_steps);
    game->pause = GAME_PAUSE_RESTART;
    game->pause_owner = 0;
    assert(events->count < GAME_EVENTS_MAX);
    events->list[events->count++] =
        (struct game_event){.type = GAME_EVENT_PAUSED, .pause = GAME_PAUSE_RESTART};
}
