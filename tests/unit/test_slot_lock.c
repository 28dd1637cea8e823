/*
 * slot_lock: one process of a machine has a slot. A lock belongs to the open file, so a second one
 * taken by this same process stands for another process'; a child shows the kernel letting go.
 */
#include "gamed/slot_lock.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    PATH_SIZE = 256,
    ERROR_SIZE = 512
};

struct place {
    char directory[PATH_SIZE - 64]; /* made for this test, empty */
    char error[ERROR_SIZE];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    const char *base = getenv("TMPDIR");
    *state = place;
    if (!place)
        return -1;
    snprintf(place->directory, sizeof place->directory, "%s/slot_lock_XXXXXX",
             base && strlen(base) < 100 ? base : "/tmp");
    return mkdtemp(place->directory) ? 0 : -1;
}

static const char *inside(const struct place *place, const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", place->directory, name);
    return path;
}

static int remove_place(void **state)
{
    static const char *const files[] = {"slot-A.lock", "slot-B.lock", "new/slot-A.lock", "a-file"};
    struct place *place = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(inside(place, files[i]));
    rmdir(inside(place, "new"));
    int failed = rmdir(place->directory);
    free(place);
    return failed;
}

static int take(struct place *place, const char *directory, char slot)
{
    place->error[0] = '\0';
    return slot_lock_take(directory, slot, place->error, sizeof place->error);
}

static void test_second_lock_of_a_slot_is_refused(void **state)
{
    struct place *place = *state;
    int first = take(place, place->directory, 'A');
    assert_true(first >= 0);
    assert_string_equal(place->error, "");
    assert_int_equal(take(place, place->directory, 'A'), -1);
    assert_non_null(strstr(place->error, "another gamed has slot A"));
    assert_non_null(strstr(place->error, place->directory));
    assert_int_equal(take(place, place->directory, 'A'), -1); /* being refused takes nothing away */
    close(first);
}

static void test_slots_do_not_disturb_each_other(void **state)
{
    struct place *place = *state;
    int a = take(place, place->directory, 'A');
    int b = take(place, place->directory, 'B');
    assert_true(a >= 0 && b >= 0);
    close(a);
    close(b);
}

static void test_lock_goes_with_its_descriptor(void **state)
{
    struct place *place = *state;
    int first = take(place, place->directory, 'A');
    assert_true(first >= 0);
    close(first);
    int second = take(place, place->directory, 'A');
    assert_true(second >= 0); /* the file that is left over locks nobody out */
    close(second);
}

static void test_lock_goes_with_its_process_however_that_ends(void **state)
{
    struct place *place = *state;
    int ready[2], status;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte = take(place, place->directory, 'A') >= 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1)
            _exit(1);
        alarm(60); /* should the test itself be killed */
        for (;;)
            pause();
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    int while_it_lives = take(place, place->directory, 'A');
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(byte, 'y');
    assert_int_equal(while_it_lives, -1);
    int afterwards = take(place, place->directory, 'A');
    assert_true(afterwards >= 0);
    close(afterwards);
    close(ready[0]);
    close(ready[1]);
}

#define REQUIRE(condition)                               \
    do {                                                 \
        if (!(condition)) {                              \
            fprintf(stderr, "not so: %s\n", #condition); \
            _exit(1);                                    \
        }                                                \
    } while (0)

/* A disk on which no file can be made, in a mount namespace of the child's own; needs root. */
static void meet_a_disk_without_space(struct place *place, unsigned long flags, const char *options,
                                      const char *more)
{
    const char *dir = place->directory;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("small", dir, "tmpfs", flags, options) != 0)
        _exit(77);
    const int first = take(place, dir, 'A');
    REQUIRE(first >= 0);
    REQUIRE(access(inside(place, "slot-A.lock"), F_OK) != 0);
    REQUIRE(take(place, dir, 'A') == -1);
    REQUIRE(strstr(place->error, "another gamed has slot A"));
    const int other = take(place, dir, 'B');
    REQUIRE(other >= 0);
    /* With space again, the file does not hide him who has the name, nor the other way round. */
    REQUIRE(mount(NULL, dir, NULL, MS_REMOUNT, more) == 0);
    REQUIRE(take(place, dir, 'A') == -1);
    close(first);
    REQUIRE(take(place, dir, 'A') >= 0);
    REQUIRE(access(inside(place, "slot-A.lock"), F_OK) == 0);
    REQUIRE(take(place, dir, 'A') == -1);
    _exit(0);
}

static void test_disk_without_space_does_not_refuse_the_start(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 2; i++) {
        int status;
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0 && i == 0)
            meet_a_disk_without_space(place, 0, "nr_inodes=1", "nr_inodes=100");
        if (child == 0)
            meet_a_disk_without_space(place, MS_RDONLY, "size=64k", "size=64k");
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
            skip();
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static void test_directory_is_made_and_is_private(void **state)
{
    struct place *place = *state;
    char directory[PATH_SIZE];
    struct stat info;
    snprintf(directory, sizeof directory, "%s", inside(place, "new"));
    int fd = take(place, directory, 'A');
    assert_true(fd >= 0);
    assert_int_equal(stat(directory, &info), 0);
    assert_int_equal(info.st_mode & 0007, 0);
    assert_int_equal(stat(inside(place, "new/slot-A.lock"), &info), 0);
    assert_int_equal(info.st_mode & 0007, 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
}

static void test_directory_that_cannot_be_made_is_said(void **state)
{
    struct place *place = *state;
    char directory[PATH_SIZE];
    snprintf(directory, sizeof directory, "%s", inside(place, "absent/new"));
    assert_int_equal(take(place, directory, 'A'), -1);
    assert_non_null(strstr(place->error, "cannot make the state directory"));
    assert_non_null(strstr(place->error, directory));
}

static void test_file_in_the_directorys_place_is_said(void **state)
{
    struct place *place = *state;
    char file[PATH_SIZE];
    snprintf(file, sizeof file, "%s", inside(place, "a-file"));
    int fd = open(file, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(take(place, file, 'A'), -1);
    assert_non_null(strstr(place->error, "cannot open"));
    assert_non_null(strstr(place->error, file));
}

static void test_long_sentence_is_cut_not_overrun(void **state)
{
    struct place *place = *state;
    char error[16];
    memset(error, 'x', sizeof error);
    assert_int_equal(slot_lock_take(inside(place, "absent/new"), 'A', error, sizeof error - 1), -1);
    assert_int_equal(strlen(error), sizeof error - 2);
    assert_int_equal(error[sizeof error - 1], 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_lock_of_a_slot_is_refused, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(test_slots_do_not_disturb_each_other, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(test_lock_goes_with_its_descriptor, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(test_lock_goes_with_its_process_however_that_ends,
                                        make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_disk_without_space_does_not_refuse_the_start,
                                        make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_directory_is_made_and_is_private, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(test_directory_that_cannot_be_made_is_said, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(test_file_in_the_directorys_place_is_said, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(test_long_sentence_is_cut_not_overrun, make_place,
                                        remove_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
