/*
 * Tests of the scripts and of slot_keys, in a real redis-server: for each script, what it does and what it
 * refuses, case by case.
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

#include "cluster/redis_link.h"
#include "cluster/redis_scripts.h"
#include "cluster/slot_keys.h"
#include "tests/unit/redis_server.h"

#define MINE   "11111111111111111111111111111111"
#define OTHERS "22222222222222222222222222222222"
#define ID     "33333333333333333333333333333333"
#define MATCH  "0d3d1b6e-8f0c-4b8e-9f5c-9b8d7a6c5e4f"
#define TAIL   "ABCDEF 1700000000000 0 0 0 0"

enum {
    PATIENCE_MS = 20000,
    WORDS_MAX = 32
};

static struct redis_server server;
static struct redis_link *link_;
static int slot; /* A */

static const struct redisReply *run(void)
{
    struct redisReply *const *replies = NULL;
    size_t count = 0;

    if (redis_link_run(link_, PATIENCE_MS, &replies, &count) != 0)
        fail_msg("%s", redis_link_error(link_));
    assert_int_equal(count, 1);
    if (replies[0]->type == REDIS_REPLY_ERROR)
        fail_msg("%s", replies[0]->str);
    return replies[0];
}

/* A plain command, words apart by blanks. */
static const struct redisReply *ask(const char *command)
{
    char words[256];
    const char *argv[WORDS_MAX];
    int argc = 0;
    char *next = NULL;

    snprintf(words, sizeof words, "%s", command);
    for (char *word = strtok_r(words, " ", &next); word; word = strtok_r(NULL, " ", &next))
        argv[argc++] = word;
    redis_link_begin(link_);
    redis_link_add(link_, argc, argv, NULL);
    return run();
}

static const char *text_of(const char *command)
{
    return redis_reply_text(ask(command), NULL);
}

static long long number_of(const char *command)
{
    return redis_reply_integer(ask(command), -7);
}

static long long call(enum redis_script script, int key_count, const char *const *keys,
                      int arg_count, const char *const *args)
{
    redis_link_begin(link_);
    redis_script_add(link_, script, key_count, keys, arg_count, args, NULL);
    return redis_reply_integer(run(), -7);
}

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static long long renew(const char *claim, const char *may_set)
{
    const char *keys[] = {slot_key(SLOT_KEY_LEASE, slot), slot_key(SLOT_KEY_LAST, slot)};
    const char *args[] = {claim, "60000", may_set};

    return call(REDIS_SCRIPT_RENEW, COUNT(keys), keys, COUNT(args), args);
}

static long long claim(const char *value, const char *life)
{
    const char *keys[] = {slot_key(SLOT_KEY_LEASE, slot), slot_key(SLOT_KEY_LAST, slot),
                          slot_key(SLOT_KEY_FENCE_ROOMS, slot),
                          slot_key(SLOT_KEY_FENCE_RESULTS, slot), REDIS_KEY_HANDOVERS};
    const char *args[] = {value, life, "A"};

    return call(REDIS_SCRIPT_CLAIM, COUNT(keys), keys, COUNT(args), args);
}

static long long release(const char *value, const char *force)
{
    const char *keys[] = {slot_key(SLOT_KEY_LEASE, slot), slot_key(SLOT_KEY_LAST, slot),
                          slot_key(SLOT_KEY_ROOMS, slot), slot_key(SLOT_KEY_PENDING, slot)};
    const char *args[] = {value, force};

    return call(REDIS_SCRIPT_RELEASE, COUNT(keys), keys, COUNT(args), args);
}

static long long hand(const char *value, const char *new_value)
{
    const char *keys[] = {slot_key(SLOT_KEY_LEASE, slot), slot_key(SLOT_KEY_LAST, slot),
                          slot_key(SLOT_KEY_FENCE_ROOMS, slot),
                          slot_key(SLOT_KEY_FENCE_RESULTS, slot), REDIS_KEY_HANDOVERS};
    const char *args[] = {value, new_value, "60000", "A", ID};

    return call(REDIS_SCRIPT_HAND, COUNT(keys), keys, COUNT(args), args);
}

static long long loaded(const char *value)
{
    const char *keys[] = {slot_key(SLOT_KEY_LEASE, slot), REDIS_KEY_HANDOVERS};
    const char *args[] = {value, "A"};

    return call(REDIS_SCRIPT_LOADED, COUNT(keys), keys, COUNT(args), args);
}

/* One room and one that is gone. */
static long long rooms(const char *value, const char *batch, const char *code, const char *row,
                       const char *gone)
{
    const char *keys[] = {slot_key(SLOT_KEY_LEASE, slot), slot_key(SLOT_KEY_FENCE_ROOMS, slot),
                          slot_key(SLOT_KEY_ROOMS, slot)};
    const char *args[] = {value, batch, "1", code, row, gone};

    return call(REDIS_SCRIPT_ROOMS, COUNT(keys), keys, COUNT(args), args);
}

static long long results(const char *value, const char *batch, const char *overwrite,
                         const char *state, const char *body)
{
    const char *keys[] = {slot_key(SLOT_KEY_LEASE, slot),
                          slot_key(SLOT_KEY_FENCE_RESULTS, slot),
                          REDIS_KEY_RESULTS,
                          REDIS_KEY_SERIAL,
                          REDIS_KEY_SETTLED,
                          REDIS_KEY_STATE_0,
                          REDIS_KEY_STATE_1,
                          REDIS_KEY_STATE_2,
                          REDIS_KEY_STATE_3};
    const char *args[] = {value, batch,           overwrite,       "A",  MATCH,
                          state, "1700000000500", "1700000001000", TAIL, body};

    return call(REDIS_SCRIPT_RESULTS, COUNT(keys), keys, COUNT(args), args);
}

static long long purge(const char *value, const char *before)
{
    const char *keys[] = {slot_key(SLOT_KEY_LEASE, slot), REDIS_KEY_RESULTS, REDIS_KEY_SETTLED,
                          REDIS_KEY_STATE_1, REDIS_KEY_STATE_3};
    const char *args[] = {value, before, "100"};

    return call(REDIS_SCRIPT_PURGE, COUNT(keys), keys, COUNT(args), args);
}

static int start(void **state)
{
    (void)state;
    slot = slot_index('A');
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
    ask("FLUSHALL");
    return 0;
}

/* ---- names ----------------------------------------------------------------------------------------- */

static void test_slots_and_their_keys(void **state)
{
    char one[CLAIM_SIZE];
    char two[CLAIM_SIZE];

    (void)state;
    for (int i = 0; i < SLOT_COUNT; i++) {
        char name[64];

        assert_int_equal(slot_index(slot_letter(i)), i);
        assert_int_equal(slot_letter(i), ROOM_CODE_ALPHABET[i]);
        snprintf(name, sizeof name, "{pong}:slot:%c", slot_letter(i));
        assert_string_equal(slot_key(SLOT_KEY_LEASE, i), name);
        snprintf(name, sizeof name, "{pong}:slot:%c:last", slot_letter(i));
        assert_string_equal(slot_key(SLOT_KEY_LAST, i), name);
        snprintf(name, sizeof name, "{pong}:slot:%c:fence:rooms", slot_letter(i));
        assert_string_equal(slot_key(SLOT_KEY_FENCE_ROOMS, i), name);
        snprintf(name, sizeof name, "{pong}:slot:%c:fence:results", slot_letter(i));
        assert_string_equal(slot_key(SLOT_KEY_FENCE_RESULTS, i), name);
        snprintf(name, sizeof name, "{pong}:rooms:%c", slot_letter(i));
        assert_string_equal(slot_key(SLOT_KEY_ROOMS, i), name);
        snprintf(name, sizeof name, "{pong}:pending:%c", slot_letter(i));
        assert_string_equal(slot_key(SLOT_KEY_PENDING, i), name);
    }
    for (const char *no_slot = "ILOUa-"; *no_slot; no_slot++)
        assert_int_equal(slot_index(*no_slot), -1);
    assert_int_equal(slot_index('\0'), -1);
    claim_draw(one);
    claim_draw(two);
    assert_true(random_is_seat_token(one));
    assert_string_not_equal(one, two);
}

/* ---- leases ---------------------------------------------------------------------------------------- */

static void test_claim(void **state)
{
    (void)state;
    assert_int_equal(claim(MINE, "60000"), 1);
    assert_string_equal(text_of("GET {pong}:slot:A"), MINE);
    assert_string_equal(text_of("GET {pong}:slot:A:last"), MINE);
    assert_in_range(number_of("PTTL {pong}:slot:A"), 1, 60000);
    assert_int_equal(number_of("PTTL {pong}:slot:A:last"), -1);
    assert_int_equal(claim(OTHERS, "60000"), 0);
    assert_int_equal(claim(MINE, "60000"), 0);
    assert_string_equal(text_of("GET {pong}:slot:A"), MINE);
}

static void test_claim_clears_what_was_the_owners(void **state)
{
    (void)state;
    ask("SET {pong}:slot:A:fence:rooms 7");
    ask("SET {pong}:slot:A:fence:results 8");
    ask("HSET {pong}:handovers A " ID);
    ask("HSET {pong}:handovers B " ID);
    assert_int_equal(claim(MINE, "60000"), 1);
    assert_int_equal(number_of("EXISTS {pong}:slot:A:fence:rooms {pong}:slot:A:fence:results"), 0);
    assert_int_equal(number_of("HLEN {pong}:handovers"), 1);
}

static void test_a_lease_ends(void **state)
{
    (void)state;
    assert_int_equal(claim(MINE, "30"), 1);
    for (int i = 0; i < 2000 && number_of("EXISTS {pong}:slot:A") == 1; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(rooms(MINE, "1", "ABCDEF", "row", "AAAAAA"), -1);
    assert_int_equal(claim(OTHERS, "60000"), 1);
    assert_int_equal(renew(MINE, "1"), -1);
    assert_string_equal(text_of("GET {pong}:slot:A"), OTHERS);
}

static void test_renew(void **state)
{
    (void)state;
    /* nothing there: only who may, sets it */
    assert_int_equal(renew(MINE, "0"), 0);
    assert_int_equal(number_of("DBSIZE"), 0);
    assert_int_equal(renew(MINE, "1"), 2);
    assert_string_equal(text_of("GET {pong}:slot:A"), MINE);
    assert_string_equal(text_of("GET {pong}:slot:A:last"), MINE);
    /* the owner's */
    ask("PEXPIRE {pong}:slot:A 5000");
    assert_int_equal(renew(MINE, "0"), 1);
    assert_in_range(number_of("PTTL {pong}:slot:A"), 5001, 60000);
    /* another's */
    assert_int_equal(renew(OTHERS, "1"), -1);
    /* the lease is gone, and `last` tells whose it was */
    ask("DEL {pong}:slot:A");
    assert_int_equal(renew(OTHERS, "1"), -1);
    assert_int_equal(number_of("EXISTS {pong}:slot:A"), 0);
    assert_int_equal(renew(MINE, "0"), 2);
    assert_string_equal(text_of("GET {pong}:slot:A"), MINE);
    /* the lease counts, and not what `last` says */
    ask("SET {pong}:slot:A " OTHERS);
    assert_int_equal(renew(MINE, "1"), -1);
    assert_string_equal(text_of("GET {pong}:slot:A"), OTHERS);
    ask("SET {pong}:slot:A " MINE);
    /* released: nobody's */
    assert_int_equal(release(MINE, "0"), 1);
    assert_int_equal(renew(MINE, "1"), -1);
}

static void test_release(void **state)
{
    (void)state;
    assert_int_equal(release(MINE, "1"), -1);
    assert_int_equal(claim(MINE, "60000"), 1);
    assert_int_equal(release(OTHERS, "1"), -1);
    ask("HSET {pong}:rooms:A ABCDEF row");
    assert_int_equal(release(MINE, "0"), 0);
    ask("DEL {pong}:rooms:A");
    ask("ZADD {pong}:pending:A 1 x");
    assert_int_equal(release(MINE, "0"), 0);
    assert_string_equal(text_of("GET {pong}:slot:A"), MINE);
    assert_int_equal(release(MINE, "1"), 1);
    assert_int_equal(number_of("EXISTS {pong}:slot:A"), 0);
    assert_string_equal(text_of("GET {pong}:slot:A:last"), "-");
    assert_int_equal(claim(OTHERS, "60000"), 1);
    ask("DEL {pong}:pending:A");
    assert_int_equal(release(OTHERS, "0"), 1);
}

static void test_hand_and_loaded(void **state)
{
    (void)state;
    assert_int_equal(hand(MINE, OTHERS), -1);
    assert_int_equal(claim(MINE, "60000"), 1);
    assert_int_equal(rooms(MINE, "9", "ABCDEF", "row", "AAAAAA"), 1);
    assert_int_equal(hand(OTHERS, MINE), -1);
    assert_int_equal(hand(MINE, OTHERS), 1);
    assert_string_equal(text_of("GET {pong}:slot:A"), OTHERS);
    assert_string_equal(text_of("GET {pong}:slot:A:last"), OTHERS);
    assert_string_equal(text_of("HGET {pong}:handovers A"), ID " " OTHERS);
    assert_in_range(number_of("PTTL {pong}:slot:A"), 1, 60000);
    /* the giver has no more say; the successor's batches begin anew */
    assert_int_equal(renew(MINE, "1"), -1);
    assert_int_equal(rooms(MINE, "10", "ABCDEF", "late", "AAAAAA"), -1);
    assert_int_equal(rooms(OTHERS, "1", "ABCDEF", "new", "AAAAAA"), 1);
    assert_int_equal(loaded(MINE), -1);
    assert_int_equal(number_of("HLEN {pong}:handovers"), 1);
    assert_int_equal(loaded(OTHERS), 1);
    assert_int_equal(number_of("HLEN {pong}:handovers"), 0);
}

/* ---- rooms and results ----------------------------------------------------------------------------- */

static void test_rooms(void **state)
{
    (void)state;
    assert_int_equal(rooms(MINE, "1", "ABCDEF", "row", "AAAAAA"), -1);
    assert_int_equal(number_of("DBSIZE"), 0);
    assert_int_equal(claim(MINE, "60000"), 1);
    ask("HSET {pong}:rooms:A AAAAAA old");
    assert_int_equal(rooms(MINE, "2", "ABCDEF", "row", "AAAAAA"), 1);
    assert_string_equal(text_of("HGET {pong}:rooms:A ABCDEF"), "row");
    assert_int_equal(number_of("HLEN {pong}:rooms:A"), 1);
    /* late, or twice */
    assert_int_equal(rooms(MINE, "2", "ABCDEF", "late", "AAAAAA"), 0);
    assert_int_equal(rooms(MINE, "1", "ABCDEF", "late", "AAAAAA"), 0);
    assert_string_equal(text_of("HGET {pong}:rooms:A ABCDEF"), "row");
    assert_int_equal(rooms(MINE, "10", "ABCDEF", "newer", "AAAAAA"), 1);
    assert_string_equal(text_of("HGET {pong}:rooms:A ABCDEF"), "newer");
    assert_int_equal(rooms(OTHERS, "11", "ABCDEF", "late", "AAAAAA"), -1);
    assert_string_equal(text_of("HGET {pong}:rooms:A ABCDEF"), "newer");
}

static void test_insert(void **state)
{
    (void)state;
    assert_int_equal(results(MINE, "1", "0", "0", "body"), -1);
    assert_int_equal(number_of("DBSIZE"), 0);
    assert_int_equal(claim(MINE, "60000"), 1);
    assert_int_equal(results(MINE, "1", "0", "0", "body\nof lines"), 1);
    assert_string_equal(text_of("HGET {pong}:results " MATCH),
                        "0000000000000001 0 1700000000500 A " TAIL "\nbody\nof lines");
    assert_string_equal(text_of("ZSCORE {pong}:state:0 " MATCH), "1");
    assert_string_equal(ask("ZRANGE {pong}:pending:A 0 -1")->element[0]->str,
                        "0000000000000001 " MATCH);
    /* late; then an id that is there already, whatever is said of it now */
    assert_int_equal(results(MINE, "1", "0", "0", "late"), 0);
    assert_int_equal(results(MINE, "2", "0", "3", "other"), 1);
    assert_string_equal(text_of("HGET {pong}:results " MATCH),
                        "0000000000000001 0 1700000000500 A " TAIL "\nbody\nof lines");
    assert_int_equal(number_of("ZCARD {pong}:state:3"), 0);
    assert_int_equal(results(OTHERS, "3", "0", "0", "other"), -1);
}

static void test_update(void **state)
{
    (void)state;
    assert_int_equal(claim(MINE, "60000"), 1);
    assert_int_equal(results(MINE, "1", "0", "0", "body"), 1);
    /* posted */
    assert_int_equal(results(MINE, "2", "1", "1", "never"), 1);
    assert_string_equal(text_of("HGET {pong}:results " MATCH),
                        "0000000000000001 1 1700000000500 A " TAIL "\nbody");
    assert_int_equal(number_of("ZCARD {pong}:pending:A"), 0);
    assert_int_equal(number_of("ZCARD {pong}:state:0"), 0);
    assert_int_equal(number_of("ZCARD {pong}:state:1"), 1);
    assert_string_equal(text_of("ZSCORE {pong}:settled " MATCH), "1700000001000");
    /* failed: nothing to purge */
    assert_int_equal(results(MINE, "3", "1", "2", "never"), 1);
    assert_int_equal(number_of("ZCARD {pong}:settled"), 0);
    assert_int_equal(number_of("ZCARD {pong}:state:2"), 1);
    /* to be posted after all */
    assert_int_equal(results(MINE, "4", "1", "0", "never"), 1);
    assert_int_equal(number_of("ZCARD {pong}:pending:A"), 1);
    assert_int_equal(number_of("ZCARD {pong}:state:2"), 0);
    /* of one that nobody has: it is made */
    ask("HDEL {pong}:results " MATCH);
    assert_int_equal(results(MINE, "5", "1", "0", "anew"), 1);
    assert_string_equal(text_of("HGET {pong}:results " MATCH),
                        "0000000000000002 0 1700000000500 A " TAIL "\nanew");
}

static void test_purge(void **state)
{
    (void)state;
    assert_int_equal(purge(MINE, "1700000002000"), -1);
    assert_int_equal(claim(MINE, "60000"), 1);
    assert_int_equal(results(MINE, "1", "0", "1", "body"), 1);
    assert_int_equal(purge(OTHERS, "1700000002000"), -1);
    assert_int_equal(purge(MINE, "1700000001000"), 0); /* settled then, and not before */
    assert_int_equal(number_of("HLEN {pong}:results"), 1);
    /* a checkpoint of its match may be loaded yet, and would be played on without its result */
    ask("HSET {pong}:rooms:A ABCDEF [\"" MATCH "\"]");
    assert_int_equal(purge(MINE, "1700000002000"), 0);
    assert_string_equal(text_of("ZSCORE {pong}:settled " MATCH), "1700003602000");
    ask("HSET {pong}:rooms:A ABCDEF [\"another\"]");
    assert_int_equal(purge(MINE, "1700003602001"), 1);
    assert_int_equal(number_of("HLEN {pong}:results"), 0);
    assert_int_equal(number_of("EXISTS {pong}:settled {pong}:state:1 {pong}:state:3"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_and_their_keys),
        cmocka_unit_test_setup(test_claim, empty),
        cmocka_unit_test_setup(test_claim_clears_what_was_the_owners, empty),
        cmocka_unit_test_setup(test_a_lease_ends, empty),
        cmocka_unit_test_setup(test_renew, empty),
        cmocka_unit_test_setup(test_release, empty),
        cmocka_unit_test_setup(test_hand_and_loaded, empty),
        cmocka_unit_test_setup(test_rooms, empty),
        cmocka_unit_test_setup(test_insert, empty),
        cmocka_unit_test_setup(test_update, empty),
        cmocka_unit_test_setup(test_purge, empty),
    };

    signal(SIGPIPE, SIG_IGN);
    if (!redis_server_is_there())
        return REDIS_SERVER_SKIPPED;
    return cmocka_run_group_tests(tests, start, stop);
}
