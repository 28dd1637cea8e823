/*
 * step_clock: the server's step as a v2 client has to name it (docs/protocol.md §2c), learnt from
 * ping/pong: which step is "now", so that an input named with it is there before it is computed. The
 * same estimate as the bundled client's (web/pong-clock.js). Pure: every time is passed in, ns.
 */
#ifndef PONG_BENCH_LOAD_STEP_CLOCK_H
#define PONG_BENCH_LOAD_STEP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    STEP_CLOCK_RECENT = 9
};

struct step_clock {
    double origin; /* the step that an input meets which is sent at 0 ns */
    double raise;  /* steps: after late inputs */
    int64_t raised_ns;
    int64_t next_ping_ns;
    float rtt_ms, jitter_ms;
    float recent_ms[STEP_CLOCK_RECENT];
    uint16_t count;
    bool is_doubted;
    int64_t doubted_ns, asked_ns;
    uint8_t recent_count, recent_next, ping_index;
};

/* Nothing is known; the first ping is due. */
void step_clock_init(struct step_clock *clock, int64_t now);

/* Whether a ping is to be sent now; the next one is then due later. */
bool step_clock_take_ping(struct step_clock *clock, int64_t now);

/* Takes the answer to a ping: what the server had last computed when it came. */
void step_clock_sample(struct step_clock *clock, int64_t sent, int64_t received, double step);

/* An input came too late: the lead grows, and the server is asked again. */
void step_clock_late(struct step_clock *clock, int64_t now);

/*
 * The estimate is wrong, the server has said: the server is asked again, and nothing is to be named by
 * it (is_doubted) before the answer.
 */
void step_clock_doubt(struct step_clock *clock, int64_t now);

/*
 * A frame names a step that was the server's last when it was sent. How old that is nobody says, so it
 * moves nothing; but one that is far behind, or not computed yet, is a reason to ask.
 */
void step_clock_hear(struct step_clock *clock, uint16_t step, int64_t now);

/* The step that is now for who plays, with its fraction. Something was sampled. */
double step_clock_play_at(const struct step_clock *clock, int64_t now);

/* When that will be so many steps later. */
int64_t step_clock_after(int64_t now, double steps);

#endif
