/*
 * checkpoint_bench: what it costs to keep 5000 matches under way: the loop thread's copies, the rooms
 * thread's share of a core, and the time to take them all up again. The real modules are measured: a
 * GameManager in real time, the keeper and the SQLite store in a temporary directory; only sockets are
 * missing. It must not judge: it prints numbers.
 *
 * Usage: checkpoint_bench [GAMED]     GAMED: a built gamed, whose start with those rooms is timed, too
 *
 * game_state_save() and game_state_save_partial() are wrapped by the linker (see Makefile.am) to note
 * which copies a tick takes; right after the tick these are taken again, into the keeper, and timed in
 * one go, since reading a clock takes longer than a copy. Times are of the thread's CPU, so that what
 * else the machine does is no part of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "gamed/game_manager.h"
#include "gamed/result_body.h"
#include "gamed/room_keeper.h"
#include "gamed/store.h"

enum {
    ROOMS = 5000,
    UPDATE_HZ = 30,
    SPREAD_TICKS =
        UPDATE_HZ, /* rooms are opened over a second, so checkpoints are spread over one */
    SETTLE_TICKS = 3 * UPDATE_HZ,
    TICKS = 15 * UPDATE_HZ, /* measured */
    BURSTS = 20,
    STALL_TICKS = UPDATE_HZ + 3,
    FLUSH_MS = 10000,
    COPIES_MAX = 5 * ROOMS, /* a tick catches up five updates at most */
    START_LIMIT_S = 60,
    PATH_SIZE = 108, /* as a socket's */
};

static const int64_t TICK_NS = 1000000000 / UPDATE_HZ;
static const double NS_PER_MS = 1e6, NS_PER_S = 1e9;

static struct bench {
    char directory[64];
    struct store *store;
    struct room_keeper *keeper;
    struct game_manager *manager;
    struct copy {
        const struct game *game;
        bool is_partial;
    } copies[COPIES_MAX]; /* of this tick */
    size_t copy_count, refused;
    _Atomic int64_t rooms_cpu_ns; /* the rooms thread's CPU time at its last commit */
    _Atomic unsigned commits;
} bench;

static int64_t read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "checkpoint_bench: %s\n", what);
    exit(1);
}

/* ---- what the manager is wired to --------------------------------------------------------------- */

void __real_game_state_save(const struct game *game, struct now now,
                            struct room_checkpoint *checkpoint);
void __wrap_game_state_save(const struct game *game, struct now now,
                            struct room_checkpoint *checkpoint);

static void note_copy(const struct game *game, bool is_partial)
{
    if (bench.copy_count == COPIES_MAX)
        die("more copies than can be");
    bench.copies[bench.copy_count++] = (struct copy){game, is_partial};
}

void __wrap_game_state_save(const struct game *game, struct now now,
                            struct room_checkpoint *checkpoint)
{
    note_copy(game, false);
    __real_game_state_save(game, now, checkpoint);
}

void __real_game_state_save_partial(const struct game *game, struct now now,
                                    struct room_checkpoint *checkpoint);
void __wrap_game_state_save_partial(const struct game *game, struct now now,
                                    struct room_checkpoint *checkpoint);

void __wrap_game_state_save_partial(const struct game *game, struct now now,
                                    struct room_checkpoint *checkpoint)
{
    note_copy(game, true);
    __real_game_state_save_partial(game, now, checkpoint);
}

/* No room closes while this runs. */
static bool on_checkpoint(void *arg, const struct room_checkpoint *checkpoint)
{
    (void)arg;
    return !checkpoint->is_gone;
}

/* Takes the noted copies. Returns how long that took. */
static int64_t take_copies(struct now now)
{
    struct room_checkpoint checkpoint;
    const int64_t began_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < bench.copy_count; i++) {
        const struct copy *copy = &bench.copies[i];
        if (copy->is_partial)
            __real_game_state_save_partial(copy->game, now, &checkpoint);
        else
            __real_game_state_save(copy->game, now, &checkpoint);
        bench.refused += room_keeper_put(bench.keeper, &checkpoint) == 0;
    }
    return read_ns(CLOCK_THREAD_CPUTIME_ID) - began_ns;
}

/* Everybody is sent everything at once. */
static void on_output(void *arg, struct room *room, struct now now)
{
    (void)arg;
    for (struct player_session *session = room->sessions; session; session = session->next) {
        session->next_event = room->log_next;
        session->sent_ms = session->heard_ms = now.mono_ms;
    }
}

static void on_quiet(void *arg, struct player_session *session, struct now now)
{
    (void)arg;
    session->heard_ms = now.mono_ms;
}

static void on_close(void *arg, struct player_session *session, enum session_close code)
{
    (void)arg;
    (void)session;
    (void)code;
    die("a player was sent away");
}

static bool on_match_over(void *arg, const struct match_result *result)
{
    (void)arg;
    (void)result;
    return false;
}

/* On the rooms thread. */
static void on_saved(void *arg)
{
    (void)arg;
    atomic_store(&bench.rooms_cpu_ns, read_ns(CLOCK_THREAD_CPUTIME_ID));
    atomic_fetch_add(&bench.commits, 1);
}

/* ---- the games ---------------------------------------------------------------------------------- */

static void open_manager(void)
{
    const struct game_manager_config config = {
        .slot = 'A',
        .update_hz = UPDATE_HZ,
        .max_rooms = ROOMS,
        .max_connections = 2 * ROOMS,
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
    const struct game_manager_hooks hooks = {.output_ready = on_output,
                                             .session_quiet = on_quiet,
                                             .session_close = on_close,
                                             .match_over = on_match_over,
                                             .checkpoint = on_checkpoint};
    bench.manager = game_manager_new(&config, &hooks, clock_read());
    if (!bench.manager)
        die("out of memory");
}

static void open_store(void)
{
    char error[256];
    const struct room_keeper_config config = {.max_rooms = ROOMS, .saved = on_saved};
    if (store_sqlite_open(bench.directory, 'A', &bench.store, error, sizeof error) != STORE_OK)
        die(error);
    if (room_keeper_start(&config, bench.store, &bench.keeper) != ROOM_KEEPER_OK)
        die("the keeper could not be started");
}

static void close_all(void)
{
    room_keeper_stop(bench.keeper);
    store_close(bench.store);
    game_manager_free(bench.manager);
    bench.keeper = NULL;
    bench.store = NULL;
    bench.manager = NULL;
}

/* A player with a connection that nobody has. */
static void connect_player(const char *code, const char *token)
{
    static char nobody;
    struct game_handshake handshake = {.token = ""};
    struct player_session *session;
    memcpy(handshake.room_code, code, ROOM_CODE_SIZE);
    memcpy(handshake.token, token, SEAT_TOKEN_SIZE);
    if (game_manager_admit(bench.manager, &handshake, &nobody, clock_read(), &session) !=
        GAME_MANAGER_OK)
        die("a player was not let in");
    game_manager_session_open(bench.manager, session, clock_read());
}

static void open_match(void)
{
    const struct game_options options = {.is_public = true, .winning_score = 21, .bot_level = ""};
    struct game_placement placement;
    char tokens[2][SEAT_TOKEN_SIZE], code[ROOM_CODE_SIZE];
    for (int seat = 0; seat < 2; seat++) {
        random_seat_token(tokens[seat]);
        const struct game_caller caller = {
            .user_id = "", .username = "", .new_token = tokens[seat], .address = ""};
        const int outcome =
            seat == 0
                ? game_manager_create(bench.manager, &caller, &options, clock_read(), &placement)
                : game_manager_join(bench.manager, code, &caller, clock_read(), &placement);
        if (outcome != GAME_MANAGER_OK)
            die("a room could not be opened");
        memcpy(code, placement.room->game.room_code, ROOM_CODE_SIZE);
    }
    connect_player(code, tokens[0]);
    connect_player(code, tokens[1]);
}

/* ---- numbers ------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static void print_times(const char *what, int64_t *ns, size_t count, double copies)
{
    qsort(ns, count, sizeof *ns, compare);
    printf("%-40s p50 %.3f ms, p99 %.3f ms, max %.3f ms; %.0f copies each\n", what,
           (double)ns[count / 2] / NS_PER_MS, (double)ns[count * 99 / 100] / NS_PER_MS,
           (double)ns[count - 1] / NS_PER_MS, copies);
}

/* Waits for the next tick's time, and runs it. Returns what its copies took. */
static int64_t run_tick(int64_t *next_ns)
{
    const struct timespec at = {.tv_sec = *next_ns / 1000000000, .tv_nsec = *next_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
    *next_ns += TICK_NS;
    const struct now now = clock_read();
    bench.copy_count = 0;
    game_manager_tick(bench.manager, now);
    return take_copies(now);
}

static void measure_running(int64_t *next_ns)
{
    static int64_t times[TICKS];
    struct room_keeper_stats before, after;
    room_keeper_stats(bench.keeper, &before);
    const unsigned commits = atomic_load(&bench.commits);
    const int64_t began_ns = read_ns(CLOCK_MONOTONIC);
    const int64_t cpu_ns = atomic_load(&bench.rooms_cpu_ns);
    double copies = 0;
    bench.refused = 0;
    for (int i = 0; i < TICKS; i++) {
        times[i] = run_tick(next_ns);
        copies += (double)bench.copy_count;
    }
    const double seconds = (double)(read_ns(CLOCK_MONOTONIC) - began_ns) / NS_PER_S;
    const double cpu = (double)(atomic_load(&bench.rooms_cpu_ns) - cpu_ns);
    room_keeper_stats(bench.keeper, &after);
    const double saved = (double)(after.saved - before.saved);
    print_times("copies in a tick (1/30 s), spread:", times, TICKS, copies / TICKS);
    printf("%-40s %.1f %% of a core at %.0f rooms/s: %.2f us a room, %.1f commits/s; %zu put off\n",
           "rooms thread:", 100 * cpu / (seconds * NS_PER_S), saved / seconds, cpu / 1000 / saved,
           (atomic_load(&bench.commits) - commits) / seconds, bench.refused);
}

/* Every checkpoint is due in the first tick after a stall. */
static int64_t stall(int64_t *next_ns)
{
    *next_ns += STALL_TICKS * TICK_NS;
    return run_tick(next_ns);
}

/* As before a stop: whole ones, and of every room. */
static int64_t checkpoint_all(int64_t *next_ns)
{
    const struct now now = clock_read();
    bench.copy_count = 0;
    game_manager_checkpoint_all(bench.manager, now);
    *next_ns = now.mono_ns;
    return take_copies(now);
}

static void measure_bursts(const char *what, int64_t (*burst)(int64_t *next_ns), int64_t *next_ns)
{
    int64_t times[BURSTS];
    double copies = 0;
    bench.refused = 0;
    for (int i = 0; i < BURSTS; i++) {
        room_keeper_flush(bench.keeper, FLUSH_MS);
        times[i] = burst(next_ns);
        copies += (double)bench.copy_count;
    }
    print_times(what, times, BURSTS, copies / BURSTS);
    if (bench.refused > 0)
        printf("%-40s %.0f\n",
               "  of these put off to the next tick:", (double)bench.refused / BURSTS);
}

/* As gamed's main does it. */
static void restore_room(void *arg, const struct room_checkpoint *checkpoint)
{
    struct outbox_entry entry;
    struct match_result result;
    int *count = arg;
    const bool is_over = store_outbox_find(bench.store, checkpoint->match_id, &entry) == STORE_OK &&
                         result_body_read(entry.body, entry.body_size, &result) == 0;
    *count += game_manager_restore(bench.manager, checkpoint, is_over ? &result : NULL,
                                   clock_read()) == GAME_MANAGER_OK;
}

static void measure_load(void)
{
    char error[256];
    int count = 0;
    open_manager();
    const int64_t began_ns = read_ns(CLOCK_MONOTONIC);
    if (store_sqlite_open(bench.directory, 'A', &bench.store, error, sizeof error) != STORE_OK)
        die(error);
    if (store_rooms_load(bench.store, restore_room, &count) != STORE_OK)
        die("the rooms could not be read");
    printf("%-40s %.1f ms for %d rooms\n", "opened, read and taken up again:",
           (double)(read_ns(CLOCK_MONOTONIC) - began_ns) / NS_PER_MS, count);
    if (count != ROOMS)
        die("some rooms were lost");
    close_all();
}

/* ---- gamed itself ------------------------------------------------------------------------------- */

static bool accepts(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const bool is_open = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_open;
}

static pid_t start_gamed(const char *program, const char *ipc)
{
    char listen[PATH_SIZE], url[PATH_SIZE + 8], log[PATH_SIZE];
    snprintf(listen, sizeof listen, "unix:%s/ws", bench.directory);
    snprintf(url, sizeof url, "ipc://%s", ipc);
    snprintf(log, sizeof log, "%s/log", bench.directory);
    const pid_t child = fork();
    if (child != 0)
        return child;
    const int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(fd, STDERR_FILENO);
    execl(program, "gamed", "--state-dir", bench.directory, "--listen", listen, "--ipc", url,
          (char *)NULL);
    _exit(127);
}

/* Until its IPC answers, which is the last thing that it opens. */
static void measure_gamed(const char *program)
{
    char ipc[PATH_SIZE];
    int status;
    snprintf(ipc, sizeof ipc, "%s/ipc", bench.directory);
    const int64_t began_ns = read_ns(CLOCK_MONOTONIC);
    const pid_t gamed = start_gamed(program, ipc);
    while (!accepts(ipc)) {
        const struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
        if (waitpid(gamed, &status, WNOHANG) == gamed)
            die("gamed did not start");
        if (read_ns(CLOCK_MONOTONIC) - began_ns > START_LIMIT_S * INT64_C(1000000000)) {
            kill(gamed, SIGKILL);
            die("gamed does not get ready");
        }
    }
    printf("%-40s %.0f ms with %d rooms to take up\n",
           "gamed, from exec to ready:", (double)(read_ns(CLOCK_MONOTONIC) - began_ns) / NS_PER_MS,
           ROOMS);
    kill(gamed, SIGTERM);
    waitpid(gamed, &status, 0);
}

static void remove_directory(void)
{
    static const char *const names[] = {"rooms-A.db",
                                        "rooms-A.db-wal",
                                        "rooms-A.db-shm",
                                        "results-A.db",
                                        "results-A.db-wal",
                                        "results-A.db-shm",
                                        "slot-A.lock",
                                        "log",
                                        "ws",
                                        "ipc"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", bench.directory, names[i]);
        unlink(path);
    }
    if (rmdir(bench.directory) != 0)
        fprintf(stderr, "checkpoint_bench: %s is left behind: %s\n", bench.directory,
                strerror(errno));
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(bench.directory, sizeof bench.directory, "%.40s/pong-bench-XXXXXX",
             tmp ? tmp : "/tmp");
    if (!mkdtemp(bench.directory))
        die("no temporary directory could be made");
    log_init("checkpoint_bench", LOG_LEVEL_ERROR);
    printf("%-40s %zu bytes\n", "a checkpoint:", sizeof(struct room_checkpoint));
    open_manager();
    open_store();
    int64_t next_ns = read_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < SPREAD_TICKS; i++) {
        for (int k = i * ROOMS / SPREAD_TICKS; k < (i + 1) * ROOMS / SPREAD_TICKS; k++)
            open_match();
        run_tick(&next_ns);
    }
    for (int i = 0; i < SETTLE_TICKS; i++)
        run_tick(&next_ns);
    measure_running(&next_ns);
    measure_bursts("copies in a tick, after a stall:", stall, &next_ns);
    measure_bursts("copies at a stop:", checkpoint_all, &next_ns);
    close_all();
    measure_load();
    if (argc > 1)
        measure_gamed(argv[1]);
    remove_directory();
    return 0;
}
