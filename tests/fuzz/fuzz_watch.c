/*
 * Records of instances (cluster/instance_record.c), which others have written into Redis, as they are and as a look
 * at everything brings them: what was read is in its range, and comes out of its own text the same.
 *
 * Input: the replies of Redis as its protocol has them; else a record's text.
 */
#include "tests/fuzz/fuzz.h"

#include <hiredis/hiredis.h>

#include "cluster/instance_record.h"
#include "cluster/redis_reader.h"
#include "common/random.h"

static void check_claim(const char *claim)
{
    assert(claim[0] == '\0' || random_is_seat_token(claim));
}

static void check_record(const struct instance_record *record)
{
    static char text[INSTANCE_RECORD_SIZE];
    struct instance_record again;
    long length;

    assert(random_is_seat_token(record->id));
    assert(strncmp(record->ipc, "ipc://", 6) == 0 || strncmp(record->ipc, "tcp://", 6) == 0);
    assert(strlen(record->ipc) < sizeof record->ipc && strlen(record->ws) < sizeof record->ws);
    assert(record->ws[0] != '\0' && !strpbrk(record->ws, " \"'\n"));
    assert(record->load >= 0 && record->waiting >= 0);
    assert(record->home == '\0' || slot_index(record->home) >= 0);
    for (int i = 0; i < SLOT_COUNT; i++)
        check_claim(record->slots[i].claim);
    length = instance_record_encode(record, text, sizeof text);
    assert(length > 0);
    assert(instance_record_decode(text, (size_t)length, &again) == 0);
    assert(memcmp(record, &again, sizeof again) == 0);
}

static void check_watched(const struct watched *watched)
{
    assert(watched->instance_count <= INSTANCES_MAX);
    for (size_t i = 0; i < watched->instance_count; i++) {
        check_record(&watched->instances[i]);
        assert(i == 0 || strcmp(watched->instances[i - 1].id, watched->instances[i].id) <= 0);
    }
    for (int i = 0; i < SLOT_COUNT; i++) {
        const struct watched_slot *slot = &watched->slots[i];
        const struct instance_record *owner = watched_owner(watched, i);

        assert(strlen(slot->claim) < sizeof slot->claim && strlen(slot->last) < sizeof slot->last);
        assert(slot->ttl_ms >= 0 && slot->leftovers >= 0);
        check_claim(slot->to_claim);
        assert(!owner || (slot->claim[0] != '\0' && !watched_is_nobodys(watched, i)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct watched watched;
    struct instance_record record;
    redisReader *reader = redis_reader_new();
    void *reply = NULL;

    assert(reader);
    if (instance_record_decode((const char *)data, size, &record) == 0)
        check_record(&record);
    if (redisReaderFeed(reader, (const char *)data, size) == REDIS_OK &&
        redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        if (watch_read(reply, &watched) == 0)
            check_watched(&watched);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    return 0;
}
