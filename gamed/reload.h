/*
 * reload: what SIGHUP brings about, on a thread of its own ("reload"), since files are opened and read
 * for it: the log file is opened anew, and the API key is read again and handed to whoever posts
 * results. It must not stop anything, whatever it finds.
 */
#ifndef PONG_GAMED_RELOAD_H
#define PONG_GAMED_RELOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "gamed/game_history.h"

struct reload {
    const char *log_file;     /* "" for standard error */
    const char *api_key_file; /* "" for none */
    struct game_history *history;
    pthread_t thread;
    bool is_started;
    atomic_bool is_stopping;
};

/*
 * Keeps SIGHUP from ending the process; one that comes before reload_start is served then. Call first
 * of all: what is blocked is inherited by the threads that are started later. Main thread.
 */
void reload_block_signal(void);

/*
 * Starts the thread; the files' names ("" for none) and the history must outlive it. Returns 0, or -1
 * when there is no memory for it. Main thread.
 */
int reload_start(struct reload *reload, const char *log_file, const char *api_key_file,
                 struct game_history *history);

/* Ends the thread, if it was started; SIGHUP does nothing from then on. Main thread. */
void reload_stop(struct reload *reload);

#endif
