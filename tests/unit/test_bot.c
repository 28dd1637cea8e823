/*
 * Unit tests of gamed/bot: a bot does only what a player may, as often as its level lets it, and a
 * harder level misses less. The matches here are played by the bot against an opponent who never
 * misses; their seeds are fixed.
 */
#include "gamed/bot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    BALLS = 1500,              /* that come to the bot, per level and seat */
    STEPS_MAX = 4 * 3600 * 60, /* more than they take */
    HISTORY_MAX = 4096
};

static const struct {
    enum bot_level level;
    const char *word;
    uint32_t look_steps; /* at least between two targets */
} levels[] = {{BOT_EASY, "easy", 20}, {BOT_NORMAL, "normal", 12}, {BOT_HARD, "hard", 6}};

/* A rally with the ball on its way from the middle to `seat`. */
static struct pong rally_towards(int seat, int32_t speed)
{
    struct pong pong;
    pong_init(&pong, 1000, 21, PONG_SERVE_STEPS);
    pong_set_phase(&pong, PONG_RALLY, PONG_STEPS_OPEN);
    pong.ball_vx = seat == 1 ? -speed : speed;
    pong.ball_vy = 300;
    return pong;
}

static void test_levels_have_words(void **state)
{
    (void)state;
    assert_int_equal(BOT_LEVEL_COUNT, sizeof levels / sizeof levels[0]);
    for (size_t i = 0; i < BOT_LEVEL_COUNT; i++) {
        enum bot_level level = BOT_LEVEL_COUNT;
        assert_string_equal(bot_level_name(levels[i].level), levels[i].word);
        assert_true(bot_level_parse(levels[i].word, &level));
        assert_int_equal(level, levels[i].level);
    }
    static const char *const others[] = {"", "Easy", "hard ", "har", "impossible"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        enum bot_level level = BOT_NORMAL;
        assert_false(bot_level_parse(others[i], &level));
        assert_int_equal(level, BOT_NORMAL);
    }
}

static void test_a_bot_steers_in_rallies_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < BOT_LEVEL_COUNT; i++) {
        for (int phase = PONG_WAITING; phase <= PONG_FINISHED; phase++) {
            struct bot bot;
            struct pong pong = rally_towards(2, 448);
            bool has_steered = false;
            pong.phase = (uint8_t)phase;
            pong.ball_x = 45000; /* every level would see it there */
            bot_init(&bot, levels[i].level, 2, 5);
            for (int step = 0; step < 200; step++, pong.step++) {
                int32_t target;
                has_steered |= bot_look(&bot, &pong, &target);
            }
            assert_int_equal(has_steered, phase == PONG_RALLY);
        }
    }
}

static void test_a_bot_looks_as_often_as_its_level_lets_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < BOT_LEVEL_COUNT; i++) {
        struct bot bot;
        struct pong pong = rally_towards(2, 448);
        uint32_t last = 0;
        int looks = 0;
        pong.ball_x = 45000;
        bot_init(&bot, levels[i].level, 2, 5);
        for (int step = 0; step < 1200; step++, pong.step++) {
            int32_t target;
            pong.ball_y = 10000 + step * 10; /* each look has something new to see */
            if (!bot_look(&bot, &pong, &target))
                continue;
            assert_in_range(target, 0, PONG_PADDLE_Y_MAX);
            pong.target_y[1] = target;
            if (looks++ > 0)
                assert_int_equal(pong.step - last, levels[i].look_steps);
            last = pong.step;
        }
        assert_int_equal(looks, 1200 / levels[i].look_steps);
    }
}

static void test_a_bot_foresees_the_ball_off_the_walls(void **state)
{
    (void)state;
    /* From the middle at 45°: 24192 to go, of them 18560 down to the lower wall, 5632 back up. A
     * hard bot aims at most 4700 off that, to both sides of it. */
    int32_t lowest = PONG_PADDLE_Y_MAX, highest = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct bot bot;
        struct pong pong = rally_towards(2, 448);
        int32_t target = -1;
        pong.ball_vy = 448;
        bot_init(&bot, BOT_HARD, 2, seed);
        assert_true(bot_look(&bot, &pong, &target));
        assert_in_range(target, 37760 - 5632 - 3840 - 4700, 30720);
        lowest = target < lowest ? target : lowest;
        pong = rally_towards(1, 448);
        pong.ball_vy = -448;
        bot_init(&bot, BOT_HARD, 1, seed);
        assert_true(bot_look(&bot, &pong, &target));
        assert_in_range(target, 0, 640 + 5632 - 3840 + 4700);
        highest = target > highest ? target : highest;
    }
    assert_true(lowest < 37760 - 5632 - 3840);
    assert_true(highest > 640 + 5632 - 3840);
}

static void test_an_easy_bot_sees_late_and_a_hard_one_early(void **state)
{
    (void)state;
    int32_t seen_at[BOT_LEVEL_COUNT];
    for (size_t i = 0; i < BOT_LEVEL_COUNT; i++) {
        struct bot bot;
        struct pong pong = rally_towards(2, 448);
        int32_t target;
        pong.ball_x = 1408;
        pong.ball_vy = 0;
        bot_init(&bot, levels[i].level, 2, 3);
        while (!bot_look(&bot, &pong, &target) && pong.phase == PONG_RALLY)
            pong_step(&pong);
        assert_int_equal(pong.phase, PONG_RALLY);
        seen_at[i] = pong.ball_x;
    }
    assert_true(seen_at[BOT_HARD] < seen_at[BOT_NORMAL]);
    assert_true(seen_at[BOT_NORMAL] < seen_at[BOT_EASY]);
}

static void test_a_bot_goes_back_to_the_middle_but_not_an_easy_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < BOT_LEVEL_COUNT; i++) {
        struct bot bot;
        struct pong pong = rally_towards(1, 448); /* away from it */
        int32_t target = -1;
        pong.target_y[1] = 0;
        bot_init(&bot, levels[i].level, 2, 3);
        bool has_steered = bot_look(&bot, &pong, &target);
        assert_int_equal(has_steered, levels[i].level != BOT_EASY);
        if (has_steered)
            assert_int_equal(target, PONG_PADDLE_Y_START);
        pong.step += 100;
        pong.target_y[1] = PONG_PADDLE_Y_START; /* is there: says nothing */
        assert_false(bot_look(&bot, &pong, &target));
    }
}

/* ---- matches against an opponent who never misses --------------------------------------- */

struct match {
    struct bot bot;
    struct pong pong;
    uint64_t random;
    int32_t aim;     /* where the opponent meets the ball */
    int32_t pending; /* the bot's target, for the next even step; -1 for none */
    int hits, misses;
    uint32_t last_target_step;
    int32_t history[HISTORY_MAX]; /* of targets */
    size_t history_count;
};

static uint32_t draw(struct match *match, uint32_t bound)
{
    match->random = match->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(match->random >> 33) % bound;
}

/* What a player may: a target within the court, that is news, not more often than its level looks. */
static void check_target(struct match *match, int32_t target)
{
    assert_in_range(target, 0, PONG_PADDLE_Y_MAX);
    assert_int_not_equal(target, match->pong.target_y[match->bot.seat - 1]);
    assert_int_equal(match->pong.phase, PONG_RALLY);
    if (match->history_count > 0)
        assert_true(match->pong.step - match->last_target_step >=
                    levels[match->bot.level].look_steps);
    match->last_target_step = match->pong.step;
    if (match->history_count < HISTORY_MAX)
        match->history[match->history_count++] = target;
}

/* The opponent is always where the ball comes to, and hits it with any part of his paddle. */
static int32_t opponents_paddle(const struct match *match)
{
    const struct pong *pong = &match->pong;
    int32_t face = match->bot.seat == 1 ? PONG_FACE_RIGHT : PONG_FACE_LEFT;
    int32_t y = pong->ball_y;
    if (pong_ball_moves(pong))
        y += pong->ball_vy * abs(face - pong->ball_x) / abs(pong->ball_vx);
    if (y < PONG_BALL_Y_MIN)
        y = 2 * PONG_BALL_Y_MIN - y;
    if (y > PONG_BALL_Y_MAX)
        y = 2 * PONG_BALL_Y_MAX - y;
    return pong_clamp_target(y - PONG_PADDLE_HEIGHT / 2 + match->aim);
}

static void play_step(struct match *match)
{
    struct pong *pong = &match->pong;
    int bot = match->bot.seat - 1;
    int32_t target;
    if (pong->phase != PONG_RALLY && pong->steps_left == PONG_SERVE_LAUNCH_STEPS) {
        pong->ball_vx = draw(match, 2) ? PONG_SERVE_SPEED : -PONG_SERVE_SPEED;
        pong->ball_vy = draw(match, 2) ? PONG_SERVE_SPEED : -PONG_SERVE_SPEED;
    }
    struct pong before = *pong;
    if (bot_look(&match->bot, pong, &target)) {
        check_target(match, target);
        match->pending = target;
    }
    assert_memory_equal(&before, pong, sizeof before);
    if (match->pending >= 0 && pong->step % 2 == 1) {
        pong->target_y[bot] = match->pending;
        match->pending = -1;
    }
    pong->paddle_y[1 - bot] = pong->target_y[1 - bot] = opponents_paddle(match);

    unsigned events = pong_step(pong);
    if (events & (bot == 0 ? PONG_EVENT_HIT_1 : PONG_EVENT_HIT_2)) {
        match->hits++;
        match->aim = (int32_t)draw(match, PONG_PADDLE_HEIGHT + 1) - PONG_PADDLE_HEIGHT / 2;
    }
    match->misses += (events & (bot == 0 ? PONG_EVENT_POINT_2 : PONG_EVENT_POINT_1)) != 0;
    assert_int_equal(events & (bot == 0 ? PONG_EVENT_POINT_1 : PONG_EVENT_POINT_2), 0);
}

static void play(struct match *match, enum bot_level level, int seat, uint64_t seed, int balls)
{
    memset(match, 0, sizeof *match);
    match->pending = -1;
    match->random = 2024;
    bot_init(&match->bot, level, seat, seed);
    pong_init(&match->pong, 0, 255, 60);
    pong_set_phase(&match->pong, PONG_SERVING, 60);
    int steps = 0;
    while (match->hits + match->misses < balls) {
        play_step(match);
        memset(match->pong.score, 0, sizeof match->pong.score); /* a match without end */
        assert_true(++steps < STEPS_MAX);
    }
}

static void test_a_harder_level_misses_less(void **state)
{
    (void)state;
    static struct match match;
    for (int seat = 1; seat <= 2; seat++) {
        int per_mille[BOT_LEVEL_COUNT];
        for (size_t i = 0; i < BOT_LEVEL_COUNT; i++) {
            play(&match, levels[i].level, seat, 42 + (uint64_t)seat, BALLS);
            per_mille[i] = 1000 * match.misses / BALLS;
        }
        assert_in_range(per_mille[BOT_EASY], 200, 450); /* can be beaten, but does play */
        assert_true(per_mille[BOT_NORMAL] * 3 < per_mille[BOT_EASY] * 2);
        assert_true(per_mille[BOT_HARD] * 3 < per_mille[BOT_NORMAL] * 2);
    }
}

static void test_the_same_seed_plays_the_same_game(void **state)
{
    (void)state;
    static struct match a, b, c;
    for (size_t i = 0; i < BOT_LEVEL_COUNT; i++) {
        play(&a, levels[i].level, 1, 7, 100);
        play(&b, levels[i].level, 1, 7, 100);
        play(&c, levels[i].level, 1, 9, 100);
        assert_true(a.history_count > 50);
        assert_int_equal(a.history_count, b.history_count);
        assert_memory_equal(a.history, b.history, sizeof a.history);
        assert_memory_equal(&a.pong, &b.pong, sizeof a.pong);
        assert_memory_not_equal(a.history, c.history, sizeof a.history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_have_words),
        cmocka_unit_test(test_a_bot_steers_in_rallies_only),
        cmocka_unit_test(test_a_bot_looks_as_often_as_its_level_lets_it),
        cmocka_unit_test(test_a_bot_foresees_the_ball_off_the_walls),
        cmocka_unit_test(test_an_easy_bot_sees_late_and_a_hard_one_early),
        cmocka_unit_test(test_a_bot_goes_back_to_the_middle_but_not_an_easy_one),
        cmocka_unit_test(test_a_harder_level_misses_less),
        cmocka_unit_test(test_the_same_seed_plays_the_same_game),
    };
    return cmocka_run_group_tests_name("bot", tests, NULL, NULL);
}
