/*
 * The numbers are those of web/pong-clock.js.
 */
#include "bench/load/step_clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_NS     60e-9
#define STEPS_PER_MS     0.06
#define NS_PER_MS        INT64_C(1000000)
#define BURST_STEPS      1.0
#define MARGIN_MIN       2.0
#define MARGIN_MAX       6.0
#define PER_JITTER       2.5
#define RAISE            1.5
#define RAISE_MAX        8.0
#define LOWER_PER_NS     0.1e-9
#define JITTER_FIRST_MS  8.0F
#define JITTER_MAX_MS    60.0F
#define GAIN             0.2F
#define JITTER_GAIN_HELD 0.1F
#define JUMP_STEPS       8.0

enum {
    PING_EVERY_MS = 5000,
    DOUBT_EVERY_MS = 400,
    ASK_EVERY_MS = 1000,
    SURE_AFTER = 4 /* samples */
};

static const int64_t first_pings_ms[] = {0, 60, 120, 200, 300, 450, 700, 1500};
enum {
    FIRST_PINGS = sizeof first_pings_ms / sizeof *first_pings_ms,
    AGAIN_FROM = FIRST_PINGS - 4 /* in doubt: the last of them once more */
};

void step_clock_init(struct step_clock *clock, int64_t now)
{
    memset(clock, 0, sizeof *clock);
    clock->jitter_ms = JITTER_FIRST_MS;
    clock->next_ping_ns = now;
}

bool step_clock_take_ping(struct step_clock *clock, int64_t now)
{
    if (now < clock->next_ping_ns)
        return false;
    const unsigned next = clock->ping_index + 1U;
    int64_t wait_ms = clock->is_doubted ? DOUBT_EVERY_MS : PING_EVERY_MS;
    if (next < FIRST_PINGS) {
        wait_ms = first_pings_ms[next] - first_pings_ms[clock->ping_index];
        clock->ping_index = (uint8_t)next;
    }
    clock->next_ping_ns = now + wait_ms * NS_PER_MS;
    return true;
}

static int compare(const void *left, const void *right)
{
    const float a = *(const float *)left;
    const float b = *(const float *)right;
    return (a > b) - (a < b);
}

static float usual_of(struct step_clock *clock, float rtt_ms)
{
    clock->recent_ms[clock->recent_next] = rtt_ms;
    clock->recent_next = (uint8_t)((clock->recent_next + 1U) % STEP_CLOCK_RECENT);
    if (clock->recent_count < STEP_CLOCK_RECENT)
        clock->recent_count++;
    float sorted[STEP_CLOCK_RECENT];
    memcpy(sorted, clock->recent_ms, clock->recent_count * sizeof *sorted);
    qsort(sorted, clock->recent_count, sizeof *sorted, compare);
    return sorted[clock->recent_count / 2];
}

void step_clock_sample(struct step_clock *clock, int64_t sent, int64_t received, double step)
{
    const float rtt = (float)(received - sent) / (float)NS_PER_MS;
    const float usual = usual_of(clock, rtt);
    const float off = fminf(JITTER_MAX_MS, fabsf(rtt - usual));
    /* What took much longer than usual was held up on one of its two ways, nobody knows on which. */
    if (clock->count > 0 && rtt > usual + 3 * clock->jitter_ms + 8) {
        clock->jitter_ms += (off - clock->jitter_ms) * JITTER_GAIN_HELD;
        return;
    }
    const double origin = step + BURST_STEPS - (double)sent * STEPS_PER_NS;
    if (clock->count > 0 &&
        fabs(origin - clock->origin) > JUMP_STEPS + (double)fabsf(rtt - usual) * STEPS_PER_MS)
        clock->count = 0;
    if (clock->is_doubted && sent >= clock->doubted_ns)
        clock->is_doubted = false;
    if (clock->count < UINT16_MAX)
        clock->count++;
    const float gain = fmaxf(GAIN, 1.0F / (float)clock->count);
    clock->origin += (origin - clock->origin) * (double)gain;
    clock->rtt_ms += (rtt - clock->rtt_ms) * gain;
    if (clock->count > 1)
        clock->jitter_ms += (off - clock->jitter_ms) * GAIN;
}

static double raise_at(const struct step_clock *clock, int64_t now)
{
    return fmax(0, clock->raise - (double)(now - clock->raised_ns) * LOWER_PER_NS);
}

void step_clock_late(struct step_clock *clock, int64_t now)
{
    clock->raise = fmin(RAISE_MAX, raise_at(clock, now) + RAISE);
    clock->raised_ns = now;
    clock->ping_index = AGAIN_FROM;
    clock->next_ping_ns = now;
}

void step_clock_doubt(struct step_clock *clock, int64_t now)
{
    clock->is_doubted = true;
    clock->doubted_ns = now;
    clock->ping_index = AGAIN_FROM;
    clock->next_ping_ns = now;
}

void step_clock_hear(struct step_clock *clock, uint16_t step, int64_t now)
{
    const double arrival = clock->origin + (double)now * STEPS_PER_NS;
    const double rtt = (double)clock->rtt_ms * STEPS_PER_MS;
    const int16_t behind = (int16_t)(uint16_t)((uint32_t)(int64_t)arrival - step);
    if (clock->count == 0 || now - clock->asked_ns < ASK_EVERY_MS * NS_PER_MS ||
        (behind >= 0 && behind - rtt <= JUMP_STEPS))
        return;
    clock->asked_ns = now;
    clock->ping_index = AGAIN_FROM;
    clock->next_ping_ns = now;
}

double step_clock_play_at(const struct step_clock *clock, int64_t now)
{
    const double unsure = clock->count < SURE_AFTER ? 1 : 0;
    const double margin = fmin(
        MARGIN_MAX, MARGIN_MIN + PER_JITTER * (double)clock->jitter_ms * STEPS_PER_MS + unsure);
    return clock->origin + (double)now * STEPS_PER_NS + margin + raise_at(clock, now);
}

int64_t step_clock_after(int64_t now, double steps)
{
    return now + (int64_t)(steps / STEPS_PER_NS);
}
