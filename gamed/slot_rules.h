/*
 * slot_rules: when a slot may be claimed and by whom, and from when on a lease counts. The law that no slot
 * is valid in two processes at once is kept here and nowhere else.
 *
 * Pure: the answers of Redis and the time are arguments (milliseconds of CLOCK_BOOTTIME), so that
 * the law can be tried with any order of events. It must not know connections, threads or games.
 *
 * What it rests on. An owner is valid until (the moment before it sent the renewal + life - margin), and each
 * renewal that it counts stands in one write with its record in the registry, which names the slot.
 * Another claims only
 * - a slot whose lease is gone, that has not moved for `quiet_ms` while it watched without a gap, and that
 *   no live instance's record names;
 * - and counts its claim only after it has stood for SLOT_CLAIM_STANDS_MS, or for a whole life when so
 *   long lay between its look and its claim that both could have been overtaken.
 * An owner whose lease was gone and could be set again counts that only when it has stood so long that
 * every watcher has seen it (SLOT_RESET_STANDS_MS); behind a Redis that was restarted, and may have
 * forgotten another's claim, when such another's time is over.
 */
#ifndef PONG_GAMED_SLOT_RULES_H
#define PONG_GAMED_SLOT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/instance_record.h"
#include "cluster/slot_keys.h"

enum {
    SLOT_MARGIN_MS = 300, /* of a lease's life that its owner does not use */
    SLOT_ROUND_MS = 100,  /* from one round to the next */
    SLOT_GAP_MS = 500,    /* longer between two looks: anything may have happened */
    SLOT_RANK_MS = 150,   /* so much longer the next less loaded instance waits */
    SLOT_LOOK_MS = 250,   /* a claim that is done later after the look it rests on waits a life */
    SLOT_CLAIM_STANDS_MS = 300, /* more than SLOT_LOOK_MS */
    SLOT_RESET_STANDS_MS = 600, /* more than SLOT_GAP_MS */
    SLOT_LIFE_MIN_MS = 1000,
    SLOT_LIFE_MAX_MS = 10000,
};

struct slot_rules {
    int64_t life_ms;   /* of a lease */
    int64_t margin_ms; /* of it that is not used */
    int64_t round_ms;  /* how often it is renewed */
    int64_t quiet_ms;  /* how long an owner must have been silent */
};

/* Those that go with leases of that life: margin 300, a round each 100, quiet for life + 500. */
struct slot_rules slot_rules_of(int64_t life_ms);

/* What this process has to do with a slot. */
enum slot_phase {
    SLOT_FREE,    /* nothing */
    SLOT_LOADING, /* ours, and renewed, but its rooms are not here yet */
    SLOT_OWNED,
    SLOT_HANDING, /* its rooms are saved and stand still; a successor is to get it */
    SLOT_HANDED,  /* it has been given away; the rooms are dropped when the successor has loaded */
};

/* What the last rounds saw of a slot. */
struct slot_sight {
    char claim[CLAIM_SIZE]; /* of the lease; "": there was none */
    char last[CLAIM_SIZE];
    int64_t ttl_ms;
    int64_t
        moved_ms; /* when its owner was last seen to be alive, or could not be seen, or released it */
};

struct slot_view {
    enum slot_phase phase[SLOT_COUNT];
    struct slot_sight sight[SLOT_COUNT];
    int64_t opened_ms;     /* the connection */
    int64_t last_round_ms; /* when the last look was sent; 0: none yet */
    int64_t last_read_ms;  /* and when its answer was read */
    int home;              /* -1: none */
    int wish;              /* the slot that is preferred as home; -1: any */
};

/* A view that has seen nothing, owns nothing and wishes for `wish`. */
void slot_rules_begin(struct slot_view *view, int wish);

/*
 * Takes in a round's answer, which was sent at sent_ms and read at now_ms: notes what moved. A gap of more than
 * SLOT_GAP_MS between two looks, or a new connection, makes everything just moved.
 */
void slot_rules_see(struct slot_view *view, const struct watched *watched, bool is_new_connection,
                    int64_t sent_ms, int64_t now_ms);

/* Whether nothing was seen of the slot's owner for long enough, over a connection that is as old. */
bool slot_rules_is_quiet(const struct slot_view *view, const struct slot_rules *rules, int slot,
                         int64_t now_ms);

/*
 * The slot to claim now, or -1. Without a home (*as_home): the one wished for, else the least that has
 * something left in it, else an empty one, beginning where my_id's first digit says so that instances that start
 * together do not all want the same one. With a home: one that has something left in it, once those with
 * less load, before whom my_id is not, have had their time. Never two at once: not while one is LOADING.
 */
int slot_rules_choose(const struct slot_view *view, const struct slot_rules *rules,
                      const struct watched *watched, const char *my_id, int64_t now_ms,
                      bool *as_home);

/*
 * Who gets a slot in a handover: an index into watched->instances, the least loaded of those that are
 * live, not draining and have a home; or -1. extra[i]: load given to i since it was read; NULL: none.
 */
int slot_rules_successor(const struct watched *watched, const char *my_id, const int *extra);

/* ---- the owner's side: from when on what Redis answered counts ---------------------------- */

enum {
    SERVER_RUN_SIZE = 41
};

/* Of a slot that is ours. */
struct slot_hold {
    int64_t counts_from_ms; /* a renewal sent before this moment extends nothing */
    char server
        [SERVER_RUN_SIZE]; /* who gave the last answer about it, and in which run; "" unknown */
};

/* What an answer of Redis came over. */
struct slot_answer {
    const char *server; /* its run id; "": unknown, so it is never the same */
    int64_t opened_ms;  /* the connection */
    int64_t looked_ms;  /* when the look was sent on which a claim rests */
    int64_t sent_ms;    /* the question */
    int64_t read_ms;    /* the answer */
};

/* The slot has been claimed. */
void slot_rules_claimed(struct slot_hold *hold, const struct slot_rules *rules,
                        const struct slot_answer *answer);

/* It was given to us by the one who had it, and has it no more. */
void slot_rules_given(struct slot_hold *hold, const struct slot_answer *answer);

/* The script `renew` says: */
enum slot_renewal {
    SLOT_RENEWAL_LOST = -1,     /* it is another's */
    SLOT_RENEWAL_FORGOTTEN = 0, /* Redis knows nothing of it */
    SLOT_RENEWAL_KEPT = 1,
    SLOT_RENEWAL_RESET = 2, /* the lease was gone and is set again */
};

/* Until when the slot is valid after this answer to a renewal, CLOCK_BOOTTIME in ms; 0: nothing is
 * extended by it. */
int64_t slot_rules_renewed(struct slot_hold *hold, const struct slot_rules *rules,
                           enum slot_renewal renewal, const struct slot_answer *answer);

#endif
