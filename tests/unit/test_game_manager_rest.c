/*
 * GameManager: what REST asks for. Create, join, quick, list, check and cancel, and the answers to
 * what is sent again.
 */
#include "tests/unit/game_world.h"

#include <stdio.h>
#include <string.h>

/* ---- create -------------------------------------------------------------------------- */

static void test_create_seats_its_caller(void **state)
{
    (void)state;
    struct game_caller caller = somebody();
    struct ticket ticket = create_with(caller, (struct game_options){0});
    assert_int_equal(ticket.error, GAME_MANAGER_OK);
    assert_int_equal(ticket.seat, 1);
    assert_true(ticket.created);
    assert_false(ticket.reconnecting);
    assert_string_equal(ticket.token, caller.new_token);
    const struct game *game = &ticket.room->game;
    const struct game_player *player = &game->seats[0].player;
    assert_true(player->is_guest);
    assert_int_equal(strlen(player->player_id), 14);
    assert_memory_equal(player->player_id, "guest-", 6);
    assert_int_equal(strspn(player->player_id + 6, "0123456789abcdefghijklmnopqrstuvwxyz"), 8);
    assert_int_equal(strlen(player->username), 10);
    assert_memory_equal(player->username, "Guest-", 6);
    assert_int_equal(strspn(player->username + 6, "0123456789"), 4);
    assert_int_equal(game->pong.winning_score, 10);
    assert_false(game->is_public);
    assert_int_equal(game_state_status(game), GAME_STATUS_WAITING);
    assert_int_equal(game_manager_active_sessions(ticket.room), 0);
    assert_int_equal(stats().rooms, 1);
    assert_int_equal(stats().rooms_waiting, 1);
    assert_int_equal(stats().rooms_created, 1);
}

static void test_create_takes_name_identity_and_options(void **state)
{
    (void)state;
    struct game_caller caller = user("42");
    caller.username = "Zo\xc3\xab";
    struct ticket ticket =
        create_with(caller, (struct game_options){.is_public = true, .winning_score = 21});
    const struct game_player *player = &ticket.room->game.seats[0].player;
    assert_string_equal(player->player_id, "42");
    assert_string_equal(player->username, "Zo\xc3\xab");
    assert_false(player->is_guest);
    assert_true(ticket.room->game.is_public);
    assert_int_equal(ticket.room->game.pong.winning_score, 21);

    static const char *const levels[] = {"easy", "normal", "hard"};
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "bot-%s", levels[i]);
        ticket = create_with(somebody(),
                             (struct game_options){.winning_score = 1, .bot_level = levels[i]});
        const struct game_seat *seat = &ticket.room->game.seats[1];
        assert_int_equal(ticket.seat, 1);
        assert_true(seat->held && seat->connected && seat->player.is_bot);
        assert_string_equal(seat->player.player_id, id);
        assert_string_equal(seat->player.username, "Bot");
        assert_true(is_token_of(&seat->player, ""));
        assert_int_equal(game_state_status(&ticket.room->game), GAME_STATUS_ONGOING);
        assert_int_equal(ticket.room->game.pong.phase, PONG_WAITING); /* for its human */
        assert_int_equal(ticket.room->session_count, 0);
        assert_int_equal(ticket.room->spectator_count, 0);
    }
    assert_int_equal(stats().connections, 0); /* bots are none */
}

static void test_longest_names_are_taken_whole(void **state)
{
    (void)state;
    char id[PLAYER_ID_SIZE], name[USERNAME_SIZE];
    memset(id, 'i', sizeof id - 1);
    memset(name, 'n', sizeof name - 1);
    id[sizeof id - 1] = name[sizeof name - 1] = '\0';
    struct game_caller caller = user(id);
    caller.username = name;
    struct ticket ticket = create_with(caller, (struct game_options){0});
    assert_string_equal(ticket.player_id, id);
    assert_string_equal(ticket.room->game.seats[0].player.username, name);
    assert_int_equal(cancel_as(user(id), ticket.code), GAME_MANAGER_OK);
    assert_int_equal(cancel_as(user(id), ticket.code), GAME_MANAGER_OK);
}

static void test_room_codes(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    int seen[5][32] = {{0}};
    char last[ROOM_CODE_SIZE] = "";
    for (int i = 0; i < 1000; i++) {
        struct ticket ticket = create();
        assert_int_equal(strlen(ticket.code), 6);
        assert_int_equal(ticket.code[0], 'A');
        assert_string_not_equal(ticket.code, last);
        strcpy(last, ticket.code);
        for (int at = 1; at < 6; at++) {
            const char *digit = strchr(alphabet, ticket.code[at]);
            assert_non_null(digit);
            seen[at - 1][digit - alphabet]++;
        }
        assert_int_equal(cancel_as(showing(ticket.token), ticket.code), GAME_MANAGER_OK);
    }
    for (int at = 0; at < 5; at++)
        for (int digit = 0; digit < 32; digit++)
            assert_in_range(seen[at][digit], 1, 120); /* 31 are to be expected */
}

static void test_create_sent_again_makes_no_second_room(void **state)
{
    (void)state;
    struct game_caller caller = somebody();
    struct ticket first = create_with(caller, (struct game_options){0});
    run_ms(2000);
    struct ticket again = create_with(caller, (struct game_options){.winning_score = 3});
    assert_int_equal(again.error, GAME_MANAGER_OK);
    assert_string_equal(again.code, first.code);
    assert_string_equal(again.token, first.token);
    assert_string_equal(again.player_id, first.player_id);
    assert_int_equal(again.seat, 1);
    assert_true(again.created);
    assert_int_equal(stats().rooms, 1);

    /* an explicit token that holds a seat: that room again; a cookie: a new room */
    again = create_with(showing(first.token), (struct game_options){0});
    assert_string_equal(again.code, first.code);
    assert_string_equal(again.token, first.token);
    assert_int_equal(stats().rooms, 1);
    again = create_with(with_cookie(first.token), (struct game_options){0});
    assert_string_not_equal(again.code, first.code);
    assert_int_equal(stats().rooms, 2);

    /* a token that holds nothing is no hindrance */
    again = create_with(showing(fresh_token()), (struct game_options){0});
    assert_int_equal(again.error, GAME_MANAGER_OK);
    assert_int_equal(stats().rooms, 3);
}

static void test_token_of_a_lost_seat_holds_nothing(void **state)
{
    (void)state;
    struct game_caller caller = somebody();
    struct ticket first = create_with(caller, (struct game_options){0});
    struct client *spectator = watch(first.code); /* keeps the room, not the seat */
    run_ms(31000);
    assert_false(first.room->game.seats[0].held);
    struct ticket again = create_with(caller, (struct game_options){0});
    assert_string_not_equal(again.code, first.code);
    assert_int_equal(admit(free_client(), first.code, first.token, "", ""), GAME_MANAGER_BAD_TOKEN);
    struct ticket other = join(first.code);
    assert_int_equal(other.seat, 1); /* the lowest that is free */
    assert_int_equal(spectator->close_count, 0);
}

static void test_pools_have_an_end(void **state)
{
    (void)state;
    struct ticket tickets[MAX_ROOMS];
    for (int i = 0; i < MAX_ROOMS; i++) {
        tickets[i] = create();
        assert_int_equal(tickets[i].error, GAME_MANAGER_OK);
    }
    assert_int_equal(create().error, GAME_MANAGER_SERVER_FULL);
    assert_int_equal(quick_as(somebody()).error, GAME_MANAGER_SERVER_FULL);
    assert_int_equal(stats().limits[GAME_LIMIT_ROOMS], 2);
    assert_int_equal(join(tickets[3].code).error, GAME_MANAGER_OK); /* needs no room */
    assert_int_equal(cancel_as(showing(tickets[7].token), tickets[7].code), GAME_MANAGER_OK);
    assert_int_equal(create().error, GAME_MANAGER_OK);
    assert_int_equal(create().error, GAME_MANAGER_SERVER_FULL);

    struct client *last = NULL;
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        last = free_client();
        assert_int_equal(admit(last, tickets[0].code, tickets[0].token, "", ""), GAME_MANAGER_OK);
        assert_int_equal(stats().connections, i + 1);
    }
    struct client *late = free_client();
    assert_int_equal(admit(late, tickets[0].code, tickets[0].token, "", ""),
                     GAME_MANAGER_SERVER_FULL);
    hang_up(last); /* its handshake came to nothing */
    assert_int_equal(admit(late, tickets[0].code, tickets[0].token, "", ""), GAME_MANAGER_OK);
    upgrade(late);
    assert_int_equal(late->session->seat, 1);
}

/* ---- join ---------------------------------------------------------------------------- */

static void test_join_takes_the_free_seat(void **state)
{
    (void)state;
    struct ticket first = create();
    struct game_caller caller = somebody();
    caller.username = "Bob";
    struct ticket second = join_as(caller, first.code);
    assert_int_equal(second.error, GAME_MANAGER_OK);
    assert_int_equal(second.seat, 2);
    assert_false(second.created);
    assert_false(second.reconnecting);
    assert_string_equal(second.token, caller.new_token);
    assert_string_equal(second.room->game.seats[1].player.username, "Bob");
    assert_int_equal(game_state_status(&first.room->game), GAME_STATUS_ONGOING);
    assert_int_equal(join(first.code).error, GAME_MANAGER_ROOM_FULL);
    assert_int_equal(join("AZZZZZ").error, GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(join("").error, GAME_MANAGER_ROOM_NOT_FOUND);
    struct ticket bots = create_with(somebody(), (struct game_options){.bot_level = "hard"});
    assert_int_equal(join(bots.code).error, GAME_MANAGER_ROOM_FULL);
    assert_int_equal(join_as(user("bot-hard"), bots.code).error, GAME_MANAGER_ROOM_FULL);
}

static void test_join_sent_again_takes_no_second_seat(void **state)
{
    (void)state;
    struct ticket first = create();
    struct game_caller caller = somebody();
    struct ticket second = join_as(caller, first.code);
    struct ticket again = join_as(caller, first.code);
    assert_int_equal(again.error, GAME_MANAGER_OK);
    assert_int_equal(again.seat, 2);
    assert_false(again.reconnecting);
    assert_string_equal(again.token, second.token);
    assert_string_equal(again.player_id, second.player_id);

    /* with the token shown outright: the seat again, and no other token */
    again = join_as(showing(second.token), first.code);
    assert_int_equal(again.seat, 2);
    assert_true(again.reconnecting);
    assert_string_equal(again.token, second.token);
    again = join_as(showing(first.token), first.code);
    assert_int_equal(again.seat, 1);
    assert_true(again.reconnecting);
    assert_string_equal(again.token, first.token);
}

static void test_identity_gets_its_seat_back_with_a_new_token(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){0});
    struct game_caller caller = user("42");
    struct ticket again = join_as(caller, first.code);
    assert_int_equal(again.seat, 1);
    assert_true(again.reconnecting);
    assert_string_equal(again.token, caller.new_token);
    assert_int_equal(game_state_player_count(&first.room->game), 1); /* no playing oneself */
    /* the old token is void everywhere */
    assert_int_equal(admit(free_client(), first.code, first.token, "", ""), GAME_MANAGER_BAD_TOKEN);
    assert_int_equal(join_as(showing(first.token), first.code).seat, 2);
    assert_string_not_equal(create_with(showing(first.token), (struct game_options){0}).code,
                            first.code);
    assert_string_equal(create_with(showing(again.token), (struct game_options){0}).code,
                        first.code);
    /* and the new one is the creator's */
    assert_int_equal(cancel_as(showing(first.token), first.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(cancel_as(showing(again.token), first.code), GAME_MANAGER_ALREADY_STARTED);
}

static void test_resent_join_of_an_identity_gets_the_same_answer(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){0});
    struct game_caller caller = user("42");
    assert_true(join_as(caller, first.code).reconnecting);
    struct ticket again = join_as(caller, first.code);
    assert_string_equal(again.token, caller.new_token);
    assert_true(again.reconnecting);
}

static void test_answers_are_remembered_by_token_not_by_seat(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){0});
    struct client *keeper = watch(first.code);
    assert_true(join_as(user("42"), first.code).reconnecting);
    run_ms(31000); /* he never came: another has his seat */
    struct game_caller caller = somebody();
    assert_int_equal(join_as(caller, first.code).seat, 1);
    struct ticket again = join_as(caller, first.code);
    assert_int_equal(again.seat, 1);
    assert_false(again.reconnecting);
    assert_false(again.created);
    hang_up(keeper);
}

static void test_identity_is_not_for_guests(void **state)
{
    (void)state;
    struct ticket first = create(); /* a guest's id is public: it proves nothing */
    struct ticket second = join_as(user(first.player_id), first.code);
    assert_int_equal(second.seat, 2);
    assert_false(second.reconnecting);
    assert_int_equal(join_as(somebody(), first.code).error, GAME_MANAGER_ROOM_FULL);
    assert_int_equal(cancel_as(user(first.player_id), first.code), GAME_MANAGER_NOT_CREATOR);
}

/* Two tabs of one browser share their cookies and may play each other. */
static void test_cookie_gives_a_seat_back_unless_its_holder_is_there(void **state)
{
    (void)state;
    /* gone: his seat */
    struct ticket first = create();
    run_ms(6000);
    struct ticket again = join_as(with_cookie(first.token), first.code);
    assert_int_equal(again.seat, 1);
    assert_true(again.reconnecting);
    assert_string_equal(again.token, first.token);

    /* connected: the other seat */
    struct client *client = connect_token(first.code, first.token);
    struct ticket second = join_as(with_cookie(first.token), first.code);
    assert_int_equal(second.seat, 2);
    assert_false(second.reconnecting);

    /* connected, and no other seat: his */
    again = join_as(with_cookie(first.token), first.code);
    assert_int_equal(again.seat, 1);
    assert_true(again.reconnecting);
    hang_up(client);

    /* asking about the room without a socket is being there */
    struct ticket other = create();
    assert_int_equal(check_as(with_cookie(other.token), other.code), GAME_MANAGER_OK);
    assert_int_equal(join_as(with_cookie(other.token), other.code).seat, 2);

    /* a stale cookie is no worse than none, and an explicit token goes before a cookie */
    struct ticket third = create();
    assert_int_equal(join_as(with_cookie(fresh_token()), third.code).seat, 2);
    again = join_as(with(with_cookie(other.token), third.token, false), third.code);
    assert_int_equal(again.seat, 1);
    assert_true(again.reconnecting);
}

static void test_room_that_has_ended(void **state)
{
    (void)state;
    struct pair pair = finished_match();
    const char *code = pair.tickets[0].code;
    assert_int_equal(join(code).error, GAME_MANAGER_GAME_OVER);
    assert_int_equal(join_as(showing(pair.tickets[1].token), code).seat, 2); /* for a rematch */
    assert_int_equal(cancel_as(showing(pair.tickets[0].token), code), GAME_MANAGER_ALREADY_STARTED);
    assert_int_equal(check(code), GAME_MANAGER_OK);
    run_ms(61000);
    /* gone, and remembered for a minute */
    assert_int_equal(join(code).error, GAME_MANAGER_GAME_OVER);
    assert_int_equal(join_as(showing(pair.tickets[0].token), code).error, GAME_MANAGER_GAME_OVER);
    assert_int_equal(check(code), GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(cancel_as(showing(pair.tickets[0].token), code), GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(admit(free_client(), code, "", "", ""), GAME_MANAGER_GAME_OVER);
    assert_int_equal(admit(free_client(), code, pair.tickets[0].token, "", ""),
                     GAME_MANAGER_GAME_OVER);
    run_ms(60000);
    assert_int_equal(join(code).error, GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(admit(free_client(), code, "", "", ""), GAME_MANAGER_ROOM_NOT_FOUND);
}

/* ---- quick, list --------------------------------------------------------------------- */

static void test_quick_opens_a_room_or_joins_who_waits_longest(void **state)
{
    (void)state;
    struct game_caller caller = somebody();
    struct ticket first = quick_as(caller);
    assert_int_equal(first.error, GAME_MANAGER_OK);
    assert_true(first.created);
    assert_int_equal(first.seat, 1);
    assert_true(first.room->game.is_public);
    assert_string_equal(quick_as(caller).code, first.code); /* sent again */
    assert_true(quick_as(caller).created);
    assert_int_equal(stats().rooms, 1);

    run_ms(1000);
    struct ticket later = create_public();
    create();
    assert_int_equal(game_manager_waiting(world.manager, world.now), 2);
    caller = somebody();
    struct ticket second = quick_as(caller);
    assert_string_equal(second.code, first.code);
    assert_int_equal(game_manager_waiting(world.manager, world.now), 1);
    assert_int_equal(second.seat, 2);
    assert_false(second.created);
    assert_string_equal(second.token, caller.new_token);
    struct ticket again = quick_as(caller);
    assert_string_equal(again.code, first.code);
    assert_false(again.created);
    assert_string_equal(quick_as(somebody()).code, later.code);
    assert_int_equal(game_manager_waiting(world.manager, world.now), 0);
    assert_true(quick_as(somebody()).created);
    assert_int_equal(game_manager_waiting(world.manager, world.now), 1);
    run_ms(6000); /* he did not stay to play */
    assert_int_equal(game_manager_waiting(world.manager, world.now), 0);
}

static void test_quick_passes_over_what_is_not_for_its_caller(void **state)
{
    (void)state;
    struct ticket hidden = create();
    struct ticket bots =
        create_with(somebody(), (struct game_options){.is_public = true, .bot_level = "easy"});
    struct ticket left = create_public(); /* whose creator does not stay */
    run_ms(6000);
    struct ticket own = create_with(user("42"), (struct game_options){.is_public = true});
    struct ticket got[4] = {
        quick_as(user("42")),
        quick_as(showing(own.token)),
        quick_as(with_cookie(own.token)),
        quick_as(user("43")),
    };
    assert_true(got[0].created);
    assert_string_not_equal(got[0].code, own.code);
    assert_string_equal(got[1].code, got[0].code);
    assert_true(got[2].created);
    assert_string_equal(got[3].code, own.code);
    assert_int_equal(game_state_player_count(&hidden.room->game), 1);
    assert_int_equal(game_state_player_count(&left.room->game), 1);

    /* a bot whose human never came waits for nobody: it has its room to itself */
    const struct room *rooms[GAME_MANAGER_LIST_MAX];
    struct client *keeper = watch(bots.code);
    run_ms(31000);
    assert_false(bots.room->game.seats[0].held);
    assert_int_equal(game_manager_list(world.manager, world.now, rooms, GAME_MANAGER_LIST_MAX), 0);
    assert_true(quick_as(somebody()).created);
    hang_up(keeper);

    /* who comes back is to be played again */
    struct ticket away = create_public();
    run_ms(6000);
    struct client *client = connect_token(away.code, away.token);
    assert_string_equal(quick_as(somebody()).code, away.code);
    hang_up(client);
}

static void test_resent_quick_gets_the_same_answer_in_either_seat(void **state)
{
    (void)state;
    struct ticket first = create_public();
    struct ticket second = join(first.code);
    struct client *client = connect_token(first.code, second.token);
    run_ms(31000); /* the creator never came: his seat is free */
    struct game_caller caller = somebody();
    struct ticket third = quick_as(caller);
    assert_string_equal(third.code, first.code);
    assert_int_equal(third.seat, 1);
    assert_false(third.created);
    assert_false(quick_as(caller).created);
    hang_up(client);
}

static void test_list_shows_public_rooms_newest_first(void **state)
{
    (void)state;
    const struct room *rooms[GAME_MANAGER_LIST_MAX];
    assert_int_equal(list(rooms), 0);
    struct ticket first = create_public();
    create();
    struct ticket second = create_public();
    struct ticket bots =
        create_with(somebody(), (struct game_options){.is_public = true, .bot_level = "easy"});
    struct client *players[4] = {connect_token(bots.code, bots.token)};
    assert_int_equal(list(rooms), 3);
    assert_ptr_equal(rooms[0], bots.room);
    assert_ptr_equal(rooms[1], second.room);
    assert_ptr_equal(rooms[2], first.room);
    assert_int_equal(game_manager_list(world.manager, world.now, rooms, 2), 2);
    assert_ptr_equal(rooms[1], second.room);
    assert_int_equal(game_manager_list(world.manager, world.now, rooms, 0), 0);

    /* whose creator is away is not shown; who polls is there */
    run_ms(4000);
    check_as(showing(first.token), first.code);
    run_ms(2000);
    assert_int_equal(list(rooms), 2);
    assert_ptr_equal(rooms[1], first.room);

    /* running: shown, whoever is away; ended: not */
    struct ticket third =
        create_with(somebody(), (struct game_options){.is_public = true, .winning_score = 1});
    struct ticket fourth = join(third.code);
    players[1] = connect_token(third.code, third.token);
    players[2] = connect_token(third.code, fourth.token);
    hang_up(players[2]);
    run_ms(10000);
    assert_int_equal(list(rooms), 2);
    assert_ptr_equal(rooms[0], third.room);
    players[2] = connect_token(third.code, fourth.token);
    run_ms(8000);
    assert_int_equal(third.room->game.pong.phase, PONG_FINISHED);
    assert_int_equal(list(rooms), 1);
    assert_ptr_equal(rooms[0], bots.room);
}

/* ---- check, cancel ------------------------------------------------------------------- */

static void test_check_keeps_a_waiting_seat(void **state)
{
    (void)state;
    assert_int_equal(check("AZZZZZ"), GAME_MANAGER_ROOM_NOT_FOUND);
    struct ticket by_token = create();
    struct ticket by_cookie = create();
    struct ticket by_identity = create_with(user("42"), (struct game_options){0});
    struct ticket by_nobody = create();
    for (int i = 0; i < 20; i++) {
        run_ms(10000);
        assert_int_equal(check_as(showing(by_token.token), by_token.code), GAME_MANAGER_OK);
        assert_int_equal(check_as(with_cookie(by_cookie.token), by_cookie.code), GAME_MANAGER_OK);
        assert_int_equal(check_as(user("42"), by_identity.code), GAME_MANAGER_OK);
        if (i < 11) {
            assert_int_equal(check(by_nobody.code), GAME_MANAGER_OK);
            check_as(user("43"), by_nobody.code);
            check_as(showing(by_token.token), by_nobody.code);
            check_as(user(by_nobody.player_id), by_nobody.code);
        }
        if (i == 3)
            assert_false(by_nobody.room->game.seats[0].held);
    }
    assert_true(by_token.room->game.seats[0].held);
    assert_true(by_cookie.room->game.seats[0].held);
    assert_true(by_identity.room->game.seats[0].held);
    assert_int_equal(check(by_nobody.code), GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(stats().rooms, 3);
}

static void test_cancel_is_for_the_creator_while_waiting(void **state)
{
    (void)state;
    assert_int_equal(cancel_as(somebody(), "AZZZZZ"), GAME_MANAGER_ROOM_NOT_FOUND);
    struct ticket ticket = create_with(user("42"), (struct game_options){0});
    struct client *player = connect_token(ticket.code, ticket.token);
    struct client *spectator = watch(ticket.code);
    assert_int_equal(cancel_as(somebody(), ticket.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(cancel_as(user("43"), ticket.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(cancel_as(showing(fresh_token()), ticket.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(cancel_as(showing(""), ticket.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(player->close_count, 0);
    assert_int_equal(cancel_as(user("42"), ticket.code), GAME_MANAGER_OK);
    assert_int_equal(player->code, SESSION_CLOSE_ROOM_CLOSED);
    assert_int_equal(spectator->code, SESSION_CLOSE_ROOM_CLOSED);
    assert_string_equal(spectator->heard, ""); /* nobody left: the room did */
    assert_int_equal(stats().connections, 2);  /* until their sockets are gone */
    assert_int_equal(check(ticket.code), GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(join(ticket.code).error, GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(admit(free_client(), ticket.code, ticket.token, "", ""),
                     GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(world.result_count, 0);

    ticket = create();
    assert_int_equal(cancel_as(with_cookie(ticket.token), ticket.code), GAME_MANAGER_OK);
    ticket = create();
    struct game_caller caller = with(showing(fresh_token()), ticket.token, true);
    assert_int_equal(cancel_as(caller, ticket.code), GAME_MANAGER_OK);
}

static void test_cancel_comes_too_late_when_both_seats_are_taken(void **state)
{
    (void)state;
    struct ticket first = create();
    struct ticket second = join(first.code);
    assert_int_equal(cancel_as(showing(second.token), first.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(cancel_as(showing(first.token), first.code), GAME_MANAGER_ALREADY_STARTED);
    struct ticket bots = create_with(somebody(), (struct game_options){.bot_level = "easy"});
    assert_int_equal(cancel_as(showing(bots.token), bots.code), GAME_MANAGER_ALREADY_STARTED);
    assert_int_equal(check(first.code), GAME_MANAGER_OK);
}

static void test_cancel_answers_again_for_a_minute(void **state)
{
    (void)state;
    struct ticket guest = create();
    struct ticket known = create_with(user("42"), (struct game_options){0});
    assert_int_equal(cancel_as(showing(guest.token), guest.code), GAME_MANAGER_OK);
    assert_int_equal(cancel_as(user("42"), known.code), GAME_MANAGER_OK);
    jump_ms(59999);
    assert_int_equal(cancel_as(showing(guest.token), guest.code), GAME_MANAGER_OK);
    assert_int_equal(cancel_as(user("42"), known.code), GAME_MANAGER_OK);
    assert_int_equal(cancel_as(somebody(), guest.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(cancel_as(user("43"), known.code), GAME_MANAGER_NOT_CREATOR);
    jump_ms(1);
    assert_int_equal(cancel_as(showing(guest.token), guest.code), GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(cancel_as(user("42"), known.code), GAME_MANAGER_ROOM_NOT_FOUND);
}

/* ---- all ----------------------------------------------------------------------------- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create_seats_its_caller),
        TEST(test_create_takes_name_identity_and_options),
        TEST(test_longest_names_are_taken_whole),
        TEST(test_room_codes),
        TEST(test_create_sent_again_makes_no_second_room),
        TEST(test_token_of_a_lost_seat_holds_nothing),
        TEST(test_pools_have_an_end),
        TEST(test_join_takes_the_free_seat),
        TEST(test_join_sent_again_takes_no_second_seat),
        TEST(test_identity_gets_its_seat_back_with_a_new_token),
        TEST(test_resent_join_of_an_identity_gets_the_same_answer),
        TEST(test_answers_are_remembered_by_token_not_by_seat),
        TEST(test_identity_is_not_for_guests),
        TEST(test_cookie_gives_a_seat_back_unless_its_holder_is_there),
        TEST(test_room_that_has_ended),
        TEST(test_quick_opens_a_room_or_joins_who_waits_longest),
        TEST(test_quick_passes_over_what_is_not_for_its_caller),
        TEST(test_resent_quick_gets_the_same_answer_in_either_seat),
        TEST(test_list_shows_public_rooms_newest_first),
        TEST(test_check_keeps_a_waiting_seat),
        TEST(test_cancel_is_for_the_creator_while_waiting),
        TEST(test_cancel_comes_too_late_when_both_seats_are_taken),
        TEST(test_cancel_answers_again_for_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
