#include "tests/unit/virtual_court.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool can_write(const struct player_session *session)
{
    const struct court_client *client = session->connection;
    return client && client->session && !client->is_full;
}

static bool write_frame(void *arg, struct player_session *session, struct frame *frame)
{
    (void)arg;
    struct court_client *client = session->connection;
    struct court *court = client->court;
    court->heard(court->arg, client->number, frame->text, frame->length, frame->is_binary);
    return true;
}

static void output_ready(void *arg, struct room *room, struct now now)
{
    struct court *court = arg;
    game_output_room(&court->output, room, now);
}

static void unforeseen(void *arg, struct room *room, struct now now)
{
    struct court *court = arg;
    game_output_unforeseen(&court->output, room, now);
}

static void input_taken(void *arg, struct room *room, const struct player_session *from,
                        uint32_t step, int32_t target, struct now now)
{
    struct court *court = arg;
    game_output_input(&court->output, room, from, step, target, now);
}

static void session_quiet(void *arg, struct player_session *session, struct now now)
{
    (void)arg;
    session->sent_ms = session->heard_ms = now.mono_ms; /* answers any ping */
}

static void session_close(void *arg, struct player_session *session, enum session_close code)
{
    struct court *court = arg;
    struct court_client *client = session->connection;
    (void)code;
    assert_non_null(client->session);
    client->session = NULL;
    game_manager_session_gone(court->manager, session, court->now);
}

static bool match_over(void *arg, const struct match_result *result)
{
    struct court *court = arg;
    court->result_count++;
    memcpy(court->held, result->match_id, sizeof court->held);
    return court->holds_results;
}

static bool checkpoint(void *arg, const struct room_checkpoint *state)
{
    struct court *court = arg;
    court->has_row = !state->is_gone;
    if (!state->is_gone && !state->is_partial)
        court->row = *state;
    return true;
}

static void set_time(struct court *court, int64_t ns)
{
    court->now = (struct now){.mono_ns = ns, .mono_ms = ns / 1000000, .unix_ms = ns / 1000000};
}

static void nobody_listens(void *arg, int client, const void *bytes, size_t length, bool is_binary)
{
    (void)arg, (void)client, (void)bytes, (void)length, (void)is_binary;
}

struct game_rules court_rules(void)
{
    return (struct game_rules){.serve_steps = PONG_SERVE_STEPS,
                               .absence_ms = 1 << 30,
                               .absence_total_ms = 1 << 30,
                               .pause_ms = 2000,
                               .pauses = 3,
                               .unclaimed_ms = 1 << 30,
                               .waiting_room_ms = 1 << 30,
                               .rematch_ms = 1 << 30,
                               .match_ms = 1 << 30};
}

void court_open(struct court *court, int winning_score, const struct game_rules *rules)
{
    court_open_late(court, winning_score, rules, 0);
}

void court_open_late(struct court *court, int winning_score, const struct game_rules *rules,
                     int idle_seconds)
{
    memset(court, 0, sizeof *court);
    const struct game_manager_config config = {.slot = 'A',
                                               .update_hz = 30,
                                               .max_rooms = 1,
                                               .max_connections = 2 * COURT_CLIENTS,
                                               .max_spectators = COURT_CLIENTS,
                                               .messages_per_second = 120,
                                               .checkpoint_ms = 1000,
                                               .rules = *rules};
    const struct game_manager_hooks hooks = {.arg = court,
                                             .output_ready = output_ready,
                                             .unforeseen = unforeseen,
                                             .input_taken = input_taken,
                                             .session_quiet = session_quiet,
                                             .session_close = session_close,
                                             .match_over = match_over,
                                             .checkpoint = checkpoint,
                                             .durable_arg = court};
    set_time(court, 1000000000);
    court->heard = nobody_listens;
    court->manager = game_manager_new(&config, &hooks, court->now);
    court->output.can_write = can_write;
    court->output.write = write_frame;
    court->input.manager = court->manager;
    court->input.output = &court->output;
    court->input.messages_per_second = config.messages_per_second;
    for (int i = 0; i < COURT_CLIENTS; i++)
        court->clients[i] = (struct court_client){.court = court, .number = i};
    for (int i = 0; i < idle_seconds; i++) {
        court_stall(court, 29);
        court_tick(court);
    }
    for (int i = 0; i < 2; i++) {
        struct game_placement placement;
        const struct game_options options = {.bot_level = "", .winning_score = winning_score};
        random_seat_token(court->token[i]);
        const struct game_caller caller = {.user_id = "",
                                           .username = i ? "Bob" : "Ann",
                                           .address = "",
                                           .new_token = court->token[i]};
        if (i == 0)
            assert_int_equal(
                game_manager_create(court->manager, &caller, &options, court->now, &placement), 0);
        else
            assert_int_equal(game_manager_join(court->manager, court->room->game.room_code, &caller,
                                               court->now, &placement),
                             0);
        court->room = placement.room;
    }
}

void court_close(struct court *court)
{
    game_manager_free(court->manager);
}

void court_connect(struct court *court, int number, int seat, bool is_binary)
{
    struct court_client *client = &court->clients[number];
    struct game_handshake handshake = {0};
    memcpy(handshake.room_code, court->room->game.room_code, ROOM_CODE_SIZE);
    if (seat)
        memcpy(handshake.token, court->token[seat - 1], SEAT_TOKEN_SIZE);
    assert_null(client->session);
    client->is_full = false;
    assert_int_equal(
        game_manager_admit(court->manager, &handshake, client, court->now, &client->session),
        GAME_MANAGER_OK);
    client->session->is_binary = is_binary;
    game_manager_session_open(court->manager, client->session, court->now);
}

void court_disconnect(struct court *court, int number)
{
    struct court_client *client = &court->clients[number];
    struct player_session *session = client->session;
    if (!session)
        return;
    client->session = NULL;
    game_manager_session_gone(court->manager, session, court->now);
}

void court_send(struct court *court, int number, const void *bytes, size_t length, bool is_binary)
{
    struct player_session *session = court->clients[number].session;
    if (session)
        game_input_message(&court->input, session, bytes, length, is_binary, court->now);
}

void court_say(struct court *court, int number, const char *text)
{
    court_send(court, number, text, strlen(text), false);
}

void court_release(struct court *court)
{
    game_manager_result_stored(court->manager, court->held, court->now);
}

void court_stall(struct court *court, int updates)
{
    court->updates += updates;
    set_time(court, 1000000000 + (court->updates * 1000000000 + 29) / 30);
}

void court_tick(struct court *court)
{
    court_stall(court, 1);
    game_manager_tick(court->manager, court->now);
}
