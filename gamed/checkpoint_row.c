/*
 * checkpoint_row: see checkpoint_row.h. The list of columns is made into a table of where in the
 * struct each is; writing and reading go through it.
 */
#include "gamed/checkpoint_row.h"

#include <string.h>

enum kind {
    TEXT,
    DIGEST,
    NUMBER,
    FLAG,
    LEFT,
    BITS
};

enum group {
    ALWAYS,
    SEAT_1,
    SEAT_2,
    OVER
};

struct column {
    const char *name;
    uint8_t kind, group;
    bool is_signed;
    uint16_t offset, size;
};

/* Of a member that is no number nobody asks whether it is signed. */
#define IS_SIGNED(member) \
    _Generic((member), int16_t : true, int32_t : true, int64_t : true, default : false)
#define MEMBER_OF(member) (((const struct room_checkpoint *)0)->member)
#define COLUMN(column, kind, group, member)    \
    {#column,                                  \
     kind,                                     \
     group,                                    \
     IS_SIGNED(MEMBER_OF(member)),             \
     offsetof(struct room_checkpoint, member), \
     sizeof MEMBER_OF(member)},
static const struct column columns[CHECKPOINT_COLUMN_COUNT] = {CHECKPOINT_COLUMNS(COLUMN)};
#undef COLUMN

/* ---- writing --------------------------------------------------------------------------- */

static int64_t load_number(const struct column *column, const void *member)
{
    int64_t i64;
    int32_t i32;
    int16_t i16;
    uint32_t u32;
    uint16_t u16;
    switch (column->size) {
    case sizeof i64:
        memcpy(&i64, member, sizeof i64);
        return i64;
    case sizeof i32:
        memcpy(&i32, member, sizeof i32);
        memcpy(&u32, member, sizeof u32);
        return column->is_signed ? (int64_t)i32 : (int64_t)u32;
    case sizeof i16:
        memcpy(&i16, member, sizeof i16);
        memcpy(&u16, member, sizeof u16);
        return column->is_signed ? (int64_t)i16 : (int64_t)u16;
    default:
        return *(const uint8_t *)member; /* of one byte there are none with a sign */
    }
}

static void write_value(const struct column *column, const void *member,
                        struct checkpoint_value *value)
{
    *value = (struct checkpoint_value){.type = CHECKPOINT_INTEGER};
    switch ((enum kind)column->kind) {
    case TEXT:
        value->type = CHECKPOINT_TEXT;
        value->bytes = member;
        value->size = strlen(member);
        break;
    case DIGEST:
        value->type = digest_is_nothing(member) ? CHECKPOINT_NULL : CHECKPOINT_BLOB;
        value->bytes = member;
        value->size = DIGEST_SIZE;
        break;
    case LEFT:
        value->integer = load_number(column, member);
        if (value->integer < 0)
            value->integer = 0;
        break;
    case NUMBER:
    case FLAG:
    case BITS:
        value->integer = load_number(column, member);
        break;
    }
}

static bool is_written(const struct room_checkpoint *checkpoint, enum group group)
{
    switch (group) {
    case SEAT_1:
        return checkpoint->seats[0].held;
    case SEAT_2:
        return checkpoint->seats[1].held;
    case OVER:
        return checkpoint->pong.phase == PONG_FINISHED;
    case ALWAYS:
        break;
    }
    return true;
}

void checkpoint_write_row(const struct room_checkpoint *checkpoint,
                          struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT])
{
    for (size_t i = 0; i < CHECKPOINT_COLUMN_COUNT; i++) {
        const struct column *column = &columns[i];
        if (is_written(checkpoint, (enum group)column->group))
            write_value(column, (const char *)checkpoint + column->offset, &row[i]);
        else
            row[i] = (struct checkpoint_value){.type = CHECKPOINT_NULL};
    }
}

/* ---- reading --------------------------------------------------------------------------- */

/* Puts the number where it belongs; false when it does not fit there. */
static bool store_number(const struct column *column, int64_t number, void *member)
{
    const unsigned bits = 8 * (unsigned)column->size;
    if (bits < 64) {
        const int64_t max = (INT64_C(1) << (bits - column->is_signed)) - 1;
        if (number < (column->is_signed ? -max - 1 : 0) || number > max)
            return false;
    }
    const uint32_t u32 = (uint32_t)number;
    const uint16_t u16 = (uint16_t)number;
    switch (column->size) {
    case sizeof number:
        memcpy(member, &number, sizeof number);
        break;
    case sizeof u32:
        memcpy(member, &u32, sizeof u32);
        break;
    case sizeof u16:
        memcpy(member, &u16, sizeof u16);
        break;
    default:
        *(uint8_t *)member = (uint8_t)number;
        break;
    }
    return true;
}

static bool read_text(const struct column *column, const struct checkpoint_value *value,
                      char *member)
{
    if (value->type != CHECKPOINT_TEXT || value->size >= column->size ||
        memchr(value->bytes, '\0', value->size))
        return false;
    memcpy(member, value->bytes, value->size);
    return true;
}

static bool read_digest(const struct checkpoint_value *value, struct digest *digest)
{
    if (value->type == CHECKPOINT_NULL)
        return true;
    if (value->type != CHECKPOINT_BLOB || value->size != DIGEST_SIZE)
        return false;
    memcpy(digest->byte, value->bytes, DIGEST_SIZE);
    return !digest_is_nothing(digest);
}

/* The member is all zero. */
static bool read_value(const struct column *column, const struct checkpoint_value *value,
                       void *member)
{
    const bool is_integer = value->type == CHECKPOINT_INTEGER;
    switch ((enum kind)column->kind) {
    case TEXT:
        return read_text(column, value, member);
    case DIGEST:
        return read_digest(value, member);
    case FLAG:
        *(bool *)member = value->integer == 1;
        return is_integer && (value->integer == 0 || value->integer == 1);
    case LEFT:
        return is_integer && value->integer >= 0 && store_number(column, value->integer, member);
    case NUMBER:
    case BITS:
        return is_integer && store_number(column, value->integer, member);
    }
    return false;
}

const char *checkpoint_read_row(const struct checkpoint_value row[CHECKPOINT_COLUMN_COUNT],
                                struct room_checkpoint *checkpoint)
{
    memset(checkpoint, 0, sizeof *checkpoint);
    checkpoint->seats[0].held = row[CHECKPOINT_COLUMN_seat_1_player_id].type != CHECKPOINT_NULL;
    checkpoint->seats[1].held = row[CHECKPOINT_COLUMN_seat_2_player_id].type != CHECKPOINT_NULL;
    for (size_t i = 0; i < CHECKPOINT_COLUMN_COUNT; i++) {
        const struct column *column = &columns[i];
        /* The phase is known before the columns that depend on it. */
        const bool is_good = is_written(checkpoint, (enum group)column->group)
                                 ? read_value(column, &row[i], (char *)checkpoint + column->offset)
                                 : row[i].type == CHECKPOINT_NULL;
        if (!is_good)
            return column->name;
    }
    return checkpoint_problem(checkpoint);
}
