/*
 * Unit tests of api-fcgi's instances as Redis tells of them: instance_reader, and instances over a real
 * redis-server. The instances' sockets are nobody's: what counts is who would be asked. What the tests wait
 * for is an event, never a span of time.
 */
#include "api-fcgi/instances.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api-fcgi/instance_reader.h"
#include "tests/unit/redis_server.h"

#define CLAIM_1 "11111111111111111111111111111111"
#define CLAIM_2 "22222222222222222222222222222222"
#define LEASE_A "{pong}:slot:A"

enum {
    GIVE_UP_SECONDS = 60 /* of a test that hangs */
};

static struct redis_server server;
static struct redis_link *link_of_gamed;
static struct instances *instances;
static struct instance *found;

/* ---- instance_reader_fill, pure -------------------------------------------------------- */

static struct watched watched;
static struct instance_traces traces;
static struct instance_table table;

static struct instance_record *watch(char id, const char *ipc, bool is_fresh)
{
    struct instance_record *record = &watched.instances[watched.instance_count];

    memset(record, 0, sizeof *record);
    memset(record->id, id, INSTANCE_ID_SIZE - 1);
    strcpy(record->ipc, ipc);
    strcpy(record->ws, "10.0.0.1:7000");
    record->home = 'A';
    watched.is_fresh[watched.instance_count++] = is_fresh;
    return record;
}

static int begin_fill(void **state)
{
    (void)state;
    memset(&watched, 0, sizeof watched);
    memset(&table, 0, sizeof table);
    instance_traces_begin(&traces, 1000);
    return 0;
}

static uint32_t bit(char slot)
{
    return UINT32_C(1) << slot_index(slot);
}

static void test_what_records_say_is_in_the_table(void **state)
{
    (void)state;
    struct instance_record *record = watch('1', "ipc:///1", true);
    record->load = 7;
    record->waiting = 3;
    record->draining = true;
    strcpy(record->slots[slot_index('A')].claim, CLAIM_1);
    strcpy(watched.slots[slot_index('A')].claim, CLAIM_1);
    strcpy(record->slots[slot_index('B')].claim, CLAIM_1);
    strcpy(watched.slots[slot_index('B')].claim, CLAIM_2); /* it has lost this one */
    watch('2', "ipc:///2", false)->home = '\0';
    instance_reader_fill(&watched, &traces, 1000, &table);
    assert_int_equal(table.count, 2);
    assert_string_equal(table.view[0].ipc, "ipc:///1");
    assert_string_equal(table.view[0].ws, "10.0.0.1:7000");
    assert_int_equal(table.view[0].load, 7);
    assert_int_equal(table.view[0].waiting, 3);
    assert_true(table.view[0].draining);
    assert_true(table.view[0].is_fresh && table.view[0].is_known && table.view[0].has_home);
    assert_int_equal(table.view[0].slots, bit('A'));
    assert_false(table.view[1].is_fresh);
    assert_false(table.view[1].has_home);
}

static void test_who_was_started_again_has_one_row(void **state)
{
    (void)state;
    watch('1', "ipc:///1", false);
    watch('2', "ipc:///2", false);
    watch('3', "ipc:///1", true);
    watch('4', "ipc:///2", false);
    instance_reader_fill(&watched, &traces, 1000, &table);
    assert_int_equal(table.count, 2);
    assert_int_equal(table.view[0].id[0], '2');
    assert_int_equal(table.view[1].id[0], '3');
}

static void test_a_slot_without_a_trace_is_nobodys_after_a_while(void **state)
{
    (void)state;
    strcpy(watched.slots[slot_index('A')].claim, CLAIM_1);
    strcpy(watched.slots[slot_index('B')].last, "-");
    strcpy(watched.slots[slot_index('C')].last, CLAIM_1);
    watched.slots[slot_index('D')].leftovers = 1;
    instance_reader_fill(&watched, &traces, 1000, &table);
    assert_int_equal(table.nobodys, bit('B')); /* that was said */
    instance_reader_fill(&watched, &traces, 3999, &table);
    assert_int_equal(table.nobodys, bit('B'));
    instance_reader_fill(&watched, &traces, 4000, &table);
    assert_int_equal(table.nobodys, ~(bit('A') | bit('C') | bit('D')));

    memset(watched.slots, 0, sizeof watched.slots); /* Redis has forgotten everything */
    instance_reader_fill(&watched, &traces, 4001, &table);
    assert_int_equal(table.nobodys, ~(bit('A') | bit('C') | bit('D')));
    instance_reader_fill(&watched, &traces, 7000, &table);
    assert_int_equal(table.nobodys, ~UINT32_C(0));
    instance_traces_begin(&traces, 8000);
    instance_reader_fill(&watched, &traces, 8000, &table);
    assert_int_equal(table.nobodys, 0);
}

/* ---- over a real one ------------------------------------------------------------------- */

/* A gamed says that it is there, and has the slot A under that claim. */
static void say(char id, const char *ipc, const char *claim)
{
    static struct instance_record record;
    struct redisReply *const *replies;
    size_t count;

    memset(&record, 0, sizeof record);
    memset(record.id, id, INSTANCE_ID_SIZE - 1);
    strcpy(record.ipc, ipc);
    strcpy(record.ws, "unix:/ws");
    record.home = 'A';
    strcpy(record.slots[slot_index('A')].claim, claim);
    do {
        while (redis_link_open(link_of_gamed) != REDIS_LINK_OK)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        redis_link_begin(link_of_gamed);
        watch_add(link_of_gamed, &record);
    } while (redis_link_run(link_of_gamed, 10000, &replies, &count) != REDIS_LINK_OK);
}

static int by_code(const char *code)
{
    instance_release(found);
    return instances_by_code(instances, code, &found);
}

static void await_source(bool is_up)
{
    struct instances_stats stats;

    do {
        instances_refresh(instances);
        instances_stats(instances, &stats);
    } while (stats.source_up != is_up);
}

static int begin(void **state)
{
    (void)state;
    static const struct option_list none;
    char error[256];
    alarm(GIVE_UP_SECONDS);
    redis_server_start(&server, NULL);
    const struct redis_link_config redis = {.url = server.url, .ca_file = "", .name = "test"};
    const struct instances_config config = {.redis = &redis, .gamed = &none, .max_waiting = 4};
    if (redis_link_new(&redis, &link_of_gamed) != REDIS_LINK_OK)
        return -1;
    instances = instances_open(&config, error, sizeof error);
    return instances != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    instance_release(found);
    found = NULL;
    instances_close(instances);
    instances = NULL;
    redis_link_free(link_of_gamed);
    redis_server_stop(&server);
    alarm(0);
    return 0;
}

static void test_the_owner_is_who_has_the_lease(void **state)
{
    (void)state;
    await_source(true);
    assert_int_equal(instances_for_create(instances, NULL, &found), INSTANCE_NONE);
    redis_server_ask(&server, "SET " LEASE_A " " CLAIM_1 " PX 60000");
    assert_int_equal(by_code("A12345"), INSTANCE_MOVING);
    say('1', "ipc:///nowhere/1.sock", CLAIM_1);
    assert_int_equal(by_code("A12345"), INSTANCE_FOUND); /* learnt because it was asked for */
    assert_string_equal(instance_label(found), "ipc:///nowhere/1.sock");
    assert_string_equal(instance_ws(found), "unix:/ws");
    say('2', "ipc:///nowhere/2.sock", CLAIM_2);
    redis_server_ask(&server, "SET " LEASE_A " " CLAIM_2 " PX 60000");
    instances_refresh(instances);
    assert_int_equal(by_code("A12345"), INSTANCE_FOUND);
    assert_string_equal(instance_label(found), "ipc:///nowhere/2.sock");
    redis_server_ask(&server, "DEL " LEASE_A);
    redis_server_ask(&server, "SET " LEASE_A ":last " CLAIM_2);
    instances_refresh(instances);
    assert_int_equal(by_code("A12345"), INSTANCE_MOVING);
    redis_server_ask(&server, "SET {pong}:slot:B:last -");
    assert_int_equal(by_code("B12345"), INSTANCE_NOBODYS);
    struct instance *list[4];
    assert_int_equal(instances_all(instances, false, list, 4), 2);
    instance_release(list[0]);
    instance_release(list[1]);
}

static void test_one_that_leaves_is_closed_once_nobody_holds_it(void **state)
{
    (void)state;
    redis_server_ask(&server, "SET " LEASE_A " " CLAIM_1 " PX 60000");
    say('1', "ipc:///nowhere/1.sock", CLAIM_1);
    await_source(true);
    assert_int_equal(by_code("A12345"), INSTANCE_FOUND);
    redis_server_ask(&server, "DEL {pong}:instances");
    for (int i = 0; i < 3; i++)
        instances_refresh(instances);
    assert_string_equal(instance_label(found), "ipc:///nowhere/1.sock"); /* it is still there */
    assert_non_null(instance_client(found));
    assert_int_equal(by_code("A12345"), INSTANCE_MOVING);
    for (int i = 0; i < 3; i++)
        instances_refresh(instances);
}

static void test_without_redis_all_is_as_it_was(void **state)
{
    (void)state;
    redis_server_ask(&server, "SET " LEASE_A " " CLAIM_1 " PX 60000");
    say('1', "ipc:///nowhere/1.sock", CLAIM_1);
    await_source(true);
    assert_int_equal(by_code("A12345"), INSTANCE_FOUND);
    redis_server_kill(&server);
    await_source(false);
    assert_int_equal(by_code("A12345"), INSTANCE_FOUND);
    assert_int_equal(by_code("B12345"), INSTANCE_MOVING);
    instance_release(found);
    assert_int_equal(instances_for_quick(instances, NULL, &found), INSTANCE_FOUND);

    redis_server_restart(&server); /* it has forgotten everything */
    await_source(true);
    assert_int_equal(by_code("A12345"), INSTANCE_MOVING);
    redis_server_ask(&server, "SET " LEASE_A " " CLAIM_1 " PX 60000");
    say('1', "ipc:///nowhere/1.sock", CLAIM_1);
    assert_int_equal(by_code("A12345"), INSTANCE_FOUND);
    while (by_code("B12345") == INSTANCE_MOVING) /* for three seconds */
        continue;
    assert_int_equal(by_code("B12345"), INSTANCE_NOBODYS);
}

static void test_a_url_that_is_none_is_told_without_its_password(void **state)
{
    (void)state;
    static const struct option_list none;
    const struct redis_link_config redis = {
        .url = "redis://user:hunter2@[", .ca_file = "", .name = "test"};
    const struct instances_config config = {.redis = &redis, .gamed = &none, .max_waiting = 4};
    char error[256] = "";
    assert_null(instances_open(&config, error, sizeof error));
    assert_string_not_equal(error, "");
    assert_null(strstr(error, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_records_say_is_in_the_table, begin_fill),
        cmocka_unit_test_setup(test_who_was_started_again_has_one_row, begin_fill),
        cmocka_unit_test_setup(test_a_slot_without_a_trace_is_nobodys_after_a_while, begin_fill),
        cmocka_unit_test_setup_teardown(test_the_owner_is_who_has_the_lease, begin, end),
        cmocka_unit_test_setup_teardown(test_one_that_leaves_is_closed_once_nobody_holds_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_without_redis_all_is_as_it_was, begin, end),
        cmocka_unit_test(test_a_url_that_is_none_is_told_without_its_password),
    };
    if (!redis_server_is_there())
        return REDIS_SERVER_SKIPPED;
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
