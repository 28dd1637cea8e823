/* Unit tests of common/secret_file: what is a key file and what is not, and that no error shows a key. */
#include "common/secret_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_secret_file.XXXXXX";
static char path[64], error[256], out[16];

static int set_up(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/key", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove(path);
    return rmdir(directory);
}

static int read_it(void)
{
    strcpy(out, "before");
    error[0] = '\0';
    return secret_file_read(path, out, sizeof out, error, sizeof error);
}

static int read_text(const char *text, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
    return read_it();
}

#define READ(text) read_text(text, sizeof(text) - 1)

static void assert_refused(const char *why)
{
    assert_non_null(strstr(error, why));
    assert_non_null(strstr(error, path));
    assert_null(strstr(error, "hunter"));
    assert_string_equal(out, "before");
}

static void test_a_line_with_or_without_its_end(void **state)
{
    (void)state;
    assert_int_equal(READ("hunter2"), 0);
    assert_string_equal(out, "hunter2");
    assert_int_equal(READ("hunter2\n"), 0);
    assert_string_equal(out, "hunter2");
    assert_int_equal(READ("hunter2\r\n"), 0);
    assert_string_equal(out, "hunter2");
    assert_int_equal(READ(" h\xc3\xa4 ,b "), 0); /* blanks are whoever wants the key's to judge */
    assert_string_equal(out, " h\xc3\xa4 ,b ");
}

static void test_the_longest_and_longer_ones(void **state)
{
    (void)state;
    assert_int_equal(READ("hunter789012345"), 0);
    assert_string_equal(out, "hunter789012345");
    assert_int_equal(READ("hunter789012345\r\n"), 0);
    assert_int_equal(READ("hunter7890123456"), -1);
    assert_refused("too long");
    assert_int_equal(READ("hunter7890123456\n"), -1);
    assert_refused("too long");
    assert_int_equal(READ("hunter78901234567890123456789012345678901234567890"), -1);
    assert_refused("too long");
}

static void test_what_is_no_key(void **state)
{
    (void)state;
    assert_int_equal(READ(""), -1);
    assert_refused("empty");
    assert_int_equal(READ("\n"), -1);
    assert_refused("empty");
    assert_int_equal(READ("hunter2\n\n"), -1);
    assert_refused("more than one line");
    assert_int_equal(READ("hunter2\nb\n"), -1);
    assert_refused("more than one line");
    assert_int_equal(READ("hunter2\0b"), -1);
    assert_refused("control character");
    assert_int_equal(READ("hunter2\x7f"), -1);
    assert_refused("control character");
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    assert_int_equal(read_it(), -1);
    assert_refused("No such file");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(read_it(), -1);
    assert_refused("not a regular file");
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes to it, and that is not waited for */
    assert_int_equal(read_it(), -1);
    assert_refused("not a regular file");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_line_with_or_without_its_end),
        TEST(test_the_longest_and_longer_ones),
        TEST(test_what_is_no_key),
        TEST(test_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
