/*
 * GameManager: several slots in one process. Rooms stand still while their slot is not certain, go on,
 * are handed over and dropped; who asks about a code of another's slot is told so.
 */
#include "tests/unit/game_world.h"

#include <string.h>

#include "cluster/slot_keys.h"

static int home, other; /* indexes of slots A and B */

static int set_up_slots(void **state)
{
    struct game_manager_config config = usual;
    (void)state;
    config.has_slots = true;
    config.slot = '\0';
    open_world(&config);
    home = slot_index('A');
    other = slot_index('B');
    game_manager_slot_set(world.manager, home, GAME_SLOT_OPEN);
    game_manager_set_home(world.manager, home);
    return 0;
}

/* The end of a world needs a home to open rooms in, and nobody's rooms may be left standing. */
static int tear_down_slots(void **state)
{
    world.lost_slots = 0;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (game_manager_slot(world.manager, slot) != GAME_SLOT_NONE)
            game_manager_slot_set(world.manager, slot, GAME_SLOT_OPEN);
    game_manager_slot_set(world.manager, home, GAME_SLOT_OPEN);
    game_manager_set_home(world.manager, home);
    return tear_down(state);
}

#define SLOTS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_slots, tear_down_slots)

static void lose(int slot)
{
    world.lost_slots |= 1u << slot;
}

static void regain(int slot)
{
    world.lost_slots &= ~(1u << slot);
}

/* ---- codes ------------------------------------------------------------------------------ */

static void test_rooms_are_opened_in_the_home_slot_alone(void **state)
{
    (void)state;
    game_manager_slot_set(world.manager, other, GAME_SLOT_OPEN);
    for (int i = 0; i < 3; i++)
        assert_int_equal(create().code[0], 'A');
    assert_int_equal(quick_as(somebody()).code[0], 'A');
    game_manager_set_home(world.manager, other);
    assert_int_equal(create().code[0], 'B');
    game_manager_set_home(world.manager, -1);
    assert_int_equal(create().error, GAME_MANAGER_SLOT_MOVING);
    game_manager_refuse_rooms(world.manager, true);
    assert_int_equal(create().error, GAME_MANAGER_DRAINING); /* that is so for longer */
    game_manager_refuse_rooms(world.manager, false);
}

/* What each question about this code is answered with. */
static void assert_all_say(int error, const struct ticket *ticket)
{
    struct game_handshake handshake;
    struct admission admission;
    struct client *client = free_client();
    enum game_manager_kick done;
    const char *code = ticket->code;
    memset(&handshake, 0, sizeof handshake);
    strcpy(handshake.room_code, code);
    assert_int_equal(join(code).error, error);
    assert_int_equal(join_as(showing(ticket->token), code).error, error);
    assert_int_equal(check(code), error);
    assert_int_equal(cancel_as(showing(ticket->token), code), error);
    assert_int_equal(game_manager_examine(world.manager, &handshake, world.now, &admission), error);
    assert_int_equal(admit(client, code, "", "", ""), error);
    assert_int_equal(game_manager_kick(world.manager, code, 1, world.now, &done), error);
    int found = GAME_MANAGER_OK;
    assert_true(game_manager_slot_error(world.manager, code, &found));
    assert_int_equal(found, error);
}

/* The answer to a command may have been lost, and then it comes again: it must not act twice. */
static void test_a_command_sent_again_acts_once_though_its_slot_moves(void **state)
{
    struct game_placement placement;
    const struct game_options options = {.bot_level = ""};
    const struct game_caller caller = somebody();
    (void)state;
    assert_int_equal(game_manager_create(world.manager, &caller, &options, world.now, &placement),
                     GAME_MANAGER_OK);
    game_manager_slot_set(world.manager, other, GAME_SLOT_OPEN);
    game_manager_set_home(world.manager, other);
    lose(home);
    assert_int_equal(game_manager_create(world.manager, &caller, &options, world.now, &placement),
                     GAME_MANAGER_SLOT_MOVING);
    assert_int_equal(game_manager_quick(world.manager, &caller, world.now, &placement),
                     GAME_MANAGER_SLOT_MOVING);
    assert_int_equal(stats().rooms, 1);
    regain(home);
    assert_int_equal(game_manager_create(world.manager, &caller, &options, world.now, &placement),
                     GAME_MANAGER_OK);
    assert_int_equal(stats().rooms, 1);
}

static void test_codes_of_slots_that_are_not_ours(void **state)
{
    (void)state;
    struct ticket ticket = create_public();
    const struct room *rooms[GAME_MANAGER_LIST_MAX];
    connect_token(ticket.code, ticket.token);
    assert_int_equal(check(ticket.code), GAME_MANAGER_OK);
    assert_int_equal(list(rooms), 1);
    assert_int_equal(game_manager_waiting(world.manager, world.now), 1);
    int error = GAME_MANAGER_OK;
    assert_false(game_manager_slot_error(world.manager, ticket.code, &error));
    assert_int_equal(check("A00000"), GAME_MANAGER_ROOM_NOT_FOUND); /* certainly not */

    lose(home);
    assert_all_say(GAME_MANAGER_SLOT_MOVING, &ticket);
    assert_int_equal(create_with(showing(ticket.token), (struct game_options){0}).error,
                     GAME_MANAGER_SLOT_MOVING);
    assert_int_equal(quick_as(somebody()).error, GAME_MANAGER_SLOT_MOVING);
    assert_int_equal(list(rooms), 0);
    assert_int_equal(game_manager_waiting(world.manager, world.now), 0);
    regain(home);
    game_manager_slot_set(world.manager, home, GAME_SLOT_HANDING);
    assert_all_say(GAME_MANAGER_SLOT_MOVING, &ticket);
    game_manager_slot_set(world.manager, home, GAME_SLOT_LOADING);
    assert_all_say(GAME_MANAGER_SLOT_MOVING, &ticket);
    game_manager_slot_set(world.manager, home, GAME_SLOT_OPEN);
    assert_int_equal(quick_as(somebody()).error, GAME_MANAGER_OK);
    assert_int_equal(stats().rooms, 1);

    strcpy(ticket.code, "Z12345");
    assert_all_say(GAME_MANAGER_WRONG_SLOT, &ticket);
}

/* ---- standing still --------------------------------------------------------------------- */

static void test_a_match_stands_still_while_its_slot_is_not_certain(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *a = pair.clients[0];
    run_ms(3500);
    assert_string_equal(a->heard, "R0 ");
    const struct pong before = pair.room->game.pong;
    const int deltas = a->deltas, states = a->states, checkpoints = world.checkpoint_count;
    const int64_t pinged_ms = a->pinged_at_ms;
    assert_true(game_manager_room_runs(world.manager, pair.room));
    lose(home);
    assert_false(game_manager_room_runs(world.manager, pair.room));
    run_ms(50000); /* longer than anybody may say nothing */
    assert_int_equal(stats().rooms_frozen, 1);
    assert_int_equal(stats().freezes, 1);
    assert_int_equal(a->deltas, deltas);
    assert_int_equal(a->states, states);
    assert_int_equal(a->pinged_at_ms, pinged_ms);
    assert_int_equal(a->close_count, 0);
    assert_int_equal(world.checkpoint_count, checkpoints);
    assert_string_equal(a->heard, "R0 ");
    assert_int_equal(pair.room->game.pong.ball_x, before.ball_x);
    /* who plays ahead does so by its number */
    assert_in_range(pair.room->game.pong.step - before.step, 3000 - 4, 3000 + 4);

    regain(home);
    assert_false(game_manager_room_runs(world.manager, pair.room)); /* until its next update */
    run_ms(40);
    assert_true(game_manager_room_runs(world.manager, pair.room));
    assert_int_equal(stats().rooms_frozen, 0);
    assert_int_equal(stats().thaws, 1);
    assert_string_equal(a->heard, "R0 P0 ");
    assert_int_equal(a->states, states + 1); /* the whole of it */
    assert_int_equal(pair.room->game.pong.phase, PONG_PAUSED);
    assert_int_equal(pair.room->game.pause, GAME_PAUSE_RESTART);
    run_ms(3050);
    assert_string_equal(a->heard, "R0 P0 R0 ");
    assert_int_equal(a->close_count + pair.clients[1]->close_count, 0);
}

static void test_what_comes_and_goes_meanwhile_is_told_once_and_later(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *watcher = watch(pair.room->game.room_code);
    struct client *late = free_client();
    run_ms(3500);
    assert_int_equal(admit(late, pair.tickets[1].code, pair.tickets[1].token, "", ""),
                     GAME_MANAGER_OK);
    forget_heard(watcher);
    lose(home);
    hang_up(pair.clients[1]); /* before an update has seen it */
    assert_string_equal(watcher->heard, "");
    run_ms(1000);
    upgrade(late); /* it was let in before */
    hang_up(late);
    run_ms(1000);
    assert_string_equal(watcher->heard, "");
    assert_int_equal(watcher->close_count, 0);
    regain(home);
    run_ms(40);
    assert_string_equal(watcher->heard, "L2 P2 ");
    assert_int_equal(pair.room->game.pause, GAME_PAUSE_ABSENCE);
    struct client *back = connect_token(pair.tickets[1].code, pair.tickets[1].token);
    run_ms(3100);
    assert_string_equal(watcher->heard, "L2 P2 R0 ");
    assert_int_equal(back->close_count, 0);
}

static void test_sessions_that_play_ahead_get_keyframes_after_it(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    run_ms(3500);
    struct client *binary = free_client();
    assert_int_equal(admit(binary, pair.room->game.room_code, "", "", ""), GAME_MANAGER_OK);
    binary->session->is_binary = true;
    upgrade(binary);
    binary->session->owed_keyframe = false;
    lose(home);
    run_ms(500);
    assert_false(binary->session->owed_keyframe);
    regain(home);
    run_ms(40);
    assert_true(binary->session->owed_keyframe);
}

/* ---- ends ------------------------------------------------------------------------------- */

static struct pair held_match(void)
{
    world.holds_results = true;
    struct pair pair = start_match(1);
    while (world.result_count == 0)
        run_ms(10);
    return pair;
}

static void test_no_end_is_told_anyway_in_a_freeze(void **state)
{
    (void)state;
    struct pair pair = held_match();
    struct client *a = pair.clients[0];
    run_ms(1000);
    lose(home);
    run_ms(10000);
    assert_string_equal(a->heard, "R0 ");
    regain(home);
    run_ms(900);
    assert_string_equal(a->heard, "R0 ");
    run_ms(200);
    assert_string_equal(a->heard, "R0 G1 O1 ");
}

static void test_an_end_that_is_safe_is_told_after_the_freeze(void **state)
{
    (void)state;
    struct pair pair = held_match();
    struct client *a = pair.clients[0];
    lose(home);
    run_ms(100);
    game_manager_result_stored(world.manager, world.results[0].match_id, world.now);
    run_ms(1000);
    assert_string_equal(a->heard, "R0 ");
    assert_int_equal(a->view.status, GAME_STATUS_ONGOING);
    regain(home);
    run_ms(40);
    assert_string_equal(a->heard, "R0 G1 O1 ");
    assert_int_equal(a->view.status, GAME_STATUS_FINISHED);
}

/* ---- a slot that goes ------------------------------------------------------------------- */

static void test_a_dropped_slot_leaves_nothing_and_deletes_nothing(void **state)
{
    (void)state;
    struct pair pair = held_match();
    struct ticket bot = create_with(user("41"), (struct game_options){.bot_level = "easy"});
    struct ticket waiting = create_public();
    struct client *c = connect_token(bot.code, bot.token);
    struct client *opening = free_client();
    assert_int_equal(admit(opening, waiting.code, waiting.token, "", ""), GAME_MANAGER_OK);
    game_manager_slot_set(world.manager, other, GAME_SLOT_OPEN);
    game_manager_set_home(world.manager, other);
    struct ticket stays = create();
    struct client *d = connect_token(stays.code, stays.token);
    assert_int_equal(game_manager_slot_rooms(world.manager, home), 3);
    assert_int_equal(game_manager_slot_rooms(world.manager, other), 1);
    run_ms(100);
    world.gone_count = 0;
    const int checkpoints = world.checkpoint_count;

    game_manager_slot_set(world.manager, home, GAME_SLOT_NONE);
    game_manager_drop_slot(world.manager, home, SESSION_CLOSE_MOVED, world.now);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_MOVED);
    assert_int_equal(pair.clients[1]->code, SESSION_CLOSE_MOVED);
    assert_int_equal(c->code, SESSION_CLOSE_MOVED);
    assert_int_equal(d->close_count, 0);
    assert_string_equal(pair.clients[0]->heard, "R0 "); /* not a word of the other's going */
    assert_int_equal(stats().rooms, 1);
    assert_int_equal(stats().ends_withheld, 0);
    assert_int_equal(stats().creators,
                     0); /* neither user 41 nor anybody else: the world's have no address */
    assert_int_equal(game_manager_slot_rooms(world.manager, home), 0);
    run_ms(3000);
    assert_int_equal(world.gone_count, 0);
    assert_int_equal(world.result_count, 1);
    /* what is said of it now finds nothing */
    game_manager_result_stored(world.manager, world.results[0].match_id, world.now);
    assert_int_equal(world.gone_count, 0);
    upgrade(opening);
    assert_int_equal(opening->code, SESSION_CLOSE_MOVED);
    assert_int_equal(check(bot.code), GAME_MANAGER_WRONG_SLOT);
    assert_int_equal(check(stays.code), GAME_MANAGER_OK);
    /* a token of a seat elsewhere is nobody's here */
    assert_string_not_equal(create_with(showing(bot.token), (struct game_options){0}).code,
                            bot.code);
    assert_true(world.checkpoint_count > checkpoints); /* of the other slot */
}

/* Neither is one that is closed already while its result is not safe, nor one whose end was not taken. */
static void test_what_was_not_told_of_a_dropped_slot_is_not_told(void **state)
{
    (void)state;
    struct pair pair = held_match();
    run_ms(65000);
    assert_int_equal(stats().rooms, 0);
    assert_int_equal(game_manager_slot_rooms(world.manager, home), 1); /* its row must stay */
    world.refuses_checkpoints = true;
    struct ticket ticket = create();
    assert_int_equal(cancel_as(showing(ticket.token), ticket.code), GAME_MANAGER_OK);
    assert_int_equal(game_manager_slot_rooms(world.manager, home), 2);
    assert_int_equal(game_manager_checkpoint_slot(world.manager, home, world.now), 1);
    world.gone_count = 0;
    game_manager_slot_set(world.manager, home, GAME_SLOT_NONE);
    game_manager_drop_slot(world.manager, home, SESSION_CLOSE_MOVED, world.now);
    assert_int_equal(game_manager_slot_rooms(world.manager, home), 0);
    world.refuses_checkpoints = false;
    run_ms(1000);
    game_manager_result_stored(world.manager, world.results[0].match_id, world.now);
    run_ms(1000);
    assert_int_equal(world.gone_count, 0);
    assert_int_equal(pair.clients[0]->close_count, 1); /* when its room was closed */
}

static void test_last_states_of_one_slot(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    run_ms(3500);
    game_manager_slot_set(world.manager, other, GAME_SLOT_OPEN);
    game_manager_set_home(world.manager, other);
    struct ticket elsewhere = create();
    run_ms(100);
    game_manager_slot_set(world.manager, home, GAME_SLOT_HANDING);
    run_ms(40);
    world.checkpoint_count = 0;
    world.refuses_checkpoints = true;
    assert_int_equal(game_manager_checkpoint_slot(world.manager, home, world.now), 1);
    world.refuses_checkpoints = false;
    assert_int_equal(game_manager_checkpoint_slot(world.manager, home, world.now), 0);
    assert_int_equal(world.checkpoint_count, 1);
    assert_string_equal(world.checkpoint.room_code, pair.room->game.room_code);
    assert_int_equal(world.checkpoint.pong.phase, PONG_RALLY); /* as it stands, not as frozen */
    assert_int_equal(check(elsewhere.code), GAME_MANAGER_OK);
    game_manager_slot_set(world.manager, home, GAME_SLOT_OPEN); /* nobody wanted it */
    run_ms(3200);
    assert_string_equal(pair.clients[0]->heard, "R0 P0 R0 ");
}

/* ---- a slot that comes ------------------------------------------------------------------ */

/* The slot's rooms go to another process, which has one of its own. */
static void move_to_another_process(struct room_checkpoint *checkpoint)
{
    assert_int_equal(game_manager_checkpoint_slot(world.manager, home, world.now), 0);
    *checkpoint = world.checkpoint;
    game_manager_free(world.manager);
    memset(world.clients, 0, sizeof world.clients);
    world.result_count = 0;
    start_manager();
    game_manager_slot_set(world.manager, other, GAME_SLOT_OPEN);
    game_manager_set_home(world.manager, other);
}

static void test_rooms_are_restored_while_others_play(void **state)
{
    struct pair pair = start_match(10);
    struct room_checkpoint checkpoint;
    (void)state;
    run_ms(3500);
    move_to_another_process(&checkpoint);
    struct ticket mine = create();
    assert_int_equal(mine.code[0], 'B');
    assert_int_equal(game_manager_restore(world.manager, &checkpoint, NULL, world.now),
                     GAME_MANAGER_SERVER_FULL); /* not its slot */
    game_manager_slot_set(world.manager, home, GAME_SLOT_LOADING);
    assert_int_equal(game_manager_restore(world.manager, &checkpoint, NULL, world.now),
                     GAME_MANAGER_OK);
    run_ms(60000); /* however long that takes, it is nobody's absence */
    assert_int_equal(check(pair.tickets[0].code), GAME_MANAGER_SLOT_MOVING);
    assert_int_equal(stats().freezes, 0);
    game_manager_slot_set(world.manager, home, GAME_SLOT_OPEN);
    run_ms(29000);
    struct client *a = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    struct client *b = connect_token(pair.tickets[1].code, pair.tickets[1].token);
    run_ms(3100);
    assert_string_equal(a->heard, "R0 ");
    assert_int_equal(b->close_count, 0);
    assert_int_equal(game_manager_slot_rooms(world.manager, home), 1);
    assert_int_equal(create().code[0], 'B');
}

static void test_only_the_loaded_slot_s_results_are_submitted_again(void **state)
{
    struct room_checkpoint checkpoint;
    (void)state;
    held_match();
    run_ms(100);
    move_to_another_process(&checkpoint);
    struct pair mine = held_match();
    assert_int_equal(mine.room->game.room_code[0], 'B');
    assert_int_equal(world.result_count, 1);
    game_manager_slot_set(world.manager, home, GAME_SLOT_LOADING);
    assert_int_equal(game_manager_restore(world.manager, &checkpoint, NULL, world.now),
                     GAME_MANAGER_OK);
    game_manager_submit_slot(world.manager, home, world.now);
    assert_int_equal(world.result_count, 2);
    assert_string_equal(world.results[1].room_code, checkpoint.room_code);
    game_manager_slot_set(world.manager, home, GAME_SLOT_OPEN);
    run_ms(100);
    assert_int_equal(stats().ends_withheld, 2);
    game_manager_result_stored(world.manager, world.results[1].match_id, world.now);
    assert_int_equal(stats().ends_withheld, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SLOTS_TEST(test_rooms_are_opened_in_the_home_slot_alone),
        SLOTS_TEST(test_a_command_sent_again_acts_once_though_its_slot_moves),
        SLOTS_TEST(test_codes_of_slots_that_are_not_ours),
        SLOTS_TEST(test_a_match_stands_still_while_its_slot_is_not_certain),
        SLOTS_TEST(test_what_comes_and_goes_meanwhile_is_told_once_and_later),
        SLOTS_TEST(test_sessions_that_play_ahead_get_keyframes_after_it),
        SLOTS_TEST(test_no_end_is_told_anyway_in_a_freeze),
        SLOTS_TEST(test_an_end_that_is_safe_is_told_after_the_freeze),
        SLOTS_TEST(test_a_dropped_slot_leaves_nothing_and_deletes_nothing),
        SLOTS_TEST(test_what_was_not_told_of_a_dropped_slot_is_not_told),
        SLOTS_TEST(test_last_states_of_one_slot),
        SLOTS_TEST(test_rooms_are_restored_while_others_play),
        SLOTS_TEST(test_only_the_loaded_slot_s_results_are_submitted_again),
    };
    return cmocka_run_group_tests_name("game_manager: slots", tests, NULL, NULL);
}
