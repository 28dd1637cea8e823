/*
 * unix_socket: what is removed from a path and what stays: in a directory of its own, with real
 * sockets.
 */
#include "common/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    BACKLOG = 4
};

static char directory[64];
static char path[96];
static char error[256];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/test_unix_socket.XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/a.sock", directory);
    return 0;
}

static int empty_directory(void **state)
{
    (void)state;
    error[0] = '\0';
    return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static int open_socket(int type)
{
    int descriptor = socket(AF_UNIX, type, 0);

    assert_true(descriptor >= 0);
    return descriptor;
}

static struct sockaddr_un name_of_path(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    strcpy(name.sun_path, path);
    return name;
}

static int bind_path(int type)
{
    struct sockaddr_un name = name_of_path();
    int descriptor = open_socket(type);

    assert_int_equal(bind(descriptor, (struct sockaddr *)&name, sizeof name), 0);
    return descriptor;
}

static int connect_path(int type)
{
    struct sockaddr_un name = name_of_path();
    int descriptor = open_socket(type);

    if (connect(descriptor, (struct sockaddr *)&name, sizeof name) == 0)
        return descriptor;
    close(descriptor);
    return -1;
}

static void assert_stays(const char *word)
{
    struct stat file;

    assert_int_equal(unix_socket_clear(path, error, sizeof error), -1);
    assert_non_null(strstr(error, word));
    assert_int_equal(unix_socket_listen(path, BACKLOG, error, sizeof error), -1);
    assert_non_null(strstr(error, word));
    assert_int_equal(lstat(path, &file), 0);
}

static void a_path_must_fit_a_name(void **state)
{
    char longest[sizeof((struct sockaddr_un *)0)->sun_path + 1];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 2] = '\0';
    assert_int_equal(unix_socket_check(longest, error, sizeof error), 0);
    longest[sizeof longest - 2] = 'x';
    longest[sizeof longest - 1] = '\0';
    longest[0] = '/'; /* were it cut, it could be made */
    assert_int_equal(unix_socket_check(longest, error, sizeof error), -1);
    assert_non_null(strstr(error, "1 to 107 bytes"));
    assert_int_equal(unix_socket_clear(longest, error, sizeof error), -1);
    assert_int_equal(unix_socket_listen(longest, BACKLOG, error, sizeof error), -1);
    assert_int_equal(unix_socket_check("", error, sizeof error), -1);
}

static void a_free_path_is_listened_on(void **state)
{
    struct stat file;
    int server;
    int client;

    (void)state;
    assert_int_equal(unix_socket_clear(path, error, sizeof error), 0);
    server = unix_socket_listen(path, BACKLOG, error, sizeof error);
    assert_true(server >= 0);
    assert_int_equal(lstat(path, &file), 0);
    assert_true(S_ISSOCK(file.st_mode));
    assert_int_equal(file.st_mode & 07777, 0660);
    assert_int_equal(fcntl(server, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(server, F_GETFL) & O_NONBLOCK, 0);
    client = connect_path(SOCK_STREAM);
    assert_true(client >= 0);
    close(client);
    close(server);
}

static void what_a_dead_process_left_is_replaced(void **state)
{
    struct stat file;
    int server;

    (void)state;
    close(bind_path(SOCK_STREAM));
    assert_int_equal(unix_socket_clear(path, error, sizeof error), 0);
    assert_int_equal(lstat(path, &file), -1);
    close(bind_path(SOCK_STREAM));
    server = unix_socket_listen(path, BACKLOG, error, sizeof error);
    assert_true(server >= 0);
    close(server);
}

static void a_live_socket_stays(void **state)
{
    int server;
    int client;

    (void)state;
    server = unix_socket_listen(path, BACKLOG, error, sizeof error);
    assert_true(server >= 0);
    assert_stays("another process listens");
    client = connect_path(SOCK_STREAM);
    assert_true(client >= 0);
    close(client);
    close(server);
}

/* A listener that knows of a connection has to do with it: nng 1.5 for ever. */
static void looking_is_not_noticed(void **state)
{
    int server = bind_path(SOCK_STREAM | SOCK_NONBLOCK);

    (void)state;
    assert_int_equal(listen(server, BACKLOG), 0);
    assert_stays("another process listens");
    assert_int_equal(unix_socket_try(path, error, sizeof error), 0);
    assert_int_equal(accept(server, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    close(server);
}

static void why_nobody_can_be_reached_is_said(void **state)
{
    char longest[200];
    int server;

    (void)state;
    assert_int_equal(unix_socket_try(path, error, sizeof error), -1);
    assert_non_null(strstr(error, path));
    assert_non_null(strstr(error, strerror(ENOENT)));
    close(bind_path(SOCK_STREAM));
    assert_int_equal(unix_socket_try(path, error, sizeof error), -1);
    assert_non_null(strstr(error, strerror(ECONNREFUSED)));
    assert_int_equal(unlink(path), 0);
    server = bind_path(SOCK_DGRAM);
    assert_int_equal(unix_socket_try(path, error, sizeof error), -1);
    assert_non_null(strstr(error, strerror(EPROTOTYPE)));
    close(server);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(unix_socket_try(longest, error, sizeof error), -1);
    assert_non_null(strstr(error, "1 to 107 bytes"));
}

/* Its process is too busy to accept; whoever connected to it without a care would wait. */
static void a_live_socket_with_a_full_backlog_stays(void **state)
{
    int waiting[8];
    size_t count = 0;
    int server = bind_path(SOCK_STREAM);

    (void)state;
    assert_int_equal(listen(server, 0), 0);
    do
        waiting[count] = connect_path(SOCK_STREAM | SOCK_NONBLOCK);
    while (waiting[count] >= 0 && ++count < sizeof waiting / sizeof waiting[0]);
    assert_int_equal(errno, EAGAIN);
    assert_stays("another process listens");
    while (count > 0)
        close(waiting[--count]);
    close(server);
}

static void a_live_socket_of_another_type_stays(void **state)
{
    int server = bind_path(SOCK_DGRAM);

    (void)state;
    assert_stays("another process listens");
    close(server);
}

static void a_file_that_is_no_socket_stays(void **state)
{
    char content[8] = "";
    int file = open(path, O_CREAT | O_WRONLY, 0600);

    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, "dear", 4), 4);
    close(file);
    assert_stays("is not a socket");
    file = open(path, O_RDONLY);
    assert_int_equal(read(file, content, sizeof content), 4);
    assert_string_equal(content, "dear");
    close(file);
}

static void a_link_to_a_dead_socket_stays(void **state)
{
    char target[128];

    (void)state;
    close(bind_path(SOCK_STREAM));
    snprintf(target, sizeof target, "%s/target.sock", directory);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0);
    assert_stays("is not a socket");
    assert_int_equal(unlink(target), 0);
}

static void a_path_that_cannot_be_looked_at_is_an_error(void **state)
{
    char below[128];
    int file = open(path, O_CREAT | O_WRONLY, 0600);

    (void)state;
    close(file);
    snprintf(below, sizeof below, "%s/b.sock", path);
    assert_int_equal(unix_socket_clear(below, error, sizeof error), -1);
    assert_non_null(strstr(error, "cannot look at"));
    snprintf(below, sizeof below, "%s/none/b.sock", directory);
    assert_int_equal(unix_socket_listen(below, BACKLOG, error, sizeof error), -1);
    assert_non_null(strstr(error, "cannot listen on"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_path_must_fit_a_name, empty_directory),
        cmocka_unit_test_teardown(a_free_path_is_listened_on, empty_directory),
        cmocka_unit_test_teardown(what_a_dead_process_left_is_replaced, empty_directory),
        cmocka_unit_test_teardown(a_live_socket_stays, empty_directory),
        cmocka_unit_test_teardown(looking_is_not_noticed, empty_directory),
        cmocka_unit_test_teardown(why_nobody_can_be_reached_is_said, empty_directory),
        cmocka_unit_test_teardown(a_live_socket_with_a_full_backlog_stays, empty_directory),
        cmocka_unit_test_teardown(a_live_socket_of_another_type_stays, empty_directory),
        cmocka_unit_test_teardown(a_file_that_is_no_socket_stays, empty_directory),
        cmocka_unit_test_teardown(a_link_to_a_dead_socket_stays, empty_directory),
        cmocka_unit_test_teardown(a_path_that_cannot_be_looked_at_is_an_error, empty_directory),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
