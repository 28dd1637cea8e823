/* Unit tests of gamed/slot_rules: what moves a slot, when it is quiet, who claims which, and from when on a
 * renewal counts. */
#include "gamed/slot_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLAIM_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CLAIM_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MY_ID   "50000000000000000000000000000000"

enum {
    LIFE = 2000,
    USE = 1700,
    QUIET = 2500,
    EVERY = 100,
    START = 10000
};

/* One that watches a Redis in which a test puts what it likes. */
struct watcher {
    struct slot_rules rules;
    struct slot_view view;
    struct watched watched;
    int64_t now;
};

static int make(void **state)
{
    struct watcher *watcher = calloc(1, sizeof *watcher);
    *state = watcher;
    if (!watcher)
        return -1;
    watcher->rules = slot_rules_of(LIFE);
    watcher->now = START;
    slot_rules_begin(&watcher->view, -1);
    return 0;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

static void look(struct watcher *watcher, bool is_new)
{
    slot_rules_see(&watcher->view, &watcher->watched, is_new, watcher->now, watcher->now + 1);
}

/* Looks each 100 ms, at leases that nobody renews. */
static void wait_for(struct watcher *watcher, int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += EVERY) {
        watcher->now += EVERY;
        for (int i = 0; i < SLOT_COUNT; i++) {
            struct watched_slot *slot = &watcher->watched.slots[i];
            slot->ttl_ms = slot->ttl_ms > EVERY ? slot->ttl_ms - EVERY : 0;
            if (slot->ttl_ms == 0)
                slot->claim[0] = '\0';
        }
        look(watcher, false);
    }
}

static bool is_quiet(const struct watcher *watcher, int slot)
{
    return slot_rules_is_quiet(&watcher->view, &watcher->rules, slot, watcher->now);
}

static void lease(struct watcher *watcher, int slot, const char *claim, int64_t ttl_ms)
{
    struct watched_slot *seen = &watcher->watched.slots[slot];
    snprintf(seen->claim, sizeof seen->claim, "%s", claim);
    snprintf(seen->last, sizeof seen->last, "%s", claim);
    seen->ttl_ms = ttl_ms;
}

static struct instance_record *instance(struct watcher *watcher, const char *id, int load)
{
    const size_t i = watcher->watched.instance_count++;
    struct instance_record *record = &watcher->watched.instances[i];
    snprintf(record->id, sizeof record->id, "%s", id);
    record->load = load;
    record->home = 'Z';
    watcher->watched.is_fresh[i] = true;
    return record;
}

static int choose(const struct watcher *watcher, bool *as_home)
{
    return slot_rules_choose(&watcher->view, &watcher->rules, &watcher->watched, MY_ID,
                             watcher->now, as_home);
}

/* ---- quiet --------------------------------------------------------------------------------- */

static void nothing_is_quiet_before_it_was_watched_for_long_enough(void **state)
{
    struct watcher *watcher = *state;
    assert_false(is_quiet(watcher, 0));
    look(watcher, true);
    wait_for(watcher, QUIET - EVERY);
    assert_false(is_quiet(watcher, 0));
    wait_for(watcher, 2 * EVERY);
    assert_true(is_quiet(watcher, 0));
}

static void it_is_counted_from_when_the_owner_was_last_seen_alive(void **state)
{
    struct watcher *watcher = *state;
    lease(watcher, 0, CLAIM_A, LIFE);
    look(watcher, true);
    wait_for(watcher, 1000);
    watcher->watched.slots[0].ttl_ms = LIFE; /* a renewal */
    wait_for(watcher, QUIET - EVERY);
    assert_string_equal(watcher->watched.slots[0].claim, "");
    assert_false(is_quiet(watcher, 0));
    wait_for(watcher, 3 * EVERY);
    assert_true(is_quiet(watcher, 0));
}

static void a_renewal_shows_though_the_time_left_does_not_rise(void **state)
{
    struct watcher *watcher = *state;
    lease(watcher, 0, CLAIM_A, LIFE);
    look(watcher, true);
    for (int i = 0; i < 40; i++) { /* a little less each time */
        watcher->watched.slots[0].ttl_ms = LIFE - i + EVERY;
        wait_for(watcher, EVERY);
        assert_true(watcher->now - watcher->view.sight[0].moved_ms <= 0);
    }
}

static void expect_move(struct watcher *watcher, bool is_expected)
{
    wait_for(watcher, EVERY);
    assert_int_equal(watcher->view.sight[5].moved_ms == watcher->now + 1, is_expected);
}

static void what_moves_a_slot(void **state)
{
    struct watcher *watcher = *state;
    struct watched_slot *slot = &watcher->watched.slots[5];
    look(watcher, true);
    expect_move(watcher, false);
    lease(watcher, 5, CLAIM_A, LIFE);
    expect_move(watcher, true);
    expect_move(watcher, false);
    lease(watcher, 5, CLAIM_B, slot->ttl_ms);
    expect_move(watcher, true);
    slot->ttl_ms = LIFE;
    expect_move(watcher, true);
    slot->claim[0] = '\0'; /* gone before its time */
    slot->ttl_ms = 0;
    expect_move(watcher, true);
    expect_move(watcher, false);
    slot->last[0] = '\0'; /* forgotten */
    expect_move(watcher, true);
    lease(watcher, 5, CLAIM_A, EVERY + 1);
    expect_move(watcher, true);
    expect_move(watcher, false); /* gone in its time */
}

static void a_gap_or_a_new_connection_moves_everything(void **state)
{
    struct watcher *watcher = *state;
    look(watcher, true);
    wait_for(watcher, 4000);
    assert_true(is_quiet(watcher, 9));
    watcher->now += SLOT_GAP_MS - 2;
    look(watcher, false);
    assert_true(is_quiet(watcher, 9));
    watcher->now += SLOT_GAP_MS;
    look(watcher, false);
    assert_false(is_quiet(watcher, 9));
    wait_for(watcher, 4000);
    assert_true(is_quiet(watcher, 9));
    watcher->now += EVERY;
    look(watcher, true);
    assert_false(is_quiet(watcher, 9));
}

/* The answer of the look before may have been long on its way. */
static void a_gap_is_from_one_question_to_the_next_answer(void **state)
{
    struct watcher *watcher = *state;
    look(watcher, true);
    wait_for(watcher, 4000);
    slot_rules_see(&watcher->view, &watcher->watched, false, watcher->now + 100,
                   watcher->now + 100 + SLOT_GAP_MS - 100);
    assert_true(slot_rules_is_quiet(&watcher->view, &watcher->rules, 0, watcher->now + 500));
    slot_rules_see(&watcher->view, &watcher->watched, false, watcher->now + 510,
                   watcher->now + 100 + SLOT_GAP_MS + 1);
    assert_false(slot_rules_is_quiet(&watcher->view, &watcher->rules, 0, watcher->now + 700));
}

static void a_released_slot_needs_a_connection_of_that_age_only(void **state)
{
    struct watcher *watcher = *state;
    lease(watcher, 2, CLAIM_A, LIFE);
    look(watcher, true);
    for (int i = 0; i < 30; i++) {
        watcher->watched.slots[2].ttl_ms = LIFE;
        wait_for(watcher, EVERY);
    }
    snprintf(watcher->watched.slots[2].last, CLAIM_SIZE, "-");
    watcher->watched.slots[2].claim[0] = '\0';
    wait_for(watcher, EVERY);
    assert_true(is_quiet(watcher, 2));
}

/* ---- who claims what ------------------------------------------------------------------------- */

static void a_home_is_the_one_wished_for(void **state)
{
    struct watcher *watcher = *state;
    bool as_home = false;
    watcher->view.wish = 10;
    watcher->watched.slots[3].leftovers = 1;
    look(watcher, true);
    assert_int_equal(choose(watcher, &as_home), -1);
    wait_for(watcher, 2600);
    assert_int_equal(choose(watcher, &as_home), 10);
    assert_true(as_home);
    lease(watcher, 10, CLAIM_A, LIFE); /* taken: one with something left in it */
    look(watcher, false);
    assert_int_equal(choose(watcher, &as_home), 3);
    watcher->watched.slots[3].leftovers = 0; /* else by the id's first digit */
    look(watcher, false);
    assert_int_equal(choose(watcher, &as_home), 10 + 1);
    watcher->view.phase[10 + 1] = SLOT_HANDED; /* not what we are just giving away */
    assert_int_equal(choose(watcher, &as_home), 10 + 2);
}

static void only_what_has_something_left_in_it_is_adopted(void **state)
{
    struct watcher *watcher = *state;
    bool as_home = true;
    watcher->view.home = 1;
    watcher->view.phase[1] = SLOT_OWNED;
    look(watcher, true);
    wait_for(watcher, 2600);
    assert_int_equal(choose(watcher, &as_home), -1);
    watcher->watched.slots[20].leftovers = 2;
    look(watcher, false);
    assert_int_equal(choose(watcher, &as_home), 20);
    assert_false(as_home);
    watcher->view.phase[30] = SLOT_LOADING; /* one after the other */
    assert_int_equal(choose(watcher, &as_home), -1);
}

static void the_least_loaded_adopts_first(void **state)
{
    struct watcher *watcher = *state;
    bool as_home;
    watcher->view.home = 1;
    watcher->view.phase[1] = SLOT_OWNED;
    instance(watcher, MY_ID, 10);
    instance(watcher, "1", 9);
    instance(watcher, "2", 10); /* before us by its id */
    instance(watcher, "9", 10)->draining = true;
    instance(watcher, "3", 0)->home = '\0'; /* takes one as its home, and has no turn here */
    instance(watcher, "4", 0);
    watcher->watched.is_fresh[5] = false;
    watcher->watched.slots[20].leftovers = 2;
    look(watcher, true);
    wait_for(watcher, QUIET + 2 * SLOT_RANK_MS - EVERY);
    assert_int_equal(choose(watcher, &as_home), -1);
    wait_for(watcher, 2 * EVERY);
    assert_int_equal(choose(watcher, &as_home), 20);
}

static void what_a_live_instance_renews_is_not_claimed(void **state)
{
    struct watcher *watcher = *state;
    bool as_home;
    watcher->view.wish = 4;
    struct instance_record *other = instance(watcher, "1", 0);
    snprintf(other->slots[4].claim, CLAIM_SIZE, CLAIM_A);
    look(watcher, true);
    wait_for(watcher, 5000);
    assert_int_not_equal(choose(watcher, &as_home), 4);
    watcher->watched.is_fresh[0] = false;
    assert_int_equal(choose(watcher, &as_home), 4);
    watcher->watched.is_fresh[0] = true;
    snprintf(other->id, sizeof other->id, MY_ID); /* what we said ourselves before we lost it */
    assert_int_equal(choose(watcher, &as_home), 4);
}

static void a_successor_is_live_and_has_least(void **state)
{
    struct watcher *watcher = *state;
    assert_int_equal(slot_rules_successor(&watcher->watched, MY_ID, NULL), -1);
    instance(watcher, MY_ID, 0);
    assert_int_equal(slot_rules_successor(&watcher->watched, MY_ID, NULL), -1);
    instance(watcher, "1", 30);
    instance(watcher, "2", 20);
    instance(watcher, "3", 1)->draining = true;
    instance(watcher, "4", 1);
    watcher->watched.is_fresh[4] = false;
    assert_int_equal(slot_rules_successor(&watcher->watched, MY_ID, NULL), 2);
    const int extra[INSTANCES_MAX] = {[2] = 11};
    assert_int_equal(slot_rules_successor(&watcher->watched, MY_ID, extra), 1);
}

/* ---- the owner's side --------------------------------------------------------------------------- */

static int64_t renewed(struct slot_hold *hold, enum slot_renewal said, int64_t sent_ms,
                       int64_t opened_ms, const char *server)
{
    const struct slot_rules rules = slot_rules_of(LIFE);
    const struct slot_answer answer = {
        .server = server, .opened_ms = opened_ms, .sent_ms = sent_ms, .read_ms = sent_ms + 10};
    return slot_rules_renewed(hold, &rules, said, &answer);
}

static void claim_at(struct slot_hold *hold, int64_t looked_ms, int64_t read_ms)
{
    const struct slot_rules rules = slot_rules_of(LIFE);
    const struct slot_answer answer = {
        .server = "run", .looked_ms = looked_ms, .sent_ms = read_ms - 10, .read_ms = read_ms};
    slot_rules_claimed(hold, &rules, &answer);
}

static void a_claim_counts_when_it_has_stood(void **state)
{
    (void)state;
    struct slot_hold hold = {0};
    claim_at(&hold, START - SLOT_LOOK_MS, START);
    assert_int_equal(renewed(&hold, 1, START + SLOT_CLAIM_STANDS_MS - 1, 1, "run"), 0);
    assert_int_equal(renewed(&hold, 1, START + SLOT_CLAIM_STANDS_MS, 1, "run"),
                     START + SLOT_CLAIM_STANDS_MS + USE);
    claim_at(&hold, START - SLOT_LOOK_MS - 1, START); /* too long after the look */
    assert_int_equal(renewed(&hold, 1, START + USE - 1, 1, "run"), 0);
    assert_int_equal(renewed(&hold, 1, START + USE, 1, "run"), START + 2 * USE);
}

static void a_given_slot_counts_at_once(void **state)
{
    (void)state;
    struct slot_hold hold = {.counts_from_ms = INT64_MAX};
    slot_rules_given(&hold, &(struct slot_answer){.server = "run", .read_ms = START});
    assert_int_equal(renewed(&hold, 1, START, 1, "run"), START + USE);
}

static void a_lease_that_was_gone_counts_when_it_has_stood(void **state)
{
    (void)state;
    struct slot_hold hold = {0};
    assert_int_equal(renewed(&hold, 1, START, 1, "run"), START + USE);
    assert_int_equal(renewed(&hold, 2, START + 100, 1, "run"), 0);
    assert_int_equal(renewed(&hold, 1, START + 709, 1, "run"), 0);
    assert_int_equal(renewed(&hold, 1, START + 710, 1, "run"), START + 710 + USE);
    assert_int_equal(renewed(&hold, 0, START + 800, 1, "run"), 0);
    assert_int_equal(renewed(&hold, -1, START + 900, 1, "run"), 0);
}

/* That may have lost what another claimed in its last second. */
static void behind_another_server_it_counts_when_anothers_is_over(void **state)
{
    (void)state;
    struct slot_hold hold = {0};
    renewed(&hold, 1, START, 1, "run");
    assert_int_equal(renewed(&hold, 2, START + 100, START + 50, "other run"), 0);
    assert_int_equal(renewed(&hold, 1, START + 49 + USE, START + 50, "other run"), 0);
    assert_int_equal(renewed(&hold, 1, START + 50 + USE, START + 50, "other run"),
                     START + 50 + 2 * USE);
    /* A lease that still stands is nobody else's, on whichever server. */
    assert_int_equal(renewed(&hold, 1, START + 3000, START + 2990, "third run"),
                     START + 3000 + USE);
    /* Unknown is never the same. */
    assert_int_equal(renewed(&hold, 2, START + 4000, START + 3900, ""), 0);
    assert_int_equal(renewed(&hold, 1, START + 5599, START + 3900, ""), 0);
}

int main(void)
{
#define WATCHED(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        WATCHED(nothing_is_quiet_before_it_was_watched_for_long_enough),
        WATCHED(it_is_counted_from_when_the_owner_was_last_seen_alive),
        WATCHED(a_renewal_shows_though_the_time_left_does_not_rise),
        WATCHED(what_moves_a_slot),
        WATCHED(a_gap_or_a_new_connection_moves_everything),
        WATCHED(a_gap_is_from_one_question_to_the_next_answer),
        WATCHED(a_released_slot_needs_a_connection_of_that_age_only),
        WATCHED(a_home_is_the_one_wished_for),
        WATCHED(only_what_has_something_left_in_it_is_adopted),
        WATCHED(the_least_loaded_adopts_first),
        WATCHED(what_a_live_instance_renews_is_not_claimed),
        WATCHED(a_successor_is_live_and_has_least),
        cmocka_unit_test(a_claim_counts_when_it_has_stood),
        cmocka_unit_test(a_given_slot_counts_at_once),
        cmocka_unit_test(a_lease_that_was_gone_counts_when_it_has_stood),
        cmocka_unit_test(behind_another_server_it_counts_when_anothers_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
