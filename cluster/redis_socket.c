/*
 * redis_socket: see redis_socket.h.
 */
#include "cluster/redis_socket.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "cluster/name_lookup.h"
#include "cluster/redis_url.h"

struct redis_dialer {
    struct redis_url url;
    SSL_CTX *tls;
    struct name_lookup *lookup; /* one that has not been answered yet */
};

struct redis_socket {
    int fd;
    SSL *tls; /* NULL: plain */
    /* What poll() is to look for before a read, or a write, has a chance; with TLS either may need both. */
    short read_events;
    short write_events;
};

int64_t redis_socket_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the dialer ----------------------------------------------------------------------------------- */

static SSL_CTX *make_tls(const char *ca_file, char *error, size_t error_size)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    int is_loaded;

    if (!tls) {
        snprintf(error, error_size, "TLS could not be set up");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    is_loaded = ca_file[0] == '\0' ? SSL_CTX_set_default_verify_paths(tls)
                                   : SSL_CTX_load_verify_file(tls, ca_file);
    ERR_clear_error();
    if (is_loaded != 1) {
        snprintf(error, error_size, "no certificates could be read from %s",
                 ca_file[0] == '\0' ? "the system's folder of CAs" : ca_file);
        SSL_CTX_free(tls);
        return NULL;
    }
    return tls;
}

int redis_dialer_new(const struct redis_url *url, const char *ca_file, struct redis_dialer **dialer,
                     char *error, size_t error_size)
{
    struct redis_dialer *new = calloc(1, sizeof *new);

    if (!new)
        return REDIS_SOCKET_NO_MEMORY;
    new->url = *url;
    if (url->has_tls) {
        new->tls = make_tls(ca_file, error, error_size);
        if (!new->tls) {
            free(new);
            return REDIS_SOCKET_REFUSED;
        }
    }
    *dialer = new;
    return 0;
}

void redis_dialer_free(struct redis_dialer *dialer)
{
    if (!dialer)
        return;
    name_lookup_free(dialer->lookup);
    SSL_CTX_free(dialer->tls);
    explicit_bzero(&dialer->url, sizeof dialer->url);
    free(dialer);
}

/* ---- connecting ------------------------------------------------------------------------------------ */

/* Milliseconds until then, as poll() takes them: 0 when it is over. */
static int left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - redis_socket_now_ms();

    return left < 0 ? 0 : (int)left;
}

/* A connected descriptor, or -1 with errno. */
static int connect_address(const struct sockaddr *address, socklen_t size, int64_t deadline_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t error_size = sizeof error;
    int on = 1;

    if (fd < 0)
        return -1;
    if (connect(fd, address, size) < 0)
        error = errno;
    if (error == EINPROGRESS) {
        int ready;

        do
            ready = poll(&writable, 1, left_ms(deadline_ms));
        while (ready < 0 && errno == EINTR);
        error = ETIMEDOUT;
        if (ready > 0)
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    }
    if (error != 0) {
        close(fd);
        errno = error;
        return -1;
    }
    if (address->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Each address in turn; those before the last get half of what time is left, so that a dead one does not
 * take all of it. */
static int connect_any(const struct addrinfo *addresses, int64_t deadline_ms, char *error,
                       size_t error_size)
{
    for (const struct addrinfo *at = addresses; at; at = at->ai_next) {
        int64_t until =
            at->ai_next ? redis_socket_now_ms() + left_ms(deadline_ms) / 2 : deadline_ms;
        int fd = connect_address(at->ai_addr, at->ai_addrlen, until);

        if (fd >= 0)
            return fd;
        snprintf(error, error_size, "cannot connect: %s", strerror(errno));
    }
    return -1;
}

static int connect_host(struct redis_dialer *dialer, int64_t deadline_ms, char *error,
                        size_t error_size)
{
    const struct redis_url *url = &dialer->url;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *numeric = NULL;
    const struct addrinfo *addresses = NULL;
    int outcome;
    int fd = -1;

    if (getaddrinfo(url->host, url->port, &hints, &numeric) == 0) {
        fd = connect_any(numeric, deadline_ms, error, error_size);
        freeaddrinfo(numeric);
        return fd;
    }
    if (!dialer->lookup)
        dialer->lookup = name_lookup_start(url->host, url->port);
    if (!dialer->lookup) {
        snprintf(error, error_size, "no memory to look up a name");
        return -1;
    }
    outcome = name_lookup_wait(dialer->lookup, left_ms(deadline_ms), &addresses);
    if (outcome == 1) {
        snprintf(error, error_size, "the name %s is still being looked up", url->host);
        return -1;
    }
    if (outcome != 0)
        snprintf(error, error_size, "the name %s: %s", url->host, gai_strerror(outcome));
    else
        fd = connect_any(addresses, deadline_ms, error, error_size);
    name_lookup_free(dialer->lookup);
    dialer->lookup = NULL;
    return fd;
}

static int connect_unix(const struct redis_url *url, int64_t deadline_ms, char *error,
                        size_t error_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    static_assert(sizeof address.sun_path == REDIS_URL_PATH_SIZE, "a path that was read fits");
    memcpy(address.sun_path, url->path, sizeof url->path);
    fd = connect_address((const struct sockaddr *)&address, sizeof address, deadline_ms);
    if (fd < 0)
        snprintf(error, error_size, "cannot connect to %s: %s", url->path, strerror(errno));
    return fd;
}

/* ---- TLS ------------------------------------------------------------------------------------------- */

/* The name that the certificate must be for; sent too, unless it is an address. */
static bool expect_name(SSL *tls, const char *host)
{
    X509_VERIFY_PARAM *rules = SSL_get0_param(tls);

    if (X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1)
        return true;
    ERR_clear_error();
    return SSL_set1_host(tls, host) == 1 && SSL_set_tlsext_host_name(tls, host) == 1;
}

/* What a call of the library came to: what to wait for in *events and 0, or -1. */
static int wait_for(SSL *tls, int result, short *events)
{
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ:
        *events = POLLIN;
        return 0;
    case SSL_ERROR_WANT_WRITE:
        *events = POLLOUT;
        return 0;
    default:
        return -1;
    }
}

static int start_tls(struct redis_socket *stream, struct redis_dialer *dialer, int64_t deadline_ms,
                     char *error, size_t error_size)
{
    stream->tls = SSL_new(dialer->tls);
    if (!stream->tls || SSL_set_fd(stream->tls, stream->fd) != 1 ||
        !expect_name(stream->tls, dialer->url.host)) {
        ERR_clear_error();
        snprintf(error, error_size, "no memory for TLS");
        return REDIS_SOCKET_DOWN;
    }
    for (;;) {
        short events = 0;
        int result;
        long verified;

        ERR_clear_error();
        result = SSL_connect(stream->tls);
        if (result == 1)
            return 0;
        verified = SSL_get_verify_result(stream->tls);
        if (wait_for(stream->tls, result, &events) == 0) {
            stream->read_events = events;
            if (left_ms(deadline_ms) > 0 && redis_socket_wait(stream, false, deadline_ms))
                continue;
            snprintf(error, error_size, "TLS: no answer in time");
            return REDIS_SOCKET_DOWN;
        }
        if (verified != X509_V_OK) {
            snprintf(error, error_size, "TLS: the certificate is refused: %s",
                     X509_verify_cert_error_string(verified));
            return REDIS_SOCKET_REFUSED;
        }
        snprintf(error, error_size, "TLS could not be agreed upon");
        return REDIS_SOCKET_DOWN;
    }
}

int redis_dialer_connect(struct redis_dialer *dialer, int64_t deadline_ms,
                         struct redis_socket **stream, char *error, size_t error_size)
{
    struct redis_socket *new = calloc(1, sizeof *new);
    int outcome = 0;

    if (!new) {
        snprintf(error, error_size, "no memory for a connection");
        return REDIS_SOCKET_NO_MEMORY;
    }
    new->read_events = POLLIN;
    new->write_events = POLLOUT;
    new->fd = dialer->url.path[0] != '\0'
                  ? connect_unix(&dialer->url, deadline_ms, error, error_size)
                  : connect_host(dialer, deadline_ms, error, error_size);
    if (new->fd < 0)
        outcome = REDIS_SOCKET_DOWN;
    else if (dialer->tls)
        outcome = start_tls(new, dialer, deadline_ms, error, error_size);
    if (outcome < 0) {
        redis_socket_close(new);
        return outcome;
    }
    new->read_events = POLLIN;
    *stream = new;
    return 0;
}

void redis_socket_close(struct redis_socket *stream)
{
    if (!stream)
        return;
    SSL_free(stream->tls);
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream);
}

/* ---- bytes ----------------------------------------------------------------------------------------- */

ssize_t redis_socket_write(struct redis_socket *stream, const void *bytes, size_t size)
{
    size_t taken = 0;
    ssize_t sent;
    int result;

    if (stream->tls) {
        ERR_clear_error();
        result = SSL_write_ex(stream->tls, bytes, size, &taken);
        if (result == 1)
            return (ssize_t)taken;
        return wait_for(stream->tls, result, &stream->write_events);
    }
    do
        sent = send(stream->fd, bytes, size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return sent;
}

ssize_t redis_socket_read(struct redis_socket *stream, void *out, size_t size)
{
    size_t taken = 0;
    ssize_t got;
    int result;

    if (stream->tls) {
        ERR_clear_error();
        result = SSL_read_ex(stream->tls, out, size, &taken);
        if (result == 1)
            return (ssize_t)taken;
        return wait_for(stream->tls, result, &stream->read_events);
    }
    do
        got = recv(stream->fd, out, size, 0);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return -1;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : got;
}

bool redis_socket_wait(struct redis_socket *stream, bool has_more, int64_t deadline_ms)
{
    struct pollfd ready = {.fd = stream->fd, .events = stream->read_events};
    int count;

    if (has_more)
        ready.events = (short)(ready.events | stream->write_events);
    do
        count = poll(&ready, 1, left_ms(deadline_ms));
    while (count < 0 && errno == EINTR);
    return count > 0;
}
