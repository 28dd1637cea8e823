/*
 * metrics_report: see metrics_report.h. docs/metrics.md says what the names mean.
 */
#include "gamed/metrics_report.h"

#include "ipc/ipc_message.h"
#include "ipc/metric_families.h"

static const double ns_per_second = 1e9;
static const double ms_per_second = 1e3;

/* One family of counters or gauges whose samples differ in one label. */
struct labelled {
    const char *value; /* of the label */
    uint64_t number;
};

static void add_labelled(json_t *families, const char *name, enum metric_type type,
                         const char *help, const char *label, const struct labelled *list,
                         size_t count)
{
    json_t *family = metric_families_add(families, name, type, help);
    for (size_t i = 0; i < count; i++)
        metric_family_count(family, list[i].number, label, list[i].value, NULL);
}

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

static void add_count(json_t *families, const char *name, const char *help, uint64_t value)
{
    metric_families_count(families, name, METRIC_COUNTER, help, value);
}

static void add_gauge(json_t *families, const char *name, const char *help, uint64_t value)
{
    metric_families_count(families, name, METRIC_GAUGE, help, value);
}

/* ---- games --------------------------------------------------------------------------- */

static void add_rooms(json_t *families, const struct metrics_sample *sample)
{
    const struct game_manager_stats *stats = &sample->manager;
    const struct labelled states[] = {{"waiting", (uint64_t)stats->rooms_waiting},
                                      {"ongoing", (uint64_t)stats->rooms_ongoing},
                                      {"finished", (uint64_t)stats->rooms_finished}};
    const struct labelled ends[] = {{"score", stats->matches_ended[MATCH_END_SCORE]},
                                    {"forfeit", stats->matches_ended[MATCH_END_FORFEIT]},
                                    {"abandoned", stats->matches_ended[MATCH_END_ABANDONED]}};
    add_labelled(families, "pong_rooms", METRIC_GAUGE, "Rooms, by the state of their match.",
                 "state", states, COUNT_OF(states));
    add_gauge(families, "pong_rooms_max", "Limit of rooms.", (uint64_t)sample->limits->max_rooms);
    add_count(families, "pong_rooms_created_total", "Rooms opened.", stats->rooms_created);
    add_labelled(families, "pong_matches_finished_total", METRIC_COUNTER,
                 "Matches that ended, by why.", "reason", ends, COUNT_OF(ends));
    add_gauge(families, "pong_game_overs_withheld",
              "Matches that are over and not announced, as their results are not stored yet.",
              (uint64_t)stats->ends_withheld);
    add_gauge(families, "pong_draining",
              "1 while no new games are taken: the operator said so, or it is stopping.",
              stats->draining);
}

static void add_sessions(json_t *families, const struct metrics_sample *sample)
{
    const struct game_manager_stats *stats = &sample->manager;
    const struct labelled kinds[] = {{"player", (uint64_t)stats->players},
                                     {"spectator", (uint64_t)stats->spectators}};
    add_labelled(families, "pong_sessions", METRIC_GAUGE, "Connections that are in a room.", "kind",
                 kinds, COUNT_OF(kinds));
    add_gauge(families, "pong_connections",
              "WebSocket connections, those that are opening or closing included.",
              (uint64_t)stats->connections);
    add_gauge(families, "pong_connections_max", "Limit of WebSocket connections.",
              (uint64_t)sample->limits->max_connections);
    add_gauge(families, "pong_client_addresses",
              "Client addresses (IPv6: networks of 64 bits) that have connections.",
              stats->addresses);
    add_gauge(families, "pong_room_creators",
              "Users, and addresses of guests, who have opened rooms that are still there.",
              stats->creators);
    add_gauge(families, "pong_sockets", "Open sockets of clients, handshakes included.",
              (uint64_t)sample->consumer.sockets);
    add_gauge(families, "pong_handshakes", "Sockets whose handshake is under way.",
              (uint64_t)sample->consumer.handshakes);
    add_gauge(families, "pong_sockets_paused",
              "Sockets that are not read from at the moment, as too much came.",
              sample->consumer.paused);
}

static void add_limits(json_t *families, const struct metrics_sample *sample)
{
    const uint64_t *limits = sample->manager.limits;
    const struct game_consumer_stats *consumer = &sample->consumer;
    const struct labelled list[] = {
        {"server_full", limits[GAME_LIMIT_ROOMS]},
        {"rooms_per_user", limits[GAME_LIMIT_USER_ROOMS]},
        {"rooms_per_address", limits[GAME_LIMIT_ADDRESS_ROOMS]},
        {"max_connections", limits[GAME_LIMIT_CONNECTIONS]},
        {"connections_per_address", limits[GAME_LIMIT_ADDRESS]},
        {"sockets", consumer->limits[GAME_CONSUMER_SOCKETS]},
        {"handshakes", consumer->limits[GAME_CONSUMER_HANDSHAKES]},
        {"handshake_rate", consumer->limits[GAME_CONSUMER_HANDSHAKE_RATE]},
        {"handshake_time", consumer->limits[GAME_CONSUMER_HANDSHAKE_TIME]},
        {"spectators", limits[GAME_LIMIT_SPECTATORS]},
        {"rate", consumer->input.messages[GAME_INPUT_RATE_LIMITED]},
        {"too_slow", limits[GAME_LIMIT_TOO_SLOW]},
        {"bad_messages", limits[GAME_LIMIT_BAD_MESSAGES]},
        {"message_too_big", limits[GAME_LIMIT_TOO_BIG]},
        {"silence", limits[GAME_LIMIT_SILENCE]},
        {"never_joined", limits[GAME_LIMIT_NEVER_JOINED]},
        {"flood", consumer->limits[GAME_CONSUMER_FLOOD]},
        {"tickets", sample->tickets.refused_full},
    };
    add_labelled(families, "pong_limits_hit_total", METRIC_COUNTER,
                 "How often somebody was refused or sent away at a limit.", "limit", list,
                 COUNT_OF(list));
}

static void add_tickets(json_t *families, const struct metrics_sample *sample)
{
    const struct tickets_stats *tickets = &sample->tickets;
    const struct labelled outcomes[] = {{"issued", tickets->issued},
                                        {"redeemed", tickets->redeemed},
                                        {"expired", tickets->expired},
                                        {"refused", sample->consumer.ticket_refusals}};
    add_labelled(families, "pong_tickets_total", METRIC_COUNTER,
                 "Tickets for handshakes, by what became of them; refused: handshakes that showed "
                 "one that is no good, or had to show one and did not.",
                 "event", outcomes, COUNT_OF(outcomes));
    add_gauge(families, "pong_tickets_outstanding", "Tickets issued and not used or expired.",
              tickets->outstanding);
    add_gauge(families, "pong_tickets_max", "Limit of outstanding tickets.", sample->max_tickets);
}

/* ---- messages and time --------------------------------------------------------------- */

static void add_messages(json_t *families, const struct metrics_sample *sample)
{
    static const struct {
        const char *format, *word;
    } kinds[GAME_OUTPUT_KINDS] = {
        [GAME_OUTPUT_DELTA] = {"json", "delta"},
        [GAME_OUTPUT_STATE] = {"json", "full_state"},
        [GAME_OUTPUT_EVENT] = {"json", "event"},
        [GAME_OUTPUT_REPLY] = {"json", "reply"},
        [GAME_OUTPUT_UPDATE] = {"binary", "update"},
        [GAME_OUTPUT_KEYFRAME] = {"binary", "keyframe"},
        [GAME_OUTPUT_HEARTBEAT] = {"binary", "heartbeat"},
    };
    const struct game_output_stats *output = &sample->consumer.output;
    const uint64_t *messages = sample->consumer.input.messages;
    const struct labelled outcomes[] = {{"ok", messages[GAME_INPUT_OK]},
                                        {"refused", messages[GAME_INPUT_REFUSED]},
                                        {"malformed", messages[GAME_INPUT_MALFORMED]},
                                        {"rate_limited", messages[GAME_INPUT_RATE_LIMITED]}};
    json_t *sent = metric_families_add(families, "pong_messages_sent_total", METRIC_COUNTER,
                                       "Messages sent to clients.");
    json_t *bytes = metric_families_add(families, "pong_message_sent_bytes_total", METRIC_COUNTER,
                                        "Bytes of the messages sent, without their frames.");
    for (int kind = 0; kind < GAME_OUTPUT_KINDS; kind++) {
        metric_family_count(sent, output->frames[kind], "format", kinds[kind].format, "kind",
                            kinds[kind].word, NULL);
        metric_family_count(bytes, output->bytes[kind], "format", kinds[kind].format, "kind",
                            kinds[kind].word, NULL);
    }
    add_count(families, "pong_sends_skipped_total",
              "Updates not sent to a client that had not taken the last one; it gets the newest "
              "full state later.",
              output->updates_passed_over);
    add_labelled(families, "pong_messages_received_total", METRIC_COUNTER,
                 "Messages of clients, by what became of them.", "outcome", outcomes,
                 COUNT_OF(outcomes));
}

static void add_time(json_t *families, const struct metrics_sample *sample)
{
    add_count(families, "pong_room_updates_total", "Updates of rooms computed.",
              sample->manager.updates);
    add_count(families, "pong_room_updates_skipped_total",
              "Updates of rooms left out, as the loop had stood still for too long.",
              sample->manager.updates_skipped);
    metric_family_histogram(metric_families_add(families, "pong_tick_lateness_seconds",
                                                METRIC_HISTOGRAM,
                                                "How late the updates of a group of rooms were."),
                            &histogram_lateness, &sample->manager.lateness, NULL);
    add_count(families, "pong_loop_turns_total", "Turns of the loop.", sample->loop.turns);
    metric_families_real(families, "pong_loop_busy_seconds_total", METRIC_COUNTER,
                         "Processor time of the loop's thread; its rate is the share of a core.",
                         (double)sample->loop.busy_ns / ns_per_second);
}

static void add_ipc(json_t *families, const struct metrics_sample *sample)
{
    json_t *family = metric_families_add(families, "pong_ipc_handling_seconds", METRIC_HISTOGRAM,
                                         "Time on the loop to answer api-fcgi, by operation.");
    for (int op = 0; op < IPC_OP_COUNT; op++) {
        const struct histogram *histogram = &sample->ipc.handling[op];
        if (histogram_count(histogram) > 0)
            metric_family_histogram(family, &histogram_work, histogram, "op",
                                    ipc_op_name((enum ipc_op)op), NULL);
    }
    add_count(families, "pong_ipc_malformed_total", "IPC requests that could not be read.",
              sample->ipc.malformed);
}

/* ---- what must not be lost ----------------------------------------------------------- */

static void add_results(json_t *families, const struct metrics_sample *sample)
{
    const struct game_history_stats *results = &sample->results;
    const struct labelled states[] = {{"pending", results->pending}, {"failed", results->failed}};
    add_labelled(families, "pong_results_outbox", METRIC_GAUGE,
                 "Results that are not delivered: still tried, or given up and kept.", "state",
                 states, COUNT_OF(states));
    metric_families_real(families, "pong_results_oldest_pending_seconds", METRIC_GAUGE,
                         "How long the oldest pending result has waited; 0 without any.",
                         (double)results->oldest_pending_ms / ms_per_second);
    add_count(families, "pong_results_delivered_total", "Results delivered.", results->delivered);
    add_count(families, "pong_result_attempts_failed_total", "Attempts that did not deliver.",
              results->attempts_failed);
    metric_family_histogram(metric_families_add(families, "pong_result_attempt_duration_seconds",
                                                METRIC_HISTOGRAM,
                                                "How long attempts to deliver took."),
                            &histogram_foreign, &results->attempts, NULL);
    add_gauge(families, "pong_results_unsaved", "Results whose newest state is not in the store.",
              results->unsaved);
    add_count(families, "pong_results_lost_total",
              "Results that could not even be kept; each is in the log.", results->lost);
}

static void add_checkpoints(json_t *families, const struct metrics_sample *sample)
{
    const struct room_keeper_stats *rooms = &sample->rooms;
    add_gauge(families, "pong_checkpoints_pending", "Rooms whose newest state is not in the store.",
              rooms->pending);
    add_count(families, "pong_checkpoints_saved_total", "States of rooms saved.", rooms->saved);
    add_count(families, "pong_checkpoint_commits_failed_total",
              "Times the store did not take states of rooms.", rooms->commits_failed);
    add_count(families, "pong_checkpoints_forgotten_total",
              "Rooms that are gone and may come back at the next start.", rooms->forgotten);
    if (rooms->last_commit_age_ms >= 0)
        metric_families_real(families, "pong_checkpoint_last_commit_age_seconds", METRIC_GAUGE,
                             "Time since states of rooms were saved last.",
                             (double)rooms->last_commit_age_ms / ms_per_second);
}

static void add_store(json_t *families, const struct metrics_sample *sample)
{
    const struct labelled broken[] = {{"results", sample->results.store_broken},
                                      {"rooms", sample->rooms.store_broken}};
    add_labelled(families, "pong_store_broken", METRIC_GAUGE,
                 "1 while a part of the store refuses to read or write.", "part", broken,
                 COUNT_OF(broken));
    add_count(families, "pong_store_files_set_aside_total",
              "Files found damaged and replaced by fresh ones.", sample->store.files_set_aside);
    add_count(families, "pong_store_rooms_unreadable_total",
              "Stored rooms that could not be read; kept aside.", sample->store.rooms_unreadable);
    add_count(families, "pong_store_rooms_refused_total",
              "States of rooms not saved, as no game can be in them.", sample->store.rooms_refused);
}

/* ---- several processes --------------------------------------------------------------- */

static void add_slots(json_t *families, const struct metrics_sample *sample)
{
    const struct slot_keeper_stats *keeper = &sample->keeper;
    json_t *family = metric_families_add(families, "pong_slot_state", METRIC_GAUGE,
                                         "1 for each slot that is this process', by its state.");
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        const char letter[] = {slot_letter(slot), '\0'};
        if (sample->slots.slots[slot] != SLOT_OWNER_NONE)
            metric_family_count(family, 1, "slot", letter, "state",
                                slot_owner_word(sample->slots.slots[slot]), NULL);
    }
    add_count(families, "pong_slot_claims_total", "Slots claimed.", keeper->claims);
    add_count(families, "pong_slots_lost_total", "Slots that another process has taken.",
              keeper->lost);
    add_count(families, "pong_slots_handed_total", "Slots handed over.", keeper->handed);
    add_count(families, "pong_slots_released_total", "Empty slots given back.", keeper->released);
    add_gauge(families, "pong_rooms_unrestored",
              "Rooms of claimed slots that found no place here yet; they stay where they are kept.",
              sample->slots.unrestored);
    add_gauge(families, "pong_rooms_frozen",
              "Rooms that stand still, as it is not certain whose they are, or they move.",
              (uint64_t)sample->manager.rooms_frozen);
    add_count(families, "pong_freezes_total", "Times that a room began to stand still.",
              sample->manager.freezes);
}

static void add_redis(json_t *families, const struct metrics_sample *sample)
{
    const struct slot_keeper_stats *keeper = &sample->keeper;
    add_gauge(families, "pong_redis_up", "1 while there is a connection to Redis.",
              keeper->redis_up);
    add_count(families, "pong_redis_reconnects_total", "Connections to Redis after the first.",
              keeper->reconnects);
    metric_family_histogram(metric_families_add(families, "pong_redis_round_seconds",
                                                METRIC_HISTOGRAM,
                                                "How long rounds of leases with Redis took."),
                            &histogram_exchange, &keeper->rounds, NULL);
    add_count(families, "pong_redis_stale_batches_total",
              "Writes that Redis did not carry out, as newer ones were there before them.",
              sample->stale_batches);
}

bool metrics_report_write(const struct metrics_sample *sample, json_t *reply)
{
    const char slot[] = {sample->slot, '\0'};
    json_t *families = json_array();
    metric_families_process(families, "gamed", sample->version, &sample->process);
    add_rooms(families, sample);
    add_sessions(families, sample);
    add_limits(families, sample);
    add_tickets(families, sample);
    add_messages(families, sample);
    add_time(families, sample);
    add_ipc(families, sample);
    add_results(families, sample);
    add_checkpoints(families, sample);
    add_store(families, sample);
    if (sample->instance) {
        add_slots(families, sample);
        add_redis(families, sample);
        json_object_set_new(reply, "instance", json_string(sample->instance));
    }
    return json_object_set_new(reply, "families", families) == 0 &&
           json_object_set_new(reply, "slot", json_string(slot)) == 0;
}
