/*
 * store_sqlite_aside: see store_sqlite_aside.h.
 *
 * Rows are read in the order of their serials from the first on up to the damage, and then from the
 * last one back down to it: what is missing is what lies between. A row that the present schema does
 * not allow is left out.
 */
#include "gamed/store_sqlite_aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

/* ---- names --------------------------------------------------------------------------- */

/*
 * PATH.damaged-TIME has rows that are due to be taken over, PATH.corrupt-TIME has been dealt with. A
 * process may end between any two steps, so what is due is read from the directory alone: the file is
 * moved first each time, and its log follows; a file decides what becomes of the log.
 */
#define DUE  "damaged"
#define DONE "corrupt"

struct aside_name {
    char path[SQLITE_FILE_PATH_SIZE + 40];
};

static struct aside_name name_of(const struct sqlite_file *file, const char *word, int64_t when,
                                 const char *suffix)
{
    struct aside_name name;
    snprintf(name.path, sizeof name.path, "%s.%s-%" PRId64 "%s", file->path, word, when, suffix);
    return name;
}

static struct aside_name log_of(const struct sqlite_file *file)
{
    struct aside_name name;
    snprintf(name.path, sizeof name.path, "%s-wal", file->path);
    return name;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool is_taken(const struct sqlite_file *file, int64_t when)
{
    return exists(name_of(file, DUE, when, "").path) ||
           exists(name_of(file, DUE, when, "-wal").path) ||
           exists(name_of(file, DONE, when, "").path) ||
           exists(name_of(file, DONE, when, "-wal").path);
}

/* A time of which there is no file or log yet. */
static int64_t choose_time(const struct sqlite_file *file)
{
    int64_t when = (int64_t)time(NULL);
    while (is_taken(file, when))
        when++;
    return when;
}

static bool move(struct aside_name from, struct aside_name to)
{
    return rename(from.path, to.path) == 0 || errno == ENOENT;
}

/* What is found of files whose rows are due. */
struct due {
    unsigned count;
    int64_t newest;
};

/* The TIME of a name that begins like PATH.damaged-, and what follows it; NULL: it is none. */
static const char *parse_due(const char *name, const char *base, int64_t *when)
{
    const size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 ||
        strncmp(name + length, "." DUE "-", sizeof DUE + 1) != 0)
        return NULL;
    const char *digits = name + length + sizeof DUE + 1;
    char *end;
    errno = 0;
    *when = strtoll(digits, &end, 10);
    return *digits >= '0' && *digits <= '9' && errno == 0 ? end : NULL;
}

/* Looks through the directory; one that is not there has nothing. False: it cannot be read. */
static bool find_due(const struct sqlite_file *file, struct due *due)
{
    const char *base = strrchr(file->path, '/') + 1;
    struct aside_name folder;
    const struct dirent *entry;
    *due = (struct due){0};
    snprintf(folder.path, sizeof folder.path, "%.*s", (int)(base - file->path), file->path);
    DIR *directory = opendir(folder.path);
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR;
    errno = 0;
    while ((entry = readdir(directory))) {
        int64_t when;
        const char *rest = parse_due(entry->d_name, base, &when);
        if (rest && *rest == '\0') {
            due->newest = due->count == 0 || when > due->newest ? when : due->newest;
            due->count++;
        } else if (rest && strcmp(rest, "-wal") == 0 &&
                   !exists(name_of(file, DUE, when, "").path)) {
            /* Its file was dealt with, and the process ended before the log followed. */
            move(name_of(file, DUE, when, "-wal"), name_of(file, DONE, when, "-wal"));
        }
        errno = 0;
    }
    const bool is_read = errno == 0;
    closedir(directory);
    return is_read;
}

unsigned sqlite_file_count_due(const struct sqlite_file *file)
{
    struct due due;
    find_due(file, &due);
    return due.count;
}

/* ---- moving -------------------------------------------------------------------------- */

static bool refuse(struct sqlite_file *file, const char *what, const char *why)
{
    if (!file->is_aside_refused)
        log_error("%s%s is corrupt and stays where it is: %s", file->path, what, why);
    file->is_aside_refused = true;
    return false;
}

bool sqlite_file_set_aside(struct sqlite_file *file)
{
    if (atomic_load(&file->files_set_aside) >= SQLITE_FILE_ASIDE_MAX)
        return refuse(file, "", "too many have been moved aside since the start");
    const int64_t when = choose_time(file);
    const struct aside_name aside = name_of(file, DUE, when, "");
    if (rename(file->path, aside.path) != 0)
        return refuse(file, "", strerror(errno));
    file->check_due = SQLITE_FILE_UNSEEN;
    atomic_fetch_add(&file->files_set_aside, 1);
    log_error("%s is corrupt: moved to %s, and a fresh one begun", file->path, aside.path);
    if (!sqlite_file_finish_aside(file))
        return false;
    file->is_aside_refused = false;
    return true;
}

bool sqlite_file_finish_aside(struct sqlite_file *file)
{
    struct due due;
    if (exists(file->path) || !exists(log_of(file).path))
        return true;
    if (!find_due(file, &due))
        return refuse(file, "-wal", strerror(errno));
    const struct aside_name to = name_of(file, DUE, due.newest, "-wal");
    if (due.count == 0 || exists(to.path))
        return true;
    if (!move(log_of(file), to))
        return refuse(file, "-wal", strerror(errno));
    file->is_aside_refused = false;
    return true;
}

void sqlite_file_set_log_aside(struct sqlite_file *file)
{
    const struct aside_name from = log_of(file);
    const struct aside_name to = name_of(file, DONE, choose_time(file), "-wal");
    if (move(from, to)) {
        log_error("%s is moved to %s", from.path, to.path);
        file->is_aside_refused = false;
        atomic_fetch_add(&file->files_set_aside, 1);
    } else if (!file->is_aside_refused) {
        log_error("%s cannot be moved to %s: %s", from.path, to.path, strerror(errno));
        file->is_aside_refused = true;
    }
    file->check_due = SQLITE_FILE_UNSEEN;
}

/*
 * SQLite takes a log that does not begin like one for none at all, and says nothing. One that begins
 * with zeros is none: a power cut leaves that of a log that was begun and never synced.
 */
bool sqlite_file_has_garbage_log(const struct sqlite_file *file)
{
    static const unsigned char magic[] = {0x37, 0x7f, 0x06}; /* and 0x82 or 0x83 */
    static const unsigned char zeros[32];
    unsigned char header[sizeof zeros];
    const int fd = open(log_of(file).path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t size = read(fd, header, sizeof header);
    close(fd);
    return size == (ssize_t)sizeof header && memcmp(header, magic, sizeof magic) != 0 &&
           memcmp(header, zeros, sizeof header) != 0;
}

bool sqlite_file_has_log(const struct sqlite_file *file)
{
    return exists(log_of(file).path);
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
static void remove_empty_log(struct aside_name log)
{
    struct stat info;
    if (stat(log.path, &info) == 0 && info.st_size == 0)
        unlink(log.path);
}

/* Rows that are here already, as when the process ended before the file got its other name, stay. */
static int take_over(struct sqlite_file *file, int64_t when)
{
    const struct aside_name due = name_of(file, DUE, when, ""),
                            done = name_of(file, DONE, when, "");
    sqlite3 *old = NULL;
    int64_t copied = 0;
    bool is_whole = false;
    int code = sqlite3_exec(file->connection, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return code;
    if (file->kind->rows && sqlite_file_connect_reader(due.path, &old) == SQLITE_OK &&
        is_of_this_version(file, old))
        code = copy_rows(file, old, &copied, &is_whole);
    sqlite3_close_v2(old);
    remove_empty_log(name_of(file, DUE, when, "-wal"));
    if (code == SQLITE_OK)
        code = sqlite3_exec(file->connection, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return code; /* the caller closes, which takes it back */
    /* Under its old name it would be taken over again, when rows that were since deleted come back. */
    if (rename(due.path, done.path) != 0) {
        log_error("%s cannot be renamed to %s: %s", due.path, done.path, strerror(errno));
        return SQLITE_IOERR;
    }
    move(name_of(file, DUE, when, "-wal"), name_of(file, DONE, when, "-wal"));
    log_error("%s: %" PRId64 " rows taken over from what is now %s%s", file->path, copied,
              done.path, is_whole ? "" : "; there were others, which cannot be read");
    return SQLITE_OK;
}

/* The newest first: where two have the same row, its is the later state. */
int sqlite_file_take_over(struct sqlite_file *file)
{
    struct due due;
    for (;;) {
        if (!find_due(file, &due))
            return SQLITE_CANTOPEN;
        if (due.count == 0)
            return SQLITE_OK;
        const int code = take_over(file, due.newest);
        if (code != SQLITE_OK)
            return code;
    }
}
