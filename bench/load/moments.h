/*
 * moments: which tenths of a second of a measurement count. On a shared machine the hypervisor takes the
 * processors away at times, or slows them down, and what is late then says nothing about a server; the
 * kernel tells how much was taken (/proc/stat, "steal"), speed.h whether they are slow. A moment counts when
 * neither was seen in it, in the six before it, in which what was held up is made up for, and in the next, as
 * the kernel tells late. It must not know what is measured.
 */
#ifndef PONG_BENCH_LOAD_MOMENTS_H
#define PONG_BENCH_LOAD_MOMENTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MOMENTS_MS = 100,
    MOMENTS_AFTER = 6 /* that do not count after a disturbed one */
};

struct moments {
    unsigned calm;    /* in a row, up to now */
    bool has_waiting; /* the last one counts if the next one is calm */
    unsigned all, counted;
};

enum moments_verdict {
    MOMENTS_DROP,      /* neither this one nor the one that waits counts */
    MOMENTS_SKIP,      /* this one does not; there is none that waits */
    MOMENTS_WAIT,      /* it waits; there was none that did */
    MOMENTS_COUNT_LAST /* the one that waited counts, and this one waits */
};

/* Begins, and nothing was disturbed before. */
void moments_begin(struct moments *moments);

/* Begins to count anew; what was disturbed before keeps the next ones from counting. */
void moments_restart(struct moments *moments);

/* A moment is over. */
enum moments_verdict moments_end(struct moments *moments, bool was_disturbed);

/* The measurement is over: whether the one that waits counts. */
bool moments_finish(struct moments *moments);

/*
 * Hundredths of seconds that were taken from all processors since the machine began; 0 where it is not
 * told.
 */
uint64_t moments_taken(void);

#endif
