/*
 * Answers have a Content-Length, or are chunked (nginx, node): both are read.
 */
#include "bench/load/rest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    STATUS_AT = 9, /* "HTTP/1.1 200" */
    HEX = 16,
    DECIMAL = 10
};

void rest_init(struct rest *rest, uint64_t tag)
{
    memset(rest, 0, sizeof *rest);
    rest->fd = -1;
    rest->tag = tag;
}

void rest_close(struct rest *rest)
{
    if (rest->fd >= 0)
        close(rest->fd);
    rest->fd = -1;
    rest->is_busy = false;
}

static bool open_socket(struct rest *rest, int epoll, const struct target *target)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = rest->tag};
    rest->fd = target_connect(target, 0);
    if (rest->fd < 0)
        return false;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, rest->fd, &event) != 0) {
        rest_close(rest);
        return false;
    }
    return true;
}

/* A request is small: the socket takes it whole, or not at all. */
static bool flush(struct rest *rest)
{
    if (rest->out_length == 0)
        return true;
    const ssize_t sent = send(rest->fd, rest->out, rest->out_length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == ENOTCONN;
    if ((size_t)sent != rest->out_length)
        return false;
    rest->out_length = 0;
    return true;
}

bool rest_ask(struct rest *rest, int epoll, const struct target *target, const char *path,
              const char *body)
{
    const int length =
        body ? snprintf(rest->out, sizeof rest->out,
                        "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        path, target->host, strlen(body), body)
             : snprintf(rest->out, sizeof rest->out, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path,
                        target->host);
    if (length <= 0 || (size_t)length >= sizeof rest->out)
        return false;
    rest->out_length = (size_t)length;
    rest->in_length = 0;
    if (rest->fd < 0 && !open_socket(rest, epoll, target))
        return false;
    rest->is_busy = true;
    if (!flush(rest)) {
        rest_close(rest);
        return false;
    }
    return true;
}

/* The value of a header of the answer's head; NULL when it has none. */
static const char *header(const char *head, const char *end, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = head; line < end;) {
        const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if ((size_t)(end - line) > length && strncasecmp(line, name, length) == 0)
            return line + length;
        if (!next)
            return NULL;
        line = next + 2;
    }
    return NULL;
}

/* Joins the chunks in place. False: the last one has not come. */
static bool join_chunks(char *body, const char *end, size_t *length)
{
    char *to = body;
    for (char *at = body;;) {
        char *line = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (!line)
            return false;
        const size_t size = strtoul(at, NULL, HEX);
        at = line + 2;
        if ((size_t)(end - at) < size + 2)
            return false;
        if (size == 0) {
            *length = (size_t)(to - body);
            return true;
        }
        memmove(to, at, size);
        to += size;
        at += size + 2;
    }
}

/* Whether the whole answer is there. */
static bool read_answer(struct rest *rest, struct rest_answer *answer, bool *is_last)
{
    char *end = rest->in + rest->in_length;
    char *empty = memmem(rest->in, rest->in_length, "\r\n\r\n", 4);
    if (!empty || rest->in_length <= STATUS_AT)
        return false;
    char *body = empty + 4;
    const char *length = header(rest->in, empty, "Content-Length:");
    const char *coding = header(rest->in, empty, "Transfer-Encoding:");
    const char *connection = header(rest->in, empty, "Connection:");
    answer->status = (int)strtol(rest->in + STATUS_AT, NULL, DECIMAL);
    answer->body = body;
    *is_last = connection && strncasecmp(connection, " close", 6) == 0;
    if (coding) {
        /* Joined once, when all are there: joining destroys them. */
        return memmem(body, (size_t)(end - body), "0\r\n\r\n", 5) &&
               join_chunks(body, end, &answer->length);
    }
    answer->length = length ? strtoul(length, NULL, DECIMAL) : 0;
    return (size_t)(end - body) >= answer->length;
}

static enum rest_outcome fail(struct rest *rest)
{
    rest_close(rest);
    return REST_FAILED;
}

enum rest_outcome rest_ready(struct rest *rest, struct rest_answer *answer)
{
    if (rest->fd < 0)
        return REST_WAITS;
    if (!flush(rest))
        return fail(rest);
    for (;;) {
        const size_t room = sizeof rest->in - 1 - rest->in_length;
        if (room == 0)
            return fail(rest);
        const ssize_t got = recv(rest->fd, rest->in + rest->in_length, room, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return REST_WAITS;
        if (got <= 0) {
            /* A kept connection may be closed between two requests. */
            const bool was_busy = rest->is_busy;
            rest_close(rest);
            return was_busy ? REST_FAILED : REST_WAITS;
        }
        rest->in_length += (size_t)got;
        rest->in[rest->in_length] = '\0';
        bool is_last = false;
        if (!rest->is_busy || !read_answer(rest, answer, &is_last))
            continue;
        rest->is_busy = false;
        if (is_last)
            rest_close(rest);
        return REST_ANSWERED;
    }
}
