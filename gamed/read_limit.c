/*
 * When to stop reading from a socket, and for how long.
 */
#include "gamed/read_limit.h"

#include <string.h>

static int reads_per_second(int messages_per_second)
{
    return READ_LIMIT_READS_PER_MESSAGE * messages_per_second;
}

void read_limit_init(struct read_limit *limit, int messages_per_second, struct now now)
{
    memset(limit, 0, sizeof *limit);
    bucket_init(&limit->reads, READ_LIMIT_BURST_SECONDS * reads_per_second(messages_per_second),
                now.mono_ms);
    limit->resumed_ms = now.mono_ms;
    limit->pause_ms = READ_LIMIT_PAUSE_MS;
}

static void pause_for(struct read_limit *limit, int64_t ms, struct now now)
{
    limit->is_paused = true;
    limit->behind_ms = 0;
    limit->resume_ms = now.mono_ms + ms;
}

bool read_limit_note_read(struct read_limit *limit, int messages_per_second, struct now now)
{
    int rate = reads_per_second(messages_per_second);
    if (limit->is_paused ||
        bucket_take(&limit->reads, rate, READ_LIMIT_BURST_SECONDS * rate, now.mono_ms))
        return false;
    pause_for(limit, READ_LIMIT_PAUSE_MS, now);
    return true;
}

/*
 * Found once may be our own stall, after which everybody's socket is full for a moment. Nothing is known
 * of how much is read of such a client, so one that goes on is read from less and less often.
 */
bool read_limit_note_unread(struct read_limit *limit, int bytes, struct now now)
{
    if (limit->is_paused)
        return false;
    if (now.mono_ms - limit->resumed_ms >= READ_LIMIT_FORGOTTEN_MS)
        limit->pause_ms = READ_LIMIT_PAUSE_MS;
    if (bytes < READ_LIMIT_BEHIND_BYTES || now.mono_ms - limit->resumed_ms < READ_LIMIT_GRACE_MS) {
        limit->behind_ms = 0;
        return false;
    }
    if (limit->behind_ms == 0)
        limit->behind_ms = now.mono_ms;
    if (now.mono_ms - limit->behind_ms < READ_LIMIT_BEHIND_MS)
        return false;
    pause_for(limit, limit->pause_ms, now);
    limit->pause_ms *= 2;
    if (limit->pause_ms > READ_LIMIT_PAUSE_MAX_MS)
        limit->pause_ms = READ_LIMIT_PAUSE_MAX_MS;
    return true;
}

bool read_limit_resume(struct read_limit *limit, struct now now)
{
    if (!limit->is_paused || now.mono_ms < limit->resume_ms)
        return false;
    limit->is_paused = false;
    limit->resumed_ms = now.mono_ms;
    return true;
}
