/*
 * wire_relay: v2's inputs at a server that relays them and knows no rules: pong-floor --relay. As many
 * a second as v2's players send, as long as theirs; each is known again by the step in it, which counts
 * up here.
 */
#include "bench/load/wire.h"

#include <stdio.h>

#include "bench/load/load.h"
#include "gamed/updates.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

enum {
    SENT_KEPT = 16, /* a power of two */
    CODE_CHARACTERS = 5
};

struct relay {
    int64_t next_ns;
    int64_t sent_ns[SENT_KEPT]; /* by the step's last bits; 0: its relay came */
    uint16_t step;              /* of the newest input */
};

static struct relay *state_of(const struct client *client)
{
    return client->state;
}

static void target(const struct load_room *room, const struct seat *seat, char *out, size_t size)
{
    (void)seat;
    snprintf(out, size, "/ws/game/R%0*u/", (int)CODE_CHARACTERS, room->index);
}

static int64_t period_of(const struct load *load)
{
    if (load->options.inputs_every_ms)
        return load->options.inputs_every_ms * NS_PER_MS;
    return load->options.moves > 0 ? (int64_t)((double)NS_PER_S / load->options.moves) : 0;
}

static void opened(struct load *load, struct client *client, int64_t now)
{
    const int64_t period = period_of(load);
    if (client->number == 0 || period == 0)
        return;
    state_of(client)->next_ns = now + client_random(client) % period;
    client_wake_at(load, client, state_of(client)->next_ns);
}

static void due(struct load *load, struct client *client, int64_t now)
{
    struct relay *relay = state_of(client);
    const int64_t period = period_of(load);
    const uint16_t step = ++relay->step,
                   goal = (uint16_t)(client_random(client) % PONG_PADDLE_Y_MAX);
    const unsigned char bytes[UPDATES_INPUT_SIZE] = {
        UPDATES_INPUT_TYPE, (unsigned char)(step & 0xff), (unsigned char)(step >> 8),
        (unsigned char)(goal & 0xff), (unsigned char)(goal >> 8)};
    relay->sent_ns[step % SENT_KEPT] = load_clock();
    client_send(load, client, WIRE_BINARY, bytes, sizeof bytes);
    relay->next_ns += period;
    if (relay->next_ns <= now)
        relay->next_ns = now + period;
    client_wake_at(load, client, relay->next_ns);
}

static void message(struct load *load, struct client *client, int opcode,
                    const unsigned char *payload, size_t length, int64_t now)
{
    if (opcode != WIRE_BINARY || length != UPDATES_INPUT_SIZE) {
        load_note_error(load, LOAD_BAD_FRAME);
        return;
    }
    load_note_update(load, client);
    if (!client->peer) /* a spectator is sent both players' */
        return;
    struct relay *author = state_of(client->peer);
    int64_t *sent_ns = &author->sent_ns[payload[1] % SENT_KEPT];
    if (!*sent_ns) {
        load_note_error(load, LOAD_UNKNOWN_RELAY);
        return;
    }
    load_note_relay(load, now - *sent_ns);
    *sent_ns = 0;
}

const struct wire wire_relay = {
    .name = "relay",
    .state_size = sizeof(struct relay),
    .target = target,
    .opened = opened,
    .message = message,
    .due = due,
};
