/*
 * metrics_report: what the modules of gamed have counted, as families of metrics for the IPC. They
 * count in plain numbers of their own where things happen; only here, when somebody asks, does that
 * get names. Pure: everything comes in by value.
 */
#ifndef PONG_GAMED_METRICS_REPORT_H
#define PONG_GAMED_METRICS_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/process_stats.h"
#include "gamed/game_consumer.h"
#include "gamed/game_history.h"
#include "gamed/game_manager.h"
#include "gamed/ipc_endpoint.h"
#include "gamed/loop.h"
#include "gamed/room_keeper.h"
#include "gamed/slot_keeper.h"
#include "gamed/slot_owner.h"
#include "gamed/store.h"
#include "gamed/tickets.h"

struct metrics_sample {
    char slot;            /* '\0': there is none to open rooms in */
    const char *instance; /* the name of this process among others; NULL: it is alone, … */
    struct slot_owner_stats slots;
    struct slot_keeper_stats keeper;
    uint64_t stale_batches; /* … and these three are not looked at */
    const char *version;
    const struct game_manager_config *limits;
    struct game_manager_stats manager;
    struct game_consumer_stats consumer;
    struct ipc_endpoint_stats ipc;
    struct tickets_stats tickets;
    size_t max_tickets;
    struct game_history_stats results;
    struct room_keeper_stats rooms;
    struct store_health store;
    struct loop_stats loop;
    struct process_stats process;
};

/*
 * Adds "slot", where there is one "instance", and "families" (ipc/metric_families.h) to the reply; what it adds stays under half of
 * IPC_MESSAGE_MAX, whatever the numbers. False when memory is too short for it. Any thread.
 */
bool metrics_report_write(const struct metrics_sample *sample, json_t *reply);

#endif
