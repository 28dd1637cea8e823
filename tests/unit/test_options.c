/* Unit tests of common/options: where a value comes from, which wins, and what a wrong one is told.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "common/options.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int threads;
static int mode;
static char key[16];
static int rematch;
static struct option_list urls;
static char error[256];

static const struct option_spec specs[] = {
    {.name = "threads",
     .kind = OPTION_INT,
     .target = &threads,
     .min = -1,
     .max = 64,
     .fallback = "8",
     .argument = "N",
     .help = "how many"},
    {.name = "mode",
     .kind = OPTION_CHOICE,
     .target = &mode,
     .choices = "allow|deny|ask",
     .fallback = "deny",
     .argument = "WORD",
     .help = "who may"},
    {.name = "api-key",
     .kind = OPTION_STRING,
     .target = key,
     .size = sizeof key,
     .fallback = "",
     .also_env = "API_KEY",
     .argument = "KEY",
     .help = "the key"},
    {.name = "gamed",
     .kind = OPTION_LIST,
     .target = &urls,
     .fallback = "ipc:///a ipc:///b",
     .argument = "URL",
     .help = "where"},
    {.name = "rematch",
     .kind = OPTION_CHOICE,
     .target = &rematch,
     .choices = OPTION_NO_YES,
     .fallback = "no",
     .argument = "WORD",
     .help = "whether again"},
};

static int forget_environment(void **state)
{
    (void)state;
    unsetenv("PONG_THREADS");
    unsetenv("PONG_MODE");
    unsetenv("PONG_API_KEY");
    unsetenv("PONG_GAMED");
    unsetenv("API_KEY");
    memset(error, 0, sizeof error);
    return 0;
}

static enum option_outcome parse_argv(char **argv)
{
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    return options_parse("testd", "Tests.", specs, sizeof specs / sizeof specs[0], argc, argv,
                         error, sizeof error);
}

#define PARSE(...) parse_argv((char *[]){"testd", __VA_ARGS__, NULL})

static void defaults_are_used_without_anything_else(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL), OPTIONS_RUN);
    assert_int_equal(threads, 8);
    assert_int_equal(mode, 1);
    assert_string_equal(key, "");
    assert_int_equal(urls.count, 2);
    assert_string_equal(urls.value[1], "ipc:///b");
}

static void environment_wins_over_defaults(void **state)
{
    (void)state;
    setenv("PONG_THREADS", "9", 1);
    setenv("PONG_MODE", "ask", 1);
    setenv("API_KEY", "other", 1);
    setenv("PONG_GAMED", "ipc:///c, ipc:///d,ipc:///e ", 1);
    assert_int_equal(PARSE(NULL), OPTIONS_RUN);
    assert_int_equal(threads, 9);
    assert_int_equal(mode, 2);
    assert_string_equal(key, "other");
    assert_int_equal(urls.count, 3);
    assert_string_equal(urls.value[0], "ipc:///c");
    assert_string_equal(urls.value[2], "ipc:///e");
    setenv("PONG_API_KEY", "own", 1);
    assert_int_equal(PARSE(NULL), OPTIONS_RUN);
    assert_string_equal(key, "own");
}

static void an_empty_variable_is_none(void **state)
{
    (void)state;
    setenv("PONG_THREADS", "", 1);
    setenv("PONG_API_KEY", "", 1);
    setenv("API_KEY", "second", 1);
    assert_int_equal(PARSE(NULL), OPTIONS_RUN);
    assert_int_equal(threads, 8);
    assert_string_equal(key, "second");
}

static void flags_win_over_environment(void **state)
{
    (void)state;
    setenv("PONG_THREADS", "not a number", 1);
    setenv("PONG_GAMED", "ipc:///env", 1);
    assert_int_equal(PARSE("--threads", "-1", "--mode=allow", "--gamed", "ipc:///x",
                           "--gamed=ipc:///y", "--api-key="),
                     OPTIONS_RUN);
    assert_int_equal(threads, -1);
    assert_int_equal(mode, 0);
    assert_int_equal(urls.count, 2);
    assert_string_equal(urls.value[0], "ipc:///x");
    assert_string_equal(urls.value[1], "ipc:///y");
    assert_int_equal(PARSE("--threads=3", "--threads=4"), OPTIONS_RUN);
    assert_int_equal(threads, 4);
}

static void a_switch_needs_no_value(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL), OPTIONS_RUN);
    assert_int_equal(rematch, 0);
    assert_int_equal(PARSE("--rematch"), OPTIONS_RUN);
    assert_int_equal(rematch, 1);
    assert_int_equal(PARSE("--rematch", "--threads=2"), OPTIONS_RUN);
    assert_int_equal(rematch, 1);
    assert_int_equal(threads, 2);
    assert_int_equal(PARSE("--rematch", "no"), OPTIONS_RUN);
    assert_int_equal(rematch, 0);
    assert_int_equal(PARSE("--rematch=maybe"), OPTIONS_BAD);
}

static void check_config_checks(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--check-config"), OPTIONS_CHECKED);
    assert_int_equal(PARSE("--check-config", "--threads=100"), OPTIONS_BAD);
}

static void expect_bad(enum option_outcome outcome, const char *named)
{
    assert_int_equal(outcome, OPTIONS_BAD);
    assert_non_null(strstr(error, named));
    assert_null(strchr(error, '\n'));
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    expect_bad(PARSE("--threads=65"), "--threads");
    expect_bad(PARSE("--threads=8x"), "from -1 to 64");
    expect_bad(PARSE("--threads="), "--threads");
    expect_bad(PARSE("--threads= 8"), "--threads");
    expect_bad(PARSE("--threads=99999999999999999999"), "--threads");
    expect_bad(PARSE("--mode=den"), "allow|deny|ask");
    expect_bad(PARSE("--mode=allow|deny"), "--mode");
    expect_bad(PARSE("--threads"), "--threads needs a value");
    expect_bad(PARSE("--threads", "--mode=allow"), "--threads needs a value");
    expect_bad(PARSE("--thread=1"), "--thread is not an option");
    expect_bad(PARSE("--"), "argument 1");
    expect_bad(PARSE("-t"), "argument 1");
    expect_bad(PARSE("--threads=1", "stray"), "argument 2");
    setenv("PONG_MODE", "maybe", 1);
    expect_bad(PARSE(NULL), "PONG_MODE");
}

static void lists_are_bounded(void **state)
{
    char many[2 * OPTION_LIST_MAX + 3];
    char wide[OPTION_VALUE_MAX + 1];

    (void)state;
    memset(many, 0, sizeof many);
    for (size_t i = 0; i <= OPTION_LIST_MAX; i++)
        memcpy(many + 2 * i, "u ", 2);
    expect_bad(PARSE("--gamed", many), "more than 32");
    memset(wide, 'u', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    expect_bad(PARSE("--gamed", wide), "too long");
}

static void a_secret_is_never_printed(void **state)
{
    (void)state;
    expect_bad(PARSE("--api-key=0123456789SECRET"), "--api-key");
    assert_null(strstr(error, "SECRET"));
    setenv("API_KEY", "0123456789SECRET", 1);
    expect_bad(PARSE(NULL), "API_KEY");
    assert_null(strstr(error, "SECRET"));
    unsetenv("API_KEY");
    expect_bad(PARSE("--api-kye=SECRET"), "--api-kye");
    assert_null(strstr(error, "SECRET"));
    expect_bad(PARSE("--api-key", "a", "SECRET"), "argument 3");
    assert_null(strstr(error, "SECRET"));
}

/* Runs PARSE with standard output in a file, and gives back what was written. */
static const char *output_of(char *flag)
{
    static char output[8192];
    char path[] = "/tmp/test_options.XXXXXX";
    int file = mkstemp(path);
    int saved = dup(STDOUT_FILENO);
    ssize_t length;

    assert_true(file >= 0 && saved >= 0);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    assert_int_equal(PARSE(flag, "--nonsense"), OPTIONS_DONE);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    length = pread(file, output, sizeof output - 1, 0);
    assert_true(length > 0);
    output[length] = '\0';
    close(file);
    close(saved);
    unlink(path);
    return output;
}

static void help_lists_every_option_and_no_secret(void **state)
{
    const char *output;

    (void)state;
    setenv("API_KEY", "SECRET", 1);
    output = output_of((char[]){"--help"});
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        assert_non_null(strstr(output, specs[i].name));
        assert_non_null(strstr(output, specs[i].help));
    }
    assert_non_null(strstr(output, "-1 to 64; default 8"));
    assert_non_null(strstr(output, "also API_KEY"));
    assert_non_null(strstr(output, "--check-config"));
    assert_null(strstr(output, "SECRET"));
    assert_string_equal(output_of((char[]){"--version"}), "testd " PACKAGE_VERSION "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_are_used_without_anything_else, forget_environment),
        cmocka_unit_test_setup(environment_wins_over_defaults, forget_environment),
        cmocka_unit_test_setup(an_empty_variable_is_none, forget_environment),
        cmocka_unit_test_setup(flags_win_over_environment, forget_environment),
        cmocka_unit_test_setup(a_switch_needs_no_value, forget_environment),
        cmocka_unit_test_setup(check_config_checks, forget_environment),
        cmocka_unit_test_setup(what_is_wrong_is_named, forget_environment),
        cmocka_unit_test_setup(lists_are_bounded, forget_environment),
        cmocka_unit_test_setup(a_secret_is_never_printed, forget_environment),
        cmocka_unit_test_setup(help_lists_every_option_and_no_secret, forget_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
