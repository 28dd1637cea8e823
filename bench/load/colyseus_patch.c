/*
 * Fields by their number.
 */
#include "bench/load/colyseus_patch.h"

#include <string.h>

enum {
    OPERATION_SET = 0x80, /* a field is added or replaced; the other operations are collections' */
    OPERATION_FIELD = 0x3f
};

static size_t width_of(unsigned field)
{
    return field == COLYSEUS_SCORE_1 || field == COLYSEUS_SCORE_2 || field == COLYSEUS_PHASE ? 1
                                                                                             : 2;
}

bool colyseus_patch_read(struct colyseus_court *court, const unsigned char *bytes, size_t length,
                         unsigned *changed)
{
    *changed = 0;
    for (size_t at = 0; at < length;) {
        const unsigned field = bytes[at] & OPERATION_FIELD;
        if ((bytes[at] & ~OPERATION_FIELD) != OPERATION_SET || field >= COLYSEUS_FIELDS)
            return false;
        const size_t width = width_of(field);
        at++;
        if (length - at < width)
            return false;
        court->values[field] =
            width == 1 ? bytes[at] : (uint16_t)(bytes[at] | (unsigned)bytes[at + 1] << 8);
        *changed |= 1u << field;
        at += width;
    }
    return true;
}

void colyseus_patch_input(uint16_t y, unsigned char out[COLYSEUS_INPUT_SIZE])
{
    /* The schema's string of 6 characters, then msgpack: a map of one, "y", a uint16. */
    static const unsigned char head[] = {
        COLYSEUS_ROOM_DATA, 0xa6, 'p', 'a', 'd', 'd', 'l', 'e', 0x81, 0xa1, 'y', 0xcd};
    memcpy(out, head, sizeof head);
    out[sizeof head] = (unsigned char)(y >> 8);
    out[sizeof head + 1] = (unsigned char)(y & 0xff);
}
