/*
 * store_sqlite_rooms: checkpoints of rooms as a table. A commit survives the process at once; the
 * disk has it when the log is next folded into the file.
 */
#include "gamed/store_sqlite_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE rooms ("
    "  serial INTEGER PRIMARY KEY,"
    "  room_code TEXT NOT NULL UNIQUE,"
    "  match_id TEXT NOT NULL," /* the checkpoint's, for whoever must not parse it */
    "  checkpoint TEXT NOT NULL"
    ") STRICT;"
    /* Rows that could not be read, for the operator. */
    "CREATE TABLE unreadable ("
    "  serial INTEGER PRIMARY KEY,"
    "  room_code TEXT NOT NULL,"
    "  checkpoint TEXT NOT NULL"
    ") STRICT;",
    NULL,
};

enum statement {
    SAVE,
    FORGET,
    AFTER,
    KEEP_ASIDE,
    FORGET_ASIDE,
};

static const char *const statements[] = {
    [SAVE] = "INSERT INTO rooms (room_code, match_id, checkpoint) VALUES (?1, ?2, ?3) "
             "ON CONFLICT (room_code) DO UPDATE SET match_id = excluded.match_id, "
             "checkpoint = excluded.checkpoint",
    [FORGET] = "DELETE FROM rooms WHERE room_code = ?1",
    [AFTER] = "SELECT serial, room_code, checkpoint FROM rooms WHERE serial > ?1 "
              "ORDER BY serial LIMIT 1",
    [KEEP_ASIDE] = "INSERT INTO unreadable (room_code, checkpoint) "
                   "SELECT room_code, checkpoint FROM rooms WHERE room_code = ?1",
    /* The last thousand are enough to find out what went wrong. */
    [FORGET_ASIDE] = "DELETE FROM unreadable WHERE serial <= "
                     "(SELECT max(serial) FROM unreadable) - 1000",
    [FORGET_ASIDE + 1] = NULL,
};

const struct sqlite_file_kind store_sqlite_rooms = {
    .name = "rooms",
    /* About a room's row: each one saved writes a page of its own to the log. */
    .begin = "PRAGMA page_size = 1024",
    /* Folded in after 16 MiB: rows are written again and again, but into the file only then. */
    .open = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16384; "
            "PRAGMA journal_size_limit = 33554432",
    .steps = steps,
    .statements = statements,
    .rows = "rooms",
};

static struct store_sqlite *sqlite_of(struct store *store)
{
    return (struct store_sqlite *)store;
}

/* ---- saving -------------------------------------------------------------------------- */

static int forget(struct store_sqlite *sqlite, const char *room_code)
{
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->rooms, FORGET);
    sqlite3_bind_text(statement, 1, room_code, -1, SQLITE_STATIC);
    return sqlite_file_run(&sqlite->rooms, statement);
}

static int save_one(struct store_sqlite *sqlite, const struct room_checkpoint *checkpoint)
{
    char json[CHECKPOINT_JSON_MAX];
    const long length = checkpoint_encode(checkpoint, json, sizeof json);
    if (length == CHECKPOINT_NO_MEMORY) {
        sqlite_file_rollback(&sqlite->rooms);
        return STORE_FULL;
    }
    if (length < 0) {
        const char *problem = checkpoint_problem(checkpoint);
        atomic_fetch_add(&sqlite->rooms_refused, 1);
        log_error("room %.6s: its state is not saved, as it is not possible: %s",
                  checkpoint->room_code, problem ? problem : "it is too long");
        return STORE_OK;
    }
    if (checkpoint->pong.phase == PONG_FINISHED)
        FAILPOINT("room-over-saved");
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->rooms, SAVE);
    sqlite3_bind_text(statement, 1, checkpoint->room_code, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, checkpoint->match_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, json, (int)length, SQLITE_STATIC);
    return sqlite_file_run(&sqlite->rooms, statement);
}

int store_sqlite_rooms_save(struct store *store, const struct room_checkpoint *list, size_t count)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    if (count == 0)
        return sqlite_file_prove(&sqlite->rooms);
    int outcome = sqlite_file_begin(&sqlite->rooms);
    for (size_t i = 0; outcome == STORE_OK && i < count; i++)
        outcome = list[i].is_gone ? forget(sqlite, list[i].room_code) : save_one(sqlite, &list[i]);
    FAILPOINT("rooms-before-commit");
    if (outcome == STORE_OK)
        outcome = sqlite_file_commit(&sqlite->rooms);
    FAILPOINT("rooms-after-commit");
    return outcome;
}

/* ---- loading ------------------------------------------------------------------------- */

/* A row, copied, so that the statement is done with when others run. */
struct row {
    int64_t serial;
    char room_code[64];
    bool is_readable;
    struct room_checkpoint checkpoint;
};

static void read_row(const struct store_sqlite *sqlite, sqlite3_stmt *statement, struct row *row)
{
    const char *json = (const char *)sqlite3_column_text(statement, 2);
    const size_t length = (size_t)sqlite3_column_bytes(statement, 2);
    const char *code = (const char *)sqlite3_column_text(statement, 1);
    memset(row, 0, sizeof *row);
    row->serial = sqlite3_column_int64(statement, 0);
    if (code)
        strncpy(row->room_code, code, sizeof row->room_code - 1);
    row->is_readable = json && checkpoint_decode(json, length, &row->checkpoint) == CHECKPOINT_OK &&
                       strcmp(row->checkpoint.room_code, row->room_code) == 0 &&
                       row->room_code[0] == sqlite->slot;
}

/* The next row after `serial`; *found says whether there is one. */
static int next_row(struct store_sqlite *sqlite, int64_t serial, struct row *row, bool *found)
{
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->rooms, AFTER);
    sqlite3_bind_int64(statement, 1, serial);
    const int outcome = sqlite_file_step(&sqlite->rooms, statement, found);
    if (outcome == STORE_OK && *found) {
        read_row(sqlite, statement, row);
        sqlite3_reset(statement);
    }
    return outcome;
}

/* Moves the row to where it bothers nobody; where that fails, it is met again at the next start. */
static void keep_aside(struct store_sqlite *sqlite, const struct row *row)
{
    atomic_fetch_add(&sqlite->rooms_unreadable, 1);
    log_error("room %s: what was saved of it cannot be read; it is kept in %s, table unreadable",
              row->room_code, sqlite->rooms.path);
    if (sqlite_file_begin(&sqlite->rooms) != STORE_OK)
        return;
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->rooms, KEEP_ASIDE);
    sqlite3_bind_text(statement, 1, row->room_code, -1, SQLITE_STATIC);
    if (sqlite_file_run(&sqlite->rooms, statement) == STORE_OK &&
        forget(sqlite, row->room_code) == STORE_OK &&
        sqlite_file_run(&sqlite->rooms, sqlite_file_statement(&sqlite->rooms, FORGET_ASIDE)) ==
            STORE_OK)
        sqlite_file_commit(&sqlite->rooms);
}

int store_sqlite_rooms_load(struct store *store,
                            void (*each)(void *arg, const struct room_checkpoint *checkpoint),
                            void *arg)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    struct row row = {.serial = INT64_MIN};
    /* A disk on which nothing can be begun has nothing that could not be read. */
    if (sqlite_file_ready(&sqlite->rooms) != STORE_OK && sqlite->rooms.was_absent)
        return STORE_OK;
    for (;;) {
        bool found;
        if (sqlite_file_ready(&sqlite->rooms) != STORE_OK ||
            next_row(sqlite, row.serial, &row, &found) != STORE_OK)
            return STORE_BROKEN;
        if (!found)
            return STORE_OK;
        if (row.is_readable)
            each(arg, &row.checkpoint);
        else
            keep_aside(sqlite, &row);
    }
}

/* ---- for the purge of results -------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Appends one to an array that doubles. */
static bool append(char (**ids)[UUID_SIZE], size_t *count, const char *id)
{
    if ((*count & (*count - 1)) == 0) { /* full: 0, 1, 2, 4, ... */
        void *more = reallocarray(*ids, *count ? 2 * *count : 1, UUID_SIZE);
        if (!more)
            return false;
        *ids = more;
    }
    memset((*ids)[*count], 0, UUID_SIZE);
    strncpy((*ids)[(*count)++], id, UUID_SIZE - 1);
    return true;
}

static int read_ids(sqlite3 *connection, char (**ids)[UUID_SIZE], size_t *count)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(connection, "SELECT match_id FROM rooms", -1, &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
            break;
        const char *id = (const char *)sqlite3_column_text(statement, 0);
        if (id && !append(ids, count, id))
            code = SQLITE_NOMEM;
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? STORE_OK : code == SQLITE_NOMEM ? STORE_FULL : STORE_BROKEN;
}

int store_sqlite_read_match_ids(const char *path, char (**ids)[UUID_SIZE], size_t *count)
{
    sqlite3 *connection = NULL;
    int outcome = STORE_BROKEN;
    *ids = NULL;
    *count = 0;
    if (sqlite_file_connect_reader(path, &connection) == SQLITE_OK)
        outcome = read_ids(connection, ids, count);
    sqlite3_close_v2(connection);
    if (outcome == STORE_OK && *count > 0)
        qsort(*ids, *count, UUID_SIZE, compare_ids);
    return outcome;
}
