/*
 * failpoint: what a list in PONG_FAILPOINT makes of the places that a process comes by. Each list is
 * for a child of its own, since it is read once in a process's life.
 */
#include "common/failpoint.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    PASSED = 40, /* exit code of a child that has come by all its places */
    MS = 1000000,
};

/* Comes by the places (one character is the name of one) in a child; returns how that ended. */
static int come_by(const char *list, const char *places)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (list)
            setenv("PONG_FAILPOINT", list, 1);
        else
            unsetenv("PONG_FAILPOINT");
        for (; *places; places++)
            FAILPOINT(((const char[]){*places, '\0'}));
        _exit(PASSED);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void assert_passes(const char *list, const char *places)
{
    const int status = come_by(list, places);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), PASSED);
}

static void assert_is_killed(const char *list, const char *places)
{
    const int status = come_by(list, places);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_without_a_list_nothing_happens(void **state)
{
    (void)state;
    assert_passes(NULL, "abc");
    assert_passes("", "abc");
}

static void test_a_named_place_kills(void **state)
{
    (void)state;
    assert_is_killed("b", "ab");
    assert_passes("b", "ac");
    assert_is_killed("x,b", "ab");
}

static void test_only_the_nth_time(void **state)
{
    (void)state;
    assert_passes("a:3", "aab");
    assert_is_killed("a:3", "aaba");
}

static void test_only_after_another_place(void **state)
{
    (void)state;
    assert_passes("b>a", "aaab");
    assert_is_killed("b>a", "aaaba");
    assert_passes("b>a:2", "aaba");
    assert_is_killed("b>a:2", "aabaa");
    assert_passes("a>a", "a");
    assert_is_killed("a>a", "aa");
}

static int64_t ms_of(const char *list, const char *places)
{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_passes(list, places);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / MS;
}

static void test_a_place_can_wait(void **state)
{
    (void)state;
    assert_true(ms_of("a=sleep:150", "a") >= 150);
    assert_true(ms_of("a:2=sleep:150", "aa") >= 150);
    assert_is_killed("a=sleep:1,a", "a"); /* in order, at one meeting */
    assert_is_killed("a=sleep:1,b", "ab");
}

static void test_a_bad_list_ends_the_process(void **state)
{
    static const char *const lists[] = {
        "A",
        ",",
        "a,",
        "a b",
        "a:",
        "a:0",
        "a:-1",
        "a:x",
        "a:1000001",
        "a=",
        "a=sleep",
        "a=sleep:0",
        "a=exit",
        "a>",
        ">a",
        "a=sleep:60001",
        "a>b>c",
        "a=kill:1",
        "a=sleep:1:1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "a:99999999999999999999",
        "a,b,c,d,e,f,g,h,i",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const int status = come_by(lists[i], "z");
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), FAILPOINT_EXIT_BAD_LIST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_list_nothing_happens),
        cmocka_unit_test(test_a_named_place_kills),
        cmocka_unit_test(test_only_the_nth_time),
        cmocka_unit_test(test_only_after_another_place),
        cmocka_unit_test(test_a_place_can_wait),
        cmocka_unit_test(test_a_bad_list_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
