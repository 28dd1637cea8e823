/*
 * stored_ids: match ids on their way from the results thread, which has made their results safe, to
 * the loop thread, which announces them. A ring for one writer and one reader, without a lock.
 */
#ifndef PONG_GAMED_STORED_IDS_H
#define PONG_GAMED_STORED_IDS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/random.h"

enum {
    STORED_IDS_MAX = 4096
};

struct stored_ids {
    _Atomic unsigned written, read;
    char ids[STORED_IDS_MAX][UUID_SIZE];
};

/* Results thread. False when it is full: the match is then announced when its time is over. */
bool stored_ids_put(struct stored_ids *ids, const char *match_id);

/* Loop thread. False when there is none. */
bool stored_ids_take(struct stored_ids *ids, char match_id[UUID_SIZE]);

#endif
