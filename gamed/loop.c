/*
 * The one loop. Whatever blocks must not be called from here.
 */
#include "gamed/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/unix_socket.h"

/* A header block over HEADERS_MAX closes without an answer. */
enum {
    HEADERS_MAX = 8192,
    LIBRARY_LINES_MAX = 20, /* of the library's log, in … */
    LIBRARY_MINUTE_MS = 60000,
    UNIX_SOCKET_MASK = 0117 /* 0660 */
};

struct watch {
    uv_poll_t poll;
    void (*readable)(void *arg);
    void *arg;
};

struct loop {
    uv_loop_t uv;
    struct lws_context *context;
    char unix_path[sizeof((struct sockaddr_un *)0)->sun_path];
    char host[64]; /* the library keeps a pointer to it */
    int timer_fd;
    uv_poll_t timer;
    int64_t (*fire)(void *arg);
    void *fire_arg;
    int64_t deadline_ns;
    uv_async_t wake;
    void (*woken)(void *arg);
    void *woken_arg;
    uv_prepare_t before_wait;
    void (*turn)(void *arg);
    void *turn_arg;
    uint64_t turns;
    struct watch watches[LOOP_WATCHES_MAX];
    size_t watch_count;
};

/*
 * The library's timers are a sorted list, so its own keep-alive would cost O(n) a connection; pings
 * are the game manager's.
 */
static const lws_retry_bo_t no_keepalive = {.secs_since_valid_ping = 0,
                                            .secs_since_valid_hangup = 0};

/* ---- listener ------------------------------------------------------------------------ */

static int prepare_unix_path(struct loop *loop, const char *path, char *error, size_t error_size)
{
    if (unix_socket_clear(path, error, error_size) != 0)
        return -1;
    memcpy(loop->unix_path, path, strlen(path) + 1);
    return 0;
}

/* Splits ADDR:PORT; an IPv6 address stands in brackets. */
static int split_address(const char *listen, char *host, size_t host_size, int *port)
{
    const char *colon = strrchr(listen, ':');
    char *end;
    if (!colon || colon == listen)
        return -1;
    long number = strtol(colon + 1, &end, 10);
    size_t length = (size_t)(colon - listen);
    if (*end || end == colon + 1 || number < 1 || number > 65535 || length >= host_size)
        return -1;
    if (listen[0] == '[' && colon[-1] == ']') {
        listen++;
        length -= 2;
    }
    memcpy(host, listen, length);
    host[length] = '\0';
    *port = (int)number;
    return 0;
}

static int open_context(struct loop *loop, const struct loop_config *config, char *error,
                        size_t error_size)
{
    void *foreign[1] = {&loop->uv};
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof info);
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
                   LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    if (strncmp(config->listen, "unix:", 5) == 0) {
        if (prepare_unix_path(loop, config->listen + 5, error, error_size) != 0)
            return -1;
        info.options |= LWS_SERVER_OPTION_UNIX_SOCK;
        info.iface = loop->unix_path;
    } else {
        if (split_address(config->listen, loop->host, sizeof loop->host, &info.port) != 0) {
            snprintf(error, error_size,
                     "--listen must be unix:PATH or NUMERIC-ADDRESS:PORT, not \"%.80s\"",
                     config->listen);
            return -1;
        }
        info.iface = loop->host;
        if (!strchr(loop->host, ':'))
            info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
    }
    info.foreign_loops = foreign;
    info.protocols = config->protocols;
    info.user = config->protocol_arg;
    info.gid = -1;
    info.uid = -1;
    info.max_http_header_data = HEADERS_MAX;
    info.max_http_header_pool = (unsigned short)config->max_handshakes;
    info.timeout_secs = (unsigned)config->handshake_seconds;
    info.timeout_secs_ah_idle = (unsigned)config->handshake_seconds;
    info.retry_and_idle_policy = &no_keepalive;
    /* the listener exists from its first moment with the mode that it is to have */
    mode_t old_mask = umask(UNIX_SOCKET_MASK);
    loop->context = lws_create_context(&info);
    bool listens = loop->context && lws_create_vhost(loop->context, &info);
    umask(old_mask);
    if (!listens) {
        snprintf(error, error_size, "cannot listen on %s", config->listen);
        return -1;
    }
    return 0;
}

/*
 * The library's own warnings may quote what a peer sent, so only its errors are logged, as one
 * line; and not all of them, as each stands for a request that anybody can send again.
 */
static void log_library(int level, const char *line)
{
    static int64_t minute_began_ms;
    static unsigned said, kept_back;
    const int64_t now_ms = clock_read().mono_ms;
    (void)level;
    if (said == 0 || now_ms - minute_began_ms >= LIBRARY_MINUTE_MS) {
        if (kept_back > 0)
            log_warn("libwebsockets: %u more lines were kept back", kept_back);
        minute_began_ms = now_ms;
        said = kept_back = 0;
    }
    if (said == LIBRARY_LINES_MAX) {
        kept_back++;
        return;
    }
    said++;
    log_warn("libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

static void on_wake(uv_async_t *handle)
{
    struct loop *loop = handle->data;
    if (loop->woken)
        loop->woken(loop->woken_arg);
}

static void on_before_wait(uv_prepare_t *handle)
{
    struct loop *loop = handle->data;
    loop->turns++;
    if (loop->turn)
        loop->turn(loop->turn_arg);
}

struct loop *loop_open(const struct loop_config *config, char *error, size_t error_size)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    loop->timer_fd = -1;
    lws_set_log_level(LLL_ERR, log_library);
    if (uv_loop_init(&loop->uv) != 0 || uv_async_init(&loop->uv, &loop->wake, on_wake) != 0) {
        snprintf(error, error_size, "cannot make an event loop: %s", strerror(errno));
        free(loop);
        return NULL;
    }
    loop->wake.data = loop;
    loop->before_wait.data = loop;
    uv_prepare_init(&loop->uv, &loop->before_wait); /* it and the next cannot fail */
    uv_prepare_start(&loop->before_wait, on_before_wait);
    if (open_context(loop, config, error, error_size) != 0) {
        loop_close(loop);
        return NULL;
    }
    return loop;
}

/* ---- timer --------------------------------------------------------------------------- */

static void arm(struct loop *loop, int64_t deadline_ns)
{
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                                           .tv_nsec = (long)(deadline_ns % 1000000000)}};
    loop->deadline_ns = deadline_ns;
    int failed = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    assert(!failed);
    (void)failed;
}

static void on_timer(uv_poll_t *handle, int status, int events)
{
    struct loop *loop = handle->data;
    uint64_t expirations;
    (void)status, (void)events;
    if (read(loop->timer_fd, &expirations, sizeof expirations) == sizeof expirations)
        arm(loop, loop->fire(loop->fire_arg));
}

int loop_set_timer(struct loop *loop, int64_t (*fire)(void *arg), void *arg, int64_t first_ns)
{
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->timer_fd < 0 || uv_poll_init(&loop->uv, &loop->timer, loop->timer_fd) != 0)
        return -1;
    loop->timer.data = loop;
    loop->fire = fire;
    loop->fire_arg = arg;
    arm(loop, first_ns);
    return uv_poll_start(&loop->timer, UV_READABLE, on_timer);
}

void loop_hasten_timer(struct loop *loop, int64_t deadline_ns)
{
    if (deadline_ns < loop->deadline_ns)
        arm(loop, deadline_ns);
}

/* ---- watches and waking -------------------------------------------------------------- */

static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct watch *watch = handle->data;
    (void)status, (void)events;
    watch->readable(watch->arg);
}

int loop_watch(struct loop *loop, int fd, void (*readable)(void *arg), void *arg)
{
    if (loop->watch_count == LOOP_WATCHES_MAX)
        return -1;
    struct watch *watch = &loop->watches[loop->watch_count];
    if (uv_poll_init(&loop->uv, &watch->poll, fd) != 0)
        return -1;
    loop->watch_count++;
    watch->poll.data = watch;
    watch->readable = readable;
    watch->arg = arg;
    return uv_poll_start(&watch->poll, UV_READABLE, on_readable);
}

void loop_on_turn(struct loop *loop, void (*turn)(void *arg), void *arg)
{
    loop->turn = turn;
    loop->turn_arg = arg;
}

void loop_on_wake(struct loop *loop, void (*woken)(void *arg), void *arg)
{
    loop->woken = woken;
    loop->woken_arg = arg;
}

void loop_wake(struct loop *loop)
{
    uv_async_send(&loop->wake);
}

/*
 * The thread's processor time, which costs nothing until somebody asks. What lies between libuv's
 * prepare and check handles is no measure: it calls back for descriptors in between, so most work
 * would count as waiting; and its own measure (UV_METRICS_IDLE_TIME) is a system call more each turn.
 */
void loop_stats(const struct loop *loop, struct loop_stats *stats)
{
    struct timespec busy = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &busy);
    stats->turns = loop->turns;
    stats->busy_ns = (uint64_t)busy.tv_sec * 1000000000 + (uint64_t)busy.tv_nsec;
}

/* ---- run and close ------------------------------------------------------------------- */

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

/*
 * With a foreign loop the library closes in two acts: its handles close while the loop still turns,
 * then the rest is freed.
 */
void loop_close(struct loop *loop)
{
    if (!loop)
        return;
    loop->woken = NULL;
    loop->turn = NULL;
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->before_wait, NULL);
    if (loop->fire)
        uv_close((uv_handle_t *)&loop->timer, NULL);
    for (size_t i = 0; i < loop->watch_count; i++)
        uv_close((uv_handle_t *)&loop->watches[i].poll, NULL);
    if (loop->context)
        lws_context_destroy(loop->context);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    if (loop->context)
        lws_context_destroy(loop->context);
    uv_loop_close(&loop->uv);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
    if (loop->unix_path[0])
        unlink(loop->unix_path);
    free(loop);
}
