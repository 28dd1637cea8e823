/*
 * GameManager: what must not be lost. Ends of matches that wait for their results, checkpoints, and
 * rooms taken up again.
 */
#include "tests/unit/game_world.h"

#include <string.h>

/* ---- what must not be lost ------------------------------------------------------------- */

static void result_stored(void)
{
    game_manager_result_stored(world.manager, world.results[world.result_count - 1].match_id,
                               world.now);
}

/* A match whose end waits for its result to be safe. */
static struct pair held_match(void)
{
    world.holds_results = true;
    struct pair pair = start_match(1);
    while (world.result_count == 0)
        run_ms(10);
    assert_int_equal(pair.room->game.pong.phase, PONG_FINISHED);
    return pair;
}

static void test_end_is_told_once_its_result_is_safe(void **state)
{
    (void)state;
    struct pair pair = held_match();
    struct client *a = pair.clients[0], *b = pair.clients[1];
    const int deltas = a->deltas, states = a->states;
    run_ms(900);
    assert_string_equal(a->heard, "R0 "); /* not even the goal */
    assert_int_equal(a->deltas, deltas);
    assert_int_equal(a->view.status, GAME_STATUS_ONGOING);
    game_manager_result_stored(world.manager, "00000000-0000-4000-8000-000000000000", world.now);
    assert_string_equal(a->heard, "R0 ");

    /* what happens in the meantime comes after */
    hang_up(b);
    b = connect_token(pair.tickets[1].code, pair.tickets[1].token);
    struct client *watcher = watch(pair.room->game.room_code);
    assert_int_equal(watcher->states, 0);
    say_hello(watcher, "me", "Eve");
    run_ms(100);
    assert_int_equal(watcher->states + watcher->greetings, 0);
    assert_string_equal(a->heard, "R0 ");

    result_stored();
    assert_string_equal(a->heard, "R0 G1 O1 L2 ");
    assert_int_equal(b->states, 1);
    assert_int_equal(a->view.status, GAME_STATUS_FINISHED); /* at once */
    assert_int_equal(watcher->states, 1);
    assert_int_equal(watcher->greetings, 1);
    assert_string_equal(watcher->heard, ""); /* his first state has it all */
    run_ms(100);
    assert_int_equal(a->view.status, GAME_STATUS_FINISHED);
    assert_int_equal(a->view.score[0], 1);
    assert_int_equal(a->states, states);
    assert_int_equal(a->deltas, deltas + 1);
    result_stored(); /* said twice: nothing more */
    assert_string_equal(a->heard, "R0 G1 O1 L2 ");
}

/* Who asks over REST is told no more than who is connected. */
static void test_end_that_waits_is_told_to_nobody_who_asks(void **state)
{
    (void)state;
    world.holds_results = true;
    struct ticket first =
        create_with(somebody(), (struct game_options){.winning_score = 1, .is_public = true});
    struct ticket second = join(first.code);
    connect_token(first.code, first.token);
    connect_token(second.code, second.token);
    while (world.result_count == 0)
        run_ms(10);
    const struct room *listed;
    struct game_view view;
    game_manager_view(first.room, &view);
    assert_int_equal(view.status, GAME_STATUS_ONGOING);
    assert_int_equal(view.score[0], 0);
    assert_false(view.is_paused);
    assert_int_equal(join(first.code).error, GAME_MANAGER_ROOM_FULL);
    assert_int_equal(game_manager_list(world.manager, world.now, &listed, 1), 1);

    result_stored();
    game_manager_view(first.room, &view);
    assert_int_equal(view.status, GAME_STATUS_FINISHED);
    assert_int_equal(view.score[0], 1);
    assert_true(view.is_paused);
    assert_int_equal(join(first.code).error, GAME_MANAGER_GAME_OVER);
    assert_int_equal(game_manager_list(world.manager, world.now, &listed, 1), 0);
}

static void test_end_is_told_anyway_after_two_seconds(void **state)
{
    (void)state;
    struct pair pair = held_match();
    run_ms(1940);
    assert_string_equal(pair.clients[0]->heard, "R0 ");
    run_ms(100);
    assert_string_equal(pair.clients[0]->heard, "R0 G1 O1 ");
    result_stored();
    run_ms(100);
    assert_string_equal(pair.clients[0]->heard, "R0 G1 O1 ");
}

/* Else the new match's checkpoint could be safe before the old match's result. */
static void test_no_rematch_of_a_match_whose_end_waits(void **state)
{
    (void)state;
    struct pair pair = held_match();
    for (int i = 0; i < 2; i++)
        assert_int_equal(game_manager_rematch(world.manager, pair.clients[i]->session, world.now),
                         GAME_TOO_EARLY);
    assert_int_equal(pair.room->game.pong.phase, PONG_FINISHED);
    assert_string_equal(pair.clients[0]->heard, "R0 ");
    result_stored();
    for (int i = 0; i < 2; i++)
        assert_int_equal(game_manager_rematch(world.manager, pair.clients[i]->session, world.now),
                         GAME_OK);
    assert_string_equal(pair.clients[0]->heard, "R0 G1 O1 F1 N0 ");
    forget_heard(pair.clients[0]);
    run_ms(5000); /* the second match's end waits in its turn */
    assert_int_equal(world.result_count, 2);
    assert_string_equal(pair.clients[0]->heard, "R0 ");
    game_manager_result_stored(world.manager, world.results[0].match_id, world.now);
    assert_string_equal(pair.clients[0]->heard, "R0 ");
    result_stored();
    assert_string_equal(pair.clients[0]->heard, "R0 G1 O1 ");
}

/* Going and coming: news of which the log holds only so much, so each is told once, as it is at last. */
static void test_no_event_is_lost_while_an_end_waits(void **state)
{
    (void)state;
    struct pair pair = held_match();
    struct client *a = pair.clients[0];
    for (int i = 0; i < 6; i++) {
        hang_up(pair.clients[1]);
        pair.clients[1] = connect_token(pair.tickets[1].code, pair.tickets[1].token);
    }
    assert_string_equal(a->heard, "R0 ");
    hang_up(pair.clients[1]);
    assert_string_equal(a->heard, "R0 ");
    result_stored();
    assert_string_equal(a->heard, "R0 G1 O1 L2 ");
    assert_int_equal(a->close_count, 0);
}

/* Who was behind already when the end began to wait is not sent newer events for older ones. */
static void test_slow_session_while_an_end_waits(void **state)
{
    (void)state;
    world.holds_results = true;
    struct pair pair = start_match(1);
    struct client *slow = watch(pair.room->game.room_code);
    run_ms(3040);
    forget_heard(pair.clients[0]);
    slow->blocked = true;
    for (int i = 0; i < 4; i++)
        pause_and_resume(&pair, 1 + i / 2);
    assert_int_equal(pair.room->log_next - slow->session->next_event, ROOM_LOG_SIZE / 2);
    while (world.result_count == 0)
        run_ms(5);
    slow->blocked = false;
    for (int i = 0; i < 7; i++) {
        hang_up(pair.clients[1]);
        if (i < 6)
            pair.clients[1] = connect_token(pair.tickets[1].code, pair.tickets[1].token);
    }
    result_stored();
    assert_string_equal(pair.clients[0]->heard, "P1 R0 P1 R0 P2 R0 P2 R0 G1 O1 L2 ");
    assert_int_equal(pair.clients[0]->close_count, 0);
    assert_int_equal(slow->code, SESSION_CLOSE_TOO_SLOW);
}

static void test_room_closes_while_its_end_waits(void **state)
{
    (void)state;
    struct game_manager_config config = usual;
    config.rules.rematch_ms = 500;
    game_manager_free(world.manager);
    open_world(&config);
    struct pair pair = held_match();
    char match_id[UUID_SIZE];
    strcpy(match_id, world.results[0].match_id);
    run_ms(600);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_ROOM_CLOSED);
    assert_int_equal(stats().rooms, 0);
    struct ticket other = create(); /* in the same memory */
    assert_ptr_equal(other.room, pair.room);
    game_manager_result_stored(world.manager, match_id, world.now);
    assert_int_equal(check(other.code), GAME_MANAGER_OK);
}

static void assert_checkpoints(int count)
{
    assert_int_equal(world.checkpoint_count, count);
    world.checkpoint_count = 0;
}

static void test_checkpoint_is_due_when_something_happened(void **state)
{
    (void)state;
    struct ticket first = create_with(user("41"), (struct game_options){.winning_score = 2});
    assert_checkpoints(1); /* before the answer is */
    assert_string_equal(world.checkpoint.room_code, first.code);
    assert_string_equal(world.checkpoint.creator_id, "41");
    assert_true(
        digest_equal(&world.checkpoint.creator_token, &first.room->game.seats[0].player.token));
    assert_true(world.checkpoint.seats[0].held);
    assert_false(world.checkpoint.seats[1].held);
    struct client *a = connect_token(first.code, first.token);
    run_ms(20000);
    assert_checkpoints(0); /* nothing happens in a waiting room */
    say_hello(a, first.player_id, "Zed");
    run_ms(34);
    assert_in_range(world.checkpoint_count, 1, 2);
    assert_string_equal(world.checkpoint.seats[0].username, "Zed");
    run_ms(34);
    world.checkpoint_count = 0;

    struct ticket second = join(first.code);
    assert_checkpoints(1);
    assert_true(world.checkpoint.seats[1].held);
    assert_true(
        digest_equal(&world.checkpoint.seats[1].token, &second.room->game.seats[1].player.token));
    struct ticket again = join_as(user("41"), first.code); /* another token for the seat */
    assert_checkpoints(1);
    assert_true(is_token_of(&first.room->game.seats[0].player, again.token));
    assert_true(
        digest_equal(&world.checkpoint.creator_token, &first.room->game.seats[0].player.token));

    connect_token(second.code, second.token);
    run_ms(34);
    assert_checkpoints(1);
    assert_int_equal(world.checkpoint.pong.phase, PONG_SERVING);
    run_ms(900);
    assert_checkpoints(0);
    run_ms(1000);
    assert_checkpoints(1);
    while (first.room->game.pong.phase == PONG_SERVING)
        run_ms(5);
    world.checkpoint_count = 0;
    run_ms(34);
    assert_int_equal(world.checkpoint.pong.phase, PONG_RALLY);
    while (first.room->game.pong.score[0] == 0)
        run_ms(5);
    assert_int_equal(world.checkpoint.pong.score[0], 1); /* in the very update of the goal */
    assert_int_equal(world.checkpoint.pong.phase, PONG_SERVING);
    while (first.room->game.pong.phase != PONG_FINISHED)
        run_ms(5);
    assert_int_equal(world.checkpoint.pong.phase, PONG_FINISHED);
    run_ms(34);
    world.checkpoint_count = 0;
    run_ms(5000);
    assert_checkpoints(0);
}

static void test_checkpoint_each_second_of_a_rally(void **state)
{
    (void)state;
    struct ticket ticket = create_with(somebody(), (struct game_options){.bot_level = "hard"});
    struct client *client = connect_token(ticket.code, ticket.token);
    run_ms(3040);
    assert_int_equal(ticket.room->game.pong.phase, PONG_RALLY);
    game_manager_pause(world.manager, client->session, world.now);
    run_ms(34);
    world.checkpoint_count = 0;
    world.partial_count = 0;
    run_ms(20 * 1034);
    assert_in_range(world.checkpoint_count, 19, 21);
    assert_in_range(world.partial_count, 19, world.checkpoint_count);
}

static void test_refused_checkpoint_is_tried_again(void **state)
{
    (void)state;
    world.refuses_checkpoints = true;
    struct ticket ticket = create();
    assert_int_equal(ticket.error, GAME_MANAGER_OK);
    connect_token(ticket.code, ticket.token);
    assert_int_equal(world.refused_checkpoints, 1);
    run_ms(500);
    assert_true(world.refused_checkpoints > 5);
    assert_int_equal(game_manager_checkpoint_all(world.manager, world.now), 1);
    world.refuses_checkpoints = false;
    run_ms(34);
    assert_in_range(world.checkpoint_count, 1, 1);
    assert_string_equal(world.checkpoint.room_code, ticket.code);
    run_ms(500);
    assert_checkpoints(1);
    assert_int_equal(game_manager_checkpoint_all(world.manager, world.now), 0);
    assert_checkpoints(1);
    run_ms(500);
    assert_checkpoints(0);

    /* of a room in which nobody is, too */
    world.refuses_checkpoints = true;
    ticket = create();
    world.refuses_checkpoints = false;
    run_ms(1000);
    assert_checkpoints(1);
    assert_string_equal(world.checkpoint.room_code, ticket.code);
}

static void test_rooms_that_are_gone_are_told(void **state)
{
    (void)state;
    struct ticket ticket = create();
    assert_int_equal(cancel_as(showing(ticket.token), ticket.code), GAME_MANAGER_OK);
    assert_int_equal(world.gone_count, 1);
    assert_string_equal(world.gone_code, ticket.code);
    run_ms(1000);
    assert_int_equal(world.gone_count, 1);

    ticket = create();
    run_ms(121000); /* nobody ever came */
    assert_int_equal(world.gone_count, 2);
    assert_string_equal(world.gone_code, ticket.code);

    /* refused at first */
    world.refuses_checkpoints = true;
    for (int i = 0; i < 5 * MAX_ROOMS; i++) {
        ticket = create();
        assert_int_equal(cancel_as(showing(ticket.token), ticket.code), GAME_MANAGER_OK);
    }
    run_ms(1000);
    assert_int_equal(world.gone_count, 2);
    world.refuses_checkpoints = false;
    jump_ms(1000);
    assert_int_equal(world.gone_count, 2 + 2 * MAX_ROOMS); /* the newest of them */
    run_ms(2000);
    assert_int_equal(world.gone_count, 2 + 2 * MAX_ROOMS);
}

/* The process ends, and there is another, with no room yet. Tickets and checkpoints are still good. */
static void restart(void)
{
    assert_int_equal(game_manager_checkpoint_all(world.manager, world.now), 0);
    game_manager_free(world.manager);
    memset(world.clients, 0, sizeof world.clients);
    world.result_count = world.gone_count = 0;
    set_time(world.now.mono_ns + 7 * SECOND);
    start_manager();
}

static int restore(const struct match_result *result)
{
    return game_manager_restore(world.manager, &world.checkpoint, result, world.now);
}

static void test_match_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct ticket first =
        create_with(user("41"), (struct game_options){.is_public = true, .winning_score = 1});
    struct ticket second = join(first.code);
    connect_token(first.code, first.token);
    connect_token(second.code, second.token);
    run_ms(3100);
    assert_int_equal(first.room->game.pong.phase, PONG_RALLY);
    restart();
    assert_int_equal(restore(NULL), GAME_MANAGER_OK);
    assert_int_equal(stats().rooms, 1);
    assert_int_equal(stats().rooms_ongoing, 1);
    assert_int_equal(restore(NULL), GAME_MANAGER_SERVER_FULL); /* it is there already */
    world.checkpoint_count = 0;
    run_ms(34);
    assert_checkpoints(1);

    const struct room *rooms[GAME_MANAGER_LIST_MAX];
    assert_int_equal(list(rooms), 1);
    assert_string_equal(rooms[0]->game.room_code, first.code);
    assert_int_equal(check(first.code), GAME_MANAGER_OK);
    assert_int_equal(join(first.code).error, GAME_MANAGER_ROOM_FULL);
    struct ticket same = join_as(showing(second.token), first.code);
    assert_int_equal(same.seat, 2);
    assert_true(same.reconnecting);
    assert_string_equal(same.token, second.token);
    same = join_as(with_cookie(second.token), first.code);
    assert_int_equal(same.seat, 2);
    assert_string_equal(create_with(showing(second.token), (struct game_options){0}).code,
                        first.code);
    same = join_as(user("41"), first.code); /* by who he is */
    assert_int_equal(same.seat, 1);

    struct client *b = connect_token(second.code, second.token);
    assert_int_equal(b->session->seat, 2);
    struct client *a = connect_token(same.code, same.token);
    assert_int_equal(a->session->seat, 1);
    run_ms(3040);
    assert_string_equal(a->heard, "R0 ");
    run_ms(2000);
    assert_string_equal(a->heard, "R0 G1 O1 ");
    assert_int_equal(world.result_count, 1);
    assert_string_equal(world.results[0].player_id[0], "41");
    assert_true(world.results[0].duration_s > 6.5 && world.results[0].duration_s < 7.5);
}

static void test_waiting_room_after_a_restart(void **state)
{
    (void)state;
    struct ticket first = create_public();
    restart();
    assert_int_equal(restore(NULL), GAME_MANAGER_OK);
    assert_string_equal(create_with(showing(first.token), (struct game_options){0}).code,
                        first.code); /* at once, before any update */
    struct client *a = connect_token(first.code, first.token);
    const struct room *rooms[GAME_MANAGER_LIST_MAX];
    assert_int_equal(list(rooms), 1);
    struct ticket second = quick_as(somebody());
    assert_string_equal(second.code, first.code);
    assert_int_equal(second.seat, 2);
    hang_up(a);

    first = create();
    restart();
    assert_int_equal(restore(NULL), GAME_MANAGER_OK);
    assert_int_equal(cancel_as(somebody(), first.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(cancel_as(showing(first.token), first.code), GAME_MANAGER_OK);
    assert_string_equal(world.gone_code, first.code);
}

static void test_bot_after_a_restart(void **state)
{
    (void)state;
    struct ticket ticket =
        create_with(somebody(), (struct game_options){.winning_score = 1, .bot_level = "easy"});
    connect_token(ticket.code, ticket.token);
    run_ms(3100);
    restart();
    assert_int_equal(restore(NULL), GAME_MANAGER_OK);
    assert_int_equal(stats().connections, 0);
    struct client *client = connect_token(ticket.code, ticket.token);
    const struct room *room = client->session->room;
    assert_int_equal(room->session_count, 1);
    int32_t paddle_y = room->game.pong.paddle_y[1];
    bool has_moved = false;
    for (int i = 0; i < 600 && world.result_count == 0; i++) {
        run_ms(100);
        has_moved |= room->game.pong.paddle_y[1] != paddle_y;
    }
    assert_true(has_moved);
    assert_int_equal(world.result_count, 1);
    assert_int_equal(game_manager_rematch(world.manager, client->session, world.now), GAME_OK);
    assert_int_equal(room->game.pong.phase, PONG_SERVING);
}

static void test_committed_end_beats_the_checkpoint(void **state)
{
    (void)state;
    struct pair pair = start_match(1);
    run_ms(3100);
    const struct match_result result = {.score = {1, 0}, .winner = 1, .finished_at_unix = 1.7e9};
    restart();
    assert_int_equal(restore(&result), GAME_MANAGER_OK);
    assert_int_equal(stats().rooms_finished, 1);
    assert_int_equal(join(pair.tickets[0].code).error, GAME_MANAGER_GAME_OVER);
    struct client *a = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    struct client *b = connect_token(pair.tickets[1].code, pair.tickets[1].token);
    run_ms(5000);
    assert_int_equal(a->view.status, GAME_STATUS_FINISHED);
    assert_int_equal(a->view.score[0], 1);
    assert_string_equal(a->heard, "");
    assert_int_equal(world.result_count, 0); /* it is not handed over again */
    game_manager_rematch(world.manager, a->session, world.now);
    game_manager_rematch(world.manager, b->session, world.now);
    assert_string_equal(a->heard, "F1 N0 ");
}

/* Its checkpoint was safe, its result was not: the same result is handed over, and then it is told. */
static void test_end_whose_result_was_not_safe_is_submitted_again(void **state)
{
    (void)state;
    world.holds_results = true;
    struct pair pair = start_match(1);
    run_ms(3040);
    while (world.result_count == 0)
        run_ms(5);
    run_ms(34);
    assert_int_equal(world.checkpoint.pong.phase, PONG_FINISHED);
    const struct match_result before = world.results[0];
    assert_true(before.duration_s > 3);
    run_ms(300);
    restart();
    assert_int_equal(restore(NULL), GAME_MANAGER_OK);
    assert_int_equal(world.result_count, 0); /* nobody could take it yet */
    game_manager_submit_restored(world.manager, world.now);
    assert_int_equal(world.result_count, 1);
    assert_memory_equal(&world.results[0], &before, sizeof before);
    struct client *a = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    run_ms(1000);
    assert_int_equal(a->states, 0);
    result_stored();
    assert_int_equal(a->states, 1);
    assert_int_equal(a->view.status, GAME_STATUS_FINISHED);

    /* nobody takes it: nothing to wait for */
    world.holds_results = false;
    restart();
    assert_int_equal(restore(NULL), GAME_MANAGER_OK);
    game_manager_submit_restored(world.manager, world.now);
    a = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    run_ms(34);
    assert_int_equal(a->view.status, GAME_STATUS_FINISHED);
}

/* A checkpoint from before the second player came, of a match that has a result. */
static void test_end_of_a_match_whose_player_is_unknown(void **state)
{
    (void)state;
    struct ticket ticket = create();
    const struct match_result result = {.score = {1, 0}, .winner = 1, .finished_at_unix = 1.7e9};
    restart();
    assert_int_equal(restore(&result), GAME_MANAGER_OK);
    assert_int_equal(stats().rooms, 0);
    assert_int_equal(world.gone_count, 1);
    assert_string_equal(world.gone_code, ticket.code);
    game_manager_submit_restored(world.manager, world.now);
    assert_int_equal(world.result_count, 0);
}

static void test_rooms_that_have_no_place_are_not_restored(void **state)
{
    (void)state;
    create();
    restart();
    struct room_checkpoint foreign = world.checkpoint;
    foreign.room_code[0] = 'B';
    assert_int_equal(game_manager_restore(world.manager, &foreign, NULL, world.now),
                     GAME_MANAGER_SERVER_FULL);
    assert_int_equal(stats().rooms, 0);
    struct room_checkpoint mine = world.checkpoint;
    for (int i = 0; i < MAX_ROOMS; i++)
        create();
    assert_int_equal(game_manager_restore(world.manager, &mine, NULL, world.now),
                     GAME_MANAGER_SERVER_FULL);
    assert_int_equal(stats().rooms, MAX_ROOMS);
}

/* ---- all ----------------------------------------------------------------------------- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_end_is_told_once_its_result_is_safe),
        TEST(test_end_that_waits_is_told_to_nobody_who_asks),
        TEST(test_end_is_told_anyway_after_two_seconds),
        TEST(test_no_rematch_of_a_match_whose_end_waits),
        TEST(test_no_event_is_lost_while_an_end_waits),
        TEST(test_slow_session_while_an_end_waits),
        TEST(test_room_closes_while_its_end_waits),
        TEST(test_checkpoint_is_due_when_something_happened),
        TEST(test_checkpoint_each_second_of_a_rally),
        TEST(test_refused_checkpoint_is_tried_again),
        TEST(test_rooms_that_are_gone_are_told),
        TEST(test_match_goes_on_after_a_restart),
        TEST(test_waiting_room_after_a_restart),
        TEST(test_bot_after_a_restart),
        TEST(test_committed_end_beats_the_checkpoint),
        TEST(test_end_whose_result_was_not_safe_is_submitted_again),
        TEST(test_end_of_a_match_whose_player_is_unknown),
        TEST(test_rooms_that_have_no_place_are_not_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
