/*
 * left_state: whether an earlier life of this process, without Redis, has left something in its state
 * directory that would be forgotten there. It only looks.
 */
#ifndef PONG_GAMED_LEFT_STATE_H
#define PONG_GAMED_LEFT_STATE_H

#include <stddef.h>

/*
 * 0: nothing of this slot is there but what is settled. -1, with a sentence in error[] that says what
 * is there and what to do: results that were not delivered, rooms, files that cannot be read, or another
 * process that uses them. Main thread, at start; blocks on a disk.
 */
int left_state_check(const char *state_dir, char slot, char *error, size_t error_size);

#endif
