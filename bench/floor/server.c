/*
 * A connection is found by its descriptor. What a socket did not take of a frame is kept until it
 * does, and frames in between are skipped; what came of a message is kept until the rest does. Both
 * are rare, so that memory is taken for them alone.
 */
#include "bench/floor/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "bench/floor/wire.h"

enum {
    BUCKETS = 1 << 14,
    ACCEPTS_A_TURN = 64
};

struct held {
    size_t length;
    uint8_t bytes[];
};

struct room {
    struct room *next; /* in its bucket */
    struct connection *members;
    int phase;
    char path[WIRE_PATH_SIZE];
};

struct connection {
    struct room *room;       /* NULL before the handshake, and when it is closed */
    struct connection *next; /* in its room */
    struct held *unsent, *unread;
    size_t place; /* in its phase */
    int fd;
};

/* Everybody in a phase, as an array: sending reads it from end to end. */
struct phase {
    struct connection **members;
    size_t count, size;
    size_t rooms;
};

struct server {
    struct server_config config;
    struct server_stats stats;
    struct connection *connections; /* by descriptor */
    size_t descriptors;
    struct phase phases[SERVER_PHASES_MAX];
    struct room *buckets[BUCKETS];
};

/* ---- rooms --------------------------------------------------------------------------- */

static struct room **find_bucket(struct server *server, const char *path)
{
    uint32_t hash = 2166136261;
    for (const char *at = path; *at; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619;
    return &server->buckets[(hash ^ hash >> 16) % BUCKETS];
}

static int emptiest_phase(const struct server *server)
{
    int best = 0;
    for (int i = 1; i < server->config.phases; i++)
        if (server->phases[i].rooms < server->phases[best].rooms)
            best = i;
    return best;
}

static struct room *find_or_make_room(struct server *server, const char *path)
{
    struct room **bucket = find_bucket(server, path);
    for (struct room *room = *bucket; room; room = room->next)
        if (strcmp(room->path, path) == 0)
            return room;
    struct room *room = calloc(1, sizeof *room);
    if (!room)
        return NULL;
    memcpy(room->path, path, strlen(path) + 1);
    room->phase = emptiest_phase(server);
    server->phases[room->phase].rooms++;
    room->next = *bucket;
    *bucket = room;
    return room;
}

static int enter_room(struct server *server, struct connection *connection, const char *path)
{
    struct room *room = find_or_make_room(server, path);
    if (!room)
        return -1;
    connection->room = room;
    connection->next = room->members;
    room->members = connection;
    struct phase *phase = &server->phases[room->phase];
    if (phase->count == phase->size) {
        size_t size = phase->size > 0 ? 2 * phase->size : 64;
        struct connection **members = realloc(phase->members, size * sizeof members[0]);
        if (!members)
            return -1;
        phase->members = members;
        phase->size = size;
    }
    connection->place = phase->count;
    phase->members[phase->count++] = connection;
    return 0;
}

static void leave_room(struct server *server, struct connection *connection)
{
    struct room *room = connection->room;
    struct phase *phase = &server->phases[room->phase];
    struct connection **link = &room->members;
    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    if (phase->count > connection->place && phase->members[connection->place] == connection) {
        struct connection *last = phase->members[--phase->count];
        phase->members[connection->place] = last;
        last->place = connection->place;
    }
    connection->room = NULL;
    if (room->members)
        return;
    struct room **bucket = find_bucket(server, room->path);
    while (*bucket != room)
        bucket = &(*bucket)->next;
    *bucket = room->next;
    phase->rooms--;
    free(room);
}

static void close_connection(struct server *server, struct connection *connection)
{
    if (connection->room)
        leave_room(server, connection);
    free(connection->unsent);
    free(connection->unread);
    close(connection->fd);
    memset(connection, 0, sizeof *connection);
    connection->fd = -1;
}

/* ---- sending ------------------------------------------------------------------------- */

static struct held *hold(const uint8_t *bytes, size_t length)
{
    struct held *held = malloc(sizeof *held + length);
    if (!held)
        return NULL;
    held->length = length;
    memcpy(held->bytes, bytes, length);
    return held;
}

static void watch(struct server *server, const struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = connection->fd};
    epoll_ctl(server->config.epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

/* Sends a frame, unless the last one is not out yet; closes on a failure. */
static void send_frame(struct server *server, struct connection *connection, const uint8_t *frame,
                       size_t length)
{
    if (connection->unsent) {
        server->stats.frames_skipped++;
        return;
    }
    ssize_t sent = send(connection->fd, frame, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
        server->stats.frames_skipped++;
        return;
    }
    if (sent >= 0 && (size_t)sent < length) {
        connection->unsent = hold(frame + sent, length - (size_t)sent);
        watch(server, connection, EPOLLIN | EPOLLOUT);
    }
    if (sent < 0 || ((size_t)sent < length && !connection->unsent)) {
        close_connection(server, connection);
        return;
    }
    server->stats.frames_sent++;
}

static int send_rest(struct server *server, struct connection *connection)
{
    struct held *held = connection->unsent;
    ssize_t sent = send(connection->fd, held->bytes, held->length, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN ? 0 : -1;
    held->length -= (size_t)sent;
    memmove(held->bytes, held->bytes + sent, held->length);
    if (held->length == 0) {
        free(held);
        connection->unsent = NULL;
        watch(server, connection, EPOLLIN);
    }
    return 0;
}

/* From the end, as a connection that is closed has the last one take its place. */
void server_send_phase(struct server *server, int phase)
{
    const struct phase *everybody = &server->phases[phase];
    for (size_t i = everybody->count; i-- > 0;)
        send_frame(server, everybody->members[i], server->config.frame,
                   server->config.frame_length);
}

/* ---- receiving ----------------------------------------------------------------------- */

static void relay(struct server *server, const struct connection *from,
                  const struct wire_input *input)
{
    uint8_t frame[WIRE_HEAD_MAX + WIRE_INPUT_MAX];
    size_t length = wire_write_head(frame, input->opcode, input->length);
    memcpy(frame + length, input->payload, input->length);
    length += input->length;
    struct connection *next;
    for (struct connection *to = from->room->members; to; to = next) {
        next = to->next; /* sending may close it */
        if (to != from)
            send_frame(server, to, frame, length);
    }
}

/* Returns 0, or -1 when the connection is to be closed. */
static int take_input(struct server *server, struct connection *connection,
                      const struct wire_input *input)
{
    if (input->opcode == WIRE_CLOSE)
        return -1;
    if (input->opcode == WIRE_PING) {
        uint8_t frame[WIRE_HEAD_MAX + WIRE_INPUT_MAX];
        size_t length = wire_write_head(frame, WIRE_PONG, input->length);
        memcpy(frame + length, input->payload, input->length);
        send_frame(server, connection, frame, length + input->length);
        return connection->fd >= 0 ? 0 : -1;
    }
    if (input->opcode != WIRE_TEXT && input->opcode != WIRE_BINARY)
        return 0;
    server->stats.inputs++;
    if (server->config.relays)
        relay(server, connection, input);
    return 0;
}

/* Returns how many of the bytes were taken, or -1. */
static int take_request(struct server *server, struct connection *connection, const uint8_t *bytes,
                        size_t length)
{
    struct wire_request request;
    char answer[WIRE_ANSWER_SIZE];
    int taken = wire_read_request((const char *)bytes, length, &request);
    if (taken <= 0)
        return taken;
    int answer_length = wire_write_answer(&request, answer);
    if (answer_length < 0 ||
        send(connection->fd, answer, (size_t)answer_length, MSG_NOSIGNAL) != answer_length ||
        enter_room(server, connection, request.path) != 0)
        return -1;
    return taken;
}

/* Takes what is whole of the bytes. Returns how many, or -1. */
static int take_bytes(struct server *server, struct connection *connection, uint8_t *bytes,
                      size_t length)
{
    size_t taken = 0;
    int used;
    do {
        struct wire_input input;
        if (!connection->room) {
            used = take_request(server, connection, bytes + taken, length - taken);
        } else {
            used = wire_read_input(bytes + taken, length - taken, &input);
            if (used > 0 && take_input(server, connection, &input) != 0)
                return -1;
        }
        if (used < 0)
            return -1;
        taken += (size_t)used;
    } while (used > 0 && taken < length);
    return (int)taken;
}

/* One recv: what it did not get, epoll tells again. */
static int receive(struct server *server, struct connection *connection)
{
    uint8_t bytes[2 * WIRE_REQUEST_MAX];
    struct held *held = connection->unread;
    size_t before = held ? held->length : 0;
    ssize_t got = recv(connection->fd, bytes + before, sizeof bytes - before, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN ? 0 : -1;
    if (held) {
        memcpy(bytes, held->bytes, before);
        free(held);
        connection->unread = NULL;
    }
    size_t length = before + (size_t)got;
    int taken = take_bytes(server, connection, bytes, length);
    if (taken < 0)
        return -1;
    if ((size_t)taken == length)
        return 0;
    connection->unread = hold(bytes + taken, length - (size_t)taken);
    return connection->unread ? 0 : -1;
}

static void accept_some(struct server *server)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(server->config.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if ((size_t)fd >= server->descriptors ||
            epoll_ctl(server->config.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            close(fd);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* a unix socket has none */
        server->connections[fd].fd = fd;
        server->stats.connections++;
    }
}

void server_handle(struct server *server, int fd, uint32_t events)
{
    if (fd == server->config.listener) {
        accept_some(server);
        return;
    }
    struct connection *connection = &server->connections[fd];
    if (connection->fd < 0) /* closed since epoll spoke of it */
        return;
    int failed = 0;
    if ((events & EPOLLOUT) && connection->unsent)
        failed = send_rest(server, connection);
    if (!failed && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        failed = receive(server, connection);
    if (failed && connection->fd >= 0)
        close_connection(server, connection);
}

/* ---- open and close ------------------------------------------------------------------ */

struct server *server_open(const struct server_config *config)
{
    struct rlimit limit;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = config->listener};
    struct server *server = calloc(1, sizeof *server);
    if (!server || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        goto failed;
    server->config = *config;
    server->descriptors = (size_t)limit.rlim_cur;
    server->connections = calloc(server->descriptors, sizeof server->connections[0]);
    if (!server->connections ||
        epoll_ctl(config->epoll_fd, EPOLL_CTL_ADD, config->listener, &event) != 0)
        goto failed;
    for (size_t i = 0; i < server->descriptors; i++)
        server->connections[i].fd = -1;
    return server;
failed:
    if (server)
        free(server->connections);
    free(server);
    return NULL;
}

const struct server_stats *server_stats(const struct server *server)
{
    return &server->stats;
}

void server_close(struct server *server)
{
    for (size_t i = 0; i < server->descriptors; i++)
        if (server->connections[i].fd >= 0)
            close_connection(server, &server->connections[i]);
    for (int i = 0; i < SERVER_PHASES_MAX; i++)
        free(server->phases[i].members);
    free(server->connections);
    free(server);
}
