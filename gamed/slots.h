/*
 * slots: which slots this process owns, and until when that is certain.
 *
 * The one thing that the slots thread (slot_keeper) and everybody else share: the slots thread writes
 * claims and moments, whoever plays, sends or stores asks. Whether a slot is valid is read off the
 * clock each time, so a process that was stopped for longer than its lease knows it with its first
 * question, whatever callback it wakes up in. It must know neither Redis nor games.
 *
 * The clock is CLOCK_BOOTTIME: the time of a machine that sleeps counts too.
 */
#ifndef PONG_GAMED_SLOTS_H
#define PONG_GAMED_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster/slot_keys.h"

/* After slots_at_rest leases are renewed for this long though no turn is made. */
enum {
    SLOTS_REST_MS = 6000
};

struct slots;

/* No slot is owned. NULL: no memory. Main thread, at start. */
struct slots *slots_new(void);

/* Nobody asks any more. NULL is fine. Main thread. */
void slots_free(struct slots *slots);

/*
 * Whether the slot is ours at this moment: its games may be played, its clients written to. Reads the
 * clock itself, each time: an answer is good for the act that follows it and no longer. An index that is no
 * slot's (slot_index's -1) is not valid. Any thread; no lock, no system call.
 */
bool slots_is_valid(const struct slots *slots, int index);

/* The loop has made another turn. Loop thread, once a turn. */
void slots_turn(struct slots *slots);

/* How many turns it has made. Any thread. */
uint64_t slots_turns(const struct slots *slots);

/*
 * The loop turns no more, since the process stops: leases are renewed all the same, for SLOTS_REST_MS at
 * most, so that the last states can still be written. Loop thread, once.
 */
void slots_at_rest(struct slots *slots);

/* Whether it is; false again when the time is over. Any thread. */
bool slots_is_at_rest(const struct slots *slots);

/*
 * Copies the claim under which the slot is ours. False, and claim is "": it is not. A slot may be
 * claimed and not valid: what is stored is compared with the claim by Redis. Any thread but the
 * loop's: takes a lock.
 */
bool slots_claim(struct slots *slots, int index, char claim[CLAIM_SIZE]);

/* The slot is ours under this claim, but not valid yet. Slots thread. */
void slots_set(struct slots *slots, int index, const char *claim);

/* It is valid until then, in ns of CLOCK_BOOTTIME; never moves backwards. Slots thread. */
void slots_extend(struct slots *slots, int index, int64_t until_ns);

/* It is not valid any more, but the claim stays. Slots thread. */
void slots_suspend(struct slots *slots, int index);

/* It is not ours any more. Slots thread. */
void slots_clear(struct slots *slots, int index);

/* CLOCK_BOOTTIME in nanoseconds. Any thread. */
int64_t boottime_ns(void);

#endif
