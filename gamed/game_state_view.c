/*
 * What others see of a game: status, view, result. Changes nothing.
 */
#include "gamed/game_state.h"

#include <string.h>

int game_state_player_count(const struct game *game)
{
    return game->seats[0].held + game->seats[1].held;
}

bool game_state_is_under_way(const struct game *game)
{
    return game->pong.phase != PONG_WAITING && game->pong.phase != PONG_FINISHED;
}

enum game_status game_state_status(const struct game *game)
{
    if (game->pong.phase == PONG_FINISHED)
        return GAME_STATUS_FINISHED;
    return game_state_player_count(game) == 2 ? GAME_STATUS_ONGOING : GAME_STATUS_WAITING;
}

/* 1/64 px as hundredths of a px, rounded to the nearest. */
static int32_t hundredths(int32_t units)
{
    return (units * 100 + (units < 0 ? -PONG_UNITS_PER_PX / 2 : PONG_UNITS_PER_PX / 2)) /
           PONG_UNITS_PER_PX;
}

void game_state_view(const struct game *game, struct game_view *view)
{
    const struct pong *pong = &game->pong;
    memset(view, 0, sizeof *view);
    for (int i = 0; i < 2; i++) {
        view->paddle_y[i] = hundredths(pong->paddle_y[i]);
        view->score[i] = pong->score[i];
        view->id_version[i] = game->seats[i].id_version;
        view->name_version[i] = game->seats[i].name_version;
    }
    view->ball_x = hundredths(pong->ball_x);
    view->ball_y = hundredths(pong->ball_y);
    view->ball_speed_x = hundredths(pong->ball_vx);
    view->ball_speed_y = hundredths(pong->ball_vy);
    view->status = (uint8_t)game_state_status(game);
    view->last_loser = game->last_loser;
    view->is_paused = pong->phase != PONG_RALLY;
}

void game_state_result(const struct game *game, struct match_result *result)
{
    memset(result, 0, sizeof *result);
    memcpy(result->match_id, game->match_id, sizeof result->match_id);
    memcpy(result->room_code, game->room_code, sizeof result->room_code);
    for (int i = 0; i < 2; i++) {
        const struct game_player *player = &game->seats[i].player;
        memcpy(result->player_id[i], player->player_id, sizeof result->player_id[i]);
        result->score[i] = game->pong.score[i];
        result->has_bot |= player->is_bot;
        result->has_guest |= player->is_guest;
    }
    result->winner = game->winner;
    result->reason = (enum match_end)game->end;
    result->duration_s = (double)(game->ended_ms - game->begun_ms) / 1000;
    result->finished_at_unix = (double)game->ended_unix_ms / 1000;
}
