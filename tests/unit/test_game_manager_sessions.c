/*
 * GameManager: connections. Which seat each gets, how they end, what players ask for on them, and
 * who is quiet.
 */
#include "tests/unit/game_world.h"

#include <string.h>

/* ---- connections: seats -------------------------------------------------------------- */

static void test_token_seats_its_connection_at_once(void **state)
{
    (void)state;
    struct ticket first = create();
    struct ticket second = join(first.code);
    struct client *a = free_client();
    assert_int_equal(admit(a, first.code, first.token, "", ""), GAME_MANAGER_OK);
    assert_int_equal(stats().connections, 1);
    assert_int_equal(a->session->state, SESSION_OPENING);
    assert_int_equal(game_manager_active_sessions(first.room), 0); /* not before its upgrade */
    upgrade(a);
    assert_int_equal(a->session->seat, 1);
    assert_int_equal(a->states, 1);
    assert_string_equal(a->heard, "");
    assert_int_equal(game_manager_active_sessions(first.room), 1);
    assert_int_equal(first.room->spectator_count, 0);
    assert_int_equal(first.room->session_count, 1);
    assert_int_equal(first.room->game.pong.phase, PONG_WAITING);
    struct client *b = connect_cookies(first.code, "", second.token);
    assert_int_equal(b->session->seat, 2);
    assert_int_equal(game_manager_active_sessions(first.room), 2);
    assert_int_equal(first.room->game.pong.phase, PONG_SERVING);
    assert_int_equal(stats().rooms_ongoing, 1);

    /* a cookie of seat 2 under the name of seat 1 proves seat 2 all the same */
    hang_up(b);
    b = connect_cookies(first.code, second.token, "");
    assert_int_equal(b->session->seat, 2);
}

static void test_handshakes_that_are_refused(void **state)
{
    (void)state;
    struct ticket ticket = create(), other = create();
    struct client *client = free_client();
    assert_int_equal(admit(client, "AZZZZZ", "", "", ""), GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(admit(client, ticket.code, other.token, "", ""), GAME_MANAGER_BAD_TOKEN);
    assert_int_equal(admit(client, ticket.code, fresh_token(), ticket.token, ""),
                     GAME_MANAGER_BAD_TOKEN);
    assert_int_equal(stats().connections, 0);
    /* a stale cookie is no worse than none */
    client = connect_cookies(ticket.code, other.token, fresh_token());
    assert_int_equal(client->session->seat, 0);
    assert_int_equal(ticket.room->spectator_count, 1);
    assert_int_equal(stats().spectators, 1);
}

static void test_newer_connection_replaces_the_older_unnoticed(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *spectator = watch(pair.room->game.room_code);
    run_ms(3500);
    assert_int_equal(pair.room->game.pong.phase, PONG_RALLY);
    forget_heard(pair.clients[1]);
    forget_heard(spectator);
    struct client *newer = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    assert_int_equal(newer->session->seat, 1);
    assert_int_equal(newer->close_count, 0);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_REPLACED);
    assert_int_equal(pair.room->game.pong.phase, PONG_RALLY);
    assert_true(pair.room->game.seats[0].connected);
    assert_int_equal(pair.room->session_count, 3);
    assert_int_equal(pair.room->spectator_count, 1);
    hang_up(pair.clients[0]); /* its socket goes later: that is nobody's going any more */
    assert_true(pair.room->game.seats[0].connected);
    assert_int_equal(pair.room->game.pong.phase, PONG_RALLY);
    assert_string_equal(pair.clients[1]->heard, "");
    assert_string_equal(spectator->heard, "");
    game_manager_steer(world.manager, newer->session, 1, 0);
    run_ms(100);
    assert_int_equal(pair.room->game.pong.target_y[0], 0);
}

static void test_going_pauses_and_coming_back_resumes(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    run_ms(3500);
    forget_heard(pair.clients[1]);
    hang_up(pair.clients[0]);
    assert_string_equal(pair.clients[1]->heard, "L1 P1 ");
    assert_int_equal(pair.room->game.pong.phase, PONG_PAUSED);
    assert_int_equal(game_manager_active_sessions(pair.room), 1);
    run_ms(1000);
    struct client *back = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    assert_int_equal(back->session->seat, 1);
    run_ms(3100);
    assert_int_equal(pair.room->game.pong.phase, PONG_RALLY);
    assert_string_equal(pair.clients[1]->heard, "L1 P1 R0 ");
    assert_string_equal(back->heard, "R0 ");
}

/* ---- connections: two cookies -------------------------------------------------------- */

/* A browser that holds both seats of a room. */
struct browser {
    struct ticket first, second;
};

static struct browser browser(void)
{
    struct browser browser;
    browser.first = create();
    browser.second = join(browser.first.code);
    return browser;
}

static struct client *open_tab(const struct browser *browser)
{
    return connect_cookies(browser->first.code, browser->first.token, browser->second.token);
}

static void test_of_two_cookies_the_one_not_connected(void **state)
{
    (void)state;
    struct browser pair = browser();
    struct client *a = open_tab(&pair), *b = open_tab(&pair), *c = open_tab(&pair);
    assert_int_equal(a->session->seat, 1);
    assert_int_equal(b->session->seat, 2);
    assert_int_equal(c->session->seat, 0); /* until it says which it is */
    assert_int_equal(pair.first.room->spectator_count, 1);
    assert_int_equal(a->close_count + b->close_count, 0);
    hang_up(a);
    struct client *d = open_tab(&pair);
    assert_int_equal(d->session->seat, 1);
    hang_up(b);
    assert_int_equal(open_tab(&pair)->session->seat, 2);
}

static void test_of_two_cookies_the_one_that_join_game_names(void **state)
{
    (void)state;
    struct browser pair = browser();
    struct client *a = open_tab(&pair), *b = open_tab(&pair), *c = open_tab(&pair);
    say_hello(a, pair.first.player_id, "");
    say_hello(b, pair.second.player_id, "");
    say_hello(c, "somebody else", "");
    assert_int_equal(c->session->seat, 0);
    assert_int_equal(c->greetings, 1);
    say_hello(c, pair.second.player_id, "");
    assert_int_equal(c->session->seat, 2);
    assert_int_equal(b->code, SESSION_CLOSE_REPLACED);
    assert_int_equal(a->close_count, 0);
    assert_int_equal(pair.first.room->spectator_count, 0);
    assert_string_equal(a->heard, "J1 J2 J2 ");
    assert_int_equal(pair.first.room->game.pong.phase, PONG_SERVING);
}

static void test_tabs_that_were_mixed_up_change_places(void **state)
{
    (void)state;
    struct browser pair = browser();
    struct client *spectator = watch(pair.first.code);
    struct client *a = open_tab(&pair), *b = open_tab(&pair);
    assert_int_equal(a->session->seat, 1);
    say_hello(b, pair.first.player_id, "Ada");
    assert_int_equal(b->session->seat, 1);
    assert_int_equal(a->session->seat, 2);
    assert_int_equal(a->close_count + b->close_count, 0);
    say_hello(a, pair.second.player_id, "Bob");
    assert_int_equal(a->session->seat, 2);
    assert_string_equal(spectator->heard, "J1 J2 "); /* nobody left, nothing paused */
    assert_string_equal(pair.first.room->game.seats[0].player.username, "Ada");
    assert_string_equal(pair.first.room->game.seats[1].player.username, "Bob");
    assert_int_equal(pair.first.room->spectator_count, 1);
    assert_int_equal(pair.first.room->session_count, 3);
    assert_true(pair.first.room->game.seats[0].connected);
    assert_true(pair.first.room->game.seats[1].connected);
    hang_up(a);
    assert_false(pair.first.room->game.seats[1].connected);
    assert_true(pair.first.room->game.seats[0].connected);
}

static void test_tab_moves_to_the_seat_it_names(void **state)
{
    (void)state;
    struct browser pair = browser();
    struct client *a = open_tab(&pair);
    say_hello(a, pair.second.player_id, "");
    assert_int_equal(a->session->seat, 2);
    assert_false(pair.first.room->game.seats[0].connected);
    assert_true(pair.first.room->game.seats[1].connected);
    assert_int_equal(pair.first.room->spectator_count, 0);
    assert_string_equal(a->heard, "L1 J2 ");
    /* settled: it does not move again */
    say_hello(a, pair.first.player_id, "");
    assert_int_equal(a->session->seat, 2);

    /* nor does who has said where he belongs make way; only his own newer self replaces him */
    struct client *b = open_tab(&pair);
    assert_int_equal(b->session->seat, 1);
    say_hello(b, pair.second.player_id, "");
    assert_int_equal(b->session->seat, 2);
    assert_int_equal(a->code, SESSION_CLOSE_REPLACED);
    assert_false(pair.first.room->game.seats[0].connected);
    assert_int_equal(pair.first.room->spectator_count, 0);
}

static void test_player_id_alone_moves_nobody(void **state)
{
    (void)state;
    struct browser pair = browser();
    struct client *b = connect_token(pair.first.code, pair.second.token);
    struct client *a = connect_cookies(pair.first.code, pair.first.token, fresh_token());
    struct client *spectator = watch(pair.first.code);
    say_hello(a, pair.second.player_id, "");
    assert_int_equal(a->session->seat, 1);
    say_hello(spectator, pair.first.player_id, "");
    assert_int_equal(spectator->session->seat, 0);
    assert_int_equal(a->close_count + b->close_count, 0);
    /* an explicit token leaves the cookies out of account */
    struct client *c = free_client();
    assert_int_equal(admit(c, pair.first.code, pair.first.token, "", pair.second.token),
                     GAME_MANAGER_OK);
    upgrade(c);
    assert_int_equal(c->session->seat, 1);
    say_hello(c, pair.second.player_id, "");
    assert_int_equal(c->session->seat, 1);
    assert_int_equal(b->close_count, 0);
}

static void test_claim_is_void_once_the_seat_has_another_token(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){0});
    struct ticket second = join_as(user("43"), first.code);
    struct client *stale = free_client(), *both = free_client();
    assert_int_equal(admit(stale, first.code, first.token, "", ""), GAME_MANAGER_OK);
    assert_int_equal(admit(both, first.code, "", first.token, second.token), GAME_MANAGER_OK);
    struct ticket again = join_as(user("42"), first.code); /* from another machine */
    upgrade(stale);
    assert_int_equal(stale->session->seat, 0);
    say_hello(stale, first.player_id, "");
    assert_int_equal(stale->session->seat, 0);
    upgrade(both);
    assert_int_equal(both->session->seat, 2); /* of its two claims one still holds */
    say_hello(both, first.player_id, "");
    assert_int_equal(both->session->seat, 2);

    /* a session that is seated already stays, until the new token comes */
    struct client *a = connect_token(first.code, again.token);
    assert_int_equal(a->session->seat, 1);
    again = join_as(user("42"), first.code);
    assert_int_equal(a->close_count, 0);
    struct client *b = connect_token(first.code, again.token);
    assert_int_equal(b->session->seat, 1);
    assert_int_equal(a->code, SESSION_CLOSE_REPLACED);
}

static void test_claim_is_void_once_the_seat_was_freed(void **state)
{
    (void)state;
    struct ticket first = create();
    struct client *keeper = watch(first.code);
    struct client *late = free_client();
    assert_int_equal(admit(late, first.code, first.token, "", ""), GAME_MANAGER_OK);
    run_ms(31000);
    struct ticket other = join(first.code);
    assert_int_equal(other.seat, 1);
    upgrade(late);
    assert_int_equal(late->session->seat, 0);
    say_hello(late, other.player_id, "");
    assert_int_equal(late->session->seat, 0);
    assert_int_equal(keeper->close_count, 0);
}

/* ---- connections: tickets ------------------------------------------------------------ */

/* Who api-fcgi says is coming, from a known address. */
static struct game_handshake coming(const char *code, const char *user_id)
{
    struct game_handshake handshake = {.username = "Cy", .address = "2001:db8::7"};
    memcpy(handshake.room_code, code, ROOM_CODE_SIZE);
    strcpy(handshake.user_id, user_id);
    return handshake;
}

static struct admission examined(const struct game_handshake *handshake)
{
    struct admission admission;
    assert_int_equal(game_manager_examine(world.manager, handshake, world.now, &admission),
                     GAME_MANAGER_OK);
    return admission;
}

static struct client *enter(const struct admission *admission)
{
    struct client *client = free_client();
    assert_int_equal(
        game_manager_enter(world.manager, admission, client, world.now, &client->session),
        GAME_MANAGER_OK);
    upgrade(client);
    return client;
}

static void test_user_has_his_seat_by_identity_alone(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){0});
    struct ticket second = join(first.code); /* a guest */
    struct game_handshake handshake = coming(first.code, "42");
    struct admission admission = examined(&handshake);
    assert_int_equal(stats().connections, 0); /* nothing is reserved by that */
    struct client *client = enter(&admission);
    assert_int_equal(client->session->seat, 1);
    assert_string_equal(client->session->identity->user_id, "42");
    const struct tally_key address = tally_key_of_address("2001:db8::7");
    assert_memory_equal(&client->session->client, &address, sizeof address);

    struct client *newer = enter(&admission); /* whoever issues tickets sees to it that it is one */
    assert_int_equal(newer->session->seat, 1);
    assert_int_equal(client->code, SESSION_CLOSE_REPLACED);

    const char *const strangers[] = {"43", "4", "420", "", second.player_id};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        handshake = coming(first.code, strangers[i]);
        admission = examined(&handshake);
        client = enter(&admission);
        assert_int_equal(client->session->seat, 0);
        say_hello(client, "42", "");
        assert_int_equal(client->session->seat, 0);
        say_hello(client, second.player_id, "");
        assert_int_equal(client->session->seat, 0);
        hang_up(client);
    }
}

static void test_user_who_shows_a_void_token_has_his_seat_by_identity(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){0});
    struct ticket second = join(first.code); /* a guest */
    struct game_handshake handshake = coming(first.code, "42");
    strcpy(handshake.token, fresh_token());
    struct admission admission = examined(&handshake);
    assert_int_equal(enter(&admission)->session->seat, 1);

    strcpy(handshake.token, second.token); /* one that is good counts before his name */
    admission = examined(&handshake);
    assert_int_equal(enter(&admission)->session->seat, 2);

    const char *const strangers[] = {"43", "", second.player_id};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        handshake = coming(first.code, strangers[i]);
        strcpy(handshake.token, fresh_token());
        assert_int_equal(game_manager_examine(world.manager, &handshake, world.now, &admission),
                         GAME_MANAGER_BAD_TOKEN);
    }
}

static void test_user_takes_a_free_seat_as_himself(void **state)
{
    (void)state;
    struct ticket first = create();
    struct game_handshake handshake = coming(first.code, "7");
    struct admission admission = examined(&handshake);
    struct client *client = enter(&admission);
    say_hello(client, "42", "");
    const struct game_player *player = &first.room->game.seats[1].player;
    assert_int_equal(client->session->seat, 2);
    assert_string_equal(player->player_id, "7");
    assert_string_equal(player->username, "Cy");
    assert_false(player->is_guest);
    assert_true(is_token_of(player, client->token));
    /* and has it from another machine */
    admission = examined(&handshake);
    assert_int_equal(enter(&admission)->session->seat, 2);
}

static void test_who_a_session_is_is_kept_no_longer_than_it_matters(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){0});
    struct game_handshake handshake = coming(first.code, "42");
    struct admission admission = examined(&handshake);
    struct client *client = enter(&admission);
    assert_non_null(client->session->identity);
    say_hello(client, "42", "");
    assert_int_equal(client->session->seat, 1);
    assert_null(client->session->identity);
    say_hello(client, "42", "");
    assert_int_equal(client->session->seat, 1);

    struct ticket second = join(first.code); /* a guest */
    client = connect_token(first.code, second.token);
    assert_null(client->session->identity);

    handshake = coming(first.code, "44"); /* for whom there is no seat */
    admission = examined(&handshake);
    client = enter(&admission);
    say_hello(client, "44", "");
    assert_string_equal(client->session->identity->user_id, "44");

    client = watch(create().code); /* a guest who gets a seat, and a token for it */
    assert_null(client->session->identity);
    say_hello(client, "", "Bob");
    assert_int_equal(client->session->seat, 2);
    assert_int_equal(strlen(client->token), SEAT_TOKEN_LENGTH);
    assert_null(client->session->identity);
}

/* He was refused a seat by join_game, and then gets one over REST, with a token of his own. */
static void test_user_is_told_no_token_of_a_seat_that_he_did_not_get(void **state)
{
    (void)state;
    struct ticket first = create();
    join(first.code);
    struct game_handshake handshake = coming(first.code, "7");
    struct admission admission = examined(&handshake);
    struct client *client = enter(&admission);
    client->blocked = true;
    say_hello(client, "", ""); /* there is none, and the answer waits */
    assert_int_equal(client->session->seat, 0);
    run_ms(31000); /* whoever does not come loses his seat */
    assert_false(first.room->game.seats[1].held);
    struct ticket again = join_as(user("7"), first.code);
    assert_int_equal(again.error, GAME_MANAGER_OK);
    client->blocked = false;
    say_hello(client, "", "");
    assert_int_equal(client->session->seat, again.seat);
    assert_string_equal(client->token, "");
}

static void test_kicked_user_is_not_let_back_by_identity(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){0});
    join_as(user("43"), first.code);
    struct game_handshake handshake = coming(first.code, "42");
    struct admission before = examined(&handshake);
    enum game_manager_kick done;
    assert_int_equal(game_manager_kick(world.manager, first.code, 1, world.now, &done),
                     GAME_MANAGER_OK);
    assert_int_equal(enter(&before)->session->seat, 0);
    struct admission after = examined(&handshake);
    struct client *client = enter(&after);
    assert_int_equal(client->session->seat, 0);
}

static void test_ticket_is_void_once_its_room_is_gone(void **state)
{
    (void)state;
    struct ticket first = create();
    struct game_handshake handshake = coming(first.code, "");
    struct admission admission = examined(&handshake);
    struct client *client = free_client();
    admission.room_serial++; /* another room has the code now */
    assert_int_equal(
        game_manager_enter(world.manager, &admission, client, world.now, &client->session),
        GAME_MANAGER_ROOM_NOT_FOUND);
    admission.room_serial--;
    run_ms(121000);
    assert_int_equal(
        game_manager_enter(world.manager, &admission, client, world.now, &client->session),
        GAME_MANAGER_ROOM_NOT_FOUND);
    assert_null(client->session);
}

static void test_guests_denied_by_either(void **state)
{
    (void)state;
    struct ticket first = create();
    struct game_handshake handshake = coming(first.code, "");
    handshake.guests_denied = true;
    struct admission admission = examined(&handshake);
    struct client *client = enter(&admission);
    say_hello(client, "", "Bob");
    assert_int_equal(client->session->seat, 0);
    handshake = coming(first.code, "7"); /* a user is none */
    handshake.guests_denied = true;
    admission = examined(&handshake);
    client = enter(&admission);
    say_hello(client, "", "");
    assert_int_equal(client->session->seat, 2);
}

/* ---- connections: guests and spectators ---------------------------------------------- */

static void test_guest_takes_a_free_seat_by_join_game(void **state)
{
    (void)state;
    struct ticket first = create();
    struct client *a = connect_token(first.code, first.token);
    struct client *b = watch(first.code), *c = watch(first.code);
    assert_int_equal(first.room->spectator_count, 2);
    say_hello(b, "whatever", "Bob");
    const struct game_player *player = &first.room->game.seats[1].player;
    assert_int_equal(b->session->seat, 2);
    assert_int_equal(first.room->spectator_count, 1);
    assert_true(player->is_guest);
    assert_memory_equal(player->player_id, "guest-", 6); /* nobody chooses his own */
    assert_string_equal(player->username, "Bob");
    assert_int_equal(strlen(b->token), SEAT_TOKEN_LENGTH);
    assert_true(is_token_of(player, b->token));
    char token[SEAT_TOKEN_SIZE];
    strcpy(token, b->token);
    assert_string_equal(a->heard, "J2 ");
    assert_string_equal(c->heard, "J2 ");
    assert_string_equal(c->token, "");
    assert_int_equal(first.room->game.pong.phase, PONG_SERVING);

    /* the token is told once, and is a seat's like any other */
    b->token[0] = '\0';
    say_hello(b, "", "");
    assert_string_equal(b->token, "");
    assert_int_equal(b->greetings, 2);
    assert_string_equal(a->heard, "J2 ");
    struct client *again = connect_token(first.code, token);
    assert_int_equal(again->session->seat, 2);
    assert_int_equal(b->code, SESSION_CLOSE_REPLACED);
    assert_string_equal(create_with(showing(token), (struct game_options){0}).code, first.code);

    /* nobody gets a seat that is taken */
    say_hello(c, first.player_id, "Eve");
    assert_int_equal(c->session->seat, 0);
    assert_int_equal(c->greetings, 1);
    assert_string_equal(first.room->game.seats[0].player.player_id, first.player_id);
}

static void test_nameless_guest_is_named(void **state)
{
    (void)state;
    struct ticket first = create();
    struct client *b = watch(first.code);
    say_hello(b, "", "");
    assert_int_equal(b->session->seat, 2);
    assert_memory_equal(first.room->game.seats[1].player.username, "Guest-", 6);
}

static void test_spectator_gets_a_seat_that_is_freed_later(void **state)
{
    (void)state;
    struct ticket first = create(), second = join(first.code);
    struct client *b = connect_token(first.code, second.token);
    struct client *c = watch(first.code);
    say_hello(c, "", "Eve");
    assert_int_equal(c->session->seat, 0);
    run_ms(31000); /* the creator never came */
    say_hello(c, "", "Eve");
    assert_int_equal(c->session->seat, 1);
    assert_string_equal(b->heard, "J1 ");
    assert_int_equal(first.room->game.pong.phase, PONG_SERVING);
}

static void test_without_guests_strangers_only_watch(void **state)
{
    (void)state;
    struct game_manager_config config = usual;
    config.guests = false;
    game_manager_free(world.manager);
    open_world(&config);
    struct ticket first = create();
    struct client *stranger = watch(first.code);
    say_hello(stranger, "", "Eve");
    assert_int_equal(stranger->session->seat, 0);
    assert_int_equal(game_state_player_count(&first.room->game), 1);
}

static void test_join_game_announces_once_and_names_until_the_first_serve(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *a = pair.clients[0], *b = pair.clients[1];
    struct client *spectator = watch(pair.room->game.room_code);
    say_hello(a, "", "Ada");
    assert_string_equal(b->heard, "J1 ");
    assert_int_equal(a->greetings, 1);
    assert_string_equal(pair.room->game.seats[0].player.username, "Ada");
    say_hello(a, "", "");
    assert_string_equal(pair.room->game.seats[0].player.username, "Ada");
    say_hello(a, "", "Ada L.");
    assert_string_equal(b->heard, "J1 ");
    assert_int_equal(a->greetings, 3);
    assert_string_equal(pair.room->game.seats[0].player.username, "Ada L.");
    run_ms(50);
    assert_int_equal(b->view.name_version[0], pair.room->game.seats[0].name_version);
    say_hello(spectator, "", "Eve");
    assert_string_equal(b->heard, "J1 ");
    assert_int_equal(spectator->greetings, 1);
    run_ms(3000);
    assert_true(pair.room->game.served);
    say_hello(a, "", "Somebody");
    assert_string_equal(pair.room->game.seats[0].player.username, "Ada L.");
}

static void test_spectators_have_a_limit(void **state)
{
    (void)state;
    struct ticket first = create(), other = create();
    struct client *spectators[MAX_SPECTATORS];
    for (int i = 0; i < MAX_SPECTATORS; i++)
        spectators[i] = watch(first.code);
    struct client *late = free_client();
    assert_int_equal(admit(late, first.code, "", "", ""), GAME_MANAGER_TOO_MANY_SPECTATORS);
    assert_int_equal(admit(late, first.code, "", fresh_token(), ""),
                     GAME_MANAGER_TOO_MANY_SPECTATORS);
    assert_int_equal(stats().limits[GAME_LIMIT_SPECTATORS], 2);
    assert_int_equal(connect_token(first.code, first.token)->session->seat,
                     1);                                   /* players come in */
    assert_int_equal(watch(other.code)->session->seat, 0); /* other rooms are other rooms */
    hang_up(spectators[1]);
    assert_int_equal(admit(late, first.code, "", "", ""), GAME_MANAGER_OK);
    upgrade(late);
    assert_int_equal(admit(free_client(), first.code, "", "", ""),
                     GAME_MANAGER_TOO_MANY_SPECTATORS);
    say_hello(late, "", ""); /* sits down: one spectator fewer */
    assert_int_equal(late->session->seat, 2);
    assert_int_equal(admit(free_client(), first.code, "", "", ""), GAME_MANAGER_OK);
}

static void test_spectators_who_come_at_once_are_counted(void **state)
{
    (void)state;
    struct ticket first = create();
    struct client *clients[MAX_SPECTATORS];
    for (int i = 0; i < MAX_SPECTATORS; i++) {
        clients[i] = &world.clients[i];
        assert_int_equal(admit(clients[i], first.code, "", "", ""), GAME_MANAGER_OK);
    }
    struct client *late = &world.clients[MAX_SPECTATORS];
    assert_int_equal(admit(late, first.code, "", "", ""), GAME_MANAGER_TOO_MANY_SPECTATORS);
    hang_up(clients[0]); /* its handshake came to nothing */
    assert_int_equal(admit(late, first.code, "", "", ""), GAME_MANAGER_OK);
    for (int i = 1; i <= MAX_SPECTATORS; i++)
        upgrade(&world.clients[i]);
    assert_int_equal(first.room->spectator_count, MAX_SPECTATORS);
    hang_up(late);
    late = free_client();
    assert_int_equal(admit(late, first.code, "", "", ""), GAME_MANAGER_OK);
    assert_int_equal(admit(free_client(), first.code, "", "", ""),
                     GAME_MANAGER_TOO_MANY_SPECTATORS);
}

/* ---- connections: their end ---------------------------------------------------------- */

/* Makes news for a room, without time passing: a player's connection anew, and its hello. */
static struct client *make_news(const struct ticket *ticket, struct client *client)
{
    if (client)
        hang_up(client);
    client = &world.clients[CLIENTS - 1];
    memset(client, 0, sizeof *client);
    assert_int_equal(admit(client, ticket->code, ticket->token, "", ""), GAME_MANAGER_OK);
    upgrade(client);
    say_hello(client, "", "");
    return client;
}

static void test_slow_session_is_closed_when_half_the_log_is_behind(void **state)
{
    (void)state;
    struct ticket first = create();
    struct client *slow = watch(first.code), *good = watch(first.code);
    slow->blocked = true;
    struct client *player = NULL;
    int events = 0;
    while (events + 2 <= ROOM_LOG_SIZE / 2) { /* a hello; from the second on also a going */
        player = make_news(&first, player);
        events += events ? 2 : 1;
    }
    if (events < ROOM_LOG_SIZE / 2)
        hang_up(player);
    assert_int_equal(first.room->log_next - slow->session->next_event, ROOM_LOG_SIZE / 2);
    assert_int_equal(slow->close_count, 0);
    assert_string_equal(good->heard, "J1 L1 J1 L1 J1 L1 J1 L1 ");
    /* one that catches up in time stays */
    slow->blocked = false;
    run_ms(40);
    assert_string_equal(slow->heard, good->heard);
    slow->blocked = true;
    forget_heard(good);
    for (int i = 0; i < 5; i++)
        player = make_news(&first, i ? player : NULL);
    assert_int_equal(slow->close_count, 1);
    assert_int_equal(slow->code, SESSION_CLOSE_TOO_SLOW);
    assert_int_equal(stats().limits[GAME_LIMIT_TOO_SLOW], 1);
    assert_int_equal(good->close_count, 0);
    assert_string_equal(good->heard, "J1 L1 J1 L1 J1 L1 J1 L1 J1 ");
    assert_int_equal(first.room->spectator_count, 1);
}

/* Closing one slow player is news that makes the next too slow as well. */
static void test_slow_sessions_go_together(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *slow = watch(pair.room->game.room_code);
    struct client *good = watch(pair.room->game.room_code);
    run_ms(3050);
    for (int i = 0; i < 2; i++)
        pair.clients[i]->blocked = true;
    slow->blocked = true;
    forget_heard(good);
    for (int i = 0; i < 4; i++)
        pause_and_resume(&pair, i < 3 ? 1 : 2);
    assert_string_equal(good->heard, "P1 R0 P1 R0 P1 R0 P2 R0 ");
    assert_int_equal(slow->close_count, 0);
    game_manager_pause(world.manager, pair.clients[1]->session, world.now);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_TOO_SLOW);
    assert_int_equal(pair.clients[1]->code, SESSION_CLOSE_TOO_SLOW);
    assert_int_equal(slow->code, SESSION_CLOSE_TOO_SLOW);
    assert_int_equal(good->close_count, 0);
    assert_string_equal(good->heard + 8 * 3, "P2 L1 P1 L2 P2 ");
    assert_int_equal(pair.clients[0]->close_count + pair.clients[1]->close_count, 2);
    assert_int_equal(pair.room->session_count, 1);
}

/* Whoever goes in the middle of an update, the others are shown it once. */
static void test_update_is_shown_once_when_a_slow_session_goes(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *slow = watch(pair.room->game.room_code);
    run_ms(3050);
    slow->blocked = true;
    for (int i = 0; i < 3; i++)
        pause_and_resume(&pair, 1);
    game_manager_pause(world.manager, pair.clients[1]->session, world.now);
    say_hello(pair.clients[0], "", "");
    assert_int_equal(pair.room->log_next - slow->session->next_event, ROOM_LOG_SIZE / 2);
    game_manager_resume(world.manager, pair.clients[1]->session);
    run_ms(3040); /* the rally's beginning, an event of an update, is one too many */
    assert_int_equal(slow->code, SESSION_CLOSE_TOO_SLOW);
    assert_int_equal(pair.clients[0]->repeated_updates, 0);
    assert_int_equal(pair.clients[1]->repeated_updates, 0);
}

static void test_missed_update_is_made_up_by_one_full_state(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    run_ms(3050);
    struct client *a = pair.clients[0];
    int states = a->states, deltas = a->deltas;
    a->blocked = true;
    run_ms(500);
    assert_int_equal(a->states, states);
    a->blocked = false;
    run_ms(34);
    assert_int_equal(a->states, states + 1);
    assert_true(is_same_view(&a->view, &pair.clients[1]->view));
    run_ms(334);
    assert_int_equal(a->states, states + 1);
    assert_in_range(a->deltas, deltas + 9, deltas + 12);
}

static void test_opening_session_whose_room_is_gone(void **state)
{
    (void)state;
    struct ticket ticket = create();
    struct client *player = free_client(), *spectator = free_client(), *never = free_client();
    assert_int_equal(admit(player, ticket.code, ticket.token, "", ""), GAME_MANAGER_OK);
    assert_int_equal(admit(spectator, ticket.code, "", "", ""), GAME_MANAGER_OK);
    assert_int_equal(admit(never, ticket.code, "", "", ""), GAME_MANAGER_OK);
    assert_int_equal(cancel_as(showing(ticket.token), ticket.code), GAME_MANAGER_OK);
    assert_int_equal(player->close_count, 0);
    upgrade(player);
    assert_int_equal(player->code, SESSION_CLOSE_ROOM_CLOSED);
    assert_int_equal(player->states, 0);
    /* the memory of the room is another's by now */
    struct ticket other = create();
    assert_ptr_equal(other.room, ticket.room);
    upgrade(spectator);
    assert_int_equal(spectator->code, SESSION_CLOSE_ROOM_CLOSED);
    assert_int_equal(other.room->session_count, 0);
    hang_up(never);
    assert_int_equal(stats().connections, 2);
    game_manager_session_close(world.manager, player->session, SESSION_CLOSE_POLICY, world.now);
    assert_int_equal(player->close_count, 1);
    hang_up(player);
    hang_up(spectator);
    assert_int_equal(stats().connections, 0);
}

static void test_closing_and_going_in_any_order(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *spectator = watch(pair.room->game.room_code);
    game_manager_session_close(world.manager, pair.clients[0]->session, SESSION_CLOSE_BAD_MESSAGES,
                               world.now);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_BAD_MESSAGES);
    assert_string_equal(spectator->heard, "L1 P1 ");
    game_manager_session_close(world.manager, pair.clients[0]->session, SESSION_CLOSE_POLICY,
                               world.now);
    assert_int_equal(pair.clients[0]->close_count, 1);
    assert_int_equal(stats().connections, 3);
    /* he is back before the socket he was closed on is gone */
    struct client *back = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    hang_up(pair.clients[0]);
    assert_int_equal(stats().connections, 3);
    assert_true(pair.room->game.seats[0].connected);
    hang_up(back);
    hang_up(pair.clients[1]);
    assert_string_equal(spectator->heard, "L1 P1 L1 P1 L2 P2 ");
    assert_int_equal(pair.room->session_count, 1);

    /* a session of a closed room */
    struct ticket other = create();
    struct client *late = connect_token(other.code, other.token);
    cancel_as(showing(other.token), other.code);
    game_manager_session_close(world.manager, late->session, SESSION_CLOSE_POLICY, world.now);
    assert_int_equal(late->close_count, 1);
    assert_int_equal(late->code, SESSION_CLOSE_ROOM_CLOSED);
    hang_up(late);
}

/* ---- what players ask for ------------------------------------------------------------ */

static void test_paddle_goes_where_its_player_says(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct player_session *a = pair.clients[0]->session;
    struct player_session *spectator = watch(pair.room->game.room_code)->session;
    const struct pong *pong = &pair.room->game.pong;
    game_manager_steer(world.manager, a, 2, 0);
    game_manager_steer(world.manager, a, -1, 0);
    game_manager_steer(world.manager, spectator, 0, 0);
    game_manager_steer(world.manager, spectator, 1, 0);
    game_manager_key(world.manager, spectator, 0, SESSION_KEY_UP, true);
    game_manager_key(world.manager, a, 2, SESSION_KEY_UP, true);
    run_ms(100);
    assert_int_equal(pong->target_y[0], PONG_PADDLE_Y_START);
    assert_int_equal(pong->target_y[1], PONG_PADDLE_Y_START);

    /* keys: a paddle moves while one is down */
    game_manager_key(world.manager, a, 1, SESSION_KEY_DOWN, true);
    run_ms(67);
    assert_int_equal(pong->target_y[0], PONG_PADDLE_Y_MAX);
    assert_in_range(pong->paddle_y[0], PONG_PADDLE_Y_START + 1, PONG_PADDLE_Y_MAX - 1);
    game_manager_key(world.manager, a, 1, SESSION_KEY_UP, true);
    run_ms(67);
    assert_int_equal(pong->target_y[0], 0);
    game_manager_key(world.manager, a, 1, SESSION_KEY_UP, false);
    run_ms(67);
    assert_int_equal(pong->target_y[0], PONG_PADDLE_Y_MAX);
    game_manager_key(world.manager, a, 1, SESSION_KEY_DOWN, false);
    run_ms(67);
    int32_t stopped = pong->paddle_y[0];
    assert_int_equal(pong->target_y[0], stopped);
    assert_in_range(stopped, 1, PONG_PADDLE_Y_MAX - 1);
    run_ms(200);
    assert_int_equal(pong->paddle_y[0], stopped);

    /* a position; from then on keys count no more on this connection; and it is cut */
    game_manager_steer(world.manager, a, 1, 6400);
    game_manager_key(world.manager, a, 1, SESSION_KEY_DOWN, true);
    run_ms(67);
    assert_int_equal(pong->target_y[0], 6400);
    game_manager_steer(world.manager, a, 1, 1000000);
    run_ms(67);
    assert_int_equal(pong->target_y[0], PONG_PADDLE_Y_MAX);
    assert_int_equal(pong->target_y[1], PONG_PADDLE_Y_START);
    struct client *again = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    game_manager_key(world.manager, again->session, 1, SESSION_KEY_UP, true);
    run_ms(67);
    assert_int_equal(pong->target_y[0], 0);
}

static void test_spectators_ask_for_nothing(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct player_session *spectator = watch(pair.room->game.room_code)->session;
    assert_int_equal(game_manager_pause(world.manager, spectator, world.now), GAME_NOT_A_PLAYER);
    assert_int_equal(game_manager_resume(world.manager, spectator), GAME_NOT_A_PLAYER);
    assert_int_equal(game_manager_rematch(world.manager, spectator, world.now), GAME_NOT_A_PLAYER);
    assert_int_equal(pair.room->game.pong.phase, PONG_SERVING);
}

static void test_pause_is_told_and_refusals_come_through(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct player_session *a = pair.clients[0]->session, *b = pair.clients[1]->session;
    assert_int_equal(game_manager_resume(world.manager, a), GAME_TOO_EARLY);
    assert_int_equal(game_manager_rematch(world.manager, a, world.now), GAME_NOT_RUNNING);
    assert_int_equal(game_manager_pause(world.manager, a, world.now), GAME_OK);
    assert_string_equal(pair.clients[1]->heard, "P1 ");
    assert_int_equal(game_manager_pause(world.manager, b, world.now), GAME_NOT_RUNNING);
    assert_int_equal(game_manager_resume(world.manager, b), GAME_NOT_YOUR_PAUSE);
    assert_int_equal(game_manager_resume(world.manager, a), GAME_OK);
    run_ms(3100); /* the pause's countdown, then the serve's */
    assert_int_equal(pair.room->game.pong.phase, PONG_SERVING);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(game_manager_pause(world.manager, a, world.now), GAME_OK);
        game_manager_resume(world.manager, a);
        run_ms(3100);
    }
    assert_int_equal(game_manager_pause(world.manager, a, world.now), GAME_NO_PAUSES_LEFT);
    assert_int_equal(game_manager_pause(world.manager, b, world.now), GAME_OK);
}

/* ---- quiet sessions ------------------------------------------------------------------ */

static void test_who_was_sent_nothing_for_two_seconds_is_pinged(void **state)
{
    (void)state;
    static const int rates[] = {10, 12, 15, 20, 30, 60};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct game_manager_config config = usual;
        config.update_hz = rates[i];
        game_manager_free(world.manager);
        open_world(&config);
        struct ticket ticket = create();
        struct client *client = connect_token(ticket.code, ticket.token);
        run_ms(500);
        int64_t quiet_since = client->session->sent_ms;
        run_ms(1490);
        assert_int_equal(client->pings, 0);
        run_ms(700);
        assert_int_equal(client->pings, 1);
        assert_in_range(client->pinged_at_ms - quiet_since, 2000, 2600);
        run_ms(60000); /* and goes on being so: quiet for ever is not gone */
        assert_in_range(client->pings, 23, 31);
        assert_int_equal(client->close_count, 0);
        hang_up(client);
    }
}

static void test_who_is_not_heard_for_45_seconds_is_gone(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *spectator = watch(pair.room->game.room_code);
    run_ms(1000);
    for (int i = 0; i < 2; i++) {
        game_manager_pause(world.manager, pair.clients[i]->session, world.now);
        pair.clients[i]->is_deaf = true;
    }
    spectator->is_deaf = true;
    run_ms(20000);
    pair.clients[1]->session->heard_ms = world.now.mono_ms;
    forget_heard(pair.clients[1]);
    run_ms(23900);
    assert_int_equal(pair.clients[0]->close_count + spectator->close_count, 0);
    run_ms(1000);
    assert_int_equal(pair.clients[0]->close_count, 1);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_DROP);
    assert_int_equal(spectator->code, SESSION_CLOSE_DROP);
    assert_int_equal(stats().limits[GAME_LIMIT_SILENCE], 2);
    assert_int_equal(pair.clients[1]->close_count, 0);
    assert_non_null(strstr(pair.clients[1]->heard, "L1 P1 "));
    assert_int_equal(pair.room->session_count, 1);
}

/* Who only listens to a lively game is asked now and then whether he still does. */
static void test_who_answers_pings_stays_however_lively_the_game(void **state)
{
    (void)state;
    struct pair pair = start_match(21);
    struct client *spectator = watch(pair.room->game.room_code);
    struct client *deaf = watch(pair.room->game.room_code);
    deaf->is_deaf = true;
    for (int i = 0; i < 1800; i++) { /* a minute in which something moves in every update */
        pair.clients[0]->session->heard_ms = world.now.mono_ms;
        game_manager_steer(world.manager, pair.clients[0]->session, 1,
                           i / 15 % 2 ? PONG_PADDLE_Y_MAX : 0);
        run_ns(SECOND / 30);
        if (i == 1340)
            assert_int_equal(deaf->close_count, 0);
    }
    assert_int_equal(spectator->close_count, 0);
    assert_int_equal(pair.clients[1]->close_count, 0);
    assert_in_range(spectator->pings, 1, 10);
    assert_int_equal(deaf->code, SESSION_CLOSE_DROP);
    assert_in_range(deaf->pings, 1, 10);
}

/* One that goes takes a slow one with it; that one is not pinged any more. */
static void test_closed_session_is_not_pinged(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    struct client *slow = watch(pair.room->game.room_code);
    run_ms(1000);
    game_manager_pause(world.manager, pair.clients[0]->session, world.now);
    pair.clients[0]->is_deaf = true;
    pair.clients[0]->session->heard_ms = world.now.mono_ms;
    slow->blocked = true;
    run_ms(43000);
    struct client *player = NULL;
    for (int i = 0; i < 3; i++) /* one event at first, then three each time */
        player = make_news(&pair.tickets[1], player);
    slow->session->heard_ms = world.now.mono_ms;
    assert_int_equal(slow->close_count, 0);
    run_ms(2600);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_DROP);
    assert_int_equal(slow->code, SESSION_CLOSE_TOO_SLOW);
    assert_int_equal(world.closed_sessions_pinged, 0);
}

/* ---- all ----------------------------------------------------------------------------- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_token_seats_its_connection_at_once),
        TEST(test_handshakes_that_are_refused),
        TEST(test_newer_connection_replaces_the_older_unnoticed),
        TEST(test_going_pauses_and_coming_back_resumes),
        TEST(test_of_two_cookies_the_one_not_connected),
        TEST(test_of_two_cookies_the_one_that_join_game_names),
        TEST(test_tabs_that_were_mixed_up_change_places),
        TEST(test_tab_moves_to_the_seat_it_names),
        TEST(test_player_id_alone_moves_nobody),
        TEST(test_claim_is_void_once_the_seat_has_another_token),
        TEST(test_claim_is_void_once_the_seat_was_freed),
        TEST(test_user_has_his_seat_by_identity_alone),
        TEST(test_user_who_shows_a_void_token_has_his_seat_by_identity),
        TEST(test_user_takes_a_free_seat_as_himself),
        TEST(test_who_a_session_is_is_kept_no_longer_than_it_matters),
        TEST(test_user_is_told_no_token_of_a_seat_that_he_did_not_get),
        TEST(test_kicked_user_is_not_let_back_by_identity),
        TEST(test_ticket_is_void_once_its_room_is_gone),
        TEST(test_guests_denied_by_either),
        TEST(test_guest_takes_a_free_seat_by_join_game),
        TEST(test_nameless_guest_is_named),
        TEST(test_spectator_gets_a_seat_that_is_freed_later),
        TEST(test_without_guests_strangers_only_watch),
        TEST(test_join_game_announces_once_and_names_until_the_first_serve),
        TEST(test_spectators_have_a_limit),
        TEST(test_spectators_who_come_at_once_are_counted),
        TEST(test_slow_session_is_closed_when_half_the_log_is_behind),
        TEST(test_slow_sessions_go_together),
        TEST(test_update_is_shown_once_when_a_slow_session_goes),
        TEST(test_missed_update_is_made_up_by_one_full_state),
        TEST(test_opening_session_whose_room_is_gone),
        TEST(test_closing_and_going_in_any_order),
        TEST(test_paddle_goes_where_its_player_says),
        TEST(test_spectators_ask_for_nothing),
        TEST(test_pause_is_told_and_refusals_come_through),
        TEST(test_who_was_sent_nothing_for_two_seconds_is_pinged),
        TEST(test_who_is_not_heard_for_45_seconds_is_gone),
        TEST(test_who_answers_pings_stays_however_lively_the_game),
        TEST(test_closed_session_is_not_pinged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
