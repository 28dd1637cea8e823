/*
 * reload: see reload.h. The signal is blocked in all threads and taken by sigwait(3), so no code is ever
 * interrupted by it; the same signal, sent to the thread alone, wakes it to end.
 */
#include "gamed/reload.h"

#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "common/secret_file.h"

enum {
    ERROR_SIZE = 1400 /* a sentence and a path */
};

static void make_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGHUP);
}

void reload_block_signal(void)
{
    sigset_t set;
    make_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGHUP, SIG_DFL); /* whoever started this may have ignored it (nohup) */
}

static void reload_log(void)
{
    char error[ERROR_SIZE];
    if (log_reopen(error, sizeof error) != 0)
        log_error("SIGHUP: %s; it goes on in the one that is open", error);
    else
        log_info("SIGHUP: this is the log from now on");
}

static void reload_api_key(const struct reload *reload)
{
    char key[GAME_HISTORY_API_KEY_SIZE], error[ERROR_SIZE];
    if (secret_file_read(reload->api_key_file, key, sizeof key, error, sizeof error) != 0 ||
        game_history_set_api_key(reload->history, key, error, sizeof error) != 0)
        log_error("SIGHUP: %s; the API key stays the one that it was", error);
    else
        log_info("SIGHUP: the API key was read from %s, for all posts from now on",
                 reload->api_key_file);
    explicit_bzero(key, sizeof key);
}

static void reload_all(const struct reload *reload)
{
    if (reload->log_file[0])
        reload_log();
    if (reload->api_key_file[0])
        reload_api_key(reload);
    if (!reload->log_file[0] && !reload->api_key_file[0])
        log_info("SIGHUP: there is no log file to open anew and no key file to read again");
}

static void *run(void *argument)
{
    struct reload *reload = argument;
    sigset_t set;
    int number;
    make_set(&set);
    for (;;) {
        sigwait(&set, &number);
        if (atomic_load(&reload->is_stopping))
            return NULL;
        reload_all(reload);
    }
}

int reload_start(struct reload *reload, const char *log_file, const char *api_key_file,
                 struct game_history *history)
{
    sigset_t all, before;
    reload->log_file = log_file;
    reload->api_key_file = api_key_file;
    reload->history = history;
    /* Signals are for the main thread; a thread inherits the mask it is made under. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    reload->is_started = pthread_create(&reload->thread, NULL, run, reload) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!reload->is_started)
        return -1;
    pthread_setname_np(reload->thread, "reload");
    return 0;
}

void reload_stop(struct reload *reload)
{
    if (!reload->is_started)
        return;
    atomic_store(&reload->is_stopping, true);
    pthread_kill(reload->thread, SIGHUP);
    pthread_join(reload->thread, NULL);
    reload->is_started = false;
}
