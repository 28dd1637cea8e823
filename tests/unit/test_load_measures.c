/*
 * What pong-load measures with: quantiles, lateness against a grid, deadlines; and what it reads bytes
 * with: frames, values of a JSON text.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bench/load/cadence.h"
#include "bench/load/frames.h"
#include "bench/load/latency.h"
#include "bench/load/moments.h"
#include "bench/load/pace.h"
#include "bench/load/scan.h"
#include "bench/load/speed.h"
#include "bench/load/timers.h"

#define NS_PER_MS INT64_C(1000000)
#define PERIOD_NS INT64_C(33333333)

/* ---- latency ------------------------------------------------------------------------------- */

static void a_quantile_is_right_to_a_few_percent(void **state)
{
    struct latency latency = {0};
    (void)state;
    for (int64_t us = 1; us <= 100000; us++)
        latency_note(&latency, us * 1000);
    static const double shares[] = {0.001, 0.1, 0.5, 0.99, 0.999};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        const double exact = shares[i] * 100;
        const double ms = latency_quantile_ms(&latency, shares[i]);
        if (ms < exact || ms > exact * 1.035 + 0.001)
            fail_msg("%g of the samples: %g ms instead of %g", shares[i], ms, exact);
    }
    assert_true(latency_quantile_ms(&latency, 1) == 100);
}

static void every_time_has_its_place(void **state)
{
    struct latency latency = {0};
    (void)state;
    assert_true(latency_quantile_ms(&latency, 0.99) == 0);
    latency_note(&latency, -5);
    assert_true(latency_quantile_ms(&latency, 1) == 0);
    latency_note(&latency, INT64_MAX);
    assert_int_equal(latency.count, 2);
    assert_int_equal(latency.counts[LATENCY_BUCKETS - 1], 1);
    struct latency sum = {0};
    latency_add(&sum, &latency);
    latency_add(&sum, &latency);
    assert_int_equal(sum.count, 4);
    assert_true(sum.max_ns == INT64_MAX);
}

/* ---- moments ------------------------------------------------------------------------------- */

static void moments_beside_a_theft_do_not_count(void **state)
{
    /* x: processors were taken. What came of the moments: c counts, - does not. */
    static const char *const cases[][2] = {
        {"......", "cccccc"},     {"..x.........", "c--------ccc"},
        {"x.......", "-------c"}, {".x...x.......", "------------c"},
        {"...x", "cc--"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t count = strlen(cases[i][0]);
        char counted[16];
        struct moments moments;
        size_t waiting = 0;
        memset(counted, '-', sizeof counted);
        counted[count] = '\0';
        moments_begin(&moments);
        for (size_t at = 0; at < count; at++) {
            const enum moments_verdict verdict = moments_end(&moments, cases[i][0][at] == 'x');
            if (verdict == MOMENTS_COUNT_LAST)
                counted[waiting] = 'c';
            if (verdict == MOMENTS_COUNT_LAST || verdict == MOMENTS_WAIT)
                waiting = at;
        }
        if (moments_finish(&moments))
            counted[waiting] = 'c';
        assert_string_equal(counted, cases[i][1]);
        assert_int_equal(moments.all, count);
        unsigned sum = 0;
        for (size_t at = 0; at < count; at++)
            sum += counted[at] == 'c';
        assert_int_equal(moments.counted, sum);
    }
}

static void what_was_taken_is_told(void **state)
{
    (void)state;
    const uint64_t first = moments_taken();
    assert_true(moments_taken() >= first);
}

static void what_came_before_a_measurement_keeps_moments_from_counting(void **state)
{
    struct moments moments;
    (void)state;
    moments_begin(&moments);
    moments_end(&moments, true);
    moments_restart(&moments);
    for (int i = 0; i < MOMENTS_AFTER; i++)
        assert_int_equal(moments_end(&moments, false), MOMENTS_SKIP);
    assert_int_equal(moments_end(&moments, false), MOMENTS_WAIT);
    assert_int_equal(moments.all, MOMENTS_AFTER + 1);
}

static void a_pace_is_of_the_moments_that_count(void **state)
{
    struct pace pace = {0};
    (void)state;
    assert_true(pace_rate(&pace, 0) == 0);
    pace_note(&pace, 50 * NS_PER_MS);
    pace_end(&pace, MOMENTS_WAIT);
    pace_note(&pace, 20 * NS_PER_MS);
    pace_end(&pace, MOMENTS_COUNT_LAST); /* the first */
    assert_true(fabs(pace_rate(&pace, 0) - 20) < 1e-9);
    pace_note(&pace, 900 * NS_PER_MS);
    pace_end(&pace, MOMENTS_DROP);
    pace_note(&pace, 30 * NS_PER_MS);
    pace_end(&pace, MOMENTS_WAIT);
    pace_finish(&pace, true);
    assert_true(fabs(pace_rate(&pace, 0) - 25) < 1e-9);
    pace_finish(&pace, false);
    assert_true(fabs(pace_rate(&pace, 20 * NS_PER_MS) - 20) < 1e-9); /* 2 in 100 ms */
}

static void a_processor_at_half_its_speed_is_slow(void **state)
{
    struct speed speed = {0};
    (void)state;
    speed_note(&speed, 3000); /* the first is the fastest yet */
    speed_note(&speed, 2000);
    speed_note(&speed, 3999);
    assert_false(speed.was_slow);
    speed_note(&speed, 4000);
    speed_note(&speed, 2000); /* it stays known */
    assert_true(speed.was_slow);
    speed.was_slow = false;
    speed_note(&speed, 2100);
    assert_false(speed.was_slow);
}

static void a_look_at_the_speed_takes_some_time(void **state)
{
    struct speed speed = {0};
    (void)state;
    speed_look(&speed);
    assert_in_range(speed.fastest_ns, 100, 1000 * NS_PER_MS);
}

/* ---- cadence ------------------------------------------------------------------------------- */

/* A connection whose grid is known: its updates came `phase_ns` after whole periods. */
static struct cadence learnt(int64_t phase_ns)
{
    struct cadence cadence = {0};
    for (int i = 0; i < 40; i++) /* every fifth is late by 20 ms */
        cadence_learn(&cadence, i * PERIOD_NS + phase_ns + (i % 5 == 0 ? 20 * NS_PER_MS : 0));
    cadence_settle(&cadence);
    return cadence;
}

static int64_t late_ms(struct cadence *cadence, int64_t slot, int64_t phase_ns, int64_t late)
{
    const int64_t at = slot * PERIOD_NS + phase_ns + late * NS_PER_MS;
    const struct cadence_sample sample = cadence_measure(cadence, at, true);
    assert_true(sample.late_ns >= 0);
    return (sample.late_ns + NS_PER_MS / 2) / NS_PER_MS;
}

static void lateness_is_that_against_the_grid(void **state)
{
    (void)state;
    for (int64_t phase = 0; phase < PERIOD_NS; phase += 777777) {
        struct cadence cadence = learnt(phase);
        for (int64_t i = 100; i < 110; i++) /* the earliest of them is the grid */
            late_ms(&cadence, i, phase, 0);
        assert_int_equal(late_ms(&cadence, 110, phase, 0), 0);
        assert_int_equal(late_ms(&cadence, 111, phase, 4), 4);
        assert_int_equal(late_ms(&cadence, 112, phase, 20), 20);
        assert_int_equal(late_ms(&cadence, 113, phase, 0), 0);
        /* Three were left out: nothing had changed. */
        assert_int_equal(late_ms(&cadence, 117, phase, 1), 1);
    }
}

static void updates_that_come_at_once_are_late_each_by_what_it_waited(void **state)
{
    const int64_t phase = 12 * NS_PER_MS;
    struct cadence cadence = learnt(phase);
    (void)state;
    for (int64_t i = 100; i < 110; i++)
        late_ms(&cadence, i, phase, 0);
    /* The server stood still for three periods, then sent them all. */
    assert_int_equal(late_ms(&cadence, 113, phase, 2), 2);
    assert_int_equal(late_ms(&cadence, 113, phase, 2), 35);
    assert_int_equal(late_ms(&cadence, 113, phase, 2), 69);
    assert_int_equal(late_ms(&cadence, 114, phase, 2), 2);
}

static void one_that_is_late_by_nearly_a_period_does_not_move_the_grid(void **state)
{
    const int64_t phase = 12 * NS_PER_MS;
    struct cadence cadence = learnt(phase);
    (void)state;
    for (int64_t i = 100; i < 110; i++)
        late_ms(&cadence, i, phase, 0);
    /* 27 ms late, which may as well be 6 ms early; and once more, but not on and on. */
    late_ms(&cadence, 110, phase, 27);
    late_ms(&cadence, 111, phase, 27);
    assert_int_equal(late_ms(&cadence, 113, phase, 0), 0);
    assert_int_equal(late_ms(&cadence, 114, phase, 3), 3);
    for (int64_t i = 115; i < 125; i++) /* by now those two are forgotten */
        late_ms(&cadence, i, phase, 0);
    /* Nor ever while the machine is disturbed. */
    for (int64_t i = 130; i < 140; i++)
        cadence_measure(&cadence, i * PERIOD_NS + phase - 5 * NS_PER_MS, false);
    assert_int_equal(late_ms(&cadence, 140, phase, 0), 0);
    /* Three, nearly running, were expected too late: by what the least of them was early. */
    late_ms(&cadence, 141, phase, -4);
    late_ms(&cadence, 142, phase, -3);
    late_ms(&cadence, 143, phase, 0);
    late_ms(&cadence, 144, phase, -4);
    assert_int_equal(late_ms(&cadence, 145, phase, 0), 3);
}

static void the_grid_is_that_of_the_early_where_updates_alternate(void **state)
{
    struct cadence cadence = {0};
    (void)state;
    /* Two of three come 3 ms later than they should: that is where most are. */
    for (int i = 0; i < 45; i++)
        cadence_learn(&cadence, i * PERIOD_NS + 10 * NS_PER_MS + (i % 3 ? 3 * NS_PER_MS : 0));
    cadence_settle(&cadence);
    for (int64_t i = 45; i < 66; i++)
        late_ms(&cadence, i, 10 * NS_PER_MS, i % 3 ? 3 : 0);
    assert_int_equal(late_ms(&cadence, 66, 10 * NS_PER_MS, 0), 0);
    assert_int_equal(late_ms(&cadence, 67, 10 * NS_PER_MS, 3), 3);
}

static void an_interval_is_measured_where_an_update_was_to_come(void **state)
{
    struct cadence cadence = learnt(0);
    (void)state;
    assert_int_equal(cadence_measure(&cadence, 100 * PERIOD_NS, true).since_ns,
                     61 * PERIOD_NS); /* the last was the 39th */
    assert_int_equal(cadence_measure(&cadence, 101 * PERIOD_NS, true).interval_ns, 0);
    const struct cadence_sample sample = cadence_measure(&cadence, 102 * PERIOD_NS + 5, true);
    assert_int_equal(sample.interval_ns, 5);
    assert_int_equal(sample.since_ns, PERIOD_NS + 5);
    assert_int_equal(cadence_measure(&cadence, 103 * PERIOD_NS, true).interval_ns, 5);
    cadence_break(&cadence, 103 * PERIOD_NS + 10);
    assert_int_equal(cadence_measure(&cadence, 110 * PERIOD_NS + 10, true).since_ns, -1);
    assert_int_equal(cadence.broken_ns, 7 * PERIOD_NS);
    assert_int_equal(cadence_measure(&cadence, 111 * PERIOD_NS + 10, true).interval_ns, 0);
}

static void without_a_grid_there_is_no_lateness(void **state)
{
    struct cadence cadence = {0};
    (void)state;
    cadence_settle(&cadence);
    assert_int_equal(cadence_measure(&cadence, PERIOD_NS, true).late_ns, -1);
}

/* ---- timers -------------------------------------------------------------------------------- */

static void timers_are_met_in_time_and_once(void **state)
{
    static struct timers timers;
    static struct timer list[1000];
    (void)state;
    memset(list, 0, sizeof list);
    timers_init(&timers, 0);
    /* Up to 20 s, more than once around the wheel; in no order. */
    for (int64_t i = 0; i < 1000; i++)
        timers_set(&timers, &list[i], (i * 7919 % 1000) * 20 * NS_PER_MS + 1);
    timers_clear(&list[3]);
    timers_set(&timers, &list[4], 5 * NS_PER_MS); /* moved */
    int met = 0;
    for (int64_t ms = 1; ms <= 21000; ms++)
        for (struct timer *timer; (timer = timers_take(&timers, ms * NS_PER_MS)) != NULL; met++) {
            const int64_t i = timer - list;
            assert_int_equal(ms, i == 4 ? 5 : (i * 7919 % 1000) * 20 + 1);
            assert_null(timer->back);
        }
    assert_int_equal(met, 999);
    timers_set(&timers, &list[0], 0); /* the past: at the next millisecond */
    assert_null(timers_take(&timers, 21000 * NS_PER_MS));
    assert_ptr_equal(timers_take(&timers, 21001 * NS_PER_MS), &list[0]);
}

/* ---- frames -------------------------------------------------------------------------------- */

static void a_frame_that_is_written_is_masked(void **state)
{
    unsigned char out[FRAMES_OUT_HEAD + FRAMES_OUT_MAX];
    unsigned char text[FRAMES_OUT_MAX];
    (void)state;
    memset(text, 'x', sizeof text);
    static const size_t lengths[] = {0, 5, 125, 126, 512};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t head = lengths[i] < 126 ? 6 : 8;
        assert_int_equal(frames_write(FRAMES_TEXT, text, lengths[i], 0x01020304, out),
                         head + lengths[i]);
        assert_int_equal(out[0], 0x81);
        assert_int_equal(out[1], 0x80 | (lengths[i] < 126 ? lengths[i] : 126));
        for (size_t j = 0; j < lengths[i]; j++)
            assert_int_equal(out[head + j] ^ out[head - 4 + j % 4], 'x');
    }
}

static void a_frame_is_read_wherever_it_is_cut(void **state)
{
    static unsigned char bytes[70000];
    struct frame frame;
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t length = lengths[i];
        size_t head = 2;
        bytes[0] = 0x82;
        bytes[1] = (unsigned char)(length < 126 ? length : length < 65536 ? 126 : 127);
        const size_t wide = length < 126 ? 0 : length < 65536 ? 2 : 8;
        for (size_t j = 0; j < wide; j++)
            bytes[head++] = (unsigned char)(length >> 8 * (wide - 1 - j));
        for (size_t cut = 0; cut < head + length; cut += cut < 12 ? 1 : 4999)
            assert_int_equal(frames_read(bytes, cut, &frame), FRAMES_MORE);
        assert_int_equal(frames_read(bytes, sizeof bytes, &frame), FRAMES_WHOLE);
        assert_int_equal(frame.opcode, FRAMES_BINARY);
        assert_int_equal(frame.length, length);
        assert_int_equal(frame.size, head + length);
        assert_ptr_equal(frame.payload, bytes + head);
    }
}

static void what_no_server_may_send_is_refused(void **state)
{
    static const unsigned char bad[][10] = {
        {0x01, 0x00},                                     /* a fragment */
        {0xc1, 0x00},                                     /* a reserved bit */
        {0x81, 0x80, 1, 2, 3, 4},                         /* masked */
        {0x81, 0x7f, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff}, /* 2 GiB */
    };
    struct frame frame;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(frames_read(bad[i], sizeof bad[i], &frame), FRAMES_BAD);
}

static void an_upgrade_is_asked_for_and_its_answer_read(void **state)
{
    static const char answer[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81";
    char request[FRAMES_UPGRADE_MAX];
    char target[FRAMES_UPGRADE_MAX];
    int status = 0;
    (void)state;
    const size_t length = frames_upgrade("127.0.0.1:80", "/ws/x/?token=y", "pong.v2.bin", request);
    assert_int_equal(length, strlen(request));
    assert_ptr_equal(strstr(request, "GET /ws/x/?token=y HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"),
                     request);
    assert_non_null(strstr(request, "\r\nSec-WebSocket-Protocol: pong.v2.bin\r\n\r\n"));
    frames_upgrade("h", "/", NULL, request);
    assert_null(strstr(request, "Protocol"));
    memset(target, 'x', sizeof target);
    target[sizeof target - 1] = '\0';
    assert_int_equal(frames_upgrade("h", target, NULL, request), 0);

    const unsigned char *bytes = (const unsigned char *)answer;
    for (size_t cut = 0; cut < sizeof answer - 2; cut++)
        assert_int_equal(frames_upgrade_answer(bytes, cut, &status), 0);
    assert_int_equal(frames_upgrade_answer(bytes, sizeof answer - 1, &status), sizeof answer - 2);
    assert_int_equal(status, 101);
    frames_upgrade_answer((const unsigned char *)"nonsense, at length\r\n\r\n", 23, &status);
    assert_int_equal(status, 0);
}

/* ---- scan ---------------------------------------------------------------------------------- */

static void values_are_found_by_their_key(void **state)
{
    static const char text[] = "{\"ball_x\":-12.25,\"name\":\"ball_y\",\"ball_y\": 7,\"on\":true,"
                               "\"off\":false,\"nil\":null,\"odd\":\"a\\\"b\",\"last\":3";
    const size_t length = sizeof text - 1;
    double number = 0;
    char string[8];
    (void)state;
    assert_true(scan_number(text, length, "ball_x", &number));
    assert_true(number == -12.25);
    assert_true(scan_number(text, length, "ball_y", &number));
    assert_true(number == 7);
    assert_true(scan_number(text, length, "last", &number));
    assert_true(number == 3);
    assert_false(scan_number(text, length, "ball", &number));
    assert_false(scan_number(text, length, "name", &number));
    assert_false(scan_number(text, length, "nil", &number));
    assert_true(scan_string(text, length, "name", string, sizeof string));
    assert_string_equal(string, "ball_y");
    assert_false(scan_string(text, length, "name", string, 6));
    assert_false(scan_string(text, length, "odd", string, sizeof string));
    assert_false(scan_string(text, length, "ball_x", string, sizeof string));
    assert_true(scan_is_true(text, length, "on"));
    assert_false(scan_is_true(text, length, "off"));
    assert_false(scan_is_true(text, length, "none"));
}

/* On the heap, so that a sanitizer sees a byte read too far. */
static void a_text_that_is_cut_is_not_read_beyond(void **state)
{
    static const char text[] = "{\"a\":\"b\" , \"number\" : 12.5, \"on\":true}";
    double number = 0;
    char string[4];
    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        char *copy = malloc(cut ? cut : 1);
        memcpy(copy, text, cut);
        scan_number(copy, cut, "number", &number);
        scan_string(copy, cut, "a", string, sizeof string);
        assert_int_equal(scan_is_true(copy, cut, "on"), cut >= sizeof text - 2);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quantile_is_right_to_a_few_percent),
        cmocka_unit_test(every_time_has_its_place),
        cmocka_unit_test(moments_beside_a_theft_do_not_count),
        cmocka_unit_test(a_processor_at_half_its_speed_is_slow),
        cmocka_unit_test(a_look_at_the_speed_takes_some_time),
        cmocka_unit_test(one_that_is_late_by_nearly_a_period_does_not_move_the_grid),
        cmocka_unit_test(the_grid_is_that_of_the_early_where_updates_alternate),
        cmocka_unit_test(a_pace_is_of_the_moments_that_count),
        cmocka_unit_test(what_came_before_a_measurement_keeps_moments_from_counting),
        cmocka_unit_test(what_was_taken_is_told),
        cmocka_unit_test(lateness_is_that_against_the_grid),
        cmocka_unit_test(updates_that_come_at_once_are_late_each_by_what_it_waited),
        cmocka_unit_test(an_interval_is_measured_where_an_update_was_to_come),
        cmocka_unit_test(without_a_grid_there_is_no_lateness),
        cmocka_unit_test(timers_are_met_in_time_and_once),
        cmocka_unit_test(a_frame_that_is_written_is_masked),
        cmocka_unit_test(a_frame_is_read_wherever_it_is_cut),
        cmocka_unit_test(what_no_server_may_send_is_refused),
        cmocka_unit_test(an_upgrade_is_asked_for_and_its_answer_read),
        cmocka_unit_test(values_are_found_by_their_key),
        cmocka_unit_test(a_text_that_is_cut_is_not_read_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
