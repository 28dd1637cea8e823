/*
 * instance_record: see instance_record.h.
 */
#include "cluster/instance_record.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <jansson.h>

#include "cluster/redis_link.h"
#include "cluster/redis_scripts.h"
#include "common/random.h"

/* ---- a record in text ------------------------------------------------------------------------------ */

long instance_record_encode(const struct instance_record *record, char *out, size_t size)
{
    const char home[2] = {record->home, '\0'};
    json_t *slots = json_object();
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:s, s:o}", "id", record->id, "ipc", record->ipc,
                  "ws", record->ws, "load", record->load, "waiting", record->waiting, "draining",
                  (int)record->draining, "home", home, "slots", slots);
    size_t length = 0;
    bool is_whole = root != NULL;

    for (int i = 0; i < SLOT_COUNT && is_whole; i++) {
        const char letter[2] = {slot_letter(i), '\0'};

        if (record->slots[i].claim[0] != '\0')
            is_whole = json_object_set_new(slots, letter, json_string(record->slots[i].claim)) == 0;
    }
    if (is_whole)
        length = json_dumpb(root, out, size, JSON_COMPACT);
    json_decref(root);
    if (length == 0 || length >= size)
        return -1;
    out[length] = '\0';
    return (long)length;
}

/* An address of printable ASCII without blanks and quotes, which fits. */
static bool read_address(const json_t *value, char out[INSTANCE_ADDRESS_SIZE])
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);

    if (!text || length == 0 || length >= INSTANCE_ADDRESS_SIZE)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\'')
            return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

static bool read_claim(const json_t *value, char out[CLAIM_SIZE])
{
    const char *text = json_string_value(value);

    if (!text || !random_is_seat_token(text))
        return false;
    memcpy(out, text, CLAIM_SIZE);
    return true;
}

static bool read_count(const json_t *value, int *out)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > INT_MAX / 2)
        return false; /* half: so that loads can be added */
    *out = (int)number;
    return true;
}

static bool read_home(const json_t *value, char *home)
{
    const char *text = json_string_value(value);

    if (!text || (text[0] != '\0' && (text[1] != '\0' || slot_index(text[0]) < 0)))
        return false;
    *home = text[0];
    return true;
}

static bool read_slots(json_t *slots, struct instance_record *record)
{
    const char *letter;
    json_t *claim;

    if (!json_is_object(slots))
        return false;
    json_object_foreach(slots, letter, claim)
    {
        int index = letter[0] != '\0' && letter[1] == '\0' ? slot_index(letter[0]) : -1;

        if (index < 0 || !read_claim(claim, record->slots[index].claim))
            return false;
    }
    return true;
}

int instance_record_decode(const char *text, size_t size, struct instance_record *record)
{
    json_t *root = size >= INSTANCE_RECORD_SIZE ? NULL : json_loadb(text, size, 0, NULL);
    const json_t *draining = json_object_get(root, "draining");
    bool is_good;

    memset(record, 0, sizeof *record);
    is_good = read_claim(json_object_get(root, "id"), record->id) &&
              read_address(json_object_get(root, "ipc"), record->ipc) &&
              (strncmp(record->ipc, "ipc://", 6) == 0 || strncmp(record->ipc, "tcp://", 6) == 0) &&
              read_address(json_object_get(root, "ws"), record->ws) &&
              read_count(json_object_get(root, "load"), &record->load) &&
              read_count(json_object_get(root, "waiting"), &record->waiting) &&
              json_is_boolean(draining) &&
              read_home(json_object_get(root, "home"), &record->home) &&
              read_slots(json_object_get(root, "slots"), record);
    record->draining = json_is_true(draining);
    json_decref(root);
    return is_good ? 0 : -1;
}

/* ---- a look at everything -------------------------------------------------------------------------- */

void watch_add(struct redis_link *link, const struct instance_record *record)
{
    static const enum slot_key kinds[] = {SLOT_KEY_LEASE, SLOT_KEY_LAST, SLOT_KEY_ROOMS,
                                          SLOT_KEY_PENDING};
    const char *keys[2 + 4 * SLOT_COUNT] = {REDIS_KEY_INSTANCES, REDIS_KEY_HANDOVERS};
    char text[INSTANCE_RECORD_SIZE];
    bool is_told = record && instance_record_encode(record, text, sizeof text) > 0;
    const char *args[] = {is_told ? record->id : "", is_told ? text : ""};
    int count = 2;

    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        for (int i = 0; i < SLOT_COUNT; i++)
            keys[count++] = slot_key(kinds[kind], i);
    }
    redis_script_add(link, REDIS_SCRIPT_WATCH, count, keys, 2, args, NULL);
}

static const struct redisReply *element(const struct redisReply *reply, size_t i)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements ? reply->element[i]
                                                                            : NULL;
}

static size_t elements(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

/* What stands where a claim should be: cut when it is too long, as even then the slot is not free. */
static bool read_word(const struct redisReply *reply, char out[CLAIM_SIZE])
{
    const char *text = redis_reply_text(reply, NULL);

    if (!text)
        return false;
    snprintf(out, CLAIM_SIZE, "%s", text);
    return true;
}

static int read_slot(const struct redisReply *reply, struct watched_slot *slot)
{
    if (!read_word(element(reply, 0), slot->claim) || !read_word(element(reply, 1), slot->last))
        return -1;
    slot->ttl_ms = redis_reply_integer(element(reply, 2), -1);
    slot->leftovers = redis_reply_integer(element(reply, 3), -1);
    if (slot->ttl_ms < 0)
        slot->ttl_ms = 0; /* it ended just now, or somebody has set it by hand without an end */
    return slot->leftovers < 0 ? -1 : 0;
}

/* "ID CLAIM"; others are passed over. */
static void read_handover(const struct redisReply *slot, const struct redisReply *value,
                          struct watched *watched)
{
    const char *letter = redis_reply_text(slot, NULL);
    size_t size = 0;
    const char *text = redis_reply_text(value, &size);
    int index = letter && letter[0] != '\0' && letter[1] == '\0' ? slot_index(letter[0]) : -1;
    struct watched_slot *watched_slot;

    if (index < 0 || !text || size != 2 * CLAIM_LENGTH + 1 || text[CLAIM_LENGTH] != ' ' ||
        !random_is_seat_token(text + CLAIM_LENGTH + 1))
        return;
    watched_slot = &watched->slots[index];
    snprintf(watched_slot->to_id, sizeof watched_slot->to_id, "%.*s", CLAIM_LENGTH, text);
    snprintf(watched_slot->to_claim, sizeof watched_slot->to_claim, "%s", text + CLAIM_LENGTH + 1);
}

/* A decimal number of at most 15 digits up to a blank; *rest then points behind that. -1: it is none. */
static int64_t read_stamp(const char *text, const char **rest)
{
    size_t digits = strspn(text, "0123456789");
    int64_t stamp = 0;

    if (digits == 0 || digits > 15)
        return -1;
    for (size_t i = 0; i < digits; i++)
        stamp = 10 * stamp + (text[i] - '0');
    if (rest) {
        if (text[digits] != ' ')
            return -1;
        *rest = text + digits + 1;
    }
    return stamp;
}

/* Takes the instance that was heard of longest ago out. */
static void drop_oldest(struct watched *watched, int64_t heard[INSTANCES_MAX])
{
    size_t oldest = 0;
    size_t behind;

    for (size_t i = 1; i < watched->instance_count; i++) {
        if (heard[i] < heard[oldest])
            oldest = i;
    }
    behind = --watched->instance_count - oldest;
    memmove(&watched->instances[oldest], &watched->instances[oldest + 1],
            behind * sizeof watched->instances[0]);
    memmove(&heard[oldest], &heard[oldest + 1], behind * sizeof heard[0]);
}

/* Puts a record where it belongs by its id. */
static void insert(struct watched *watched, int64_t heard[INSTANCES_MAX],
                   const struct instance_record *record, int64_t stamp)
{
    size_t at = watched->instance_count;

    while (at > 0 && strcmp(watched->instances[at - 1].id, record->id) > 0) {
        watched->instances[at] = watched->instances[at - 1];
        heard[at] = heard[at - 1];
        at--;
    }
    watched->instances[at] = *record;
    heard[at] = stamp;
    watched->instance_count++;
}

static void read_instance(const struct redisReply *id, const struct redisReply *value,
                          struct watched *watched, int64_t heard[INSTANCES_MAX])
{
    size_t size = 0;
    const char *name = redis_reply_text(id, NULL);
    const char *text = redis_reply_text(value, &size);
    const char *rest = NULL;
    int64_t stamp = text ? read_stamp(text, &rest) : -1;
    struct instance_record record;

    if (!name || stamp < 0 ||
        instance_record_decode(rest, size - (size_t)(rest - text), &record) < 0 ||
        strcmp(record.id, name) != 0)
        return;
    if (watched->instance_count == INSTANCES_MAX) {
        int64_t oldest = heard[0];

        for (size_t i = 1; i < INSTANCES_MAX; i++)
            oldest = heard[i] < oldest ? heard[i] : oldest;
        if (stamp <= oldest)
            return;
        drop_oldest(watched, heard);
    }
    insert(watched, heard, &record, stamp);
}

int watch_read(const struct redisReply *reply, struct watched *watched)
{
    const char *stamp = redis_reply_text(element(reply, 0), NULL);
    int64_t now_ms = stamp ? read_stamp(stamp, NULL) : -1;
    const struct redisReply *slots = element(reply, 1);
    const struct redisReply *handovers = element(reply, 2);
    const struct redisReply *instances = element(reply, 3);
    int64_t heard[INSTANCES_MAX];

    memset(watched, 0, sizeof *watched);
    if (now_ms < 0 || elements(slots) != SLOT_COUNT || !instances)
        return -1;
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (read_slot(element(slots, (size_t)i), &watched->slots[i]) < 0)
            return -1;
    }
    for (size_t i = 0; i + 1 < elements(handovers); i += 2)
        read_handover(element(handovers, i), element(handovers, i + 1), watched);
    for (size_t i = 0; i + 1 < elements(instances); i += 2)
        read_instance(element(instances, i), element(instances, i + 1), watched, heard);
    for (size_t i = 0; i < watched->instance_count; i++)
        watched->is_fresh[i] =
            heard[i] - now_ms <= INSTANCE_AHEAD_MS && now_ms - heard[i] <= INSTANCE_FRESH_MS;
    return 0;
}

const struct instance_record *watched_owner(const struct watched *watched, int slot)
{
    const char *claim = watched->slots[slot].claim;

    for (size_t i = 0; i < watched->instance_count && claim[0] != '\0'; i++) {
        if (strcmp(watched->instances[i].slots[slot].claim, claim) == 0)
            return &watched->instances[i];
    }
    return NULL;
}

bool watched_is_nobodys(const struct watched *watched, int slot)
{
    const struct watched_slot *seen = &watched->slots[slot];

    if (seen->claim[0] != '\0' || seen->leftovers > 0 || seen->to_id[0] != '\0')
        return false;
    if (seen->last[0] != '\0' && strcmp(seen->last, "-") != 0)
        return false;
    for (size_t i = 0; i < watched->instance_count; i++) {
        if (watched->instances[i].slots[slot].claim[0] != '\0')
            return false;
    }
    return true;
}
