/*
 * store_redis: the back-end of store.h that several processes on several machines share. It writes for
 * the slots alone that this process has claimed, and each write compares the lease first. It must not
 * claim, renew or judge the time of a lease: struct slots says what is ours.
 */
#ifndef PONG_GAMED_STORE_REDIS_H
#define PONG_GAMED_STORE_REDIS_H

#include <stddef.h>
#include <stdint.h>

#include "cluster/redis_link.h"
#include "gamed/store.h"

struct slots;

struct store_redis_config {
    struct redis_link_config redis; /* the name is what its connections' begin with */
};

/*
 * With two connections, one for each group of functions; Redis need not be there: what is asked
 * meanwhile is STORE_BROKEN. `slots` stays the caller's, until after store_close. What the contracts
 * of store.h leave open, and where it differs:
 *
 * An entry or a room belongs to the slot of its room. One of a slot without a claim counts as written
 * (it is another's now). One of a slot whose claim Redis does not know any more makes the call
 * STORE_BROKEN, until the slots thread has found out what to do. Each slot of a call is a commit of
 * its own, and so are each 256 rooms; after STORE_BROKEN some may be done, and doing them again does no
 * harm. A batch that Redis carries out late, after a newer one, changes nothing.
 * store_outbox_next lists the slots alone that are valid at the moment. store_outbox_find and _list see
 * all of the site. A failed entry that the operator has posted again, and whose slot is not ours, moves
 * to one that is. Of the counts, those pending are of our slots, those failed and the age of the oldest
 * are the site's; they are as of the last call that wrote or looked for the next.
 * store_rooms_load loads the rooms of the slots that are ours (slot_load.h is for one slot).
 *
 * Returns STORE_OK with *store (which the caller closes), or STORE_FULL (memory) or STORE_BROKEN (the
 * URL cannot be used) with a sentence in error[].
 */
int store_redis_open(const struct store_redis_config *config, struct slots *slots,
                     struct store **store, char *error, size_t error_size);

/* Whether a store is of this back-end's making is the caller's to know. How many batches Redis found to
 * be late, since the start. Any thread. */
void store_redis_stale(const struct store *store, uint64_t *batches);

#endif
