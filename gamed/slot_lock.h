/*
 * slot_lock: a lock file in the state directory, so that one slot's room codes are made by one
 * process of this machine only.
 */
#ifndef PONG_GAMED_SLOT_LOCK_H
#define PONG_GAMED_SLOT_LOCK_H

#include <stddef.h>

/*
 * Makes the directory if need be and locks slot-X.lock in it, or when the disk is full or read-only and
 * there is no such file, a name that stands for it within the network namespace; the kernel lets go of it when the
 * process ends, however it ends. Returns a descriptor to keep open, or -1 and a sentence in
 * error[]. Main thread, at start.
 */
int slot_lock_take(const char *state_dir, char slot, char *error, size_t error_size);

#endif
