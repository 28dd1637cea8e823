/*
 * The store in SQLite where it is more than the contract of store.h: files that last, are damaged,
 * do not fit, cannot be written, are somebody else's for a while, or are of another version; and what
 * a killed process leaves. The failures are real ones: limits, mounts, signals and other connections.
 */
#include "gamed/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/log.h"
#include "gamed/store_sqlite_file.h"
#include "tests/unit/sample_rooms.h"

static char directory[] = "/tmp/test_store_sqlite.XXXXXX";
static struct store *store;

/* ---- tools ----------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void remove_all(void)
{
    DIR *dir = opendir(directory);
    const struct dirent *found;
    while (dir && (found = readdir(dir))) {
        if (found->d_name[0] != '.')
            unlink(path_of(found->d_name));
    }
    if (dir)
        closedir(dir);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    store_close(store);
    store = NULL;
    remove_all();
    return rmdir(directory);
}

static void open_store(void)
{
    char error[256];
    assert_int_equal(store_sqlite_open(directory, 'A', &store, error, sizeof error), STORE_OK);
}

static void close_store(void)
{
    store_close(store);
    store = NULL;
}

static struct outbox_entry entry_of(unsigned int number)
{
    struct outbox_entry entry = {.created_ms = 5000 + number, .retry.next_attempt_ms = number};
    snprintf(entry.match_id, sizeof entry.match_id, "00000000-0000-4000-8000-%012u", number);
    entry.body_size =
        (size_t)snprintf(entry.body, sizeof entry.body, "{\"n\":%u,\"pad\":\"%0400d\"}", number, 0);
    return entry;
}

static int insert(unsigned int number)
{
    const struct outbox_entry entry = entry_of(number);
    size_t inserted;
    const int outcome = store_outbox_insert(store, &entry, 1, &inserted);
    assert_int_equal(inserted, outcome == STORE_OK ? 1 : 0);
    return outcome;
}

static int settle(unsigned int number, enum outbox_state state, int64_t when_ms)
{
    struct outbox_entry entry = entry_of(number);
    entry.state = state;
    entry.settled_ms = when_ms;
    return store_outbox_update(store, &entry, 1);
}

static int find(unsigned int number)
{
    const struct outbox_entry expected = entry_of(number);
    struct outbox_entry entry;
    const int outcome = store_outbox_find(store, expected.match_id, &entry);
    if (outcome == STORE_OK) {
        assert_int_equal(entry.body_size, expected.body_size);
        assert_memory_equal(entry.body, expected.body, expected.body_size);
    }
    return outcome;
}

static struct outbox_counts counts_of(void)
{
    struct outbox_counts counts;
    store_outbox_count(store, &counts);
    return counts;
}

static struct store_health health_of(void)
{
    struct store_health health;
    store_health(store, &health);
    return health;
}

static int save_rooms(const struct room_checkpoint *rooms, size_t count)
{
    const struct room_checkpoint *list[8];
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++)
        list[i] = &rooms[i];
    return store_rooms_save(store, list, count);
}

static int save(unsigned int number)
{
    const struct room_checkpoint room = sample_room(number);
    return save_rooms(&room, 1);
}

/* So many that they take many pages, of which some are damaged. */
enum {
    MANY_ROOMS = 400
};

/* The rooms that are loaded, by their numbers; each must be as it was. */
static struct loaded {
    size_t count;
    unsigned int steps[MANY_ROOMS + 1];
    char codes[MANY_ROOMS + 1][ROOM_CODE_SIZE];
} loaded;

static void load_one(void *arg, const struct room_checkpoint *room)
{
    struct loaded *all = arg;
    assert_true(all->count < MANY_ROOMS + 1);
    all->steps[all->count] = room->pong.step;
    memcpy(all->codes[all->count++], room->room_code, ROOM_CODE_SIZE);
}

static int load(void)
{
    memset(&loaded, 0, sizeof loaded);
    return store_rooms_load(store, load_one, &loaded);
}

/* Another connection, as a backup or a curious operator has one. */
static sqlite3 *connect_to(const char *name)
{
    sqlite3 *connection;
    assert_int_equal(sqlite3_open(path_of(name), &connection), SQLITE_OK);
    return connection;
}

static void execute(sqlite3 *connection, const char *sql)
{
    if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(connection));
}

static int query(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* How many files have names with this in them. */
static int count_files(const char *part)
{
    DIR *dir = opendir(directory);
    const struct dirent *found;
    int count = 0;
    assert_non_null(dir);
    while ((found = readdir(dir)))
        count += strstr(found->d_name, part) != NULL;
    closedir(dir);
    return count;
}

static void overwrite(const char *name, off_t from, size_t size)
{
    const int fd = open(path_of(name), O_WRONLY);
    assert_true(fd >= 0);
    char *garbage = malloc(size);
    memset(garbage, 0x5e, size);
    assert_int_equal(pwrite(fd, garbage, size, from), (ssize_t)size);
    free(garbage);
    close(fd);
}

static off_t size_of(const char *name)
{
    struct stat stat_of;
    assert_int_equal(stat(path_of(name), &stat_of), 0);
    return stat_of.st_size;
}

/* Runs a child; what it asserts, it exits with. */
static void in_child(void (*work)(void))
{
    int status;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* In a child, cmocka's assertions would go on with the parent's tests. */
#define REQUIRE(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                               \
        }                                                                           \
    } while (0)

/* ---- what lasts ------------------------------------------------------------------------- */

static void test_results_last(void **state)
{
    struct outbox_entry entry = entry_of(3), found;
    size_t inserted;
    (void)state;
    open_store();
    entry.retry = (struct retry_state){UINT32_MAX, 503, 1767323045678, 1767323045000};
    assert_int_equal(store_outbox_insert(store, &entry, 1, &inserted), STORE_OK);
    insert(4);
    insert(5);
    insert(6);
    settle(4, OUTBOX_DELIVERED, 60);
    settle(5, OUTBOX_FAILED, 70);
    settle(6, OUTBOX_NOT_POSTED, 80);
    close_store();
    open_store();
    assert_int_equal(counts_of().pending, 1);
    assert_int_equal(counts_of().failed, 1);
    assert_int_equal(counts_of().oldest_pending_ms, 5003);
    assert_int_equal(store_outbox_find(store, entry.match_id, &found), STORE_OK);
    found.serial = 0;
    assert_memory_equal(&found, &entry, offsetof(struct outbox_entry, body) + entry.body_size);
    assert_int_equal(store_outbox_find(store, entry_of(4).match_id, &found), STORE_OK);
    assert_int_equal(found.state, OUTBOX_DELIVERED);
    assert_int_equal(found.settled_ms, 60);
    /* A delivered one is not taken again. */
    assert_int_equal(insert(4), STORE_OK);
    assert_int_equal(counts_of().pending, 1);
}

static void test_rooms_last(void **state)
{
    struct room_checkpoint list[3] = {sample_room(1), sample_room(2), sample_room(3)};
    (void)state;
    open_store();
    assert_int_equal(load(), STORE_OK);
    assert_int_equal(loaded.count, 0);
    assert_int_equal(save_rooms(list, 3), STORE_OK);
    list[0].pong.step = 12;
    list[1] = sample_room_gone(3);
    assert_int_equal(save_rooms(list, 2), STORE_OK);
    list[0] = sample_room_gone(9); /* never was */
    assert_int_equal(save_rooms(list, 1), STORE_OK);
    close_store();
    open_store();
    assert_int_equal(load(), STORE_OK);
    assert_int_equal(loaded.count, 2);
    assert_int_equal(loaded.steps[0], 12);
    assert_int_equal(loaded.steps[1], sample_room(2).pong.step);
    assert_string_equal(loaded.codes[1], "A00002");
}

static struct room_checkpoint the_loaded;

static void keep_loaded(void *arg, const struct room_checkpoint *room)
{
    (void)arg;
    the_loaded = *room;
}

static void test_a_loaded_room_is_the_saved_one(void **state)
{
    const struct room_checkpoint room = sample_room(7);
    (void)state;
    open_store();
    save(7);
    assert_int_equal(store_rooms_load(store, keep_loaded, NULL), STORE_OK);
    assert_memory_equal(&the_loaded, &room, sizeof room);
}

static void test_files_are_not_for_everybody(void **state)
{
    struct stat stat_of;
    (void)state;
    umask(0);
    open_store();
    insert(1);
    save(1);
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"results-A.db", "results-A.db-wal", "rooms-A.db",
                                            "rooms-A.db-wal"};
        assert_int_equal(stat(path_of(names[i]), &stat_of), 0);
        assert_int_equal(stat_of.st_mode & 0777, 0640);
    }
    umask(022);
}

static void test_two_slots_have_two_stores(void **state)
{
    struct store *other;
    char error[256];
    (void)state;
    open_store();
    insert(1);
    save(1);
    assert_int_equal(store_sqlite_open(directory, 'B', &other, error, sizeof error), STORE_OK);
    struct outbox_entry entry;
    assert_int_equal(store_outbox_find(other, entry_of(1).match_id, &entry), STORE_UNKNOWN);
    memset(&loaded, 0, sizeof loaded);
    assert_int_equal(store_rooms_load(other, load_one, &loaded), STORE_OK);
    assert_int_equal(loaded.count, 0);
    store_close(other);
}

/* ---- a process that is killed ------------------------------------------------------------ */

enum {
    BATCH = 8
};
static int pipe_fds[2];

/* Inserts batch after batch and tells each that is safe, until it is killed. */
static void insert_for_ever(void)
{
    struct outbox_entry entries[BATCH];
    open_store();
    for (unsigned int batch = 0;; batch++) {
        size_t inserted;
        for (unsigned int i = 0; i < BATCH; i++)
            entries[i] = entry_of(batch * BATCH + i);
        REQUIRE(store_outbox_insert(store, entries, BATCH, &inserted) == STORE_OK);
        REQUIRE(write(pipe_fds[1], &batch, sizeof batch) == sizeof batch);
    }
}

static void test_a_commit_survives_a_kill_and_is_whole(void **state)
{
    (void)state;
    for (unsigned int round = 0; round < 5; round++) {
        unsigned int told = 0, after = 0;
        assert_int_equal(pipe(pipe_fds), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            insert_for_ever();
        close(pipe_fds[1]);
        /* At another moment of its work each time. */
        while (after < 20 + 7 * round &&
               read(pipe_fds[0], &told, sizeof told) == (ssize_t)sizeof told)
            after++;
        kill(child, SIGKILL);
        while (read(pipe_fds[0], &told, sizeof told) == (ssize_t)sizeof told)
            after++;
        close(pipe_fds[0]);
        waitpid(child, NULL, 0);

        open_store();
        assert_int_equal(health_of().files_set_aside, 0);
        for (unsigned int i = 0; i < after * BATCH; i++)
            assert_int_equal(find(i), STORE_OK);
        assert_int_equal(counts_of().pending % BATCH, 0);
        assert_true(counts_of().pending / BATCH - after <= 1);
        close_store();
        remove_all();
    }
}

/* Dies after the insert and before the commit, with the row in the log already. */
static void die_before_commit(void)
{
    sqlite3 *connection;
    REQUIRE(sqlite3_open(path_of("results-A.db"), &connection) == SQLITE_OK);
    REQUIRE(sqlite3_exec(
                connection,
                "PRAGMA cache_size = 1; BEGIN IMMEDIATE;"
                "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 999)"
                "INSERT INTO results SELECT i, printf('00000000-0000-4000-8000-%012d', i), 0,"
                "printf('%0400d', i), 1, 0, 0, 0, 1, 0 FROM n",
                NULL, NULL, NULL) == SQLITE_OK);
    kill(getpid(), SIGKILL);
}

static void test_what_was_not_committed_is_not_there(void **state)
{
    int status;
    (void)state;
    open_store();
    insert(1);
    close_store();
    const pid_t child = fork();
    if (child == 0)
        die_before_commit();
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_true(size_of("results-A.db-wal") > 100000); /* it had come so far */
    open_store();
    assert_int_equal(find(1), STORE_OK);
    assert_int_equal(find(100), STORE_UNKNOWN);
    assert_int_equal(insert(2), STORE_OK);
    close_store();
    open_store();
    assert_int_equal(counts_of().pending, 2);
    assert_int_equal(health_of().files_set_aside, 0);
}

/* ---- damaged files ----------------------------------------------------------------------- */

static void fill(unsigned int count)
{
    struct outbox_entry entries[64];
    for (unsigned int i = 0; i < count;) {
        size_t batch = 0, inserted;
        while (batch < 64 && i < count)
            entries[batch++] = entry_of(i++);
        assert_int_equal(store_outbox_insert(store, entries, batch, &inserted), STORE_OK);
    }
}

/* Closed in good order, damaged, opened: the damaged file is kept, and everything works. */
static void assert_is_set_aside(const char *name, off_t from, size_t size)
{
    char aside[64];
    open_store();
    fill(300);
    for (unsigned int i = 0; i < MANY_ROOMS; i++)
        save(i);
    close_store();
    overwrite(name, from, size);
    const off_t damaged_size = size_of(name);
    open_store();
    assert_int_equal(health_of().files_set_aside, 1);
    snprintf(aside, sizeof aside, "%s.corrupt-", name);
    assert_int_equal(count_files(aside), 1);
    const bool is_results = name[1] == 'e';
    assert_int_equal(find(1), is_results ? STORE_UNKNOWN : STORE_OK);
    assert_int_equal(load(), STORE_OK);
    if (is_results)
        assert_int_equal(loaded.count, MANY_ROOMS);
    else /* what is left of it */
        assert_true(loaded.count < MANY_ROOMS && (loaded.count > 0) == (from > 0));
    assert_int_equal(health_of().rooms_set_aside, is_results ? 0 : 1);
    assert_int_equal(insert(500), STORE_OK);
    assert_int_equal(save(50), STORE_OK);
    close_store();

    DIR *dir = opendir(directory);
    const struct dirent *found;
    while ((found = readdir(dir))) {
        if (strstr(found->d_name, aside))
            assert_int_equal(size_of(found->d_name), damaged_size);
    }
    closedir(dir);
    /* Again in the same second: a name of its own. */
    overwrite(name, 0, 512);
    open_store();
    assert_int_equal(count_files(aside), 2);
    close_store();
    remove_all();
}

static void test_a_corrupt_file_is_set_aside(void **state)
{
    (void)state;
    assert_is_set_aside("results-A.db", 0, 100);
    assert_is_set_aside("results-A.db", 4096, 60000);
    assert_is_set_aside("rooms-A.db", 0, 100);
    assert_is_set_aside("rooms-A.db", 8 * 4096, 8192);
}

/* How many of the first `count` entries are there, each of them whole. */
static unsigned int count_found(unsigned int count)
{
    unsigned int found = 0;
    for (unsigned int i = 0; i < count; i++)
        found += find(i) == STORE_OK;
    return found;
}

static void test_a_file_cut_short_is_set_aside(void **state)
{
    (void)state;
    open_store();
    fill(300);
    close_store();
    assert_int_equal(truncate(path_of("results-A.db"), 20000), 0);
    open_store();
    assert_int_equal(health_of().files_set_aside, 1);
    assert_int_equal(counts_of().pending, count_found(300));
    assert_int_equal(insert(300), STORE_OK);
}

/* The pages in the middle of the file; what is before and behind them is there, at its old place. */
static void test_what_is_whole_in_a_corrupt_file_is_taken_over(void **state)
{
    struct outbox_entry entry;
    (void)state;
    open_store();
    fill(600);
    settle(2, OUTBOX_DELIVERED, 60);
    settle(3, OUTBOX_FAILED, 70);
    close_store();
    const off_t middle = size_of("results-A.db") / 2 / 4096 * 4096;
    overwrite("results-A.db", middle, 4096);
    open_store();
    assert_int_equal(health_of().files_set_aside, 1);
    assert_int_equal(health_of().rooms_set_aside, 0);
    const unsigned int found = count_found(600);
    assert_true(found >= 580 && found < 600);
    assert_int_equal(counts_of().pending, found - 2);
    assert_int_equal(counts_of().failed, 1);
    assert_int_equal(store_outbox_find(store, entry_of(2).match_id, &entry), STORE_OK);
    assert_int_equal(entry.state, OUTBOX_DELIVERED);
    assert_int_equal(entry.settled_ms, 60);
    assert_int_equal(store_outbox_find(store, entry_of(599).match_id, &entry), STORE_OK);
    assert_int_equal(entry.serial, 600);
    close_store();
    open_store(); /* once is enough */
    assert_int_equal(health_of().files_set_aside, 0);
    assert_int_equal(counts_of().pending, found - 2);
}

static void test_rooms_of_a_corrupt_file_are_taken_over(void **state)
{
    (void)state;
    open_store();
    for (unsigned int i = 0; i < MANY_ROOMS; i++)
        save(i);
    close_store();
    overwrite("rooms-A.db", size_of("rooms-A.db") / 2 / 1024 * 1024, 1024);
    open_store();
    assert_int_equal(load(), STORE_OK);
    assert_int_equal(health_of().rooms_set_aside, 1);
    assert_true(loaded.count >= MANY_ROOMS / 4 * 3 && loaded.count < MANY_ROOMS);
}

/* As many columns as SQLite allows, by a file that claims to be ours. */
static void test_what_fits_nowhere_is_not_taken_over(void **state)
{
    char *sql = sqlite3_mprintf("CREATE TABLE results (serial INTEGER PRIMARY KEY");
    (void)state;
    for (int i = 1; i < 2000; i++)
        sql = sqlite3_mprintf("%z, c%d", sql, i);
    sql = sqlite3_mprintf("%z); PRAGMA user_version = 1", sql);
    sqlite3 *other = connect_to("results-A.db");
    execute(other, sql);
    sqlite3_free(sql);
    execute(other, "INSERT INTO results (serial) VALUES (1); CREATE TABLE more (a);"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)"
                   "INSERT INTO more SELECT randomblob(3000) FROM n");
    sqlite3_close(other);
    overwrite("results-A.db", size_of("results-A.db") - 8192, 4096);
    open_store();
    assert_int_equal(health_of().files_set_aside, 1);
    assert_int_equal(counts_of().pending, 0);
    assert_int_equal(insert(1), STORE_OK);
}

static void run_in_directory(const char *commands)
{
    char command[900];
    snprintf(command, sizeof command, "cd %s && %s", directory, commands);
    assert_int_equal(system(command), 0);
}

static void open_store_of(char slot)
{
    char error[256];
    assert_int_equal(store_sqlite_open(directory, slot, &store, error, sizeof error), STORE_OK);
}

/* Slot B has a damaged file, the newest of which is in its log. */
static void make_damaged_file(void)
{
    open_store();
    fill(300);
    close_store();
    open_store();
    assert_int_equal(insert(300), STORE_OK);
    run_in_directory("cp results-A.db results-B.db && cp results-A.db-wal results-B.db-wal");
    close_store();
    overwrite("results-B.db", size_of("results-B.db") / 2 / 4096 * 4096, 4096);
}

/* The log of a process that was killed belongs to the corrupt file: it has the newest. */
static void test_what_is_in_the_log_of_a_corrupt_file_is_taken_over(void **state)
{
    (void)state;
    make_damaged_file();
    open_store_of('B');
    assert_int_equal(health_of().files_set_aside, 1);
    assert_int_equal(find(300), STORE_OK);
    assert_true(count_found(300) >= 280);
    assert_int_equal(count_files("results-B.db.corrupt-"), 2); /* it and its log, as they were */
}

/* The directory as a process leaves it that ends between two steps, and what the next one makes of it. */
static void test_a_take_over_that_was_cut_off_is_finished(void **state)
{
    static const struct {
        const char *made_by;
        unsigned damaged; /* files that the next process says so of */
    } ends[] = {
        {"mv results-B.db results-B.db.damaged-77", 1}, /* before the log followed */
        {"mv results-B.db results-B.db.damaged-77; mv results-B.db-wal results-B.db.damaged-77-wal",
         1},
        /* with a fresh one begun */
        {"mv results-B.db results-B.db.damaged-77; mv results-B.db-wal results-B.db.damaged-77-wal;"
         ": > results-B.db",
         1},
        /* after the commit (these go on from there) */
        {"for f in results-B.db.corrupt-77*; do mv $f results-B.db.damaged${f#*corrupt}; done", 1},
        {"mv results-B.db.corrupt-77-wal results-B.db.damaged-77-wal", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (i < 3) {
            remove_all();
            make_damaged_file();
        }
        run_in_directory(ends[i].made_by);
        open_store_of('B');
        assert_int_equal(health_of().files_set_aside, ends[i].damaged);
        assert_int_equal(find(300), STORE_OK);
        const unsigned int found = count_found(301);
        assert_true(found >= 280 && found < 301);
        assert_int_equal(counts_of().pending, found);
        assert_int_equal(count_files("results-B.db.corrupt-77"), 2);
        assert_int_equal(count_files("damaged"), 0);
        close_store();
        open_store_of('B'); /* once is enough */
        assert_int_equal(health_of().files_set_aside, 0);
        assert_int_equal(counts_of().pending, found);
        close_store();
    }
}

static void test_the_newest_of_several_files_is_taken_over_first(void **state)
{
    struct outbox_entry entry;
    (void)state;
    open_store();
    fill(5);
    close_store();
    run_in_directory("cp results-A.db older.db");
    open_store();
    settle(2, OUTBOX_DELIVERED, 60);
    close_store();
    run_in_directory("mv results-A.db results-A.db.damaged-10;"
                     "mv older.db results-A.db.damaged-9");
    open_store();
    assert_int_equal(health_of().files_set_aside, 2);
    assert_int_equal(count_found(5), 5);
    assert_int_equal(store_outbox_find(store, entry_of(2).match_id, &entry), STORE_OK);
    assert_int_equal(entry.state, OUTBOX_DELIVERED);
    assert_int_equal(count_files("corrupt"), 2);
}

/* What is written before would be met again by the same rows, as they were. */
static void test_a_file_is_not_used_before_it_is_known_what_was_taken_over(void **state)
{
    (void)state;
    open_store();
    fill(5);
    save(1);
    close_store();
    run_in_directory("mv results-A.db results-A.db.damaged-9; mkdir -p results-A.db.corrupt-9");
    open_store();
    assert_int_equal(find(1), STORE_BROKEN);
    assert_int_equal(save(2), STORE_OK);
    run_in_directory("rmdir results-A.db.corrupt-9");
    assert_int_equal(count_found(5), 5);
}

/* Names that go while the file is in use: what is written to no name would end with the process. */
static void test_a_file_taken_away_is_begun_anew(void **state)
{
    (void)state;
    open_store();
    insert(1);
    save(1);
    assert_int_equal(unlink(path_of("results-A.db")), 0);
    assert_int_equal(insert(2), STORE_OK);
    assert_int_equal(health_of().files_set_aside, 1);
    assert_int_equal(health_of().rooms_set_aside, 0);
    assert_int_equal(counts_of().pending, 1);
    assert_int_equal(unlink(path_of("rooms-A.db")), 0);
    assert_int_equal(save(2), STORE_OK);
    assert_int_equal(health_of().rooms_set_aside, 1);
    /* Put in another's place, as by who restores a backup too early. */
    char moved[300];
    snprintf(moved, sizeof moved, "%s", path_of("moved.db"));
    assert_int_equal(rename(path_of("results-A.db"), moved), 0);
    assert_int_equal(insert(3), STORE_OK);
    assert_int_equal(insert(4), STORE_OK);
    assert_int_equal(health_of().files_set_aside, 3);
    close_store();
    open_store();
    assert_int_equal(find(2), STORE_UNKNOWN);
    assert_int_equal(find(3), STORE_OK);
    assert_int_equal(find(4), STORE_OK);
    assert_int_equal(load(), STORE_OK);
    assert_int_equal(loaded.count, 1);
}

static void test_a_log_taken_away_costs_nothing(void **state)
{
    (void)state;
    open_store();
    insert(1);
    assert_int_equal(unlink(path_of("results-A.db-wal")), 0);
    assert_int_equal(insert(2), STORE_OK);
    assert_int_equal(health_of().files_set_aside, 0);
    close_store();
    open_store();
    assert_int_equal(find(1), STORE_OK);
    assert_int_equal(find(2), STORE_OK);
}

/* The log of a process that was killed, damaged at its end as by a power cut. */
static void test_a_damaged_log_gives_what_is_whole(void **state)
{
    (void)state;
    open_store();
    insert(1);
    const off_t whole = size_of("results-A.db-wal");
    insert(2);
    const off_t size = size_of("results-A.db-wal");
    /* As a kill would leave it: the files are copied while the store is open. */
    char command[900];
    snprintf(command, sizeof command,
             "cd %s && cp results-A.db results-B.db && cp results-A.db-wal results-B.db-wal",
             directory);
    assert_int_equal(system(command), 0);
    assert_true(size > whole);
    overwrite("results-B.db-wal", whole + 30, (size_t)(size - whole - 30));
    close_store();
    char error[256];
    assert_int_equal(store_sqlite_open(directory, 'B', &store, error, sizeof error), STORE_OK);
    assert_int_equal(health_of().files_set_aside, 0);
    assert_int_equal(find(1), STORE_OK);
    assert_int_equal(find(2), STORE_UNKNOWN);
    assert_int_equal(insert(2), STORE_OK);
}

/* SQLite would take it for none, and say nothing. */
static void test_a_log_that_is_none_is_told(void **state)
{
    (void)state;
    open_store();
    insert(1);
    close_store();
    const int fd = open(path_of("results-A.db-wal"), O_WRONLY | O_CREAT, 0640);
    assert_int_equal(write(fd, directory, 4), 4); /* too short to judge: torn at its beginning */
    close(fd);
    open_store();
    assert_int_equal(health_of().files_set_aside, 0);
    insert(2);
    close_store();
    run_in_directory("head -c 9000 /dev/zero > results-A.db-wal"); /* begun, and never synced */
    open_store();
    assert_int_equal(health_of().files_set_aside, 0);
    assert_int_equal(find(2), STORE_OK);
    close_store();
    close(open(path_of("results-A.db-wal"), O_WRONLY | O_CREAT, 0640));
    overwrite("results-A.db-wal", 0, 5000);
    open_store();
    assert_int_equal(health_of().files_set_aside, 1);
    assert_int_equal(count_files("results-A.db.corrupt-"), 1);
    assert_int_equal(find(2), STORE_OK);
    assert_int_equal(insert(3), STORE_OK);
}

/* Damage that comes while the store is in use, to pages that it has to read again. */
static void test_a_file_that_becomes_corrupt_is_replaced(void **state)
{
    enum {
        MANY = 12000 /* more than SQLite keeps in memory */
    };
    bool is_mended = false;
    (void)state;
    open_store();
    fill(MANY);
    sqlite3 *other = connect_to("results-A.db");
    execute(other, "PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(other);
    overwrite("results-A.db", 8192, (size_t)size_of("results-A.db") - 8192);
    for (unsigned int i = 0; i < MANY && !is_mended; i += 50) {
        find(i);
        is_mended = health_of().files_set_aside == 1;
    }
    assert_true(is_mended);
    assert_int_equal(insert(1), STORE_OK);
    assert_int_equal(counts_of().pending, 1);
}

static void test_unreadable_rooms_are_kept_aside(void **state)
{
    (void)state;
    open_store();
    for (unsigned int i = 1; i <= 7; i++)
        save(i);
    close_store();
    sqlite3 *other = connect_to("rooms-A.db");
    execute(other, "UPDATE rooms SET seat_1_token = x'00' WHERE room_code = 'A00001'");
    execute(other, "UPDATE rooms SET phase = 9 WHERE room_code = 'A00003'");
    execute(other, "UPDATE rooms SET room_code = 'A0000O' WHERE room_code = 'A00005'");
    execute(other, "UPDATE rooms SET room_code = 'B00006' WHERE room_code = 'A00006'");
    execute(other, "UPDATE rooms SET room_code = NULL WHERE room_code = 'A00007'");
    sqlite3_close(other);
    open_store();
    assert_int_equal(load(), STORE_OK);
    assert_int_equal(loaded.count, 2);
    assert_string_equal(loaded.codes[0], "A00002");
    assert_string_equal(loaded.codes[1], "A00004");
    assert_int_equal(health_of().rooms_unreadable, 5);
    assert_int_equal(load(), STORE_OK); /* they are not met twice */
    assert_int_equal(loaded.count, 2);
    assert_int_equal(health_of().rooms_unreadable, 5);
    other = connect_to("rooms-A.db");
    assert_int_equal(query(other, "SELECT count(*) FROM unreadable"), 5);
    assert_int_equal(query(other, "SELECT phase FROM unreadable WHERE room_code = 'A00003'"), 9);
    assert_int_equal(
        query(other, "SELECT length(seat_1_token) FROM unreadable WHERE room_code = 'A00001'"), 1);
    sqlite3_close(other);
}

static void test_impossible_rooms_do_not_fill_the_log(void **state)
{
    struct room_checkpoint room = sample_room(1);
    char log[4096];
    size_t lines = 0;
    (void)state;
    open_store();
    room.pong.ball_y = 1;
    FILE *kept = tmpfile();
    const int before = dup(STDERR_FILENO);
    assert_true(kept && before >= 0);
    dup2(fileno(kept), STDERR_FILENO);
    for (int i = 0; i < 50; i++)
        save_rooms(&room, 1);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(kept);
    while (fgets(log, sizeof log, kept))
        lines += strstr(log, "not saved") != NULL;
    fclose(kept);
    assert_int_equal(lines, 1);
    assert_int_equal(health_of().rooms_refused, 50);
}

static void test_an_impossible_room_is_not_saved(void **state)
{
    struct room_checkpoint list[3] = {sample_room(1), sample_room(2), sample_room(3)};
    (void)state;
    open_store();
    save(2);
    list[1].pong.ball_y = 1;
    assert_int_equal(save_rooms(list, 3), STORE_OK);
    assert_int_equal(health_of().rooms_refused, 1);
    assert_int_equal(load(), STORE_OK);
    assert_int_equal(loaded.count, 3); /* the second as it was */
}

/* ---- no room, no permission, no peace ---------------------------------------------------- */

static void set_file_limit(rlim_t size)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = size;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static bool is_trouble(int outcome)
{
    return outcome == STORE_FULL || outcome == STORE_BROKEN;
}

static int try_insert(unsigned int number)
{
    const struct outbox_entry entry = entry_of(number);
    size_t inserted;
    return store_outbox_insert(store, &entry, 1, &inserted);
}

/* Works until something stops it, then again when that is over; nothing that was taken is lost. */
static void work_through_trouble(void (*begin)(void), void (*end)(void))
{
    struct room_checkpoint room = sample_room(1);
    unsigned int taken = 0, saves = 0;
    REQUIRE(try_insert(taken) == STORE_OK);
    taken++;
    REQUIRE(save_rooms(&room, 1) == STORE_OK);
    begin();
    for (int troubles = 0; troubles < 5;) {
        const int outcome = try_insert(taken);
        REQUIRE(outcome == STORE_OK || is_trouble(outcome));
        taken += outcome == STORE_OK;
        troubles += outcome != STORE_OK;
        REQUIRE(taken < 5000);
    }
    for (int troubles = 0; troubles < 5;) {
        room.pong.step = saves + 1;
        const int outcome = save_rooms(&room, 1);
        REQUIRE(outcome == STORE_OK || is_trouble(outcome));
        saves += outcome == STORE_OK;
        troubles += outcome != STORE_OK;
        REQUIRE(saves < 50000);
    }
    REQUIRE(counts_of().pending >= 1);
    end();
    REQUIRE(try_insert(taken) == STORE_OK);
    taken++;
    REQUIRE(counts_of().pending == taken);
    room.pong.step = ++saves;
    REQUIRE(save_rooms(&room, 1) == STORE_OK);
    close_store();
    char error[256];
    REQUIRE(store_sqlite_open(directory, 'A', &store, error, sizeof error) == STORE_OK);
    for (unsigned int i = 0; i < taken; i++) {
        struct outbox_entry found;
        REQUIRE(store_outbox_find(store, entry_of(i).match_id, &found) == STORE_OK);
    }
    memset(&loaded, 0, sizeof loaded);
    REQUIRE(store_rooms_load(store, load_one, &loaded) == STORE_OK);
    REQUIRE(loaded.count == 1 && loaded.steps[0] == saves);
    REQUIRE(health_of().files_set_aside == 0);
    close_store();
}

static void limit_files(void)
{
    set_file_limit(200 * 1024);
}

static void unlimit_files(void)
{
    set_file_limit(RLIM_INFINITY);
}

static void meet_a_file_limit(void)
{
    char error[256];
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(store_sqlite_open(directory, 'A', &store, error, sizeof error) == STORE_OK);
    work_through_trouble(limit_files, unlimit_files);
    /* Nor does it need any room to begin with. */
    for (size_t i = 0; i < 2; i++) {
        static const char *const names[] = {"results-A.db", "rooms-A.db"};
        unlink(path_of(names[i]));
    }
    set_file_limit(0);
    REQUIRE(store_sqlite_open(directory, 'A', &store, error, sizeof error) == STORE_OK);
    REQUIRE(is_trouble(try_insert(1)));
    unlimit_files();
    REQUIRE(try_insert(1) == STORE_OK);
    close_store();
}

static void test_a_file_limit_is_survived(void **state)
{
    (void)state;
    in_child(meet_a_file_limit);
}

/* In a mount namespace of the child's own; needs root. */
static void mount_small(void)
{
    char error[256];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("small", directory, "tmpfs", 0, "size=512k") != 0)
        _exit(77);
    REQUIRE(store_sqlite_open(directory, 'A', &store, error, sizeof error) == STORE_OK);
}

static void fill_disk(void)
{
    char block[1024];
    const int fd = open(path_of("filler"), O_WRONLY | O_CREAT, 0600);
    memset(block, 'x', sizeof block);
    REQUIRE(fd >= 0);
    while (write(fd, block, sizeof block) > 0)
        ;
    REQUIRE(errno == ENOSPC);
    close(fd);
}

static void free_disk(void)
{
    REQUIRE(unlink(path_of("filler")) == 0);
}

static void meet_a_full_disk(void)
{
    char error[256];
    mount_small();
    work_through_trouble(fill_disk, free_disk);
    /* Full before there is anything. */
    remove_all();
    fill_disk();
    REQUIRE(store_sqlite_open(directory, 'A', &store, error, sizeof error) == STORE_OK);
    REQUIRE(try_insert(1) == STORE_FULL);
    free_disk();
    REQUIRE(try_insert(1) == STORE_OK);
    close_store();
}

/* One room, saved again and again, is more log than there is disk, but the log can be begun again. */
static void meet_a_small_disk(void)
{
    struct room_checkpoint room = sample_room(1);
    int in_row = 0, refused = 0;
    mount_small();
    for (unsigned int i = 1; i <= 3000; i++) {
        room.pong.step = i;
        const int outcome = save_rooms(&room, 1);
        REQUIRE(outcome == STORE_OK || outcome == STORE_FULL);
        in_row = outcome == STORE_OK ? 0 : in_row + 1;
        refused += outcome != STORE_OK;
        REQUIRE(in_row < 2);
    }
    REQUIRE(refused > 0);
    close_store();
}

static void test_a_small_disk_is_enough_for_few_rooms(void **state)
{
    (void)state;
    in_child(meet_a_small_disk);
}

static void test_a_full_disk_is_survived(void **state)
{
    (void)state;
    in_child(meet_a_full_disk);
}

static void make_read_only(void)
{
    REQUIRE(mount(NULL, directory, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0 || errno == EBUSY);
}

static void make_writable(void)
{
    REQUIRE(mount(NULL, directory, NULL, MS_REMOUNT, "size=512k") == 0);
}

/* A mount with files open for writing cannot be made read-only, so this is before they are opened. */
static void meet_a_read_only_mount(void)
{
    char error[256];
    mount_small();
    REQUIRE(try_insert(1) == STORE_OK);
    close_store();
    make_read_only();
    REQUIRE(store_sqlite_open(directory, 'A', &store, error, sizeof error) == STORE_OK);
    REQUIRE(try_insert(2) == STORE_BROKEN);
    struct room_checkpoint room = sample_room(1);
    REQUIRE(save_rooms(&room, 1) == STORE_BROKEN);
    make_writable();
    REQUIRE(try_insert(2) == STORE_OK);
    REQUIRE(save_rooms(&room, 1) == STORE_OK);
    REQUIRE(counts_of().pending == 2);
    close_store();
}

static void test_a_read_only_mount_is_survived(void **state)
{
    (void)state;
    in_child(meet_a_read_only_mount);
}

static void test_a_missing_directory_is_survived(void **state)
{
    char moved[64];
    (void)state;
    snprintf(moved, sizeof moved, "%s.moved", directory);
    assert_int_equal(rename(directory, moved), 0);
    open_store();
    assert_int_equal(try_insert(1), STORE_BROKEN);
    assert_int_equal(save(1), STORE_BROKEN);
    assert_int_equal(store_rooms_save(store, NULL, 0), STORE_BROKEN);
    assert_int_equal(load(), STORE_OK); /* there is nothing that could not be read */
    assert_int_equal(find(1), STORE_BROKEN);
    assert_int_equal(counts_of().pending, 0);
    assert_int_equal(rename(moved, directory), 0);
    assert_int_equal(insert(1), STORE_OK);
    assert_int_equal(save(1), STORE_OK);
    assert_int_equal(load(), STORE_OK);
    assert_int_equal(loaded.count, 1);
}

static void test_a_directory_in_the_file_s_place_is_survived(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("results-A.db"), 0700), 0);
    open_store();
    assert_int_equal(try_insert(1), STORE_BROKEN);
    assert_int_equal(save(1), STORE_OK);
    assert_int_equal(rmdir(path_of("results-A.db")), 0);
    assert_int_equal(insert(1), STORE_OK);
}

static void test_a_path_too_long_is_refused(void **state)
{
    char dir[2000], error[256] = "";
    struct store *none = NULL;
    (void)state;
    memset(dir, 'd', sizeof dir - 1);
    dir[sizeof dir - 1] = '\0';
    assert_int_equal(store_sqlite_open(dir, 'A', &none, error, sizeof error), STORE_FULL);
    assert_null(none);
    assert_non_null(strstr(error, "too long"));
}

/* Says on the pipe when it has the file for itself, and lets go when it is told to. */
static void hold_the_file(int told_fd, int end_fd)
{
    sqlite3 *connection;
    char byte = 0;
    REQUIRE(sqlite3_open(path_of("results-A.db"), &connection) == SQLITE_OK);
    REQUIRE(sqlite3_exec(connection, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL,
                         NULL) == SQLITE_OK);
    REQUIRE(write(told_fd, &byte, 1) == 1);
    REQUIRE(read(end_fd, &byte, 1) == 0);
    _exit(0);
}

static void test_a_file_that_another_process_has_is_waited_for(void **state)
{
    int told[2], end[2];
    char byte;
    (void)state;
    open_store();
    insert(1);
    close_store();
    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(end), 0);
    const pid_t child = fork();
    if (child == 0) {
        close(end[1]);
        hold_the_file(told[1], end[0]);
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    open_store();
    assert_int_equal(try_insert(2), STORE_BROKEN);
    assert_int_equal(find(1), STORE_BROKEN);
    assert_int_equal(save(1), STORE_OK);
    close(end[1]);
    waitpid(child, NULL, 0);
    assert_int_equal(find(1), STORE_OK);
    assert_int_equal(insert(2), STORE_OK);
    assert_int_equal(health_of().files_set_aside, 0);
    close(told[0]), close(told[1]), close(end[0]);
}

/* This program again, as a stranger: what it has of SQLite's a forked child would take for its own. */
static void look_from_outside(void)
{
    execl("/proc/self/exe", "stranger", path_of("results-A.db"), "SELECT * FROM results", NULL);
    _exit(1);
}

static void look_at_rooms_from_outside(void)
{
    execl("/proc/self/exe", "stranger", path_of("rooms-A.db"), "SELECT * FROM rooms", NULL);
    _exit(1);
}

static int be_a_stranger(char **argv)
{
    sqlite3 *connection;
    REQUIRE(sqlite3_open(argv[1], &connection) == SQLITE_OK);
    REQUIRE(sqlite3_exec(connection, argv[2], NULL, NULL, NULL) == SQLITE_BUSY);
    sqlite3_close(connection);
    return 0;
}

/* Nobody outside can hold a lock or a view of it, which would keep the log from being cut; and there
 * is no file that is mapped into memory, where a failing disk would end the process. */
static void test_an_open_file_is_nobody_else_s(void **state)
{
    size_t purged;
    (void)state;
    open_store();
    insert(1);
    save(1);
    in_child(look_from_outside);
    in_child(look_at_rooms_from_outside);
    assert_int_equal(insert(2), STORE_OK);
    assert_int_equal(store_outbox_purge(store, 1, &purged), STORE_OK);
    assert_int_equal(count_files("-shm"), 0);
}

/* The logs are folded into their files and begun again, however long this goes on. */
static void test_the_logs_are_bounded(void **state)
{
    enum {
        ROOMS = 400,
        MIB = 1 << 20
    };
    struct room_checkpoint *rooms = calloc(ROOMS, sizeof *rooms);
    const struct room_checkpoint *list[ROOMS];
    (void)state;
    open_store();
    for (unsigned int i = 0; i < ROOMS; i++) {
        rooms[i] = sample_room(i);
        list[i] = &rooms[i];
    }
    for (unsigned int turn = 0; turn < 300; turn++) {
        for (unsigned int i = 0; i < ROOMS; i++)
            rooms[i].pong.step++; /* what has not changed is not written */
        assert_int_equal(store_rooms_save(store, list, ROOMS), STORE_OK);
    }
    free(rooms);
    fill(20000);
    assert_true(size_of("rooms-A.db-wal") < 20 * MIB);
    assert_true(size_of("results-A.db-wal") < 8 * MIB);
}

/* ---- purging ----------------------------------------------------------------------------- */

static size_t purge(int64_t before_ms)
{
    size_t purged;
    assert_int_equal(store_outbox_purge(store, before_ms, &purged), STORE_OK);
    return purged;
}

static void test_the_purge_forgets_what_is_old_and_done(void **state)
{
    (void)state;
    open_store();
    for (unsigned int i = 1; i <= 6; i++)
        insert(i);
    settle(1, OUTBOX_DELIVERED, 1000);
    settle(2, OUTBOX_DELIVERED, 2000);
    settle(3, OUTBOX_NOT_POSTED, 1000);
    settle(4, OUTBOX_FAILED, 1000);
    settle(5, OUTBOX_DELIVERED, 1000);
    save(5); /* the checkpoint of match 5 */
    assert_int_equal(purge(2000), 2);
    assert_int_equal(find(1), STORE_UNKNOWN);
    assert_int_equal(find(2), STORE_OK); /* not old */
    assert_int_equal(find(3), STORE_UNKNOWN);
    assert_int_equal(find(4), STORE_OK); /* the operator's */
    assert_int_equal(find(5), STORE_OK); /* it has to beat its checkpoint */
    assert_int_equal(find(6), STORE_OK); /* pending */
    assert_int_equal(counts_of().pending, 1);
    assert_int_equal(counts_of().failed, 1);
    const struct room_checkpoint gone = sample_room_gone(5);
    save_rooms(&gone, 1);
    assert_int_equal(purge(2000), 1);
    assert_int_equal(find(5), STORE_UNKNOWN);
    assert_int_equal(purge(2000), 0);
}

static void test_the_purge_goes_in_portions(void **state)
{
    (void)state;
    open_store();
    fill(OUTBOX_PURGE_MAX + 10);
    struct outbox_entry entries[64];
    size_t found;
    while (counts_of().pending > 0) {
        assert_int_equal(store_outbox_next(store, NULL, 64, entries, &found), STORE_OK);
        for (size_t i = 0; i < found; i++) {
            entries[i].state = OUTBOX_DELIVERED;
            entries[i].settled_ms = 1;
        }
        assert_int_equal(store_outbox_update(store, entries, found), STORE_OK);
    }
    assert_int_equal(purge(2), OUTBOX_PURGE_MAX);
    assert_int_equal(purge(2), 10);
}

static void test_without_checkpoints_to_ask_nothing_is_purged(void **state)
{
    size_t purged = 1;
    (void)state;
    open_store();
    insert(1);
    settle(1, OUTBOX_DELIVERED, 1000);
    close_store();
    remove_all();
    assert_int_equal(mkdir(path_of("rooms-A.db"), 0700), 0);
    open_store();
    insert(1);
    settle(1, OUTBOX_DELIVERED, 1000);
    assert_int_equal(store_outbox_purge(store, 2000, &purged), STORE_BROKEN);
    assert_int_equal(purged, 0);
    assert_int_equal(find(1), STORE_OK);
    assert_int_equal(insert(2), STORE_OK); /* that alone is no trouble */
    assert_int_equal(rmdir(path_of("rooms-A.db")), 0);
}

/* ---- versions ---------------------------------------------------------------------------- */

static void test_a_later_version_s_file_is_not_touched(void **state)
{
    char error[256] = "";
    struct store *none = NULL;
    (void)state;
    open_store();
    insert(1);
    close_store();
    sqlite3 *other = connect_to("results-A.db");
    execute(other, "PRAGMA user_version = 99; ALTER TABLE results RENAME TO outcomes");
    sqlite3_close(other);
    assert_int_equal(store_sqlite_open(directory, 'A', &none, error, sizeof error), STORE_TOO_NEW);
    assert_null(none);
    assert_non_null(strstr(error, "results-A.db"));
    other = connect_to("results-A.db");
    assert_int_equal(query(other, "PRAGMA user_version"), 99);
    assert_int_equal(query(other, "SELECT count(*) FROM outcomes"), 1);
    sqlite3_close(other);
    assert_int_equal(count_files("corrupt"), 0);
}

static const char *const no_statements[] = {NULL};
static const char *const steps[] = {"CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)",
                                    "ALTER TABLE t ADD COLUMN b INTEGER DEFAULT 5",
                                    "UPDATE t SET b = a * 10; DELETE FROM t WHERE a = 1", NULL};

/* A file as the first `count` steps make it. */
static void migrate(const char *const *list, int expected)
{
    const struct sqlite_file_kind kind = {"thing",       "",  "PRAGMA synchronous = FULL", list,
                                          no_statements, NULL};
    struct sqlite_file file;
    assert_int_equal(sqlite_file_init(&file, &kind, directory, 'A'), STORE_OK);
    assert_int_equal(sqlite_file_ready(&file), expected);
    sqlite_file_close(&file);
}

static void test_schemas_are_migrated_step_by_step(void **state)
{
    const char *const first[] = {steps[0], NULL};
    const char *const failing[] = {steps[0], steps[1], "DELETE FROM t; SELECT nonsense", NULL};
    (void)state;
    migrate(first, STORE_OK);
    sqlite3 *other = connect_to("thing-A.db");
    assert_int_equal(query(other, "PRAGMA user_version"), 1);
    /* A step that fails takes back what it did; those before it stay. */
    migrate(failing, STORE_BROKEN);
    assert_int_equal(query(other, "PRAGMA user_version"), 2);
    assert_int_equal(query(other, "SELECT sum(b) FROM t"), 10);
    migrate(steps, STORE_OK);
    assert_int_equal(query(other, "PRAGMA user_version"), 3);
    assert_int_equal(query(other, "SELECT b FROM t"), 20);
    migrate(steps, STORE_OK); /* nothing is done twice */
    assert_int_equal(query(other, "SELECT count(*) FROM t"), 1);
    sqlite3_close(other);
    migrate(first, STORE_TOO_NEW);
    remove_all();
    migrate(steps, STORE_OK); /* a fresh one goes all the way */
    other = connect_to("thing-A.db");
    assert_int_equal(query(other, "SELECT b FROM t"), 20);
    sqlite3_close(other);
}

/* The real schemas under a program that knows one step more. */
static void test_what_is_kept_comes_through_a_migration(void **state)
{
    extern const struct sqlite_file_kind store_sqlite_results;
    struct sqlite_file_kind later = store_sqlite_results;
    struct sqlite_file file;
    char error[256];
    int count = 0;
    (void)state;
    open_store();
    fill(100);
    settle(5, OUTBOX_FAILED, 70);
    close_store();
    while (store_sqlite_results.steps[count])
        count++;
    const char **longer = calloc((size_t)count + 2, sizeof *longer);
    memcpy(longer, store_sqlite_results.steps, (size_t)count * sizeof *longer);
    longer[count] = "ALTER TABLE results ADD COLUMN season INTEGER NOT NULL DEFAULT 3";
    later.steps = longer;
    assert_int_equal(sqlite_file_init(&file, &later, directory, 'A'), STORE_OK);
    assert_int_equal(sqlite_file_ready(&file), STORE_OK);
    sqlite_file_close(&file);
    free(longer);
    sqlite3 *other = connect_to("results-A.db");
    assert_int_equal(query(other, "PRAGMA user_version"), count + 1);
    assert_int_equal(query(other, "SELECT count(*) FROM results WHERE season = 3"), 100);
    assert_int_equal(query(other, "SELECT settled_ms FROM results WHERE state = 2"), 70);
    sqlite3_close(other);
    assert_int_equal(store_sqlite_open(directory, 'A', &store, error, sizeof error), STORE_TOO_NEW);
}

/* A disk that damages whatever it is given is not filled with what was set aside. */
static void test_files_set_aside_are_bounded(void **state)
{
    const struct sqlite_file_kind kind = {"thing", "", "", steps, no_statements, "t"};
    struct sqlite_file file;
    (void)state;
    assert_int_equal(sqlite_file_init(&file, &kind, directory, 'A'), STORE_OK);
    assert_int_equal(sqlite_file_ready(&file), STORE_OK);
    for (int i = 0; i < 20; i++) {
        sqlite_file_close(&file);
        overwrite("thing-A.db", 0, 100);
        assert_int_equal(sqlite_file_ready(&file), i < 8 ? STORE_OK : STORE_BROKEN);
    }
    assert_int_equal(count_files("thing-A.db.corrupt-"), 8);
    sqlite_file_close(&file);
}

/* What is promised about power cuts: the log of results is synchronous. */
static void test_commits_of_results_are_synchronous(void **state)
{
    static const char *const statements[] = {"PRAGMA synchronous", "PRAGMA journal_mode", NULL};
    extern const struct sqlite_file_kind store_sqlite_results, store_sqlite_rooms;
    const struct sqlite_file_kind *const kinds[] = {&store_sqlite_results, &store_sqlite_rooms};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sqlite_file_kind kind = *kinds[i];
        struct sqlite_file file;
        bool has_row;
        kind.statements = statements;
        assert_int_equal(sqlite_file_init(&file, &kind, directory, 'A'), STORE_OK);
        assert_int_equal(sqlite_file_ready(&file), STORE_OK);
        assert_int_equal(sqlite_file_step(&file, sqlite_file_statement(&file, 0), &has_row),
                         STORE_OK);
        assert_int_equal(sqlite3_column_int(file.statements[0], 0), i == 0 ? 2 : 1);
        assert_int_equal(sqlite_file_step(&file, sqlite_file_statement(&file, 1), &has_row),
                         STORE_OK);
        assert_string_equal((const char *)sqlite3_column_text(file.statements[1], 0), "wal");
        sqlite_file_close(&file);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return be_a_stranger(argv);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_results_last),
        TEST(test_rooms_last),
        TEST(test_a_loaded_room_is_the_saved_one),
        TEST(test_files_are_not_for_everybody),
        TEST(test_two_slots_have_two_stores),
        TEST(test_a_commit_survives_a_kill_and_is_whole),
        TEST(test_what_was_not_committed_is_not_there),
        TEST(test_a_corrupt_file_is_set_aside),
        TEST(test_a_file_cut_short_is_set_aside),
        TEST(test_what_is_whole_in_a_corrupt_file_is_taken_over),
        TEST(test_rooms_of_a_corrupt_file_are_taken_over),
        TEST(test_what_fits_nowhere_is_not_taken_over),
        TEST(test_what_is_in_the_log_of_a_corrupt_file_is_taken_over),
        TEST(test_a_file_taken_away_is_begun_anew),
        TEST(test_a_log_taken_away_costs_nothing),
        TEST(test_a_take_over_that_was_cut_off_is_finished),
        TEST(test_the_newest_of_several_files_is_taken_over_first),
        TEST(test_a_file_is_not_used_before_it_is_known_what_was_taken_over),
        TEST(test_files_set_aside_are_bounded),
        TEST(test_a_damaged_log_gives_what_is_whole),
        TEST(test_a_log_that_is_none_is_told),
        TEST(test_a_file_that_becomes_corrupt_is_replaced),
        TEST(test_unreadable_rooms_are_kept_aside),
        TEST(test_impossible_rooms_do_not_fill_the_log),
        TEST(test_an_impossible_room_is_not_saved),
        TEST(test_a_file_limit_is_survived),
        TEST(test_a_full_disk_is_survived),
        TEST(test_a_small_disk_is_enough_for_few_rooms),
        TEST(test_a_read_only_mount_is_survived),
        TEST(test_a_missing_directory_is_survived),
        TEST(test_a_directory_in_the_file_s_place_is_survived),
        TEST(test_a_path_too_long_is_refused),
        TEST(test_a_file_that_another_process_has_is_waited_for),
        TEST(test_an_open_file_is_nobody_else_s),
        TEST(test_the_logs_are_bounded),
        TEST(test_the_purge_forgets_what_is_old_and_done),
        TEST(test_the_purge_goes_in_portions),
        TEST(test_without_checkpoints_to_ask_nothing_is_purged),
        TEST(test_a_later_version_s_file_is_not_touched),
        TEST(test_schemas_are_migrated_step_by_step),
        TEST(test_what_is_kept_comes_through_a_migration),
        TEST(test_commits_of_results_are_synchronous),
    };
    log_init("test_store_sqlite", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
