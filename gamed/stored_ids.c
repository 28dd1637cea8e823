/*
 * The writer owns the place until it moves `written`, the reader from then until it moves `read`.
 */
#include "gamed/stored_ids.h"

#include <string.h>

bool stored_ids_put(struct stored_ids *ids, const char *match_id)
{
    unsigned written = atomic_load_explicit(&ids->written, memory_order_relaxed);
    if (written - atomic_load_explicit(&ids->read, memory_order_acquire) == STORED_IDS_MAX)
        return false;
    memcpy(ids->ids[written % STORED_IDS_MAX], match_id, UUID_SIZE);
    atomic_store_explicit(&ids->written, written + 1, memory_order_release);
    return true;
}

bool stored_ids_take(struct stored_ids *ids, char match_id[UUID_SIZE])
{
    unsigned read = atomic_load_explicit(&ids->read, memory_order_relaxed);
    if (read == atomic_load_explicit(&ids->written, memory_order_acquire))
        return false;
    memcpy(match_id, ids->ids[read % STORED_IDS_MAX], UUID_SIZE);
    atomic_store_explicit(&ids->read, read + 1, memory_order_release);
    return true;
}
