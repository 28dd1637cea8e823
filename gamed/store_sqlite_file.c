/*
 * store_sqlite_file: see store_sqlite_file.h.
 *
 * What SQLite reports is one of three things: no room (tried again as it is), busy (another process
 * has the file: the same), or anything else: then the connection is closed, and the next call begins
 * with a new one, so that whatever has been mended meanwhile is found mended.
 */
#include "gamed/store_sqlite_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "gamed/store.h"
#include "gamed/store_sqlite_aside.h"

#define VFS "unix-excl"

enum {
    BUSY_MS = 500,    /* how long a call waits for another process */
    FILE_MODE = 0640, /* as the lock's: the operator's group may read; no secret is in it */
    CHUNK = 65536,    /* bytes by which the file grows, before it has to */
};

static bool is_absent(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size == 0 : errno == ENOENT;
}

int sqlite_file_init(struct sqlite_file *file, const struct sqlite_file_kind *kind, const char *dir,
                     char slot)
{
    memset(file, 0, sizeof *file);
    file->kind = kind;
    file->check_due = SQLITE_FILE_UNSEEN;
    const int length =
        snprintf(file->path, sizeof file->path, "%s/%s-%c.db", dir, kind->name, slot);
    /* Room for the longest name that is made of it. */
    if (length < 0 || (size_t)length + sizeof ".corrupt--wal" + 20 > sizeof file->path)
        return STORE_FULL;
    const unsigned due = sqlite_file_count_due(file);
    atomic_init(&file->files_set_aside, due);
    file->was_absent = due == 0 && is_absent(file->path);
    return STORE_OK;
}

/* ---- failures ------------------------------------------------------------------------ */

/* The first of a row of failures tells the operator why. */
static void tell_trouble(struct sqlite_file *file, const char *why)
{
    if (!file->is_in_trouble)
        log_error("%s cannot be used: %s", file->path, why);
    file->is_in_trouble = true;
}

static void tell_no_trouble(struct sqlite_file *file)
{
    if (file->is_in_trouble)
        log_info("%s can be used again", file->path);
    file->is_in_trouble = false;
}

static bool is_corrupt(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

static int execute(struct sqlite_file *file, const char *sql)
{
    return sqlite3_exec(file->connection, sql, NULL, NULL, NULL);
}

/* Takes note of what SQLite has reported. Returns what it means for the caller. */
static int fail(struct sqlite_file *file, int code)
{
    char why[256];
    /* It knows more than the code says, unless the finding is ours; so may the system. */
    const bool is_its_own = sqlite3_errcode(file->connection) != SQLITE_OK;
    const bool is_of_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    const int error = is_of_system ? sqlite3_system_errno(file->connection) : 0;
    snprintf(why, sizeof why, "%s (SQLite %d%s%s)",
             is_its_own ? sqlite3_errmsg(file->connection) : sqlite3_errstr(code), code,
             error ? ": " : "", error ? strerror(error) : "");
    sqlite_file_rollback(file);
    tell_trouble(file, why);
    if (is_corrupt(code))
        file->check_due = SQLITE_FILE_SUSPECT;
    switch (code & 0xff) {
    case SQLITE_FULL:
        /* What is in the log may fit into the file, and give its place back. */
        execute(file, "PRAGMA wal_checkpoint(TRUNCATE)");
        return STORE_FULL;
    case SQLITE_NOMEM:
        return STORE_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STORE_BROKEN;
    default:
        /* What is in the log stays there: a corrupt file is kept as it was found. */
        if (is_corrupt(code))
            sqlite3_db_config(file->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite_file_close(file);
        return STORE_BROKEN;
    }
}

/* ---- opening ------------------------------------------------------------------------- */

/*
 * SQLite would make it readable by everybody. Only a file that is new is opened here: closing any
 * descriptor of a file drops the locks that another connection has on it.
 */
static int create(const struct sqlite_file *file)
{
    const int fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno == EEXIST ? 0 : -1;
}

/* The first column of the only row; *text is cut to its size. */
static int query(struct sqlite_file *file, const char *sql, int *number, char *text, size_t size)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(file->connection, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const char *column = (const char *)sqlite3_column_text(statement, 0);
        snprintf(text, size, "%s", column ? column : "");
        *number = sqlite3_column_int(statement, 0);
        code = SQLITE_OK;
    }
    const int finalized = sqlite3_finalize(statement);
    return code == SQLITE_OK || code == SQLITE_DONE ? finalized : code;
}

static int check(struct sqlite_file *file)
{
    char text[160];
    int number;
    if (file->check_due == SQLITE_FILE_TRUSTED)
        return SQLITE_OK;
    const int code = query(file,
                           file->check_due == SQLITE_FILE_SUSPECT ? "PRAGMA integrity_check(1)"
                                                                  : "PRAGMA quick_check(1)",
                           &number, text, sizeof text);
    if (code != SQLITE_OK)
        return code;
    if (strcmp(text, "ok") != 0) {
        tell_trouble(file, text);
        return SQLITE_CORRUPT;
    }
    file->check_due = SQLITE_FILE_TRUSTED;
    return SQLITE_OK;
}

static int count_steps(const struct sqlite_file *file)
{
    int count = 0;
    while (file->kind->steps[count])
        count++;
    return count;
}

/* Each step and the number of the schema that it makes are one transaction. */
static int migrate(struct sqlite_file *file, int *version)
{
    char text[32], set[64];
    int code = query(file, "PRAGMA user_version", version, text, sizeof text);
    for (; code == SQLITE_OK && *version >= 0 && *version < count_steps(file); ++*version) {
        snprintf(set, sizeof set, "PRAGMA user_version = %d", *version + 1);
        code = execute(file, "BEGIN IMMEDIATE");
        if (code == SQLITE_OK)
            code = execute(file, file->kind->steps[*version]);
        if (code == SQLITE_OK)
            code = execute(file, set);
        if (code == SQLITE_OK)
            code = execute(file, "COMMIT");
        if (code == SQLITE_OK)
            log_info("%s: schema %d", file->path, *version + 1);
    }
    return code;
}

static int prepare(struct sqlite_file *file)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && file->kind->statements[i]; i++) {
        assert(i < SQLITE_FILE_STATEMENTS_MAX);
        code = sqlite3_prepare_v3(file->connection, file->kind->statements[i], -1,
                                  SQLITE_PREPARE_PERSISTENT, &file->statements[i], NULL);
    }
    return code;
}

static int set_journal(struct sqlite_file *file)
{
    char mode[32];
    int number;
    const int code = query(file, "PRAGMA journal_mode = WAL", &number, mode, sizeof mode);
    if (code == SQLITE_OK && strcmp(mode, "wal") != 0 && !file->is_in_trouble)
        log_warn("%s: no write-ahead log is possible here (mode %s): commits take longer",
                 file->path, mode);
    return code;
}

/*
 * The log is cut by writing it into the file: on a full disk only if the file need not grow for that.
 * So there is always some place in it, from the beginning on.
 */
static int reserve(struct sqlite_file *file)
{
    int chunk = CHUNK;
    sqlite3_file_control(file->connection, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    const int code = execute(file, "PRAGMA wal_checkpoint(TRUNCATE)");
    return code == SQLITE_FULL ? SQLITE_OK : code;
}

/* Returns SQLite's code; the connection may be there even when it failed. */
static int connect_file(struct sqlite_file *file, int *version)
{
    int code = sqlite3_open_v2(file->path, &file->connection,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, VFS);
    if (code != SQLITE_OK)
        return code;
    sqlite3_extended_result_codes(file->connection, 1);
    sqlite3_busy_timeout(file->connection, BUSY_MS);
    /* A damaged page is noticed as one when it is read, and no SQL in the file is believed. */
    code = execute(file, "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF");
    if (code == SQLITE_OK)
        code = execute(file, file->kind->begin);
    if (code == SQLITE_OK)
        code = set_journal(file);
    if (code == SQLITE_OK)
        code = execute(file, file->kind->open);
    if (code == SQLITE_OK)
        code = check(file);
    if (code == SQLITE_OK)
        code = migrate(file, version);
    if (code != SQLITE_OK || *version != count_steps(file))
        return code;
    code = reserve(file);
    if (code == SQLITE_OK)
        code = prepare(file);
    return code;
}

static int open_once(struct sqlite_file *file, bool *found_corrupt)
{
    int version = 0;
    if (create(file) != 0) {
        tell_trouble(file, strerror(errno));
        return errno == ENOSPC || errno == EDQUOT ? STORE_FULL : STORE_BROKEN;
    }
    const int code = connect_file(file, &version);
    if (code != SQLITE_OK) {
        *found_corrupt = is_corrupt(code);
        const int outcome = fail(file, code);
        sqlite_file_close(file);
        return outcome;
    }
    if (version == count_steps(file))
        return STORE_OK;
    sqlite_file_close(file);
    if (!file->is_in_trouble)
        log_error("%s has schema %d; this program knows those up to %d", file->path, version,
                  count_steps(file));
    file->is_in_trouble = true;
    return STORE_TOO_NEW;
}

int sqlite_file_ready(struct sqlite_file *file)
{
    bool found_corrupt = false;
    if (file->connection)
        return STORE_OK;
    if (!sqlite_file_finish_aside(file))
        return STORE_BROKEN;
    if (sqlite_file_has_garbage_log(file)) {
        if (!file->is_in_trouble)
            log_error("%s-wal is corrupt: what was only in there is lost", file->path);
        sqlite_file_set_log_aside(file);
    }
    int outcome = open_once(file, &found_corrupt);
    if (found_corrupt && sqlite_file_set_aside(file))
        outcome = open_once(file, &found_corrupt);
    if (outcome != STORE_OK)
        return outcome;
    const int code = sqlite_file_take_over(file);
    if (code != SQLITE_OK) {
        outcome = fail(file, code);
        sqlite_file_close(file);
        return outcome;
    }
    file->opened++;
    return STORE_OK;
}

void sqlite_file_close(struct sqlite_file *file)
{
    for (size_t i = 0; i < SQLITE_FILE_STATEMENTS_MAX; i++) {
        sqlite3_finalize(file->statements[i]);
        file->statements[i] = NULL;
    }
    sqlite3_close_v2(file->connection);
    file->connection = NULL;
    file->has_log = false;
}

/* ---- in use -------------------------------------------------------------------------- */

sqlite3_stmt *sqlite_file_statement(struct sqlite_file *file, size_t n)
{
    sqlite3_stmt *statement = file->statements[n];
    assert(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

int sqlite_file_step(struct sqlite_file *file, sqlite3_stmt *statement, bool *has_row)
{
    const int code = sqlite3_step(statement);
    *has_row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return STORE_OK;
    if (code != SQLITE_DONE)
        return fail(file, code);
    /* One that is not reset keeps its view of the file, and the log from being cut. */
    sqlite3_reset(statement);
    return STORE_OK;
}

int sqlite_file_run(struct sqlite_file *file, sqlite3_stmt *statement)
{
    bool has_row;
    return sqlite_file_step(file, statement, &has_row);
}

/*
 * What is written to a file without a name is nowhere when the process ends; SQLite does not look.
 * Where only the log has gone, closing brings what was in it into the file.
 */
static void check_names(struct sqlite_file *file)
{
    int has_moved = 0;
    if (!file->connection)
        return;
    sqlite3_file_control(file->connection, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (!has_moved && (!file->has_log || sqlite_file_has_log(file)))
        return;
    log_error("%s%s was removed or replaced while in use", file->path, has_moved ? "" : "-wal");
    sqlite_file_close(file);
    if (has_moved)
        sqlite_file_set_log_aside(file);
}

int sqlite_file_begin(struct sqlite_file *file)
{
    check_names(file);
    const int outcome = sqlite_file_ready(file);
    if (outcome != STORE_OK)
        return outcome;
    const int code = execute(file, "BEGIN IMMEDIATE");
    return code == SQLITE_OK ? STORE_OK : fail(file, code);
}

int sqlite_file_prove(struct sqlite_file *file)
{
    char sql[64];
    const int outcome = sqlite_file_begin(file);
    if (outcome != STORE_OK)
        return outcome;
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", count_steps(file));
    const int code = execute(file, sql);
    return code == SQLITE_OK ? sqlite_file_commit(file) : fail(file, code);
}

/* Opened for writing, as for SQLite exclusive means that; and then it does not write. */
int sqlite_file_connect_reader(const char *path, sqlite3 **connection)
{
    const int code =
        sqlite3_open_v2(path, connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, VFS);
    if (code != SQLITE_OK)
        return code;
    sqlite3_busy_timeout(*connection, BUSY_MS);
    sqlite3_db_config(*connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return sqlite3_exec(
        *connection,
        "PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF", NULL,
        NULL, NULL);
}

int sqlite_file_commit(struct sqlite_file *file)
{
    const int code = execute(file, "COMMIT");
    if (code != SQLITE_OK)
        return fail(file, code);
    tell_no_trouble(file);
    file->has_log = sqlite_file_has_log(file);
    return STORE_OK;
}

void sqlite_file_rollback(struct sqlite_file *file)
{
    if (file->connection && !sqlite3_get_autocommit(file->connection))
        execute(file, "ROLLBACK");
}
