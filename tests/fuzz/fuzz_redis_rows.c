/*
 * What the store in Redis reads back: rows of rooms (gamed/checkpoint_json.c), records of results and
 * members of their sets (gamed/store_redis_record.c). What is accepted is possible, and is read as the
 * same when it is written anew.
 *
 * An input is read as each of the three.
 */
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>

#include "gamed/checkpoint_json.h"
#include "gamed/store_redis_record.h"

#define MATCH_ID "00000000-0000-4000-8000-000000000001"

static void check_room(const char *text, size_t size)
{
    char written[CHECKPOINT_JSON_MAX];
    struct room_checkpoint room, again;
    if (checkpoint_json_read(text, size, &room))
        return;
    assert(!checkpoint_problem(&room));
    const size_t length = checkpoint_json_write(&room, written);
    assert(length <= sizeof written);
    assert(!checkpoint_json_read(written, length, &again));
    assert(memcmp(&room, &again, sizeof room) == 0);
}

static void check_record(const char *text, size_t size)
{
    char tail[STORE_REDIS_TAIL_SIZE], record[STORE_REDIS_TAIL_SIZE + OUTBOX_BODY_MAX + 128];
    struct outbox_entry entry, again;
    if (!store_redis_record_read(text, size, MATCH_ID, &entry))
        return;
    assert(entry.body_size <= OUTBOX_BODY_MAX && entry.body_size < size);
    assert(entry.state <= OUTBOX_NOT_POSTED && outbox_entry_slot(&entry) != '\0');
    store_redis_tail_write(&entry, tail);
    const int head = snprintf(
        record, sizeof record, "%016lld %d %lld %c %s\n", (long long)entry.serial, (int)entry.state,
        (long long)entry.retry.next_attempt_ms, outbox_entry_slot(&entry), tail);
    assert(head > 0 && (size_t)head + entry.body_size <= sizeof record);
    memcpy(record + head, entry.body, entry.body_size);
    assert(store_redis_record_read(record, (size_t)head + entry.body_size, MATCH_ID, &again));
    assert(memcmp(&entry, &again, offsetof(struct outbox_entry, body) + entry.body_size) == 0);
}

static void check_member(const char *text, size_t size)
{
    int64_t serial;
    char id[UUID_SIZE];
    if (!store_redis_member_read(text, size, &serial, id))
        return;
    char written[STORE_REDIS_MEMBER_SIZE + 1];
    const int length = snprintf(written, sizeof written, "%016" PRId64 " %s", serial, id);
    assert(length == STORE_REDIS_MEMBER_SIZE - 1 && (size_t)length == size);
    assert(memcmp(written, text, size) == 0);
    assert(strspn(id, "0123456789abcdef-") == UUID_SIZE - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    if (!text)
        return 0;
    check_room(text, size);
    check_record(text, size);
    check_member(text, size);
    return 0;
}
