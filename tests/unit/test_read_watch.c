/* Unit tests of gamed/read_watch: which of many sockets a flood is found in, how soon, and what becomes of
 * those that are paused. The sockets are real; time, and who calls for what was read, is the test's. */
#include "gamed/read_watch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    RATE = 120, /* messages a second */
    SOCKETS = 400,
    FAST_TURNS = 20 /* in a millisecond, of a loop that does nothing but read */
};

static struct client {
    struct read_watched watched; /* the first, so that it is found from it */
    int far_end;
    bool reads;
    int pauses;
} clients[SOCKETS];

static struct {
    struct read_watch watch;
    int64_t ms;
} world;

static struct now at(int64_t ms)
{
    return (struct now){.mono_ns = ms * 1000000, .mono_ms = ms};
}

static void set_reading(void *arg, struct read_watched *watched, bool reads)
{
    struct client *client = (struct client *)watched;
    assert_ptr_equal(arg, &world);
    assert_int_not_equal(client->reads, reads);
    client->reads = reads;
    client->pauses += !reads;
}

static void add(int number)
{
    struct client *client = &clients[number];
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    *client = (struct client){.far_end = ends[1], .reads = true};
    read_watch_add(&world.watch, &client->watched, ends[0], at(world.ms));
}

static void drop(int number)
{
    struct client *client = &clients[number];
    read_watch_remove(&world.watch, &client->watched);
    close(client->watched.fd);
    close(client->far_end);
    client->far_end = -1;
}

static void flood(int number)
{
    static const char bytes[2 * READ_LIMIT_BEHIND_BYTES];
    assert_int_equal(write(clients[number].far_end, bytes, sizeof bytes), sizeof bytes);
}

static void take_all(int number)
{
    char bytes[4096];
    while (read(clients[number].watched.fd, bytes, sizeof bytes) > 0)
        continue;
}

/* Turns a loop for as long, as often in a millisecond as is said. */
static void turn(int ms, int times)
{
    for (int64_t end = world.ms + ms; world.ms < end; world.ms++)
        for (int i = 0; i < times; i++)
            read_watch_turn(&world.watch, at(world.ms));
}

static int open_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    memset(clients, 0, sizeof clients);
    for (int i = 0; i < SOCKETS; i++)
        clients[i].far_end = -1;
    world.ms = 1000;
    world.watch.messages_per_second = RATE;
    world.watch.set_reading = set_reading;
    world.watch.arg = &world;
    return read_watch_init(&world.watch, SOCKETS);
}

static int close_world(void **state)
{
    (void)state;
    for (int i = 0; i < SOCKETS; i++)
        if (clients[i].far_end >= 0)
            drop(i);
    assert_int_equal(world.watch.count, 0);
    assert_int_equal(world.watch.paused_count, 0);
    read_watch_free(&world.watch);
    return 0;
}

static void no_socket_is_no_trouble(void **state)
{
    (void)state;
    turn(100, 1);
    assert_int_equal(world.watch.pauses, 0);
}

static void who_is_never_empty_is_found_among_few(void **state)
{
    (void)state;
    for (int i = 0; i < READ_WATCH_LOOKS_MIN; i++)
        add(i);
    turn(50, 1);
    flood(3);
    turn(3 * READ_WATCH_LOOK_MS, 1);
    for (int i = 0; i < READ_WATCH_LOOKS_MIN; i++)
        assert_int_equal(clients[i].pauses, i == 3);
    assert_int_equal(world.watch.paused_count, 1);
}

/* Nobody turns the loop often: then nothing is urgent either. */
static void who_is_never_empty_is_found_among_many(void **state)
{
    (void)state;
    for (int i = 0; i < SOCKETS; i++)
        add(i);
    flood(399);
    turn(READ_WATCH_LOOK_ALL_MS + 2 * READ_WATCH_LOOK_MS, 1);
    assert_int_equal(clients[399].pauses, 1);
    assert_int_equal(world.watch.pauses, 1);
}

/* What the library reads and says nothing of makes the loop turn, and is found the sooner for it. */
static void a_flood_that_nobody_is_told_of_is_found_soon(void **state)
{
    (void)state;
    for (int i = 0; i < SOCKETS; i++)
        add(i);
    flood(399);
    turn(SOCKETS * READ_WATCH_LOOK_MS / 20, FAST_TURNS);
    assert_int_equal(clients[399].pauses, 1);
}

static void a_flood_that_is_read_is_found_soon(void **state)
{
    (void)state;
    for (int i = 0; i < SOCKETS; i++)
        add(i);
    flood(399);
    for (int ms = 0; ms < SOCKETS * READ_WATCH_LOOK_MS / 20; ms++) {
        for (int i = 0; i < FAST_TURNS; i++) /* by many, each of whom may */
            read_watch_note_read(&world.watch, &clients[i].watched, at(world.ms));
        turn(1, 1);
    }
    assert_int_equal(clients[399].pauses, 1);
    assert_int_equal(world.watch.pauses, 1);
}

/* At how many sockets it looks after so many reads since its last look. */
static int looks_after(int reads)
{
    const int before = world.watch.look_at;
    world.ms += READ_WATCH_LOOK_MS;
    for (int i = 0; i < reads; i++)
        read_watch_note_read(&world.watch, &clients[i % SOCKETS].watched, at(world.ms));
    read_watch_turn(&world.watch, at(world.ms));
    return (world.watch.look_at - before + SOCKETS) % SOCKETS;
}

static void play_is_not_looked_at_more_often(void **state)
{
    const int play = SOCKETS * READ_WATCH_PLAY_READS * READ_WATCH_LOOK_MS / 1000;
    (void)state;
    for (int i = 0; i < SOCKETS; i++)
        add(i);
    const int least = looks_after(0);
    assert_int_equal(least, SOCKETS * READ_WATCH_LOOK_MS / READ_WATCH_LOOK_ALL_MS);
    assert_int_equal(looks_after(play), least);
    assert_int_equal(looks_after(play + 10 * READ_WATCH_LOOK_EVENTS), least + 10);
}

static void who_sends_too_often_is_paused_and_goes_on(void **state)
{
    const int burst = READ_LIMIT_BURST_SECONDS * READ_LIMIT_READS_PER_MESSAGE * RATE;
    (void)state;
    add(0);
    for (int i = 0; i < burst; i++)
        read_watch_note_read(&world.watch, &clients[0].watched, at(world.ms));
    assert_true(clients[0].reads);
    read_watch_note_read(&world.watch, &clients[0].watched, at(world.ms));
    assert_false(clients[0].reads);
    turn(READ_LIMIT_PAUSE_MS, 1);
    assert_false(clients[0].reads);
    turn(2 * READ_WATCH_LOOK_MS, 1);
    assert_true(clients[0].reads);
    assert_int_equal(clients[0].pauses, 1);
}

/* Something that waited once, as after a stall of ours, is no flood. */
static void who_was_full_once_goes_on(void **state)
{
    (void)state;
    add(0);
    flood(0);
    turn(1, 1);
    assert_int_equal(world.watch.suspect_count, 1);
    take_all(0);
    turn(100, 1);
    assert_int_equal(world.watch.suspect_count, 0);
    assert_int_equal(world.watch.pauses, 0);
}

static void who_leaves_is_forgotten(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        add(i);
        flood(i);
    }
    turn(READ_LIMIT_GRACE_MS, 1);
    assert_int_equal(world.watch.suspect_count, 6);
    assert_int_equal(world.watch.pauses, 0);
    drop(0);
    drop(5);
    drop(2);
    assert_int_equal(world.watch.suspect_count, 3);
    turn(2 * READ_WATCH_LOOK_MS, 1);
    assert_int_equal(world.watch.paused_count, 3);
    drop(3);
    assert_int_equal(world.watch.paused_count, 2);
    take_all(1);
    take_all(4);
    turn(READ_LIMIT_PAUSE_MS + 2 * READ_WATCH_LOOK_MS, 1);
    assert_int_equal(world.watch.paused_count, 0);
    assert_true(clients[1].reads && clients[4].reads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_socket_is_no_trouble, open_world, close_world),
        cmocka_unit_test_setup_teardown(who_is_never_empty_is_found_among_few, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(who_is_never_empty_is_found_among_many, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(a_flood_that_nobody_is_told_of_is_found_soon, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(a_flood_that_is_read_is_found_soon, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(play_is_not_looked_at_more_often, open_world, close_world),
        cmocka_unit_test_setup_teardown(who_sends_too_often_is_paused_and_goes_on, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(who_was_full_once_goes_on, open_world, close_world),
        cmocka_unit_test_setup_teardown(who_leaves_is_forgotten, open_world, close_world),
    };
    return cmocka_run_group_tests_name("read_watch", tests, NULL, NULL);
}
