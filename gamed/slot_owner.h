/*
 * slot_owner: what the loop does about slots, so that main only wires: takes the news of the slots
 * thread, has rooms restored or dropped, hands slots over at a drain, has adopted slots released
 * when their last room is gone. Who owns what is slot_keeper's knowledge. It must not know Redis,
 * sockets or the rules of the game.
 *
 * All functions: loop thread, unless said otherwise. None waits.
 */
#ifndef PONG_GAMED_SLOT_OWNER_H
#define PONG_GAMED_SLOT_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster/slot_keys.h"
#include "common/clock.h"

struct game_history;
struct game_manager;
struct room_keeper;
struct slot_keeper;
struct slots;

enum {
    SLOT_OWNER_RESTORE_MAX = 128, /* rooms restored in a turn, so that no turn takes long */
    SLOT_OWNER_TURN_MS = 50,      /* it wants to be asked that often */
    SLOT_OWNER_SAVE_MS = 1000,    /* longest that a handover waits for its last states to be safe */
    SLOT_OWNER_POSTED_MS = 200,   /* and for it to be noted which results were delivered: else the
                                     successor posts them once more, under the same key */
    SLOT_OWNER_RELEASE_MS = 5000, /* after a release that was refused, before the next */
    SLOT_OWNER_DRAIN_MAX_MS = 6000, /* then a stop waits for handovers no longer */
};

struct slot_owner_config {
    struct game_manager *manager;
    struct slot_keeper *keeper;
    struct room_keeper *rooms;
    struct game_history *history;
    struct slots *slots;
    /* A number that grows with each room's state handed to `rooms`; room_keeper_saved() follows it. */
    uint64_t (*promised)(void *arg);
    /* Asks for slot_owner_news() in another turn. */
    void (*wake)(void *arg);
    void *arg;
};

/* What this process has of a slot, for people. */
enum slot_owner_state {
    SLOT_OWNER_NONE,
    SLOT_OWNER_LOADING,
    SLOT_OWNER_OWNED,
    SLOT_OWNER_FROZEN,
    SLOT_OWNER_HANDING,
    SLOT_OWNER_STATES
};
static inline const char *slot_owner_word(enum slot_owner_state state)
{
    static const char *const words[] = {"none", "loading", "owned", "frozen", "handing"};
    return words[state];
}

struct slot_owner_stats {
    enum slot_owner_state slots[SLOT_COUNT];
    int rooms[SLOT_COUNT];
    int home;          /* -1: none */
    int load;          /* connections + 2 x rooms */
    int owned, valid;  /* slots */
    bool is_draining;  /* slots are being handed over, and none is claimed … */
    bool is_drained;   /* … and there is nothing left to hand over */
    size_t unrestored; /* rooms that found no place yet; they are in the store */
};

struct slot_owner;

/* The parts stay the caller's and must outlive it. NULL when out of memory. Main thread. */
struct slot_owner *slot_owner_new(const struct slot_owner_config *config);
void slot_owner_free(struct slot_owner *owner); /* NULL is fine */

/* When woken: takes news, restores a portion of what was loaded, asks for more turns as needed. */
void slot_owner_news(struct slot_owner *owner, struct now now);

/*
 * On the timer: brings handovers on, has empty adopted slots released, tells the slots thread the
 * load. Returns when to be called again (CLOCK_MONOTONIC, ns), in SLOT_OWNER_TURN_MS at the latest.
 */
int64_t slot_owner_turn(struct slot_owner *owner, struct now now);

/*
 * New rooms are refused, and every slot is handed over: its rooms stand still until the successor has
 * them, then their clients are closed with 4001. A slot that cannot be handed over (there is no
 * successor, Redis is away, the last states are not safe in time) goes on until drain is asked for
 * again: each attempt costs its players a countdown. `undrain` ends it: new rooms are allowed, a home is
 * claimed again.
 */
void slot_owner_drain(struct slot_owner *owner, struct now now);
void slot_owner_undrain(struct slot_owner *owner, struct now now);

/*
 * The process stops: as drain, but what cannot be handed over does not go on. When nothing else is left
 * everybody in it is sent away with 4000, as a process alone does it; its rooms stay in the store.
 */
void slot_owner_stop(struct slot_owner *owner, struct now now);

/* While it stops: nothing is left to hand over, or it cannot be. */
bool slot_owner_is_empty(const struct slot_owner *owner);

void slot_owner_stats(const struct slot_owner *owner, struct slot_owner_stats *stats);

#endif
