/*
 * log: one line per entry to standard error or a file, "2026-01-02T03:04:05.678Z level program: text". Never
 * pass a token, a key or a request line. Control characters in the text are replaced, so that no
 * peer can forge a line.
 */
#ifndef PONG_COMMON_LOG_H
#define PONG_COMMON_LOG_H

#include <stddef.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/* Words for OPTION_CHOICE, in the order of enum log_level. */
#define LOG_LEVEL_CHOICES "error|warn|info|debug"

/* Sets the program's name (kept, not copied) and what is printed at all. Call once at start, before
 * threads. */
void log_init(const char *program, enum log_level level);

/*
 * Writes to the end of this file instead of standard error from now on, making it (mode 0640) where it
 * is missing. `path` is kept, not copied. Returns 0, or -1 with a sentence in error[]. Call once at
 * start, before threads.
 */
int log_open(const char *path, char *error, size_t error_size);

/*
 * Opens the file anew by its name, for when it was moved: every entry is whole in the one or the other,
 * and none is lost. Returns 0, at once where no file is in use; or -1 with a sentence in error[], when
 * entries still go to the one that was open. Blocks on a disk. Any thread, but one at a time.
 */
int log_reopen(char *error, size_t error_size);

/* Any thread. One write(2) per entry; entries over 1 KiB are cut. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
