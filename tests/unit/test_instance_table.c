/*
 * Unit tests of api-fcgi/instance_table: who owns a slot, and whom a new room or somebody who looks for
 * an opponent is sent to.
 */
#include "api-fcgi/instance_table.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct instance_table table;

static struct instance_view *add(int load, int waiting)
{
    struct instance_view *view = &table.view[table.count];

    *view = (struct instance_view){.load = load,
                                   .waiting = waiting,
                                   .slots = UINT32_C(1) << table.count,
                                   .is_fresh = true,
                                   .is_known = true,
                                   .has_home = true};
    table.count++;
    return view;
}

static int begin(void **state)
{
    (void)state;
    memset(&table, 0, sizeof table);
    return 0;
}

/* Who is picked how often, over all pairs of random numbers. */
static void pick_all(int not_this, int picked[INSTANCE_TABLE_MAX])
{
    memset(picked, 0, INSTANCE_TABLE_MAX * sizeof picked[0]);
    for (uint32_t a = 0; a < 60; a++)
        for (uint32_t b = 0; b < 60; b++)
            picked[instance_table_for_create(&table, not_this, a, b)]++;
}

static void test_nobody_is_there(void **state)
{
    (void)state;
    assert_int_equal(instance_table_for_create(&table, -1, 0, 0), -1);
    assert_int_equal(instance_table_for_quick(&table, -1, 0, 0), -1);
    assert_int_equal(instance_table_owner(&table, 0), -1);
    add(0, 0);
    assert_int_equal(instance_table_for_create(&table, 0, 7, 7), -1);
    assert_int_equal(instance_table_for_quick(&table, 0, 7, 7), -1);
    assert_int_equal(instance_table_for_create(&table, -1, UINT32_MAX, UINT32_MAX), 0);
}

static void test_of_two_the_less_loaded_opens_the_room(void **state)
{
    (void)state;
    int picked[INSTANCE_TABLE_MAX];
    add(50, 0);
    add(10, 0);
    pick_all(-1, picked);
    assert_int_equal(picked[1], 3600); /* two are two */
    add(30, 0);
    add(70, 0);
    pick_all(-1, picked);
    /* of the twelve ordered pairs six have the least, four of the rest the second, two the third */
    assert_int_equal(picked[1], 1800);
    assert_int_equal(picked[2], 1200);
    assert_int_equal(picked[0], 600);
    assert_int_equal(picked[3], 0); /* never the most loaded */
}

static void test_equals_share(void **state)
{
    (void)state;
    int picked[INSTANCE_TABLE_MAX];
    for (int i = 0; i < 4; i++)
        add(5, 0);
    pick_all(-1, picked);
    for (int i = 0; i < 4; i++)
        assert_int_equal(picked[i], 900);
}

static void test_who_takes_no_rooms_gets_none(void **state)
{
    (void)state;
    int picked[INSTANCE_TABLE_MAX];
    add(0, 0)->draining = true;
    add(0, 0)->is_fresh = false;
    add(0, 0)->has_home = false;
    add(900, 0);
    add(901, 0);
    pick_all(-1, picked);
    assert_int_equal(picked[3], 3600);
    pick_all(3, picked);
    assert_int_equal(picked[4], 3600);
    assert_int_equal(instance_table_for_quick(&table, -1, 0, 0), 3);
    assert_int_equal(instance_table_for_quick(&table, 3, 0, 0), 4);
}

static void test_where_nobody_takes_rooms_somebody_says_so(void **state)
{
    (void)state;
    int picked[INSTANCE_TABLE_MAX];
    add(0, 0)->is_fresh = false;
    add(3, 9)->draining = true;
    add(2, 9)->has_home = false;
    pick_all(-1, picked);
    assert_int_equal(picked[0], 0);
    assert_int_equal(picked[1] + picked[2], 3600);
    assert_true(instance_table_for_quick(&table, -1, 0, 0) > 0);
    table.view[1].is_fresh = table.view[2].is_fresh = false;
    assert_true(instance_table_for_create(&table, -1, 0, 0) >= 0);
}

static void test_opponents_are_looked_for_where_most_wait(void **state)
{
    (void)state;
    add(0, 0);
    add(5000, 1);
    add(9000, 3);
    add(9000, 9)->draining = true;
    for (uint32_t random = 0; random < 8; random++)
        assert_int_equal(instance_table_for_quick(&table, -1, random, random * 7), 2);
    assert_int_equal(instance_table_for_quick(&table, 2, 0, 0), 1);
}

static void test_where_nobody_waits_they_all_go_to_one_place(void **state)
{
    (void)state;
    add(301, 0); /* too loaded: over 2 * 100 + 100 */
    add(300, 0);
    add(100, 0);
    for (uint32_t random = 0; random < 8; random++)
        assert_int_equal(instance_table_for_quick(&table, -1, random, random * 7), 1);
    table.view[1].load = 301;
    assert_int_equal(instance_table_for_quick(&table, -1, 0, 0), 2);
    for (size_t i = 0; i < table.count; i++)
        table.view[i].load = INT_MAX;
    assert_int_equal(instance_table_for_quick(&table, -1, 0, 0), 0);
}

static void test_owners(void **state)
{
    (void)state;
    int slot = -1;
    add(0, 0);
    add(0, 0)->slots = UINT32_C(1) << 31 | UINT32_C(1) << 4;
    assert_int_equal(instance_table_owner(&table, 0), 0);
    assert_int_equal(instance_table_owner(&table, 31), 1);
    assert_int_equal(instance_table_owner(&table, 4), 1);
    assert_int_equal(instance_table_owner(&table, 5), -1);
    assert_false(instance_table_collides(&table, &slot));
    add(0, 0)->slots = UINT32_C(1) << 31;
    assert_true(instance_table_collides(&table, &slot));
    assert_int_equal(slot, 31);
    assert_int_equal(instance_table_owner(&table, 31), 1); /* the first of them */
}

static void test_two_at_one_address_are_told(void **state)
{
    struct instance_view *view[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        view[i] = add(0, 0);
        snprintf(view[i]->ipc, sizeof view[i]->ipc, "ipc:///run/%d", i);
    }
    assert_int_equal(instance_table_twin(&table),
                     -1); /* that they say nothing of WebSockets is no address */
    snprintf(view[0]->ws, sizeof view[0]->ws, "unix:/run/a");
    snprintf(view[2]->ws, sizeof view[2]->ws, "unix:/run/a");
    assert_int_equal(instance_table_twin(&table), 2);
    view[0]->is_fresh = false; /* it was started again */
    assert_int_equal(instance_table_twin(&table), -1);
    snprintf(view[1]->ipc, sizeof view[1]->ipc, "%s", view[2]->ipc);
    assert_int_equal(instance_table_twin(&table), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nobody_is_there, begin),
        cmocka_unit_test_setup(test_of_two_the_less_loaded_opens_the_room, begin),
        cmocka_unit_test_setup(test_equals_share, begin),
        cmocka_unit_test_setup(test_who_takes_no_rooms_gets_none, begin),
        cmocka_unit_test_setup(test_where_nobody_takes_rooms_somebody_says_so, begin),
        cmocka_unit_test_setup(test_opponents_are_looked_for_where_most_wait, begin),
        cmocka_unit_test_setup(test_where_nobody_waits_they_all_go_to_one_place, begin),
        cmocka_unit_test_setup(test_owners, begin),
        cmocka_unit_test_setup(test_two_at_one_address_are_told, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
