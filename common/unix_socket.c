/*
 * unix_socket: see unix_socket.h. Whether somebody is there is found out by connecting with a socket
 * of a type that nobody listens with: the kernel refuses it in one way for a file whose process has
 * gone and in another for a living socket, which never hears of it. A true connection that is closed
 * again would do harm: nng 1.5 keeps a core busy for good with one that ends before its handshake.
 */
#include "common/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SOCKET_MODE = 0660
};

static int read_name(const char *path, struct sockaddr_un *name, char *error, size_t error_size)
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

int unix_socket_check(const char *path, char *error, size_t error_size)
{
    struct sockaddr_un name;

    return read_name(path, &name, error, error_size);
}

/* Returns the errno of connecting: EPROTOTYPE when a stream's socket is there (0: a datagram's),
 * ECONNREFUSED when the file is all that is left of one. */
static int probe(const struct sockaddr_un *name)
{
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int result = 0;

    if (descriptor < 0)
        return errno;
    if (connect(descriptor, (const struct sockaddr *)name, sizeof *name) != 0)
        result = errno;
    close(descriptor);
    return result;
}

int unix_socket_try(const char *path, char *error, size_t error_size)
{
    struct sockaddr_un name;
    int result;

    if (read_name(path, &name, error, error_size) != 0)
        return -1;
    result = probe(&name);
    if (result == EPROTOTYPE)
        return 0;
    if (result == 0)
        result = EPROTOTYPE;
    snprintf(error, error_size, "%s: %s", path, strerror(result));
    return -1;
}

/* Removes what is at the name if it is a socket file that refuses connections. */
static int clear_name(const struct sockaddr_un *name, char *error, size_t error_size)
{
    const char *path = name->sun_path;
    struct stat file;
    int result;

    if (lstat(path, &file) != 0) {
        if (errno == ENOENT)
            return 0;
        snprintf(error, error_size, "cannot look at %s: %s", path, strerror(errno));
        return -1;
    }
    if (!S_ISSOCK(file.st_mode)) {
        snprintf(error, error_size, "%s exists and is not a socket", path);
        return -1;
    }
    result = probe(name);
    if (result == 0 || result == EPROTOTYPE) {
        snprintf(error, error_size, "another process listens on %s", path);
        return -1;
    }
    if (result != ECONNREFUSED && result != ENOENT) {
        snprintf(error, error_size, "cannot find out whether a process listens on %s: %s", path,
                 strerror(result));
        return -1;
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        snprintf(error, error_size, "cannot remove the old socket %s: %s", path, strerror(errno));
        return -1;
    }
    return 0;
}

int unix_socket_clear(const char *path, char *error, size_t error_size)
{
    struct sockaddr_un name;

    if (read_name(path, &name, error, error_size) != 0)
        return -1;
    return clear_name(&name, error, error_size);
}

int unix_socket_listen(const char *path, int backlog, char *error, size_t error_size)
{
    struct sockaddr_un name;
    int descriptor;

    if (read_name(path, &name, error, error_size) != 0 || clear_name(&name, error, error_size) != 0)
        return -1;
    descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* The mode is set before listen: until then every connection is refused. */
    if (descriptor < 0 || bind(descriptor, (const struct sockaddr *)&name, sizeof name) != 0 ||
        chmod(path, SOCKET_MODE) != 0 || listen(descriptor, backlog) != 0) {
        snprintf(error, error_size, "cannot listen on %s: %s", path, strerror(errno));
        if (descriptor >= 0)
            close(descriptor);
        return -1;
    }
    return descriptor;
}
