/*
 * store_sqlite_aside: see store_sqlite_aside.h.
 *
 * Rows are read in the order of their serials from the first on up to the damage, and then from the
 * last one back down to it: what is missing is what lies between. A row that the present schema does
 * not allow is left out.
 */
#include "gamed/store_sqlite_aside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

/* ---- moving -------------------------------------------------------------------------- */

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool refuse(struct sqlite_file *file, const char *why)
{
    if (!file->is_aside_refused)
        log_error("%s is corrupt and stays where it is: %s", file->path, why);
    file->is_aside_refused = true;
    return false;
}

static bool move(const char *from, const char *to)
{
    return rename(from, to) == 0 || errno == ENOENT;
}

/* A name that nothing has yet, for the file and its log. */
static void choose_name(struct sqlite_file *file)
{
    char log[sizeof file->aside + 8];
    int64_t when = (int64_t)time(NULL);
    do {
        snprintf(file->aside, sizeof file->aside, "%s.corrupt-%" PRId64, file->path, when++);
        snprintf(log, sizeof log, "%s-wal", file->aside);
    } while (exists(file->aside) || exists(log));
}

static bool move_log(struct sqlite_file *file)
{
    char from[sizeof file->path + 8], to[sizeof file->aside + 8];
    snprintf(from, sizeof from, "%s-wal", file->path);
    snprintf(to, sizeof to, "%s-wal", file->aside);
    return move(from, to);
}

bool sqlite_file_set_aside(struct sqlite_file *file)
{
    if (atomic_load(&file->files_set_aside) >= SQLITE_FILE_ASIDE_MAX)
        return refuse(file, "too many have been moved aside since the start");
    choose_name(file);
    /* The log first: what is left when this is interrupted is a file that is judged again. */
    if (!move_log(file) || !move(file->path, file->aside)) {
        file->aside[0] = '\0';
        return refuse(file, strerror(errno));
    }
    file->is_aside_refused = false;
    file->check_due = SQLITE_FILE_UNSEEN;
    atomic_fetch_add(&file->files_set_aside, 1);
    log_error("%s is corrupt: moved to %s, and a fresh one begun", file->path, file->aside);
    return true;
}

void sqlite_file_set_log_aside(struct sqlite_file *file)
{
    choose_name(file);
    if (move_log(file)) {
        log_error("%s-wal is moved to %s-wal", file->path, file->aside);
        file->is_aside_refused = false;
        atomic_fetch_add(&file->files_set_aside, 1);
    } else if (!file->is_aside_refused) {
        log_error("%s-wal cannot be moved to %s-wal: %s", file->path, file->aside, strerror(errno));
        file->is_aside_refused = true;
    }
    file->aside[0] = '\0';
    file->check_due = SQLITE_FILE_UNSEEN;
}

/* SQLite takes a log that does not begin like one for none at all, and says nothing. */
bool sqlite_file_has_garbage_log(const struct sqlite_file *file)
{
    static const unsigned char magic[] = {0x37, 0x7f, 0x06}; /* and 0x82 or 0x83 */
    unsigned char header[32];
    char path[sizeof file->path + 8];
    snprintf(path, sizeof path, "%s-wal", file->path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t size = read(fd, header, sizeof header);
    close(fd);
    return size == (ssize_t)sizeof header && memcmp(header, magic, sizeof magic) != 0;
}

bool sqlite_file_has_log(const struct sqlite_file *file)
{
    char path[sizeof file->path + 8];
    snprintf(path, sizeof path, "%s-wal", file->path);
    return exists(path);
}

/* ---- taking over ----------------------------------------------------------------------- */

/* One way through the table. */
struct reading {
    sqlite3_stmt *from, *to;
    int64_t last; /* the serial that was read last */
    int64_t copied;
    bool is_descending;
};

/* SQLITE_OK, though the row may not have been allowed, or why this file could not be written. */
static int copy_row(struct reading *reading)
{
    const int columns = sqlite3_column_count(reading->from);
    sqlite3_reset(reading->to);
    for (int i = 0; i < columns; i++)
        sqlite3_bind_value(reading->to, i + 1, sqlite3_column_value(reading->from, i));
    const int code = sqlite3_step(reading->to);
    reading->copied += code == SQLITE_DONE;
    return code == SQLITE_DONE || (code & 0xff) == SQLITE_CONSTRAINT ? SQLITE_OK : code;
}

/* Up to the end, or to what cannot be read; pages that lead in a circle are the latter. */
static int read_rows(struct reading *reading, bool *is_whole)
{
    bool is_first = true;
    *is_whole = false;
    for (;;) {
        const int code = sqlite3_step(reading->from);
        *is_whole = code == SQLITE_DONE;
        if (code != SQLITE_ROW)
            return SQLITE_OK;
        const int64_t serial = sqlite3_column_int64(reading->from, 0);
        const bool is_onward =
            reading->is_descending ? serial < reading->last : serial > reading->last;
        if (!is_first && !is_onward)
            return SQLITE_OK;
        is_first = false;
        reading->last = serial;
        const int copied = copy_row(reading);
        if (copied != SQLITE_OK)
            return copied;
    }
}

/* Prepares a statement out of text that is freed; NULL: memory is short. */
static int prepare_and_free(sqlite3 *connection, char *sql, sqlite3_stmt **statement)
{
    const int code = sql ? sqlite3_prepare_v2(connection, sql, -1, statement, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return code;
}

/* The old file says how many columns there are: a damaged one may say anything. */
static int prepare_reading(struct sqlite_file *file, sqlite3 *old, struct reading *reading,
                           int64_t above)
{
    int code = prepare_and_free(
        old,
        sqlite3_mprintf("SELECT * FROM %s WHERE serial > %lld ORDER BY serial%s", file->kind->rows,
                        (long long)above, reading->is_descending ? " DESC" : ""),
        &reading->from);
    if (code != SQLITE_OK)
        return code;
    sqlite3_str *insert = sqlite3_str_new(file->connection);
    sqlite3_str_appendf(insert, "INSERT INTO %s VALUES (?", file->kind->rows);
    for (int i = 1; i < sqlite3_column_count(reading->from); i++)
        sqlite3_str_appendall(insert, ", ?");
    sqlite3_str_appendall(insert, ")");
    return prepare_and_free(file->connection, sqlite3_str_finish(insert), &reading->to);
}

/* One way; a file that has no such table has no rows. */
static int read_one_way(struct sqlite_file *file, sqlite3 *old, struct reading *reading,
                        int64_t above, bool *is_whole)
{
    int code = SQLITE_OK;
    *is_whole = false;
    reading->from = reading->to = NULL;
    if (prepare_reading(file, old, reading, above) == SQLITE_OK)
        code = read_rows(reading, is_whole);
    sqlite3_finalize(reading->from);
    sqlite3_finalize(reading->to);
    return code;
}

/* Of another version, its columns would not be these. */
static bool is_of_this_version(const struct sqlite_file *file, sqlite3 *old)
{
    sqlite3_stmt *statement = NULL;
    int version = -1, present = 0;
    while (file->kind->steps[present])
        present++;
    if (sqlite3_prepare_v2(old, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return version == present;
}

static int copy_rows(struct sqlite_file *file, sqlite3 *old, int64_t *copied, bool *is_whole)
{
    struct reading reading = {.last = INT64_MIN};
    int code = read_one_way(file, old, &reading, INT64_MIN, is_whole);
    if (code == SQLITE_OK && !*is_whole) {
        bool met_the_others;
        reading.is_descending = true;
        code = read_one_way(file, old, &reading, reading.last, &met_the_others);
    }
    *copied = reading.copied;
    return code;
}

/* Reading has made one where there was none. */
static void remove_empty_log(const struct sqlite_file *file)
{
    char path[sizeof file->aside + 8];
    struct stat info;
    snprintf(path, sizeof path, "%s-wal", file->aside);
    if (stat(path, &info) == 0 && info.st_size == 0)
        unlink(path);
}

int sqlite_file_take_over(struct sqlite_file *file)
{
    sqlite3 *old = NULL;
    int64_t copied = 0;
    bool is_whole = false;
    if (!file->aside[0])
        return SQLITE_OK;
    int code = sqlite3_exec(file->connection, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return code;
    if (file->kind->rows && sqlite_file_connect_reader(file->aside, &old) == SQLITE_OK &&
        is_of_this_version(file, old))
        code = copy_rows(file, old, &copied, &is_whole);
    sqlite3_close_v2(old);
    remove_empty_log(file);
    if (code == SQLITE_OK)
        code = sqlite3_exec(file->connection, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return code; /* the caller closes, which takes it back */
    log_error("%s: %" PRId64 " rows taken over from %s%s", file->path, copied, file->aside,
              is_whole ? "" : "; there were others, which cannot be read");
    file->aside[0] = '\0';
    return SQLITE_OK;
}
