/*
 * Rows of rooms as they come from a disk (gamed/checkpoint_row.c), and what becomes of the rooms
 * (gamed/game_manager_durable.c). A row that is accepted is written as it was; its room, with or
 * without a result of its match, is one that the game can go on with: whatever follows, its state
 * stays possible.
 *
 * An input is the columns: type, then the number (length and bytes of it), or the length and the bytes
 * of a text; then the body of a result, if any.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

#include "gamed/checkpoint_row.h"
#include "gamed/game_manager.h"
#include "gamed/result_body.h"
#include "tests/fuzz/fixed_random.h"

enum {
    RESTORED_UPDATES = 90
};

/* Who has played for years may pass the ten that are the most that is saved. */
#define YEAR_MS INT64_C(31536000000)
#define YEAR_S  31536000.0

static struct room_checkpoint saved;
static bool has_saved, has_result;

static void check_saved(const struct room_checkpoint *checkpoint)
{
    if (checkpoint->is_gone || checkpoint->is_partial)
        return;
    const char *problem = checkpoint_problem(checkpoint);
    /* A result is another row, perhaps of a match to another score: what it tells is not judged. */
    if (problem && has_result && (strcmp(problem, "score") == 0 || strcmp(problem, "winner") == 0))
        return;
    if (problem)
        fprintf(stderr, "impossible: %s\n", problem);
    assert(!problem);
    saved = *checkpoint;
    has_saved = true;
}

static bool checkpoint(void *arg, const struct room_checkpoint *state)
{
    (void)arg;
    check_saved(state);
    return true;
}

static bool match_over(void *arg, const struct match_result *result)
{
    char body[2048];
    size_t length;
    (void)arg;
    assert(result_body_write(result, body, sizeof body, &length) == 0);
    return false;
}

static void output_ready(void *arg, struct room *room, struct now now)
{
    (void)arg, (void)room, (void)now;
}

static void input_taken(void *arg, struct room *room, const struct player_session *from,
                        uint32_t step, int32_t target, struct now now)
{
    (void)arg, (void)room, (void)from, (void)step, (void)target, (void)now;
}

static void session_quiet(void *arg, struct player_session *session, struct now now)
{
    (void)arg, (void)session, (void)now;
}

static void session_close(void *arg, struct player_session *session, enum session_close code)
{
    (void)arg, (void)session, (void)code;
}

static struct now at_ms(int64_t ms)
{
    return (struct now){.mono_ns = ms * 1000000, .mono_ms = ms, .unix_ms = ms};
}

static void play_on(const struct room_checkpoint *room, const struct match_result *result)
{
    const struct game_manager_config config = {.slot = 'A',
                                               .update_hz = 30,
                                               .max_rooms = 1,
                                               .max_connections = 2,
                                               .max_spectators = 1,
                                               .messages_per_second = 120,
                                               .checkpoint_ms = 100,
                                               .rules = {.serve_steps = 60,
                                                         .absence_ms = 500,
                                                         .absence_total_ms = 1000,
                                                         .pause_ms = 2000,
                                                         .pauses = 3,
                                                         .unclaimed_ms = 30000,
                                                         .waiting_room_ms = 120000,
                                                         .rematch_ms = 60000,
                                                         .match_ms = 1800000}};
    const struct game_manager_hooks hooks = {.output_ready = output_ready,
                                             .unforeseen = output_ready,
                                             .input_taken = input_taken,
                                             .session_quiet = session_quiet,
                                             .session_close = session_close,
                                             .match_over = match_over,
                                             .checkpoint = checkpoint};
    int64_t ms = 10000000;
    struct game_manager *manager = game_manager_new(&config, &hooks, at_ms(ms));
    assert(manager);
    int outcome = game_manager_restore(manager, room, result, at_ms(ms));
    assert(outcome == GAME_MANAGER_OK || room->room_code[0] != 'A');
    if (outcome == GAME_MANAGER_OK) {
        game_manager_submit_restored(manager, at_ms(ms));
        for (int i = 0; i < RESTORED_UPDATES; i++, ms += 34)
            game_manager_tick(manager, at_ms(ms));
        game_manager_checkpoint_all(manager, at_ms(ms));
    }
    game_manager_free(manager);
}

/* ---- rows ---------------------------------------------------------------------------- */

static struct checkpoint_value take_value(struct fuzz_input *input)
{
    struct checkpoint_value value = {.type = (enum checkpoint_value_type)(fuzz_take(input, 1) % 4)};
    if (value.type == CHECKPOINT_NULL)
        return value;
    value.size = (size_t)fuzz_take(input, 1);
    if (value.type == CHECKPOINT_INTEGER) {
        size_t bytes = value.size % 9;
        value.integer = (int64_t)fuzz_take(input, bytes);
        value.size = 0;
        return value;
    }
    char *text = fuzz_take_text(input, -1, value.size, &value.size);
    value.bytes = text;
    return value;
}

static void check_same(const struct checkpoint_value *a, const struct checkpoint_value *b)
{
    assert(a->type == b->type);
    if (a->type == CHECKPOINT_NULL)
        return;
    assert(a->integer == b->integer && a->size == b->size);
    assert(a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT], again[CHECKPOINT_COLUMN_COUNT];
    struct room_checkpoint room;
    struct match_result result;
    struct fuzz_input input = {.at = data, .end = data + size};
    fixed_random_reset();
    for (int i = 0; i < CHECKPOINT_COLUMN_COUNT; i++)
        row[i] = take_value(&input);
    const char *problem = checkpoint_read_row(row, &room);
    assert(!problem || problem[0]);
    if (!problem) {
        assert(checkpoint_problem(&room) == NULL);
        checkpoint_write_row(&room, again);
        for (int i = 0; i < CHECKPOINT_COLUMN_COUNT; i++)
            check_same(&row[i], &again[i]);
        has_result = result_body_read((const char *)input.at, fuzz_left(&input), &result) == 0;
        has_saved = false;
        if (has_result && result.duration_s > YEAR_S)
            result.duration_s = YEAR_S;
        if (room.match_used_ms > YEAR_MS || room.duration_ms > YEAR_MS)
            room.match_used_ms = room.duration_ms = YEAR_MS;
        play_on(&room, has_result ? &result : NULL);
        if (has_saved) { /* and after a second restart */
            room = saved;
            has_result = false;
            play_on(&room, NULL);
        }
    }
    for (int i = 0; i < CHECKPOINT_COLUMN_COUNT; i++)
        free((void *)(uintptr_t)row[i].bytes);
    return 0;
}
