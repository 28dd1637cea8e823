/*
 * store_sqlite_rooms: checkpoints of rooms as a table. A commit survives the process at once; the
 * disk has it when the log is next folded into the file.
 */
#include "gamed/store_sqlite_private.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "gamed/checkpoint_row.h"

enum {
    REFUSALS_TOLD_EVERY_MS = 60 * 1000,
    ROWS_RUNNING = 8, /* a tenth of a millisecond */
    POLITE_MS = 10    /* a commit that takes longer, on a processor that is full, gets its share */
};

/* ---- the table, from the list of columns ----------------------------------------------- */

#define TYPE_TEXT                             " TEXT"
#define TYPE_DIGEST                           " BLOB"
#define TYPE_NUMBER                           " INTEGER"
#define TYPE_FLAG                             " INTEGER"
#define TYPE_LEFT                             " INTEGER"
#define TYPE_BITS                             " INTEGER"
#define DECLARED(column, kind, group, member) ", " #column TYPE_##kind
#define NAMED(column, kind, group, member)    ", " #column
#define ASSIGNED(column, kind, group, member) ", " #column " = ?"
#define BOUND(column, kind, group, member)    ", ?"
#define COLUMN_NAMES                          CHECKPOINT_COLUMNS(NAMED)

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE rooms (serial INTEGER PRIMARY KEY" CHECKPOINT_COLUMNS(
        DECLARED) ", UNIQUE (room_code)) STRICT;"
                  /* Rows that could not be read, for the operator. */
                  "CREATE TABLE unreadable (serial INTEGER PRIMARY KEY" COLUMN_NAMES ");",
    NULL,
};

enum statement {
    UPDATE,
    INSERT,
    FORGET,
    FORGET_SERIAL,
    AFTER,
    KEEP_ASIDE,
    FORGET_ASIDE,
};

/* A room that is there already is the rule, so an update is tried first: it costs less than an upsert.
 * Both are bound in the order of the columns. */
static const char *const statements[] = {
    [UPDATE] =
        "UPDATE rooms SET match_id = ?2" CHECKPOINT_OTHER_COLUMNS(ASSIGNED) " WHERE room_code = ?1",
    [INSERT] =
        "INSERT INTO rooms (serial" COLUMN_NAMES ") VALUES (NULL" CHECKPOINT_COLUMNS(BOUND) ")",
    [FORGET] = "DELETE FROM rooms WHERE room_code = ?1",
    [FORGET_SERIAL] = "DELETE FROM rooms WHERE serial = ?1",
    [AFTER] = "SELECT serial" COLUMN_NAMES " FROM rooms WHERE serial > ?1 ORDER BY serial LIMIT 1",
    [KEEP_ASIDE] =
        "INSERT INTO unreadable SELECT NULL" COLUMN_NAMES " FROM rooms WHERE serial = ?1",
    /* The last thousand are enough to find out what went wrong. */
    [FORGET_ASIDE] = "DELETE FROM unreadable WHERE serial <= "
                     "(SELECT max(serial) FROM unreadable) - 1000",
    [FORGET_ASIDE + 1] = NULL,
};

const struct sqlite_file_kind store_sqlite_rooms = {
    .name = "rooms",
    /* About a room's row: each one saved writes a page of its own to the log. */
    .begin = "PRAGMA page_size = 1024",
    /* Folded in after 16 MiB: rows are written again and again, but into the file only then. Of its pages 512
     * KiB are kept: each room is saved in its turn, so more would be asked for seldom (docs/performance.md). */
    .open = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16384; "
            "PRAGMA journal_size_limit = 33554432; PRAGMA cache_size = -512",
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

/* The texts and blobs must outlive the statement's run. */
static void bind_row(sqlite3_stmt *statement,
                     const struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT])
{
    for (int i = 0; i < CHECKPOINT_COLUMN_COUNT; i++) {
        const struct checkpoint_value *value = &row[i];
        switch (value->type) {
        case CHECKPOINT_NULL: /* as they are without a binding */
            break;
        case CHECKPOINT_INTEGER:
            sqlite3_bind_int64(statement, i + 1, value->integer);
            break;
        case CHECKPOINT_TEXT:
            sqlite3_bind_text(statement, i + 1, value->bytes, (int)value->size, SQLITE_STATIC);
            break;
        case CHECKPOINT_BLOB:
            sqlite3_bind_blob(statement, i + 1, value->bytes, (int)value->size, SQLITE_STATIC);
            break;
        }
    }
}

static int run_with(struct store_sqlite *sqlite, enum statement which,
                    const struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT])
{
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->rooms, which);
    bind_row(statement, row);
    return sqlite_file_run(&sqlite->rooms, statement);
}

/* Such a room is met at each save: a line a minute is enough. */
static void tell_refused(struct store_sqlite *sqlite, const char *room_code, const char *problem)
{
    const unsigned refused = atomic_fetch_add(&sqlite->rooms_refused, 1) + 1;
    const int64_t now_ms = clock_read().mono_ms;
    if (sqlite->refusal_told_ms && now_ms - sqlite->refusal_told_ms < REFUSALS_TOLD_EVERY_MS)
        return;
    log_error("room %.6s: its state is not saved, as it is not possible: %s (%u such states since "
              "the last time this was said)",
              room_code, problem, refused - sqlite->refusals_told);
    sqlite->refusal_told_ms = now_ms;
    sqlite->refusals_told = refused;
}

static int save_one(struct store_sqlite *sqlite, const struct room_checkpoint *checkpoint)
{
    struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT];
    const char *problem = checkpoint_problem(checkpoint);
    if (problem) {
        tell_refused(sqlite, checkpoint->room_code, problem);
        return STORE_OK;
    }
    if (checkpoint->pong.phase == PONG_FINISHED)
        FAILPOINT("room-over-saved");
    checkpoint_write_row(checkpoint, row);
    const int outcome = run_with(sqlite, UPDATE, row);
    if (outcome != STORE_OK || sqlite3_changes(sqlite->rooms.connection) > 0)
        return outcome;
    return run_with(sqlite, INSERT, row);
}

/*
 * A commit may be of hundreds of rows, and the loop may be waiting for this very processor. An answer that
 * waits for the commit waits some milliseconds longer then: what is played comes first.
 */
static void let_others_run(int64_t begun_ms)
{
    if (clock_read().mono_ms - begun_ms < POLITE_MS)
        sched_yield();
}

int store_sqlite_rooms_save(struct store *store, const struct room_checkpoint *const *list,
                            size_t count)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    if (count == 0)
        return sqlite_file_prove(&sqlite->rooms);
    const int64_t begun_ms = clock_read().mono_ms;
    int outcome = sqlite_file_begin(&sqlite->rooms);
    for (size_t i = 0; outcome == STORE_OK && i < count; i++) {
        outcome = list[i]->is_gone ? forget(sqlite, list[i]->room_code) : save_one(sqlite, list[i]);
        if ((i + 1) % ROWS_RUNNING == 0)
            let_others_run(begun_ms);
    }
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
    char room_code[64];  /* as it is in the table, cut; for the log */
    const char *problem; /* NULL: the checkpoint is good */
    struct room_checkpoint checkpoint;
};

/* The values point into the statement. Column 0 is the serial. */
static void take_values(sqlite3_stmt *statement,
                        struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT])
{
    for (int i = 0; i < CHECKPOINT_COLUMN_COUNT; i++) {
        struct checkpoint_value value = {.type = CHECKPOINT_NULL};
        switch (sqlite3_column_type(statement, i + 1)) {
        case SQLITE_INTEGER:
            value.type = CHECKPOINT_INTEGER;
            value.integer = sqlite3_column_int64(statement, i + 1);
            break;
        case SQLITE_TEXT:
            value.type = CHECKPOINT_TEXT;
            value.bytes = sqlite3_column_text(statement, i + 1);
            value.size = (size_t)sqlite3_column_bytes(statement, i + 1);
            break;
        case SQLITE_BLOB:
        case SQLITE_FLOAT: /* which is none of ours, as bytes either */
            value.type = CHECKPOINT_BLOB;
            value.bytes = sqlite3_column_blob(statement, i + 1);
            value.size = (size_t)sqlite3_column_bytes(statement, i + 1);
            break;
        }
        if (value.type != CHECKPOINT_INTEGER && !value.bytes)
            value = (struct checkpoint_value){.type = CHECKPOINT_NULL}; /* nothing, or no memory */
        row[i] = value;
    }
}

static void read_row(const struct store_sqlite *sqlite, sqlite3_stmt *statement, struct row *row)
{
    struct checkpoint_value values[CHECKPOINT_COLUMN_COUNT];
    memset(row, 0, sizeof *row);
    row->serial = sqlite3_column_int64(statement, 0);
    take_values(statement, values);
    const struct checkpoint_value *code = &values[CHECKPOINT_COLUMN_room_code];
    if (code->type == CHECKPOINT_TEXT)
        snprintf(row->room_code, sizeof row->room_code, "%.*s", (int)code->size,
                 (const char *)code->bytes);
    row->problem = checkpoint_read_row(values, &row->checkpoint);
    if (!row->problem && row->checkpoint.room_code[0] != sqlite->slot)
        row->problem = "it is another slot's";
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

static int run_for_serial(struct store_sqlite *sqlite, enum statement which, int64_t serial)
{
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->rooms, which);
    sqlite3_bind_int64(statement, 1, serial);
    return sqlite_file_run(&sqlite->rooms, statement);
}

/* Moves the row to where it bothers nobody; where that fails, it is met again at the next start. */
static void keep_aside(struct store_sqlite *sqlite, const struct row *row)
{
    atomic_fetch_add(&sqlite->rooms_unreadable, 1);
    log_error(
        "room %s: what was saved of it cannot be read (%s); it is kept in %s, table unreadable",
        row->room_code, row->problem, sqlite->rooms.path);
    if (sqlite_file_begin(&sqlite->rooms) != STORE_OK)
        return;
    if (run_for_serial(sqlite, KEEP_ASIDE, row->serial) == STORE_OK &&
        run_for_serial(sqlite, FORGET_SERIAL, row->serial) == STORE_OK &&
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
        if (row.problem)
            keep_aside(sqlite, &row);
        else
            each(arg, &row.checkpoint);
    }
}

/* ---- for the purge of results -------------------------------------------------------- */

int store_sqlite_compare_ids(const void *a, const void *b)
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
        qsort(*ids, *count, UUID_SIZE, store_sqlite_compare_ids);
    return outcome;
}
