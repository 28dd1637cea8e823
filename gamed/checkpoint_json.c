/*
 * checkpoint_json: see checkpoint_json.h. Writing goes by hand, as it is done for every room every
 * second; reading, which is done when a slot is taken up, goes through jansson.
 */
#include "gamed/checkpoint_json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "gamed/checkpoint_row.h"

enum {
    /* A comma; and a number of 20 characters, or quotes around a digest. */
    COLUMN_MAX = 1 + 2 + 2 * DIGEST_SIZE,
    /* Of a text, each byte may become \u00XX. */
    TEXTS_MAX = 6 * (ROOM_CODE_SIZE + UUID_SIZE + 3 * PLAYER_ID_SIZE + 2 * USERNAME_SIZE)
};
_Static_assert((int)CHECKPOINT_COLUMN_COUNT *(int)COLUMN_MAX + (int)TEXTS_MAX + 2 <=
                   (int)CHECKPOINT_JSON_MAX,
               "the longest row fits");

#define IS_TEXT                             false
#define IS_DIGEST                           true
#define IS_NUMBER                           false
#define IS_FLAG                             false
#define IS_LEFT                             false
#define IS_BITS                             false
#define IS_HEX(column, kind, group, member) IS_##kind,
static const bool is_digest[CHECKPOINT_COLUMN_COUNT] = {CHECKPOINT_COLUMNS(IS_HEX)};

/* ---- writing --------------------------------------------------------------------------- */

static char *write_text(char *out, const char *text, size_t size)
{
    *out++ = '"';
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20) {
            out += sprintf(out, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            *out++ = '\\';
        *out++ = (char)c;
    }
    *out++ = '"';
    return out;
}

static char *write_integer(char *out, int64_t number)
{
    char digits[20];
    size_t count = 0;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0)
        *out++ = '-';
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

static char *write_value(char *out, const struct checkpoint_value *value)
{
    char hex[DIGEST_HEX_SIZE];
    switch (value->type) {
    case CHECKPOINT_INTEGER:
        return write_integer(out, value->integer);
    case CHECKPOINT_TEXT:
        return write_text(out, value->bytes, value->size);
    case CHECKPOINT_BLOB:
        digest_to_hex(value->bytes, hex);
        return write_text(out, hex, sizeof hex - 1);
    case CHECKPOINT_NULL:
        break;
    }
    memcpy(out, "null", 4);
    return out + 4;
}

size_t checkpoint_json_write(const struct room_checkpoint *checkpoint,
                             char out[CHECKPOINT_JSON_MAX])
{
    struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT];
    char *at = out;
    assert(!checkpoint->is_gone && !checkpoint->is_partial);
    checkpoint_write_row(checkpoint, row);
    for (size_t i = 0; i < CHECKPOINT_COLUMN_COUNT; i++) {
        *at++ = i == 0 ? '[' : ',';
        at = write_value(at, &row[i]);
    }
    *at++ = ']';
    return (size_t)(at - out);
}

/* ---- reading --------------------------------------------------------------------------- */

/* The value points into the element, or to the digest. What is of no type that is written is a blob of
 * nothing, which no column takes. */
static struct checkpoint_value read_value(const json_t *element, bool is_hex, struct digest *digest)
{
    if (!element || json_is_null(element))
        return (struct checkpoint_value){.type = CHECKPOINT_NULL};
    if (json_is_integer(element))
        return (struct checkpoint_value){.type = CHECKPOINT_INTEGER,
                                         .integer = json_integer_value(element)};
    if (json_is_string(element) && !is_hex)
        return (struct checkpoint_value){.type = CHECKPOINT_TEXT,
                                         .bytes = json_string_value(element),
                                         .size = json_string_length(element)};
    if (json_is_string(element) && digest_from_hex(json_string_value(element), digest))
        return (struct checkpoint_value){
            .type = CHECKPOINT_BLOB, .bytes = digest->byte, .size = DIGEST_SIZE};
    return (struct checkpoint_value){.type = CHECKPOINT_BLOB, .bytes = "", .size = 0};
}

const char *checkpoint_json_read(const char *text, size_t size, struct room_checkpoint *checkpoint)
{
    struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT];
    struct digest digests[CHECKPOINT_COLUMN_COUNT];
    json_t *array = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *problem = "it is no JSON array";
    if (json_is_array(array)) {
        for (size_t i = 0; i < CHECKPOINT_COLUMN_COUNT; i++)
            row[i] = read_value(json_array_get(array, i), is_digest[i], &digests[i]);
        problem = checkpoint_read_row(row, checkpoint);
    }
    json_decref(array);
    return problem;
}
