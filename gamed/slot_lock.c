/*
 * The lock is the kernel's, on an open file, so it ends with the process, however that ends.
 */
#include "gamed/slot_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int slot_lock_take(const char *state_dir, char slot, char *error, size_t error_size)
{
    char path[1100];
    if (mkdir(state_dir, 0750) != 0 && errno != EEXIST) {
        snprintf(error, error_size, "cannot make the state directory %s: %s", state_dir,
                 strerror(errno));
        return -1;
    }
    snprintf(path, sizeof path, "%s/slot-%c.lock", state_dir, slot);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 && errno == EROFS) /* to be locked it need not be written */
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(error, error_size, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            snprintf(error, error_size, "another gamed has slot %c in %s", slot, state_dir);
        else
            snprintf(error, error_size, "cannot lock %s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}
