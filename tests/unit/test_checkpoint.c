/*
 * Checkpoints as JSON and back; which states are possible, by a table of those that are not and by
 * playing matches at random: whatever a game gets into can be saved.
 */
#include "gamed/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "gamed/game_state.h"
#include "tests/unit/sample_rooms.h"

static size_t encode(const struct room_checkpoint *room, char text[CHECKPOINT_JSON_MAX])
{
    const char *problem = checkpoint_problem(room);
    if (problem)
        fail_msg("%s", problem);
    const long length = checkpoint_encode(room, text, CHECKPOINT_JSON_MAX);
    assert_true(length > 0);
    return (size_t)length;
}

/* A decoder must not leave anything behind that was not in the text. */
static int decode(const char *text, size_t length, struct room_checkpoint *room)
{
    char *copy = malloc(length ? length : 1); /* without a NUL, for the sanitizer */
    memcpy(copy, text, length);
    memset(room, 0xa5, sizeof *room);
    const int outcome = checkpoint_decode(copy, length, room);
    free(copy);
    return outcome;
}

static void assert_comes_back(const struct room_checkpoint *room)
{
    char text[CHECKPOINT_JSON_MAX];
    struct room_checkpoint back;
    const size_t length = encode(room, text);
    assert_int_equal(decode(text, length, &back), CHECKPOINT_OK);
    assert_memory_equal(&back, room, sizeof back);
}

static struct room_checkpoint waiting_room(void)
{
    struct room_checkpoint room = sample_room(1);
    memset(&room.seats[1], 0, sizeof room.seats[1]);
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
    char text[CHECKPOINT_JSON_MAX];
    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(room.seats[i].player_id, '"', PLAYER_ID_SIZE - 1);
        for (int c = 0; c < USERNAME_CHARACTERS_MAX; c++)
            memcpy(room.seats[i].username + 4 * c, "\xf0\x9f\x8f\x93", 4);
        room.seats[i].away_used_ms = 86400000;
    }
    memset(room.creator_id, '\\', PLAYER_ID_SIZE - 1);
    room.match_used_ms = room.duration_ms = 315360000000;
    assert_comes_back(&room);
    const size_t length = encode(&room, text);
    assert_int_equal(checkpoint_encode(&room, text, length), (long)length);
    assert_int_equal(checkpoint_encode(&room, text, length - 1), CHECKPOINT_BAD);
}

static void test_what_has_run_out_is_nothing_left(void **state)
{
    struct room_checkpoint room = sample_room(1), back;
    char text[CHECKPOINT_JSON_MAX];
    (void)state;
    room.match_left_ms = -33;
    assert_int_equal(decode(text, encode(&room, text), &back), CHECKPOINT_OK);
    assert_int_equal(back.match_left_ms, 0);
    room = finished_room();
    room.rematch_left_ms = -1;
    assert_int_equal(decode(text, encode(&room, text), &back), CHECKPOINT_OK);
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
    char text[CHECKPOINT_JSON_MAX];
    (void)state;
#define REFUSED(base, change)                                                          \
    do {                                                                               \
        struct room_checkpoint room = base_room(base);                                 \
        assert_null(checkpoint_problem(&room));                                        \
        change;                                                                        \
        if (!checkpoint_problem(&room))                                                \
            fail_msg("taken: %s", #change);                                            \
        assert_int_equal(checkpoint_encode(&room, text, sizeof text), CHECKPOINT_BAD); \
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
    REFUSED(RALLY, room.seats[1].away_used_ms = -1);
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
    struct room_checkpoint room = base_room(FINISHED), back;
    char text[CHECKPOINT_JSON_MAX];
    (void)state;
    memset(&room.seats[1].token, 0, DIGEST_SIZE);
    assert_null(checkpoint_problem(&room));
    const size_t length = encode(&room, text);
    assert_int_equal(decode(text, length, &back), CHECKPOINT_OK);
    assert_memory_equal(&back, &room, sizeof room);
}

static void test_of_a_room_that_is_gone_its_code_is_enough(void **state)
{
    struct room_checkpoint room = sample_room_gone(5);
    (void)state;
    assert_null(checkpoint_problem(&room));
    room.room_code[0] = '\0';
    assert_string_equal(checkpoint_problem(&room), "room_code");
}

/* ---- texts that are no checkpoints ----------------------------------------------------- */

/* The sample's text with the first `from` replaced. */
static int decode_changed(enum base base, const char *from, const char *to)
{
    const struct room_checkpoint room = base_room(base);
    struct room_checkpoint back;
    char text[CHECKPOINT_JSON_MAX + 1], changed[2 * CHECKPOINT_JSON_MAX];
    text[encode(&room, text)] = '\0';
    const char *at = strstr(text, from);
    if (!at)
        fail_msg("%s is not in %s", from, text);
    const int length = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
                                at + strlen(from));
    return decode(changed, (size_t)length, &back);
}

static void test_malformed_texts_are_refused(void **state)
{
    static const struct {
        enum base base;
        const char *from, *to;
    } table[] = {
        {RALLY, "\"version\":1", "\"version\":0"},
        {RALLY, "\"version\":1", "\"version\":2"},
        {RALLY, "\"version\":1", "\"version\":\"1\""},
        {RALLY, "\"version\":1,", ""},
        {RALLY, "\"version\":1", "\"version\":1,\"version\":1"},
        {RALLY, "\"room_code\":\"A", "\"room_code\":\"AA"},
        {RALLY, "\"room_code\":\"A00001\"", "\"room_code\":7"},
        {RALLY, "\"is_public\":true", "\"is_public\":1"},
        {RALLY, "\"is_public\":true,", ""},
        {RALLY, "\"created_unix_ms\":1", "\"created_unix_ms\":-1"},
        {RALLY, "\"created_unix_ms\":17", "\"created_unix_ms\":1.7"},
        {RALLY, "\"creator_token\":\"", "\"creator_token\":\"X"},
        {RALLY, "\"creator_id\":\"42\"", "\"creator_id\":null"},
        {RALLY, "\"creator_id\":\"42\"", "\"creator_id\":\"4\\u0000 2\""},
        {RALLY, "\"creator_id\":\"42\"", "\"creator_id\":\"\xff\""},
        {RALLY, "\"random_state\":\"f", "\"random_state\":\"F"},
        {RALLY, "\"random_state\":\"f", "\"random_state\":\""},
        {RALLY, "\"random_state\":\"f", "\"random_state\":\"ff"},
        {RALLY, "\"match_left_ms\":1", "\"match_left_ms\":-1"},
        {RALLY, "\"served\":true", "\"served\":null"},
        {RALLY, "\"last_loser\":1", "\"last_loser\":257"},
        {RALLY, "\"pong\":{", "\"ping\":{"},
        {RALLY, "\"step\":4", "\"step\":44"},
        {RALLY, "\"ball\":[", "\"ball\":[1,"},
        {RALLY, "\"ball\":[23456,", "\"ball\":[4294990752,"}, /* the same, modulo 2^32 */
        {RALLY, "\"ball\":[23456,12345,-1234,567]", "\"ball\":[23456,12345,-1234]"},
        {RALLY, "\"ball\":[23456,12345,-1234,567]", "\"ball\":23456"},
        {RALLY, "\"score\":[4,5]", "\"score\":[260,5]"}, /* 4, modulo 256 */
        {RALLY, "\"score\":[4,5]", "\"score\":[-1,5]"},
        {RALLY, "\"phase\":2", "\"phase\":258"},
        {RALLY, "\"steps_left\":65535", "\"steps_left\":131071"},
        {RALLY, "\"winning_score\":10", "\"winning_score\":266"},
        {RALLY, "\"serve_steps\":180", "\"serve_steps\":65716"},
        {RALLY, "\"seats\":[", "\"seats\":[null,"},
        {RALLY, "\"seats\":[{", "\"seats\":[7,{"},
        {RALLY, "\"player_id\":", "\"id\":"},
        {RALLY, "\"token\":\"", "\"token\":\"0"},
        {RALLY, "\"is_bot\":false", "\"is_bot\":0"},
        {RALLY, "\"bot_level\":0", "\"bot_level\":-1"},
        {RALLY, "\"pauses_left\":2", "\"pauses_left\":4294967298"},
        {RALLY, "\"over\":null", "\"over\":{}"},
        {RALLY, "\"over\":null", "\"under\":null"},
        {WAITING, "{\"player_id\"", "[],{\"player_id\""},
        {FINISHED, "\"winner\":2", "\"winner\":258"},
        {FINISHED, "\"end\":0", "\"end\":256"},
        {FINISHED, "\"rematch_left_ms\":", "\"rematch_left_ms\":-"},
        {FINISHED, "\"duration_ms\":9", "\"duration_ms\":null,\"d\":9"},
        {FINISHED, "\"over\":{", "\"over\":null,\"x\":{"},
        {FINISHED, "}", ""},
        {FINISHED, "{", "[{"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (decode_changed(table[i].base, table[i].from, table[i].to) != CHECKPOINT_BAD)
            fail_msg("taken: %s for %s", table[i].to, table[i].from);
    }
    /* The same with nothing changed, and with a field that a later version may add. */
    assert_int_equal(decode_changed(RALLY, "\"served\"", "\"served\""), CHECKPOINT_OK);
    assert_int_equal(decode_changed(RALLY, "\"served\"", "\"hair\":\"red\",\"served\""),
                     CHECKPOINT_OK);
}

static void test_no_piece_of_a_text_is_one(void **state)
{
    const struct room_checkpoint room = sample_room(1);
    struct room_checkpoint back;
    char text[CHECKPOINT_JSON_MAX];
    const size_t length = encode(&room, text);
    (void)state;
    for (size_t i = 0; i < length; i++)
        assert_int_equal(decode(text, i, &back), CHECKPOINT_BAD);
    assert_int_equal(decode("null", 4, &back), CHECKPOINT_BAD);
    assert_int_equal(decode("[]", 2, &back), CHECKPOINT_BAD);
    memset(text + length, ' ', sizeof text - length);
    assert_int_equal(decode(text, sizeof text, &back), CHECKPOINT_OK);
    char *too_long = malloc(sizeof text + 1);
    memcpy(too_long, text, sizeof text);
    too_long[sizeof text] = ' ';
    assert_int_equal(checkpoint_decode(too_long, sizeof text + 1, &back), CHECKPOINT_BAD);
    free(too_long);
}

/* Whatever a few changed bytes make of a text: what is taken is possible, and comes back itself. */
static void test_damaged_texts_give_possible_states_or_none(void **state)
{
    char text[CHECKPOINT_JSON_MAX], damaged[CHECKPOINT_JSON_MAX];
    unsigned int seed = 3;
    int taken = 0;
    (void)state;
    for (int round = 0; round < 5000; round++) {
        const struct room_checkpoint room = base_room((enum base)(round % 3));
        struct room_checkpoint back;
        const size_t length = encode(&room, text);
        for (int change = rand_r(&seed) % 3; change >= 0; change--)
            text[(size_t)rand_r(&seed) % length] =
                "0123456789,:\"[]{}-.etfn\x80"[rand_r(&seed) % 24];
        if (decode(text, length, &back) != CHECKPOINT_OK)
            continue;
        taken++;
        assert_null(checkpoint_problem(&back));
        const size_t again = encode(&back, damaged);
        struct room_checkpoint third;
        assert_int_equal(decode(damaged, again, &third), CHECKPOINT_OK);
        assert_memory_equal(&third, &back, sizeof back);
    }
    assert_true(taken > 100);
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
    struct room_checkpoint room, back, again;
    char text[CHECKPOINT_JSON_MAX], text_again[CHECKPOINT_JSON_MAX];
    game_state_save(game, now, &room);
    const size_t length = encode(&room, text);
    assert_int_equal(decode(text, length, &back), CHECKPOINT_OK);
    reached[back.pong.phase] = true;
    assert_int_equal(encode(&back, text_again), length);
    assert_memory_equal(text_again, text, length);
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
        cmocka_unit_test(test_malformed_texts_are_refused),
        cmocka_unit_test(test_no_piece_of_a_text_is_one),
        cmocka_unit_test(test_damaged_texts_give_possible_states_or_none),
        cmocka_unit_test(test_whatever_play_leads_to_can_be_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
