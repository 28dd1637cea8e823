/*
 * The lock is the kernel's, on an open file, so it ends with the process, however that ends.
 *
 * Where the file cannot be made, the lock is a name in the kernel's abstract namespace of sockets, made
 * of the directory's identity and the slot. Everybody takes the name first and gives it back only when
 * he has the file, so the two kinds exclude each other, whenever there is space again.
 */
#include "gamed/slot_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket that has the name, or -1 and errno; EADDRINUSE: another process has it. */
static int take_name(const char *state_dir, char slot)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    if (stat(state_dir, &info) != 0)
        return -1;
    /* It begins with a NUL and is not ended by one. */
    const int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                "pong-gamed-%" PRIxMAX "-%" PRIxMAX "-slot-%c",
                                (uintmax_t)info.st_dev, (uintmax_t)info.st_ino, slot);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const size_t size = offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length;
    if (bind(fd, (const struct sockaddr *)&address, (socklen_t)size) == 0)
        return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* The lock file, open, or -1 and errno. To be locked it need not be written. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 && errno == EROFS) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
            errno = EROFS;
    }
    return fd;
}

static bool is_without_space(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EROFS;
}

/* Locks the file. Returns its descriptor, or -1 with a sentence; *is_makeable says whether there can be
 * one at all. */
static int take_file(const char *path, const char *state_dir, char slot, bool *is_makeable,
                     char *error, size_t error_size)
{
    const int fd = open_file(path);
    *is_makeable = fd >= 0 || !is_without_space(errno);
    if (fd < 0) {
        snprintf(error, error_size, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        snprintf(error, error_size, "another gamed has slot %c in %s", slot, state_dir);
    else
        snprintf(error, error_size, "cannot lock %s: %s", path, strerror(errno));
    close(fd);
    return -1;
}

int slot_lock_take(const char *state_dir, char slot, char *error, size_t error_size)
{
    char path[1100];
    if (mkdir(state_dir, 0750) != 0 && errno != EEXIST) {
        snprintf(error, error_size, "cannot make the state directory %s: %s", state_dir,
                 strerror(errno));
        return -1;
    }
    snprintf(path, sizeof path, "%s/slot-%c.lock", state_dir, slot);
    const int name = take_name(state_dir, slot);
    if (name < 0 && errno == EADDRINUSE) {
        snprintf(error, error_size, "another gamed has slot %c in %s", slot, state_dir);
        return -1;
    }
    bool is_makeable;
    const int file = take_file(path, state_dir, slot, &is_makeable, error, error_size);
    if (file < 0 && !is_makeable && name >= 0) {
        if (error_size > 0)
            error[0] = '\0';
        return name;
    }
    if (name >= 0)
        close(name);
    return file;
}
