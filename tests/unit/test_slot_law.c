/*
 * The law of the slots: no slot is ever valid in two processes, whatever Redis forgets and whoever is
 * stopped, cut off, killed or asked to give a slot away. Random worlds, each the same for its seed; and
 * that somebody has the slots when nothing is wrong.
 */
#include "tests/unit/slot_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    SEEDS = 10,
    STEPS = 100000, /* ms, of each */
    SLOTS_USED = 4
};

static int used_slot(struct world *world)
{
    return (int)world_random(world, SLOTS_USED);
}

static void hurt_redis(struct world *world)
{
    const int slot = used_slot(world);
    switch (world_random(world, 24)) {
    case 0: /* everything is gone */
        memset(&world->redis, 0, sizeof world->redis);
        break;
    case 1: /* it is killed; what it has lost, it never had */
    case 2:
        world_restart_redis(world, (int64_t)world_random(world, 980));
        world->stalled_until_ms = world->now_ms + (int64_t)world_random(world, 2000);
        break;
    case 3:
        world->stalled_until_ms = world->now_ms + (int64_t)world_random(world, 4000);
        break;
    case 5:
        world->redis.slots[slot].leftovers = (long long)world_random(world, 2);
        break;
    case 6:
    case 7: /* a lease and whose it was */
        world->redis.slots[slot].last[0] = '\0';
        world->redis.slots[slot].ends_ms = 0;
        break;
    default: /* a lease */
        world->redis.slots[slot].ends_ms = 0;
        break;
    }
}

static void hurt_process(struct world *world)
{
    const int number = (int)world_random(world, WORLD_PROCESSES);
    struct world_process *process = &world->processes[number];
    switch (world_random(world, 10)) {
    case 0:
        world_kill(world, number);
        break;
    case 1:
    case 2:
    case 3:
        process->stopped_until_ms = world->now_ms + (int64_t)world_random(world, 5000);
        break;
    case 4:
    case 5:
        process->cut_until_ms = world->now_ms + (int64_t)world_random(world, 5000);
        process->round.is_lost |= world_random(world, 2) == 0;
        break;
    case 6:
        slot_machine_release(&process->machine, used_slot(world));
        break;
    case 7:
        slot_machine_drain(&process->machine, world_random(world, 3) == 0);
        break;
    default:
        slot_machine_hand_over(&process->machine, used_slot(world), 10, world->now_ms);
        break;
    }
}

/* What is worst: an owner is stopped until just about when another may claim, that one is stopped, too, or
 * takes his time, and Redis loses the lease, or its last second, at the same moment. */
struct conspiracy {
    int slot;
    int64_t strikes_ms; /* 0: none is under way */
    bool is_restart;
};

static void conspire(struct world *world, struct conspiracy *plot)
{
    const int owner = world_owner(world, plot->slot);
    if (plot->strikes_ms == 0) {
        plot->slot = used_slot(world);
        plot->strikes_ms = world->now_ms + 1000;
        plot->is_restart = world_random(world, 2) == 0;
        if (world_owner(world, plot->slot) < 0)
            return;
        struct world_process *victim = &world->processes[world_owner(world, plot->slot)];
        plot->strikes_ms = world->now_ms + 1800 + (int64_t)world_random(world, 1700);
        victim->stopped_until_ms = plot->strikes_ms - 200 + (int64_t)world_random(world, 500);
        if (world_random(world, 2) == 0)
            victim->stopped_until_ms = world->now_ms + 1500 + (int64_t)world_random(world, 450);
    } else if (world->now_ms >= plot->strikes_ms) {
        struct world_process *other = &world->processes[world_random(world, WORLD_PROCESSES)];
        if (world_random(world, 2) == 0)
            other->stopped_until_ms = world->now_ms + (int64_t)world_random(world, 1500);
        if (plot->is_restart)
            world_restart_redis(world, (int64_t)world_random(world, 980));
        else if (world_random(world, 3) == 0)
            memset(&world->redis, 0, sizeof world->redis);
        else
            world->redis.slots[plot->slot].ends_ms = 0;
        plot->strikes_ms = owner >= 0 || world_random(world, 4) == 0
                               ? 0
                               : world->now_ms + 1 + (int64_t)world_random(world, 300);
    }
}

static void hurt(struct world *world, struct conspiracy *plot)
{
    if (world_random(world, 3000) == 0)
        hurt_redis(world);
    if (world_random(world, 4000) == 0)
        hurt_process(world);
    if (plot->strikes_ms != 0 || world_random(world, 4000) == 0)
        conspire(world, plot);
    if (world_random(world, 4000) == 0) {
        const int number = (int)world_random(world, WORLD_PROCESSES);
        if (!world->processes[number].is_alive)
            world_start(world, number);
    }
}

static struct world *start_all(uint64_t seed, const struct slot_rules *rules)
{
    struct world *world = world_new(seed, rules);
    assert_non_null(world);
    for (int i = 0; i < WORLD_PROCESSES; i++)
        world_start(world, i);
    for (int i = 0; i < SLOTS_USED; i++)
        world->redis.slots[i].leftovers = 1;
    return world;
}

static void no_slot_is_ever_valid_in_two_processes(void **state)
{
    (void)state;
    uint64_t claims = 0, drops = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct slot_rules rules = slot_rules_of(seed % 3 == 0 ? SLOT_LIFE_MIN_MS : 2000);
        struct world *world = start_all(seed, &rules);
        int64_t bad_at_ms = 0;
        struct conspiracy plot = {.strikes_ms = 0};
        world->is_rough = true;
        for (int i = 0; i < STEPS; i++) {
            hurt(world, &plot);
            world_step(world);
            if (world->both_valid != 0 && bad_at_ms == 0)
                bad_at_ms = world->now_ms;
        }
        if (bad_at_ms)
            print_error("seed %d: two had a slot at %d\n", (int)seed, (int)bad_at_ms);
        assert_int_equal(world->both_valid, 0);
        claims += world->claims;
        drops += world->drops;
        world_free(world);
    }
    assert_true(claims > 5 * SEEDS && drops > SEEDS);
}

/* The world is hard enough: a law that is a little weaker is broken in it. */
static void weaker_rules_are_found_out(void **state)
{
    (void)state;
    struct slot_rules weak = slot_rules_of(2000);
    weak.margin_ms = -1500;
    uint64_t both_valid = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *world = start_all(seed, &weak);
        struct conspiracy plot = {.strikes_ms = 0};
        for (int i = 0; i < STEPS; i++) {
            hurt(world, &plot);
            world_step(world);
        }
        both_valid += world->both_valid;
        world_free(world);
    }
    assert_true(both_valid > 0);
}

static void every_slot_with_something_in_it_gets_an_owner(void **state)
{
    (void)state;
    const struct slot_rules rules = slot_rules_of(2000);
    struct world *world = start_all(1, &rules);
    world_run(world, 6000);
    for (int i = 0; i < SLOTS_USED; i++)
        assert_true(world_owner(world, i) >= 0);
    /* One is killed: its slots are others' within five seconds. */
    const int victim = world_owner(world, 0);
    world_kill(world, victim);
    world_run(world, 4000);
    for (int i = 0; i < SLOTS_USED; i++)
        assert_true(world_owner(world, i) >= 0);
    assert_int_equal(world->both_valid, 0);
    world_free(world);
}

/* A stall that is shorter than what a lease is used for is not noticed by anybody. */
static void a_short_stall_of_redis_costs_nothing(void **state)
{
    (void)state;
    const struct slot_rules rules = slot_rules_of(2000);
    struct world *world = start_all(3, &rules);
    world_run(world, 8000);
    const uint64_t drops = world->drops, claims = world->claims;
    for (int times = 0; times < 5; times++) {
        world->stalled_until_ms = world->now_ms + 1400;
        for (int i = 0; i < 3000; i++) {
            world_step(world);
            for (int slot = 0; slot < SLOTS_USED; slot++)
                assert_true(world_owner(world, slot) >= 0);
        }
    }
    assert_int_equal(world->drops, drops);
    assert_int_equal(world->claims, claims);
    world_free(world);
}

/* Redis forgets everything: those who had the slots have them again, and nobody else got them. */
static void after_a_loss_of_everything_owners_stay_owners(void **state)
{
    (void)state;
    const struct slot_rules rules = slot_rules_of(2000);
    struct world *world = start_all(4, &rules);
    int owners[SLOTS_USED];
    world_run(world, 8000);
    for (int i = 0; i < SLOTS_USED; i++)
        owners[i] = world_owner(world, i);
    const uint64_t drops = world->drops, resets = world->resets;
    memset(&world->redis, 0, sizeof world->redis);
    world_run(world, 5000);
    for (int i = 0; i < SLOTS_USED; i++)
        assert_int_equal(world_owner(world, i), owners[i]);
    assert_int_equal(world->drops, drops);
    assert_true(world->resets > resets);
    world_free(world);
}

static void a_handover_is_short(void **state)
{
    (void)state;
    const struct slot_rules rules = slot_rules_of(2000);
    struct world *world = start_all(5, &rules);
    world_run(world, 8000);
    const int giver = world_owner(world, 1);
    assert_true(giver >= 0);
    slot_machine_drain(&world->processes[giver].machine, true);
    slot_machine_hand_over(&world->processes[giver].machine, 1, 10, world->now_ms);
    int64_t without_ms = 0;
    for (int i = 0; i < 3000; i++) {
        world_step(world);
        without_ms += world_owner(world, 1) < 0;
    }
    assert_true(world_owner(world, 1) >= 0);
    assert_int_not_equal(world_owner(world, 1), giver);
    assert_in_range(without_ms, 1, 600);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_slot_is_ever_valid_in_two_processes),
        cmocka_unit_test(weaker_rules_are_found_out),
        cmocka_unit_test(every_slot_with_something_in_it_gets_an_owner),
        cmocka_unit_test(a_short_stall_of_redis_costs_nothing),
        cmocka_unit_test(after_a_loss_of_everything_owners_stay_owners),
        cmocka_unit_test(a_handover_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
