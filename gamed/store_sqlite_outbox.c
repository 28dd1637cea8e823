/*
 * store_sqlite_outbox: the outbox of results as a table. Once a commit has returned, it is on the
 * disk.
 */
#include "gamed/store_sqlite_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE results ("
    "  serial INTEGER PRIMARY KEY,"
    "  match_id TEXT NOT NULL UNIQUE CHECK (length(match_id) = 36),"
    "  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3)," /* enum outbox_state */
    "  body TEXT NOT NULL CHECK (length(CAST(body AS BLOB)) <= 2048),"
    "  created_ms INTEGER NOT NULL,"
    "  settled_ms INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL,"
    "  last_status INTEGER NOT NULL,"
    "  next_attempt_ms INTEGER NOT NULL,"
    "  refused_since_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX results_by_state ON results (state, serial);"
    "CREATE INDEX results_due ON results (next_attempt_ms, serial) WHERE state = 0;"
    "CREATE INDEX results_settled ON results (settled_ms) WHERE state IN (1, 3);",
    NULL,
};
_Static_assert(OUTBOX_BODY_MAX == 2048, "the longest body is in the schema");

#define COLUMNS                                                              \
    "match_id, state, body, created_ms, settled_ms, attempts, last_status, " \
    "next_attempt_ms, refused_since_ms"
#define INSERT "INSERT INTO results (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
#define SELECT "SELECT " COLUMNS ", serial FROM results "

enum statement {
    INSERT_NEW,
    UPSERT,
    STATE_OF,
    NEXT,
    FIND,
    LIST,
    SETTLED,
    FORGET,
    COUNT_STATE,
    OLDEST,
};

static const char *const statements[] = {
    [INSERT_NEW] = INSERT "ON CONFLICT (match_id) DO NOTHING",
    [UPSERT] = INSERT "ON CONFLICT (match_id) DO UPDATE SET state = excluded.state, "
                      "settled_ms = excluded.settled_ms, attempts = excluded.attempts, "
                      "last_status = excluded.last_status, "
                      "next_attempt_ms = excluded.next_attempt_ms, "
                      "refused_since_ms = excluded.refused_since_ms",
    [STATE_OF] = "SELECT state FROM results WHERE match_id = ?1",
    /* No LIMIT: who reads stops, and a row that cannot be read is none of those that count. */
    [NEXT] = SELECT "WHERE state = 0 AND (next_attempt_ms, serial) > (?1, ?2) "
                    "ORDER BY next_attempt_ms, serial",
    [FIND] = SELECT "WHERE match_id = ?1",
    [LIST] = SELECT "WHERE state = ?1 AND serial > ?2 ORDER BY serial LIMIT ?3",
    [SETTLED] = "SELECT match_id FROM results WHERE state IN (1, 3) AND settled_ms < ?1 "
                "ORDER BY settled_ms",
    [FORGET] = "DELETE FROM results WHERE match_id = ?1 AND state IN (1, 3)",
    [COUNT_STATE] = "SELECT count(*) FROM results WHERE state = ?1",
    [OLDEST] = "SELECT created_ms FROM results WHERE state = 0 ORDER BY serial LIMIT 1",
    [OLDEST + 1] = NULL,
};

const struct sqlite_file_kind store_sqlite_results = {
    .name = "results",
    .begin = "",
    /* The log is cut again after an outage has made it long. */
    .open = "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216",
    .steps = steps,
    .statements = statements,
    .rows = "results",
};

static struct store_sqlite *sqlite_of(struct store *store)
{
    return (struct store_sqlite *)store;
}

/* ---- the numbers --------------------------------------------------------------------- */

static int count_state(struct store_sqlite *sqlite, enum outbox_state state, size_t *count)
{
    bool has_row;
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->results, COUNT_STATE);
    sqlite3_bind_int(statement, 1, (int)state);
    const int outcome = sqlite_file_step(&sqlite->results, statement, &has_row);
    if (outcome != STORE_OK)
        return outcome;
    *count = (size_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return STORE_OK;
}

/* Opens the file if need be, and counts once for each time that it was opened. */
static int ready(struct store_sqlite *sqlite)
{
    struct outbox_counts counts = {0};
    int outcome = sqlite_file_ready(&sqlite->results);
    if (outcome != STORE_OK || sqlite->counted == sqlite->results.opened)
        return outcome;
    outcome = count_state(sqlite, OUTBOX_PENDING, &counts.pending);
    if (outcome == STORE_OK)
        outcome = count_state(sqlite, OUTBOX_FAILED, &counts.failed);
    if (outcome != STORE_OK)
        return outcome;
    sqlite->counts = counts;
    sqlite->is_oldest_due = true;
    sqlite->counted = sqlite->results.opened;
    return STORE_OK;
}

void store_sqlite_outbox_count(struct store *store, struct outbox_counts *counts)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    const bool is_counted = sqlite->counted == sqlite->results.opened && !sqlite->is_oldest_due;
    bool has_row;
    /* A file that is not open is not opened for this: whoever needs it does that, now and then. */
    if (!is_counted && sqlite->results.connection && ready(sqlite) == STORE_OK) {
        sqlite3_stmt *statement = sqlite_file_statement(&sqlite->results, OLDEST);
        if (sqlite_file_step(&sqlite->results, statement, &has_row) == STORE_OK) {
            sqlite->counts.oldest_pending_ms = has_row ? sqlite3_column_int64(statement, 0) : 0;
            sqlite->is_oldest_due = false;
            sqlite3_reset(statement);
        }
    }
    *counts = sqlite->counts;
}

/* What a transaction does to the numbers, once it is committed. */
struct change {
    int64_t pending, failed;
};

static void note_state(struct change *change, int state, int by)
{
    if (state == OUTBOX_PENDING)
        change->pending += by;
    else if (state == OUTBOX_FAILED)
        change->failed += by;
}

static int commit(struct store_sqlite *sqlite, const struct change *change)
{
    const int outcome = sqlite_file_commit(&sqlite->results);
    if (outcome != STORE_OK)
        return outcome;
    sqlite->counts.pending += (size_t)change->pending;
    sqlite->counts.failed += (size_t)change->failed;
    sqlite->is_oldest_due = true;
    return STORE_OK;
}

static int begin(struct store_sqlite *sqlite)
{
    const int outcome = ready(sqlite);
    return outcome == STORE_OK ? sqlite_file_begin(&sqlite->results) : outcome;
}

/* ---- rows ---------------------------------------------------------------------------- */

static void bind_text(sqlite3_stmt *statement, int index, const char *text, size_t length)
{
    sqlite3_bind_text(statement, index, text, (int)length, SQLITE_STATIC);
}

static void bind_entry(sqlite3_stmt *statement, const struct outbox_entry *entry)
{
    assert(entry->body_size <= OUTBOX_BODY_MAX);
    bind_text(statement, 1, entry->match_id, strlen(entry->match_id));
    sqlite3_bind_int(statement, 2, (int)entry->state);
    bind_text(statement, 3, entry->body, entry->body_size);
    sqlite3_bind_int64(statement, 4, entry->created_ms);
    sqlite3_bind_int64(statement, 5, entry->settled_ms);
    sqlite3_bind_int64(statement, 6, entry->retry.attempts);
    sqlite3_bind_int(statement, 7, entry->retry.last_status);
    sqlite3_bind_int64(statement, 8, entry->retry.next_attempt_ms);
    sqlite3_bind_int64(statement, 9, entry->retry.refused_since_ms);
}

/* Copies a column's bytes; false when they are too many. */
static bool read_text(sqlite3_stmt *statement, int column, char *out, size_t max, size_t *length)
{
    const void *text = sqlite3_column_text(statement, column);
    *length = (size_t)sqlite3_column_bytes(statement, column);
    if (!text || *length > max)
        return false;
    memcpy(out, text, *length);
    return true;
}

/* The schema allows no row that does not fit, but a damaged page may hold one. */
static bool read_entry(sqlite3_stmt *statement, struct outbox_entry *entry)
{
    size_t id_length;
    memset(entry, 0, offsetof(struct outbox_entry, body));
    if (!read_text(statement, 0, entry->match_id, UUID_SIZE - 1, &id_length) ||
        !read_text(statement, 2, entry->body, OUTBOX_BODY_MAX, &entry->body_size))
        return false;
    entry->state = (enum outbox_state)sqlite3_column_int(statement, 1);
    entry->created_ms = sqlite3_column_int64(statement, 3);
    entry->settled_ms = sqlite3_column_int64(statement, 4);
    entry->retry.attempts = (uint32_t)sqlite3_column_int64(statement, 5);
    entry->retry.last_status = sqlite3_column_int(statement, 6);
    entry->retry.next_attempt_ms = sqlite3_column_int64(statement, 7);
    entry->retry.refused_since_ms = sqlite3_column_int64(statement, 8);
    entry->serial = sqlite3_column_int64(statement, 9);
    return true;
}

/* Reads all rows of a statement that has bindings. */
static int read_entries(struct store_sqlite *sqlite, sqlite3_stmt *statement, size_t max,
                        struct outbox_entry *entries, size_t *count)
{
    bool has_row = true;
    while (*count < max) {
        const int outcome = sqlite_file_step(&sqlite->results, statement, &has_row);
        if (outcome != STORE_OK) {
            *count = 0;
            return STORE_BROKEN;
        }
        if (!has_row)
            return STORE_OK;
        *count += read_entry(statement, &entries[*count]);
    }
    sqlite3_reset(statement);
    return STORE_OK;
}

/* ---- writing ------------------------------------------------------------------------- */

static int insert_one(struct store_sqlite *sqlite, const struct outbox_entry *entry,
                      struct change *change)
{
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->results, INSERT_NEW);
    bind_entry(statement, entry);
    const int outcome = sqlite_file_run(&sqlite->results, statement);
    if (outcome == STORE_OK && sqlite3_changes(sqlite->results.connection) > 0)
        note_state(change, (int)entry->state, 1);
    return outcome;
}

int store_sqlite_outbox_insert(struct store *store, const struct outbox_entry *entries,
                               size_t count, size_t *inserted)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    struct change change = {0};
    *inserted = 0;
    if (count == 0)
        return sqlite_file_prove(&sqlite->results);
    int outcome = begin(sqlite);
    for (size_t i = 0; outcome == STORE_OK && i < count; i++)
        outcome = insert_one(sqlite, &entries[i], &change);
    FAILPOINT("result-before-commit");
    if (outcome == STORE_OK)
        outcome = commit(sqlite, &change);
    FAILPOINT("result-after-commit");
    *inserted = outcome == STORE_OK ? count : 0;
    return outcome;
}

static int update_one(struct store_sqlite *sqlite, const struct outbox_entry *entry,
                      struct change *change)
{
    bool has_row;
    sqlite3_stmt *state_of = sqlite_file_statement(&sqlite->results, STATE_OF);
    bind_text(state_of, 1, entry->match_id, strlen(entry->match_id));
    int outcome = sqlite_file_step(&sqlite->results, state_of, &has_row);
    if (outcome != STORE_OK)
        return outcome;
    if (has_row)
        note_state(change, sqlite3_column_int(state_of, 0), -1);
    sqlite3_reset(state_of);

    sqlite3_stmt *upsert = sqlite_file_statement(&sqlite->results, UPSERT);
    bind_entry(upsert, entry);
    outcome = sqlite_file_run(&sqlite->results, upsert);
    note_state(change, (int)entry->state, 1);
    return outcome;
}

int store_sqlite_outbox_update(struct store *store, const struct outbox_entry *entries,
                               size_t count)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    struct change change = {0};
    int outcome = begin(sqlite);
    for (size_t i = 0; outcome == STORE_OK && i < count; i++)
        outcome = update_one(sqlite, &entries[i], &change);
    FAILPOINT("mark-before-commit");
    if (outcome == STORE_OK)
        outcome = commit(sqlite, &change);
    FAILPOINT("mark-after-commit");
    return outcome;
}

/* ---- reading ------------------------------------------------------------------------- */

int store_sqlite_outbox_next(struct store *store, const struct outbox_place *after, size_t max,
                             struct outbox_entry *entries, size_t *count)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    assert(max <= OUTBOX_NEXT_MAX);
    *count = 0;
    if (ready(sqlite) != STORE_OK)
        return STORE_BROKEN;
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->results, NEXT);
    sqlite3_bind_int64(statement, 1, after ? after->next_attempt_ms : INT64_MIN);
    sqlite3_bind_int64(statement, 2, after ? after->serial : INT64_MIN);
    return read_entries(sqlite, statement, max, entries, count);
}

int store_sqlite_outbox_find(struct store *store, const char *match_id, struct outbox_entry *entry)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    size_t count = 0;
    if (ready(sqlite) != STORE_OK)
        return STORE_BROKEN;
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->results, FIND);
    bind_text(statement, 1, match_id, strlen(match_id));
    const int outcome = read_entries(sqlite, statement, 1, entry, &count);
    return outcome == STORE_OK && count == 0 ? STORE_UNKNOWN : outcome;
}

int store_sqlite_outbox_list(struct store *store, enum outbox_state state, int64_t after,
                             size_t max, struct outbox_entry *entries, size_t *count)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    assert(max <= OUTBOX_NEXT_MAX);
    *count = 0;
    if (ready(sqlite) != STORE_OK)
        return STORE_BROKEN;
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->results, LIST);
    sqlite3_bind_int(statement, 1, (int)state);
    sqlite3_bind_int64(statement, 2, after);
    sqlite3_bind_int64(statement, 3, (int64_t)max);
    return read_entries(sqlite, statement, max, entries, count);
}

/* ---- purging ------------------------------------------------------------------------- */

/* The first entries that are old enough and have no checkpoint. */
static int find_old(struct store_sqlite *sqlite, int64_t before_ms, char (*kept)[UUID_SIZE],
                    size_t kept_count, char (*old)[UUID_SIZE], size_t *count)
{
    bool has_row;
    size_t length;
    sqlite3_stmt *statement = sqlite_file_statement(&sqlite->results, SETTLED);
    sqlite3_bind_int64(statement, 1, before_ms);
    for (*count = 0; *count < OUTBOX_PURGE_MAX;) {
        const int outcome = sqlite_file_step(&sqlite->results, statement, &has_row);
        if (outcome != STORE_OK)
            return outcome;
        if (!has_row)
            return STORE_OK;
        memset(old[*count], 0, UUID_SIZE);
        if (!read_text(statement, 0, old[*count], UUID_SIZE - 1, &length))
            continue;
        if (kept_count == 0 ||
            !bsearch(old[*count], kept, kept_count, UUID_SIZE, store_sqlite_compare_ids))
            ++*count;
    }
    sqlite3_reset(statement);
    return STORE_OK;
}

static int forget(struct store_sqlite *sqlite, char (*old)[UUID_SIZE], size_t count)
{
    const struct change no_change = {0};
    int outcome = begin(sqlite);
    for (size_t i = 0; outcome == STORE_OK && i < count; i++) {
        sqlite3_stmt *statement = sqlite_file_statement(&sqlite->results, FORGET);
        bind_text(statement, 1, old[i], strlen(old[i]));
        outcome = sqlite_file_run(&sqlite->results, statement);
    }
    return outcome == STORE_OK ? commit(sqlite, &no_change) : outcome;
}

int store_sqlite_outbox_purge(struct store *store, int64_t before_ms, size_t *purged)
{
    struct store_sqlite *sqlite = sqlite_of(store);
    char old[OUTBOX_PURGE_MAX][UUID_SIZE], (*kept)[UUID_SIZE] = NULL;
    size_t count = 0, kept_count;

    *purged = 0;
    int outcome = store_sqlite_read_match_ids(sqlite->rooms.path, &kept, &kept_count);
    if (outcome == STORE_OK)
        outcome = ready(sqlite);
    if (outcome == STORE_OK)
        outcome = find_old(sqlite, before_ms, kept, kept_count, old, &count);
    if (outcome == STORE_OK && count > 0)
        outcome = forget(sqlite, old, count);
    free(kept);
    if (outcome != STORE_OK)
        return STORE_BROKEN;
    *purged = count;
    return STORE_OK;
}
