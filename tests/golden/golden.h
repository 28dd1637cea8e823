/*
 * What the writer and the readers of golden rallies share: the checksum of a state, which is the
 * one that heartbeats carry. It must not know files, and must not call the simulation.
 */
#ifndef PONG_TESTS_GOLDEN_H
#define PONG_TESTS_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

#include "gamed/pong.h"

/* http://www.isthe.com/chongo/tech/comp/fnv/ */
#define GOLDEN_HASH_START 2166136261u
#define GOLDEN_HASH_PRIME 16777619u

static inline uint32_t golden_hash_u8(uint32_t hash, unsigned value)
{
    return (hash ^ (value & 0xff)) * GOLDEN_HASH_PRIME;
}

static inline uint32_t golden_hash_u16(uint32_t hash, int32_t value)
{
    hash = golden_hash_u8(hash, (unsigned)value & 0xff);
    return golden_hash_u8(hash, ((unsigned)value >> 8) & 0xff);
}

/* FNV-1a 32, continued over the 21 bytes that a keyframe of this state has after its step field. */
static inline uint32_t golden_hash_state(uint32_t hash, const struct pong *pong)
{
    const int32_t words[] = {pong->ball_x,      pong->ball_y,      pong->ball_vx,
                             pong->ball_vy,     pong->target_y[0], pong->target_y[1],
                             pong->paddle_y[0], pong->paddle_y[1]};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        hash = golden_hash_u16(hash, words[i]);
    hash = golden_hash_u8(hash, pong->score[0]);
    hash = golden_hash_u8(hash, pong->score[1]);
    hash = golden_hash_u8(hash, pong->phase);
    return golden_hash_u16(hash, pong->steps_left);
}

#endif
