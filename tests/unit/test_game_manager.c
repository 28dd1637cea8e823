/*
 * GameManager: rooms and time. Draining, what the operator does, results and rematches, ticks, and
 * at the end anything at any time. Other themes have files of their own: test_game_manager_rest.c,
 * _sessions.c, _durable.c.
 */
#include "tests/unit/game_world.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

/* ---- draining ------------------------------------------------------------------------ */

static void test_draining_sends_everybody_away_and_lets_nobody_in(void **state)
{
    (void)state;
    struct pair pair = start_match(1);
    struct ticket waiting = create_public();
    struct ticket bots = create_with(somebody(), (struct game_options){.bot_level = "easy"});
    struct game_caller creator = somebody();
    struct ticket own = create_with(creator, (struct game_options){0});
    struct client *clients[] = {pair.clients[0], pair.clients[1], watch(pair.room->game.room_code),
                                connect_token(waiting.code, waiting.token),
                                connect_token(bots.code, bots.token)};
    game_manager_drain(world.manager, world.now);
    game_manager_drain(world.manager, world.now);
    assert_true(stats().draining);
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        assert_int_equal(clients[i]->close_count, 1);
        assert_int_equal(clients[i]->code, SESSION_CLOSE_RESTARTING);
    }
    assert_int_equal(create().error, GAME_MANAGER_DRAINING);
    assert_int_equal(quick_as(somebody()).error, GAME_MANAGER_DRAINING);
    assert_int_equal(join(waiting.code).error, GAME_MANAGER_DRAINING);
    assert_int_equal(join("AZZZZZ").error, GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(admit(free_client(), waiting.code, waiting.token, "", ""),
                     GAME_MANAGER_DRAINING);
    /* who has a seat keeps it, and an answer that got lost can be had again */
    assert_int_equal(join_as(showing(waiting.token), waiting.code).seat, 1);
    assert_string_equal(create_with(creator, (struct game_options){0}).code, own.code);
    assert_string_equal(quick_as(creator).code, own.code);
    assert_int_equal(check(waiting.code), GAME_MANAGER_OK);
    assert_int_equal(cancel_as(showing(own.token), own.code), GAME_MANAGER_OK);
    assert_int_equal(stats().rooms, 3);
    assert_non_null(bots.room->sessions); /* bots stay */
}

static void test_draining_sends_away_who_was_just_coming_in(void **state)
{
    (void)state;
    struct ticket ticket = create();
    struct client *client = free_client();
    assert_int_equal(admit(client, ticket.code, ticket.token, "", ""), GAME_MANAGER_OK);
    game_manager_drain(world.manager, world.now);
    assert_int_equal(client->close_count, 0); /* there is no socket to close yet */
    upgrade(client);
    assert_int_equal(client->close_count, 1);
    assert_int_equal(client->code, SESSION_CLOSE_RESTARTING);
}

/* ---- the operator: no new rooms ------------------------------------------------------ */

static void test_refused_rooms_leave_those_there_are_alone(void **state)
{
    (void)state;
    struct pair pair = start_match(1);
    struct ticket waiting = create_public();
    struct game_caller creator = somebody();
    struct ticket own = create_with(creator, (struct game_options){0});
    struct client *host = connect_token(waiting.code, waiting.token);
    game_manager_refuse_rooms(world.manager, true);
    game_manager_refuse_rooms(world.manager, true);
    assert_true(game_manager_is_draining(world.manager));
    assert_true(stats().draining);
    assert_int_equal(create().error, GAME_MANAGER_DRAINING);
    assert_string_equal(create_with(creator, (struct game_options){0}).code, own.code);
    assert_int_equal(join(own.code).seat, 2);
    assert_int_equal(admit(free_client(), own.code, own.token, "", ""), GAME_MANAGER_OK);
    assert_int_equal(watch(own.code)->close_count, 0);
    assert_string_equal(quick_as(somebody()).code, waiting.code); /* opens none */
    assert_int_equal(quick_as(somebody()).error, GAME_MANAGER_DRAINING);
    hang_up(pair.clients[0]);
    pair.clients[0] = connect_token(pair.tickets[0].code, pair.tickets[0].token);
    run_ms(8000);
    assert_int_equal(pair.room->game.pong.phase, PONG_FINISHED);
    assert_int_equal(world.result_count, 1);
    game_manager_rematch(world.manager, pair.clients[0]->session, world.now);
    game_manager_rematch(world.manager, pair.clients[1]->session, world.now);
    assert_int_equal(pair.room->game.pong.phase, PONG_SERVING); /* the same room */
    assert_int_equal(host->close_count, 0);

    game_manager_refuse_rooms(world.manager, false);
    assert_false(game_manager_is_draining(world.manager));
    assert_int_equal(create().error, GAME_MANAGER_OK);
}

static void test_a_stop_is_not_undone_by_the_operator(void **state)
{
    (void)state;
    game_manager_refuse_rooms(world.manager, true);
    game_manager_drain(world.manager, world.now);
    game_manager_refuse_rooms(world.manager, false);
    assert_true(game_manager_is_draining(world.manager));
    assert_int_equal(create().error, GAME_MANAGER_DRAINING);
}

/* ---- the operator: rooms by code ----------------------------------------------------- */

static size_t rooms_after(const char *after, const struct room **rooms, size_t max)
{
    return game_manager_rooms_after(world.manager, after, rooms, max);
}

static void test_every_room_is_on_one_page_whatever_its_length(void **state)
{
    (void)state;
    const struct room *all[MAX_ROOMS + 1], *page[MAX_ROOMS + 1];
    assert_int_equal(rooms_after("", all, MAX_ROOMS + 1), 0);
    for (int i = 0; i < MAX_ROOMS; i++)
        create_with(somebody(), (struct game_options){.is_public = i % 2 != 0});
    assert_int_equal(rooms_after("", all, MAX_ROOMS + 1), MAX_ROOMS);
    for (int i = 1; i < MAX_ROOMS; i++)
        assert_true(strcmp(all[i - 1]->game.room_code, all[i]->game.room_code) < 0);
    for (size_t length = 1; length <= MAX_ROOMS + 1; length++) {
        const char *after = "";
        size_t seen = 0, count;
        do {
            count = rooms_after(after, page, length);
            for (size_t i = 0; i < count; i++)
                assert_ptr_equal(page[i], all[seen++]);
            after = seen ? all[seen - 1]->game.room_code : "";
        } while (count == length);
        assert_int_equal(seen, MAX_ROOMS);
    }
    assert_int_equal(rooms_after(all[MAX_ROOMS - 1]->game.room_code, page, MAX_ROOMS), 0);
    assert_int_equal(rooms_after("", page, 0), 0);
}

/* The room that the page before ended with may be gone by now. */
static void test_a_page_begins_after_a_code_not_after_a_room(void **state)
{
    (void)state;
    const struct room *rooms[MAX_ROOMS];
    char code[ROOM_CODE_SIZE];
    struct ticket tickets[4];
    for (int i = 0; i < 4; i++)
        tickets[i] = create();
    rooms_after("", rooms, 4);
    const struct room *third = rooms[2];
    strcpy(code, rooms[1]->game.room_code);
    for (int i = 0; i < 4; i++)
        if (strcmp(tickets[i].code, code) == 0)
            assert_int_equal(cancel_as(showing(tickets[i].token), code), GAME_MANAGER_OK);
    assert_null(game_manager_find(world.manager, code));
    assert_int_equal(rooms_after(code, rooms, MAX_ROOMS), 2);
    assert_ptr_equal(rooms[0], third);
    assert_ptr_equal(game_manager_find(world.manager, third->game.room_code), third);
}

/* ---- the operator: kick -------------------------------------------------------------- */

static int kick(const char *code, int seat)
{
    enum game_manager_kick done = GAME_MANAGER_KICK_CLOSED;
    int error = game_manager_kick(world.manager, code, seat, world.now, &done);
    return error == GAME_MANAGER_OK ? (int)done : error;
}

static void test_kick_frees_the_seat_of_a_waiting_room(void **state)
{
    (void)state;
    struct ticket ticket = create_with(user("42"), (struct game_options){0});
    struct client *player = connect_token(ticket.code, ticket.token), *other = watch(ticket.code);
    struct client *arriving = free_client();
    assert_int_equal(admit(arriving, ticket.code, ticket.token, "", ""), GAME_MANAGER_OK);
    assert_int_equal(kick(ticket.code, 1), GAME_MANAGER_KICK_FREED);
    assert_int_equal(player->close_count, 1);
    assert_int_equal(player->code, SESSION_CLOSE_KICKED);
    assert_string_equal(player->heard, "");
    assert_string_equal(other->heard, "L1 ");
    assert_false(ticket.room->game.seats[0].held);
    upgrade(arriving); /* his second connection was on its way */
    assert_int_equal(arriving->session->seat, 0);
    assert_int_equal(admit(free_client(), ticket.code, ticket.token, "", ""),
                     GAME_MANAGER_BAD_TOKEN);
    assert_false(world.checkpoint.seats[0].held); /* not after a restart either */
    assert_int_equal(cancel_as(user("42"), ticket.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(cancel_as(showing(ticket.token), ticket.code), GAME_MANAGER_NOT_CREATOR);
    assert_int_equal(kick(ticket.code, 1), GAME_MANAGER_SEAT_EMPTY);
    assert_int_equal(join(ticket.code).seat, 1);
}

static void test_kick_forfeits_a_match_under_way(void **state)
{
    (void)state;
    for (int seat = 1; seat <= 2; seat++) {
        struct pair pair = start_match(10);
        struct client *kicked = pair.clients[seat - 1], *other = pair.clients[2 - seat];
        const struct ticket *ticket = &pair.tickets[seat - 1];
        run_ms(3100);
        forget_heard(kicked);
        forget_heard(other);
        world.result_count = 0;
        assert_int_equal(kick(ticket->code, seat), GAME_MANAGER_KICK_FORFEITED);
        assert_int_equal(kicked->close_count, 1);
        assert_int_equal(kicked->code, SESSION_CLOSE_KICKED);
        assert_string_equal(kicked->heard, "");
        assert_string_equal(other->heard, seat == 1 ? "L1 O2 " : "L2 O1 ");
        run_ms(34);
        assert_int_equal(other->view.status, GAME_STATUS_FINISHED);
        assert_int_equal(world.result_count, 1);
        assert_int_equal(world.results[0].reason, MATCH_END_FORFEIT);
        assert_int_equal(world.results[0].winner, 3 - seat);
        assert_string_equal(world.results[0].player_id[seat - 1], ticket->player_id);
        assert_int_equal(world.checkpoint.pong.phase, PONG_FINISHED);
        assert_memory_equal(&world.checkpoint.seats[seat - 1].token, &no_digest, sizeof no_digest);
        assert_int_equal(admit(free_client(), ticket->code, ticket->token, "", ""),
                         GAME_MANAGER_BAD_TOKEN);
        hang_up(kicked);
        hang_up(other);
    }
}

static void test_kick_of_who_is_identified_voids_his_identity_there(void **state)
{
    (void)state;
    struct ticket one = create_with(user("41"), (struct game_options){.winning_score = 1});
    struct ticket two = join_as(user("42"), one.code);
    connect_token(one.code, one.token);
    connect_token(two.code, two.token);
    assert_int_equal(kick(one.code, 2), GAME_MANAGER_KICK_FORFEITED);
    assert_int_equal(join_as(user("42"), one.code).error, GAME_MANAGER_GAME_OVER);
    assert_int_equal(join_as(user("41"), one.code).seat, 1);
}

static void test_kick_after_the_end_only_sends_away(void **state)
{
    (void)state;
    struct pair pair = finished_match();
    forget_heard(pair.clients[1]);
    int results = world.result_count;
    assert_int_equal(kick(pair.tickets[0].code, 1), GAME_MANAGER_KICK_CLOSED);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_KICKED);
    assert_string_equal(pair.clients[1]->heard, "L1 ");
    assert_int_equal(pair.room->game.end, MATCH_END_SCORE);
    assert_int_equal(world.result_count, results);
    assert_int_equal(admit(free_client(), pair.tickets[0].code, pair.tickets[0].token, "", ""),
                     GAME_MANAGER_BAD_TOKEN);
    game_manager_rematch(world.manager, pair.clients[1]->session, world.now);
    run_ms(1000);
    assert_int_equal(pair.room->game.pong.phase, PONG_FINISHED);
}

static void test_kick_of_who_is_away_ends_the_match(void **state)
{
    (void)state;
    struct pair pair = start_match(10);
    hang_up(pair.clients[0]);
    assert_int_equal(kick(pair.tickets[0].code, 1), GAME_MANAGER_KICK_FORFEITED);
    assert_string_equal(pair.clients[1]->heard, "L1 P1 O2 ");
}

static void test_kick_waits_for_its_result_to_be_safe(void **state)
{
    (void)state;
    world.holds_results = true;
    struct pair pair = start_match(10);
    assert_int_equal(kick(pair.tickets[0].code, 1), GAME_MANAGER_KICK_FORFEITED);
    assert_int_equal(pair.clients[0]->close_count, 1);
    assert_string_equal(pair.clients[1]->heard, "");
    game_manager_result_stored(world.manager, world.results[0].match_id, world.now);
    assert_string_equal(pair.clients[1]->heard, "L1 O2 ");
    assert_int_equal(pair.clients[1]->view.status, GAME_STATUS_FINISHED);
}

static void test_kick_is_refused_where_there_is_nobody_to_kick(void **state)
{
    (void)state;
    struct ticket bots = create_with(somebody(), (struct game_options){.bot_level = "easy"});
    assert_int_equal(kick("AZZZZZ", 1), GAME_MANAGER_ROOM_NOT_FOUND);
    assert_int_equal(kick(bots.code, 2), GAME_MANAGER_SEAT_IS_BOT);
    assert_int_equal(kick(create().code, 2), GAME_MANAGER_SEAT_EMPTY);
    struct client *player = connect_token(bots.code, bots.token);
    assert_int_equal(kick(bots.code, 1), GAME_MANAGER_KICK_FORFEITED);
    assert_int_equal(player->code, SESSION_CLOSE_KICKED);
    assert_int_equal(bots.room->game.winner, 2);
}

/* ---- results and rematches ----------------------------------------------------------- */

static void test_result_is_handed_over_once_with_its_fields(void **state)
{
    (void)state;
    struct ticket first = create_with(user("42"), (struct game_options){.winning_score = 2});
    run_ms(2500);
    struct ticket second = join(first.code);
    struct client *a = connect_token(first.code, first.token);
    struct client *b = connect_token(second.code, second.token);
    char match_id[UUID_SIZE];
    strcpy(match_id, first.room->game.match_id);
    run_ms(30000);
    assert_int_equal(world.result_count, 1);
    const struct match_result *result = &world.results[0];
    assert_string_equal(result->match_id, match_id);
    assert_int_equal(strlen(result->match_id), 36);
    assert_string_equal(result->room_code, first.code);
    assert_string_equal(result->player_id[0], "42");
    assert_string_equal(result->player_id[1], second.player_id);
    assert_int_equal(result->score[0], 2);
    assert_int_equal(result->score[1], 0);
    assert_int_equal(result->winner, 1);
    assert_int_equal(result->reason, MATCH_END_SCORE);
    assert_false(result->has_bot);
    assert_true(result->has_guest);
    /* two serves of 3 s and two flights of a second, from the room's creation on */
    assert_true(result->duration_s > 2.5 + 7.7 && result->duration_s < 2.5 + 8.3);
    assert_true(result->finished_at_unix > (double)UNIX_START_MS / 1000 + result->duration_s - 0.1);
    assert_true(result->finished_at_unix < (double)UNIX_START_MS / 1000 + result->duration_s + 0.1);
    assert_string_equal(a->heard, "R0 G1 R0 G1 O1 ");
    assert_string_equal(b->heard, a->heard);
    assert_int_equal(b->view.status, GAME_STATUS_FINISHED);
    assert_int_equal(stats().matches_finished, 1);
    assert_int_equal(stats().rooms_finished, 1);
}

static void test_forfeit_and_abandonment_are_handed_over(void **state)
{
    (void)state;
    struct pair forfeited = start_match(10), abandoned = start_match(10),
                drawn_out = start_match(10);
    hang_up(forfeited.clients[0]);
    hang_up(abandoned.clients[0]);
    run_ms(10000);
    hang_up(abandoned.clients[1]);
    run_ms(21000);
    assert_int_equal(world.result_count, 2);
    for (int i = 0; i < 2; i++) {
        const struct match_result *result = &world.results[i];
        bool is_forfeit = strcmp(result->room_code, forfeited.tickets[0].code) == 0;
        assert_int_equal(result->reason, is_forfeit ? MATCH_END_FORFEIT : MATCH_END_ABANDONED);
        assert_int_equal(result->winner, is_forfeit ? 2 : 0);
        assert_int_equal(result->score[0] + result->score[1], 0);
    }
    assert_string_equal(forfeited.clients[1]->heard, "L1 P1 O2 ");
    hang_up(drawn_out.clients[0]);
    hang_up(drawn_out.clients[1]);
    run_ms(300000);
    assert_int_equal(world.result_count, 3);
    assert_int_equal(stats().rooms, 0);
}

static void test_rematch_is_another_match_in_the_same_room(void **state)
{
    (void)state;
    struct pair pair = finished_match();
    struct client *spectator = watch(pair.room->game.room_code);
    uint32_t step = pair.room->game.pong.step;
    run_ms(30000);
    for (int i = 0; i < 2; i++)
        forget_heard(pair.clients[i]);
    struct player_session *a = pair.clients[0]->session, *b = pair.clients[1]->session;
    assert_int_equal(game_manager_rematch(world.manager, b, world.now), GAME_OK);
    assert_int_equal(game_manager_rematch(world.manager, b, world.now), GAME_OK);
    assert_string_equal(pair.clients[0]->heard, "F2 ");
    assert_int_equal(pair.room->game.pong.phase, PONG_FINISHED);
    assert_int_equal(game_manager_rematch(world.manager, a, world.now), GAME_OK);
    assert_string_equal(pair.clients[0]->heard, "F2 N0 ");
    assert_string_equal(spectator->heard, "F2 N0 ");
    assert_int_equal(pair.room->game.pong.phase, PONG_SERVING);
    assert_int_equal(pair.room->game.pong.score[0], 0);
    assert_true(pair.room->game.pong.step > step);
    run_ms(5000);
    assert_int_equal(world.result_count, 2);
    assert_string_not_equal(world.results[0].match_id, world.results[1].match_id);
    assert_string_equal(world.results[0].room_code, world.results[1].room_code);
    assert_true(world.results[1].duration_s < 4.3); /* from its agreement on */
    assert_int_equal(stats().rooms_created, 1);
    assert_int_equal(stats().matches_finished, 2);
}

static void test_room_closes_when_nobody_wants_a_rematch(void **state)
{
    (void)state;
    struct pair pair = finished_match();
    struct client *spectator = watch(pair.room->game.room_code);
    struct client *opening = free_client();
    assert_int_equal(admit(opening, pair.tickets[0].code, "", "", ""), GAME_MANAGER_OK);
    game_manager_rematch(world.manager, pair.clients[0]->session, world.now);
    run_ms(58000);
    assert_int_equal(stats().rooms, 1);
    run_ms(2000);
    assert_int_equal(stats().rooms, 0);
    assert_int_equal(pair.clients[0]->code, SESSION_CLOSE_ROOM_CLOSED);
    assert_int_equal(pair.clients[1]->code, SESSION_CLOSE_ROOM_CLOSED);
    assert_int_equal(spectator->code, SESSION_CLOSE_ROOM_CLOSED);
    upgrade(opening);
    assert_int_equal(opening->code, SESSION_CLOSE_ROOM_CLOSED);
    assert_int_equal(world.result_count, 1);
}

static void test_waiting_room_closes_when_nobody_is_in_it(void **state)
{
    (void)state;
    struct ticket left = create(), watched = create();
    struct client *spectator = watch(watched.code);
    run_ms(119000);
    assert_int_equal(stats().rooms, 2);
    run_ms(2000);
    assert_int_equal(stats().rooms, 1);
    assert_int_equal(check(left.code), GAME_MANAGER_ROOM_NOT_FOUND);
    run_ms(200000);
    assert_int_equal(spectator->close_count, 0);
    hang_up(spectator);
    run_ms(121000);
    assert_int_equal(stats().rooms, 0);
    assert_int_equal(join(watched.code).error,
                     GAME_MANAGER_ROOM_NOT_FOUND); /* no match ended there */
}

static void test_bots_play_to_the_end(void **state)
{
    (void)state;
    static const char *const levels[] = {"easy", "normal", "hard"};
    struct client *humans[3];
    for (int i = 0; i < 3; i++) {
        struct ticket ticket = create_with(
            somebody(), (struct game_options){.winning_score = 3, .bot_level = levels[i]});
        humans[i] = connect_token(ticket.code, ticket.token);
        assert_int_equal(ticket.room->game.pong.phase, PONG_SERVING);
    }
    bool has_moved[3] = {false};
    /* a human who moves up and down without end loses in the end, or wins now and then */
    for (int i = 0; i < 3600 && world.result_count < 3; i++) {
        for (int human = 0; human < 3; human++) {
            struct player_session *session = humans[human]->session;
            if (session->state != SESSION_OPEN)
                continue; /* his match and the time for a rematch are over */
            session->heard_ms = world.now.mono_ms;
            game_manager_steer(world.manager, session, 1, i % 2 ? PONG_PADDLE_Y_MAX : 0);
            has_moved[human] |= session->room->game.pong.paddle_y[1] != PONG_PADDLE_Y_START;
        }
        run_ms(500);
    }
    assert_int_equal(world.result_count, 3);
    for (int i = 0; i < 3; i++) {
        const struct match_result *result = &world.results[i];
        assert_true(has_moved[i]);
        assert_true(result->has_bot && result->has_guest);
        assert_int_equal(result->reason, MATCH_END_SCORE);
        assert_memory_equal(result->player_id[1], "bot-", 4);
        assert_int_equal(result->score[result->winner - 1], 3);
    }
    /* and agree to a rematch at once */
    int rematches = 0;
    for (int i = 0; i < 3; i++) {
        struct player_session *session = humans[i]->session;
        if (session->state != SESSION_OPEN)
            continue;
        assert_int_equal(game_manager_rematch(world.manager, session, world.now), GAME_OK);
        assert_int_equal(session->room->game.pong.phase, PONG_SERVING);
        rematches++;
    }
    assert_in_range(rematches, 1, 3);
}

/* ---- ticks --------------------------------------------------------------------------- */

/* How many updates a phase's clock has had: number n is due n/hz seconds after its first. */
static int64_t updates_by(int phase, int hz, int64_t elapsed_ns)
{
    int64_t since = elapsed_ns - SECOND / hz * phase / GAME_MANAGER_PHASES;
    int64_t count = 0;
    while (count * SECOND <= since * hz)
        count++;
    return count;
}

static void test_updates_are_exact_at_every_rate(void **state)
{
    (void)state;
    enum {
        ROOMS = 2 * GAME_MANAGER_PHASE_ROOMS + 1 /* of three phases */
    };
    static const int rates[] = {10, 12, 15, 20, 30, 60};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct game_manager_config config = usual;
        config.update_hz = rates[i];
        config.max_rooms = ROOMS;
        game_manager_free(world.manager);
        open_world(&config);
        struct ticket tickets[ROOMS];
        for (int room = 0; room < ROOMS; room++) {
            tickets[room] = create();
            watch(tickets[room].code);
        }
        run_ns(SECOND);
        int64_t
            first[ROOMS]; /* the number of a room's first update: its phase's clock runs anyhow */
        for (int room = 0; room < ROOMS; room++) {
            first[room] = updates_by(tickets[room].room->phase, rates[i], SECOND) -
                          (int64_t)tickets[room].room->game.pong.step * rates[i] / 60;
            assert_in_range(first[room], 0, 1);
        }
        /* turns that come when they like, none later than four updates */
        int64_t elapsed = SECOND;
        uint64_t updates = 0;
        for (int turn = 0; turn < 3000; turn++) {
            elapsed += (turn * INT64_C(7919) % 997) * (4 * SECOND / rates[i] / 1000) + 1;
            set_time(START + elapsed);
            tick();
            updates = 0;
            for (int room = 0; room < ROOMS; room++) {
                int64_t count =
                    updates_by(tickets[room].room->phase, rates[i], elapsed) - first[room];
                assert_int_equal(tickets[room].room->game.pong.step,
                                 (uint32_t)(count * 60 / rates[i]));
                updates += (uint64_t)count;
            }
        }
        assert_int_equal(stats().updates_skipped, 0);
        assert_int_equal(stats().updates, updates);
        for (size_t client = 0; client < ROOMS; client++)
            hang_up(&world.clients[client]);
    }
}

static void test_steps_neither_drift_nor_jitter(void **state)
{
    (void)state;
    struct ticket ticket = create();
    watch(ticket.code);
    tick();
    const uint32_t first = ticket.room->game.pong.step;
    for (uint32_t second = 1; second <= 60; second++) {
        run_ns(SECOND);
        assert_int_equal(ticket.room->game.pong.step, first + 60 * second);
    }
}

static void test_stall_is_caught_up_by_five_updates(void **state)
{
    (void)state;
    struct ticket ticket = create();
    watch(ticket.code);
    tick();
    const uint32_t first = ticket.room->game.pong.step;
    assert_in_range(first, 0, 2);
    set_time(START + SECOND / 6 + 1); /* exactly five updates later */
    tick();
    assert_int_equal(ticket.room->game.pong.step, first + 5 * 2);
    assert_int_equal(stats().updates_skipped, 0);
    set_time(START + SECOND / 6 + SECOND / 5 + 1); /* six */
    int64_t next = tick();
    assert_int_equal(ticket.room->game.pong.step, first + 10 * 2);
    assert_int_equal(stats().updates_skipped, 1);
    assert_int_equal(next, START + 12 * SECOND / 30);
    set_time(next);
    tick();
    assert_int_equal(ticket.room->game.pong.step, first + 11 * 2);
    set_time(START + 10 * SECOND); /* a long one, with a second room of its own phase */
    struct ticket other = create();
    tick();
    set_time(START + 20 * SECOND);
    uint32_t before = ticket.room->game.pong.step, before_other = other.room->game.pong.step;
    uint64_t skipped = stats().updates_skipped;
    tick();
    assert_int_equal(ticket.room->game.pong.step, before + 10);
    assert_int_equal(other.room->game.pong.step, before_other + 10);
    assert_int_equal(stats().updates_skipped, skipped + 2 * 295);
    tick(); /* nothing is due any more */
    assert_int_equal(ticket.room->game.pong.step, before + 10);
}

static void test_lateness_is_that_of_each_update(void **state)
{
    (void)state;
    create();
    tick();
    const struct game_manager_stats before = stats();
    set_time(START + SECOND / 10 + 7 * MILLISECOND); /* after the deadlines of the next three */
    tick();
    tick(); /* none is due */
    const struct game_manager_stats after = stats();
    const uint64_t *counts = after.lateness.counts;
    assert_int_equal(histogram_count(&after.lateness), histogram_count(&before.lateness) + 3);
    assert_int_equal(counts[4] - before.lateness.counts[4], 1); /* 7 ms */
    assert_int_equal(counts[6] - before.lateness.counts[6], 1); /* 40.3 ms */
    assert_int_equal(counts[7] - before.lateness.counts[7], 1); /* 73.7 ms */
    assert_int_equal((after.lateness.sum_ns - before.lateness.sum_ns) / 1000000, 120);
}

static void test_next_deadline_is_when_something_is_due(void **state)
{
    (void)state;
    int64_t next = tick();
    assert_in_range(next, START + 1, START + SECOND); /* with no room: whenever */
    for (int i = 0; i < MAX_ROOMS; i++)
        create();
    for (int i = 0; i < 500; i++) {
        next = tick();
        assert_true(next > world.now.mono_ns);
        assert_true(next <= world.now.mono_ns + SECOND / 30 + 1); /* to whole nanoseconds */
        uint64_t updates = stats().updates;
        set_time(next - 1);
        assert_int_equal(tick(), next);
        assert_int_equal(stats().updates, updates);
        set_time(next);
        tick();
        assert_int_equal(stats().updates, updates + MAX_ROOMS); /* all in one phase */
    }
}

/* A server that had nothing to do wakes for a new room: there is nothing to make up for. */
static void test_new_room_on_an_idle_server_starts_at_its_beginning(void **state)
{
    (void)state;
    tick();
    set_time(START + 900 * MILLISECOND);
    struct ticket ticket = create();
    tick();
    assert_in_range(ticket.room->game.pong.step, 0, 2);
    assert_int_equal(stats().updates_skipped, 0);
    run_ms(1000);
    assert_in_range(ticket.room->game.pong.step, 60, 62);
}

/* Of as few moments as keep a turn short, far from each other; and every one when there are many rooms. */
static void test_rooms_fill_the_phases_one_after_the_other(void **state)
{
    (void)state;
    enum {
        ALL_FILLED = GAME_MANAGER_PHASES * GAME_MANAGER_PHASE_ROOMS,
        ROOMS = ALL_FILLED + 2 * GAME_MANAGER_PHASES
    };
    struct game_manager_config config = usual;
    config.max_rooms = ROOMS;
    game_manager_free(world.manager);
    open_world(&config);
    static struct ticket tickets[ROOMS];
    int counts[GAME_MANAGER_PHASES] = {0}, in_use = 0, before = -1;
    for (int i = 0; i < ALL_FILLED; i++) {
        tickets[i] = create();
        const int phase = tickets[i].room->phase;
        if (counts[phase]++ == 0) {
            in_use++;
            if (before >= 0)
                assert_in_range(abs(phase - before), 7, GAME_MANAGER_PHASES - 7);
            before = phase;
        }
        assert_int_equal(in_use, i / GAME_MANAGER_PHASE_ROOMS + 1);
        assert_in_range(counts[phase], 1, GAME_MANAGER_PHASE_ROOMS);
    }
    for (int i = ALL_FILLED; i < ROOMS; i++) {
        tickets[i] = create();
        counts[tickets[i].room->phase]++;
    }
    for (int i = 0; i < GAME_MANAGER_PHASES; i++)
        assert_int_equal(counts[i], GAME_MANAGER_PHASE_ROOMS + 2);
    /* so over one period no turn has more than that to do, and each has its own time */
    run_ms(100);
    int64_t end = world.now.mono_ns + SECOND / 30;
    int turns = 0;
    while (world.now.mono_ns < end) {
        uint64_t updates = stats().updates;
        set_time(tick());
        tick();
        assert_in_range(stats().updates - updates, 0, GAME_MANAGER_PHASE_ROOMS + 2);
        turns++;
    }
    assert_in_range(turns, GAME_MANAGER_PHASES, GAME_MANAGER_PHASES + 2);
    /* the next room goes where one has gone */
    int phase = tickets[40].room->phase;
    assert_int_equal(cancel_as(showing(tickets[40].token), tickets[40].code), GAME_MANAGER_OK);
    assert_int_equal(create().room->phase, phase);
}

/* Where rooms have gone from many phases, new ones go where the most are left, so that the others empty. */
static void test_rooms_gather_again(void **state)
{
    (void)state;
    enum {
        ROOMS = 3 * GAME_MANAGER_PHASE_ROOMS
    };
    struct game_manager_config config = usual;
    config.max_rooms = ROOMS;
    game_manager_free(world.manager);
    open_world(&config);
    struct ticket tickets[ROOMS];
    for (int i = 0; i < ROOMS; i++)
        tickets[i] = create();
    const int fullest = tickets[GAME_MANAGER_PHASE_ROOMS].room->phase;
    for (int i = 0; i < ROOMS; i++) {
        const bool is_middle = i / GAME_MANAGER_PHASE_ROOMS == 1;
        if (i % GAME_MANAGER_PHASE_ROOMS >= (is_middle ? 4 : 1))
            assert_int_equal(cancel_as(showing(tickets[i].token), tickets[i].code),
                             GAME_MANAGER_OK);
    }
    for (int i = 4; i < GAME_MANAGER_PHASE_ROOMS; i++)
        assert_int_equal(create().room->phase, fullest);
    assert_int_not_equal(create().room->phase, fullest);
}

/* Those whom a crowd watches do not all have the same turn. */
static void test_rooms_with_many_sessions_have_phases_of_their_own(void **state)
{
    (void)state;
    enum {
        EACH = 30
    };
    struct game_manager_config config = usual;
    config.max_spectators = EACH;
    config.max_connections = 3 * EACH;
    config.max_connections_per_address = 0;
    game_manager_free(world.manager);
    open_world(&config);
    struct ticket first = create(), second = create();
    assert_int_equal(first.room->phase, second.room->phase);
    for (int i = 0; i < EACH - 1; i++) {
        watch(first.code);
        watch(second.code);
    }
    struct ticket third = create();
    assert_int_equal(third.room->phase, first.room->phase); /* 58 sessions are not too many */
    for (int i = 0; i < 6; i++)
        watch(third.code);
    assert_int_not_equal(create().room->phase, first.room->phase);
}

static void test_many_rooms_play_at_once(void **state)
{
    (void)state;
    enum {
        ROOMS = 100
    };
    struct game_manager_config config = usual;
    config.max_rooms = ROOMS;
    config.max_connections = ROOMS;
    game_manager_free(world.manager);
    open_world(&config);
    struct client *clients = calloc(ROOMS, sizeof *clients);
    assert_non_null(clients);
    char codes[ROOMS][ROOM_CODE_SIZE];
    for (int i = 0; i < ROOMS; i++) {
        struct ticket ticket = create_with(
            somebody(), (struct game_options){.winning_score = 1 + i % 3, .bot_level = "normal"});
        assert_int_equal(admit(&clients[i], ticket.code, ticket.token, "", ""), GAME_MANAGER_OK);
        upgrade(&clients[i]);
        strcpy(codes[i], ticket.code);
    }
    assert_int_equal(stats().rooms_ongoing, ROOMS);
    for (int i = 0; i < 300 && world.result_count < ROOMS; i++)
        run_ms(1000);
    assert_int_equal(world.result_count, ROOMS);
    for (int i = 0; i < ROOMS; i++) {
        int found = 0;
        for (int result = 0; result < ROOMS; result++)
            found += strcmp(world.results[result].room_code, codes[i]) == 0;
        assert_int_equal(found, 1);
        for (int other = 0; other < i; other++)
            assert_string_not_equal(world.results[i].match_id, world.results[other].match_id);
    }
    assert_int_equal(stats().updates_skipped, 0);
    for (int i = 0; i < ROOMS; i++)
        hang_up(&clients[i]);
    free(clients);
}

/* ---- anything at any time ------------------------------------------------------------ */

enum {
    RANDOM_OPERATIONS = 100000,
    KNOWN_ROOMS = 24
};

static struct {
    uint64_t state;
    struct ticket known[KNOWN_ROOMS]; /* tickets of rooms, most of them gone */
} chance;

static uint32_t below(uint32_t bound)
{
    chance.state = chance.state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance.state >> 33) % bound;
}

static struct ticket *some_ticket(void)
{
    return &chance.known[below(KNOWN_ROOMS)];
}

static void remember(struct ticket ticket)
{
    if (ticket.error == GAME_MANAGER_OK)
        *some_ticket() = ticket;
}

static struct game_caller some_caller(void)
{
    static const char *const users[] = {"", "", "", "41", "42", "43"};
    struct game_caller caller = somebody();
    caller.user_id = users[below(6)];
    caller.username = below(2) ? "Name" : "";
    for (uint32_t i = below(GAME_CALLER_TOKENS_MAX + 1); i > 0; i--)
        caller = with(caller, below(4) ? some_ticket()->token : fresh_token(), below(2) != 0);
    if (below(8) == 0)
        caller.new_token = some_ticket()->token[0] ? some_ticket()->token : caller.new_token;
    if (!caller.new_token[0])
        caller.new_token = fresh_token();
    return caller;
}

static void do_rest(void)
{
    static const char *const levels[] = {"", "", "easy", "normal", "hard"};
    const struct room *rooms[GAME_MANAGER_LIST_MAX];
    struct game_caller caller = some_caller();
    char code[ROOM_CODE_SIZE];
    strcpy(code, some_ticket()->code);
    switch (below(8)) {
    case 0:
    case 1:
        remember(create_with(caller, (struct game_options){.is_public = below(2) != 0,
                                                           .winning_score = (int)below(3),
                                                           .bot_level = levels[below(5)]}));
        break;
    case 2:
        remember(join_as(caller, code));
        break;
    case 3:
        remember(quick_as(caller));
        break;
    case 4:
        check_as(caller, code);
        break;
    case 5:
        if (below(4) == 0)
            cancel_as(caller, code);
        break;
    case 6:
        if (below(8) == 0)
            kick(code, 1 + (int)below(2));
        game_manager_refuse_rooms(world.manager, below(8) == 0);
        break;
    default:
        assert_in_range(list(rooms), 0, MAX_ROOMS);
        break;
    }
}

static void do_connection(struct client *client)
{
    struct player_session *session = client->session;
    if (!session) {
        const struct ticket *ticket = some_ticket();
        memset(client, 0, sizeof *client);
        client->is_deaf = below(8) == 0;
        if (admit(client, ticket->code, below(2) ? ticket->token : "",
                  below(2) ? some_ticket()->token : "",
                  below(2) ? some_ticket()->token : "") != GAME_MANAGER_OK)
            client->session = NULL;
    } else if (session->state == SESSION_OPENING) {
        if (below(8))
            upgrade(client);
        else
            hang_up(client);
    } else if (session->state == SESSION_CLOSING) {
        if (below(2))
            hang_up(client);
        else
            game_manager_session_close(world.manager, session, SESSION_CLOSE_POLICY, world.now);
    } else {
        switch (below(40)) {
        case 0:
            hang_up(client);
            break;
        case 1:
            game_manager_session_close(world.manager, session, SESSION_CLOSE_BAD_MESSAGES,
                                       world.now);
            break;
        default:
            client->blocked = below(6) == 0;
            break;
        }
    }
}

static void do_message(struct client *client)
{
    struct player_session *session = client->session;
    if (!session || session->state != SESSION_OPEN)
        return;
    session->heard_ms = world.now.mono_ms;
    switch (below(7)) {
    case 0:
        say_hello(client, below(2) ? some_ticket()->player_id : "", below(2) ? "Name" : "");
        break;
    case 1:
        game_manager_steer(world.manager, session, (int)below(4) - 1, (int32_t)below(40000));
        break;
    case 2:
        game_manager_key(world.manager, session, session->seat,
                         below(2) ? SESSION_KEY_UP : SESSION_KEY_DOWN, below(2) != 0);
        break;
    case 3:
        game_manager_pause(world.manager, session, world.now);
        break;
    case 4:
        game_manager_resume(world.manager, session);
        break;
    default:
        game_manager_rematch(world.manager, session, world.now);
        break;
    }
}

static void pass_time(void)
{
    static const int64_t short_ms[] = {1, 5, 20, 33, 50, 100, 400};
    static const int64_t long_ms[] = {2000, 20000, 31000, 70000, 125000};
    jump_ms(below(50) ? short_ms[below(7)] : long_ms[below(5)]);
}

/* What must be true of every room, whatever has happened. */
static void assert_room_is_sound(const struct room *room)
{
    const struct player_session *session;
    int sessions = 0, spectators = 0, in_seat[3] = {0};
    DL_FOREACH (room->sessions, session) {
        assert_int_equal(session->state, SESSION_OPEN);
        assert_ptr_equal(session->room, room);
        in_seat[session->seat]++;
        sessions += !session->is_bot;
        spectators += !session->is_bot && session->seat == 0;
    }
    assert_int_equal(room->session_count, sessions);
    assert_int_equal(room->spectator_count, spectators);
    for (int i = 1; i <= 2; i++) {
        const struct game_seat *seat = &room->game.seats[i - 1];
        assert_int_equal(in_seat[i], seat->held && seat->connected);
        assert_memory_equal(&room->claims[i - 1].token,
                            seat->held ? &seat->player.token : &no_digest, sizeof no_digest);
    }
}

static void assert_world_is_sound(void)
{
    int connections = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct client *client = &world.clients[i];
        if (!client->session)
            continue;
        connections++;
        assert_int_equal(client->repeated_updates, 0);
        assert_ptr_equal(client->session->connection, client);
        assert_int_equal(client->close_count, client->session->state == SESSION_CLOSING);
        if (client->session->state == SESSION_OPEN)
            assert_true(is_in_room(client->session->room, client->session));
    }
    assert_int_equal(stats().connections, connections);
    assert_in_range(stats().rooms, 0, MAX_ROOMS);
    for (size_t i = 0; i < KNOWN_ROOMS; i++) {
        const struct room *room;
        struct game_caller caller = somebody();
        if (game_manager_check(world.manager, chance.known[i].code, &caller, world.now, &room) ==
            GAME_MANAGER_OK)
            assert_room_is_sound(room);
    }
}

static void test_anything_at_any_time(void **state)
{
    (void)state;
    char held_id[UUID_SIZE] = "00000000-0000-4000-8000-000000000000";
    memset(&chance, 0, sizeof chance);
    chance.state = 20231114;
    for (int i = 0; i < RANDOM_OPERATIONS; i++) {
        struct client *client = &world.clients[below(CLIENTS)];
        if (world.result_count > 0)
            strcpy(held_id, world.results[world.result_count - 1].match_id);
        world.result_count = 0; /* counted by the manager */
        switch (below(8)) {
        case 0:
            do_rest();
            break;
        case 1:
        case 2:
            do_connection(client);
            break;
        case 3:
        case 4:
        case 5:
            do_message(client);
            break;
        default:
            pass_time();
            break;
        }
        world.holds_results = below(2) != 0;
        world.refuses_checkpoints = below(4) == 0;
        if (below(8) == 0)
            game_manager_result_stored(world.manager, held_id, world.now);
        if (i % 16 == 0)
            assert_world_is_sound();
    }
    /* it was a lively world */
    assert_true(stats().rooms_created > 100);
    assert_true(stats().matches_finished > 10);
    assert_int_equal(world.closed_sessions_pinged, 0);
}

/* ---- all ----------------------------------------------------------------------------- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_draining_sends_everybody_away_and_lets_nobody_in),
        TEST(test_draining_sends_away_who_was_just_coming_in),
        TEST(test_refused_rooms_leave_those_there_are_alone),
        TEST(test_a_stop_is_not_undone_by_the_operator),
        TEST(test_every_room_is_on_one_page_whatever_its_length),
        TEST(test_a_page_begins_after_a_code_not_after_a_room),
        TEST(test_kick_frees_the_seat_of_a_waiting_room),
        TEST(test_kick_forfeits_a_match_under_way),
        TEST(test_kick_of_who_is_identified_voids_his_identity_there),
        TEST(test_kick_after_the_end_only_sends_away),
        TEST(test_kick_of_who_is_away_ends_the_match),
        TEST(test_kick_waits_for_its_result_to_be_safe),
        TEST(test_kick_is_refused_where_there_is_nobody_to_kick),
        TEST(test_result_is_handed_over_once_with_its_fields),
        TEST(test_forfeit_and_abandonment_are_handed_over),
        TEST(test_rematch_is_another_match_in_the_same_room),
        TEST(test_room_closes_when_nobody_wants_a_rematch),
        TEST(test_waiting_room_closes_when_nobody_is_in_it),
        TEST(test_bots_play_to_the_end),
        TEST(test_updates_are_exact_at_every_rate),
        TEST(test_steps_neither_drift_nor_jitter),
        TEST(test_stall_is_caught_up_by_five_updates),
        TEST(test_lateness_is_that_of_each_update),
        TEST(test_next_deadline_is_when_something_is_due),
        TEST(test_new_room_on_an_idle_server_starts_at_its_beginning),
        TEST(test_rooms_fill_the_phases_one_after_the_other),
        TEST(test_rooms_gather_again),
        TEST(test_rooms_with_many_sessions_have_phases_of_their_own),
        TEST(test_many_rooms_play_at_once),
        TEST(test_anything_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
