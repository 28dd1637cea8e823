/*
 * updates: the binary messages of `pong.v2.bin`, both ways (docs/protocol.md §2b, §2c): events,
 * keyframes, heartbeats, inputs. Pure; it must not know who is sent what.
 *
 * An update for step n says: these fields take these values before step n is computed. Whoever steps
 * the simulation of pong.h and applies the updates has the server's state.
 *
 * All functions: any thread; none can fail unless stated.
 */
#ifndef PONG_GAMED_UPDATES_H
#define PONG_GAMED_UPDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gamed/pong.h"

/* Which fields follow, in this order; the numbers are the wire's. */
enum updates_field {
    UPDATES_BALL = 0x01,
    UPDATES_TARGET_1 = 0x02,
    UPDATES_TARGET_2 = 0x04,
    UPDATES_PADDLE_1 = 0x08,
    UPDATES_PADDLE_2 = 0x10,
    UPDATES_SCORE = 0x20,
    UPDATES_PHASE = 0x40,
    UPDATES_KEYFRAME = 0x80,
    UPDATES_ALL = 0xff,
    UPDATES_OF_EVENTS = UPDATES_BALL | UPDATES_TARGET_1 | UPDATES_TARGET_2 | UPDATES_PHASE,
};

enum {
    UPDATES_SIZE = 24,      /* bytes; the longest, a keyframe, has 24 */
    UPDATES_INPUT_SIZE = 5, /* bytes of a client's input */
    UPDATES_INPUT_TYPE = 1,
};

/*
 * What of `actual`, before its next step, nobody could know who computed `foreseen`: a sum of enum
 * updates_field. Paddles and score are only ever told by keyframes; 0 when they alone differ.
 */
unsigned updates_difference(const struct pong *foreseen, const struct pong *actual);

/*
 * Writes an event for `step`: `fields` (of UPDATES_OF_EVENTS) take the values that they have in
 * `values`. Returns its length.
 */
size_t updates_event(unsigned fields, uint32_t step, const struct pong *values,
                     unsigned char out[UPDATES_SIZE]);

/* Writes the event of one target: that of `seat` (1 or 2) at `step`. Returns its length. */
size_t updates_target(int seat, uint32_t step, int32_t target, unsigned char out[UPDATES_SIZE]);

/* Writes the state after its step. Returns its length. */
size_t updates_keyframe(const struct pong *pong, unsigned char out[UPDATES_SIZE]);

/* Writes a sign of life with the checksum of the state after its step. Returns its length. */
size_t updates_heartbeat(const struct pong *pong, unsigned char out[UPDATES_SIZE]);

/* FNV-1a (32 bits) over what a keyframe carries after its step field, folded to 16 bits. */
uint16_t updates_checksum(const struct pong *pong);

/* A client's input: the target of its paddle from a step on, of which it names the low 16 bits. */
struct updates_input {
    uint16_t step;
    uint16_t target; /* 1/64 px, as it came: may be more than a paddle can reach */
};

/* Reads one. False when the bytes are none. */
bool updates_input_read(const void *bytes, size_t length, struct updates_input *input);

/* The step next to `near` that has these low 16 bits. */
uint32_t updates_step_near(uint32_t near, uint16_t step);

#endif
