/*
 * fcgi_workers: see fcgi_workers.h. A kept connection of nginx owns its thread, idle or not, so
 * there must be more threads than nginx keeps connections.
 */
#include "api-fcgi/fcgi_workers.h"

#include <errno.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"

/* Bytes of a thread's stack: the deepest use is a body of 4 KiB under jansson's parser, and it is
 * far from this; but ThreadSanitizer keeps what it knows of a thread in there, too. */
#ifdef __SANITIZE_THREAD__
#define SANITIZER_STACK_SIZE (1024 * 1024)
#else
#define SANITIZER_STACK_SIZE 0
#endif

enum {
    STACK_SIZE = 512 * 1024 + SANITIZER_STACK_SIZE,
    RETRY_MS = 100
};

struct worker {
    struct fcgi_workers *workers;
    pthread_t thread;
    atomic_bool has_ended;
    struct response response; /* too large for a stack */
};

struct fcgi_workers {
    int descriptor;
    fcgi_answer answer;
    void *arg;
    atomic_bool is_stopping;
    int count;
    struct worker worker[];
};

static void on_wake(int signal_number)
{
    (void)signal_number; /* to interrupt accept and read is all it is for */
}

static const char *param(void *arg, const char *name)
{
    return FCGX_GetParam(name, ((FCGX_Request *)arg)->envp);
}

static size_t read_body(void *arg, char *out, size_t size)
{
    int got = FCGX_GetStr(out, (int)size, ((FCGX_Request *)arg)->in);

    return got > 0 ? (size_t)got : 0;
}

static void answer_one(struct worker *worker, FCGX_Request *fcgi)
{
    const struct request_source source = {.param = param, .read = read_body, .arg = fcgi};
    char head[RESPONSE_HEAD_MAX];
    struct request request;

    request_init(&request, &source);
    worker->workers->answer(worker->workers->arg, &request, &worker->response);
    FCGX_PutStr(head, (int)response_write_head(&worker->response, head), fcgi->out);
    if (request.method != HTTP_HEAD)
        FCGX_PutStr(response_body(&worker->response), (int)worker->response.body_length, fcgi->out);
    FCGX_Finish_r(fcgi);
    response_free(&worker->response);
}

/* Waits for the next request with the wake-up signal let through; at any other time it waits, too,
 * until this is called again. */
static int accept_one(FCGX_Request *fcgi)
{
    sigset_t wake;
    int result;

    sigemptyset(&wake);
    sigaddset(&wake, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
    result = FCGX_Accept_r(fcgi);
    pthread_sigmask(SIG_BLOCK, &wake, NULL);
    return result;
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    FCGX_Request fcgi;

    if (FCGX_InitRequest(&fcgi, worker->workers->descriptor, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
        log_error("libfcgi cannot set up a request");
    } else {
        while (!atomic_load(&worker->workers->is_stopping)) {
            if (accept_one(&fcgi) == 0) {
                answer_one(worker, &fcgi);
            } else if (!atomic_load(&worker->workers->is_stopping)) {
                log_warn("cannot accept a request: %s", strerror(errno));
                nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L},
                          NULL); /* e.g. no descriptor is free */
            }
        }
        FCGX_Free(&fcgi, 1);
    }
    atomic_store(&worker->has_ended, true);
    return NULL;
}

/* Starts the threads one by one; workers->count is how many there are. */
static int start_threads(struct fcgi_workers *workers, int threads)
{
    pthread_attr_t attributes;
    int result;

    pthread_attr_init(&attributes);
    result = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (int i = 0; i < threads && result == 0; i++) {
        workers->worker[i].workers = workers;
        result = pthread_create(&workers->worker[i].thread, &attributes, run_worker,
                                &workers->worker[i]);
        if (result == 0)
            workers->count++;
    }
    pthread_attr_destroy(&attributes);
    return result;
}

struct fcgi_workers *fcgi_workers_start(int descriptor, int threads, fcgi_answer answer, void *arg,
                                        char *error, size_t error_size)
{
    const struct sigaction action = {.sa_handler = on_wake}; /* without SA_RESTART */
    struct fcgi_workers *workers =
        calloc(1, sizeof *workers + (size_t)threads * sizeof workers->worker[0]);
    int result;

    if (workers == NULL) {
        snprintf(error, error_size, "out of memory for %d threads", threads);
        return NULL;
    }
    if (FCGX_Init() != 0 || sigaction(SIGUSR1, &action, NULL) != 0) {
        snprintf(error, error_size, "libfcgi cannot be set up");
        free(workers);
        return NULL;
    }
    workers->descriptor = descriptor;
    workers->answer = answer;
    workers->arg = arg;
    result = start_threads(workers, threads);
    if (result == 0)
        return workers;
    snprintf(error, error_size, "cannot start thread %d of %d: %s", workers->count + 1, threads,
             strerror(result));
    fcgi_workers_stop(workers);
    while (!fcgi_workers_await(workers))
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    fcgi_workers_free(workers);
    return NULL;
}

void fcgi_workers_stop(struct fcgi_workers *workers)
{
    atomic_store(&workers->is_stopping, true);
    FCGX_ShutdownPending();
}

bool fcgi_workers_await(struct fcgi_workers *workers)
{
    bool have_ended = true;

    for (int i = 0; i < workers->count; i++)
        if (!atomic_load(&workers->worker[i].has_ended)) {
            have_ended = false;
            pthread_kill(workers->worker[i].thread,
                         SIGUSR1); /* not joined yet, so the thread's id is good */
        }
    return have_ended;
}

void fcgi_workers_free(struct fcgi_workers *workers)
{
    for (int i = 0; i < workers->count; i++)
        pthread_join(workers->worker[i].thread, NULL);
    free(workers);
}
