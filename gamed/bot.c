/*
 * How a computer player makes up its mind. Its levels differ in how often it looks, how far it sees
 * and how well it aims.
 */
#include "gamed/bot.h"

#include <assert.h>
#include <string.h>

#include "common/room_options.h"

/*
 * How often a level looks, how early it sees where an approaching ball will come to (share of the
 * court's width, in percent), and how far off it may aim. A hit reaches 4480 from the paddle's
 * middle, so an error beyond that is a miss: easy misses about every fourth ball, normal every
 * ninth, hard every twentieth.
 */
static const struct {
    uint32_t look_steps;
    int32_t sight_percent;
    int32_t error_max;
} levels[BOT_LEVEL_COUNT] = {
    [BOT_EASY] = {20, 45, 6700},
    [BOT_NORMAL] = {12, 70, 5100},
    [BOT_HARD] = {6, 100, 4700},
};

static_assert((int)BOT_LEVEL_COUNT == (int)BOT_LEVEL_WORDS, "each level has a word");

const char *bot_level_name(enum bot_level level)
{
    return bot_level_words[level];
}

bool bot_level_parse(const char *word, enum bot_level *level)
{
    int index = bot_level_index(word);
    if (index < 0)
        return false;
    *level = (enum bot_level)index;
    return true;
}

void bot_init(struct bot *bot, enum bot_level level, int seat, uint64_t seed)
{
    memset(bot, 0, sizeof *bot);
    bot->level = level;
    bot->seat = seat;
    bot->random_state = seed | 1;
}

/* xorshift64* (Vigna 2016), as a number in −bound…bound. */
static int32_t random_within(struct bot *bot, int32_t bound)
{
    uint64_t x = bot->random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    bot->random_state = x;
    uint64_t draw = (x * 0x2545f4914f6cdd1du) >> 32;
    return (int32_t)(draw % (uint64_t)(2 * bound + 1)) - bound;
}

/* Where the ball will meet the bot's side, walls unfolded. */
static int32_t foresee(const struct pong *pong, int32_t face)
{
    int64_t way = face > pong->ball_x ? face - pong->ball_x : pong->ball_x - face;
    int64_t speed = pong->ball_vx < 0 ? -pong->ball_vx : pong->ball_vx;
    int64_t height = PONG_BALL_Y_MAX - PONG_BALL_Y_MIN;
    int64_t y = pong->ball_y - PONG_BALL_Y_MIN + pong->ball_vy * way / speed;
    y %= 2 * height;
    if (y < 0)
        y += 2 * height;
    return (int32_t)(y > height ? 2 * height - y : y) + PONG_BALL_Y_MIN;
}

bool bot_look(struct bot *bot, const struct pong *pong, int32_t *target)
{
    if ((int32_t)(pong->step - bot->next_look) < 0)
        return false;
    bot->next_look = pong->step + levels[bot->level].look_steps;
    if (pong->phase != PONG_RALLY) {
        bot->ball_approached = false;
        return false;
    }

    int32_t face = bot->seat == 1 ? PONG_FACE_LEFT : PONG_FACE_RIGHT;
    bool approaches = bot->seat == 1 ? pong->ball_vx < 0 : pong->ball_vx > 0;
    if (approaches && !bot->ball_approached)
        bot->aim_error = random_within(bot, levels[bot->level].error_max);
    bot->ball_approached = approaches;

    int32_t way = face > pong->ball_x ? face - pong->ball_x : pong->ball_x - face;
    int32_t wanted = PONG_PADDLE_Y_START; /* with nothing to do, wait in the middle */
    if (approaches && way > PONG_COURT_WIDTH / 100 * levels[bot->level].sight_percent)
        return false;
    if (approaches)
        wanted = foresee(pong, face) - PONG_PADDLE_HEIGHT / 2 + bot->aim_error;
    else if (bot->level == BOT_EASY)
        return false;
    wanted = pong_clamp_target(wanted);
    if (wanted == pong->target_y[bot->seat - 1])
        return false;
    *target = wanted;
    return true;
}
