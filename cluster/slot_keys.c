/*
 * slot_keys: see slot_keys.h. The names stand in tables made by the compiler, so any thread may have
 * them at any time.
 */
#include "cluster/slot_keys.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof ROOM_CODE_ALPHABET - 1 == SLOT_COUNT, "a slot for each letter of a code");
static_assert((int)CLAIM_SIZE == (int)SEAT_TOKEN_SIZE, "a claim is drawn as a token is");

/* In the order of ROOM_CODE_ALPHABET. */
#define ALL_SLOTS(KEY)                                                                            \
    {                                                                                             \
        KEY("0"), KEY("1"), KEY("2"), KEY("3"), KEY("4"), KEY("5"), KEY("6"), KEY("7"), KEY("8"), \
            KEY("9"), KEY("A"), KEY("B"), KEY("C"), KEY("D"), KEY("E"), KEY("F"), KEY("G"),       \
            KEY("H"), KEY("J"), KEY("K"), KEY("M"), KEY("N"), KEY("P"), KEY("Q"), KEY("R"),       \
            KEY("S"), KEY("T"), KEY("V"), KEY("W"), KEY("X"), KEY("Y"), KEY("Z")                  \
    }
#define LEASE(slot)         "{pong}:slot:" slot
#define LAST(slot)          "{pong}:slot:" slot ":last"
#define FENCE_ROOMS(slot)   "{pong}:slot:" slot ":fence:rooms"
#define FENCE_RESULTS(slot) "{pong}:slot:" slot ":fence:results"
#define ROOMS(slot)         "{pong}:rooms:" slot
#define PENDING(slot)       "{pong}:pending:" slot

static_assert(sizeof FENCE_RESULTS("0") <= SLOT_KEY_SIZE, "the longest name");

static const char *const keys[SLOT_KEY_COUNT][SLOT_COUNT] = {
    [SLOT_KEY_LEASE] = ALL_SLOTS(LEASE),
    [SLOT_KEY_LAST] = ALL_SLOTS(LAST),
    [SLOT_KEY_FENCE_ROOMS] = ALL_SLOTS(FENCE_ROOMS),
    [SLOT_KEY_FENCE_RESULTS] = ALL_SLOTS(FENCE_RESULTS),
    [SLOT_KEY_ROOMS] = ALL_SLOTS(ROOMS),
    [SLOT_KEY_PENDING] = ALL_SLOTS(PENDING),
};

int slot_index(char slot)
{
    const char *place = slot == '\0' ? NULL : strchr(ROOM_CODE_ALPHABET, slot);

    return place ? (int)(place - ROOM_CODE_ALPHABET) : -1;
}

char slot_letter(int index)
{
    assert(index >= 0 && index < SLOT_COUNT);
    return ROOM_CODE_ALPHABET[index];
}

const char *slot_key(enum slot_key key, int index)
{
    assert(index >= 0 && index < SLOT_COUNT);
    return keys[key][index];
}

void claim_draw(char out[CLAIM_SIZE])
{
    random_seat_token(out);
}
