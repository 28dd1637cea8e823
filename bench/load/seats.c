/*
 * Two queues, one behind the other: rooms without seats, clients without a connection.
 */
#include "bench/load/seats.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/load/client.h"

#define NS_PER_MS INT64_C(1000000)

enum {
    AGAIN_MS = 200,
    TRIES_SHOWN = 3
};

void seats_init(struct seats *seats, struct load *load)
{
    seats->load = load;
    seats->progress_ns = load->now_ns;
    for (unsigned i = 0; i < SEATS_AT_ONCE_MAX; i++)
        rest_init(&seats->jobs[i].rest, (uint64_t)SEATS_EPOLL_TAG << 32 | i);
}

void seats_want(struct seats *seats, unsigned rooms)
{
    seats->wanted = rooms;
    seats->progress_ns = seats->load->now_ns;
}

/* ---- seats --------------------------------------------------------------------------------- */

static void again(struct seats *seats, struct seats_job *job)
{
    load_note_error(seats->load, LOAD_REST_FAILED);
    job->again_ns = seats->load->now_ns + AGAIN_MS * NS_PER_MS;
}

static void ask(struct seats *seats, struct seats_job *job)
{
    struct wire_request request;
    job->again_ns = 0;
    seats->load->wire->ask(job->room, job->number, &request);
    if (!rest_ask(&job->rest, seats->load->epoll, &seats->load->options.rest, request.path,
                  request.body))
        again(seats, job);
}

static void seat_room(struct seats *seats, struct load_room *room)
{
    seats->ready[seats->seated++] = room->index;
    seats->progress_ns = seats->load->now_ns;
}

void seats_ready(struct seats *seats, unsigned index)
{
    struct seats_job *job = &seats->jobs[index];
    struct rest_answer answer = {0};
    switch (rest_ready(&job->rest, &answer)) {
    case REST_WAITS:
        return;
    case REST_FAILED:
        if (job->room)
            again(seats, job);
        return;
    case REST_ANSWERED:
        break;
    }
    if (!seats->load->wire->answer(job->room, job->number, answer.status, answer.body,
                                   answer.length)) {
        if (seats->failed++ < TRIES_SHOWN)
            fprintf(stderr, "pong-load: asked for a seat, was answered %d %.*s\n", answer.status,
                    (int)answer.length, answer.body);
        again(seats, job);
        return;
    }
    if (job->number == 1) {
        job->number = 2;
        ask(seats, job);
        return;
    }
    seat_room(seats, job->room);
    job->room = NULL;
    seats_turn(seats);
}

static void ask_for_rooms(struct seats *seats)
{
    struct load *load = seats->load;
    if (!load->wire->ask) {
        while (seats->asked < seats->wanted)
            seat_room(seats, &load->rooms[seats->asked++]);
        return;
    }
    for (int i = 0; i < load->options.at_once; i++) {
        struct seats_job *job = &seats->jobs[i];
        if (job->room) {
            if (job->again_ns && load->now_ns >= job->again_ns)
                ask(seats, job);
            continue;
        }
        if (seats->asked == seats->wanted)
            continue;
        job->room = &load->rooms[seats->asked++];
        job->number = 1;
        ask(seats, job);
    }
}

/* ---- connections --------------------------------------------------------------------------- */

static unsigned clients_of_a_room(const struct seats *seats)
{
    return 2U + (unsigned)seats->load->options.spectators;
}

static void connect_clients(struct seats *seats)
{
    struct load *load = seats->load;
    const unsigned each = clients_of_a_room(seats);
    while (seats->connecting_room < seats->seated &&
           seats->shaking < (unsigned)load->options.at_once) {
        struct client *client =
            &load->clients[seats->ready[seats->connecting_room] * each + seats->connecting_client];
        switch (client_connect(load, client)) {
        case CLIENT_FAILED:
            seats->failed++;
            break;
        case CLIENT_OPENED:
        case CLIENT_WAITS:
            if (client->stage == CLIENT_ABSENT)
                return; /* the listener is full for the moment */
            seats->shaking++;
            break;
        }
        if (++seats->connecting_client == each) {
            seats->connecting_client = 0;
            seats->connecting_room++;
        }
    }
}

/* As a page does whose handshake was refused: 503 while api-fcgi or gamed has too much at once. */
static bool tries_again(const struct seats *seats, struct client *client)
{
    if (client->tries == CLIENT_TRIES_MAX)
        return false;
    client->tries++;
    return client_connect(seats->load, client) != CLIENT_FAILED && client->stage != CLIENT_ABSENT;
}

void seats_client(struct seats *seats, struct client *client, bool is_open)
{
    if (!is_open && tries_again(seats, client))
        return;
    seats->shaking--;
    seats->failed += !is_open;
    seats->progress_ns = seats->load->now_ns;
}

void seats_turn(struct seats *seats)
{
    ask_for_rooms(seats);
    connect_clients(seats);
}

bool seats_are_taken(const struct seats *seats)
{
    return seats->connecting_room == seats->wanted && seats->shaking == 0;
}
