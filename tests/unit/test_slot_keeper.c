/*
 * Tests of gamed/slot_keeper with a real redis-server: two keepers in one process claim, die, take over,
 * hand over, release; Redis forgets everything, stands still, is killed. What a loop would do, a test
 * does here: it turns, and takes news.
 */
#include "gamed/slot_keeper.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gamed/slot_load.h"
#include "tests/unit/redis_server.h"

enum {
    INSTANCES = 2,
    PATIENCE_MS = 60000,
    A = 10, /* the slot of that letter */
    B = 11
};

/* A process' part in it. */
struct instance {
    struct slots *slots;
    struct slot_keeper *keeper;
    bool turns; /* its loop goes on */
    bool opens; /* it takes up what is loaded at once */
    int drops, released, refused, not_handed, rewrites, loads;
    size_t rooms; /* of the last that was loaded */
    bool was_home;
};

static struct redis_server server;
static struct instance instances[INSTANCES];

static void nothing(void *arg)
{
    (void)arg;
}

static void start(int number, char wish)
{
    struct instance *instance = &instances[number];
    char error[256] = "";
    const struct slot_keeper_config config = {
        .redis = {.url = server.url, .ca_file = "", .name = "test"},
        .rules = slot_rules_of(2000),
        .wish = wish,
        .ipc = number == 0 ? "ipc:///tmp/0.sock" : "ipc:///tmp/1.sock",
        .ws = "unix:/tmp/ws.sock",
        .news = nothing,
    };
    *instance = (struct instance){.slots = slots_new(), .turns = true, .opens = true};
    assert_non_null(instance->slots);
    if (slot_keeper_start(&config, instance->slots, &instance->keeper, error, sizeof error) != 0)
        fail_msg("%s", error);
    slot_keeper_tell(instance->keeper, 10 * (number + 1), 0, false);
}

static void stop(int number)
{
    slot_keeper_stop(instances[number].keeper);
    slots_free(instances[number].slots);
    instances[number] = (struct instance){0};
}

static void take_news(struct instance *instance)
{
    struct slot_news news;
    while (slot_keeper_next(instance->keeper, &news)) {
        switch (news.kind) {
        case SLOT_NEWS_LOADED:
            instance->loads++;
            instance->rooms = news.load->count;
            instance->was_home = news.is_home;
            free(news.load);
            if (instance->opens)
                slot_keeper_ask(instance->keeper, SLOT_WISH_OPENED, news.slot);
            break;
        case SLOT_NEWS_DROP:
            instance->drops++;
            slot_keeper_ask(instance->keeper, SLOT_WISH_FORGOTTEN, news.slot);
            break;
        case SLOT_NEWS_RELEASED:
            instance->released++;
            slot_keeper_ask(instance->keeper, SLOT_WISH_FORGOTTEN, news.slot);
            break;
        case SLOT_NEWS_REFUSED:
            instance->refused++;
            break;
        case SLOT_NEWS_NOT_HANDED:
            instance->not_handed++;
            break;
        case SLOT_NEWS_REWRITE:
            instance->rewrites++;
            break;
        }
    }
}

/* A turn of the loops, 5 ms; and in none are both of them owners. */
static void turn_loops(void)
{
    for (int i = 0; i < INSTANCES; i++) {
        if (instances[i].keeper && instances[i].turns) {
            slots_turn(instances[i].slots);
            take_news(&instances[i]);
        }
    }
    for (int slot = 0; slot < SLOT_COUNT && instances[0].slots && instances[1].slots; slot++)
        assert_false(slots_is_valid(instances[0].slots, slot) &&
                     slots_is_valid(instances[1].slots, slot));
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static void pass(int64_t ms)
{
    const int64_t until_ns = boottime_ns() + ms * 1000000;
    while (boottime_ns() < until_ns)
        turn_loops();
}

#define UNTIL(condition)                                                         \
    do {                                                                         \
        const int64_t until_ns = boottime_ns() + (int64_t)PATIENCE_MS * 1000000; \
        while (!(condition)) {                                                   \
            if (boottime_ns() > until_ns)                                        \
                fail_msg("not in time: %s", #condition);                         \
            turn_loops();                                                        \
        }                                                                        \
    } while (0)

static bool owns(int number, int slot)
{
    return slots_is_valid(instances[number].slots, slot);
}

static enum slot_phase phase_of(int number, int slot)
{
    struct slot_keeper_stats stats;
    slot_keeper_stats(instances[number].keeper, &stats);
    return stats.slots[slot].phase;
}

/* Something of which the store thinks as a room that nobody can read: it is set aside when it is loaded. */
static void leave_something_in(char slot)
{
    char command[96];
    snprintf(command, sizeof command, "ZADD {pong}:pending:%c 1 0000000000000001", slot);
    redis_server_ask(&server, command);
}

static int begin(void **state)
{
    (void)state;
    redis_server_start(&server, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < INSTANCES; i++)
        if (instances[i].keeper)
            stop(i);
    redis_server_stop(&server);
    return 0;
}

/* ---- the tests ----------------------------------------------------------------------------------- */

static void each_gets_the_home_it_wishes_for_and_leaves_it_at_the_end(void **state)
{
    (void)state;
    start(0, 'A');
    start(1, 'A'); /* the same: one of them gets another */
    UNTIL(phase_of(0, A) == SLOT_OWNED || phase_of(1, A) == SLOT_OWNED);
    const int first = phase_of(0, A) == SLOT_OWNED ? 0 : 1;
    struct slot_keeper_stats stats;
    UNTIL((slot_keeper_stats(instances[1 - first].keeper, &stats), stats.home >= 0));
    assert_int_not_equal(stats.home, A);
    UNTIL(owns(first, A) && owns(1 - first, stats.home));
    assert_true(instances[first].was_home);
    assert_true(stats.redis_up);
    assert_true(histogram_count(&stats.rounds) > 10);
    char claim[CLAIM_SIZE];
    assert_true(slots_claim(instances[first].slots, A, claim));
    assert_non_null(strstr(redis_server_ask(&server, "GET {pong}:slot:A"), claim));
    assert_non_null(strstr(redis_server_ask(&server, "HGETALL {pong}:instances"), claim));
    stop(first);
    assert_non_null(strstr(redis_server_ask(&server, "GET {pong}:slot:A:last"), "-"));
    assert_string_equal(redis_server_ask(&server, "EXISTS {pong}:slot:A"), ":0\r\n");
    assert_string_equal(redis_server_ask(&server, "HLEN {pong}:instances"), ":1\r\n");
}

static void whose_loop_stands_still_loses_its_slots_to_the_other(void **state)
{
    (void)state;
    start(0, 'A');
    start(1, 'B');
    UNTIL(owns(0, A) && owns(1, B));
    leave_something_in('A');
    instances[0].turns = false; /* hung, or stopped: its slots thread goes on */
    const int64_t stood_ns = boottime_ns();
    UNTIL(owns(1, A));
    print_message("taken over after %d ms\n", (int)((boottime_ns() - stood_ns) / 1000000));
    assert_false(instances[1].was_home);
    assert_false(owns(0, A));
    instances[0].turns = true; /* it finds out, and drops its games */
    UNTIL(instances[0].drops == 1);
    assert_int_equal(phase_of(0, A), SLOT_FREE);
    struct slot_keeper_stats stats;
    slot_keeper_stats(instances[0].keeper, &stats);
    assert_int_equal(stats.lost, 1);
    UNTIL((slot_keeper_stats(instances[0].keeper, &stats), stats.home >= 0)); /* another */
    assert_int_not_equal(stats.home, A);
}

static void an_empty_slot_is_not_adopted(void **state)
{
    (void)state;
    start(0, 'A');
    start(1, 'B');
    UNTIL(owns(0, A) && owns(1, B));
    instances[0].turns = false;
    UNTIL(strcmp(redis_server_ask(&server, "EXISTS {pong}:slot:A"), ":0\r\n") == 0);
    pass(1500);
    assert_int_equal(phase_of(1, A), SLOT_FREE);
}

static void a_slot_is_handed_over(void **state)
{
    (void)state;
    start(0, 'A');
    start(1, 'B');
    UNTIL(owns(0, A) && owns(1, B) && phase_of(0, A) == SLOT_OWNED);
    instances[1].opens = false;
    slot_keeper_ask(instances[0].keeper, SLOT_WISH_DRAIN, -1);
    slot_keeper_ask(instances[0].keeper, SLOT_WISH_HAND_OVER, A);
    const int64_t asked_ns = boottime_ns();
    UNTIL(instances[1].loads == 2);
    print_message("loaded after %d ms\n", (int)((boottime_ns() - asked_ns) / 1000000));
    assert_false(owns(0, A));
    UNTIL(owns(1, A));
    assert_int_equal(phase_of(0, A), SLOT_HANDED); /* clients are kept until it is opened */
    assert_int_equal(instances[0].drops, 0);
    slot_keeper_ask(instances[1].keeper, SLOT_WISH_OPENED, A);
    UNTIL(instances[0].drops == 1);
    assert_int_equal(phase_of(0, A), SLOT_FREE);
    assert_int_equal(phase_of(1, A), SLOT_OWNED);
    pass(500);
    assert_int_equal(phase_of(0, A), SLOT_FREE); /* it drains: no home again */
    slot_keeper_ask(instances[0].keeper, SLOT_WISH_CLAIM, -1);
    struct slot_keeper_stats stats;
    UNTIL((slot_keeper_stats(instances[0].keeper, &stats), stats.home >= 0));
    assert_int_equal(stats.handed, 1);
}

static void without_a_successor_a_slot_is_kept(void **state)
{
    (void)state;
    start(0, 'A');
    UNTIL(owns(0, A) && phase_of(0, A) == SLOT_OWNED);
    slot_keeper_ask(instances[0].keeper, SLOT_WISH_HAND_OVER, A);
    UNTIL(instances[0].not_handed == 1);
    assert_int_equal(phase_of(0, A), SLOT_OWNED);
    assert_true(owns(0, A));
}

static void an_empty_slot_is_released_and_one_with_something_in_it_is_not(void **state)
{
    (void)state;
    start(0, 'A');
    UNTIL(owns(0, A) && phase_of(0, A) == SLOT_OWNED);
    leave_something_in('A');
    slot_keeper_ask(instances[0].keeper, SLOT_WISH_RELEASE, A);
    UNTIL(instances[0].refused == 1);
    UNTIL(owns(0, A));
    redis_server_ask(&server, "DEL {pong}:pending:A");
    slot_keeper_ask(instances[0].keeper, SLOT_WISH_DRAIN, -1);
    slot_keeper_ask(instances[0].keeper, SLOT_WISH_RELEASE, A);
    UNTIL(instances[0].released == 1);
    assert_false(owns(0, A));
    assert_int_equal(phase_of(0, A), SLOT_FREE);
}

static void what_redis_forgets_is_written_anew(void **state)
{
    (void)state;
    start(0, 'A');
    start(1, 'B');
    UNTIL(owns(0, A) && owns(1, B));
    redis_server_ask(&server, "FLUSHALL");
    UNTIL(!owns(0, A));
    UNTIL(instances[0].rewrites > 0 && instances[1].rewrites > 0);
    UNTIL(owns(0, A) && owns(1, B));
    assert_int_equal(instances[0].drops + instances[1].drops, 0);
}

static void a_lease_that_is_gone_alone_freezes_nobody(void **state)
{
    (void)state;
    start(0, 'A');
    UNTIL(owns(0, A) && phase_of(0, A) == SLOT_OWNED);
    redis_server_ask(&server, "DEL {pong}:slot:A");
    UNTIL(instances[0].rewrites == 1);
    for (int i = 0; i < 100; i++) {
        assert_true(owns(0, A));
        turn_loops();
    }
}

static void a_redis_that_stands_still_freezes_until_it_goes_on(void **state)
{
    (void)state;
    start(0, 'A');
    start(1, 'B');
    UNTIL(owns(0, A) && owns(1, B));
    redis_server_pause(&server);
    UNTIL(!owns(0, A) && !owns(1, B));
    pass(2500);
    struct slot_keeper_stats stats;
    slot_keeper_stats(instances[0].keeper, &stats);
    assert_false(stats.redis_up);
    redis_server_resume(&server);
    UNTIL(owns(0, A) && owns(1, B));
    UNTIL(instances[0].rewrites > 0);
    slot_keeper_stats(instances[0].keeper, &stats);
    assert_true(stats.reconnects > 0);
    assert_int_equal(instances[0].drops + instances[1].drops, 0);
}

/* As it does after a snapshot that failed, or without its replicas. */
static void a_redis_that_refuses_to_write_freezes_and_loses_nothing(void **state)
{
    (void)state;
    struct slot_keeper_stats stats;
    start(0, 'A');
    start(1, 'B');
    UNTIL(owns(0, A) && owns(1, B));
    UNTIL(phase_of(0, A) == SLOT_OWNED);
    redis_server_ask(&server, "CONFIG SET min-replicas-to-write 1");
    slot_keeper_ask(instances[0].keeper, SLOT_WISH_HAND_OVER, A);
    UNTIL(instances[0].not_handed == 1); /* it was certainly not done */
    assert_int_equal(phase_of(0, A), SLOT_OWNED);
    UNTIL(!owns(0, A) && !owns(1, B));
    slot_keeper_stats(instances[0].keeper, &stats);
    assert_false(stats.redis_up);
    pass(1500);
    redis_server_ask(&server, "CONFIG SET min-replicas-to-write 0");
    UNTIL(owns(0, A) && owns(1, B));
    slot_keeper_stats(instances[0].keeper, &stats);
    assert_true(stats.redis_up);
    assert_int_equal(instances[0].drops + instances[1].drops, 0);
}

/* Leases take no memory that they do not have already: games go on, and are found. */
static void a_redis_without_memory_keeps_leases_and_their_owners_known(void **state)
{
    (void)state;
    struct slot_keeper_stats stats;
    start(0, 'A');
    UNTIL(owns(0, A) && phase_of(0, A) == SLOT_OWNED);
    pass(300);
    redis_server_ask(&server, "CONFIG SET maxmemory 1");
    UNTIL((slot_keeper_stats(instances[0].keeper, &stats), !stats.redis_up));
    for (int i = 0; i < 700; i++) {
        assert_true(owns(0, A));
        turn_loops();
    }
    char claim[CLAIM_SIZE];
    assert_true(slots_claim(instances[0].slots, A, claim));
    assert_non_null(strstr(redis_server_ask(&server, "HGETALL {pong}:instances"), claim));
    redis_server_ask(&server, "CONFIG SET maxmemory 0");
    UNTIL((slot_keeper_stats(instances[0].keeper, &stats), stats.redis_up));
}

/* Without files it comes back empty. */
static void a_redis_that_was_killed_is_waited_for(void **state)
{
    (void)state;
    start(0, 'A');
    UNTIL(owns(0, A));
    redis_server_kill(&server);
    UNTIL(!owns(0, A));
    redis_server_restart(&server);
    UNTIL(owns(0, A) && instances[0].rewrites > 0);
    assert_int_equal(instances[0].drops, 0);
}

static void a_keeper_starts_before_redis_does(void **state)
{
    (void)state;
    redis_server_kill(&server);
    start(0, 'A');
    pass(300);
    redis_server_restart(&server);
    UNTIL(owns(0, A));
}

static void a_process_at_rest_keeps_its_slots_for_a_while(void **state)
{
    (void)state;
    start(0, 'A');
    UNTIL(owns(0, A));
    slots_at_rest(instances[0].slots);
    instances[0].turns = false;
    const int64_t until_ns = boottime_ns() + 3000 * (int64_t)1000000;
    while (boottime_ns() < until_ns) {
        assert_true(owns(0, A));
        turn_loops();
    }
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    char error[256] = "";
    struct slot_keeper *keeper = NULL;
    const struct slot_keeper_config config = {
        .redis = {.url = "http://secret@example", .ca_file = "", .name = "test"},
        .rules = slot_rules_of(2000),
        .ipc = "ipc:///x",
        .ws = "unix:/x",
        .news = nothing,
    };
    assert_int_equal(slot_keeper_start(&config, NULL, &keeper, error, sizeof error),
                     SLOT_KEEPER_NO_MEMORY);
    assert_string_not_equal(error, "");
    assert_null(strstr(error, "secret"));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (!redis_server_is_there())
        return REDIS_SERVER_SKIPPED;
#define WITH_REDIS(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        WITH_REDIS(each_gets_the_home_it_wishes_for_and_leaves_it_at_the_end),
        WITH_REDIS(whose_loop_stands_still_loses_its_slots_to_the_other),
        WITH_REDIS(an_empty_slot_is_not_adopted),
        WITH_REDIS(a_slot_is_handed_over),
        WITH_REDIS(without_a_successor_a_slot_is_kept),
        WITH_REDIS(an_empty_slot_is_released_and_one_with_something_in_it_is_not),
        WITH_REDIS(what_redis_forgets_is_written_anew),
        WITH_REDIS(a_lease_that_is_gone_alone_freezes_nobody),
        WITH_REDIS(a_redis_that_stands_still_freezes_until_it_goes_on),
        WITH_REDIS(a_redis_that_refuses_to_write_freezes_and_loses_nothing),
        WITH_REDIS(a_redis_without_memory_keeps_leases_and_their_owners_known),
        WITH_REDIS(a_redis_that_was_killed_is_waited_for),
        WITH_REDIS(a_keeper_starts_before_redis_does),
        WITH_REDIS(a_process_at_rest_keeps_its_slots_for_a_while),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
