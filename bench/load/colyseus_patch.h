/*
 * colyseus_patch: what bench/peers/colyseus sends of its CourtState, as far as @colyseus/schema 5 writes
 * it for one flat schema of whole numbers: for each field that has changed an operation with the
 * field's number, then its value, little-endian. Pure; it must not be taken for a reader of any schema.
 */
#ifndef PONG_BENCH_LOAD_COLYSEUS_PATCH_H
#define PONG_BENCH_LOAD_COLYSEUS_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Protocol codes: the first byte of each message. */
enum colyseus_code {
    COLYSEUS_JOIN_ROOM = 10,
    COLYSEUS_ERROR = 11,
    COLYSEUS_ROOM_DATA = 13,
    COLYSEUS_ROOM_STATE = 14,
    COLYSEUS_ROOM_STATE_PATCH = 15
};

/* In the order of CourtState's fields, which is their number. */
enum colyseus_field {
    COLYSEUS_BALL_X,
    COLYSEUS_BALL_Y,
    COLYSEUS_PADDLE_1,
    COLYSEUS_PADDLE_2,
    COLYSEUS_SCORE_1,
    COLYSEUS_SCORE_2,
    COLYSEUS_PHASE,
    COLYSEUS_STEPS_LEFT,
    COLYSEUS_FIELDS
};

struct colyseus_court {
    uint16_t values[COLYSEUS_FIELDS];
};

enum {
    COLYSEUS_INPUT_SIZE = 14
};

/*
 * Reads what follows the code of a state or a patch. False when that is none of CourtState; of the
 * fields before the place where it turned out the new values are in already. `changed` has a bit for
 * each field that was sent.
 */
bool colyseus_patch_read(struct colyseus_court *court, const unsigned char *bytes, size_t length,
                         unsigned *changed);

/* The room's message "paddle" {y}; `y` in 1/64 px. */
void colyseus_patch_input(uint16_t y, unsigned char out[COLYSEUS_INPUT_SIZE]);

#endif
