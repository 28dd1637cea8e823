/*
 * GameManager with two fakes: an output end that keeps for every connection what it would have been
 * sent, and a match_over. Time is what the test says it is. Every test ends with everybody gone and
 * all rooms expired, and then needs the whole of both pools: nothing may have leaked.
 */
#include "gamed/game_manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <utlist.h>

enum {
    MAX_ROOMS = 8,
    WHOLES_MAX = 512, /* rooms that a test has open at a time, at most */
    MAX_CONNECTIONS = 40,
    MAX_SPECTATORS = 3,
    CLIENTS = 64,
    HEARD_MAX = 512,
    RESULTS_MAX = 256,
    TOKENS = 1 << 15, /* of a test, before they repeat */
};

static const int64_t SECOND = 1000000000, MILLISECOND = 1000000;
static const int64_t START = 1000 * INT64_C(1000000000);
static const int64_t UNIX_START_MS = 1700000000000;
static const struct digest no_digest;

/* A connection, seen from its far end. */
struct client {
    struct player_session *session; /* NULL: there is none */
    bool is_taken;                  /* by a test, once and for all */
    bool blocked;                   /* its socket takes nothing at the moment */
    bool is_deaf;                   /* answers no ping */
    int close_count;
    enum session_close code;
    int states, deltas, greetings, pings;
    int64_t pinged_at_ms;        /* the last ping */
    char heard[HEARD_MAX];       /* its events: "J1 P0 " … */
    char token[SEAT_TOKEN_SIZE]; /* that a greeting told it */
    struct game_view view;       /* what it draws */
    uint32_t update_step;        /* of the newest update it was offered */
    int repeated_updates;
};

static struct {
    struct game_manager *manager;
    struct game_manager_config config;
    struct now now;
    struct client clients[CLIENTS];
    struct match_result results[RESULTS_MAX];
    int result_count;
    bool holds_results; /* an end waits for game_manager_result_stored() */
    bool refuses_checkpoints;
    int checkpoint_count, gone_count, refused_checkpoints;
    int partial_count;            /* of the checkpoints */
    const struct room *last_room; /* that had something to say */
    struct room_checkpoint wholes[WHOLES_MAX];
    struct room_checkpoint checkpoint; /* the newest of any room that was not gone … */
    char gone_code[ROOM_CODE_SIZE];    /* … and the newest that was */
    int closed_sessions_pinged;
    uint32_t token_count;
} world;

/* ---- time ---------------------------------------------------------------------------- */

static void set_time(int64_t ns)
{
    world.now = (struct now){.mono_ns = ns,
                             .mono_ms = ns / MILLISECOND,
                             .unix_ms = UNIX_START_MS + (ns - START) / MILLISECOND};
}

static int64_t tick(void)
{
    return game_manager_tick(world.manager, world.now);
}

/* As the loop does it: a tick whenever the last one asked for it. */
static void run_ns(int64_t ns)
{
    const int64_t end = world.now.mono_ns + ns;
    int64_t next = tick();
    while (next <= end) {
        assert_true(next > world.now.mono_ns);
        set_time(next);
        next = tick();
    }
    set_time(end);
}

static void run_ms(int64_t ms)
{
    run_ns(ms * MILLISECOND);
}

/* A time in which the process was stopped. */
static void jump_ms(int64_t ms)
{
    set_time(world.now.mono_ns + ms * MILLISECOND);
    tick();
}

static struct game_manager_stats stats(void)
{
    struct game_manager_stats stats;
    game_manager_stats(world.manager, &stats);
    return stats;
}

/* ---- the fake output end ------------------------------------------------------------- */

static bool is_in_room(const struct room *room, const struct player_session *session)
{
    const struct player_session *other;
    DL_FOREACH (room->sessions, other)
        if (other == session)
            return true;
    return false;
}

static void greet(struct client *client, struct player_session *session, const struct room *room)
{
    client->greetings++;
    if (session->seat && session->fresh_token[0])
        strcpy(client->token, session->fresh_token);
    client->view = room->shown; /* the state is part of it */
    session->owed_greeting = 0;
    session->fresh_token[0] = '\0';
    session->owed_full = false;
}

static void hear(struct client *client, const struct game_event *event)
{
    static const char letters[] = {
        [GAME_EVENT_JOINED] = 'J',
        [GAME_EVENT_LEFT] = 'L',
        [GAME_EVENT_GOAL] = 'G',
        [GAME_EVENT_OVER] = 'O',
        [GAME_EVENT_PAUSED] = 'P',
        [GAME_EVENT_RESUMED] = 'R',
        [GAME_EVENT_REMATCH_OFFERED] = 'F',
        [GAME_EVENT_NEW_MATCH] = 'N',
    };
    size_t length = strlen(client->heard);
    if (length + 4 < sizeof client->heard)
        snprintf(client->heard + length, sizeof client->heard - length, "%c%d ",
                 letters[event->type], event->player);
}

/* Member by member: the bytes between them are nobody's. */
static bool is_same_view(const struct game_view *a, const struct game_view *b)
{
    for (int i = 0; i < 2; i++)
        if (a->paddle_y[i] != b->paddle_y[i] || a->score[i] != b->score[i] ||
            a->id_version[i] != b->id_version[i] || a->name_version[i] != b->name_version[i])
            return false;
    return a->ball_x == b->ball_x && a->ball_y == b->ball_y && a->ball_speed_x == b->ball_speed_x &&
           a->ball_speed_y == b->ball_speed_y && a->status == b->status &&
           a->last_loser == b->last_loser && a->is_paused == b->is_paused;
}

static void send_update(struct client *client, struct player_session *session,
                        const struct room *room, bool changed)
{
    /* between two steps only what people did can be new */
    if (client->update_step == room->game.pong.step &&
        (!changed || is_same_view(&client->view, &room->fresh))) {
        client->repeated_updates++;
        return;
    }
    client->update_step = room->game.pong.step;
    if (session->owed_full) {
        session->owed_full = false;
        client->states++;
        client->view = room->fresh;
    } else if (changed) {
        assert_true(is_same_view(&client->view, &room->shown));
        client->deltas++;
        client->view = room->fresh;
    } else {
        return;
    }
    session->sent_ms = world.now.mono_ms;
}

static void output_ready(void *arg, struct room *room, struct now now)
{
    struct player_session *session;
    bool changed = !is_same_view(&room->shown, &room->fresh);
    assert_ptr_equal(arg, &world);
    world.last_room = room;
    assert_int_equal(now.mono_ns, world.now.mono_ns);
    assert_int_not_equal(room->serial, 0);
    DL_FOREACH (room->sessions, session) {
        struct client *client = session->connection;
        assert_int_equal(session->state, SESSION_OPEN);
        assert_ptr_equal(session->room, room);
        assert_true(session->is_bot ? !client : client && client->session == session);
        if (!client)
            continue;
        if (client->blocked) {
            session->owed_full |= room->update_due && changed;
            continue;
        }
        if (!session->welcomed) {
            session->welcomed = true;
            session->owed_full = false;
            session->sent_ms = now.mono_ms;
            client->states++;
            client->view = room->shown; /* the next update goes on from there */
        }
        assert_true(room->log_next - session->next_event <= ROOM_LOG_SIZE);
        for (; session->next_event != room->log_next; session->next_event++) {
            const struct game_event *event = &room->log[session->next_event % ROOM_LOG_SIZE];
            hear(client, event);
            session->sent_ms = now.mono_ms;
            if (event->type == GAME_EVENT_JOINED && event->player == session->seat &&
                session->owed_greeting)
                greet(client, session, room);
        }
        if (session->owed_greeting) {
            greet(client, session, room);
            session->sent_ms = now.mono_ms;
        }
        if (room->update_due)
            send_update(client, session, room, changed);
    }
}

static void session_quiet(void *arg, struct player_session *session, struct now now)
{
    struct client *client = session->connection;
    assert_ptr_equal(arg, &world);
    assert_non_null(client);
    if (session->state != SESSION_OPEN) {
        world.closed_sessions_pinged++;
        return;
    }
    if (client->blocked)
        return;
    client->pings++;
    client->pinged_at_ms = now.mono_ms;
    session->sent_ms = now.mono_ms;
    if (!client->is_deaf)
        session->heard_ms = now.mono_ms;
}

static void session_close(void *arg, struct player_session *session, enum session_close code)
{
    struct client *client = session->connection;
    assert_ptr_equal(arg, &world);
    assert_int_equal(session->state, SESSION_CLOSING);
    assert_null(session->room);
    assert_int_equal(client->close_count, 0);
    client->close_count++;
    client->code = code;
}

static bool match_over(void *durable_arg, const struct match_result *result)
{
    assert_ptr_equal(durable_arg, world.results);
    assert_true(world.result_count < RESULTS_MAX);
    world.results[world.result_count++] = *result;
    return world.holds_results;
}

/* The whole checkpoints of rooms that are open, as the keeper has them. */
static struct room_checkpoint *whole_of(const char *code)
{
    struct room_checkpoint *unused = NULL;
    for (size_t i = 0; i < sizeof world.wholes / sizeof *world.wholes; i++) {
        if (strcmp(world.wholes[i].room_code, code) == 0)
            return &world.wholes[i];
        if (!world.wholes[i].room_code[0])
            unused = &world.wholes[i];
    }
    assert_non_null(unused);
    return unused;
}

/* What a partial checkpoint leaves out is as it was in the whole one before. */
static void assert_nothing_else_changed(const struct room_checkpoint *partial,
                                        const struct room_checkpoint *whole)
{
    struct room_checkpoint now_whole;
    assert_string_equal(whole->room_code, partial->room_code);
    assert_string_equal(world.last_room->game.room_code, partial->room_code);
    game_state_save(&world.last_room->game, world.now, &now_whole);
    now_whole.creator_token = world.last_room->creator_token;
    memcpy(now_whole.creator_id, world.last_room->creator_id, PLAYER_ID_SIZE);
    now_whole.is_partial = true;
    assert_memory_equal(partial, &now_whole, CHECKPOINT_PARTIAL_SIZE);
    assert_memory_equal((const char *)whole + CHECKPOINT_PARTIAL_SIZE,
                        (const char *)&now_whole + CHECKPOINT_PARTIAL_SIZE,
                        sizeof now_whole - CHECKPOINT_PARTIAL_SIZE);
}

static bool checkpoint(void *durable_arg, const struct room_checkpoint *checkpoint)
{
    assert_ptr_equal(durable_arg, world.results);
    assert_int_equal(strlen(checkpoint->room_code), ROOM_CODE_LENGTH);
    if (world.refuses_checkpoints) {
        world.refused_checkpoints++;
        return false;
    }
    struct room_checkpoint *whole = whole_of(checkpoint->room_code);
    if (checkpoint->is_gone) {
        world.gone_count++;
        strcpy(world.gone_code, checkpoint->room_code);
        memset(whole, 0, sizeof *whole);
        return true;
    }
    if (checkpoint->is_partial)
        assert_nothing_else_changed(checkpoint, whole);
    memcpy((char *)whole, (const char *)checkpoint, checkpoint_size(checkpoint));
    world.checkpoint_count++;
    world.partial_count += checkpoint->is_partial;
    world.checkpoint = *whole;
    world.checkpoint.is_partial = false;
    return true;
}

/* ---- a world ------------------------------------------------------------------------- */

static const struct game_manager_config usual = {
    .slot = 'A',
    .update_hz = 30,
    .max_rooms = MAX_ROOMS,
    .max_connections = MAX_CONNECTIONS,
    .max_spectators = MAX_SPECTATORS,
    .messages_per_second = 120,
    .checkpoint_ms = 1000,
    .guests = true,
    .rules = {.serve_steps = 180,
              .absence_ms = 30000,
              .absence_total_ms = 60000,
              .pause_ms = 60000,
              .pauses = 3,
              .unclaimed_ms = 30000,
              .waiting_room_ms = 120000,
              .rematch_ms = 60000,
              .match_ms = 1800000},
};

static void start_manager(void)
{
    const struct game_manager_hooks hooks = {.arg = &world,
                                             .output_ready = output_ready,
                                             .session_quiet = session_quiet,
                                             .session_close = session_close,
                                             .match_over = match_over,
                                             .checkpoint = checkpoint,
                                             .durable_arg = world.results};
    world.manager = game_manager_new(&world.config, &hooks, world.now);
    assert_non_null(world.manager);
}

static void open_world(const struct game_manager_config *config)
{
    memset(&world, 0, sizeof world);
    world.config = *config;
    set_time(START);
    start_manager();
}

static int set_up(void **state)
{
    (void)state;
    open_world(&usual);
    return 0;
}

static const char *fresh_token(void)
{
    static char tokens[TOKENS][SEAT_TOKEN_SIZE];
    char *token = tokens[world.token_count % TOKENS];
    snprintf(token, SEAT_TOKEN_SIZE, "%032x", ++world.token_count);
    return token;
}

static struct game_caller somebody(void)
{
    return (struct game_caller){.user_id = "", .username = "", .new_token = fresh_token()};
}

static struct game_caller user(const char *user_id)
{
    struct game_caller caller = somebody();
    caller.user_id = user_id;
    caller.username = user_id;
    return caller;
}

static struct game_caller with(struct game_caller caller, const char *token, bool from_cookie)
{
    caller.tokens[caller.token_count].token = token;
    caller.tokens[caller.token_count++].from_cookie = from_cookie;
    return caller;
}

static struct game_caller showing(const char *token)
{
    return with(somebody(), token, false);
}

static struct game_caller with_cookie(const char *token)
{
    return with(somebody(), token, true);
}

/* "" is the token of who has none. */
static bool is_token_of(const struct game_player *player, const char *token)
{
    struct digest digest = digest_of(token, strlen(token));
    return token[0] ? digest_equal(&player->token, &digest)
                    : memcmp(&player->token, &no_digest, sizeof no_digest) == 0;
}

/* What a REST answer tells its caller. */
struct ticket {
    int error;
    int seat;
    bool created, reconnecting;
    const struct room *room;
    char code[ROOM_CODE_SIZE], token[SEAT_TOKEN_SIZE], player_id[PLAYER_ID_SIZE];
};

static struct ticket ticket_of(int error, const struct game_placement *placement)
{
    struct ticket ticket = {.error = error};
    if (error != GAME_MANAGER_OK)
        return ticket;
    const struct game_player *player = &placement->room->game.seats[placement->seat - 1].player;
    assert_true(placement->room->game.seats[placement->seat - 1].held);
    ticket.seat = placement->seat;
    ticket.created = placement->created;
    ticket.reconnecting = placement->reconnecting;
    ticket.room = placement->room;
    strcpy(ticket.code, placement->room->game.room_code);
    assert_true(is_token_of(player, placement->token));
    strcpy(ticket.token, placement->token);
    strcpy(ticket.player_id, player->player_id);
    return ticket;
}

static struct ticket create_with(struct game_caller caller, struct game_options options)
{
    struct game_placement placement;
    if (!options.bot_level)
        options.bot_level = "";
    int error = game_manager_create(world.manager, &caller, &options, world.now, &placement);
    return ticket_of(error, &placement);
}

static struct ticket create(void)
{
    return create_with(somebody(), (struct game_options){0});
}

static struct ticket create_public(void)
{
    return create_with(somebody(), (struct game_options){.is_public = true});
}

static struct ticket join_as(struct game_caller caller, const char *code)
{
    struct game_placement placement;
    int error = game_manager_join(world.manager, code, &caller, world.now, &placement);
    return ticket_of(error, &placement);
}

static struct ticket join(const char *code)
{
    return join_as(somebody(), code);
}

static struct ticket quick_as(struct game_caller caller)
{
    struct game_placement placement;
    int error = game_manager_quick(world.manager, &caller, world.now, &placement);
    return ticket_of(error, &placement);
}

static int check_as(struct game_caller caller, const char *code)
{
    const struct room *room = NULL;
    int error = game_manager_check(world.manager, code, &caller, world.now, &room);
    if (error == GAME_MANAGER_OK)
        assert_string_equal(room->game.room_code, code);
    return error;
}

static int check(const char *code)
{
    return check_as(somebody(), code);
}

static int cancel_as(struct game_caller caller, const char *code)
{
    return game_manager_cancel(world.manager, code, &caller, world.now);
}

static struct client *free_client(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &world.clients[i];
        if (!client->is_taken) {
            client->is_taken = true;
            return client;
        }
    }
    fail_msg("the test needs more clients");
    return NULL;
}

/* The handshake alone. */
static int admit(struct client *client, const char *code, const char *token, const char *cookie_1,
                 const char *cookie_2)
{
    struct game_handshake handshake;
    memset(&handshake, 0, sizeof handshake);
    snprintf(handshake.room_code, sizeof handshake.room_code, "%s", code);
    snprintf(handshake.token, sizeof handshake.token, "%s", token);
    snprintf(handshake.cookie[0], sizeof handshake.cookie[0], "%s", cookie_1);
    snprintf(handshake.cookie[1], sizeof handshake.cookie[1], "%s", cookie_2);
    return game_manager_admit(world.manager, &handshake, client, world.now, &client->session);
}

static void upgrade(struct client *client)
{
    game_manager_session_open(world.manager, client->session, world.now);
}

static struct client *connect_cookies(const char *code, const char *cookie_1, const char *cookie_2)
{
    struct client *client = free_client();
    assert_int_equal(admit(client, code, "", cookie_1, cookie_2), GAME_MANAGER_OK);
    upgrade(client);
    return client;
}

static struct client *connect_token(const char *code, const char *token)
{
    struct client *client = free_client();
    assert_int_equal(admit(client, code, token, "", ""), GAME_MANAGER_OK);
    upgrade(client);
    return client;
}

static struct client *watch(const char *code)
{
    return connect_token(code, "");
}

/* The socket is gone. */
static void hang_up(struct client *client)
{
    game_manager_session_gone(world.manager, client->session, world.now);
    client->session = NULL;
}

static void say_hello(struct client *client, const char *player_id, const char *username)
{
    client->session->heard_ms = world.now.mono_ms;
    game_manager_hello(world.manager, client->session, player_id, username, world.now);
}

static void forget_heard(struct client *client)
{
    client->heard[0] = '\0';
}

/* Two guests at play, or about to: the match's countdown has just begun. */
struct pair {
    struct ticket tickets[2];
    struct client *clients[2];
    const struct room *room;
};

static struct pair start_match(uint8_t winning_score)
{
    struct pair pair;
    pair.tickets[0] =
        create_with(somebody(), (struct game_options){.winning_score = winning_score});
    pair.tickets[1] = join(pair.tickets[0].code);
    pair.room = pair.tickets[0].room;
    for (int i = 0; i < 2; i++)
        pair.clients[i] = connect_token(pair.tickets[i].code, pair.tickets[i].token);
    assert_int_equal(pair.room->game.pong.phase, PONG_SERVING);
    return pair;
}

/* With nobody moving, the first serve goes past player 2: a match to 1 is over in five seconds. */
static struct pair finished_match(void)
{
    struct pair pair = start_match(1);
    run_ms(5000);
    assert_int_equal(pair.room->game.pong.phase, PONG_FINISHED);
    return pair;
}

/* Everybody goes, all rooms expire; then the whole of both pools is there. */
static void assert_nothing_leaked(void)
{
    struct client *spare = calloc((size_t)world.config.max_connections + 1, sizeof *spare);
    assert_non_null(spare);
    for (size_t i = 0; i < CLIENTS; i++)
        if (world.clients[i].session)
            hang_up(&world.clients[i]);
    for (int i = 0; i < 6; i++)
        jump_ms(200000);
    if (!stats().draining) /* then they wait for the next process */
        assert_int_equal(stats().rooms, 0);
    assert_int_equal(stats().connections, 0);
    assert_int_equal(stats().spectators, 0);
    if (!stats().draining) {
        struct ticket ticket = {0};
        for (int i = 0; i < world.config.max_rooms; i++) {
            ticket = create_with(somebody(), (struct game_options){.bot_level = "easy"});
            assert_int_equal(ticket.error, GAME_MANAGER_OK);
            assert_non_null(ticket.room->sessions); /* the bot got its session */
        }
        assert_int_equal(create().error, GAME_MANAGER_SERVER_FULL);
        for (int i = 0; i < world.config.max_connections; i++)
            assert_int_equal(admit(&spare[i], ticket.code, ticket.token, "", ""), GAME_MANAGER_OK);
        assert_int_equal(
            admit(&spare[world.config.max_connections], ticket.code, ticket.token, "", ""),
            GAME_MANAGER_SERVER_FULL);
    }
    free(spare);
}

static int tear_down(void **state)
{
    (void)state;
    assert_nothing_leaked();
    game_manager_free(world.manager);
    return 0;
}

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
    caller = somebody();
    struct ticket second = quick_as(caller);
    assert_string_equal(second.code, first.code);
    assert_int_equal(second.seat, 2);
    assert_false(second.created);
    assert_string_equal(second.token, caller.new_token);
    struct ticket again = quick_as(caller);
    assert_string_equal(again.code, first.code);
    assert_false(again.created);
    assert_string_equal(quick_as(somebody()).code, later.code);
    assert_true(quick_as(somebody()).created);
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

static size_t list(const struct room **rooms)
{
    return game_manager_list(world.manager, world.now, rooms, GAME_MANAGER_LIST_MAX);
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

/* Two events: the player pauses the rally, and it begins again. */
static void pause_and_resume(const struct pair *pair, int player)
{
    struct player_session *session = pair->clients[player - 1]->session;
    assert_int_equal(game_manager_pause(world.manager, session, world.now), GAME_OK);
    assert_int_equal(game_manager_resume(world.manager, session), GAME_OK);
    run_ms(3040);
    assert_int_equal(pair->room->game.pong.phase, PONG_RALLY);
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
    static const int rates[] = {10, 12, 15, 20, 30, 60};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct game_manager_config config = usual;
        config.update_hz = rates[i];
        game_manager_free(world.manager);
        open_world(&config);
        struct ticket tickets[3];
        for (int room = 0; room < 3; room++) {
            tickets[room] = create();
            watch(tickets[room].code);
        }
        run_ns(SECOND);
        int64_t first[3]; /* the number of a room's first update: its phase's clock runs anyhow */
        for (int room = 0; room < 3; room++) {
            first[room] = updates_by(room, rates[i], SECOND) -
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
            for (int room = 0; room < 3; room++) {
                int64_t count = updates_by(room, rates[i], elapsed) - first[room];
                assert_int_equal(tickets[room].room->game.pong.step,
                                 (uint32_t)(count * 60 / rates[i]));
                updates += (uint64_t)count;
            }
        }
        assert_int_equal(stats().updates_skipped, 0);
        assert_int_equal(stats().updates, updates);
        for (size_t client = 0; client < 3; client++)
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
        assert_true(next <= world.now.mono_ns + SECOND / 30);
        uint64_t updates = stats().updates;
        set_time(next - 1);
        assert_int_equal(tick(), next);
        assert_int_equal(stats().updates, updates);
        set_time(next);
        tick();
        assert_int_equal(stats().updates, updates + 1); /* one room in each of the phases */
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

static void test_rooms_are_spread_over_the_phases(void **state)
{
    (void)state;
    struct game_manager_config config = usual;
    config.max_rooms = 3 * GAME_MANAGER_PHASES;
    game_manager_free(world.manager);
    open_world(&config);
    struct ticket tickets[3 * GAME_MANAGER_PHASES];
    int counts[GAME_MANAGER_PHASES] = {0};
    for (int i = 0; i < 3 * GAME_MANAGER_PHASES; i++) {
        tickets[i] = create();
        assert_in_range(tickets[i].room->phase, 0, GAME_MANAGER_PHASES - 1);
        counts[tickets[i].room->phase]++;
    }
    for (int i = 0; i < GAME_MANAGER_PHASES; i++)
        assert_int_equal(counts[i], 3);
    /* so over one period no turn has more than three to do, and each has its own time */
    run_ms(100);
    int64_t end = world.now.mono_ns + SECOND / 30;
    int turns = 0;
    while (world.now.mono_ns < end) {
        uint64_t updates = stats().updates;
        set_time(tick());
        tick();
        assert_in_range(stats().updates - updates, 0, 3);
        turns++;
    }
    assert_in_range(turns, GAME_MANAGER_PHASES, GAME_MANAGER_PHASES + 2);
    /* the next room goes where one has gone */
    int phase = tickets[40].room->phase;
    assert_int_equal(cancel_as(showing(tickets[40].token), tickets[40].code), GAME_MANAGER_OK);
    assert_int_equal(create().room->phase, phase);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        TEST(test_rooms_are_spread_over_the_phases),
        TEST(test_many_rooms_play_at_once),
        TEST(test_who_was_sent_nothing_for_two_seconds_is_pinged),
        TEST(test_who_is_not_heard_for_45_seconds_is_gone),
        TEST(test_who_answers_pings_stays_however_lively_the_game),
        TEST(test_closed_session_is_not_pinged),
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
        TEST(test_anything_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
