/*
 * log: see log.h. No lock and no heap: an entry is put together on the stack and leaves with one
 * write(2).
 */
#include "common/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum {
    ENTRY_MAX = 1024
};

static const char *log_program = "pong";
static enum log_level log_limit = LOG_LEVEL_INFO;

void log_init(const char *program, enum log_level level)
{
    log_program = program;
    log_limit = level;
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
    written = write(STDERR_FILENO, entry, length);
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
