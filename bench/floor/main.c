/*
 * pong-floor: the least that any server could do for so many players: epoll, sockets, and not much
 * besides. It writes frames of one size as often as it is told, to each connection at its room's own
 * phase, and reads what players send; with --relay it writes each input to the others of the room at
 * once instead. What a server takes beyond this, its own code takes, not the kernel.
 *
 * It must not know the game, nor do what a server on the internet has to.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/floor/server.h"
#include "bench/floor/wire.h"
#include "common/unix_socket.h"

enum {
    BACKLOG = 4096,
    EVENTS = 512, /* of one turn */
    HZ_MAX = 1000,
    CATCH_UP_MAX = 5, /* updates, as gamed; what is older is left out */
    DESCRIPTORS_WANTED = 65536,
};

static const char USAGE[] =
    "usage: pong-floor --listen unix:PATH|ADDRESS:PORT [--hz 30] [--size 120] [--binary]\n"
    "                  [--phases 33] [--relay]\n"
    "\n"
    "--size is a frame's payload in bytes. --relay sends each input on to the others of the same\n"
    "path, and nothing by the clock unless --hz is given too.\n";

struct options {
    const char *listen;
    int hz; /* -1: not given */
    int size;
    int phases;
    int opcode;
    bool relays;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void refuse(const char *what, const char *value)
{
    fprintf(stderr, "pong-floor: %s%s%s\n%s", what, value ? " " : "", value ? value : "", USAGE);
    exit(2);
}

static int read_number(const char *name, const char *text, int low, int high)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || *end || end == text || number < low || number > high)
        refuse(name, text);
    return (int)number;
}

static struct options read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"listen", required_argument, NULL, 'l'}, {"hz", required_argument, NULL, 'z'},
        {"size", required_argument, NULL, 's'},   {"phases", required_argument, NULL, 'p'},
        {"binary", no_argument, NULL, 'b'},       {"relay", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    struct options options = {.hz = -1, .size = 120, .phases = 33, .opcode = WIRE_TEXT};
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'l':
            options.listen = optarg;
            break;
        case 'z':
            options.hz = read_number("--hz is 0 to 1000, not", optarg, 0, HZ_MAX);
            break;
        case 's':
            options.size = read_number("--size is 1 to 65535, not", optarg, 1, WIRE_PAYLOAD_MAX);
            break;
        case 'p':
            options.phases = read_number("--phases is 1 to 100, not", optarg, 1, SERVER_PHASES_MAX);
            break;
        case 'b':
            options.opcode = WIRE_BINARY;
            break;
        case 'r':
            options.relays = true;
            break;
        case 'h':
            fputs(USAGE, stdout);
            exit(0);
        default:
            exit(2);
        }
    }
    if (optind < argc)
        refuse("what is", argv[optind]);
    if (!options.listen)
        refuse("--listen is missing", NULL);
    if (options.hz < 0)
        options.hz = options.relays ? 0 : 30;
    return options;
}

/* ---- listener ------------------------------------------------------------------------ */

static int listen_tcp(const char *address, char *error, size_t error_size)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    struct addrinfo *found, hints = {.ai_family = AF_INET,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    if (!colon || colon == address || (size_t)(colon - address) >= sizeof host) {
        snprintf(error, error_size, "--listen is unix:PATH or ADDRESS:PORT, not %.80s", address);
        return -1;
    }
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    int failed = getaddrinfo(host, colon + 1, &hints, &found);
    if (failed) {
        snprintf(error, error_size, "%.80s: %s", address, gai_strerror(failed));
        return -1;
    }
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        snprintf(error, error_size, "cannot listen on %.80s: %s", address, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static const char *unix_path(const char *address)
{
    return strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
}

static int open_listener(const char *address)
{
    char error[256];
    const char *path = unix_path(address);
    int fd = path ? unix_socket_listen(path, BACKLOG, error, sizeof error)
                  : listen_tcp(address, error, sizeof error);
    if (fd < 0) {
        fprintf(stderr, "pong-floor: %s\n", error);
        exit(1);
    }
    return fd;
}

/* Says where; the port is the kernel's when 0 was asked for. */
static void say_listening(int listener, const char *address)
{
    struct sockaddr_in bound = {0};
    socklen_t length = sizeof bound;
    if (!unix_path(address) && getsockname(listener, (struct sockaddr *)&bound, &length) == 0)
        printf("listening on %.*s:%u\n", (int)(strrchr(address, ':') - address), address,
               ntohs(bound.sin_port));
    else
        printf("listening on %s\n", address);
    fflush(stdout);
}

/* ---- the loop ------------------------------------------------------------------------ */

/* One expiration a phase; -1 when nothing goes by the clock. */
static int open_timer(const struct options *options)
{
    if (options->hz == 0)
        return -1;
    long period_ns = 1000000000 / (options->hz * options->phases);
    struct itimerspec when = {.it_value.tv_nsec = period_ns, .it_interval.tv_nsec = period_ns};
    if (period_ns == 1000000000) /* one phase a second */
        when = (struct itimerspec){.it_value.tv_sec = 1, .it_interval.tv_sec = 1};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd >= 0 && timerfd_settime(fd, 0, &when, NULL) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void fire(struct server *server, int timer, const struct options *options, uint64_t *turn)
{
    uint64_t due, most = CATCH_UP_MAX * (uint64_t)options->phases;
    if (read(timer, &due, sizeof due) != sizeof due)
        return;
    if (due > most) {
        *turn += due - most;
        due = most;
    }
    for (; due > 0; due--)
        server_send_phase(server, (int)((*turn)++ % (uint64_t)options->phases));
}

static void run(struct server *server, int epoll_fd, int timer, const struct options *options)
{
    static struct epoll_event events[EVENTS];
    uint64_t turn = 0;
    while (!stopped) {
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == timer)
                fire(server, timer, options, &turn);
            else
                server_handle(server, events[i].data.fd, events[i].events);
        }
    }
}

/* A frame of that size, for a reader of JSON an update of gamed's. */
static size_t make_frame(const struct options *options, uint8_t *frame)
{
    static const char begin[] =
        "{\"type\":\"game_state_delta\",\"is_full_state\":false,\"floor\":\"";
    static const char end[] = "\"}";
    size_t size = (size_t)options->size, edges = strlen(begin) + strlen(end);
    size_t head = wire_write_head(frame, options->opcode, size);
    memset(frame + head, '0', size);
    if (options->opcode == WIRE_TEXT && size >= edges) {
        memcpy(frame + head, begin, strlen(begin));
        memcpy(frame + head + size - strlen(end), end, strlen(end));
    }
    return head + size;
}

/* As many descriptors as the kernel allows, up to what the largest measurement needs. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    static uint8_t frame[WIRE_HEAD_MAX + WIRE_PAYLOAD_MAX];
    const struct options options = read_options(argc, argv);
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    raise_limit();

    int listener = open_listener(options.listen), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int timer = open_timer(&options);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = timer};
    struct server_config config = {.listener = listener,
                                   .epoll_fd = epoll_fd,
                                   .phases = options.phases,
                                   .relays = options.relays,
                                   .frame = frame,
                                   .frame_length = make_frame(&options, frame)};
    struct server *server = NULL;
    if (fcntl(listener, F_SETFL, O_NONBLOCK) == 0 &&
        (options.hz == 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer, &event) == 0))
        server = server_open(&config);
    if (!server) {
        fprintf(stderr, "pong-floor: cannot begin: %s\n", strerror(errno));
        return 1;
    }
    say_listening(listener, options.listen);
    run(server, epoll_fd, timer, &options);

    const struct server_stats *stats = server_stats(server);
    fprintf(stderr, "%llu connections, %llu frames sent, %llu skipped, %llu inputs\n",
            (unsigned long long)stats->connections, (unsigned long long)stats->frames_sent,
            (unsigned long long)stats->frames_skipped, (unsigned long long)stats->inputs);
    server_close(server);
    if (unix_path(options.listen))
        unlink(unix_path(options.listen));
    return 0;
}
