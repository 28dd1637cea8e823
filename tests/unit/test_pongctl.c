/*
 * Tests of pongctl's pure parts: the command line, and text that must not spoil a terminal.
 */
#include "pongctl/arguments.h"
#include "pongctl/table.h"
#include "pongctl/terminal_text.h"

#include <getopt.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MATCH_ID "0190163d-8694-4739-aea5-966c26f8ad91"

enum {
    WORDS_MAX = 12
};

static struct arguments arguments;
static char error[512];

/* Reads a command line whose words are separated by blanks. */
static enum arguments_outcome read_line(const char *line)
{
    static char text[512];
    static char program[] = "pongctl";
    char *argv[WORDS_MAX + 2] = {program};
    int argc = 1;
    error[0] = '\0';
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word && argc <= WORDS_MAX; word = strtok(NULL, " "))
        argv[argc++] = word;
    optind = 0; /* getopt begins anew */
    return arguments_read(argc, argv, &arguments, error, sizeof error);
}

static void assert_bad(const char *line, const char *sentence)
{
    if (read_line(line) != ARGUMENTS_BAD)
        fail_msg("taken: %s", line);
    if (!strstr(error, sentence))
        fail_msg("%s: %s", line, error);
}

static void every_command_is_understood(void **state)
{
    (void)state;
    unsetenv("PONG_CONTROL");
    assert_int_equal(read_line("rooms"), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_ROOMS);
    assert_string_equal(arguments.control, "/run/pong/control.sock");
    assert_false(arguments.json);
    assert_int_equal(read_line("room abcdel"), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_ROOM);
    assert_string_equal(arguments.room_code, "ABCDE1");
    assert_int_equal(read_line("kick ABCDEF 2"), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_KICK);
    assert_int_equal(arguments.seat, 2);
    assert_int_equal(read_line("drain"), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_DRAIN);
    assert_false(arguments.off);
    assert_false(arguments.wait);
    assert_int_equal(read_line("drain --wait"), ARGUMENTS_RUN);
    assert_true(arguments.wait);
    assert_int_equal(read_line("drain --off"), ARGUMENTS_RUN);
    assert_true(arguments.off);
    assert_int_equal(read_line("stats"), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_STATS);
    assert_int_equal(read_line("health"), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_HEALTH);
    assert_int_equal(read_line("results retry " MATCH_ID), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_RETRY);
    assert_string_equal(arguments.match_id, MATCH_ID);
    assert_int_equal(read_line("results retry --all-failed"), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_RETRY);
    assert_true(arguments.all_failed);
}

static void assert_states(const char *line, const char *which)
{
    char chosen[IPC_RESULT_STATE_COUNT + 1] = "";
    assert_int_equal(read_line(line), ARGUMENTS_RUN);
    assert_int_equal(arguments.command, COMMAND_RESULTS);
    for (int i = 0; i < IPC_RESULT_STATE_COUNT; i++)
        if (arguments.states[i])
            strncat(chosen, &ipc_result_state_words[i][0], 1);
    assert_string_equal(chosen, which);
}

static void results_are_chosen_by_state(void **state)
{
    (void)state;
    assert_states("results", "pf");
    assert_states("results --failed", "f");
    assert_states("results --pending", "p");
    assert_states("results --delivered", "d");
    assert_states("results --delivered --failed", "fd");
    assert_states("results --all", "pfdn");
}

static void options_stand_anywhere(void **state)
{
    (void)state;
    setenv("PONG_CONTROL", "/from/the/environment", 1);
    assert_int_equal(read_line("rooms"), ARGUMENTS_RUN);
    assert_string_equal(arguments.control, "/from/the/environment");
    setenv("PONG_CONTROL", "", 1);
    assert_int_equal(read_line("rooms"), ARGUMENTS_RUN);
    assert_string_equal(arguments.control, "/run/pong/control.sock");
    unsetenv("PONG_CONTROL");
    assert_int_equal(read_line("--control /a/b --json room ABCDEF"), ARGUMENTS_RUN);
    assert_string_equal(arguments.control, "/a/b");
    assert_true(arguments.json);
    assert_int_equal(read_line("room --json ABCDEF --control=/c"), ARGUMENTS_RUN);
    assert_string_equal(arguments.control, "/c");
    assert_true(arguments.json);
    assert_string_equal(arguments.room_code, "ABCDEF");
}

static void wrong_usage_is_told(void **state)
{
    (void)state;
    assert_bad("", "no command");
    assert_bad("--json", "no command");
    assert_bad("dance", "no command");
    assert_bad("CODE", "no command");
    assert_bad("room", "another way");
    assert_bad("room ABCDEF 1", "another way");
    assert_bad("room ABCDE", "no room code");
    assert_bad("room ABCDEU", "no room code");
    assert_bad("rooms ABCDEF", "another way");
    assert_bad("kick ABCDEF", "another way");
    assert_bad("kick ABCDEF 3", "1 or 2");
    assert_bad("kick ABCDEF 11", "1 or 2");
    assert_bad("kick 1 ABCDEF", "no room code");
    assert_bad("drain off", "another way");
    assert_bad("drain --off --wait", "do not go together");
    assert_bad("health --wait", "does not go with");
    assert_bad("results failed", "another way");
    assert_bad("results retry", "--all-failed");
    assert_bad("results retry now", "no match id");
    assert_bad("results retry " MATCH_ID " --all-failed", "does not go");
    assert_bad("results retry --failed", "does not go");
    assert_bad("results --off", "does not go");
    assert_bad("rooms --failed", "does not go");
    assert_bad("rooms --dance", "not an option");
    assert_bad("rooms -x", "not an option");
    assert_bad("rooms --json=yes", "");
    assert_bad("rooms --control", "needs a value");
}

/* ---- text ---------------------------------------------------------------------------- */

static void assert_shown(const char *text, size_t columns_max, const char *expected, size_t columns)
{
    char *copy = terminal_text(text, columns_max);
    assert_non_null(copy);
    assert_string_equal(copy, expected);
    assert_int_equal(terminal_columns(copy), columns);
    free(copy);
}

static void speak(const char *locale)
{
    if (!setlocale(LC_CTYPE, locale))
        skip(); /* a system without it */
}

static void plain_text_stays(void **state)
{
    (void)state;
    speak("C.UTF-8");
    assert_shown("", 0, "", 0);
    assert_shown("Ann \\o/", 0, "Ann \\o/", 7);
    assert_shown("Zoë", 0, "Zoë", 3);
    assert_shown("Łukasz Иван", 0, "Łukasz Иван", 11);
    assert_shown("日本", 0, "日本", 4);
    assert_shown("🏓", 0, "🏓", 2);
}

static void what_would_spoil_a_terminal_is_spelled_out(void **state)
{
    (void)state;
    speak("C.UTF-8");
    assert_shown("a\x1b[31mb", 0, "a\\u{001B}[31mb", 14);
    assert_shown("a\nb\tc\x7f", 0, "a\\u{000A}b\\u{0009}c\\u{007F}", 27);
    assert_shown("\xc2\x9b", 0, "\\u{009B}", 8);     /* CSI in one character */
    assert_shown("\xe2\x80\xae", 0, "\\u{202E}", 8); /* turns around what follows */
    assert_shown("\xe2\x80\x8b", 0, "\\u{200B}", 8); /* invisible */
    assert_shown("\xe2\x80\xa8", 0, "\\u{2028}", 8); /* a line's end */
    assert_shown("\xef\xbb\xbf", 0, "\\u{FEFF}", 8); /* a byte order mark */
    assert_shown("\xff"
                 "a\xe2\x82",
                 0, "\\x{FF}a\\x{E2}\\x{82}", 19); /* no UTF-8 */
}

static void marks_do_not_pile_up(void **state)
{
    (void)state;
    speak("C.UTF-8");
    assert_shown("e\xcc\x81", 0, "e\xcc\x81", 1);
    assert_shown("e\xcc\x81\xcc\x81\xcc\x81", 0, "e\xcc\x81\xcc\x81\\u{0301}", 9);
    assert_shown("\xcc\x81", 0, "\\u{0301}", 8); /* there is nothing to put it on */
    assert_shown("e\xcc\x81\xcc\x81\xcc\x81\xcc\x81x\xcc\x81", 0,
                 "e\xcc\x81\xcc\x81\\u{0301}\\u{0301}x\xcc\x81", 18);
}

static void long_text_is_cut_at_its_columns(void **state)
{
    (void)state;
    speak("C.UTF-8");
    assert_shown("abcdefgh", 8, "abcdefgh", 8);
    assert_shown("abcdefghi", 8, "abcde...", 8);
    assert_shown("日本日本", 8, "日本日本", 8);
    assert_shown("日本日本日", 8, "日本...", 7);
    assert_shown("abcd\x1b\x1b", 8, "abcd...", 7);
}

static void another_locale_gets_ascii(void **state)
{
    (void)state;
    speak("C");
    assert_shown("Zoë 🏓", 0, "Zo\\u{00EB} \\u{1F3D3}", 20);
}

static void ages_are_read_at_a_glance(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } table[] = {{-5, "0s"},           {0, "0s"},
                 {59, "59s"},          {60, "1m00s"},
                 {3599, "59m59s"},     {3600, "1h00m"},
                 {86399, "23h59m"},    {86400, "1d00h"},
                 {8640000, "100d00h"}, {INT64_MAX, "106751991167300d15h"}};
    char text[TERMINAL_TIME_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        terminal_age(table[i].seconds, text);
        assert_string_equal(text, table[i].text);
    }
    setenv("TZ", "UTC", 1);
    terminal_time(1767323045.678, text);
    assert_string_equal(text, "2026-01-02 03:04:05");
    terminal_time(0, text);
    assert_string_equal(text, "-");
}

/* ---- tables -------------------------------------------------------------------------- */

static void columns_are_aligned_whatever_is_in_them(void **state)
{
    static const struct table_column columns[] = {{"NAME", 6, 0}, {"N", 0, 1}, {"END", 0, 0}};
    static const char expected[] = "NAME       N  END\n"
                                   "Ann        1  x\n"
                                   "日本    1234  -\n"
                                   "abc...     -  y\n";
    char seen[256] = "";
    struct table table;
    (void)state;
    speak("C.UTF-8");
    table_begin(&table, columns, 3);
    table_add(&table, "Ann");
    table_addf(&table, "%d", 1);
    table_add(&table, "x");
    table_add(&table, "日本");
    table_addf(&table, "%d", 1234);
    table_add(&table, NULL);
    table_add(&table, "abcdefghi");
    table_add(&table, "");
    table_add(&table, "y");

    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    int outcome = table_end(&table);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(file);
    size_t length = fread(seen, 1, sizeof seen - 1, file);
    fclose(file);
    seen[length] = '\0';
    assert_int_equal(outcome, 0);
    assert_string_equal(seen, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_understood),
        cmocka_unit_test(results_are_chosen_by_state),
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(wrong_usage_is_told),
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(what_would_spoil_a_terminal_is_spelled_out),
        cmocka_unit_test(marks_do_not_pile_up),
        cmocka_unit_test(long_text_is_cut_at_its_columns),
        cmocka_unit_test(another_locale_gets_ascii),
        cmocka_unit_test(ages_are_read_at_a_glance),
        cmocka_unit_test(columns_are_aligned_whatever_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
