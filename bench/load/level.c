/*
 * The loop, and what happens around a measurement.
 */
#include "bench/load/level.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/load/client.h"

#define NS_PER_S   INT64_C(1000000000)
#define OVERDUE_NS NS_PER_S /* longer than a serve of pong-load's servers takes */

enum {
    EVENTS = 512,
    SPARE_FDS = 300,    /* REST, /proc, epoll */
    STUCK_SECONDS = 15, /* without anybody being seated or connected */
    LEARN_MS = 1500,
    PATIENCE = 3, /* times as long as asked for, when the machine was taken away */
    TURN_MS = 1
};

static volatile sig_atomic_t is_stopped;

bool level_is_stopped(void)
{
    return is_stopped;
}

void level_stop(void)
{
    is_stopped = 1;
}

int64_t load_clock(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* ---- what is noted ------------------------------------------------------------------------- */

const char *const load_error_names[LOAD_ERRORS] = {
    [LOAD_REST_FAILED] = "rest_failed",
    [LOAD_CONNECT_FAILED] = "connect_failed",
    [LOAD_HANDSHAKE_FAILED] = "handshake_failed",
    [LOAD_CONNECTION_LOST] = "connection_lost",
    [LOAD_CLOSED] = "closed",
    [LOAD_BAD_FRAME] = "bad_frame",
    [LOAD_REFUSED] = "refused",
    [LOAD_UNSENT] = "unsent",
    [LOAD_LATE_INPUT] = "late_input",
    [LOAD_KEYFRAME] = "keyframe",
    [LOAD_CHECKSUM] = "checksum",
    [LOAD_UNKNOWN_RELAY] = "unknown_relay",
};

void load_note_error(struct load *load, enum load_error error)
{
    struct totals *totals = error < LOAD_REFUSED ? &load->totals : &load->moment;
    totals->errors[error]++;
}

void load_note_update(struct load *load, struct client *client)
{
    client->updates++;
    load->totals.updates++;
}

void load_note_cadence(struct load *load, struct client *client, int64_t now)
{
    if (load->is_learning) {
        cadence_learn(&client->cadence, now);
    } else if (load->is_measuring) {
        const bool is_calm = !load->speed.was_slow && load->moments.calm == MOMENTS_AFTER;
        const struct cadence_sample sample = cadence_measure(&client->cadence, now, is_calm);
        if (sample.late_ns >= 0)
            latency_note(&load->moment.late, sample.late_ns);
        if (sample.since_ns < 0)
            return;
        latency_note(&load->moment.interval, sample.interval_ns);
        pace_note(&load->paces[client->index], sample.since_ns);
        load->has_paces = true;
    }
}

void load_note_relay(struct load *load, int64_t ns)
{
    latency_note(&load->moment.relay, ns);
}

void load_note_effect(struct load *load, int64_t ns)
{
    latency_note(&load->moment.effect, ns);
}

void load_note_round_trip(struct load *load, int64_t ns)
{
    latency_note(&load->moment.round_trip, ns);
}

/* ---- set-up -------------------------------------------------------------------------------- */

static unsigned clients_of_a_room(const struct load *load)
{
    return 2U + (unsigned)load->options.spectators;
}

static bool raise_fd_limit(unsigned clients)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)clients + SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    if (limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted; /* root may */
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void init_room(struct load *load, unsigned index, unsigned char *states, unsigned char *kept)
{
    struct load_room *room = &load->rooms[index];
    const unsigned each = clients_of_a_room(load);
    room->index = index;
    for (unsigned i = 0; i < each; i++) {
        struct client *client = &load->clients[index * each + i];
        client->index = index * each + i;
        client->fd = -1;
        client->room = room;
        client->number = (uint8_t)(i < 2 ? i + 1 : 0);
        client->state = states + (size_t)client->index * load->wire->state_size;
        client->kept = kept + (size_t)client->index * CLIENT_KEPT;
        /* Far apart for neighbours, never 0. */
        client->random =
            (load->options.seed + client->index + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        if (i < 2) {
            client->peer = client + (i == 0 ? 1 : -1);
            room->players[i] = client;
        }
    }
}

bool level_init(struct load *load, struct seats *seats)
{
    load->room_max = load->options.levels[load->options.level_count - 1];
    load->client_max = load->room_max * clients_of_a_room(load);
    if (!raise_fd_limit(load->client_max)) {
        fprintf(stderr, "pong-load: %u connections need as many descriptors: ulimit -n\n",
                load->client_max);
        return false;
    }
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->rooms = calloc(load->room_max, sizeof *load->rooms);
    load->clients = calloc(load->client_max, sizeof *load->clients);
    load->paces = calloc(load->client_max, sizeof *load->paces);
    seats->ready = calloc(load->room_max, sizeof *seats->ready);
    unsigned char *states = calloc(load->client_max, load->wire->state_size);
    unsigned char *kept = calloc(load->client_max, CLIENT_KEPT);
    if (load->epoll < 0 || !load->rooms || !load->clients || !load->paces || !seats->ready ||
        !states || !kept) {
        fprintf(stderr, "pong-load: %s\n", strerror(errno));
        free(states);
        free(kept);
        return false;
    }
    for (unsigned i = 0; i < load->room_max; i++)
        init_room(load, i, states, kept);
    load->now_ns = load_clock();
    timers_init(&load->timers, load->now_ns);
    seats_init(seats, load);
    return true;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void take_event(struct load *load, struct seats *seats, const struct epoll_event *event)
{
    if (event->data.u64 >> 32 == SEATS_EPOLL_TAG) {
        seats_ready(seats, (unsigned)event->data.u32);
        return;
    }
    struct client *client = &load->clients[event->data.u64];
    const bool was_open = client->stage == CLIENT_OPEN;
    const enum client_outcome outcome = client_ready(load, client, event->events);
    if (!was_open && outcome != CLIENT_WAITS)
        seats_client(seats, client, outcome == CLIENT_OPENED);
}

static void turn(struct load *load, struct seats *seats)
{
    static struct epoll_event events[EVENTS];
    const int count = epoll_wait(load->epoll, events, EVENTS, TURN_MS);
    load->now_ns = load_clock();
    for (int i = 0; i < count; i++)
        take_event(load, seats, &events[i]);
    for (struct timer *timer; (timer = timers_take(&load->timers, load->now_ns)) != NULL;) {
        struct client *client = (struct client *)((char *)timer - offsetof(struct client, timer));
        load->wire->due(load, client, load->now_ns);
    }
    if (!seats_are_taken(seats))
        seats_turn(seats);
}

static void turn_until(struct load *load, struct seats *seats, int64_t until_ns)
{
    while (load->now_ns < until_ns && !is_stopped)
        turn(load, seats);
}

static bool fill(struct load *load, struct seats *seats, unsigned rooms)
{
    seats_want(seats, rooms);
    while (!seats_are_taken(seats) && !is_stopped) {
        turn(load, seats);
        if (load->now_ns - seats->progress_ns > STUCK_SECONDS * NS_PER_S) {
            fprintf(stderr, "pong-load: nobody was seated or connected for %d s\n", STUCK_SECONDS);
            return false;
        }
    }
    return !is_stopped;
}

/* ---- moments ------------------------------------------------------------------------------- */

static void begin_moment(struct load *load)
{
    memset(&load->moment, 0, sizeof load->moment);
    load->moment_ends_ns = load->now_ns + MOMENTS_MS * (NS_PER_S / 1000);
    load->taken = moments_taken();
    load->speed.was_slow = false;
}

/* Whether processors were taken from the machine in the moment, or slowed down. */
static bool was_disturbed(const struct load *load)
{
    return !load->options.all_moments && (load->speed.was_slow || moments_taken() != load->taken);
}

static void look_at_speed(struct load *load)
{
    if (load->now_ns < load->speed_look_ns)
        return;
    speed_look(&load->speed);
    load->speed_look_ns = load->now_ns + SPEED_LOOK_MS * (NS_PER_S / 1000);
}

static void count_waiting(struct load *load)
{
    struct totals *totals = &load->totals;
    const struct totals *counted = &load->waiting;
    for (int i = 0; i < LOAD_ERRORS; i++)
        totals->errors[i] += counted->errors[i];
    latency_add(&totals->late, &counted->late);
    latency_add(&totals->interval, &counted->interval);
    latency_add(&totals->relay, &counted->relay);
    latency_add(&totals->effect, &counted->effect);
    latency_add(&totals->round_trip, &counted->round_trip);
    load->counted_sent += counted->sent;
}

static void end_moment(struct load *load)
{
    const enum moments_verdict verdict = moments_end(&load->moments, was_disturbed(load));
    if (verdict == MOMENTS_COUNT_LAST)
        count_waiting(load);
    if (verdict == MOMENTS_COUNT_LAST || verdict == MOMENTS_WAIT)
        load->waiting = load->moment;
    for (unsigned i = 0; load->has_paces && i < load->client_count; i++)
        pace_end(&load->paces[i], verdict);
    begin_moment(load);
}

/* While it warms up: so that it is known how calm the machine was before the first moment. */
static void watch_until(struct load *load, struct seats *seats, int64_t until_ns)
{
    moments_begin(&load->moments);
    begin_moment(load);
    while (load->now_ns < until_ns && !is_stopped) {
        turn(load, seats);
        look_at_speed(load);
        if (load->now_ns < load->moment_ends_ns)
            continue;
        moments_end(&load->moments, was_disturbed(load));
        begin_moment(load);
    }
}

/* Until enough moments have counted, three times as long at most. Returns how many were to. */
static unsigned turn_moments(struct load *load, struct seats *seats, double seconds)
{
    const unsigned wanted = (unsigned)fmax(1, seconds * 1000 / MOMENTS_MS);
    moments_restart(&load->moments);
    begin_moment(load);
    while (load->moments.counted + load->moments.has_waiting < wanted &&
           load->moments.all < PATIENCE * wanted && !is_stopped) {
        turn(load, seats);
        look_at_speed(load);
        if (load->now_ns >= load->moment_ends_ns)
            end_moment(load);
    }
    const bool counts = moments_finish(&load->moments);
    if (counts)
        count_waiting(load);
    for (unsigned i = 0; load->has_paces && i < load->client_count; i++)
        pace_finish(&load->paces[i], counts);
    return wanted;
}

/* ---- a measurement ------------------------------------------------------------------------- */

double level_own_cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t ip_bytes(const struct load *load, unsigned clients)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < clients && load->options.ws.is_tcp; i++)
        if (load->clients[i].stage == CLIENT_OPEN && load->clients[i].number)
            sum += target_ip_bytes(load->clients[i].fd);
    return sum;
}

void level_look_at_processes(const struct options *options, struct process_use *use)
{
    memset(use, 0, OPTIONS_PIDS_MAX * sizeof *use);
    for (size_t i = 0; i < options->pid_count; i++)
        processes_add(options->pids[i].pid, &use[i]);
}

static void begin(struct load *load, unsigned clients)
{
    memset(&load->totals, 0, sizeof load->totals);
    load->counted_sent = 0;
    for (unsigned i = 0; i < clients; i++) {
        struct client *client = &load->clients[i];
        client->messages = client->updates = 0;
        client->payload_bytes = client->wire_bytes = 0;
        load->paces[i] = (struct pace){0};
        cadence_settle(&client->cadence);
    }
    load->is_learning = false;
    load->is_measuring = true;
}

/*
 * By the time from update to update in the moments that count, where the wire has a cadence; else by all of
 * the time. An update that is overdue at the end adds the time that it was awaited.
 */
static double updates_per_second(const struct load *load, const struct client *client,
                                 const struct level_result *result)
{
    const struct cadence *cadence = &client->cadence;
    const struct pace *pace = &load->paces[client->index];
    const int64_t since_ns = cadence->last_ns ? cadence->last_ns : cadence->broken_at;
    const int64_t waits_ns = since_ns ? load->now_ns - since_ns : 0;
    if (!pace->counted.updates)
        return client->updates / (result->seconds - (double)cadence->broken_ns / 1e9);
    return pace_rate(pace, waits_ns > OVERDUE_NS ? waits_ns : 0);
}

static void sum_up(const struct load *load, unsigned clients, struct level_result *result)
{
    double players = 0;
    uint32_t messages_min = UINT32_MAX;
    result->updates_min = HUGE_VAL;
    for (unsigned i = 0; i < clients; i++) {
        const struct client *client = &load->clients[i];
        if (client->number == 0) {
            result->spectator_messages += client->messages;
            continue;
        }
        players++;
        result->messages_mean += client->messages;
        result->updates_mean += client->updates;
        result->payload_mean += (double)client->payload_bytes;
        result->wire_mean += (double)client->wire_bytes;
        messages_min = client->messages < messages_min ? client->messages : messages_min;
        result->updates_min = fmin(result->updates_min, updates_per_second(load, client, result));
    }
    const double each = players * result->seconds;
    result->messages_mean /= each;
    result->updates_mean /= each;
    result->payload_mean /= each;
    result->wire_mean /= each;
    result->ip_mean /= each;
    result->messages_min = messages_min / result->seconds;
}

static void measure(struct load *load, struct seats *seats, unsigned clients,
                    struct level_result *result)
{
    struct process_use at_first[OPTIONS_PIDS_MAX];
    const uint64_t ip_first = ip_bytes(load, clients);
    level_look_at_processes(&load->options, at_first);
    begin(load, clients);
    const int64_t start_ns = load->now_ns = load_clock();
    const double cpu = level_own_cpu_seconds();
    result->moments_wanted = turn_moments(load, seats, load->options.seconds);
    const double cpu_after = level_own_cpu_seconds();
    result->seconds = (double)(load_clock() - start_ns) / (double)NS_PER_S;
    load->is_measuring = false;
    level_look_at_processes(&load->options, result->used);
    for (size_t i = 0; i < load->options.pid_count; i++)
        result->used[i].cpu_seconds -= at_first[i].cpu_seconds;
    result->has_ip = load->options.ws.is_tcp;
    result->ip_mean = (double)(ip_bytes(load, clients) - ip_first);
    result->load_cpu_share = (cpu_after - cpu) / result->seconds;
    result->moments = load->moments;
}

bool level_run(struct load *load, struct seats *seats, unsigned rooms, struct level_result *result)
{
    const unsigned clients = rooms * clients_of_a_room(load);
    struct process_use before[OPTIONS_PIDS_MAX];
    memcpy(before, result->before, sizeof before);
    if (!seats->wanted)
        level_look_at_processes(&load->options, before);
    memset(result, 0, sizeof *result);
    memcpy(result->before, before, sizeof before);
    load->is_measuring = load->is_learning = false;
    load->client_count = clients;
    const bool is_full = fill(load, seats, rooms);
    const int64_t warm_ns = load_clock() + (int64_t)(load->options.warm_up * (double)NS_PER_S);
    turn_until(load, seats, warm_ns - LEARN_MS * (NS_PER_S / 1000));
    load->is_learning = true;
    watch_until(load, seats, warm_ns);
    if (is_stopped)
        return false;
    measure(load, seats, clients, result);
    sum_up(load, clients, result);
    result->rooms = rooms;
    result->connections = load->open;
    result->is_complete = is_full && load->open == clients;
    return true;
}
