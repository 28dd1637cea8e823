/*
 * A match of clients who send whatever they like, when they like, and leave and come back: the real
 * GameManager with its input and output, without sockets (tests/unit/virtual_court.h). The state stays
 * one that a game can be in, every text sent is JSON, and who speaks pong.v2.bin and believes what he
 * is told knows the state that the server has.
 *
 * An input is a list of moves: a byte says what, its upper bits who; then come its arguments.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <stdio.h>

#include "gamed/messages.h"
#include "gamed/updates.h"
#include "tests/fuzz/fixed_random.h"
#include "tests/unit/mirror.h"
#include "tests/unit/virtual_court.h"

enum {
    MOVES_MAX = 400,
    TICKS_MAX = 2500, /* a minute and more */
    DAY_MS = 86400000,
    INPUTS_MAX =
        MIRROR_PENDING_MAX / 2 /* that a mirror is given; it has to keep what it hears, too */
};

enum move {
    TICK,
    TICK_LONG,
    CONNECT,
    DISCONNECT,
    INPUT,
    SAY,
    SEND,
    FULL,
    MOVES
};

static struct world {
    struct court court;
    struct mirror mirrors[COURT_CLIENTS];
    int ticks;
} world;

static const struct pong *pong(void)
{
    return &world.court.room->game.pong;
}

static void heard(void *arg, int number, const void *bytes, size_t length, bool is_binary)
{
    (void)arg;
    if (is_binary) {
        assert(length <= UPDATES_SIZE);
        mirror_frame(&world.mirrors[number], bytes, length);
        assert(world.mirrors[number].mismatches == 0);
        return;
    }
    assert(length <= MESSAGES_SIZE);
    json_t *message = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    assert(json_is_string(json_object_get(message, "type")));
    json_decref(message);
}

/* ---- moves --------------------------------------------------------------------------- */

static void check_mirror(const struct mirror *mirror)
{
    const struct pong known = mirror_at(mirror, pong()->step, false);
    assert(updates_difference(&known, pong()) == 0);
    assert(memcmp(known.paddle_y, pong()->paddle_y, sizeof known.paddle_y) == 0);
    assert(memcmp(known.score, pong()->score, sizeof known.score) == 0);
}

static void tick(int count)
{
    struct room_checkpoint checkpoint;
    const bool is_stepped = count > 0 && world.ticks < TICKS_MAX;
    for (; count > 0 && world.ticks < TICKS_MAX; count--, world.ticks++)
        court_tick(&world.court);
    game_state_save(&world.court.room->game, world.court.now, &checkpoint);
    const char *problem = checkpoint_problem(&checkpoint);
    if (problem)
        fprintf(stderr, "impossible: %s\n", problem);
    assert(!problem);
    /* Without a step in between, the server has what its clients were told for the step to come. */
    for (int i = 0; is_stepped && i < COURT_CLIENTS; i++) {
        const struct court_client *client = &world.court.clients[i];
        if (client->session && client->session->is_binary && !client->session->owed_keyframe &&
            !client->is_full && world.mirrors[i].is_set)
            check_mirror(&world.mirrors[i]);
    }
}

static void join(int number, unsigned how)
{
    mirror_init(&world.mirrors[number], world.court.room->game.pong.winning_score);
    court_disconnect(&world.court, number);
    court_connect(&world.court, number, (int)(how % 3), how & 4);
}

/*
 * An input near the present step, which its sender believes in when it was taken as it is. One for a
 * step to come it knows in any case, whatever keyframe it is still to be sent.
 */
static void send_input(int number, struct fuzz_input *input)
{
    const struct court_client *client = &world.court.clients[number];
    struct mirror *mirror = &world.mirrors[number];
    const uint32_t step = pong()->step + (uint32_t)(int8_t)fuzz_take(input, 1);
    const uint16_t target = (uint16_t)fuzz_take(input, 2);
    const unsigned char bytes[UPDATES_INPUT_SIZE] = {
        UPDATES_INPUT_TYPE, (unsigned char)(step & 0xff), (unsigned char)(step >> 8 & 0xff),
        (unsigned char)(target & 0xff), (unsigned char)(target >> 8)};
    if (mirror->count >= INPUTS_MAX)
        return;
    const bool was_owed = client->session && client->session->owed_keyframe;
    const uint64_t taken = world.court.input.stats.messages[GAME_INPUT_OK];
    court_send(&world.court, number, bytes, sizeof bytes, true);
    const bool is_taken = world.court.input.stats.messages[GAME_INPUT_OK] > taken;
    const bool is_ahead = (int32_t)(step - pong()->step) > 0;
    if (is_taken && client->session->seat &&
        (is_ahead || (!was_owed && !client->session->owed_keyframe)))
        mirror_input(mirror, client->session->seat, step, target);
}

static void say(int number, unsigned which)
{
    static const char *const words[] = {
        "{\"type\":\"resume_game\"}",
        "{\"type\":\"pause_game\"}",
        "{\"type\":\"rematch\"}",
        "{\"type\":\"resync\"}",
        "{\"type\":\"ping\",\"time\":1}",
        "{\"type\":\"join_game\",\"player_id\":\"x\",\"username\":\"X\"}",
        "{\"type\":\"join_game\",\"player_id\":null,\"username\":null}",
        "{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":false}",
        "{\"type\":\"key_event\",\"key\":\"s\",\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":\"s\",\"is_down\":false}",
        "{\"type\":\"paddle_position\",\"position\":0}",
        "{\"type\":\"paddle_position\",\"position\":480}",
        "{\"type\":\"paddle_position\",\"position\":240.5}",
    };
    court_say(&world.court, number, words[which % (sizeof words / sizeof *words)]);
}

static void send_anything(int number, struct fuzz_input *input)
{
    const bool is_binary = fuzz_take(input, 1) & 1;
    size_t length;
    char *text = fuzz_take_text(input, '\n', MESSAGES_CLIENT_MAX, &length);
    /* A mirror that sends what it does not know of is none any more. */
    if (!is_binary)
        court_send(&world.court, number, text, length, false);
    free(text);
}

static void move(struct fuzz_input *input)
{
    const unsigned byte = (unsigned)fuzz_take(input, 1);
    const int number = (int)(byte >> 4) % COURT_CLIENTS;
    switch ((enum move)(byte % MOVES)) {
    case TICK:
        tick(1);
        break;
    case TICK_LONG:
        tick(1 + (int)fuzz_take(input, 1));
        break;
    case CONNECT:
        join(number, (unsigned)fuzz_take(input, 1));
        break;
    case DISCONNECT:
        court_disconnect(&world.court, number);
        break;
    case INPUT:
        send_input(number, input);
        break;
    case SAY:
        say(number, (unsigned)fuzz_take(input, 1));
        break;
    case SEND:
        send_anything(number, input);
        break;
    case FULL:
        world.court.clients[number].is_full = !world.court.clients[number].is_full;
        break;
    case MOVES:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .end = data + size};
    struct game_rules rules = court_rules();
    rules.match_ms = rules.rematch_ms = rules.absence_total_ms = DAY_MS; /* more is not saved */
    fixed_random_reset();
    memset(&world, 0, sizeof world);
    court_open(&world.court, 1 + (int)fuzz_take(&input, 1) % 3, &rules);
    world.court.heard = heard;
    for (int i = 0; i < MOVES_MAX && input.at < input.end; i++)
        move(&input);
    tick(2);
    court_close(&world.court);
    return 0;
}
