/*
 * Inputs that name the step they are for: they wait here until it is computed.
 */
#include "gamed/game_state.h"

#include <assert.h>
#include <string.h>

static_assert(GAME_INPUT_AHEAD_MAX <= 32, "a bit of `told` for each");

/*
 * How many steps it is until an input's; at most GAME_INPUT_AHEAD_MAX when it came, and less and less since,
 * below nothing after steps that were skipped. By that its low bits tell it.
 */
static int32_t ahead_of(const struct game *game, const struct game_input_entry *input)
{
    const int32_t ahead = (int16_t)(uint16_t)(input->step - game->pong.step);
    return ahead > GAME_INPUT_AHEAD_MAX ? ahead - (1 << 16) : ahead;
}

int game_state_input(struct game *game, int number, uint32_t step, int32_t target)
{
    struct game_seat *seat = &game->seats[number - 1];
    struct game_inputs *inputs = &seat->inputs;
    const struct game_input_entry *last = inputs->count ? &inputs->list[inputs->count - 1] : NULL;
    int32_t ahead = (int32_t)(step - game->pong.step);
    if (ahead > GAME_INPUT_AHEAD_MAX || target < 0 || target > PONG_PADDLE_Y_MAX ||
        (last && ahead <= ahead_of(game, last)) || inputs->count == GAME_INPUT_AHEAD_MAX)
        return GAME_STEER_REFUSED;
    seat->pending_target = GAME_TARGET_NONE; /* the newest wish wins */
    if (ahead < 1) {
        game->pong.target_y[number - 1] = target;
        return GAME_STEER_LATE;
    }
    bool is_news = target != (last ? last->target : game->pong.target_y[number - 1]);
    const uint32_t bit = UINT32_C(1) << inputs->count;
    inputs->told = is_news ? inputs->told | bit : inputs->told & ~bit;
    inputs->list[inputs->count++] =
        (struct game_input_entry){.step = (uint16_t)step, .target = (uint16_t)target};
    return is_news ? GAME_STEER_TAKEN : GAME_STEER_NO_CHANGE;
}

uint32_t game_state_input_step(const struct game *game, int number, size_t index)
{
    const struct game_inputs *inputs = &game->seats[number - 1].inputs;
    return game->pong.step + (uint32_t)ahead_of(game, &inputs->list[index]);
}

bool game_state_input_is_told(const struct game *game, int number, size_t index)
{
    return game->seats[number - 1].inputs.told >> index & 1;
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
    while (due < inputs->count && ahead_of(game, &inputs->list[due]) <= 1)
        due++;
    return due;
}

void game_state_told_targets(const struct game *game, int32_t target_y[2])
{
    for (int i = 0; i < 2; i++) {
        const struct game_inputs *inputs = &game->seats[i].inputs;
        size_t due = count_due(game, inputs);
        for (size_t j = 0; j < due; j++)
            if (game_state_input_is_told(game, i + 1, j))
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
        inputs->told >>= due;
        memmove(inputs->list, inputs->list + due, inputs->count * sizeof inputs->list[0]);
    }
}
