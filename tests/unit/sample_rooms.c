#include "tests/unit/sample_rooms.h"

#include <stdio.h>
#include <string.h>

void sample_room_code(unsigned int number, char out[ROOM_CODE_SIZE])
{
    memcpy(out, "A00000", ROOM_CODE_SIZE);
    for (int i = ROOM_CODE_LENGTH - 1; i > 0; i--, number /= 32)
        out[i] = ROOM_CODE_ALPHABET[number % 32];
}

struct room_checkpoint sample_room(unsigned int number)
{
    struct room_checkpoint room;
    memset(&room, 0, sizeof room);
    sample_room_code(number, room.room_code);
    room.is_public = true;
    room.created_unix_ms = 1767323045678 + number;
    room.creator_token = digest_of("creator", 7);
    strcpy(room.creator_id, "42");
    room.pong = (struct pong){.step = 4000000000u,
                              .ball_x = 23456,
                              .ball_y = 12345,
                              .ball_vx = -1234,
                              .ball_vy = 567,
                              .paddle_y = {0, 30720},
                              .target_y = {30720, 1},
                              .score = {4, 5},
                              .phase = PONG_RALLY,
                              .steps_left = PONG_STEPS_OPEN,
                              .winning_score = 10,
                              .serve_steps = 180};
    for (int i = 0; i < 2; i++) {
        struct seat_checkpoint *seat = &room.seats[i];
        seat->held = true;
        snprintf(seat->player_id, sizeof seat->player_id, "guest-%08u", 10 * number + (unsigned)i);
        strcpy(seat->username, i == 0 ? "Jörg \"the wall\" ≥ 3" : "\\o/");
        seat->token = digest_of(seat->player_id, strlen(seat->player_id));
        seat->is_guest = true;
        seat->pauses_left = (int16_t)(2 + i);
        room.away_used_ms[i] = 1000 + i;
    }
    snprintf(room.match_id, sizeof room.match_id, "00000000-0000-4000-8000-%012u", number);
    room.random_state = 0xfedcba9876543210u;
    room.match_used_ms = 123456;
    room.match_left_ms = 1676544;
    room.served = true;
    room.last_loser = 1;
    return room;
}

struct room_checkpoint sample_room_gone(unsigned int number)
{
    struct room_checkpoint room;
    memset(&room, 0, sizeof room);
    sample_room_code(number, room.room_code);
    room.is_gone = true;
    return room;
}
