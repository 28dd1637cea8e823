/*
 * Clients of pong.v2.bin over a network with delay, jitter and stalls: what their mirrors hold once the
 * news has arrived is what the server has computed; and nothing is sent that they knew already.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gamed/updates.h"
#include "tests/unit/mirror.h"
#include "tests/unit/virtual_court.h"

enum {
    HISTORY = 1024, /* steps that are remembered; a power of two */
    QUEUE = 4096,   /* messages under way in one direction; a power of two */
    INPUTS = 256,   /* of a client, that are not settled */
    SIMULATED_HOURS = 10,
    TICKS_PER_HOUR = 30 * 3600,
    GAMES = 20,
};

struct message {
    double at_ms;         /* of its arrival */
    uint32_t server_step; /* that was computed last when it was sent by the server */
    size_t length;
    bool is_binary;
    unsigned char bytes[UPDATES_SIZE];
    char text[64]; /* of a client */
};

struct pipe {
    struct message list[QUEUE];
    uint32_t head, tail;
    double last_at_ms;
};

struct client {
    bool is_binary;
    int seat;
    int delay_ms, jitter_ms;
    double offset_steps;  /* how wrong its idea of the server's step is */
    struct mirror mirror; /* over the network */
    struct mirror ideal; /* without one: it hears at once, and its inputs arrive as it sends them */
    struct pipe to, from;
    uint32_t named;    /* step of its last input */
    uint32_t heard;    /* newest step of a keyframe or heartbeat */
    int stalled_until; /* tick */
    struct {
        uint32_t step;
        bool has_arrived, was_applied;
        uint32_t settled_after; /* server step after which it was made good by a keyframe */
    } inputs[INPUTS];
    size_t input_count;
    bool knows;             /* a keyframe has arrived */
    uint32_t keyframe_step; /* server step at which it was sent its last keyframe */
    bool was_owed[HISTORY]; /* by step: news was withheld, to be made good by a keyframe */
    uint64_t checked, excused;
    unsigned late;
};

static struct world {
    struct court court;
    struct client clients[COURT_CLIENTS];
    struct pong history[HISTORY]; /* after each step */
    uint64_t random;
    int tick;
} world;

static uint32_t below(uint32_t bound)
{
    world.random = world.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(world.random >> 33) % bound;
}

static double now_ms(void)
{
    return world.tick * 1000.0 / 30;
}

static uint32_t server_step(void)
{
    return world.court.room->game.pong.step;
}

/* In order, as TCP has it; now and then a segment is lost and everything behind it waits. */
static struct message *send_over(struct client *client, struct pipe *pipe)
{
    double delay = client->delay_ms + (double)below((uint32_t)client->jitter_ms * 100 + 1) / 100;
    if (below(300) == 0)
        delay += 200;
    double at = now_ms() + delay;
    if (at < pipe->last_at_ms)
        at = pipe->last_at_ms;
    pipe->last_at_ms = at;
    assert_true(pipe->head - pipe->tail < QUEUE);
    struct message *message = &pipe->list[pipe->head++ % QUEUE];
    memset(message, 0, sizeof *message);
    message->at_ms = at;
    return message;
}

/* ---- what the server sends ------------------------------------------------------------- */

/* Every field of an event is news to who has heard everything so far. */
static void assert_is_news(struct client *client, const void *bytes, size_t length)
{
    struct mirror_update update = mirror_read(&client->ideal, bytes, length);
    struct pong known = mirror_at(&client->ideal, update.step - 1, true);
    update.values.step = known.step;
    unsigned news = updates_difference(&known, &update.values) & update.fields;
    if (news != update.fields)
        fail_msg("at step %u for step %u: fields %x, of which %x are news", server_step(),
                 update.step, update.fields, news);
}

static void heard(void *arg, int number, const void *bytes, size_t length, bool is_binary)
{
    struct client *client = &world.clients[number];
    (void)arg;
    if (!is_binary)
        return;
    assert_true(client->is_binary);
    unsigned mask = *(const unsigned char *)bytes;
    struct message *message = send_over(client, &client->to);
    message->is_binary = true;
    message->length = length;
    message->server_step = server_step();
    memcpy(message->bytes, bytes, length);
    bool repeats_inputs = client->keyframe_step == server_step(); /* what is pending then */
    if (mask == UPDATES_ALL)
        client->keyframe_step = server_step();
    else if (mask != 0 && !repeats_inputs)
        assert_is_news(client, bytes, length);
    mirror_frame(&client->ideal, bytes, length);
    assert_int_equal(client->ideal.mismatches, 0);
}

/* ---- clients --------------------------------------------------------------------------- */

static void steer(struct client *client)
{
    if (!client->knows || client->input_count == INPUTS)
        return;
    /* its time runs ahead of the server's by what its messages take, and a margin */
    double lead = 2 + client->jitter_ms * 60.0 / 1000 + client->delay_ms * 60.0 / 1000;
    uint32_t step = (uint32_t)((double)server_step() + client->offset_steps + lead) + below(3);
    if ((int32_t)(step - client->named) <= 0)
        step = client->named + 1;
    if ((int32_t)(step - client->heard) <= 0)
        step = client->heard + 1;
    client->named = step;
    int32_t target = (int32_t)(below(4) == 0   ? 0
                               : below(3) == 0 ? PONG_PADDLE_Y_MAX
                                               : below(PONG_PADDLE_Y_MAX + 1));
    if (below(200) == 0)
        target = PONG_PADDLE_Y_MAX + 1 + (int32_t)below(1000); /* hostile */
    struct message *message = send_over(client, &client->from);
    const unsigned char input[UPDATES_INPUT_SIZE] = {
        UPDATES_INPUT_TYPE, (unsigned char)(step & 0xff), (unsigned char)(step >> 8 & 0xff),
        (unsigned char)(target & 0xff), (unsigned char)(target >> 8)};
    message->is_binary = true;
    message->length = sizeof input;
    message->server_step = step;
    memcpy(message->bytes, input, sizeof input);
    mirror_input(&client->mirror, client->seat, step,
                 target > PONG_PADDLE_Y_MAX ? PONG_PADDLE_Y_MAX : target);
    client->inputs[client->input_count].step = step;
    client->inputs[client->input_count].has_arrived = false;
    client->input_count++;
}

static void say(struct client *client, const char *text)
{
    struct message *message = send_over(client, &client->from);
    snprintf(message->text, sizeof message->text, "%s", text);
    message->length = strlen(message->text);
}

/* Whether the game has the input just as it was sent: in its list, or it changed nothing. */
static void arrive_input(struct client *client, int number, const struct message *message)
{
    size_t i = 0;
    while (i < client->input_count &&
           (client->inputs[i].has_arrived || client->inputs[i].step != message->server_step))
        i++;
    assert_true(i < client->input_count);
    client->inputs[i].has_arrived = true;
    struct player_session *session = world.court.clients[number].session;
    bool was_owed = session && session->owed_keyframe;
    const uint64_t taken = world.court.input.stats.messages[GAME_INPUT_OK];
    court_send(&world.court, number, message->bytes, message->length, true);
    session = world.court.clients[number].session;
    client->inputs[i].was_applied = session && !session->owed_keyframe;
    client->inputs[i].settled_after = server_step();
    const bool is_taken = world.court.input.stats.messages[GAME_INPUT_OK] > taken;
    const int32_t ahead = (int32_t)(message->server_step - server_step());
    /* What was refused is believed in until its step, and a keyframe comes then. */
    if (!is_taken && ahead > 0 && ahead <= 120)
        client->inputs[i].settled_after = message->server_step - 1;
    client->late += session && !was_owed && session->owed_keyframe;
    /* One that comes before a keyframe is told with it if it is news; and its sender knows it in any case. */
    if ((client->inputs[i].was_applied && !was_owed) || (is_taken && ahead > 0))
        mirror_input(&client->ideal, client->seat, message->server_step,
                     message->bytes[3] | message->bytes[4] << 8);
}

static void connect_client(int number)
{
    struct client *client = &world.clients[number];
    const struct pong *pong = &world.court.room->game.pong;
    mirror_init(&client->mirror, pong->winning_score);
    mirror_init(&client->ideal, pong->winning_score);
    client->mirror.base.step = client->ideal.base.step = server_step();
    client->to.tail = client->to.head;
    client->from.tail = client->from.head;
    client->input_count = 0;
    client->knows = false;
    client->named = client->heard = server_step();
    client->keyframe_step = server_step() - 1;
    court_connect(&world.court, number, client->seat, client->is_binary);
}

static void drop_settled(struct client *client, uint32_t keyframe_step)
{
    size_t kept = 0;
    for (size_t i = 0; i < client->input_count; i++) {
        bool is_made_good = client->inputs[i].has_arrived &&
                            (int32_t)(keyframe_step - client->inputs[i].settled_after) > 0;
        if (!is_made_good)
            client->inputs[kept++] = client->inputs[i];
    }
    client->input_count = kept;
}

/* Frames that have arrived. Returns the newest step up to which everything is known; 0: none. */
static void receive(int number)
{
    struct client *client = &world.clients[number];
    while (client->to.tail != client->to.head) {
        const struct message *message = &client->to.list[client->to.tail % QUEUE];
        if (message->at_ms > now_ms())
            return;
        client->to.tail++;
        if (!client->is_binary)
            continue;
        mirror_frame(&client->mirror, message->bytes, message->length);
        unsigned mask = message->bytes[0];
        if (mask == 0 || mask == UPDATES_ALL)
            client->heard = message->server_step;
        if (mask == UPDATES_ALL) {
            client->knows = true;
            drop_settled(client, message->server_step);
        }
        if (client->mirror.mismatches == 2) {
            say(client, "{\"type\":\"resync\"}");
            client->mirror.mismatches = 0;
        }
    }
}

static void deliver(int number)
{
    struct client *client = &world.clients[number];
    while (client->from.tail != client->from.head) {
        const struct message *message = &client->from.list[client->from.tail % QUEUE];
        if (message->at_ms > now_ms())
            return;
        client->from.tail++;
        if (message->is_binary)
            arrive_input(client, number, message);
        else
            court_send(&world.court, number, message->text, message->length, false);
    }
}

/* An own input that the server has not applied just so, and no keyframe has made good yet. */
static bool is_excused(struct client *client, uint32_t step)
{
    for (size_t i = 0; i < client->input_count; i++)
        if ((!client->inputs[i].has_arrived || !client->inputs[i].was_applied) &&
            (int32_t)(step - client->inputs[i].step) >= 0)
            return true;
    return false;
}

static void forget_old_inputs(struct client *client)
{
    size_t kept = 0;
    for (size_t i = 0; i < client->input_count; i++) {
        bool is_past = client->inputs[i].has_arrived && client->inputs[i].was_applied;
        if (!is_past)
            client->inputs[kept++] = client->inputs[i];
    }
    client->input_count = kept;
}

/*
 * The mirror after step n, once all frames sent before step n + 1 was computed have arrived, is the
 * server's state after step n.
 */
static void check_mirror(int number)
{
    struct client *client = &world.clients[number];
    if (!client->knows || !world.court.clients[number].session)
        return;
    /* the next frame under way was sent after this step; the last of an update is remembered */
    uint32_t known = client->to.tail == client->to.head
                         ? server_step()
                         : client->to.list[client->to.tail % QUEUE].server_step - 1;
    known &= ~1u;
    if ((int32_t)(known - client->mirror.base.step) < 0 || server_step() - known >= HISTORY)
        return;
    if (is_excused(client, known) || client->was_owed[known % HISTORY]) {
        client->excused++;
        return;
    }
    struct pong mirrored = mirror_at(&client->mirror, known, false);
    const struct pong *real = &world.history[known % HISTORY];
    client->checked++;
    if (updates_checksum(&mirrored) != updates_checksum(real) || mirrored.step != real->step)
        fail_msg(
            "client %d at step %u: ball %d,%d paddles %d,%d targets %d,%d phase %d/%d; the server "
            "has ball %d,%d paddles %d,%d targets %d,%d phase %d/%d",
            number, known, mirrored.ball_x, mirrored.ball_y, mirrored.paddle_y[0],
            mirrored.paddle_y[1], mirrored.target_y[0], mirrored.target_y[1], mirrored.phase,
            mirrored.steps_left, real->ball_x, real->ball_y, real->paddle_y[0], real->paddle_y[1],
            real->target_y[0], real->target_y[1], real->phase, real->steps_left);
}

/* ---- a turn ---------------------------------------------------------------------------- */

static void live(int number)
{
    struct client *client = &world.clients[number];
    struct court_client *socket = &world.court.clients[number];
    if (!socket->session) {
        if (below(60) == 0)
            connect_client(number);
        return;
    }
    if (below(20000) == 0) {
        court_disconnect(&world.court, number);
        return;
    }
    if (below(3000) == 0)
        client->stalled_until = world.tick + (int)below(90);
    socket->is_full = world.tick < client->stalled_until;
    if (client->seat == 0)
        return;
    if (client->is_binary) {
        if (below(8) == 0)
            steer(client);
        if (below(5000) == 0)
            for (int i = 0; i < 40; i++) /* more than are taken */
                steer(client);
    } else if (below(3) == 0) {
        char text[64];
        snprintf(text, sizeof text,
                 "{\"type\":\"paddle_position\",\"player_number\":%d,\"position\":%u}",
                 client->seat, below(481));
        say(client, text);
    }
    if (below(900) == 0)
        say(client, below(2) ? "{\"type\":\"pause_game\"}" : "{\"type\":\"resume_game\"}");
    if (world.court.room->game.pong.phase == PONG_FINISHED && below(60) == 0)
        say(client, "{\"type\":\"rematch\"}");
}

static void remember(void)
{
    const struct pong *pong = &world.court.room->game.pong;
    world.history[pong->step % HISTORY] = *pong;
    for (int i = 0; i < COURT_CLIENTS; i++) {
        const struct player_session *session = world.court.clients[i].session;
        world.clients[i].was_owed[pong->step % HISTORY] = session && session->owed_keyframe;
    }
}

static void turn(void)
{
    world.tick++;
    for (int i = 0; i < COURT_CLIENTS; i++)
        if (world.clients[i].delay_ms)
            deliver(i);
    court_tick(&world.court);
    remember();
    for (int i = 0; i < COURT_CLIENTS; i++) {
        struct client *client = &world.clients[i];
        if (!client->delay_ms)
            continue;
        forget_old_inputs(client);
        receive(i);
        if (client->is_binary)
            check_mirror(i);
        live(i);
    }
}

static void open_world(unsigned seed, int serve_steps)
{
    memset(&world, 0, sizeof world);
    world.random = seed;
    struct game_rules rules = court_rules();
    rules.serve_steps = serve_steps;
    court_open(&world.court, 1 + (int)below(10), &rules);
    world.court.heard = heard;
}

static void add_client(int number, int seat, bool is_binary, int delay_ms, int jitter_ms)
{
    world.clients[number] = (struct client){
        .is_binary = is_binary, .seat = seat, .delay_ms = delay_ms, .jitter_ms = jitter_ms};
    connect_client(number);
}

/* Every game is another network; in every third the opponent speaks pong.v1.json. */
static void test_mirrors_hold_what_the_server_computes(void **state)
{
    uint64_t checked = 0, excused = 0, late = 0, events = 0, keyframes = 0, heartbeats = 0;
    (void)state;
    for (unsigned seed = 1; seed <= GAMES; seed++) {
        open_world(seed, PONG_SERVE_STEPS);
        add_client(0, 1, true, 10 + (int)below(110), (int)below(40));
        add_client(1, 2, seed % 3 != 0, 10 + (int)below(110), (int)below(40));
        add_client(2, 0, true, 10 + (int)below(110), (int)below(40));
        world.clients[0].offset_steps = (int)below(13) - 6;
        world.clients[1].offset_steps = (int)below(41) - 20; /* badly wrong now and then */
        for (int i = 0; i < SIMULATED_HOURS * TICKS_PER_HOUR / GAMES; i++)
            turn();
        for (int i = 0; i < 3; i++) {
            checked += world.clients[i].checked;
            excused += world.clients[i].excused;
            late += world.clients[i].late;
            events += world.clients[i].ideal.events;
            keyframes += world.clients[i].ideal.keyframes;
            heartbeats += world.clients[i].ideal.heartbeats;
        }
        court_close(&world.court);
    }
    print_message(
        "%llu states compared, %llu awaited a keyframe; %llu late or refused inputs; of the "
        "last connections %llu events, %llu keyframes, %llu heartbeats\n",
        (unsigned long long)checked, (unsigned long long)excused, (unsigned long long)late,
        (unsigned long long)events, (unsigned long long)keyframes, (unsigned long long)heartbeats);
    assert_true(checked > (uint64_t)SIMULATED_HOURS * TICKS_PER_HOUR);
    assert_true(late > 1000 && excused > 1000 && excused < checked);
}

static void test_quiet_court_has_heartbeats_only(void **state)
{
    (void)state;
    open_world(1, PONG_SERVE_STEPS);
    add_client(0, 1, true, 1, 0);
    for (int i = 0; i < 30 * 60; i++) {
        world.tick++;
        court_tick(&world.court);
        receive(0);
    }
    assert_int_equal(world.clients[0].mirror.keyframes, 1);
    assert_int_equal(world.clients[0].mirror.events, 0);
    assert_int_equal(world.clients[0].mirror.heartbeats, 59); /* one a second after the first */
    court_close(&world.court);
}

/* A lively player alone causes nothing either: what he steers he knows. */
static void test_own_inputs_are_not_told(void **state)
{
    (void)state;
    open_world(1, PONG_SERVE_STEPS);
    add_client(0, 1, true, 1, 0);
    for (int i = 0; i < 30 * 60; i++) {
        world.tick++;
        deliver(0);
        court_tick(&world.court);
        remember();
        forget_old_inputs(&world.clients[0]);
        receive(0);
        check_mirror(0);
        if (i % 8 == 0)
            steer(&world.clients[0]);
    }
    assert_in_range(world.clients[0].late, 1, 20); /* the hostile ones, and those that got lost */
    assert_int_equal(world.clients[0].mirror.keyframes, 1 + world.clients[0].late);
    assert_int_equal(world.clients[0].mirror.events, 0);
    court_close(&world.court);
}

/* A countdown that clients cannot know is told, and only that. */
static void test_unusual_countdown_is_told(void **state)
{
    (void)state;
    open_world(1, 60);
    add_client(0, 1, true, 1, 0);
    add_client(1, 2, false, 1, 0);
    for (int i = 0; i < 30 * 60 && world.court.room->game.pong.phase != PONG_FINISHED; i++) {
        world.tick++;
        court_tick(&world.court);
        receive(0);
        struct mirror *mirror = &world.clients[0].mirror;
        if (mirror->is_set && i % 10 == 0) {
            struct pong known = mirror_at(mirror, server_step(), true);
            assert_int_equal(known.phase, world.court.room->game.pong.phase);
            if (world.court.room->game.pong.steps_left != 60)
                assert_int_equal(known.steps_left, world.court.room->game.pong.steps_left);
        }
    }
    assert_int_equal(world.clients[0].mirror.mismatches, 0);
    court_close(&world.court);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_court_has_heartbeats_only),
        cmocka_unit_test(test_own_inputs_are_not_told),
        cmocka_unit_test(test_unusual_countdown_is_told),
        cmocka_unit_test(test_mirrors_hold_what_the_server_computes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
