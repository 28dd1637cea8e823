/*
 * Results on their way from the loop thread to a real HTTP server. What is waited for is an event,
 * with a minute's patience; the delays are a policy of milliseconds.
 */
#include "gamed/game_history.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gamed/result_body.h"
#include "tests/unit/http_receiver.h"

#define API_KEY       "s3cret-api-key"
#define CREATED       "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
#define EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define SCRIPT(...)   ((const char *const[]){__VA_ARGS__, NULL})

enum {
    LONG_MS = 60 * 1000
};

/* A store in memory that can be told to fail or to stall, and that remembers what it was asked. */
struct flaky_store {
    struct store store;
    struct store *real;
    atomic_int insert_failures, next_failures, update_failures; /* calls still to fail */
    atomic_bool is_stalled, is_list_stalled;                    /* inserts, lists wait */
    atomic_int inserts_waiting, inserted[4], updated[4];        /* by enum outbox_state */
    atomic_int purges;
    _Atomic int64_t purged_before_ms;
};

static bool fails(atomic_int *left)
{
    return atomic_load(left) > 0 && atomic_fetch_sub(left, 1) > 0;
}

static int flaky_insert(struct store *store, const struct outbox_entry *entries, size_t count,
                        size_t *inserted)
{
    struct flaky_store *flaky = (struct flaky_store *)store;
    *inserted = 0;
    if (count > 0) { /* of none: whether the store works at all, as the thread begins */
        atomic_fetch_add(&flaky->inserts_waiting, 1);
        while (atomic_load(&flaky->is_stalled))
            poll(NULL, 0, 1);
        atomic_fetch_sub(&flaky->inserts_waiting, 1);
    }
    if (fails(&flaky->insert_failures))
        return STORE_BROKEN;
    const int outcome = store_outbox_insert(flaky->real, entries, count, inserted);
    for (size_t i = 0; i < *inserted; i++)
        atomic_fetch_add(&flaky->inserted[entries[i].state], 1);
    return outcome;
}

static int flaky_next(struct store *store, const struct outbox_place *after, size_t max,
                      struct outbox_entry *entries, size_t *count)
{
    struct flaky_store *flaky = (struct flaky_store *)store;
    *count = 0;
    return fails(&flaky->next_failures)
               ? STORE_BROKEN
               : store_outbox_next(flaky->real, after, max, entries, count);
}

static int flaky_update(struct store *store, const struct outbox_entry *entries, size_t count)
{
    struct flaky_store *flaky = (struct flaky_store *)store;
    if (fails(&flaky->update_failures))
        return STORE_BROKEN;
    for (size_t i = 0; i < count; i++)
        atomic_fetch_add(&flaky->updated[entries[i].state], 1);
    return store_outbox_update(flaky->real, entries, count);
}

static int flaky_find(struct store *store, const char *match_id, struct outbox_entry *entry)
{
    return store_outbox_find(((struct flaky_store *)store)->real, match_id, entry);
}

static int flaky_list(struct store *store, enum outbox_state state, int64_t after, size_t max,
                      struct outbox_entry *entries, size_t *count)
{
    struct flaky_store *flaky = (struct flaky_store *)store;
    while (atomic_load(&flaky->is_list_stalled))
        poll(NULL, 0, 1);
    return store_outbox_list(flaky->real, state, after, max, entries, count);
}

/* Has a lot to forget the first two times. */
static int flaky_purge(struct store *store, int64_t before_ms, size_t *purged)
{
    struct flaky_store *flaky = (struct flaky_store *)store;
    atomic_store(&flaky->purged_before_ms, before_ms);
    *purged = atomic_fetch_add(&flaky->purges, 1) < 2 ? OUTBOX_PURGE_MAX : 3;
    return STORE_OK;
}

static void flaky_count(struct store *store, struct outbox_counts *counts)
{
    store_outbox_count(((struct flaky_store *)store)->real, counts);
}

static void flaky_close(struct store *store)
{
    store_close(((struct flaky_store *)store)->real);
}

static const struct store_operations flaky_operations = {
    .outbox_insert = flaky_insert,
    .outbox_next = flaky_next,
    .outbox_update = flaky_update,
    .outbox_find = flaky_find,
    .outbox_list = flaky_list,
    .outbox_purge = flaky_purge,
    .outbox_count = flaky_count,
    .close = flaky_close,
};

/* What most tests need: a receiver, a store, and a history between them. */
static struct fixture {
    struct http_receiver receiver;
    struct flaky_store store;
    struct game_history_config config;
    struct game_history *history;
    atomic_int stored, answered; /* calls of these names */
    char stored_ids[64][UUID_SIZE];
} fixture;

static void on_stored(void *arg, const char *match_id)
{
    const int number = atomic_load(&fixture.stored);
    assert_ptr_equal(arg, &fixture);
    if (number < 64)
        memcpy(fixture.stored_ids[number], match_id, UUID_SIZE);
    atomic_fetch_add(&fixture.stored, 1);
}

static void on_answered(void *arg)
{
    assert_ptr_equal(arg, &fixture);
    atomic_fetch_add(&fixture.answered, 1);
}

static void set_up(const char *const *script)
{
    memset(&fixture.store, 0, sizeof(fixture.store));
    fixture.store.store.operations = &flaky_operations;
    assert_int_equal(store_memory_open(&STORE_MEMORY_LIMITS_DEFAULT, &fixture.store.real), 0);
    http_receiver_open(&fixture.receiver, script);
    fixture.config = GAME_HISTORY_CONFIG_DEFAULT;
    fixture.config.user_management_url = fixture.receiver.url;
    fixture.config.api_key = API_KEY;
    fixture.config.retry.base_ms = 4;
    fixture.config.retry.max_ms = 50;
    fixture.config.stored = on_stored;
    fixture.config.answered = on_answered;
    fixture.config.stored_arg = fixture.config.answered_arg = &fixture;
    atomic_store(&fixture.stored, 0);
    atomic_store(&fixture.answered, 0);
}

static void start(void)
{
    char error[256];
    assert_int_equal(game_history_start(&fixture.config, &fixture.store.store, &fixture.history,
                                        error, sizeof(error)),
                     GAME_HISTORY_OK);
}

static void tear_down(void)
{
    http_receiver_close(&fixture.receiver);
    store_close(&fixture.store.store);
}

/* Stops the history and says what is left in the store. */
static struct outbox_counts stop(int64_t grace_ms)
{
    struct outbox_counts counts;
    game_history_stop(fixture.history, grace_ms);
    store_outbox_count(&fixture.store.store, &counts);
    tear_down();
    return counts;
}

static struct match_result result_of(unsigned int number)
{
    struct match_result result = {.room_code = "A1B2C3",
                                  .player_id = {"42", "guest-0a1b2c3d"},
                                  .score = {10, 7},
                                  .winner = 1,
                                  .reason = MATCH_END_SCORE,
                                  .duration_s = 93.1,
                                  .finished_at_unix = 1767323045.678};
    snprintf(result.match_id, sizeof(result.match_id), "00000000-0000-4000-8000-%012u", number);
    return result;
}

static void submit(unsigned int number)
{
    const struct match_result result = result_of(number);
    assert_int_equal(game_history_submit(fixture.history, &result), GAME_HISTORY_OK);
}

static struct game_history_stats stats_of(void)
{
    struct game_history_stats stats;
    game_history_stats(fixture.history, &stats);
    return stats;
}

#define AWAIT(condition)                                       \
    do {                                                       \
        for (int left_ = LONG_MS / 2; !(condition); left_--) { \
            assert_true(left_ > 0);                            \
            poll(NULL, 0, 2);                                  \
        }                                                      \
    } while (0)

static void await_delivered(uint64_t count)
{
    AWAIT(stats_of().delivered == count && stats_of().pending == 0);
}

static bool has_header(const struct http_request *request, const char *header)
{
    char line[256];
    snprintf(line, sizeof(line), "\r\n%s\r\n", header);
    const char *at = strstr(request->text, line);
    return at && at < request->body;
}

/* ------------------------------------------------------------------------------------ delivery */

static void test_201_is_delivered(void **state)
{
    char url[128];
    (void)state;
    set_up(SCRIPT(CREATED));
    snprintf(url, sizeof(url), "%s/user//", fixture.receiver.url);
    fixture.config.user_management_url = url;
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    await_delivered(1);
    const struct game_history_stats stats = stats_of();
    assert_int_equal(stats.attempts_failed, 0);
    assert_int_equal(stats.failed, 0);
    assert_int_equal(stats.lost, 0);
    assert_int_equal(stats.oldest_pending_ms, 0);
    assert_false(stats.store_broken);

    const struct http_request *request = &fixture.receiver.requests[0];
    assert_memory_equal(request->text, "POST /user/api/games/ HTTP/1.1\r\n", 32);
    assert_true(has_header(request, "Content-Type: application/json"));
    assert_true(has_header(request, "Authorization: Api-Key " API_KEY));
    assert_true(has_header(request, "Idempotency-Key: 00000000-0000-4000-8000-000000000001"));
    const struct match_result result = result_of(1);
    char body[OUTBOX_BODY_MAX + 1];
    size_t size;
    assert_int_equal(result_body_write(&result, body, sizeof(body), &size), 0);
    body[size] = '\0';
    assert_string_equal(request->body, body);
    assert_int_equal(stop(1000).pending, 0);
    assert_int_equal(fixture.receiver.count, 1);
}

/* Runs a script until its one result is delivered, and checks that each attempt was the same. */
static void assert_delivered_after(const char *const *script, size_t requests)
{
    set_up(script);
    http_receiver_up(&fixture.receiver);
    start();
    submit(7);
    await_delivered(1);
    assert_int_equal(stats_of().attempts_failed, requests - 1);
    assert_int_equal(stop(1000).failed, 0);
    assert_int_equal(fixture.receiver.count, requests);
    for (size_t i = 1; i < requests; i++)
        assert_string_equal(fixture.receiver.requests[i].text, fixture.receiver.requests[0].text);
}

static void test_what_passes_is_tried_again_with_the_same_bytes(void **state)
{
    (void)state;
    assert_delivered_after(SCRIPT(EMPTY("500 Internal Server Error"), EMPTY("503 Busy"), CREATED),
                           3);
    assert_delivered_after(SCRIPT(EMPTY("408 Request Timeout"), EMPTY("409 Conflict"),
                                  EMPTY("425 Too Early"), EMPTY("429 Too Many Requests"),
                                  EMPTY("204 No Content")),
                           5);
}

static void test_a_cut_before_the_answer_is_tried_again(void **state)
{
    (void)state;
    assert_delivered_after(SCRIPT(HTTP_CUT, "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.", CREATED),
                           4);
}

static void test_a_cut_after_the_status_is_an_answer(void **state)
{
    (void)state;
    assert_delivered_after(SCRIPT("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":"),
                           1);
}

static void test_a_long_answer_is_not_read_to_its_end(void **state)
{
    static const char head[] = "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n";
    static char answer[32 * 1024 * 1024]; /* more than any socket's buffers */
    (void)state;
    memset(answer, 'x', sizeof(answer) - 1);
    memcpy(answer, head, sizeof(head) - 1);
    assert_delivered_after(SCRIPT(answer), 1);
    assert_true(fixture.receiver.requests[0].hung_up);
    memcpy(answer, "HTTP/1.1 500 No\r\nX-Long: ", 25); /* an endless head */
    memset(answer + 25, 'x', sizeof(head) - 25);
    assert_delivered_after(SCRIPT(answer, CREATED), 2);
    assert_true(fixture.receiver.requests[0].hung_up);
}

static void test_retry_after_seconds(void **state)
{
    (void)state;
    assert_delivered_after(
        SCRIPT("HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", CREATED), 2);
    const struct http_request *requests = fixture.receiver.requests;
    /* Two clocks that are cut to milliseconds may differ by some. */
    assert_true(requests[1].arrived_ms - requests[0].answered_ms >= 990);
}

static void test_retry_after_date(void **state)
{
    char answer[160], date[64];
    const time_t when = time(NULL) + 3;
    struct tm utc;
    (void)state;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &utc));
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
    assert_delivered_after(SCRIPT(answer, CREATED), 2);
    assert_true(time(NULL) >= when - 1); /* a date has whole seconds */
}

static void test_refused_connections_and_then_up(void **state)
{
    enum {
        RESULTS = 30
    };
    (void)state;
    set_up(SCRIPT(CREATED));
    start();
    for (unsigned int i = 0; i < RESULTS; i++)
        submit(i);
    /* More than it takes to shut the gate. */
    AWAIT(stats_of().attempts_failed > RETRY_GATE_FAILURES + 3);
    struct game_history_stats stats = stats_of();
    assert_int_equal(stats.pending, RESULTS);
    assert_int_equal(stats.delivered, 0);
    http_receiver_up(&fixture.receiver);
    await_delivered(RESULTS);
    stop(1000);
    assert_int_equal(fixture.receiver.count, RESULTS);
}

static void test_at_most_eight_at_once(void **state)
{
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.receiver.hold, true);
    http_receiver_up(&fixture.receiver);
    start();
    for (unsigned int i = 0; i < 50; i++)
        submit(i);
    http_receiver_await(&fixture.receiver, 8);
    /* Let it turn a few times with all places taken. */
    for (unsigned int i = 50; i < 60; i++) {
        submit(i);
        poll(NULL, 0, 5);
    }
    atomic_store(&fixture.receiver.hold, false);
    await_delivered(60);
    stop(1000);
    assert_int_equal(fixture.receiver.count, 60);
    assert_int_equal(fixture.receiver.most_open, 8);
}

static void test_a_result_that_is_not_taken_fails_and_is_kept(void **state)
{
    static const char *const refusals[] = {EMPTY("400 Bad Request"), EMPTY("422 No"),
                                           EMPTY("302 Found\r\nLocation: /elsewhere")};
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        set_up(SCRIPT(refusals[i], CREATED));
        http_receiver_up(&fixture.receiver);
        start();
        submit(1);
        AWAIT(stats_of().failed == 1);
        assert_int_equal(stats_of().pending, 0);
        submit(1); /* it is still known, so it is not taken again */
        submit(2);
        await_delivered(1);
        struct outbox_counts counts = stop(1000);
        assert_int_equal(counts.failed, 1);
        assert_int_equal(counts.pending, 0);
        assert_int_equal(fixture.receiver.count, 2);
        assert_non_null(strstr(fixture.receiver.requests[1].body, "000000000002"));
    }
}

static void test_a_wrong_key_is_tried_for_long_and_then_fails(void **state)
{
    (void)state;
    set_up(SCRIPT(EMPTY("401 Unauthorized"), EMPTY("403 Forbidden"), EMPTY("404 Not Found")));
    fixture.config.retry.refused_every_ms = 5;
    fixture.config.retry.refused_for_ms = 200;
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    AWAIT(stats_of().failed == 1);
    assert_int_equal(stop(1000).failed, 1);
    assert_true(fixture.receiver.count >= 2);
    assert_true(fixture.receiver.requests[fixture.receiver.count - 1].arrived_ms -
                    fixture.receiver.requests[0].arrived_ms >=
                190);
}

static void test_the_key_stays_out_of_the_log(void **state)
{
    char log[8192] = "";
    char name[] = "/tmp/test_game_history.XXXXXX";
    (void)state;
    set_up(SCRIPT(EMPTY("500 Internal Server Error"), CREATED, EMPTY("400 Bad Request")));
    const int file = mkstemp(name), before = dup(STDERR_FILENO);
    assert_true(file >= 0 && before >= 0 && dup2(file, STDERR_FILENO) >= 0);
    unlink(name);
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    await_delivered(1);
    submit(2);
    AWAIT(stats_of().failed == 1);
    stop(1000);
    dup2(before, STDERR_FILENO);
    close(before);
    assert_true(pread(file, log, sizeof(log) - 1, 0) > 0);
    close(file);
    assert_null(strstr(log, API_KEY));
    assert_non_null(strstr(log, "result 00000000-0000-4000-8000-000000000001: not delivered: "
                                "status 500, attempt 1, next in 0.0 s\n"));
    assert_non_null(strstr(log, "000000000001: delivered: status 201, attempt 2\n"));
    assert_non_null(strstr(log, "000000000002: failed: status 400, attempt 1, kept: {\"room_code"));
}

/* ------------------------------------------------------------------------------------- policy */

static void test_bots_and_guests_by_policy(void **state)
{
    static const struct {
        bool has_bot, has_guest, post_bots, post_guests, is_posted;
    } table[] = {
        {false, true, false, true, true},   {false, true, false, false, false},
        {true, false, false, true, false},  {true, false, true, true, true},
        {true, true, true, false, false},   {true, true, false, true, false},
        {false, false, false, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct match_result result = result_of(1);
        result.has_bot = table[i].has_bot;
        result.has_guest = table[i].has_guest;
        set_up(SCRIPT(CREATED));
        fixture.config.post_bot_results = table[i].post_bots;
        fixture.config.post_guest_results = table[i].post_guests;
        http_receiver_up(&fixture.receiver);
        start();
        assert_int_equal(game_history_submit(fixture.history, &result), GAME_HISTORY_OK);
        stop(LONG_MS);
        assert_int_equal(fixture.receiver.count, table[i].is_posted);
        /* It is committed, and told to be, all the same. */
        assert_int_equal(fixture.store.inserted[OUTBOX_NOT_POSTED], !table[i].is_posted);
        assert_int_equal(fixture.store.inserted[OUTBOX_PENDING], table[i].is_posted);
        assert_int_equal(fixture.stored, 1);
        assert_string_equal(fixture.stored_ids[0], result.match_id);
    }
}

static void test_the_defaults(void **state)
{
    const struct game_history_config config = GAME_HISTORY_CONFIG_DEFAULT;
    (void)state;
    assert_false(config.post_bot_results);
    assert_true(config.post_guest_results);
    assert_int_equal(config.timeout_ms, 10000);
    assert_int_equal(config.retry.base_ms, 1000);
}

static void test_another_key_is_for_the_next_attempt(void **state)
{
    char error[256];
    (void)state;
    set_up(SCRIPT(CREATED));
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    await_delivered(1);
    assert_true(has_header(&fixture.receiver.requests[0], "Authorization: Api-Key " API_KEY));
    for (int i = 0; i < 100; i++) /* most are replaced before they are taken up */
        assert_int_equal(game_history_set_api_key(fixture.history, "old", error, sizeof(error)),
                         GAME_HISTORY_OK);
    assert_int_equal(game_history_set_api_key(fixture.history, "new-1", error, sizeof(error)),
                     GAME_HISTORY_OK);
    submit(2);
    await_delivered(2);
    assert_true(has_header(&fixture.receiver.requests[1], "Authorization: Api-Key new-1"));
    assert_int_equal(game_history_set_api_key(fixture.history, "new \r\n2", error, sizeof(error)),
                     GAME_HISTORY_BAD_CONFIG);
    assert_null(strstr(error, "new"));
    submit(3);
    await_delivered(3);
    assert_true(has_header(&fixture.receiver.requests[2], "Authorization: Api-Key new-1"));
    assert_int_equal(game_history_set_api_key(fixture.history, "", error, sizeof(error)),
                     GAME_HISTORY_OK);
    submit(4);
    await_delivered(4);
    assert_null(strstr(fixture.receiver.requests[3].text, "Authorization"));
    assert_int_equal(game_history_set_api_key(fixture.history, "last", error, sizeof(error)),
                     GAME_HISTORY_OK);
    stop(1000); /* one that was never used leaks nothing */
}

static void test_without_a_url_results_wait(void **state)
{
    (void)state;
    set_up(SCRIPT(CREATED));
    fixture.config.user_management_url = "";
    start();
    submit(1);
    submit(2);
    AWAIT(stats_of().pending == 2);
    assert_int_equal(stop(LONG_MS).pending, 2); /* not a minute: there is nothing to wait for */
}

static void test_bad_configurations_are_refused(void **state)
{
    static const struct {
        const char *url, *key;
    } table[] = {
        {"user-management:8000", NULL},
        {"ftp://users.example/", NULL},
        {"file:///etc/passwd", NULL},
        {"http://", NULL},
        {"http://me:hush@users.example", NULL},
        {"http://users.example/?a=b", NULL},
        {"http://users.example/#x", NULL},
        {"http://users.example:99999", NULL},
        {"http://users.example", "hush\r\nX-Evil: 1"},
        {"http://users.example", "hush hush"},
        {"http://users.example", "hush\n"},
        {"", "hush\xc3\xa4"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct game_history_config config = GAME_HISTORY_CONFIG_DEFAULT;
        struct game_history *history = NULL;
        char error[256] = "";
        config.user_management_url = table[i].url;
        config.api_key = table[i].key;
        assert_int_equal(game_history_check(&config, error, sizeof(error)),
                         GAME_HISTORY_BAD_CONFIG);
        assert_true(strlen(error) > 10);
        assert_null(strstr(error, "hush"));
        assert_int_equal(game_history_start(&config, NULL, &history, error, sizeof(error)),
                         GAME_HISTORY_BAD_CONFIG);
        assert_null(history);
    }
    struct game_history_config good = GAME_HISTORY_CONFIG_DEFAULT;
    char error[256];
    assert_int_equal(game_history_check(&good, error, sizeof(error)), GAME_HISTORY_OK);
    good.user_management_url = "https://users.example:8443/base";
    good.api_key = "abc-DEF_123.~";
    assert_int_equal(game_history_check(&good, error, sizeof(error)), GAME_HISTORY_OK);
}

/* --------------------------------------------------------------------------- stop and the store */

static void test_stop_cuts_off_a_slow_answer(void **state)
{
    struct outbox_entry entry;
    size_t count;
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.receiver.hold, true);
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    http_receiver_await(&fixture.receiver, 1);
    game_history_stop(fixture.history, 20);
    /* As if it had not been tried: the attempt did not run into its own timeout either. */
    assert_int_equal(store_outbox_next(&fixture.store.store, NULL, 1, &entry, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(entry.retry.attempts, 0);
    tear_down();
}

static void *release(void *argument)
{
    (void)argument;
    poll(NULL, 0, 100);
    atomic_store(&fixture.receiver.hold, false);
    return NULL;
}

static void test_stop_gives_an_attempt_its_grace(void **state)
{
    pthread_t releaser;
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.receiver.hold, true);
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    http_receiver_await(&fixture.receiver, 1);
    submit(2); /* just handed over: taken along */
    assert_int_equal(pthread_create(&releaser, NULL, release, NULL), 0);
    assert_int_equal(stop(LONG_MS).pending, 0);
    pthread_join(releaser, NULL);
    assert_int_equal(fixture.receiver.count, 2);
    game_history_stop(NULL, 0);
}

static void test_what_is_pending_at_the_start_is_taken_up(void **state)
{
    struct outbox_entry entry = {.match_id = "00000000-0000-4000-8000-000000000009",
                                 .created_ms = 1,
                                 .retry.attempts = 3,
                                 .body_size = 11,
                                 .body = "{\"as\":\"was\"}"};
    size_t inserted;
    (void)state;
    set_up(SCRIPT(CREATED));
    assert_int_equal(store_outbox_insert(&fixture.store.store, &entry, 1, &inserted), STORE_OK);
    http_receiver_up(&fixture.receiver);
    start();
    AWAIT(stats_of().delivered == 1);
    stop(1000);
    assert_memory_equal(fixture.receiver.requests[0].body, entry.body, 11);
}

static void test_a_commit_is_told_once(void **state)
{
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.store.is_stalled, true);
    start();
    submit(1);
    AWAIT(atomic_load(&fixture.store.inserts_waiting) == 1);
    assert_int_equal(fixture.stored, 0); /* not before it is safe */
    submit(2);
    submit(3);
    submit(3);
    atomic_store(&fixture.store.is_stalled, false);
    AWAIT(fixture.stored == 3);
    for (unsigned int i = 0; i < 3; i++)
        assert_string_equal(fixture.stored_ids[i], result_of(i + 1).match_id);
    http_receiver_up(&fixture.receiver);
    await_delivered(3);
    stop(1000);
    assert_int_equal(fixture.stored, 3);
}

static void test_with_a_broken_store_results_are_posted_from_memory(void **state)
{
    (void)state;
    set_up(SCRIPT(EMPTY("500 No"), CREATED));
    atomic_store(&fixture.store.insert_failures, 1000000);
    http_receiver_up(&fixture.receiver);
    start();
    for (unsigned int i = 1; i <= 20; i++)
        submit(i);
    await_delivered(20);
    struct game_history_stats stats = stats_of();
    assert_true(stats.store_broken);
    assert_int_equal(stats.unsaved, 20);
    assert_int_equal(stats.lost, 0);
    assert_int_equal(fixture.stored, 0);
    /* A store that works again is told, and what it is told is that they are delivered. */
    atomic_store(&fixture.store.insert_failures, 0);
    AWAIT(stats_of().unsaved == 0);
    assert_false(stats_of().store_broken);
    assert_int_equal(fixture.stored, 20);
    assert_int_equal(fixture.store.inserted[OUTBOX_DELIVERED], 20);
    assert_int_equal(fixture.store.inserted[OUTBOX_PENDING], 0);
    stop(1000);
    assert_int_equal(fixture.receiver.count, 21);
}

static void test_what_waits_in_memory_comes_to_the_store_as_it_is(void **state)
{
    (void)state;
    set_up(SCRIPT(EMPTY("400 Bad Request"), CREATED));
    fixture.config.user_management_url = "";
    atomic_store(&fixture.store.insert_failures, 1);
    start();
    submit(1);
    AWAIT(stats_of().store_broken);
    assert_int_equal(stats_of().pending, 1);
    assert_int_equal(stats_of().unsaved, 1);
    submit(2);
    AWAIT(fixture.stored == 2);
    assert_int_equal(stop(1000).pending, 2);
    assert_int_equal(fixture.store.inserted[OUTBOX_PENDING], 2);
}

static void test_an_outcome_that_cannot_be_saved_is_kept_and_not_posted_again(void **state)
{
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.store.update_failures, 1);
    atomic_store(&fixture.receiver.hold, true);
    http_receiver_up(&fixture.receiver);
    start();
    for (unsigned int i = 1; i <= 12; i++) /* more than there are places */
        submit(i);
    AWAIT(fixture.stored == 12); /* so that what comes of them are updates */
    atomic_store(&fixture.receiver.hold, false);
    await_delivered(12);
    AWAIT(stats_of().unsaved == 0);
    assert_int_equal(fixture.store.updated[OUTBOX_DELIVERED], 12);
    assert_int_equal(atomic_load(&fixture.store.update_failures), 0);
    assert_int_equal(stop(1000).pending, 0);
    assert_int_equal(fixture.receiver.count, 12);
}

static void test_a_store_that_cannot_be_read_is_tried_again(void **state)
{
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.store.next_failures, 1);
    start();
    submit(1);
    AWAIT(stats_of().store_broken);
    http_receiver_up(&fixture.receiver);
    await_delivered(1);
    assert_false(stats_of().store_broken);
    stop(1000);
    assert_int_equal(fixture.receiver.count, 1);
}

static void test_what_no_store_took_is_in_the_log_at_the_end(void **state)
{
    char log[8192] = "";
    char name[] = "/tmp/test_game_history.XXXXXX";
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.store.insert_failures, 1000000);
    fixture.config.user_management_url = "";
    const int file = mkstemp(name), before = dup(STDERR_FILENO);
    assert_true(file >= 0 && before >= 0 && dup2(file, STDERR_FILENO) >= 0);
    unlink(name);
    start();
    submit(1);
    stop(0);
    dup2(before, STDERR_FILENO);
    close(before);
    assert_true(pread(file, log, sizeof(log) - 1, 0) > 0);
    close(file);
    assert_non_null(strstr(log, "000000000001: lost, the outbox did not take it: {\"room_code"));
}

static void test_a_time_far_ahead_is_not_waited_for(void **state)
{
    struct outbox_entry entry = {.match_id = "00000000-0000-4000-8000-000000000009",
                                 .created_ms = 1,
                                 .retry.next_attempt_ms = 4102444800000, /* the year 2100 */
                                 .body_size = 2,
                                 .body = "{}"};
    size_t inserted;
    (void)state;
    set_up(SCRIPT(CREATED));
    assert_int_equal(store_outbox_insert(&fixture.store.store, &entry, 1, &inserted), STORE_OK);
    http_receiver_up(&fixture.receiver);
    start();
    AWAIT(stats_of().delivered == 1);
    stop(1000);
}

static void test_old_results_are_purged(void **state)
{
    (void)state;
    set_up(SCRIPT(CREATED));
    const int64_t before_ms = (int64_t)time(NULL) * 1000;
    start();
    AWAIT(atomic_load(&fixture.store.purges) == 3); /* until there is no more, ... */
    submit(1);
    AWAIT(fixture.stored == 1);
    stop(0);
    assert_int_equal(fixture.store.purges, 3); /* ... and then not for a while */
    const int64_t kept_ms = (int64_t)GAME_HISTORY_KEEP_HOURS * 3600 * 1000;
    assert_true(fixture.store.purged_before_ms >= before_ms - kept_ms - 2000);
    assert_true(fixture.store.purged_before_ms <= (int64_t)time(NULL) * 1000 - kept_ms + 2000);
}

/* ------------------------------------------------------------------------------- the operator */

static const struct result_answer *ask(enum result_query_kind kind, enum outbox_state state,
                                       unsigned int number, int *ticket)
{
    struct result_query query = {.kind = kind, .state = state, .max = RESULT_QUERY_ROWS_MAX};
    memcpy(query.match_id, result_of(number).match_id, UUID_SIZE);
    *ticket = game_history_ask(fixture.history, &query);
    assert_true(*ticket >= 0);
    AWAIT(game_history_answer(fixture.history, *ticket));
    return game_history_answer(fixture.history, *ticket);
}

static void test_the_operator_sees_results_and_has_them_tried_again(void **state)
{
    int ticket;
    (void)state;
    set_up(SCRIPT(EMPTY("400 Bad Request"), EMPTY("422 No"), CREATED));
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    AWAIT(stats_of().failed == 1);
    submit(2);
    AWAIT(stats_of().failed == 2);
    const struct result_answer *answer = ask(RESULT_QUERY_LIST, OUTBOX_FAILED, 0, &ticket);
    assert_int_equal(answer->outcome, RESULT_QUERY_OK);
    assert_int_equal(answer->count, 2);
    assert_int_equal(answer->next, 0);
    const struct result_row *row = &answer->rows[1];
    assert_string_equal(row->match_id, result_of(2).match_id);
    assert_int_equal(row->state, OUTBOX_FAILED);
    assert_int_equal(row->retry.last_status, 422);
    assert_int_equal(row->retry.attempts, 1);
    assert_true(row->settled_ms >= row->created_ms && row->created_ms > 0);
    assert_true(row->is_readable);
    assert_string_equal(row->result.room_code, "A1B2C3");
    assert_int_equal(row->result.score[1], 7);
    game_history_forget(fixture.history, ticket);
    assert_int_equal(fixture.answered, 1);

    answer = ask(RESULT_QUERY_RETRY, 0, 1, &ticket);
    assert_int_equal(answer->outcome, RESULT_QUERY_OK);
    assert_int_equal(answer->rows[0].state, OUTBOX_PENDING);
    assert_int_equal(answer->rows[0].settled_ms, 0);
    game_history_forget(fixture.history, ticket);
    await_delivered(1);
    assert_int_equal(stats_of().failed, 1);
    answer = ask(RESULT_QUERY_RETRY, 0, 1, &ticket); /* memory forgets what is delivered */
    assert_int_equal(answer->outcome, RESULT_QUERY_UNKNOWN);
    assert_int_equal(answer->count, 0);
    game_history_forget(fixture.history, ticket);
    answer = ask(RESULT_QUERY_FIND, 0, 2, &ticket);
    assert_int_equal(answer->outcome, RESULT_QUERY_OK);
    assert_int_equal(answer->count, 1);
    game_history_forget(fixture.history, ticket);
    stop(1000);
    assert_int_equal(fixture.receiver.count, 3);
    assert_string_equal(fixture.receiver.requests[2].body, fixture.receiver.requests[0].body);
}

static void test_what_is_delivered_is_not_tried_again(void **state)
{
    int ticket;
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.store.insert_failures, 1000000); /* it stays in memory, so is known */
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    await_delivered(1);
    const struct result_answer *answer = ask(RESULT_QUERY_RETRY, 0, 1, &ticket);
    assert_int_equal(answer->outcome, RESULT_QUERY_REFUSED);
    assert_int_equal(answer->rows[0].state, OUTBOX_DELIVERED);
    game_history_forget(fixture.history, ticket);
    answer = ask(RESULT_QUERY_LIST, OUTBOX_DELIVERED, 0, &ticket); /* what only memory has */
    assert_int_equal(answer->count, 1);
    game_history_forget(fixture.history, ticket);
    stop(1000);
    assert_int_equal(fixture.receiver.count, 1);
}

static void test_a_retry_need_not_wait_for_its_time(void **state)
{
    int ticket;
    (void)state;
    set_up(SCRIPT(EMPTY("401 Unauthorized"), CREATED)); /* five minutes to the next attempt */
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    AWAIT(stats_of().attempts_failed == 1);
    AWAIT(stats_of().unsaved == 0);
    ask(RESULT_QUERY_RETRY, 0, 1, &ticket);
    game_history_forget(fixture.history, ticket);
    await_delivered(1);
    stop(1000);
}

static void test_questions_are_bounded_and_may_be_forgotten(void **state)
{
    const struct result_query query = {.kind = RESULT_QUERY_LIST, .max = 10};
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.store.is_stalled, true);
    start();
    submit(1);
    AWAIT(atomic_load(&fixture.store.inserts_waiting) == 1);
    for (int i = 0; i < RESULT_QUERIES_MAX; i++)
        assert_int_equal(game_history_ask(fixture.history, &query), i);
    assert_int_equal(game_history_ask(fixture.history, &query), GAME_HISTORY_FULL);
    assert_null(game_history_answer(fixture.history, 2));
    game_history_forget(fixture.history, 2); /* not answered yet: its place is not free before */
    assert_int_equal(game_history_ask(fixture.history, &query), GAME_HISTORY_FULL);
    atomic_store(&fixture.store.is_stalled, false);
    AWAIT(game_history_answer(fixture.history, 3));
    int ticket = -1;
    AWAIT((ticket = game_history_ask(fixture.history, &query)) >= 0);
    assert_int_equal(ticket, 2);
    stop(0);
}

static void test_a_read_that_stalls_is_noticed(void **state)
{
    const struct result_query query = {.kind = RESULT_QUERY_LIST, .max = 10};
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.store.is_list_stalled, true);
    start();
    assert_int_equal(game_history_ask(fixture.history, &query), 0);
    AWAIT(stats_of().store_broken);
    atomic_store(&fixture.store.is_list_stalled, false);
    AWAIT(!stats_of().store_broken);
    stop(0);
}

static void test_a_full_store_does_not_stop_deliveries(void **state)
{
    const struct store_memory_limits limits = {.pending_max = 5, .failed_max = 5};
    (void)state;
    set_up(SCRIPT(CREATED));
    store_close(fixture.store.real);
    assert_int_equal(store_memory_open(&limits, &fixture.store.real), STORE_OK);
    start();
    for (unsigned int i = 0; i < 12; i++)
        submit(i);
    AWAIT(stats_of().store_broken);
    assert_int_equal(stats_of().pending, 12);
    http_receiver_up(&fixture.receiver);
    await_delivered(12);
    stop(1000);
    assert_int_equal(fixture.receiver.count, 12);
}

static void test_a_full_mailbox_is_never_silent(void **state)
{
    (void)state;
    set_up(SCRIPT(CREATED));
    atomic_store(&fixture.store.is_stalled, true);
    fixture.config.max_rooms = 1;
    start();
    submit(100);
    AWAIT(atomic_load(&fixture.store.inserts_waiting) == 1);
    for (unsigned int i = 0; i < 64; i++)
        submit(i);
    const struct match_result result = result_of(64);
    assert_int_equal(game_history_submit(fixture.history, &result), GAME_HISTORY_FULL);
    assert_int_equal(stats_of().lost, 1);
    assert_int_equal(stats_of().pending, 65);
    atomic_store(&fixture.store.is_stalled, false);
    assert_int_equal(stop(0).pending, 65);
}

static void test_a_result_that_is_no_json_does_not_stop_the_others(void **state)
{
    struct match_result bad = result_of(2);
    (void)state;
    memcpy(bad.player_id[0], "\xff\xfe", 3);
    set_up(SCRIPT(CREATED));
    http_receiver_up(&fixture.receiver);
    start();
    submit(1);
    assert_int_equal(game_history_submit(fixture.history, &bad), GAME_HISTORY_OK);
    submit(3);
    await_delivered(2);
    assert_int_equal(stats_of().lost, 1);
    stop(1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_201_is_delivered),
        cmocka_unit_test(test_what_passes_is_tried_again_with_the_same_bytes),
        cmocka_unit_test(test_a_cut_before_the_answer_is_tried_again),
        cmocka_unit_test(test_a_cut_after_the_status_is_an_answer),
        cmocka_unit_test(test_a_long_answer_is_not_read_to_its_end),
        cmocka_unit_test(test_retry_after_seconds),
        cmocka_unit_test(test_retry_after_date),
        cmocka_unit_test(test_refused_connections_and_then_up),
        cmocka_unit_test(test_at_most_eight_at_once),
        cmocka_unit_test(test_a_result_that_is_not_taken_fails_and_is_kept),
        cmocka_unit_test(test_a_wrong_key_is_tried_for_long_and_then_fails),
        cmocka_unit_test(test_the_key_stays_out_of_the_log),
        cmocka_unit_test(test_bots_and_guests_by_policy),
        cmocka_unit_test(test_the_defaults),
        cmocka_unit_test(test_another_key_is_for_the_next_attempt),
        cmocka_unit_test(test_without_a_url_results_wait),
        cmocka_unit_test(test_bad_configurations_are_refused),
        cmocka_unit_test(test_stop_cuts_off_a_slow_answer),
        cmocka_unit_test(test_stop_gives_an_attempt_its_grace),
        cmocka_unit_test(test_what_is_pending_at_the_start_is_taken_up),
        cmocka_unit_test(test_a_commit_is_told_once),
        cmocka_unit_test(test_with_a_broken_store_results_are_posted_from_memory),
        cmocka_unit_test(test_what_waits_in_memory_comes_to_the_store_as_it_is),
        cmocka_unit_test(test_an_outcome_that_cannot_be_saved_is_kept_and_not_posted_again),
        cmocka_unit_test(test_a_store_that_cannot_be_read_is_tried_again),
        cmocka_unit_test(test_what_no_store_took_is_in_the_log_at_the_end),
        cmocka_unit_test(test_a_time_far_ahead_is_not_waited_for),
        cmocka_unit_test(test_old_results_are_purged),
        cmocka_unit_test(test_the_operator_sees_results_and_has_them_tried_again),
        cmocka_unit_test(test_what_is_delivered_is_not_tried_again),
        cmocka_unit_test(test_a_retry_need_not_wait_for_its_time),
        cmocka_unit_test(test_questions_are_bounded_and_may_be_forgotten),
        cmocka_unit_test(test_a_read_that_stalls_is_noticed),
        cmocka_unit_test(test_a_full_store_does_not_stop_deliveries),
        cmocka_unit_test(test_a_full_mailbox_is_never_silent),
        cmocka_unit_test(test_a_result_that_is_no_json_does_not_stop_the_others),
    };
    /* A proxy of the environment is not to be asked. */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
