/*
 * Checkpoints as rows and back; which states are possible, by a table of those that are not and by
 * playing matches at random: whatever a game gets into can be saved.
 */
#include "gamed/checkpoint_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gamed/game_state.h"
#include "tests/unit/sample_rooms.h"

struct row {
    struct checkpoint_value value[CHECKPOINT_COLUMN_COUNT];
};

/* Its texts point into the room. */
static struct row encode(const struct room_checkpoint *room)
{
    struct row row;
    const char *problem = checkpoint_problem(room);
    if (problem)
        fail_msg("%s", problem);
    memset(&row, 0xa5, sizeof row);
    checkpoint_write_row(room, row.value);
    return row;
}

/* A reader must not leave anything behind that was not in the row, nor look past its ends. */
static const char *decode(const struct row *row, struct room_checkpoint *room)
{
    struct row copy = *row;
    for (int i = 0; i < CHECKPOINT_COLUMN_COUNT; i++) {
        struct checkpoint_value *value = &copy.value[i];
        if (value->type != CHECKPOINT_TEXT && value->type != CHECKPOINT_BLOB)
            continue;
        char *bytes = malloc(value->size ? value->size : 1);
        memcpy(bytes, value->bytes, value->size);
        value->bytes = bytes;
    }
    memset(room, 0xa5, sizeof *room);
    const char *problem = checkpoint_read_row(copy.value, room);
    for (int i = 0; i < CHECKPOINT_COLUMN_COUNT; i++) {
        if (copy.value[i].type == CHECKPOINT_TEXT || copy.value[i].type == CHECKPOINT_BLOB)
            free((void *)(uintptr_t)copy.value[i].bytes);
    }
    return problem;
}

static void assert_decodes(const struct row *row, struct room_checkpoint *room)
{
    const char *problem = decode(row, room);
    if (problem)
        fail_msg("not taken: %s", problem);
}

static void assert_comes_back(const struct room_checkpoint *room)
{
    struct room_checkpoint back;
    const struct row row = encode(room);
    assert_decodes(&row, &back);
    assert_memory_equal(&back, room, sizeof back);
}

static struct room_checkpoint waiting_room(void)
{
    struct room_checkpoint room = sample_room(1);
    memset(&room.seats[1], 0, sizeof room.seats[1]);
    room.away_used_ms[1] = 0;
    pong_init(&room.pong, 77, 21, 30);
    room.match_left_ms = 0;
    room.served = false;
    room.last_loser = 0;
    return room;
}

static struct room_checkpoint finished_room(void)
{
    struct room_checkpoint room = sample_room(1);
    pong_set_phase(&room.pong, PONG_WAITING, PONG_STEPS_OPEN);
    pong_set_phase(&room.pong, PONG_FINISHED, PONG_STEPS_OPEN);
    room.pong.score[1] = 10;
    room.winner = 2;
    room.end = MATCH_END_SCORE;
    room.match_left_ms = 0;
    room.rematch_left_ms = 59000;
    room.duration_ms = 93100;
    room.ended_unix_ms = 1767323145678;
    room.seats[0].wants_rematch = true;
    return room;
}

/* ---- there and back -------------------------------------------------------------------- */

static void test_every_field_comes_back(void **state)
{
    struct room_checkpoint room = sample_room(1);
    (void)state;
    assert_comes_back(&room);
    room = waiting_room();
    assert_comes_back(&room);
    memset(&room.seats[0], 0, sizeof room.seats[0]);
    room.away_used_ms[0] = 0;
    memset(room.creator_id, 0, sizeof room.creator_id);
    memset(&room.creator_token, 0, sizeof room.creator_token);
    assert_comes_back(&room);
    room = finished_room();
    assert_comes_back(&room);
    room.end = MATCH_END_ABANDONED;
    room.winner = 0;
    memset(room.pong.score, 3, 2);
    assert_comes_back(&room);
}

static void test_a_bot_comes_back(void **state)
{
    struct room_checkpoint room = sample_room(1);
    struct seat_checkpoint *bot = &room.seats[1];
    (void)state;
    memset(bot, 0, sizeof *bot);
    bot->held = bot->is_bot = true;
    bot->bot_level = 2;
    strcpy(bot->player_id, "bot-hard");
    strcpy(bot->username, "Bot");
    assert_comes_back(&room);
}

static void test_the_longest_room_fits(void **state)
{
    struct room_checkpoint room = finished_room();
    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(room.seats[i].player_id, '"', PLAYER_ID_SIZE - 1);
        for (int c = 0; c < USERNAME_CHARACTERS_MAX; c++)
            memcpy(room.seats[i].username + 4 * c, "\xf0\x9f\x8f\x93", 4);
        room.away_used_ms[i] = 86400000;
    }
    memset(room.creator_id, '\\', PLAYER_ID_SIZE - 1);
    room.match_used_ms = room.duration_ms = 315360000000;
    room.random_state = UINT64_MAX;
    assert_comes_back(&room);
}

static void test_what_has_run_out_is_nothing_left(void **state)
{
    struct room_checkpoint room = sample_room(1), back;
    struct row row;
    (void)state;
    room.match_left_ms = -33;
    row = encode(&room);
    assert_decodes(&row, &back);
    assert_int_equal(back.match_left_ms, 0);
    room = finished_room();
    room.rematch_left_ms = -1;
    row = encode(&room);
    assert_decodes(&row, &back);
    assert_int_equal(back.rematch_left_ms, 0);
}

/* ---- states that no game can be in ----------------------------------------------------- */

enum base {
    RALLY,
    WAITING,
    FINISHED
};

static struct room_checkpoint base_room(enum base base)
{
    return base == RALLY ? sample_room(1) : base == WAITING ? waiting_room() : finished_room();
}

static void test_impossible_states_are_refused(void **state)
{
    (void)state;
#define REFUSED(base, change)                          \
    do {                                               \
        struct room_checkpoint room = base_room(base); \
        assert_null(checkpoint_problem(&room));        \
        change;                                        \
        if (!checkpoint_problem(&room))                \
            fail_msg("taken: %s", #change);            \
    } while (0)

    REFUSED(RALLY, strcpy(room.room_code, "A0000"));
    REFUSED(RALLY, strcpy(room.room_code, "a00001"));
    REFUSED(RALLY, strcpy(room.room_code, "A0000O"));
    REFUSED(RALLY, memset(room.room_code, 'A', ROOM_CODE_SIZE));
    REFUSED(RALLY, room.match_id[0] = 'g');
    REFUSED(RALLY, room.match_id[8] = '0');
    REFUSED(RALLY, room.match_id[35] = '\0');
    REFUSED(RALLY, strcpy(room.creator_id, "\x01"));
    REFUSED(RALLY, memset(room.creator_id, 'a', PLAYER_ID_SIZE));
    REFUSED(RALLY, room.created_unix_ms = -1);
    REFUSED(RALLY, room.match_used_ms = -1);
    REFUSED(RALLY, room.match_used_ms = INT64_MAX);
    REFUSED(RALLY, room.match_left_ms = INT64_MAX);
    /* the court */
    REFUSED(RALLY, room.pong.phase = 5);
    REFUSED(RALLY, room.pong.winning_score = 0);
    REFUSED(RALLY, room.pong.winning_score = 22);
    REFUSED(RALLY, room.pong.serve_steps = 0);
    REFUSED(RALLY, room.pong.serve_steps = PONG_STEPS_OPEN);
    REFUSED(RALLY, room.pong.steps_left = 3);
    REFUSED(RALLY, room.pong.paddle_y[0] = -1);
    REFUSED(RALLY, room.pong.paddle_y[1] = PONG_PADDLE_Y_MAX + 1);
    REFUSED(RALLY, room.pong.target_y[1] = INT32_MIN);
    REFUSED(RALLY, room.pong.ball_x = PONG_OUT_LEFT);
    REFUSED(RALLY, room.pong.ball_x = PONG_OUT_RIGHT);
    REFUSED(RALLY, room.pong.ball_y = PONG_BALL_Y_MIN - 1);
    REFUSED(RALLY, room.pong.ball_y = PONG_BALL_Y_MAX + 1);
    REFUSED(RALLY, room.pong.ball_vx = 0);
    REFUSED(RALLY, room.pong.ball_vx = PONG_SERVE_SPEED - 1);
    REFUSED(RALLY, room.pong.ball_vx = -PONG_SPEED_MAX - 1);
    REFUSED(RALLY, room.pong.ball_vx = INT32_MIN);
    REFUSED(RALLY, room.pong.ball_vy = 1729);
    REFUSED(RALLY, room.pong.ball_vy = INT32_MIN);
    REFUSED(RALLY, pong_set_phase(&room.pong, PONG_SERVING, 0));
    REFUSED(RALLY, pong_set_phase(&room.pong, PONG_SERVING, 181));
    REFUSED(RALLY, (pong_set_phase(&room.pong, PONG_SERVING, 29), room.pong.ball_vx = 448));
    REFUSED(RALLY, (pong_set_phase(&room.pong, PONG_SERVING, 180), room.pong.ball_x++));
    REFUSED(RALLY, pong_set_phase(&room.pong, PONG_PAUSED, 0));
    REFUSED(WAITING, room.pong.ball_vx = room.pong.ball_vy = 448);
    REFUSED(WAITING, room.pong.ball_vy = 448);
    REFUSED(WAITING, room.pong.steps_left = 1);
    /* the score */
    REFUSED(RALLY, room.pong.score[0] = 10);
    REFUSED(RALLY, room.last_loser = 0);
    REFUSED(RALLY, room.last_loser = 3);
    REFUSED(RALLY, (room.pong.score[1] = 0, room.last_loser = 1));
    REFUSED(RALLY, (room.pong.score[0] = room.pong.score[1] = 0));
    REFUSED(RALLY, room.served = false);
    REFUSED(RALLY, room.winner = 1);
    REFUSED(WAITING, (room.pong.score[0] = 1, room.last_loser = 2, room.served = true));
    REFUSED(WAITING, room.served = true);
    REFUSED(FINISHED, room.pong.score[0] = 10);
    REFUSED(FINISHED, room.pong.score[1] = 11);
    REFUSED(FINISHED, room.winner = 1);
    REFUSED(FINISHED, room.winner = 0);
    REFUSED(FINISHED, room.winner = 3);
    REFUSED(FINISHED, room.end = MATCH_END_FORFEIT);
    REFUSED(FINISHED, room.end = MATCH_END_ABANDONED);
    REFUSED(FINISHED, room.end = 3);
    REFUSED(FINISHED, (room.end = MATCH_END_FORFEIT, room.pong.score[1] = 9, room.winner = 0));
    REFUSED(FINISHED, (room.end = MATCH_END_ABANDONED, room.pong.score[1] = 9, room.winner = 1));
    REFUSED(FINISHED, room.rematch_left_ms = 86400001);
    REFUSED(FINISHED, room.duration_ms = -1);
    REFUSED(FINISHED, room.ended_unix_ms = INT64_MAX);
    /* the seats */
    REFUSED(RALLY, memset(&room.seats[0], 0, sizeof room.seats[0]));
    REFUSED(RALLY, room.seats[0].player_id[0] = '\0');
    REFUSED(RALLY, memset(room.seats[0].player_id, 'a', PLAYER_ID_SIZE));
    REFUSED(RALLY, strcpy(room.seats[1].username, "\xff"));
    REFUSED(RALLY, strcpy(room.seats[1].username, "a\n"));
    REFUSED(RALLY, memset(room.seats[1].username, 'a', 33));
    REFUSED(RALLY, memset(&room.seats[1].token, 0, DIGEST_SIZE));
    REFUSED(WAITING, memset(&room.seats[0].token, 0, DIGEST_SIZE));
    REFUSED(RALLY, room.seats[1].token = room.seats[0].token);
    REFUSED(RALLY, room.seats[1].is_bot = true);
    REFUSED(RALLY, room.seats[1].bot_level = 1);
    REFUSED(RALLY, room.seats[1].pauses_left = -1);
    REFUSED(RALLY, room.away_used_ms[1] = -1);
    REFUSED(RALLY, room.seats[1].wants_rematch = true);
    REFUSED(FINISHED, room.seats[1].wants_rematch = true); /* both */
    REFUSED(
        RALLY, for (int i = 0; i < 2; i++) {
            memset(&room.seats[i].token, 0, DIGEST_SIZE);
            room.seats[i].is_bot = true;
        });
#undef REFUSED
}

static void test_who_was_expelled_has_no_token(void **state)
{
    struct room_checkpoint room = base_room(FINISHED);
    (void)state;
    memset(&room.seats[1].token, 0, DIGEST_SIZE);
    assert_comes_back(&room);
}

static void test_of_a_room_that_is_gone_its_code_is_enough(void **state)
{
    struct room_checkpoint room = sample_room_gone(5);
    (void)state;
    assert_null(checkpoint_problem(&room));
    room.room_code[0] = '\0';
    assert_string_equal(checkpoint_problem(&room), "room_code");
}

/* ---- rows that are no checkpoints ------------------------------------------------------ */

#define NOTHING                 \
    {                           \
        .type = CHECKPOINT_NULL \
    }
#define INTEGER(n)                                 \
    {                                              \
        .type = CHECKPOINT_INTEGER, .integer = (n) \
    }
#define TEXT(text)                                                         \
    {                                                                      \
        .type = CHECKPOINT_TEXT, .bytes = (text), .size = sizeof(text) - 1 \
    }
#define BLOB(bytes_)                                                           \
    {                                                                          \
        .type = CHECKPOINT_BLOB, .bytes = (bytes_), .size = sizeof(bytes_) - 1 \
    }
#define ZEROES_16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void test_malformed_rows_are_refused(void **state)
{
#define C(name) CHECKPOINT_COLUMN_##name
    static const struct {
        enum base base;
        enum checkpoint_column column;
        struct checkpoint_value value;
    } table[] = {
        {RALLY, C(room_code), TEXT("AA00001")},
        {RALLY, C(room_code), TEXT("a00001")},
        {RALLY, C(room_code), INTEGER(7)},
        {RALLY, C(room_code), BLOB("A00001")},
        {RALLY, C(room_code), NOTHING},
        {RALLY, C(match_id), TEXT("00000000-0000-4000-8000-00000000000")},
        {RALLY, C(match_id), TEXT("00000000-0000-4000-8000-0000000000001")},
        {RALLY, C(is_public), INTEGER(2)},
        {RALLY, C(is_public), INTEGER(-1)},
        {RALLY, C(is_public), INTEGER(256)},
        {RALLY, C(is_public), TEXT("1")},
        {RALLY, C(is_public), NOTHING},
        {RALLY, C(created_unix_ms), INTEGER(-1)},
        {RALLY, C(created_unix_ms), INTEGER(INT64_MAX)},
        {RALLY, C(created_unix_ms), BLOB("1.7")},
        {RALLY, C(creator_token), TEXT(ZEROES_16 "1234567890123456")},
        {RALLY, C(creator_token), BLOB(ZEROES_16 ZEROES_16)},
        {RALLY, C(creator_token), BLOB(ZEROES_16 "123456789012345")},
        {RALLY, C(creator_token), BLOB(ZEROES_16 "12345678901234567")},
        {RALLY, C(creator_token), INTEGER(0)},
        {RALLY, C(creator_id), NOTHING},
        {RALLY, C(creator_id), TEXT("4\0 2")},
        {RALLY, C(creator_id), TEXT("42\0")},
        {RALLY, C(creator_id), TEXT("\xff")},
        {RALLY, C(random_state), NOTHING},
        {RALLY, C(random_state), TEXT("f")},
        {RALLY, C(match_left_ms), INTEGER(-1)},
        {RALLY, C(match_left_ms), NOTHING},
        {RALLY, C(served), NOTHING},
        {RALLY, C(last_loser), INTEGER(257)},
        {RALLY, C(step), INTEGER(INT64_C(1) << 32)},
        {RALLY, C(step), INTEGER(-1)},
        {RALLY, C(ball_x), INTEGER(INT64_C(4294990752))}, /* the same, modulo 2^32 */
        {RALLY, C(ball_vx), INTEGER(INT64_C(-1234) - (INT64_C(1) << 32))},
        {RALLY, C(ball_vy), INTEGER(INT64_MIN)},
        {RALLY, C(paddle_2_y), INTEGER(INT64_MAX)},
        {RALLY, C(target_1_y), TEXT("")},
        {RALLY, C(score_1), INTEGER(260)}, /* 4, modulo 256 */
        {RALLY, C(score_2), INTEGER(-1)},
        {RALLY, C(phase), INTEGER(258)},
        {RALLY, C(phase), NOTHING},
        {RALLY, C(phase), INTEGER(PONG_FINISHED)},
        {RALLY, C(steps_left), INTEGER(131071)},
        {RALLY, C(winning_score), INTEGER(266)},
        {RALLY, C(serve_steps), INTEGER(65716)},
        {RALLY, C(seat_1_player_id), NOTHING},
        {RALLY, C(seat_1_player_id), TEXT("")},
        {RALLY, C(seat_1_username), NOTHING},
        {RALLY, C(seat_2_token), NOTHING},
        {RALLY, C(seat_2_token), BLOB("0")},
        {RALLY, C(seat_1_is_bot), INTEGER(1)},
        {RALLY, C(seat_1_bot_level), INTEGER(-1)},
        {RALLY, C(seat_1_bot_level), INTEGER(65536)},
        {RALLY, C(seat_2_pauses_left), INTEGER(65539)}, /* 3, modulo 2^16 */
        {RALLY, C(seat_2_pauses_left), INTEGER(-1)},
        {RALLY, C(seat_2_away_used_ms), NOTHING},
        {RALLY, C(winner), INTEGER(0)}, /* the match is not over */
        {RALLY, C(duration_ms), INTEGER(5)},
        {WAITING, C(seat_2_player_id), TEXT("42")},
        {WAITING, C(seat_2_username), TEXT("Eve")},
        {WAITING, C(seat_2_is_guest), INTEGER(0)},
        {FINISHED, C(winner), INTEGER(258)},
        {FINISHED, C(winner), NOTHING},
        {FINISHED, C(end_reason), INTEGER(256)},
        {FINISHED, C(rematch_left_ms), INTEGER(-1)},
        {FINISHED, C(duration_ms), NOTHING},
        {FINISHED, C(phase), INTEGER(PONG_RALLY)},
    };
#undef C
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct room_checkpoint room = base_room(table[i].base);
        struct room_checkpoint back;
        struct row row = encode(&room);
        assert_null(decode(&row, &back));
        row.value[table[i].column] = table[i].value;
        if (!decode(&row, &back))
            fail_msg("taken: row %zu of the table, column %d", i, (int)table[i].column);
    }
}

static void test_no_column_may_be_missing(void **state)
{
    (void)state;
    for (int base = RALLY; base <= FINISHED; base++) {
        const struct room_checkpoint room = base_room((enum base)base);
        for (int i = 0; i < CHECKPOINT_COLUMN_COUNT; i++) {
            struct room_checkpoint back;
            struct row row = encode(&room);
            const bool may_be_of_nothing =
                i == CHECKPOINT_COLUMN_creator_token ||
                (base == FINISHED && (i == CHECKPOINT_COLUMN_seat_1_token || /* expelled */
                                      i == CHECKPOINT_COLUMN_seat_2_token));
            if (row.value[i].type == CHECKPOINT_NULL || may_be_of_nothing)
                continue;
            row.value[i] = (struct checkpoint_value)NOTHING;
            if (!decode(&row, &back))
                fail_msg("taken without column %d", i);
        }
    }
}

/* Something else for a value: near it, far from it, or of another type. */
static struct checkpoint_value damage(struct checkpoint_value value, unsigned int *seed)
{
    static const int64_t numbers[] = {0,   1,         -1,        2,         3,         255,
                                      256, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 65535};
    switch (rand_r(seed) % 8) {
    case 0:
        return (struct checkpoint_value)NOTHING;
    case 1:
        return (struct checkpoint_value){
            .type = CHECKPOINT_INTEGER,
            .integer = numbers[(size_t)rand_r(seed) % (sizeof numbers / sizeof *numbers)]};
    case 2:
        value.type = value.type == CHECKPOINT_TEXT   ? CHECKPOINT_BLOB
                     : value.type == CHECKPOINT_BLOB ? CHECKPOINT_TEXT
                                                     : value.type;
        return value;
    case 3:
        return (struct checkpoint_value)TEXT("\xc3\xa4 b");
    default:
        if (value.type == CHECKPOINT_INTEGER)
            value.integer = (int64_t)((uint64_t)value.integer + (uint64_t)(rand_r(seed) % 7) - 3);
        else if (value.type != CHECKPOINT_NULL && value.size > 0)
            value.size = (size_t)rand_r(seed) % value.size;
        return value;
    }
}

/* Whatever a few changed values make of a row: what is taken is possible, and comes back itself. */
static void test_damaged_rows_give_possible_states_or_none(void **state)
{
    unsigned int seed = 3;
    int taken = 0;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        const struct room_checkpoint room = base_room((enum base)(round % 3));
        struct room_checkpoint back;
        struct row row = encode(&room);
        for (int change = rand_r(&seed) % 3; change >= 0; change--) {
            struct checkpoint_value *value = &row.value[rand_r(&seed) % CHECKPOINT_COLUMN_COUNT];
            *value = damage(*value, &seed);
        }
        if (decode(&row, &back))
            continue;
        taken++;
        assert_null(checkpoint_problem(&back));
        assert_comes_back(&back);
    }
    assert_true(taken > 1000);
}

/* ---- every state that play leads to ---------------------------------------------------- */

static const struct game_rules rules = {.serve_steps = 40,
                                        .absence_ms = 3000,
                                        .absence_total_ms = 6000,
                                        .pause_ms = 1000,
                                        .pauses = 3,
                                        .unclaimed_ms = 4000,
                                        .waiting_room_ms = 20000,
                                        .rematch_ms = 5000,
                                        .match_ms = 120000};

static struct game_player random_player(unsigned int *seed)
{
    struct game_player player;
    memset(&player, 0, sizeof player);
    snprintf(player.player_id, sizeof player.player_id, "guest-%08x", (unsigned)rand_r(seed));
    strcpy(player.username, "Gäst");
    player.token = digest_of(player.player_id, strlen(player.player_id));
    player.is_guest = true;
    return player;
}

/* One thing that people, or the clock, may do to a game. */
static void do_something(struct game *game, struct now now, unsigned int *seed,
                         struct game_events *events)
{
    const int seat = 1 + rand_r(seed) % 2;
    static const struct digest nothing;
    const bool expelled = game->seats[seat - 1].held &&
                          memcmp(&game->seats[seat - 1].player.token, &nothing, DIGEST_SIZE) == 0;
    const bool held = game->seats[seat - 1].held, connected = game->seats[seat - 1].connected;
    const struct game_player player = random_player(seed);
    char match_id[UUID_SIZE];
    if (expelled) /* nobody is there who could do anything */
        return;
    switch (rand_r(seed) % 40) {
    case 0:
        if (connected)
            game_state_disconnect(game, seat, now, events);
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        if (held && !connected)
            game_state_connect(game, seat, now);
        else if (!held)
            game_state_take_seat(game, &player, now);
        break;
    case 5:
        if (held)
            game_state_pause(game, seat, events);
        break;
    case 6:
    case 7:
        if (held)
            game_state_resume(game, seat);
        break;
    case 8:
        if (held)
            game_state_rematch(game, seat, now, events);
        if (game_state_rematch_agreed(game)) {
            random_uuid(match_id);
            game_state_begin_rematch(game, match_id, 7, now, events);
        }
        break;
    case 9:
        if (held)
            game_state_rename(game, seat, "Anna");
        break;
    case 10:
        if (held && rand_r(seed) % 8 == 0)
            game_state_expel(game, seat, now, events);
        break;
    default:
        if (held)
            game_state_steer(game, seat, rand_r(seed) % 40000);
        break;
    }
}

/* Saves the game, reads that back, and goes on with it every now and then, as after a restart. */
static void save_and_perhaps_restart(struct game *game, struct now now, bool restart,
                                     bool reached[PONG_FINISHED + 1])
{
    struct room_checkpoint room, partial, back, again;
    memset(&partial, 0xa5, sizeof partial);
    game_state_save(game, now, &room);
    game_state_save_partial(game, now, &partial);
    assert_true(partial.is_partial);
    partial.is_partial = false;
    assert_memory_equal(&partial, &room, CHECKPOINT_PARTIAL_SIZE);
    /* A deadline that was passed but not looked at yet comes back as nothing left. */
    room.match_left_ms = room.match_left_ms > 0 ? room.match_left_ms : 0;
    room.rematch_left_ms = room.rematch_left_ms > 0 ? room.rematch_left_ms : 0;
    const struct row row = encode(&room);
    assert_decodes(&row, &back);
    reached[back.pong.phase] = true;
    assert_memory_equal(&back, &room, sizeof back);
    if (!restart)
        return;
    game_state_load(game, &rules, &back, now);
    game_state_save(game, now, &again);
    assert_null(checkpoint_problem(&again));
    assert_memory_equal(again.pong.score, room.pong.score, 2);
}

static void test_whatever_play_leads_to_can_be_saved(void **state)
{
    bool reached[PONG_FINISHED + 1] = {false};
    int ends[MATCH_END_ABANDONED + 1] = {0};
    unsigned int seed = 11;
    (void)state;
    for (int match = 0; match < 100; match++) {
        struct game game;
        struct now now = {.mono_ms = 1000000, .unix_ms = 1767323045678};
        bool gone = false;
        game_state_open(&game, &rules, "A00001", "00000000-0000-4000-8000-000000000001",
                        (uint64_t)rand_r(&seed), (uint8_t)(1 + rand_r(&seed) % 5), true, now);
        for (int step = 0; step < 6000 && !gone; step++) {
            struct game_events events = {.count = 0};
            if (rand_r(&seed) % 10 == 0)
                do_something(&game, now, &seed, &events);
            events.count = 0;
            now.mono_ms += 17;
            now.unix_ms += 17;
            game_state_prepare(&game);
            game_state_step(&game, now, &events);
            if (step % 6 == 0) {
                events.count = 0;
                gone = game_state_expire(&game, now, &events);
            }
            if (step % 20 == 0)
                save_and_perhaps_restart(&game, now, rand_r(&seed) % 100 == 0, reached);
            if (game.pong.phase == PONG_FINISHED)
                ends[game.end]++;
        }
    }
    for (int phase = PONG_WAITING; phase <= PONG_FINISHED; phase++)
        assert_true(reached[phase]);
    for (int end = MATCH_END_SCORE; end <= MATCH_END_ABANDONED; end++)
        assert_true(ends[end] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_comes_back),
        cmocka_unit_test(test_a_bot_comes_back),
        cmocka_unit_test(test_the_longest_room_fits),
        cmocka_unit_test(test_what_has_run_out_is_nothing_left),
        cmocka_unit_test(test_impossible_states_are_refused),
        cmocka_unit_test(test_who_was_expelled_has_no_token),
        cmocka_unit_test(test_of_a_room_that_is_gone_its_code_is_enough),
        cmocka_unit_test(test_malformed_rows_are_refused),
        cmocka_unit_test(test_no_column_may_be_missing),
        cmocka_unit_test(test_damaged_rows_give_possible_states_or_none),
        cmocka_unit_test(test_whatever_play_leads_to_can_be_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
