/*
 * read_limit: how much may be read from one socket, so that a client that sends without end costs a
 * small, fixed share of the loop. What is over it stays in the socket until its sender has to wait. Pure;
 * must not know sockets or messages.
 *
 * Two signs tell such a client: how often something of his was read, and that his socket is never empty.
 * The second one finds what the library keeps to itself, as pings.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_READ_LIMIT_H
#define PONG_GAMED_READ_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bucket.h"
#include "common/clock.h"

enum {
    READ_LIMIT_READS_PER_MESSAGE =
        6, /* of a message that may be sent: the longest come in pieces */
    READ_LIMIT_BURST_SECONDS =
        5, /* of that at once: a few milliseconds of ours, and then it is over */
    READ_LIMIT_PAUSE_MS = 500,
    READ_LIMIT_PAUSE_MAX_MS = 8000, /* for who goes on and on */
    READ_LIMIT_BEHIND_BYTES = 1024, /* this much unread, twice running, is a flood */
    READ_LIMIT_BEHIND_MS = 5,       /* between the two, at least */
    READ_LIMIT_GRACE_MS =
        30, /* from the beginning, and after a pause: what came meanwhile is read first */
    READ_LIMIT_FORGOTTEN_MS = 2000, /* who behaves for so long begins anew */
};

struct read_limit {
    struct bucket reads;
    int64_t resume_ms; /* while it is paused */
    int64_t resumed_ms;
    int64_t pause_ms;  /* of the next pause */
    int64_t behind_ms; /* since when its socket had too much in it; 0: it has not */
    bool is_paused;
};

void read_limit_init(struct read_limit *limit, int messages_per_second, struct now now);

/* Something was read: true when reading has to pause from now on. */
bool read_limit_note_read(struct read_limit *limit, int messages_per_second, struct now now);

/* So many bytes wait in the socket: true when reading has to pause from now on. */
bool read_limit_note_unread(struct read_limit *limit, int bytes, struct now now);

/* Whether a pause is over; then reading goes on. */
bool read_limit_resume(struct read_limit *limit, struct now now);

#endif
