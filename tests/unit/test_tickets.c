/*
 * tickets: good once, for ten seconds, for nobody who cannot know them; and never more than there may be.
 */
#include "gamed/tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct now at(int64_t mono_ms)
{
    return (struct now){.mono_ms = mono_ms, .mono_ns = mono_ms * 1000000};
}

static struct admission sample(const char *user_id)
{
    struct admission admission = {.room_code = "A2345Z",
                                  .room_serial = 7,
                                  .proven = 2,
                                  .claim = {3, 4},
                                  .may_sit = true,
                                  .username = "Ann",
                                  .address = "2001:db8:ffff:ffff:ffff:ffff:255.255.255.255"};
    snprintf(admission.user_id, sizeof admission.user_id, "%s", user_id);
    return admission;
}

static void issue(struct tickets *tickets, const char *user_id, struct now now,
                  char name[TICKET_SIZE])
{
    struct admission admission = sample(user_id);
    assert_int_equal(tickets_issue(tickets, &admission, now, name), TICKETS_OK);
    assert_int_equal(strlen(name), TICKET_LENGTH);
    assert_int_equal(strspn(name, "0123456789abcdef"), TICKET_LENGTH);
}

static struct tickets_stats stats_of(const struct tickets *tickets)
{
    struct tickets_stats stats;
    tickets_stats(tickets, &stats);
    return stats;
}

static void test_says_what_was_put_in(void **state)
{
    (void)state;
    struct tickets *tickets = tickets_new(4);
    char name[TICKET_SIZE];
    struct admission in = sample("42"), out;
    assert_int_equal(tickets_issue(tickets, &in, at(0), name), TICKETS_OK);
    memset(&out, 0xff, sizeof out);
    assert_int_equal(tickets_redeem(tickets, name, at(TICKET_LIFE_MS - 1), &out), TICKETS_OK);
    assert_string_equal(out.room_code, in.room_code);
    assert_int_equal(out.room_serial, in.room_serial);
    assert_int_equal(out.proven, in.proven);
    assert_memory_equal(out.claim, in.claim, sizeof in.claim);
    assert_true(out.may_sit);
    assert_string_equal(out.user_id, "42");
    assert_string_equal(out.username, "Ann");
    assert_string_equal(out.address, in.address);
    tickets_free(tickets);
}

static void test_is_good_once(void **state)
{
    (void)state;
    struct tickets *tickets = tickets_new(4);
    char name[TICKET_SIZE], next[TICKET_SIZE];
    struct admission out = {.room_serial = 99};
    issue(tickets, "1", at(0), name);
    assert_int_equal(tickets_redeem(tickets, name, at(1), &out), TICKETS_OK);
    out.room_serial = 99;
    assert_int_equal(tickets_redeem(tickets, name, at(1), &out), TICKETS_UNKNOWN);
    assert_int_equal(out.room_serial, 99);
    /* nor for the next in the same place */
    issue(tickets, "2", at(2), next);
    assert_memory_equal(name, next, TICKET_PLACE_DIGITS);
    assert_int_equal(tickets_redeem(tickets, name, at(2), &out), TICKETS_UNKNOWN);
    assert_int_equal(tickets_redeem(tickets, next, at(2), &out), TICKETS_OK);
    struct tickets_stats stats = stats_of(tickets);
    assert_int_equal(stats.issued, 2);
    assert_int_equal(stats.redeemed, 2);
    assert_int_equal(stats.refused_unknown, 2);
    assert_int_equal(stats.outstanding, 0);
    tickets_free(tickets);
}

static void test_expires(void **state)
{
    (void)state;
    struct tickets *tickets = tickets_new(4);
    char name[TICKET_SIZE];
    struct admission out;
    issue(tickets, "1", at(5), name);
    assert_int_equal(tickets_redeem(tickets, name, at(5 + TICKET_LIFE_MS), &out), TICKETS_EXPIRED);
    assert_int_equal(tickets_redeem(tickets, name, at(5), &out), TICKETS_UNKNOWN);
    struct tickets_stats stats = stats_of(tickets);
    assert_int_equal(stats.expired, 1);
    assert_int_equal(stats.refused_expired, 1);
    assert_int_equal(stats.outstanding, 0);
    tickets_free(tickets);
}

static void test_what_is_none(void **state)
{
    (void)state;
    struct tickets *tickets = tickets_new(TICKETS_MAX);
    char name[TICKET_SIZE], wrong[2 * TICKET_SIZE];
    struct admission out;
    assert_int_equal(tickets_redeem(tickets, "00000000000000000000000000000000000000", at(0), &out),
                     TICKETS_UNKNOWN); /* before there is any */
    issue(tickets, "1", at(0), name);
    assert_int_equal(tickets_redeem(tickets, "", at(0), &out), TICKETS_UNKNOWN);
    assert_int_equal(tickets_redeem(tickets, "0000", at(0), &out), TICKETS_UNKNOWN);
    for (size_t i = 0; i < TICKET_LENGTH; i++) {
        const char others[] = {name[i] == '0' ? '1' : '0', 'g', 'A', ' ', '\x80', '\0'};
        for (size_t k = 0; k < sizeof others; k++) {
            memcpy(wrong, name, sizeof name);
            wrong[i] = others[k];
            assert_int_equal(tickets_redeem(tickets, wrong, at(0), &out), TICKETS_UNKNOWN);
        }
    }
    snprintf(wrong, sizeof wrong, "%s0", name);
    assert_int_equal(tickets_redeem(tickets, wrong, at(0), &out), TICKETS_UNKNOWN);
    snprintf(wrong, sizeof wrong, "ffff%s", name + TICKET_PLACE_DIGITS); /* a place of no ticket */
    assert_int_equal(tickets_redeem(tickets, wrong, at(0), &out), TICKETS_UNKNOWN);
    assert_int_equal(tickets_redeem(tickets, name, at(0), &out), TICKETS_OK);
    tickets_free(tickets);
}

static void test_full(void **state)
{
    (void)state;
    enum {
        COUNT = 3
    };
    struct tickets *tickets = tickets_new(COUNT);
    char names[COUNT][TICKET_SIZE], name[TICKET_SIZE];
    struct admission admission = sample("1"), out;
    for (int i = 0; i < COUNT; i++)
        issue(tickets, "1", at(i), names[i]);
    assert_int_equal(tickets_issue(tickets, &admission, at(COUNT), name), TICKETS_FULL);
    assert_int_equal(tickets_issue(tickets, &admission, at(TICKET_LIFE_MS - 1), name),
                     TICKETS_FULL);
    assert_int_equal(stats_of(tickets).refused_full, 2);
    /* the oldest has ended */
    issue(tickets, "2", at(TICKET_LIFE_MS), name);
    assert_int_equal(tickets_redeem(tickets, names[0], at(TICKET_LIFE_MS), &out), TICKETS_UNKNOWN);
    assert_int_equal(tickets_redeem(tickets, names[1], at(TICKET_LIFE_MS), &out), TICKETS_OK);
    assert_int_equal(tickets_redeem(tickets, name, at(TICKET_LIFE_MS), &out), TICKETS_OK);
    assert_string_equal(out.user_id, "2");
    assert_int_equal(stats_of(tickets).outstanding, 1);
    tickets_free(tickets);
}

/* Whatever the order in which they are used, left and issued: each says what it was issued for, once. */
static void test_any_order(void **state)
{
    (void)state;
    enum {
        COUNT = 64,
        ROUNDS = 20000
    };
    struct {
        char name[TICKET_SIZE];
        int64_t issued_ms;
        int id;
        bool is_out;
    } mine[COUNT] = {0};
    struct tickets *tickets = tickets_new(COUNT);
    int64_t now_ms = 0;
    srand(5);
    for (int round = 0; round < ROUNDS; round++) {
        int i = rand() % COUNT;
        char id[16];
        struct admission out;
        now_ms += rand() % 400;
        bool is_live = mine[i].is_out && now_ms < mine[i].issued_ms + TICKET_LIFE_MS;
        if (mine[i].is_out) {
            int outcome = tickets_redeem(tickets, mine[i].name, at(now_ms), &out);
            assert_true(is_live ? outcome == TICKETS_OK : outcome < 0);
            snprintf(id, sizeof id, "%d", mine[i].id);
            if (is_live)
                assert_string_equal(out.user_id, id);
            mine[i].is_out = false;
        } else {
            snprintf(id, sizeof id, "%d", round);
            mine[i].id = round;
            mine[i].issued_ms = now_ms;
            mine[i].is_out = true;
            issue(tickets, id, at(now_ms), mine[i].name);
        }
        assert_true(stats_of(tickets).outstanding <= COUNT);
    }
    struct tickets_stats stats = stats_of(tickets);
    assert_int_equal(stats.issued, stats.redeemed + stats.expired + stats.outstanding);
    tickets_free(tickets);
}

static void test_the_largest_table(void **state)
{
    (void)state;
    struct tickets *tickets = tickets_new(TICKETS_MAX);
    struct admission admission = sample("1"), out;
    char first[TICKET_SIZE], name[TICKET_SIZE];
    issue(tickets, "first", at(0), first);
    for (int i = 1; i < TICKETS_MAX; i++)
        issue(tickets, "1", at(0), name);
    assert_int_equal(tickets_issue(tickets, &admission, at(0), name + 0), TICKETS_FULL);
    assert_int_equal(tickets_redeem(tickets, name, at(0), &out), TICKETS_OK);
    assert_int_equal(tickets_redeem(tickets, first, at(0), &out), TICKETS_OK);
    assert_string_equal(out.user_id, "first");
    tickets_free(tickets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_what_was_put_in),
        cmocka_unit_test(test_is_good_once),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_the_largest_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
