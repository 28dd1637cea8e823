/*
 * Tests of ipc_server and ipc_client over a real ipc:// socket in a directory of its own. What they
 * wait for is an event, never a span of time that a slow machine could miss.
 *
 * Each test has a process to itself: libnng 1.5.2 clears up in one thread for all of its sockets, and
 * a connection that is closed at the wrong moment can stop that for good (docs/security.md). A test
 * that failed in such a process is begun anew in another one, a few times at most.
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/ipc_client.h"
#include "ipc/ipc_message.h"
#include "ipc/ipc_server.h"
#include "ipc/ipc_socket.h"

/* Far more than any machine needs: a test that is right never waits for it. */
enum {
    PATIENCE_MS = 20000
};

#define GIVEN_UP "given up"

static char directory[64];
static char url[128];
static char error[256];

/* A gamed of the test's own: a thread that answers as it is told to. */
struct peer {
    struct ipc_server *server;
    pthread_t thread;
    sem_t wakes;
    atomic_bool is_stopping;
    atomic_bool is_holding; /* takes requests, answers none */
    atomic_int answered;
    atomic_int held;
    atomic_int held_given_up; /* of these, the ones that read GIVEN_UP */
    size_t reply_size;        /* 0: the request comes back */
};

static void wake(void *arg)
{
    struct peer *peer = arg;

    sem_post(&peer->wakes);
}

static void answer(struct peer *peer, struct ipc_exchange *exchange)
{
    static char wide[2 * IPC_MESSAGE_MAX];
    size_t length;
    const char *text = ipc_exchange_text(exchange, &length);

    if (atomic_load(&peer->is_holding)) {
        if (length == strlen(GIVEN_UP) && memcmp(text, GIVEN_UP, length) == 0)
            atomic_fetch_add(&peer->held_given_up, 1);
        atomic_fetch_add(&peer->held, 1);
    } else if (peer->reply_size > 0) {
        ipc_exchange_reply(exchange, wide, peer->reply_size);
        atomic_fetch_add(&peer->answered, 1);
    } else {
        ipc_exchange_reply(exchange, text, length);
    }
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
    sem_init(&peer->wakes, 0, 0);
    atomic_store(&peer->is_stopping, false);
    peer->server = ipc_server_open(url, wake, peer, error, sizeof error);
    if (peer->server == NULL)
        fail_msg("%s", error);
    assert_int_equal(pthread_create(&peer->thread, NULL, run_peer, peer), 0);
}

static void stop_peer_thread(struct peer *peer)
{
    atomic_store(&peer->is_stopping, true);
    sem_post(&peer->wakes);
    pthread_join(peer->thread, NULL);
}

static void stop_peer(struct peer *peer)
{
    stop_peer_thread(peer);
    ipc_server_close(peer->server);
    sem_destroy(&peer->wakes);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static struct ipc_client *open_client(int max_waiting)
{
    struct ipc_client *client = ipc_client_open(url, max_waiting, error, sizeof error);

    if (client == NULL)
        fail_msg("%s", error);
    return client;
}

static long ask(struct ipc_client *client, const char *text, int timeout_ms, char *reply)
{
    return ipc_client_call(client, text, strlen(text), timeout_ms, reply, IPC_MESSAGE_MAX);
}

/* Waits until the client has, or has not, a connection. Sends nothing: a request over the limit is
 * refused before. */
static void await_state(struct ipc_client *client, bool is_connected)
{
    static const char wide[IPC_MESSAGE_MAX + 1];
    char reply[1];

    for (int waited = 0; waited < PATIENCE_MS; waited++) {
        long result = ipc_client_call(client, wide, sizeof wide, 0, reply, sizeof reply);

        if (result == (is_connected ? IPC_CLIENT_FAILED : IPC_CLIENT_UNAVAILABLE))
            return;
        sleep_ms(1);
    }
    fail_msg("%s", is_connected ? "no connection" : "the connection stays");
}

/* Waits for the connection and sees that it carries. */
static void await_connection(struct ipc_client *client)
{
    static char reply[IPC_MESSAGE_MAX];

    await_state(client, true);
    assert_int_equal(ask(client, "hello", PATIENCE_MS, reply), 5);
}

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/test_ipc.XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(url, sizeof url, "ipc://%s/ipc.sock", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(url + strlen("ipc://"));
    return rmdir(directory);
}

static void a_request_gets_its_reply(void **state)
{
    struct peer peer = {0};
    struct ipc_client *client;
    struct stat file;
    char reply[IPC_MESSAGE_MAX];

    (void)state;
    start_peer(&peer);
    assert_int_equal(stat(url + strlen("ipc://"), &file), 0);
    assert_int_equal(file.st_mode & 07777, 0660);
    client = open_client(4);
    await_connection(client);
    assert_int_equal(ask(client, "{\"v\":1}", PATIENCE_MS, reply), 7);
    assert_memory_equal(reply, "{\"v\":1}", 7);
    ipc_client_close(client);
    stop_peer(&peer);
}

enum {
    CALLERS = 20,
    CALLS = 250
};

struct caller {
    struct ipc_client *client;
    pthread_t thread;
    int number;
    int failures;
};

static void *run_caller(void *arg)
{
    struct caller *caller = arg;
    char text[64];
    char reply[64];

    for (int i = 0; i < CALLS; i++) {
        int length = snprintf(text, sizeof text, "caller %d call %d", caller->number, i);
        long got =
            caller->number % 2
                ? ipc_client_call(caller->client, text, (size_t)length, PATIENCE_MS, reply,
                                  sizeof reply)
                : ipc_client_call_together(caller->client,
                                           (enum ipc_client_lane)(caller->number % IPC_LANE_COUNT),
                                           text, (size_t)length, PATIENCE_MS, reply, sizeof reply);

        if (got != length || memcmp(text, reply, (size_t)length) != 0)
            caller->failures++;
    }
    return NULL;
}

static void many_threads_get_each_their_own_replies(void **state)
{
    struct peer peer = {0};
    struct caller callers[CALLERS];
    struct ipc_client *client;

    (void)state;
    start_peer(&peer);
    client = open_client(CALLERS);
    await_connection(client);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.client = client, .number = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, run_caller, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].failures, 0);
    }
    ipc_client_close(client);
    stop_peer(&peer);
}

static void without_a_server_a_call_fails_at_once(void **state)
{
    struct ipc_client *client = open_client(4);
    char reply[IPC_MESSAGE_MAX];

    (void)state;
    /* Were it to wait, a thousand calls would take days. */
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ask(client, "hello", 24 * 3600 * 1000, reply), IPC_CLIENT_UNAVAILABLE);
        assert_int_equal(ipc_client_call_together(client, IPC_LANE_LOOKS, "hello", 5,
                                                  24 * 3600 * 1000, reply, sizeof reply),
                         IPC_CLIENT_UNAVAILABLE);
    }
    ipc_client_close(client);
}

static void service_resumes_when_the_server_is_back(void **state)
{
    struct peer peer = {0};
    struct ipc_client *client = open_client(4);

    (void)state;
    for (int round = 0; round < 3; round++) {
        start_peer(&peer);
        await_connection(client);
        stop_peer(&peer);
        await_state(client, false);
    }
    ipc_client_close(client);
}

static void a_slow_server_is_a_timeout(void **state)
{
    struct peer peer = {0};
    struct ipc_client *client;
    char reply[IPC_MESSAGE_MAX];

    (void)state;
    start_peer(&peer);
    client = open_client(4);
    await_connection(client);
    atomic_store(&peer.is_holding, true);
    assert_int_equal(ask(client, "hello", 50, reply), IPC_CLIENT_TIMEOUT);
    assert_int_equal(ask(client, "hello", 0, reply), IPC_CLIENT_TIMEOUT);
    atomic_store(&peer.is_holding, false);
    await_connection(client); /* the next call is not disturbed by the one given up */
    ipc_client_close(client);
    stop_peer(&peer); /* with an exchange that was never answered */
}

static void a_request_given_up_is_not_sent_again(void **state)
{
    struct peer peer = {0};
    struct ipc_client *client;
    char reply[IPC_MESSAGE_MAX];

    (void)state;
    start_peer(&peer);
    client = open_client(4);
    await_connection(client);
    atomic_store(&peer.is_holding, true);
    assert_int_equal(ask(client, GIVEN_UP, 50, reply), IPC_CLIENT_TIMEOUT);
    for (int waited = 0; atomic_load(&peer.held_given_up) == 0 && waited < PATIENCE_MS; waited++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&peer.held_given_up), 1);
    stop_peer(&peer);
    await_state(client, false);
    atomic_store(&peer.held, 0);
    start_peer(&peer);
    await_state(client, true);
    /* Requests arrive in order: one that nng still had to send would come before this one. */
    for (int waited = 0; atomic_load(&peer.held) == 0 && waited < PATIENCE_MS; waited++)
        assert_int_equal(ask(client, "new", 20, reply), IPC_CLIENT_TIMEOUT);
    assert_true(atomic_load(&peer.held) > 0);
    assert_int_equal(atomic_load(&peer.held_given_up), 1);
    ipc_client_close(client);
    stop_peer(&peer);
}

static atomic_int sent_away; /* waiters that were told at once that it is busy */

struct waiter {
    struct ipc_client *client;
    pthread_t thread;
    long result;
};

static void *run_waiter(void *arg)
{
    struct waiter *waiter = arg;
    char reply[IPC_MESSAGE_MAX];

    waiter->result = ask(waiter->client, "wait", PATIENCE_MS, reply);
    if (waiter->result == IPC_CLIENT_BUSY)
        atomic_fetch_add(&sent_away, 1);
    return NULL;
}

static void no_more_than_allowed_wait_at_a_time(void **state)
{
    struct peer peer = {0};
    struct waiter waiters[2];
    struct ipc_client *client;
    char reply[IPC_MESSAGE_MAX];

    (void)state;
    start_peer(&peer);
    client = open_client(2);
    await_connection(client);
    atomic_store(&peer.is_holding, true);
    for (int i = 0; i < 2; i++) {
        waiters[i] = (struct waiter){.client = client};
        assert_int_equal(pthread_create(&waiters[i].thread, NULL, run_waiter, &waiters[i]), 0);
    }
    for (int waited = 0; atomic_load(&peer.held) < 2 && waited < PATIENCE_MS; waited++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&peer.held), 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask(client, "third", PATIENCE_MS, reply), IPC_CLIENT_BUSY);
    /* A server that goes away and comes back gets the two again, and answers them. */
    stop_peer(&peer);
    atomic_store(&peer.is_holding, false);
    start_peer(&peer);
    for (int i = 0; i < 2; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_int_equal(waiters[i].result, 4);
    }
    await_connection(client);
    ipc_client_close(client);
    stop_peer(&peer);
}

/* However many ask, a server that hangs has as many of them waiting as is allowed, no more. */
static void a_crowd_before_a_server_that_hangs_is_sent_away(void **state)
{
    enum {
        PLACES = 4,
        CROWD = 4 * PLACES
    };
    struct peer peer = {0};
    struct waiter crowd[CROWD];
    struct ipc_client *client;
    int served = 0;

    (void)state;
    start_peer(&peer);
    client = open_client(PLACES);
    await_connection(client);
    atomic_store(&peer.is_holding, true);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (struct waiter){.client = client};
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, run_waiter, &crowd[i]), 0);
    }
    for (int waited = 0; atomic_load(&sent_away) < CROWD - PLACES && waited < PATIENCE_MS; waited++)
        sleep_ms(1);
    assert_int_equal(atomic_load(&sent_away), CROWD - PLACES);
    stop_peer(&peer);
    atomic_store(&peer.is_holding, false);
    start_peer(&peer);
    for (int i = 0; i < CROWD; i++) {
        pthread_join(crowd[i].thread, NULL);
        assert_true(crowd[i].result == 4 || crowd[i].result == IPC_CLIENT_BUSY);
        served += crowd[i].result == 4;
    }
    assert_int_equal(served, PLACES);
    ipc_client_close(client);
    stop_peer(&peer);
}

/* One request as nng puts it on an ipc socket: a kind, a length, the request's id, the text. */
static void send_raw_request(int descriptor, uint8_t id)
{
    const uint8_t request[] = {1, 0, 0, 0, 0, 0, 0, 0, 5, 0x80, 0, 0, id, 'x'};

    assert_int_equal(write(descriptor, request, sizeof request), sizeof request);
}

static int connect_raw(void)
{
    static const uint8_t greeting[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}; /* a requester's */
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    uint8_t theirs[sizeof greeting];
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(descriptor >= 0);
    strcpy(name.sun_path, url + strlen("ipc://"));
    assert_int_equal(connect(descriptor, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(write(descriptor, greeting, sizeof greeting), sizeof greeting);
    assert_int_equal(recv(descriptor, theirs, sizeof theirs, MSG_WAITALL), sizeof theirs);
    return descriptor;
}

/* It may look whether somebody is there, or die, or have given up on a server that was stopped. */
static void peers_that_go_before_the_handshake_leave_the_server_whole(void **state)
{
    enum {
        PEERS = 200
    };
    struct peer peer = {0};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct ipc_client *client;

    (void)state;
    start_peer(&peer);
    strcpy(name.sun_path, url + strlen("ipc://"));
    for (int i = 0; i < PEERS; i++) {
        int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

        assert_true(descriptor >= 0);
        assert_int_equal(connect(descriptor, (struct sockaddr *)&name, sizeof name), 0);
        close(descriptor);
    }
    client = open_client(1);
    await_connection(client);
    ipc_client_close(client);
    stop_peer(&peer);
}

/* A server that is not nng: it greets or not, and never answers. */
static int listen_raw(void)
{
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(descriptor >= 0);
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience),
                     0);
    strcpy(name.sun_path, url + strlen("ipc://"));
    assert_int_equal(bind(descriptor, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(descriptor, 64), 0);
    return descriptor;
}

static void accept_greeting(int listener, int *descriptor)
{
    static const uint8_t greeting[] = {0, 'S', 'P', 0, 0, 0x31, 0, 0}; /* a replier's */

    *descriptor = accept(listener, NULL, NULL);
    assert_true(*descriptor >= 0);
    assert_int_equal(write(*descriptor, greeting, sizeof greeting), sizeof greeting);
}

/* gamed may be killed with a connection in its backlog. */
static void servers_that_go_before_the_handshake_leave_the_client_whole(void **state)
{
    enum {
        CLIENTS = 8,
        CONNECTIONS = 400
    };
    struct ipc_client *clients[CLIENTS];
    struct peer peer = {0};
    int listener = listen_raw();

    (void)state;
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = open_client(1);
    for (int i = 0; i < CONNECTIONS; i++) {
        int gone = accept(listener, NULL, NULL);

        assert_true(gone >= 0); /* they all gave up */
        close(gone);
    }
    close(listener);
    unlink(url + strlen("ipc://"));
    start_peer(&peer);
    for (int i = 0; i < CLIENTS; i++) {
        await_connection(clients[i]);
        ipc_client_close(clients[i]);
    }
    stop_peer(&peer);
}

/* As after what nng 1.5 can do to a socket: there is a server, and this connection never comes to it. */
static void expect_replaced(bool greets)
{
    struct peer peer = {0};
    struct ipc_client *client;
    int listener = listen_raw();
    char reply[IPC_MESSAGE_MAX];
    int stuck;

    client = open_client(4);
    if (greets)
        accept_greeting(listener, &stuck);
    else
        stuck = accept(listener, NULL, NULL);
    assert_true(stuck >= 0);
    unlink(url + strlen("ipc://"));
    start_peer(&peer);
    for (int waited = 0; ask(client, "hello", 20, reply) != 5; waited++) {
        assert_in_range(waited, 0, PATIENCE_MS);
        sleep_ms(1);
    }
    ipc_client_close(client);
    stop_peer(&peer);
    close(stuck);
    close(listener);
}

static void a_connection_that_is_never_greeted_is_replaced(void **state)
{
    (void)state;
    expect_replaced(false);
}

static void a_connection_that_is_never_answered_is_replaced(void **state)
{
    (void)state;
    expect_replaced(true);
}

/* Takes what the server sends until it has answered so many requests. */
static void drain_raw(int descriptor, struct peer *peer, int requests)
{
    char bytes[65536];

    for (int waited = 0; atomic_load(&peer->answered) < requests && waited < PATIENCE_MS;
         waited++) {
        while (recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            continue;
        sleep_ms(1);
    }
    assert_int_equal(atomic_load(&peer->answered), requests);
}

static void a_peer_that_takes_no_replies_does_not_keep_the_others_out(void **state)
{
    enum {
        UNREAD = 2 * IPC_SERVER_CONTEXTS,
        SETTLED_MS = 100
    };
    struct peer peer = {.reply_size = IPC_MESSAGE_MAX};
    struct ipc_client *client;
    char reply[IPC_MESSAGE_MAX];
    int answered = 0;
    int silent;

    (void)state;
    start_peer(&peer);
    client = open_client(4);
    await_state(client, true);
    silent = connect_raw();
    for (int i = 0; i < UNREAD; i++)
        send_raw_request(silent, (uint8_t)i);
    /* A few go into the connection's buffers; then every context waits to reply. */
    for (int waited = 0, settled = 0; settled < SETTLED_MS && waited < PATIENCE_MS; waited++) {
        int now = atomic_load(&peer.answered);

        settled = now == answered && now > IPC_SERVER_CONTEXTS ? settled + 1 : 0;
        answered = now;
        sleep_ms(1);
    }
    assert_in_range(answered, IPC_SERVER_CONTEXTS + 1, UNREAD - 1);
    assert_int_equal(ask(client, "hello", PATIENCE_MS, reply), IPC_MESSAGE_MAX);
    /* To go with requests unread is what stops nng's clearing-up most often. */
    drain_raw(silent, &peer, UNREAD + 1);
    close(silent);
    ipc_client_close(client);
    stop_peer(&peer);
}

static void messages_up_to_the_limit_pass_and_no_larger_ones(void **state)
{
    static char wide[IPC_MESSAGE_MAX + 1];
    static char reply[IPC_MESSAGE_MAX + 1];
    struct peer peer = {0};
    struct ipc_client *client;
    json_t *failure;
    long length;

    (void)state;
    memset(wide, 'x', sizeof wide);
    start_peer(&peer);
    client = open_client(4);
    await_connection(client);
    assert_int_equal(
        ipc_client_call(client, wide, IPC_MESSAGE_MAX, PATIENCE_MS, reply, sizeof reply),
        IPC_MESSAGE_MAX);
    assert_memory_equal(wide, reply, IPC_MESSAGE_MAX);
    assert_int_equal(
        ipc_client_call(client, wide, IPC_MESSAGE_MAX + 1, PATIENCE_MS, reply, sizeof reply),
        IPC_CLIENT_FAILED);
    assert_int_equal(ipc_client_call(client, wide, 101, PATIENCE_MS, reply, 100),
                     IPC_CLIENT_FAILED);
    peer.reply_size = IPC_MESSAGE_MAX + 1;
    length = ipc_client_call(client, wide, 1, PATIENCE_MS, reply, sizeof reply);
    assert_true(length > 0);
    assert_int_equal(ipc_reply_decode(reply, (size_t)length, &failure), IPC_OK);
    assert_string_equal(json_string_value(json_object_get(failure, "code")), "too_large");
    json_decref(failure);
    ipc_client_close(client);
    stop_peer(&peer);
}

static void a_foreign_client_over_the_limit_does_not_disturb_the_server(void **state)
{
    static char wide[IPC_WIRE_MAX + 1];
    struct peer peer = {0};
    struct ipc_client *client;
    char reply[IPC_MESSAGE_MAX];
    nng_socket foreign;

    (void)state;
    start_peer(&peer);
    client = open_client(4);
    await_connection(client);
    assert_int_equal(nng_req0_open(&foreign), 0);
    assert_int_equal(nng_dial(foreign, url, NULL, 0), 0);
    assert_int_equal(nng_send(foreign, wide, sizeof wide, 0), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask(client, "hello", PATIENCE_MS, reply), 5);
    ipc_socket_close(foreign); /* bounded, where nng_close may wait without end */
    ipc_client_close(client);
    stop_peer(&peer);
}

static void a_foreign_server_over_the_limit_is_a_failure(void **state)
{
    static char wide[IPC_WIRE_MAX + 1];
    char request[64];
    size_t length;
    struct waiter waiter = {0};
    nng_socket foreign;

    (void)state;
    assert_int_equal(nng_rep0_open(&foreign), 0);
    assert_int_equal(nng_socket_set_ms(foreign, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
    assert_int_equal(nng_listen(foreign, url, NULL, 0), 0);
    waiter.client = open_client(4);
    await_state(waiter.client, true);
    assert_int_equal(pthread_create(&waiter.thread, NULL, run_waiter, &waiter), 0);
    length = sizeof request;
    assert_int_equal(nng_recv(foreign, request, &length, 0), 0);
    assert_memory_equal(request, "wait", 4);
    assert_int_equal(nng_send(foreign, wide, sizeof wide, 0), 0);
    /* The connection is dropped and the request comes again: now it gets an answer. */
    length = sizeof request;
    assert_int_equal(nng_recv(foreign, request, &length, 0), 0);
    assert_memory_equal(request, "wait", 4);
    assert_int_equal(nng_send(foreign, "ok", 2, 0), 0);
    pthread_join(waiter.thread, NULL);
    assert_int_equal(waiter.result, 2);
    ipc_client_close(waiter.client);
    ipc_socket_close(foreign); /* bounded, where nng_close may wait without end */
}

static void addresses_that_are_no_good_are_told(void **state)
{
    struct peer peer = {0};

    (void)state;
    assert_null(ipc_client_open("nonsense", 4, error, sizeof error));
    assert_non_null(strstr(error, "nonsense"));
    assert_null(ipc_server_open("nonsense", wake, &peer, error, sizeof error));
    assert_non_null(strstr(error, "nonsense"));
    assert_null(ipc_server_open("ipc:///nowhere/at/all.sock", wake, &peer, error, sizeof error));
    assert_non_null(strstr(error, "/nowhere/at/all.sock"));
    start_peer(&peer);
    assert_null(ipc_server_open(url, wake, &peer, error, sizeof error));
    assert_non_null(strstr(error, "another process listens"));
    stop_peer(&peer);
    ipc_client_close(NULL);
    ipc_server_close(NULL);
}

static void a_file_that_is_no_socket_is_not_replaced(void **state)
{
    const char *path = url + strlen("ipc://");
    struct peer peer = {0};
    struct stat file;
    FILE *note = fopen(path, "w");

    (void)state;
    assert_non_null(note);
    fclose(note);
    assert_null(ipc_server_open(url, wake, &peer, error, sizeof error));
    assert_non_null(strstr(error, "is not a socket"));
    assert_int_equal(stat(path, &file), 0);
    assert_true(S_ISREG(file.st_mode));
    assert_int_equal(unlink(path), 0);
}

static void closing_with_requests_queued_and_held_is_clean(void **state)
{
    enum {
        WAITERS = 4,
        HELD = 2
    };

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct peer peer = {0};
        struct waiter waiters[WAITERS];
        struct ipc_client *client;

        start_peer(&peer);
        client = open_client(WAITERS);
        await_connection(client);
        stop_peer_thread(&peer);
        while (sem_trywait(&peer.wakes) == 0)
            continue;
        for (int i = 0; i < WAITERS; i++) {
            waiters[i] = (struct waiter){.client = client};
            assert_int_equal(pthread_create(&waiters[i].thread, NULL, run_waiter, &waiters[i]), 0);
        }
        for (int i = 0; i < WAITERS; i++)
            sem_wait(&peer.wakes);
        for (int i = 0; i < HELD; i++)
            assert_non_null(ipc_server_next(peer.server));
        ipc_server_close(peer.server);
        sem_destroy(&peer.wakes);

        start_peer(&peer); /* to which nng sends them again */
        for (int i = 0; i < WAITERS; i++) {
            pthread_join(waiters[i].thread, NULL);
            assert_int_equal(waiters[i].result, 4);
        }
        ipc_client_close(client);
        stop_peer(&peer);
    }
}

/* ---- a process for each --------------------------------------------------------------- */

enum {
    NNG_IS_STUCK = 99,       /* exit code: it failed, and nng clears up no more */
    FURTHER_ATTEMPTS_MAX = 3 /* of all tests together: nng's fault is in one of 600 */
};

/* Whether sockets that had a connection can still be closed. Where none can be had, it is not nng's doing. */
static bool nng_clears_up(void)
{
    static const char *const address = "inproc://clears-up";
    nng_socket server, client;

    if (nng_rep0_open(&server) != 0 || nng_listen(server, address, NULL, 0) != 0 ||
        nng_req0_open(&client) != 0 || nng_dial(client, address, NULL, 0) != 0)
        return true;
    return ipc_socket_close(client) && ipc_socket_close(server);
}

/* Returns its exit code, or minus the signal that ended it. */
static int run_in_process(const struct CMUnitTest *test)
{
    int status = -1;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        const struct CMUnitTest tests[] = {*test};
        int failed =
            cmocka_run_group_tests_name(test->name, tests, make_directory, remove_directory);

        if (nng_clears_up())
            exit(failed); /* with a look for leaks */
        fprintf(stderr, "%s: nng clears up no more: no look for leaks\n", test->name);
        fflush(NULL);
        _exit(failed ? NNG_IS_STUCK : 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("a process for a test");
        return 1;
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool passes(const struct CMUnitTest *test)
{
    static int further_attempts;
    int code = run_in_process(test);

    while (code == NNG_IS_STUCK && further_attempts < FURTHER_ATTEMPTS_MAX) {
        further_attempts++;
        fprintf(stderr, "%s: begun anew, as nng was stuck\n", test->name);
        code = run_in_process(test);
    }
    if (code < 0)
        fprintf(stderr, "%s: ended by signal %d\n", test->name, -code);
    else if (code != 0)
        fprintf(stderr, "%s: exit code %d\n", test->name, code);
    return code == 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gets_its_reply),
        cmocka_unit_test(many_threads_get_each_their_own_replies),
        cmocka_unit_test(without_a_server_a_call_fails_at_once),
        cmocka_unit_test(service_resumes_when_the_server_is_back),
        cmocka_unit_test(a_slow_server_is_a_timeout),
        cmocka_unit_test(a_request_given_up_is_not_sent_again),
        cmocka_unit_test(no_more_than_allowed_wait_at_a_time),
        cmocka_unit_test(a_crowd_before_a_server_that_hangs_is_sent_away),
        cmocka_unit_test(peers_that_go_before_the_handshake_leave_the_server_whole),
        cmocka_unit_test(servers_that_go_before_the_handshake_leave_the_client_whole),
        cmocka_unit_test(a_connection_that_is_never_greeted_is_replaced),
        cmocka_unit_test(a_connection_that_is_never_answered_is_replaced),
        cmocka_unit_test(a_peer_that_takes_no_replies_does_not_keep_the_others_out),
        cmocka_unit_test(messages_up_to_the_limit_pass_and_no_larger_ones),
        cmocka_unit_test(a_foreign_client_over_the_limit_does_not_disturb_the_server),
        cmocka_unit_test(a_foreign_server_over_the_limit_is_a_failure),
        cmocka_unit_test(addresses_that_are_no_good_are_told),
        cmocka_unit_test(a_file_that_is_no_socket_is_not_replaced),
        cmocka_unit_test(closing_with_requests_queued_and_held_is_clean),
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        failed += !passes(&tests[i]);
    return failed;
}
