/* Unit tests of gamed/metrics_report: the largest report fits the IPC with room to spare, every
 * family is there once, and numbers come out under their names. */
#include "gamed/metrics_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/ipc_message.h"

static struct game_manager_config limits;
static struct metrics_sample sample;

static json_t *write_report(void)
{
    json_t *reply = ipc_reply_ok();

    assert_true(metrics_report_write(&sample, reply));
    return reply;
}

static int start(void **state)
{
    (void)state;
    memset(&limits, 0, sizeof limits);
    memset(&sample, 0, sizeof sample);
    sample.slot = 'Z';
    sample.version = "1.2.3";
    sample.limits = &limits;
    return 0;
}

static void fill(struct histogram *histogram)
{
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
        histogram->counts[i] = INT64_MAX;
    histogram->sum_ns = 1234567890123456789u;
}

/* Every number as long as it can be, and every operation asked for. */
static void the_largest_report_fits(void **state)
{
    static char text[IPC_MESSAGE_MAX];
    json_t *reply;
    long length;

    (void)state;
    memset(&sample.manager, 0x7f, sizeof sample.manager);
    memset(&sample.consumer, 0x7f, sizeof sample.consumer);
    memset(&sample.results, 0x7f, sizeof sample.results);
    memset(&sample.rooms, 0x7f, sizeof sample.rooms);
    memset(&sample.store, 0x7f, sizeof sample.store);
    memset(&sample.loop, 0x7f, sizeof sample.loop);
    sample.results.store_broken = sample.rooms.store_broken = sample.manager.draining = true;
    sample.process = (struct process_stats){12345678.123456789, INT64_MAX, INT64_MAX,
                                            INT64_MAX,          INT64_MAX, 1234567890.123456789};
    sample.ipc.malformed = INT64_MAX;
    sample.instance = "0123456789abcdef0123456789abcdef";
    sample.keeper = (struct slot_keeper_stats){.reconnects = INT64_MAX,
                                               .claims = INT64_MAX,
                                               .lost = INT64_MAX,
                                               .handed = INT64_MAX,
                                               .released = INT64_MAX};
    sample.slots.unrestored = sample.stale_batches = INT64_MAX;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        sample.slots.slots[slot] = SLOT_OWNER_HANDING;
    fill(&sample.keeper.rounds);
    for (int op = 0; op < IPC_OP_COUNT; op++)
        fill(&sample.ipc.handling[op]);
    fill(&sample.manager.lateness);
    fill(&sample.results.attempts);
    reply = write_report();
    length = ipc_reply_encode(reply, text, sizeof text);
    assert_in_range(length, 10000, IPC_MESSAGE_MAX / 2);
    json_decref(reply);
}

static json_t *find(json_t *reply, const char *name)
{
    json_t *family, *found = NULL;
    size_t i;

    json_array_foreach(
        json_object_get(reply, "families"), i,
        family) if (strcmp(json_string_value(json_object_get(family, "name")), name) == 0)
    {
        assert_null(found);
        found = family;
    }
    return found;
}

static void every_family_is_there_once_and_whole(void **state)
{
    json_t *reply = write_report();
    json_t *family;
    size_t i;

    (void)state;
    assert_string_equal(json_string_value(json_object_get(reply, "slot")), "Z");
    json_array_foreach(json_object_get(reply, "families"), i, family)
    {
        const char *name = json_string_value(json_object_get(family, "name"));
        const char *type = json_string_value(json_object_get(family, "type"));
        size_t length = strlen(name);
        int is_total = length > 6 && strcmp(name + length - 6, "_total") == 0;

        assert_ptr_equal(find(reply, name), family);
        assert_true(json_string_length(json_object_get(family, "help")) > 0);
        assert_int_equal(is_total, strcmp(type, "counter") == 0);
    }
    assert_true(i > 30);
    json_decref(reply);
}

static json_int_t of_limit(const json_t *samples, const char *limit)
{
    const json_t *one;
    size_t i;

    json_array_foreach(samples, i, one)
    {
        const json_t *labels = json_object_get(one, "labels");
        if (strcmp(json_string_value(json_object_get(labels, "limit")), limit) == 0)
            return json_integer_value(json_object_get(one, "value"));
    }
    return -1;
}

static void numbers_come_out_under_their_names(void **state)
{
    json_t *reply;
    json_t *samples;

    (void)state;
    sample.manager.rooms_ongoing = 7;
    sample.manager.limits[GAME_LIMIT_CONNECTIONS] = 2;
    sample.consumer.limits[GAME_CONSUMER_FLOOD] = 3;
    sample.results.oldest_pending_ms = 1500;
    sample.rooms.last_commit_age_ms = -1;
    sample.loop.busy_ns = 2500000000u;
    reply = write_report();
    samples = json_object_get(find(reply, "pong_rooms"), "samples");
    assert_int_equal(json_array_size(samples), 3);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(json_array_get(samples, 1), "labels"), "state")),
                        "ongoing");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(samples, 1), "value")), 7);
    samples = json_object_get(find(reply, "pong_limits_hit_total"), "samples");
    assert_int_equal(of_limit(samples, "max_connections"), 2);
    assert_int_equal(of_limit(samples, "flood"), 3);
    assert_int_equal(of_limit(samples, "rooms_per_user"), 0);
    samples = json_object_get(find(reply, "pong_loop_busy_seconds_total"), "samples");
    assert_true(json_real_value(json_object_get(json_array_get(samples, 0), "value")) == 2.5);
    samples = json_object_get(find(reply, "pong_results_oldest_pending_seconds"), "samples");
    assert_true(json_real_value(json_object_get(json_array_get(samples, 0), "value")) == 1.5);
    assert_null(find(reply, "pong_checkpoint_last_commit_age_seconds"));
    json_decref(reply);
}

static void slots_are_told_of_where_there_are_several_processes(void **state)
{
    json_t *reply, *samples;

    (void)state;
    reply = write_report();
    assert_null(find(reply, "pong_slot_state"));
    assert_null(find(reply, "pong_redis_up"));
    assert_null(json_object_get(reply, "instance"));
    json_decref(reply);

    sample.instance = "0123456789abcdef0123456789abcdef";
    sample.slots.slots[10] = SLOT_OWNER_FROZEN;
    sample.manager.rooms_frozen = 5;
    sample.keeper.lost = 3;
    reply = write_report();
    assert_string_equal(json_string_value(json_object_get(reply, "instance")), sample.instance);
    samples = json_object_get(find(reply, "pong_slot_state"), "samples");
    assert_int_equal(json_array_size(samples), 1);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(json_array_get(samples, 0), "labels"), "slot")),
                        "A");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(json_array_get(samples, 0), "labels"), "state")),
                        "frozen");
    samples = json_object_get(find(reply, "pong_rooms_frozen"), "samples");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(samples, 0), "value")), 5);
    samples = json_object_get(find(reply, "pong_slots_lost_total"), "samples");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(samples, 0), "value")), 3);
    json_decref(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_largest_report_fits, start),
        cmocka_unit_test_setup(every_family_is_there_once_and_whole, start),
        cmocka_unit_test_setup(numbers_come_out_under_their_names, start),
        cmocka_unit_test_setup(slots_are_told_of_where_there_are_several_processes, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
