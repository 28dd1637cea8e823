/*
 * secret_file: see secret_file.h. What was read is wiped from the memory it passed through.
 */
#include "common/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_END_MAX = 2 /* CR LF */
};

/* Up to `size` bytes; -1 with errno set. */
static ssize_t read_whole(int fd, char *out, size_t size)
{
    size_t length = 0;
    while (length < size) {
        const ssize_t got = read(fd, out + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

static ssize_t read_regular_file(const char *path, char *out, size_t size, const char **problem)
{
    struct stat status;
    ssize_t length = -1;
    /* Opening a pipe that nobody writes to must not wait for one who does. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        *problem = strerror(errno);
        return -1;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        *problem = "it is not a regular file";
    else if ((length = read_whole(fd, out, size)) < 0)
        *problem = strerror(errno);
    close(fd);
    return length;
}

static size_t without_line_end(const char *text, size_t length)
{
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    return length;
}

static const char *text_problem(const char *text, size_t length, size_t size)
{
    if (length >= size)
        return "it is too long";
    if (length == 0)
        return "it is empty";
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return "it holds a control character, or more than one line";
    }
    return NULL;
}

int secret_file_read(const char *path, char *out, size_t size, char *error, size_t error_size)
{
    const char *problem = "there is not enough memory to read it";
    char *text = malloc(size + LINE_END_MAX);
    ssize_t length = text ? read_regular_file(path, text, size + LINE_END_MAX, &problem) : -1;
    if (length >= 0) {
        length = (ssize_t)without_line_end(text, (size_t)length);
        problem = text_problem(text, (size_t)length, size);
        if (!problem) {
            memcpy(out, text, (size_t)length);
            out[length] = '\0';
        }
    }
    if (text)
        explicit_bzero(text, size + LINE_END_MAX);
    free(text);
    if (!problem)
        return 0;
    snprintf(error, error_size, "the key file %s cannot be used: %s", path, problem);
    return -1;
}
