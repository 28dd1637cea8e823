/*
 * Unit tests of api-fcgi's way to the right gamed: instances, gamed_route and gamed_survey, over real
 * ipc:// sockets, with gamed of the test's own that answer as they are told to. What the tests wait for
 * is an event, never a span of time.
 */
#include "api-fcgi/gamed_route.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api-fcgi/gamed_survey.h"
#include "ipc/ipc_server.h"

enum {
    PEERS = 3,
    GIVE_UP_SECONDS = 60, /* of a test that hangs */
    TIMEOUT_MS = 20000
};

/* A gamed: what it says is set before it is asked. */
struct peer {
    char url[128];
    _Atomic(const char *) slots;
    _Atomic(const char *) health;  /* fields of the reply, "" for none more */
    _Atomic(const char *) refusal; /* a code; NULL: it does what it is asked */
    _Atomic(const char *) once;    /* the same for one question */
    const char *rooms;             /* of its list, as JSON */
    struct ipc_server *server;     /* NULL: it is away */
    pthread_t thread;
    sem_t wakes;
    atomic_bool is_stopping;
    atomic_int asked; /* anything but its health */
};

static char directory[64];
static struct peer peers[PEERS];
static struct option_list gamed;
static struct instances *instances;
static struct metrics metrics;
static json_t *reply;
static struct instance *answered;

/* ---- the peers ------------------------------------------------------------------------- */

static void wake(void *arg)
{
    sem_post(&((struct peer *)arg)->wakes);
}

static void answer(struct peer *peer, struct ipc_exchange *exchange)
{
    struct ipc_request request;
    char text[2048];
    size_t length;
    const char *question = ipc_exchange_text(exchange, &length);
    const char *code = atomic_load(&peer->refusal), *slots = atomic_load(&peer->slots);

    if (ipc_request_decode(question, length, &request) != IPC_OK)
        abort();
    if (request.op == IPC_HEALTH) {
        snprintf(text, sizeof text,
                 "{\"v\":1,\"ok\":true,\"slots\":\"%s\",\"ws\":\"unix:/ws-%s\"%s}", slots, slots,
                 atomic_load(&peer->health));
    } else {
        const char *once = atomic_exchange(&peer->once, NULL);

        code = once != NULL ? once : code;
        atomic_fetch_add(&peer->asked, 1);
        if (code != NULL)
            snprintf(text, sizeof text, "{\"v\":1,\"ok\":false,\"code\":\"%s\",\"error\":\"No\"}",
                     code);
        else
            snprintf(text, sizeof text, "{\"v\":1,\"ok\":true,\"who\":\"%s\",\"rooms\":%s}", slots,
                     peer->rooms);
    }
    ipc_exchange_reply(exchange, text, strlen(text));
}

static void *run_peer(void *arg)
{
    struct peer *peer = arg;

    while (!atomic_load(&peer->is_stopping)) {
        struct ipc_exchange *exchange;

        sem_wait(&peer->wakes);
        while ((exchange = ipc_server_next(peer->server)) != NULL)
            answer(peer, exchange);
    }
    return NULL;
}

static void start_peer(struct peer *peer)
{
    char error[256];

    sem_init(&peer->wakes, 0, 0);
    atomic_store(&peer->is_stopping, false);
    peer->server = ipc_server_open(peer->url, wake, peer, error, sizeof error);
    if (peer->server == NULL)
        fail_msg("%s", error);
    assert_int_equal(pthread_create(&peer->thread, NULL, run_peer, peer), 0);
}

static void stop_peer(struct peer *peer)
{
    if (peer->server == NULL)
        return;
    atomic_store(&peer->is_stopping, true);
    sem_post(&peer->wakes);
    pthread_join(peer->thread, NULL);
    ipc_server_close(peer->server);
    sem_destroy(&peer->wakes);
    peer->server = NULL;
}

/* ---- what is done ---------------------------------------------------------------------- */

static void open_instances(size_t count)
{
    const struct instances_config config = {.gamed = &gamed, .max_waiting = 8};
    char error[256];

    gamed.count = count;
    for (size_t i = 0; i < count; i++)
        strcpy(gamed.value[i], peers[i].url);
    instances = instances_open(&config, error, sizeof error);
    if (instances == NULL)
        fail_msg("%s", error);
}

static void await_fresh(size_t count)
{
    struct instances_stats stats;

    do {
        instances_refresh(instances);
        instances_stats(instances, &stats);
    } while (stats.fresh != count);
}

static void open_all(void)
{
    for (size_t i = 0; i < PEERS; i++)
        start_peer(&peers[i]);
    open_instances(PEERS);
    await_fresh(PEERS);
}

static long ask(enum ipc_op op, const char *room_code)
{
    struct ipc_request request = {.op = op};

    strcpy(request.room_code, room_code);
    strcpy(request.address, "192.0.2.7");
    if (op == IPC_CREATE || op == IPC_JOIN || op == IPC_QUICK)
        random_seat_token(request.new_token);
    json_decref(reply);
    instance_release(answered);
    return gamed_route_ask(instances, &metrics, &request, TIMEOUT_MS, &reply, &answered);
}

static const char *who(void)
{
    const char *name = json_string_value(json_object_get(reply, "who"));

    return name != NULL ? name : "";
}

static const char *code(void)
{
    const char *text = json_string_value(json_object_get(reply, "code"));

    return text != NULL ? text : "";
}

static int begin(void **state)
{
    static const char *const slots[PEERS] = {"A", "B", "0Z"};
    static const char *const rooms[PEERS] = {"[1,2,3]", "[4]", "[]"};

    (void)state;
    alarm(GIVE_UP_SECONDS);
    strcpy(directory, "/tmp/pong-route-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    memset(&metrics, 0, sizeof metrics);
    for (size_t i = 0; i < PEERS; i++) {
        memset(&peers[i], 0, sizeof peers[i]);
        snprintf(peers[i].url, sizeof peers[i].url, "ipc://%s/%zu.sock", directory, i);
        atomic_store(&peers[i].slots, slots[i]);
        peers[i].rooms = rooms[i];
        atomic_store(&peers[i].health, "");
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    json_decref(reply);
    reply = NULL;
    instance_release(answered);
    answered = NULL;
    instances_close(instances);
    instances = NULL;
    for (size_t i = 0; i < PEERS; i++)
        stop_peer(&peers[i]);
    alarm(0);
    return rmdir(directory);
}

/* ---- tests ----------------------------------------------------------------------------- */

static void test_a_single_gamed_is_asked_everything(void **state)
{
    (void)state;
    start_peer(&peers[0]);
    open_instances(1);
    assert_true(instances_is_single(instances));
    while (ask(IPC_CREATE, "") == IPC_CLIENT_UNAVAILABLE)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_string_equal(who(), "A");
    assert_string_equal(instance_ws(answered), "");
    assert_int_equal(ask(IPC_JOIN, "X12345"), 0); /* it knows best what is not its own */
    assert_string_equal(who(), "A");
    atomic_store(&peers[0].refusal, "draining");
    assert_int_equal(ask(IPC_CREATE, ""), 0);
    assert_string_equal(code(), "draining");
    stop_peer(&peers[0]);
    while (ask(IPC_JOIN, "A12345") != IPC_CLIENT_UNAVAILABLE)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_null(reply);
    assert_null(answered);
    assert_int_equal(metrics.slot_moving, 0);
}

static void test_a_room_is_asked_for_at_the_owner_of_its_slot(void **state)
{
    (void)state;
    static const enum ipc_op ops[] = {IPC_JOIN, IPC_CHECK, IPC_CANCEL, IPC_ADMIT};
    open_all();
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        assert_int_equal(ask(ops[i], "A12345"), 0);
        assert_string_equal(who(), "A");
        assert_int_equal(ask(ops[i], "B12345"), 0);
        assert_string_equal(who(), "B");
        assert_string_equal(instance_ws(answered), "unix:/ws-B");
        assert_string_equal(instance_label(answered), peers[1].url);
        assert_int_equal(ask(ops[i], "Z12345"), 0);
        assert_string_equal(who(), "0Z");
        assert_int_equal(ask(ops[i], "C12345"), IPC_CLIENT_NOBODYS);
    }
}

static void test_while_one_was_never_heard_of_a_slot_may_be_its_own(void **state)
{
    (void)state;
    start_peer(&peers[0]);
    open_instances(2);
    await_fresh(1);
    assert_int_equal(ask(IPC_JOIN, "A12345"), 0);
    assert_int_equal(ask(IPC_JOIN, "B12345"), IPC_CLIENT_MOVING);
    assert_int_equal(ask(IPC_JOIN, "C12345"), IPC_CLIENT_MOVING);
    start_peer(&peers[1]);
    await_fresh(2);
    assert_int_equal(ask(IPC_JOIN, "B12345"), 0);
    assert_string_equal(who(), "B");
    assert_int_equal(ask(IPC_JOIN, "C12345"), IPC_CLIENT_NOBODYS);
}

static void test_an_owner_that_is_away_is_moving_and_comes_back(void **state)
{
    (void)state;
    open_all();
    stop_peer(&peers[1]);
    while (ask(IPC_JOIN, "B12345") != IPC_CLIENT_MOVING)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_null(reply);
    assert_null(answered);
    assert_true(metrics.slot_moving > 0);
    await_fresh(2);
    for (int i = 0; i < 40; i++) { /* new rooms are opened elsewhere */
        assert_int_equal(ask(IPC_CREATE, ""), 0);
        assert_string_not_equal(who(), "B");
    }
    start_peer(&peers[1]);
    await_fresh(3);
    assert_int_equal(ask(IPC_JOIN, "B12345"), 0);
    assert_string_equal(who(), "B");
}

static void test_wrong_slot_is_asked_once_more(void **state)
{
    (void)state;
    open_all();
    atomic_store(&peers[0].once, "wrong_slot");
    assert_int_equal(ask(IPC_CHECK, "A12345"), 0);
    assert_string_equal(who(), "A");
    assert_int_equal(peers[0].asked, 2);
    assert_int_equal(metrics.rerouted[METRICS_REROUTE_WRONG_SLOT], 1);
    assert_int_equal(metrics.slot_moving, 0);

    atomic_store(&peers[0].refusal, "wrong_slot");
    assert_int_equal(ask(IPC_CHECK, "A12345"), IPC_CLIENT_MOVING);
    assert_null(reply);
    assert_null(answered);
    assert_int_equal(peers[0].asked, 4);
    assert_int_equal(metrics.slot_moving, 1);
}

static void test_a_slot_that_moved_is_found_at_its_new_owner(void **state)
{
    (void)state;
    open_all();
    atomic_store(&peers[1].slots, "BA"); /* and its address changes with that */
    atomic_store(&peers[0].slots, "");
    atomic_store(&peers[0].refusal, "wrong_slot");
    while (ask(IPC_ADMIT, "A12345") == IPC_CLIENT_MOVING) /* until it is connected to anew */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_string_equal(who(), "BA");
    assert_string_equal(instance_ws(answered), "unix:/ws-BA");
    assert_int_equal(peers[0].asked, 1);
}

static void test_slot_moving_is_told_at_once(void **state)
{
    (void)state;
    open_all();
    atomic_store(&peers[0].refusal, "slot_moving");
    assert_int_equal(ask(IPC_CHECK, "A12345"), IPC_CLIENT_MOVING);
    assert_int_equal(peers[0].asked, 1);
    atomic_store(&peers[0].refusal, "room_not_found");
    assert_int_equal(ask(IPC_CHECK, "A12345"), 0);
    assert_string_equal(code(), "room_not_found");
}

static void test_who_refuses_a_room_is_passed_over_once(void **state)
{
    (void)state;
    static const char *const codes[] = {"draining", "server_full", "slot_moving"};
    open_all();
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        for (enum ipc_op op = IPC_CREATE; op <= IPC_QUICK; op += IPC_QUICK - IPC_CREATE) {
            atomic_store(&peers[0].refusal, codes[i]);
            atomic_store(&peers[1].refusal, codes[i]);
            atomic_store(&peers[2].refusal, NULL);
            for (int times = 0; times < 20; times++) {
                long result = ask(op, "");

                /* Two of three refuse, and two are asked: no, or the third's yes. */
                if (result == 0 && code()[0] == '\0')
                    assert_string_equal(who(), "0Z");
                else if (result == 0)
                    assert_string_equal(code(), codes[i]);
                else
                    assert_int_equal(result, IPC_CLIENT_MOVING);
            }
        }
    assert_true(metrics.rerouted[METRICS_REROUTE_REFUSED] > 0);
    atomic_store(&peers[1].refusal, NULL);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(ask(IPC_CREATE, ""), 0);
        assert_string_not_equal(who(), "");
        assert_string_not_equal(who(), "A");
    }
    atomic_store(&peers[0].refusal, "too_many_rooms"); /* that is final */
    for (int i = 0; i < 40; i++) {
        assert_int_equal(ask(IPC_CREATE, ""), 0);
        assert_true(who()[0] != '\0' || strcmp(code(), "too_many_rooms") == 0);
    }
}

static void test_quick_goes_where_somebody_waits(void **state)
{
    (void)state;
    open_all();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask(IPC_QUICK, ""), 0);
        assert_string_equal(who(), "A");
    }
    atomic_store(&peers[2].health, ",\"waiting\":1,\"load\":900000");
    instances_refresh(instances);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask(IPC_QUICK, ""), 0);
        assert_string_equal(who(), "0Z");
    }
    atomic_store(&peers[2].health, ",\"waiting\":1,\"draining\":true");
    instances_refresh(instances);
    assert_int_equal(ask(IPC_QUICK, ""), 0);
    assert_string_equal(who(), "A");
}

static void test_lists_are_merged_newest_first(void **state)
{
    (void)state;
    static const int expected[] = {1, 4, 2, 3};
    open_all();
    assert_int_equal(gamed_survey_list(instances, &metrics, &reply), 0);
    const json_t *rooms = json_object_get(reply, "rooms");
    assert_int_equal(json_array_size(rooms), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(json_integer_value(json_array_get(rooms, i)), expected[i]);

    atomic_store(&peers[0].refusal, "deadline"); /* the others have what they have */
    json_decref(reply);
    assert_int_equal(gamed_survey_list(instances, &metrics, &reply), 0);
    assert_int_equal(json_array_size(json_object_get(reply, "rooms")), 1);
}

static void test_a_merged_list_has_a_hundred_rooms_at_most(void **state)
{
    (void)state;
    char many[512] = "[0";
    for (int i = 0; i < 79; i++)
        strcat(many, ",0");
    strcat(many, "]");
    peers[0].rooms = peers[1].rooms = many;
    open_all();
    assert_int_equal(gamed_survey_list(instances, &metrics, &reply), 0);
    assert_int_equal(json_array_size(json_object_get(reply, "rooms")), 100);
}

static void assert_health(const char *expected)
{
    json_t *object = json_loads(expected, 0, NULL);

    json_decref(reply);
    assert_int_equal(gamed_survey_health(instances, &metrics, &reply), 0);
    if (!json_equal(object, reply))
        fail_msg("%s instead of %s", json_dumps(reply, 0), expected);
    json_decref(object);
}

static void test_health_is_that_of_the_site(void **state)
{
    (void)state;
    open_all();
    assert_health("{\"status\":\"ok\",\"draining\":false}");
    atomic_store(&peers[0].health, ",\"degraded\":[\"store\"],\"draining\":true");
    atomic_store(&peers[1].health, ",\"degraded\":[\"redis\",\"store\"]");
    assert_health(
        "{\"status\":\"degraded\",\"draining\":false,\"degraded\":[\"store\",\"redis\"]}");
    atomic_store(&peers[0].health, "");
    atomic_store(&peers[1].health, ",\"frozen\":true,\"degraded\":[\"slots\"]");
    assert_health("{\"status\":\"degraded\",\"draining\":false,\"degraded\":[\"instances\"]}");
    for (size_t i = 0; i < PEERS; i++)
        atomic_store(&peers[i].health, ",\"draining\":true");
    assert_health("{\"status\":\"draining\",\"draining\":true}");
    for (size_t i = 0; i < PEERS; i++)
        atomic_store(&peers[i].health, ",\"frozen\":true");
    json_decref(reply);
    assert_true(gamed_survey_health(instances, &metrics, &reply) < 0);
    assert_null(reply);
    for (size_t i = 0; i < PEERS; i++)
        stop_peer(&peers[i]);
    while (gamed_survey_health(instances, &metrics, &reply) != IPC_CLIENT_UNAVAILABLE)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_single_gamed_is_asked_everything, begin, end),
        cmocka_unit_test_setup_teardown(test_a_room_is_asked_for_at_the_owner_of_its_slot, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_while_one_was_never_heard_of_a_slot_may_be_its_own,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_an_owner_that_is_away_is_moving_and_comes_back, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_wrong_slot_is_asked_once_more, begin, end),
        cmocka_unit_test_setup_teardown(test_a_slot_that_moved_is_found_at_its_new_owner, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_slot_moving_is_told_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_who_refuses_a_room_is_passed_over_once, begin, end),
        cmocka_unit_test_setup_teardown(test_quick_goes_where_somebody_waits, begin, end),
        cmocka_unit_test_setup_teardown(test_lists_are_merged_newest_first, begin, end),
        cmocka_unit_test_setup_teardown(test_a_merged_list_has_a_hundred_rooms_at_most, begin, end),
        cmocka_unit_test_setup_teardown(test_health_is_that_of_the_site, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
