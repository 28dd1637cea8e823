/*
 * Sockets are edge-free: level-triggered, one read an event. All share one buffer; only a message that
 * came in part is kept by its client.
 */
#include "bench/load/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/frames.h"

enum {
    BUFFER = 65536,
    SWITCHING = 101,
    TARGET_MAX = 320,
    SHORT_MAX = 125
};

static unsigned char buffer[CLIENT_KEPT + BUFFER];

uint32_t client_random(struct client *client)
{
    /* xorshift64* */
    uint64_t x = client->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    client->random = x;
    return (uint32_t)((x * UINT64_C(2685821657736338717)) >> 32);
}

void client_wake_at(struct load *load, struct client *client, int64_t due_ns)
{
    timers_set(&load->timers, &client->timer, due_ns);
}

void client_drop(struct load *load, struct client *client)
{
    if (client->stage == CLIENT_ABSENT)
        return;
    if (client->stage == CLIENT_OPEN)
        load->open--;
    timers_clear(&client->timer);
    close(client->fd);
    client->stage = CLIENT_ABSENT;
    client->kept_length = 0;
}

static enum client_outcome fail(struct load *load, struct client *client, enum load_error error)
{
    load_note_error(load, error);
    client_drop(load, client);
    return CLIENT_FAILED;
}

/* ---- out ----------------------------------------------------------------------------------- */

void client_send(struct load *load, struct client *client, int opcode, const void *payload,
                 size_t length)
{
    unsigned char out[FRAMES_OUT_HEAD + FRAMES_OUT_MAX];
    if (client->stage != CLIENT_OPEN)
        return;
    const size_t size = frames_write(opcode, payload, length, client_random(client), out);
    const ssize_t sent = send(client->fd, out, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    load->totals.sent++;
    load->moment.sent++;
    if (sent == (ssize_t)size)
        return;
    load_note_error(load, LOAD_UNSENT);
    /* Half a frame cannot be taken back; a socket that is broken says so when it is read. */
    if (sent > 0)
        shutdown(client->fd, SHUT_RDWR);
}

static enum client_outcome ask_upgrade(struct load *load, struct client *client)
{
    char target[TARGET_MAX];
    char request[FRAMES_UPGRADE_MAX];
    const struct seat *seat = client->number ? &client->room->seats[client->number - 1] : NULL;
    load->wire->target(client->room, seat, target, sizeof target);
    const size_t length =
        frames_upgrade(load->options.ws.host, target, load->wire->subprotocol, request);
    client->stage = CLIENT_SHAKING;
    if (length == 0 ||
        send(client->fd, request, length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)length)
        return fail(load, client, LOAD_CONNECT_FAILED);
    return CLIENT_WAITS;
}

enum client_outcome client_connect(struct load *load, struct client *client)
{
    client->fd = target_connect(&load->options.ws, client->index);
    if (client->fd < 0) {
        if (errno == EAGAIN)
            return CLIENT_WAITS;
        load_note_error(load, LOAD_CONNECT_FAILED);
        return CLIENT_FAILED;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u64 = client->index};
    client->stage = CLIENT_CONNECTING;
    client->asked_ns = load->now_ns;
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        return fail(load, client, LOAD_CONNECT_FAILED);
    return CLIENT_WAITS;
}

static enum client_outcome connected(struct load *load, struct client *client)
{
    int error = 0;
    socklen_t size = sizeof error;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = client->index};
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_MOD, client->fd, &event) != 0)
        return fail(load, client, LOAD_CONNECT_FAILED);
    return ask_upgrade(load, client);
}

/* ---- in ------------------------------------------------------------------------------------ */

/* False: the connection is over. */
static bool take_frame(struct load *load, struct client *client, const struct frame *frame)
{
    switch (frame->opcode) {
    case FRAMES_TEXT:
    case FRAMES_BINARY:
        load->totals.received++;
        client->messages++;
        client->payload_bytes += frame->length;
        client->wire_bytes += frame->size;
        load->wire->message(load, client, frame->opcode, frame->payload, frame->length,
                            load->now_ns);
        return client->stage == CLIENT_OPEN;
    case FRAMES_PING:
        client->wire_bytes += frame->size;
        if (frame->length <= SHORT_MAX)
            client_send(load, client, FRAMES_PONG, frame->payload, frame->length);
        return true;
    case FRAMES_PONG:
        return true;
    case FRAMES_CLOSE:
        fail(load, client, LOAD_CLOSED);
        return false;
    default:
        fail(load, client, LOAD_BAD_FRAME);
        return false;
    }
}

/* Takes whole frames; keeps what is left. */
static bool take_frames(struct load *load, struct client *client, const unsigned char *at,
                        size_t length)
{
    struct frame frame;
    while (length) {
        const enum frames_outcome outcome = frames_read(at, length, &frame);
        if (outcome == FRAMES_BAD || (outcome == FRAMES_MORE && length > CLIENT_KEPT)) {
            fail(load, client, LOAD_BAD_FRAME);
            return false;
        }
        if (outcome == FRAMES_MORE)
            break;
        if (!take_frame(load, client, &frame))
            return false;
        at += frame.size;
        length -= frame.size;
    }
    if (length)
        memcpy(client->kept, at, length);
    client->kept_length = (uint16_t)length;
    return true;
}

/* The upgrade's answer, and perhaps the first frames behind it. */
static enum client_outcome take_answer(struct load *load, struct client *client,
                                       const unsigned char *bytes, size_t length)
{
    int status = 0;
    const size_t head = frames_upgrade_answer(bytes, length, &status);
    if (head == 0 && length <= CLIENT_KEPT) {
        memcpy(client->kept, bytes, length);
        client->kept_length = (uint16_t)length;
        return CLIENT_WAITS;
    }
    if (status != SWITCHING)
        return fail(load, client, LOAD_HANDSHAKE_FAILED);
    client->stage = CLIENT_OPEN;
    client->kept_length = 0;
    load->open++;
    memset(client->state, 0, load->wire->state_size);
    load->wire->opened(load, client, load->now_ns);
    return take_frames(load, client, bytes + head, length - head) ? CLIENT_OPENED : CLIENT_FAILED;
}

enum client_outcome client_ready(struct load *load, struct client *client, uint32_t events)
{
    if (client->stage == CLIENT_ABSENT)
        return CLIENT_WAITS; /* it was dropped in this turn */
    if (client->stage == CLIENT_CONNECTING)
        return connected(load, client);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return CLIENT_WAITS;
    unsigned char *at = buffer + CLIENT_KEPT;
    const ssize_t got = recv(client->fd, at, BUFFER, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return CLIENT_WAITS;
    if (got <= 0)
        return fail(load, client,
                    client->stage == CLIENT_OPEN ? LOAD_CONNECTION_LOST : LOAD_HANDSHAKE_FAILED);
    size_t length = (size_t)got;
    if (client->kept_length) {
        at -= client->kept_length;
        length += client->kept_length;
        memcpy(at, client->kept, client->kept_length);
    }
    if (client->stage == CLIENT_SHAKING)
        return take_answer(load, client, at, length);
    return take_frames(load, client, at, length) ? CLIENT_WAITS : CLIENT_FAILED;
}
