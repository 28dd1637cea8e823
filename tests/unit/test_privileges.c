/*
 * What is given away is gone: each case in a child of its own, which cannot come back from it.
 */
#include "common/privileges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

/* Some user that every system has. */
static const char somebody[] = "nobody";

/* Whether `check` holds in a child. */
static bool holds(bool (*check)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(check() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Whether the sets of capabilities that matter are empty. */
static bool has_no_capability(void)
{
    char line[256];
    unsigned long long set;
    int empty = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "CapPrm: %llx", &set) == 1 || sscanf(line, "CapEff: %llx", &set) == 1)
            empty += set == 0;
    if (status)
        fclose(status);
    return empty == 2;
}

static bool becomes_somebody(void)
{
    char error[200] = "";
    uid_t real, effective, saved;
    return privileges_drop(somebody, error, sizeof error) == 0 &&
           getresuid(&real, &effective, &saved) == 0 && real != 0 && effective == real &&
           saved == real && getgid() != 0 && getegid() == getgid() && has_no_capability() &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && setuid(0) != 0 && seteuid(0) != 0;
}

static bool is_refused(const char *user, const char *sentence)
{
    char error[200] = "";
    return privileges_drop(user, error, sizeof error) == -1 && strstr(error, sentence) != NULL;
}

static bool refuses_a_user_that_is_none(void)
{
    return is_refused("no-such-user", "there is no user \"no-such-user\"");
}

static bool refuses_root(void)
{
    return is_refused("root", "must be somebody else");
}

static bool refuses_when_not_root(void)
{
    return setuid(65533) == 0 && is_refused(somebody, "only root can become another user");
}

static bool bars_new_privileges_without_a_user(void)
{
    char error[200] = "";
    uid_t before = getuid();
    return privileges_drop("", error, sizeof error) == 0 && getuid() == before &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static void root_becomes_somebody_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(holds(becomes_somebody));
    assert_true(holds(refuses_when_not_root));
}

static void a_bad_user_is_refused(void **state)
{
    (void)state;
    assert_true(holds(refuses_a_user_that_is_none));
    assert_true(holds(refuses_root));
}

static void without_a_user_nothing_can_be_gained(void **state)
{
    (void)state;
    assert_true(holds(bars_new_privileges_without_a_user));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_becomes_somebody_for_good),
        cmocka_unit_test(a_bad_user_is_refused),
        cmocka_unit_test(without_a_user_nothing_can_be_gained),
    };
    log_init("test", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
