/*
 * slot_keeper: claims, renews, loads and hands over slots, on a thread of its own ("slots").
 *
 * Each 100 ms, one round with Redis: every slot that is ours is renewed, if the loop has turned since; what
 * the loop wished for is done; everybody's slots and records are looked at. What comes of it goes to `slots`
 * (until when a slot is certain) and as news to the loop. It decides by slot_rules, never touches a
 * game, and keeps nothing of a Redis that is away: then validity simply runs out.
 */
#ifndef PONG_GAMED_SLOT_KEEPER_H
#define PONG_GAMED_SLOT_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/redis_link.h"
#include "cluster/slot_keys.h"
#include "common/histogram.h"
#include "gamed/slot_rules.h"
#include "gamed/slots.h"

enum slot_keeper_error {
    SLOT_KEEPER_OK = 0,
    SLOT_KEEPER_NO_MEMORY = -1, /* or no thread could be started, or the URL is none: see error[] */
    SLOT_KEEPER_FULL = -2,
};

/* What the loop is told. */
enum slot_news_kind {
    SLOT_NEWS_LOADED,   /* .load is the taker's to free(); restore its rooms, then ask for OPENED */
    SLOT_NEWS_DROP,     /* it is another's: drop its games (4001) */
    SLOT_NEWS_RELEASED, /* as asked for */
    SLOT_NEWS_REFUSED,  /* not released: there is something in it, or Redis is away. As before */
    SLOT_NEWS_NOT_HANDED, /* no successor, or Redis is away: still ours as far as is known */
    SLOT_NEWS_REWRITE,    /* Redis has lost something: all rooms and results anew; slot is -1 */
};

struct slot_load; /* of gamed/slot_load.h */

struct slot_news {
    enum slot_news_kind kind;
    int slot;
    bool is_home;
    struct slot_load *load; /* of LOADED, else NULL */
};

/* What the loop asks for. */
enum slot_wish {
    SLOT_WISH_OPENED, /* the rooms of LOADED are all there; also when they could not be restored */
    SLOT_WISH_HAND_OVER, /* its rooms are saved and stand still: DROP or NOT_HANDED follows */
    SLOT_WISH_RELEASE,   /* it is empty: RELEASED or REFUSED follows */
    SLOT_WISH_FORGOTTEN, /* nothing of a slot that was dropped waits to be stored: it may be ours again */
    SLOT_WISH_DRAIN, /* no more claims; slot is not looked at */
    SLOT_WISH_CLAIM, /* claims again; slot is not looked at */
};

struct slot_keeper_config {
    struct redis_link_config redis; /* copied */
    struct slot_rules rules;
    char wish;               /* letter of the slot that is preferred as home; 0: none */
    const char *ipc, *ws;    /* where others reach this process; copied */
    void (*news)(void *arg); /* there is news; slots thread, must not block */
    void *arg;
};

struct slot_keeper_stats {
    bool redis_up;       /* it answers, and does what it is asked */
    uint64_t reconnects; /* openings but the first */
    uint64_t claims, lost, handed, released;
    struct histogram rounds; /* histogram_exchange */
    struct {
        enum slot_phase phase;
    } slots[SLOT_COUNT];
    int home;               /* -1: none */
    int64_t round_since_ms; /* CLOCK_BOOTTIME, when the round under way was begun; 0: none is */
};

struct slot_keeper;

/*
 * Starts the thread. Redis need not be there. `slots` stays the caller's, until after slot_keeper_stop.
 * SLOT_KEEPER_OK with *keeper, or SLOT_KEEPER_NO_MEMORY with a sentence in error[]. Main thread.
 */
int slot_keeper_start(const struct slot_keeper_config *config, struct slots *slots,
                      struct slot_keeper **keeper, char *error, size_t error_size);

/* This process' id, CLAIM_LENGTH hexadecimal digits; the keeper's. Any thread. */
const char *slot_keeper_id(const struct slot_keeper *keeper);

/* The next news, in the order in which it came about. False: there is none. Loop thread. */
bool slot_keeper_next(struct slot_keeper *keeper, struct slot_news *news);

/*
 * Asks for something; the keeper's thread is woken. SLOT_KEEPER_OK, or SLOT_KEEPER_FULL: ask again next
 * turn. A wish that does not fit the slot's phase (it was lost meanwhile) is dropped: its news is on the way.
 * Loop thread; never blocks.
 */
int slot_keeper_ask(struct slot_keeper *keeper, enum slot_wish wish, int slot);

/*
 * What the registry is told of this process from the next round on: load (connections + 2 x rooms), public
 * rooms with somebody to play, whether it drains. Loop thread.
 */
void slot_keeper_tell(struct slot_keeper *keeper, int load, int waiting, bool draining);

/* How things stand. Any thread; takes no lock. */
void slot_keeper_stats(const struct slot_keeper *keeper, struct slot_keeper_stats *stats);

/*
 * Releases what is left, whatever is in it (others load it), leaves the registry: one round, 1 s at most. Then
 * joins and frees. Call after room_keeper_stop and game_history_stop, which still write under the
 * claims. NULL is fine. Main thread.
 */
void slot_keeper_stop(struct slot_keeper *keeper);

#endif
