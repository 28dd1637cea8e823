/*
 * store_sqlite_aside: what becomes of a file of the store that is corrupt: it is moved aside, with
 * its log, and what can still be read of it is taken over. For store_sqlite_file alone; as there, it
 * must not know what the tables mean.
 */
#ifndef PONG_GAMED_STORE_SQLITE_ASIDE_H
#define PONG_GAMED_STORE_SQLITE_ASIDE_H

#include <stdbool.h>

#include "gamed/store_sqlite_file.h"

enum {
    SQLITE_FILE_ASIDE_MAX = 8, /* files moved aside in one life of the process: a disk that damages
                                  all it is given is not filled with them */
};

/*
 * Moves the file, which is closed and corrupt, and its log to PATH.damaged-UNIXTIME; its rows are
 * due to be taken over for as long as there is a file of such a name, whoever moved it. False, logged
 * once, when that cannot be done.
 */
bool sqlite_file_set_aside(struct sqlite_file *file);

/*
 * Moves the log that was left behind when that was interrupted after the file. False, logged once,
 * when it cannot be moved: then the file must not be opened, since SQLite would delete the log.
 */
bool sqlite_file_finish_aside(struct sqlite_file *file);

/* How many files there are whose rows are due to be taken over. */
unsigned sqlite_file_count_due(const struct sqlite_file *file);

/* Moves a log alone, which does not belong to the file under that name, to PATH.corrupt-UNIXTIME-wal:
 * there are no rows. */
void sqlite_file_set_log_aside(struct sqlite_file *file);

/* Whether there is a log beside the file, which is closed, that is none; torn ones do not count,
 * nor do those that begin with zeros. */
bool sqlite_file_has_garbage_log(const struct sqlite_file *file);

/* Whether the log is where it belongs, beside the file, which is open. */
bool sqlite_file_has_log(const struct sqlite_file *file);

/*
 * If rows are due, copies those that can be read into this file, which is open, as one transaction
 * for each file that was set aside, which is named PATH.corrupt-UNIXTIME then. Returns SQLITE_OK, or
 * SQLite's code when this file could not be written, or the other not renamed: then they are still
 * due. It may be interrupted anywhere, and begun again.
 */
int sqlite_file_take_over(struct sqlite_file *file);

#endif
