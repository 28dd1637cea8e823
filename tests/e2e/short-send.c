/*
 * A kernel that takes less than it is given, to be loaded before a daemon's own libraries
 * (LD_PRELOAD): of every eleven calls of send() with more than one byte, two take half of it, and three
 * take nothing and say that the socket is full. So a frame is taken in part, then the rest, or in part
 * again, or not; or not at all, and then not either. A real kernel does so when the other end is slow,
 * but seldom in the middle of a frame as short as ours.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    static atomic_uint calls;
    if (length > 1) {
        switch (atomic_fetch_add(&calls, 1) % 11) {
        case 2:
        case 3:
            length /= 2;
            break;
        case 4:
        case 7:
        case 8:
            errno = EAGAIN;
            return -1;
        default:
            break;
        }
    }
    return syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}
