/*
 * fcgi_listener: see fcgi_listener.h.
 */
#include "api-fcgi/fcgi_listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/unix_socket.h"

enum {
    BACKLOG = 4096, /* of handshakes when everybody comes back at once; the kernel may know less */
    HOST_SIZE = 64
};

static const char unix_prefix[] = "unix:";

bool fcgi_listener_is_inherited(void)
{
    int listens = 0;
    socklen_t size = sizeof listens;

    return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
           listens != 0;
}

/* The path of unix:PATH, or NULL. */
static const char *unix_path(const char *address)
{
    size_t length = sizeof unix_prefix - 1;

    return strncmp(address, unix_prefix, length) == 0 ? address + length : NULL;
}

/* Resolves ADDR:PORT; the caller frees *found. */
static int read_tcp(const char *address, struct addrinfo **found, char *error, size_t error_size)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(address, ':');
    char host[HOST_SIZE];
    size_t length = colon != NULL ? (size_t)(colon - address) : 0;

    if (length > 1 && address[0] == '[' && address[length - 1] == ']') {
        address++;
        length -= 2;
    }
    if (length > 0 && length < sizeof host && colon[1] != '\0') {
        memcpy(host, address, length);
        host[length] = '\0';
        if (getaddrinfo(host, colon + 1, &hints, found) == 0)
            return 0;
    }
    snprintf(error, error_size, "\"%s\" is neither unix:PATH nor ADDR:PORT with a numeric address",
             address);
    return -1;
}

int fcgi_listener_check(const char *address, char *error, size_t error_size)
{
    const char *path = unix_path(address);
    struct addrinfo *found;

    if (path != NULL)
        return unix_socket_check(path, error, error_size);
    if (read_tcp(address, &found, error, error_size) != 0)
        return -1;
    freeaddrinfo(found);
    return 0;
}

static int open_tcp(const char *address, char *error, size_t error_size)
{
    const int on = 1;
    struct addrinfo *found;
    int descriptor;

    if (read_tcp(address, &found, error, error_size) != 0)
        return -1;
    descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(descriptor, found->ai_addr, found->ai_addrlen) != 0 ||
        listen(descriptor, BACKLOG) != 0) {
        snprintf(error, error_size, "cannot listen on %s: %s", address, strerror(errno));
        if (descriptor >= 0)
            close(descriptor);
        descriptor = -1;
    }
    freeaddrinfo(found);
    return descriptor;
}

int fcgi_listener_open(const char *address, char *error, size_t error_size)
{
    const char *path = unix_path(address);

    return path != NULL ? unix_socket_listen(path, BACKLOG, error, error_size)
                        : open_tcp(address, error, error_size);
}

void fcgi_listener_close(int descriptor, const char *address)
{
    const char *path = unix_path(address);

    if (path != NULL)
        unlink(path);
    close(descriptor);
}
