/*
 * Unit tests of gamed/game_state: every rule around the simulation (seats, serves, pauses, absence,
 * ends, rematches, expiry) with the time passed in, what others see of it, and at the end a storm of
 * random calls under which the invariants must hold. Expected values come from the protocol's text.
 */
#include "gamed/game_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MATCH_1 "11111111-1111-4111-8111-111111111111"
#define MATCH_2 "22222222-2222-4222-8222-222222222222"

enum {
    MONO_START_MS = 5000000,
    HEARD_MAX = 512,
    STORM_GAMES = 300,
    STORM_CALLS = 1000
};
static const int64_t unix_start_ms = 1700000000000;
static const struct digest no_digest;

static const struct game_rules production = {.serve_steps = 180,
                                             .absence_ms = 30000,
                                             .absence_total_ms = 60000,
                                             .pause_ms = 60000,
                                             .pauses = 3,
                                             .unclaimed_ms = 30000,
                                             .waiting_room_ms = 120000,
                                             .rematch_ms = 60000,
                                             .match_ms = 30 * 60000};

/* ---- a game under test: every call's events go into `heard` ---------------------------- */

static struct game game;
static struct now now;
static struct game_event heard[HEARD_MAX];
static size_t heard_count, heard_next;

static void open_game(uint64_t seed, uint8_t winning_score)
{
    now = (struct now){.mono_ns = (int64_t)MONO_START_MS * 1000000,
                       .mono_ms = MONO_START_MS,
                       .unix_ms = unix_start_ms};
    heard_count = heard_next = 0;
    game_state_open(&game, &production, "7ABCDE", MATCH_1, seed, winning_score, true, now);
}

static int setup(void **state)
{
    (void)state;
    open_game(1, 10);
    return 0;
}

static void pass(int64_t ms)
{
    now.mono_ms += ms;
    now.mono_ns += ms * 1000000;
    now.unix_ms += ms;
}

static void hear(const struct game_events *events)
{
    assert_in_range(events->count, 0, GAME_EVENTS_MAX);
    for (size_t i = 0; i < events->count; i++) {
        assert_true(heard_count < HEARD_MAX);
        heard[heard_count++] = events->list[i];
    }
}

/* The next event there was; it must be this one. */
static const struct game_event *expect(enum game_event_type type, int player)
{
    assert_true(heard_next < heard_count);
    const struct game_event *event = &heard[heard_next++];
    assert_int_equal(event->type, type);
    assert_int_equal(event->player, player);
    return event;
}

static void expect_silence(void)
{
    assert_int_equal(heard_next, heard_count);
}

static void ignore_events(void)
{
    heard_next = heard_count;
}

static void come(int seat)
{
    struct game_events events = {0};
    game_state_connect(&game, seat, now);
    hear(&events);
}

static void go(int seat)
{
    struct game_events events = {0};
    game_state_disconnect(&game, seat, now, &events);
    hear(&events);
}

static int ask_pause(int seat)
{
    struct game_events events = {0};
    int outcome = game_state_pause(&game, seat, &events);
    hear(&events);
    return outcome;
}

static int ask_rematch(int seat)
{
    struct game_events events = {0};
    int outcome = game_state_rematch(&game, seat, now, &events);
    hear(&events);
    return outcome;
}

static void begin_rematch(uint64_t seed)
{
    struct game_events events = {0};
    game_state_begin_rematch(&game, MATCH_2, seed, now, &events);
    hear(&events);
}

static void steps(int count)
{
    for (int i = 0; i < count; i++) {
        struct game_events events = {0};
        game_state_prepare(&game);
        game_state_step(&game, now, &events);
        hear(&events);
    }
}

static bool expire(void)
{
    struct game_events events = {0};
    bool is_over = game_state_expire(&game, now, &events);
    hear(&events);
    return is_over;
}

static int sit(const char *name, bool is_bot)
{
    struct game_player player = {.is_bot = is_bot};
    strcpy(player.player_id, name);
    strcpy(player.username, name);
    if (!is_bot)
        player.token = digest_of("0123456789abcdef0123456789abcdef", 32);
    return game_state_take_seat(&game, &player, now);
}

/* Two people, both connected: the match is serving. */
static void start(void)
{
    assert_int_equal(sit("alice", false), 1);
    assert_int_equal(sit("bob", false), 2);
    come(1);
    come(2);
    expect_silence();
}

/* … and past its first serve. */
static void start_rally(void)
{
    start();
    steps(180);
    expect(GAME_EVENT_RESUMED, 0);
    expect_silence();
}

/* A rally whose next step is a point for `player`. */
static void aim_point(int player)
{
    game.pong.phase = PONG_RALLY;
    game.pong.steps_left = PONG_STEPS_OPEN;
    game.pong.ball_x = player == 1 ? 50500 : 700;
    game.pong.ball_vx = player == 1 ? 448 : -448;
    game.pong.ball_y = 19200;
    game.pong.ball_vy = 0;
}

static void score(int player)
{
    aim_point(player);
    steps(1);
}

static struct game_view view(void)
{
    struct game_view seen;
    game_state_view(&game, &seen);
    return seen;
}

#define assert_phase(expected_phase, expected_left)            \
    do {                                                       \
        assert_int_equal(game.pong.phase, expected_phase);     \
        assert_int_equal(game.pong.steps_left, expected_left); \
    } while (0)

#define assert_over(expected_winner, expected_end)                                     \
    do {                                                                               \
        assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);                                  \
        assert_int_equal(expect(GAME_EVENT_OVER, expected_winner)->end, expected_end); \
        assert_int_equal(game.winner, expected_winner);                                \
        assert_int_equal(game.end, expected_end);                                      \
        assert_int_equal(game_state_status(&game), GAME_STATUS_FINISHED);              \
    } while (0)

/* ---- seats and people ------------------------------------------------------------------ */

static void test_a_fresh_room_waits(void **state)
{
    (void)state;
    assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
    assert_int_equal(game_state_player_count(&game), 0);
    assert_int_equal(game_state_status(&game), GAME_STATUS_WAITING);
    assert_false(game_state_is_under_way(&game));
    assert_string_equal(game.room_code, "7ABCDE");
    assert_string_equal(game.match_id, MATCH_1);
    assert_true(game.is_public);
    assert_int_equal(game.created_unix_ms, unix_start_ms);
    assert_int_equal(game.pong.winning_score, 10);
    assert_int_equal(game.pong.step, 0);
    steps(1000);
    expect_silence();
    assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
    assert_int_equal(game.pong.step, 1000);
}

static void test_the_next_to_come_takes_the_lowest_free_seat(void **state)
{
    (void)state;
    struct game_view before = view();
    assert_int_equal(sit("alice", false), 1);
    assert_int_not_equal(view().id_version[0], before.id_version[0]); /* others are to be told */
    assert_int_not_equal(view().name_version[0], before.name_version[0]);
    assert_int_equal(view().id_version[1], before.id_version[1]);
    assert_int_equal(game_state_player_count(&game), 1);
    assert_int_equal(game_state_status(&game), GAME_STATUS_WAITING);
    assert_int_equal(sit("bob", false), 2);
    assert_int_equal(game_state_player_count(&game), 2);
    assert_int_equal(game_state_status(&game), GAME_STATUS_ONGOING);
    assert_int_equal(sit("carol", false), 0);
    assert_string_equal(game.seats[0].player.username, "alice");
    assert_string_equal(game.seats[1].player.username, "bob");
    come(2);
    pass(30000); /* alice never came */
    assert_false(expire());
    assert_int_equal(game_state_status(&game), GAME_STATUS_WAITING);
    assert_int_equal(sit("carol", false), 1);
    assert_string_equal(game.seats[0].player.username, "carol");
    assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
    come(1);
    assert_phase(PONG_SERVING, 180);
    expect_silence();
}

static void test_a_match_starts_when_both_are_connected(void **state)
{
    (void)state;
    for (int first = 1; first <= 2; first++) {
        open_game(1, 10);
        sit("alice", false);
        come(1);
        assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
        sit("bob", false);
        assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
        if (first == 2) {
            go(1);
            expect(GAME_EVENT_LEFT, 1); /* nobody is absent from a match that has not begun */
        }
        come(2);
        if (first == 2) {
            assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
            come(1);
        }
        assert_phase(PONG_SERVING, 180);
        assert_true(game_state_is_under_way(&game));
        assert_int_equal(sit("carol", false), 0);
        expect_silence();
    }
}

static void test_a_bot_is_always_there(void **state)
{
    (void)state;
    assert_int_equal(sit("alice", false), 1);
    assert_int_equal(sit("bot-easy", true), 2);
    assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
    come(1);
    assert_phase(PONG_SERVING, 180);

    open_game(1, 10);
    sit("alice", false);
    come(1);
    sit("bot-easy", true); /* the last to sit down may be the bot */
    assert_phase(PONG_SERVING, 180);
}

static void test_an_unclaimed_seat_is_freed_after_30_s(void **state)
{
    (void)state;
    sit("alice", false);
    uint16_t id = view().id_version[0], name = view().name_version[0];
    uint16_t token = game.seats[0].token_version;
    pass(29999);
    assert_false(expire());
    assert_true(game.seats[0].held);
    assert_int_equal(view().id_version[0], id);
    pass(1);
    assert_false(expire());
    assert_false(game.seats[0].held);
    assert_int_equal(game_state_player_count(&game), 0);
    assert_int_not_equal(view().id_version[0], id);
    assert_int_not_equal(view().name_version[0], name);
    assert_int_not_equal(game.seats[0].token_version, token); /* old claims are void */
    assert_string_equal(game.seats[0].player.player_id, "");
    assert_memory_equal(&game.seats[0].player.token, &no_digest, sizeof no_digest);
    expect_silence();
}

static void test_a_seat_is_kept_by_a_connection_or_by_asking(void **state)
{
    (void)state;
    sit("alice", false);
    sit("bob", false);
    come(1);
    for (int i = 0; i < 20; i++) { /* alice is connected, bob only asks */
        pass(29999);
        game_state_poll(&game, 2, now);
        assert_false(expire());
        assert_int_equal(game_state_player_count(&game), 2);
    }
    go(1);
    expect(GAME_EVENT_LEFT, 1);
    pass(29999); /* from the moment that the connection went */
    game_state_poll(&game, 2, now);
    assert_false(expire());
    assert_int_equal(game_state_player_count(&game), 2);
    pass(1);
    assert_false(expire());
    assert_false(game.seats[0].held);
    assert_true(game.seats[1].held);
    pass(29999);
    assert_false(expire());
    assert_false(game.seats[1].held);
}

static void test_a_bot_s_seat_is_not_freed(void **state)
{
    (void)state;
    sit("alice", false);
    sit("bot-hard", true);
    pass(30000);
    assert_false(expire());
    assert_false(game.seats[0].held);
    assert_true(game.seats[1].held);
}

static void test_a_lonely_waiting_room_is_closed_after_120_s(void **state)
{
    (void)state;
    pass(119999);
    assert_false(expire());
    game_state_visited(&game, now); /* a spectator */
    pass(119999);
    assert_false(expire());
    sit("alice", false);
    pass(119999);
    assert_false(expire());
    pass(1);
    assert_true(expire());
    expect_silence();
}

static void test_who_is_there_keeps_a_waiting_room(void **state)
{
    (void)state;
    sit("alice", false);
    come(1);
    for (int i = 0; i < 5; i++) {
        pass(119999);
        assert_false(expire());
    }
    go(1);
    pass(29999);
    game_state_poll(&game, 1, now);
    pass(119999);
    assert_false(expire());
    pass(1);
    assert_true(expire());
}

static void test_a_bot_alone_does_not_keep_a_waiting_room(void **state)
{
    (void)state;
    sit("alice", false);
    sit("bot-normal", true);
    for (int s = 1; s < 120; s++) {
        pass(1000);
        assert_false(expire());
    }
    pass(1000);
    assert_true(expire());
}

static void test_who_is_here(void **state)
{
    (void)state;
    assert_false(game_state_is_here(&game, 1, now));
    assert_false(game_state_is_here_lately(&game, 1, now));
    sit("alice", false);
    assert_false(game_state_is_here(&game, 1, now)); /* has a seat, has not been seen */
    assert_true(game_state_is_here_lately(&game, 1, now));
    pass(4999);
    assert_true(game_state_is_here_lately(&game, 1, now));
    pass(1);
    assert_false(game_state_is_here_lately(&game, 1, now));
    game_state_poll(&game, 1, now);
    pass(4999);
    assert_true(game_state_is_here(&game, 1, now));
    assert_true(game_state_is_here_lately(&game, 1, now));
    pass(1);
    assert_false(game_state_is_here(&game, 1, now));
    come(1);
    pass(1000000);
    assert_true(game_state_is_here(&game, 1, now));
    assert_true(game_state_is_here_lately(&game, 1, now));
    go(1);
    assert_false(game_state_is_here(&game, 1, now));
    assert_true(game_state_is_here_lately(&game, 1, now)); /* is reconnecting, perhaps */
    assert_false(game_state_is_here_lately(&game, 2, now));
}

static void test_a_seat_is_renamed_until_the_first_serve(void **state)
{
    (void)state;
    start();
    uint16_t version = view().name_version[0];
    game_state_rename(&game, 1, "alice"); /* nothing new */
    assert_int_equal(view().name_version[0], version);
    game_state_rename(&game, 1, "Ada");
    assert_int_not_equal(view().name_version[0], version);
    assert_string_equal(game.seats[0].player.username, "Ada");
    assert_string_equal(game.seats[1].player.username, "bob");
    steps(150); /* 30 are left, the serve is not launched yet */
    game_state_rename(&game, 2, "Bo");
    assert_string_equal(game.seats[1].player.username, "Bo");
    steps(1);
    version = view().name_version[1];
    game_state_rename(&game, 2, "Robert");
    assert_string_equal(game.seats[1].player.username, "Bo");
    assert_int_equal(view().name_version[1], version);
}

static void test_a_new_token_voids_the_old_one(void **state)
{
    (void)state;
    sit("alice", false);
    uint16_t version = game.seats[0].token_version;
    const struct digest token = digest_of("ffffffffffffffffffffffffffffffff", 32);
    assert_false(digest_equal(&game.seats[0].player.token, &token));
    game_state_set_token(&game, 1, &token);
    assert_true(digest_equal(&game.seats[0].player.token, &token));
    assert_int_not_equal(game.seats[0].token_version, version);
}

/* ---- serves ---------------------------------------------------------------------------- */

static void test_the_first_serve_goes_right_with_30_steps_left(void **state)
{
    (void)state;
    start();
    steps(150);
    assert_phase(PONG_SERVING, 30);
    assert_int_equal(game.pong.ball_vx, 0);
    steps(1);
    assert_phase(PONG_SERVING, 29);
    assert_int_equal(game.pong.ball_vx, 448);
    assert_true(game.pong.ball_vy == 448 || game.pong.ball_vy == -448);
    assert_int_equal(game.pong.ball_x, 25600);
    assert_int_equal(game.pong.ball_y, 19200);
    int32_t vy = game.pong.ball_vy;
    for (int left = 28; left >= 1; left--) {
        steps(1);
        assert_phase(PONG_SERVING, left);
        assert_int_equal(game.pong.ball_vy, vy); /* launched once */
    }
    expect_silence();
    assert_true(view().is_paused);
    steps(1);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    assert_false(view().is_paused);
    const struct game_event *event = expect(GAME_EVENT_RESUMED, 0);
    assert_int_equal(event->vx, 448);
    assert_int_equal(event->vy, vy);
    expect_silence();
    assert_int_equal(game.pong.ball_x, 25600);
}

static void test_later_serves_go_towards_who_lost_the_point(void **state)
{
    (void)state;
    start_rally();
    static const int scorers[] = {1, 1, 2, 1, 2, 2};
    for (size_t i = 0; i < sizeof scorers / sizeof scorers[0]; i++) {
        uint8_t before[2] = {game.pong.score[0], game.pong.score[1]};
        int scorer = scorers[i];
        score(scorer);
        before[scorer - 1]++;
        assert_memory_equal(expect(GAME_EVENT_GOAL, scorer)->score, before, 2);
        assert_int_equal(view().last_loser, 3 - scorer);
        assert_phase(PONG_SERVING, 180);
        steps(180);
        const struct game_event *event = expect(GAME_EVENT_RESUMED, 0);
        assert_int_equal(event->vx, scorer == 1 ? 448 : -448); /* player 2 is on the right */
        expect_silence();
    }
}

static void test_up_or_down_is_the_match_s_own_secret(void **state)
{
    (void)state;
    uint64_t directions[2][8] = {{0}};
    for (int run = 0; run < 2; run++) {
        for (uint64_t seed = 0; seed < 8; seed++) {
            open_game(seed, 21);
            start_rally();
            for (int i = 0; i < 16; i++) {
                directions[run][seed] = directions[run][seed] << 1 | (game.pong.ball_vy > 0);
                score(1);
                steps(180);
            }
            ignore_events();
        }
    }
    assert_memory_equal(directions[0], directions[1], sizeof directions[0]);
    for (int i = 0; i < 8; i++) {
        assert_int_not_equal(directions[0][i], 0);
        assert_int_not_equal(directions[0][i], 0xffff);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(directions[0][i], directions[0][j]);
    }
}

static void test_resume_game_cuts_the_countdown_from_its_60th_step_on(void **state)
{
    (void)state;
    for (int seat = 1; seat <= 2; seat++) { /* at 0–0 either may */
        open_game(1, 10);
        start();
        assert_int_equal(game_state_resume(&game, seat), GAME_TOO_EARLY);
        steps(59);
        assert_int_equal(game_state_resume(&game, seat), GAME_TOO_EARLY);
        assert_phase(PONG_SERVING, 121);
        steps(1);
        assert_int_equal(game_state_resume(&game, seat), GAME_OK);
        assert_phase(PONG_SERVING, 30);
        steps(1);
        assert_true(pong_ball_moves(&game.pong));
        assert_int_equal(game_state_resume(&game, seat), GAME_OK); /* nothing left to cut */
        assert_phase(PONG_SERVING, 29);
        steps(28);
        expect_silence();
        steps(1);
        expect(GAME_EVENT_RESUMED, 0);
        assert_int_equal(game_state_resume(&game, seat), GAME_NOT_RUNNING);
        assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    }
}

static void test_only_who_lost_the_point_serves(void **state)
{
    (void)state;
    for (int scorer = 1; scorer <= 2; scorer++) {
        open_game(1, 10);
        start_rally();
        score(scorer);
        steps(60);
        assert_int_equal(game_state_resume(&game, scorer), GAME_NOT_YOUR_SERVE);
        assert_phase(PONG_SERVING, 120);
        assert_int_equal(game_state_resume(&game, 3 - scorer), GAME_OK);
        assert_phase(PONG_SERVING, 30);
        assert_int_equal(game_state_resume(&game, scorer), GAME_NOT_YOUR_SERVE);
    }
}

static void test_resume_game_means_nothing_before_and_after_a_match(void **state)
{
    (void)state;
    sit("alice", false);
    come(1);
    assert_int_equal(game_state_resume(&game, 1), GAME_NOT_RUNNING);
    open_game(1, 1);
    start_rally();
    score(2);
    assert_int_equal(game_state_resume(&game, 1), GAME_NOT_RUNNING);
    assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);
}

/* ---- pauses ---------------------------------------------------------------------------- */

static void test_a_pause_in_a_rally_ends_by_itself_in_a_rally(void **state)
{
    (void)state;
    start_rally();
    steps(10);
    struct pong before = game.pong;
    assert_int_equal(ask_pause(2), GAME_OK);
    assert_int_equal(expect(GAME_EVENT_PAUSED, 2)->pause, GAME_PAUSE_PLAYER);
    assert_phase(PONG_PAUSED, 3780);
    assert_true(view().is_paused);
    assert_int_equal(game.pause, GAME_PAUSE_PLAYER);
    assert_int_equal(game.pause_owner, 2);
    assert_int_equal(game_state_status(&game), GAME_STATUS_ONGOING);
    steps(3779);
    expect_silence();
    assert_phase(PONG_PAUSED, 1);
    steps(1);
    const struct game_event *event = expect(GAME_EVENT_RESUMED, 0);
    assert_int_equal(event->vx, before.ball_vx);
    assert_int_equal(event->vy, before.ball_vy);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    assert_int_equal(game.pause, GAME_PAUSE_NONE);
    assert_int_equal(game.pong.ball_x, before.ball_x);
    assert_int_equal(game.pong.ball_y, before.ball_y);
}

static void test_a_pause_of_a_coming_serve_ends_in_a_serve(void **state)
{
    (void)state;
    start();
    steps(150);
    assert_int_equal(ask_pause(1), GAME_OK);
    expect(GAME_EVENT_PAUSED, 1);
    steps(3780);
    assert_phase(PONG_SERVING, 180);
    assert_int_equal(game.pause, GAME_PAUSE_NONE);
    expect_silence();
    steps(180);
    expect(GAME_EVENT_RESUMED, 0);
}

static void test_a_pause_of_a_launched_serve_ends_in_a_rally(void **state)
{
    (void)state;
    start();
    steps(160);
    int32_t vx = game.pong.ball_vx, vy = game.pong.ball_vy;
    assert_int_not_equal(vx, 0);
    assert_int_equal(ask_pause(1), GAME_OK);
    expect(GAME_EVENT_PAUSED, 1);
    steps(3780);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    const struct game_event *event = expect(GAME_EVENT_RESUMED, 0);
    assert_int_equal(event->vx, vx);
    assert_int_equal(event->vy, vy);
}

static void test_three_pauses_a_player(void **state)
{
    (void)state;
    start_rally();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask_pause(1), GAME_OK);
        expect(GAME_EVENT_PAUSED, 1);
        assert_int_equal(ask_pause(1), GAME_NOT_RUNNING); /* one at a time, and none is lost */
        assert_int_equal(ask_pause(2), GAME_NOT_RUNNING);
        steps(3780);
        expect(GAME_EVENT_RESUMED, 0);
    }
    assert_int_equal(ask_pause(1), GAME_NO_PAUSES_LEFT);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    expect_silence();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask_pause(2), GAME_OK);
        steps(3780);
    }
    ignore_events();
    assert_int_equal(ask_pause(2), GAME_NO_PAUSES_LEFT);
}

static void test_pause_game_means_nothing_before_and_after_a_match(void **state)
{
    (void)state;
    sit("alice", false);
    come(1);
    assert_int_equal(ask_pause(1), GAME_NOT_RUNNING);
    assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
    open_game(1, 1);
    start_rally();
    score(2);
    ignore_events();
    assert_int_equal(ask_pause(1), GAME_NOT_RUNNING);
    assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);
    expect_silence();
}

static void test_its_owner_cuts_a_pause_to_180(void **state)
{
    (void)state;
    start_rally();
    ask_pause(1);
    steps(100);
    assert_int_equal(game_state_resume(&game, 2), GAME_NOT_YOUR_PAUSE);
    assert_phase(PONG_PAUSED, 3680);
    assert_int_equal(game_state_resume(&game, 1), GAME_OK);
    assert_phase(PONG_PAUSED, 180);
    steps(80);
    assert_int_equal(game_state_resume(&game, 1), GAME_OK); /* never longer again */
    assert_phase(PONG_PAUSED, 100);
    steps(99);
    assert_int_equal(game.pong.phase, PONG_PAUSED);
    steps(1);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
}

/* ---- absence --------------------------------------------------------------------------- */

static void test_an_absence_is_an_open_pause_until_both_are_back(void **state)
{
    (void)state;
    start_rally();
    steps(20);
    struct pong before = game.pong;
    go(2);
    expect(GAME_EVENT_LEFT, 2);
    assert_int_equal(expect(GAME_EVENT_PAUSED, 2)->pause, GAME_PAUSE_ABSENCE);
    expect_silence();
    assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
    assert_int_equal(game.pause, GAME_PAUSE_ABSENCE);
    assert_int_equal(game_state_status(&game), GAME_STATUS_ONGOING);
    for (int seat = 1; seat <= 2; seat++) {
        assert_int_equal(game_state_resume(&game, seat), GAME_NOT_YOUR_PAUSE);
        assert_int_equal(ask_pause(seat), GAME_NOT_RUNNING);
    }
    steps(1000);
    assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
    come(2);
    assert_phase(PONG_PAUSED, 180);
    assert_int_equal(game_state_resume(&game, 1), GAME_NOT_YOUR_PAUSE);
    assert_int_equal(game_state_resume(&game, 2), GAME_NOT_YOUR_PAUSE);
    expect_silence();
    steps(180);
    const struct game_event *event = expect(GAME_EVENT_RESUMED, 0);
    assert_int_equal(event->vx, before.ball_vx);
    assert_int_equal(game.pong.ball_x, before.ball_x);
    assert_int_equal(game.pong.ball_vy, before.ball_vy);
    assert_int_equal(game.seats[1].pauses_left, 3);
}

static void test_an_absence_before_the_serve_ends_in_a_serve(void **state)
{
    (void)state;
    start();
    steps(100);
    go(1);
    come(1);
    steps(180);
    assert_phase(PONG_SERVING, 180);
    assert_int_equal(game_state_resume(&game, 1), GAME_TOO_EARLY);
}

static void test_both_away_wait_for_both(void **state)
{
    (void)state;
    start_rally();
    go(1);
    pass(1000);
    go(2);
    expect(GAME_EVENT_LEFT, 1);
    expect(GAME_EVENT_PAUSED, 1);
    expect(GAME_EVENT_LEFT, 2);
    come(1);
    assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
    come(2);
    assert_phase(PONG_PAUSED, 180);
    steps(50);
    go(1); /* again, in the countdown */
    assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
    come(1);
    assert_phase(PONG_PAUSED, 180);
}

static void test_an_absence_supersedes_a_player_s_pause(void **state)
{
    (void)state;
    start_rally();
    ask_pause(1);
    steps(3700);
    go(2);
    assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
    assert_int_equal(game.pause, GAME_PAUSE_ABSENCE);
    assert_int_equal(game_state_resume(&game, 1), GAME_NOT_YOUR_PAUSE);
    assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
    come(2);
    assert_phase(PONG_PAUSED, 180);
    assert_int_equal(game_state_resume(&game, 1), GAME_NOT_YOUR_PAUSE);
    assert_int_equal(game.seats[0].pauses_left, 2);
}

static void test_an_absence_of_30_s_forfeits_the_match(void **state)
{
    (void)state;
    for (int gone = 1; gone <= 2; gone++) {
        open_game(1, 10);
        start_rally();
        score(gone); /* leading does not help */
        go(gone);
        ignore_events();
        pass(29999);
        assert_false(expire());
        expect_silence();
        assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
        pass(1);
        assert_false(expire());
        assert_over(3 - gone, MATCH_END_FORFEIT);
        expect_silence();
    }
}

static void test_absences_of_60_s_in_all_forfeit_the_match(void **state)
{
    (void)state;
    start_rally();
    for (int i = 0; i < 2; i++) {
        go(1);
        pass(25000);
        assert_false(expire());
        go(2); /* the other's absence is counted on its own */
        pass(1000);
        come(1);
        pass(3000);
        assert_false(expire());
        come(2);
    }
    assert_true(game_state_is_under_way(&game));
    ignore_events();
    go(1); /* 52 s are used */
    expect(GAME_EVENT_LEFT, 1);
    expect(GAME_EVENT_PAUSED, 1);
    pass(7999);
    assert_false(expire());
    expect_silence();
    pass(1);
    assert_false(expire());
    assert_over(2, MATCH_END_FORFEIT);
}

static void test_both_away_too_long_abandon_the_match(void **state)
{
    (void)state;
    static const struct {
        int scores[2];
        int winner;
    } table[] = {{{2, 1}, 1}, {{1, 2}, 2}, {{1, 1}, 0}, {{0, 0}, 0}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        open_game(1, 10);
        start_rally();
        for (int player = 1; player <= 2; player++)
            for (int n = 0; n < table[i].scores[player - 1]; n++)
                score(player);
        go(1);
        pass(20000);
        go(2);
        ignore_events();
        pass(9999);
        assert_false(expire());
        expect_silence();
        pass(1);
        assert_false(expire());
        assert_over(table[i].winner, MATCH_END_ABANDONED);
        expect_silence();
    }
}

static void test_who_came_back_in_time_wins_against_who_did_not(void **state)
{
    (void)state;
    start_rally();
    go(1);
    pass(10000);
    go(2);
    pass(19000);
    come(1);
    pass(10999);
    assert_false(expire());
    ignore_events();
    pass(1);
    assert_false(expire());
    assert_over(1, MATCH_END_FORFEIT);
}

static void test_a_return_after_the_end_changes_nothing(void **state)
{
    (void)state;
    start_rally();
    go(1);
    pass(30000);
    expire();
    ignore_events();
    come(1);
    expect_silence();
    assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);
    assert_true(game.seats[0].connected);
    go(1);
    expect(GAME_EVENT_LEFT, 1);
    expect_silence(); /* no pause: nothing is under way */
    assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);
}

/* ---- a match's end --------------------------------------------------------------------- */

static void test_a_match_is_abandoned_after_30_minutes(void **state)
{
    (void)state;
    static const struct {
        int scorer;
        int winner;
        bool is_paused;
    } table[] = {{1, 1, false}, {2, 2, true}, {0, 0, false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        open_game(1, 10);
        pass(90000); /* waiting does not count */
        start_rally();
        if (table[i].scorer)
            score(table[i].scorer);
        if (table[i].is_paused)
            assert_int_equal(ask_pause(1), GAME_OK);
        ignore_events();
        pass(30 * 60000 - 1);
        assert_false(expire());
        expect_silence();
        pass(1);
        assert_false(expire());
        assert_over(table[i].winner, MATCH_END_ABANDONED);
        assert_int_equal(game.pause, GAME_PAUSE_NONE);
    }
}

static void test_the_first_to_the_winning_score_wins(void **state)
{
    (void)state;
    static const uint8_t winning[] = {1, 10, 21};
    for (size_t i = 0; i < sizeof winning; i++) {
        for (int player = 1; player <= 2; player++) {
            open_game(1, winning[i]);
            start_rally();
            for (int n = 1; n < winning[i]; n++) {
                score(player);
                score(3 - player);
                expect(GAME_EVENT_GOAL, player);
                expect(GAME_EVENT_GOAL, 3 - player);
            }
            expect_silence();
            assert_phase(winning[i] == 1 ? PONG_RALLY : PONG_SERVING,
                         winning[i] == 1 ? PONG_STEPS_OPEN : 180);
            score(player);
            uint8_t last[2];
            last[player - 1] = winning[i];
            last[2 - player] = (uint8_t)(winning[i] - 1);
            assert_memory_equal(expect(GAME_EVENT_GOAL, player)->score, last, 2);
            assert_memory_equal(heard[heard_next].score, last, 2);
            assert_over(player, MATCH_END_SCORE);
            expect_silence();
            assert_int_equal(view().last_loser, 3 - player);
            assert_true(view().is_paused);
        }
    }
}

static void test_the_result_tells_the_whole_match(void **state)
{
    (void)state;
    pass(5000);
    start_rally();
    score(2);
    pass(42500);
    now.unix_ms -= 3600000; /* somebody sets the clock: only finished_at is told by it */
    go(1);
    pass(30000);
    expire();
    pass(7000); /* the time that counts is the end's */
    struct match_result result;
    memset(&result, 0xa5, sizeof result);
    game_state_result(&game, &result);
    assert_string_equal(result.match_id, MATCH_1);
    assert_string_equal(result.room_code, "7ABCDE");
    assert_string_equal(result.player_id[0], "alice");
    assert_string_equal(result.player_id[1], "bob");
    assert_int_equal(result.score[0], 0);
    assert_int_equal(result.score[1], 1);
    assert_int_equal(result.winner, 2);
    assert_int_equal(result.reason, MATCH_END_FORFEIT);
    assert_true(result.duration_s > 77.4999 && result.duration_s < 77.5001);
    assert_true(result.finished_at_unix > 1699996477.4999 &&
                result.finished_at_unix < 1699996477.5001);
    assert_false(result.has_bot);
    assert_false(result.has_guest);
}

static void test_the_result_names_bots_and_guests(void **state)
{
    (void)state;
    open_game(1, 1);
    struct game_player guest = {.player_id = "guest-abcdefgh", .username = "G", .is_guest = true};
    game_state_take_seat(&game, &guest, now);
    sit("bot-easy", true);
    come(1);
    steps(180);
    score(1);
    struct match_result result;
    game_state_result(&game, &result);
    assert_true(result.has_bot);
    assert_true(result.has_guest);
    assert_int_equal(result.reason, MATCH_END_SCORE);
    assert_int_equal(result.winner, 1);
    assert_string_equal(result.player_id[0], "guest-abcdefgh");
    assert_string_equal(result.player_id[1], "bot-easy");
}

static void test_a_room_is_closed_60_s_after_its_end(void **state)
{
    (void)state;
    open_game(1, 1);
    start_rally();
    score(1);
    pass(59999);
    assert_false(expire()); /* both are still connected, and it is closed all the same */
    pass(1);
    assert_true(expire());
}

/* ---- rematch --------------------------------------------------------------------------- */

static void test_a_rematch_needs_both(void **state)
{
    (void)state;
    open_game(1, 1);
    start_rally();
    assert_int_equal(ask_rematch(1), GAME_NOT_RUNNING);
    score(1);
    ignore_events();
    assert_int_equal(ask_rematch(2), GAME_OK);
    expect(GAME_EVENT_REMATCH_OFFERED, 2);
    assert_int_equal(ask_rematch(2), GAME_OK); /* said once is enough */
    expect_silence();
    assert_false(game_state_rematch_agreed(&game));
    pass(59999);
    assert_int_equal(ask_rematch(1), GAME_OK);
    assert_true(game_state_rematch_agreed(&game));
    expect_silence();
    assert_int_equal(game.pong.phase, PONG_FINISHED);
}

static void test_a_rematch_is_for_60_s(void **state)
{
    (void)state;
    open_game(1, 1);
    start_rally();
    score(1);
    ignore_events();
    pass(60000);
    assert_int_equal(ask_rematch(1), GAME_NOT_RUNNING);
    assert_int_equal(ask_rematch(2), GAME_NOT_RUNNING);
    assert_false(game_state_rematch_agreed(&game));
    expect_silence();
}

static void test_a_bot_agrees_to_a_rematch_at_once(void **state)
{
    (void)state;
    open_game(1, 1);
    sit("alice", false);
    sit("bot-hard", true);
    come(1);
    steps(180);
    score(2);
    ignore_events();
    assert_int_equal(ask_rematch(1), GAME_OK);
    assert_true(game_state_rematch_agreed(&game));
    expect_silence(); /* nobody is to be asked */
    begin_rematch(7);
    expect(GAME_EVENT_NEW_MATCH, 0);
    assert_phase(PONG_SERVING, 180);
}

static void test_an_offer_ends_with_the_connection(void **state)
{
    (void)state;
    open_game(1, 1);
    start_rally();
    score(1);
    ask_rematch(1);
    go(1);
    ignore_events();
    assert_int_equal(ask_rematch(2), GAME_OK);
    expect(GAME_EVENT_REMATCH_OFFERED, 2);
    assert_false(game_state_rematch_agreed(&game));
    come(1);
    assert_false(game_state_rematch_agreed(&game));
    assert_int_equal(ask_rematch(1), GAME_OK);
    assert_true(game_state_rematch_agreed(&game));
}

static void test_a_rematch_starts_everything_anew_but_the_step(void **state)
{
    (void)state;
    open_game(1, 2);
    start_rally();
    game_state_steer(&game, 1, 0);
    steps(5);
    ask_pause(1);
    go(2);
    pass(25000);
    come(2);
    steps(180);
    score(1);
    score(1);
    pass(2000);
    ask_rematch(1);
    ask_rematch(2);
    game_state_steer(&game, 2, 100); /* not of the new match any more */
    uint32_t step = game.pong.step;
    ignore_events();
    begin_rematch(99);
    expect(GAME_EVENT_NEW_MATCH, 0);
    expect_silence();

    assert_int_equal(game.pong.step, step);
    assert_phase(PONG_SERVING, 180);
    assert_string_equal(game.match_id, MATCH_2);
    assert_int_equal(game.random_state, 99);
    assert_int_equal(game.pong.winning_score, 2);
    assert_int_equal(game_state_status(&game), GAME_STATUS_ONGOING);
    assert_false(game_state_rematch_agreed(&game));
    assert_int_equal(view().last_loser, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(game.pong.score[i], 0);
        assert_int_equal(game.pong.paddle_y[i], 15360);
        assert_int_equal(game.pong.target_y[i], 15360);
        assert_int_equal(game.seats[i].pauses_left, 3);
        assert_int_equal(game.seats[i].away_used_ms, 0);
        assert_true(game.seats[i].held);
    }
    game_state_rename(&game, 1, "Alicia"); /* until the first serve, of each match */
    assert_string_equal(game.seats[0].player.username, "Alicia");
    steps(60);
    assert_int_equal(game_state_resume(&game, 1), GAME_OK); /* 0–0: either may */
    steps(30);
    assert_int_equal(expect(GAME_EVENT_RESUMED, 0)->vx, 448); /* to the right */
    assert_int_equal(game.pong.target_y[1], 15360);
    assert_int_equal(game.pong.step, step + 90);
}

static void test_a_rematch_has_its_own_times(void **state)
{
    (void)state;
    open_game(1, 1);
    start_rally();
    pass(29 * 60000);
    score(1);
    pass(10000);
    ask_rematch(1);
    ask_rematch(2);
    begin_rematch(3);
    ignore_events();
    pass(29999);
    assert_false(expire());
    pass(30 * 60000 - 30000); /* from the agreement */
    assert_false(expire());
    expect_silence();
    pass(1);
    assert_false(expire());
    assert_over(0, MATCH_END_ABANDONED);
    assert_false(game_state_rematch_agreed(&game)); /* the last agreement is used up */
    struct match_result result;
    game_state_result(&game, &result);
    assert_string_equal(result.match_id, MATCH_2);
    assert_true(result.duration_s > 1799.999 && result.duration_s < 1800.001);
}

static void test_an_absence_of_the_last_match_is_not_carried_over(void **state)
{
    (void)state;
    start_rally();
    for (int i = 0; i < 2; i++) {
        go(1);
        pass(29000);
        come(1);
    }
    go(1);
    pass(2000);
    expire();
    assert_int_equal(game.pong.phase, PONG_FINISHED);
    come(1);
    ask_rematch(1);
    ask_rematch(2);
    begin_rematch(3);
    ignore_events();
    go(1);
    expect(GAME_EVENT_LEFT, 1);
    expect(GAME_EVENT_PAUSED, 1);
    pass(29999);
    assert_false(expire());
    expect_silence();
    pass(1);
    expire();
    assert_over(2, MATCH_END_FORFEIT);
}

/* ---- paddles --------------------------------------------------------------------------- */

static void test_a_target_takes_effect_on_an_even_step_and_the_last_wins(void **state)
{
    (void)state;
    start_rally();
    assert_int_equal(game.pong.step % 2, 0);
    game_state_steer(&game, 1, 1000);
    steps(1);
    assert_int_equal(game.pong.step % 2, 1);
    assert_int_equal(game.pong.target_y[0], 15360);
    game_state_steer(&game, 1, 30000);
    game_state_steer(&game, 2, 15000);
    steps(1);
    assert_int_equal(game.pong.target_y[0], 30000);
    assert_int_equal(game.pong.paddle_y[0], 16320);
    assert_int_equal(game.pong.target_y[1], 15000);
    assert_int_equal(game.pong.paddle_y[1], 15000);
    game.pong.target_y[0] = 0; /* applied once, it does not come again */
    steps(2);
    assert_int_equal(game.pong.target_y[0], 0);
}

static void test_a_target_is_cut_to_the_court(void **state)
{
    (void)state;
    static const struct {
        int32_t target, expected;
    } table[] = {{INT32_MIN, 0}, {-1, 0},           {0, 0}, {12345, 12345}, {30720, 30720},
                 {30721, 30720}, {INT32_MAX, 30720}};
    start_rally();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        game_state_steer(&game, 2, table[i].target);
        steps(2);
        assert_int_equal(game.pong.target_y[1], table[i].expected);
    }
}

static void test_stop_is_where_the_paddle_then_is(void **state)
{
    (void)state;
    start_rally();
    game_state_steer(&game, 1, 0);
    steps(2); /* one step of 960 */
    assert_int_equal(game.pong.paddle_y[0], 14400);
    game_state_steer(&game, 1, GAME_TARGET_STOP);
    steps(1);
    assert_int_equal(game.pong.paddle_y[0], 13440);
    steps(1);
    assert_int_equal(game.pong.target_y[0], 13440);
    assert_int_equal(game.pong.paddle_y[0], 13440);
}

static void test_targets_in_a_pause_wait_for_its_end(void **state)
{
    (void)state;
    start_rally();
    ask_pause(1);
    game_state_steer(&game, 1, 0);
    steps(3779);
    assert_int_equal(game.pong.target_y[0], 0);
    assert_int_equal(game.pong.paddle_y[0], 15360);
    steps(2);
    assert_int_equal(game.pong.paddle_y[0], 14400);
}

static void test_paddles_move_whenever_there_is_no_pause(void **state)
{
    (void)state;
    sit("alice", false);
    come(1);
    game_state_steer(&game, 1, 0);
    steps(2);
    assert_int_equal(game.pong.paddle_y[0], 14400);
    sit("bob", false);
    come(2);
    steps(2);
    assert_int_equal(game.pong.paddle_y[0], 12480);
    score(1);
    for (int i = 1; i < 10; i++)
        score(1);
    assert_int_equal(game.pong.phase, PONG_FINISHED);
    game_state_steer(&game, 2, 30720);
    steps(4);
    assert_true(game.pong.paddle_y[1] > 15360);
}

/* ---- what others see ------------------------------------------------------------------- */

static void test_the_view_is_in_hundredths_of_a_px(void **state)
{
    (void)state;
    static const struct {
        int32_t units, hundredths;
    } table[] = {{0, 0},       {1, 2},       {16, 25},      {-16, -25}, {21, 33},
                 {-21, -33},   {24, 38},     {-24, -38},    {64, 100},  {448, 700},
                 {-448, -700}, {2304, 3600}, {25600, 40000}};
    start_rally();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        game.pong.ball_x = game.pong.ball_vy = table[i].units;
        game.pong.ball_vx = table[i].units;
        game.pong.paddle_y[1] = table[i].units;
        assert_int_equal(view().ball_x, table[i].hundredths);
        assert_int_equal(view().ball_speed_x, table[i].hundredths);
        assert_int_equal(view().ball_speed_y, table[i].hundredths);
        assert_int_equal(view().paddle_y[1], table[i].hundredths);
    }
    game.pong.ball_y = 37760;
    game.pong.paddle_y[0] = 30720;
    game.pong.score[0] = 3;
    game.pong.score[1] = 9;
    assert_int_equal(view().ball_y, 59000);
    assert_int_equal(view().paddle_y[0], 48000);
    assert_int_equal(view().score[0], 3);
    assert_int_equal(view().score[1], 9);
    assert_int_equal(view().status, GAME_STATUS_ONGOING);
}

static void test_equal_states_have_equal_views(void **state)
{
    (void)state;
    start_rally();
    struct game_view a, b;
    memset(&a, 0x00, sizeof a);
    memset(&b, 0xff, sizeof b);
    game_state_view(&game, &a);
    game_state_view(&game, &b);
    assert_memory_equal(&a, &b, sizeof a);
}

/* ---- expelled -------------------------------------------------------------------------- */

static void expel(int seat)
{
    struct game_events events = {0};
    game_state_expel(&game, seat, now, &events);
    hear(&events);
}

static bool has_token(int seat)
{
    return memcmp(&game.seats[seat - 1].player.token, &no_digest, sizeof no_digest) != 0;
}

static void test_who_is_expelled_while_waiting_frees_his_seat(void **state)
{
    (void)state;
    sit("alice", false);
    come(1);
    uint16_t token = game.seats[0].token_version;
    expel(1);
    expect(GAME_EVENT_LEFT, 1);
    expect_silence();
    assert_false(game.seats[0].held);
    assert_false(game.seats[0].connected);
    assert_false(has_token(1));
    assert_int_not_equal(game.seats[0].token_version, token);
    assert_int_equal(sit("bob", false), 1);
    expel(1); /* who never came has not left */
    expect_silence();
    assert_false(game.seats[0].held);
}

static void test_who_is_expelled_from_a_match_forfeits_it_at_once(void **state)
{
    (void)state;
    for (int seat = 1; seat <= 2; seat++) {
        open_game(1, 10);
        start_rally();
        score(seat); /* who leads loses all the same */
        ignore_events();
        uint16_t token = game.seats[seat - 1].token_version;
        expel(seat);
        expect(GAME_EVENT_LEFT, seat);
        assert_over(3 - seat, MATCH_END_FORFEIT);
        expect_silence();
        assert_true(game.seats[seat - 1].held); /* his name is on the result */
        assert_false(game.seats[seat - 1].connected);
        assert_false(has_token(seat));
        assert_int_not_equal(game.seats[seat - 1].token_version, token);
        assert_true(has_token(3 - seat));
        struct match_result result;
        game_state_result(&game, &result);
        assert_int_equal(result.winner, 3 - seat);
        assert_int_equal(result.reason, MATCH_END_FORFEIT);
        assert_int_equal(result.score[seat - 1], 1);
        assert_string_equal(result.player_id[seat - 1], seat == 1 ? "alice" : "bob");
    }
}

static void test_who_is_away_can_be_expelled_as_well(void **state)
{
    (void)state;
    start_rally();
    go(1);
    go(2);
    ignore_events();
    expel(2); /* the other is not there either, but he has won */
    assert_over(1, MATCH_END_FORFEIT);
    expect_silence();
    assert_false(game.seats[0].away);
    assert_false(game.seats[1].away);
}

static void test_who_is_expelled_after_the_end_changes_nothing_else(void **state)
{
    (void)state;
    open_game(1, 1);
    start_rally();
    score(1);
    ignore_events();
    ask_rematch(1);
    ignore_events();
    expel(1);
    expect(GAME_EVENT_LEFT, 1);
    expect_silence();
    assert_int_equal(game.winner, 1);
    assert_int_equal(game.end, MATCH_END_SCORE);
    assert_false(has_token(1));
    assert_int_equal(ask_rematch(2), GAME_OK);
    assert_false(game_state_rematch_agreed(&game)); /* his wish has gone with him */
}

/* ---- a storm of random calls ----------------------------------------------------------- */

/* What the storm knows of a game beside the game itself. */
static struct {
    uint64_t random;
    int64_t away_since[2]; /* valid while away[] */
    bool away[2];
    int64_t under_way_since;
    bool was_under_way;
    int come_odds; /* one in so many tries to come back succeeds */
    int turn_ms;   /* at most, between two calls of expire */
} storm;

/* Of all games together, so that the storm is known to reach them. */
static int storm_ends[3]; /* by enum match_end */
static int storm_rematches;

/* splitmix64; the seeds are fixed, so that a failure comes again. */
static int draw(int bound)
{
    uint64_t z = storm.random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (int)(z % (uint64_t)bound);
}

static void check_seats(void)
{
    bool someone_away = false;
    for (int i = 0; i < 2; i++) {
        const struct game_seat *seat = &game.seats[i];
        assert_in_range(seat->pauses_left, 0, 3);
        assert_true(seat->held || !seat->connected);
        assert_in_range(game.pong.paddle_y[i], 0, 30720);
        assert_in_range(game.pong.target_y[i], 0, 30720);
        if (!game_state_is_under_way(&game))
            continue;
        assert_true(seat->held);
        assert_int_equal(seat->away, !seat->connected);
        assert_true(game.pong.score[i] < game.pong.winning_score);
        someone_away |= seat->away;
    }
    if (game_state_is_under_way(&game))
        assert_int_equal(someone_away,
                         game.pong.phase == PONG_PAUSED && game.pong.steps_left == PONG_STEPS_OPEN);
    else
        assert_int_equal(game.pong.steps_left, PONG_STEPS_OPEN);
}

static void check_phase(void)
{
    switch (game.pong.phase) {
    case PONG_WAITING:
        assert_false(game.seats[0].connected && game.seats[1].connected);
        assert_int_equal(game.pong.ball_vx, 0);
        break;
    case PONG_SERVING:
        assert_in_range(game.pong.steps_left, 1, 180);
        assert_true(game.pong.steps_left >= 30 || pong_ball_moves(&game.pong));
        break;
    case PONG_RALLY:
        assert_true(pong_ball_moves(&game.pong));
        assert_int_equal(game.pong.steps_left, PONG_STEPS_OPEN);
        break;
    case PONG_PAUSED:
        if (game.pong.steps_left != PONG_STEPS_OPEN)
            assert_in_range(game.pong.steps_left, 1, 3780);
        break;
    default:
        assert_int_equal(game.pong.phase, PONG_FINISHED);
        break;
    }
    if (game.pong.phase == PONG_PAUSED)
        assert_in_range(game.pause, GAME_PAUSE_PLAYER, GAME_PAUSE_ABSENCE);
    else
        assert_int_equal(game.pause, GAME_PAUSE_NONE);
}

/* How a match may end, and that nothing lasts longer than it may. */
static void check_limits(void)
{
    bool is_under_way = game_state_is_under_way(&game);
    if (is_under_way && !storm.was_under_way)
        storm.under_way_since = now.mono_ms;
    if (is_under_way)
        assert_in_range(now.mono_ms - storm.under_way_since, 0,
                        production.match_ms + storm.turn_ms);
    if (storm.was_under_way && !is_under_way) {
        const uint8_t *scores = game.pong.score;
        int leader = scores[0] > scores[1] ? 1 : scores[1] > scores[0] ? 2 : 0;
        storm_ends[game.end]++;
        if (game.end == MATCH_END_SCORE)
            assert_int_equal(scores[game.winner - 1], game.pong.winning_score);
        else if (game.end == MATCH_END_FORFEIT)
            assert_true(!game.seats[2 - game.winner].connected &&
                        game.seats[game.winner - 1].connected);
        else
            assert_int_equal(game.winner, leader);
    }
    storm.was_under_way = is_under_way;
    for (int i = 0; i < 2; i++) {
        bool away = is_under_way && !game.seats[i].connected;
        if (away && !storm.away[i])
            storm.away_since[i] = now.mono_ms;
        if (away)
            assert_in_range(now.mono_ms - storm.away_since[i], 0,
                            production.absence_ms + storm.turn_ms);
        storm.away[i] = away;
    }
}

/* What was heard in one call or one turn: in an order that makes sense, and one end a match. */
static void check_heard(bool was_under_way)
{
    int ends = 0;
    for (; heard_next < heard_count; heard_next++) {
        const struct game_event *event = &heard[heard_next];
        assert_in_range(event->player, 0, 2);
        assert_int_equal(ends, 0); /* nothing comes after the end */
        switch (event->type) {
        case GAME_EVENT_OVER:
            assert_true(was_under_way);
            assert_int_equal(game.pong.phase, PONG_FINISHED);
            assert_int_equal(event->player, game.winner);
            assert_memory_equal(event->score, game.pong.score, 2);
            ends++;
            break;
        case GAME_EVENT_PAUSED:
            assert_in_range(event->pause, GAME_PAUSE_PLAYER, GAME_PAUSE_ABSENCE);
            assert_in_range(event->player, 1, 2);
            if (event->pause == GAME_PAUSE_ABSENCE) {
                assert_true(heard_next > 0);
                assert_int_equal(heard[heard_next - 1].type, GAME_EVENT_LEFT);
            }
            break;
        case GAME_EVENT_RESUMED:
            assert_int_not_equal(event->vx, 0);
            break;
        case GAME_EVENT_GOAL:
        case GAME_EVENT_LEFT:
        case GAME_EVENT_REMATCH_OFFERED:
            assert_in_range(event->player, 1, 2);
            break;
        default:
            assert_int_equal(event->type, GAME_EVENT_NEW_MATCH);
            break;
        }
    }
    if (was_under_way && game.pong.phase == PONG_FINISHED)
        assert_int_equal(ends, 1);
    heard_count = heard_next = 0;
}

/* As the manager does at its slowest: six steps and an expiry into one list of events. */
static bool turn(int ms)
{
    struct game_events events = {0};
    uint32_t step = game.pong.step;
    pass(ms);
    for (int i = 0; i < 6; i++) {
        game_state_prepare(&game);
        game_state_step(&game, now, &events);
    }
    assert_int_equal(game.pong.step, step + 6);
    bool is_over = game_state_expire(&game, now, &events);
    hear(&events);
    return is_over;
}

static void call_as_player(int seat)
{
    bool is_here = game.seats[seat - 1].connected && !game.seats[seat - 1].player.is_bot;
    int outcome = GAME_OK;
    switch (draw(8)) {
    case 0:
        if (game.seats[seat - 1].held && !game.seats[seat - 1].connected &&
            draw(storm.come_odds) == 0)
            come(seat);
        break;
    case 1:
        if (is_here && draw(2) == 0)
            go(seat);
        break;
    case 2:
        if (is_here)
            outcome = ask_pause(seat);
        break;
    case 3:
        outcome = game_state_resume(&game, seat);
        break;
    case 4:
        game_state_steer(&game, seat, draw(3) == 0 ? GAME_TARGET_STOP : draw(40000) - 4000);
        break;
    case 5:
        if (game.seats[seat - 1].held)
            game_state_rename(&game, seat, draw(2) ? "Ada" : "Grace");
        break;
    case 6:
        if (is_here)
            outcome = ask_rematch(seat);
        break;
    default:
        if (game.seats[seat - 1].held)
            game_state_poll(&game, seat, now);
        break;
    }
    assert_in_range(-outcome, 0, -GAME_NOT_A_PLAYER);
}

/* Returns whether the room is to be closed. */
static bool call_anything(void)
{
    int what = draw(20);
    if (what < 8)
        return turn(draw(storm.turn_ms));
    if (what < 10 && game.pong.phase == PONG_RALLY) {
        aim_point(1 + draw(2));
        steps(1);
    } else if (what == 10) {
        bool has_bot = game.seats[0].player.is_bot || game.seats[1].player.is_bot;
        sit("carol", !has_bot && draw(6) == 0); /* two bots alone would never stop */
    } else if (what == 11) {
        game_state_visited(&game, now);
    } else if (what == 12) {
        steps(draw(1000));
    } else if (game_state_rematch_agreed(&game)) {
        begin_rematch((uint64_t)draw(1000));
        storm_rematches++;
    } else {
        call_as_player(1 + draw(2));
    }
    return false;
}

static void storm_a_game(uint64_t seed)
{
    memset(&storm, 0, sizeof storm);
    storm.random = seed;
    storm.turn_ms = draw(2) == 0 ? 20000 : 1 + draw(500);
    storm.come_odds = draw(2) == 0 ? 1 : 20;
    open_game(seed, (uint8_t)(1 + draw(4)));
    if (draw(8) != 0) /* most get their match at once */
        start();
    bool is_closed = false;
    for (int i = 0; i < STORM_CALLS && !is_closed; i++) {
        bool was_under_way = game_state_is_under_way(&game);
        is_closed = call_anything();
        check_seats();
        check_phase();
        check_limits();
        check_heard(was_under_way);
        if (game.pong.phase == PONG_FINISHED && draw(50) == 0) {
            struct match_result result;
            game_state_result(&game, &result);
            assert_true(result.duration_s >= 0);
        }
    }
    /* Left alone, each room comes to its end: at most a match, a rematch's window, loneliness. */
    for (int seat = 1; seat <= 2; seat++)
        if (game.seats[seat - 1].connected && !game.seats[seat - 1].player.is_bot)
            go(seat);
    ignore_events();
    for (int s = 0; s < 30 + 60 + 120 && !is_closed; s++) {
        is_closed = turn(1000);
        assert_true(s < 30 || !game_state_is_under_way(&game));
    }
    assert_true(is_closed);
}

static void test_a_storm_of_calls_breaks_no_rule(void **state)
{
    (void)state;
    memset(storm_ends, 0, sizeof storm_ends);
    storm_rematches = 0;
    for (uint64_t seed = 1; seed <= STORM_GAMES; seed++)
        storm_a_game(seed);
    for (int i = 0; i < 3; i++) /* the storm has been everywhere */
        assert_true(storm_ends[i] >= STORM_GAMES / 20);
    assert_true(storm_rematches > STORM_GAMES / 10);
}

/* ---- across a restart ------------------------------------------------------------------ */

static struct room_checkpoint kept;

/* The process ends and, a minute later, on a machine whose clock begins anew, there is another. */
static void restart(void)
{
    game_state_save(&game, now, &kept);
    memset(&game, 0xa5, sizeof game);
    now = (struct now){.mono_ns = 777000000, .mono_ms = 777, .unix_ms = now.unix_ms + 60000};
    game_state_load(&game, &production, &kept, now);
}

/* What was kept is what would be kept now, but for the pause and offers of those who are away. */
static void assert_all_is_kept(void)
{
    struct room_checkpoint again;
    game_state_save(&game, now, &again);
    if (game_state_is_under_way(&game)) {
        assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
        assert_int_equal(game.pause, GAME_PAUSE_RESTART);
        again.pong.phase = kept.pong.phase;
        again.pong.steps_left = kept.pong.steps_left;
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(again.seats[i].wants_rematch,
                         kept.seats[i].wants_rematch && kept.seats[i].is_bot);
        again.seats[i].wants_rematch = kept.seats[i].wants_rematch;
    }
    assert_memory_equal(&again, &kept, sizeof kept);
}

static void test_a_waiting_room_is_kept(void **state)
{
    (void)state;
    sit("alice", false);
    come(1);
    steps(101);
    pass(20000);
    restart();
    assert_all_is_kept();
    assert_phase(PONG_WAITING, PONG_STEPS_OPEN);
    assert_string_equal(game.room_code, "7ABCDE");
    assert_string_equal(game.match_id, MATCH_1);
    assert_int_equal(game.created_unix_ms, unix_start_ms);
    assert_true(game.is_public);
    assert_int_equal(game.pong.step, 101);
    assert_string_equal(game.seats[0].player.username, "alice");
    assert_false(game.seats[0].connected);
    assert_false(game.seats[1].held);
    pass(29999); /* she has the whole time to come back */
    assert_false(expire());
    assert_true(game.seats[0].held);
    come(1);
    assert_int_equal(sit("bob", false), 2);
    come(2);
    assert_phase(PONG_SERVING, 180);
    assert_int_equal(game.seats[0].pauses_left, 3);
    assert_int_equal(game.seats[1].pauses_left, 3); /* though nobody sat there when it was kept */

    open_game(1, 10);
    sit("alice", false);
    restart();
    pass(30000);
    assert_false(expire());
    assert_false(game.seats[0].held);
    pass(90000);
    assert_true(expire());
}

static void test_a_match_under_way_is_kept_and_goes_on(void **state)
{
    (void)state;
    start_rally();
    struct game_view before;
    score(2);
    ignore_events();
    game_state_rename(&game, 1, "ignored");
    assert_int_equal(ask_pause(2), GAME_OK);
    assert_int_equal(game_state_resume(&game, 2), GAME_OK);
    steps(180); /* a pause of a coming serve ends in a serve */
    steps(180);
    ignore_events();
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    game_state_steer(&game, 1, 3000);
    steps(11);
    before = view();
    uint64_t random_state = game.random_state;
    pass(100000);
    restart();
    assert_all_is_kept();
    assert_int_equal(game.random_state, random_state);
    assert_int_equal(game.pong.score[1], 1);
    assert_int_equal(game.last_loser, 1);
    assert_int_equal(game.seats[0].pauses_left, 3);
    assert_int_equal(game.seats[1].pauses_left, 2);
    assert_int_equal(view().ball_x, before.ball_x);
    assert_int_equal(view().ball_speed_y, before.ball_speed_y);
    assert_int_equal(view().paddle_y[0], before.paddle_y[0]);
    assert_true(view().is_paused);

    struct game_event event;
    assert_true(game_state_standing(&game, &event));
    assert_int_equal(event.type, GAME_EVENT_PAUSED);
    assert_int_equal(event.pause, GAME_PAUSE_RESTART);
    assert_int_equal(event.player, 0);
    steps(1000);
    come(2);
    steps(1000);
    assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
    assert_int_equal(game_state_resume(&game, 2), GAME_NOT_YOUR_PAUSE);
    assert_int_equal(ask_pause(2), GAME_NOT_RUNNING);
    come(1);
    assert_phase(PONG_PAUSED, 180);
    expect_silence();
    steps(180);
    expect(GAME_EVENT_RESUMED, 0);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    assert_int_equal(view().ball_x, before.ball_x);
    assert_false(game_state_standing(&game, &event));
}

static void test_serving_and_pauses_are_kept(void **state)
{
    (void)state;
    start();
    steps(50);
    restart();
    assert_all_is_kept();
    come(1);
    come(2);
    steps(180);
    assert_phase(PONG_SERVING, 180); /* before its launch a serve begins anew */

    open_game(1, 10);
    start();
    steps(155); /* launched */
    restart();
    assert_all_is_kept();
    come(1);
    come(2);
    steps(180);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);

    open_game(1, 10);
    start_rally();
    assert_int_equal(ask_pause(1), GAME_OK);
    steps(7);
    restart();
    assert_all_is_kept();
    assert_int_equal(game.seats[0].pauses_left, 2);
    assert_int_equal(game_state_resume(&game, 1), GAME_NOT_YOUR_PAUSE); /* it is nobody's now */
}

static void test_a_bot_is_there_after_a_restart(void **state)
{
    (void)state;
    sit("alice", false);
    sit("bot-easy", true);
    come(1);
    steps(180);
    ignore_events();
    restart();
    assert_all_is_kept();
    assert_true(game.seats[1].connected);
    come(1);
    assert_phase(PONG_PAUSED, 180);
    steps(180);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
}

static void test_absences_are_kept_and_that_of_a_restart_uses_nothing_up(void **state)
{
    (void)state;
    start_rally();
    go(1);
    pass(20000);
    come(1);
    go(1);
    pass(5000); /* still away: 25 s of 60 */
    restart();
    assert_all_is_kept();
    assert_int_equal(game.seats[0].away_used_ms, 25000);
    assert_int_equal(game.seats[1].away_used_ms, 0);
    ignore_events();
    pass(29999);
    assert_false(expire());
    assert_true(game_state_is_under_way(&game));
    come(1);
    come(2);
    assert_int_equal(game_state_away_ms(&game.seats[0], now), 25000);
    assert_int_equal(game_state_away_ms(&game.seats[1], now), 0);
    restart(); /* and again, however often */
    assert_int_equal(game.seats[0].away_used_ms, 25000);
    pass(29000);
    restart();
    assert_all_is_kept();
    pass(29000);
    come(1);
    come(2);
    steps(180);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    ignore_events();
    go(1); /* this one is his own again */
    pass(10000);
    assert_int_equal(game_state_away_ms(&game.seats[0], now), 35000);
    come(1);
    go(1);
    pass(24999);
    expire();
    assert_true(game_state_is_under_way(&game));
    ignore_events();
    pass(1);
    expire();
    assert_over(2, MATCH_END_FORFEIT);
}

static void test_who_does_not_come_back_after_a_restart_forfeits(void **state)
{
    (void)state;
    start_rally();
    restart();
    come(2);
    pass(29999);
    assert_false(expire());
    expect_silence();
    pass(1);
    assert_false(expire());
    assert_over(2, MATCH_END_FORFEIT);

    open_game(1, 10);
    start_rally();
    score(1);
    restart();
    ignore_events();
    pass(30000);
    assert_false(expire());
    assert_over(1, MATCH_END_ABANDONED); /* nobody came */

    open_game(1, 10);
    start_rally();
    restart();
    come(1);
    go(1); /* back, and away by himself: an absence like any other */
    expect(GAME_EVENT_LEFT, 1);
    assert_int_equal(expect(GAME_EVENT_PAUSED, 1)->pause, GAME_PAUSE_ABSENCE);
    come(2);
    pass(10000);
    assert_int_equal(game_state_away_ms(&game.seats[0], now), 10000);
}

static void test_the_match_s_time_does_not_run_while_there_is_no_process(void **state)
{
    (void)state;
    start();
    pass(10 * 60000);
    restart();
    come(1);
    come(2);
    pass(20 * 60000 - 1);
    assert_false(expire());
    assert_true(game_state_is_under_way(&game));
    pass(1);
    assert_false(expire());
    assert_over(0, MATCH_END_ABANDONED);
    struct match_result result;
    game_state_result(&game, &result);
    assert_true(result.duration_s > 1799.999 && result.duration_s < 1800.001);
}

static void test_a_finished_match_is_kept(void **state)
{
    (void)state;
    open_game(1, 1);
    start_rally();
    pass(5000);
    score(2);
    ignore_events();
    struct match_result before, after;
    game_state_result(&game, &before);
    pass(20000);
    ask_rematch(1);
    ignore_events();
    restart();
    assert_all_is_kept();
    assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);
    game_state_result(&game, &after);
    assert_string_equal(after.match_id, before.match_id);
    assert_int_equal(after.winner, 2);
    assert_int_equal(after.reason, MATCH_END_SCORE);
    assert_int_equal(after.score[1], 1);
    assert_true(after.duration_s == before.duration_s);
    assert_true(after.finished_at_unix == before.finished_at_unix);

    struct game_event event;
    assert_true(game_state_standing(&game, &event));
    assert_int_equal(event.type, GAME_EVENT_OVER);
    assert_int_equal(event.player, 2);
    assert_int_equal(event.score[0], 0);
    assert_int_equal(event.score[1], 1);
    assert_int_equal(event.end, MATCH_END_SCORE);

    pass(39999); /* 20 s of the rematch's 60 had passed */
    assert_false(expire());
    come(1);
    come(2);
    assert_int_equal(ask_rematch(2), GAME_OK);
    assert_false(game_state_rematch_agreed(&game)); /* who went has taken his offer with him */
    assert_int_equal(ask_rematch(1), GAME_OK);
    assert_true(game_state_rematch_agreed(&game));
    begin_rematch(3);
    assert_phase(PONG_SERVING, 180);

    open_game(1, 1);
    start_rally();
    score(1);
    pass(20000);
    restart();
    pass(40000);
    assert_true(expire());
}

static void test_a_committed_result_beats_an_older_checkpoint(void **state)
{
    (void)state;
    start_rally();
    score(1);
    steps(180);
    ignore_events();
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    const struct match_result result = {.score = {4, 2},
                                        .winner = 2,
                                        .reason = MATCH_END_FORFEIT,
                                        .finished_at_unix = 1700000123.25};
    restart();
    game_state_settle(&game, &result, now);
    assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);
    assert_int_equal(game.winner, 2);
    assert_int_equal(game.end, MATCH_END_FORFEIT);
    assert_int_equal(game.ended_unix_ms, 1700000123250);
    assert_int_equal(game.pong.score[0], 4);
    assert_int_equal(game.pong.score[1], 2);
    assert_int_equal(view().ball_speed_x, 0);
    come(1);
    come(2);
    steps(1000);
    pass(59999); /* a rematch's whole time: nobody could use any of it */
    assert_false(expire());
    expect_silence();
    assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);
    assert_int_equal(ask_rematch(1), GAME_OK);
    assert_int_equal(ask_rematch(2), GAME_OK);
    assert_true(game_state_rematch_agreed(&game));
    pass(1);
    assert_true(expire());

    /* a checkpoint that knew: the time for a rematch goes on */
    open_game(1, 1);
    start_rally();
    score(1);
    pass(50000);
    restart();
    game_state_settle(&game, &(struct match_result){.score = {1, 0}, .winner = 1}, now);
    assert_int_equal(game.winner, 1);
    pass(9999);
    assert_false(expire());
    pass(1);
    assert_true(expire());
}

/* ---- across a freeze ------------------------------------------------------------------- */

/* Nothing of the game is computed for so long, then it goes on. */
static void freeze(int64_t ms)
{
    const int64_t since_ms = now.mono_ms;
    struct game_events events = {0};
    pass(ms);
    game_state_thaw(&game, since_ms, now, &events);
    hear(&events);
}

static void expect_restart(void)
{
    assert_int_equal(expect(GAME_EVENT_PAUSED, 0)->pause, GAME_PAUSE_RESTART);
    assert_int_equal(game.pause, GAME_PAUSE_RESTART);
    assert_phase(PONG_PAUSED, 180);
    expect_silence();
}

static void test_a_rally_goes_on_after_a_freeze_and_a_countdown(void **state)
{
    (void)state;
    start_rally();
    steps(20);
    const struct pong before = game.pong;
    freeze(5000);
    expect_restart();
    assert_int_equal(ask_pause(1), GAME_NOT_RUNNING);
    assert_int_equal(game_state_resume(&game, 1), GAME_NOT_YOUR_PAUSE);
    steps(179);
    expect_silence();
    assert_int_equal(game.pong.ball_x, before.ball_x);
    steps(1);
    assert_int_equal(expect(GAME_EVENT_RESUMED, 0)->vx, before.ball_vx);
    assert_phase(PONG_RALLY, PONG_STEPS_OPEN);
    assert_int_equal(game.pause, GAME_PAUSE_NONE);
    assert_int_equal(game.pong.ball_vy, before.ball_vy);
    assert_int_equal(game.seats[0].pauses_left, 3);
}

static void test_a_serve_is_counted_down_anew_after_a_freeze(void **state)
{
    (void)state;
    start();
    steps(100);
    freeze(2000);
    expect_restart();
    steps(180);
    assert_phase(PONG_SERVING, 180);
    steps(180);
    expect(GAME_EVENT_RESUMED, 0);
}

static void test_a_freeze_leaves_other_phases_as_they_are(void **state)
{
    (void)state;
    sit("alice", false);
    come(1);
    freeze(5000);
    assert_phase(PONG_WAITING, PONG_STEPS_OPEN);

    open_game(1, 10);
    start_rally();
    assert_int_equal(ask_pause(1), GAME_OK);
    ignore_events();
    steps(500);
    freeze(5000);
    assert_phase(PONG_PAUSED, 3600 + 180 - 500);
    assert_int_equal(game.pause, GAME_PAUSE_PLAYER);

    open_game(1, 10);
    start_rally();
    go(2);
    ignore_events();
    freeze(5000);
    assert_phase(PONG_PAUSED, PONG_STEPS_OPEN);
    assert_int_equal(game.pause, GAME_PAUSE_ABSENCE);

    open_game(1, 1);
    start_rally();
    score(1);
    ignore_events();
    struct match_result before, after;
    game_state_result(&game, &before);
    freeze(5000);
    assert_phase(PONG_FINISHED, PONG_STEPS_OPEN);
    game_state_result(&game, &after);
    assert_memory_equal(&before, &after, sizeof before);
    expect_silence();
}

static void test_no_time_runs_in_a_freeze(void **state)
{
    (void)state;
    start_rally();
    pass(1000);
    go(2);
    pass(10000);
    freeze(100000);
    ignore_events();
    assert_int_equal(game_state_away_ms(&game.seats[1], now), 10000);
    pass(19999);
    assert_false(expire());
    expect_silence();
    pass(1);
    assert_false(expire());
    assert_over(1, MATCH_END_FORFEIT);
    struct match_result result;
    game_state_result(&game, &result);
    assert_true(result.duration_s > 30.9 && result.duration_s < 31.1);

    open_game(1, 10); /* the match */
    start_rally();
    pass(production.match_ms - 10);
    freeze(60000);
    ignore_events();
    pass(9);
    assert_false(expire());
    assert_true(game_state_is_under_way(&game));
    pass(1);
    expire();
    assert_over(0, MATCH_END_ABANDONED);

    pass(59000); /* the time for a rematch */
    freeze(60000);
    pass(999);
    assert_false(expire());
    pass(1);
    assert_true(expire());

    open_game(1, 10); /* an unclaimed seat, and an empty room */
    sit("alice", false);
    pass(29000);
    freeze(60000);
    pass(999);
    assert_false(expire());
    assert_true(game.seats[0].held);
    pass(1);
    assert_false(expire());
    assert_false(game.seats[0].held);
    pass(90000 - 1);
    assert_false(expire());
    pass(1);
    assert_true(expire());

    open_game(1, 10); /* who asks */
    sit("alice", false);
    pass(20000);
    game_state_poll(&game, 1, now);
    pass(4000);
    freeze(60000);
    pass(999);
    assert_true(game_state_is_here(&game, 1, now));
    pass(1);
    assert_false(game_state_is_here(&game, 1, now));
}

static void test_what_began_in_a_freeze_begins_with_its_end(void **state)
{
    (void)state;
    start_rally();
    struct game_events events = {0};
    const int64_t since_ms = now.mono_ms;
    pass(4000);
    go(1);
    pass(6000);
    game_state_thaw(&game, since_ms, now, &events);
    assert_int_equal(events.count, 0);
    assert_int_equal(game_state_away_ms(&game.seats[0], now), 0);
    pass(29999);
    ignore_events();
    assert_false(expire());
    expect_silence();
    pass(1);
    assert_false(expire());
    assert_over(2, MATCH_END_FORFEIT);
}

/* A waiting input keeps the low bits of its step alone. */
static void test_inputs_wait_for_their_step_wherever_it_is(void **state)
{
    static const uint32_t begins[] = {0, 60000, 65500, 65535, 65536, 0xfffffff0u, 0xffffffffu};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        setup(state);
        start_rally();
        game.pong.step = begins[i];
        const uint32_t first = begins[i] + 7, last = begins[i] + GAME_INPUT_AHEAD_MAX;
        assert_int_equal(game_state_input(&game, 1, first, 100), GAME_STEER_TAKEN);
        assert_int_equal(game_state_input(&game, 1, first, 200), GAME_STEER_REFUSED);
        assert_int_equal(game_state_input(&game, 1, last, 100), GAME_STEER_NO_CHANGE);
        assert_int_equal(game_state_input(&game, 1, last - 1, 100), GAME_STEER_REFUSED);
        assert_int_equal(game_state_input_step(&game, 1, 0), first);
        assert_int_equal(game_state_input_step(&game, 1, 1), last);
        assert_true(game_state_input_is_told(&game, 1, 0));
        assert_false(game_state_input_is_told(&game, 1, 1));
        const int32_t before = game.pong.target_y[0];
        for (; game.pong.step + 1 != first; game.pong.step++) {
            game_state_apply_inputs(&game);
            assert_int_equal(game.pong.target_y[0], before);
        }
        game_state_apply_inputs(&game);
        assert_int_equal(game.pong.target_y[0], 100);
        assert_int_equal(game.seats[0].inputs.count, 1);
        assert_int_equal(game_state_input_step(&game, 1, 0), last);
        assert_false(game_state_input_is_told(&game, 1, 0));
        /* steps that were skipped: it is due at once, however many they were */
        game.pong.step += i % 2 ? 100 : 60000;
        game_state_apply_inputs(&game);
        assert_int_equal(game.seats[0].inputs.count, 0);
        assert_int_equal(game.seats[0].inputs.applied_step, game.pong.step + 1);
    }
}

static void test_inputs_do_not_outlive_a_freeze(void **state)
{
    (void)state;
    start_rally();
    const int32_t target = game.pong.target_y[0];
    assert_int_equal(game_state_input(&game, 1, game.pong.step + 20, target + 640),
                     GAME_STEER_TAKEN);
    game_state_steer(&game, 2, 0);
    freeze(1000);
    steps(180);
    assert_int_equal(game.pong.target_y[0], target);
    assert_int_not_equal(game.pong.target_y[1], 0);
    go(2);
    freeze(1000);
    steps(2);
    assert_int_equal(game.pong.target_y[1], game.pong.paddle_y[1]); /* nobody holds its key */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_fresh_room_waits, setup),
        cmocka_unit_test_setup(test_the_next_to_come_takes_the_lowest_free_seat, setup),
        cmocka_unit_test_setup(test_a_match_starts_when_both_are_connected, setup),
        cmocka_unit_test_setup(test_a_bot_is_always_there, setup),
        cmocka_unit_test_setup(test_an_unclaimed_seat_is_freed_after_30_s, setup),
        cmocka_unit_test_setup(test_a_seat_is_kept_by_a_connection_or_by_asking, setup),
        cmocka_unit_test_setup(test_a_bot_s_seat_is_not_freed, setup),
        cmocka_unit_test_setup(test_a_lonely_waiting_room_is_closed_after_120_s, setup),
        cmocka_unit_test_setup(test_who_is_there_keeps_a_waiting_room, setup),
        cmocka_unit_test_setup(test_a_bot_alone_does_not_keep_a_waiting_room, setup),
        cmocka_unit_test_setup(test_who_is_here, setup),
        cmocka_unit_test_setup(test_a_seat_is_renamed_until_the_first_serve, setup),
        cmocka_unit_test_setup(test_a_new_token_voids_the_old_one, setup),
        cmocka_unit_test_setup(test_the_first_serve_goes_right_with_30_steps_left, setup),
        cmocka_unit_test_setup(test_later_serves_go_towards_who_lost_the_point, setup),
        cmocka_unit_test_setup(test_up_or_down_is_the_match_s_own_secret, setup),
        cmocka_unit_test_setup(test_resume_game_cuts_the_countdown_from_its_60th_step_on, setup),
        cmocka_unit_test_setup(test_only_who_lost_the_point_serves, setup),
        cmocka_unit_test_setup(test_resume_game_means_nothing_before_and_after_a_match, setup),
        cmocka_unit_test_setup(test_a_pause_in_a_rally_ends_by_itself_in_a_rally, setup),
        cmocka_unit_test_setup(test_a_pause_of_a_coming_serve_ends_in_a_serve, setup),
        cmocka_unit_test_setup(test_a_pause_of_a_launched_serve_ends_in_a_rally, setup),
        cmocka_unit_test_setup(test_three_pauses_a_player, setup),
        cmocka_unit_test_setup(test_pause_game_means_nothing_before_and_after_a_match, setup),
        cmocka_unit_test_setup(test_its_owner_cuts_a_pause_to_180, setup),
        cmocka_unit_test_setup(test_an_absence_is_an_open_pause_until_both_are_back, setup),
        cmocka_unit_test_setup(test_an_absence_before_the_serve_ends_in_a_serve, setup),
        cmocka_unit_test_setup(test_both_away_wait_for_both, setup),
        cmocka_unit_test_setup(test_an_absence_supersedes_a_player_s_pause, setup),
        cmocka_unit_test_setup(test_an_absence_of_30_s_forfeits_the_match, setup),
        cmocka_unit_test_setup(test_absences_of_60_s_in_all_forfeit_the_match, setup),
        cmocka_unit_test_setup(test_both_away_too_long_abandon_the_match, setup),
        cmocka_unit_test_setup(test_who_came_back_in_time_wins_against_who_did_not, setup),
        cmocka_unit_test_setup(test_a_return_after_the_end_changes_nothing, setup),
        cmocka_unit_test_setup(test_a_match_is_abandoned_after_30_minutes, setup),
        cmocka_unit_test_setup(test_the_first_to_the_winning_score_wins, setup),
        cmocka_unit_test_setup(test_the_result_tells_the_whole_match, setup),
        cmocka_unit_test_setup(test_the_result_names_bots_and_guests, setup),
        cmocka_unit_test_setup(test_a_room_is_closed_60_s_after_its_end, setup),
        cmocka_unit_test_setup(test_a_rematch_needs_both, setup),
        cmocka_unit_test_setup(test_a_rematch_is_for_60_s, setup),
        cmocka_unit_test_setup(test_a_bot_agrees_to_a_rematch_at_once, setup),
        cmocka_unit_test_setup(test_an_offer_ends_with_the_connection, setup),
        cmocka_unit_test_setup(test_a_rematch_starts_everything_anew_but_the_step, setup),
        cmocka_unit_test_setup(test_a_rematch_has_its_own_times, setup),
        cmocka_unit_test_setup(test_an_absence_of_the_last_match_is_not_carried_over, setup),
        cmocka_unit_test_setup(test_a_target_takes_effect_on_an_even_step_and_the_last_wins, setup),
        cmocka_unit_test_setup(test_a_target_is_cut_to_the_court, setup),
        cmocka_unit_test_setup(test_stop_is_where_the_paddle_then_is, setup),
        cmocka_unit_test_setup(test_targets_in_a_pause_wait_for_its_end, setup),
        cmocka_unit_test_setup(test_paddles_move_whenever_there_is_no_pause, setup),
        cmocka_unit_test_setup(test_the_view_is_in_hundredths_of_a_px, setup),
        cmocka_unit_test_setup(test_equal_states_have_equal_views, setup),
        cmocka_unit_test_setup(test_a_waiting_room_is_kept, setup),
        cmocka_unit_test_setup(test_a_match_under_way_is_kept_and_goes_on, setup),
        cmocka_unit_test_setup(test_serving_and_pauses_are_kept, setup),
        cmocka_unit_test_setup(test_a_bot_is_there_after_a_restart, setup),
        cmocka_unit_test_setup(test_absences_are_kept_and_that_of_a_restart_uses_nothing_up, setup),
        cmocka_unit_test_setup(test_who_does_not_come_back_after_a_restart_forfeits, setup),
        cmocka_unit_test_setup(test_the_match_s_time_does_not_run_while_there_is_no_process, setup),
        cmocka_unit_test_setup(test_a_finished_match_is_kept, setup),
        cmocka_unit_test_setup(test_a_committed_result_beats_an_older_checkpoint, setup),
        cmocka_unit_test_setup(test_who_is_expelled_while_waiting_frees_his_seat, setup),
        cmocka_unit_test_setup(test_who_is_expelled_from_a_match_forfeits_it_at_once, setup),
        cmocka_unit_test_setup(test_who_is_away_can_be_expelled_as_well, setup),
        cmocka_unit_test_setup(test_who_is_expelled_after_the_end_changes_nothing_else, setup),
        cmocka_unit_test_setup(test_a_storm_of_calls_breaks_no_rule, setup),
        cmocka_unit_test_setup(test_a_rally_goes_on_after_a_freeze_and_a_countdown, setup),
        cmocka_unit_test_setup(test_a_serve_is_counted_down_anew_after_a_freeze, setup),
        cmocka_unit_test_setup(test_a_freeze_leaves_other_phases_as_they_are, setup),
        cmocka_unit_test_setup(test_no_time_runs_in_a_freeze, setup),
        cmocka_unit_test_setup(test_what_began_in_a_freeze_begins_with_its_end, setup),
        cmocka_unit_test_setup(test_inputs_wait_for_their_step_wherever_it_is, setup),
        cmocka_unit_test_setup(test_inputs_do_not_outlive_a_freeze, setup),
    };
    return cmocka_run_group_tests_name("game_state", tests, NULL, NULL);
}
