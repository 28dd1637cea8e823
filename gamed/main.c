/*
 * gamed: wires the modules, starts the threads in the right order, and stops them in the right
 * order. No rules here.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "common/clock.h"
#include "common/privileges.h"
#include "gamed/config.h"
#include "gamed/control_endpoint.h"
#include "gamed/game_consumer.h"
#include "gamed/game_history.h"
#include "gamed/game_manager.h"
#include "gamed/ipc_endpoint.h"
#include "gamed/left_state.h"
#include "gamed/loop.h"
#include "gamed/metrics_report.h"
#include "gamed/reload.h"
#include "gamed/result_body.h"
#include "gamed/room_keeper.h"
#include "gamed/slot_keeper.h"
#include "gamed/slot_lock.h"
#include "gamed/slot_owner.h"
#include "gamed/slots.h"
#include "gamed/store.h"
#include "gamed/store_redis.h"
#include "gamed/stored_ids.h"
#include "gamed/tickets.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    ERROR_SIZE = 1400,       /* a sentence and a path */
    SPARE_DESCRIPTORS = 256, /* for everything that is not a player's socket */
    HELD_CHECK_NS = 50000000,
    ROOMS_GRACE_MS = 1000,   /* at a stop, for each of two portions of last checkpoints */
    RESULTS_GRACE_MS = 1000, /* at a stop, for the attempts in flight */
    REDIS_SLOW_MS = 1000,    /* a round with Redis that takes longer: it does not work */
};

static const int64_t NS_PER_MS = 1000000;

struct daemon {
    struct config config;
    int slot_fd;
    int signal_fd;
    struct store *store;
    /* of several processes that share Redis; else NULL */
    struct slots *slots;
    struct slot_keeper *slot_keeper;
    struct slot_owner *slot_owner;
    struct game_history *history;
    struct tickets *tickets;
    struct game_consumer *consumer;
    struct game_manager *manager;
    struct loop *loop;
    struct room_keeper *keeper;
    uint64_t last_ticket;     /* of the keeper */
    uint64_t owed_ticket;     /* what a room that could not be put will have, at the earliest */
    unsigned rooms_set_aside; /* of store_health, when all rooms were last saved because of it */
    struct stored_ids stored;
    struct ipc_endpoint endpoint;
    struct control_endpoint control;
    struct reload reload;
    int64_t stop_deadline_ns; /* 0: it is not stopping; INT64_MAX: slots are handed over first */
    int64_t handover_deadline_ns;
    bool rooms_unread;   /* not all rooms of an earlier process could be read */
    bool results_unread; /* while they were, whether their matches were over was not known */
};

/* ---- what is wired to what ----------------------------------------------------------- */

/* Only a result that the store takes is worth waiting for. */
static bool on_match_over(void *arg, const struct match_result *result)
{
    struct daemon *daemon = arg;
    FAILPOINT("over-before-submit");
    const bool is_taken =
        daemon->history && game_history_submit(daemon->history, result) == GAME_HISTORY_OK;
    FAILPOINT("over-submitted");
    return is_taken;
}

/* On the results thread. */
static void on_result_stored(void *arg, const char *match_id)
{
    struct daemon *daemon = arg;
    if (stored_ids_put(&daemon->stored, match_id))
        loop_wake(daemon->loop);
}

static bool on_checkpoint(void *arg, const struct room_checkpoint *checkpoint)
{
    struct daemon *daemon = arg;
    uint64_t ticket = daemon->keeper ? room_keeper_put(daemon->keeper, checkpoint) : 0;
    if (ticket == 0) {
        daemon->owed_ticket = daemon->last_ticket + 1;
        return false;
    }
    daemon->last_ticket = ticket;
    return true;
}

/* On the rooms thread. */
static void on_rooms_saved(void *arg)
{
    struct daemon *daemon = arg;
    loop_wake(daemon->loop);
}

static uint64_t rooms_promised(void *arg)
{
    const struct daemon *daemon = arg;
    return daemon->owed_ticket > daemon->last_ticket ? daemon->owed_ticket : daemon->last_ticket;
}

static uint64_t rooms_kept(void *arg)
{
    const struct daemon *daemon = arg;
    return room_keeper_saved(daemon->keeper);
}

static void on_rooms_awaited(void *arg)
{
    const struct daemon *daemon = arg;
    room_keeper_hurry(daemon->keeper);
}

/* A fresh file has only what is saved from now on: the rooms that do not move are saved again. */
static void renew_checkpoints(struct daemon *daemon)
{
    struct store_health health;
    store_health(daemon->store, &health);
    if (health.rooms_set_aside == daemon->rooms_set_aside)
        return;
    daemon->rooms_set_aside = health.rooms_set_aside;
    game_manager_checkpoints_lost(daemon->manager);
}

static bool on_slot_is_valid(void *arg, int slot)
{
    const struct daemon *daemon = arg;
    return slots_is_valid(daemon->slots, slot);
}

/* On the results thread. */
static bool may_post(void *arg, const char *room_code)
{
    const struct daemon *daemon = arg;
    return slots_is_valid(daemon->slots, slot_index(room_code[0]));
}

/* On the slots thread; of the loop itself for more turns. */
static void on_slot_news(void *arg)
{
    struct daemon *daemon = arg;
    loop_wake(daemon->loop);
}

static void on_ipc_wake(void *arg)
{
    struct daemon *daemon = arg;
    loop_wake(daemon->loop);
}

/* On the results thread. */
static void on_answered(void *arg)
{
    struct daemon *daemon = arg;
    loop_wake(daemon->loop);
}

static void on_woken(void *arg)
{
    struct daemon *daemon = arg;
    struct now now = clock_read();
    char match_id[UUID_SIZE];
    renew_checkpoints(daemon);
    while (stored_ids_take(&daemon->stored, match_id)) {
        FAILPOINT("over-before-announcement");
        game_manager_result_stored(daemon->manager, match_id, now);
        FAILPOINT("over-announced");
    }
    if (daemon->slot_owner)
        slot_owner_news(daemon->slot_owner, now);
    room_keeper_gather(daemon->keeper);
    if (ipc_endpoint_serve(&daemon->endpoint, now))
        loop_wake(daemon->loop);
    room_keeper_gathered(daemon->keeper);
    loop_hasten_timer(daemon->loop, control_endpoint_serve(&daemon->control, now));
    /* the request may have opened a room, whose first update is due before the timer would fire */
    loop_hasten_timer(daemon->loop, game_manager_tick(daemon->manager, clock_read()));
}

/* What does not work of slots. */
static size_t name_degraded_slots(const struct daemon *daemon, const char **words, size_t max)
{
    struct slot_keeper_stats keeper;
    struct slot_owner_stats owner;
    size_t count = 0;
    slot_keeper_stats(daemon->slot_keeper, &keeper);
    slot_owner_stats(daemon->slot_owner, &owner);
    const bool is_slow = keeper.round_since_ms != 0 &&
                         boottime_ns() / NS_PER_MS - keeper.round_since_ms > REDIS_SLOW_MS;
    if ((!keeper.redis_up || is_slow) && count < max)
        words[count++] = "redis";
    if (((owner.home < 0 && !owner.is_draining) || owner.valid < owner.owned) && count < max)
        words[count++] = "slots";
    return count;
}

static size_t name_degraded(void *arg, const char **words, size_t max)
{
    struct daemon *daemon = arg;
    struct game_history_stats results;
    struct room_keeper_stats rooms;
    struct store_health health;
    size_t count = 0;
    game_history_stats(daemon->history, &results);
    room_keeper_stats(daemon->keeper, &rooms);
    store_health(daemon->store, &health);
    if ((results.store_broken || rooms.store_broken) && count < max)
        words[count++] = "store";
    if ((daemon->rooms_unread || health.files_set_aside || health.rooms_unreadable ||
         health.rooms_refused) &&
        count < max)
        words[count++] = "store_damaged"; /* until the next start: somebody has to look */
    if (daemon->slot_owner)
        count += name_degraded_slots(daemon, words + count, max - count);
    return count;
}

static void sample_slots(const struct daemon *daemon, struct metrics_sample *sample)
{
    slot_owner_stats(daemon->slot_owner, &sample->slots);
    slot_keeper_stats(daemon->slot_keeper, &sample->keeper);
    store_redis_stale(daemon->store, &sample->stale_batches);
    sample->instance = slot_keeper_id(daemon->slot_keeper);
    sample->slot = '\0';
    if (sample->slots.home >= 0)
        sample->slot = slot_letter(sample->slots.home);
}

static bool on_metrics(void *arg, json_t *reply)
{
    struct daemon *daemon = arg;
    static struct metrics_sample sample; /* the loop thread's */
    sample.slot = daemon->config.manager.slot;
    if (daemon->slot_owner)
        sample_slots(daemon, &sample);
    sample.version = PACKAGE_VERSION;
    sample.limits = &daemon->config.manager;
    sample.ipc = daemon->endpoint.stats;
    sample.max_tickets = (size_t)daemon->config.max_tickets;
    tickets_stats(daemon->tickets, &sample.tickets);
    game_manager_stats(daemon->manager, &sample.manager);
    game_consumer_stats(daemon->consumer, &sample.consumer);
    game_history_stats(daemon->history, &sample.results);
    room_keeper_stats(daemon->keeper, &sample.rooms);
    store_health(daemon->store, &sample.store);
    loop_stats(daemon->loop, &sample.loop);
    process_stats_read(&sample.process);
    return metrics_report_write(&sample, reply);
}

static void on_turn(void *arg)
{
    struct daemon *daemon = arg;
    if (daemon->slots)
        slots_turn(daemon->slots);
    game_consumer_turn(daemon->consumer);
}

/* Whatever could be handed over has been, or the time for it is over: then as a process alone. */
static void stop_when_handed(struct daemon *daemon, struct now now)
{
    if (daemon->stop_deadline_ns != INT64_MAX ||
        (!slot_owner_is_empty(daemon->slot_owner) && now.mono_ns < daemon->handover_deadline_ns))
        return;
    daemon->stop_deadline_ns = now.mono_ns + daemon->config.drain_ms * NS_PER_MS;
    game_manager_drain(daemon->manager, now);
}

static int64_t on_timer(void *arg)
{
    struct daemon *daemon = arg;
    struct now now = clock_read();
    int64_t next = game_manager_tick(daemon->manager, now);
    if (daemon->slot_owner) {
        int64_t slots_next = slot_owner_turn(daemon->slot_owner, now);
        next = slots_next < next ? slots_next : next;
        stop_when_handed(daemon, now);
    }
    if (daemon->endpoint.held_count > 0) {
        ipc_endpoint_serve(&daemon->endpoint, now);
        if (next > now.mono_ns + HELD_CHECK_NS)
            next = now.mono_ns + HELD_CHECK_NS;
    }
    int64_t control_next = control_endpoint_serve(&daemon->control, now);
    if (control_next < next)
        next = control_next;
    if (daemon->stop_deadline_ns == 0)
        return next;
    if (now.mono_ns >= daemon->stop_deadline_ns)
        loop_stop(daemon->loop);
    return daemon->stop_deadline_ns < next ? daemon->stop_deadline_ns : next;
}

/*
 * From now on a signal ends the process at once, wherever it is: everything that matters survives
 * that, and who asks twice wants no more waiting. Only the loop's thread does not block signals.
 */
static void die_of_next_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* The first signal asks everybody to come back later and lets results go out. */
static void on_signal(void *arg)
{
    struct daemon *daemon = arg;
    struct signalfd_siginfo info;
    struct now now = clock_read();
    if (read(daemon->signal_fd, &info, sizeof info) != sizeof info || daemon->stop_deadline_ns)
        return;
    log_info("stopping; a second signal ends this at once");
    die_of_next_signal();
    if (daemon->slot_owner) {
        daemon->stop_deadline_ns = INT64_MAX;
        daemon->handover_deadline_ns = now.mono_ns + SLOT_OWNER_DRAIN_MAX_MS * NS_PER_MS;
        slot_owner_stop(daemon->slot_owner, now);
        loop_hasten_timer(daemon->loop, now.mono_ns);
        return;
    }
    daemon->stop_deadline_ns = now.mono_ns + daemon->config.drain_ms * NS_PER_MS;
    game_manager_drain(daemon->manager, now);
    loop_hasten_timer(daemon->loop, daemon->stop_deadline_ns);
}

/* ---- start --------------------------------------------------------------------------- */

/*
 * Lifts the descriptor limit to what the flags need; the library would spin at the limit, so it
 * must not be reached.
 */
static int raise_descriptor_limit(int max_connections, char *error, size_t error_size)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)max_connections + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return 0;
    if (limit.rlim_max < wanted && geteuid() == 0)
        limit.rlim_max = wanted;
    limit.rlim_cur = wanted;
    if (limit.rlim_max >= wanted && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    snprintf(
        error, error_size,
        "%d connections need a limit of %llu open files (ulimit -n), or a smaller --max-connections",
        max_connections, (unsigned long long)wanted);
    return -1;
}

static int block_signals(struct daemon *daemon, char *error, size_t error_size)
{
    sigset_t set;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    daemon->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (daemon->signal_fd >= 0)
        return 0;
    snprintf(error, error_size, "cannot watch signals: %s", strerror(errno));
    return -1;
}

static struct redis_link_config redis_config(const struct daemon *daemon, const char *name)
{
    return (struct redis_link_config){
        .url = daemon->config.redis_url, .ca_file = daemon->config.redis_ca, .name = name};
}

static int open_redis(struct daemon *daemon, char *error, size_t error_size)
{
    const struct store_redis_config config = {.redis = redis_config(daemon, "pong-gamed")};
    if (daemon->config.state_dir[0]) {
        if (left_state_check(daemon->config.state_dir, daemon->config.manager.slot, error,
                             error_size) != 0)
            return -1;
        log_info("--state-dir is not used: with Redis everything is kept there");
    }
    daemon->slots = slots_new();
    if (daemon->slots)
        return store_redis_open(&config, daemon->slots, &daemon->store, error, error_size);
    snprintf(error, error_size, "out of memory");
    return -1;
}

static int open_store(struct daemon *daemon, char *error, size_t error_size)
{
    const struct store_memory_limits limits = STORE_MEMORY_LIMITS_DEFAULT;
    if (daemon->config.redis_url[0])
        return open_redis(daemon, error, error_size);
    if (daemon->config.state_dir[0])
        return store_sqlite_open(daemon->config.state_dir, daemon->config.manager.slot,
                                 &daemon->store, error, error_size);
    log_warn("without --state-dir games and results do not survive this process");
    if (store_memory_open(&limits, &daemon->store) == STORE_OK)
        return 0;
    snprintf(error, error_size, "out of memory");
    return -1;
}

static void restore_room(void *arg, const struct room_checkpoint *checkpoint)
{
    struct daemon *daemon = arg;
    struct outbox_entry entry;
    struct match_result result;
    /* Asked once only when it does not answer: each time may take as long as a lock is waited for. */
    int found = daemon->results_unread
                    ? STORE_BROKEN
                    : store_outbox_find(daemon->store, checkpoint->match_id, &entry);
    bool is_over = found == STORE_OK && result_body_read(entry.body, entry.body_size, &result) == 0;
    daemon->results_unread |= found == STORE_BROKEN;
    if (game_manager_restore(daemon->manager, checkpoint, is_over ? &result : NULL, clock_read()) !=
        GAME_MANAGER_OK)
        log_error("room %s could not be taken up again", checkpoint->room_code);
}

static void take_up_rooms(struct daemon *daemon)
{
    struct game_manager_stats stats;
    daemon->rooms_unread = store_rooms_load(daemon->store, restore_room, daemon) != STORE_OK;
    if (daemon->rooms_unread)
        log_error("not all rooms of an earlier process could be read");
    game_manager_stats(daemon->manager, &stats);
    if (stats.rooms > 0)
        log_info("took up %d rooms of an earlier process", stats.rooms);
}

/* In this order: rooms are read before the threads that own the store's groups begin. */
static int start_keeping(struct daemon *daemon, char *error, size_t error_size)
{
    const struct room_keeper_config config = {.max_rooms = (size_t)daemon->config.manager.max_rooms,
                                              .saved = on_rooms_saved,
                                              .arg = daemon};
    assert(daemon->store);
    if (!daemon->slots) /* else each slot's are, when it is claimed */
        take_up_rooms(daemon);
    daemon->config.history.may_post = daemon->slots ? may_post : NULL;
    daemon->config.history.may_post_arg = daemon;
    daemon->config.history.stored = on_result_stored;
    daemon->config.history.stored_arg = daemon;
    daemon->config.history.answered = on_answered;
    daemon->config.history.answered_arg = daemon;
    if (game_history_start(&daemon->config.history, daemon->store, &daemon->history, error,
                           error_size) != GAME_HISTORY_OK)
        return -1;
    if (room_keeper_start(&config, daemon->store, &daemon->keeper) != ROOM_KEEPER_OK) {
        snprintf(error, error_size, "the thread that keeps rooms could not be started");
        return -1;
    }
    game_manager_submit_restored(daemon->manager, clock_read());
    return 0;
}

/* Last of the threads that use the store: with the first round slots may come. */
static int start_slots(struct daemon *daemon, char *error, size_t error_size)
{
    if (!daemon->slots)
        return 0;
    const struct slot_keeper_config keeper = {.redis = redis_config(daemon, "pong-gamed-slots"),
                                              .rules = slot_rules_of(daemon->config.lease_ms),
                                              .wish = daemon->config.manager.slot,
                                              .ipc = daemon->config.advertise_ipc,
                                              .ws = daemon->config.advertise_listen,
                                              .news = on_slot_news,
                                              .arg = daemon};
    if (slot_keeper_start(&keeper, daemon->slots, &daemon->slot_keeper, error, error_size) !=
        SLOT_KEEPER_OK)
        return -1;
    const struct slot_owner_config owner = {.manager = daemon->manager,
                                            .keeper = daemon->slot_keeper,
                                            .rooms = daemon->keeper,
                                            .history = daemon->history,
                                            .slots = daemon->slots,
                                            .promised = rooms_promised,
                                            .wake = on_slot_news,
                                            .arg = daemon};
    daemon->slot_owner = slot_owner_new(&owner);
    if (daemon->slot_owner)
        return 0;
    snprintf(error, error_size, "out of memory");
    return -1;
}

static int start_games(struct daemon *daemon, char *error, size_t error_size)
{
    struct game_manager_hooks hooks = {.match_over = on_match_over,
                                       .checkpoint = on_checkpoint,
                                       .slot_is_valid = on_slot_is_valid,
                                       .durable_arg = daemon};
    struct now now = clock_read();
    daemon->tickets = tickets_new((size_t)daemon->config.max_tickets);
    daemon->config.consumer.tickets = daemon->tickets;
    if (daemon->tickets)
        daemon->consumer = game_consumer_new(&daemon->config.consumer, clock_read);
    if (daemon->consumer) {
        game_consumer_fill_hooks(daemon->consumer, &hooks);
        daemon->manager = game_manager_new(&daemon->config.manager, &hooks, now);
    }
    if (!daemon->manager) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    game_consumer_set_manager(daemon->consumer, daemon->manager);
    const struct loop_config config = {.listen = daemon->config.listen,
                                       .protocols = game_consumer_protocols(),
                                       .protocol_arg = daemon->consumer,
                                       .handshake_seconds =
                                           daemon->config.consumer.handshake_seconds,
                                       .max_handshakes = daemon->config.consumer.max_handshakes};
    daemon->loop = loop_open(&config, error, error_size);
    if (!daemon->loop)
        return -1;
    loop_on_wake(daemon->loop, on_woken, daemon);
    loop_on_turn(daemon->loop, on_turn, daemon);
    if (loop_watch(daemon->loop, daemon->signal_fd, on_signal, daemon) != 0 ||
        loop_set_timer(daemon->loop, on_timer, daemon, now.mono_ns) != 0) {
        snprintf(error, error_size, "cannot watch signals and the clock: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static int start_ipc(struct daemon *daemon, char *error, size_t error_size)
{
    daemon->endpoint = (struct ipc_endpoint){
        .manager = daemon->manager,
        .tickets = daemon->tickets,
        .slots = {daemon->config.manager.slot},
        .ws = daemon->config.advertise_listen,
        .owner = daemon->slot_owner,
        .instance = daemon->slot_keeper ? slot_keeper_id(daemon->slot_keeper) : NULL,
        .degraded = name_degraded,
        .promised = rooms_promised,
        .kept = rooms_kept,
        .hurry = on_rooms_awaited,
        .metrics = on_metrics,
        .arg = daemon};
    daemon->endpoint.server =
        ipc_server_open(daemon->config.ipc, on_ipc_wake, daemon, error, error_size);
    if (!daemon->endpoint.server)
        return -1;
    daemon->control.owner = daemon->slot_owner;
    return control_endpoint_open(&daemon->control, daemon->config.control, &daemon->endpoint,
                                 daemon->history, on_ipc_wake, daemon, error, error_size);
}

static int start(struct daemon *daemon, char *error, size_t error_size)
{
    if (block_signals(daemon, error, error_size) != 0)
        return -1;
    if (daemon->config.state_dir[0] && !daemon->config.redis_url[0]) {
        daemon->slot_fd = slot_lock_take(daemon->config.state_dir, daemon->config.manager.slot,
                                         error, error_size);
        if (daemon->slot_fd < 0)
            return -1;
    }
    if (open_store(daemon, error, error_size) != 0 || start_games(daemon, error, error_size) != 0 ||
        start_keeping(daemon, error, error_size) != 0 ||
        start_slots(daemon, error, error_size) != 0)
        return -1;
    return start_ipc(daemon, error, error_size);
}

/* The rooms as they are at the end; more than the keeper takes at once go in portions. */
static void keep_last_states(struct daemon *daemon)
{
    if (!daemon->keeper)
        return;
    int missed = game_manager_checkpoint_all(daemon->manager, clock_read());
    bool are_kept = room_keeper_flush(daemon->keeper, ROOMS_GRACE_MS) == ROOM_KEEPER_OK;
    if (missed && are_kept) {
        missed = game_manager_checkpoint_all(daemon->manager, clock_read());
        are_kept = room_keeper_flush(daemon->keeper, ROOMS_GRACE_MS) == ROOM_KEEPER_OK;
    }
    if (missed || !are_kept)
        log_error("some rooms are kept only as they were a second ago");
}

/*
 * Whatever was started. The threads end before the loop that they wake; what connections bring about
 * as they close with the loop is no news for anybody any more.
 */
static void stop(struct daemon *daemon)
{
    control_endpoint_close(&daemon->control);
    ipc_endpoint_drop_held(&daemon->endpoint);
    ipc_server_close(daemon->endpoint.server);
    if (daemon->slots)
        slots_at_rest(daemon->slots);
    keep_last_states(daemon);
    room_keeper_stop(daemon->keeper);
    daemon->keeper = NULL;
    reload_stop(&daemon->reload);
    game_history_stop(daemon->history, RESULTS_GRACE_MS);
    daemon->history = NULL;
    slot_keeper_stop(daemon->slot_keeper);
    loop_close(daemon->loop);
    store_close(daemon->store);
    slot_owner_free(daemon->slot_owner);
    game_manager_free(daemon->manager);
    game_consumer_free(daemon->consumer);
    tickets_free(daemon->tickets);
    slots_free(daemon->slots);
    if (daemon->signal_fd >= 0)
        close(daemon->signal_fd);
    if (daemon->slot_fd >= 0)
        close(daemon->slot_fd);
}

int main(int argc, char **argv)
{
    static struct daemon daemon = {.slot_fd = -1, .signal_fd = -1};
    char error[ERROR_SIZE] = "";
    reload_block_signal();
    log_init("gamed", LOG_LEVEL_INFO);
    enum option_outcome outcome = config_read(&daemon.config, argc, argv, error, sizeof error);
    if (outcome == OPTIONS_BAD) {
        fprintf(stderr, "gamed: %s\n", error);
        return EXIT_USAGE;
    }
    if (outcome == OPTIONS_CHECKED)
        printf("gamed: the configuration is good\n");
    if (outcome != OPTIONS_RUN)
        return 0;

    log_init("gamed", (enum log_level)daemon.config.log_level);
    if (raise_descriptor_limit(daemon.config.manager.max_connections, error, sizeof error) != 0 ||
        privileges_drop(daemon.config.user, error, sizeof error) != 0) {
        log_error("%s", error);
        return EXIT_FAILED;
    }
    if (daemon.config.log_file[0] && log_open(daemon.config.log_file, error, sizeof error) != 0) {
        log_error("%s", error);
        return EXIT_FAILED;
    }
    privileges_tell_of_root();
    int failed = start(&daemon, error, sizeof error);
    if (!failed && reload_start(&daemon.reload, daemon.config.log_file, daemon.config.api_key_file,
                                daemon.history) != 0) {
        snprintf(error, sizeof error, "the thread that waits for SIGHUP could not be started");
        failed = -1;
    }
    if (failed) {
        log_error("%s", error);
        die_of_next_signal();
    } else {
        if (daemon.slot_keeper)
            log_info("instance %s, players at %s, IPC at %s", slot_keeper_id(daemon.slot_keeper),
                     daemon.config.listen, daemon.config.ipc);
        else
            log_info("slot %c, players at %s, IPC at %s", daemon.config.manager.slot,
                     daemon.config.listen, daemon.config.ipc);
        loop_run(daemon.loop);
    }
    stop(&daemon);
    if (!failed)
        log_info("stopped");
    return failed ? EXIT_FAILED : 0;
}
