/*
 * Inputs that name the step they are for: they wait here until it is computed.
 */
#include "gamed/game_state.h"

#include <string.h>

int game_state_input(struct game *game, int number, uint32_t step, int32_t target)
{
    struct game_seat *seat = &game->seats[number - 1];
    struct game_inputs *inputs = &seat->inputs;
    const struct game_input_entry *last = inputs->count ? &inputs->list[inputs->count - 1] : NULL;
    int32_t ahead = (int32_t)(step - game->pong.step);
    if (ahead > GAME_INPUT_AHEAD_MAX || target < 0 || target > PONG_PADDLE_Y_MAX ||
        (last && (int32_t)(step - last->step) <= 0) || inputs->count == GAME_INPUT_AHEAD_MAX)
        return GAME_STEER_REFUSED;
    seat->pending_target = GAME_TARGET_NONE; /* the newest wish wins */
    if (ahead < 1) {
        game->pong.target_y[number - 1] = target;
        return GAME_STEER_LATE;
    }
    bool is_news = target != (last ? last->target : game->pong.target_y[number - 1]);
    inputs->list[inputs->count++] =
        (struct game_input_entry){.step = step, .target = (uint16_t)target, .is_told = is_news};
    return is_news ? GAME_STEER_TAKEN : GAME_STEER_NO_CHANGE;
}

bool game_state_forget_inputs(struct game *game, int number)
{
    struct game_inputs *inputs = &game->seats[number - 1].inputs;
    bool had_any = inputs->count > 0;
    inputs->count = 0;
    return had_any;
}

/* How many of the inputs are for the next step. More than one only after steps that were skipped. */
static size_t count_due(const struct game *game, const struct game_inputs *inputs)
{
    size_t due = 0;
    while (due < inputs->count && (int32_t)(inputs->list[due].step - game->pong.step) <= 1)
        due++;
    return due;
}

void game_state_told_targets(const struct game *game, int32_t target_y[2])
{
    for (int i = 0; i < 2; i++) {
        const struct game_inputs *inputs = &game->seats[i].inputs;
        size_t due = count_due(game, inputs);
        for (size_t j = 0; j < due; j++)
            if (inputs->list[j].is_told)
                target_y[i] = inputs->list[j].target;
    }
}

void game_state_apply_inputs(struct game *game)
{
    for (int i = 0; i < 2; i++) {
        struct game_inputs *inputs = &game->seats[i].inputs;
        size_t due = count_due(game, inputs);
        if (due > 0) {
            game->pong.target_y[i] = inputs->list[due - 1].target;
            inputs->applied_step = game->pong.step + 1;
        }
        inputs->count -= (uint8_t)due;
        memmove(inputs->list, inputs->list + due, inputs->count * sizeof inputs->list[0]);
    }
}
