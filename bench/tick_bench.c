/*
 * tick_bench: what one update of a room costs the loop thread, without sockets: the manager, the rules, the
 * encoders and the memory that they walk through, as the number of rooms grows. It must not judge: it
 * prints numbers.
 *
 *     ./dev bench tick [ROOMS ...]
 *
 * Time is simulated: 2 s of play before 4 s that count, 30 updates a second; each player sends 4 inputs a
 * second (pong.v2.bin) or 10 positions (pong.v1.json), in rooms that are drawn by lot, so that what an
 * input needs is as far from the cache as it is in life. A frame is handed to nobody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gamed/game_manager.h"
#include "gamed/game_output.h"

enum {
    UPDATE_HZ = 30,
    SETTLE_MS = 2000,
    MEASURED_MS = 4000,
    MS_NS = 1000000,
    MOVES_BINARY = 4, /* of a player a second */
    MOVES_JSON = 10,
    LEAD_STEPS = 8
};

static const int64_t START_NS = INT64_C(1000) * 1000 * MS_NS;

static struct bench {
    struct game_manager *manager;
    struct game_output output;
    struct player_session **players;
    int count; /* of players */
    bool is_binary;
    uint64_t lot;
} bench;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "tick_bench: %s failed\n", what);
    exit(EXIT_FAILURE);
}

static struct now at(int64_t ms)
{
    const int64_t ns = START_NS + ms * MS_NS;
    return (struct now){.mono_ns = ns, .mono_ms = ns / MS_NS, .unix_ms = ns / MS_NS};
}

static double cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint32_t draw(uint32_t below)
{
    bench.lot = bench.lot * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(bench.lot >> 33) % below;
}

/* ---- the manager's hooks ------------------------------------------------------------------- */

static bool can_write(const struct player_session *session)
{
    return session->connection != NULL;
}

static bool write_frame(void *arg, struct player_session *session, struct frame *frame)
{
    (void)arg, (void)session, (void)frame;
    return true;
}

static void output_ready(void *arg, struct room *room, struct now now)
{
    (void)arg;
    game_output_room(&bench.output, room, now);
}

static void unforeseen(void *arg, struct room *room, struct now now)
{
    (void)arg;
    game_output_unforeseen(&bench.output, room, now);
}

static void input_taken(void *arg, struct room *room, const struct player_session *from,
                        uint32_t step, int32_t target, struct now now)
{
    (void)arg;
    game_output_input(&bench.output, room, from, step, target, now);
}

static void session_quiet(void *arg, struct player_session *session, struct now now)
{
    (void)arg;
    session->sent_ms = session->heard_ms = now.mono_ms;
}

static void session_close(void *arg, struct player_session *session, enum session_close code)
{
    (void)arg, (void)session, (void)code;
}

static bool match_over(void *arg, const struct match_result *result)
{
    (void)arg, (void)result;
    return false;
}

static bool checkpoint(void *arg, const struct room_checkpoint *state)
{
    (void)arg, (void)state;
    return true;
}

/* ---- rooms and players --------------------------------------------------------------------- */

static void sit(const char *code, const char *token, struct now now)
{
    struct game_handshake handshake = {0};
    struct player_session *session;
    snprintf(handshake.room_code, sizeof handshake.room_code, "%s", code);
    snprintf(handshake.token, sizeof handshake.token, "%s", token);
    if (game_manager_admit(bench.manager, &handshake, &bench, now, &session) != GAME_MANAGER_OK)
        fail("a handshake");
    session->is_binary = bench.is_binary;
    game_manager_session_open(bench.manager, session, now);
    bench.players[bench.count++] = session;
}

static void open_room(int number, struct now now)
{
    const struct game_options options = {.winning_score = 21, .bot_level = ""};
    struct game_placement placement;
    char tokens[2][SEAT_TOKEN_SIZE], code[ROOM_CODE_SIZE];
    for (int i = 0; i < 2; i++)
        snprintf(tokens[i], sizeof tokens[i], "%032x", 2 * number + i);
    struct game_caller caller = {
        .user_id = "", .username = "Ann", .address = "", .new_token = tokens[0]};
    if (game_manager_create(bench.manager, &caller, &options, now, &placement) != GAME_MANAGER_OK)
        fail("opening a room");
    memcpy(code, placement.room->game.room_code, sizeof code);
    caller.new_token = tokens[1];
    if (game_manager_join(bench.manager, code, &caller, now, &placement) != GAME_MANAGER_OK)
        fail("joining a room");
    sit(code, tokens[0], now);
    sit(code, tokens[1], now);
}

static void move(struct player_session *player, struct now now)
{
    const uint16_t target = (uint16_t)draw(PONG_PADDLE_Y_MAX + 1);
    player->heard_ms = now.mono_ms;
    if (player->state != SESSION_OPEN)
        fail("staying in a room");
    if (bench.is_binary)
        game_manager_input(bench.manager, player, player->room->game.pong.step + LEAD_STEPS, target,
                           now);
    else
        game_manager_steer(bench.manager, player, player->seat, target);
}

/* Inputs and ticks of one millisecond; returns what the ticks took. */
static double play_ms(int64_t ms)
{
    const int moves_per_second = bench.is_binary ? MOVES_BINARY : MOVES_JSON;
    const int64_t before = (ms - 1) * bench.count * moves_per_second / 1000;
    const int64_t after = ms * bench.count * moves_per_second / 1000;
    for (int64_t i = before; i < after; i++)
        move(bench.players[draw((uint32_t)bench.count)], at(ms));
    const double began = cpu_ns();
    game_manager_tick(bench.manager, at(ms));
    return cpu_ns() - began;
}

static double run(int rooms, bool is_binary)
{
    const struct game_manager_hooks hooks = {.output_ready = output_ready,
                                             .unforeseen = unforeseen,
                                             .input_taken = input_taken,
                                             .session_quiet = session_quiet,
                                             .session_close = session_close,
                                             .match_over = match_over,
                                             .checkpoint = checkpoint};
    const struct game_manager_config config = {.slot = 'A',
                                               .update_hz = UPDATE_HZ,
                                               .max_rooms = rooms,
                                               .max_connections = 2 * rooms,
                                               .messages_per_second = 120,
                                               .checkpoint_ms = 1000,
                                               .guests = true,
                                               .rules = {.serve_steps = PONG_SERVE_STEPS,
                                                         .absence_ms = 30000,
                                                         .absence_total_ms = 60000,
                                                         .pause_ms = 60000,
                                                         .pauses = 3,
                                                         .unclaimed_ms = 30000,
                                                         .waiting_room_ms = 120000,
                                                         .rematch_ms = 60000,
                                                         .match_ms = 1800000}};
    double ns = 0;
    memset(&bench, 0, sizeof bench);
    bench.is_binary = is_binary;
    bench.output.can_write = can_write;
    bench.output.write = write_frame;
    bench.players = calloc(2 * (size_t)rooms, sizeof(struct player_session *));
    bench.manager = game_manager_new(&config, &hooks, at(0));
    if (!bench.players || !bench.manager)
        fail("memory");
    for (int i = 0; i < rooms; i++)
        open_room(i, at(0));
    for (int64_t ms = 1; ms <= SETTLE_MS + MEASURED_MS; ms++) {
        const double took = play_ms(ms);
        ns += ms > SETTLE_MS ? took : 0;
    }
    game_manager_free(bench.manager);
    free(bench.players);
    return ns / rooms / (MEASURED_MS * UPDATE_HZ / 1000);
}

int main(int argc, char **argv)
{
    static char *usual[] = {"", "100", "1000", "2000", "4000", "8000"};
    char **rooms = argc > 1 ? argv : usual;
    const int count = argc > 1 ? argc : (int)(sizeof usual / sizeof *usual);
    printf("| rooms | update of a room, v2, ns | v1, ns |\n|---|---|---|\n");
    for (int i = 1; i < count; i++) {
        const int number = atoi(rooms[i]);
        if (number < 1)
            fail("reading a number of rooms");
        const double binary = run(number, true);
        printf("| %d | %.0f | %.0f |\n", number, binary, run(number, false));
    }
    return 0;
}
