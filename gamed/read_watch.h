/*
 * read_watch: finds among all sockets those whose clients send without end, and has reading from them
 * paused and taken up again by the rules of read_limit. It counts what is read, and looks in turn at how
 * much waits in the sockets. It must not know messages, nor the library that reads.
 *
 * All functions: loop thread.
 */
#ifndef PONG_GAMED_READ_WATCH_H
#define PONG_GAMED_READ_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "gamed/read_limit.h"

enum {
    READ_WATCH_LOOK_MS = 5, /* between two looks: at those that had too much the last time, and … */
    READ_WATCH_LOOK_ALL_MS =
        250, /* … at others in turn, so many that each comes within this time, … */
    READ_WATCH_LOOK_EVENTS =
        4, /* … and one more for so many reads or turns of the loop that are not play: a flood makes
              many of one or the other */
    READ_WATCH_PLAY_READS = 12, /* a second from each socket that play makes */
    READ_WATCH_LOOKS_MIN = 8,
    READ_WATCH_LOOKS_MAX = 128,
    READ_WATCH_SUSPECTS_MAX = 64, /* had too much at the last look */
};

/* A socket that is watched; its owner has it in a struct of his own. */
struct read_watched {
    struct read_watched *next, *prev; /* while it is paused, among those that are */
    int fd;
    int place;       /* among all */
    bool is_suspect; /* it is among those */
    struct read_limit limit;
};

struct read_watch {
    int messages_per_second; /* that a client may send */
    /* Reading is to stop, or goes on. Must not call back, and must not have the socket removed at once. */
    void (*set_reading)(void *arg, struct read_watched *watched, bool reads);
    void *arg;
    struct read_watched **all;
    int count;
    struct read_watched *paused; /* utlist */
    size_t paused_count;
    uint64_t pauses; /* ever */
    int64_t looked_ms;
    int reads, turns; /* since then */
    int look_at;      /* place of the last that was looked at */
    struct read_watched *suspects[READ_WATCH_SUSPECTS_MAX];
    int suspect_count;
};

/* For at most `max` sockets. Returns 0, or -1: out of memory. The watch's settings stay as they are. */
int read_watch_init(struct read_watch *watch, size_t max);
void read_watch_free(struct read_watch *watch);

/* From now on, until it is removed, which must come before the descriptor is closed. */
void read_watch_add(struct read_watch *watch, struct read_watched *watched, int fd, struct now now);
void read_watch_remove(struct read_watch *watch, struct read_watched *watched);

/* Something was read from it. */
void read_watch_note_read(struct read_watch *watch, struct read_watched *watched, struct now now);

/* Once in each turn of the loop; looks when it is time to. */
void read_watch_turn(struct read_watch *watch, struct now now);

#endif
