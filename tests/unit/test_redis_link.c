/*
 * Tests of redis_link with a real redis-server, and with peers that are none. What they wait for is an
 * event; a deadline is looked at from below only, as a slow machine may pass any later one.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "cluster/redis_link.h"
#include "cluster/redis_scripts.h"
#include "tests/unit/redis_server.h"

#define PASSWORD "open-sesame-7"

enum {
    PATIENCE_MS = 20000
};

static struct redis_server server;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct redis_link *link_to(const char *url, const char *ca_file)
{
    struct redis_link *link = NULL;

    assert_int_equal(redis_link_new(&(struct redis_link_config){url, ca_file, "a-test"}, &link), 0);
    return link;
}

/* Opens it however long the pauses after failures and the machine may take. */
static void open_at_last(struct redis_link *link)
{
    int64_t until = now_ms() + PATIENCE_MS;

    while (redis_link_open(link) != 0) {
        if (now_ms() > until)
            fail_msg("not opened: %s", redis_link_error(link));
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

static struct redis_link *open_link(void)
{
    struct redis_link *link = link_to(server.url, "");

    open_at_last(link);
    return link;
}

/* A round of one command of up to three words. */
static const struct redisReply *ask(struct redis_link *link, const char *first, const char *second,
                                    const char *third)
{
    const char *words[] = {first, second, third};
    struct redisReply *const *replies = NULL;
    size_t count = 0;

    redis_link_begin(link);
    redis_link_add(link, third ? 3 : second ? 2 : 1, words, NULL);
    if (redis_link_run(link, PATIENCE_MS, &replies, &count) != 0)
        return NULL;
    assert_int_equal(count, 1);
    return replies[0];
}

/* It fails so and for this reason, once the machine was quick enough for the deadline of an opening. */
static void expect_failure(const char *url, const char *ca_file, int outcome, const char *why)
{
    struct redis_link *link = link_to(url, ca_file);
    int64_t until = now_ms() + PATIENCE_MS;

    while (redis_link_open(link) != outcome || !strstr(redis_link_error(link), why)) {
        if (redis_link_is_open(link) || now_ms() > until)
            fail_msg("\"%s\" instead of \"%s\"", redis_link_error(link), why);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_false(redis_link_is_open(link));
    assert_null(strstr(redis_link_error(link), PASSWORD));
    redis_link_free(link);
}

static int start_server(void **state)
{
    (void)state;
    redis_server_start(&server, NULL);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

static void test_urls(void **state)
{
    static const char *const good[] = {
        "redis://host",           "redis://host/",
        "redis://host:1/3",       "rediss://10.0.0.1:6380",
        "redis://[::1]:7000/15",  "redis://[::1]",
        "redis://:secret@host",   "rediss://user:se%40cret@host:65535",
        "unix:///run/redis.sock", "unix://:secret@/run/redis.sock?db=4",
        "redis://u:p@ss@host"};
    static const char *const bad[] = {"",
                                      "redis:/host",
                                      "http://host",
                                      "redis://",
                                      "redis://:6379",
                                      "redis://host:0",
                                      "redis://host:65536",
                                      "redis://host:x",
                                      "redis://host/x",
                                      "redis://host/0/1",
                                      "redis://[::1",
                                      "redis://[::1]6379",
                                      "redis://secret@host",
                                      "redis://user:@host",
                                      "redis://user:se%4xcret@host",
                                      "redis://user:secret%00@host",
                                      "redis://ho st",
                                      "unix://",
                                      "unix://run/redis.sock",
                                      "unix:///run/redis.sock?db=",
                                      "redis://:secret@",
                                      "unix:///run/redis.sock?password=secret",
                                      "redis://:secret@host:nonsense"};
    char error[REDIS_LINK_ERROR_SIZE];
    char long_url[600] = "unix:///";

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (redis_link_check(good[i], error, sizeof error) != 0)
            fail_msg("%s: %s", good[i], error);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error[0] = '\0';
        if (redis_link_check(bad[i], error, sizeof error) != REDIS_LINK_BAD_URL)
            fail_msg("%s was taken", bad[i]);
        assert_string_not_equal(error, "");
        assert_null(strstr(error, "secret"));
    }
    memset(long_url + 8, 'x', sizeof long_url - 9);
    assert_int_equal(redis_link_check(long_url, error, sizeof error), REDIS_LINK_BAD_URL);
    memcpy(long_url, "redis://", 8);
    assert_int_equal(redis_link_check(long_url, error, sizeof error), REDIS_LINK_BAD_URL);
}

static void test_a_round(void **state)
{
    struct redis_link *link = open_link();
    const char *set[] = {"SET", "bytes", "a\0b"};
    const size_t sizes[] = {3, 5, 3};
    const char *wrong[] = {"INCR", "bytes"};
    const char *get[] = {"GET", "bytes"};
    struct redisReply *const *replies = NULL;
    size_t count = 0;
    size_t size = 0;

    (void)state;
    assert_true(redis_link_is_open(link));
    assert_int_equal(redis_link_generation(link), 1);
    assert_int_equal(strlen(redis_link_run_id(link)), 40);
    assert_string_equal(redis_reply_text(ask(link, "CLIENT", "GETNAME", NULL), NULL), "a-test");
    redis_link_begin(link);
    redis_link_add(link, 3, set, sizes);
    redis_link_add(link, 2, wrong, NULL);
    redis_link_add(link, 2, get, NULL);
    for (int i = 0; i < 20000; i++)
        redis_link_add(link, 2, get, NULL);
    assert_int_equal(redis_link_run(link, PATIENCE_MS, &replies, &count), 0);
    assert_int_equal(count, 20003);
    assert_string_equal(redis_reply_text(replies[0], NULL), "OK");
    assert_int_equal(replies[1]->type, REDIS_REPLY_ERROR);
    assert_null(redis_reply_text(replies[1], NULL));
    assert_int_equal(redis_reply_integer(replies[1], -7), -7);
    assert_memory_equal(redis_reply_text(replies[20002], &size), "a\0b", 4);
    assert_int_equal(size, 3);
    assert_int_equal(redis_reply_integer(ask(link, "STRLEN", "bytes", NULL), -7), 3);
    assert_int_equal(redis_reply_integer(NULL, -7), -7);

    redis_link_begin(link);
    assert_int_equal(redis_link_run(link, PATIENCE_MS, &replies, &count), 0);
    assert_int_equal(count, 0);
    redis_link_free(link);
}

static void test_what_cannot_be_sent(void **state)
{
    struct redis_link *link = open_link();
    struct redisReply *const *replies = NULL;
    size_t count = 0;

    (void)state;
    redis_link_begin(link);
    redis_link_add(link, 0, NULL, NULL);
    assert_int_equal(redis_link_run(link, PATIENCE_MS, &replies, &count), REDIS_LINK_NO_MEMORY);
    assert_true(redis_link_is_open(link));
    assert_non_null(ask(link, "PING", NULL, NULL));
    redis_link_free(link);
}

static void test_scripts_that_are_gone_are_loaded_again(void **state)
{
    struct redis_link *link = open_link();
    const char *keys[] = {"{pong}:instances"};
    const char *args[] = {"nobody"};
    struct redisReply *const *replies = NULL;
    size_t count = 0;

    (void)state;
    redis_link_begin(link);
    redis_script_add(link, REDIS_SCRIPT_LEAVE, 1, keys, 1, args, NULL);
    assert_int_equal(redis_link_run(link, PATIENCE_MS, &replies, &count), 0);
    assert_int_equal(redis_reply_integer(replies[0], -7), 1);

    assert_string_equal(redis_server_ask(&server, "SCRIPT FLUSH"), "+OK\r\n");
    redis_link_begin(link);
    redis_script_add(link, REDIS_SCRIPT_LEAVE, 1, keys, 1, args, NULL);
    assert_int_equal(redis_link_run(link, PATIENCE_MS, &replies, &count), REDIS_LINK_DOWN);
    assert_false(redis_link_is_open(link));
    assert_non_null(strstr(redis_link_error(link), "NOSCRIPT"));
    assert_int_equal(redis_link_open(link), REDIS_LINK_DOWN); /* the pause */

    open_at_last(link);
    assert_int_equal(redis_link_generation(link), 2);
    redis_link_begin(link);
    redis_script_add(link, REDIS_SCRIPT_LEAVE, 1, keys, 1, args, NULL);
    assert_int_equal(redis_link_run(link, PATIENCE_MS, &replies, &count), 0);
    assert_int_equal(redis_reply_integer(replies[0], -7), 1);
    redis_link_free(link);
}

static void test_a_server_that_stands_still(void **state)
{
    struct redis_link *link = open_link();
    struct redis_link *other = link_to(server.url, "");
    const char *words[] = {"PING"};
    struct redisReply *const *replies = NULL;
    size_t count = 0;
    int64_t began_ms;

    (void)state;
    redis_server_pause(&server);
    redis_link_begin(link);
    redis_link_add(link, 1, words, NULL);
    began_ms = now_ms();
    assert_int_equal(redis_link_run(link, 150, &replies, &count), REDIS_LINK_DOWN);
    assert_true(now_ms() - began_ms >= 149);
    assert_string_equal(redis_link_error(link), "no answer in time");
    assert_int_equal(redis_link_run(link, 150, &replies, &count), REDIS_LINK_DOWN);
    assert_int_equal(redis_link_open(other), REDIS_LINK_DOWN);
    redis_server_resume(&server);
    open_at_last(link);
    assert_non_null(ask(link, "PING", NULL, NULL));
    redis_link_free(link);
    redis_link_free(other);
}

static void test_a_server_that_starts_again(void **state)
{
    struct redis_link *link = open_link();
    char run_id[64];

    (void)state;
    snprintf(run_id, sizeof run_id, "%s", redis_link_run_id(link));
    redis_server_kill(&server);
    assert_null(ask(link, "PING", NULL, NULL));
    assert_int_not_equal(redis_link_open(link), 0);
    redis_server_restart(&server);
    open_at_last(link);
    assert_string_not_equal(redis_link_run_id(link), run_id);
    assert_int_equal(redis_link_generation(link), 2);
    redis_link_free(link);
}

static void test_a_replica_is_left(void **state)
{
    struct redis_link *link = open_link();

    (void)state;
    assert_string_equal(redis_server_ask(&server, "REPLICAOF 127.0.0.1 1"), "+OK\r\n");
    assert_null(ask(link, "SET", "a", "b"));
    assert_false(redis_link_is_open(link));
    assert_non_null(strstr(redis_link_error(link), "READONLY"));
    assert_string_equal(redis_server_ask(&server, "REPLICAOF NO ONE"), "+OK\r\n");
    open_at_last(link);
    assert_non_null(ask(link, "SET", "a", "b"));
    redis_link_free(link);
}

static void test_a_full_server_is_kept(void **state)
{
    struct redis_link *link = open_link();
    const struct redisReply *reply;

    (void)state;
    assert_string_equal(redis_server_ask(&server, "CONFIG SET maxmemory 1"), "+OK\r\n");
    reply = ask(link, "SET", "a", "b");
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    assert_memory_equal(reply->str, "OOM ", 4);
    assert_true(redis_link_is_open(link));
    assert_string_equal(redis_server_ask(&server, "CONFIG SET maxmemory 0"), "+OK\r\n");
    redis_link_free(link);
}

static void test_more_than_the_maximum(void **state)
{
    struct redis_link *link = open_link();
    const char *get[] = {"GET", "large"};
    struct redisReply *const *replies = NULL;
    size_t count = 0;

    (void)state;
    assert_string_equal(redis_server_ask(&server, "SETRANGE large 16777215 x"), ":16777216\r\n");
    redis_link_begin(link);
    for (int i = 0; i < 5; i++)
        redis_link_add(link, 2, get, NULL);
    assert_int_equal(redis_link_run(link, PATIENCE_MS, &replies, &count), REDIS_LINK_DOWN);
    assert_string_equal(redis_link_error(link), "more than 64 MiB were answered");
    assert_string_equal(redis_server_ask(&server, "DEL large"), ":1\r\n");
    redis_link_free(link);
}

/* ---- who we are ------------------------------------------------------------------------------------ */

static void test_passwords(void **state)
{
    static const char *const args[] = {"--requirepass", PASSWORD, NULL};
    struct redis_server guarded;
    char url[256];
    struct redis_link *link;

    (void)state;
    redis_server_start(&guarded, args);
    snprintf(url, sizeof url, "unix://:%s@%s?db=3", PASSWORD, guarded.socket);
    link = link_to(url, "");
    open_at_last(link);
    assert_non_null(strstr(redis_reply_text(ask(link, "CLIENT", "INFO", NULL), NULL), " db=3 "));
    redis_link_free(link);

    snprintf(url, sizeof url, "unix://default:%s@%s", PASSWORD, guarded.socket);
    link = link_to(url, "");
    open_at_last(link);
    redis_link_free(link);

    snprintf(url, sizeof url, "unix://:%s-not@%s", PASSWORD, guarded.socket);
    expect_failure(url, "", REDIS_LINK_REFUSED, "Redis refuses the user or the password");
    expect_failure(guarded.url, "", REDIS_LINK_REFUSED, "NOAUTH");
    snprintf(url, sizeof url, "unix://:%s@%s?db=999", PASSWORD, guarded.socket);
    expect_failure(url, "", REDIS_LINK_REFUSED, "out of range");
    redis_server_stop(&guarded);
}

/* A server quotes a command that it does not know, and with it the password. */
static void test_a_quoted_password_is_not_told(void **state)
{
    static const char *const args[] = {"--rename-command", "AUTH", "", NULL};
    struct redis_server quoting;
    char url[256];

    (void)state;
    redis_server_start(&quoting, args);
    snprintf(url, sizeof url, "AUTH %s", PASSWORD);
    assert_non_null(strstr(redis_server_ask(&quoting, url), PASSWORD));
    snprintf(url, sizeof url, "unix://:%s@%s", PASSWORD, quoting.socket);
    expect_failure(url, "", REDIS_LINK_REFUSED, "Redis refuses the user or the password");
    redis_server_stop(&quoting);
}

/* ---- TCP and TLS ----------------------------------------------------------------------------------- */

/* A port of 127.0.0.1 that is free now. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* Makes NAME.pem and NAME.key: for localhost and 127.0.0.1, signed by itself. */
static void make_certificate(const char *directory, const char *name)
{
    char command[512];

    snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s -addext "
        "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout %s/%s.key -out %s/%s.pem 2>/dev/null",
        name, directory, name, directory, name);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): words of our own */
}

static void expect_open(const char *url, const char *ca_file)
{
    struct redis_link *link = link_to(url, ca_file);

    open_at_last(link);
    assert_non_null(ask(link, "PING", NULL, NULL));
    redis_link_free(link);
}

static void test_tcp(void **state)
{
    struct redis_server tcp;
    char port[16];
    char url[256];
    const char *args[] = {"--port", port, "--bind", "127.0.0.1", NULL};

    (void)state;
    snprintf(port, sizeof port, "%d", free_port());
    redis_server_start(&tcp, args);
    snprintf(url, sizeof url, "redis://127.0.0.1:%s", port);
    expect_open(url, "");
    snprintf(url, sizeof url, "redis://localhost:%s/2", port);
    expect_open(url, "");
    redis_server_kill(&tcp);
    snprintf(url, sizeof url, "redis://127.0.0.1:%s", port);
    expect_failure(url, "", REDIS_LINK_DOWN, "cannot connect: Connection refused");
    expect_failure("redis://no-such-host.invalid", "", REDIS_LINK_DOWN, "no-such-host.invalid");
    redis_server_stop(&tcp);
}

static void test_tls(void **state)
{
    struct redis_server tls;
    char directory[] = "/tmp/pong-redis-tls-XXXXXX";
    char port[16], certificate[64], key[64], other[64], missing[64], url[256], command[64];
    const char *args[] = {"--tls-port",
                          port,
                          "--tls-cert-file",
                          certificate,
                          "--tls-key-file",
                          key,
                          "--tls-ca-cert-file",
                          certificate,
                          "--tls-auth-clients",
                          "no",
                          NULL};
    struct redis_link *link = NULL;

    (void)state;
    assert_non_null(mkdtemp(directory));
    make_certificate(directory, "redis");
    make_certificate(directory, "other");
    snprintf(port, sizeof port, "%d", free_port());
    snprintf(certificate, sizeof certificate, "%s/redis.pem", directory);
    snprintf(key, sizeof key, "%s/redis.key", directory);
    snprintf(other, sizeof other, "%s/other.pem", directory);
    snprintf(missing, sizeof missing, "%s/missing.pem", directory);
    redis_server_start(&tls, args);

    snprintf(url, sizeof url, "rediss://127.0.0.1:%s", port);
    expect_open(url, certificate);
    expect_failure(url, other, REDIS_LINK_REFUSED, "the certificate is refused");
    expect_failure(url, "", REDIS_LINK_REFUSED, "the certificate is refused");
    assert_int_equal(redis_link_new(&(struct redis_link_config){url, missing, "a-test"}, &link),
                     REDIS_LINK_BAD_URL);
    snprintf(url, sizeof url, "rediss://localhost:%s", port);
    expect_open(url, certificate);
    /* the same machine by an address that the certificate does not name */
    snprintf(url, sizeof url, "rediss://127.0.0.2:%s", port);
    expect_failure(url, certificate, REDIS_LINK_REFUSED, "mismatch");
    snprintf(url, sizeof url, "redis://127.0.0.1:%s", port);
    expect_failure(url, "", REDIS_LINK_DOWN, "");

    redis_server_stop(&tls);
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own making */
}

/* ---- peers that are no Redis ----------------------------------------------------------------------- */

struct peer {
    int listener;
    char directory[64], path[80], url[96];
    const char *words; /* sent first; then one byte after the other, without end */
    pthread_t thread;
    atomic_bool is_stopping;
};

static void *talk(void *arg)
{
    struct peer *peer = arg;

    while (!atomic_load(&peer->is_stopping)) {
        int fd = accept(peer->listener, NULL, NULL);

        if (fd < 0)
            break;
        send(fd, peer->words, strlen(peer->words), MSG_NOSIGNAL);
        while (!atomic_load(&peer->is_stopping) && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
            continue;
        close(fd);
    }
    return NULL;
}

static void start_peer(struct peer *peer, const char *words)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memset(peer, 0, sizeof *peer);
    peer->words = words;
    snprintf(peer->directory, sizeof peer->directory, "/tmp/pong-peer-XXXXXX");
    assert_non_null(mkdtemp(peer->directory));
    snprintf(peer->path, sizeof peer->path, "%s/sock", peer->directory);
    snprintf(peer->url, sizeof peer->url, "unix://%s", peer->path);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", peer->path);
    peer->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 4), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, talk, peer), 0);
}

static void stop_peer(struct peer *peer)
{
    atomic_store(&peer->is_stopping, true);
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    unlink(peer->path);
    rmdir(peer->directory);
}

static void test_a_peer_of_another_kind(void **state)
{
    struct peer peer;

    (void)state;
    start_peer(&peer, "HTTP/1.1 200 OK\r\n");
    expect_failure(peer.url, "", REDIS_LINK_DOWN, "no Redis protocol");
    stop_peer(&peer);
}

static void test_an_array_without_bounds(void **state)
{
    struct peer peer;

    (void)state;
    start_peer(&peer, "*2147483647\r\n");
    expect_failure(peer.url, "", REDIS_LINK_DOWN, "no Redis protocol");
    stop_peer(&peer);
}

/* Each byte is in time, the whole never comes: the deadline is the round's, not a read's. */
static void test_a_peer_that_never_ends(void **state)
{
    struct peer peer;

    (void)state;
    start_peer(&peer, "$60000000\r\n");
    expect_failure(peer.url, "", REDIS_LINK_DOWN, "no answer in time");
    stop_peer(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_a_round),
        cmocka_unit_test(test_what_cannot_be_sent),
        cmocka_unit_test(test_scripts_that_are_gone_are_loaded_again),
        cmocka_unit_test(test_a_server_that_stands_still),
        cmocka_unit_test(test_a_server_that_starts_again),
        cmocka_unit_test(test_a_replica_is_left),
        cmocka_unit_test(test_a_full_server_is_kept),
        cmocka_unit_test(test_more_than_the_maximum),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_a_quoted_password_is_not_told),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_a_peer_of_another_kind),
        cmocka_unit_test(test_an_array_without_bounds),
        cmocka_unit_test(test_a_peer_that_never_ends),
    };

    signal(SIGPIPE, SIG_IGN);
    if (!redis_server_is_there())
        return REDIS_SERVER_SKIPPED;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
