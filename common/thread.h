/*
 * thread: starts a thread of a daemon whose signals are the main thread's.
 */
#ifndef PONG_COMMON_THREAD_H
#define PONG_COMMON_THREAD_H

#include <pthread.h>

/*
 * Starts run(arg) as a thread with all signals blocked and this name (at most 15 bytes). Returns 0,
 * with *thread to be joined, or an errno value. Any thread.
 */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg);

#endif
