/*
 * messages_cache: whatever was read before, a text means what messages_parse() says it does; which
 * texts are kept, and that what is kept is not read again.
 */
#include "gamed/messages_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct messages_cache *cache;

static int set_up(void **state)
{
    (void)state;
    cache = calloc(1, sizeof *cache);
    return cache ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(cache);
    return 0;
}

static int parse(const char *text, struct client_message *message)
{
    const char *why = NULL;
    memset(message, 0xa5, sizeof *message);
    return messages_cache_parse(cache, text, strlen(text), message, &why);
}

/* The cache and messages_parse() agree on the text. */
static void agree(const char *text)
{
    struct client_message message, want;
    const char *why = NULL, *other = NULL;
    const int outcome = messages_parse(text, strlen(text), &want, &why);
    memset(&message, 0xa5, sizeof message);
    assert_int_equal(messages_cache_parse(cache, text, strlen(text), &message, &other), outcome);
    if (outcome == MESSAGES_OK)
        assert_memory_equal(&message, &want, sizeof message);
    else
        assert_string_equal(other, why);
}

static unsigned count_kept(void)
{
    unsigned count = 0;
    for (size_t set = 0; set < MESSAGES_CACHE_SETS; set++)
        for (size_t way = 0; way < MESSAGES_CACHE_WAYS; way++)
            count += cache->entries[set][way].length != 0;
    return count;
}

static void test_it_agrees_with_messages_parse(void **state)
{
    static const char *const texts[] = {
        "{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":true}",
        "{\"type\":\"key_event\",\"key\":\"up\",\"is_down\":false}",
        "{\"type\":\"key_event\",\"key\":\"s\",\"is_down\":false,\"player_number\":2}",
        "{\"type\":\"key_event\",\"key\":\"s\",\"is_down\":false,\"player_number\":7}",
        "{\"type\":\"key_event\",\"key\":\"s\"}",
        "{\"type\":\"paddle_position\",\"position\":\"1\"}",
        "{\"type\":\"paddle_position\",\"position\":1e308}",
        "{\"type\":\"join_game\",\"player_id\":\"a\",\"username\":\"b\"}",
        "{\"type\":\"ping\",\"time\":12.5}",
        "{\"type\":\"rematch\"}",
        "{\"type\":\"dance\"}",
        "{\"type\":",
        "[]",
        "",
    };
    char text[128];
    (void)state;
    srandom(7);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            agree(texts[i]);
        for (int seat = 1; seat <= 2; seat++) {
            for (int position = -10; position <= 510; position++) {
                snprintf(text, sizeof text,
                         "{\"type\":\"paddle_position\",\"player_number\":%d,\"position\":%d}",
                         seat, position);
                agree(text);
            }
        }
        /* many more than there is place for */
        for (int i = 0; i < 20000; i++) {
            snprintf(text, sizeof text, "{\"type\":\"paddle_position\",\"position\":%.3f}",
                     (double)(random() % 480000) / 1000);
            agree(text);
        }
    }
    assert_in_range(count_kept(), MESSAGES_CACHE_SETS, MESSAGES_CACHE_SETS * MESSAGES_CACHE_WAYS);
}

/* What it remembers is changed by hand, so that reading the text again would tell. */
static void test_what_is_kept_is_not_read_again(void **state)
{
    static const char text[] = "{\"type\":\"paddle_position\",\"player_number\":1,\"position\":3}";
    struct client_message message;
    (void)state;
    assert_int_equal(parse(text, &message), MESSAGES_OK);
    assert_int_equal(message.target, 3 * 64);
    assert_int_equal(count_kept(), 1);
    for (size_t set = 0; set < MESSAGES_CACHE_SETS; set++)
        cache->entries[set][0].target++;
    assert_int_equal(parse(text, &message), MESSAGES_OK);
    assert_int_equal(message.target, 3 * 64 + 1);
    assert_int_equal(message.player_number, 1);
    assert_int_equal(count_kept(), 1);
}

/* The entry of a text, or NULL. */
static const struct messages_cache_entry *entry_of(const char *text)
{
    for (size_t set = 0; set < MESSAGES_CACHE_SETS; set++)
        for (size_t way = 0; way < MESSAGES_CACHE_WAYS; way++) {
            const struct messages_cache_entry *entry = &cache->entries[set][way];
            if (entry->length == strlen(text) && memcmp(entry->text, text, strlen(text)) == 0)
                return entry;
        }
    return NULL;
}

/* Reads new texts until one of them comes into the first place of the set. */
static void meet_in(const struct messages_cache_entry *set, unsigned *next)
{
    struct client_message message;
    char text[64], before[MESSAGES_CACHE_TEXT];
    memcpy(before, set->text, sizeof before);
    while (memcmp(before, set->text, sizeof before) == 0) {
        snprintf(text, sizeof text, "{\"type\":\"paddle_position\",\"position\":%u}", ++*next);
        assert_int_equal(parse(text, &message), MESSAGES_OK);
    }
}

static void test_what_comes_again_stays(void **state)
{
    static const char text[] = "{\"type\":\"key_event\",\"key\":\"s\",\"is_down\":true}";
    struct client_message message;
    unsigned next = 0;
    (void)state;
    parse(text, &message);
    const struct messages_cache_entry *set = entry_of(text);
    assert_non_null(set);
    for (int times = 0; times < 5; times++) {
        meet_in(set, &next);
        assert_ptr_equal(entry_of(text), set + 1);
        parse(text, &message);
        assert_ptr_equal(entry_of(text), set);
    }
    meet_in(set, &next);
    meet_in(set, &next);
    assert_null(entry_of(text));
}

/* Of `length` bytes. */
static const char *padded(size_t length)
{
    static char text[MESSAGES_CLIENT_MAX + 1];
    snprintf(text, sizeof text, "{\"type\":\"paddle_position\",\"position\":1%*s}",
             (int)length - 39, "");
    assert_int_equal(strlen(text), length);
    return text;
}

static void test_what_is_not_kept(void **state)
{
    static const char *const texts[] = {
        "{\"type\":\"join_game\",\"player_id\":\"a\",\"username\":\"b\"}",
        "{\"type\":\"ping\",\"time\":12.5}",
        "{\"type\":\"resync\"}",
        "{\"type\":\"paddle_position\",\"position\":true}",
        "{\"type\":\"dance\"}",
        "{",
    };
    struct client_message message;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        parse(texts[i], &message);
    assert_int_equal(parse(padded(MESSAGES_CACHE_TEXT + 1), &message), MESSAGES_OK);
    assert_int_equal(count_kept(), 0);
    assert_int_equal(parse(padded(MESSAGES_CACHE_TEXT), &message), MESSAGES_OK);
    assert_int_equal(count_kept(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_agrees_with_messages_parse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_kept_is_not_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_comes_again_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
