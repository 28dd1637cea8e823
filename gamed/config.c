/*
 * One table of flags, and their way into the units that the modules use.
 */
#include "gamed/config.h"

#include <stdio.h>
#include <string.h>

#include "cluster/redis_link.h"
#include "common/log.h"
#include "common/secret_file.h"
#include "gamed/messages.h"
#include "gamed/slot_rules.h"

enum {
    MS_PER_SECOND = 1000,
    SECONDS_PER_MINUTE = 60,
    COUNTDOWN_MAX_STEPS = 3600
};

/* What the table fills in before it is put into the modules' units. */
struct raw_config {
    char slot[2];
    int absence_seconds, absence_total_seconds, pause_seconds, unclaimed_seconds,
        waiting_room_seconds, rematch_seconds, match_minutes, join_seconds;
    int guests, tickets, post_bot_results, post_guest_results;
};

static enum option_outcome read_options(struct config *config, struct raw_config *raw, int argc,
                                        char **argv, char *error, size_t error_size)
{
    struct game_manager_config *manager = &config->manager;
    struct game_consumer_config *consumer = &config->consumer;
    struct game_rules *rules = &manager->rules;
#define TEXT(field)             OPTION_STRING, (field), sizeof(field), 0, 0, NULL
#define NUMBER(field, min, max) OPTION_INT, &(field), 0, (min), (max), NULL
#define CHOICE(field, words)    OPTION_CHOICE, &(field), 0, 0, 0, (words)
    const struct option_spec specs[] = {
        {"slot", TEXT(raw->slot), "A", NULL, "CHARACTER",
         "first character of this process' room codes; with --redis-url another where this one is "
         "taken"},
        {"listen", TEXT(config->listen), "unix:/run/pong/gamed.sock", NULL, "WHERE",
         "WebSocket listener: unix:PATH or ADDRESS:PORT"},
        {"ipc", TEXT(config->ipc), "ipc:///run/pong/ipc.sock", NULL, "URL",
         "where api-fcgi asks: ipc://PATH, or tcp://ADDRESS:PORT in a private network"},
        {"control", TEXT(config->control), "/run/pong/control.sock", NULL, "PATH",
         "the socket of pongctl; \"\" for none"},
        {"state-dir", TEXT(config->state_dir), "", NULL, "DIR",
         "keeps live rooms and results here; \"\": nothing survives this process"},
        {"update-hz", NUMBER(manager->update_hz, 10, 60), "30", NULL, "HZ",
         "updates a second to each client; a divisor of 60"},
        {"serve-steps", NUMBER(rules->serve_steps, PONG_SERVE_LAUNCH_STEPS, COUNTDOWN_MAX_STEPS),
         "180", NULL, "STEPS", "countdown of a serve, in 1/60 s"},
        {"absence-seconds", NUMBER(raw->absence_seconds, 1, 3600), "30", NULL, "S",
         "how long a player may be away at a time"},
        {"absence-total-seconds", NUMBER(raw->absence_total_seconds, 1, 7200), "60", NULL, "S",
         "how long in one match"},
        {"pause-seconds", NUMBER(raw->pause_seconds, 1, 600), "60", NULL, "S",
         "length of a player's pause"},
        {"pauses", NUMBER(rules->pauses, 0, 100), "3", NULL, "N",
         "pauses of a player in one match"},
        {"unclaimed-seconds", NUMBER(raw->unclaimed_seconds, 1, 3600), "30", NULL, "S",
         "a waiting seat is freed when its holder is away so long"},
        {"waiting-room-seconds", NUMBER(raw->waiting_room_seconds, 1, 86400), "120", NULL, "S",
         "a waiting room is closed when nobody is in it so long"},
        {"rematch-seconds", NUMBER(raw->rematch_seconds, 1, 3600), "60", NULL, "S",
         "how long a room outlives its match"},
        {"match-minutes", NUMBER(raw->match_minutes, 1, 1440), "30", NULL, "MIN", "longest match"},
        {"checkpoint-ms", NUMBER(manager->checkpoint_ms, 50, 60000), "1000", NULL, "MS",
         "a match under way is saved so often, and at every event"},
        {"max-connections", NUMBER(manager->max_connections, 2, 1000000), "16000", NULL, "N",
         "WebSocket connections in all"},
        {"max-rooms", NUMBER(manager->max_rooms, 1, 1000000), "10000", NULL, "N", "rooms in all"},
        {"max-connections-per-address", NUMBER(manager->max_connections_per_address, 0, 1000000),
         "256", NULL, "N",
         "WebSocket connections of a client address (IPv6: of its /64), but players come back to "
         "their seats; 0: no limit"},
        {"max-handshakes", NUMBER(consumer->max_handshakes, 1, 30000), "1024", NULL, "N",
         "sockets in their handshake at a time"},
        {"handshakes-per-second", NUMBER(consumer->handshakes_per_second, 1, 1000000), "1000", NULL,
         "N", "handshakes answered a second, those of players not counted; twice as many at once"},
        {"handshake-seconds", NUMBER(consumer->handshake_seconds, 1, 60), "10", NULL, "S",
         "how long a handshake may take"},
        {"join-seconds", NUMBER(raw->join_seconds, 0, 86400), "30", NULL, "S",
         "how long who only watches may send nothing, no answer to a ping either; under 5: 5; "
         "0: no limit"},
        {"max-rooms-per-user", NUMBER(manager->max_rooms_per_user, 0, 1000000), "16", NULL, "N",
         "rooms that an identified user has opened; 0: no limit"},
        {"max-rooms-per-address", NUMBER(manager->max_rooms_per_address, 0, 1000000), "128", NULL,
         "N", "rooms that guests of a client address have opened; 0: no limit"},
        {"max-spectators", NUMBER(manager->max_spectators, 0, 100000), "100", NULL, "N",
         "spectators of a room"},
        {"messages-per-second", NUMBER(manager->messages_per_second, 1, 10000), "120", NULL, "N",
         "what a connection may send; twice as many at once"},
        {"max-message-bytes", NUMBER(consumer->max_message_bytes, 128, MESSAGES_CLIENT_MAX), "512",
         NULL, "BYTES", "a message of a client"},
        {"send-buffer-bytes", NUMBER(consumer->send_buffer_bytes, 0, 16777216), "65536", NULL,
         "BYTES", "what the system keeps for a client who is slow to read; 0: its own default"},
        {"guests", CHOICE(raw->guests, "deny|allow"), "allow", NULL, "WORD",
         "whether strangers may take a free seat"},
        {"tickets", CHOICE(raw->tickets, "optional|required"), "optional", NULL, "WORD",
         "whether a handshake without nginx's ticket is let in by its seat tokens alone"},
        {"max-tickets", NUMBER(config->max_tickets, 1, TICKETS_MAX), "65536", NULL, "N",
         "tickets for handshakes that are under way, good for 10 s each"},
        {"allowed-origins", TEXT(config->allowed_origins), "", NULL, "LIST",
         "origins besides the site's own, e.g. https://example.org"},
        {"user-management-url", TEXT(config->user_management_url), "", "USER_MANAGEMENT_URL", "URL",
         "where results are posted; without it they wait"},
        {"user-management-ca", TEXT(config->user_management_ca), "", NULL, "FILE",
         "PEM: who may sign its certificate; by default whom the system trusts"},
        {"api-key", TEXT(config->api_key), "", "API_KEY", "KEY",
         "sent with results; better set by the environment"},
        {"api-key-file", TEXT(config->api_key_file), "", NULL, "PATH",
         "a file that holds the API key, instead of --api-key; read again at SIGHUP"},
        {"post-bot-results", CHOICE(raw->post_bot_results, OPTION_NO_YES), "no", NULL, "WORD",
         "post matches against the bot"},
        {"post-guest-results", CHOICE(raw->post_guest_results, OPTION_NO_YES), "yes", NULL, "WORD",
         "post matches of guests"},
        {"redis-url", TEXT(config->redis_url), "", "REDIS_URL", "URL",
         "redis://, rediss:// or unix://: several processes serve one site; better set by the "
         "environment"},
        {"redis-url-file", TEXT(config->redis_url_file), "", NULL, "PATH",
         "a file that holds the URL, instead of --redis-url"},
        {"redis-ca", TEXT(config->redis_ca), "", NULL, "FILE",
         "PEM: who may sign the certificate of Redis; by default whom the system trusts"},
        {"lease-ms", NUMBER(config->lease_ms, SLOT_LIFE_MIN_MS, SLOT_LIFE_MAX_MS), "2000", NULL,
         "MS", "how long a slot is still this process' after Redis was last heard"},
        {"advertise-ipc", TEXT(config->advertise_ipc), "", NULL, "URL",
         "where api-fcgi reaches this process; by default --ipc"},
        {"advertise-listen", TEXT(config->advertise_listen), "", NULL, "WHERE",
         "where nginx reaches this process; by default --listen"},
        {"drain-ms", NUMBER(config->drain_ms, 0, 10000), "200", NULL, "MS",
         "how long callers are still told that it is stopping"},
        {"user", TEXT(config->user), "", NULL, "NAME",
         "started as root: become this user, before anything is opened"},
        {"log-file", TEXT(config->log_file), "", NULL, "PATH",
         "a file to append the log to, instead of standard error; opened anew at SIGHUP"},
        {"log-level", CHOICE(config->log_level, LOG_LEVEL_CHOICES), "info", NULL, "WORD",
         "what is logged"},
    };
#undef TEXT
#undef NUMBER
#undef CHOICE
    return options_parse(
        "gamed",
        "The game server of pong: owns all games of one slot, speaks WebSocket to players.", specs,
        sizeof specs / sizeof *specs, argc, argv, error, error_size);
}

/* An address that stands for all of a machine's is none that another machine could reach it at. */
static bool is_everywhere(const char *where)
{
    static const char *const heads[] = {
        "0.0.0.0:", "[::]:", "*:", "tcp://0.0.0.0:", "tcp://[::]:", "tcp://*:"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strncmp(where, heads[i], strlen(heads[i])) == 0)
            return true;
    return false;
}

static int check_advertised(const struct config *config, char *error, size_t error_size)
{
    const bool is_listen = is_everywhere(config->advertise_listen);
    if (!config->redis_url[0] || !(is_listen || is_everywhere(config->advertise_ipc)))
        return 0;
    snprintf(
        error, error_size,
        "with --redis-url, others must be told where this process is: --advertise-%s is needed",
        is_listen ? "listen" : "ipc");
    return -1;
}

static void copy_where_empty(char *text, const char *instead)
{
    if (!text[0])
        memcpy(text, instead, strlen(instead) + 1);
}

static int check(const struct config *config, const struct raw_config *raw, char *error,
                 size_t error_size)
{
    if (60 % config->manager.update_hz != 0) {
        snprintf(error, error_size, "--update-hz %d does not divide 60", config->manager.update_hz);
        return -1;
    }
    if (raw->slot[0] == '\0' || !strchr(ROOM_CODE_ALPHABET, raw->slot[0])) {
        snprintf(error, error_size, "--slot must be one of %s", ROOM_CODE_ALPHABET);
        return -1;
    }
    if (raw->pause_seconds * PONG_STEPS_PER_SECOND + config->manager.rules.serve_steps >=
        PONG_STEPS_OPEN) {
        snprintf(error, error_size, "--pause-seconds and --serve-steps are too long together");
        return -1;
    }
    if (config->redis_url[0] && redis_link_check(config->redis_url, error, error_size) != 0)
        return -1;
    if (check_advertised(config, error, error_size) != 0)
        return -1;
    return game_history_check(&config->history, error, error_size) == GAME_HISTORY_OK ? 0 : -1;
}

static int read_redis_url_file(struct config *config, char *error, size_t error_size)
{
    if (!config->redis_url_file[0])
        return 0;
    if (config->redis_url[0]) {
        snprintf(
            error, error_size,
            "--redis-url-file and --redis-url (or REDIS_URL) are both set; one of them must go");
        return -1;
    }
    return secret_file_read(config->redis_url_file, config->redis_url, sizeof config->redis_url,
                            error, error_size);
}

static int read_key_file(struct config *config, char *error, size_t error_size)
{
    if (!config->api_key_file[0])
        return 0;
    if (config->api_key[0]) {
        snprintf(error, error_size,
                 "--api-key-file and --api-key (or API_KEY) are both set; one of them must go");
        return -1;
    }
    return secret_file_read(config->api_key_file, config->api_key, sizeof config->api_key, error,
                            error_size);
}

enum option_outcome config_read(struct config *config, int argc, char **argv, char *error,
                                size_t error_size)
{
    struct raw_config raw;
    memset(config, 0, sizeof *config);
    memset(&raw, 0, sizeof raw);
    enum option_outcome outcome = read_options(config, &raw, argc, argv, error, error_size);
    if (outcome == OPTIONS_BAD || outcome == OPTIONS_DONE)
        return outcome;

    struct game_rules *rules = &config->manager.rules;
    rules->absence_ms = raw.absence_seconds * MS_PER_SECOND;
    rules->absence_total_ms = raw.absence_total_seconds * MS_PER_SECOND;
    rules->pause_ms = raw.pause_seconds * MS_PER_SECOND;
    rules->unclaimed_ms = raw.unclaimed_seconds * MS_PER_SECOND;
    rules->waiting_room_ms = raw.waiting_room_seconds * MS_PER_SECOND;
    rules->rematch_ms = raw.rematch_seconds * MS_PER_SECOND;
    rules->match_ms = raw.match_minutes * SECONDS_PER_MINUTE * MS_PER_SECOND;
    config->manager.slot = raw.slot[0];
    copy_where_empty(config->advertise_ipc, config->ipc);
    copy_where_empty(config->advertise_listen, config->listen);
    config->manager.join_ms = raw.join_seconds * INT64_C(1000);
    config->manager.guests = raw.guests;
    config->consumer.max_connections = config->manager.max_connections;
    config->consumer.messages_per_second = config->manager.messages_per_second;
    config->consumer.allowed_origins = config->allowed_origins;
    config->consumer.tickets_required = raw.tickets;
    config->history = GAME_HISTORY_CONFIG_DEFAULT;
    config->history.user_management_url = config->user_management_url;
    config->history.user_management_ca = config->user_management_ca;
    config->history.api_key = config->api_key;
    config->history.post_bot_results = raw.post_bot_results;
    config->history.post_guest_results = raw.post_guest_results;
    config->history.max_rooms = (size_t)config->manager.max_rooms;
    if (read_key_file(config, error, error_size) != 0 ||
        read_redis_url_file(config, error, error_size) != 0)
        return OPTIONS_BAD;
    config->manager.has_slots = config->redis_url[0] != '\0';
    return check(config, &raw, error, error_size) == 0 ? outcome : OPTIONS_BAD;
}
