/*
 * Whose messages are left in their sockets.
 */
#include "gamed/read_watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <utlist.h>

int read_watch_init(struct read_watch *watch, size_t max)
{
    watch->all = calloc(max, sizeof(struct read_watched *));
    return watch->all ? 0 : -1;
}

void read_watch_free(struct read_watch *watch)
{
    free(watch->all);
    watch->all = NULL;
}

void read_watch_add(struct read_watch *watch, struct read_watched *watched, int fd, struct now now)
{
    watched->fd = fd;
    watched->place = watch->count;
    watch->all[watch->count++] = watched;
    read_limit_init(&watched->limit, watch->messages_per_second, now);
}

static void end_pause(struct read_watch *watch, struct read_watched *watched)
{
    DL_DELETE(watch->paused, watched);
    watch->paused_count--;
}

void read_watch_remove(struct read_watch *watch, struct read_watched *watched)
{
    struct read_watched *last = watch->all[--watch->count];
    watch->all[watched->place] = last;
    last->place = watched->place;
    if (watched->limit.is_paused)
        end_pause(watch, watched);
    for (int i = 0; i < watch->suspect_count; i++)
        if (watch->suspects[i] == watched)
            watch->suspects[i--] = watch->suspects[--watch->suspect_count];
}

/* What its client goes on sending now stays in his socket, until that is full and he has to wait. */
static void pause_reading(struct read_watch *watch, struct read_watched *watched)
{
    watch->pauses++;
    watch->paused_count++;
    DL_APPEND(watch->paused, watched);
    watch->set_reading(watch->arg, watched, false);
}

void read_watch_note_read(struct read_watch *watch, struct read_watched *watched, struct now now)
{
    watch->reads++;
    if (read_limit_note_read(&watched->limit, watch->messages_per_second, now))
        pause_reading(watch, watched);
}

/* What waits in its socket; one that has too much is looked at again next time. */
static void look_at(struct read_watch *watch, struct read_watched *watched, struct now now)
{
    int bytes = 0;
    if (watched->limit.is_paused || ioctl(watched->fd, FIONREAD, &bytes) != 0)
        return;
    if (read_limit_note_unread(&watched->limit, bytes, now)) {
        pause_reading(watch, watched);
        return;
    }
    if (bytes < READ_LIMIT_BEHIND_BYTES || watched->is_suspect ||
        watch->suspect_count == READ_WATCH_SUSPECTS_MAX)
        return;
    watched->is_suspect = true;
    watch->suspects[watch->suspect_count++] = watched;
}

static void look_at_suspects(struct read_watch *watch, struct now now)
{
    const int count = watch->suspect_count;
    watch->suspect_count = 0; /* none is put back before its place was read */
    for (int i = 0; i < count; i++) {
        watch->suspects[i]->is_suspect = false;
        look_at(watch, watch->suspects[i], now);
    }
}

static void resume_reading(struct read_watch *watch, struct now now)
{
    struct read_watched *watched, *after;
    DL_FOREACH_SAFE (watch->paused, watched, after) {
        if (!read_limit_resume(&watched->limit, now))
            continue;
        end_pause(watch, watched);
        watch->set_reading(watch->arg, watched, true);
        look_at(watch, watched, now);
    }
}

static int look_count(const struct read_watch *watch, int64_t elapsed_ms)
{
    const int looks = READ_WATCH_LOOK_ALL_MS / READ_WATCH_LOOK_MS;
    const int64_t since_ms =
        elapsed_ms < READ_WATCH_LOOK_ALL_MS ? elapsed_ms : READ_WATCH_LOOK_ALL_MS;
    const int64_t playing = watch->count - (int)watch->paused_count;
    const int play = (int)(playing * READ_WATCH_PLAY_READS * since_ms / 1000);
    const int events = watch->reads > watch->turns ? watch->reads : watch->turns;
    int count = (watch->count + looks - 1) / looks;
    if (events > play)
        count += (events - play) / READ_WATCH_LOOK_EVENTS;
    count = count < READ_WATCH_LOOKS_MIN ? READ_WATCH_LOOKS_MIN : count;
    count = count < READ_WATCH_LOOKS_MAX ? count : READ_WATCH_LOOKS_MAX;
    return count < watch->count ? count : watch->count;
}

void read_watch_turn(struct read_watch *watch, struct now now)
{
    watch->turns++;
    const int64_t elapsed_ms = now.mono_ms - watch->looked_ms;
    if (elapsed_ms < READ_WATCH_LOOK_MS)
        return;
    watch->looked_ms = now.mono_ms;
    look_at_suspects(watch, now);
    resume_reading(watch, now);
    for (int count = look_count(watch, elapsed_ms); count > 0; count--) {
        watch->look_at = (watch->look_at + 1) % watch->count;
        look_at(watch, watch->all[watch->look_at], now);
    }
    watch->reads = watch->turns = 0;
}
