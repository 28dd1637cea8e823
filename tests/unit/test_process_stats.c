/* Unit tests of common/process_stats: that the numbers follow what the process does. */
#include "common/process_stats.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    FILES = 20,
    MEMORY = 32 * 1024 * 1024
};

static void memory_and_time_are_used(void **state)
{
    struct process_stats before, after;
    volatile char *memory = malloc(MEMORY);

    (void)state;
    assert_non_null(memory);
    process_stats_read(&before);
    for (size_t i = 0; i < MEMORY; i++)
        memory[i] = (char)i;
    process_stats_read(&after);
    free((void *)(size_t)memory);
    assert_true(after.cpu_seconds > before.cpu_seconds);
    assert_true(after.resident_bytes - before.resident_bytes > MEMORY / 2);
    assert_true(after.virtual_bytes >= after.resident_bytes);
    assert_true(after.start_unix_seconds >= before.start_unix_seconds - 1);
    assert_true(after.start_unix_seconds <= (double)time(NULL) + 1);
    assert_true(after.start_unix_seconds > (double)time(NULL) - 3600);
}

static void descriptors_are_counted(void **state)
{
    struct process_stats before, after;
    struct rlimit limit;
    int files[FILES];
    int64_t counted;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    process_stats_read(&before);
    counted = process_stats_count_fds(before.max_fds);
    for (int i = 0; i < FILES; i++)
        assert_true((files[i] = open("/dev/null", O_RDONLY)) >= 0);
    process_stats_read(&after);
    assert_int_equal(after.open_fds - before.open_fds, FILES);
    assert_int_equal(process_stats_count_fds(after.max_fds) - counted, FILES);
    assert_int_equal(process_stats_count_fds(files[FILES - 1]),
                     process_stats_count_fds(files[FILES - 1] + 1) - 1);
    assert_int_equal(after.max_fds, limit.rlim_cur);
    for (int i = 0; i < FILES; i++)
        close(files[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_and_time_are_used),
        cmocka_unit_test(descriptors_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
