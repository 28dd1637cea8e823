/*
 * loop: gamed's one thread: the libwebsockets context on a libuv loop, the deadline timer, file
 * descriptors watched, and wake-up from other threads. It must not know games or messages.
 *
 * Why libuv: with direct writes from the tick it costs a third of libwebsockets' own poll() loop,
 * and a timerfd keeps the tick's deadline to the microsecond, where the loop's own timers count
 * milliseconds.
 *
 * All functions: loop thread, except where stated.
 */
#ifndef PONG_GAMED_LOOP_H
#define PONG_GAMED_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct loop;
struct lws_protocols;

struct loop_config {
    const char *listen;                    /* unix:PATH or ADDR:PORT */
    const struct lws_protocols *protocols; /* ends with an empty one; must outlive the loop */
    void *protocol_arg;                    /* for the protocols: loop_protocol_arg() */
    int handshake_seconds;                 /* time limit of one, from the socket on */
    int max_handshakes;                    /* at a time; others wait their turn */
};

/*
 * Opens the listener; a unix socket gets mode 0660, a stale one is bound over, a live one is an
 * error. NULL and a sentence in error[] on failure.
 */
struct loop *loop_open(const struct loop_config *config, char *error, size_t error_size);

/*
 * Calls `fire` at `first_ns` and then whenever it said: it returns the next deadline
 * (CLOCK_MONOTONIC, ns). Call once.
 */
int loop_set_timer(struct loop *loop, int64_t (*fire)(void *arg), void *arg, int64_t first_ns);

/* Moves the timer's deadline forward to `deadline_ns`, if that is earlier. */
void loop_hasten_timer(struct loop *loop, int64_t deadline_ns);

/*
 * Calls `readable` whenever the descriptor is. At most LOOP_WATCHES_MAX. Returns 0, or -1 when it
 * cannot be watched.
 */
enum {
    LOOP_WATCHES_MAX = 8
};
int loop_watch(struct loop *loop, int fd, void (*readable)(void *arg), void *arg);

/* Sets what is called in each turn before the loop waits; it must be quick. */
void loop_on_turn(struct loop *loop, void (*turn)(void *arg), void *arg);

/* Sets what loop_wake() brings about. */
void loop_on_wake(struct loop *loop, void (*woken)(void *arg), void *arg);

/* Any thread: has the woken function called on the loop thread soon; several calls may become one.
 */
void loop_wake(struct loop *loop);

struct loop_stats {
    uint64_t turns;   /* how often it waited for something to happen */
    uint64_t busy_ns; /* processor time of this thread */
};

void loop_stats(const struct loop *loop, struct loop_stats *stats);

/* Turns until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Closes all connections (their protocols are called) and frees the loop. NULL is fine. */
void loop_close(struct loop *loop);

#endif
