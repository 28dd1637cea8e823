/*
 * log: see log.h. No lock and no heap: an entry is put together on the stack and leaves with one
 * write(2).
 */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum {
    ENTRY_MAX = 1024,
    FILE_MODE = 0640
};

static const char *log_program = "pong";
static enum log_level log_limit = LOG_LEVEL_INFO;
static const char *log_path;         /* NULL: standard error */
static int log_file = STDERR_FILENO; /* the same number for good, see log_reopen() */

void log_init(const char *program, enum log_level level)
{
    log_program = program;
    log_limit = level;
}

/* A pipe without a reader is an error rather than a wait, and a terminal does not become ours. */
static int open_file(const char *path, char *error, size_t error_size)
{
    const int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    struct stat status;
    if (fd >= 0 && fstat(fd, &status) == 0 &&
        (S_ISREG(status.st_mode) || fcntl(fd, F_SETFL, O_APPEND) == 0)) /* its writes may wait */
        return fd;
    snprintf(error, error_size, "the log file %s cannot be opened: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int log_open(const char *path, char *error, size_t error_size)
{
    const int fd = open_file(path, error, error_size);
    if (fd < 0)
        return -1;
    log_path = path;
    log_file = fd;
    return 0;
}

/*
 * The new file takes the old one's number in one step, so that whoever writes meanwhile writes to one
 * of them, and nobody has to be told.
 */
int log_reopen(char *error, size_t error_size)
{
    if (!log_path)
        return 0;
    const int fd = open_file(log_path, error, error_size);
    if (fd < 0)
        return -1;
    int result;
    do {
        result = dup3(fd, log_file, O_CLOEXEC);
    } while (result < 0 && errno == EINTR);
    if (result < 0)
        snprintf(error, error_size, "the log file %s cannot be opened: %s", log_path,
                 strerror(errno));
    close(fd);
    return result < 0 ? -1 : 0;
}

/* Writes "time level program: " and returns its length. */
static size_t write_head(char *entry, size_t size, enum log_level level)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    struct timespec now;
    struct tm utc;
    char seconds[32] = "";
    int length;

    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc) != NULL)
        strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    length = snprintf(entry, size, "%s.%03dZ %s %s: ", seconds, (int)(now.tv_nsec / 1000000),
                      words[level], log_program);
    return length < 0 ? 0 : (size_t)length < size ? (size_t)length : size - 1;
}

static void __attribute__((format(printf, 2, 0)))
write_entry(enum log_level level, const char *format, va_list arguments)
{
    char entry[ENTRY_MAX + 1]; /* and the line's end */
    size_t length;
    int text;
    ssize_t written;

    if (level > log_limit)
        return;
    length = write_head(entry, ENTRY_MAX, level);
    text = vsnprintf(entry + length, ENTRY_MAX - length, format, arguments);
    if (text > 0)
        length = (size_t)text < ENTRY_MAX - length ? length + (size_t)text : ENTRY_MAX - 1;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)entry[i] < 0x20 || entry[i] == 0x7f)
            entry[i] = '?';
    entry[length++] = '\n';
    written = write(log_file, entry, length);
    (void)written; /* a log that cannot be written has nowhere to complain */
}

void log_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_entry(LOG_LEVEL_ERROR, format, arguments);
    va_end(arguments);
}

void log_warn(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_entry(LOG_LEVEL_WARN, format, arguments);
    va_end(arguments);
}

void log_info(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_entry(LOG_LEVEL_INFO, format, arguments);
    va_end(arguments);
}

void log_debug(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_entry(LOG_LEVEL_DEBUG, format, arguments);
    va_end(arguments);
}
