/*
 * The store in Redis beyond the contract of results (test_store.c): rooms, claims that are lost, batches
 * that come late, results that change hands, a Redis that forgets, is away or full.
 */
#include "gamed/store_redis.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "gamed/checkpoint_json.h"
#include "gamed/result_body.h"
#include "gamed/slot_load.h"
#include "tests/unit/redis_store.h"
#include "tests/unit/sample_rooms.h"

enum {
    MANY = 5000,
    PATIENCE_MS = 60 * 1000,
    PAUSE_MS = 10
};

static struct redis_store redis;

static int start_redis(void **state)
{
    (void)state;
    redis_store_start(&redis);
    return 0;
}

static int stop_redis(void **state)
{
    (void)state;
    redis_store_stop(&redis);
    return 0;
}

static int reset_redis(void **state)
{
    (void)state;
    redis_store_reset(&redis);
    return 0;
}

static uint64_t stale(void)
{
    uint64_t batches;
    store_redis_stale(redis.store, &batches);
    return batches;
}

/* ---- rooms ------------------------------------------------------------------------------- */

static struct room_checkpoint room_of(char slot, unsigned int number)
{
    struct room_checkpoint room = sample_room(number);
    room.room_code[0] = slot;
    return room;
}

static int save(char slot, unsigned int number)
{
    const struct room_checkpoint room = room_of(slot, number);
    const struct room_checkpoint *const list[] = {&room};
    return store_rooms_save(redis.store, list, 1);
}

static int read_slot(char slot, struct slot_load **load)
{
    char claim[CLAIM_SIZE];
    slots_claim(redis.slots, slot_index(slot), claim);
    return slot_load_read(redis.link, slot_index(slot), claim, load);
}

static struct slot_load *load(char slot)
{
    struct slot_load *load;
    assert_int_equal(read_slot(slot, &load), STORE_OK);
    assert_int_equal(load->slot, slot_index(slot));
    return load;
}

static size_t count_of(char slot)
{
    struct slot_load *all = load(slot);
    const size_t count = all->count;
    free(all);
    return count;
}

static void test_rooms_come_back(void **state)
{
    struct room_checkpoint rooms[4] = {room_of('A', 1), room_of('A', 2), room_of('A', 3),
                                       room_of('A', 4)};
    const struct room_checkpoint *list[] = {&rooms[0], &rooms[1], &rooms[2], &rooms[3]};
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    pong_set_phase(&rooms[1].pong, PONG_WAITING, PONG_STEPS_OPEN);
    pong_set_phase(&rooms[1].pong, PONG_FINISHED, PONG_STEPS_OPEN);
    rooms[1].pong.score[0] = 10;
    rooms[1].winner = 1;
    rooms[1].match_left_ms = 0;
    rooms[1].duration_ms = 61234;
    rooms[1].ended_unix_ms = 1767323106912;
    rooms[1].rematch_left_ms = 60000;
    rooms[1].seats[0].wants_rematch = true;
    memset(rooms[2].seats[0].player_id, '"', PLAYER_ID_SIZE - 1);
    memset(rooms[2].seats[1].player_id, '\\', PLAYER_ID_SIZE - 1);
    rooms[2].random_state = UINT64_MAX;
    assert_int_equal(store_rooms_save(redis.store, list, 4), STORE_OK);
    struct room_checkpoint gone = sample_room_gone(4);
    list[0] = &gone;
    rooms[0].pong.score[0] = 7;
    list[1] = &rooms[0]; /* in one batch: one is gone, another newer */
    assert_int_equal(store_rooms_save(redis.store, list, 2), STORE_OK);
    struct slot_load *all = load('A');
    assert_int_equal(all->count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct room_checkpoint *found = &all->rooms[i].checkpoint;
        const struct room_checkpoint *expected = &rooms[found->room_code[5] - '1'];
        assert_string_equal(found->room_code, expected->room_code);
        assert_memory_equal(found, expected, sizeof *found);
        assert_false(all->rooms[i].has_result);
    }
    free(all);
}

static void test_thousands_of_rooms_and_results(void **state)
{
    static struct room_checkpoint rooms[MANY];
    static const struct room_checkpoint *list[MANY];
    static bool found[MANY];
    struct outbox_entry entry = {.state = OUTBOX_PENDING};
    size_t done;
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    for (unsigned int i = 0; i < MANY; i++) {
        rooms[i] = room_of('A', i);
        list[i] = &rooms[i];
        if (i % 100 != 0)
            continue;
        struct match_result result = {
            .player_id = {"1", "2"}, .score = {10, (uint8_t)(i % 9)}, .winner = 1, .duration_s = i};
        memcpy(result.match_id, rooms[i].match_id, UUID_SIZE);
        memcpy(result.room_code, rooms[i].room_code, ROOM_CODE_SIZE);
        memcpy(entry.match_id, rooms[i].match_id, UUID_SIZE);
        memcpy(entry.room_code, rooms[i].room_code, ROOM_CODE_SIZE);
        assert_int_equal(
            result_body_write(&result, entry.body, sizeof entry.body, &entry.body_size), 0);
        assert_int_equal(store_outbox_insert(redis.store, &entry, 1, &done), STORE_OK);
    }
    assert_int_equal(store_rooms_save(redis.store, list, MANY), STORE_OK);
    struct slot_load *all = load('A');
    assert_int_equal(all->count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        const struct slot_load_room *room = &all->rooms[i];
        const int number = atoi(room->checkpoint.match_id + 24);
        assert_true(number >= 0 && number < MANY && !found[number]);
        found[number] = true;
        assert_memory_equal(&room->checkpoint, &rooms[number], sizeof rooms[0]);
        assert_int_equal(room->has_result, number % 100 == 0);
        if (room->has_result) {
            assert_string_equal(room->result.match_id, room->checkpoint.match_id);
            assert_int_equal(room->result.duration_s, number);
        }
    }
    free(all);
}

static void test_only_what_is_ours_is_written(void **state)
{
    const struct room_checkpoint rooms[] = {room_of('A', 1), room_of('B', 1), room_of('C', 1)};
    const struct room_checkpoint *const list[] = {&rooms[0], &rooms[1], &rooms[2]};
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    redis_store_claim(&redis, 'B', 2);
    assert_int_equal(store_rooms_save(redis.store, list, 3), STORE_OK);
    assert_int_equal(count_of('A'), 1);
    assert_int_equal(count_of('B'), 1);
    assert_int_equal(count_of('C'), 0);

    /* Another has taken B: as long as we do not know that, nothing of B counts as saved. */
    redis_store_lease(&redis, 'B', 99);
    assert_int_equal(save('B', 2), STORE_BROKEN);
    assert_int_equal(save('A', 2), STORE_OK);
    assert_int_equal(store_rooms_save(redis.store, list, 3), STORE_BROKEN);
    slots_clear(redis.slots, slot_index('B'));
    assert_int_equal(store_rooms_save(redis.store, list, 3), STORE_OK);
    assert_int_equal(count_of('B'), 1); /* the old one */
    assert_int_equal(save('B', 2), STORE_OK);
    assert_int_equal(count_of('B'), 1);
    assert_int_equal(stale(), 0);
}

static void test_a_late_batch_is_void(void **state)
{
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    assert_int_equal(save('A', 1), STORE_OK);
    /* As if a newer one had been carried out already. */
    redis_server_ask(&redis.server, "SET {pong}:slot:A:fence:rooms 3");
    assert_int_equal(save('A', 2), STORE_BROKEN);
    assert_int_equal(save('A', 2), STORE_BROKEN);
    assert_int_equal(stale(), 2);
    assert_int_equal(count_of('A'), 1);
    assert_int_equal(save('A', 2), STORE_OK); /* and this one is newer */
    assert_int_equal(count_of('A'), 2);
    assert_int_equal(stale(), 2);
}

static void test_what_redis_forgot_can_be_written_again(void **state)
{
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    assert_int_equal(save('A', 1), STORE_OK);
    redis_server_ask(&redis.server, "FLUSHALL");
    assert_int_equal(save('A', 1), STORE_BROKEN); /* no lease, no writing */
    assert_int_equal(count_of('A'), 0);
    redis_store_lease(&redis, 'A', 1);
    assert_int_equal(save('A', 1), STORE_OK);
    assert_int_equal(count_of('A'), 1);
}

static void write_row(const char *code, const char *row)
{
    struct redisReply *const *replies;
    size_t count;
    assert_int_equal(redis_link_open(redis.link), REDIS_LINK_OK);
    redis_link_begin(redis.link);
    redis_link_add(redis.link, 4, (const char *const[]){"HSET", "{pong}:rooms:A", code, row}, NULL);
    assert_int_equal(redis_link_run(redis.link, 5000, &replies, &count), REDIS_LINK_OK);
}

static void test_rows_that_are_no_rooms_are_kept_aside(void **state)
{
    struct store_health health;
    char copy[CHECKPOINT_JSON_MAX] = "";
    const struct room_checkpoint room = room_of('A', 1);
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    assert_int_equal(save('A', 1), STORE_OK);
    checkpoint_json_write(&room, copy);
    store_health(redis.store, &health);
    const unsigned before = health.rooms_unreadable;
    write_row("A00009", "[\"A00009\"]");
    write_row("A00008", "[1,2");
    write_row("x", "");
    write_row("A00007", copy); /* a good one, in the place of another */
    assert_int_equal(redis_store_number(&redis, "HLEN {pong}:rooms:A"), 5);
    redis_store_lease(&redis, 'A', 2); /* not ours to move */
    assert_int_equal(count_of('A'), 1);
    assert_int_equal(redis_store_number(&redis, "HLEN {pong}:rooms:A"), 5);
    redis_store_lease(&redis, 'A', 1);
    assert_int_equal(count_of('A'), 1);
    store_health(redis.store, &health);
    assert_int_equal(health.rooms_unreadable - before, 8); /* seen twice, moved once */
    assert_int_equal(redis_store_number(&redis, "HLEN {pong}:rooms:A"), 1);
    assert_int_equal(redis_store_number(&redis, "LLEN {pong}:unreadable"), 4);
    assert_int_equal(count_of('A'), 1);
    store_health(redis.store, &health);
    assert_int_equal(health.rooms_unreadable - before, 8);
}

static void test_impossible_rooms_are_left_out(void **state)
{
    struct room_checkpoint rooms[] = {room_of('A', 1), room_of('A', 2)};
    const struct room_checkpoint *const list[] = {&rooms[0], &rooms[1]};
    struct store_health health;
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    rooms[0].pong.ball_x = -5000;
    assert_int_equal(store_rooms_save(redis.store, list, 2), STORE_OK);
    assert_int_equal(count_of('A'), 1);
    store_health(redis.store, &health);
    assert_int_equal(health.rooms_refused, 1);
}

static void count_room(void *arg, const struct room_checkpoint *checkpoint)
{
    assert_non_null(strchr("AB", checkpoint->room_code[0]));
    ++*(int *)arg;
}

static void test_loading_all_is_of_what_is_ours(void **state)
{
    int count = 0;
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    redis_store_claim(&redis, 'B', 1);
    redis_store_claim(&redis, 'C', 1);
    save('A', 1);
    save('B', 1);
    save('C', 1);
    slots_clear(redis.slots, slot_index('C'));
    assert_int_equal(store_rooms_load(redis.store, count_room, &count), STORE_OK);
    assert_int_equal(count, 2);
}

/* ---- results ----------------------------------------------------------------------------- */

static struct outbox_entry entry_of(char slot, unsigned int number, int64_t next_attempt_ms)
{
    struct outbox_entry entry = {.created_ms = 5000 + number,
                                 .retry.next_attempt_ms = next_attempt_ms,
                                 .room_code = "A00000"};
    entry.room_code[0] = slot;
    snprintf(entry.match_id, sizeof entry.match_id, "00000000-0000-4000-8000-%012u", number);
    entry.body_size = (size_t)snprintf(entry.body, sizeof entry.body, "{\"n\":%u}", number);
    return entry;
}

static int insert(char slot, unsigned int number, int64_t next_attempt_ms)
{
    const struct outbox_entry entry = entry_of(slot, number, next_attempt_ms);
    size_t done;
    const int outcome = store_outbox_insert(redis.store, &entry, 1, &done);
    assert_int_equal(done, outcome == STORE_OK);
    return outcome;
}

static int update(const struct outbox_entry *entry, enum outbox_state state, uint32_t attempts)
{
    struct outbox_entry changed = *entry;
    changed.state = state;
    changed.settled_ms = state == OUTBOX_PENDING ? 0 : 7000;
    changed.retry.attempts = attempts;
    return store_outbox_update(redis.store, &changed, 1);
}

static int find(unsigned int number, struct outbox_entry *entry)
{
    return store_outbox_find(redis.store, entry_of('A', number, 0).match_id, entry);
}

static size_t next(struct outbox_entry entries[OUTBOX_NEXT_MAX])
{
    size_t count;
    assert_int_equal(store_outbox_next(redis.store, NULL, OUTBOX_NEXT_MAX, entries, &count),
                     STORE_OK);
    return count;
}

static void test_next_is_of_valid_slots(void **state)
{
    struct outbox_entry entries[OUTBOX_NEXT_MAX];
    struct outbox_counts counts;
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    redis_store_claim(&redis, 'B', 2);
    insert('A', 1, 300);
    insert('B', 2, 200);
    insert('A', 3, 100);
    insert('B', 4, 100);
    assert_int_equal(next(entries), 4);
    assert_string_equal(entries[0].match_id, entry_of('A', 3, 0).match_id);
    assert_string_equal(entries[1].match_id, entry_of('B', 4, 0).match_id);
    assert_string_equal(entries[1].room_code, "B00000");
    assert_string_equal(entries[2].match_id, entry_of('B', 2, 0).match_id);
    slots_suspend(redis.slots,
                  slot_index('B')); /* frozen: not ours to post, and ours all the same */
    assert_int_equal(next(entries), 2);
    assert_int_equal(insert('B', 5, 100), STORE_OK);
    store_outbox_count(redis.store, &counts);
    assert_int_equal(counts.pending, 5);
    assert_int_equal(counts.oldest_pending_ms, 5001);
    slots_clear(redis.slots, slot_index('B'));
    assert_int_equal(next(entries), 2);
    store_outbox_count(redis.store, &counts);
    assert_int_equal(counts.pending, 2);
    /* What is another's counts as written, and is not. */
    assert_int_equal(insert('B', 6, 100), STORE_OK);
    assert_int_equal(find(6, &entries[0]), STORE_UNKNOWN);
    assert_int_equal(find(5, &entries[0]), STORE_OK);
    assert_int_equal(update(&entries[0], OUTBOX_DELIVERED, 1), STORE_OK);
    assert_int_equal(find(5, &entries[0]), STORE_OK);
    assert_int_equal(entries[0].state, OUTBOX_PENDING);
}

/* More are due at one time than a page holds, in three slots. */
static void test_next_goes_on_within_one_time(void **state)
{
    static bool seen[400];
    struct outbox_entry entries[7];
    struct outbox_place after = {INT64_MIN, INT64_MIN};
    int64_t serial = 0;
    size_t count, found = 0;
    (void)state;
    for (unsigned int i = 0; i < 3; i++)
        redis_store_claim(&redis, (char)('A' + i), i + 1);
    for (unsigned int i = 0; i < 400; i++)
        insert((char)('A' + i % 3), i, 1000);
    do {
        assert_int_equal(store_outbox_next(redis.store, &after, 7, entries, &count), STORE_OK);
        for (size_t i = 0; i < count; i++) {
            const int number = atoi(entries[i].match_id + 24);
            assert_true(entries[i].serial > serial && !seen[number]);
            serial = entries[i].serial;
            seen[number] = true;
            found++;
        }
        after = (struct outbox_place){1000, serial};
    } while (count == 7);
    assert_int_equal(found, 400);
}

static void test_a_result_that_cannot_be_read_hides_none(void **state)
{
    struct outbox_entry entries[OUTBOX_NEXT_MAX];
    size_t count;
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    for (unsigned int i = 0; i < 6; i++)
        insert('A', i, 100 + i);
    redis_server_ask(&redis.server,
                     "HSET {pong}:results 00000000-0000-4000-8000-000000000000 nonsense");
    redis_server_ask(&redis.server, "HDEL {pong}:results 00000000-0000-4000-8000-000000000001");
    redis_server_ask(&redis.server, "ZADD {pong}:pending:A 5 whatever");
    assert_int_equal(store_outbox_next(redis.store, NULL, 2, entries, &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_string_equal(entries[0].match_id, entry_of('A', 2, 0).match_id);
    assert_int_equal(store_outbox_list(redis.store, OUTBOX_PENDING, 0, 3, entries, &count),
                     STORE_OK);
    assert_int_equal(count, 3);
    assert_string_equal(entries[2].match_id, entry_of('A', 4, 0).match_id);
    assert_int_equal(find(0, entries), STORE_UNKNOWN);
}

static void test_the_operator_s_retry_makes_it_ours(void **state)
{
    struct outbox_entry entries[OUTBOX_NEXT_MAX], failed;
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    redis_store_claim(&redis, 'B', 2);
    insert('B', 1, 100);
    failed = entry_of('B', 1, 100);
    assert_int_equal(update(&failed, OUTBOX_FAILED, 9), STORE_OK);
    slots_clear(redis.slots, slot_index('B'));
    redis_store_lease(&redis, 'B', 77);
    assert_int_equal(find(1, &failed), STORE_OK);
    assert_int_equal(failed.state, OUTBOX_FAILED);
    assert_int_equal(update(&failed, OUTBOX_PENDING, 0), STORE_OK);
    assert_int_equal(next(entries), 1);
    assert_string_equal(entries[0].room_code, "B00000");
    assert_int_equal(entries[0].slot, 'A');
    assert_int_equal(outbox_entry_slot(&entries[0]), 'A');
    assert_int_equal(redis_store_number(&redis, "ZCARD {pong}:pending:B"), 0);
    assert_int_equal(redis_store_number(&redis, "ZCARD {pong}:state:2"), 0);
    /* It stays ours to settle. */
    assert_int_equal(update(&entries[0], OUTBOX_DELIVERED, 1), STORE_OK);
    assert_int_equal(next(entries), 0);
    assert_int_equal(find(1, &failed), STORE_OK);
    assert_int_equal(failed.state, OUTBOX_DELIVERED);
    assert_int_equal(failed.body_size, entry_of('B', 1, 0).body_size);
    /* Without any slot nobody would post it. */
    slots_clear(redis.slots, slot_index('A'));
    assert_int_equal(update(&failed, OUTBOX_PENDING, 0), STORE_BROKEN);
}

static void test_a_slot_s_results_are_its_owner_s_to_change(void **state)
{
    struct outbox_entry entry;
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    insert('A', 1, 100);
    redis_store_lease(&redis, 'A', 2); /* as we do not know yet */
    entry = entry_of('A', 1, 100);
    assert_int_equal(update(&entry, OUTBOX_DELIVERED, 1), STORE_BROKEN);
    assert_int_equal(insert('A', 2, 100), STORE_BROKEN);
    redis_store_lease(&redis, 'A', 1);
    assert_int_equal(find(1, &entry), STORE_OK);
    assert_int_equal(entry.state, OUTBOX_PENDING);
    assert_int_equal(find(2, &entry), STORE_UNKNOWN);
    redis_server_ask(&redis.server, "SET {pong}:slot:A:fence:results 1000");
    assert_int_equal(insert('A', 2, 100), STORE_BROKEN);
    assert_int_equal(stale(), 1);
}

static void test_old_results_are_purged_unless_a_room_needs_them(void **state)
{
    struct outbox_entry entry;
    size_t purged;
    (void)state;
    assert_int_equal(store_outbox_purge(redis.store, 8000, &purged), STORE_OK);
    redis_store_claim(&redis, 'A', 1);
    for (unsigned int i = 1; i <= 4; i++) {
        insert('A', i, 100);
        entry = entry_of('A', i, 100);
        update(&entry, i == 3 ? OUTBOX_FAILED : i == 4 ? OUTBOX_NOT_POSTED : OUTBOX_DELIVERED, 1);
    }
    struct room_checkpoint room = room_of('A', 2); /* its match is number 2 */
    memcpy(room.room_code, "A00000", ROOM_CODE_SIZE);
    const struct room_checkpoint *const list[] = {&room};
    assert_int_equal(store_rooms_save(redis.store, list, 1), STORE_OK);
    assert_int_equal(store_outbox_purge(redis.store, 7000, &purged), STORE_OK);
    assert_int_equal(purged, 0);
    assert_int_equal(store_outbox_purge(redis.store, 7001, &purged), STORE_OK);
    assert_int_equal(purged, 2);
    assert_int_equal(find(1, &entry), STORE_UNKNOWN);
    assert_int_equal(find(2, &entry), STORE_OK);
    assert_int_equal(find(3, &entry), STORE_OK);
    assert_int_equal(find(4, &entry), STORE_UNKNOWN);
}

/* ---- a Redis that is away, or full ------------------------------------------------------- */

static int prove_rooms(void)
{
    return store_rooms_save(redis.store, NULL, 0);
}

static int prove_results(void)
{
    size_t none;
    return store_outbox_insert(redis.store, NULL, 0, &none);
}

static int open_link(void)
{
    return redis_link_open(redis.link);
}

/* The pause after a failure is the link's. */
static void await_open(int (*function)(void))
{
    for (int left = PATIENCE_MS / PAUSE_MS; function() != STORE_OK; left--) {
        assert_true(left > 0);
        poll(NULL, 0, PAUSE_MS);
    }
}

static void test_redis_away_is_a_broken_store(void **state)
{
    struct outbox_entry entry;
    size_t count = 1;
    (void)state;
    assert_int_equal(prove_rooms(), STORE_OK); /* even if nothing is ours yet */
    assert_int_equal(prove_results(), STORE_OK);
    redis_store_claim(&redis, 'A', 1);
    assert_int_equal(prove_rooms(), STORE_OK);
    assert_int_equal(insert('A', 1, 100), STORE_OK);
    redis_server_kill(&redis.server);
    struct slot_load *none;
    assert_int_equal(read_slot('A', &none), STORE_BROKEN);
    assert_int_equal(save('A', 1), STORE_BROKEN);
    assert_int_equal(insert('A', 2, 100), STORE_BROKEN);
    assert_int_equal(store_outbox_next(redis.store, NULL, 1, &entry, &count), STORE_BROKEN);
    assert_int_equal(count, 0);
    assert_int_equal(find(1, &entry), STORE_BROKEN);
    redis_server_restart(&redis.server);
    redis_store_lease(&redis, 'A', 1);
    await_open(prove_rooms);
    await_open(prove_results);
    assert_int_equal(save('A', 1), STORE_OK);
    assert_int_equal(insert('A', 2, 100), STORE_OK);
    assert_int_equal(find(1, &entry), STORE_UNKNOWN); /* this Redis writes no files */
    await_open(open_link);
    assert_int_equal(count_of('A'), 1);
}

static void test_a_full_redis_is_a_full_store(void **state)
{
    (void)state;
    redis_store_claim(&redis, 'A', 1);
    assert_int_equal(save('A', 1), STORE_OK);
    redis_server_ask(&redis.server, "CONFIG SET maxmemory 1");
    assert_int_equal(save('A', 2), STORE_FULL);
    assert_int_equal(insert('A', 2, 100), STORE_FULL);
    assert_int_equal(prove_rooms(), STORE_FULL);
    redis_server_ask(&redis.server, "CONFIG SET maxmemory 0");
    assert_int_equal(save('A', 2), STORE_OK);
    assert_int_equal(count_of('A'), 2);
}

static void test_a_url_that_is_none(void **state)
{
    const struct store_redis_config config = {.redis = {"http://x", "", "test"}};
    struct store *store;
    char error[256] = "";
    (void)state;
    assert_int_equal(store_redis_open(&config, redis.slots, &store, error, sizeof error),
                     STORE_BROKEN);
    assert_true(strlen(error) > 10);
}

#define TEST(test) cmocka_unit_test_setup(test, reset_redis)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rooms_come_back),
        TEST(test_thousands_of_rooms_and_results),
        TEST(test_only_what_is_ours_is_written),
        TEST(test_a_late_batch_is_void),
        TEST(test_what_redis_forgot_can_be_written_again),
        TEST(test_rows_that_are_no_rooms_are_kept_aside),
        TEST(test_impossible_rooms_are_left_out),
        TEST(test_loading_all_is_of_what_is_ours),
        TEST(test_next_is_of_valid_slots),
        TEST(test_next_goes_on_within_one_time),
        TEST(test_a_result_that_cannot_be_read_hides_none),
        TEST(test_the_operator_s_retry_makes_it_ours),
        TEST(test_a_slot_s_results_are_its_owner_s_to_change),
        TEST(test_old_results_are_purged_unless_a_room_needs_them),
        TEST(test_redis_away_is_a_broken_store),
        TEST(test_a_full_redis_is_a_full_store),
        TEST(test_a_url_that_is_none),
    };
    log_init("test_store_redis", LOG_LEVEL_ERROR);
    if (!redis_server_is_there())
        return REDIS_SERVER_SKIPPED;
    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
