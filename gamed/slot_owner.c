/*
 * slot_owner: see slot_owner.h. A slot's way: loaded (its rooms are restored in portions), open; then
 * either lost, or released when it is empty, or handed over: its rooms stand still, are saved, the slots
 * thread is asked, and says when the successor has them.
 */
#include "gamed/slot_owner.h"

#include <stdlib.h>

#include "common/log.h"
#include "gamed/game_history.h"
#include "gamed/game_manager.h"
#include "gamed/room_keeper.h"
#include "gamed/slot_keeper.h"
#include "gamed/slot_load.h"
#include "gamed/slots.h"

enum {
    TELL_MS = 250, /* what the registry says of the load is so old at most */
};

static const int64_t NS_PER_MS = 1000000;

enum phase {
    PHASE_NONE,
    PHASE_RESTORING, /* rooms are taken up, then the slots thread is told */
    PHASE_OPEN,
    PHASE_RELEASING, /* the slots thread was asked for it */
    PHASE_SAVING,    /* stands still until its last states and results are safe */
    PHASE_HANDING,   /* the slots thread was asked for it */
    PHASE_STUCK,     /* cannot be handed over, and the process stops */
};

struct owned_slot {
    enum phase phase;
    bool is_home;
    bool is_forget_due;     /* who keeps rooms or results found no place yet */
    bool is_restored;       /* only the slots thread is to be told yet */
    struct slot_load *load; /* while it is restored, the next of them is `at` */
    size_t at;
    size_t unrestored; /* of its rooms; when it is open they are all that is left of the load */
    /* of a handover */
    bool is_put;
    uint64_t ticket;
    int64_t since_ms;
    int64_t not_before_ms; /* of the next handover or release */
};

struct slot_owner {
    struct slot_owner_config config;
    struct owned_slot slots[SLOT_COUNT];
    bool is_draining, is_stopping, has_sent_away;
    bool is_drain_told; /* the slots thread knows of is_draining as it is */
    int64_t told_ms;
    int load;
};

struct slot_owner *slot_owner_new(const struct slot_owner_config *config)
{
    struct slot_owner *owner = calloc(1, sizeof *owner);
    if (!owner)
        return NULL;
    owner->config = *config;
    owner->is_drain_told = true;
    return owner;
}

void slot_owner_free(struct slot_owner *owner)
{
    if (!owner)
        return;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        free(owner->slots[slot].load);
    free(owner);
}

/* ---- a slot comes -------------------------------------------------------------------- */

static void take_load(struct slot_owner *owner, const struct slot_news *news)
{
    struct owned_slot *slot = &owner->slots[news->slot];
    free(slot->load);
    slot->load = news->load;
    slot->at = 0;
    slot->unrestored = 0;
    slot->is_home = news->is_home;
    slot->is_restored = false;
    slot->not_before_ms = 0;
    slot->phase = PHASE_RESTORING;
    game_manager_slot_set(owner->config.manager, news->slot, GAME_SLOT_LOADING);
}

/* False: there is no place for it at the moment. */
static bool restore_one(struct slot_owner *owner, const struct slot_load_room *room, struct now now)
{
    struct game_manager *manager = owner->config.manager;
    return game_manager_restore(manager, &room->checkpoint, room->has_result ? &room->result : NULL,
                                now) == GAME_MANAGER_OK ||
           game_manager_find(manager, room->checkpoint.room_code) != NULL;
}

/* Those without a place come to stand at the beginning of the load. */
static void restore(struct slot_owner *owner, struct owned_slot *slot, int *budget, struct now now)
{
    for (; slot->load && slot->at<slot->load->count && * budget> 0; slot->at++, --*budget) {
        const struct slot_load_room *room = &slot->load->rooms[slot->at];
        if (!restore_one(owner, room, now))
            slot->load->rooms[slot->unrestored++] = *room;
    }
}

/* What is left of the load is those without a place. */
static void keep_unrestored(struct slot_owner *owner, int index)
{
    struct owned_slot *slot = &owner->slots[index];
    game_manager_slot_lacks(owner->config.manager, index, slot->unrestored > 0);
    if (slot->load && slot->unrestored > 0) {
        slot->load->count = slot->unrestored;
        return;
    }
    free(slot->load);
    slot->load = NULL;
}

/* A place may have become free. */
static void restore_more(struct slot_owner *owner, int index, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    const size_t before = slot->unrestored;
    for (int budget = SLOT_OWNER_RESTORE_MAX; budget > 0 && slot->unrestored > 0; budget--) {
        if (!restore_one(owner, &slot->load->rooms[slot->unrestored - 1], now))
            break;
        slot->unrestored--;
    }
    if (slot->unrestored == before)
        return;
    game_manager_submit_slot(owner->config.manager, index, now);
    keep_unrestored(owner, index);
}

/* All its rooms are there: they may run. */
static void open_slot(struct slot_owner *owner, int index, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    struct game_manager *manager = owner->config.manager;
    slot->is_restored = true;
    if (slot->load && slot->load->count > slot->unrestored)
        log_info("slot %c: took up %zu rooms", slot_letter(index),
                 slot->load->count - slot->unrestored);
    if (slot->unrestored)
        log_error("slot %c: %zu rooms find no place (--max-rooms) and wait for one",
                  slot_letter(index), slot->unrestored);
    keep_unrestored(owner, index);
    game_manager_submit_slot(manager, index, now);
    game_manager_slot_set(manager, index, GAME_SLOT_OPEN);
    if (slot->is_home)
        game_manager_set_home(manager, index);
}

/* Returns whether there is more to do at once. */
static bool bring_up(struct slot_owner *owner, int index, int *budget, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    if (slot->is_forget_due)
        return false; /* states of its last time here must be behind us */
    if (!slot->is_restored) {
        restore(owner, slot, budget, now);
        if (slot->load && slot->at < slot->load->count)
            return true;
        open_slot(owner, index, now);
    }
    if (slot_keeper_ask(owner->config.keeper, SLOT_WISH_OPENED, index) != SLOT_KEEPER_OK)
        return false; /* the next turn asks again */
    slot->phase = PHASE_OPEN;
    game_history_slots_changed(owner->config.history);
    return false;
}

static bool bring_all_up(struct slot_owner *owner, struct now now)
{
    int budget = SLOT_OWNER_RESTORE_MAX;
    bool is_more = false;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (owner->slots[slot].phase == PHASE_RESTORING)
            is_more |= bring_up(owner, slot, &budget, now);
    return is_more;
}

/* ---- a slot goes --------------------------------------------------------------------- */

static void forget(struct slot_owner *owner, int index)
{
    const char letter = slot_letter(index);
    owner->slots[index].is_forget_due =
        !game_history_forget_slot(owner->config.history, letter) ||
        !room_keeper_forget_slot(owner->config.rooms, letter) ||
        slot_keeper_ask(owner->config.keeper, SLOT_WISH_FORGOTTEN, index) != SLOT_KEEPER_OK;
}

static void drop(struct slot_owner *owner, int index, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    struct game_manager *manager = owner->config.manager;
    free(slot->load);
    slot->load = NULL;
    slot->unrestored = 0;
    slot->phase = PHASE_NONE;
    game_manager_slot_set(manager, index, GAME_SLOT_NONE);
    game_manager_drop_slot(manager, index, SESSION_CLOSE_MOVED, now);
    if (game_manager_home(manager) == index)
        game_manager_set_home(manager, -1);
    forget(owner, index);
}

/* It stays with us as far as is known: it goes on, or waits for the end of the process. */
static void stay(struct slot_owner *owner, int index, int64_t not_before_ms)
{
    struct owned_slot *slot = &owner->slots[index];
    if (slot->phase == PHASE_NONE || slot->phase == PHASE_RESTORING)
        return; /* it was lost meanwhile */
    if (owner->is_stopping) {
        slot->phase = PHASE_STUCK;
        return;
    }
    slot->phase = PHASE_OPEN;
    slot->not_before_ms = not_before_ms;
    game_manager_slot_set(owner->config.manager, index, GAME_SLOT_OPEN);
}

/* There is something in it after all: somebody else may have it at a drain, else it is tried again. */
static void keep(struct slot_owner *owner, int index, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    slot->phase = PHASE_OPEN;
    slot->not_before_ms = owner->is_draining ? 0 : now.mono_ms + SLOT_OWNER_RELEASE_MS;
}

static void begin_handover(struct slot_owner *owner, int index, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    slot->phase = PHASE_SAVING;
    slot->is_put = false;
    slot->since_ms = now.mono_ms;
    game_manager_slot_set(owner->config.manager, index, GAME_SLOT_HANDING);
}

static bool is_saved(struct slot_owner *owner, int index, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    const struct slot_owner_config *config = &owner->config;
    struct game_history_stats results;
    if (!slot->is_put) {
        slot->is_put = game_manager_checkpoint_slot(config->manager, index, now) == 0;
        slot->ticket = config->promised(config->arg);
    }
    game_history_stats(config->history, &results);
    return slot->is_put && room_keeper_saved(config->rooms) >= slot->ticket &&
           game_manager_slot_unsafe(config->manager, index) == 0 &&
           (results.unsaved == 0 || now.mono_ms - slot->since_ms >= SLOT_OWNER_POSTED_MS);
}

static void save(struct slot_owner *owner, int index, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    if (is_saved(owner, index, now)) {
        if (slot_keeper_ask(owner->config.keeper, SLOT_WISH_HAND_OVER, index) == SLOT_KEEPER_OK)
            slot->phase = PHASE_HANDING;
    } else if (now.mono_ms - slot->since_ms >= SLOT_OWNER_SAVE_MS) {
        log_warn("slot %c: its last states could not be saved in time to be handed over",
                 slot_letter(index));
        stay(owner, index, INT64_MAX);
    }
}

/* Nobody has to be found for a slot with nothing in it. */
static void release(struct slot_owner *owner, int index)
{
    if (slot_keeper_ask(owner->config.keeper, SLOT_WISH_RELEASE, index) == SLOT_KEEPER_OK)
        owner->slots[index].phase = PHASE_RELEASING;
}

static void look_after(struct slot_owner *owner, int index, struct now now)
{
    struct owned_slot *slot = &owner->slots[index];
    if (slot->is_forget_due)
        forget(owner, index);
    if (slot->phase == PHASE_SAVING)
        save(owner, index, now);
    if (slot->phase == PHASE_OPEN && slot->unrestored > 0)
        restore_more(owner, index, now);
    if (slot->phase != PHASE_OPEN || now.mono_ms < slot->not_before_ms)
        return;
    if (owner->is_draining) {
        begin_handover(owner, index, now);
        save(owner, index, now);
    } else if (game_manager_home(owner->config.manager) != index && slot->unrestored == 0 &&
               game_manager_slot_rooms(owner->config.manager, index) == 0) {
        release(owner, index);
    }
}

/* ---- news ---------------------------------------------------------------------------- */

static void take(struct slot_owner *owner, const struct slot_news *news, struct now now)
{
    int rooms;
    switch (news->kind) {
    case SLOT_NEWS_LOADED:
        take_load(owner, news);
        break;
    case SLOT_NEWS_DROP:
        rooms = game_manager_slot_rooms(owner->config.manager, news->slot);
        if (rooms > 0)
            log_info("slot %c: %d rooms go where it is now", slot_letter(news->slot), rooms);
        drop(owner, news->slot, now);
        break;
    case SLOT_NEWS_RELEASED:
        drop(owner, news->slot, now);
        break;
    case SLOT_NEWS_REFUSED:
        if (owner->slots[news->slot].phase == PHASE_RELEASING)
            keep(owner, news->slot, now);
        break;
    case SLOT_NEWS_NOT_HANDED:
        stay(owner, news->slot, INT64_MAX);
        break;
    case SLOT_NEWS_REWRITE:
        room_keeper_rewrite(owner->config.rooms);
        game_history_rewrite(owner->config.history);
        break;
    }
}

void slot_owner_news(struct slot_owner *owner, struct now now)
{
    struct slot_news news;
    while (slot_keeper_next(owner->config.keeper, &news))
        take(owner, &news, now);
    if (bring_all_up(owner, now))
        owner->config.wake(owner->config.arg);
}

/* ---- time ---------------------------------------------------------------------------- */

static void tell(struct slot_owner *owner, struct now now)
{
    struct game_manager_stats stats;
    if (owner->told_ms && now.mono_ms - owner->told_ms < TELL_MS)
        return;
    owner->told_ms = now.mono_ms;
    game_manager_stats(owner->config.manager, &stats);
    owner->load = stats.connections + 2 * stats.rooms;
    slot_keeper_tell(owner->config.keeper, owner->load,
                     game_manager_waiting(owner->config.manager, now), stats.draining);
}

static void tell_of_drain(struct slot_owner *owner)
{
    const enum slot_wish wish = owner->is_draining ? SLOT_WISH_DRAIN : SLOT_WISH_CLAIM;
    owner->is_drain_told = slot_keeper_ask(owner->config.keeper, wish, -1) == SLOT_KEEPER_OK;
}

static bool is_done_with(const struct slot_owner *owner)
{
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        const enum phase phase = owner->slots[slot].phase;
        if (phase != PHASE_NONE && phase != PHASE_STUCK)
            return false;
    }
    return true;
}

int64_t slot_owner_turn(struct slot_owner *owner, struct now now)
{
    if (!owner->is_drain_told)
        tell_of_drain(owner);
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        look_after(owner, slot, now);
    slot_owner_news(owner, now);
    if (owner->is_stopping && !owner->has_sent_away && is_done_with(owner)) {
        owner->has_sent_away = true;
        game_manager_drain(owner->config.manager, now);
    }
    tell(owner, now);
    return now.mono_ns + SLOT_OWNER_TURN_MS * NS_PER_MS;
}

static void set_draining(struct slot_owner *owner, bool is_draining, struct now now)
{
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        owner->slots[slot].not_before_ms = 0;
    if (owner->is_draining == is_draining)
        return;
    owner->is_draining = is_draining;
    owner->told_ms = 0;
    game_manager_refuse_rooms(owner->config.manager, is_draining);
    tell_of_drain(owner);
    tell(owner, now);
}

void slot_owner_drain(struct slot_owner *owner, struct now now)
{
    set_draining(owner, true, now);
}

void slot_owner_undrain(struct slot_owner *owner, struct now now)
{
    if (owner->is_stopping)
        return;
    set_draining(owner, false, now);
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (owner->slots[slot].phase == PHASE_SAVING)
            stay(owner, slot, 0);
}

void slot_owner_stop(struct slot_owner *owner, struct now now)
{
    owner->is_stopping = true;
    set_draining(owner, true, now);
}

bool slot_owner_is_empty(const struct slot_owner *owner)
{
    return owner->has_sent_away;
}

/* ---- for people ---------------------------------------------------------------------- */

static enum slot_owner_state state_of(const struct slot_owner *owner, int index, bool is_valid)
{
    switch (owner->slots[index].phase) {
    case PHASE_NONE:
        return SLOT_OWNER_NONE;
    case PHASE_RESTORING:
        return SLOT_OWNER_LOADING;
    case PHASE_SAVING:
    case PHASE_HANDING:
    case PHASE_STUCK:
        return SLOT_OWNER_HANDING;
    default:
        return is_valid ? SLOT_OWNER_OWNED : SLOT_OWNER_FROZEN;
    }
}

void slot_owner_stats(const struct slot_owner *owner, struct slot_owner_stats *stats)
{
    *stats = (struct slot_owner_stats){
        .home = game_manager_home(owner->config.manager),
        .load = owner->load,
        .is_draining = owner->is_draining,
        .is_drained = owner->is_draining && is_done_with(owner),
    };
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        const bool is_valid = slots_is_valid(owner->config.slots, slot);
        stats->slots[slot] = state_of(owner, slot, is_valid);
        stats->rooms[slot] = game_manager_slot_rooms(owner->config.manager, slot);
        stats->owned += stats->slots[slot] != SLOT_OWNER_NONE;
        stats->unrestored += owner->slots[slot].unrestored;
        stats->valid += is_valid;
    }
}
