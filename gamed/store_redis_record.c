/*
 * store_redis_record: see store_redis_record.h.
 */
#include "gamed/store_redis_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cluster/slot_keys.h"

enum {
    LINE_MAX_SIZE = 256,
    SERIAL_DIGITS = 16
};

#define NO_CODE "-"

void store_redis_tail_write(const struct outbox_entry *entry, char out[STORE_REDIS_TAIL_SIZE])
{
    const struct retry_state *retry = &entry->retry;
    snprintf(out, STORE_REDIS_TAIL_SIZE, "%s %" PRId64 " %" PRId64 " %" PRIu32 " %d %" PRId64,
             entry->room_code[0] ? entry->room_code : NO_CODE, entry->created_ms, entry->settled_ms,
             retry->attempts, retry->last_status, retry->refused_since_ms);
}

/* ---- reading --------------------------------------------------------------------------- */

/* The next word of the line, copied; "" when there is none, or it does not fit. */
static void take_word(const char **at, const char *end, char *out, size_t size)
{
    const char *from = *at;
    const char *blank = memchr(from, ' ', (size_t)(end - from));
    const size_t length = (size_t)((blank ? blank : end) - from);
    *at = blank ? blank + 1 : end;
    out[0] = '\0';
    if (length >= size || memchr(from, '\0', length))
        return;
    memcpy(out, from, length);
    out[length] = '\0';
}

/* A decimal number within its bounds; a word that is none makes the record bad. */
static int64_t take_number(const char **at, const char *end, int64_t min, int64_t max,
                           bool *is_good)
{
    char word[24];
    int64_t number = 0;
    take_word(at, end, word, sizeof word);
    const bool is_negative = word[0] == '-';
    const char *digit = word + is_negative;
    *is_good = *is_good && *digit != '\0' && !(is_negative && min >= 0);
    for (; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || number > (INT64_MAX - 9) / 10) {
            *is_good = false;
            return 0;
        }
        number = 10 * number + (*digit - '0');
    }
    number = is_negative ? -number : number;
    *is_good = *is_good && number >= min && number <= max;
    return number;
}

/* Of letters and digits that a room's code may have. */
static bool is_code(const char *code)
{
    for (const char *c = code; *c != '\0'; c++) {
        if (slot_index(*c) < 0)
            return false;
    }
    return code[0] != '\0';
}

/* It becomes a header's value when it is posted, so nothing else is let through. */
static bool is_match_id(const char *id)
{
    return strlen(id) == UUID_SIZE - 1 && strspn(id, "0123456789abcdef-") == UUID_SIZE - 1;
}

static void take_slot(const char **at, const char *end, struct outbox_entry *entry, bool *is_good)
{
    char slot[2], code[ROOM_CODE_SIZE];
    take_word(at, end, slot, sizeof slot);
    take_word(at, end, code, sizeof code);
    const bool has_code = strcmp(code, NO_CODE) != 0;
    *is_good = *is_good && is_code(slot) && (!has_code || is_code(code));
    if (has_code)
        memcpy(entry->room_code, code, sizeof code);
    entry->slot = slot[0];
    if (entry->slot == entry->room_code[0])
        entry->slot = '\0';
}

bool store_redis_record_read(const char *text, size_t size, const char *match_id,
                             struct outbox_entry *entry)
{
    const char *end = memchr(text, '\n', size < LINE_MAX_SIZE ? size : LINE_MAX_SIZE);
    const char *at = text;
    bool is_good = true;
    memset(entry, 0, offsetof(struct outbox_entry, body));
    if (!end || !is_match_id(match_id))
        return false;
    memcpy(entry->match_id, match_id, UUID_SIZE);
    entry->serial = take_number(&at, end, 0, INT64_MAX, &is_good);
    entry->state =
        (enum outbox_state)take_number(&at, end, OUTBOX_PENDING, OUTBOX_NOT_POSTED, &is_good);
    entry->retry.next_attempt_ms = take_number(&at, end, INT64_MIN, INT64_MAX, &is_good);
    take_slot(&at, end, entry, &is_good);
    entry->created_ms = take_number(&at, end, INT64_MIN, INT64_MAX, &is_good);
    entry->settled_ms = take_number(&at, end, INT64_MIN, INT64_MAX, &is_good);
    entry->retry.attempts = (uint32_t)take_number(&at, end, 0, UINT32_MAX, &is_good);
    entry->retry.last_status = (int)take_number(&at, end, INT32_MIN, INT32_MAX, &is_good);
    entry->retry.refused_since_ms = take_number(&at, end, INT64_MIN, INT64_MAX, &is_good);
    entry->body_size = size - (size_t)(end + 1 - text);
    if (!is_good || at != end || entry->body_size > OUTBOX_BODY_MAX)
        return false;
    memcpy(entry->body, end + 1, entry->body_size);
    return true;
}

bool store_redis_member_read(const char *text, size_t size, int64_t *serial,
                             char match_id[UUID_SIZE])
{
    const char *at = text, *end = text + size;
    bool is_good = size == STORE_REDIS_MEMBER_SIZE - 1 && text[SERIAL_DIGITS] == ' ';
    *serial = take_number(&at, end, 0, INT64_MAX, &is_good);
    take_word(&at, end, match_id, UUID_SIZE);
    return is_good && at == end && is_match_id(match_id);
}
