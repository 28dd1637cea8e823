/*
 * Tests of instance_record: the text of a record, and a look at everything in a real redis-server.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "cluster/instance_record.h"
#include "cluster/redis_link.h"
#include "tests/unit/redis_server.h"

#define CLAIM "11111111111111111111111111111111"
#define OTHER "22222222222222222222222222222222"

enum {
    PATIENCE_MS = 20000,
    LONG_MS = 600000
};

static struct redis_server server;
static struct redis_link *link_;
static struct watched watched;

static struct instance_record sample(const char *id)
{
    struct instance_record record = {.ipc = "ipc:///run/pong/ipc-1.sock",
                                     .ws = "unix:/run/pong/gamed-1.sock",
                                     .load = 7,
                                     .waiting = 2,
                                     .draining = true,
                                     .home = 'A'};

    snprintf(record.id, sizeof record.id, "%s", id);
    snprintf(record.slots[slot_index('A')].claim, CLAIM_SIZE, "%s", CLAIM);
    snprintf(record.slots[slot_index('Z')].claim, CLAIM_SIZE, "%s", OTHER);
    return record;
}

/* ---- text ------------------------------------------------------------------------------------------ */

static void test_there_and_back(void **state)
{
    struct instance_record record = sample(OTHER);
    struct instance_record read;
    char text[INSTANCE_RECORD_SIZE];
    long length = instance_record_encode(&record, text, sizeof text);

    (void)state;
    assert_true(length > 0);
    assert_int_equal(strlen(text), length);
    assert_int_equal(instance_record_decode(text, (size_t)length, &read), 0);
    assert_memory_equal(&read, &record, sizeof record);

    record.home = '\0';
    record.draining = false;
    memset(record.slots, 0, sizeof record.slots);
    length = instance_record_encode(&record, text, sizeof text);
    assert_int_equal(instance_record_decode(text, (size_t)length, &read), 0);
    assert_memory_equal(&read, &record, sizeof record);
}

/* All 32 slots and the longest addresses, which JSON makes longer. */
static void test_the_largest_fits(void **state)
{
    struct instance_record record = sample(OTHER);
    struct instance_record read;
    char text[INSTANCE_RECORD_SIZE];
    long length;

    (void)state;
    memset(record.ipc + 6, '\\', sizeof record.ipc - 7);
    memset(record.ws, '\\', sizeof record.ws - 1);
    record.load = record.waiting = 1073741823;
    for (int i = 0; i < SLOT_COUNT; i++)
        snprintf(record.slots[i].claim, CLAIM_SIZE, "%s", CLAIM);
    length = instance_record_encode(&record, text, sizeof text);
    assert_true(length > 0);
    assert_int_equal(instance_record_decode(text, (size_t)length, &read), 0);
    assert_memory_equal(&read, &record, sizeof record);
    assert_int_equal(instance_record_encode(&record, text, (size_t)length), -1);
    snprintf(record.ws, sizeof record.ws, "\xff");
    assert_int_equal(instance_record_encode(&record, text, sizeof text), -1);
}

#define RECORD(ipc, ws, load, home, slots)                               \
    "{\"id\":\"" CLAIM "\",\"ipc\":" ipc ",\"ws\":" ws ",\"load\":" load \
    ",\"waiting\":0,\"draining\":false,\"home\":" home ",\"slots\":" slots ",\"later\":[1]}"

static void test_what_is_no_record(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{",
        "null",
        RECORD("\"http://x\"", "\"unix:/w\"", "1", "\"A\"", "{}"),
        RECORD("\"\"", "\"unix:/w\"", "1", "\"A\"", "{}"),
        RECORD("7", "\"unix:/w\"", "1", "\"A\"", "{}"),
        RECORD("\"tcp://a b\"", "\"unix:/w\"", "1", "\"A\"", "{}"),
        RECORD("\"tcp://a\\n\"", "\"unix:/w\"", "1", "\"A\"", "{}"),
        RECORD("\"tcp://a\"", "\"\"", "1", "\"A\"", "{}"),
        RECORD("\"tcp://a\"", "\"a\\\"b\"", "1", "\"A\"", "{}"),
        RECORD("\"tcp://a\"", "\"w\"", "-1", "\"A\"", "{}"),
        RECORD("\"tcp://a\"", "\"w\"", "99999999999", "\"A\"", "{}"),
        RECORD("\"tcp://a\"", "\"w\"", "1.5", "\"A\"", "{}"),
        RECORD("\"tcp://a\"", "\"w\"", "\"1\"", "\"A\"", "{}"),
        RECORD("\"tcp://a\"", "\"w\"", "1", "\"O\"", "{}"),
        RECORD("\"tcp://a\"", "\"w\"", "1", "\"AB\"", "{}"),
        RECORD("\"tcp://a\"", "\"w\"", "1", "null", "{}"),
        RECORD("\"tcp://a\"", "\"w\"", "1", "\"A\"", "[]"),
        RECORD("\"tcp://a\"", "\"w\"", "1", "\"A\"", "{\"A\":\"1\"}"),
        RECORD("\"tcp://a\"", "\"w\"", "1", "\"A\"", "{\"I\":\"" CLAIM "\"}"),
        RECORD("\"tcp://a\"", "\"w\"", "1", "\"A\"", "{\"AA\":\"" CLAIM "\"}"),
    };
    const char *good = RECORD("\"tcp://10.0.0.1:7001\"", "\"10.0.0.1:7000\"", "1", "\"\"",
                              "{\"A\":\"" CLAIM "\"}");
    struct instance_record record;

    (void)state;
    assert_int_equal(instance_record_decode(good, strlen(good), &record), 0);
    assert_string_equal(record.slots[slot_index('A')].claim, CLAIM);
    assert_int_equal(record.home, '\0');
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (instance_record_decode(bad[i], strlen(bad[i]), &record) != -1)
            fail_msg("%s was taken", bad[i]);
    }
    for (size_t size = 0; size < strlen(good); size++)
        assert_int_equal(instance_record_decode(good, size, &record), -1);
}

/* ---- a look at everything -------------------------------------------------------------------------- */

static int start(void **state)
{
    (void)state;
    redis_server_start(&server, NULL);
    link_ = redis_server_link(&server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_link_free(link_);
    redis_server_stop(&server);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    assert_string_equal(redis_server_ask(&server, "FLUSHALL"), "+OK\r\n");
    return 0;
}

static void ask(const char *const *words, int count)
{
    struct redisReply *const *replies = NULL;
    size_t reply_count = 0;

    redis_link_begin(link_);
    redis_link_add(link_, count, words, NULL);
    assert_int_equal(redis_link_run(link_, PATIENCE_MS, &replies, &reply_count), 0);
    assert_int_not_equal(replies[0]->type, REDIS_REPLY_ERROR);
}

static void hset(const char *key, const char *field, const char *value)
{
    const char *words[] = {"HSET", key, field, value};

    ask(words, 4);
}

static void set(const char *key, const char *value)
{
    const char *words[] = {"SET", key, value, "PX", "60000"};

    ask(words, 5);
}

static void look(const struct instance_record *record)
{
    struct redisReply *const *replies = NULL;
    size_t count = 0;

    redis_link_begin(link_);
    watch_add(link_, record);
    if (redis_link_run(link_, PATIENCE_MS, &replies, &count) != 0)
        fail_msg("%s", redis_link_error(link_));
    assert_int_equal(watch_read(replies[0], &watched), 0);
}

/* Writes a record that was heard of so many milliseconds ago, by this machine's clock, which is Redis' too. */
static void hear_of(const struct instance_record *record, int64_t ago_ms)
{
    char value[INSTANCE_RECORD_SIZE + 32];
    struct timespec now;
    int size;

    clock_gettime(CLOCK_REALTIME, &now);
    size = snprintf(value, sizeof value, "%lld ",
                    (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000 - (long long)ago_ms);
    assert_true(instance_record_encode(record, value + size, sizeof value - (size_t)size) > 0);
    hset(REDIS_KEY_INSTANCES, record->id, value);
}

static void test_an_empty_redis(void **state)
{
    (void)state;
    look(NULL);
    assert_int_equal(watched.instance_count, 0);
    for (int i = 0; i < SLOT_COUNT; i++) {
        assert_string_equal(watched.slots[i].claim, "");
        assert_string_equal(watched.slots[i].last, "");
        assert_true(watched_is_nobodys(&watched, i));
        assert_null(watched_owner(&watched, i));
    }
    assert_non_null(strstr(redis_server_ask(&server, "DBSIZE"), ":0"));
}

static void test_slots_seen(void **state)
{
    const char *pending[] = {"ZADD", "{pong}:pending:B", "1", "x"};
    int a = slot_index('A');
    int b = slot_index('B');
    int z = slot_index('Z');

    (void)state;
    set("{pong}:slot:A", CLAIM);
    set("{pong}:slot:A:last", CLAIM);
    hset("{pong}:rooms:A", "ABCDEF", "row");
    set("{pong}:slot:B:last", OTHER);
    hset("{pong}:rooms:B", "BBCDEF", "row");
    hset("{pong}:rooms:B", "BBCDEG", "row");
    ask(pending, 4);
    set("{pong}:slot:Z:last", "-");
    set("{pong}:slot:X:last", "-");
    hset("{pong}:rooms:X", "XBCDEF", "row");
    set("{pong}:slot:Y", "a value by hand that is longer than a claim may be");
    hset(REDIS_KEY_HANDOVERS, "A", OTHER " " CLAIM);
    hset(REDIS_KEY_HANDOVERS, "B", "nonsense");
    hset(REDIS_KEY_HANDOVERS, "nonsense", OTHER " " CLAIM);
    look(NULL);
    assert_string_equal(watched.slots[a].claim, CLAIM);
    assert_string_equal(watched.slots[a].last, CLAIM);
    assert_in_range(watched.slots[a].ttl_ms, 1, 60000);
    assert_int_equal(watched.slots[a].leftovers, 0);
    assert_string_equal(watched.slots[a].to_id, OTHER);
    assert_string_equal(watched.slots[a].to_claim, CLAIM);
    assert_string_equal(watched.slots[b].claim, "");
    assert_string_equal(watched.slots[b].last, OTHER);
    assert_int_equal(watched.slots[b].ttl_ms, 0);
    assert_int_equal(watched.slots[b].leftovers, 3);
    assert_string_equal(watched.slots[b].to_id, "");
    assert_string_not_equal(watched.slots[slot_index('Y')].claim, "");
    assert_false(watched_is_nobodys(&watched, a));
    assert_false(watched_is_nobodys(&watched, b));
    assert_false(watched_is_nobodys(&watched, slot_index('Y')));
    assert_true(watched_is_nobodys(&watched, z));
    assert_false(watched_is_nobodys(&watched, slot_index('X')));
    /* a claim that ended with nothing left: its owner may be only cut off, and have rooms */
    set("{pong}:slot:Z:last", CLAIM);
    look(NULL);
    assert_false(watched_is_nobodys(&watched, z));
}

static void test_owners(void **state)
{
    struct instance_record mine = sample(CLAIM);
    struct instance_record other = sample(OTHER);
    int a = slot_index('A');

    (void)state;
    snprintf(other.slots[a].claim, CLAIM_SIZE, "%s", OTHER);
    look(&other);
    look(&mine);
    assert_int_equal(watched.instance_count, 2);
    assert_memory_equal(&watched.instances[0], &mine, sizeof mine);
    assert_memory_equal(&watched.instances[1], &other, sizeof other);
    assert_null(watched_owner(&watched, a)); /* no lease says so */
    assert_false(watched_is_nobodys(&watched, a));
    set("{pong}:slot:A", CLAIM);
    look(NULL);
    assert_ptr_equal(watched_owner(&watched, a), &watched.instances[0]);
    set("{pong}:slot:A", OTHER);
    look(NULL);
    assert_ptr_equal(watched_owner(&watched, a), &watched.instances[1]);
    /* not heard of for long, and yet the lease lives: records may be refused where renewals are not */
    hear_of(&other, INSTANCE_FRESH_MS + 500);
    look(NULL);
    assert_int_equal(watched.instance_count, 2);
    assert_false(watched.is_fresh[1]);
    assert_ptr_equal(watched_owner(&watched, a), &watched.instances[1]);
    /* heard of before the clock went back */
    hear_of(&other, -LONG_MS / 60);
    look(NULL);
    assert_false(watched.is_fresh[1]);
    /* for so long that whoever writes takes it out */
    hear_of(&other, 70000);
    look(&mine);
    look(NULL);
    assert_int_equal(watched.instance_count, 1);
    hear_of(&other, -LONG_MS);
    look(&mine);
    assert_true(watched.is_fresh[0]);
    look(NULL);
    assert_int_equal(watched.instance_count, 1);
}

/* What is there is seen, and what is said is not kept. */
static void test_a_server_that_takes_no_writes(void **state)
{
    struct instance_record mine = sample(CLAIM);

    (void)state;
    set("{pong}:slot:A", CLAIM);
    look(&mine);
    mine.load++;
    assert_string_equal(redis_server_ask(&server, "CONFIG SET maxmemory 1"), "+OK\r\n");
    look(&mine);
    assert_string_equal(redis_server_ask(&server, "CONFIG SET maxmemory 0"), "+OK\r\n");
    assert_int_equal(watched.instance_count, 1);
    assert_int_equal(watched.instances[0].load, mine.load - 1);
    assert_ptr_equal(watched_owner(&watched, slot_index('A')), &watched.instances[0]);
}

static void test_records_of_others_are_not_trusted(void **state)
{
    struct instance_record mine = sample(CLAIM);
    char value[INSTANCE_RECORD_SIZE];
    size_t length;

    (void)state;
    hset(REDIS_KEY_INSTANCES, "a", "");
    hset(REDIS_KEY_INSTANCES, "b", "99999999999999999999 {}");
    hset(REDIS_KEY_INSTANCES, "c", "1");
    hset(REDIS_KEY_INSTANCES, "d", "x {}");
    /* under another's id */
    length = (size_t)snprintf(value, sizeof value, "1700000000000 ");
    instance_record_encode(&mine, value + length, sizeof value - length);
    hset(REDIS_KEY_INSTANCES, OTHER, value);
    look(NULL);
    assert_int_equal(watched.instance_count, 0);
    look(&mine);
    assert_int_equal(watched.instance_count, 1);
    assert_true(watched.is_fresh[0]);
}

static void test_too_many_instances(void **state)
{
    (void)state;
    for (int i = 0; i < INSTANCES_MAX + 8; i++) {
        char id[INSTANCE_ID_SIZE];
        struct instance_record record;

        snprintf(id, sizeof id, "%032x", 1000 - i);
        record = sample(id);
        hear_of(&record, i < 8 ? 30000 : 0);
    }
    look(NULL);
    assert_int_equal(watched.instance_count, INSTANCES_MAX);
    for (size_t i = 1; i < watched.instance_count; i++)
        assert_true(strcmp(watched.instances[i - 1].id, watched.instances[i].id) < 0);
    /* the eight that were heard of long ago had the highest ids */
    assert_string_equal(watched.instances[INSTANCES_MAX - 1].id,
                        "000000000000000000000000000003e0");
}

static void test_replies_of_another_kind(void **state)
{
    static const char *const commands[] = {"PING", "DBSIZE", "LRANGE x 0 -1", "GET x", "NONSENSE"};

    (void)state;
    assert_int_equal(watch_read(NULL, &watched), -1);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char words[64];
        const char *argv[4];
        int argc = 0;
        char *next = NULL;
        struct redisReply *const *replies = NULL;
        size_t count = 0;

        snprintf(words, sizeof words, "%s", commands[i]);
        for (char *word = strtok_r(words, " ", &next); word; word = strtok_r(NULL, " ", &next))
            argv[argc++] = word;
        redis_link_begin(link_);
        redis_link_add(link_, argc, argv, NULL);
        assert_int_equal(redis_link_run(link_, PATIENCE_MS, &replies, &count), 0);
        assert_int_equal(watch_read(replies[0], &watched), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_the_largest_fits),
        cmocka_unit_test(test_what_is_no_record),
        cmocka_unit_test_setup(test_an_empty_redis, empty),
        cmocka_unit_test_setup(test_slots_seen, empty),
        cmocka_unit_test_setup(test_owners, empty),
        cmocka_unit_test_setup(test_a_server_that_takes_no_writes, empty),
        cmocka_unit_test_setup(test_records_of_others_are_not_trusted, empty),
        cmocka_unit_test_setup(test_too_many_instances, empty),
        cmocka_unit_test(test_replies_of_another_kind),
    };

    signal(SIGPIPE, SIG_IGN);
    if (!redis_server_is_there())
        return REDIS_SERVER_SKIPPED;
    return cmocka_run_group_tests(tests, start, stop);
}
