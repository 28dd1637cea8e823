/*
 * messages_cache: see messages_cache.h.
 */
#include "gamed/messages_cache.h"

#include <assert.h>
#include <string.h>
#include <uthash.h>

static_assert((MESSAGES_CACHE_SETS & (MESSAGES_CACHE_SETS - 1)) == 0, "a power of two");
static_assert(sizeof(struct messages_cache_entry) == 128, "no byte is lost");

static struct messages_cache_entry *set_of(struct messages_cache *cache, const char *text,
                                           size_t length)
{
    unsigned hash;
    HASH_VALUE(text, length, hash);
    return cache->entries[hash & (MESSAGES_CACHE_SETS - 1)];
}

/* Those that come again and again, and have no more in them than an entry keeps. */
static bool is_kept(const struct client_message *message)
{
    return message->type == CLIENT_PADDLE_POSITION || message->type == CLIENT_KEY_EVENT;
}

/* So that a text which comes again stays when two others come that do not. */
static void put_first(struct messages_cache_entry *set, int way)
{
    const struct messages_cache_entry entry = set[way];
    memmove(set + 1, set, (size_t)way * sizeof *set);
    *set = entry;
}

static void keep(struct messages_cache_entry *set, const char *text, size_t length,
                 const struct client_message *message)
{
    memmove(set + 1, set, (MESSAGES_CACHE_WAYS - 1) * sizeof *set);
    *set = (struct messages_cache_entry){
        .target = message->target,
        .length = (uint8_t)length,
        .type = (uint8_t)message->type,
        .player_number = (int16_t)message->player_number,
        .key_is_up = message->key_is_up,
        .is_down = message->is_down,
    };
    memcpy(set->text, text, length);
}

static void recall(const struct messages_cache_entry *entry, struct client_message *message)
{
    memset(message, 0, sizeof *message);
    message->type = (enum client_message_type)entry->type;
    message->player_number = entry->player_number;
    message->target = entry->target;
    message->key_is_up = entry->key_is_up;
    message->is_down = entry->is_down;
}

int messages_cache_parse(struct messages_cache *cache, const char *text, size_t length,
                         struct client_message *message, const char **why)
{
    if (length == 0 || length > MESSAGES_CACHE_TEXT)
        return messages_parse(text, length, message, why);
    struct messages_cache_entry *set = set_of(cache, text, length);
    for (int way = 0; way < MESSAGES_CACHE_WAYS; way++) {
        if (set[way].length == length && memcmp(set[way].text, text, length) == 0) {
            recall(&set[way], message);
            if (way > 0)
                put_first(set, way);
            return MESSAGES_OK;
        }
    }
    const int outcome = messages_parse(text, length, message, why);
    if (outcome == MESSAGES_OK && is_kept(message))
        keep(set, text, length, message);
    return outcome;
}
