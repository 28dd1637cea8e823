/*
 * store_sqlite_file: one SQLite file of the store: opened, brought to the present schema, and opened
 * again after it failed; a corrupt one is moved aside, and the rows of it that can still be read are
 * taken over into a fresh one. It must not know what the tables mean.
 *
 * While it is open, no other process can read or write it (the VFS "unix-excl"). Shared, the index
 * of the write-ahead log would be a mapped file, and a disk that fails under a mapping ends the
 * process with SIGBUS; and a reader that stays would keep the log from ever being cut. Connections
 * of this process share it: for those, see sqlite_file_connect_reader.
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
    const char *rows; /* the table that is taken over out of a corrupt file; it has a serial
                          INTEGER PRIMARY KEY as its first column. NULL: none */
};

enum sqlite_file_check {
    SQLITE_FILE_TRUSTED,
    SQLITE_FILE_UNSEEN,  /* not looked at since the start */
    SQLITE_FILE_SUSPECT, /* reported as corrupt in use: everything is looked at, indexes too */
};

struct sqlite_file {
    const struct sqlite_file_kind *kind;
    char path[SQLITE_FILE_PATH_SIZE];
    sqlite3 *connection; /* NULL: the next call opens it */
    sqlite3_stmt *statements[SQLITE_FILE_STATEMENTS_MAX];
    unsigned opened; /* how many times: what was known of the content is true for one only */
    enum sqlite_file_check check_due;
    bool was_absent;       /* or empty, when it was prepared, with no rows to be taken over */
    bool has_log;          /* there was one beside it after the last commit */
    bool is_in_trouble;    /* and that has been logged */
    bool is_aside_refused; /* it could not be moved aside, and that has been logged */
    _Atomic unsigned files_set_aside; /* and found so, by a process that ended meanwhile */
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

/* Proves that the file can be written, by writing something. Returns as sqlite_file_begin does. */
int sqlite_file_prove(struct sqlite_file *file);

/* Another connection of this process to the file at `path`, which only reads. Returns SQLite's code;
 * the caller closes the connection even when it failed. Any thread. */
int sqlite_file_connect_reader(const char *path, sqlite3 **connection);

/* A transaction that writes. Each returns as sqlite_file_step does; sqlite_file_begin opens the file
 * first, and may return what sqlite_file_ready does. */
int sqlite_file_begin(struct sqlite_file *file);
int sqlite_file_commit(struct sqlite_file *file);
void sqlite_file_rollback(struct sqlite_file *file);

#endif
