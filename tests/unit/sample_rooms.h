/*
 * sample_rooms: checkpoints of rooms for unit tests. Tests only.
 */
#ifndef PONG_TESTS_SAMPLE_ROOMS_H
#define PONG_TESTS_SAMPLE_ROOMS_H

#include "gamed/checkpoint.h"

/* The code of the number-th room of slot A; another number, another code. */
void sample_room_code(unsigned int number, char out[ROOM_CODE_SIZE]);

/* A room in the middle of a rally, with every field of its own value; no byte of it is unset. */
struct room_checkpoint sample_room(unsigned int number);

/* That the room is gone. */
struct room_checkpoint sample_room_gone(unsigned int number);

#endif
