/*
 * redis_bench: what a site costs Redis, by the piece: a row of a room, a result, a round of the slots
 * thread. A real redis-server, which this starts in a temporary directory: without files, then with an
 * append-only file (appendfsync everysec). It must not judge: it prints numbers, which
 * bench/scaling_model.mjs computes with.
 *
 * Times are of the server's main thread, as the kernel accounts them, so that what else the machine does
 * is no part of them; those of this process are of its own thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cluster/instance_record.h"
#include "cluster/redis_link.h"
#include "cluster/redis_scripts.h"
#include "common/log.h"
#include "gamed/slot_load.h"
#include "gamed/slots.h"
#include "gamed/store_redis.h"

enum {
    ROOMS = 5000,
    COMMIT_ROOMS = ROOMS / 20, /* what falls into 50 ms, when each is checkpointed every second */
    SECONDS = 20,              /* of such a site */
    RESULTS = 4000,
    RESULTS_AT_ONCE = 8,
    ROUNDS = 2000,
    INSTANCES = 24,
    OWNED = 3, /* slots of the instance that makes the rounds */
    START_TRIES = 500
};

static struct bench {
    char directory[64], url[128];
    pid_t server;
    struct slots *slots;
    struct store *store;
    struct redis_link *link;
} bench;

static void fail(const char *what)
{
    fprintf(stderr, "redis_bench: %s failed: %s\n", what, strerror(errno));
    if (bench.server > 0)
        kill(bench.server, SIGKILL);
    exit(EXIT_FAILURE);
}

/* ---- time, and the server's work ----------------------------------------------------------- */

static double read_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double server_us(void)
{
    char path[64];
    double ns = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)bench.server);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%lf", &ns) != 1)
        fail("reading what the server has worked");
    fclose(file);
    return ns / 1e3;
}

static struct sample {
    double server, own, wall;
} began;

static void begin(void)
{
    began =
        (struct sample){server_us(), read_us(CLOCK_THREAD_CPUTIME_ID), read_us(CLOCK_MONOTONIC)};
}

static void end(const char *what, int count)
{
    printf("%-46s %9.2f %9.2f %9.2f\n", what, (server_us() - began.server) / count,
           (read_us(CLOCK_THREAD_CPUTIME_ID) - began.own) / count,
           (read_us(CLOCK_MONOTONIC) - began.wall) / count);
}

/* ---- the server ---------------------------------------------------------------------------- */

static void start_server(bool has_file)
{
    char socket[96];
    snprintf(bench.directory, sizeof bench.directory, "/tmp/redis_bench.XXXXXX");
    if (!mkdtemp(bench.directory))
        fail("making a directory");
    snprintf(socket, sizeof socket, "%s/redis.sock", bench.directory);
    snprintf(bench.url, sizeof bench.url, "unix://%s", socket);
    bench.server = fork();
    if (bench.server == 0) {
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket, "--dir",
               bench.directory, "--save", "", "--appendonly", has_file ? "yes" : "no", "--loglevel",
               "warning", "--logfile", "redis.log", (char *)NULL);
        _exit(127);
    }
    const struct redis_link_config config = {bench.url, "", "bench"};
    if (bench.server < 0 || redis_link_new(&config, &bench.link) != REDIS_LINK_OK)
        fail("starting redis-server");
    for (int i = 0; redis_link_open(bench.link) != REDIS_LINK_OK; i++) {
        if (i == START_TRIES)
            fail("reaching redis-server");
        poll(NULL, 0, 10);
    }
}

static void stop_server(void)
{
    char command[128];
    redis_link_free(bench.link);
    kill(bench.server, SIGTERM);
    waitpid(bench.server, NULL, 0);
    bench.server = 0;
    snprintf(command, sizeof command, "rm -rf '%s'", bench.directory);
    if (system(command) != 0)
        fail("removing its directory");
}

/* ---- what is measured ---------------------------------------------------------------------- */

static struct redisReply *const *run(void)
{
    struct redisReply *const *replies;
    size_t count;
    if (redis_link_run(bench.link, REDIS_LINK_ROUND_MS, &replies, &count) != REDIS_LINK_OK)
        fail(redis_link_error(bench.link));
    return replies;
}

static void claim(int slot, char drawn[CLAIM_SIZE])
{
    claim_draw(drawn);
    redis_link_begin(bench.link);
    redis_link_add(bench.link, 3,
                   (const char *const[]){"SET", slot_key(SLOT_KEY_LEASE, slot), drawn}, NULL);
    run();
    slots_set(bench.slots, slot, drawn);
}

/* What Redis holds in memory. */
static double memory(void)
{
    redis_link_begin(bench.link);
    redis_link_add(bench.link, 2, (const char *const[]){"INFO", "memory"}, NULL);
    const char *text = redis_reply_text(run()[0], NULL);
    const char *line = text ? strstr(text, "used_memory:") : NULL;
    if (!line)
        fail("reading what memory the server uses");
    return strtod(line + strlen("used_memory:"), NULL);
}

static void fill_room(unsigned int number, struct room_checkpoint *room)
{
    memset(room, 0, sizeof *room);
    memcpy(room->room_code, "A00000", ROOM_CODE_SIZE);
    for (int i = ROOM_CODE_LENGTH - 1, left = (int)number; i > 0; i--, left /= 32)
        room->room_code[i] = ROOM_CODE_ALPHABET[left % 32];
    snprintf(room->match_id, sizeof room->match_id, "00000000-0000-4000-8000-%012u", number);
    room->created_unix_ms = 1767323045678;
    room->match_used_ms = 61234;
    room->match_left_ms = 1676544;
    room->random_state = UINT64_C(0xfedcba9876543210);
    room->served = true;
    room->last_loser = 1;
    room->pong = (struct pong){.step = 4000,
                               .ball_x = 23456,
                               .ball_y = 12345,
                               .ball_vx = -1234,
                               .ball_vy = 567,
                               .paddle_y = {0, 30720},
                               .target_y = {30720, 1},
                               .score = {4, 5},
                               .phase = PONG_RALLY,
                               .steps_left = PONG_STEPS_OPEN,
                               .winning_score = 10,
                               .serve_steps = 180};
    for (int i = 0; i < 2; i++) {
        struct seat_checkpoint *seat = &room->seats[i];
        seat->held = seat->is_guest = true;
        seat->pauses_left = 3;
        snprintf(seat->player_id, sizeof seat->player_id, "guest-%08u", 2 * number + (unsigned)i);
        snprintf(seat->username, sizeof seat->username, "Guest %u", number % 1000);
        seat->token = digest_of(seat->player_id, strlen(seat->player_id));
    }
}

static void measure_rooms(const char *drawn)
{
    static struct room_checkpoint rooms[ROOMS];
    const struct room_checkpoint *list[COMMIT_ROOMS];
    struct slot_load *load;
    for (unsigned int i = 0; i < ROOMS; i++)
        fill_room(i, &rooms[i]);
    const double before = memory();
    begin();
    for (int commit = 0; commit < SECONDS * ROOMS / COMMIT_ROOMS; commit++) {
        for (int i = 0; i < COMMIT_ROOMS; i++) {
            struct room_checkpoint *room = &rooms[(commit * COMMIT_ROOMS + i) % ROOMS];
            room->pong.step += 60;
            list[i] = room;
        }
        if (store_rooms_save(bench.store, list, COMMIT_ROOMS) != STORE_OK)
            fail("saving rooms");
    }
    end("a room's row, 250 at once", SECONDS * ROOMS);
    printf("%-46s %9.0f\n", "    bytes of Redis' memory", (memory() - before) / ROOMS);
    begin();
    if (slot_load_read(bench.link, slot_index('A'), drawn, &load) != STORE_OK ||
        load->count != ROOMS)
        fail("loading rooms");
    end("5000 rooms loaded", 1);
    free(load);
}

static void measure_results(void)
{
    static struct outbox_entry entries[RESULTS_AT_ONCE];
    size_t done;
    const double before = memory();
    begin();
    for (int at = 0; at < RESULTS; at += RESULTS_AT_ONCE) {
        for (int i = 0; i < RESULTS_AT_ONCE; i++) {
            struct outbox_entry *entry = &entries[i];
            memset(entry, 0, offsetof(struct outbox_entry, body));
            memcpy(entry->room_code, "A00000", ROOM_CODE_SIZE);
            snprintf(entry->match_id, sizeof entry->match_id, "00000000-0000-4000-9000-%012d",
                     at + i);
            memset(entry->body, ' ', entry->body_size = 300);
        }
        if (store_outbox_insert(bench.store, entries, RESULTS_AT_ONCE, &done) != STORE_OK)
            fail("inserting results");
        for (int i = 0; i < RESULTS_AT_ONCE; i++)
            entries[i].state = OUTBOX_DELIVERED;
        if (store_outbox_update(bench.store, entries, RESULTS_AT_ONCE) != STORE_OK)
            fail("updating results");
    }
    end("a result, inserted and delivered, 8 at once", RESULTS);
    printf("%-46s %9.0f\n", "    bytes of Redis' memory", (memory() - before) / RESULTS);
}

/* What a gamed does ten times a second, and each api-fcgi four times a second without renewals. */
static void measure_rounds(void)
{
    static struct watched watched;
    struct instance_record record = {.ipc = "tcp://10.0.0.5:7001", .ws = "10.0.0.5:7000"};
    char claims[OWNED][CLAIM_SIZE];
    for (int i = 0; i < OWNED; i++)
        claim(i + 20, claims[i]);
    for (int i = 0; i < INSTANCES; i++) {
        claim_draw(record.id);
        memcpy(record.slots[i].claim, record.id, CLAIM_SIZE);
        redis_link_begin(bench.link);
        watch_add(bench.link, &record);
        run();
    }
    begin();
    for (int round = 0; round < ROUNDS; round++) {
        redis_link_begin(bench.link);
        for (int i = 0; i < OWNED; i++)
            redis_script_add(bench.link, REDIS_SCRIPT_RENEW, 2,
                             (const char *const[]){slot_key(SLOT_KEY_LEASE, i + 20),
                                                   slot_key(SLOT_KEY_LAST, i + 20)},
                             3, (const char *const[]){claims[i], "2000", "0"}, NULL);
        watch_add(bench.link, &record);
        struct redisReply *const *replies = run();
        if (redis_reply_integer(replies[0], 0) != 1 || watch_read(replies[OWNED], &watched) != 0)
            fail("a round");
    }
    end("a round of the slots thread: 3 leases, 24 gamed", ROUNDS);
    begin();
    for (int round = 0; round < ROUNDS; round++) {
        redis_link_begin(bench.link);
        watch_add(bench.link, NULL);
        run();
    }
    end("a look of api-fcgi, 24 gamed", ROUNDS);
}

static void measure(bool has_file)
{
    const struct store_redis_config config = {.redis = {NULL, "", "bench"}};
    struct store_redis_config own = config;
    char error[256], drawn[CLAIM_SIZE];
    start_server(has_file);
    own.redis.url = bench.url;
    bench.slots = slots_new();
    if (!bench.slots ||
        store_redis_open(&own, bench.slots, &bench.store, error, sizeof error) != STORE_OK)
        fail("opening the store");
    claim(slot_index('A'), drawn);
    printf("%-46s %9s %9s %9s\n", has_file ? "append-only file, everysec" : "no file", "Redis us",
           "own us", "wall us");
    measure_rooms(drawn);
    measure_results();
    measure_rounds();
    store_close(bench.store);
    slots_free(bench.slots);
    stop_server();
}

int main(void)
{
    log_init("redis_bench", LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN);
    measure(false);
    measure(true);
    return EXIT_SUCCESS;
}
