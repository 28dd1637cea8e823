/*
 * config: gamed's flags (docs/protocol.md §7), checked, in the form that the modules take.
 */
#ifndef PONG_GAMED_CONFIG_H
#define PONG_GAMED_CONFIG_H

#include "common/options.h"
#include "gamed/game_consumer.h"
#include "gamed/game_history.h"
#include "gamed/game_manager.h"
#include "gamed/tickets.h"

enum {
    CONFIG_TEXT_MAX = 1024
};

struct config {
    char listen[CONFIG_TEXT_MAX];
    char ipc[CONFIG_TEXT_MAX];
    char control[CONFIG_TEXT_MAX];   /* "" for none */
    char state_dir[CONFIG_TEXT_MAX]; /* "" for none */
    char user_management_url[CONFIG_TEXT_MAX];
    char user_management_ca[CONFIG_TEXT_MAX];
    char api_key[GAME_HISTORY_API_KEY_SIZE];
    char api_key_file[CONFIG_TEXT_MAX];     /* "" for none */
    char redis_url[CONFIG_TEXT_MAX];        /* "" : this process is alone */
    char redis_url_file[CONFIG_TEXT_MAX];   /* "" for none */
    char redis_ca[CONFIG_TEXT_MAX];         /* "": whom the system trusts */
    char advertise_ipc[CONFIG_TEXT_MAX];    /* where others reach this process; with Redis … */
    char advertise_listen[CONFIG_TEXT_MAX]; /* … and without */
    int lease_ms;
    char allowed_origins[CONFIG_TEXT_MAX];
    char user[CONFIG_TEXT_MAX];     /* whom to become; "" for nobody else */
    char log_file[CONFIG_TEXT_MAX]; /* "" for standard error */
    int log_level;
    int max_tickets;
    int drain_ms; /* between being asked to stop and stopping */
    struct game_manager_config manager;
    struct game_consumer_config consumer;
    struct game_history_config history;
};

/*
 * Reads flags and environment. OPTIONS_BAD comes with one sentence in error[]. The strings of the
 * modules' configurations point into *config, which must stay where it is. Call once at start,
 * before threads.
 */
enum option_outcome config_read(struct config *config, int argc, char **argv, char *error,
                                size_t error_size);

#endif
