/* Unit tests of gamed/read_limit and common/bucket: how much a flood may have, and that nobody else is
 * held up. Time is what the test says it is. */
#include "gamed/read_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/bucket.h"

enum {
    RATE = 120, /* messages a second */
    SECOND = 1000
};

static struct now at(int64_t ms)
{
    return (struct now){.mono_ns = ms * 1000000, .mono_ms = ms};
}

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    struct bucket bucket;
    int taken = 0;
    (void)state;
    bucket_init(&bucket, 20, 1000);
    for (int i = 0; i < 100; i++)
        taken += bucket_take(&bucket, 10, 20, 1000);
    assert_int_equal(taken, 20);
    for (int64_t ms = 1001; ms <= 11000; ms++)
        taken += bucket_take(&bucket, 10, 20, ms);
    assert_int_equal(taken, 20 + 100);
    for (int i = 0; i < 100; i++)
        taken += bucket_take(&bucket, 10, 20, INT64_MAX / 2); /* quiet for ever: one burst */
    assert_int_equal(taken, 120 + 20);
}

/* One second of a client that has always something to be read, looked at a thousand times a second. */
static int reads_of_a_flood(struct read_limit *limit, int64_t from_ms, int64_t seconds)
{
    int reads = 0;
    for (int64_t ms = from_ms; ms < from_ms + seconds * SECOND; ms++) {
        read_limit_resume(limit, at(ms));
        for (int i = 0; i < 100 && !limit->is_paused; i++) {
            reads++;
            read_limit_note_read(limit, RATE, at(ms));
        }
    }
    return reads;
}

static void a_flood_is_read_at_a_fixed_rate(void **state)
{
    struct read_limit limit;
    (void)state;
    read_limit_init(&limit, RATE, at(0));
    int rate = READ_LIMIT_READS_PER_MESSAGE * RATE;
    assert_in_range(reads_of_a_flood(&limit, 0, 100), 50 * rate,
                    (100 + READ_LIMIT_BURST_SECONDS + 1) * rate);
}

static void a_client_within_its_rate_is_never_held_up(void **state)
{
    struct read_limit limit;
    (void)state;
    read_limit_init(&limit, RATE, at(0));
    for (int i = 0; i < 19 * RATE; i++) /* nine times what it may send at once */
        assert_false(read_limit_note_read(&limit, RATE, at(0)));
    for (int64_t ms = 0; ms < 60 * SECOND; ms += 4) /* and twice its rate on and on */
        assert_false(read_limit_note_read(&limit, RATE, at(ms)));
    assert_false(limit.is_paused);
}

static void a_socket_that_is_never_empty_is_paused_longer_and_longer(void **state)
{
    struct read_limit limit;
    int64_t open_ms = 0;
    (void)state;
    read_limit_init(&limit, RATE, at(0));
    for (int64_t ms = 0; ms < 100 * SECOND; ms++) {
        read_limit_resume(&limit, at(ms));
        open_ms += !limit.is_paused;
        read_limit_note_unread(&limit, 200000, at(ms));
    }
    assert_int_equal(limit.pause_ms, READ_LIMIT_PAUSE_MAX_MS);
    assert_in_range(open_ms, 10, 1000); /* of 100 s */
}

static void a_stall_of_ours_is_nobodys_flood(void **state)
{
    struct read_limit limit;
    (void)state;
    read_limit_init(&limit, RATE, at(0));
    assert_false(read_limit_note_unread(&limit, 5000, at(1000)));
    assert_false(read_limit_note_unread(&limit, 0, at(1000 + READ_LIMIT_BEHIND_MS)));
    assert_false(read_limit_note_unread(&limit, 5000, at(1000 + 2 * READ_LIMIT_BEHIND_MS)));
    assert_false(read_limit_note_unread(&limit, READ_LIMIT_BEHIND_BYTES - 1, at(2000)));
    assert_false(limit.is_paused);
}

/* Right after a pause what came meanwhile may be read, however much it is. */
static void who_stops_is_read_to_the_end(void **state)
{
    struct read_limit limit;
    int64_t ms = READ_LIMIT_GRACE_MS;
    (void)state;
    read_limit_init(&limit, RATE, at(0));
    assert_false(read_limit_note_unread(&limit, 5000, at(ms - 1)));
    assert_int_equal(limit.behind_ms, 0);
    assert_false(read_limit_note_unread(&limit, 5000, at(ms)));
    ms += READ_LIMIT_BEHIND_MS;
    assert_true(read_limit_note_unread(&limit, 5000, at(ms)));
    ms += READ_LIMIT_PAUSE_MS;
    assert_true(read_limit_resume(&limit, at(ms)));
    for (int64_t end = ms + READ_LIMIT_GRACE_MS; ms < end; ms++)
        assert_false(read_limit_note_unread(&limit, 5000, at(ms)));
    assert_false(read_limit_note_unread(&limit, 5000, at(ms)));
    assert_true(read_limit_note_unread(&limit, 5000, at(ms + READ_LIMIT_BEHIND_MS)));
}

static void who_behaves_begins_anew(void **state)
{
    const int64_t full_ms = READ_LIMIT_GRACE_MS + READ_LIMIT_BEHIND_MS;
    struct read_limit limit;
    (void)state;
    read_limit_init(&limit, RATE, at(0));
    assert_false(read_limit_note_unread(&limit, 5000, at(READ_LIMIT_GRACE_MS)));
    assert_true(read_limit_note_unread(&limit, 5000, at(full_ms)));
    assert_false(read_limit_note_unread(&limit, 5000, at(full_ms + 10))); /* it is paused */
    assert_false(read_limit_resume(&limit, at(full_ms + READ_LIMIT_PAUSE_MS - 1)));
    assert_true(read_limit_resume(&limit, at(full_ms + READ_LIMIT_PAUSE_MS)));
    assert_false(read_limit_resume(&limit, at(full_ms + READ_LIMIT_PAUSE_MS)));
    assert_int_equal(limit.pause_ms, 2 * READ_LIMIT_PAUSE_MS);
    read_limit_note_unread(&limit, 0, at(full_ms + READ_LIMIT_PAUSE_MS + READ_LIMIT_FORGOTTEN_MS));
    assert_int_equal(limit.pause_ms, READ_LIMIT_PAUSE_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate),
        cmocka_unit_test(a_flood_is_read_at_a_fixed_rate),
        cmocka_unit_test(a_client_within_its_rate_is_never_held_up),
        cmocka_unit_test(a_socket_that_is_never_empty_is_paused_longer_and_longer),
        cmocka_unit_test(a_stall_of_ours_is_nobodys_flood),
        cmocka_unit_test(who_stops_is_read_to_the_end),
        cmocka_unit_test(who_behaves_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
