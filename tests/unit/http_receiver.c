/*
 * http_receiver: see http_receiver.h.
 */
#include "tests/unit/http_receiver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void http_receiver_open(struct http_receiver *receiver, const char *const *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    memset(receiver, 0, sizeof(*receiver));
    pthread_mutex_init(&receiver->lock, NULL);
    receiver->script = script;
    receiver->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(receiver->listener >= 0);
    assert_int_equal(bind(receiver->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(receiver->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(receiver->url, sizeof(receiver->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    for (size_t i = 0; i < HTTP_RECEIVER_CONNECTIONS; i++)
        receiver->connections[i].fd = -1;
}

static void hang_up(struct http_connection *connection)
{
    close(connection->fd);
    *connection = (struct http_connection){.fd = -1};
}

static void answer(struct http_receiver *receiver, struct http_connection *connection)
{
    struct http_request *request = &receiver->requests[connection->request - 1];
    size_t step = 0;
    while (step + 1 < connection->request && receiver->script[step + 1])
        step++;
    const char *text = receiver->script[step];
    const size_t size = strcmp(text, HTTP_CUT) == 0 ? 0 : strlen(text);
    size_t sent = 0;
    const int64_t answered_ms = now_ms();
    while (sent < size) {
        ssize_t n = send(connection->fd, text + sent, size - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    pthread_mutex_lock(&receiver->lock);
    request->answered_ms = answered_ms;
    request->hung_up = sent < size;
    pthread_mutex_unlock(&receiver->lock);
    hang_up(connection);
}

static void keep(struct http_receiver *receiver, struct http_connection *connection)
{
    pthread_mutex_lock(&receiver->lock);
    if (receiver->count < HTTP_RECEIVER_REQUESTS) {
        struct http_request *request = &receiver->requests[receiver->count];
        memcpy(request->text, connection->text, connection->size + 1);
        request->body = strstr(request->text, "\r\n\r\n") + 4;
        request->arrived_ms = now_ms();
        connection->request = ++receiver->count;
    }
    pthread_mutex_unlock(&receiver->lock);
}

static void receive(struct http_receiver *receiver, struct http_connection *connection)
{
    ssize_t n = recv(connection->fd, connection->text + connection->size,
                     sizeof(connection->text) - 1 - connection->size, 0);
    if (n <= 0) {
        hang_up(connection);
        return;
    }
    connection->size += (size_t)n;
    connection->text[connection->size] = '\0';
    const char *end = strstr(connection->text, "\r\n\r\n");
    const char *length = strcasestr(connection->text, "\r\nContent-Length:");
    const size_t body = length ? strtoul(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
    if (end && connection->request == 0 &&
        connection->size - (size_t)(end + 4 - connection->text) >= body)
        keep(receiver, connection);
}

static void take_connection(struct http_receiver *receiver)
{
    size_t open = 1;
    struct http_connection *free_one = NULL;
    for (size_t i = 0; i < HTTP_RECEIVER_CONNECTIONS; i++) {
        if (receiver->connections[i].fd < 0)
            free_one = &receiver->connections[i];
        else
            open++;
    }
    if (!free_one)
        return;
    int fd = accept4(receiver->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    free_one->fd = fd;
    pthread_mutex_lock(&receiver->lock);
    if (open > receiver->most_open)
        receiver->most_open = open;
    pthread_mutex_unlock(&receiver->lock);
}

static void *serve(void *argument)
{
    struct http_receiver *receiver = argument;
    while (!atomic_load(&receiver->quit)) {
        struct pollfd fds[HTTP_RECEIVER_CONNECTIONS + 1];
        for (size_t i = 0; i < HTTP_RECEIVER_CONNECTIONS; i++)
            fds[i] = (struct pollfd){.fd = receiver->connections[i].fd, .events = POLLIN};
        fds[HTTP_RECEIVER_CONNECTIONS] =
            (struct pollfd){.fd = receiver->listener, .events = POLLIN};
        poll(fds, HTTP_RECEIVER_CONNECTIONS + 1, 5);
        for (size_t i = 0; i < HTTP_RECEIVER_CONNECTIONS; i++) {
            struct http_connection *connection = &receiver->connections[i];
            if (connection->fd >= 0 && fds[i].revents)
                receive(receiver, connection);
            if (connection->fd >= 0 && connection->request && !atomic_load(&receiver->hold))
                answer(receiver, connection);
        }
        if (fds[HTTP_RECEIVER_CONNECTIONS].revents)
            take_connection(receiver);
    }
    return NULL;
}

void http_receiver_up(struct http_receiver *receiver)
{
    assert_int_equal(listen(receiver->listener, 128), 0);
    assert_int_equal(pthread_create(&receiver->thread, NULL, serve, receiver), 0);
    receiver->running = true;
}

size_t http_receiver_count(struct http_receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    size_t count = receiver->count;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

void http_receiver_await(struct http_receiver *receiver, size_t count)
{
    const int64_t deadline = now_ms() + 60 * 1000;
    while (http_receiver_count(receiver) < count) {
        assert_true(now_ms() < deadline);
        poll(NULL, 0, 2);
    }
}

void http_receiver_close(struct http_receiver *receiver)
{
    atomic_store(&receiver->quit, true);
    if (receiver->running)
        pthread_join(receiver->thread, NULL);
    for (size_t i = 0; i < HTTP_RECEIVER_CONNECTIONS; i++) {
        if (receiver->connections[i].fd >= 0)
            close(receiver->connections[i].fd);
    }
    close(receiver->listener);
    pthread_mutex_destroy(&receiver->lock);
}
