/* Unit tests of GameManager's limits per client: connections of an address, rooms of a user and of an
 * address, and who gives no sign of life. */
#include "game_world.h"

#include <stdio.h>
#include <string.h>

static const char HERE[] = "192.0.2.1", THERE[] = "192.0.2.2";

static struct game_manager_config limited(void)
{
    struct game_manager_config config = usual;
    config.max_connections_per_address = 2;
    config.max_rooms_per_user = 2;
    config.max_rooms_per_address = 3;
    config.join_ms = 10000;
    return config;
}

static void open_limited_world(void)
{
    struct game_manager_config config = limited();
    game_manager_free(world.manager);
    open_world(&config);
}

static int admit_from(struct client *client, const char *code, const char *address)
{
    struct game_handshake handshake;
    memset(&handshake, 0, sizeof handshake);
    snprintf(handshake.room_code, sizeof handshake.room_code, "%s", code);
    snprintf(handshake.address, sizeof handshake.address, "%s", address);
    return game_manager_admit(world.manager, &handshake, client, world.now, &client->session);
}

static struct client *watch_from(const char *code, const char *address)
{
    struct client *client = free_client();
    assert_int_equal(admit_from(client, code, address), GAME_MANAGER_OK);
    upgrade(client);
    return client;
}

static void test_an_address_has_so_many_connections(void **state)
{
    (void)state;
    open_limited_world();
    struct ticket ticket = create();
    struct client *first = watch_from(ticket.code, HERE), *refused = free_client();
    struct client *arriving = free_client();
    assert_int_equal(admit_from(arriving, ticket.code, HERE), GAME_MANAGER_OK);
    assert_int_equal(admit_from(refused, ticket.code, HERE), GAME_MANAGER_TOO_MANY_CONNECTIONS);
    assert_int_equal(stats().limits[GAME_LIMIT_ADDRESS], 1);
    watch_from(ticket.code, THERE);
    assert_int_equal(stats().addresses, 2);
    /* one that never arrives gives its place back, as does one that goes */
    game_manager_session_gone(world.manager, arriving->session, world.now);
    arriving->session = NULL;
    watch_from(ticket.code, HERE);
    assert_int_equal(admit_from(refused, create().code, HERE), GAME_MANAGER_TOO_MANY_CONNECTIONS);
    hang_up(first);
    watch_from(create().code, HERE);
}

static int return_from(struct client *client, const struct ticket *ticket, const char *address)
{
    struct game_handshake handshake;
    memset(&handshake, 0, sizeof handshake);
    snprintf(handshake.room_code, sizeof handshake.room_code, "%s", ticket->code);
    snprintf(handshake.address, sizeof handshake.address, "%s", address);
    snprintf(handshake.token, sizeof handshake.token, "%s", ticket->token);
    return game_manager_admit(world.manager, &handshake, client, world.now, &client->session);
}

/* His first connection is dead, and nobody has noticed; the address has no place for strangers. */
static void test_a_player_comes_back_to_a_full_address(void **state)
{
    (void)state;
    open_limited_world();
    struct ticket ticket = create();
    struct client *dead = free_client(), *back = free_client();
    assert_int_equal(return_from(dead, &ticket, HERE), GAME_MANAGER_OK);
    upgrade(dead);
    watch_from(ticket.code, HERE);
    assert_int_equal(admit_from(back, ticket.code, HERE), GAME_MANAGER_TOO_MANY_CONNECTIONS);
    assert_int_equal(return_from(back, &ticket, HERE), GAME_MANAGER_OK);
    upgrade(back);
    assert_int_equal(back->session->seat, 1);
    assert_int_equal(dead->code, SESSION_CLOSE_REPLACED);
    hang_up(dead);
    /* he counts: there is still no place */
    assert_int_equal(admit_from(free_client(), ticket.code, HERE),
                     GAME_MANAGER_TOO_MANY_CONNECTIONS);
}

/* Between the ticket and the handshake the seat has become free. */
static void test_a_seat_that_is_lost_opens_no_door(void **state)
{
    (void)state;
    open_limited_world();
    struct ticket ticket = create();
    struct game_handshake handshake;
    struct admission admission;
    enum game_manager_kick done;
    memset(&handshake, 0, sizeof handshake);
    snprintf(handshake.room_code, sizeof handshake.room_code, "%s", ticket.code);
    snprintf(handshake.address, sizeof handshake.address, "%s", HERE);
    snprintf(handshake.token, sizeof handshake.token, "%s", ticket.token);
    assert_int_equal(game_manager_examine(world.manager, &handshake, world.now, &admission),
                     GAME_MANAGER_OK);
    watch_from(ticket.code, HERE);
    watch_from(ticket.code, HERE);
    assert_int_equal(game_manager_kick(world.manager, ticket.code, 1, world.now, &done),
                     GAME_MANAGER_OK);
    struct client *client = free_client();
    assert_int_equal(
        game_manager_enter(world.manager, &admission, client, world.now, &client->session),
        GAME_MANAGER_TOO_MANY_CONNECTIONS);
}

static void test_a_connection_counts_until_its_socket_is_gone(void **state)
{
    (void)state;
    open_limited_world();
    struct ticket ticket = create(), other = create();
    struct client *first = watch_from(ticket.code, HERE), *refused = free_client();
    watch_from(other.code, HERE);
    game_manager_session_close(world.manager, first->session, SESSION_CLOSE_BAD_MESSAGES,
                               world.now);
    assert_int_equal(admit_from(refused, other.code, HERE), GAME_MANAGER_TOO_MANY_CONNECTIONS);
    hang_up(first);
    assert_int_equal(admit_from(refused, other.code, HERE), GAME_MANAGER_OK);
    upgrade(refused);
}

static void test_the_64_of_an_ipv6_address_is_one(void **state)
{
    (void)state;
    open_limited_world();
    struct ticket ticket = create();
    watch_from(ticket.code, "2001:db8::1");
    watch_from(ticket.code, "2001:db8::2");
    assert_int_equal(admit_from(free_client(), ticket.code, "2001:db8::3"),
                     GAME_MANAGER_TOO_MANY_CONNECTIONS);
    watch_from(ticket.code, "2001:db8:0:1::3");
}

static void test_who_has_no_address_is_not_counted(void **state)
{
    (void)state;
    open_limited_world();
    struct ticket ticket = create();
    for (int i = 0; i < MAX_SPECTATORS; i++)
        watch_from(ticket.code, i % 2 ? "" : "unix:");
    assert_int_equal(stats().addresses, 0);
}

/* What other limits refuse is not counted for the address. */
static void test_a_refusal_takes_no_place(void **state)
{
    (void)state;
    open_limited_world();
    struct ticket ticket = create();
    for (int i = 0; i < MAX_SPECTATORS; i++)
        watch(ticket.code);
    for (int i = 0; i < 5; i++)
        assert_int_equal(admit_from(free_client(), ticket.code, HERE),
                         GAME_MANAGER_TOO_MANY_SPECTATORS);
    assert_int_equal(stats().addresses, 0);
}

static struct ticket create_from(const char *user_id, const char *address)
{
    struct game_caller caller = somebody();
    const struct game_options options = {.bot_level = ""};
    caller.user_id = user_id;
    caller.address = address;
    return create_with(caller, options);
}

static void test_a_user_has_so_many_rooms_wherever_he_is(void **state)
{
    (void)state;
    open_limited_world();
    create_from("ann", HERE);
    struct ticket second = create_from("ann", THERE);
    assert_int_equal(create_from("ann", "").error, GAME_MANAGER_TOO_MANY_ROOMS);
    assert_int_equal(stats().limits[GAME_LIMIT_USER_ROOMS], 1);
    assert_int_equal(create_from("bob", HERE).error, GAME_MANAGER_OK);
    struct game_caller ann = somebody();
    ann.user_id = "ann";
    assert_int_equal(cancel_as(ann, second.code), GAME_MANAGER_OK);
    assert_int_equal(create_from("ann", HERE).error, GAME_MANAGER_OK);
}

static void test_guests_of_an_address_have_so_many_rooms(void **state)
{
    (void)state;
    open_limited_world();
    for (int i = 0; i < 3; i++)
        assert_int_equal(create_from("", HERE).error, GAME_MANAGER_OK);
    assert_int_equal(create_from("", HERE).error, GAME_MANAGER_TOO_MANY_ROOMS);
    struct game_caller caller = somebody();
    caller.address = HERE;
    assert_int_equal(quick_as(caller).error, GAME_MANAGER_TOO_MANY_ROOMS);
    assert_int_equal(stats().limits[GAME_LIMIT_ADDRESS_ROOMS], 2);
    assert_int_equal(create_from("ann", HERE).error, GAME_MANAGER_OK); /* a user is no guest */
    assert_int_equal(create_from("", THERE).error, GAME_MANAGER_OK);
    run_ms(121000); /* nobody came: the rooms are closed */
    assert_int_equal(stats().creators, 0);
    assert_int_equal(create_from("", HERE).error, GAME_MANAGER_OK);
}

/* A command sent again, and joining, open nothing. */
static void test_only_a_new_room_counts(void **state)
{
    (void)state;
    open_limited_world();
    const struct game_options options = {.bot_level = ""};
    struct game_caller caller = somebody();
    caller.user_id = "ann";
    create_with(caller, options);
    for (int i = 0; i < 4; i++)
        assert_int_equal(create_with(caller, options).error, GAME_MANAGER_OK);
    struct ticket room = create();
    struct game_caller joiner = somebody();
    joiner.user_id = "ann";
    assert_int_equal(join_as(joiner, room.code).error, GAME_MANAGER_OK);
    assert_int_equal(create_from("ann", "").error, GAME_MANAGER_OK);
    assert_int_equal(create_from("ann", "").error, GAME_MANAGER_TOO_MANY_ROOMS);
}

static void test_where_all_rooms_are_taken_none_is_counted(void **state)
{
    (void)state;
    open_limited_world();
    for (int i = 0; i < MAX_ROOMS; i++)
        create();
    for (int i = 0; i < 4; i++)
        assert_int_equal(create_from("", HERE).error, GAME_MANAGER_SERVER_FULL);
    assert_int_equal(stats().creators, 0);
}

/* Every room another user's: the creators' table is as full as it gets when one more asks. */
static void test_a_full_house_of_many_creators_refuses_one_more(void **state)
{
    (void)state;
    char user_id[16];
    open_limited_world();
    for (int i = 0; i < MAX_ROOMS; i++) {
        snprintf(user_id, sizeof user_id, "user-%d", i);
        assert_int_equal(create_from(user_id, HERE).error, GAME_MANAGER_OK);
    }
    assert_int_equal(create_from("ann", HERE).error, GAME_MANAGER_SERVER_FULL);
    assert_int_equal(stats().creators, MAX_ROOMS);
}

static void test_a_restored_room_counts_for_its_user(void **state)
{
    (void)state;
    open_limited_world();
    create_from("ann", HERE);
    struct room_checkpoint checkpoint = world.checkpoint;
    open_limited_world();
    assert_int_equal(game_manager_restore(world.manager, &checkpoint, NULL, world.now),
                     GAME_MANAGER_OK);
    fresh_token(); /* the first of this world is that of the room */
    assert_int_equal(create_from("ann", HERE).error, GAME_MANAGER_OK);
    assert_int_equal(create_from("ann", HERE).error, GAME_MANAGER_TOO_MANY_ROOMS);
}

/* As its WebSocket library does by itself. */
static void answer_ping(struct client *client)
{
    assert_true(client->pings > 0);
    client->session->is_alive = true;
    client->session->heard_ms = world.now.mono_ms;
}

static void test_who_gives_no_sign_of_life_is_sent_away(void **state)
{
    (void)state;
    open_limited_world();
    struct ticket ticket = create();
    struct client *player = connect_token(ticket.code, ticket.token);
    struct client *dead = watch(ticket.code), *polite = watch(ticket.code);
    say_hello(polite, "", "Eve");
    struct client *second = watch(ticket.code);
    run_ms(9000);
    assert_int_equal(dead->close_count, 0);
    say_hello(second, "", ""); /* in time */
    run_ms(2000);
    assert_int_equal(dead->close_count, 1);
    assert_int_equal(dead->code, SESSION_CLOSE_NEVER_JOINED);
    assert_int_equal(stats().limits[GAME_LIMIT_NEVER_JOINED], 1);
    run_ms(20000);
    assert_int_equal(polite->close_count + second->close_count + player->close_count, 0);
}

/* While others play he is sent updates all the time; he is asked all the same, and at once. */
static void test_who_only_answers_pings_may_watch(void **state)
{
    (void)state;
    open_limited_world();
    struct pair pair = start_match(10);
    struct client *watcher = watch(pair.tickets[0].code);
    run_ms(1000);
    assert_int_equal(watcher->pings, 1);
    answer_ping(watcher);
    for (int i = 0; i < 2; i++)
        say_hello(pair.clients[i], "", "");
    run_ms(40000);
    assert_true(watcher->pings > 1);
    assert_int_equal(watcher->close_count, 0);
    assert_int_equal(stats().limits[GAME_LIMIT_NEVER_JOINED], 0);
}

/* However short the wish, there is time for an answer. */
static void test_a_stranger_has_time_to_answer(void **state)
{
    struct game_manager_config config = limited();
    (void)state;
    config.join_ms = 1;
    game_manager_free(world.manager);
    open_world(&config);
    struct client *watcher = watch(create().code);
    run_ms(SESSION_ANSWER_MS - 100);
    assert_int_equal(watcher->close_count, 0);
    run_ms(1000);
    assert_int_equal(watcher->code, SESSION_CLOSE_NEVER_JOINED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_address_has_so_many_connections),
        TEST(test_a_player_comes_back_to_a_full_address),
        TEST(test_a_seat_that_is_lost_opens_no_door),
        TEST(test_a_connection_counts_until_its_socket_is_gone),
        TEST(test_the_64_of_an_ipv6_address_is_one),
        TEST(test_who_has_no_address_is_not_counted),
        TEST(test_a_refusal_takes_no_place),
        TEST(test_a_user_has_so_many_rooms_wherever_he_is),
        TEST(test_guests_of_an_address_have_so_many_rooms),
        TEST(test_only_a_new_room_counts),
        TEST(test_where_all_rooms_are_taken_none_is_counted),
        TEST(test_a_full_house_of_many_creators_refuses_one_more),
        TEST(test_a_restored_room_counts_for_its_user),
        TEST(test_who_gives_no_sign_of_life_is_sent_away),
        TEST(test_who_only_answers_pings_may_watch),
        TEST(test_a_stranger_has_time_to_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
