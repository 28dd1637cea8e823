/*
 * fcgi_listener: see fcgi_listener.h.
 */
#include "api-fcgi/fcgi_listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    HOST_SIZE = 64,
    SOCKET_MODE = 0660
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

static int read_unix(const char *path, struct sockaddr_un *name, char *error, size_t error_size)
{
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    if (path[0] == '\0' || strlen(path) >= sizeof name->sun_path) {
        snprintf(error, error_size, "the socket's path must have 1 to %zu bytes: \"%s\"",
                 sizeof name->sun_path - 1, path);
        return -1;
    }
    memcpy(name->sun_path, path, strlen(path));
    return 0;
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
    struct sockaddr_un name;
    struct addrinfo *found;

    if (path != NULL)
        return read_unix(path, &name, error, error_size);
    if (read_tcp(address, &found, error, error_size) != 0)
        return -1;
    freeaddrinfo(found);
    return 0;
}

/* Removes a socket file that nobody listens on. Returns -1 when somebody does. */
static int remove_stale(int descriptor, const struct sockaddr_un *name, char *error,
                        size_t error_size)
{
    struct stat file;

    if (lstat(name->sun_path, &file) != 0)
        return 0;
    if (!S_ISSOCK(file.st_mode)) {
        snprintf(error, error_size, "%s exists and is not a socket", name->sun_path);
        return -1;
    }
    if (connect(descriptor, (const struct sockaddr *)name, sizeof *name) == 0 ||
        errno != ECONNREFUSED) {
        snprintf(error, error_size, "another process listens on %s", name->sun_path);
        return -1;
    }
    unlink(name->sun_path);
    return 0;
}

static int open_unix(const char *path, char *error, size_t error_size)
{
    struct sockaddr_un name;
    int probe;
    int descriptor;
    int stale;

    if (read_unix(path, &name, error, error_size) != 0)
        return -1;
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0 || descriptor < 0) {
        snprintf(error, error_size, "cannot open a socket: %s", strerror(errno));
        goto failed;
    }
    stale = remove_stale(probe, &name, error, error_size);
    if (stale != 0)
        goto failed;
    /* The mode is set before listen: until then every connection is refused. */
    if (bind(descriptor, (const struct sockaddr *)&name, sizeof name) != 0 ||
        chmod(path, SOCKET_MODE) != 0 || listen(descriptor, BACKLOG) != 0) {
        snprintf(error, error_size, "cannot listen on %s: %s", path, strerror(errno));
        goto failed;
    }
    close(probe);
    return descriptor;
failed:
    if (probe >= 0)
        close(probe);
    if (descriptor >= 0)
        close(descriptor);
    return -1;
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

    return path != NULL ? open_unix(path, error, error_size) : open_tcp(address, error, error_size);
}

void fcgi_listener_close(int descriptor, const char *address)
{
    const char *path = unix_path(address);

    if (path != NULL)
        unlink(path);
    close(descriptor);
}
