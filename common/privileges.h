/*
 * privileges: what a process may do, given away for good. A daemon of ours needs no right of root's; started as root it becomes
 * somebody else before it opens a socket, a file or a thread. Must not know what the daemon is.
 */
#ifndef PONG_COMMON_PRIVILEGES_H
#define PONG_COMMON_PRIVILEGES_H

#include <stddef.h>

/*
 * Bars this process from ever gaining rights (no_new_privs), and, where `user` is not "", becomes that user with all of its
 * groups and without any capability. Only root can become somebody else; who is `user` already may say so. Returns 0, or -1 and a
 * sentence in error[]. Call it from the only thread.
 */
int privileges_drop(const char *user, char *error, size_t error_size);

/* Says in the log that this process is root's, if it is. Once the log is where it is to be. */
void privileges_tell_of_root(void);

#endif
