/* Unit tests of common/log with a file: appended to, opened anew while threads write, kept when that fails. */
#include "common/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    THREADS = 4,
    LINES = 3000, /* of each thread */
    ROTATIONS = 200
};

static char directory[] = "/tmp/test_log.XXXXXX";
static char path[64], moved[80], error[256];
static atomic_int written;

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/log", directory);
    log_init("test_log", LOG_LEVEL_INFO);
    return 0;
}

static int tear_down(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static char *text_of(const char *name)
{
    static char text[8 * 1024 * 1024]; /* more than all threads write */
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    const size_t length = fread(text, 1, sizeof text, file);
    assert_true(length < sizeof text);
    text[length] = '\0';
    fclose(file);
    return text;
}

/* A log is opened once in a process' life, so the steps follow each other. */
static void test_without_a_file_there_is_nothing_to_open(void **state)
{
    (void)state;
    assert_int_equal(log_reopen(error, sizeof error), 0);
}

static void test_a_file_that_cannot_be_opened(void **state)
{
    struct stat status;
    (void)state;
    assert_int_equal(log_open("/nowhere/log", error, sizeof error), -1);
    assert_non_null(strstr(error, "/nowhere/log"));
    assert_non_null(strstr(error, "No such file"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(log_open(path, error, sizeof error),
                     -1); /* nobody reads, and that is not waited for */
    assert_int_equal(unlink(path), 0);
    assert_int_not_equal(stat(path, &status), 0);
}

static void test_a_file_is_made_and_appended_to(void **state)
{
    struct stat status;
    (void)state;
    umask(0);
    assert_int_equal(log_open(path, error, sizeof error), 0);
    umask(022);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    log_info("first");
    assert_non_null(strstr(text_of(path), " info test_log: first\n"));
    assert_int_equal(truncate(path, 0), 0); /* as copytruncate does it */
    log_info("second");
    assert_memory_equal(text_of(path), "2", 1);
}

static void test_a_failure_keeps_the_old_one(void **state)
{
    (void)state;
    snprintf(moved, sizeof moved, "%s.1", path);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(log_reopen(error, sizeof error), -1);
    assert_non_null(strstr(error, path));
    assert_non_null(strstr(error, "directory"));
    log_info("still here");
    assert_non_null(strstr(text_of(moved), "still here\n"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(log_reopen(error, sizeof error), 0);
    log_info("there now");
    assert_non_null(strstr(text_of(path), "there now\n"));
    assert_null(strstr(text_of(moved), "there now\n"));
    unlink(moved);
    unlink(path);
    assert_int_equal(log_reopen(error, sizeof error), 0);
}

static void *write_lines(void *arg)
{
    char pad[200];
    memset(pad, 'x', sizeof pad - 1);
    pad[sizeof pad - 1] = '\0';
    for (int i = 0; i < LINES; i++) {
        log_info("%d/%d %s", *(int *)arg, i, pad);
        atomic_fetch_add(&written, 1);
    }
    return NULL;
}

/* Each thread's lines come in its order, each once and whole. */
static void count_lines(const char *name, int next[THREADS])
{
    char *rest = NULL;
    for (char *line = strtok_r(text_of(name), "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        int thread, number;
        const char *text = strstr(line, "test_log: ");
        assert_non_null(text);
        assert_int_equal(sscanf(text, "test_log: %d/%d x", &thread, &number), 2);
        assert_int_equal(strlen(strchr(text, 'x')), 199);
        assert_int_equal(number, next[thread]);
        next[thread]++;
    }
}

static void test_no_line_is_lost_or_torn_by_rotations(void **state)
{
    pthread_t threads[THREADS];
    int numbers[THREADS], next[THREADS] = {0}, rotations = 0;
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    while (rotations < ROTATIONS && atomic_load(&written) < THREADS * LINES) {
        snprintf(moved, sizeof moved, "%s.%d", path, ++rotations);
        assert_int_equal(rename(path, moved), 0);
        assert_int_equal(log_reopen(error, sizeof error), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i <= rotations; i++) {
        snprintf(moved, sizeof moved, "%s.%d", path, i);
        count_lines(moved, next);
    }
    count_lines(path, next);
    assert_true(rotations > 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(next[i], LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_file_there_is_nothing_to_open),
        cmocka_unit_test(test_a_file_that_cannot_be_opened),
        cmocka_unit_test(test_a_file_is_made_and_appended_to),
        cmocka_unit_test(test_a_failure_keeps_the_old_one),
        cmocka_unit_test(test_no_line_is_lost_or_torn_by_rotations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
