/*
 * Unit tests of api-fcgi/admit_api: how many threads handshakes may hold while gamed does not answer.
 * gamed and the clock are the test's own: the clock stands, so nobody's patience ends.
 */
#include "api-fcgi/admit_api.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api-fcgi/gamed_route.h"
#include "common/clock.h"

enum {
    MAX_ASKING = 2,
    MAX_ADMITTING = 5,
    GIVE_UP_SECONDS = 60 /* of a test that hangs */
};

static struct shared_identity identity;
static struct admit_api api;
static atomic_int asked;
static atomic_bool gamed_answers;
static const struct timespec pause_length = {.tv_nsec = 1000000};

struct now clock_read(void)
{
    return (struct now){.mono_ns = 1000000, .mono_ms = 1, .unix_ms = 1767323045000};
}

/* In the place of api-fcgi/instances.c: where the gamed that answers has its WebSocket. */
static const char *ws = "";

const char *instance_ws(const struct instance *instance)
{
    (void)instance;
    return ws;
}

void instance_release(struct instance *instance)
{
    (void)instance;
}

/* In the place of api-fcgi/gamed_route.c: a gamed that stands still until it is told to answer. */
static long outcome;

long gamed_route_ask(struct instances *instances, struct metrics *metrics,
                     struct ipc_request *request, int timeout_ms, json_t **reply,
                     struct instance **answered)
{
    (void)instances, (void)metrics, (void)request, (void)timeout_ms;
    *answered = NULL;
    if (outcome != 0)
        return outcome;
    atomic_fetch_add(&asked, 1);
    while (!atomic_load(&gamed_answers))
        nanosleep(&pause_length, NULL);
    *reply = json_pack("{s:b, s:s}", "ok", 1, "ticket", "T");
    return 0;
}

static const char *param(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "PONG_PATH") == 0)
        return "/ws/game/A00001/";
    return strcmp(name, "REMOTE_ADDR") == 0 ? "192.0.2.7" : NULL;
}

static size_t read_nothing(void *arg, char *out, size_t size)
{
    (void)arg, (void)out, (void)size;
    return 0;
}

static void *shake_hands(void *response)
{
    static const struct request_source source = {param, read_nothing, NULL};
    struct request request;
    request_init(&request, &source);
    admit_api_answer(&api, &request, response);
    return NULL;
}

static void test_who_finds_no_place_to_wait_is_denied_at_once(void **state)
{
    (void)state;
    static struct response held[MAX_ADMITTING], response;
    pthread_t threads[MAX_ADMITTING];
    alarm(GIVE_UP_SECONDS);
    for (int i = 0; i < MAX_ADMITTING; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, shake_hands, &held[i]), 0);
    while (atomic_load(&asked) < MAX_ASKING || atomic_load(&api.admitting) < MAX_ADMITTING)
        nanosleep(&pause_length, NULL);
    for (int i = 0; i < 3; i++) {
        shake_hands(&response);
        assert_int_equal(response.status, 403);
        assert_non_null(strstr(response.headers, "X-Pong-Denied: game_server_unavailable\r\n"));
    }
    assert_int_equal(atomic_load(&asked), MAX_ASKING); /* gamed is spared, too */

    atomic_store(&gamed_answers, true);
    for (int i = 0; i < MAX_ADMITTING; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(held[i].status, 200); /* those who waited for their turn had it */
        assert_non_null(strstr(held[i].headers, "X-Pong-Ticket: T\r\n"));
    }
    shake_hands(&response);
    assert_int_equal(response.status, 200);
    assert_int_equal(atomic_load(&asked), MAX_ADMITTING + 1);
    alarm(0);
}

static void test_the_upstream_is_that_of_who_gave_the_ticket(void **state)
{
    (void)state;
    static struct response response;
    atomic_store(&gamed_answers, true);
    ws = "unix:/run/pong/gamed-B.sock";
    shake_hands(&response);
    assert_int_equal(response.status, 200);
    assert_non_null(strstr(response.headers, "X-Pong-Upstream: unix:/run/pong/gamed-B.sock\r\n"));
    ws = "10.0.0.5:70\r\nX-Pong-Ticket: another";
    shake_hands(&response);
    assert_int_equal(response.status, 403);
    assert_null(strstr(response.headers, "another"));
    ws = "";
    shake_hands(&response);
    assert_int_equal(response.status, 200);
    assert_null(strstr(response.headers, "X-Pong-Upstream"));
}

static void test_whose_slot_has_no_owner_is_told_so(void **state)
{
    (void)state;
    static struct response response;
    static const struct {
        long outcome;
        const char *denied;
    } cases[] = {
        {IPC_CLIENT_MOVING, "X-Pong-Denied: slot_moving\r\n"},
        {IPC_CLIENT_NOBODYS, "X-Pong-Denied: room_not_found\r\n"},
        {IPC_CLIENT_TIMEOUT, "X-Pong-Denied: game_server_timeout\r\n"},
        {IPC_CLIENT_UNAVAILABLE, "X-Pong-Denied: game_server_unavailable\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        outcome = cases[i].outcome;
        shake_hands(&response);
        assert_int_equal(response.status, 403);
        assert_non_null(strstr(response.headers, cases[i].denied));
    }
    outcome = 0;
}

static int prepare(void **state)
{
    (void)state;
    struct identity_config config;
    char error[256];
    if (identity_configure(&config, "", "", error, sizeof error) != 0)
        return -1;
    api.deadline_ms = 300;
    api.max_asking = MAX_ASKING;
    api.max_admitting = MAX_ADMITTING;
    api.identity = &identity;
    api.allows_guests = true;
    return shared_identity_init(&identity, &config);
}

static int clear_up(void **state)
{
    (void)state;
    shared_identity_free(&identity);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_finds_no_place_to_wait_is_denied_at_once),
        cmocka_unit_test(test_the_upstream_is_that_of_who_gave_the_ticket),
        cmocka_unit_test(test_whose_slot_has_no_owner_is_told_so),
    };
    return cmocka_run_group_tests(tests, prepare, clear_up);
}
