/*
 * room_keeper: brings checkpoints of rooms to the store, on a thread of its own ("rooms").
 *
 * The loop thread puts a room's state by value and never waits. The rooms thread keeps the newest
 * state of each room and commits what there is as one transaction: at once when it was idle or somebody
 * waits for it, else ROOM_KEEPER_COMMIT_EVERY_MS after the last one. What cannot be committed is kept,
 * newest state per room, and tried again until it can. At the start, and while that fails, it commits even
 * if there is nothing, so that a disk that refuses is known before anybody plays. It must not know the rules of
 * the game.
 */
#ifndef PONG_GAMED_ROOM_KEEPER_H
#define PONG_GAMED_ROOM_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/checkpoint.h"
#include "gamed/store.h"

enum room_keeper_error {
    ROOM_KEEPER_OK = 0,
    ROOM_KEEPER_NO_MEMORY = -1, /* or no thread could be started */
    ROOM_KEEPER_TIMEOUT = -2,
};

enum {
    ROOM_KEEPER_COMMIT_EVERY_MS = 50,
    ROOM_KEEPER_RETRY_MS = 1000, /* how long a store that refused is left alone */
    ROOM_KEEPER_STALL_MS = 1000, /* a commit that takes longer: the store counts as broken */
};

struct room_keeper_config {
    size_t max_rooms; /* at the same time; sizes what is kept while the store is broken */
    /* After each commit; on the rooms thread, must not block. NULL: not called. */
    void (*saved)(void *arg);
    void *arg;
};

struct room_keeper_stats {
    size_t pending;          /* rooms whose newest state the store does not have */
    uint64_t saved;          /* states committed since the start */
    uint64_t commits_failed; /* since the start */
    uint64_t forgotten;      /* rooms that are gone and may come back at the next start, since the
                                   store was broken for too long to be told */
    int64_t last_commit_age_ms; /* -1: none yet */
    bool store_broken;          /* the last commit failed, or the present one stalls */
};

struct room_keeper;

/*
 * Starts the thread, which from then on alone uses the rooms_ group of the store; that stays the
 * caller's, open until after room_keeper_stop. All memory is taken here. ROOM_KEEPER_OK with
 * *keeper, or ROOM_KEEPER_NO_MEMORY. Main thread.
 */
int room_keeper_start(const struct room_keeper_config *config, struct store *store,
                      struct room_keeper **keeper);

/*
 * Hands over a room's present state, or that it is gone. The first state of a room is not a partial one.
 * Takes no lock and no memory, never blocks; a
 * wake-up byte is written to a non-blocking descriptor when the thread is idle. Returns a ticket,
 * higher than any before, for room_keeper_saved; or 0 when there is no place at the moment: the
 * caller puts the room's state again at its next update. One thread only (the loop's).
 */
uint64_t room_keeper_put(struct room_keeper *keeper, const struct room_checkpoint *checkpoint);

/* Every state put with a ticket up to this one is in the store, or one newer. Any thread. */
uint64_t room_keeper_saved(const struct room_keeper *keeper);

/*
 * Between the two nobody is woken by what is put, but at the end: for what comes together and is to be
 * committed together. The thread that puts.
 */
void room_keeper_gather(struct room_keeper *keeper);
void room_keeper_gathered(struct room_keeper *keeper);

/*
 * Somebody waits for what was put so far: it is committed as soon as the thread is free, together with
 * what is put until then. Takes no lock, never blocks; at most the wake-up byte is written. The thread
 * that puts.
 */
void room_keeper_hurry(struct room_keeper *keeper);

/*
 * Waits until everything put so far is in the store, at most timeout_ms; meanwhile commits follow
 * each other at once. ROOM_KEEPER_OK or ROOM_KEEPER_TIMEOUT. For a stop: put as many rooms as are
 * taken, flush, and again for the others. The thread that puts; it blocks.
 */
int room_keeper_flush(struct room_keeper *keeper, int timeout_ms);

/* The store may have lost anything: every room known is saved again. Any thread; takes no lock. */
void room_keeper_rewrite(struct room_keeper *keeper);

/*
 * The rooms of this slot are another process' now: what was put of them so far is not saved any more.
 * Goes the way of what is put, so what is put of the slot after it counts again. False when there is no
 * place at the moment: ask again next turn, and take up no room of that slot before. The thread that
 * puts; never blocks.
 */
bool room_keeper_forget_slot(struct room_keeper *keeper, char slot);

/* How things stand. Any thread; takes no lock. */
void room_keeper_stats(const struct room_keeper *keeper, struct room_keeper_stats *stats);

/*
 * Commits once more what there is (what cannot be is counted in the log), joins the thread and frees
 * the keeper. Blocks for a call into the store. NULL is fine. The thread that puts, after its last
 * put.
 */
void room_keeper_stop(struct room_keeper *keeper);

#endif
