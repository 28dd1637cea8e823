/*
 * cadence: how late the updates of one connection come against the ideal grid of its server: one every
 * 1/30 s, from an origin that is that connection's own and is learnt from the arrivals. An update that
 * was left out because nothing changed makes none late; several that come at once are late by what each
 * of them waited. Pure: every time is passed in.
 */
#ifndef PONG_BENCH_LOAD_CADENCE_H
#define PONG_BENCH_LOAD_CADENCE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CADENCE_BINS = 32,
    CADENCE_UPDATES_PER_SECOND = 30
};

/* All zero: nothing came yet. */
struct cadence {
    int64_t origin_ns;   /* 0: not known */
    int64_t last_ns;     /* when the newest update came; 0: none */
    int64_t slot;        /* of the grid, to which that one belongs if it came at once */
    int64_t broken_at;   /* since when no update is expected; 0: one is */
    int64_t broken_ns;   /* time in which none was, in this measurement */
    uint32_t same;       /* how many came before it in the same slot */
    int64_t early_ns;    /* by how much the last few that were early were so, at the least */
    uint8_t early_count; /* how many those are */
    uint8_t early_left;  /* how many more updates they are remembered for */
    uint16_t bins[CADENCE_BINS];
};

/* Of one update; -1 where it is not known. */
struct cadence_sample {
    int64_t late_ns;
    int64_t since_ns;    /* time since the one before */
    int64_t interval_ns; /* |that − 1/30 s| */
};

/* While the connection warms up: learns where its grid is. */
void cadence_learn(struct cadence *cadence, int64_t arrival_ns);

/* Settles on the grid; what came until then is not late. At least a second of updates is needed. */
void cadence_settle(struct cadence *cadence);

/* Measures one. `is_calm`: the machine is not disturbed, so far as is known yet (moments.h). */
struct cadence_sample cadence_measure(struct cadence *cadence, int64_t arrival_ns, bool is_calm);

/* Until the next update none is expected: the interval is none, the time does not count. */
void cadence_break(struct cadence *cadence, int64_t now);

#endif
