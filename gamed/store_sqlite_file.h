/*
 * store_sqlite_file: one SQLite file of the store: opened, brought to the present schema, and opened
 * again after it failed; a corrupt one is moved aside. It must not know what is in the tables.
 *
 * Thread: one at a time per file, but for files_set_aside.
 */
#ifndef PONG_GAMED_STORE_SQLITE_FILE_H
#define PONG_GAMED_STORE_SQLITE_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

enum {
    SQLITE_FILE_STATEMENTS_MAX = 16,
    SQLITE_FILE_PATH_SIZE = 1100,
};

/* What makes one file differ from another. Texts are SQL. */
struct sqlite_file_kind {
    const char *name;              /* of the file: NAME-SLOT.db */
    const char *begin;             /* pragmas for a new file, before anything is in it */
    const char *open;              /* pragmas for each connection */
    const char *const *steps;      /* the n-th makes schema n + 1 out of schema n; ended by NULL */
    const char *const *statements; /* ended by NULL */
};

struct sqlite_file {
    const struct sqlite_file_kind *kind;
    char path[SQLITE_FILE_PATH_SIZE];
    sqlite3 *connection; /* NULL: the next call opens it */
    sqlite3_stmt *statements[SQLITE_FILE_STATEMENTS_MAX];
    unsigned opened;    /* how many times: what was known of the content is true for one only */
    bool is_check_due;  /* it may be corrupt */
    bool is_in_trouble; /* and that has been logged */
    _Atomic unsigned files_set_aside;
};

/* Prepares NAME-SLOT.db in `dir`; nothing is opened. STORE_OK, or STORE_FULL: the path is too long. */
int sqlite_file_init(struct sqlite_file *file, const struct sqlite_file_kind *kind, const char *dir,
                     char slot);

/*
 * Makes sure that it is open. STORE_OK, STORE_FULL, STORE_BROKEN or STORE_TOO_NEW; the reason has
 * been logged then.
 */
int sqlite_file_ready(struct sqlite_file *file);

/* Closes it, if it is open; the next sqlite_file_ready opens it again. */
void sqlite_file_close(struct sqlite_file *file);

/* The n-th statement, without bindings, not begun. The file is open. */
sqlite3_stmt *sqlite_file_statement(struct sqlite_file *file, size_t n);

/*
 * Runs a statement up to its next row. STORE_OK, with *has_row; or STORE_FULL or STORE_BROKEN: then
 * the transaction is rolled back, the file perhaps closed, and the statement not to be used any more.
 */
int sqlite_file_step(struct sqlite_file *file, sqlite3_stmt *statement, bool *has_row);

/* Runs a statement that has no rows. Returns as sqlite_file_step does. */
int sqlite_file_run(struct sqlite_file *file, sqlite3_stmt *statement);

/* A transaction that writes. Each returns as sqlite_file_step does; sqlite_file_begin opens the file
 * first, and may return what sqlite_file_ready does. */
int sqlite_file_begin(struct sqlite_file *file);
int sqlite_file_commit(struct sqlite_file *file);
void sqlite_file_rollback(struct sqlite_file *file);

#endif
