/* game_world: see game_world.h. */
#include "tests/unit/game_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

const struct digest no_digest;
struct game_world world;

/* ---- time ---------------------------------------------------------------------------- */

void set_time(int64_t ns)
{
    world.now = (struct now){.mono_ns = ns,
                             .mono_ms = ns / MILLISECOND,
                             .unix_ms = UNIX_START_MS + (ns - START) / MILLISECOND};
}

int64_t tick(void)
{
    return game_manager_tick(world.manager, world.now);
}

/* As the loop does it: a tick whenever the last one asked for it. */
void run_ns(int64_t ns)
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

void run_ms(int64_t ms)
{
    run_ns(ms * MILLISECOND);
}

/* A time in which the process was stopped. */
void jump_ms(int64_t ms)
{
    set_time(world.now.mono_ns + ms * MILLISECOND);
    tick();
}

struct game_manager_stats stats(void)
{
    struct game_manager_stats stats;
    game_manager_stats(world.manager, &stats);
    return stats;
}

/* ---- the fake output end ------------------------------------------------------------- */

bool is_in_room(const struct room *room, const struct player_session *session)
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
    if (session->seat && player_session_fresh_token(session)[0])
        strcpy(client->token, player_session_fresh_token(session));
    client->view = room->shown; /* the state is part of it */
    session->owed_greeting = 0;
    player_session_note_token_told(session);
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
bool is_same_view(const struct game_view *a, const struct game_view *b)
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

/* Who plays ahead is told; what, is tested with the real output end. */
static void unforeseen(void *arg, struct room *room, struct now now)
{
    (void)now;
    assert_ptr_equal(arg, &world);
    assert_true(room->binary_count > 0);
    world.unforeseen_count++;
}

static bool slot_is_valid(void *durable_arg, int slot)
{
    assert_ptr_equal(durable_arg, world.results);
    assert_in_range(slot, 0, 31);
    return !(world.lost_slots >> slot & 1);
}

/* ---- a world ------------------------------------------------------------------------- */

const struct game_manager_config usual = {
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

void start_manager(void)
{
    const struct game_manager_hooks hooks = {.arg = &world,
                                             .output_ready = output_ready,
                                             .unforeseen = unforeseen,
                                             .session_quiet = session_quiet,
                                             .session_close = session_close,
                                             .match_over = match_over,
                                             .checkpoint = checkpoint,
                                             .slot_is_valid = slot_is_valid,
                                             .durable_arg = world.results};
    world.manager = game_manager_new(&world.config, &hooks, world.now);
    assert_non_null(world.manager);
}

void open_world(const struct game_manager_config *config)
{
    memset(&world, 0, sizeof world);
    world.config = *config;
    set_time(START);
    start_manager();
}

int set_up(void **state)
{
    (void)state;
    open_world(&usual);
    return 0;
}

const char *fresh_token(void)
{
    static char tokens[TOKENS][SEAT_TOKEN_SIZE];
    char *token = tokens[world.token_count % TOKENS];
    snprintf(token, SEAT_TOKEN_SIZE, "%032x", ++world.token_count);
    return token;
}

struct game_caller somebody(void)
{
    return (struct game_caller){
        .user_id = "", .username = "", .address = "", .new_token = fresh_token()};
}

struct game_caller user(const char *user_id)
{
    struct game_caller caller = somebody();
    caller.user_id = user_id;
    caller.username = user_id;
    return caller;
}

struct game_caller with(struct game_caller caller, const char *token, bool from_cookie)
{
    caller.tokens[caller.token_count].token = token;
    caller.tokens[caller.token_count++].from_cookie = from_cookie;
    return caller;
}

struct game_caller showing(const char *token)
{
    return with(somebody(), token, false);
}

struct game_caller with_cookie(const char *token)
{
    return with(somebody(), token, true);
}

/* "" is the token of who has none. */
bool is_token_of(const struct game_player *player, const char *token)
{
    struct digest digest = digest_of(token, strlen(token));
    return token[0] ? digest_equal(&player->token, &digest)
                    : memcmp(&player->token, &no_digest, sizeof no_digest) == 0;
}

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

struct ticket create_with(struct game_caller caller, struct game_options options)
{
    struct game_placement placement;
    if (!options.bot_level)
        options.bot_level = "";
    int error = game_manager_create(world.manager, &caller, &options, world.now, &placement);
    return ticket_of(error, &placement);
}

struct ticket create(void)
{
    return create_with(somebody(), (struct game_options){0});
}

struct ticket create_public(void)
{
    return create_with(somebody(), (struct game_options){.is_public = true});
}

struct ticket join_as(struct game_caller caller, const char *code)
{
    struct game_placement placement;
    int error = game_manager_join(world.manager, code, &caller, world.now, &placement);
    return ticket_of(error, &placement);
}

struct ticket join(const char *code)
{
    return join_as(somebody(), code);
}

struct ticket quick_as(struct game_caller caller)
{
    struct game_placement placement;
    int error = game_manager_quick(world.manager, &caller, world.now, &placement);
    return ticket_of(error, &placement);
}

int check_as(struct game_caller caller, const char *code)
{
    const struct room *room = NULL;
    int error = game_manager_check(world.manager, code, &caller, world.now, &room);
    if (error == GAME_MANAGER_OK)
        assert_string_equal(room->game.room_code, code);
    return error;
}

int check(const char *code)
{
    return check_as(somebody(), code);
}

int cancel_as(struct game_caller caller, const char *code)
{
    return game_manager_cancel(world.manager, code, &caller, world.now);
}

struct client *free_client(void)
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
int admit(struct client *client, const char *code, const char *token, const char *cookie_1,
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

void upgrade(struct client *client)
{
    game_manager_session_open(world.manager, client->session, world.now);
}

struct client *connect_cookies(const char *code, const char *cookie_1, const char *cookie_2)
{
    struct client *client = free_client();
    assert_int_equal(admit(client, code, "", cookie_1, cookie_2), GAME_MANAGER_OK);
    upgrade(client);
    return client;
}

struct client *connect_token(const char *code, const char *token)
{
    struct client *client = free_client();
    assert_int_equal(admit(client, code, token, "", ""), GAME_MANAGER_OK);
    upgrade(client);
    return client;
}

struct client *watch(const char *code)
{
    return connect_token(code, "");
}

/* The socket is gone. */
void hang_up(struct client *client)
{
    game_manager_session_gone(world.manager, client->session, world.now);
    client->session = NULL;
}

void say_hello(struct client *client, const char *player_id, const char *username)
{
    client->session->heard_ms = world.now.mono_ms;
    game_manager_hello(world.manager, client->session, player_id, username, world.now);
}

void forget_heard(struct client *client)
{
    client->heard[0] = '\0';
}

struct pair start_match(uint8_t winning_score)
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
struct pair finished_match(void)
{
    struct pair pair = start_match(1);
    run_ms(5000);
    assert_int_equal(pair.room->game.pong.phase, PONG_FINISHED);
    return pair;
}

size_t list(const struct room **rooms)
{
    return game_manager_list(world.manager, world.now, rooms, GAME_MANAGER_LIST_MAX);
}

/* Two events: the player pauses the rally, and it begins again. */
void pause_and_resume(const struct pair *pair, int player)
{
    struct player_session *session = pair->clients[player - 1]->session;
    assert_int_equal(game_manager_pause(world.manager, session, world.now), GAME_OK);
    assert_int_equal(game_manager_resume(world.manager, session), GAME_OK);
    run_ms(3040);
    assert_int_equal(pair->room->game.pong.phase, PONG_RALLY);
}

/* Everybody goes, all rooms expire; then the whole of all pools is there. */
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
        struct game_handshake handshake = {.user_id = "somebody"}; /* for an identity each */
        memcpy(handshake.room_code, ticket.code, sizeof handshake.room_code);
        memcpy(handshake.token, ticket.token, sizeof handshake.token);
        for (int i = 0; i <= world.config.max_connections; i++)
            assert_int_equal(game_manager_admit(world.manager, &handshake, &spare[i], world.now,
                                                &spare[i].session),
                             i < world.config.max_connections ? GAME_MANAGER_OK
                                                              : GAME_MANAGER_SERVER_FULL);
    }
    free(spare);
}

int tear_down(void **state)
{
    (void)state;
    assert_nothing_leaked();
    game_manager_free(world.manager);
    return 0;
}
