/*
 * Unit tests of gamed/slot_machine: one step at a time, with answers that a test gives or withholds. Whether all of it
 * together keeps the law is test_slot_law's business.
 */
#include "gamed/slot_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MY_ID    "50000000000000000000000000000000"
#define OTHER_ID "60000000000000000000000000000000"
#define GIVEN    "cccccccccccccccccccccccccccccccc"

enum {
    START = 10000,
    ROUND = 100,
    A = 10
};

/* A machine, and a Redis that says what it is told to say. */
struct bench {
    struct slot_machine machine;
    struct slot_plan plan;
    struct slot_turns turns;
    struct watched watched;
    int64_t now;
};

static int make(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    if (!bench)
        return -1;
    const struct slot_rules rules = slot_rules_of(2000);
    bench->now = START;
    slot_machine_begin(&bench->machine, MY_ID, &rules, A);
    slot_machine_connected(&bench->machine);
    return 0;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

static void plan(struct bench *bench)
{
    bench->now += ROUND;
    bench->turns.count = 0;
    slot_machine_plan(&bench->machine, true, bench->now, &bench->plan, &bench->turns);
}

/* Each op of the plan is answered so. */
static void answer(struct bench *bench, long long said)
{
    long long answers[SLOT_OPS_MAX];
    const struct slot_answer how = {
        .server = "run", .opened_ms = START, .sent_ms = bench->now, .read_ms = bench->now + 1};
    for (size_t i = 0; i < bench->plan.count; i++)
        answers[i] = said;
    slot_machine_take(&bench->machine, &bench->plan, answers, &bench->watched, &how, &bench->turns);
}

static const struct slot_op *op(const struct bench *bench, enum slot_op_kind kind)
{
    for (size_t i = 0; i < bench->plan.count; i++)
        if (bench->plan.ops[i].kind == kind)
            return &bench->plan.ops[i];
    return NULL;
}

static bool has(const struct bench *bench, enum slot_turn_kind kind)
{
    for (size_t i = 0; i < bench->turns.count; i++)
        if (bench->turns.turns[i].kind == kind)
            return true;
    return false;
}

static char home_in_record(const struct bench *bench)
{
    struct instance_record record;
    slot_machine_record(&bench->machine, bench->now, &record);
    return record.home;
}

static enum slot_phase phase(const struct bench *bench)
{
    return bench->machine.view.phase[A];
}

/* Rounds until a claim is planned, and not answered yet. */
static void until_claimed(struct bench *bench)
{
    for (int i = 0; i < 100; i++) {
        plan(bench);
        if (op(bench, SLOT_OP_CLAIM))
            return;
        answer(bench, 1);
    }
    fail_msg("nothing is ever claimed");
}

/* Slot A is its home, opened and valid. */
static void own_a_home(struct bench *bench)
{
    until_claimed(bench);
    answer(bench, 1);
    assert_true(has(bench, SLOT_TURN_LOAD));
    slot_machine_loaded(&bench->machine, A, true);
    slot_machine_opened(&bench->machine, A);
    for (int i = 0; i < 10; i++) {
        plan(bench);
        answer(bench, 1);
    }
    assert_true(has(bench, SLOT_TURN_EXTEND));
    assert_int_equal(phase(bench), SLOT_OWNED);
}

static void put_other(struct bench *bench)
{
    bench->watched.instance_count = 1;
    snprintf(bench->watched.instances[0].id, INSTANCE_ID_SIZE, OTHER_ID);
    bench->watched.is_fresh[0] = true;
}

/* ---- claiming -------------------------------------------------------------------------------- */

static void a_home_is_told_of_when_rooms_can_be_opened_in_it(void **state)
{
    struct bench *bench = *state;
    until_claimed(bench);
    answer(bench, 1);
    assert_int_equal(home_in_record(bench), '\0');
    slot_machine_opened(&bench->machine, A); /* before it was loaded: means nothing */
    assert_int_equal(phase(bench), SLOT_LOADING);
    slot_machine_loaded(&bench->machine, A, true);
    slot_machine_opened(&bench->machine, A);
    plan(bench);
    answer(bench, 1);
    assert_false(has(bench, SLOT_TURN_EXTEND)); /* it has not stood yet */
    assert_int_equal(home_in_record(bench), '\0');
    for (int i = 0; i < 3; i++) {
        plan(bench);
        answer(bench, 1);
    }
    assert_true(has(bench, SLOT_TURN_EXTEND));
    assert_int_equal(home_in_record(bench), 'A');
    bench->now += 1700;
    assert_int_equal(home_in_record(bench), '\0');
}

static void a_claim_without_an_answer_is_told_by_the_next_renewal(void **state)
{
    struct bench *bench = *state;
    until_claimed(bench);
    char claim[CLAIM_SIZE];
    memcpy(claim, op(bench, SLOT_OP_CLAIM)->claim, sizeof claim);
    plan(bench); /* the round before failed */
    assert_null(op(bench, SLOT_OP_CLAIM));
    assert_string_equal(op(bench, SLOT_OP_RENEW)->claim, claim);
    answer(bench, SLOT_RENEWAL_KEPT);
    assert_true(has(bench, SLOT_TURN_SET) && has(bench, SLOT_TURN_LOAD));
    assert_int_equal(bench->machine.view.home, A);
}

static void and_when_it_was_not_done_nobody_hears_of_it(void **state)
{
    struct bench *bench = *state;
    until_claimed(bench);
    plan(bench);
    answer(bench, SLOT_RENEWAL_LOST);
    assert_int_equal(bench->turns.count, 0);
    assert_int_equal(phase(bench), SLOT_FREE);
    assert_int_equal(bench->machine.lost, 0);
}

static void rooms_that_cannot_be_read_are_left_to_others(void **state)
{
    struct bench *bench = *state;
    until_claimed(bench);
    answer(bench, 1);
    slot_machine_loaded(&bench->machine, A, false);
    plan(bench);
    assert_true(op(bench, SLOT_OP_RELEASE)->is_forced);
    answer(bench, 1);
    assert_false(has(bench, SLOT_TURN_RELEASED)); /* the loop never had it */
    assert_int_equal(phase(bench), SLOT_FREE);
    assert_int_equal(bench->machine.view.home, -1);
}

static void who_drains_claims_nothing(void **state)
{
    struct bench *bench = *state;
    slot_machine_drain(&bench->machine, true);
    for (int i = 0; i < 50; i++) {
        plan(bench);
        assert_int_equal(bench->plan.count, 0);
        answer(bench, 1);
    }
    slot_machine_drain(&bench->machine, false);
    plan(bench);
    assert_non_null(op(bench, SLOT_OP_CLAIM));
}

/* ---- losing ------------------------------------------------------------------------------------ */

static void a_slot_that_is_anothers_is_dropped(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    plan(bench);
    answer(bench, SLOT_RENEWAL_LOST);
    assert_true(has(bench, SLOT_TURN_CLEAR) && has(bench, SLOT_TURN_DROP));
    assert_int_equal(phase(bench), SLOT_FREE);
    assert_int_equal(bench->machine.view.home, -1);
}

static void what_redis_forgot_is_asked_for_by_name_only_when_all_is_quiet(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    snprintf(bench->watched.slots[A].last, CLAIM_SIZE, "x"); /* what is forgotten has moved */
    plan(bench);
    answer(bench, 1);
    bench->watched.slots[A].last[0] = '\0';
    plan(bench);
    answer(bench, SLOT_RENEWAL_FORGOTTEN);
    assert_true(has(bench, SLOT_TURN_SUSPEND));
    plan(bench);
    assert_false(op(bench, SLOT_OP_RENEW)->may_set_nameless);
    answer(bench, SLOT_RENEWAL_FORGOTTEN);
    int rounds = 0;
    for (plan(bench); !op(bench, SLOT_OP_RENEW)->may_set_nameless; plan(bench)) {
        answer(bench, SLOT_RENEWAL_FORGOTTEN);
        assert_true(++rounds < 40);
    }
    assert_in_range(rounds, 24, 27); /* 2.5 s */
    answer(bench, SLOT_RENEWAL_RESET);
    assert_true(has(bench, SLOT_TURN_REWRITE));
}

static void an_answer_that_does_not_come_says_nothing(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    plan(bench);
    answer(bench, SLOT_NO_ANSWER);
    assert_int_equal(bench->turns.count, 0);
    assert_int_equal(phase(bench), SLOT_OWNED);
}

static void a_loop_that_does_not_turn_is_not_renewed_for(void **state)
{
    struct bench *bench = *state;
    struct instance_record record;
    own_a_home(bench);
    slot_machine_plan(&bench->machine, false, bench->now + ROUND, &bench->plan, &bench->turns);
    assert_int_equal(bench->plan.count, 0);
    slot_machine_record(&bench->machine, bench->now + SLOT_LISTED_MS, &record);
    assert_string_not_equal(record.slots[A].claim, "");
    slot_machine_record(&bench->machine, bench->now + SLOT_LISTED_MS + 1, &record);
    assert_string_equal(record.slots[A].claim, "");
}

/* ---- giving away --------------------------------------------------------------------------------- */

static void a_handover_without_an_answer_is_asked_again_word_for_word(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    put_other(bench);
    slot_machine_drain(&bench->machine, true);
    plan(bench);
    answer(bench, 1);
    slot_machine_hand_over(&bench->machine, A, 10, bench->now);
    plan(bench);
    const struct slot_op first = *op(bench, SLOT_OP_HAND);
    assert_true(bench->plan.suspended[A]);
    assert_null(op(bench, SLOT_OP_RENEW));
    assert_string_equal(first.to_id, OTHER_ID);
    bench->watched.is_fresh[0] =
        false; /* he may be dead by now: it may have been done all the same */
    plan(bench);
    assert_memory_equal(op(bench, SLOT_OP_HAND), &first, sizeof first);
    memcpy(bench->watched.slots[A].to_claim, first.new_claim, CLAIM_SIZE);
    answer(bench, -1); /* it had been done, or it is another's: in no case ours */
    assert_true(has(bench, SLOT_TURN_CLEAR));
    assert_int_equal(phase(bench), SLOT_HANDED);
}

static void clients_are_sent_away_when_the_successor_has_loaded(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    put_other(bench);
    slot_machine_drain(&bench->machine, true);
    plan(bench);
    answer(bench, 1);
    slot_machine_hand_over(&bench->machine, A, 10, bench->now);
    plan(bench);
    struct watched_slot *seen = &bench->watched.slots[A];
    snprintf(seen->to_id, sizeof seen->to_id, OTHER_ID);
    memcpy(seen->to_claim, op(bench, SLOT_OP_HAND)->new_claim, CLAIM_SIZE);
    answer(bench, 1);
    assert_false(has(bench, SLOT_TURN_DROP));
    plan(bench);
    assert_int_equal(bench->plan.count, 0);
    seen->to_claim[0] = seen->to_id[0] = '\0';
    answer(bench, 1);
    assert_true(has(bench, SLOT_TURN_DROP));
    assert_int_equal(phase(bench), SLOT_FREE);
    assert_int_equal(bench->machine.handed, 1);
}

static void or_when_he_takes_too_long(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    put_other(bench);
    slot_machine_drain(&bench->machine, true);
    plan(bench);
    answer(bench, 1);
    slot_machine_hand_over(&bench->machine, A, 10, bench->now);
    plan(bench);
    memcpy(bench->watched.slots[A].to_claim, op(bench, SLOT_OP_HAND)->new_claim, CLAIM_SIZE);
    answer(bench, 1);
    bench->turns.count = 0;
    slot_machine_expire(&bench->machine, bench->now + SLOT_HANDED_MS, &bench->turns);
    assert_int_equal(bench->turns.count, 0);
    slot_machine_expire(&bench->machine, bench->now + SLOT_HANDED_MS + 2, &bench->turns);
    assert_true(has(bench, SLOT_TURN_DROP));
}

static void what_nobody_can_take_is_kept(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    slot_machine_hand_over(&bench->machine, A, 10, bench->now);
    plan(bench);
    assert_true(has(bench, SLOT_TURN_NOT_HANDED));
    assert_non_null(op(bench, SLOT_OP_RENEW));
    assert_int_equal(phase(bench), SLOT_OWNED);
    /* Nor is it waited for a Redis that is away. */
    bench->turns.count = 0;
    slot_machine_hand_over(&bench->machine, A, 10, bench->now);
    slot_machine_expire(&bench->machine, bench->now + SLOT_HANDING_MS + 1, &bench->turns);
    assert_true(has(bench, SLOT_TURN_NOT_HANDED));
}

static void a_release_without_an_answer_is_asked_again(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    slot_machine_release(&bench->machine, A);
    plan(bench);
    assert_true(bench->plan.suspended[A] && !op(bench, SLOT_OP_RELEASE)->is_forced);
    plan(bench);
    assert_non_null(op(bench, SLOT_OP_RELEASE));
    assert_null(op(bench, SLOT_OP_RENEW));
    answer(bench, 0);
    assert_true(has(bench, SLOT_TURN_REFUSED));
    plan(bench);
    assert_non_null(op(bench, SLOT_OP_RENEW));
    answer(bench, 1);
    assert_true(has(bench, SLOT_TURN_EXTEND));
}

/* ---- refused -------------------------------------------------------------------------------------- */

/* An error of Redis is an answer: it was not done. */
static void a_handover_that_redis_refuses_was_not_done(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    put_other(bench);
    slot_machine_drain(&bench->machine, true);
    plan(bench);
    answer(bench, 1);
    slot_machine_hand_over(&bench->machine, A, 10, bench->now);
    plan(bench);
    answer(bench, SLOT_REFUSED);
    assert_true(has(bench, SLOT_TURN_NOT_HANDED));
    assert_int_equal(phase(bench), SLOT_OWNED);
    /* But nobody knows that of one that was sent before. */
    slot_machine_hand_over(&bench->machine, A, 10, bench->now);
    plan(bench);
    plan(bench);
    answer(bench, SLOT_REFUSED);
    assert_false(has(bench, SLOT_TURN_NOT_HANDED));
    assert_int_equal(phase(bench), SLOT_HANDING);
}

static void so_were_a_claim_a_release_and_a_renewal_not(void **state)
{
    struct bench *bench = *state;
    until_claimed(bench);
    answer(bench, SLOT_REFUSED);
    assert_int_equal(phase(bench), SLOT_FREE);
    own_a_home(bench);
    slot_machine_release(&bench->machine, A);
    plan(bench);
    answer(bench, SLOT_REFUSED);
    assert_true(has(bench, SLOT_TURN_REFUSED));
    plan(bench);
    assert_non_null(op(bench, SLOT_OP_RENEW));
    answer(bench, SLOT_REFUSED);
    assert_int_equal(bench->turns.count, 0);
    assert_int_equal(phase(bench), SLOT_OWNED);
}

static void a_slot_is_not_taken_again_before_it_is_forgotten(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    plan(bench);
    answer(bench, SLOT_RENEWAL_LOST);
    assert_true(has(bench, SLOT_TURN_DROP));
    for (int i = 0; i < 40; i++) {
        plan(bench);
        assert_null(op(bench, SLOT_OP_CLAIM));
        answer(bench, 1);
    }
    slot_machine_forgotten(&bench->machine, A);
    plan(bench);
    assert_int_equal(op(bench, SLOT_OP_CLAIM)->slot, A);
}

/* ---- getting --------------------------------------------------------------------------------------- */

static void a_given_slot_is_told_to_be_loaded_when_we_can_be_found(void **state)
{
    struct bench *bench = *state;
    struct watched_slot *seen = &bench->watched.slots[A];
    struct instance_record record;
    slot_machine_drain(&bench->machine, true);
    snprintf(seen->to_id, sizeof seen->to_id, MY_ID);
    snprintf(seen->to_claim, sizeof seen->to_claim, GIVEN);
    snprintf(seen->claim, sizeof seen->claim, "another's by now");
    plan(bench);
    answer(bench, 1);
    assert_int_equal(phase(bench), SLOT_FREE);
    snprintf(seen->claim, sizeof seen->claim, GIVEN);
    plan(bench);
    answer(bench, 1);
    assert_true(has(bench, SLOT_TURN_SET) && has(bench, SLOT_TURN_LOAD));
    slot_machine_loaded(&bench->machine, A, true);
    slot_machine_opened(&bench->machine, A);
    slot_machine_plan(&bench->machine, false, bench->now, &bench->plan, &bench->turns);
    assert_null(op(bench, SLOT_OP_LOADED)); /* our record does not name it yet */
    answer(bench, 1);
    plan(bench);
    assert_non_null(op(bench, SLOT_OP_LOADED));
    slot_machine_record(&bench->machine, bench->now, &record);
    assert_string_equal(record.slots[A].claim, GIVEN);
    answer(bench, 1);
    assert_true(has(bench, SLOT_TURN_EXTEND)); /* at once: the giver has it no more */
    plan(bench);
    assert_null(op(bench, SLOT_OP_LOADED));
}

static void at_the_end_all_is_released_whatever_is_in_it(void **state)
{
    struct bench *bench = *state;
    own_a_home(bench);
    slot_machine_leave(&bench->machine, &bench->plan);
    assert_int_equal(bench->plan.count, 1);
    assert_true(op(bench, SLOT_OP_RELEASE)->is_forced);
}

int main(void)
{
#define ON_A_BENCH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        ON_A_BENCH(a_home_is_told_of_when_rooms_can_be_opened_in_it),
        ON_A_BENCH(a_claim_without_an_answer_is_told_by_the_next_renewal),
        ON_A_BENCH(and_when_it_was_not_done_nobody_hears_of_it),
        ON_A_BENCH(rooms_that_cannot_be_read_are_left_to_others),
        ON_A_BENCH(who_drains_claims_nothing),
        ON_A_BENCH(a_slot_that_is_anothers_is_dropped),
        ON_A_BENCH(what_redis_forgot_is_asked_for_by_name_only_when_all_is_quiet),
        ON_A_BENCH(an_answer_that_does_not_come_says_nothing),
        ON_A_BENCH(a_loop_that_does_not_turn_is_not_renewed_for),
        ON_A_BENCH(a_handover_without_an_answer_is_asked_again_word_for_word),
        ON_A_BENCH(clients_are_sent_away_when_the_successor_has_loaded),
        ON_A_BENCH(or_when_he_takes_too_long),
        ON_A_BENCH(what_nobody_can_take_is_kept),
        ON_A_BENCH(a_release_without_an_answer_is_asked_again),
        ON_A_BENCH(a_handover_that_redis_refuses_was_not_done),
        ON_A_BENCH(so_were_a_claim_a_release_and_a_renewal_not),
        ON_A_BENCH(a_slot_is_not_taken_again_before_it_is_forgotten),
        ON_A_BENCH(a_given_slot_is_told_to_be_loaded_when_we_can_be_found),
        ON_A_BENCH(at_the_end_all_is_released_whatever_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
