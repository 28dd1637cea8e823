/*
 * pong-load's v2 players at the real GameManager, in virtual time over a network with delay and jitter:
 * they play lively matches, their predictions hold, no input is late or refused; and when the server
 * stands still they find their way back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "bench/load/gamed_seats.h"
#include "bench/load/load.h"
#include "tests/unit/virtual_court.h"

#define NS_PER_MS INT64_C(1000000)

enum {
    QUEUE = 1024,
    MESSAGE_MAX = 1024,
    PLAYERS = 2,
    SECOND_MS = 1000
};

/* One direction of one player's connection; in order, as TCP has it. */
struct pipe {
    struct message {
        int64_t at_ns;
        size_t length;
        bool is_binary;
        unsigned char bytes[MESSAGE_MAX];
    } list[QUEUE];
    unsigned head, tail;
    int64_t last_ns;
};

static struct world {
    struct court court;
    struct load load;
    struct load_room room;
    struct client players[PLAYERS];
    struct pipe to[PLAYERS], from[PLAYERS];
    _Alignas(max_align_t) unsigned char states[PLAYERS][65536];
    int64_t delay_ms, jitter_ms;
    int64_t stalled_until_ns; /* the server */
    int64_t next_tick_ns;
    uint64_t random;
    unsigned points, inputs, relays;
} world;

/* ---- the network --------------------------------------------------------------------------- */

static void put(struct pipe *pipe, const void *bytes, size_t length, bool is_binary)
{
    world.random = world.random * 6364136223846793005u + 1442695040888963407u;
    const int64_t jitter_ns = world.jitter_ms * NS_PER_MS;
    int64_t at = world.load.now_ns + world.delay_ms * NS_PER_MS;
    if (jitter_ns)
        at += (int64_t)(world.random >> 33) % jitter_ns;
    if (at < pipe->last_ns)
        at = pipe->last_ns;
    assert_true(pipe->head - pipe->tail < QUEUE && length <= MESSAGE_MAX);
    struct message *message = &pipe->list[pipe->head++ % QUEUE];
    message->at_ns = pipe->last_ns = at;
    message->length = length;
    message->is_binary = is_binary;
    memcpy(message->bytes, bytes, length);
}

static struct message *take(struct pipe *pipe)
{
    struct message *message = &pipe->list[pipe->tail % QUEUE];
    if (pipe->head == pipe->tail || message->at_ns > world.load.now_ns)
        return NULL;
    pipe->tail++;
    return message;
}

static void heard(void *arg, int number, const void *bytes, size_t length, bool is_binary)
{
    (void)arg;
    world.points += !is_binary && number == 0 && memmem(bytes, length, "goal_scored", 11) != NULL;
    put(&world.to[number], bytes, length, is_binary);
}

/* ---- what the wire calls ------------------------------------------------------------------- */

int64_t load_clock(void)
{
    return world.load.now_ns;
}

uint32_t client_random(struct client *client)
{
    client->random = client->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(client->random >> 32);
}

void client_send(struct load *load, struct client *client, int opcode, const void *payload,
                 size_t length)
{
    (void)load;
    world.inputs += opcode == WIRE_BINARY;
    put(&world.from[client->number - 1], payload, length, opcode == WIRE_BINARY);
}

void client_wake_at(struct load *load, struct client *client, int64_t due_ns)
{
    timers_set(&load->timers, &client->timer, due_ns);
}

void load_note_error(struct load *load, enum load_error error)
{
    load->totals.errors[error]++;
}

void load_note_update(struct load *load, struct client *client)
{
    (void)load;
    client->updates++;
}

void load_note_relay(struct load *load, int64_t ns)
{
    world.relays++;
    latency_note(&load->totals.relay, ns);
}

void load_note_effect(struct load *load, int64_t ns)
{
    latency_note(&load->totals.effect, ns);
}

void load_note_round_trip(struct load *load, int64_t ns)
{
    latency_note(&load->totals.round_trip, ns);
}

/* ---- a match ------------------------------------------------------------------------------- */

static void open_world(int64_t delay_ms, int64_t jitter_ms)
{
    const struct game_rules rules = court_rules();
    memset(&world, 0, sizeof world);
    world.delay_ms = delay_ms;
    world.jitter_ms = jitter_ms;
    world.random = 1;
    court_open(&world.court, GAMED_WINNING_SCORE, &rules);
    world.court.heard = heard;
    world.load.wire = &wire_v2;
    world.load.options.moves = 4;
    world.load.now_ns = world.next_tick_ns = world.court.now.mono_ns;
    timers_init(&world.load.timers, world.load.now_ns);
    assert_true(wire_v2.state_size <= sizeof world.states[0]);
    for (int i = 0; i < PLAYERS; i++) {
        struct client *player = &world.players[i];
        player->number = (uint8_t)(i + 1);
        player->stage = CLIENT_OPEN;
        player->room = &world.room;
        player->peer = &world.players[1 - i];
        player->state = world.states[i];
        player->random = (uint64_t)i + 1;
        world.room.players[i] = player;
        court_connect(&world.court, i, i + 1, true);
        wire_v2.opened(&world.load, player, world.load.now_ns);
    }
}

static void deliver(void)
{
    for (int i = 0; i < PLAYERS; i++) {
        for (struct message *message; (message = take(&world.to[i])) != NULL;)
            wire_v2.message(&world.load, &world.players[i],
                            message->is_binary ? WIRE_BINARY : WIRE_TEXT, message->bytes,
                            message->length, world.load.now_ns);
        if (world.load.now_ns < world.stalled_until_ns)
            continue;
        for (struct message *message; (message = take(&world.from[i])) != NULL;)
            court_send(&world.court, i, message->bytes, message->length, message->is_binary);
    }
}

static void play(int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        world.load.now_ns += NS_PER_MS;
        while (world.load.now_ns >= world.next_tick_ns &&
               world.load.now_ns >= world.stalled_until_ns) {
            court_tick(&world.court);
            world.next_tick_ns += 1000 * NS_PER_MS / 30;
        }
        deliver();
        for (struct timer *timer;
             (timer = timers_take(&world.load.timers, world.load.now_ns)) != NULL;) {
            struct client *player =
                (struct client *)((char *)timer - offsetof(struct client, timer));
            wire_v2.due(&world.load, player, world.load.now_ns);
        }
    }
}

static void forget(void)
{
    memset(&world.load.totals, 0, sizeof world.load.totals);
    world.points = world.inputs = world.relays = 0;
    for (int i = 0; i < PLAYERS; i++)
        world.players[i].updates = 0;
}

static void assert_errors(enum load_error error, uint64_t at_most)
{
    if (world.load.totals.errors[error] > at_most)
        fail_msg("error %d happened %u times", (int)error,
                 (unsigned)world.load.totals.errors[error]);
}

static void assert_all_is_well(void)
{
    for (int i = 0; i < LOAD_ERRORS; i++)
        assert_errors((enum load_error)i, 0);
}

static void play_lively(int64_t delay_ms, int64_t jitter_ms)
{
    enum {
        MINUTES = 20,
        SECONDS = MINUTES * 60
    };
    open_world(delay_ms, jitter_ms);
    play(5 * SECOND_MS);
    forget();
    play(SECONDS * SECOND_MS);
    assert_all_is_well();
    /* 4 changes a second each, all of them news to the other. */
    assert_in_range(world.inputs, 39 * PLAYERS * SECONDS / 10, 4 * PLAYERS * SECONDS);
    assert_in_range(world.relays, world.inputs - 4, world.inputs + 4);
    /* A ball is missed in 8: so a point takes eight flights of a second or so, and the countdown. */
    assert_in_range(world.points, SECONDS / 20, SECONDS / 8);
    const double news = (double)world.players[0].updates / SECONDS;
    assert_true(news > 3.9 && news < 4.3);
    court_close(&world.court);
}

static void matches_are_lively_and_predictions_hold(void **state)
{
    (void)state;
    play_lively(0, 0);
}

static void they_hold_over_a_network_as_well(void **state)
{
    (void)state;
    play_lively(20, 6);
    assert_true(latency_quantile_ms(&world.load.totals.relay, 0.5) >= 40);
}

static void pointing_ten_times_a_second_is_no_flood(void **state)
{
    (void)state;
    open_world(1, 1);
    world.load.options.inputs_every_ms = 100;
    play(5 * SECOND_MS);
    forget();
    play(300 * SECOND_MS);
    assert_all_is_well();
    assert_in_range(world.inputs, 9 * 2 * 300, 10 * 2 * 300);
    assert_in_range(world.relays, world.inputs - 4, world.inputs + 4);
    court_close(&world.court);
}

static void when_the_server_stood_still_they_find_back(void **state)
{
    (void)state;
    open_world(1, 0);
    play(5 * SECOND_MS);
    /* Ticks that it missed are not made up for: the steps are behind what they should be. */
    world.stalled_until_ns = world.load.now_ns + 3 * SECOND_MS * NS_PER_MS;
    world.next_tick_ns = world.stalled_until_ns;
    play(5 * SECOND_MS);
    assert_true(world.load.totals.errors[LOAD_REFUSED] > 0);
    assert_errors(LOAD_REFUSED, 12);
    assert_errors(LOAD_CHECKSUM, 0);
    play(10 * SECOND_MS);
    forget();
    play(60 * SECOND_MS);
    assert_all_is_well();
    /* One more of each, where a change fell on the minute's edge. */
    assert_in_range(world.inputs, 39 * PLAYERS * 60 / 10, 4 * PLAYERS * 60 + PLAYERS);
    court_close(&world.court);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_lively_and_predictions_hold),
        cmocka_unit_test(they_hold_over_a_network_as_well),
        cmocka_unit_test(pointing_ten_times_a_second_is_no_flood),
        cmocka_unit_test(when_the_server_stood_still_they_find_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
