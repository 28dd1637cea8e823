/*
 * checkpoint_json: a checkpoint as a JSON array, for a store whose rows are texts, and back: the columns
 * of checkpoint_row.h in their order, a digest in hexadecimal digits. Columns at the end that are
 * missing are null, and what is beyond them is not looked at, so that versions next to each other read
 * each other's. It must not know the store.
 *
 * All functions: any thread.
 */
#ifndef PONG_GAMED_CHECKPOINT_JSON_H
#define PONG_GAMED_CHECKPOINT_JSON_H

#include <stddef.h>

#include "gamed/checkpoint.h"

enum {
    CHECKPOINT_JSON_MAX = 7168 /* bytes; usual are 700 */
};

/*
 * Writes a room that is neither gone nor partial and has no problem (checkpoint_problem), not ended by
 * NUL. Returns how many bytes.
 */
size_t checkpoint_json_write(const struct room_checkpoint *checkpoint,
                             char out[CHECKPOINT_JSON_MAX]);

/*
 * Reads such a text. Never trusts it: whatever comes out is a state that a game can be in. Returns NULL,
 * or what is wrong with it, as checkpoint_read_row() does.
 */
const char *checkpoint_json_read(const char *text, size_t size, struct room_checkpoint *checkpoint);

#endif
